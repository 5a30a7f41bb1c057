"""The whole app, as `lib-embeddings serve` runs it in a process of its own."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.hosts.standalone.app import log_news
from lib_embeddings.library.choices import Choices
from lib_embeddings.library.index import Index
from lib_embeddings.library.library import Library
from tests.builders import safetensors_file

API = "lib-embeddings/v1"
SD1 = safetensors_file()
THE_END = "(the end)"


class App:
    """A running app."""

    def __init__(self, *arguments: object, home: Path) -> None:
        self._process = start(*arguments, home=home)
        self.lines: list[str] = []
        self._told = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.address = self.line_with("http://").split()[-1]

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
            self._told.wait_for(lambda: THE_END in self.lines or self._first_with(text), 60)
            line = self._first_with(text)
        assert line, self.lines
        return line

    def _first_with(self, text: str) -> str | None:
        return next((line for line in self.lines if text in line), None)

    def get(self, path: str = "") -> Any:
        """Return what an address answers: JSON as its value, anything else as text."""
        with urllib.request.urlopen(self.address + path, timeout=30) as response:
            text = response.read().decode()
        return json.loads(text) if path.startswith(API) else text

    def names(self) -> list[str]:
        """Return the names in the library."""
        return [entry["name"] for entry in self.get(f"{API}/entries")["entries"]]

    def listen(self, path: str = f"{API}/events") -> Any:
        """Open a stream, as a browser does, and hear its first line."""
        response = urllib.request.urlopen(self.address + path, timeout=30)
        response.readline()
        return response

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> tuple[int, float]:
        """Press Ctrl-C; return the exit code, and after how many seconds."""
        began = time.monotonic()
        self._process.send_signal(number)
        code = self._process.wait(60)
        return code, time.monotonic() - began

    def end(self) -> None:
        """End the process, if it still runs."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe
            pipe.close()


def start(*arguments: object, home: Path) -> subprocess.Popen[str]:
    """Start `serve` for a user whose caches and data lie in *home*."""
    return subprocess.Popen(
        [sys.executable, "-m", "lib_embeddings", "serve", *map(str, arguments)],
        env={**os.environ, "XDG_CACHE_HOME": f"{home}/cache", "XDG_DATA_HOME": f"{home}/data"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def refused(*arguments: object, home: Path) -> str:
    """Return the one line with which a wrong use of `serve` ends, with exit code 2."""
    process = start(*arguments, home=home)
    try:
        out, complaint = process.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    assert (process.returncode, out, complaint.count("\n")) == (2, "", 1), complaint
    return complaint.removeprefix("lib-embeddings: ").rstrip("\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with one embedding."""
    folder = tmp_path / "embeddings"
    folder.mkdir()
    (folder / "cat.safetensors").write_bytes(SD1)
    return folder


@pytest.fixture
def app(folder: Path, tmp_path: Path) -> Iterator[App]:
    """Return the app over that folder, for SD 1.x."""
    app = App(folder, "--model", "sd1", "--port", 0, home=tmp_path)
    yield app
    app.end()


# At work


def test_the_page_and_its_library(app: App, folder: Path, tmp_path: Path) -> None:
    """The console says where the page is and what was loaded; nothing is kept beside the files."""
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", app.address)
    assert app.lines[:2] == [
        "Loaded a total of 1 textual inversion embeddings.", "Embeddings: cat",
    ]  # fmt: skip
    page = app.get()
    assert page.count("textual_inversion.mjs") == page.count("/style.css?") == 1
    assert "txt2img_prompt" in page
    listing = app.get(f"{API}/entries")
    assert (listing["model"], listing["roots"]) == ("sd1", [str(folder)])
    assert [(entry["name"], entry["fit"]) for entry in listing["entries"]] == [("cat", "usable")]
    assert os.listdir(folder) == ["cat.safetensors"]
    assert (tmp_path / "cache" / "lib_embeddings" / "index.sqlite").exists()


def test_a_file_dropped_in_appears(app: App, folder: Path) -> None:
    """A new file is listed by itself, told on the console and to whoever listens."""
    stream = app.listen()
    (folder / "dog.safetensors").write_bytes(SD1)
    assert app.line_with("Embeddings added") == "Embeddings added: dog"
    events = (line for line in stream if line.startswith(b"data: "))
    news = next(event for event in map(data_of, events) if event["added"])
    assert (news["added"], news["modified"], news["deleted"]) == (1, 0, 0)
    assert news["generation"] == app.get(f"{API}/entries")["generation"]
    assert app.names() == ["cat", "dog"]
    stream.close()


def data_of(line: bytes) -> dict[str, int]:
    """Return what an event tells."""
    return json.loads(line.removeprefix(b"data: "))


def test_a_hostile_request_prints_nothing(app: App) -> None:
    """Requests that make no sense are answered, and leave no traceback on the console."""
    requests = (
        ("POST", "rescan", {"Origin": "http://["}),
        ("GET", "entries?limit=abc", {}),
        ("GET", "entries/..%2f..%2f", {}),
        ("GET", "entries", {"Host": "["}),
    )
    for method, path, headers in requests:
        request = urllib.request.Request(
            f"{app.address}{API}/{path}", method=method, headers=headers
        )
        assert status_of(request) < 500, (path, headers)
    assert not [line for line in app.lines if "Traceback" in line]


def status_of(request: urllib.request.Request) -> int:
    """Return the status of an answer, good or not."""
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


# The end


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it(app: App, number: signal.Signals) -> None:
    """Ctrl-C is the way to end it: at once, with code 0 and nothing to read."""
    app.get()
    shown = len(app.lines)
    code, seconds = app.interrupt(number)
    app.end()
    assert app.lines[shown:] == [THE_END]
    assert code == (0 if number == signal.SIGINT else -number)
    assert seconds < 5


@pytest.mark.parametrize(
    "path",
    [
        f"{API}/events",
        pytest.param(
            "gradio_api/heartbeat/0",
            marks=pytest.mark.skipif(
                version("gradio").startswith("3."), reason="this gradio has no heartbeat"
            ),
        ),
    ],
)
def test_an_interrupt_with_a_browser_connected(app: App, path: str) -> None:
    """A page that listens, to us or to gradio, does not keep it."""
    app.get()
    stream = app.listen(path)
    shown = len(app.lines)
    code, seconds = app.interrupt()
    stream.close()
    app.end()
    assert app.lines[shown:] == [THE_END]
    assert code == 0
    assert seconds < 5


# Wrong use


def test_a_port_that_is_taken(folder: Path, tmp_path: Path) -> None:
    """Another program on the port is told in one line, before any file is read."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        complaint = refused(folder, "--port", port, home=tmp_path)
    assert complaint.startswith(f"127.0.0.1:{port} cannot be used: Address already in use")
    assert not (tmp_path / "cache" / "lib_embeddings").exists()


@pytest.mark.parametrize("port", ["-1", "65536"])
def test_a_port_that_is_none(folder: Path, tmp_path: Path, port: str) -> None:
    """A number that is no port is told in one line."""
    complaint = refused(folder, f"--port={port}", home=tmp_path)
    assert complaint.startswith(f"127.0.0.1:{port} cannot be used: ")


def test_a_host_that_is_not_ours(folder: Path, tmp_path: Path) -> None:
    """An address of another machine is told in one line."""
    complaint = refused(folder, "--host", "192.0.2.7", home=tmp_path)
    assert complaint.startswith("192.0.2.7:7868 cannot be used: ")


def test_a_file_for_a_folder(folder: Path, tmp_path: Path) -> None:
    """A file can never become a folder with embeddings: that is wrong use, as for `scan`."""
    file = folder / "cat.safetensors"
    complaint = refused(file, "--port", 0, home=tmp_path)
    assert complaint == f"{file} is not a folder: give the folder to look through"


def test_a_missing_folder_is_waited_for(tmp_path: Path) -> None:
    """A folder that is not there yet is told on the console, and shown when it comes."""
    folder = tmp_path / "not" / "yet"
    app = App(folder, "--port", 0, home=tmp_path)
    try:
        app.line_with(f"the folder {folder} is missing")
        assert app.names() == []
        folder.mkdir(parents=True)
        (folder / "cat.safetensors").write_bytes(SD1)
        app.line_with("Embeddings added: cat")
        assert app.names() == ["cat"]
    finally:
        app.end()


def test_an_unknown_model(folder: Path, tmp_path: Path) -> None:
    """A model family that is none ends with the list of those there are."""
    process = start(folder, "--model", "sd9", home=tmp_path)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 2
    assert all(key in complaint for key in MODEL_FAMILIES)


# The log


def test_the_log_tells_all_once_and_then_changes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What is there is logged in full, what changes in short, a look without changes not at all."""
    caplog.set_level(logging.INFO)
    with Index.nowhere() as index:
        library = Library([tmp_path], index, Choices(str(tmp_path / "choices.sqlite")))
        library.set_model(MODEL_FAMILIES["sd1"])
        (tmp_path / "a.safetensors").write_bytes(SD1)
        (tmp_path / "b.safetensors").write_bytes(SD1[:-1])
        library.rescan()
        assert caplog.messages == []
        log_news(library)
        assert caplog.messages[0].startswith(
            "Loaded a total of 1 textual inversion embeddings.\nEmbeddings: a\nNot loaded: 1\n"
        )
        library.rescan()
        (tmp_path / "c.safetensors").write_bytes(SD1)
        library.rescan()
    assert caplog.messages[1:] == [
        "Embeddings added: c\nLoaded a total of 2 textual inversion embeddings."
    ]
