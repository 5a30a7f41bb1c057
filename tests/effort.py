"""How much a computer does for something, whatever else it does meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable


def effort(work: Callable[[], object]) -> float:
    """Return how long *work* keeps the processor, in millions of steps of a plain loop."""
    return _processor_seconds(work) / _processor_seconds(_million_steps)


def _million_steps() -> None:
    for _ in range(1_000_000):
        pass


def _processor_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
