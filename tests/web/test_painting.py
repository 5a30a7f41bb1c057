"""Embeddings tried, and previews made, over HTTP, with a studio that paints at once."""

from __future__ import annotations

import hashlib
import io
import json
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lib_embeddings.entries.entry import Entry
from lib_embeddings.errors import PictureError
from lib_embeddings.prompts.wishes import PaintSettings, Wish
from lib_embeddings.web.job import ENDED
from lib_embeddings.web.painting import OnPainted, Painting
from tests.builders import safetensors_file
from tests.entries.test_imaging import picture
from tests.web import SDXL, Site, open_site
from tests.web.test_api import ask_for_a_key

STEPS = 3


class FakeStudio:
    """Paints one colour for each wish, and what is behind the gate only when it is opened."""

    missing: str | None = None

    def __init__(self) -> None:
        self.wishes: list[tuple[list[str], Wish, PaintSettings]] = []
        self.gate = threading.Semaphore(1000)
        self.is_painting = threading.Event()
        self.refuses: set[str] = set()

    def what_is_missing(self) -> str | None:
        return self.missing

    def open(self, entries: Sequence[Entry] = ()) -> str:
        if "model" in self.refuses:
            raise PictureError("the model cannot be loaded")
        self._check(entries)
        return "a model"

    def _check(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if entry.place.name in self.refuses:
                raise PictureError(f"{entry.place.name} is for another model")

    def paint(
        self, entries: Sequence[Entry], wish: Wish, settings: PaintSettings, on_step: OnPainted
    ) -> Painting:
        self._check(entries)
        names = [entry.place.name for entry in entries]
        self.wishes.append((names, wish, settings))
        for step in range(STEPS + 1):
            on_step(step, STEPS, partial(painted, f"{wish} at {step}"))
            self.is_painting.set()
            if step == 1:
                self.gate.acquire()
        return Painting(painted(str(wish)), f"{wish.prompt}\nSteps: {settings.steps}")


def painted(text: str) -> bytes:
    """Return a PNG that no other text has."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8), f"#{hashlib.sha256(text.encode()).hexdigest()[:6]}").save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def studio() -> FakeStudio:
    """Return a studio."""
    return FakeStudio()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, studio: FakeStudio) -> Iterator[Site]:
    """Return a site that has it."""
    with open_site(tmp_path, monkeypatch, studio=studio) as opened:
        yield opened


def begin(site: Site, path: str, **body: object) -> str:
    """Begin a job, and return its id."""
    response = site.client.post(path, json=body)
    assert response.status_code == 200, response.text
    return response.json()["id"]


def follow(site: Site, id_: str, states: Sequence[str] = ENDED) -> dict[str, Any]:
    """Wait until a job is in one of some states."""
    pause = threading.Event()
    while True:
        (found,) = [job for job in site.get("/jobs")["jobs"] if job["id"] == id_]
        if found["state"] in states:
            return found
        pause.wait(0.01)


def test_the_same_seeds_without_and_with(site: Site, studio: FakeStudio) -> None:
    """Each row has both; the files are PNG, and have infotexts."""
    id_ = site.add("my-word.pt")
    job = follow(site, begin(site, "/try", ids=[id_], seeds=[5, 6], steps=9, side=64))
    assert (job["state"], job["title"], job["done"]) == ("done", "my-word", 4 * STEPS)
    result = job["result"]
    columns = [{"label": "without", "id": None}, {"label": "my-word", "id": id_}]
    assert (result["model"], result["columns"]) == ("a model", columns)
    assert (result["seeds"], result["ids"]) == ([5, 6], [id_])
    wishes = [
        ([], Wish("a photo of a", "", 5)),
        (["my-word"], Wish("a photo of a my-word", "", 5)),
        ([], Wish("a photo of a", "", 6)),
        (["my-word"], Wish("a photo of a my-word", "", 6)),
    ]
    assert studio.wishes == [(*each, PaintSettings(9, None, 64)) for each in wishes]
    for (_, wish), shown in zip(wishes, result["pictures"], strict=True):
        answer = site.client.get(f"/jobs/{job['id']}/pictures/{shown['n']}")
        assert answer.headers["content-type"] == "image/png"
        assert answer.content == painted(str(wish))
        assert shown["infotext"].startswith(wish.prompt)


@pytest.mark.parametrize(
    ("name", "choice", "kind", "texts"),
    [
        ("thing", "auto", "object", ("a photo of a thing", "")),
        ("bad-hands", "auto", "negative", ("a photo of a toy", "bad-hands")),
        ("thing", "negative", "negative", ("a photo of a toy", "thing")),
        ("some-style", "auto", "style", ("a painting in the style of some-style", "")),
    ],
)
def test_the_prompt_fits_the_kind(  # noqa: PLR0913, PLR0917 - a case's parts
    site: Site, studio: FakeStudio, name: str, choice: str, kind: str, texts: tuple[str, str]
) -> None:
    """A recipe decides, or the field that a person chose, or the name."""
    recipe = {"lib_embeddings.kind": "style"} if kind == "style" else None
    id_ = site.add(f"{name}.safetensors", safetensors_file(metadata=recipe))
    site.client.patch(f"/entries/{id_}", json={"field": choice})
    assert site.get(f"/entries/{id_}")["kind"] == kind
    follow(site, begin(site, "/try", ids=[id_], seeds=[1], weights=[1]))
    assert [wish for _, wish, _ in studio.wishes] == [Wish(*texts, 1)]
    usual = site.get("/host")["tries"]["prompts"][kind]
    assert tuple(text.replace("{name}", name) for text in usual) == texts


def test_own_prompts_and_weights(site: Site, studio: FakeStudio) -> None:
    """Somebody may write another prompt, and see more of it."""
    ids = [site.add("one.pt"), site.add("other.pt")]
    job = begin(
        site, "/try", ids=ids, prompt="{name} at night", negative="x", weights=[0, 0.5], seeds=[1]
    )
    labels = [column["label"] for column in follow(site, job)["result"]["columns"]]
    assert labels == ["without", "one 0.5", "other 0.5"]
    texts = [(wish.prompt, wish.negative) for _, wish, _ in studio.wishes]
    expected = (" at night", "(one:0.5) at night", "(other:0.5) at night")
    assert texts == [(text, "x") for text in expected]


def test_what_it_is_like_while_it_is_painted(site: Site, studio: FakeStudio) -> None:
    """A picture can be seen before it is done; who asks late for how it was gets it as it is."""
    studio.gate = threading.Semaphore(0)
    job = begin(site, "/try", ids=[site.add("my-word.pt")], seeds=[1])
    while follow(site, job, ("working",))["so_far"].get("live") is None:
        studio.is_painting.wait(0.01)
    live = follow(site, job, ("working",))["so_far"]["live"]
    assert site.client.get(f"/jobs/{job}/pictures/{live}").status_code == 200
    studio.gate.release(2)
    done = follow(site, job)["result"]["pictures"][0]["n"]
    seen = [site.client.get(f"/jobs/{job}/pictures/{n}") for n in (live, done)]
    assert seen[0].content == seen[1].content


def test_a_try_is_cancelled_stopped_and_paused(site: Site, studio: FakeStudio) -> None:
    """It ends within a picture; stopped or paused it keeps those that are done."""
    id_ = site.add("my-word.pt")
    studio.gate = threading.Semaphore(0)
    cancelled = begin(site, "/try", ids=[id_], seeds=[1])
    studio.is_painting.wait()
    site.client.delete(f"/jobs/{cancelled}")
    studio.gate.release()
    assert follow(site, cancelled)["state"] == "cancelled"
    studio.is_painting.clear()
    paused = begin(site, "/try", ids=[id_], seeds=[1, 2])
    studio.is_painting.wait()
    studio.gate.release()  # one is done
    while len(studio.wishes) < 3:
        studio.is_painting.wait(0.01)
    site.client.patch(f"/jobs/{paused}", json={"pause": True})
    studio.gate.release()
    asked = follow(site, paused, ("asking",))
    assert (asked["question"]["kind"], len(asked["so_far"]["pictures"])) == ("go_on", 1)
    site.client.patch(f"/jobs/{paused}", json={"go_on": True})
    site.client.patch(f"/jobs/{paused}", json={"stop": True})
    studio.gate.release(9)
    assert 1 <= len(follow(site, paused)["result"]["pictures"]) < 4


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "ids: expected a list, each an id, found"),
        ({"ids": []}, "ids: expected a list, each an id, found"),
        ({"ids": [1]}, "ids: expected a list, each an id, found"),
        ({"seeds": [-1]}, "seeds: expected a list, each a whole number from 0"),
        ({"seeds": [True]}, "seeds: expected a list, each a whole number from 0"),
        ({"seeds": list(range(51))}, "more than 100 pictures"),
        ({"weights": ["1"]}, "weights: expected a list, each a number from -10"),
        ({"weights": [float("nan")]}, "weights: expected a list, each a number from -10"),
        ({"weights": [11]}, "weights: expected a list, each a number from -10"),
        ({"kind": "animal"}, "kind: expected object, style, negative"),
        ({"prompt": 5}, "prompt: expected text"),
        ({"negative": "x" * 20_001}, "negative: expected text"),
        ({"steps": 0}, "steps: expected a whole number from 1 to 1,000, found 0"),
        ({"guidance": 0}, "guidance: expected a number from 1 to 100, found 0"),
        ({"side": 33}, "side: expected a whole number from 32 to 2,048 in steps of 8, found 33"),
        ({"side": 4096}, "side: expected a whole number from 32"),
        ({"model": "/etc/passwd"}, "expected any of ids"),
    ],
)
def test_wrong_wishes(site: Site, studio: FakeStudio, body: dict[str, Any], reason: str) -> None:
    """Each has a sentence, and nothing is painted."""
    whole = {"ids": [site.add("cat.pt")], **body} if body else body
    content = json.dumps(whole)
    response = site.client.post("/try", content=content)
    assert response.status_code == 422
    assert response.json()["detail"].startswith(reason)
    assert studio.wishes == []


def test_what_cannot_be_tried(site: Site, studio: FakeStudio) -> None:
    """It is gone, or no embedding, or has the name of another; or nothing can paint."""
    sound, broken = site.add("cat.pt"), site.add("broken.pt", b"<!DOCTYPE html>")
    twin = site.add("sub/cat.pt", SDXL)
    for ids, status in ((["none"], 404), ([broken], 409), ([sound, twin], 409)):
        assert site.client.post("/try", json={"ids": ids}).status_code == status
    studio.missing = "diffusers is missing: install it"
    assert site.get("/host")["tries"]["missing"] == studio.missing
    for path in ("/try", "/previews"):
        response = site.client.post(path, json={"ids": [sound]})
        assert (response.status_code, response.json()["detail"]) == (409, studio.missing)


def test_a_model_that_cannot_paint_it(site: Site, studio: FakeStudio) -> None:
    """The job's reason says why, before anything is painted."""
    id_ = site.add("my-word.pt")
    for refused, reason in (
        ("my-word", "my-word is for another model"),
        ("model", "the model cannot be loaded"),
    ):
        studio.refuses = {refused}
        job = follow(site, begin(site, "/try", ids=[id_]))
        assert (job["state"], job["reason"]) == ("failed", reason)
        assert studio.wishes == []


def test_who_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, studio: FakeStudio) -> None:
    """Nobody without the login, and no page of another site; a host without a studio has none."""
    with open_site(tmp_path, monkeypatch, ask_for_a_key, studio) as site:
        for path in ("/try", "/previews"):
            assert site.client.post(path, json={}).status_code == 401
            headers = {"X-Key": "right", "Origin": "https://evil.example"}
            assert site.client.post(path, json={}, headers=headers).status_code == 403
    (tmp_path / "other").mkdir()
    with open_site(tmp_path / "other", monkeypatch) as without:
        assert without.get("/host")["tries"] is None
        assert without.client.post("/try", json={}).status_code in (404, 405)
    assert studio.wishes == []


# Previews for all


def test_previews_for_all_that_have_none(site: Site, studio: FakeStudio) -> None:
    """Each sound embedding without a picture gets one; nobody else's picture is touched."""
    before = picture((8, 8), "PNG")
    for name in ("has-one", "has-its-own"):
        site.write(f"{name}.pt")
    site.write("has-one.preview.png", before)
    site.write("has-its-own.jpg", picture((8, 8), "JPEG"))
    site.write("broken.pt", b"<!DOCTYPE html>")
    site.write("other-model.pt", SDXL)
    site.write("sub/bad-hands.pt")
    id_ = site.add("my-word.pt")
    studio.refuses = {"other-model"}
    job = follow(site, begin(site, "/previews"))
    assert job["state"] == "done"
    assert job["result"] == {
        "made": 2,
        "skipped": [{"name": "other-model", "reason": "other-model is for another model"}],
    }
    assert sorted(wish.prompt for _, wish, _ in studio.wishes) == [
        "a photo of a my-word",
        "a photo of a toy",
    ]
    assert (site.root / "my-word.preview.png").is_file()
    assert (site.root / "sub/bad-hands.preview.png").is_file()
    assert (site.root / "has-one.preview.png").read_bytes() == before
    assert not (site.root / "has-its-own.preview.png").exists()
    assert site.get(f"/entries/{id_}")["preview"]
    assert follow(site, begin(site, "/previews"))["result"]["made"] == 0


def test_a_picture_that_came_meanwhile_stays(site: Site, studio: FakeStudio) -> None:
    """A preview that somebody adds while ours is painted is not replaced."""
    site.add("my-word.pt")
    studio.gate = threading.Semaphore(0)
    job = begin(site, "/previews")
    studio.is_painting.wait()
    theirs = picture((8, 8), "WEBP")
    site.write("my-word.preview.webp", theirs)
    studio.gate.release()
    assert follow(site, job)["result"] == {"made": 0, "skipped": []}
    assert (site.root / "my-word.preview.webp").read_bytes() == theirs
    assert not (site.root / "my-word.preview.png").exists()


def test_previews_are_paused_and_go_on(site: Site, studio: FakeStudio) -> None:
    """One job makes them however often it is asked for, and after a pause those that are left."""
    for name in ("a", "b", "c"):
        site.add(f"{name}.pt")
    studio.gate = threading.Semaphore(0)
    job = begin(site, "/previews")
    studio.is_painting.wait()
    assert begin(site, "/previews") == job
    site.client.patch(f"/jobs/{job}", json={"pause": True})
    studio.gate.release()
    assert follow(site, job, ("asking",))["question"]["kind"] == "go_on"
    studio.gate.release(9)
    site.client.patch(f"/jobs/{job}", json={"go_on": True})
    assert follow(site, job)["result"]["made"] == 3
