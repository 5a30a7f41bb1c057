"""The whole app, as `lib-embeddings serve` runs it in a process of its own."""

from __future__ import annotations

import io
import itertools
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
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from lib_embeddings.__main__ import main
from lib_embeddings.cli import reading_bar
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.hosts import standalone
from lib_embeddings.hosts.standalone import log_news
from lib_embeddings.library.library import Library
from lib_embeddings.stores.index import Index
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
    """A new file is listed by itself, on the console and in the events."""
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
    """Return the data of an event."""
    return json.loads(line.removeprefix(b"data: "))


HOSTILE = {
    "no HTTP": b"\0\1\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "a huge header": b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
    "an odd origin": b"POST /{API}/rescan HTTP/1.1\r\nHost: localhost\r\nOrigin: http://[\r\n\r\n",
    "an odd number": b"GET /{API}/entries?limit=abc HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a path": b"GET /{API}/entries/..%2f..%2f HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "an odd host": b"GET /{API}/entries HTTP/1.1\r\nHost: [\r\n\r\n",
    "NUL": b"GET /{API}/assets/javascript/%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a long name": b"GET /{API}/assets/javascript/" + b"x" * 5000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "no length": b"POST /{API}/prompt HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
    "a half body": b"POST /{API}/prompt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{",
    "a half request": b"POST /{API}/prompt HT",
    "odd chunks": (
        b"POST /{API}/prompt HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
    ),
    "odd chunks for gradio": (
        b"POST /run/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
    ),
    "no event of gradio's": (
        b"POST /run/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16\r\n\r\n"
        b'{"fn_index": 99}'
    ),
    "a socket of gradio's": (
        b"GET /queue/join HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Version: 13\r\n\r\n"
    ),
    "a stream": b"GET /{API}/events HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a list": b"GET /{API}/entries HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


def test_hostile_clients_print_nothing(app: App) -> None:
    """Nonsense, half requests and clients that leave cost no answer to others and no line."""
    port = int(app.address.rstrip("/").rpartition(":")[2])
    shown = len(app.lines)
    for request in HOSTILE.values():
        for stays in (False, True):
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(request.replace(b"{API}", API.encode()))
                if stays:
                    with suppress(OSError):  # the server may have ended it first
                        client.shutdown(socket.SHUT_WR)
                        client.recv(1)
    assert app.names() == ["cat"]
    app.interrupt()
    app.end()
    assert app.lines[shown:] == [THE_END]


def test_many_listeners_leave_room_for_others(app: App) -> None:
    """A hundred pages that listen, and as many requests that never end, keep nobody waiting."""
    port = int(app.address.rstrip("/").rpartition(":")[2])
    with ExitStack() as open_pages:
        for name in ("a stream", "a half body") * 100:
            page = open_pages.enter_context(socket.create_connection(("127.0.0.1", port)))
            page.sendall(HOSTILE[name].replace(b"{API}", API.encode()))
        assert app.names() == ["cat"]


CLOSED = ("docs", "redoc", "openapi.json", "upload", "gradio_api/upload", "file=/etc/hostname",
          "gradio_api/file=/etc/hostname", "proxy=http://a", "run/predict", "gradio_api/queue/join",
          "gradio_api/queue/data", "monitoring", "login", "startup-events")  # fmt: skip


def test_gradio_shows_the_page_and_nothing_else(app: App) -> None:
    """Gradio's routes for programs, uploads and files are closed."""
    for path, method in itertools.product(CLOSED, ("GET", "POST")):
        request = urllib.request.Request(app.address + path, method=method)
        assert status_of(request) == 404, path


# Where it listens


def test_another_name_is_refused(app: App) -> None:
    """A site that lets its name lead here gets neither the page nor the list."""
    for path in ("", "config", f"{API}/entries", f"{API}/model?title=SDXL"):
        method = "POST" if "model" in path else "GET"
        headers = {"Host": "evil.example"}
        request = urllib.request.Request(app.address + path, headers=headers, method=method)
        assert status_of(request) == 403, path
    assert app.get(f"{API}/entries")["model"] == "sd1"


def test_a_name_that_was_given(folder: Path, tmp_path: Path) -> None:
    """With --allow-host the page has one more name."""
    app = App(
        folder, "--port", 0, "--allow-host", "a.example", "--allow-host", "b.example", home=tmp_path
    )
    for name, status in (("a.example", 200), ("b.example", 200), ("c.example", 403)):
        request = urllib.request.Request(app.address, headers={"Host": name})
        assert status_of(request) == status
    app.end()


def test_an_address_of_ipv6(folder: Path, tmp_path: Path) -> None:
    """It is written as browsers want it."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    app = App(folder, "--port", 0, "--host", "::1", home=tmp_path)
    assert re.fullmatch(r"http://\[::1\]:\d+/", app.address)
    assert app.names() == ["cat"]
    app.end()


def test_all_addresses_at_once(folder: Path, tmp_path: Path) -> None:
    """The console names addresses that can be opened, and says that there is no login."""
    app = App(folder, "--port", 0, "--host", "0.0.0.0", home=tmp_path)
    addresses = re.findall(r"http://\S+", app.lines[0])
    assert addresses[0].startswith("http://127.0.0.1:")
    for address in addresses:
        assert status_of(urllib.request.Request(address)) == 200
    app.end()
    assert app.lines[1] == (
        "Anyone who can reach this machine over the network can open the page and rename files: "
        "it has no login."
    )


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


def test_no_answer_waits_for_the_client_to_confirm_a_part_of_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each connection sends at once; otherwise many answers take 40 ms longer."""
    found: list[int] = []

    def serve(
        _folders: object, _model: object, listener: socket.socket, *_: object, **__: object
    ) -> None:
        with socket.create_connection(listener.getsockname()):
            connection, _address = listener.accept()
            with connection:
                found.append(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    monkeypatch.setattr(standalone, "serve", serve)
    assert main(["serve", str(folder), "--port", "0"]) == 0
    assert found == [1]


# Wrong use


def test_a_port_that_is_taken(folder: Path, tmp_path: Path) -> None:
    """Another program on the port is reported in one line, before any file is read."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        complaint = refused(folder, "--port", port, home=tmp_path)
    why = "Address already in use: choose others with --host and --port"
    assert complaint.strip() == f"127.0.0.1:{port} cannot be used: {why}"
    assert not (tmp_path / "cache" / "lib_embeddings").exists()


@pytest.mark.parametrize("port", ["-1", "65536"])
def test_a_port_that_is_none(folder: Path, tmp_path: Path, port: str) -> None:
    """A number that is no port is refused in one line."""
    complaint = refused(folder, f"--port={port}", home=tmp_path)
    assert complaint.startswith(f"127.0.0.1:{port} cannot be used: ")


def test_a_host_that_is_not_ours(folder: Path, tmp_path: Path) -> None:
    """An address of another machine is refused in one line."""
    complaint = refused(folder, "--host", "192.0.2.7", home=tmp_path)
    assert complaint.startswith("192.0.2.7:7868 cannot be used: ")


def test_a_file_for_a_folder(folder: Path, tmp_path: Path) -> None:
    """A file can never become a folder with embeddings: that is wrong use, as for `scan`."""
    file = folder / "cat.safetensors"
    complaint = refused(file, "--port", 0, home=tmp_path)
    assert complaint == f"{file} is not a folder: give one that is there"


def test_a_missing_folder_is_waited_for(tmp_path: Path) -> None:
    """A folder that is not there yet is reported on the console, and shown when it comes."""
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
    library = Library([folder], Index.nowhere(), on_progress=reading_bar(delay=0).show)
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
