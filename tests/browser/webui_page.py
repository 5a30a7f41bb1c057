"""A page that shows the tab where a WebUI does: `python -m tests.browser.webui_page FOLDER`."""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from typing import Any

import uvicorn

from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.hosts.living import living_library
from lib_embeddings.hosts.standalone import build_app, import_gradio
from lib_embeddings.library.reports import PromptReports
from lib_embeddings.names import Field
from lib_embeddings.prompts.tokens import own_tokenizer
from lib_embeddings.web.answers import HostFacts
from lib_embeddings.web.route import Door
from lib_embeddings.web.routes import add_routes
from lib_embeddings.web.tab import TITLE, pane

# Of a WebUI's style: a pane of some height, and what it sets for its own cards.
STYLE = """
.extra-network-pane { display: flex; flex-direction: column; height: 620px; overflow: hidden; }
.extra-network-pane .card { margin: 8px; width: 256px; height: 384px; overflow: hidden; }
.extra-network-pane .card .button-row { visibility: hidden; }
.extra-network-pane .card .actions { position: absolute; bottom: 0; background: rgb(0 0 0 / 50%); }
"""


STYLES = {"brushwork": "brush", "plain": "a photo"}


def apply_styles(prompt: str, styles: Sequence[str], field: Field) -> str:
    """Return a prompt with the texts of styles behind it."""
    return ", ".join([prompt, *(STYLES[style] for style in styles if field == "positive")])


def facts() -> HostFacts:
    """Return what the page may know of a WebUI."""
    return HostFacts("a WebUI", None, ("txt2img", "img2img"), ", ")


def build_page() -> Any:
    """Return a page with both of a WebUI's tabs that have prompts."""
    gr = import_gradio()
    with gr.Blocks() as page:
        gr.HTML(f"<style>{STYLE}</style>")
        with gr.Tabs():
            for tabname in ("txt2img", "img2img"):
                with gr.Tab(tabname):
                    gr.Dropdown(list(STYLES), multiselect=True, elem_id=f"{tabname}_styles")
                    gr.Textbox(label="Prompt", lines=3, elem_id=f"{tabname}_prompt")
                    gr.Textbox(label="Negative prompt", lines=3, elem_id=f"{tabname}_neg_prompt")
                    with gr.Tabs(), gr.Tab(TITLE):
                        gr.HTML(pane(tabname, "textual_inversion"))
    return page


def main(folder: str) -> None:
    """Serve the page until interrupted."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        living_library([folder], own_tokenizer()) as (library, watcher, _),
    ):
        library.set_model(MODEL_FAMILIES["sd1"])
        watcher.start()
        door, reports = Door(), PromptReports(library, apply_styles)
        app = build_app(
            build_page(), door, lambda app: add_routes(app, library, facts, door, reports)
        )
        host, port, *_ = listener.getsockname()
        print(f"at http://{host}:{port}/", file=sys.stderr, flush=True)
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(sys.argv[1])
