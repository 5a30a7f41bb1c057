"""The composition root: a library, the watch over its folders, and a place to show it."""

from __future__ import annotations

import logging
import os
import socket
import webbrowser
from collections.abc import Iterable
from contextlib import closing, suppress
from types import FrameType

import uvicorn

from lib_embeddings.entries.snapshot import Changes
from lib_embeddings.formats.text_encoders import ModelFamily
from lib_embeddings.hosts.living import living_library
from lib_embeddings.hosts.standalone import page as standalone
from lib_embeddings.library.library import Library
from lib_embeddings.library.progress import ReadingBar
from lib_embeddings.library.render import change_lines, summary_lines
from lib_embeddings.prompts.tokenizer import own_tokenizer
from lib_embeddings.web.routes import add_routes

log = logging.getLogger(__name__)


def log_news(library: Library) -> None:
    """Log all that is loaded once it is known, and from then on what changes."""
    is_known = False

    def log_generation(_generation: int, changes: Changes) -> None:
        nonlocal is_known
        if not is_known and library.progress is None:
            is_known = True
            view = library.view
            others = [seen for seen in view if not seen.is_loaded]
            log.info("%s", "\n".join(summary_lines(view, others)))
        elif is_known and changes:
            log.info("%s", "\n".join(change_lines(changes, library.view)))

    library.subscribe(log_generation)


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
    with (
        closing(ReadingBar()) as bar,
        living_library(roots, own_tokenizer(), bar.show) as (library, watcher),
    ):
        library.set_model(model)
        log_news(library)
        page = standalone.build_page(model, library.set_model)
        app = standalone.build_app(page, lambda app: add_routes(app, library, standalone.facts))
        log.info("Textual Inversion is at %s", address)
        if opens_browser:
            webbrowser.open(address)
        watcher.start()
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
