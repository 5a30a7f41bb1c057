"""Count the calls of many WebUIs to one share, where no file events come.

    python -m benchmarks.share [--programs 100] [--files 10000] [--folders 20] [--ms 2] [--hours 2]

Nothing sleeps: the real watches of all programs follow one clock that is set forward. They all
begin in the same second, as after a power cut, and the share needs the same time for each call
whatever its load, which allows the most calls. *Together* is the same without the random part of
each pause, so that all keep asking at the same moments.
"""

from __future__ import annotations

import argparse
import heapq
import logging
import random
import statistics
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from lib_embeddings.entries.place import Place
from lib_embeddings.entries.walk import Folder
from lib_embeddings.limits import LIMITS
from lib_embeddings.watch.folder_watch import PACE, FolderWatch, Observer, Pace

# The calls for a folder in a scan: its identity, and opening it.
FOLDER_CALLS = 2


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=int, default=100)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--folders", type=int, default=20)
    parser.add_argument("--ms", type=float, default=2.0)
    parser.add_argument("--hours", type=float, default=2.0)
    options = parser.parse_args()
    logging.disable(logging.WARNING)  # each reports that it gets no events
    share = Share(options.files, options.folders, options.ms / 1000)
    seconds = int(options.hours * 3600)
    print(f"{options.files:,} files in {options.folders:,} folders, {options.ms:g} ms a call")
    for title, programs, pace in (
        ("one program", 1, PACE),
        (f"{options.programs} programs", options.programs, PACE),
        ("together", options.programs, replace(PACE, jitter=0.0)),
    ):
        random.seed(0)
        calls = share.calls(programs, seconds, pace)
        # By then each has done its first scan.
        later = [calls[second] for second in range(seconds // 2, seconds)]
        each = statistics.mean(later) / programs
        late = statistics.quantiles(later, n=100)[98]
        print(
            f"{title:14} calls a second: mean {statistics.mean(later):8,.0f} ({each:.0f} each)   "
            f"99 of 100 below {late:9,.0f}   most {max(later):9,}"
        )


class Share:
    """A share with numbers of files and folders, and the seconds it takes to answer a call."""

    def __init__(self, n_files: int, n_folders: int, seconds: float) -> None:
        root = Place.of_root("/share")
        places = [root, *(root.inside(f"folder-{number}") for number in range(n_folders))]
        self._folders = [
            Folder(place, (1, number), is_linked=place is root)
            for number, place in enumerate(places)
        ]
        self._scan_calls = n_files + FOLDER_CALLS * len(places)
        self._seconds = seconds

    def calls(self, n_programs: int, seconds: int, pace: Pace) -> Counter[int]:
        """Return the number of calls in each second."""
        calls = Counter[int]()
        now = 0.0
        watches = [
            FolderWatch("/share", _ignore, pace, _refuse, lambda: now) for _ in range(n_programs)
        ]
        due = [(0.0, number) for number in range(n_programs)]
        while due[0][0] < seconds:
            now, number = due[0]
            watch = watches[number]
            if watch.next_scan <= now:
                cost = self._seconds * self._scan_calls / LIMITS.slow_calls
                calls.update(self._spread(now, self._scan_calls, cost))
                now += cost
                watch.take_in(self._folders, is_changed=False, had_event=False)
                watch.plan(cost, self._scan_calls)
            else:
                cost = self._seconds * len(self._folders)
                calls.update(self._spread(now, len(self._folders), cost))
                now += cost
                watch.plan_peek()
            heapq.heapreplace(due, (min(watch.next_scan, watch.next_peek), number))
        return calls

    @staticmethod
    def _spread(begin: float, n_calls: int, seconds: float) -> Iterator[int]:
        """Yield the second of each of many evenly spaced calls."""
        return (int(begin + seconds * number / n_calls) for number in range(n_calls))


def _ignore(_hint: object) -> None:
    """Take an event, which never comes."""


def _refuse() -> Observer:
    raise OSError("no events here")


if __name__ == "__main__":
    main()
