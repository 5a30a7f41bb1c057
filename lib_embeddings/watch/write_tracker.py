"""Whether a file is complete or still being written."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

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
