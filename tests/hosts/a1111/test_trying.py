"""Embeddings tried with the WebUI's own model, and what that leaves behind: nothing."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from fastapi import FastAPI  # noqa: E402
from PIL import Image  # noqa: E402

from lib_embeddings.web.routes import PREFIX  # noqa: E402
from tests.hosts.fake_webui import Checkpoint  # noqa: E402
from tests.hosts.fake_webui_processing import StableDiffusionProcessing  # noqa: E402
from tests.hosts.running import Run  # noqa: E402
from tests.web import SD2, TestClient  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # fastapi of two times

ENDED = ("done", "failed", "cancelled")


class Page:
    """The page of a WebUI, with one embedding that its model can use and one that it cannot."""

    def __init__(self, run: Run) -> None:
        run.write("cat.safetensors")
        run.write("other.safetensors", SD2)
        run.start()
        app = FastAPI()
        run.webui.callbacks.fire("app_started", None, app)
        run.webui.load(Checkpoint(768))
        self.run = run
        self.client = TestClient(app, "http://localhost", client=("127.0.0.1", 1))

    def id_of(self, name: str) -> str:
        """Return the id of an embedding."""
        entries = self.client.get(f"{PREFIX}/entries").json()["entries"]
        return str(next(entry["id"] for entry in entries if entry["name"] == name))

    def begin(self, name: str = "cat", **more: object) -> str:
        """Try an embedding, and return the job's id."""
        body = {"ids": [self.id_of(name)], "seeds": [7], "steps": 4, **more}
        response = self.client.post(f"{PREFIX}/try", json=body)
        assert response.status_code == 200, response.text
        return str(response.json()["id"])

    def job(self, id_: str) -> dict[str, Any]:
        """Return a job as it is now."""
        jobs = self.client.get(f"{PREFIX}/jobs").json()["jobs"]
        return next(job for job in jobs if job["id"] == id_)

    def wait(self, id_: str, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until something is true of a job."""
        pause = threading.Event()
        while not is_so(job := self.job(id_)):
            pause.wait(0.01)
        return job

    def ended(self, id_: str) -> dict[str, Any]:
        """Wait until a job goes on no more."""
        return self.wait(id_, lambda job: job["state"] in ENDED)


@pytest.fixture
def page(run: Run) -> Page:
    """Return a page."""
    return Page(run)


def test_the_host_paints_without_and_with(page: Page) -> None:
    """One seed, by the WebUI's own processing; the files have its infotext."""
    job = page.ended(page.begin(prompt="a {name}", negative="ugly"))
    assert job["state"] == "done", job["reason"]
    webui = page.run.webui
    asked = [(each.all_prompts, each.all_negative_prompts) for each in webui.painter.made]
    assert asked == [(["a"], ["ugly"]), (["a cat"], ["ugly"])]
    assert {each.asked["seed"] for each in webui.painter.made} == {7}
    for shown in job["result"]["pictures"]:
        data = page.client.get(f"{PREFIX}/jobs/{job['id']}/pictures/{shown['n']}").content
        assert Image.open(io.BytesIO(data)).info["parameters"] == shown["infotext"]
        assert shown["infotext"].endswith("Steps: 4")


def test_nothing_is_left_behind(page: Page) -> None:
    """No picture is saved, and state, options and encoded prompts are as they were."""
    webui, shared = page.run.webui, sys.modules["modules.shared"]
    cache = StableDiffusionProcessing.cached_c
    before = cache[:], dict(vars(shared.cmd_opts)), dict(webui.options.data)
    page.ended(page.begin())
    assert (cache, vars(shared.cmd_opts), webui.options.data) == before
    assert (webui.painter.saved, webui.painter.history) == ([], "of the person")
    assert webui.state.jobs == ["Textual Inversion"] * 2
    assert (webui.state.job, webui.state.job_count, webui.state.current_image) == ("", 0, None)
    assert webui.queue_lock.acquire(blocking=False)
    webui.queue_lock.release()


def test_an_embedding_that_came_a_moment_ago_is_used(page: Page) -> None:
    """An embedding that the prompt names is loaded before the picture is painted."""
    page.run.write("new.safetensors")
    page.client.post(f"{PREFIX}/rescan")
    page.ended(page.begin("new"))
    assert "new" in page.run.words


def test_it_waits_while_the_person_generates(page: Page) -> None:
    """The WebUI's lock is taken between pictures only, and waiting can be cancelled."""
    webui = page.run.webui
    with webui.queue_lock:
        waiting, cancelled = page.begin(), page.begin()
        page.wait(waiting, lambda job: job["so_far"].get("waits"))
        assert webui.painter.made == []
        page.client.delete(f"{PREFIX}/jobs/{cancelled}")
        assert page.ended(cancelled)["state"] == "cancelled"
    assert page.ended(waiting)["state"] == "done"


def test_progress_and_what_it_looks_like(page: Page) -> None:
    """Each step is reported with the picture so far."""
    go_on = threading.Event()
    page.run.webui.painter.on_step = lambda step: step == 2 and go_on.wait()
    id_ = page.begin()
    job = page.wait(id_, lambda job: job["so_far"].get("live") is not None)
    assert (job["done"], job["total"]) == (2, 8)
    live = page.client.get(f"{PREFIX}/jobs/{id_}/pictures/{job['so_far']['live']}")
    assert live.headers["content-type"] == "image/png"
    go_on.set()
    assert page.ended(id_)["state"] == "done"


def test_what_it_looks_like_is_told_once(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """WebUIs make a look every so many steps; between them, nobody gets the same one again."""
    webui, looks, go_on = page.run.webui, list[object](), threading.Event()
    set_current_image = webui.state.set_current_image

    def look() -> None:
        set_current_image()
        looks.append(webui.state.current_image)
        if len(looks) == 3:
            go_on.set()

    monkeypatch.setattr(webui.state, "set_current_image", look)
    webui.painter.on_step = lambda step: step == 2 and go_on.wait()
    id_ = page.begin(weights=[1])
    live = page.wait(id_, lambda job: job["so_far"].get("live") is not None)["so_far"]["live"]
    assert page.ended(id_)["result"]["pictures"][0]["n"] == live + 1


@pytest.mark.parametrize("by", ["page", "webui"])
def test_an_end(page: Page, by: str) -> None:
    """Cancelled in the page or interrupted in the WebUI, it ends within the picture."""
    webui = page.run.webui
    is_painting, go_on = threading.Event(), threading.Event()

    def wait(step: int) -> None:
        if step == 2:
            is_painting.set()
            go_on.wait()

    webui.painter.on_step = wait
    id_ = page.begin()
    is_painting.wait()
    if by == "page":
        page.client.delete(f"{PREFIX}/jobs/{id_}")
        while not webui.state.interrupted:
            go_on.wait(0.01)
    else:
        webui.state.interrupt()
    go_on.set()
    assert page.ended(id_)["state"] == "cancelled"
    assert len(webui.painter.made) == 1
    assert not webui.state.interrupted


def test_what_cannot_be_painted(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """An embedding of another model, and a WebUI that fails, are sentences; the lock is free."""
    assert "made for SD 2.x" in page.ended(page.begin("other"))["reason"]

    def fail(_generation: object) -> None:
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr(sys.modules["modules.processing"], "process_images", fail)
    reason = page.ended(page.begin())["reason"]
    assert reason == "the WebUI could not paint it: CUDA out of memory"
    assert page.run.webui.queue_lock.acquire(blocking=False)
    page.run.webui.queue_lock.release()


@pytest.mark.parametrize("lacks", ["setting", "function"])
def test_a_webui_without_it(run: Run, lacks: str, caplog: pytest.LogCaptureFixture) -> None:
    """Switched off, or in a WebUI that lacks what it needs, the page offers nothing of it."""
    if lacks == "setting":
        run.webui.options.data["lib_embeddings_try"] = False
    else:
        del sys.modules["modules.processing"].process_images
    page = Page(run)
    assert page.client.get(f"{PREFIX}/host").json()["tries"] is None
    assert page.client.post(f"{PREFIX}/try", json={}).status_code in (404, 405)
    warned = [each for each in caplog.messages if "trying of embeddings" in each]
    assert len(warned) == (lacks == "function")
    assert page.run.words == ["cat"]
