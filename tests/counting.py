"""What some work costs, counted: a count is the same on every machine, however busy."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import NamedTuple


class Cost(NamedTuple):
    """How many functions were called, Python's own included, and how many bytes were in use."""

    n_calls: int
    peak_bytes: int


def cost_of(work: Callable[[], object]) -> Cost:
    """Return what some work costs; what it raises passes through."""
    n_calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal n_calls
        n_calls += event in ("call", "c_call")

    tracemalloc.start()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return Cost(n_calls, peak)
