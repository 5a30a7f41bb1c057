"""What changes in a library, for those who follow it."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from lib_embeddings.entries.snapshot import Changes

log = logging.getLogger(__name__)

# Called with a generation and its changes.
Subscriber = Callable[[int, Changes], object]


class News:
    """Calls all subscribers with one generation after another, in the order of `add`.

    Any thread may call any method.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards all below, and is not held while anybody is called
        self._subscribers: list[Subscriber] = []
        self._waiting: deque[tuple[int, Changes]] = deque()
        self._is_calling = False

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call *subscriber* from now on; return how to stop that."""
        with self._lock:
            self._subscribers.append(subscriber)

        def unsubscribe() -> None:
            with self._lock, suppress(ValueError):
                self._subscribers.remove(subscriber)

        return unsubscribe

    def add(self, generation: int, changes: Changes) -> None:
        """Note a generation; nobody is called yet."""
        with self._lock:
            self._waiting.append((generation, changes))

    def deliver(self) -> None:
        """Call the subscribers, unless another thread does, which goes on with what is new."""
        while True:
            with self._lock:
                if self._is_calling or not self._waiting:
                    return
                self._is_calling = True
                generation, changes = self._waiting.popleft()
                subscribers = tuple(self._subscribers)
            for subscriber in subscribers:
                _call(subscriber, generation, changes)
            with self._lock:
                self._is_calling = False


def _call(subscriber: Subscriber, generation: int, changes: Changes) -> None:
    try:
        subscriber(generation, changes)
    except Exception:  # theirs; it must not cost the others their news
        log.exception("a subscriber of generation %d failed", generation)
