"""The scans of a living library: one at a time, shared by all who ask, shown as they progress.

    rescan: walk -> read what is new -> snapshot -> diff -> show

A scan works outside the readers' lock, so only those who asked for it wait for a disk.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Collection, Iterable
from functools import partial
from itertools import chain
from typing import NamedTuple, Protocol, final

from lib_embeddings.entries.entry import Entry, Found
from lib_embeddings.entries.place import Place, absolute
from lib_embeddings.entries.read import read_file
from lib_embeddings.entries.slow_disk import Width, wide
from lib_embeddings.entries.snapshot import Changes, Snapshot, diff
from lib_embeddings.entries.walk import Folder, walk
from lib_embeddings.errors import MoveError
from lib_embeddings.library.file_reader import FileReader, Progress, Stop, Stopped
from lib_embeddings.library.scanner import Publish, Scan, Scanner, Wait
from lib_embeddings.names import fold, split_name
from lib_embeddings.stores.index import Index, no_collecting
from lib_embeddings.views.folders import folder_id

log = logging.getLogger(__name__)


class Rescan(NamedTuple):
    """The outcome of a scan.

    Attributes:
        changes: since the last scan.
        again_in: seconds after which to call `Library.retry`, because a file was incomplete or
            could not be read, or a folder did not answer; None if nothing is left to do.
        folders: all present folders, without their files, for a watcher.
        cost: seconds that the same scan would take again, as new files are read only once.
        calls: its number of calls to the disk.
    """

    changes: Changes
    again_in: float | None
    folders: tuple[Folder, ...]
    cost: float = 0.0
    calls: int = 0


class Show(Protocol):
    """Shows the present state."""

    def __call__(self, snapshot: Snapshot, changes: Changes | None = None) -> object:
        """Show it to all readers, and at the end of a scan the changes since the last one."""


def complete(_path: str, _size: int, _mtime_ns: int) -> float:
    """Call every file complete, as nobody watches writers."""
    return 0.0


@final
class Scans:
    """All scans of some folders.

    Attributes:
        roots: the folders, as absolute paths.
        missing_roots: those that were missing at the last scan.
        progress: of the scan that reads files now; None if none does.
        scanning: held while folders are scanned, or changed by us.
    """

    def __init__(  # noqa: PLR0913 - all that it needs is given here
        self,
        roots: Iterable[str | os.PathLike[str]],
        index: Index,
        show: Show,
        deliver: Callable[[], object],
        *,
        wait: Wait = complete,
        stop: Stop | None = None,
        read: Callable[[Found], Entry] = read_file,
        width: Width = wide,
        on_progress: Callable[[int, int], object] | None = None,
        on_scan: Callable[[Rescan], object] | None = None,
    ) -> None:
        """Begin without any scan; `library.Library` describes the other arguments.

        Args:
            show: called while files are read, and at the end of a scan that found changes.
            deliver: informs all who follow what is shown; called without a lock.
        """
        self.roots = _absolute(roots)
        self._index = index
        self._on_show, self._deliver = show, deliver
        self._on_progress, self._on_scan = on_progress, on_scan
        self._read, self._wait = read, wait
        self.scanning = threading.Lock()  # one scan at a time; guards all down to `_reported`
        self.missing_roots: tuple[str, ...] = ()
        self.progress: Progress | None = None
        files = FileReader(
            read,
            index,
            stop=stop or threading.Event(),
            on_progress=self._note_progress,
            width=width,
        )
        self._scanner = Scanner(self.roots, files, wait)
        self._last: tuple[int, Rescan] | None = None
        self._begun = 0  # scans
        self._has_shown = self._is_shown = False  # ever; all that the scanner knows
        self._reported = Snapshot(self.roots, {})  # up to here, changes were shown as such
        self._showing = threading.Lock()  # guards all below; readers do not wait for it
        self._ended = 0  # scans
        self._shown = self._reported
        self._is_awaited = False  # it was shown as incomplete
        self._ahead = self._reported  # files that were read before a scan reached them

    @property
    def is_scanning(self) -> bool:
        """Whether folders are scanned now."""
        return self.scanning.locked()

    def folder(self, id: str) -> Place:  # noqa: A002 the word of the API
        """Return the place of a folder by its id, of the first root without one.

        Raises:
            MoveError: there is no such folder.
        """
        id = id or folder_id(0, "")  # noqa: A001 likewise
        numbers = {root: number for number, root in enumerate(self._scanner.roots)}
        places = [folder.place for folder in self._scanner.folders]
        if not self._has_shown:  # a root is known before anything is found in it
            places += map(Place.of_root, self._scanner.roots)
        for place in places:
            if folder_id(numbers[place.root], place.path) == id:
                return place
        raise MoveError("this folder no longer exists: choose another")

    def wait(self, seconds: float) -> bool:
        """Wait for the present scan, if there is one; return whether it has ended."""
        has_ended = self.scanning.acquire(timeout=seconds)
        if has_ended:
            self.scanning.release()
        return has_ended

    def set_roots(self, roots: Iterable[str | os.PathLike[str]]) -> Rescan:
        """Scan these folders from now on, and at once."""
        self.roots = _absolute(roots)
        return self.rescan()

    def rescan(self) -> Rescan:
        """Scan all folders, and return the changes.

        A call during a scan gets the result of the next scan, in whatever thread that runs: it
        begins after the call.
        """
        wanted = self._begun + 1
        with self.scanning:
            if self._last is None or self._last[0] < wanted:
                self._begun += 1
                self._last = self._begun, self._scan(self._scan_all)
            result = self._last[1]
        self._deliver()
        return result

    def rescan_folders(self, paths: Collection[str]) -> Rescan:
        """Scan only some folders, or all if one of them is not known.

        Args:
            paths: full paths, as a folder's place has them.
        """
        return self._scan_now(partial(self._scanner.scan_folders, paths))

    def rescan_changed(self) -> Rescan:
        """Scan the folders in which anything came, went or was renamed.

        It costs one call to the disk for each folder; files that were written in place are not
        found.
        """
        return self._scan_now(self._scanner.scan_changed)

    def retry(self) -> Rescan:
        """Scan again what was incomplete, could not be read, or did not answer."""
        return self._scan_now(self._scanner.retry)

    def bring(self, texts: Iterable[str]) -> bool:
        """Read at once, during a scan, the files that texts may name and the scan has yet to read.

        Returns:
            Whether anything was read.
        """
        if not self.is_scanning:
            return False
        ended, written = self._ended, _unspaced("\n".join(texts))

        def is_wanted(filename: str) -> bool:
            stem = _unspaced(split_name(filename)[0])
            return stem in written or stem.replace("_2", "") in written  # the half of a pair

        folders = walk(self.roots, is_wanted=is_wanted)
        known = self._shown.folders
        entries = [
            self._read(found)
            for found in chain.from_iterable(folder.files for folder in folders)
            if not (found.problem or _is_known(found, known.get(found.place.full_folder, ())))
            and self._wait(found.place.full_path, found.size, found.mtime_ns) <= 0
        ]
        with self._showing:
            if self._ended != ended:  # that scan knows better
                entries = [each for each in entries if self._has_missed(each)]
            if entries:
                self._ahead = self._ahead.with_others(Snapshot.of((), entries))
                self._show(self._shown)
        self._deliver()
        return bool(entries)

    def _scan_now(self, run: Callable[[Publish], Scan]) -> Rescan:
        with self.scanning:
            result = self._scan(run)
        self._deliver()
        return result

    def _scan_all(self, publish: Publish) -> Scan:
        has_other_roots = self._scanner.roots != self.roots
        if has_other_roots:
            self._scanner.set_roots(self.roots)
        if not self._has_shown:
            recalled = self._scanner.recall(publish)
            if recalled:
                left = Progress(0, 0) if recalled.has_new_folders else None
                self._show_all(recalled.answered, left=left)
                self._deliver()
        scan = self._scanner.scan(publish)
        return scan._replace(is_changed=scan.is_changed or has_other_roots)

    def _scan(self, run: Callable[[Publish], Scan]) -> Rescan:
        changes, reported = Changes(), self._reported
        was_shown, self._is_shown = self._is_shown, False
        earlier = {each.place for each in self._ahead.entries}
        try:
            with no_collecting():
                scan = run(self._show_batch)
                with self._showing:
                    self._ended += 1
                if scan.is_changed or not was_shown or self._ahead.folders:
                    passed = {each for each in earlier if each.full_folder not in scan.skipped}
                    changes = self._show_all(scan.answered, passed)
                    if not reported.folders:  # recalled entries are new to whoever asked for a scan
                        changes = diff(reported, self._reported)
            self._is_shown = True
        except Stopped:
            return Rescan(Changes(), None, ())
        finally:
            self._index.save()
            self.progress = None
        folders = tuple(self._scanner.folders)
        result = Rescan(changes, scan.again_in, folders, scan.cost, scan.calls)
        if self._on_scan:
            self._on_scan(result)
        return result

    def _show_batch(self) -> None:
        """Show what a scan has read so far."""
        with self._showing:
            self._show(self._scanner.snapshot)
        self._deliver()

    def _show_all(
        self,
        answered: Collection[str],
        passed: Collection[Place] = (),
        left: Progress | None = None,
    ) -> Changes:
        """Show what a scan found; the first one is shown even if it found nothing.

        Args:
            passed: of files that were brought: where it would have found them.
            left: the progress of what is still to be scanned.
        """
        roots = self._scanner.roots
        snapshot = self._scanner.snapshot
        changes = diff(self._reported, snapshot)
        missing = tuple(root for root in roots if root not in answered)
        for root in missing:
            if root not in self.missing_roots:
                log.warning("the folder %s is missing: its embeddings come back with it", root)
        is_awaited = self._is_awaited or not self._has_shown
        is_news = changes or missing != self.missing_roots or is_awaited
        self.missing_roots, self._reported = missing, snapshot
        with self._showing:
            ahead = (each for each in self._ahead.entries if each.place not in passed)
            self._ahead = Snapshot.of((), filter(self._has_missed, ahead))
            if is_news or snapshot.with_others(self._ahead) != self._shown:
                self._has_shown = True
                self.progress = left
                self._show(snapshot, changes)
        return changes

    def _has_missed(self, ahead: Entry) -> bool:
        """Return whether a file is there that came after the scan had listed its folder."""
        place = ahead.place
        return (
            place.root in self._scanner.roots
            and not self._scanner.has_found(place)
            and os.path.lexists(place.full_path)
        )

    def _show(self, snapshot: Snapshot, changes: Changes | None = None) -> None:
        self._shown = snapshot.with_others(self._ahead)
        self._is_awaited = self.progress is not None
        self._on_show(self._shown, changes)

    def _note_progress(self, progress: Progress) -> None:
        self.progress = progress
        if self._on_progress:
            self._on_progress(*progress)


def _unspaced(text: str) -> str:
    """Return a text as names are compared with it here: without blanks and escapes."""
    return "".join(fold(text).replace("\\", "").split())


def _is_known(found: Found, entries: Iterable[Entry]) -> bool:
    now = found.place, found.size, found.mtime_ns
    return any((each.place, each.size, each.mtime_ns) == now for each in entries)


def _absolute(roots: Iterable[str | os.PathLike[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(absolute, roots)))
