"""Whether a file is whole or still being written."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

# A file that was moved in keeps its time, and no event tells that it is whole. More than the clocks
# of two machines differ by, as the file's time may be another's.
LONG_AGO_NS = 60 * 10**9


@dataclass(slots=True)
class _Sighting:
    signature: tuple[int, int] | None
    since: float
    touched: float


class Settling:
    """Judge a file whole once its writer closed it, or once it has stood still.

    A file that was last written long ago stands still already.

    Only the files being waited for are remembered. No lock of its own.
    """

    def __init__(
        self,
        stand_still: float,
        clock: Callable[[], float] = time.monotonic,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Start with no file.

        Args:
            stand_still: seconds of unchanged size and mtime that make a file whole.
            now_ns: the time to compare an mtime with.
        """
        self._stand_still = stand_still
        self._clock = clock
        self._now_ns = now_ns
        self._sightings: dict[str, _Sighting] = {}

    def closed(self, path: str) -> None:
        """Note that a file's writer closed it or renamed it into place."""
        self._sightings[path] = _Sighting(None, since=-math.inf, touched=self._clock())

    def is_whole(self, path: str, size: int, mtime_ns: int) -> bool:
        """Tell whether a file may be read.

        A file found whole is forgotten, so ask only about files that differ from what was read
        last: asking again begins a new wait.
        """
        if self._now_ns() - mtime_ns > LONG_AGO_NS:
            self._sightings.pop(path, None)
            return True
        now = self._clock()
        sighting = self._sightings.get(path)
        if sighting is None or sighting.signature not in (None, (size, mtime_ns)):
            sighting = self._sightings[path] = _Sighting((size, mtime_ns), since=now, touched=now)
        sighting.touched = now
        if now < sighting.since + self._stand_still:
            return False
        del self._sightings[path]
        return True

    def waiting(self) -> bool:
        """Tell whether any file waits to be judged."""
        return bool(self._sightings)

    def next_due(self) -> float | None:
        """Return the clock's time at which a file will have stood still, None for no such file.

        A closed file is not counted: the event that closed it asks for a look already.
        """
        standing = (each.since for each in self._sightings.values() if each.signature is not None)
        first = min(standing, default=None)
        return None if first is None else first + self._stand_still

    def forget_before(self, moment: float) -> None:
        """Forget the files nobody closed or asked about since a moment: they went away."""
        self._sightings = {
            path: each for path, each in self._sightings.items() if each.touched >= moment
        }
