"""Jobs: turns, pauses, ends, what they show so far, and the routes to all of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI

from lib_embeddings.errors import BadPicture, PictureError
from lib_embeddings.limits import LIMITS
from lib_embeddings.web import job as job_module
from lib_embeddings.web import jobs as jobs_module
from lib_embeddings.web.job import Answer, Job, Question
from lib_embeddings.web.jobs import JobRoutes, Jobs
from tests.web import PREFIX, Client, Site, open_site

PNG, WEBP = b"\x89PNG\r\n", b"RIFF....WEBP"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Return a site."""
    with open_site(tmp_path, monkeypatch) as opened:
        yield opened


class Holding:
    """Work that goes on step by step, as it is told."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.step = threading.Semaphore(0)
        self.calls = 0

    def __call__(self, job: Job, _answer: Answer) -> Mapping[str, Any]:
        self.calls += 1
        self.begun.set()
        done = 0
        while job.signal != "stop":
            self.step.acquire()
            done += 1
            job.show(done, None, {"done": done})
        return {"kept": done}


def follow(jobs: Jobs, id_: str, *states: str) -> dict[str, Any]:
    """Wait until a job has one of the states, and return it."""
    seen = threading.Condition()
    with seen:
        end = jobs.subscribe(lambda _job: notify(seen))
        while True:
            (found,) = [job for job in jobs.all() if job["id"] == id_]
            if found["state"] in states:
                end()
                return found
            seen.wait(1)


class Gap:
    """A lock; somebody has a wish in the moment after the test's own thread held it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.wish: Callable[[], object] | None = None

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_error: object) -> None:
        self._lock.release()
        if self.wish and threading.current_thread() is threading.main_thread():
            wish, self.wish = self.wish, None
            wish()


def notify(condition: threading.Condition) -> None:
    """Wake who waits."""
    with condition:
        condition.notify_all()


def test_those_that_paint_take_turns_while_downloads_go_on() -> None:
    """A model works for one job at a time, and nobody else waits for it."""
    jobs = Jobs()
    first, second, download = Holding(), Holding(), Holding()
    begun = [
        jobs.begin(kind, kind, work, needs_model=True)["id"]
        for kind, work in (("try", first), ("learn", second))
    ]
    added = jobs.begin("add", "c", download)["id"]
    first.begun.wait()
    download.begun.wait()
    states = [job["state"] for job in jobs.all()]
    assert states == ["working", "waiting", "working"]
    jobs.signal(begun[0], "stop")
    first.step.release()
    assert follow(jobs, begun[0], "done")["result"] == {"kept": 1}
    second.begun.wait()
    for id_, work in ((begun[1], second), (added, download)):
        jobs.signal(id_, "cancel")
        work.step.release()
        assert follow(jobs, id_, "cancelled")["so_far"] == {}


def test_a_paused_job_goes_on_and_can_be_stopped() -> None:
    """It holds up nobody while it is paused, and what it has by then is its result."""
    jobs, work, other = Jobs(), Holding(), Holding()
    id_ = jobs.begin("previews", "all", work, needs_model=True)["id"]
    work.begun.wait()
    work.step.release()
    assert jobs.signal(id_, "pause") is not None
    work.step.release()
    paused = follow(jobs, id_, "asking")
    assert paused["question"] == {"kind": "go_on", "choices": ()}
    between = jobs.begin("try", "a", other, needs_model=True)["id"]
    other.begun.wait()
    jobs.signal(between, "stop")
    other.step.release()
    follow(jobs, between, "done")
    assert jobs.answer(id_, {"go_on": True})
    jobs.signal(id_, "stop")
    work.step.release()
    assert follow(jobs, id_, "done")["state"] == "done"
    assert work.calls == 2
    assert jobs.signal(id_, "stop") is None


def test_whoever_cancels_while_a_job_goes_on_ends_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another page may cancel it at the very moment at which somebody answers its question."""
    gap, ended = Gap(), list[str]()
    made = SimpleNamespace(Lock=lambda: gap, Thread=threading.Thread)
    monkeypatch.setattr(jobs_module, "threading", made)
    jobs = Jobs()

    def ask(_job: Job, _answer: Answer) -> Mapping[str, Any]:
        raise Question("go_on", "shall it go on?")

    id_ = jobs.begin("try", "x", ask, ended=ended.append)["id"]
    follow(jobs, id_, "asking")
    gap.wish = lambda: jobs.signal(id_, "cancel")
    jobs.answer(id_, {"go_on": True})
    follow(jobs, id_, "cancelled")
    jobs.begin("try", "y", ask)  # whoever waits before it has had its turn by then
    follow(jobs, jobs.all()[-1]["id"], "asking")
    assert ended == ["cancelled"]


@pytest.mark.parametrize("error", [PictureError("too little memory"), BadPicture("no picture")])
def test_what_went_wrong_is_a_sentence(error: Exception) -> None:
    """Errors of models and pictures have one for people."""
    jobs = Jobs()

    def fail(_job: Job, _answer: Answer) -> Mapping[str, Any]:
        raise error

    id_ = jobs.begin("try", "x", fail)["id"]
    assert follow(jobs, id_, "failed")["reason"] == str(error)


# Pictures


def test_pictures_are_served_and_forgotten_with_their_job() -> None:
    """Each by its number, as what it is; one that is not needed any more leads to what came."""
    jobs, app = Jobs(), FastAPI()
    for method, path, endpoint, _ in JobRoutes(jobs).all():
        app.add_api_route(PREFIX + path, endpoint, methods=[method], response_model=None)
    client = Client(app, {})
    numbers = []

    def paint(job: Job, _answer: Answer) -> Mapping[str, Any]:
        first = job.keep(WEBP + b"1")
        second = job.keep(WEBP + b"2", instead_of=first)
        numbers.extend([first, second, job.keep(WEBP + b"3", instead_of=second), job.keep(PNG)])
        return {"pictures": numbers[2:]}

    id_ = jobs.begin("try", "x", paint)["id"]
    follow(jobs, id_, "done")
    found = [client.get(f"/jobs/{id_}/pictures/{n}") for n in numbers]
    assert [each.content for each in found] == [WEBP + b"3"] * 3 + [PNG]
    assert [each.headers["content-type"] for each in found[2:]] == ["image/webp", "image/png"]
    assert client.get(f"/jobs/{id_}/pictures/x").status_code == 422
    client.delete(f"/jobs/{id_}")
    assert client.get(f"/jobs/{id_}/pictures/{numbers[3]}").status_code == 404


def test_nobody_is_told_of_a_job_that_is_forgotten() -> None:
    """A page that took it away would show it again; what is cancelled before its end is told of."""
    jobs, told = Jobs(), list[str]()
    id_ = jobs.begin("try", "x", lambda _job, _answer: {})["id"]
    follow(jobs, id_, "done")
    jobs.subscribe(lambda job: told.append(job["state"]))
    assert jobs.signal(id_, "cancel")
    assert (told, jobs.all()) == ([], [])


def test_the_oldest_picture_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """All jobs together keep no more than a bound says."""
    monkeypatch.setattr(job_module, "LIMITS", replace(LIMITS, job_pictures_bytes=25))
    jobs = Jobs()

    def paint(job: Job, _answer: Answer) -> Mapping[str, Any]:
        return {"pictures": [job.keep(PNG + bytes(4)), job.keep(PNG + bytes(4))]}

    ended = [follow(jobs, jobs.begin("try", "x", paint)["id"], "done") for _ in range(2)]
    kept = [
        jobs.picture(job["id"], n) is not None for job in ended for n in job["result"]["pictures"]
    ]
    assert kept == [False, False, True, True]


def test_a_wish_over_http(site: Site) -> None:
    """It is one of the words, alone; who asks nothing of a job gets a sentence."""
    for body in ({"stop": True}, {"pause": True}, {"go_on": True}):
        assert site.client.patch("/jobs/none", json=body).status_code == 404
    for body in ({"stop": False}, {"stop": True, "name": "x"}, {}):
        assert site.client.patch("/jobs/none", json=body).status_code == 422
