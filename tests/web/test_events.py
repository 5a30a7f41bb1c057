"""The stream of events: what it tells, when it ends, and that it forgets who has left."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.web import answers
from lib_embeddings.web.jobs import Jobs
from tests.web import PREFIX, Site, open_site


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Return a site without embeddings."""
    with open_site(tmp_path, monkeypatch) as site:
        site.library._generation = 0  # it begins at the time of day
        yield site


def event(generation: int, added: int = 0, modified: int = 0, deleted: int = 0) -> dict[str, int]:
    """Return what one event tells."""
    return {"generation": generation, "added": added, "modified": modified, "deleted": deleted}


def told(chunk: str) -> dict[str, int]:
    """Return what the last event of a chunk tells."""
    assert chunk.endswith("\n\n")
    kind, data = chunk.strip().splitlines()[-2:]
    assert kind == "event: generation"
    return json.loads(data.removeprefix("data: "))


# The stream itself


async def stays() -> bool:
    """Be a client that listens on."""
    return False


async def leaves() -> bool:
    """Be a client that went away."""
    return True


async def next_of(stream: AsyncIterator[str]) -> dict[str, int]:
    """Return the next event of a stream."""
    return told(await anext(stream))


def test_the_first_event_comes_at_once(site: Site) -> None:
    """The first event has the present generation, and how soon to connect again."""

    async def listen() -> str:
        stream = answers.stream(site.library, Jobs(), stays)
        async with contextlib.aclosing(stream):
            return await stream.__anext__()

    chunk = asyncio.run(listen())
    assert chunk.startswith("retry: ")
    assert told(chunk) == event(site.library.generation)


def test_one_event_for_every_change(site: Site) -> None:
    """Changes of entries and model come in order, none left out and none twice."""

    async def listen() -> list[dict[str, int]]:
        async with contextlib.aclosing(answers.stream(site.library, Jobs(), stays)) as stream:
            heard = [await next_of(stream)]
            site.add("cat.pt")
            site.add("dog.pt")
            site.library.set_model(MODEL_FAMILIES["sd1"])
            site.library.rescan()
            (site.root / "cat.pt").unlink()
            site.library.rescan()
            return [*heard, *[await next_of(stream) for _ in range(4)]]

    assert asyncio.run(listen()) == [
        event(0), event(1, added=1), event(2, added=1), event(3), event(4, deleted=1),
    ]  # fmt: skip


def test_a_change_in_another_thread_is_told(site: Site) -> None:
    """A change wakes the stream wherever it is made."""

    async def listen() -> dict[str, int]:
        async with contextlib.aclosing(answers.stream(site.library, Jobs(), stays)) as stream:
            await stream.__anext__()
            thread = threading.Thread(target=site.add, args=["cat.pt"])
            thread.start()
            heard = await next_of(stream)
            thread.join()
            return heard

    assert asyncio.run(listen()) == event(1, added=1)


def chunks_of(site: Site, is_disconnected: Any) -> list[str]:
    """Return all of a stream that ends."""

    async def listen() -> list[str]:
        return [chunk async for chunk in answers.stream(site.library, Jobs(), is_disconnected)]

    return asyncio.run(listen())


def test_a_stream_ends_by_itself(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its longest time the stream ends, and its subscription too."""
    monkeypatch.setattr(answers, "LONGEST_SECONDS", 0.05)
    monkeypatch.setattr(answers, "PULSE_SECONDS", 0.01)
    assert len(chunks_of(site, stays)) == 1
    assert site.library._news._subscribers == []


def test_who_has_left_is_forgotten(site: Site) -> None:
    """A stream whose client is gone ends at the next look."""
    assert len(chunks_of(site, leaves)) == 1
    assert site.library._news._subscribers == []


def test_a_stream_that_is_closed_is_forgotten(site: Site) -> None:
    """A server that ends a stream leaves no subscriber behind."""

    async def listen() -> int:
        async with contextlib.aclosing(answers.stream(site.library, Jobs(), stays)) as stream:
            await stream.__anext__()
            return len(site.library._news._subscribers)

    assert asyncio.run(listen()) == 1
    assert site.library._news._subscribers == []


# Over the network


@pytest.fixture
def port(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Return the port of a server that shows the site."""
    monkeypatch.setattr(answers, "PULSE_SECONDS", 0.05)
    with socket.create_server((("127.0.0.1"), 0)) as listener:
        config = uvicorn.Config(site.app, log_level="error", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=[[listener]])
        thread.start()
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join()


class Listener:
    """A browser that listens to events."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        request = f"GET {PREFIX}/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
        self._socket.sendall(request.encode())
        self._lines = self._socket.makefile(encoding="utf-8", newline="\r\n")
        self.status = self._lines.readline().split()[1]
        self.headers = {}
        while line := self._lines.readline().strip():
            name, _, value = line.partition(": ")
            self.headers[name.lower()] = value

    def next(self) -> dict[str, int]:
        """Wait for the next chunk, and return its event."""
        self._lines.readline()
        length_and_text = [self._lines.readline()]
        while not length_and_text[-1].endswith("\r\n"):
            length_and_text.append(self._lines.readline())
        return told("".join(length_and_text).removesuffix("\r\n"))

    def leave(self) -> None:
        """Close the connection."""
        self._lines.close()
        self._socket.close()


def test_several_listeners(site: Site, port: int) -> None:
    """Every listener hears everything, over a stream that no proxy keeps back."""
    listeners = [Listener(port) for _ in range(4)]
    assert {listener.status for listener in listeners} == {"200"}
    headers = listeners[0].headers
    assert headers["content-type"].startswith("text/event-stream")
    assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-store", "no")
    assert [listener.next() for listener in listeners] == [event(0)] * 4
    site.add("cat.pt")
    assert [listener.next() for listener in listeners] == [event(1, added=1)] * 4
    for listener in listeners:
        listener.leave()


def test_closed_connections_are_forgotten(site: Site, port: int) -> None:
    """Closed connections get no more events, however many there were; the others do."""
    staying = Listener(port)
    staying.next()
    for _ in range(5):
        leaving = Listener(port)
        leaving.next()
        leaving.leave()
    is_alone = threading.Event()
    for _ in range(200):
        if len(site.library._news._subscribers) == 1:
            is_alone.set()
            break
        is_alone.wait(0.05)
    assert is_alone.is_set()
    site.add("cat.pt")
    assert staying.next() == event(1, added=1)
    staying.leave()
