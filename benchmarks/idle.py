"""Measure the cost of a library while nothing happens in its folders.

    python -m benchmarks.idle [--files 100000] [--folders 20] [--seconds 600]

File events come, as on a local disk. The files are empty, as nothing is read once all are listed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from lib_embeddings.hosts.living import living_library

MOST_PERCENT = 1.0
SETTLE = 5.0  # seconds, until the watch is laid and all is scanned once more


def main() -> None:
    """Print the figure; fail when it is out of bounds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--folders", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=600.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ |= {f"XDG_{kind}_HOME": str(Path(scratch, kind)) for kind in ("CACHE", "DATA")}
        root = Path(scratch, "embeddings")
        for number in range(options.folders):
            (root / f"folder-{number}").mkdir(parents=True)
        for number in range(options.files):
            (root / f"folder-{number % options.folders}" / f"{number}.safetensors").touch()
        percent = idle([root], options.seconds)
    print(f"{options.files:,} files in {options.folders:,} folders: {percent:.2f} % of a core")
    if percent > MOST_PERCENT:
        sys.exit(1)


def idle(roots: list[Path], seconds: float) -> float:
    """Return the processor time of a library that follows its folders, in percent of a core."""
    with living_library(roots) as (library, watcher, _):
        watcher.start()
        while library.progress is not None:
            time.sleep(0.1)
        generation = library.generation
        time.sleep(SETTLE)
        began = time.process_time()
        time.sleep(seconds)
        used = time.process_time() - began
        assert library.generation == generation
    return 100 * used / seconds


if __name__ == "__main__":
    main()
