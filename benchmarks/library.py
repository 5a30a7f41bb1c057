"""Measure the living library against the floor of the same machine.

    python -m benchmarks.library [--files 10000] [--operations 50000]

Every figure is the best of several runs, those of a start in fresh processes. The floor of a start
is `os.scandir` and `stat` of every file, taken in the same process just before.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import numpy as np

from benchmarks.child import in_new_process, start_library
from benchmarks.clock import best
from benchmarks.folders import add_others, make_folder
from lib_embeddings.entries.snapshot import Snapshot
from lib_embeddings.entries.walk import CLOCK_GRAIN_NS
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.library.library import Library
from lib_embeddings.stores.index import Index
from lib_embeddings.stores.token_ids import TokenIdStore
from lib_embeddings.views.catalogue import Catalogue
from lib_embeddings.views.prepared import Prepared
from lib_embeddings.views.search import Filters
from lib_embeddings.views.view import View
from tests.builders import safetensors_file, torch_zip, vectors

RUNS = 7
# With few places a storm meets the same files again and again; of many, a third get a file.
FEWEST_PLACES, PLACES_A_FILE = 2000, 3


def main(arguments: Sequence[str] | None = None) -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--operations", type=int, default=50_000)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        folder = os.path.join(scratch, "embeddings")
        make_folder(folder, options.files)
        measure_start(folder, scratch)
        measure_view(folder, scratch)
        measure_names(scratch, options.files)
        add_others(folder, options.files)
        print(f"with {options.files:,} other files among them:")
        measure_start(folder, scratch)
    for n_places in (FEWEST_PLACES, PLACES_A_FILE * options.files):
        with tempfile.TemporaryDirectory() as scratch:
            weather_storm(scratch, options.operations, n_places)


def measure_start(folder: str, scratch: str) -> None:
    """Print how long a fresh process takes to list unchanged files."""
    paths = (folder, *(os.path.join(scratch, name) for name in ("index.sqlite", "choices.sqlite")))
    runs = []
    time.sleep(CLOCK_GRAIN_NS / 1e9)  # younger folders are not remembered
    for _ in range(RUNS + 1):
        floor, shown, checked, entries = in_new_process(start_library, *paths)
        runs.append((shown / floor, floor, shown, checked))
    ratio, floor, shown, _ = runs[0]
    print(f"{entries:,.0f} files, first start     {shown:7.3f} s  {ratio:6.1f} x floor")
    ratio, floor, shown, checked = min(runs[1:])
    print(f"{entries:,.0f} files, later start     {shown:7.3f} s  {ratio:6.1f} x floor")
    print(f"  until all was scanned       {checked:7.3f} s  {checked / floor:6.1f} x floor")
    print(f"  floor: scandir and stat     {floor:7.3f} s")


def measure_view(folder: str, scratch: str) -> None:
    """Print how long a model switch and a search take."""
    with Index.open(os.path.join(scratch, "index.sqlite")) as index:
        library = Library([folder], index)
        library.rescan()
        view = library.view
    snapshot = Snapshot.of(view.roots, tuple(seen.entry for seen in view))
    refit = best(lambda: View.of(snapshot, MODEL_FAMILIES["sdxl"]), RUNS)
    print(f"model switch                 {refit * 1e3:6.1f} ms")
    page = best(lambda: Catalogue(0, Prepared(view)).select(), RUNS)
    print(f"first page                   {page * 1e3:6.1f} ms")
    search = Filters("folder 1")
    first = best(lambda: search_anew(view, search), RUNS)
    print(f"first search                 {first * 1e3:6.1f} ms")
    catalogue = Catalogue(0, Prepared(view))
    questions = cycle((search, Filters("folder 2")))  # it keeps its last answer
    catalogue.select(next(questions))
    later = best(lambda: catalogue.select(next(questions)), RUNS)
    print(f"later search                 {later * 1e3:6.1f} ms")


def measure_names(scratch: str, count: int) -> None:
    """Print how long the token ids of known names take."""
    path = os.path.join(scratch, "names.sqlite")
    names = [f"an embedding's name {number}" for number in range(count)]
    look_up_names(path, names)
    seconds = best(lambda: look_up_names(path, names), RUNS)
    print(f"token ids of {count:,} names    {seconds * 1e3:6.1f} ms")


def look_up_names(path: str, names: list[str]) -> None:
    """Look names up as a new process would, with each letter as a token."""
    TokenIdStore(path).look_up(names, lambda texts: [[*map(ord, text)] for text in texts])


def search_anew(view: View, search: Filters) -> None:
    """Search as after a change, with nothing prepared."""
    Catalogue(0, Prepared(view)).select(search)


def weather_storm(scratch: str, operations: int, n_places: int) -> None:
    """Change a folder at random, with scans between, and compare the list with a fresh scan.

    Each list follows the last one, by turns after a scan of all and of the folders that changed.
    """
    folder = Path(scratch, "embeddings")
    with Index.open(os.path.join(scratch, "index.sqlite")) as index:
        library = Library([folder], index)
        storm = Storm(folder, n_places)
        start = time.perf_counter()
        for number in range(operations):
            storm.change()
            if number % 500 == 0:
                library.rescan() if number % 1000 == 0 else library.scans.rescan_changed()
                library.catalogue.select()
        library.rescan()
        seconds = time.perf_counter() - start
    fresh = Library([folder], Index.nowhere())
    fresh.rescan()
    is_true = list(library.view) == list(fresh.view)
    verdict = "equals a fresh scan" if is_true else "DIFFERS from a fresh scan"
    print(
        f"storm of {operations:,} operations in {n_places:,} places, of which {len(fresh.view):,} "
        f"have a file then  {seconds:7.1f} s  the list {verdict}"
    )
    if not is_true:
        sys.exit(1)


_SUFFIXES = (".safetensors", ".pt", ".bin", ".png", ".json")


class Storm:
    """Random changes of a folder: files written, renamed, deleted; folders moved and deleted."""

    def __init__(self, folder: Path, n_places: int) -> None:
        self._rng = np.random.default_rng(0)
        self._folders = [folder / name for name in ("", "a", "b", "a/c")]
        self._n_names = max(1, n_places // (len(self._folders) * len(_SUFFIXES)))
        self._contents = [
            safetensors_file(),
            safetensors_file({"clip_l": vectors(2), "clip_g": vectors(2, 1280)}),
            torch_zip(),
            torch_zip()[:-1],
            b"",
            b'{"notes": "n"}',
        ]
        folder.mkdir(parents=True)

    def change(self) -> None:
        """Make one change."""
        file, other = self._any_file(), self._any_file()
        match int(self._rng.integers(20)):
            case 0:
                self._move_folder()
            case 1 | 2 | 3 | 4 | 5 if file.exists():
                other.parent.mkdir(parents=True, exist_ok=True)
                file.rename(other)
            case 6 | 7 | 8 | 9:
                file.unlink(missing_ok=True)
            case _:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(self._contents[self._rng.integers(len(self._contents))])

    def _any_file(self) -> Path:
        folder = self._folders[self._rng.integers(len(self._folders))]
        suffix = _SUFFIXES[self._rng.integers(len(_SUFFIXES))]
        return folder / f"e{self._rng.integers(self._n_names)}{suffix}"

    def _move_folder(self) -> None:
        folder, *folders = self._folders
        source = folders[self._rng.integers(len(folders))]
        target = folder / f"moved {self._rng.integers(5)}"
        if source.exists() and not target.exists():
            source.rename(target)


if __name__ == "__main__":
    main()
