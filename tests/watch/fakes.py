"""Time that is turned by hand, observers that report what a test says, and a library to watch."""

from __future__ import annotations

import heapq
import os
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple

from lib_embeddings.entries.entry import Entry, Reading, entry_of
from lib_embeddings.entries.snapshot import Changes, Snapshot, diff
from lib_embeddings.entries.walk import Folder, walk
from lib_embeddings.watch.watcher import Watcher

# What has not come true by then never will.
PATIENCE = 30.0


def eventually(is_so: Callable[[], bool]) -> bool:
    """Return whether something comes true by itself, while other threads work."""
    end = time.monotonic() + PATIENCE
    while not is_so() and time.monotonic() < end:
        time.sleep(0.005)
    return is_so()


class Clock:
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Event:
    """The fields of watchdog's events that every version has; a path may be bytes."""

    event_type: str
    src_path: str | bytes
    dest_path: str | bytes = ""
    is_directory: bool = False


class ScriptedObserver:
    """An observer with the signatures of watchdog's, whose events a test makes."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self.refusal = refusal
        self.handlers: dict[str, Any] = {}
        self.state = "new"

    def start(self) -> None:
        assert self.state == "new"
        self.state = "started"

    def schedule(self, event_handler: Any, path: str, *, recursive: bool = False) -> object:
        assert recursive
        if self.refusal is not None:
            raise self.refusal
        self.handlers[path] = event_handler
        return path

    def stop(self) -> None:
        self.state = "stopped"

    def join(self) -> None:
        assert self.state == "stopped"
        self.state = "ended"

    def report(self, event: Event) -> None:
        """Dispatch an event to the handlers of the folders that its path is in."""
        for folder, handler in self.handlers.items():
            if os.fsdecode(event.src_path).startswith(folder):
                handler.dispatch(event)


@dataclass
class Observers:
    """A factory that keeps the observers it made, and refuses to watch when told why."""

    refusal: Exception | None = None
    made: list[ScriptedObserver] = field(default_factory=list)

    def __call__(self) -> ScriptedObserver:
        self.made.append(ScriptedObserver(self.refusal))
        return self.made[-1]

    @property
    def running(self) -> list[ScriptedObserver]:
        return [observer for observer in self.made if observer.state == "started"]

    def folders(self) -> set[str]:
        """Return the folders that are watched now."""
        return {folder for observer in self.running for folder in observer.handlers}


class Result(NamedTuple):
    """What a scan gave."""

    changes: Changes
    again_in: float | None
    folders: tuple[Folder, ...]
    cost: float
    calls: int = 0


class FakeLibrary:
    """A library that opens no file, and notes when it was scanned.

    Attributes:
        scans: which scan, and after how many seconds.
        again_in: what the next scans say.
        walks, reads: seconds that a scan takes for each.
        during: called while a scan goes on, before it walks.
        on_scan: called with what a scan gave.
    """

    def __init__(self, clock: Clock, *roots: os.PathLike[str]) -> None:
        self.roots = [os.fspath(root) for root in roots]
        self.scans: list[tuple[str, float]] = []
        self.again_in: float | None = None
        self.walks = self.reads = 0.0
        self.during: Callable[[], object] = lambda: None
        self.on_scan: Callable[[Result], object] = lambda _result: None
        self._clock = clock
        self._began = clock.now
        self._snapshot = Snapshot.of((), ())

    def rescan(self) -> Result:
        return self._scan("rescan")

    def rescan_folders(self, paths: Collection[str]) -> Result:
        assert paths
        return self._scan("folders")

    def rescan_changed(self) -> Result:
        return self._scan("changed")

    def retry(self) -> Result:
        return self._scan("retry")

    def take(self) -> list[tuple[str, float]]:
        """Return the scans since the last call."""
        scans, self.scans = self.scans, []
        return scans

    def _scan(self, kind: str) -> Result:
        self.scans.append((kind, round(self._clock.now - self._began, 3)))
        self.during()
        self._clock.advance(self.walks + self.reads)
        folders = tuple(walk(self.roots))
        before, self._snapshot = self._snapshot, snapshot_of(folders)
        result = Result(diff(before, self._snapshot), self.again_in, folders, self.walks)
        self.on_scan(result)
        return result


def snapshot_of(folders: tuple[Folder, ...]) -> Snapshot:
    """Return what a library would make of the files in some folders."""
    ok = Reading("ok")
    entries: list[Entry] = [entry_of(found, ok) for folder in folders for found in folder.files]
    return Snapshot.of(list(dict.fromkeys(entry.place.root for entry in entries)), entries)


class Timeline:
    """Lets a watcher work through planned events in one thread, with no time going by.

    It takes the place of the condition that the watcher sleeps on: a sleep turns the clock to its
    end, or to the next planned event.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.now
        self._numbers = count()
        self._planned: list[tuple[float, int, Callable[[], object]]] = []

    def at(self, seconds: float, action: Callable[[], object]) -> None:
        """Plan something for some seconds after the beginning."""
        heapq.heappush(self._planned, (self._began + seconds, next(self._numbers), action))

    def run(self, watcher: Watcher, until: float) -> None:
        """Let a watcher work from its start to its stop."""
        watcher._wake = self
        self.at(until, watcher.stop)
        watcher.scan_soon()
        watcher._work()

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass

    def notify(self) -> None:
        pass

    def wait(self, timeout: float) -> None:
        """Sleep."""
        end = self._clock.now + timeout
        moment = self._planned[0][0]
        if moment > end:
            self._clock.now = end
            return
        self._clock.now = max(self._clock.now, moment)
        heapq.heappop(self._planned)[-1]()
