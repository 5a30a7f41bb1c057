"""Look at folders again and again: every scan compares with the one before and reads what is new.

What is known is kept folder by folder, so that one folder can be looked at alone. Nothing here has
a lock: one thread scans at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple, Protocol

from lib_embeddings.entries.entry import Entry, Reading
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.snapshot import entry_of, unopened
from lib_embeddings.entries.walk import Folder, Found, read_folder, walk
from lib_embeddings.library.index import Index

# Seconds until a file that could not be read, or a folder that did not answer, is tried again.
_RETRY_FILE, _RETRY_FOLDER = 1.0, 2.0
# Trying again takes at most a tenth of the time, however slow the disk.
_REST = 10
# Seconds between two moments at which what was read so far is saved and shown.
_BATCH = 0.5

# Returns the seconds until a file will be complete, from path, size and mtime_ns; 0 when it is.
Wait = Callable[[str, int, int], float]
Publish = Callable[[Iterable[Entry]], None]


class Stop(Protocol):
    """Ends a scan; a `threading.Event` is one."""

    def is_set(self) -> bool:
        """Tell whether to end."""


class Stopped(Exception):
    """The scan was stopped; what it read is in the index."""


class Progress(NamedTuple):
    """How many of the files that a scan has to read are read."""

    read: int
    total: int


class Scan(NamedTuple):
    """What a scan found.

    Attributes:
        is_changed: whether any entry is another than before.
        answered: the roots that are there.
        again_in: seconds after which to try again what could not be read, or is incomplete.
        cost: seconds that the same scan takes once more: what was new is read once.
    """

    is_changed: bool
    answered: frozenset[str]
    again_in: float | None
    cost: float = 0.0


class _Known(NamedTuple):
    """A folder, and its entries by full path."""

    folder: Folder
    entries: dict[str, Entry]


class _Unread(NamedTuple):
    found: Found
    entries: dict[str, Entry]


class Scanner:
    """The entries of all folders, as the last scan found them."""

    def __init__(  # noqa: PLR0913 - likewise all that it needs
        self,
        index: Index,
        *,
        read: Callable[[Place], Reading],
        wait: Wait,
        stop: Stop,
        on_progress: Callable[[Progress], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with no folders.

        Args:
            read: says what a file is; called for new and changed files only.
            wait: asked of new and changed files from the second scan on.
        """
        self._index = index
        self._read = read
        self._wait = wait
        self._stop = stop
        self._on_progress = on_progress
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._again: dict[str, float] = {}  # by folder, seconds until it is to be read again
        self._is_first = True

    @property
    def entries(self) -> Iterator[Entry]:
        """All entries, before they are compared with each other."""
        return chain.from_iterable(known.entries.values() for known in self._known.values())

    @property
    def folders(self) -> Iterator[Folder]:
        """All folders, without their files."""
        return (known.folder for known in self._known.values())

    def scan(self, roots: Sequence[str], publish: Publish) -> Scan:
        """Look at these roots and all below them.

        Args:
            publish: called with all entries of now and then, while many files are read.

        Raises:
            Stopped: the scan was stopped.
        """
        rest = {
            path: known
            for path, known in self._known.items()
            if known.folder.place.root not in roots
        }
        elsewhere = [known.folder.identity for known in rest.values() if known.folder.identity]
        return self._look(walk(roots, elsewhere), rest, publish)

    def retry(self, publish: Publish) -> Scan:
        """Look again at the folders in which something could not be read, or is incomplete.

        Raises:
            Stopped: the scan was stopped.
        """
        silent = {
            known.folder.place.root
            for path in self._again
            if (known := self._known.get(path)) and known.folder.problem
        }
        if silent:  # nobody knows what is below such a folder
            return self.scan(sorted(silent), publish)
        rest = dict(self._known)
        again = [rest.pop(path).folder for path in self._again if path in rest]
        found = (read_folder(each.place, is_linked=each.is_linked) for each in again)
        return self._look((folder for folder in found if folder), rest, publish)

    def forget(self, roots: Iterable[str]) -> None:
        """Forget all roots but these."""
        kept = set(roots)
        self._known = {
            path: known for path, known in self._known.items() if known.folder.place.root in kept
        }

    def move(self, place: Place) -> None:
        """Let the next look at a file's folder find a change."""
        self._known.pop(place.full_folder, None)

    def _look(self, folders: Iterable[Folder], rest: dict[str, _Known], publish: Publish) -> Scan:
        """Compare folders with what is known of them, and read what is new."""
        known, unread = dict(rest), list[_Unread]()
        again = {path: wait for path, wait in self._again.items() if path in rest}
        cost, began = 0.0, self._clock()
        for folder in folders:
            cost += self._clock() - began
            self._check_stop()
            known.update(self._compare(folder, unread, again))
            began = self._clock()
        is_changed = bool(unread) or self._differs(known)
        self._known, self._again = known, again
        cost += self._read_all(unread, publish)
        self._is_first = False
        answered = frozenset(each.folder.place.root for each in known.values())
        return Scan(is_changed, answered, self._again_in(cost), cost)

    def _differs(self, known: dict[str, _Known]) -> bool:
        if known.keys() != self._known.keys():
            return True
        return any(each.entries is not self._known[path].entries for path, each in known.items())

    def _again_in(self, cost: float) -> float | None:
        first = min(self._again.values(), default=None)
        return None if first is None else max(first, _REST * cost)

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise Stopped

    # One folder

    def _compare(
        self, folder: Folder, unread: list[_Unread], again: dict[str, float]
    ) -> dict[str, _Known]:
        """Return by path what is known of a folder now, and note what is to be read."""
        path = folder.place.full_path
        again.pop(path, None)
        if folder.problem:
            again[path] = _RETRY_FOLDER
            return self._stale(folder, folder.problem)
        former = self._known.get(path)
        before = former.entries if former else {}
        entries: dict[str, Entry] = {}
        pending = len(unread)
        for found in folder.files:
            key = found.place.full_path
            entry = self._entry_of_known(found, before.get(key))
            if entry is None:
                self._check_stop()
                wait = 0.0 if self._is_first else self._wait(key, found.size, found.mtime_ns)
                if wait > 0:
                    again[path] = min(wait, again.get(path, wait))
                else:
                    unread.append(_Unread(found, entries))
                entry = before.get(key)  # until it is complete, or read
            if entry is not None:
                entries[key] = entry
        if len(unread) == pending:
            entries = _same(before, entries)
        return {path: _Known(folder._replace(files=()), entries)}

    def _entry_of_known(self, found: Found, former: Entry | None) -> Entry | None:
        """Return the entry of a file that needs no reading; None where it does."""
        place, size, mtime_ns, companions, problem = found
        if problem is not None:
            return entry_of(found, unopened(problem))
        if (
            former is None
            or former.reading.is_transient
            or (former.size, former.mtime_ns) != (size, mtime_ns)
        ):
            reading = self._index.known(found)
            return entry_of(found, reading) if reading else None
        if (former.companions, former.stale, former.place) == (companions, None, place):
            return former
        return entry_of(found, former.reading)

    def _stale(self, folder: Folder, problem: str) -> dict[str, _Known]:
        """Return what was known of a folder that does not answer, and of all below it."""
        inside = folder.place.inside("").full_path
        kept = {
            path: _Known(known.folder, _same(known.entries, _marked(known.entries, problem)))
            for path, known in self._known.items()
            if path.startswith(inside)
        }
        former = self._known.get(folder.place.full_path)
        entries = {
            path: entry
            for path, entry in (former.entries if former else {}).items()
            if path != folder.place.full_path
        }
        marked = _marked(entries, problem)
        for found in folder.files:  # the folder itself, with what is wrong
            marked = {**marked, found.place.full_path: entry_of(found, unopened(problem))}
        kept[folder.place.full_path] = _Known(
            folder._replace(files=()), _same(former.entries if former else {}, marked)
        )
        return kept

    # Reading

    def _read_all(self, unread: Sequence[_Unread], publish: Publish) -> float:
        """Read files one by one; save and show now and then what there is so far.

        Returns:
            The seconds that went into files that are to be read again.
        """
        lost = 0.0
        due = self._clock() + _BATCH
        try:
            for number, (found, entries) in enumerate(unread):
                self._check_stop()
                self._on_progress(Progress(number, len(unread)))
                began = self._clock()
                reading = self._index.keep(found, self._read(found.place))
                entries[found.place.full_path] = entry_of(found, reading)
                if reading.is_transient:
                    lost += self._clock() - began
                    self._again[found.place.full_folder] = _RETRY_FILE
                if self._clock() >= due:
                    began = self._clock()
                    self._index.save()
                    publish(self.entries)
                    due = self._clock() + max(_BATCH, _REST * (self._clock() - began))
        finally:
            self._index.save()
        return lost


def _same(former: dict[str, Entry], now: dict[str, Entry]) -> dict[str, Entry]:
    """Return the former entries where all are still the same."""
    is_same = len(former) == len(now) and all(
        former.get(path) == entry for path, entry in now.items()
    )
    return former if is_same else now


def _marked(entries: dict[str, Entry], problem: str) -> dict[str, Entry]:
    """Return entries with the reason why they could not be looked at."""
    stale = f"its folder did not answer at the last scan ({problem}): this is from the scan before"
    return {path: entry._replace(stale=stale) for path, entry in entries.items()}
