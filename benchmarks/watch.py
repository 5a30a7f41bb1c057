"""Measure how soon the living library shows changes in its folders.

    python -m benchmarks.watch [--files 1000] [--drops 200] [--burst 1000]

Times are from the end of the operation to the generation that shows it, with the real watcher and
its own pace. Drops are made one after another, the kinds in turn.
"""

from __future__ import annotations

import argparse
import logging
import os
import queue
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, cycle, islice
from pathlib import Path

import numpy as np

from benchmarks.folders import make_folder
from lib_embeddings.entries.walk import walk
from lib_embeddings.hosts.living import living_library
from lib_embeddings.hosts.standalone import log_news
from lib_embeddings.library.library import Library
from tests.builders import safetensors_file, vectors

MOST_SECONDS = {"drop": 0.5, "burst": 3.0}
# A generation that has not come after this time never will.
PATIENCE = 30.0
# The pause between two drops, so that no drop profits from the last one.
PAUSES = (0.2, 0.4)
LOGGER = logging.getLogger("lib_embeddings")
SLOW_PARTS, SLOW_PAUSE = 10, 0.3


def main() -> None:
    """Print all figures; fail if one is out of bounds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--drops", type=int, default=200)
    parser.add_argument("--burst", type=int, default=1000)
    options = parser.parse_args()
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
    LOGGER.addHandler(logging.NullHandler())
    with tempfile.TemporaryDirectory() as scratch:
        roots = [Path(scratch, name) for name in ("embeddings", "second", "third")]
        for root in roots:
            root.mkdir()
        make_folder(roots[0], options.files)
        with living(roots, Path(scratch)) as stopwatch:
            drops = Drops(roots, Path(scratch), stopwatch.library)
            are_soon = measure_drops(stopwatch, options.drops, drops)
            is_soon = measure_burst(stopwatch, roots[0], Path(scratch), options.burst)
            is_whole = measure_slow_writer(stopwatch, roots[0])
    if not (are_soon and is_soon and is_whole):
        sys.exit(1)


class Stopwatch:
    """Measures how long a library takes to show what is on the disk."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self._shown: queue.Queue[float] = queue.Queue()
        library.subscribe(lambda *_: self._shown.put(time.perf_counter()))

    def measure(self, change: Callable[[], object]) -> float:
        """Make a change, and return the seconds from its end until it is shown."""
        while not self._shown.empty():
            self._shown.get()
        change()
        end = shown = time.perf_counter()
        on_disk = {
            (file.place.full_path, file.size, file.mtime_ns)
            for folder in walk(self.library.roots)
            for file in folder.files
        }
        while self._listed() != on_disk:
            shown = self._shown.get(timeout=PATIENCE)
        return max(shown - end, 0.0)

    def _listed(self) -> set[tuple[str, int, int]]:
        entries = (seen.entry for seen in self.library.view)
        return {(entry.place.full_path, entry.size, entry.mtime_ns) for entry in entries}


@contextmanager
def living(roots: Iterable[Path], scratch: Path) -> Iterator[Stopwatch]:
    """Watch some folders as the app does, with an empty index."""
    os.environ.update({f"XDG_{kind}_HOME": str(scratch / kind) for kind in ("CACHE", "DATA")})
    with living_library(roots) as (library, watcher, _):
        log_news(library)
        watcher.start()
        while library.progress is not None:
            time.sleep(0.05)
        time.sleep(1)  # until the watch is in place
        yield Stopwatch(library)


class Drops:
    """Changes of some folders, of every kind."""

    def __init__(self, roots: list[Path], scratch: Path, library: Library) -> None:
        self._root, self._second, self._third = roots
        self._library = library
        self._scratch = scratch
        self._rng = np.random.default_rng(0)
        self._count = 0
        self._source = scratch / "source.safetensors"
        self._source.write_bytes(safetensors_file())
        self._other = safetensors_file({"emb_params": vectors(2)})
        self.kinds: dict[str, Callable[[], Callable[[], object]]] = {
            "copied in": lambda: self._copying(self._root),
            "copied into a sub-folder": lambda: self._copying(self._root / "folder-00"),
            "copied into a new folder": self._copying_anew,
            "copied into another root": lambda: self._copying(self._second),
            "overwritten in place": self._overwriting,
            "renamed": self._renaming,
            "deleted": self._deleting,
            "folder moved in": self._moving_in,
            "folder renamed": self._renaming_folder,
            "folder linked": self._linking,
            "copied behind a link": self._copying_behind,
            "root back": self._returning,
        }

    def pause(self) -> None:
        """Wait until the last change has no more effects."""
        time.sleep(float(self._rng.uniform(*PAUSES)))

    def _new(self, folder: Path, suffix: str = "") -> Path:
        self._count += 1
        return folder / f"drop {self._count}{suffix}"

    def _any_file(self) -> Path:
        files = sorted((self._root / "folder-01").iterdir())
        return files[self._rng.integers(len(files))]

    def _packed(self) -> Path:
        """Make a folder elsewhere with an old file."""
        folder = self._new(self._scratch)
        folder.mkdir()
        shutil.copy(self._source, folder / "packed.safetensors")
        os.utime(folder / "packed.safetensors", (1_600_000_000, 1_600_000_000))
        return folder

    def _copying(self, folder: Path) -> Callable[[], object]:
        target = self._new(folder, ".safetensors")
        return lambda: shutil.copy(self._source, target)

    def _copying_anew(self) -> Callable[[], object]:
        folder = self._new(self._root)

        def copy() -> None:
            folder.mkdir()
            shutil.copy(self._source, folder / "new.safetensors")

        return copy

    def _overwriting(self) -> Callable[[], object]:
        file = self._any_file()
        return lambda: file.write_bytes(self._other)

    def _renaming(self) -> Callable[[], object]:
        file = self._any_file()
        target = self._new(file.parent, file.suffix)
        return lambda: file.rename(target)

    def _deleting(self) -> Callable[[], object]:
        return self._any_file().unlink

    def moving_out(self) -> Callable[[], object]:
        """Return a change that moves a file to another folder, as into a trash."""
        file, target = self._any_file(), self._new(self._scratch)
        return lambda: file.rename(target)

    def _moving_in(self) -> Callable[[], object]:
        folder, target = self._packed(), self._new(self._root)
        return lambda: folder.rename(target)

    def _renaming_folder(self) -> Callable[[], object]:
        folder = max(self._root.glob("folder-*"))
        target = self._root / f"folder-99 {self._new(self._root).name}"
        return lambda: folder.rename(target)

    def _linking(self) -> Callable[[], object]:
        folder, link = self._packed(), self._new(self._root)
        return lambda: link.symlink_to(folder)

    def _copying_behind(self) -> Callable[[], object]:
        link = next(each for each in self._root.iterdir() if each.is_symlink())
        return self._copying(link.resolve())

    def _returning(self) -> Callable[[], object]:
        """Take a root away until it is missed; the change that counts is its return."""
        folder = self._packed()
        shutil.rmtree(self._third)
        while not self._library.missing_roots:
            time.sleep(0.05)
        return lambda: folder.rename(self._third)


def measure_drops(stopwatch: Stopwatch, count: int, drops: Drops) -> bool:
    """Print how soon drops show, the kinds in turn; return whether they do in time."""
    seconds: dict[str, list[float]] = defaultdict(list)
    for kind, prepare in islice(cycle(drops.kinds.items()), count):
        change = prepare()
        drops.pause()
        seconds[kind].append(stopwatch.measure(change))
    for kind, times in seconds.items():
        print_times(kind, times)
    everything = list(chain.from_iterable(seconds.values()))
    print_times("all", everything)
    # Watchdog holds the event of a leaving file for half a second, to see whether it arrives.
    print_times("(moved out)", [stopwatch.measure(drops.moving_out()) for _ in range(10)])
    return percentile(everything, 95) <= MOST_SECONDS["drop"]


def print_times(kind: str, times: list[float]) -> None:
    """Print a line of the table."""
    middle, late = statistics.median(times), percentile(times, 95)
    print(
        f"{kind:<26} {len(times):4} drops   p50 {middle:5.3f} s   p95 {late:5.3f} s   "
        f"max {max(times):5.3f} s"
    )


def percentile(times: list[float], share: float) -> float:
    """Return the seconds within which a share of the drops, in percent, is shown."""
    return float(np.percentile(times, share))


def measure_burst(stopwatch: Stopwatch, root: Path, scratch: Path, count: int) -> bool:
    """Print how soon files copied at once are shown, and in how many lines of the log."""
    source = scratch / "burst"
    make_folder(source, count, seed=1)
    with logged() as lines:
        seconds = stopwatch.measure(lambda: shutil.copytree(source, root / "burst"))
    print(f"{count:,} files copied at once: listed after {seconds:.2f} s, {len(lines)} log lines")
    return seconds <= MOST_SECONDS["burst"]


class Lines(logging.Handler):
    """Collects lines of a log."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the lines of one record."""
        self.lines += record.getMessage().splitlines()


@contextmanager
def logged() -> Iterator[list[str]]:
    """Collect the lines that the library logs."""
    handler = Lines()
    LOGGER.addHandler(handler)
    yield handler.lines
    LOGGER.removeHandler(handler)


def measure_slow_writer(stopwatch: Stopwatch, root: Path) -> bool:
    """Print how soon a file written in parts shows; return whether it never did before."""
    data = safetensors_file({"emb_params": vectors(75)})
    size = -(-len(data) // SLOW_PARTS)
    early: list[str] = []

    def write() -> None:
        with (root / "slow.safetensors").open("wb", buffering=0) as file:
            for start in range(0, len(data), size):
                time.sleep(SLOW_PAUSE)
                early.extend(seen for seen in stopwatch.library.view if seen.name == "slow")
                file.write(data[start : start + size])

    seconds = stopwatch.measure(write)
    verdict = f"{len(early)} times listed before" if early else "never before"
    print(f"written slowly: listed {seconds:.2f} s after its end, {verdict}")
    return not early and seconds <= MOST_SECONDS["drop"]


if __name__ == "__main__":
    main()
