"""The page's news come past what compresses a WebUI's answers."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from lib_embeddings.hosts.webui.server import unpack_events
from lib_embeddings.web.routes import PREFIX
from tests.web import TestClient

pytestmark = pytest.mark.filterwarnings("ignore")  # fastapi of two times


class AskedApp(FastAPI):
    """An application that, once it is asked, builds its middleware as soon as that is gone."""

    is_asked = False

    @property
    def middleware_stack(self) -> Any:
        """What a request meets first; None until it is built."""
        return self._stack

    @middleware_stack.setter
    def middleware_stack(self, stack: Any) -> None:
        self._stack = stack or (self.build_middleware_stack() if self.is_asked else None)


def test_news_are_not_compressed_even_if_a_request_comes_while_the_webui_starts() -> None:
    """Nobody is refused for it, and the WebUI's own compression is back afterwards."""
    app = AskedApp()
    app.add_middleware(GZipMiddleware, minimum_size=1)
    app.add_api_route(f"{PREFIX}/events", lambda: "news")

    def encoding() -> str | None:
        answer = TestClient(app, "http://localhost").get(f"{PREFIX}/events")
        found: str | None = answer.headers.get("content-encoding")
        return found

    app.is_asked = True
    undo = unpack_events(app)
    assert encoding() is None
    undo()
    assert encoding() == "gzip"
