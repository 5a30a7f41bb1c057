"""Measure a scan of many embeddings against the floor of the same machine.

    python -m benchmarks.scan [--files 10000]

Every figure is the best of three runs in fresh processes, so that neither imports nor a warm
allocator count. *Cold* means without the index. The operating system's own cache is another matter:
figures are taken with the files in memory and, if this process may empty that cache (root on
Linux), with the files on the disk.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.child import Measurement, in_new_process, read_all, scan_all
from benchmarks.folders import make_folder

RUNS = 3
DROP_CACHES = Path("/proc/sys/vm/drop_caches")


def best(measurement: Measurement, root: str, *, is_on_disk: bool) -> tuple[float, ...]:
    """Return the numbers of the fastest of several runs."""
    runs = []
    for _ in range(RUNS):
        if is_on_disk:
            os.sync()
            DROP_CACHES.write_text("3")
        runs.append(in_new_process(measurement, root))
    return min(runs)


@contextmanager
def folder_of(n_files: int) -> Iterator[str]:
    """Yield a folder of generated embeddings, and delete it afterwards."""
    with tempfile.TemporaryDirectory(prefix="embeddings-") as folder:
        make_folder(Path(folder), n_files, seed=1)
        yield folder


def measure(root: str, *, is_on_disk: bool) -> None:
    """Print floor and scan for one state of the operating system's cache."""
    (floor,) = best(read_all, root, is_on_disk=is_on_disk)
    seconds, memory, found = best(scan_all, root, is_on_disk=is_on_disk)
    where = "on the disk" if is_on_disk else "in memory"
    print(f"files {where}:")
    print(f"  floor: walk, open, read 64 KiB  {floor:8.3f} s")
    print(f"  scan without index              {seconds:8.3f} s   {seconds / floor:5.1f} x floor")
    print(f"  memory added for {found:,.0f} entries  {memory / 1e6:5.1f} MB")


def main(arguments: Sequence[str] | None = None) -> None:
    """Generate a folder, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000, help="how many embeddings")
    options = parser.parse_args(arguments)
    with folder_of(options.files) as root:
        measure(root, is_on_disk=False)
        if os.access(DROP_CACHES, os.W_OK):
            measure(root, is_on_disk=True)


if __name__ == "__main__":
    main()
