"""Measure the cost of one change in libraries of several sizes and shapes.

    python -m benchmarks.growth [--files 10000 100000 300000] [--folders 20 10000 1]

All figures are processor time, so that other programs disturb them little; each is the median of
several runs. The files are empty and share one reading: `benchmarks.scan` measures the cost of
reading. The floor is `os.scandir` and `stat` of all that must be looked at.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

from lib_embeddings.entries.entry import entry_of
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.read import read_file
from lib_embeddings.entries.walk import find_file
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.library.library import Library
from lib_embeddings.prompts.tokens import own_tokenizer
from lib_embeddings.stores.choices import Choices
from lib_embeddings.stores.index import Index
from lib_embeddings.views.render import entry_as_json
from lib_embeddings.views.search import Filters
from lib_embeddings.web import answers
from tests.builders import safetensors_file

FOLDERS = (20, 10_000, 1)
RUNS = 7
LENGTHS = cycle(range(4, 10))  # of the typed text
USABLE = Filters(fit=("usable",))


def main() -> None:
    """Print a table; each library is measured in a process of its own, for its memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, nargs="+", default=[10_000, 100_000, 300_000])
    parser.add_argument("--folders", type=int, nargs="+", default=FOLDERS)
    options = parser.parse_args()
    libraries = [(files, folders) for files in options.files for folders in options.folders]
    if len(libraries) == 1:
        with tempfile.TemporaryDirectory() as scratch:
            measure(Path(scratch), *libraries[0])
        return
    for files, folders in libraries:
        command = [sys.executable, "-m", "benchmarks.growth", f"--files={files}"]
        subprocess.run([*command, f"--folders={folders}"], check=True)


def measure(scratch: Path, n_files: int, n_folders: int) -> None:
    """Print the figures of one library."""
    root = scratch / "embeddings"
    folders = [root / f"folder-{number:05}" for number in range(n_folders)]
    for folder in folders:
        folder.mkdir(parents=True)
    for number in range(n_files):
        (folders[number % n_folders] / f"name-{number}-x.safetensors").touch()
    sound = scratch / "sound.safetensors"
    sound.write_bytes(safetensors_file())
    reading = read_file(find_file(Place.of_file(sound))).reading

    tokenize = own_tokenizer()
    if tokenize:
        tokenize(["its tables, which do not grow"])
    before = resident()
    library = Library(
        [root],
        Index.nowhere(),
        Choices(str(scratch / "choices.sqlite")),
        tokenize=tokenize,
        read=lambda found: entry_of(found, reading),
    )
    library.set_model(MODEL_FAMILIES["sd1"])
    library.rescan()
    assert len(library.view) == n_files
    listed = resident()
    first_page(library)
    prepared = resident()

    folder = folders[n_folders // 2]

    def drop() -> None:
        (folder / f"new-{time.time_ns()}.safetensors").touch()
        library.rescan_folders([str(folder)])

    def star() -> None:
        seen = next(iter(library.view.named.values()))
        library.choose(
            seen.entry.place.id, favourite=not library.catalogue.choice_of(seen).favourite
        )

    new_list = milliseconds(lambda: library.view, drop, with_before=True)
    page = milliseconds(lambda: first_page(library), lambda: drop() or library.view)
    figures = {
        "floor: its folder": milliseconds(lambda: look(folder)),
        "one file comes: the new list": new_list,
        "and its first page": page,
        "a star: the new first page": milliseconds(lambda: first_page(library), star),
        "a letter typed in Search": milliseconds(lambda: search(library)),
        "floor: all folders": milliseconds(lambda: [look(each) for each in folders]),
        "scan of all, nothing new": milliseconds(library.rescan),
    }
    print(f"{n_files:,} files in {n_folders:,} folders")
    for name, figure in figures.items():
        print(f"  {name:32}{figure:9.1f} ms")
    for name, size in (("the list", listed - before), ("search and names", prepared - listed)):
        print(f"  memory for {name:21}{size / n_files:9,.0f} bytes a file")


def first_page(library: Library) -> None:
    """Make the tab's first page, as the server's routes do."""
    catalogue = library.catalogue
    page = catalogue.select(USABLE)
    answers.summary(library, catalogue, library.progress, None, shows_paths=True)
    answers.folders(catalogue, USABLE)
    for seen in page.entries:
        entry_as_json(catalogue, seen)


def search(library: Library) -> None:
    """Answer another letter."""
    library.catalogue.select(Filters(query="name-12345"[: next(LENGTHS)], fit=("usable",)))


def look(folder: Path) -> None:
    """Ask the disk for all files of a folder."""
    with os.scandir(folder) as items:
        for item in items:
            item.stat()


def milliseconds(
    work: Callable[[], object],
    before: Callable[[], object] = lambda: None,
    *,
    with_before: bool = False,
) -> float:
    """Return the median of the processor time that some work takes.

    Args:
        before: done before each run; its time counts if *with_before*.
    """
    times = list[float]()
    for _ in range(RUNS):
        began = time.process_time()
        before()
        if not with_before:
            began = time.process_time()
        work()
        times.append((time.process_time() - began) * 1000)
    return statistics.median(times)


def resident() -> int:
    """Return the memory of this process in bytes."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
