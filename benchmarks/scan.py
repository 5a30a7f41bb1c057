"""Measure a scan of many embeddings against the floor of the same machine.

    python -m benchmarks.scan [--files 10000] [--webui PATH]

Every figure is the best of three runs in fresh processes, so that neither imports nor a warm
allocator count. *Cold* means without the index. The operating system's own cache is a matter apart:
figures are taken with the files in memory, and, where this process may empty that cache (root on
Linux), with the files on the disk.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.folders import make_folder

RUNS = 3
DROP_CACHES = Path("/proc/sys/vm/drop_caches")

FLOOR = """
import os, time
start = time.perf_counter()
for folder, _, names in os.walk(ROOT):
    for name in names:
        with open(os.path.join(folder, name), "rb") as file:
            file.read(65536)
print(time.perf_counter() - start)
"""

SCAN = """
import os, time
import psutil
from lib_embeddings import scan
scan([os.path.join(ROOT, os.listdir(ROOT)[0])])  # imports and allocator are warm
memory = psutil.Process().memory_info().rss
start = time.perf_counter()
view = scan([ROOT], model="sd1")
print(time.perf_counter() - start, psutil.Process().memory_info().rss - memory, view.counts["ok"])
"""

# The WebUI's own loader, with a model object that only answers what the loader asks of it. Its own
# folder is left alone: settings and hashes go to a folder that is gone afterwards.
WEBUI = """
import contextlib, io, os, sys, tempfile, time, types
data = tempfile.TemporaryDirectory()
sys.argv = ["webui", "--use-cpu", "all", "--no-half", "--data-dir", data.name]
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    from modules import initialize, shared_init
    shared_init.initialize()
    import torch
    from modules import sd_models, shared
    from modules.textual_inversion.textual_inversion import EmbeddingDatabase
    sd_models.model_data.was_loaded_at_least_once = True
    sd_models.model_data.sd_model = types.SimpleNamespace(cond_stage_model=types.SimpleNamespace(
        tokenize=lambda texts: [[hash(text) % 49000] for text in texts],
        encode_embedding_init_text=lambda text, n: torch.zeros(n, 768),
    ))
    database = EmbeddingDatabase()
    database.add_embedding_dir(ROOT)
    start = time.perf_counter()
    database.load_textual_inversion_embeddings(force_reload=True)
    seconds = time.perf_counter() - start
print(seconds, len(database.word_embeddings) + len(database.skipped_embeddings), flush=True)
os._exit(0)
"""


def run(
    program: str, root: str, python: str = sys.executable, folder: str | None = None
) -> list[float]:
    """Run *program* in a fresh process and return the numbers on its last line."""
    code = f"ROOT = {root!r}\n{program}"
    result = subprocess.run(
        [python, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    if result.returncode:
        sys.exit(result.stderr)
    return [float(number) for number in result.stdout.split("\n")[-2].split()]


def best(program: str, root: str, *, is_on_disk: bool) -> list[float]:
    """Return the numbers of the fastest of several runs."""
    runs = []
    for _ in range(RUNS):
        if is_on_disk:
            os.sync()
            DROP_CACHES.write_text("3")
        runs.append(run(program, root))
    return min(runs)


@contextmanager
def folder_of(n_files: int) -> Iterator[str]:
    """Yield a folder of generated embeddings that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="embeddings-") as folder:
        make_folder(Path(folder), n_files, seed=1)
        yield folder


def measure(root: str, *, is_on_disk: bool) -> None:
    """Print floor and scan for one state of the operating system's cache."""
    (floor,) = best(FLOOR, root, is_on_disk=is_on_disk)
    seconds, memory, found = best(SCAN, root, is_on_disk=is_on_disk)
    where = "on the disk" if is_on_disk else "in memory"
    print(f"files {where}:")
    print(f"  floor: walk, open, read 64 KiB  {floor:8.3f} s")
    print(f"  scan without index              {seconds:8.3f} s   {seconds / floor:5.1f} x floor")
    print(f"  memory added for {found:,.0f} entries  {memory / 1e6:5.1f} MB")


def main(arguments: Sequence[str] | None = None) -> None:
    """Generate a folder, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000, help="how many embeddings")
    parser.add_argument("--webui", help="path of an AUTOMATIC1111 WebUI, with its environment")
    parser.add_argument(
        "--webui-python", default="venv/bin/python", help="its interpreter, seen from there"
    )
    options = parser.parse_args(arguments)
    with folder_of(options.files) as root:
        measure(root, is_on_disk=False)
        if os.access(DROP_CACHES, os.W_OK):
            measure(root, is_on_disk=True)
        if options.webui:
            seconds, loaded = run(WEBUI, root, options.webui_python, options.webui)
            print(
                f"the WebUI's own loader, files in memory: {seconds:.1f} s for {loaded:,.0f} files"
            )


if __name__ == "__main__":
    main()
