"""Measure a WebUI of AUTOMATIC1111's family as people have it: its start, pictures, and a drop.

    python -m benchmarks.webui --start "PATH/webui.sh --api" [--url http://127.0.0.1:7860]
        [--files 10000] [--ms 2]

The WebUI has the extension installed and `--embeddings-dir FOLDER` added to its command. It is
started on an ordinary disk and on one that takes 2 ms a call (`slow_disk.c`): first with an empty
folder, whose times are the host's own, then *cold*, with files that have never been read, and
*warm*, with the same files. Every picture has one step and is requested at once.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.clock import clock
from benchmarks.folders import make_folder
from benchmarks.slow_disk import slowed
from tests.builders import safetensors_file

# Seconds in which a WebUI starts, or reports that it cannot.
PATIENCE = 300.0
# The host's pictures vary; the median of this many is its own time.
PICTURES = 5
_LOADED = re.compile(r"load textual inversion embeddings: ([\d.]+)s")


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--start", required=True, help="the command that starts the WebUI")
    parser.add_argument("--url", default="http://127.0.0.1:7860")
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--ms", type=float, default=2.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for disk, ms in (("ordinary disk", 0.0), (f"{options.ms:g} ms a call", options.ms)):
            folder = Path(scratch, disk.replace(" ", "-"))
            folder.mkdir()
            webui = Webui(options.start, options.url, folder, ms)
            print_figures(f"{disk}, empty", webui, is_dropped=False)
            make_folder(folder, options.files)
            for start in ("cold", "warm"):
                print_figures(f"{disk}, {start}", webui, is_dropped=True)


class Webui:
    """A WebUI that can be started with one folder of embeddings."""

    def __init__(self, command: str, url: str, folder: Path, ms: float) -> None:
        self.folder = folder
        self._command = [*shlex.split(command), "--embeddings-dir", str(folder)]
        self._url = url
        self._log = folder.with_suffix(".log")
        self._environment = slowed(folder, ms) if ms else dict(os.environ)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run it for the length of the block."""
        with self._log.open("wb") as log:
            process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            # It ends if it is asked before its last middleware is there.
            wait_until(lambda: "Startup time" in self.log or process.poll() is not None)
            if process.poll() is not None:
                sys.exit(self.log)
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    @property
    def log(self) -> str:
        """Its console output."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def ask(self, path: str, content: object = None) -> Any:
        """Call its API."""
        data = None if content is None else json.dumps(content).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._url}{path}", data, headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def paint(self, prompt: str) -> str:
        """Make a picture, and return its infotext."""
        size = {"width": 64, "height": 64, "steps": 1}
        answer = self.ask("/sdapi/v1/txt2img", {"prompt": prompt, "seed": 1, **size})
        return str(json.loads(answer["info"])["infotexts"][0])


def print_figures(title: str, webui: Webui, *, is_dropped: bool) -> None:
    """Start a WebUI, print how long everything takes, and end it."""
    began = time.perf_counter()
    with webui.running():
        up = time.perf_counter() - began
        first = clock(lambda: webui.paint("a dog"))
        painted = time.perf_counter() - began
        dropped = drop(webui) if is_dropped else None
        wait_until(lambda: is_ready(webui))
        later = sorted(clock(lambda: webui.paint("a dog")) for _ in range(PICTURES))
        found = _LOADED.search(webui.log)
        loaded = len(webui.ask("/sdapi/v1/embeddings")["loaded"])
    print(f"{title}: {loaded:,} loaded", flush=True)
    print(f"  started after                     {up:7.2f} s")
    print(f"  of it loading embeddings, it says {found[1] if found else 'under 0.1':>7} s")
    print(f"  first picture, asked for at once  {first:7.2f} s, {painted:.2f} s after its start")
    if dropped is not None:
        print(f"  a drop, until a picture has it    {dropped:7.2f} s")
    print(f"  a later picture                   {later[PICTURES // 2]:7.2f} s", flush=True)


def drop(webui: Webui) -> float:
    """Return the seconds from a drop to the end of the first picture made with it."""
    name = f"dropped{time.time_ns()}"
    source = webui.folder.with_suffix(".new")
    source.write_bytes(safetensors_file())
    source.rename(webui.folder / f"{name}.safetensors")
    return clock(lambda: wait_until(lambda: name in _hashes(webui.paint(f"a {name}"))))


def _hashes(infotext: str) -> str:
    return infotext.partition("TI hashes")[2]


def is_ready(webui: Webui) -> bool:
    """Return whether all files have been read."""
    return webui.ask("/lib-embeddings/v1/entries?limit=1")["scanning"] is None


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for a condition; end the program if it is never met."""
    due = time.perf_counter() + PATIENCE
    while not is_so():
        if time.perf_counter() > due:
            sys.exit("the WebUI did not come so far")
        time.sleep(0.05)


if __name__ == "__main__":
    main()
