"""Timing of work."""

from __future__ import annotations

import time
from collections.abc import Callable


def clock(work: Callable[[], object]) -> float:
    """Return the seconds that some work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def best(work: Callable[[], object], runs: int) -> float:
    """Return the seconds that some work takes at its best."""
    return min(clock(work) for _ in range(runs))
