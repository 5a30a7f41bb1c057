"""Scan folders when something has changed in them, and files once they are complete.

an event          -> its folder alone, or all if folders came or went
no events come    -> folders whose own time has changed, every few seconds
now and then      -> all folders: this is the truth, whatever the events said
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, final

from lib_embeddings.entries.snapshot import Changes
from lib_embeddings.entries.walk import Folder
from lib_embeddings.limits import REST
from lib_embeddings.watch.folder_watch import PACE, FolderWatch, Hint, Observer, Pace, observe

log = logging.getLogger(__name__)

# A file that was moved in keeps its time, and no event says that it is complete. This is more than
# the difference of two machines' clocks, as the time may be from another machine.
LONG_AGO_NS = 60 * 10**9


@dataclass(slots=True)
class _Sighting:
    signature: tuple[int, int] | None
    since: float
    asked: float


class WriteTracker:
    """Judge a file complete once its writer has closed it, or it has stood still.

    A file that was last written long ago already stands still. Only files that are still awaited
    are remembered. Any thread may call.
    """

    def __init__(
        self,
        stand_still: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Start with no file.

        Args:
            stand_still: seconds of unchanged size and mtime that make a file complete.
            now_ns: the time to compare an mtime with.
        """
        self._stand_still = stand_still
        self._clock = clock
        self._now_ns = now_ns
        self._lock = threading.Lock()
        self._sightings: dict[str, _Sighting] = {}

    def closed(self, path: str) -> None:
        """Note that a file's writer has closed it or renamed it into place.

        Args:
            path: as in events, in its real folder.
        """
        with self._lock:
            self._sightings[path] = _Sighting(None, since=-math.inf, asked=self._clock())

    def seconds_left(self, path: str, size: int, mtime_ns: int) -> float:
        """Return the seconds until a file may be read, 0 if it may be read now.

        A file found complete is forgotten, so ask only about files that have changed since they
        were read: asking again begins a new wait.
        """
        # Events name the real folder, even if the caller came by a link.
        folder, name = os.path.split(path)
        real = os.path.join(os.path.realpath(folder), name)
        with self._lock:
            return self._seconds_left(real, (size, mtime_ns))

    def _seconds_left(self, path: str, signature: tuple[int, int]) -> float:
        if self._now_ns() - signature[1] > LONG_AGO_NS:
            self._sightings.pop(path, None)
            return 0.0
        now = self._clock()
        sighting = self._sightings.get(path)
        if sighting is None or sighting.signature not in (None, signature):
            sighting = self._sightings[path] = _Sighting(signature, since=now, asked=now)
        sighting.asked = now
        left = sighting.since + self._stand_still - now
        if left > 0:
            return left
        del self._sightings[path]
        return 0.0

    def forget_before(self, moment: float) -> None:
        """Forget files that nobody has closed or asked about since a moment: they are gone."""
        with self._lock:
            self._sightings = {
                path: each for path, each in self._sightings.items() if each.asked >= moment
            }


class ScanResult(Protocol):
    """The facts about a scan that a watcher needs; see `library.scans.Rescan`."""

    @property
    def changes(self) -> Changes:
        """The changes since the scan before."""

    @property
    def again_in(self) -> float | None:
        """Seconds after which to call `retry`."""

    @property
    def folders(self) -> Collection[Folder]:
        """All present folders."""

    @property
    def cost(self) -> float:
        """Seconds that the same scan would take again."""

    @property
    def calls(self) -> int:
        """Its number of calls to the disk."""


class Scanned(Protocol):
    """The scans of a library, which calls `Watcher.note_scan` after each."""

    @property
    def roots(self) -> Sequence[str]:
        """The roots; a missing one is picked up when it appears."""

    def rescan(self) -> ScanResult:
        """Scan all folders."""

    def rescan_folders(self, paths: Collection[str]) -> ScanResult:
        """Scan only some folders, or all if one of them is not known."""

    def rescan_changed(self) -> ScanResult:
        """Scan the folders whose own time has changed."""

    def retry(self) -> object:
        """Scan again what was incomplete, could not be read, or did not answer."""


class Debounce:
    """Hold a burst of events until it is quiet, yet never longer than a ceiling.

    Under a steady stream there would never be a quiet time. It has no thread and no lock.
    """

    def __init__(
        self, quiet: float, ceiling: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start idle.

        Args:
            quiet: seconds without an event that end a burst.
            ceiling: the most seconds that a burst is held, counted from its first event.
        """
        self._quiet = quiet
        self._ceiling = ceiling
        self._clock = clock
        self._first: float | None = None
        self._last = 0.0

    def note(self) -> None:
        """Note an event."""
        self._last = self._clock()
        if self._first is None:
            self._first = self._last

    def wait(self) -> float | None:
        """Return the seconds until the burst ends, 0 when it has ended, None when idle."""
        if self._first is None:
            return None
        end = min(self._last + self._quiet, self._first + self._ceiling)
        return max(0.0, end - self._clock())

    def clear(self) -> None:
        """Become idle: the next event begins a new burst."""
        self._first = None


@final
class Watcher:
    """Scan a library at once, and after each change under its roots.

    Events only say where to scan, so lost, doubled or reordered ones cannot make the list wrong.
    Scans run in the watcher's own thread. Links to folders are followed; files with temporary or
    hidden names are passed by until they are renamed.
    """

    def __init__(  # noqa: PLR0913 - all that it needs, and its clock
        self,
        library: Scanned,
        writes: WriteTracker,
        stop: threading.Event,
        *,
        pace: Pace = PACE,
        observer_factory: Callable[[], Observer] = observe,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare to watch; nothing happens before `start`.

        Args:
            library: if a scan of it fails, that is logged, and the scan repeated later.
            writes: learns which files are complete.
            stop: set when the watcher stops, so that a scan ends early.
        """
        self._library = library
        self._writes = writes
        self._stop = stop
        self._pace = pace
        self._clock = clock
        self._open = partial(FolderWatch, pace=pace, observer_factory=observer_factory, clock=clock)
        self._watches: dict[str, FolderWatch] = {}  # used by the worker alone, like the next
        self._rest_until = -math.inf
        self._worker: threading.Thread | None = None
        self._wake = threading.Condition()  # guards all below
        self._retry_at = math.inf
        self._debounce = Debounce(pace.quiet, pace.ceiling, clock)
        self._events: set[str] = set()  # roots with any events
        self._folders: set[str] = set()  # in which files changed
        self._is_anywhere = False  # all are to be scanned

    @property
    def is_alive(self) -> bool:
        """Whether the worker runs."""
        return self._worker is not None and self._worker.is_alive()

    def start(self) -> None:
        """Begin to watch; a running watcher is left alone."""
        if self.is_alive and not self._stop.is_set():
            return
        self.stop()  # a worker that stopped itself may not have ended yet
        self._stop.clear()
        self.scan_soon()
        self._worker = threading.Thread(target=self._work, name="embeddings-watcher", daemon=True)
        self._worker.start()

    def stop(self) -> None:
        """End the worker and wait for it; safe to call again."""
        self._stop.set()
        with self._wake:
            self._wake.notify()
        if self._worker is not None and self._worker is not threading.current_thread():
            self._worker.join()

    def scan_soon(self) -> None:
        """Scan, and watch the roots that the library has now."""
        with self._wake:
            self._is_anywhere = True
            self._debounce.note()
            self._wake.notify()

    def note_scan(self, result: ScanResult) -> None:
        """Learn from a scan in any thread when to call `retry`."""
        again_in = result.again_in
        with self._wake:
            self._retry_at = math.inf if again_in is None else self._clock() + again_in
            self._wake.notify()

    def _note_event(self, root: str, hint: Hint) -> None:
        if hint.complete is not None:
            self._writes.closed(hint.complete)
        with self._wake:
            self._events.add(root)
            self._folders.update(hint.folders)
            self._is_anywhere |= not hint.folders
            self._debounce.note()
            self._wake.notify()

    def _work(self) -> None:
        try:
            while self._wait():
                began = self._clock()
                try:
                    self._scan_what_is_due()
                except Exception:  # the library's owner must not lose the watch
                    log.exception("a scan failed; it will be tried again")
                    self._begin_again_later(self._clock() - began)
        finally:
            self._adopt(())

    def _begin_again_later(self, cost: float) -> None:
        """Plan a scan of all folders after a failed one, and none until then."""
        with self._wake:
            self._rest_until = self._clock() + max(self._pace.poll_alone, REST * cost)
            self._is_anywhere = True
            self._debounce.note()

    def _wait(self) -> bool:
        """Sleep until a scan may be due; return whether to go on."""
        with self._wake:
            while not self._stop.is_set():
                pause = self._pause()
                if pause <= 0:
                    return True
                self._wake.wait(min(pause, threading.TIMEOUT_MAX))
            return False

    def _pause(self) -> float:
        """Return the seconds until a burst ends or a poll or retry is due, whichever is first."""
        pause = self._debounce.wait()
        if pause is None:
            polls = (min(each.next_scan, each.next_peek) for each in self._watches.values())
            pause = min(self._retry_at, *polls, math.inf) - self._clock()
        return max(pause, self._rest_until - self._clock())

    def _scan_what_is_due(self) -> None:
        with self._wake:
            self._debounce.clear()
            events, self._events = self._events, set()
            folders, self._folders = self._folders, set()
            is_anywhere, self._is_anywhere = self._is_anywhere, False
            is_retry = self._retry_at <= self._clock()
        self._adopt(self._library.roots)
        due = [watch for watch in self._watches.values() if watch.is_due()]
        if is_anywhere or due:
            self._rescan(events)
        elif folders:
            self._take_in(self._library.rescan_folders(folders), events)
        elif any(watch.next_peek <= self._clock() for watch in self._watches.values()):
            self._take_in(self._library.rescan_changed(), events)
            for watch in self._watches.values():
                watch.plan_peek()
        elif is_retry:
            self._library.retry()

    def _rescan(self, events: set[str]) -> None:
        began = self._clock()
        result = self._library.rescan()
        if not self._stop.is_set():
            self._writes.forget_before(began)
            self._take_in(result, events)
            for watch in self._watches.values():
                watch.plan(result.cost, result.calls)

    def _take_in(self, result: ScanResult, events: set[str]) -> None:
        """Pass the result of a scan on to the watch of each root."""
        if self._stop.is_set():
            return
        with self._wake:
            events = events | self._events  # of files that it found, or that the next one will find
        changed = {entry.place.root for entries in result.changes for entry in entries}
        folders: dict[str, list[Folder]] = {path: [] for path in self._watches}
        for folder in result.folders:
            folders.setdefault(folder.place.root, []).append(folder)
        for path, watch in self._watches.items():
            is_changed, had_event = path in changed, path in events
            if watch.take_in(folders[path], is_changed=is_changed, had_event=had_event):
                self.scan_soon()

    def _adopt(self, roots: Sequence[str]) -> None:
        """Watch new roots, and stop watching roots that the library no longer has."""
        for path in self._watches.keys() - set(roots):
            self._watches.pop(path).close()
        for path in roots:
            if path not in self._watches:
                self._watches[path] = self._open(path, partial(self._note_event, path))
