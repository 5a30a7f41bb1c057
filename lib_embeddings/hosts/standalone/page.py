"""The small app: a page with prompt fields and the tab, without any WebUI."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType

from fastapi import FastAPI
from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles

from lib_embeddings.formats.text_encoders import MODEL_FAMILIES, ModelFamily
from lib_embeddings.version import VERSION
from lib_embeddings.web.answers import HostFacts
from lib_embeddings.web.page import TITLE, HeadTags, assets, head_tags, mount_point
from lib_embeddings.web.routes import PREFIX


class _Plotting(MetaPathFinder):
    """Find matplotlib's plotting as it is, but let it run only when something in it is used.

    gradio 3 imports it for plots that this page does not have. It looks through all fonts of the
    machine, which takes seconds on a fresh one and warns on the console. Whoever does plot in this
    process gets the true modules, with their fonts.
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


os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("MPLBACKEND", "agg")  # else gradio 3 uses it to look for one at each event
sys.meta_path.insert(0, _Plotting())

import gradio as gr  # noqa: E402 after what it must find

ASSETS = f"{PREFIX}/assets"
NO_MODEL = "none"
TAB = "txt2img"


def facts() -> HostFacts:
    """Return what the tab needs to know of this page."""
    return HostFacts("standalone", VERSION, (TAB,), ", ")


def build_page(
    model: ModelFamily | None, set_model: Callable[[ModelFamily | None], object]
) -> gr.Blocks:
    """Return the page: a model choice, prompt fields named as a WebUI names them, and the tab."""
    titles = {family.title: family for family in MODEL_FAMILIES.values()}

    def choose(title: str) -> None:
        set_model(titles.get(title))

    page: gr.Blocks
    with gr.Blocks(title=TITLE) as page:
        choice = gr.Dropdown(
            [NO_MODEL, *titles],
            value=model.title if model else NO_MODEL,
            label="Model",
            elem_id="lib-embeddings-model",
        )
        gr.Textbox(label="Prompt", lines=3, elem_id=f"{TAB}_prompt")
        gr.Textbox(label="Negative prompt", lines=3, elem_id=f"{TAB}_neg_prompt")
        with gr.Tabs(), gr.Tab(TITLE):
            gr.HTML(mount_point(TAB))
        choice.change(choose, inputs=choice, outputs=None)
    return page


def build_app(page: gr.Blocks, add_routes: Callable[[FastAPI], object]) -> FastAPI:
    """Return the web application: our routes and assets, and the page at `/`."""
    app = FastAPI(title=TITLE)
    add_routes(app)
    app.mount(f"{ASSETS}/javascript", StaticFiles(directory=assets() / "javascript"))
    app.add_api_route(f"{ASSETS}/style.css", _style, include_in_schema=False)
    gr.mount_gradio_app(app, page, path="/")
    app.add_middleware(HeadTags, path="/", tags=head_tags(ASSETS))
    return app


def _style() -> FileResponse:
    return FileResponse(assets() / "style.css", media_type="text/css")
