"""The SQLite file of choices: its place, its table, and what is done when it is damaged.

Each transaction has a connection of its own: between transactions no file is open, and a process
that is killed takes nothing with it. The journal is SQLite's rollback journal: the other kind, WAL,
does not work in a home on a network.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from lib_embeddings.names import is_text

log = logging.getLogger(__name__)

# SQLite waits longer and longer between its tries for a lock: while others write without a pause, a
# process may never get it. So SQLite waits for a short time only, and begins again.
_WAIT, _WAITS = 0.05, 100  # 5 seconds in all
# With EXTRA, what was written survives a power cut too.
_SYNCHRONOUS = "EXTRA"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS choices (
    id TEXT NOT NULL, kind TEXT NOT NULL, value NOT NULL, PRIMARY KEY (id, kind)
) WITHOUT ROWID
"""

# Values by id and kind; the kinds of newer versions are among them.
Values = dict[tuple[str, str], Any]
Edit = Callable[[Values], None]


def read_old(path: Path) -> Values:
    """Return what an older version kept in a JSON file."""
    try:
        kept = json.loads(path.read_bytes())
        chosen = {"favourite": kept["favourites"], "use_partial": kept["use_partial"]}
        return {(str(id_), kind): True for kind, ids in chosen.items() for id_ in ids}
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
        log.warning("the choices of an older version in %s cannot be read: %s", path, error)
    return {}


def repairing(path: str, work: Callable[[], None]) -> None:
    """Do something with the file. If it is damaged, set it aside and do it again."""
    try:
        patiently(work)
    except sqlite3.DatabaseError as error:
        if not _is_damage(error):
            raise
        patiently(partial(_set_aside, path))
        patiently(work)


def patiently(work: Callable[[], None]) -> None:
    """Do something with the file. While another process locks it, try again."""
    for waits in count(1):
        try:
            work()
        except sqlite3.OperationalError as error:
            if str(error) != "database is locked" or waits == _WAITS:
                raise
        else:
            return


@contextmanager
def transaction(path: str, kind: str) -> Iterator[sqlite3.Connection]:
    """Yield a connection in a transaction, which is committed at the end, or taken back.

    Raises:
        sqlite3.OperationalError: the file cannot be opened, is locked, or the disk is full.
        sqlite3.DatabaseError: it is damaged.
    """
    with closing(sqlite3.connect(path, timeout=_WAIT, isolation_level=None)) as connection:
        connection.text_factory = _decode
        try:
            connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS}")
            connection.execute(f"BEGIN {kind}")
            with connection:
                _check(connection, path)
                yield connection
        except UnicodeDecodeError as error:  # SQLite's message quotes what is damaged
            raise sqlite3.DatabaseError("its list of tables is not text") from error


def _check(connection: sqlite3.Connection, path: str) -> None:
    """Look for damage that reading would not find: SQLite takes a page that is cut for zeros."""
    (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()  # 1 ms for 10,000 rows
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (page_size,) = connection.execute("PRAGMA page_size").fetchone()
    size = os.path.getsize(path)
    if 0 < size < pages * page_size:
        raise sqlite3.DatabaseError(f"it has {size} of {pages * page_size} bytes")


def _decode(text: bytes) -> str:
    return text.decode("utf-8", "replace")  # one damaged id must not hide all others


def stamp_of(connection: sqlite3.Connection) -> int | None:
    """Return a number that each change of the store makes another; None while there is no store.

    Raises:
        sqlite3.DatabaseError: the file is damaged, or is another program's database.
    """
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if tables and "choices" not in tables:
        raise sqlite3.DatabaseError("it is the database of another program")
    (stamp,) = connection.execute("PRAGMA user_version").fetchone()
    return stamp if tables else None


def values_of(connection: sqlite3.Connection) -> Values:
    """Return all that the table holds."""
    table = connection.execute("SELECT id, kind, value FROM choices")
    return {(id_, kind): value for id_, kind, value in table}


def put(connection: sqlite3.Connection, changes: Values) -> int:
    """Write values into the table, which is made if need be; return the new stamp.

    Args:
        changes: None takes a value out.
    """
    connection.execute(_SCHEMA)
    for (id_, kind), value in changes.items():
        if not is_text(id_ + kind):  # SQLite keeps no other
            continue
        connection.execute("DELETE FROM choices WHERE id = ? AND kind = ?", (id_, kind))
        if value is not None:
            connection.execute("INSERT INTO choices VALUES (?, ?, ?)", (id_, kind, value))
    # Random, as two stores may have changed equally often. SQLite keeps 31 bits.
    stamp = int.from_bytes(os.urandom(4), "big") >> 1
    connection.execute(f"PRAGMA user_version = {stamp}")
    return stamp


def _is_damage(error: sqlite3.Error) -> bool:
    """Tell whether a file is damaged; all else that can be wrong with it has a class of its own."""
    return type(error) is sqlite3.DatabaseError


def _set_aside(path: str) -> None:
    """Rename a damaged file. Raises `OSError` and `sqlite3.Error`, and then it stays as it is."""
    # Of two processes that find the damage the slower one must not rename the new file of the
    # other. A lock of SQLite's works on every system, and ends with its process.
    with transaction(f"{path}.lock", "EXCLUSIVE"):
        damage = _damage_of(path)
        if damage is None:
            return
        names = (f"{path}.damaged-{number}" for number in count(1))
        aside = next(name for name in names if not os.path.lexists(name))
        os.rename(path, aside)
    log.warning("the choices in %s are damaged: the file is now %s (%s)", path, aside, damage)


def _damage_of(path: str) -> sqlite3.DatabaseError | None:
    try:
        with transaction(path, "DEFERRED") as connection:
            stamp_of(connection)
    except sqlite3.DatabaseError as error:
        if _is_damage(error):
            return error
        raise
    return None
