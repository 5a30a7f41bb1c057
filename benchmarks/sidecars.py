"""Measure the cost of other tools' documents beside many embeddings.

    python -m benchmarks.sidecars [--files 10000]

The same files are scanned without them, and with a document and a picture beside each, by turns in
one process and in its own processor time, so that the ratio holds on a busy machine too. Documents
are read for searches and for details, not by a scan.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.scan import folder_of
from lib_embeddings import scan
from lib_embeddings.entries.walk import CLOCK_GRAIN_NS
from lib_embeddings.library.library import Library
from lib_embeddings.stores.index import Index
from lib_embeddings.views.catalogue import Catalogue
from lib_embeddings.views.prepared import Prepared
from lib_embeddings.views.search import Filters

RUNS = 5


def annotate(root: Path) -> None:
    """Write the files that LoRA Manager leaves beside every embedding."""
    for path in [path for path in root.rglob("*") if path.is_file()]:
        version = {
            "id": 770,
            "modelId": 77,
            "model": {"name": path.stem, "tags": ["fox"]},
            "trainedWords": [path.stem],
            "description": "<p>What it is for</p>" * 20,
            "images": [{"url": "https://example.com/1", "meta": {"prompt": "a fox " * 20}}] * 5,
        }
        told = {"file_path": path.as_posix(), "model_name": path.stem, "civitai": version}
        path.with_suffix(".metadata.json").write_text(json.dumps(told), encoding="utf-8")
        path.with_suffix(".webp").write_bytes(b"a picture")


def seconds_of(work: Callable[[], object]) -> float:
    """Return the seconds of processor time that some work takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


def medians(runs: Iterable[tuple[float, ...]]) -> list[float]:
    """Return the median of each figure of some runs."""
    return [statistics.median(figures) for figures in zip(*runs, strict=True)]


def seconds_to_start(root: str, index_path: str) -> tuple[float, float]:
    """Return the seconds of processor time until all files are listed, and until scanned."""
    start, lists = time.process_time(), list[float]()
    with Index.open(index_path) as index:
        library = Library([root], index)
        library.subscribe(
            lambda *_: lists.append(time.process_time() - start) if len(library.view) else None
        )
        library.rescan()
        return lists[0], time.process_time() - start


def main(arguments: Sequence[str] | None = None) -> None:
    """Generate two folders, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000, help="how many embeddings")
    n_files = parser.parse_args(arguments).files
    with ExitStack() as stack:
        plain, annotated = (stack.enter_context(folder_of(n_files)) for _ in range(2))
        annotate(Path(annotated))
        home = stack.enter_context(TemporaryDirectory())
        indexes = {plain: f"{home}/plain", annotated: f"{home}/annotated"}
        works: dict[str, Callable[[str], tuple[float, ...]]] = {
            "cold scan": lambda root: (seconds_of(lambda: scan([root], model="sd1")),),
            "later start, list and scan": lambda root: seconds_to_start(root, indexes[root]),
        }
        time.sleep(CLOCK_GRAIN_NS / 1e9)  # younger folders are not remembered
        for title, work in works.items():
            for root in (plain, annotated):  # work that is done only once does not count
                work(root)
            runs = [[work(root) for root in (plain, annotated)] for _ in range(RUNS)]
            for without, beside in zip(*map(medians, zip(*runs, strict=True)), strict=True):
                print(
                    f"{title}: {without:.3f} s, with documents {beside:.3f} s: "
                    f"{beside / without:.2f} x"
                )
        catalogue = Catalogue(1, Prepared(scan([annotated])))
        found: list[int] = []
        for search in ("first", "later"):
            seconds = seconds_of(
                lambda: found.append(catalogue.select(Filters(query="tag:fox")).total)
            )
            print(f"{search} search, of {n_files} found {found[-1]}: {seconds:.3f} s")


if __name__ == "__main__":
    main()
