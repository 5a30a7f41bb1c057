"""The small app in a process of its own, as a person at a terminal and a browser meet it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

API = "lib-embeddings/v1"
PROJECT = Path(__file__).parents[1]
THE_END = "(the end)"


class App:
    """A running app."""

    def __init__(self, *arguments: object, home: Path, site: Path = PROJECT) -> None:
        self._process = start(*arguments, home=home, site=site)
        self.lines: list[str] = []
        self._told = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.address = self.line_with("http://").split()[-1]
        self.line_with(" textual inversion embeddings")  # the first scan has ended

    def _read(self) -> None:
        assert self._process.stderr
        for line in self._process.stderr:
            self._tell(line.rstrip("\n"))
        self._tell(THE_END)

    def _tell(self, line: str) -> None:
        with self._told:
            self.lines.append(line)
            self._told.notify_all()

    def line_with(self, text: str) -> str:
        """Wait until the console shows a line with some text, and return it."""
        with self._told:
            self._told.wait_for(lambda: THE_END in self.lines or self._first_with(text))
            line = self._first_with(text)
        assert line, self.lines
        return line

    def _first_with(self, text: str) -> str | None:
        return next((line for line in self.lines if text in line), None)

    def get(self, path: str = "") -> Any:
        """Return what an address answers: JSON as its value, anything else as text."""
        with urllib.request.urlopen(self.address + path) as response:
            text = response.read().decode()
            is_json = response.headers.get_content_type() == "application/json"
        return json.loads(text) if is_json else text

    def names(self) -> list[str]:
        """Return the names in the library."""
        return [entry["name"] for entry in self.get(f"{API}/entries")["entries"]]

    def choose(self, title: str) -> str:
        """Choose a model as the page does; return the model that the library then has."""
        query = urlencode({"title": title})
        request = urllib.request.Request(f"{self.address}{API}/model?{query}", method="POST")
        with urllib.request.urlopen(request) as response:
            response.read()
        return self.get(f"{API}/entries")["model"]

    def listen(self, path: str = f"{API}/events") -> Any:
        """Open a stream, as a browser does, and hear its first line."""
        response = urllib.request.urlopen(self.address + path)
        response.readline()
        return response

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> int:
        """Press Ctrl-C, wait for the end, and return the exit code."""
        self._process.send_signal(number)
        return self._process.wait()

    def end(self) -> None:
        """End the process, if it still runs."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe
            pipe.close()


def environment(home: Path) -> dict[str, str]:
    """Return the environment of a user whose caches and data lie in *home*."""
    return {**os.environ, "XDG_CACHE_HOME": f"{home}/cache", "XDG_DATA_HOME": f"{home}/data"}


def start(*arguments: object, home: Path, site: Path = PROJECT) -> subprocess.Popen[str]:
    """Start `serve` for a user whose caches and data lie in *home*.

    Args:
        site: the folder that the package is in.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "lib_embeddings", "serve", *map(str, arguments)],
        cwd=site,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
