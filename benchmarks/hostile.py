"""Measure the cost of files that are made to cost as much as possible.

    python -m benchmarks.hostile

Each file is read in a process of its own, as a scan reads it: its peak is the growth of the
process, picture libraries included, and its CPU time is that of the reading. The goal is 64 MB and
one second for any file of any size.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from benchmarks.child import in_new_process, read_one
from tests.hostile_files import hostile_files

MOST_MEGABYTES = 64
MOST_SECONDS = 1.0


def main() -> int:
    """Print a line for each file, and return 1 if one costs too much."""
    worst = 0
    print(f"{'file':36} {'bytes':>11} {'peak MB':>8} {'CPU s':>6}")
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        small = Path(folder) / "small.png"
        small.write_bytes(hostile_files()["strips of 75 vectors"]())
        for name, make in hostile_files().items():
            path = Path(folder) / "file.pt"
            path.write_bytes(make())
            seconds, megabytes = in_new_process(read_one, str(path), str(small))
            mark = " <-- " if seconds > MOST_SECONDS or megabytes > MOST_MEGABYTES else ""
            worst |= bool(mark)
            size = os.path.getsize(path)
            print(f"{name:36} {size:11,} {megabytes:8.1f} {seconds:6.2f}{mark}", flush=True)
    return worst


if __name__ == "__main__":
    sys.exit(main())
