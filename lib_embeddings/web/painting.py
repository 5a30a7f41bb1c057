"""The routes for trying embeddings and making previews, what they are asked, and the work behind.

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
from lib_embeddings.names import is_text
from lib_embeddings.prompts.wishes import (
    KINDS,
    USUAL_PROMPTS,
    PaintSettings,
    Purpose,
    Wish,
    columns,
)
from lib_embeddings.views.catalogue import Catalogue
from lib_embeddings.views.lens import ViewEntry
from lib_embeddings.web.answers import kind_in
from lib_embeddings.web.job import ENDED, Answer, Job
from lib_embeddings.web.jobs import Jobs
from lib_embeddings.web.requests import one_of, read_object
from lib_embeddings.web.route import Route, as_json, find_entry, refusing

_KEYS = ("ids", "prompt", "negative", "kind", "seeds", "weights", "steps", "guidance", "side")


class Trial(NamedTuple):
    """What somebody wants to see.

    Attributes:
        prompt, negative, kind: None for what suits the embedding.
        weights: of its name, one for each column; 0 is without it.
    """

    ids: list[str]
    prompt: str | None
    negative: str | None
    kind: Purpose | None
    seeds: list[int]
    weights: list[float]
    settings: PaintSettings


def read_trial(body: Mapping[str, Any]) -> Trial:
    """Return what somebody wants to try."""
    if not body.keys() <= set(_KEYS):
        raise HTTPException(422, f"expected any of {', '.join(_KEYS)}")
    ids = _list_of("ids", body.get("ids"), Check(lambda each: isinstance(each, str), "an id"))
    seeds = _list_of("seeds", body.get("seeds", [1, 2, 3, 4]), _is_integer(0, (1 << 32) - 1))
    most = LIMITS.compared_weight
    weights = _list_of("weights", body.get("weights", [0, 1]), _is_number(-most, most))
    if len(ids) * len(seeds) * len(weights) > LIMITS.tried_pictures:
        raise HTTPException(422, f"more than {LIMITS.tried_pictures} pictures: ask for fewer")
    prompt, negative = (_text(key, body.get(key)) for key in ("prompt", "negative"))
    kind = body.get("kind")
    settings = PaintSettings(
        _one("steps", body.get("steps", PaintSettings.steps), _is_integer(1, LIMITS.prompt_steps)),
        _one("guidance", body.get("guidance"), _or_none(_is_number(1, 100))),
        _one("side", body.get("side"), _or_none(_is_integer(*LIMITS.painted_sides, step=8))),
    )
    return Trial(
        ids,
        prompt,
        negative,
        one_of("kind", kind, KINDS) if kind else None,
        seeds,
        weights,
        settings,
    )


class Check(NamedTuple):
    """Tells whether a value is right, and tells people what is expected."""

    is_right: Callable[[Any], bool]
    expected: str


def _one(key: str, value: Any, check: Check) -> Any:
    if not check.is_right(value):
        raise HTTPException(422, f"{key}: expected {check.expected}, found {shown(repr(value))}")
    return value


def _list_of(key: str, values: Any, check: Check) -> list[Any]:
    """Return values, each once. There must be at least one."""
    if not isinstance(values, list) or not values or not all(map(check.is_right, values)):
        found = shown(repr(values))
        raise HTTPException(422, f"{key}: expected a list, each {check.expected}, found {found}")
    return list(dict.fromkeys(values))


def _text(key: str, value: Any) -> str | None:
    most = LIMITS.prompt_characters
    is_right = value is None or (isinstance(value, str) and is_text(value) and len(value) <= most)
    if not is_right:
        raise HTTPException(422, f"{key}: expected text of at most {most:,} characters")
    return None if value is None else str(value)


def _is_integer(least: int, most: int, step: int = 1) -> Check:
    steps = f" in steps of {step}" if step > 1 else ""
    return Check(
        lambda value: type(value) is int and value in range(least, most + 1, step),
        f"a whole number from {least} to {most:,}{steps}",
    )


def _is_number(least: float, most: float) -> Check:
    return Check(
        lambda value: type(value) in (int, float) and least <= value <= most,
        f"a number from {least} to {most}",
    )


def _or_none(check: Check) -> Check:
    return check._replace(is_right=lambda value: value is None or check.is_right(value))


# The routes, and the work behind them

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
