"""Call back when something changed under the watched folders."""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from inspect import signature
from types import TracebackType
from typing import Any, final

import watchdog.events
import watchdog.observers

from lib_embeddings.watch.debounce import Debounce
from lib_embeddings.watch.pace import PACE, Pace
from lib_embeddings.watch.root import Observer, Root
from lib_embeddings.watch.settle import Settling

logger = logging.getLogger("lib_embeddings")

# What an `Ear` does not hear anyway need not be told.
_HEARD = [
    watchdog.events.FileCreatedEvent,
    watchdog.events.FileModifiedEvent,
    watchdog.events.FileMovedEvent,
    watchdog.events.FileDeletedEvent,
    watchdog.events.FileClosedEvent,
    watchdog.events.DirCreatedEvent,
    watchdog.events.DirMovedEvent,
    watchdog.events.DirDeletedEvent,
]


def observe() -> Observer:
    """Return an observer that is told nothing of files being read.

    Reading ten thousand files takes twice as long where each reading is told.
    """
    observer: Any = watchdog.observers.Observer()
    if "event_filter" in signature(observer.schedule).parameters:  # from watchdog 4 on
        observer.schedule = partial(observer.schedule, event_filter=_HEARD)
    return observer  # type: ignore[no-any-return]


@final
class Watcher:
    """Watch folders and call `on_change` once their watch is in place, then after each change.

    `on_change` is told nothing of what changed: it scans and compares, and asks `is_whole` of
    each file it has not read yet. It runs in the watcher's own thread, outside any lock, and
    never twice at once. Links to folders are followed; files under temporary or hidden names
    are not looked at until renamed.
    """

    def __init__(
        self,
        roots: Iterable[str | os.PathLike[str]],
        on_change: Callable[[], object],
        *,
        pace: Pace = PACE,
        observer_factory: Callable[[], Observer] = observe,
    ) -> None:
        """Prepare to watch; nothing is touched before `start`.

        Args:
            roots: folders; a missing one is picked up when it comes.
            on_change: called without arguments; an exception is logged, and the call repeated at
                the next poll.
        """
        self._on_change = on_change
        self._open_root = partial(Root, pace=pace, observer_factory=observer_factory)
        self._roots: dict[str, Root] = {}  # the worker's own
        self._worker: threading.Thread | None = None
        self._wake = threading.Condition()  # guards all below
        self._debounce = Debounce(pace.quiet, pace.ceiling)
        self._settling = Settling(pace.stand_still)
        self._heard: set[str] = set()
        self._wanted: list[str] = []
        self._stopping = False
        self.set_roots(roots)

    def __enter__(self) -> Watcher:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def is_alive(self) -> bool:
        """Whether the worker runs."""
        return self._worker is not None and self._worker.is_alive()

    def start(self) -> None:
        """Begin to watch; a watcher that runs already is left alone."""
        if self.is_alive:
            return
        with self._wake:
            self._stopping = False
            self._debounce.touch()
        self._worker = threading.Thread(target=self._work, name="embeddings-watcher", daemon=True)
        self._worker.start()

    def stop(self) -> None:
        """End the worker and wait for it, and for a callback it is in; safe to call again."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._worker is not None and self._worker is not threading.current_thread():
            self._worker.join()

    def set_roots(self, roots: Iterable[str | os.PathLike[str]]) -> None:
        """Watch these folders from now on."""
        with self._wake:
            self._wanted = [os.path.abspath(root) for root in roots]
            self._debounce.touch()
            self._wake.notify()

    def is_whole(self, path: str | os.PathLike[str], size: int, mtime_ns: int) -> bool:
        """Tell whether a file's writer is done with it; if not, `on_change` is called again.

        Ask only about files that differ from what was read last, see `Settling.is_whole`.
        """
        # Events name the real folder, also where the caller came by a link.
        folder, name = os.path.split(os.path.abspath(path))
        real = os.path.join(os.path.realpath(folder), name)
        with self._wake:
            whole = self._settling.is_whole(real, size, mtime_ns)
            if not whole:
                self._wake.notify()
        return whole

    def _hear(self, root: str, whole: str | None) -> None:
        with self._wake:
            if whole is not None:
                self._settling.closed(whole)
            self._heard.add(root)
            self._debounce.touch()
            self._wake.notify()

    def _work(self) -> None:
        try:
            while self._wait():
                if self._look():
                    self._call()
        finally:
            self._adopt([])

    def _wait(self) -> bool:
        """Sleep until a look is due; tell whether there is still one to take."""
        with self._wake:
            while not self._stopping:
                pause = self._pause()
                if pause <= 0:
                    return True
                self._wake.wait(min(pause, threading.TIMEOUT_MAX))
            return False

    def _pause(self) -> float:
        """Return the seconds until a look is due.

        It is due at a burst's end; without one, when a file has stood still or a poll's time came.
        """
        burst = self._debounce.wait()
        if burst is not None:
            return burst
        still = self._settling.next_due()
        polls = (root.next_look for root in self._roots.values())
        return min(math.inf if still is None else still, *polls, math.inf) - time.monotonic()

    def _look(self) -> bool:
        """Look at the roots that are due; tell whether there is anything to call back for."""
        with self._wake:
            self._debounce.clear()
            heard, self._heard = self._heard, set()
            wanted = self._wanted
        changed = self._adopt(wanted)
        for path, root in self._roots.items():
            if path in heard or root.next_look <= time.monotonic():
                changed |= root.look(told=path in heard)
        with self._wake:
            return changed or self._settling.waiting()

    def _adopt(self, wanted: list[str]) -> bool:
        """Take in new roots and let go of those no longer wanted; tell whether any went."""
        gone = self._roots.keys() - set(wanted)
        for path in gone:
            self._roots.pop(path).close()
        for path in wanted:
            if path not in self._roots:
                self._roots[path] = self._open_root(path, partial(self._hear, path))
        return bool(gone)

    def _call(self) -> None:
        began = time.monotonic()
        try:
            self._on_change()
        except Exception:  # the owner's code; the watch outlives its errors
            logger.exception("watching: reacting to a change failed; it is tried again")
            for root in self._roots.values():
                root.forget()
        with self._wake:
            self._settling.forget_before(began)
