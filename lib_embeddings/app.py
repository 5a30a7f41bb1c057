"""The composition root: a library, the watch over its folders, and a place to show it."""

from __future__ import annotations

import logging
import os
import socket
import webbrowser
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import uvicorn

from lib_embeddings.hosts import standalone
from lib_embeddings.library.index import Index
from lib_embeddings.library.preferences import Preferences
from lib_embeddings.library.store import Library
from lib_embeddings.text_encoders import ModelFamily
from lib_embeddings.ui.api import add_routes
from lib_embeddings.watch.watcher import Watcher

log = logging.getLogger(__name__)


@contextmanager
def living_library(
    roots: Iterable[str | os.PathLike[str]], model: ModelFamily | None = None
) -> Iterator[Library]:
    """Yield a library that follows its folders by itself until the block ends."""
    with Index.open() as index:
        library = Library(roots, index, Preferences())
        library.set_model(model)
        library.rescan()
        watcher = Watcher(library.roots, library.rescan)
        library.is_whole = watcher.is_whole
        with watcher:
            yield library


def serve(
    roots: Iterable[str | os.PathLike[str]],
    model: ModelFamily | None,
    host: str,
    port: int,
    *,
    opens_browser: bool,
) -> None:
    """Show the tab as a web page until interrupted.

    Raises:
        OSError: the address is taken, or is not ours.
    """
    listener = socket.create_server((host, port))
    address = f"http://{host}:{listener.getsockname()[1]}/"
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # gradio asks itself things
    with listener, living_library(roots, model) as library:
        page = standalone.build_page(model, library.set_model)
        app = standalone.build_app(page, lambda app: add_routes(app, library))
        log.info("Textual Inversion is at %s", address)
        if opens_browser:
            webbrowser.open(address)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        server.run(sockets=[listener])
