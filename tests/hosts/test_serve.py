"""The whole app, as `lib-embeddings serve` runs it in a process of its own."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.hosts.standalone import log_news
from lib_embeddings.library.index import Index
from lib_embeddings.library.library import Library
from lib_embeddings.library.progress import ReadingBar
from tests.apps import API, THE_END, App, environment, start
from tests.builders import safetensors_file
from tests.terminal import Terminal

SD1 = safetensors_file()


# The command line, which then prints what it has imported that takes long.
REFUSAL = """
import sys
from lib_embeddings.__main__ import main
code = main()
print(*{"fastapi", "gradio", "matplotlib", "uvicorn"}.intersection(sys.modules), end="")
sys.exit(code)
"""


def refused(*arguments: object, home: Path) -> str:
    """Return the one line with which a wrong use of `serve` ends, with exit code 2 and at once."""
    done = subprocess.run(
        [sys.executable, "-c", REFUSAL, "serve", *map(str, arguments)],
        capture_output=True,
        check=False,
        env=environment(home),
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done
    return done.stderr.removeprefix("lib-embeddings: ").rstrip("\n")


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
    assert [app.lines[1], app.line_with("Embeddings:")] == [
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


def test_a_start_in_a_new_home(app: App, tmp_path: Path) -> None:
    """Nothing is on the console or in the home that is not ours: no fonts are looked for."""
    assert app.choose("SDXL") == "sdxl"
    assert len(app.lines) == 3, app.lines
    written = sorted(path.name for path in (tmp_path / "cache").rglob("*") if path.is_file())
    assert [name for name in written if not name.startswith("index.sqlite")] == []


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
        with urllib.request.urlopen(request) as response:
            return response.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


# The end


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it(app: App, number: signal.Signals) -> None:
    """Ctrl-C is the way to end it: with code 0 and nothing to read."""
    app.get()
    shown = len(app.lines)
    code = app.interrupt(number)
    app.end()
    assert app.lines[shown:] == [THE_END]
    assert code == (0 if number == signal.SIGINT else -number)


def test_an_interrupt_with_a_browser_connected(app: App) -> None:
    """A page that listens does not keep it."""
    app.get()
    stream = app.listen()
    shown = len(app.lines)
    code = app.interrupt()
    stream.close()
    app.end()
    assert app.lines[shown:] == [THE_END]
    assert code == 0


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
    assert complaint == f"{file} is not a folder: give the folder to scan"


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
    _, complaint = process.communicate()
    assert process.returncode == 2
    assert all(key in complaint for key in MODEL_FAMILIES)


# The log


@pytest.mark.parametrize("console", [Terminal, io.StringIO])
def test_the_first_scan_shows_progress(
    folder: Path, monkeypatch: pytest.MonkeyPatch, console: type[io.StringIO]
) -> None:
    """A terminal shows that files are read, and shows it no more when they are; a file does not."""
    monkeypatch.setattr(sys, "stderr", console())
    library = Library([folder], Index.nowhere(), on_progress=ReadingBar(delay=0).show)
    library.rescan()
    shown = sys.stderr.getvalue()
    assert ("Reading: " in shown, shown.endswith("\r")) == (console is Terminal,) * 2


def test_the_log_tells_all_once_and_then_changes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The first scan is logged in full, changes in short, and a scan without changes not at all."""
    caplog.set_level(logging.INFO)
    library = Library([tmp_path], Index.nowhere())
    log_news(library)
    library.set_model(MODEL_FAMILIES["sd1"])
    assert caplog.messages == []
    (tmp_path / "a.safetensors").write_bytes(SD1)
    (tmp_path / "b.safetensors").write_bytes(SD1[:-1])
    library.rescan()
    assert caplog.messages[0].startswith(
        "Loaded a total of 1 textual inversion embeddings.\nEmbeddings: a\nNot loaded: 1\n"
    )
    library.rescan()
    (tmp_path / "c.safetensors").write_bytes(SD1)
    library.rescan()
    assert caplog.messages[1:] == [
        "Embeddings added: c\nLoaded a total of 2 textual inversion embeddings."
    ]
