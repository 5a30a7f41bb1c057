"""What people chose for single embeddings, in one file that any number of processes share.

It is a SQLite file in the user's data folder, never in a folder of embeddings, with a row for each
id and kind of choice. So two processes that choose different things for one embedding both win, and
a new kind needs no change of old rows. Each change is one transaction with a connection of its own:
between changes no file is open, and a process that is killed takes nothing with it. The journal is
SQLite's rollback journal, because its other one (WAL) does not work in a home on a network.

A new store begins with what an older version kept in `preferences.json`. That file stays where it
is, as the older version may still run.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_data_path

from lib_embeddings.entries.notes import FIELDS, Field
from lib_embeddings.names import is_text

log = logging.getLogger(__name__)

FieldChoice = Field | Literal["auto"]
FIELD_CHOICES: tuple[FieldChoice, ...] = (*FIELDS, "auto")

# SQLite waits longer and longer between its tries for a lock: while others write without a pause, a
# process may never get it. So SQLite waits for a short time only, and begins again.
_WAIT, _WAITS = 0.05, 100  # 5 seconds in all
# With EXTRA, what was written survives a power cut too.
_SYNCHRONOUS = "EXTRA"

_SCHEMA = """
CREATE TABLE choices (
    id TEXT NOT NULL, kind TEXT NOT NULL, value NOT NULL, PRIMARY KEY (id, kind)
) WITHOUT ROWID
"""

# Values by id and kind; the kinds of newer versions are among them.
Rows = dict[tuple[str, str], Any]
Edit = Callable[[Rows], None]


@dataclass(frozen=True, slots=True)
class Choice:
    """What people chose for one embedding.

    Attributes:
        favourite: they like it best.
        use_partial: it counts as usable where it is partial.
        field: the prompt field for its name; `auto` leaves that to the name. None: nobody chose.
    """

    favourite: bool = False
    use_partial: bool = False
    field: FieldChoice | None = None


NO_CHOICE = Choice()


class Choices:
    """Choices by id. A change is on the disk when the call returns.

    Where the store cannot be read or written, choices hold for this process, and are written
    together with the next one. A store that is damaged is renamed, and a new one gets all that this
    process knows. Both are logged. Any thread may call any method.
    """

    def __init__(self, path: str | None = None) -> None:
        """Read the choices kept at *path*, by default in the user's data folder."""
        self._path = os.path.abspath(path or default_path())
        self._known: dict[str, Choice] = {}  # replaced, never changed: `all` needs no lock
        self._lock = threading.Lock()  # guards all below
        self._stored: Rows = {}  # what the store holds; while there is none, what it begins with
        self._stamp: int | None = None  # the store's when it was read
        self._edits: list[Edit] = []  # what is not in the store yet
        self._shown: Rows = {}  # what `_known` was made of
        self._problem = ""
        self.refresh()
        if self._stamp is None and not self._problem:
            self._stored = _read_old(Path(self._path).with_name("preferences.json"))
            self._show()

    def all(self) -> Mapping[str, Choice]:
        """Return what is known now, by id; ids for which nobody chose anything are missing."""
        return self._known

    def choose(
        self,
        id: str,  # noqa: A002 the word of the API
        *,
        favourite: bool | None = None,
        use_partial: bool | None = None,
        field: FieldChoice | None = None,
    ) -> bool:
        """Remember choices for an embedding; None leaves one as it is.

        Returns:
            whether `all` has anything new now, by this choice or from another process.
        """
        asked = {"favourite": favourite, "use_partial": use_partial, "field": field}

        def edit(rows: Rows) -> None:
            for kind, value in asked.items():
                if value is False:
                    rows.pop((id, kind), None)
                elif value is not None:
                    rows[id, kind] = value

        return self._change(edit)

    def move(self, ids: Mapping[str, str]) -> bool:
        """Let what was chosen for some ids be chosen for others, as a file was renamed."""

        def edit(rows: Rows) -> None:
            moved = {(ids[id_], kind): value for (id_, kind), value in rows.items() if id_ in ids}
            replaced = ids.keys() | {id_ for id_, _ in moved}
            for key in [key for key in rows if key[0] in replaced]:
                del rows[key]
            rows.update(moved)

        return self._change(edit)

    def refresh(self) -> bool:
        """Read what other processes chose. Tell whether anything is new."""
        with self._lock:
            return self._attempt(self._write if self._edits else self._read)

    def close(self) -> None:
        """Write what could not be written before."""
        with self._lock:
            if self._edits:
                self._attempt(self._write)

    def _change(self, edit: Edit) -> bool:
        with self._lock:
            self._edits.append(edit)
            return self._attempt(self._write)

    def _attempt(self, work: Callable[[], None]) -> bool:
        """Read or write the store if that is possible. Tell whether anything is new."""
        try:
            try:
                _patiently(work)
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                _patiently(partial(_set_aside, self._path))
                _patiently(work)
            self._problem = ""
        except (sqlite3.Error, OSError) as error:
            if str(error) != self._problem:  # a sentence for each problem, not for each choice
                self._problem = str(error)
                log.warning(_UNREACHABLE, self._path, error)
        return self._show()

    def _read(self) -> None:
        """Take in what the store holds, if there is one."""
        with suppress(FileNotFoundError):
            os.stat(self._path)  # SQLite would make the file
            with _transaction(self._path, "DEFERRED") as connection:
                self._take_in(connection)

    def _write(self) -> None:
        """Make the edits in the store. A new store gets all that is known."""
        os.makedirs(os.path.dirname(self._path), exist_ok=True)
        with _transaction(self._path, "IMMEDIATE") as connection:
            is_new = not self._take_in(connection)
            rows, stamp = self._edited(), self._stamp
            changed = _differences(rows, {} if is_new else self._stored)
            if changed:
                stamp = _new_stamp()
                if is_new:
                    connection.execute(_SCHEMA)
                _put(connection, {key: rows.get(key) for key in changed}, stamp)
        self._stored, self._stamp = rows, stamp
        self._edits.clear()

    def _take_in(self, connection: sqlite3.Connection) -> bool:
        """Take in what other processes changed. Tell whether there is a store at all."""
        stamp = _stamp_of(connection)
        if stamp is not None and stamp != self._stamp:
            self._stored = _rows_of(connection)
            self._stamp = stamp
        return stamp is not None

    def _edited(self) -> Rows:
        rows = dict(self._stored)
        for edit in self._edits:
            edit(rows)
        return rows

    def _show(self) -> bool:
        """Let `all` return what is known by now. Tell whether anything is new."""
        rows = self._edited()
        changed = {id_ for id_, _ in _differences(rows, self._shown)}
        if changed:
            new = {id_: _choice(rows, id_) for id_ in changed}
            known = {**self._known, **new}
            self._known = {id_: choice for id_, choice in known.items() if choice != NO_CHOICE}
            self._shown = rows
        return bool(changed)


_UNREACHABLE = "the choices in %s cannot be read or written: new ones are kept in memory (%s)"


def default_path() -> str:
    """Return where choices are kept: in the user's data folder."""
    return str(user_data_path("lib_embeddings") / "choices.sqlite")


def _choice(rows: Rows, id_: str) -> Choice:
    field = rows.get((id_, "field"))
    return Choice(
        favourite=rows.get((id_, "favourite")) == 1,
        use_partial=rows.get((id_, "use_partial")) == 1,
        field=field if field in FIELD_CHOICES else None,
    )


def _differences(some: Rows, others: Rows) -> set[tuple[str, str]]:
    """Return where two tables differ."""
    return {key for key, _ in some.items() ^ others.items()}


# The file


def _patiently(work: Callable[[], None]) -> None:
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
def _transaction(path: str, kind: str) -> Iterator[sqlite3.Connection]:
    """Yield a connection in a transaction, which is committed at the end, or taken back.

    Raises:
        sqlite3.OperationalError: the file cannot be opened, is locked, or the disk is full.
        sqlite3.DatabaseError: it is damaged.
    """
    with closing(sqlite3.connect(path, _WAIT, isolation_level=None)) as connection:
        connection.text_factory = _decode
        try:
            connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS}")
            connection.execute(f"BEGIN {kind}")
            with connection:
                yield connection
        except UnicodeDecodeError as error:  # SQLite's message quotes what is damaged
            raise sqlite3.DatabaseError("its list of tables is not text") from error


def _decode(text: bytes) -> str:
    return text.decode("utf-8", "replace")  # one damaged id must not hide all others


def _stamp_of(connection: sqlite3.Connection) -> int | None:
    """Return a number that each change of the store makes another; None while there is no store.

    Raises:
        sqlite3.DatabaseError: the file is damaged, or is another program's database.
    """
    # What was cut off or written over may be read as empty rows; this takes 1 ms for 10,000.
    (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if tables and "choices" not in tables:
        raise sqlite3.DatabaseError("it is the database of another program")
    (stamp,) = connection.execute("PRAGMA user_version").fetchone()
    return stamp if tables else None


def _new_stamp() -> int:
    """Return a random number: counting would give two stores the same ones."""
    return int.from_bytes(os.urandom(4), "big") >> 1  # SQLite keeps 31 bits


def _rows_of(connection: sqlite3.Connection) -> Rows:
    table = connection.execute("SELECT id, kind, value FROM choices")
    return {(id_, kind): value for id_, kind, value in table}


def _put(connection: sqlite3.Connection, changes: Rows, stamp: int) -> None:
    """Write values into the table; None takes one out."""
    for (id_, kind), value in changes.items():
        if not is_text(id_):  # SQLite keeps no other
            continue
        connection.execute("DELETE FROM choices WHERE id = ? AND kind = ?", (id_, kind))
        if value is not None:
            connection.execute("INSERT INTO choices VALUES (?, ?, ?)", (id_, kind, value))
    connection.execute(f"PRAGMA user_version = {stamp}")


def _is_damage(error: sqlite3.Error) -> bool:
    """Tell whether a file is damaged; all else that can be wrong with it has a class of its own."""
    return type(error) is sqlite3.DatabaseError


def _set_aside(path: str) -> None:
    """Rename a damaged file. Raises `OSError` and `sqlite3.Error`, and then it stays as it is."""
    # Of two processes that find the damage the slower one must not rename the new file of the
    # other. A lock of SQLite's works on every system, and ends with its process.
    with _transaction(f"{path}.lock", "EXCLUSIVE"):
        damage = _damage_of(path)
        if damage is None:
            return
        names = (f"{path}.damaged-{number}" for number in count(1))
        aside = next(name for name in names if not os.path.lexists(name))
        os.rename(path, aside)
    log.warning("the choices in %s are damaged: the file is now %s (%s)", path, aside, damage)


def _damage_of(path: str) -> sqlite3.DatabaseError | None:
    try:
        with _transaction(path, "DEFERRED") as connection:
            if _stamp_of(connection) is not None:
                _rows_of(connection)
    except sqlite3.DatabaseError as error:
        if _is_damage(error):
            return error
        raise
    return None


def _read_old(path: Path) -> Rows:
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
