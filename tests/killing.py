"""Work in a process that is killed at a certain moment, whatever it does then.

Moments are calls of functions and so the same each time, where a clock would be another each time.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType


def count_calls(do: Callable[[int], None]) -> None:
    """Call *do* with the number of each call of a function from now on."""
    numbers = itertools.count(1)

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        if event in ("call", "c_call"):
            do(next(numbers))

    sys.setprofile(count)


def calls_of(work: Callable[[], object]) -> int:
    """Return how many functions some work calls."""
    seen = [0]
    count_calls(seen.append)
    try:
        work()
    finally:
        sys.setprofile(None)
    return len(seen)


def kill_at(moment: int, work: Callable[[], object]) -> None:
    """Do some work in a process that is killed at its so manieth call of a function."""

    def kill(number: int) -> None:
        if number == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if not child:
        count_calls(kill)
        work()
        os._exit(0)
    os.waitpid(child, 0)
