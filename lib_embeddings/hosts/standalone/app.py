"""The composition root: a library, the watch over its folders, and a place to show it."""

from __future__ import annotations

import logging
import os
import socket
import webbrowser
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from types import FrameType

import uvicorn

from lib_embeddings.entries.snapshot import Changes
from lib_embeddings.formats.text_encoders import ModelFamily
from lib_embeddings.hosts.standalone import page as standalone
from lib_embeddings.library.choices import Choices
from lib_embeddings.library.index import Index
from lib_embeddings.library.library import Library
from lib_embeddings.library.render import change_lines, log_lines
from lib_embeddings.prompts.tokenizer import own_tokenizer
from lib_embeddings.watch.watcher import Watcher
from lib_embeddings.web.api import add_routes

log = logging.getLogger(__name__)


@contextmanager
def living_library(
    roots: Iterable[str | os.PathLike[str]], model: ModelFamily | None = None
) -> Iterator[Library]:
    """Yield a library that follows its folders by itself until the block ends."""
    with Index.open() as index, closing(Choices()) as choices:
        library = Library(roots, index, choices)
        library.tokenize = own_tokenizer()
        library.set_model(model)
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


def listen(host: str, port: int) -> socket.socket:
    """Take an address; port 0 takes any that is free.

    Raises:
        OSError, OverflowError: it is taken, is not ours, or is no address.
    """
    return socket.create_server((host, port))


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
    with listener, living_library(roots, model) as library:
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
