"""What was read before, so that an unchanged file is never opened twice.

A reading is trusted while the file's path, size and modification time are what they were; the file
system has the last word. An index that is damaged is made anew; one that cannot be opened is done
without.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress

from lib_embeddings.entries.scan import Reader
from lib_embeddings.entries.snapshot import Entry, Reading, Told
from lib_embeddings.entries.walk import Found
from lib_embeddings.formats.embedding import share_infos, vectors_info
from lib_embeddings.library.bulk import no_collecting
from lib_embeddings.library.index_file import FAILURES, connect, default_path
from lib_embeddings.library.inspect import sha256
from lib_embeddings.library.token_ids import TokenIdStore
from lib_embeddings.names import is_text
from lib_embeddings.prompts.tokenizer import TokenIds, Tokenize

log = logging.getLogger(__name__)

# A file written twice within the clock's grain keeps its modification time; one this young is read
# again next time.
_SETTLED_NS = 2_000_000_000

_scan_json = json.JSONDecoder().raw_decode


# Path, size, mtime_ns, id of the reading, stored name, SHA-256. A plain tuple: ten thousand of any
# other kind would be work for the garbage collector. The hash is None until somebody asks for it.
Row = tuple[str, int, int, int, str | None, str | None]


class Index:
    """Readings by path. Changes are written by `save`.

    One thread reads and saves; others may ask for hashes meanwhile.
    """

    def __init__(self, path: str | None, rows: dict[str, Row], texts: dict[int, str]) -> None:
        self._path = path
        self._texts = texts  # readings by their id, as JSON
        self._decoded: dict[int, Reading] = {}
        self._lock = threading.Lock()  # guards the next two
        self._rows = rows
        self._changed: dict[str, Row | None] = {}  # None: the file is gone
        self._token_ids = TokenIdStore(path)

    @classmethod
    @contextmanager
    def open(cls, path: str | None = None) -> Iterator[Index]:
        """Open the index at *path*, by default in the user's cache folder; save it at the end."""
        index = cls._load(os.path.abspath(path or default_path()))
        yield index
        index.save()

    @classmethod
    @contextmanager
    def nowhere(cls) -> Iterator[Index]:
        """Open an index that remembers nothing from before and for later."""
        yield cls(None, {}, {})

    def reader(self, read: Callable[[str], Told]) -> Reader:
        """Return a reader that calls *read* only for files that are new or have changed."""
        look_up, keep = self._look_up, self._keep  # for each of ten thousand files

        def look_up_or_read(found: Found) -> Told:
            return look_up(found) or keep(found, *read(found.full_path))

        return look_up_or_read

    def move(self, old: str, new: str) -> None:
        """Know a file by its new path, in this process; a later one reads it again."""
        row = self._rows.get(old)
        if row:
            self._set(new, (new, *row[1:]), kept=None)

    def remembers(self, found: Found) -> bool:
        """Tell whether a file is unchanged since it was read."""
        return self._look_up(found) is not None

    def sha256(self, path: str) -> str:
        """Return the SHA-256 of a file, computed once for as long as it is unchanged.

        Raises:
            OSError: it cannot be read.
        """
        row = self._rows.get(path)
        if row is None or not _is_about(row, os.stat(path)):
            return sha256(path)
        *_, remembered = row
        if remembered:
            return remembered
        computed = sha256(path)
        if _is_about(row, os.stat(path)):
            row = (*row[:5], computed)
            self._set(path, row, kept=row)
        return computed

    def hashes(self) -> dict[str, str]:
        """Return path -> SHA-256, as far as they were asked for."""
        with self._lock:
            return {path: known for path, *_, known in self._rows.values() if known}

    def token_ids(self, names: Iterable[str], tokenize: Tokenize) -> dict[str, TokenIds]:
        """Return what a tokenizer makes of each name; it is asked once for each, ever."""
        return self._token_ids.look_up(names, tokenize)

    def forget_missing(self, found: Mapping[str, Entry]) -> None:
        """Forget all files but those *found*, by full path, in the roots where any were.

        A root in which nothing was found may be a disk that is not plugged in.
        """
        if self._rows.keys() <= found.keys():
            return
        roots = {entry.root for entry in found.values()}
        folders = tuple(os.path.join(os.path.abspath(root), "") for root in roots)
        for path in self._rows.keys() - found.keys():
            if path.startswith(folders):
                self._set(path, None, kept=None)

    def save(self) -> None:
        """Write what has changed. A full disk or a lock costs only the memory of it."""
        with self._lock:
            changed, self._changed = self._changed, {}
        if not changed or self._path is None:
            return
        try:
            with closing(connect(self._path)) as connection, connection:
                self._write(connection, changed)
        except FAILURES as error:
            log.warning("the index %s could not be saved: %s", self._path, error)
            with self._lock:
                self._changed = {**changed, **self._changed}

    def _write(self, connection: sqlite3.Connection, changed: Mapping[str, Row | None]) -> None:
        rows = [row for row in changed.values() if row]
        ids = self._texts.keys() & {id_ for _, _, _, id_, _, _ in rows}
        texts = [(id_, self._texts[id_]) for id_ in ids]
        connection.executemany("DELETE FROM files WHERE path = ?", [(path,) for path in changed])
        connection.executemany("INSERT INTO files VALUES (?, ?, ?, ?, ?, ?)", rows)
        connection.executemany("INSERT OR REPLACE INTO readings VALUES (?, ?)", texts)
        connection.execute("DELETE FROM readings WHERE id NOT IN (SELECT reading FROM files)")

    @classmethod
    def _load(cls, path: str) -> Index:
        try:
            return cls(path, *_read_tables(path))
        except sqlite3.OperationalError as error:
            log.warning("the index %s could not be opened, going on without: %s", path, error)
            return cls(None, {}, {})
        except sqlite3.DatabaseError as error:
            log.warning("the index %s is damaged and is made anew: %s", path, error)
        except OSError as error:
            log.warning("the index %s could not be made, going on without: %s", path, error)
            return cls(None, {}, {})
        with suppress(OSError):
            os.remove(path)
        return cls(path, {}, {})

    def _look_up(self, found: Found) -> Told | None:
        row = self._rows.get(found.full_path)
        if row is None:
            return None
        _, size, mtime_ns, id_, stored_name, _ = row
        if size != found.size or mtime_ns != found.mtime_ns:
            return None
        reading = self._decoded.get(id_) or self._decode(id_)
        return (reading, stored_name) if reading else None

    def _keep(self, found: Found, reading: Reading, stored_name: str | None) -> Told:
        """Remember a reading, for later processes too unless it could be out of date unseen."""
        if reading.is_passing:
            return reading, stored_name
        text = _encode(reading)
        id_ = _id_of(text)
        self._texts[id_] = text
        row = (found.full_path, found.size, found.mtime_ns, id_, stored_name, None)
        is_settled = time.time_ns() - found.mtime_ns > _SETTLED_NS
        self._set(found.full_path, row, kept=row if is_settled else None)
        return self._look_up(found) or (reading, stored_name)  # the one that equal files share

    def _set(self, path: str, row: Row | None, kept: Row | None) -> None:
        """Remember a row in this process, and another or none for later ones."""
        with self._lock:
            if row is None:
                self._rows.pop(path, None)
            else:
                self._rows[path] = row
            if is_text(path):  # SQLite keeps no other
                self._changed[path] = kept

    def _decode(self, id_: int) -> Reading | None:
        """Return a reading, to be shared; None where it is damaged."""
        try:
            reading = self._decoded[id_] = _decode(self._texts[id_])
        except (LookupError, ValueError, TypeError, AttributeError) as error:
            log.warning("the index %s has a damaged row: %s", self._path, error)
            return None
        return reading


def _read_tables(path: str) -> tuple[dict[str, Row], dict[int, str]]:
    with closing(connect(path)) as connection, no_collecting():
        rows = connection.execute("SELECT * FROM files").fetchall()
        texts = connection.execute("SELECT * FROM readings")
        return {row[0]: row for row in rows}, dict(texts)


def _is_about(row: Row, status: os.stat_result) -> bool:
    """Tell whether a file is still the one that was read."""
    return row[1:3] == (status.st_size, status.st_mtime_ns)


def _id_of(text: str) -> int:
    """Return a number of 64 bits that is another for any other text."""
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def _encode(reading: Reading) -> str:
    vectors, metadata = dict(reading.vectors), dict(reading.metadata)
    return json.dumps(reading._replace(vectors=vectors, metadata=metadata))


def _decode(text: str) -> Reading:
    """Return the reading of a row. Raises errors of several kinds when it is damaged."""
    *said, vectors, metadata, warnings, is_passing = _scan_json(text)[0]
    infos = share_infos(*((key, vectors_info(*info)) for key, info in vectors.items()))
    return Reading._make((*said, infos, metadata, tuple(warnings), is_passing))
