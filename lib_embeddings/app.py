"""The composition root: a library, the watch over its folders, and a place to show it."""

from __future__ import annotations

import logging
import os
import socket
import webbrowser
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import uvicorn
from tqdm import tqdm

from lib_embeddings.hosts import standalone
from lib_embeddings.library.index import Index
from lib_embeddings.library.preferences import Preferences
from lib_embeddings.library.read import read_file
from lib_embeddings.library.store import Library
from lib_embeddings.prompts.tokenizer import own_tokenizer
from lib_embeddings.render import change_lines, log_lines
from lib_embeddings.snapshot import Changes, Told
from lib_embeddings.text_encoders import ModelFamily
from lib_embeddings.ui.api import add_routes
from lib_embeddings.watch.watcher import Watcher

log = logging.getLogger(__name__)


@contextmanager
def living_library(
    roots: Iterable[str | os.PathLike[str]], model: ModelFamily | None = None
) -> Iterator[Library]:
    """Yield a library that follows its folders by itself until the block ends.

    A terminal shows how many files the first look has read.
    """
    bar = tqdm(desc="Reading", unit=" files", disable=None, leave=False)

    def read(path: str) -> Told:
        bar.update()  # nothing any more, once it is closed
        return read_file(path)

    with Index.open() as index:
        library = Library(roots, index, Preferences(), read=read)
        library.tokenize = own_tokenizer()
        library.set_model(model)
        with bar:
            library.rescan()
        log_news(library)
        watcher = Watcher(library.roots, library.rescan)
        library.is_whole = watcher.is_whole
        with watcher:
            yield library


def log_news(library: Library) -> None:
    """Log all that is loaded now, and from now on what changes."""
    log.info("%s", "\n".join(log_lines(library.view)))

    def log_changes(_generation: int, changes: Changes) -> None:
        if changes:
            log.info("%s", "\n".join(change_lines(changes, library.view)))

    library.subscribe(log_changes)


def serve(
    roots: Iterable[str | os.PathLike[str]],
    model: ModelFamily | None,
    listener: socket.socket,
    *,
    opens_browser: bool,
) -> None:
    """Show the tab as a web page until interrupted."""
    host, port, *_ = listener.getsockname()
    address = f"http://{host}:{port}/"
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # gradio asks itself things
    with living_library(roots, model) as library:
        page = standalone.build_page(model, library.set_model)
        app = standalone.build_app(page, lambda app: add_routes(app, library))
        log.info("Textual Inversion is at %s", address)
        if opens_browser:
            webbrowser.open(address)
        with suppress(KeyboardInterrupt):
            _Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


class _Server(uvicorn.Server):
    """A server that ends when it is told to, however many pages still listen for news."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = True
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Since Python 3.12 even one that is forced to end waits for its connections.
        for connection in self.server_state.connections:
            connection.transport.abort()
        await super().shutdown(sockets)
