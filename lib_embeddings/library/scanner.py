"""Scan folders again and again: every scan compares with the one before and reads what is new.

What is known is kept folder by folder, so that one folder can be scanned alone. Nothing here has
a lock: one thread scans at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain
from typing import NamedTuple

from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.read import read_each
from lib_embeddings.entries.walk import (
    Folder,
    Found,
    Identity,
    has_changed,
    read_folder,
    unopened,
    walk,
)
from lib_embeddings.library.index import Index
from lib_embeddings.library.progress import Progress, Stop, Stopped

# Seconds until a file that could not be read, or a folder that did not answer, is tried again.
_RETRY_FILE, _RETRY_FOLDER = 1.0, 2.0
# Trying again takes at most a tenth of the time, however slow the disk.
_REST = 10
# A folder is asked who it is, and opened; each file is asked for its size and time.
_FOLDER_CALLS = 2
# Seconds between two moments at which what was read so far is saved and shown.
_BATCH = 0.5

# Returns the seconds until a file will be complete, from path, size and mtime_ns; 0 when it is.
Wait = Callable[[str, int, int], float]
Publish = Callable[[Iterable[Entry]], None]


class Scan(NamedTuple):
    """What a scan found.

    Attributes:
        is_changed: whether any entry is another than before.
        answered: the roots that are there.
        again_in: seconds after which to try again what could not be read, or is incomplete.
        cost: seconds that the same scan takes once more: what was new is read once.
        calls: how often it asks the disk.
    """

    is_changed: bool
    answered: frozenset[str]
    again_in: float | None
    cost: float
    calls: int


class _Known(NamedTuple):
    """A folder, and its entries by full path."""

    folder: Folder
    entries: dict[str, Entry]


class _Unread(NamedTuple):
    """A file that is to be read, its folder, and the entries that its own belongs to."""

    found: Found
    folder: Place
    entries: dict[str, Entry]


class Scanner:
    """The entries of all folders, as the last scan found them.

    Every scan raises `Stopped` when it is stopped.
    """

    def __init__(  # noqa: PLR0913 - likewise all that it needs
        self,
        roots: Sequence[str],
        index: Index,
        *,
        read: Callable[[Found], Entry],
        wait: Wait,
        stop: Stop,
        on_progress: Callable[[Progress], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with no entries.

        Args:
            roots: the folders, as `absolute` spells them.
            read: says what a file is; called for new and changed files only.
            wait: asked of new and changed files from the second scan on.
        """
        self.roots = roots
        self._index = index
        self._read = read
        self._wait = wait
        self._stop = stop
        self._on_progress = on_progress
        self._clock = clock
        self._known: dict[Place, _Known] = {}
        self._again: dict[Place, float] = {}  # by folder, when it is to be read again
        self._is_first = True

    @property
    def entries(self) -> Iterator[Entry]:
        """All entries, before they are compared with each other."""
        return chain.from_iterable(known.entries.values() for known in self._known.values())

    @property
    def paths(self) -> set[str]:
        """Full paths of all entries."""
        return set().union(*(known.entries for known in self._known.values()))

    @property
    def full_roots(self) -> set[str]:
        """The roots in which there is any entry."""
        return {place.root for place, known in self._known.items() if known.entries}

    @property
    def folders(self) -> Iterator[Folder]:
        """All folders, without their files."""
        return (known.folder for known in self._known.values())

    def set_roots(self, roots: Sequence[str]) -> None:
        """Scan these roots from now on, and forget all others."""
        self.roots = roots
        self._known = {place: known for place, known in self._known.items() if place.root in roots}

    def scan(self, publish: Publish) -> Scan:
        """Scan all folders.

        Args:
            publish: called with all entries of now and then, while many files are read.
        """
        seen = set[Identity]()
        return self._compare_all(walk(self.roots, seen), {}, seen, publish)

    def retry(self, publish: Publish) -> Scan:
        """Scan again the folders in which something could not be read, or is incomplete."""
        began = self._clock()
        folders = [known.folder for place, known in self._known.items() if place in self._again]
        scan = self._scan_alone(folders, publish)
        earliest = self._clock() + _REST * (self._clock() - began)
        self._again = {place: max(due, earliest) for place, due in self._again.items()}
        return scan._replace(again_in=self._again_in())

    def scan_folders(self, paths: Collection[str], publish: Publish) -> Scan:
        """Scan some folders alone, by their full paths; all where one of them is not known."""
        places = {place.full_path: place for place in self._known}
        if not all(path in places for path in paths):
            return self.scan(publish)
        return self._scan_alone([self._known[places[path]].folder for path in paths], publish)

    def scan_changed(self, publish: Publish) -> Scan:
        """Scan the folders whose own time tells that something in them is another now.

        It costs one call to the disk for each folder, and finds all but what was written in place.
        """
        folders = [known.folder for known in self._known.values()]
        return self._scan_alone(filter(self._has_changed, folders), publish)

    def _has_changed(self, folder: Folder) -> bool:
        self._check_stop()
        return has_changed(folder)

    def _scan_alone(self, formers: Iterable[Folder], publish: Publish) -> Scan:
        """Scan some folders that are known.

        Where one of them answers again, is another folder now, or has other folders in it, all are
        scanned: nobody knows what is below it.
        """
        if self._is_first:
            return self.scan(publish)
        rest, folders = dict(self._known), list[Folder]()
        for former in formers:
            self._check_stop()
            folder = read_folder(former.place, is_linked=former.is_linked)
            if folder is None or _inside(folder) != _inside(former):
                return self.scan(publish)
            del rest[folder.place]
            folders.append(folder)
        return self._compare_all(folders, rest, set(), publish)

    def _compare_all(
        self,
        folders: Iterable[Folder],
        rest: Mapping[Place, _Known],
        seen: set[Identity],
        publish: Publish,
    ) -> Scan:
        """Compare folders with what is known of them, and read what is new.

        Args:
            rest: what is known of all other folders.
            seen: folders that are passed by; what is below a silent one is added.
        """
        known, unread = dict(rest), list[_Unread]()
        again = {place: due for place, due in self._again.items() if place in rest}
        cost, calls, began = 0.0, 0, self._clock()
        for folder in folders:
            cost += self._clock() - began
            calls += _FOLDER_CALLS + len(folder.files)
            self._check_stop()
            if folder.problem:
                again[folder.place] = self._clock() + _RETRY_FOLDER
                kept = self._stale(folder, folder.problem)
                known.update(kept)
                seen.update(each.folder.identity for each in kept.values() if each.folder.identity)
            else:
                known[folder.place] = self._compare(folder, unread, again)
            began = self._clock()
        is_changed = bool(unread) or self._differs(known)
        self._known, self._again = known, again
        cost += self._read_all(unread, publish)
        self._is_first = False
        answered = frozenset(place.root for place in known)
        return Scan(is_changed, answered, self._again_in(), cost, calls)

    def _again_in(self) -> float | None:
        """Return the seconds until the first folder is to be read again."""
        due = min(self._again.values(), default=None)
        return None if due is None else max(0.0, due - self._clock())

    def _differs(self, known: Mapping[Place, _Known]) -> bool:
        if known.keys() != self._known.keys():
            return True
        return any(each.entries is not self._known[place].entries for place, each in known.items())

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise Stopped

    # One folder

    def _compare(self, folder: Folder, unread: list[_Unread], again: dict[Place, float]) -> _Known:
        """Return what is known of a folder now, and note what is to be read."""
        before = self._entries_of(folder.place)
        entries: dict[str, Entry] = {}
        pending = len(unread)
        for found in folder.files:
            key = found.place.full_path
            entry = self._entry_of_known(found, before.get(key))
            if entry is None:
                self._check_stop()
                wait = 0.0 if self._is_first else self._wait(key, found.size, found.mtime_ns)
                if wait > 0:
                    due = self._clock() + wait
                    again[folder.place] = min(due, again.get(folder.place, due))
                else:
                    unread.append(_Unread(found, folder.place, entries))
                former = before.get(key)
                entry = former and former._replace(stale=None)  # until it is complete, or read
            if entry is not None:
                entries[key] = entry
            if found.is_transient:
                again.setdefault(folder.place, self._clock() + _RETRY_FILE)
        if len(unread) == pending:
            entries = _same(before, entries)
        return _Known(folder._replace(files=()), entries)

    def _entries_of(self, folder: Place) -> dict[str, Entry]:
        known = self._known.get(folder)
        return known.entries if known else {}

    def _entry_of_known(self, found: Found, former: Entry | None) -> Entry | None:
        """Return the entry of a file that needs no reading; None where it does."""
        place, size, mtime_ns, companions, problem, _ = found
        if problem is not None:
            return unopened(found)
        if (
            former is None
            or former.reading.is_transient
            or (former.size, former.mtime_ns) != (size, mtime_ns)
        ):
            return self._index.known(found)
        if (former.companions, former.stale, former.place) == (companions, None, place):
            return former
        return former._replace(place=place, companions=companions, stale=None)

    def _stale(self, folder: Folder, problem: str) -> dict[Place, _Known]:
        """Return what was known of a folder that does not answer, and of all below it."""
        inside = folder.place.inside("").full_path
        kept = {
            place: _Known(known.folder, _same(known.entries, _marked(known.entries, problem)))
            for place, known in self._known.items()
            if place.full_path.startswith(inside)
        }
        before = self._entries_of(folder.place)
        entries = _marked(before, problem)
        for found in folder.files:  # the folder itself, with what is wrong
            entries[found.place.full_path] = unopened(found)
        kept[folder.place] = _Known(folder._replace(files=()), _same(before, entries))
        return kept

    # Reading

    def _read_all(self, unread: Sequence[_Unread], publish: Publish) -> float:
        """Read files; save and show now and then what there is so far.

        Returns:
            The seconds that went into files that are to be read again.
        """
        lost, began = 0.0, self._clock()
        due = began + _BATCH
        with closing(read_each(self._read_one, [file.found for file in unread])) as read:
            for number, (entry, file) in enumerate(zip(read, unread, strict=True), 1):
                file.entries[file.found.place.full_path] = self._index.keep(entry)
                if entry.reading.is_transient:
                    lost += self._clock() - began
                    self._again.setdefault(file.folder, self._clock() + _RETRY_FILE)
                self._on_progress(Progress(number, len(unread)))
                began = self._clock()
                if began >= due:
                    self._index.save()
                    publish(self.entries)
                    due = self._clock() + max(_BATCH, _REST * (self._clock() - began))
                    began = self._clock()
        return lost

    def _read_one(self, found: Found) -> Entry:
        self._check_stop()
        return self._read(found)


def _inside(folder: Folder) -> object:
    """Return what is another where nobody knows any more what is below a folder."""
    return folder.identity, folder.folders


def _same(former: dict[str, Entry], now: dict[str, Entry]) -> dict[str, Entry]:
    """Return the former entries where all are still the same."""
    is_same = len(former) == len(now) and all(
        former.get(path) == entry for path, entry in now.items()
    )
    return former if is_same else now


def _marked(entries: Mapping[str, Entry], problem: str) -> dict[str, Entry]:
    """Return entries with the reason why they could not be scanned."""
    stale = f"its folder did not answer at the last scan ({problem}): this is from the scan before"
    return {path: entry._replace(stale=stale) for path, entry in entries.items()}
