"""The HTTP API, as browsers and programs meet it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from lib_embeddings.library.library import Library
from lib_embeddings.library.reports import PromptReports
from lib_embeddings.stores.choices import Choices
from lib_embeddings.stores.index import Index
from tests.builders import safetensors_file, vectors

with warnings.catch_warnings():
    # A1111's FastAPI imports modules by names that are out of use today.
    warnings.simplefilter("ignore")
    from fastapi import FastAPI, Request
    from starlette.testclient import TestClient
    from starlette.types import ASGIApp, Receive, Scope, Send

    from lib_embeddings.web.answers import HostFacts
    from lib_embeddings.web.learning import Learner
    from lib_embeddings.web.painting import Studio
    from lib_embeddings.web.route import Door, allow
    from lib_embeddings.web.routes import PREFIX, add_routes

SD1 = safetensors_file()
SD2 = safetensors_file({"emb_params": vectors(4, 1024)})
SDXL = safetensors_file({"clip_l": vectors(2), "clip_g": vectors(2, 1280)})
FACTS = HostFacts("a host", "1.2", ("txt2img", "img2img"), " ")
TUNNEL = "tunnel.example"  # the site knows it as its own
HERE, ELSEWHERE = "127.0.0.1", "192.0.2.7"


class Client(TestClient):
    """A client of the API: its addresses begin below the prefix."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str]) -> None:
        super().__init__(app, "http://localhost")
        self.headers.update(headers)

    def request(self, method: str, url: str, **options: Any) -> Any:
        """Send a request."""
        return super().request(method, PREFIX + url, **options)


class From:
    """An application as a client with some address reaches it."""

    def __init__(self, app: ASGIApp, address: str) -> None:
        self._app = app
        self._address = address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app({**scope, "client": (self._address, 50_000)}, receive, send)


class Site:
    """A folder of embeddings, the library over it, and the application that shows it."""

    def __init__(
        self,
        root: Path,
        library: Library,
        login: Callable[[Request], object],
        studio: Studio | None = None,
        learner: Learner | None = None,
    ) -> None:
        self.root = root
        self.library = library
        self.app = FastAPI()
        self.reports = PromptReports(library)
        door = Door([TUNNEL], remedy="allow {}", login=login)
        add_routes(
            self.app, library, lambda: FACTS, door, self.reports, studio=studio, learner=learner
        )
        self.client = self.client_from(HERE)

    def client_from(self, address: str, **headers: str) -> Client:
        """Return a client that has an address, and sends some headers with every request."""
        return Client(From(self.app, address), headers)

    def write(self, path: str, data: bytes | str = SD1) -> Path:
        """Write a file into the folder, long ago; `library.rescan` finds it."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data if isinstance(data, bytes) else data.encode())
        os.utime(file, (0, 0))
        return file

    def add(self, path: str, data: bytes | str = SD1) -> str:
        """Write a file, and return the id it has in the library."""
        self.write(path, data)
        self.library.rescan()
        return next(
            seen.entry.place.id for seen in self.library.view if seen.entry.place.path == path
        )

    def get(self, address: str, **parameters: object) -> Any:
        """Return what a route answers, which must be good."""
        response = self.client.get(f"{address}?{urlencode(parameters)}")
        assert response.status_code == 200, response.text
        return response.json()

    def names(self, **parameters: object) -> list[str]:
        """Return the names on a page of entries."""
        return [entry["name"] for entry in self.get("/entries", **parameters)["entries"]]


@contextmanager
def open_site(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    login: Callable[[Request], object] = allow,
    studio: Studio | None = None,
    learner: Learner | None = None,
) -> Iterator[Site]:
    """Yield a site with an empty root in *folder*, of a user who never ran this before."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "data"))
    root = folder / "embeddings"
    root.mkdir(exist_ok=True)
    library = Library([root], Index.nowhere(), Choices())
    library.rescan()
    yield Site(root, library, login, studio, learner)
