"""The small app: a page with prompt boxes and the tab, without any WebUI."""

from __future__ import annotations

import os
from collections.abc import Callable

from fastapi import FastAPI
from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles

from lib_embeddings.text_encoders import MODEL_FAMILIES, ModelFamily
from lib_embeddings.ui.api import PREFIX
from lib_embeddings.ui.assets import HeadTags, assets, head_tags
from lib_embeddings.ui.tab import TITLE, mount_point

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr

ASSETS = f"{PREFIX}/assets"
NO_MODEL = "none"


def build_page(
    model: ModelFamily | None, set_model: Callable[[ModelFamily | None], object]
) -> gr.Blocks:
    """Return the page: a model choice, prompt boxes named as a WebUI names them, and the tab."""
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
        gr.Textbox(label="Prompt", lines=3, elem_id="txt2img_prompt")
        gr.Textbox(label="Negative prompt", lines=3, elem_id="txt2img_neg_prompt")
        with gr.Tabs(), gr.Tab(TITLE):
            gr.HTML(mount_point("txt2img"))
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
