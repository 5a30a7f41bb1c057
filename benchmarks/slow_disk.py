"""Measure the living library on a disk that takes 2 ms to answer each call, as a share does.

    python -m benchmarks.slow_disk [--files 10000] [--ms 2]

`slow_disk.c` makes the disk slow, for the measuring process alone; it needs a C compiler and Linux.
The peer is one thread that lists all folders and asks for each file.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from unittest import mock

from benchmarks.clock import clock
from benchmarks.folders import make_folder
from lib_embeddings.hosts import living as living_module
from lib_embeddings.hosts.living import Living, living_library
from lib_embeddings.library.library import Library
from lib_embeddings.watch.folder_watch import PACE, Observer
from lib_embeddings.watch.watcher import Watcher
from tests.builders import safetensors_file

MOST_SECONDS = {"first scan": 10.0, "drop, with events": 2.0, "drop, without events": 5.0}
CALLS = "calls a second, without events"
# Seconds until a watch is laid, and those in which polls are counted.
SETTLE, IDLE = 5.0, 60.0
# A drop that is not listed by then never will be.
PATIENCE = 300.0


def main() -> None:
    """Print all figures; fail if one is out of bounds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--ms", type=float, default=2.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch, "embeddings")
        make_folder(root, options.files)
        environment = slowed(root, options.ms)
        environment |= {f"XDG_{kind}_HOME": str(Path(scratch, kind)) for kind in ("CACHE", "DATA")}
        figures = {}
        for kind in ("floor", "events", "polls"):
            command = [sys.executable, "-c", _MEASURE, kind, str(root)]
            done = subprocess.run(command, env=environment, capture_output=True, check=False)
            if done.returncode:
                sys.exit(done.stderr.decode())
            figures.update(json.loads(done.stdout))
    print(f"{options.files:,} files in 20 folders, {options.ms:g} ms a call")
    for name, seconds in figures.items():
        print(f"{name:36} {seconds:8.2f}{' s' if name != CALLS else ''}")
    most = {**MOST_SECONDS, CALLS: 2 * PACE.calls}
    if any(figures[name] > bound for name, bound in most.items()):
        sys.exit(1)


def slowed(root: Path, ms: float) -> dict[str, str]:
    """Return the environment for a process in which a folder is slow; the shim lies beside it."""
    shim, source = root.with_suffix(".so"), Path(__file__).with_suffix(".c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, source, "-ldl"], check=True)
    slow = {"SLOW_DISK": str(root), "SLOW_DISK_US": str(round(ms * 1000))}
    return {**os.environ, **slow, "LD_PRELOAD": str(shim)}


_MEASURE = "import sys; from benchmarks.slow_disk import measure; measure(*sys.argv[1:])"


def measure(kind: str, root: str) -> None:
    """Print some of the figures as JSON, in a process for which the disk is slow."""
    figures = {"floor": floor, "events": with_events, "polls": without_events}[kind](Path(root))
    print(json.dumps(figures))


def floor(root: Path) -> dict[str, float]:
    """Return how long one thread takes to ask for each file."""
    return {
        "floor: one thread asks for each file": clock(
            lambda: [path.stat() for path in root.rglob("*")]
        )
    }


def with_events(root: Path) -> dict[str, float]:
    """Return how long scans take, and a drop until it is listed."""
    began = time.perf_counter()
    with living_library([root]) as living:
        library = start(living)
        figures = {"first scan": time.perf_counter() - began}
        figures["scan of all"] = clock(library.rescan)
        figures["scan before a picture"] = clock(library.scans.rescan_changed)
        figures["drop, with events"] = drop(library, root, "events")
    began = time.perf_counter()
    with living_library([root]) as living:
        start(living)
        figures["later start"] = time.perf_counter() - began
    return figures


def without_events(root: Path) -> dict[str, float]:
    """Return how long a drop takes without events, and how often the disk is asked."""

    def refuse() -> Observer:
        raise OSError("no events here")

    alone = partial(Watcher, observer_factory=refuse)
    with mock.patch.object(living_module, "Watcher", alone), living_library([root]) as living:
        library = start(living)
        figures = {"drop, without events": drop(library, root, "polls")}
        calls, began = n_calls(), time.perf_counter()
        time.sleep(IDLE)
        figures[CALLS] = (n_calls() - calls) / (time.perf_counter() - began)
    return figures


def start(living: Living) -> Library:
    """Make a library follow its folders; return it once all files are listed and watched."""
    living.watcher.start()
    while living.library.progress is not None:
        time.sleep(0.01)
    return living.library


def drop(library: Library, root: Path, name: str) -> float:
    """Return the seconds until a file that is moved in is listed."""
    time.sleep(SETTLE)
    listed = threading.Event()
    library.subscribe(lambda *_: name in library.view.named and listed.set())
    source, place = root.parent / "source", root / "folder-00" / f"{name}.safetensors"
    source.write_bytes(safetensors_file())
    source.rename(place)
    began = time.perf_counter()
    if not listed.wait(PATIENCE):
        sys.exit(f"{name}: it was never listed")
    return time.perf_counter() - began


def n_calls() -> int:
    """Return how many calls the slow disk has answered."""
    return int(ctypes.CDLL(None).slow_disk_calls())


if __name__ == "__main__":
    main()
