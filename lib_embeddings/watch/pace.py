"""The times of a watch, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Times in seconds."""

    # The silence that ends a burst: between two files of one copy pass milliseconds.
    quiet: float = 0.1
    # The most a burst is held, so that a steady stream does not starve those who wait.
    ceiling: float = 1.0
    # The time without change that makes a file whole where no event tells of its end.
    stand_still: float = 1.0
    # The net below the events: looking at 1,000 files takes about 4 ms.
    poll: float = 10.0
    # The same where no events arrive.
    deaf_poll: float = 2.0
    # The same for a root that is missing: one look costs microseconds.
    missing_poll: float = 0.25


PACE = Pace()
