"""Two numbers that end a burst of events."""

from __future__ import annotations

import time
from collections.abc import Callable


class Debounce:
    """Hold a burst until it is quiet, yet never longer than a ceiling.

    A quiet time alone would starve under a steady stream. No thread and no lock of its own.
    """

    def __init__(
        self, quiet: float, ceiling: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start idle.

        Args:
            quiet: seconds without an event that end a burst.
            ceiling: the most seconds a burst is held, counted from its first event.
        """
        self._quiet = quiet
        self._ceiling = ceiling
        self._clock = clock
        self._first: float | None = None
        self._last = 0.0

    def touch(self) -> None:
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
