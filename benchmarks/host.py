"""Measure the WebUI's own loader and ours on the same folder, in one run.

    python -m benchmarks.host --webui PATH [--files 10000] [--pictures 200]

Run it with the WebUI's Python. Every figure comes from a process of its own, which has the WebUI's
modules, its tokenizer and, in place of a checkpoint, a token table of the same width. *cold* is the
first load ever, *warm* one in a later process (our figures include all that the extension does at
its start); *again* is the next load in the same process.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.clock import clock

WIDTH = 768
PICTURE = (768, 512, 3)


def main() -> None:
    """Print all figures."""
    options = _parser().parse_args()
    if options.child:
        measure(options)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = os.path.join(scratch, "embeddings")
        make_files(folder, options.files, options.pictures)
        print(f"{options.files:,} embeddings, {options.pictures:,} pictures beside them")
        print(f"{'':8}{'cold':>9}{'warm':>9}{'again':>9}{'memory':>10}  loaded")
        for who in ("own", "ours"):
            cold, warm = (run_child(who, folder, scratch, options.webui) for _ in range(2))
            times = f"{cold['first']:8.3f}s{warm['first']:8.3f}s{warm['again']:8.3f}s"
            print(f"{who:8}{times}{warm['memory'] / 1e6:7.0f} MB  {warm['loaded']}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--webui", required=True, help="the folder that webui.py lies in")
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--pictures", type=int, default=0)
    parser.add_argument("--child", choices=["own", "ours"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    parser.add_argument("--scratch", help=argparse.SUPPRESS)
    return parser


def make_files(folder: str, n_files: int, n_pictures: int) -> None:
    """Write embeddings, and beside the first ones ordinary pictures with the same names."""
    from PIL import Image  # noqa: PLC0415 - children do without

    from benchmarks.folders import make_folder  # noqa: PLC0415 - likewise

    make_folder(folder, n_files)
    rng = np.random.default_rng(0)
    for file in sorted(Path(folder).rglob("*.*"))[:n_pictures]:
        pixels = rng.integers(0, 256, PICTURE, dtype=np.uint8)
        Image.fromarray(pixels).save(file.with_suffix(".png"))


def run_child(who: str, folder: str, scratch: str, webui: str) -> dict[str, Any]:
    """Return the measurements of one process."""
    places = {f"XDG_{kind}_HOME": os.path.join(scratch, kind) for kind in ("CACHE", "DATA")}
    command = [sys.executable, "-m", "benchmarks.host", "--child", who, "--webui", webui]
    command += ["--folder", folder, "--scratch", scratch]
    done = subprocess.run(command, env={**os.environ, **places}, capture_output=True, check=False)
    if done.returncode:
        sys.exit(done.stderr.decode())
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


# In the child


def measure(options: argparse.Namespace) -> None:
    """Load twice, and print times, memory added, and how many were loaded."""
    database = prepare_webui(options.webui, options.folder, options.scratch)
    begin = begin_own if options.child == "own" else begin_ours
    before = resident()
    end = begin()
    first, again = (clock(lambda: database.load_textual_inversion_embeddings(True)) for _ in "ab")
    loaded = len(database.word_embeddings)
    result = {"first": first, "again": again, "memory": resident() - before, "loaded": loaded}
    end()
    sys.__stdout__.write(f"\n{json.dumps(result)}\n")
    sys.__stdout__.flush()
    os._exit(0)  # the WebUI leaves threads behind


def prepare_webui(webui: str, folder: str, scratch: str) -> Any:
    """Import the WebUI's modules, with a stand-in for a checkpoint; return its database."""
    data = os.path.join(scratch, "data")
    os.makedirs(data, exist_ok=True)
    own = ["--use-cpu", "all", "--no-half", "--skip-version-check"]
    sys.argv = ["webui.py", *own, "--data-dir", data, "--embeddings-dir", folder]
    sys.path.insert(0, webui)
    os.chdir(webui)
    from modules import initialize  # noqa: PLC0415 - only now there is such a module

    initialize.imports()
    from modules import script_callbacks, sd_hijack, sd_models  # noqa: F401, PLC0415

    sd_models.model_data.sd_model = stand_in()
    sd_models.model_data.was_loaded_at_least_once = True
    return sd_hijack.model_hijack.embedding_db


def stand_in() -> Any:
    """Return what loaders use of a checkpoint: the real tokenizer, and a token table's width."""
    import torch  # noqa: PLC0415 - the WebUI's
    from modules.sd_hijack import EmbeddingsWithFixes  # noqa: PLC0415
    from transformers import CLIPTokenizer  # noqa: PLC0415

    tokenizer = CLIPTokenizer.from_pretrained("openai/clip-vit-large-patch14")

    class Conditioner(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = EmbeddingsWithFixes(torch.nn.Embedding(1, WIDTH), None)

        def tokenize(self, texts: list[str]) -> Any:
            return tokenizer(texts, truncation=False, add_special_tokens=False)["input_ids"]

        def encode_embedding_init_text(self, _text: str, count: int) -> Any:
            return torch.zeros(count, WIDTH)

    class Checkpoint(types.SimpleNamespace):
        """Allows weak references, as a module does."""

    return Checkpoint(cond_stage_model=Conditioner())


def begin_own() -> Callable[[], object]:
    """Leave the WebUI as it is."""
    return lambda: None


def begin_ours() -> Callable[[], object]:
    """Start the extension as its doorway does."""
    from lib_embeddings.hosts.webui import extension  # noqa: PLC0415

    if extension.start() is None:
        sys.exit("the extension did not start")
    return extension.stop


def resident() -> int:
    """Return the bytes of memory that this process occupies."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGESIZE")


if __name__ == "__main__":
    main()
