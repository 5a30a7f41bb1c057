"""What was read before, so that an unchanged file is never opened twice.

A small SQLite file in the user's cache folder, never in a folder of embeddings. A reading is
trusted while the file's path, size and modification time are what they were; the file system has
the last word. An index that is damaged is made anew; one that cannot be opened is done without.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import NamedTuple

from platformdirs import user_cache_path

from lib_embeddings.embedding import vectors_info
from lib_embeddings.library.scan import Found, Reader
from lib_embeddings.snapshot import Reading

log = logging.getLogger(__name__)

# Raise it when the table changes, or when a reader's answer to the same bytes does.
VERSION = 1

# A file written twice within the clock's grain keeps its modification time; one this young is read
# again next time.
_SETTLED_NS = 2_000_000_000

_SCHEMA = """
CREATE TABLE readings (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, reading TEXT NOT NULL
) WITHOUT ROWID
"""


class Row(NamedTuple):
    """One remembered reading; *reading* is JSON."""

    size: int
    mtime_ns: int
    reading: str


class Index:
    """Readings by path. Changes are written by `save`."""

    def __init__(self, path: str | None, rows: dict[str, Row]) -> None:
        self._path = path
        self._rows = rows
        self._changed: dict[str, Row] = {}
        self._decoded: dict[str, Reading] = {}

    @classmethod
    @contextmanager
    def open(cls, path: str | None = None) -> Iterator[Index]:
        """Open the index at *path*, by default in the user's cache folder; save it at the end."""
        index = cls._load(path or default_path())
        yield index
        index.save()

    @classmethod
    @contextmanager
    def nowhere(cls) -> Iterator[Index]:
        """Open an index that remembers nothing from before and for later."""
        yield cls(None, {})

    def reader(self, read: Callable[[str], Reading]) -> Reader:
        """Return a reader that calls *read* only for files that are new or have changed."""

        def look_up_or_read(found: Found) -> Reading:
            path = os.path.abspath(found.full_path)
            row = self._rows.get(path)
            if row and (row.size, row.mtime_ns) == (found.size, found.mtime_ns):
                return self._decode(row.reading)
            reading = read(found.full_path)
            row = Row(found.size, found.mtime_ns, _encode(reading))
            self._rows[path] = row
            if time.time_ns() - found.mtime_ns > _SETTLED_NS:
                self._changed[path] = row
            return reading

        return look_up_or_read

    def save(self) -> None:
        """Write what has changed. A full disk or a lock costs only the memory of it."""
        if not self._changed or self._path is None:
            return
        try:
            with closing(_connect(self._path)) as connection, connection:
                connection.executemany(
                    "REPLACE INTO readings VALUES (?, ?, ?, ?)",
                    [(path, *row) for path, row in self._changed.items()],
                )
            self._changed.clear()
        except (sqlite3.Error, OSError) as error:
            log.warning("the index %s could not be saved: %s", self._path, error)

    @classmethod
    def _load(cls, path: str) -> Index:
        try:
            return cls(path, _read_rows(path))
        except sqlite3.OperationalError as error:
            log.warning("the index %s could not be opened, going on without: %s", path, error)
            return cls(None, {})
        except sqlite3.DatabaseError as error:
            log.warning("the index %s is damaged and is made anew: %s", path, error)
        except OSError as error:
            log.warning("the index %s could not be made, going on without: %s", path, error)
            return cls(None, {})
        with suppress(OSError):
            os.remove(path)
        return cls(path, {})

    def _decode(self, text: str) -> Reading:
        """Return a reading; equal ones are shared, as thousands of files have few metadata."""
        reading = self._decoded.get(text)
        if reading is None:
            reading = self._decoded[text] = _decode(text)
        return reading


def default_path() -> str:
    """Return where the index lies: in the user's cache folder."""
    return str(user_cache_path("lib_embeddings") / "index.sqlite")


def _connect(path: str) -> sqlite3.Connection:
    """Open the file, which is emptied first when another version made it."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    connection = sqlite3.connect(path, timeout=1)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != VERSION:
        with connection:
            connection.execute("DROP TABLE IF EXISTS readings")
            connection.execute(_SCHEMA)
            connection.execute(f"PRAGMA user_version = {VERSION}")
    return connection


def _read_rows(path: str) -> dict[str, Row]:
    with closing(_connect(path)) as connection:
        rows = connection.execute("SELECT path, size, mtime_ns, reading FROM readings")
        return {path: Row(size, mtime_ns, reading) for path, size, mtime_ns, reading in rows}


def _encode(reading: Reading) -> str:
    return json.dumps(
        [
            reading.state,
            reading.reason,
            reading.container,
            reading.layout,
            reading.stored_name,
            dict(reading.vectors),
            dict(reading.metadata),
            reading.warnings,
        ]
    )


def _decode(text: str) -> Reading:
    state, reason, container, layout, stored_name, vectors, metadata, warnings = json.loads(text)
    vectors = {key: vectors_info(*info) for key, info in vectors.items()}
    return Reading(
        state, reason, container, layout, stored_name, vectors, metadata, tuple(warnings)
    )
