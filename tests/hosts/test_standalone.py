"""The small app: its page, its assets, and our routes beside gradio's."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from fastapi import FastAPI

from lib_embeddings import __version__
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.hosts import standalone
from lib_embeddings.hosts.standalone import (
    ASSETS,
    add_model_choice,
    build_app,
    build_page,
    facts,
    recall_model,
    remember_model,
)
from lib_embeddings.web.route import Door
from lib_embeddings.web.routes import PREFIX, add_routes
from tests.web import SD1, Site, TestClient, open_site

pytestmark = pytest.mark.filterwarnings("ignore")  # gradio and what it stands on, of two times

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """Return a client of the app over one embedding, for SD 1.x."""
    with open_site(tmp_path, monkeypatch) as site:
        site.add("cat.safetensors", SD1)
        site.library.set_model(MODEL_FAMILIES["sd1"])
        yield TestClient(asyncio.run(app_over(site)))


async def app_over(site: Site) -> FastAPI:
    """Return the app, made while an event loop runs: gradio would leave one of its own open."""
    door = Door(own=["testserver"])

    def add_ours(app: FastAPI) -> None:
        add_routes(app, site.library, facts, door)
        add_model_choice(app, door, site.library.set_model)

    return build_app(build_page(), door, add_ours)


@pytest.mark.parametrize("encoding", ["identity", "gzip", "gzip, deflate, br"])
def test_the_page_loads_style_and_script_once(client: TestClient, encoding: str) -> None:
    """The head has our two tags once, whether or not the browser takes packed pages."""
    response = client.get("/", headers={"Accept-Encoding": encoding})
    head, _, body = response.text.partition("</head>")
    assert response.status_code == 200
    for tag in (
        r'<link rel="stylesheet" href="lib-embeddings/v1/assets/style\.css\?\d+">',
        r'<script type="module" src="[^"]+"></script>',
    ):
        assert (len(re.findall(tag, head)), len(re.findall(tag, body))) == (1, 0)
    if encoding == "identity":
        assert response.headers["content-length"] == str(len(response.content))


def test_the_tags_lead_somewhere(client: TestClient) -> None:
    """The addresses in the head are those of the files, with the types that browsers ask for."""
    page = client.get("/").text
    style, script = (
        client.get(address) for address in re.findall(r'"(lib-embeddings/[^"]+\?\d+)"', page)
    )
    assert style.headers["content-type"].startswith("text/css")
    assert style.content == (PROJECT / "style.css").read_bytes()
    assert "javascript" in script.headers["content-type"]
    assert script.content == (PROJECT / "javascript" / "textual_inversion.mjs").read_bytes()


def test_every_module_is_served(client: TestClient) -> None:
    """All of `javascript/` is served as script."""
    modules = sorted((PROJECT / "javascript").rglob("*.mjs"))
    assert len(modules) > 1
    for module in modules:
        response = client.get(f"{ASSETS}/javascript/{module.relative_to(PROJECT / 'javascript')}")
        assert (response.status_code, response.content) == (200, module.read_bytes())
        assert "javascript" in response.headers["content-type"]


@pytest.mark.parametrize(
    "path", ["../pyproject.toml", "%2e%2e/pyproject.toml", "..%2fpyproject.toml", "", "nothing.mjs"]
)
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    """No address below the assets leads out of them."""
    assert client.get(f"{ASSETS}/javascript/{path}").status_code == 404


def test_the_page_has_what_the_tab_needs(client: TestClient) -> None:
    """Prompt fields are named as in a WebUI."""
    page = client.get("/").text
    for needed in ("txt2img_prompt", "txt2img_neg_prompt"):
        assert page.count(f'"elem_id":"{needed}"') == 1
    assert page.count("lib-embeddings-model") > 0


def test_the_api_is_beside_the_page(client: TestClient) -> None:
    """Our routes answer, although gradio has all other addresses."""
    page = client.get(f"{PREFIX}/entries").json()
    assert (page["model"], [entry["name"] for entry in page["entries"]]) == ("sd1", ["cat"])
    for method in ("GET", "POST"):
        answer = client.request(method, f"{PREFIX}/nothing")
        assert (answer.status_code, answer.json()) == (404, {"detail": "there is nothing here"})
    answer = client.put(f"{PREFIX}/entries")
    assert (answer.status_code, answer.json()) == (405, {"detail": "expected GET or PATCH"})
    host = client.get(f"{PREFIX}/host").json()
    expected = {
        "host": "standalone",
        "version": __version__,
        "tabs": ["txt2img"],
        "separator": ", ",
    }
    assert {key: host[key] for key in expected} == expected


def test_answers_are_packed_but_for_events(client: TestClient) -> None:
    """Lists are packed where the browser takes that; events would be held back by it."""
    packed = {"Accept-Encoding": "gzip"}
    answer = client.get(f"{PREFIX}/entries", headers=packed)
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.json()["total"] == 1
    with client.stream("GET", f"{PREFIX}/events", headers=packed) as events:
        assert "content-encoding" not in events.headers
        assert next(events.iter_lines()) == "retry: 1000"


@pytest.mark.parametrize("path", ["/rescan", "/model", "/entries/0", "/nothing", ""])
def test_pages_of_other_sites_get_no_leave(client: TestClient, path: str) -> None:
    """A browser that asks whether it may write here gets no permission, unlike from gradio."""
    headers = {
        "Host": "192.0.2.7",
        "Origin": "http://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-forwarded-host",
    }
    answer = client.options(PREFIX + path, headers=headers)
    assert answer.status_code in (404, 405)
    assert not [name for name in answer.headers if name.startswith("access-control")]


PLOT = """
from io import BytesIO
import matplotlib.pyplot as plt
from matplotlib import animation
figure = plt.figure()
plt.plot([1, 2], label="a line")
plt.legend()
animation.FuncAnimation(figure, lambda _: (), frames=2)._init_draw()
figure.savefig(picture := BytesIO(), format="png")
print(picture.getvalue()[1:4].decode())
"""


@pytest.mark.skipif(find_spec("matplotlib") is None, reason="this gradio brings no matplotlib")
def test_others_can_plot() -> None:
    """Packages that gradio imports, and this page does not use, still work for others."""
    done = subprocess.run([sys.executable, "-c", PLOT], capture_output=True, check=True, text=True)
    assert done.stdout == "PNG\n"


# The model that was chosen last


def test_a_model_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last choice is known at the next start, and a damaged file does no harm."""
    monkeypatch.setattr(standalone, "our_path", (tmp_path / "new").joinpath)
    assert recall_model() == ""
    remember_model("sdxl")
    assert recall_model() == "sdxl"
    (tmp_path / "new" / "model.txt").write_bytes(b"\xff")
    assert recall_model() not in MODEL_FAMILIES


def test_a_model_that_cannot_be_remembered_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The console says why the next start will begin with another one."""
    (tmp_path / "file").touch()
    monkeypatch.setattr(standalone, "our_path", (tmp_path / "file").joinpath)
    remember_model("sdxl")
    assert recall_model() == ""
    assert "the model is not remembered" in caplog.text
