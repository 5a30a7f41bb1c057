"""Learning a word by the API, with a host that only seems to learn."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lib_embeddings.entries.entry import Entry
from lib_embeddings.errors import PictureError
from lib_embeddings.limits import LIMITS
from lib_embeddings.training import lessons
from lib_embeddings.training.lessons import Lesson, Lessons
from lib_embeddings.web import jobs
from lib_embeddings.web.learning import OnLearned, OnSample
from tests.builders import safetensors_file
from tests.web import Site, open_site

SHIPPED = Path(__file__).parents[2] / "examples" / "pictures"
SAMPLE = b"\x89PNG of the word"


class FakeLearner:
    """Takes as many steps as it is allowed, and writes an embedding."""

    def __init__(self, folder: Path) -> None:
        self.lessons = Lessons(SHIPPED, folder)
        self.missing: str | None = None
        self.failure: PictureError | None = None
        self.may_step = threading.Semaphore(0)

    def what_is_missing(self) -> str | None:
        return self.missing

    def near_words(self, entry: Entry) -> dict[str, str]:
        return {"clip_l": f"near {entry.place.name}"}

    def learn(self, lesson: Lesson, on_step: OnLearned, on_sample: OnSample) -> str:
        path = Path(lesson.target) / f"{lesson.recipe.name}.safetensors"
        looks = [(0, 1.0)]
        for step in range(1, lesson.recipe.most_steps + 1):
            self.may_step.acquire()
            if self.failure:
                raise self.failure
            lesson.state.touch()
            looks.append((step, 1 / step))
            on_sample(f"step {step}", SAMPLE)
            on_sample(f"step {step}", SAMPLE)  # as at the end
            if on_step(step, looks):
                break
        path.write_bytes(safetensors_file())
        return str(path)


@pytest.fixture
def learner(tmp_path: Path) -> FakeLearner:
    return FakeLearner(tmp_path / "learning")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, learner: FakeLearner) -> Iterator[Site]:
    with open_site(tmp_path, monkeypatch, learner=learner) as opened:
        yield opened


def png(size: tuple[int, int] = (8, 8), colour: str = "red") -> bytes:
    """Return a picture's file."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def lesson(site: Site, **changes: object) -> dict[str, Any]:
    """Return a lesson of the shipped pictures, as a page sends it."""
    ids = site.get("/lessons")["shipped"]
    folder = site.get("/folders")["folders"][0]["id"]
    pictures = [{"id": id_, "caption": ""} for id_ in ids]
    return {
        "name": "my-cross",
        "like": "circle",
        "most_steps": 3,
        "pictures": pictures,
        "folder": folder,
        **changes,
    }


def begin(site: Site, **changes: object) -> dict[str, Any]:
    response = site.client.post("/lessons", json=lesson(site, **changes))
    assert response.status_code == 200, response.text
    return response.json()


def job_in(site: Site, *states: str) -> dict[str, Any]:
    """Wait until the only job has one of these states, and return it."""
    while True:
        (job,) = site.get("/jobs")["jobs"]
        if job["state"] in states:
            return job


def test_a_word_is_learned(site: Site, learner: FakeLearner) -> None:
    """It is a job that shows the loss and pictures of the word; at the end its card is there."""
    assert site.get("/host")["may_learn"] is True
    assert site.get("/lessons") == {
        "missing": None,
        "numbers": {
            "n_vectors": {"usual": 1, "least": 1, "most": 8},
            "most_steps": {"usual": 600, "least": 1, "most": 100_000},
            "batch": {"usual": 4, "least": 1, "most": 64},
            "seed": {"usual": 0, "least": 0, "most": 2**31 - 1},
        },
        "shipped": [*learner.lessons.shipped],
        "begun": [],
    }
    job = begin(site)
    assert (job["kind"], job["title"]) == ("learn", "my-cross")
    learner.may_step.release(3)
    done = job_in(site, "done")
    assert (done["done"], done["total"]) == (3, 3)
    result = done["result"]
    assert result["looks"] == [[0, 1.0], [1, 1.0], [2, 0.5], [3, 1 / 3]]
    assert [sample["label"] for sample in result["samples"]] == ["step 1", "step 2", "step 3"]
    picture = site.client.get(f"/jobs/{job['id']}/pictures/{result['samples'][2]['picture']}")
    assert picture.content == SAMPLE
    details = site.get(f"/entries/{result['id']}")
    assert (details["name"], details["near_words"]) == ("my-cross", {"clip_l": "near my-cross"})
    assert learner.lessons.all() == []


def test_stop_and_keep_the_best(site: Site, learner: FakeLearner) -> None:
    """Stopping gives the embedding as it is."""
    job = begin(site)
    site.client.patch(f"/jobs/{job['id']}", json={"stop": True})
    learner.may_step.release()
    assert job_in(site, "done")["done"] == 1
    assert site.names() == ["my-cross"]


def test_it_is_paused(site: Site, learner: FakeLearner) -> None:
    """It waits until somebody lets it go on, and no other job can take its lesson meanwhile."""
    job = begin(site)
    site.client.patch(f"/jobs/{job['id']}", json={"pause": True})
    learner.may_step.release()
    assert job_in(site, "asking")["question"]["kind"] == "go_on"
    assert site.get("/lessons")["begun"] == []
    for method, path in (("POST", "/lessons/resume"), ("DELETE", "/lessons")):
        refused = site.client.request(method, f"{path}?name=my-cross")
        assert refused.status_code == 409
        assert refused.json()["detail"] == "my-cross is being learned: cancel it first"
    site.client.patch(f"/jobs/{job['id']}", json={"go_on": True})
    learner.may_step.release(3)
    assert job_in(site, "done")["done"] == 3


def brought(site: Site, learner: FakeLearner, state: str) -> str:
    """Begin a lesson, bring its job to a state, and return the job's id."""
    if state == "waiting":
        begin(site, name="my-star")  # has the model until it may take a step
    id_ = begin(site)["id"]
    if state == "asking":
        site.client.patch(f"/jobs/{id_}", json={"pause": True})
        learner.may_step.release()
    while site.get("/jobs")["jobs"][-1]["state"] != state:
        pass
    return str(id_)


STATES = ("waiting", "asking", "working")


@pytest.mark.parametrize("state", STATES)
def test_cancelled(site: Site, learner: FakeLearner, state: str) -> None:
    """Cancelling leaves nothing behind, whatever the job was doing."""
    id_ = brought(site, learner, state)
    site.client.delete(f"/jobs/{id_}")
    learner.may_step.release(10)
    while site.get("/jobs")["jobs"][-1]["state"] != "cancelled":
        pass
    assert learner.lessons.find("my-cross") is None
    site.library.rescan()
    assert "my-cross" not in site.names()


@pytest.mark.parametrize("state", STATES)
def test_cut_off(site: Site, learner: FakeLearner, state: str, tmp_path: Path) -> None:
    """If the app ends before a lesson does, the next app finds it as it was."""
    brought(site, learner, state)
    after_a_start = Lessons(SHIPPED, tmp_path / "learning")
    assert after_a_start.find("my-cross") is not None
    learner.may_step.release(10)


def test_one_that_cannot_begin(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """With too many open jobs no lesson is left behind."""
    monkeypatch.setattr(jobs, "LIMITS", replace(LIMITS, open_jobs=0))
    assert site.client.post("/lessons", json=lesson(site)).status_code == 429
    assert site.get("/lessons")["begun"] == []


def test_one_that_was_cut_off(site: Site, learner: FakeLearner, tmp_path: Path) -> None:
    """After the app has ended, a lesson goes on where it was, or is forgotten."""
    target = str(site.root)
    pictures = dict.fromkeys(learner.lessons.shipped, "on a table")
    options = {"like": "circle", "most_steps": 2}
    for name in ("my-cross", "my-star"):
        learner.lessons.begin({"name": name, **options}, pictures, target)
    learner.lessons = Lessons(SHIPPED, tmp_path / "learning")  # as after a start
    assert [each["name"] for each in site.get("/lessons")["begun"]] == ["my-cross", "my-star"]
    assert site.client.delete("/lessons?name=my-star").status_code == 204
    assert site.client.delete("/lessons?name=my-star").status_code == 404
    (begun,) = learner.lessons.all()
    assert {path.read_text() for path in begun.folder.glob("*.txt")} == {"on a table"}
    assert site.client.post("/lessons/resume?name=my-cross").json()["title"] == "my-cross"
    learner.may_step.release(2)
    job_in(site, "done")
    assert site.get("/lessons")["begun"] == []


def test_a_failure_before_the_first_step_leaves_no_lesson(site: Site, learner: FakeLearner) -> None:
    """A lesson that fails before its first step is not kept."""
    learner.failure = PictureError("ring: the model already knows this word")
    begin(site)
    learner.may_step.release()
    assert job_in(site, "failed")["reason"] == "ring: the model already knows this word"
    assert site.get("/lessons")["begun"] == []


def test_a_failure_later_leaves_it(site: Site, learner: FakeLearner) -> None:
    """If memory ends in the middle, nothing that was learned is lost."""
    job = begin(site)
    learner.may_step.release()
    while site.get("/jobs")["jobs"][0]["done"] < 1:
        pass
    learner.failure = PictureError("too little memory")
    learner.may_step.release()
    job_in(site, "failed")
    assert [each["name"] for each in site.get("/lessons")["begun"]] == [job["title"]]


def test_pictures(site: Site) -> None:
    """The part that counts is shown at once, and a file that is no picture is refused."""
    sent = site.client.post("/lessons/pictures?name=a.png", content=png((40, 20)))
    seen = site.client.get(f"/lessons/pictures/{sent.json()['id']}")
    assert (seen.status_code, seen.headers["content-type"]) == (200, "image/webp")
    with Image.open(io.BytesIO(seen.content)) as picture:
        assert picture.size == (256, 256)
    refused = site.client.post("/lessons/pictures?name=a.png", content=b"<html>")
    assert (refused.status_code, refused.json()["detail"]) == (
        422,
        "a.png cannot be read as a picture",
    )
    for unknown in ("0" * 64, "lesson.json", "a" * 200):
        assert site.client.get(f"/lessons/pictures/{unknown}").status_code == 404


def test_pictures_are_kept_for_a_while(
    site: Site, learner: FakeLearner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest unused pictures are removed, and a lesson that names a removed one fails."""
    first = site.client.post("/lessons/pictures?name=a.png", content=png()).json()["id"]
    monkeypatch.setattr(lessons, "LIMITS", replace(LIMITS, waiting_pictures_bytes=100))
    site.client.post("/lessons/pictures?name=b.png", content=png(colour="blue"))
    pictures = [{"id": id_, "caption": ""} for id_ in (first, *learner.lessons.shipped)]
    response = site.client.post("/lessons", json=lesson(site, pictures=pictures))
    assert response.json()["detail"] == "a picture is no longer kept: add it again"


@pytest.mark.parametrize(
    ("changes", "status", "sentence"),
    [
        ({"pictures": []}, 422, "expected 2 to 100 pictures, found 0: three to five are best"),
        ({"pictures": [{"id": "1"}]}, 422, "pictures: expected"),
        ({"name": "a/b"}, 422, "a file's name cannot have / in it"),
        ({"name": 7}, 422, "name: expected text"),
        ({"like": ""}, 422, "no starting word"),
        ({"kind": "person"}, 422, "expected an object or a style, found person"),
        ({"seed": -1}, 422, "expected 0 to 2,147,483,647 for the seed, found -1"),
        ({"is_flipped": 1}, 422, "is_flipped: expected true or false"),
        ({"method": "adam"}, 422, "method: unknown key"),
        ({"folder": "no"}, 409, "this folder no longer exists"),
        ({"folder": 1}, 422, "expected {"),
        ({"name": "old"}, 409, "an embedding named old already exists: choose another name"),
    ],
)
def test_refused(site: Site, changes: dict[str, object], status: int, sentence: str) -> None:
    """What cannot be learned is one sentence, and no job."""
    site.add("old.safetensors")
    response = site.client.post("/lessons", json=lesson(site, **changes))
    assert response.status_code == status
    assert sentence in response.json()["detail"]
    assert site.get("/jobs")["jobs"] == []


def test_twice(site: Site, learner: FakeLearner) -> None:
    """A word that is begun is not begun again, also where letter case is no difference."""
    begin(site)
    response = site.client.post("/lessons", json=lesson(site, name="My-Cross"))
    assert response.json()["detail"] == "My-Cross has already been started: resume it or discard it"
    learner.may_step.release(3)
    job_in(site, "done")


def test_missing_packages(site: Site, learner: FakeLearner) -> None:
    """If packages are missing, the answer names them."""
    learner.missing = "torch is missing: install lib-embeddings[pictures]"
    assert site.get("/lessons")["missing"] == learner.missing


def test_a_host_that_does_not_learn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A WebUI has none of this."""
    with open_site(tmp_path, monkeypatch) as site:
        assert site.get("/host")["may_learn"] is False
        assert site.client.get("/lessons").status_code == 404
