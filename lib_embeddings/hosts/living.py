"""What every host composes: a library, what is remembered of it, and the watch over its folders."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent import futures
from contextlib import closing, contextmanager
from functools import partial
from typing import NamedTuple, final

from lib_embeddings.entries.entry import Found
from lib_embeddings.entries.place import Place, absolute
from lib_embeddings.entries.read import read_file
from lib_embeddings.entries.slow_disk import wide
from lib_embeddings.entries.snapshot import Changes
from lib_embeddings.library.library import Library
from lib_embeddings.prompts.tokens import Tokenize
from lib_embeddings.stores.choices import Choices
from lib_embeddings.stores.index import Index
from lib_embeddings.watch.watcher import Watcher, WriteTracker

log = logging.getLogger(__name__)

# Seconds that a picture waits for a scan of files that it may not need.
PATIENCE = 0.2


@final
class Patience:
    """How long a picture waits for scans. While it does, they need not spare it."""

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self._lock = threading.Lock()
        self._n_waiting = 0

    @property
    def is_waiting(self) -> bool:
        """Whether anybody waits now."""
        return self._n_waiting > 0

    def wait_for(self, work: Callable[[], object]) -> None:
        """Run some work in a thread of its own, and wait until it is done or has taken too long."""
        done = futures.Future[object]()

        def run() -> None:
            try:
                done.set_result(work())
            except Exception as error:  # noqa: BLE001 - for who waits
                done.set_exception(error)

        with self._waiting():
            threading.Thread(target=run, name="embeddings-scan", daemon=True).start()
            futures.wait([done], PATIENCE)
        if done.done():
            done.result()
        else:
            done.add_done_callback(_log_problem)

    def wait_for_scan(self, library: Library) -> bool:
        """Wait for the present scan, if there is one; return whether it has ended."""
        with self._waiting():
            return library.scans.wait(PATIENCE)

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        with self._lock:
            self._n_waiting += 1
        try:
            yield
        finally:
            with self._lock:
                self._n_waiting -= 1


class Living(NamedTuple):
    """A library, and what makes it follow its folders by itself."""

    library: Library
    watcher: Watcher
    patience: Patience

    def scan(self, folders: Iterable[str]) -> None:
        """Scan these folders now, and watch them from now on if they are not those from before.

        Nobody who makes a picture waits for a slow disk: after a moment the scan goes on by itself,
        and prompts *bring* what they name.
        """
        if self.library.progress is not None:
            self.catch_up(folders)
        elif not self._set_roots(folders):
            self.patience.wait_for(self.library.rescan)

    def catch_up(self, folders: Iterable[str]) -> None:
        """Do the same for who cannot wait: files written in place come by their events."""
        if not self._set_roots(folders) and self.patience.wait_for_scan(self.library):
            self.patience.wait_for(self.library.scans.rescan_changed)

    def _set_roots(self, folders: Iterable[str]) -> bool:
        """Scan these folders from now on; return whether they are not the former ones."""
        roots = list(dict.fromkeys(map(absolute, folders)))
        if roots == list(self.library.roots):
            return False
        self.patience.wait_for(partial(self.library.scans.set_roots, roots))
        self.watcher.scan_soon()
        return True


def _log_problem(done: futures.Future[object]) -> None:
    """Log the error of some work for which nobody waits any more."""
    problem = done.exception()
    if problem:
        log.error("a scan failed", exc_info=problem)


@contextmanager
def living_library(
    roots: Iterable[str | os.PathLike[str]],
    tokenize: Tokenize | None = None,
    on_progress: Callable[[int, int], object] | None = None,
    is_busy: Callable[[], bool] = lambda: False,
) -> Iterator[Living]:
    """Yield a library whose watcher is not started yet; everything ends with the block.

    The first scan is the watcher's own, so that nobody waits for it.

    Args:
        tokenize: returns token ids while no model is active.
        is_busy: tells whether the host is making a picture now, which takes precedence over any
            scan.
    """
    stop, writes, patience = threading.Event(), WriteTracker(), Patience()

    def wait(path: str, size: int, mtime_ns: int) -> float:
        left = writes.seconds_left(path, size, mtime_ns)
        # A host that has just written a file asks for it before its events arrive. A file that
        # reads as an embedding to its end is complete.
        found = Found(Place.of_file(path), size, mtime_ns)
        return 0.0 if left > 0 and read_file(found).reading.state == "ok" else left

    def width() -> int:
        # Each thread that a slow disk answers takes Python from a picture, which needs it at every
        # step.
        return 1 if is_busy() and not patience.is_waiting else wide()

    with Index.open() as index, closing(Choices()) as choices:
        library = Library(
            roots,
            index,
            choices,
            tokenize=tokenize,
            wait=wait,
            stop=stop,
            width=width,
            on_progress=on_progress,
            on_scan=lambda result: watcher.note_scan(result),  # noqa: PLW0108 - it is made below
        )
        watcher = Watcher(library.scans, writes, stop)
        try:
            with _hashing_twins(library, stop):
                yield Living(library, watcher, patience)
        finally:
            watcher.stop()


@contextmanager
def _hashing_twins(library: Library, stop: threading.Event) -> Iterator[None]:
    """Hash twins after each change, in a thread of its own, so that no reader waits for it."""
    news, due = threading.Event(), threading.Event()

    def note(_generation: int, changes: Changes) -> None:
        if changes:  # no other generation has new files
            due.set()
        # While a scan goes on, they wait for the generation at its end, which may have no changes.
        if due.is_set() and library.progress is None:
            news.set()

    def hash_twins() -> None:
        while news.wait() and not stop.is_set():
            news.clear()
            due.clear()
            library.hash_twins()

    thread = threading.Thread(target=hash_twins, name="embeddings-twins", daemon=True)
    unsubscribe = library.subscribe(note)
    thread.start()
    try:
        yield
    finally:
        unsubscribe()
        stop.set()
        news.set()
        thread.join()
