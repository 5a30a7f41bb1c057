"""Scan folders again and again: every scan compares with the last one and reads what is new.

Everything known is kept folder by folder, so that one folder can be scanned alone. There is no lock
here: one thread scans at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import compress
from typing import NamedTuple

from lib_embeddings.entries.entry import Entry, Found, unopened
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.slow_disk import ask_each
from lib_embeddings.entries.snapshot import FolderEntries, Snapshot
from lib_embeddings.entries.walk import Folder, Identity, has_changed, read_folder, recognised, walk
from lib_embeddings.library.file_reader import FileReader, Unread
from lib_embeddings.limits import REST

# Seconds until a file that could not be read, or a folder that did not answer, is tried again.
_RETRY_FILE, _RETRY_FOLDER = 1.0, 2.0
# Calls to the disk for a folder: its identity, and opening it. Each file takes one more.
_FOLDER_CALLS = 2

# Returns the seconds until a file is complete, from path, size and mtime_ns; 0 if it is.
Wait = Callable[[str, int, int], float]
Publish = Callable[[], None]


class Scan(NamedTuple):
    """The result of a scan.

    Attributes:
        is_changed: whether any entry differs from before.
        answered: the roots that are there.
        again_in: seconds after which to retry what could not be read, or is incomplete.
        cost: seconds that the same scan would take again, as new files are read only once.
        calls: its number of calls to the disk.
        skipped: the folders that stay as they were, by their full paths.
    """

    is_changed: bool
    answered: frozenset[str]
    again_in: float | None
    cost: float
    calls: int
    skipped: Collection[str]


class Recalled(NamedTuple):
    """What an earlier process found, with what has changed in its folders since.

    Attributes:
        answered: the roots that are there.
        has_new_folders: only a scan of all knows what is in them.
    """

    answered: frozenset[str]
    has_new_folders: bool


class _Known(NamedTuple):
    """A folder, and its entries."""

    folder: Folder
    entries: FolderEntries


class Scanner:
    """The entries of all folders, as the last scan found them.

    Every scan raises `Stopped` if it is stopped.
    """

    def __init__(self, roots: Sequence[str], files: FileReader, wait: Wait) -> None:
        """Begin with no entries.

        Args:
            roots: the folders, as `absolute` spells them.
            files: reads new and changed files.
            wait: called for new and changed files from the second scan on.
        """
        self.roots = roots
        self._files, self._index, self._clock = files, files.index, files.clock
        self._wait = wait
        self._known: dict[str, _Known] = {}  # by the full path of a folder
        self._noted: dict[str, _Known] = {}  # as the index remembers them
        self._again: dict[str, float] = {}  # when to read it again
        self._is_first = True

    @property
    def snapshot(self) -> Snapshot:
        """All listed entries."""
        listed = {path: known.entries.listed for path, known in self._known.items()}
        return Snapshot(tuple(self.roots), listed)

    def has_found(self, place: Place) -> bool:
        """Return whether there is an entry for a file, listed or not."""
        return place.full_path in self._entries_of(place.full_folder).found

    @property
    def folders(self) -> Iterator[Folder]:
        """All folders, without their files."""
        return (known.folder for known in self._known.values())

    def set_roots(self, roots: Sequence[str]) -> None:
        """Scan only these roots from now on, and forget all others."""
        # In this order: other threads look up the root of each known folder.
        self._known = {
            path: known for path, known in self._known.items() if known.folder.place.root in roots
        }
        self.roots = roots

    def scan(self, publish: Publish) -> Scan:
        """Scan all folders.

        Args:
            publish: called now and then while many files are read.
        """
        self._index.read(self.roots)
        seen = set[Identity]()
        scan = self._compare_all(walk(self.roots, seen, width=self._files.width), {}, seen, publish)
        if scan.is_changed:
            self._forget_missing()
        self._note_folders(scan.answered)
        return scan

    def recall(self, publish: Publish) -> Recalled | None:
        """Take over the folders that an earlier process found, and scan those that have changed.

        Each folder takes one call to the disk. Files that were written in place, and what is in new
        folders, are found by the next scan of all.

        Returns:
            None if nothing is remembered of a root, or only as a part of one that now comes later.
        """
        self._index.read(self.roots)
        known = {
            folder.place.full_path: _Known(folder, FolderEntries(found))
            for folder, found in self._index.recall()
        }
        if any(
            root not in known or known[root].folder.place.root not in self.roots[: n + 1]
            for n, root in enumerate(self.roots)
        ):
            return None
        remembered = [folder for folder, _ in known.values()]
        for each in ask_each(self._recognised, remembered, self._files.width):
            path = each.place.full_path
            known[path] = known[path]._replace(folder=each)
        self._noted, now, has_new_folders = dict(known), list[Folder](), False
        for path in [path for path, each in known.items() if each.folder.mtime_ns is None]:
            folder = self._read_folder(known[path].folder)
            if folder is None:
                del known[path]
            else:
                now.append(folder)
                has_new_folders |= not set(folder.folders) <= set(known[path].folder.folders)
        self._known = known  # complete, as other threads go through it
        return Recalled(self._scan_again(now, publish).answered, has_new_folders)

    def retry(self, publish: Publish) -> Scan:
        """Scan again the folders in which anything could not be read, or is incomplete."""
        began = self._clock()
        folders = [self._known[path].folder for path in self._again if path in self._known]
        scan = self._scan_alone(folders, publish)
        earliest = self._clock() + REST * (self._clock() - began)
        self._again = {path: max(due, earliest) for path, due in self._again.items()}
        return scan._replace(again_in=self._again_in())

    def scan_folders(self, paths: Collection[str], publish: Publish) -> Scan:
        """Scan only some folders, by their full paths; all if one of them is not known."""
        if not all(path in self._known for path in paths):
            return self.scan(publish)
        return self._scan_alone([self._known[path].folder for path in paths], publish)

    def scan_changed(self, publish: Publish) -> Scan:
        """Scan the folders whose own time has changed."""
        folders = [known.folder for known in self._known.values()]
        answers = ask_each(self._has_changed, folders, self._files.width)
        return self._scan_alone(list(compress(folders, answers)), publish)

    def _has_changed(self, folder: Folder) -> bool:
        self._files.check_stop()
        return has_changed(folder)

    def _recognised(self, folder: Folder) -> Folder:
        self._files.check_stop()
        return recognised(folder)

    def _read_folder(self, former: Folder) -> Folder | None:
        self._files.check_stop()
        return read_folder(former.place, width=self._files.width, is_linked=former.is_linked)

    def _scan_alone(self, formers: Sequence[Folder], publish: Publish) -> Scan:
        """Scan some known folders.

        If one of them answers again, is now a different folder, or has different folders in it, all
        are scanned: nobody knows what is below it.
        """
        if self._is_first:
            return self.scan(publish)
        folders = list[Folder]()
        for former in formers:
            folder = self._read_folder(former)
            if folder is None or folder.below != former.below:
                return self.scan(publish)
            folders.append(folder)
        return self._scan_again(folders, publish)

    def _scan_again(self, folders: Sequence[Folder], publish: Publish) -> Scan:
        """Compare folders with what was known of them; all others stay as they are."""
        rest, former_paths = dict(self._known), set[str]()
        for folder in folders:
            former_paths.update(rest.pop(folder.place.full_path).entries.found)
        scan = self._compare_all(folders, rest, set(), publish)
        if scan.is_changed:
            paths = (self._known[folder.place.full_path].entries.found for folder in folders)
            self._index.forget(former_paths.difference(*paths))
        return scan

    def _compare_all(
        self,
        folders: Iterable[Folder],
        rest: Mapping[str, _Known],
        seen: set[Identity],
        publish: Publish,
    ) -> Scan:
        """Compare folders with what is known of them, and read what is new.

        Args:
            rest: all other folders, as known.
            seen: folders to pass by; those below a silent one are added.
        """
        known, unread = dict(rest), list[Unread]()
        again = {path: due for path, due in self._again.items() if path in rest}
        cost, calls, began = 0.0, 0, self._clock()
        for folder in folders:
            cost += self._clock() - began
            calls += _FOLDER_CALLS + len(folder.files)
            self._files.check_stop()
            path = folder.place.full_path
            if folder.problem:
                again[path] = self._clock() + _RETRY_FOLDER
                kept = self._stale(folder, folder.problem)
                known.update(kept)
                seen.update(each.folder.identity for each in kept.values() if each.folder.identity)
            elif not (folder.is_elsewhere and path in known):
                known[path] = self._compare(folder, unread, again)
            began = self._clock()
        is_changed = (
            bool(unread)
            or known.keys() != self._known.keys()
            or any(each.entries is not self._known[path].entries for path, each in known.items())
        )
        self._known, self._again = known, again
        lost, unsure = self._files.read_all(unread, publish)
        for path, moment in unsure.items():
            again.setdefault(path, moment + _RETRY_FILE)
        self._is_first = False
        answered = frozenset(known.keys() & set(self.roots))
        return Scan(is_changed, answered, self._again_in(), cost + lost, calls, rest.keys())

    def _again_in(self) -> float | None:
        """Return the seconds until the first folder must be read again."""
        due = min(self._again.values(), default=None)
        return None if due is None else max(0.0, due - self._clock())

    def _forget_missing(self) -> None:
        """Let the index forget what is gone, except in silent folders, which nobody knows."""
        found = set[str]().union(*(known.entries.found for known in self._known.values()))
        full = {known.folder.place.root for known in self._known.values() if known.entries.found}
        silent = [folder.place for folder in self.folders if folder.problem]
        self._index.forget_missing(found, full, silent)

    def _note_folders(self, answered: Collection[str]) -> None:
        """Let the index remember the folders' content, for the next process's `recall`."""
        for path, known in self._known.items():
            if known != self._noted.get(path):
                self._index.keep_folder(known.folder, known.entries.found.values())
        for path in self._noted.keys() - self._known.keys():
            gone = self._noted[path]
            if gone.folder.place.root in answered:
                self._index.forget_folder(path)
                self._index.forget(gone.entries.found)
        self._noted = dict(self._known)

    # One folder

    def _compare(self, folder: Folder, unread: list[Unread], again: dict[str, float]) -> _Known:
        """Return what is now known of a folder, and note the files to read."""
        path = folder.place.full_path
        before = self._entries_of(path)
        entries = FolderEntries()
        pending = len(unread)
        for found in folder.files:
            key = found.place.full_path
            former = before.found.get(key)
            entry = self._entry_of_known(found, former)
            if entry is None:
                self._files.check_stop()
                wait = 0.0 if self._is_first else self._wait(key, found.size, found.mtime_ns)
                if wait > 0:
                    due = self._clock() + wait
                    again[path] = min(due, again.get(path, due))
                else:
                    unread.append(Unread(found, path, entries))
                entry = former and former._replace(stale=None)  # until it is complete, or read
            if entry is not None:
                entries.put(entry)
            if found.is_transient:
                again.setdefault(path, self._clock() + _RETRY_FILE)
        if len(unread) == pending:
            entries = before.followed_by(entries)
        return _Known(folder._replace(files=()), entries)

    def _entries_of(self, folder: str) -> FolderEntries:
        known = self._known.get(folder)
        return known.entries if known else FolderEntries()

    def _entry_of_known(self, found: Found, former: Entry | None) -> Entry | None:
        """Return the entry of a file that need not be read; None if it must be."""
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

    def _stale(self, folder: Folder, problem: str) -> dict[str, _Known]:
        """Return what was known of a silent folder, and of all below it."""
        own, inside = folder.place.full_path, folder.place.full_prefix
        kept = {
            path: known._replace(entries=known.entries.followed_by(known.entries.stale(problem)))
            for path, known in self._known.items()
            if path.startswith(inside)
        }
        before = self._entries_of(own)
        entries = before.stale(problem)
        for found in folder.files:  # the folder itself, with its problem
            entries.put(unopened(found))
        return {**kept, own: _Known(folder._replace(files=()), before.followed_by(entries))}
