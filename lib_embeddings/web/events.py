"""News for browsers: one line for every generation of the library."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from lib_embeddings.entries.snapshot import Changes
from lib_embeddings.library.library import Library

# A stream ends by itself and browsers connect again, so that a server that stops waits for none.
LONGEST_SECONDS = 30.0
# How often a stream checks whether its client is still there.
PULSE_SECONDS = 1.0


async def stream(
    library: Library, is_disconnected: Callable[[], Awaitable[bool]]
) -> AsyncIterator[str]:
    """Yield the current generation at once, then every new one, as server-sent events."""
    news: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def send(generation: int, changes: Changes) -> None:
        loop.call_soon_threadsafe(news.put_nowait, _event(generation, changes))

    unsubscribe = library.subscribe(send)
    end = time.monotonic() + LONGEST_SECONDS
    try:
        yield "retry: 1000\n\n" + _event(library.generation, Changes())
        while time.monotonic() < end and not await is_disconnected():
            try:
                yield await asyncio.wait_for(news.get(), PULSE_SECONDS)
            except asyncio.TimeoutError:  # a class of its own before Python 3.11
                continue
    finally:
        unsubscribe()


def _event(generation: int, changes: Changes) -> str:
    counts = {kind: len(entries) for kind, entries in changes._asdict().items()}
    return f"event: generation\ndata: {json.dumps({'generation': generation, **counts})}\n\n"


class Unpacked:
    """Let an application answer at one address without compression.

    Compression would hold back events, which are small, until there are enough of them.
    """

    def __init__(self, app: ASGIApp, path: str) -> None:
        self._app = app
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == self._path:
            kept = [header for header in scope["headers"] if header[0] != b"accept-encoding"]
            scope = {**scope, "headers": kept}
        await self._app(scope, receive, send)
