"""One watched folder: what it held last, and whether events tell of its changes."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Protocol

from lib_embeddings.watch.ear import Ear
from lib_embeddings.watch.pace import Pace
from lib_embeddings.watch.tree import Tree, read_tree

logger = logging.getLogger("lib_embeddings")

# One change without an event may only be ahead of its event; two in a row are not.
MISSES = 2
# Looking takes at most a tenth of the time, however slow the disk.
REST = 10
# Seconds an observer is given to end. Watchdog before 2.1.8 hangs once its folder is unmounted.
PATIENCE = 2.0


class Observer(Protocol):
    """What is used of watchdog's observers, of every version."""

    def start(self) -> None:
        """Start the observer's threads."""

    # Any: watchdog names its own base class, of which it uses `dispatch` alone.
    def schedule(self, event_handler: Any, path: str, *, recursive: bool) -> object:
        """Watch a folder; raise OSError where that cannot be."""

    def stop(self) -> None:
        """Ask the observer's threads to end."""

    def join(self) -> None:
        """Wait for the observer's threads to end."""


class Root:
    """A folder, its latest tree, and the observer that listens to it.

    Where events do not arrive (network shares, containers, no inotify watches left) the root is
    deaf, and looked at every few seconds. Belongs to one thread.
    """

    def __init__(
        self,
        path: str,
        hear: Callable[[str | None], None],
        pace: Pace,
        observer_factory: Callable[[], Observer],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin without a tree; the first look finds a change.

        Args:
            path: the folder; it may be missing now.
            hear: told of each hint, see `Ear`; the one thing that other threads call.
        """
        self.path = path
        self.next_look = -math.inf
        self._hear = hear
        self._pace = pace
        self._clock = clock
        self._observer_factory = observer_factory
        self._observer: Observer | None = None
        self._laid: object = None
        self._tree: Tree | None = None
        self._misses = 0
        self._deaf = False

    def look(self, told: bool) -> bool:
        """Read the tree, and lay the watch anew where folders came, went or changed places.

        Args:
            told: whether a hint came since the last look.

        Returns:
            Whether the tree differs from the one before; it does in the first look and in the
            one after `forget`.
        """
        before, listening = self._tree, self._observer is not None
        began = self._clock()
        tree = read_tree(self.path)
        cost = self._clock() - began
        if tree.span != self._laid and not self._deaf:
            self._lay(tree)
            tree = read_tree(self.path)  # with what came before the watch was there
        self._tree = tree
        changed = tree != before
        if listening and before is not None and tree.tops:  # a root that goes need not say so
            self._weigh(changed, told)
        self._plan(cost)
        return changed

    def forget(self) -> None:
        """Let the next look find a change."""
        self._tree = None

    def close(self) -> None:
        """End the observer's threads."""
        self._listen(None)

    def _lay(self, tree: Tree) -> None:
        self._laid = None
        try:
            self._listen(self._observe(tree) if tree.tops else None)
            self._laid = tree.span
        except (FileNotFoundError, NotADirectoryError):
            self._listen(None)  # a folder went away meanwhile: the next look lays anew
        except (OSError, RuntimeError) as error:
            self._listen(None)
            self._go_deaf(f"file events are not to be had ({error})")

    def _observe(self, tree: Tree) -> Observer:
        with ExitStack() as undo:
            observer = self._observer_factory()
            observer.start()
            undo.callback(_end, observer)
            for folder, _, _ in sorted(tree.tops):
                observer.schedule(Ear(folder, self._hear), folder, recursive=True)
            undo.pop_all()
        return observer

    def _listen(self, observer: Observer | None) -> None:
        former, self._observer = self._observer, observer
        if former is not None:
            _end(former)

    def _weigh(self, changed: bool, told: bool) -> None:
        """Count the changes in a row that no event told of."""
        if told:
            self._misses = 0
        elif changed and not self._deaf:
            self._misses += 1
            self._laid = None  # in case the observer died: lay the watch anew
            if self._misses == MISSES:
                self._go_deaf("changes come without file events")

    def _go_deaf(self, reason: str) -> None:
        self._deaf = True
        logger.warning(
            "watching %s: %s; looking every %g s instead", self.path, reason, self._pace.deaf_poll
        )

    def _plan(self, cost: float) -> None:
        if self._tree is None or not self._tree.tops:
            interval = self._pace.missing_poll
        elif self._observer is None or self._misses or self._deaf:
            interval = self._pace.deaf_poll
        else:
            interval = self._pace.poll
        self.next_look = self._clock() + max(interval, REST * cost)


def _end(observer: Observer) -> None:
    """End an observer's threads, and leave them behind where they hang."""

    def end() -> None:
        observer.stop()
        observer.join()

    ending = threading.Thread(target=end, name="embeddings-watcher-end", daemon=True)
    ending.start()
    ending.join(PATIENCE)
