"""The routes for learning a word: its pictures, its lesson, and the job.

The host provides what learns; nothing of it is imported here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from fastapi import HTTPException, Request, Response
from starlette.concurrency import run_in_threadpool

from lib_embeddings.entries.entry import Entry
from lib_embeddings.errors import shown
from lib_embeddings.library.library import Library
from lib_embeddings.limits import LIMITS
from lib_embeddings.names import fold, is_text
from lib_embeddings.web.job import ENDED, Answer, Job, JobState
from lib_embeddings.web.jobs import Jobs
from lib_embeddings.web.requests import read_body, read_object
from lib_embeddings.web.route import Route, as_json, as_picture, caching, refusing

if TYPE_CHECKING:
    from lib_embeddings.training.lessons import Lesson, Lessons

# Called with the step that was taken and the looks so far; returns whether that is enough.
OnLearned = Callable[[int, Sequence[tuple[int, float]]], bool]
# Called with a label and a picture of the word.
OnSample = Callable[[str, bytes], object]

# Of a picture as a page shows it, in pixels.
_SIDE = 256
# A curve of more points looks the same.
_POINTS = 200

_CALLED: Mapping[type | None, str] = {
    str: "expected text",
    int: "expected a whole number",
    bool: "expected true or false",
    None: "unknown key",
}
# What a page may choose, with its type.
_OPTIONS = {
    "name": str,
    "like": str,
    "kind": str,
    "n_vectors": int,
    "most_steps": int,
    "batch": int,
    "seed": int,
    "is_flipped": bool,
}


class Learner(Protocol):
    """The part of a host that learns words."""

    lessons: Lessons

    def what_is_missing(self) -> str | None:
        """Return what has to be installed before a word can be learned; None for nothing."""

    def near_words(self, entry: Entry) -> dict[str, str]:
        """Return which words of the model are nearest to an embedding, by text encoder.

        Nothing where no model is loaded yet: the details of a file must not wait for one.
        """

    def learn(self, lesson: Lesson, on_step: OnLearned, on_sample: OnSample) -> str:
        """Learn a word, and return the path of its embedding.

        Args:
            on_step: called after each step; what it raises ends the work.

        Raises:
            PictureError: it cannot be learned.
        """


class LearningRoutes:
    """One method for each route."""

    def __init__(self, library: Library, jobs: Jobs, learner: Learner) -> None:
        self._library = library
        self._jobs = jobs
        self._learner = learner

    def all(self) -> Iterable[Route]:
        return (
            Route("GET", "/lessons", self.lessons, "change_files"),
            Route("POST", "/lessons", self.begin, "change_files"),
            Route("DELETE", "/lessons", self.forget, "change_files"),
            Route("POST", "/lessons/resume", self.resume, "change_files"),
            Route("POST", "/lessons/pictures", self.add_picture, "change_files"),
            Route("GET", "/lessons/pictures/{id}", self.picture, "change_files"),
        )

    def lessons(self) -> Response:
        learned = self._learned()
        begun = [each.recipe for each in self._learner.lessons.all()]
        return as_json(
            {
                "missing": self._learner.what_is_missing(),
                "numbers": self._learner.lessons.numbers,
                "shipped": list(self._learner.lessons.shipped),
                "begun": [
                    {"name": each.name, "like": each.like}
                    for each in begun
                    if each.name not in learned
                ],
            }
        )

    async def add_picture(self, request: Request, name: str = "") -> Response:
        data = await read_body(request, LIMITS.learning_picture_bytes)
        with refusing():
            id_ = await run_in_threadpool(self._learner.lessons.add_picture, data, name)
        return as_json({"id": id_})

    def picture(self, id: str) -> Response:  # noqa: A002 - the API's word
        return as_picture(self._learner.lessons.seen(id, _SIDE), caching(f'W/"{id}"'))

    async def begin(self, request: Request) -> Response:
        options, pictures, folder = _read_lesson(await read_object(request, LIMITS.lesson_bytes))
        name = options["name"]
        if fold(name) in self._library.view.named:
            raise HTTPException(
                409, f"an embedding named {shown(name)} already exists: choose another name"
            )
        with refusing():
            target = self._library.folder(folder).full_path
            lesson = await run_in_threadpool(self._learner.lessons.begin, options, pictures, target)
        return self._learn(lesson)

    def resume(self, name: str = "") -> Response:
        return self._learn(self._find(name))

    def forget(self, name: str = "") -> Response:
        self._learner.lessons.forget(self._find(name))
        return Response(status_code=204)

    def _find(self, name: str) -> Lesson:
        lesson = self._learner.lessons.find(name)
        if lesson is None:
            raise HTTPException(404, "there is no such lesson, or its word is already learned")
        if lesson.recipe.name in self._learned():
            raise HTTPException(
                409, f"{shown(lesson.recipe.name)} is being learned: cancel it first"
            )
        return lesson

    def _learned(self) -> set[str]:
        """Return the names of the lessons that a job is working on."""
        return {
            job["title"]
            for job in self._jobs.all()
            if job["kind"] == "learn" and job["state"] not in ENDED
        }

    def _learn(self, lesson: Lesson) -> Response:
        work = _Learning(self._library, self._learner, lesson)
        name = lesson.recipe.name
        with refusing():
            job = self._jobs.begin("learn", name, work, ended=work.ended, needs_model=True)
            return as_json(job)


class _Learning:
    """Learns a word, and lets the library find it."""

    def __init__(self, library: Library, learner: Learner, lesson: Lesson) -> None:
        self._library = library
        self._learner = learner
        self._lesson = lesson

    def __call__(self, job: Job, _answer: Answer) -> Mapping[str, Any]:
        so_far: dict[str, Any] = {"looks": [], "samples": [], **job.so_far}

        def on_step(step: int, looks: Sequence[tuple[int, float]]) -> bool:
            so_far["looks"] = [list(look) for look in looks[:: -(-len(looks) // _POINTS)]]
            job.show(step, self._lesson.recipe.most_steps, dict(so_far))
            return job.signal == "stop"

        def on_sample(label: str, picture: bytes) -> None:
            if label not in (sample["label"] for sample in so_far["samples"]):
                sample = {"label": label, "picture": job.keep(picture)}
                so_far["samples"] = [*so_far["samples"], sample]

        path = self._learner.learn(self._lesson, on_step, on_sample)
        self._library.rescan_folders([self._lesson.target])
        places = (seen.entry.place for seen in self._library.view.every)
        found = next((place for place in places if place.full_path == path), None)
        return {**so_far, "id": found.id if found else None, "name": self._lesson.recipe.name}

    def ended(self, state: JobState) -> None:
        """Keep of a lesson only what was learned before it failed."""
        if state != "failed" or not self._lesson.state.exists():
            self._learner.lessons.forget(self._lesson)


def _read_lesson(body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str], str]:
    """Return the options of a lesson, the caption of each picture, and the id of a folder."""
    options = {key: value for key, value in body.items() if key not in ("pictures", "folder")}
    match body:
        case {"name": _, "like": _, "pictures": list(pictures), "folder": str(folder)}:
            for key, value in options.items():
                kind = _OPTIONS.get(key)
                if type(value) is not kind:
                    raise HTTPException(422, f"{shown(key)}: {_CALLED[kind]}")
            return options, dict(map(_read_picture, pictures)), folder
    raise HTTPException(
        422, 'expected {"name": "…", "like": "…", "pictures": […], "folder": "the id of a folder"}'
    )


def _read_picture(picture: object) -> tuple[str, str]:
    match picture:
        case {"id": str(id_), "caption": str(caption), **rest} if not rest:
            if len(caption) <= LIMITS.caption_characters and is_text(caption):
                return id_, caption
    most = LIMITS.caption_characters
    raise HTTPException(
        422, f'pictures: expected {{"id": "…", "caption": "…"}} with at most {most:,} characters'
    )
