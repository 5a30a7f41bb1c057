"""The SQLite file of choices: its place, its table, and its repair after damage.

Each transaction has its own connection, so no file is open between transactions, and a killed
process loses nothing. The journal is SQLite's rollback journal: the other kind, WAL, does not work
in a home folder on a network.
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

# SQLite waits longer and longer between its tries for a lock, so while others write without a
# pause, a process may never get it. So let SQLite wait only for a short time, and begin again.
_WAIT, _WAITS = 0.05, 100  # 5 seconds in all
# With EXTRA, written data survives a power cut too.
_SYNCHRONOUS = "EXTRA"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS choices (
    id TEXT NOT NULL, kind TEXT NOT NULL, value NOT NULL, PRIMARY KEY (id, kind)
) WITHOUT ROWID
"""

# Values by id and kind, including kinds from newer versions.
Values = dict[tuple[str, str], Any]
Edit = Callable[[Values], None]


def read_old(path: Path) -> Values:
    """Return the choices that an older version kept in a JSON file."""
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
    """Do work on the file. If the file is damaged, set it aside and do the work again."""
    try:
        patiently(work)
    except sqlite3.DatabaseError as error:
        if not _is_damage(error):
            raise
        patiently(partial(_set_aside, path))
        patiently(work)


def patiently(work: Callable[[], None]) -> None:
    """Do work on the file. While another process locks it, try again."""
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
    """Yield a connection in a transaction, which is committed at the end, or rolled back.

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
    """Check for damage that reading would not find: SQLite reads a page that is cut as zeros."""
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
    """Return a number that every change of the store changes; None while there is no store.

    Raises:
        sqlite3.DatabaseError: the file is damaged, or is another program's database.
    """
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if tables and "choices" not in tables:
        raise sqlite3.DatabaseError("it is the database of another program")
    (stamp,) = connection.execute("PRAGMA user_version").fetchone()
    return stamp if tables else None


def values_of(connection: sqlite3.Connection) -> Values:
    """Return the whole table."""
    table = connection.execute("SELECT id, kind, value FROM choices")
    return {(id_, kind): value for id_, kind, value in table}


def put(connection: sqlite3.Connection, changes: Values) -> int:
    """Write values into the table, making it if need be; return the new stamp.

    Args:
        changes: None deletes a value.
    """
    connection.execute(_SCHEMA)
    for (id_, kind), value in changes.items():
        if not is_text(id_ + kind):  # SQLite stores nothing else
            continue
        connection.execute("DELETE FROM choices WHERE id = ? AND kind = ?", (id_, kind))
        if value is not None:
            connection.execute("INSERT INTO choices VALUES (?, ?, ?)", (id_, kind, value))
    # Random, as two stores may have changed equally often. SQLite keeps 31 bits.
    stamp = int.from_bytes(os.urandom(4), "big") >> 1
    connection.execute(f"PRAGMA user_version = {stamp}")
    return stamp


def _is_damage(error: sqlite3.Error) -> bool:
    """Return whether a file is damaged; every other fault has an error class of its own."""
    return type(error) is sqlite3.DatabaseError


def _set_aside(path: str) -> None:
    """Rename a damaged file. Raises `OSError` and `sqlite3.Error`, and then it stays as it is."""
    # If two processes find the damage, the slower one must not rename the other's new file. A
    # SQLite lock works on every system, and ends with its process.
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
