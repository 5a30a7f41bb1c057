"""Measure what files cost that are made to cost as much as they can.

    python -m benchmarks.hostile

Each file is read in a process of its own, as a scan reads it: its peak is what the process grew by,
pictures' libraries included, and its CPU time what the process spent in it. The goal is 64 MB and
one second for any file of any size.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.hostile_files import hostile_files

MOST_MEGABYTES = 64
MOST_SECONDS = 1.0

READ = """
import sys, time
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.read import read_file
from lib_embeddings.entries.walk import Found
for path in sys.argv[2:]:
    read_file(Found(Place.of_file(path)))  # imports and allocator are warm
def peak():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1])
open("/proc/self/clear_refs", "w").write("5")
before, start = peak(), time.process_time()
read_file(Found(Place.of_file(sys.argv[1])))
print(time.process_time() - start, (peak() - before) / 1000)
"""


def measure(path: Path, warm: list[str]) -> tuple[float, float]:
    """Return (CPU seconds, megabytes of growth) of reading a file in a process of its own."""
    result = subprocess.run(
        [sys.executable, "-c", READ, str(path), *warm], capture_output=True, text=True, check=True
    )
    seconds, megabytes = map(float, result.stdout.split())
    return seconds, megabytes


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
            seconds, megabytes = measure(path, [str(small)])
            mark = " <-- " if seconds > MOST_SECONDS or megabytes > MOST_MEGABYTES else ""
            worst |= bool(mark)
            size = os.path.getsize(path)
            print(f"{name:36} {size:11,} {megabytes:8.1f} {seconds:6.2f}{mark}", flush=True)
    return worst


if __name__ == "__main__":
    sys.exit(main())
