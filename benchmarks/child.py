"""Measurements in processes of their own, so that neither imports nor a warm allocator count.

A measurement takes texts and returns numbers; `in_new_process` runs one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from benchmarks.clock import best, clock
from lib_embeddings import scan
from lib_embeddings.entries.entry import Found
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.read import read_file
from lib_embeddings.entries.snapshot import Changes
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.library.library import Library
from lib_embeddings.stores.choices import Choices
from lib_embeddings.stores.index import Index

Measurement = Callable[..., tuple[float, ...]]

_READ_BYTES = 65_536


def in_new_process(measurement: Measurement, *arguments: str) -> tuple[float, ...]:
    """Return the numbers of one of the measurements below, from a fresh process."""
    command = [sys.executable, "-m", "benchmarks.child", measurement.__name__, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return tuple(json.loads(done.stdout))


def read_all(root: str) -> tuple[float, ...]:
    """Return the seconds to open every file and read its beginning."""

    def read() -> None:
        for folder, _, names in os.walk(root):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    file.read(_READ_BYTES)

    return (clock(read),)


def scan_all(root: str) -> tuple[float, ...]:
    """Return the seconds of a scan without index, the bytes of memory added, and sound files."""
    scan([os.path.join(root, os.listdir(root)[0])])  # warms imports and allocator
    process = psutil.Process()
    memory, start = process.memory_info().rss, time.perf_counter()
    view = scan([root], model="sd1")
    seconds = time.perf_counter() - start
    return seconds, process.memory_info().rss - memory, view.counts["ok"]


def start_library(root: str, index_path: str, choices_path: str) -> tuple[float, ...]:
    """Return the seconds of `os.scandir` and `stat` of all, to a list and its check; its length.

    The list is complete when every file has its entry and its fit with a model. A later start shows
    the remembered list, and scans everything behind it.
    """

    def list_all() -> None:
        folders = [root]
        for folder in folders:
            with os.scandir(folder) as listing:
                for item in listing:
                    if item.is_dir():
                        folders.append(item.path)
                    else:
                        item.stat()

    floor, choices = best(list_all, 3), Choices(choices_path)
    start = time.perf_counter()
    with Index.open(index_path) as index:
        library = Library([root], index, choices)
        library.set_model(MODEL_FAMILIES["sd1"])
        lists = list[tuple[float, int]]()

        def note(_generation: int, changes: Changes) -> None:
            if changes:
                lists.append((time.perf_counter() - start, len(library.view)))

        library.subscribe(note)
        library.rescan()
    shown, n_entries = lists[0]
    return floor, shown, time.perf_counter() - start, n_entries


def read_one(path: str, *before: str) -> tuple[float, ...]:
    """Return the CPU seconds and the megabytes of growth that reading a file costs.

    Args:
        before: files that are read first, so that the modules they need are loaded.
    """
    for other in before:
        read_file(Found(Place.of_file(other)))
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # resets the peak
    memory, start = _peak(), time.process_time()
    read_file(Found(Place.of_file(path)))
    return time.process_time() - start, (_peak() - memory) / 1000


def _peak() -> int:
    """Return the most kilobytes of memory that this process has had."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


if __name__ == "__main__":
    name, *texts = sys.argv[1:]
    print(json.dumps(globals()[name](*texts)))
