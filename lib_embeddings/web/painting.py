"""The routes for trying embeddings and making previews, and the work behind both.

The host provides what paints; nothing of it is imported here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from fastapi import HTTPException, Request, Response

from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.previews import Previews, pictures_of
from lib_embeddings.errors import EmbeddingError, PictureError, WriteError, shown
from lib_embeddings.library.library import Library
from lib_embeddings.limits import LIMITS
from lib_embeddings.prompts.wishes import (
    USUAL_PROMPTS,
    PaintSettings,
    Wish,
    columns,
)
from lib_embeddings.views.catalogue import Catalogue
from lib_embeddings.views.lens import ViewEntry
from lib_embeddings.web.answers import kind_in
from lib_embeddings.web.job import ENDED, Answer, Job
from lib_embeddings.web.jobs import Jobs
from lib_embeddings.web.requests import read_object
from lib_embeddings.web.route import Route, as_json, find_entry, refusing
from lib_embeddings.web.trials import Trial, read_trial

# Showing a picture while it is painted takes time: at most this share of it.
_LOOKING = 0.2
# The seed of previews.
_SEED = 1


class Painting(NamedTuple):
    """A finished picture: its file, as PNG, and what WebUIs write into theirs."""

    data: bytes
    infotext: str


# Called with the step that was taken, the number of all, and a function that returns the picture as
# it is now, as PNG, or None if there is nothing new; with step 0 while it waits for its turn.
OnPainted = Callable[[int, int, Callable[[], bytes | None]], None]


class Studio(Protocol):
    """The part of a host that paints pictures."""

    def what_is_missing(self) -> str | None:
        """Return why it cannot paint, and what to do about that; None if it can."""

    def open(self, entries: Sequence[Entry] = ()) -> str:
        """Get ready to paint with some embeddings, and return the name of the model, for people.

        Raises:
            PictureError: it cannot.
            EmbeddingError: one of the files is no longer an embedding.
        """

    def paint(
        self, entries: Sequence[Entry], wish: Wish, settings: PaintSettings, on_step: OnPainted
    ) -> Painting:
        """Paint a picture.

        Args:
            entries: the embeddings that the prompts may use.
            on_step: called again and again; what it raises ends the work.

        Raises:
            PictureError: it cannot be painted.
            EmbeddingError: one of the files is no longer an embedding.
        """


def tries(studio: Studio) -> dict[str, Any]:
    """Return what a page needs to know to offer trials."""
    return {"missing": studio.what_is_missing(), "prompts": USUAL_PROMPTS}


class PaintingRoutes:
    """One method for each route."""

    def __init__(self, library: Library, jobs: Jobs, studio: Studio) -> None:
        self._library = library
        self._jobs = jobs
        self._studio = studio

    def all(self) -> Iterable[Route]:
        return (
            Route("POST", "/try", self.begin, "change_files"),
            Route("POST", "/previews", self.begin_previews, "change_files"),
        )

    async def begin(self, request: Request) -> Response:
        trial = read_trial(await read_object(request, LIMITS.prompts_bytes))
        tried = [find_entry(self._library.catalogue, id_) for id_ in trial.ids]
        for seen in tried:
            if seen.entry.reading.state != "ok":
                raise HTTPException(409, f"it cannot be tried: {seen.reason}")
        names = ", ".join(seen.name for seen in tried)
        if len({seen.name for seen in tried}) < len(tried):
            raise HTTPException(409, f"two of them have the same name: {shown(names, 255)}")
        self._check_ready()
        work = _Trying(self._library, self._studio, trial)
        with refusing():
            return as_json(self._jobs.begin("try", names, work, needs_model=True))

    async def begin_previews(self) -> Response:
        self._check_ready()
        going_on = (
            job
            for job in self._jobs.all()
            if job["kind"] == "previews" and job["state"] not in ENDED
        )
        if job := next(going_on, None):
            return as_json(job)
        work = _MakingPreviews(self._library, self._studio)
        with refusing():
            return as_json(self._jobs.begin("previews", "", work, needs_model=True))

    def _check_ready(self) -> None:
        missing = self._studio.what_is_missing()
        if missing:
            raise HTTPException(409, missing)


class _Watch:
    """Shows how far a picture is, and from time to time what it looks like."""

    def __init__(self, job: Job, done: int, total: int, so_far: dict[str, Any]) -> None:
        """Begin.

        Args:
            done: how many pictures are done, of a total.
        """
        self._job = job
        self._done = done
        self._total = total
        self._so_far = so_far
        self._rests_until = 0.0
        self.live: int | None = None

    def __call__(self, step: int, steps: int, look: Callable[[], bytes | None]) -> None:
        begun = time.monotonic()
        if 0 < step < steps and begun > self._rests_until:
            data = look()
            if data:
                self.live = self._job.keep(data, instead_of=self.live)
            self._rests_until = begun + (time.monotonic() - begun) / _LOOKING
        so_far = {**self._so_far, "live": self.live, "waits": step == 0}
        self._job.show(self._done * steps + step, self._total * steps, so_far)


class _Trying:
    """Paints the same seeds without and with embeddings, one picture after the other."""

    def __init__(self, library: Library, studio: Studio, trial: Trial) -> None:
        self._library = library
        self._studio = studio
        self._trial = trial
        self._painted: list[dict[str, Any]] = []  # a pause keeps them

    def __call__(self, job: Job, _answer: Answer) -> Mapping[str, Any]:
        trial = self._trial
        catalogue = self._library.catalogue
        found = {seen.name: seen for seen in (_find(catalogue, id_) for id_ in trial.ids)}
        kinds = {name: trial.kind or kind_in(catalogue, seen) for name, seen in found.items()}
        ways = columns(kinds, trial.prompt, trial.negative, trial.weights)
        so_far = {
            "model": self._studio.open([seen.entry for seen in found.values()]),
            "ids": trial.ids,
            "columns": [
                {"label": way.label, "id": found[way.name].entry.place.id if way.name else None}
                for way in ways
            ],
            "seeds": trial.seeds,
            "pictures": self._painted,
        }
        cells = [(seed, way) for seed in trial.seeds for way in ways]
        for seed, way in cells[len(self._painted) :]:
            if job.signal == "stop":
                break
            used = [found[way.name].entry] if way.name else []
            watch = _Watch(job, len(self._painted), len(cells), so_far)
            painting = self._studio.paint(used, way.wish(seed), trial.settings, watch)
            number = job.keep(painting.data, instead_of=watch.live)
            self._painted.append({"n": number, "infotext": painting.infotext})
        return so_far


def _find(catalogue: Catalogue, id_: str) -> ViewEntry:
    seen = catalogue.find(id_)
    if seen is None:
        raise PictureError("the embedding is gone")
    return seen


class _MakingPreviews:
    """Paints a preview for each embedding that has no picture."""

    def __init__(self, library: Library, studio: Studio) -> None:
        self._library = library
        self._studio = studio
        self._previews = Previews()
        self._made = 0
        self._skipped: dict[str, dict[str, str]] = {}  # by id

    def __call__(self, job: Job, _answer: Answer) -> Mapping[str, Any]:
        model = self._studio.open()
        done, without = self._made + len(self._skipped), list(self._without())
        for number, seen in enumerate(without):
            if job.signal == "stop":
                break
            so_far = {**self._as_json(), "model": model, "name": seen.name}
            watch = _Watch(job, done + number, done + len(without), so_far)
            try:
                self._made += self._make(seen, watch)
            except (PictureError, EmbeddingError, WriteError) as error:
                self._skipped[seen.entry.place.id] = {"name": seen.name, "reason": str(error)}
            if watch.live is not None:
                job.forget(watch.live)
        return self._as_json()

    def _without(self) -> Iterator[ViewEntry]:
        for seen in self._library.view:
            is_one = seen.state == "ok" and seen.entry.place.id not in self._skipped
            if is_one and not pictures_of(seen.entry):
                yield seen

    def _make(self, seen: ViewEntry, watch: _Watch) -> bool:
        """Paint the preview of an embedding, unless it has one by then."""
        (way,) = columns({seen.name: kind_in(self._library.catalogue, seen)}, weights=[1])
        painting = self._studio.paint([seen.entry], way.wish(_SEED), PaintSettings(), watch)
        place = seen.entry.place
        self._library.rescan_folders([place.full_folder])
        now = self._library.find(place.id)
        if now is None or pictures_of(now.entry):
            return False
        self._previews.put(now.entry, painting.data)
        self._library.rescan_folders([place.full_folder])
        return True

    def _as_json(self) -> dict[str, Any]:
        skipped = list(self._skipped.values())
        return {"made": self._made, "skipped": skipped[: LIMITS.skipped_previews]}
