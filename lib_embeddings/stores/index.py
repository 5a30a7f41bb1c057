"""Remembered readings, so that an unchanged file is never opened twice.

A reading is trusted while the file's path, size and modification time stay the same; the file
system has the last word. A damaged index is rebuilt; if it cannot be opened, there is none.
"""

from __future__ import annotations

import gc
import hashlib
import json
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache, partial

from lib_embeddings.entries.entry import Companion, Entry, Found, Reading, entry_of
from lib_embeddings.entries.place import Place, by_folder
from lib_embeddings.entries.read import sha256
from lib_embeddings.entries.walk import CLOCK_GRAIN_NS, Folder, inode_of
from lib_embeddings.formats.embedding import share_infos, vectors_info
from lib_embeddings.names import is_text
from lib_embeddings.our_files import our_path
from lib_embeddings.stores.index_file import (
    FAILURES,
    Remembered,
    RememberedFolder,
    read_below,
    write,
)

log = logging.getLogger(__name__)

_MANY = 5_000  # new objects, which would take the garbage collector milliseconds

# Makes companions from parsed JSON; twenty thousand at a start are worth a way around Python.
_companion = partial(tuple.__new__, Companion)
_scan_json = json.JSONDecoder().raw_decode


class Index:
    """Readings by path. Changes are written by `save`.

    One thread reads and saves; others may ask for hashes at the same time.

    Attributes:
        path: of its file; None if it is remembered for this process alone.
    """

    def __init__(self, path: str | None) -> None:
        """Begin empty.

        Args:
            path: of its file; None for an index that lasts as long as this process.
        """
        self.path = path
        self._roots = set[str]()  # whose files are known
        self._texts: dict[int, str] = {}  # readings by their id, as JSON
        self._decoded: dict[int, Reading] = {}
        self._folders: dict[str, RememberedFolder] = {}  # until they are recalled
        self._lock = threading.Lock()  # guards the next three
        self._remembered: dict[str, Remembered] = {}
        self._hashes: dict[str, str] = {}
        self._changed: dict[str, Remembered | None] = {}  # None: the file is gone
        self._changed_folders: dict[str, RememberedFolder | None] = {}  # likewise

    @classmethod
    @contextmanager
    def open(cls, path: str | None = None) -> Iterator[Index]:
        """Open the index at *path*, by default in the user's cache folder; save it at the end."""
        index = cls(os.path.abspath(path or our_path("index.sqlite")))
        try:
            yield index
        finally:
            index.save()

    @classmethod
    def nowhere(cls) -> Index:
        """Return an index that lasts as long as this process."""
        return cls(None)

    def read(self, roots: Iterable[str]) -> None:
        """Read what is remembered of the files below some roots, and of no others."""
        new = set(roots) - self._roots
        self._roots |= new
        if self.path is None or not new:
            return
        try:
            with no_collecting():
                files, texts, self._folders = read_below(self.path, new)
        except sqlite3.OperationalError as error:
            self._do_without("opened", error)
        except sqlite3.DatabaseError as error:
            log.warning("the index %s is damaged and is rebuilt: %s", self.path, error)
            with suppress(OSError):
                os.remove(self.path)
        except OSError as error:
            self._do_without("made", error)
        else:
            hashes = {path: known for path, *_, known in files.values() if known}
            self._texts = {**texts, **self._texts}
            with self._lock:
                self._remembered = {**files, **self._remembered}
                self._hashes = {**hashes, **self._hashes}

    def _do_without(self, what: str, error: Exception) -> None:
        log.warning("the index %s could not be %s, continuing without: %s", self.path, what, error)
        self.path = None

    def known(self, found: Found) -> Entry | None:
        """Return the entry of a file if the file is unchanged since it was read."""
        remembered = self._remembered.get(found.place.full_path)
        if remembered is None:
            return None
        _, size, mtime_ns, id_, stored_name, _ = remembered
        if size != found.size or mtime_ns != found.mtime_ns:
            return None
        reading = self._decoded.get(id_) or self._decode(id_)
        return reading and entry_of(found, reading, stored_name)

    def recall(self) -> Iterator[tuple[Folder, dict[str, Entry]]]:
        """Yield the remembered folders, once, each with its entries by full path.

        If not every file of a folder is remembered, it has no `mtime_ns`, as if it had changed. A
        folder last scanned from another root, above or below, is left out: its paths differ there.
        """
        folders = {path: each for path, each in self._folders.items() if each[1] in self._roots}
        self._folders = {}
        if not folders:
            return
        files = by_folder(self._remembered)
        for path, remembered in folders.items():
            try:
                folder, n_files, companions = _decode_folder(remembered)
            except (LookupError, ValueError, TypeError) as error:
                log.warning("the index %s has a damaged row: %s", self.path, error)
                continue
            found = dict[str, Entry]()
            paths = sorted(files.get(path, ()))
            for place, beside in zip(folder.place.each_below(paths), companions, strict=False):
                _, size, mtime_ns, id_, stored_name, _ = self._remembered[place.full_path]
                reading = self._decoded.get(id_) or self._decode(id_)
                if reading:
                    entry = Entry(place, size, mtime_ns, beside, reading, stored_name)
                    found[place.full_path] = entry
            is_known = len(found) == len(paths) == n_files
            yield folder if is_known else folder._replace(mtime_ns=None), found

    def keep_folder(self, folder: Folder, entries: Iterable[Entry]) -> None:
        """Remember a folder's content for later processes, unless it could change unseen."""
        path = folder.place.full_path
        remembered = _encode_folder(folder, tuple(entries))
        if is_text(path) and remembered:
            with self._lock:
                self._changed_folders[path] = remembered

    def forget_folder(self, path: str) -> None:
        """Forget a folder that is gone, by its full path."""
        with self._lock:
            self._changed_folders[path] = None

    def keep(self, entry: Entry) -> Entry:
        """Remember an entry, for later processes too unless it could change unseen.

        Returns:
            The same, with the reading that equal files share.
        """
        if entry.reading.is_transient:
            return entry
        path = entry.place.full_path
        text = _encode(entry.reading)
        id_ = _id_of(text)
        self._texts[id_] = text
        remembered = (path, entry.size, entry.mtime_ns, id_, entry.stored_name, None)
        is_recent = time.time_ns() - entry.mtime_ns <= CLOCK_GRAIN_NS
        self._set(path, remembered, kept=None if is_recent else remembered)
        reading = self._decoded.get(id_) or self._decode(id_)
        return entry._replace(reading=reading) if reading else entry

    def move(self, old: str, new: str) -> None:
        """Use a file's new path in this process; a later process reads the file again."""
        remembered = self._remembered.get(old)
        if remembered:
            self._set(new, (new, *remembered[1:]), kept=None)

    def sha256(self, path: str) -> str:
        """Return the SHA-256 of a file, computed once while the file stays unchanged.

        Raises:
            OSError: it cannot be read.
        """
        remembered = self._remembered.get(path)
        if remembered is None or not _is_about(remembered, os.stat(path)):
            return sha256(path)
        *_, digest = remembered
        if digest:
            return digest
        computed = sha256(path)
        if _is_about(remembered, os.stat(path)):
            remembered = (*remembered[:5], computed)
            self._set(path, remembered, kept=remembered)
        return computed

    def hashes(self) -> dict[str, str]:
        """Return path -> SHA-256 for files whose hash was asked for."""
        with self._lock:
            return dict(self._hashes)

    def forget(self, paths: Iterable[str]) -> None:
        """Forget files that are gone, by their full paths."""
        for path in paths:
            self._set(path, None, kept=None)

    def forget_missing(
        self, found: Collection[str], roots: Iterable[str], silent: Iterable[Place]
    ) -> None:
        """Forget the files that are gone.

        Args:
            found: full paths of all existing files.
            roots: those in which any were found. Another may be a disk that is not plugged in.
            silent: folders that do not answer; nobody knows what is in them.
        """
        inside = tuple(Place.of_root(root).full_prefix for root in roots)
        unknown = tuple(folder.full_prefix for folder in silent)
        missing = (path for path in self._remembered.keys() - found if path.startswith(inside))
        self.forget(path for path in missing if not path.startswith(unknown))

    def save(self) -> None:
        """Write what has changed. With a full disk or a lock it is just not remembered."""
        with self._lock:
            changed, self._changed = self._changed, {}
            folders, self._changed_folders = self._changed_folders, {}
        if not (changed or folders) or self.path is None:
            return
        try:
            write(self.path, changed, self._texts, folders)
        except FAILURES as error:
            log.warning("the index %s could not be saved: %s", self.path, error)
            with self._lock:
                self._changed = {**changed, **self._changed}
                self._changed_folders = {**folders, **self._changed_folders}

    def _set(self, path: str, remembered: Remembered | None, kept: Remembered | None) -> None:
        """Remember one value for a file in this process, and another or none for later ones."""
        with self._lock:
            self._hashes.pop(path, None)
            if remembered is None:
                self._remembered.pop(path, None)
            else:
                self._remembered[path] = remembered
                if remembered[-1]:
                    self._hashes[path] = remembered[-1]
            if is_text(path):  # SQLite stores nothing else
                self._changed[path] = kept

    def _decode(self, id_: int) -> Reading | None:
        """Return a shared reading; None if it is damaged."""
        try:
            reading = self._decoded[id_] = _decode(self._texts[id_])
        except (LookupError, ValueError, TypeError, AttributeError) as error:
            log.warning("the index %s has a damaged row: %s", self.path, error)
            return None
        return reading


@contextmanager
def no_collecting() -> Iterator[None]:
    """Keep the garbage collector from going through all new objects again and again.

    Nothing in an index or a scan is garbage while it is made, and a WebUI has many other objects to
    go through. If blocks overlap in threads, the first that ends lets the collector work again.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        # Objects that a program froze for good must stay frozen; Python 3.12 itself has hundreds.
        if gc.get_count()[0] > _MANY > gc.get_freeze_count():
            gc.freeze()  # these two put all new objects among the old, without going through them
            gc.unfreeze()
        gc.enable()


def _is_about(remembered: Remembered, status: os.stat_result) -> bool:
    """Return whether a file is still the one that was read."""
    return remembered[1:3] == (status.st_size, status.st_mtime_ns)


@lru_cache(_MANY)  # a library of any size has few, and thousands of files share the number
def _id_of(text: str) -> int:
    """Return a 64-bit number that differs for every text."""
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def _encode(reading: Reading) -> str:
    """Return a reading as JSON, without what differs between most files."""
    *plain, vectors, metadata, warnings, _ = reading
    return json.dumps((*plain, dict(vectors), dict(metadata), warnings))


def _encode_folder(folder: Folder, entries: Iterable[Entry]) -> RememberedFolder | None:
    """Return a folder's row in the index; None if something in it may change unseen."""
    place, identity, mtime_ns, is_linked, _, folders, problem, _ = folder
    paths = (place.full_path, *(each.full_path for each, _ in folders))
    if problem or mtime_ns is None or identity is None or not all(map(is_text, paths)):
        return None
    in_order = sorted(entries, key=lambda entry: entry.place.full_path)
    beside = [entry.companions for entry in in_order]
    inside = json.dumps((paths[1:], [is_link for _, is_link in folders], any(beside) and beside))
    inode = inode_of(identity)
    return place.full_path, place.root, inode, mtime_ns, is_linked, len(in_order), inside


def _decode_folder(
    remembered: RememberedFolder,
) -> tuple[Folder, int, Sequence[tuple[Companion, ...]]]:
    """Return a folder, its number of files, and in their order the companions of each."""
    path, root, inode, mtime_ns, is_linked, n_files, text = remembered
    top = Place(root, "", root)
    place = top if path == root else next(top.each_below([path]))
    paths, are_links, beside = _scan_json(text)[0]
    folders = tuple(zip(place.each_below(paths), are_links, strict=True))
    identity = inode if isinstance(inode, str) else (0, inode)
    companions = [tuple(map(_companion, each)) for each in beside or [()] * n_files]
    return Folder(place, identity, mtime_ns, bool(is_linked), (), folders), n_files, companions


def _decode(text: str) -> Reading:
    """Return a reading from JSON. Raises errors of several kinds if it is damaged."""
    state, reason, container, layout, vectors, metadata, warnings = _scan_json(text)[0]
    infos = share_infos(*((key, vectors_info(*info)) for key, info in vectors.items()))
    return Reading(state, reason, container, layout, infos, metadata, tuple(warnings))
