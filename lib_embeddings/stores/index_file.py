"""The file of the index: its tables, how a process reads them, and what is forgotten."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import NamedTuple

from lib_embeddings.entries.place import Place
from lib_embeddings.names import is_text

# Path, size, mtime_ns, id of the reading, stored name, SHA-256. Plain tuples: ten thousand other
# objects would be work for the garbage collector. The hash is None until somebody asks for it.
Remembered = tuple[str, int, int, int, str | None, str | None]

# Path, root, inode or real path, mtime_ns, whether it is linked, how many files, and the rest of
# its content as JSON.
RememberedFolder = tuple[str, str, int | str, int, bool, int, str]

# The errors of a file that is damaged, locked, or on a full disk.
FAILURES = (sqlite3.Error, OSError)

# Seconds to wait for another process that writes, on a busy disk.
_WAIT = 5.0

# Raise it when a table or the meaning of a row changes.
_VERSION = 7

# Thousands of files have the same reading, except for the stored name.
_SCHEMA = """
DROP TABLE IF EXISTS files;
DROP TABLE IF EXISTS folders;
DROP TABLE IF EXISTS readings;
DROP TABLE IF EXISTS token_ids;
DROP TABLE IF EXISTS reader;
DROP TABLE IF EXISTS roots;
CREATE TABLE files (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    reading INTEGER NOT NULL, stored_name TEXT, sha256 TEXT
) WITHOUT ROWID;
CREATE TABLE folders (
    path TEXT PRIMARY KEY, root TEXT NOT NULL, inode NOT NULL, mtime_ns INTEGER NOT NULL,
    is_linked INTEGER NOT NULL, n_files INTEGER NOT NULL, inside TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE readings (id INTEGER PRIMARY KEY, state TEXT NOT NULL, reading TEXT NOT NULL);
CREATE TABLE token_ids (
    tokenizer TEXT, name TEXT, ids BLOB NOT NULL, PRIMARY KEY (tokenizer, name)
) WITHOUT ROWID;
CREATE TABLE reader (signature TEXT NOT NULL);
CREATE TABLE roots (path TEXT PRIMARY KEY, last_day INTEGER NOT NULL) WITHOUT ROWID;
"""

# All our modules, wherever they lie.
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

_BELOW = "FROM files WHERE path >= ? AND path < ?"
_FOLDERS_BELOW = "FROM folders WHERE path = ? OR path >= ? AND path < ?"
_READINGS_BELOW = """
SELECT id, reading FROM readings
WHERE id IN (SELECT reading FROM files WHERE path >= ? AND path < ?)
"""
_WITHOUT_FILES = "DELETE FROM readings WHERE id NOT IN (SELECT reading FROM files)"

# The files of a folder that has not been scanned for this long are forgotten.
_DAYS = 180
_DAY_SECONDS = 86_400


# A new file that two threads make at once is locked for one of them, without any wait.
_MAKING = threading.Lock()


def connect(path: str) -> sqlite3.Connection:
    """Open the file, and empty it if another version made it.

    Raises:
        sqlite3.OperationalError: it is locked, or cannot be opened.
        sqlite3.DatabaseError: it is damaged.
        OSError: its folder cannot be made.
    """
    os.makedirs(os.path.dirname(path), exist_ok=True)
    connection = sqlite3.connect(path, timeout=_WAIT)
    try:
        with _MAKING:
            if not _is_ours(connection):
                _make_tables(connection)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _is_ours(connection: sqlite3.Connection) -> bool:
    version: tuple[int] = connection.execute("PRAGMA user_version").fetchone()
    return version == (_VERSION,)


def _make_tables(connection: sqlite3.Connection) -> None:
    """Empty the file, unless another has just done so."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")  # of several, all but one would be refused it later
        if _is_ours(connection):
            return
        for statement in _SCHEMA.split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {_VERSION}")
        connection.execute("INSERT INTO reader VALUES (?)", (_reader_signature(),))


class Below(NamedTuple):
    """The remembered rows below some folders.

    Attributes:
        files: by path.
        texts: readings by their id, as JSON.
        folders: by path, these folders and those below.
    """

    files: dict[str, Remembered]
    texts: dict[int, str]
    folders: dict[str, RememberedFolder]


def read_below(path: str, roots: Iterable[str]) -> Below:
    """Return the remembered rows below some folders. Raises the errors of `connect`."""
    files, texts, folders = below = Below({}, {}, {})
    with closing(connect(path)) as connection:
        _forget_refusals(connection)
        _forget_unused(connection, {root for root in roots if is_text(root)})
        for root in filter(is_text, roots):  # SQLite stores nothing else
            ends = _ends(root)
            found = connection.execute(f"SELECT * {_BELOW}", ends).fetchall()
            files.update({each[0]: each for each in found})
            texts.update(connection.execute(_READINGS_BELOW, ends))
            found = connection.execute(f"SELECT * {_FOLDERS_BELOW}", (root, *ends)).fetchall()
            folders.update({each[0]: each for each in found})
    return below


def write(
    path: str,
    changed: Mapping[str, Remembered | None],
    texts: Mapping[int, str],
    changed_folders: Mapping[str, RememberedFolder | None],
) -> None:
    """Write the rows of files and folders, and forget those that are gone.

    Raises what `connect` does.
    """
    files = [each for each in changed.values() if each]
    folders = [each for each in changed_folders.values() if each]
    ids = texts.keys() & {id_ for _, _, _, id_, _, _ in files}
    readings = [(id_, json.loads(texts[id_])[0], texts[id_]) for id_ in ids]
    with closing(connect(path)) as connection, connection:
        connection.executemany("DELETE FROM files WHERE path = ?", [(path,) for path in changed])
        connection.executemany("INSERT INTO files VALUES (?, ?, ?, ?, ?, ?)", files)
        connection.executemany("INSERT OR REPLACE INTO readings VALUES (?, ?, ?)", readings)
        gone = [(path,) for path in changed_folders]
        connection.executemany("DELETE FROM folders WHERE path = ?", gone)
        connection.executemany("INSERT INTO folders VALUES (?, ?, ?, ?, ?, ?, ?)", folders)
        if len(files) < len(changed):
            connection.execute(_WITHOUT_FILES)


def _ends(root: str) -> tuple[str, str]:
    """Return the two texts between which the paths below a folder sort."""
    first = Place.of_root(root).full_prefix
    return first, first[:-1] + chr(ord(first[-1]) + 1)


def _forget_unused(connection: sqlite3.Connection, roots: Iterable[str]) -> None:
    """Note the folders that are scanned today, and forget files of folders long not scanned."""
    today = int(time.time() // _DAY_SECONDS)
    known = dict(connection.execute("SELECT path, last_day FROM roots"))
    fresh = [(root, today) for root in roots if known.get(root) != today]
    unused = [root for root, day in known.items() if day < today - _DAYS]
    if not fresh and not unused:
        return
    with connection:
        connection.executemany("INSERT OR REPLACE INTO roots VALUES (?, ?)", fresh)
        for root in set(unused).difference(roots):
            connection.execute(f"DELETE {_BELOW}", _ends(root))
            connection.execute(f"DELETE {_FOLDERS_BELOW}", (root, *_ends(root)))
            connection.execute("DELETE FROM roots WHERE path = ?", (root,))
        if unused:
            connection.execute(_WITHOUT_FILES)


def _forget_refusals(connection: sqlite3.Connection) -> None:
    """Forget refused files after a change of the reader, so that it reads them again."""
    signature = _reader_signature()
    if connection.execute("SELECT signature FROM reader").fetchall() == [(signature,)]:
        return
    with connection:
        connection.execute(
            "DELETE FROM files WHERE reading IN (SELECT id FROM readings WHERE state != 'ok')"
        )
        connection.execute(_WITHOUT_FILES)
        connection.execute("UPDATE reader SET signature = ?", (signature,))


def _reader_signature() -> str:
    """Return a text that changes with our own reader: the sizes and times of our modules.

    All modules count: refused files are few, and so no part of the reader is left out.
    """
    digest = hashlib.blake2b(digest_size=8)
    for folder, _, files in sorted(os.walk(_PACKAGE)):
        for name in sorted(file for file in files if file.endswith(".py")):
            status = os.stat(os.path.join(folder, name))
            digest.update(f"{name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
