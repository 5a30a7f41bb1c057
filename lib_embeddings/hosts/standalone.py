"""The small app: a page with prompt fields and the tab, without any WebUI."""

from __future__ import annotations

import logging
import os
import socket
import sys
import webbrowser
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from inspect import signature
from ipaddress import ip_address
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Response
from h11 import LocalProtocolError
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import HTTPConnection
from starlette.responses import FileResponse, JSONResponse
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from lib_embeddings.entries.snapshot import Changes
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES, ModelFamily
from lib_embeddings.hosts.living import living_library
from lib_embeddings.hosts.studio import AppLearner, AppStudio
from lib_embeddings.library.library import Library
from lib_embeddings.our_files import our_path
from lib_embeddings.prompts.tokens import own_tokenizer
from lib_embeddings.version import __version__
from lib_embeddings.views.render import change_lines, summary_lines
from lib_embeddings.web.answers import HostFacts
from lib_embeddings.web.requests import one_of
from lib_embeddings.web.route import Door
from lib_embeddings.web.routes import PREFIX, add_routes
from lib_embeddings.web.tab import TITLE, HeadTags, Unpacked, assets, head_tags, mount_point

if TYPE_CHECKING:
    import gradio

ASSETS = f"{PREFIX}/assets"
NO_MODEL = "none"
_MODELS = {family.title: family for family in MODEL_FAMILIES.values()}
TAB = "txt2img"

# Behind a proxy the page may be below a path that only the browser knows; gradio asks the server.
_ROOT = b"""<script>gradio_config.root = location.pathname.replace(/\\/[^/]*$/, "");</script>"""

# The files that the page asks gradio for. Everything else there is for programs, or prints what
# clients do wrong.
_OF_GRADIO = {"", "assets", "config", "favicon.ico", "info", "manifest.json", "static", "svelte",
              "theme.css"}  # fmt: skip

# A higher level takes longer than it saves, on the machine itself.
_COMPRESSION = 4

log = logging.getLogger(__name__)


def facts(*, asks_sites: bool = True) -> HostFacts:
    """Return what the tab needs to know of this page."""
    return HostFacts("standalone", __version__, (TAB,), ", ", asks_sites)


def build_page() -> gradio.Blocks:
    """Return the page: a model choice, prompt fields named as a WebUI names them, and the tab."""
    gr = import_gradio()
    page: gradio.Blocks
    with gr.Blocks(title=TITLE) as page:
        gr.HTML('<div id="lib-embeddings-model" class="lib-embeddings-model"></div>')
        gr.Textbox(label="Prompt", lines=3, elem_id=f"{TAB}_prompt")
        gr.Textbox(label="Negative prompt", lines=3, elem_id=f"{TAB}_neg_prompt")
        with gr.Tabs(), gr.Tab(TITLE):
            gr.HTML(mount_point(TAB))
    return page


def _look_of(gr: Any) -> dict[str, Any]:
    """Return what lets the page have all letters of its font.

    gradio 6 brings the weight 600 of its font with a few letters alone; the bold one has them all.
    """
    if "theme" not in signature(gr.mount_gradio_app).parameters:
        return {}
    font = gr.themes.utils.fonts.LocalFont("Source Sans Pro", weights=(400, 700))
    return {"theme": gr.themes.Default(font=(font, "ui-sans-serif", "system-ui", "sans-serif"))}


class _Plotting(MetaPathFinder):
    """Find matplotlib's plotting as usual, but run it only when something in it is used.

    gradio 3 imports it for plots that this page does not have. It searches the machine for fonts,
    which takes seconds on a fresh one and prints a warning on the console. Whoever does plot in
    this process gets the true modules, with their fonts.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in ("matplotlib.pyplot", "matplotlib.animation"):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec and spec.loader:
            spec.loader = LazyLoader(spec.loader)
        return spec


def import_gradio() -> Any:
    """Return gradio, without its telemetry and its search for fonts.

    Raises:
        ImportError: it is not installed.
    """
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("MPLBACKEND", "agg")  # otherwise gradio 3 uses it to look at each event
    if not any(isinstance(finder, _Plotting) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Plotting())
    return import_module("gradio")


def build_app(page: gradio.Blocks, door: Door, add_routes: Callable[[FastAPI], object]) -> FastAPI:
    """Return the web application: our routes and assets, and the page at `/`.

    Args:
        door: lets in who may read, and who may write.
    """
    app = FastAPI(title=TITLE, openapi_url=None)
    for folder in ("javascript", "localizations"):
        app.mount(f"{ASSETS}/{folder}", _Files(directory=assets() / folder))
    app.add_api_route(f"{ASSETS}/style.css", _style)
    add_routes(app)  # of our prefix, nothing is left for gradio
    gr = import_gradio()
    gr.mount_gradio_app(app, page, path="/", **_look_of(gr))
    app.add_middleware(HeadTags, path="/", tags=head_tags(ASSETS.lstrip("/")) + _ROOT)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=_COMPRESSION)
    app.add_middleware(Unpacked, path=f"{PREFIX}/events")
    app.add_middleware(OnlyThePage, door=door)
    return app


def add_model_choice(
    app: FastAPI, door: Door, set_model: Callable[[ModelFamily | None], object]
) -> None:
    """Add the route by which the page chooses the active model."""

    def choose(title: str = "") -> Response:
        set_model(_MODELS.get(one_of("title", title, (NO_MODEL, *_MODELS))))
        return Response(status_code=204)

    may_write = [Depends(door.admit), Depends(door.admit_write)]
    app.add_api_route(f"{PREFIX}/model", choose, methods=["POST"], dependencies=may_write)


class _Files(StaticFiles):
    """Files; a name that the system does not accept is none of them."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        try:
            return super().lookup_path(path)
        except (OSError, ValueError):
            return "", None


def _style() -> FileResponse:
    return FileResponse(assets() / "style.css", media_type="text/css")


class OnlyThePage:
    """Let those who may read ask gradio for the files of the page, and for nothing else."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Our own routes use the door themselves.
        if scope["type"] == "http" and not scope["path"].startswith(f"{PREFIX}/"):
            try:
                self._check(HTTPConnection(scope))
            except HTTPException as refusal:
                response = JSONResponse({"detail": refusal.detail}, refusal.status_code)
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, request: HTTPConnection) -> None:
        self._door.admit(request)
        room = request.scope["path"].lstrip("/").partition("/")[0]
        if request.scope["method"] not in ("GET", "HEAD") or room not in _OF_GRADIO:
            raise HTTPException(404, "there is nothing here")


# Serving


def remember_model(key: str) -> None:
    """Remember which model somebody chose, for the next start."""
    path = our_path("model.txt")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(key, "utf-8")
    except OSError as error:
        log.warning("the model is not remembered: %s", error)


def recall_model() -> str:
    """Return the key of the model that was chosen last; any text where the file is damaged."""
    try:
        return our_path("model.txt").read_text("utf-8", "replace")
    except OSError:
        return ""


def log_news(library: Library) -> None:
    """Log everything that is loaded once it is known, and from then on what changes."""
    is_known = False

    def log_generation(_generation: int, changes: Changes) -> None:
        nonlocal is_known
        if not is_known and library.progress is None:
            is_known = True
            view = library.view
            others = [seen for seen in view if not seen.may_be_used]
            log.info("%s", "\n".join(summary_lines(view, others)))
        elif is_known and changes:
            log.info("%s", "\n".join(change_lines(changes, library.view)))

    library.subscribe(log_generation)


def serve(  # noqa: PLR0913 - each is a choice of its own
    roots: Iterable[str | os.PathLike[str]],
    model: str | None,
    listener: socket.socket,
    door: Door,
    *,
    on_progress: Callable[[int, int], object],
    opens_browser: bool,
    asks_sites: bool,
    paints_with: str | None,
) -> None:
    """Show the tab as a web page until interrupted.

    Args:
        model: the key of a family, or `none`; None for the one that was chosen last.
        door: lets in who may read, and who may write.
        on_progress: the library's: called after each file that is read.
        asks_sites: whether people may get embeddings from the internet in the page.
        paints_with: a checkpoint or a folder of diffusers; None for the small model.
    """
    host, port, *_ = listener.getsockname()
    first, *others = addresses(host, port)
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # gradio asks itself things
    with living_library(roots, own_tokenizer(), on_progress) as (library, watcher, _):
        library.set_model(MODEL_FAMILIES.get(model or recall_model()))
        log_news(library)

        def choose(chosen: ModelFamily | None) -> None:
            library.set_model(chosen)
            remember_model(chosen.key if chosen else NO_MODEL)

        def add_ours(app: FastAPI) -> None:
            asked = partial(facts, asks_sites=asks_sites)
            studio = AppStudio(paints_with)
            learner = AppLearner(studio, has_small_model=paints_with is None)
            add_model_choice(app, door, choose)
            add_routes(app, library, asked, door, studio=studio, learner=learner)

        app = build_app(build_page(), door, add_ours)
        log.info("Textual Inversion is at %s", " and ".join((first, *others)))
        if not ip_address(host).is_loopback:
            log.warning(
                "Anyone who can reach this machine over the network can open the page and rename "
                "files: it has no login."
            )
        if opens_browser:
            webbrowser.open(first)
        watcher.start()
        with suppress(KeyboardInterrupt):
            config = uvicorn.Config(app, http="h11", ws="none", log_level="error")
            logging.getLogger("uvicorn.error").addFilter(is_no_clients_fault)
            _Server(config).run(sockets=[listener])


def is_no_clients_fault(record: logging.LogRecord) -> bool:
    """Return whether a record is about more than a client that disconnected within its request."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, LocalProtocolError)


def addresses(host: str, port: int) -> list[str]:
    """Return the addresses at which a browser finds what listens at an address.

    Args:
        host: an address of this machine, or the one that stands for all of them.
    """
    hosts = [host]
    if ip_address(host).is_unspecified:
        is_ipv6 = ":" in host
        family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
        hosts = ["::1" if is_ipv6 else "127.0.0.1"]
        with socket.socket(family, socket.SOCK_DGRAM) as probe, suppress(OSError):
            # This sends nothing; it finds out which way it would go.
            probe.connect(("2001:db8::1" if is_ipv6 else "192.0.2.1", 9))
            hosts.append(probe.getsockname()[0])
    return [
        f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/" for host in hosts
    ]


class _Server(uvicorn.Server):
    """A server that ends when it is asked to, however many pages still wait for events."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = True
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Since Python 3.12 even a server that is forced to end waits for its connections.
        for connection in self.server_state.connections:
            connection.transport.abort()
        await super().shutdown(sockets)
