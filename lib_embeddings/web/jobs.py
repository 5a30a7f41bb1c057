"""Long work that goes on for people while they do something else: jobs.

At most so many work at once, and one of those that need a model that paints; the others wait for
their turn. Each can be followed, paused, stopped and cancelled, and shows what it has so far. One
that cannot go on without a person asks, and goes on with the answer.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import count
from types import MappingProxyType
from typing import Any, Literal, get_args

from lib_embeddings.errors import EmbeddingError, MoveError, PictureError, SourceError, WriteError
from lib_embeddings.limits import LIMITS

log = logging.getLogger(__name__)

JobState = Literal["waiting", "working", "asking", "done", "failed", "cancelled"]
ENDED: tuple[JobState, ...] = ("done", "failed", "cancelled")

# What a person wants of a job: that it ends with what it has, ends with nothing, or waits.
Signal = Literal["stop", "cancel", "pause"]
SIGNALS: tuple[Signal, ...] = get_args(Signal)

# The kinds of jobs that take turns: a model paints, or learns, for one of them at a time.
NEED_MODEL = ("try", "previews", "learn")

# How far it is is told so often that a bar moves smoothly.
_PAUSE_SECONDS = 0.1

# What a person answered, by the words of the API; what is missing was not answered.
Answer = Mapping[str, Any]
NOTHING: Answer = MappingProxyType({})


class Question(Exception):
    """The work cannot go on without a person.

    Attributes:
        kind: what is asked for: the key of the answer.
        choices: what there is to choose from, as programs see it.
    """

    def __init__(self, kind: str, sentence: str, *choices: Mapping[str, Any]) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.choices = choices


class Cancelled(Exception):
    """A person does not want it any more."""


class TooMany(Exception):
    """So many jobs are open that no other can begin; `str()` is the sentence for the user."""


# The errors whose sentence is a job's reason.
_REASONS = (EmbeddingError, MoveError, PictureError, SourceError, WriteError, TooMany)


class Job:
    """A piece of long work. Its work calls it; only `Jobs` changes it.

    Attributes:
        revision: rises with every change, as answers may come in another order.
        title: what people call it.
        done, total: how far it is; total is None where nobody knows.
        so_far: what it has by now, in the words of its kind.
        reason: the sentence of a question or a failure.
        result: what came of it.
        signal: what a person wants of it since; only work that can keep what it has minds "stop".
    """

    def __init__(
        self,
        kind: str,
        title: str,
        work: Work,
        changed: Callable[[Job], None],
        pictures: _Pictures,
    ) -> None:
        self.id = secrets.token_hex(8)
        self.kind = kind
        self.title = title
        self.revision = 0
        self.state: JobState = "waiting"
        self.done = 0
        self.total: int | None = None
        self.so_far: Mapping[str, Any] = NOTHING
        self.reason: str | None = None
        self.question: Question | None = None
        self.result: Mapping[str, Any] | None = None
        self.needs_model = kind in NEED_MODEL
        self.signal: Signal | None = None
        self.answer: dict[str, Any] = {}
        self.work = work
        self._changed = changed
        self._pictures = pictures
        self._shown_at = 0.0

    def show(self, done: int, total: int | None, so_far: Mapping[str, Any] | None = None) -> None:
        """Note how far the work is, and what it has so far where that has changed.

        Raises:
            Cancelled: nobody wants it any more.
            Question: it is paused: it is called again, and goes on from what it has kept itself.
        """
        if self.signal == "cancel":
            raise Cancelled
        if self.signal == "pause":
            raise Question("go_on", "it is paused")
        self.done, self.total = done, total
        self.so_far = self.so_far if so_far is None else so_far
        if time.monotonic() - self._shown_at > _PAUSE_SECONDS:
            self._shown_at = time.monotonic()
            self._changed(self)

    def keep(self, picture: bytes, *, instead_of: int | None = None) -> int:
        """Keep a picture, as PNG or WebP, for those who follow the job, and return its number.

        Args:
            instead_of: the number of one that is not needed any more; who asks for it gets this.
        """
        return self._pictures.keep(self.id, picture, instead_of)

    def forget(self, number: int) -> None:
        """Keep a picture no longer."""
        self._pictures.forget(self.id, number)

    def call(self, title: str) -> None:
        """Give it a better title, once that is known."""
        self.title = title
        self._changed(self)

    def as_json(self) -> dict[str, Any]:
        """Return what clients learn of it."""
        asked = self.question
        return {
            "id": self.id,
            "revision": self.revision,
            "kind": self.kind,
            "title": self.title,
            "state": self.state,
            "done": self.done,
            "total": self.total,
            "so_far": dict(self.so_far),
            "reason": self.reason,
            "question": {"kind": asked.kind, "choices": asked.choices} if asked else None,
            "result": self.result,
        }


# Does it, with all that was answered so far, and returns what came of it.
Work = Callable[[Job, Answer], Mapping[str, Any]]
Follower = Callable[[Mapping[str, Any]], object]


class _Pictures:
    """The pictures of all jobs. Beyond a bound the oldest goes first. Any thread may call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, int | None], bytes | int] = {}  # or what came in its place
        self._numbers = count()

    def keep(self, job: str, picture: bytes, instead_of: int | None) -> int:
        with self._lock:
            number = next(self._numbers)
            if (job, instead_of) in self._kept:
                self._kept[job, instead_of] = number
            self._kept[job, number] = picture
            kept, bound = self._kept, LIMITS.job_pictures_bytes
            while sum(len(each) for each in kept.values() if isinstance(each, bytes)) > bound:
                del kept[next(iter(kept))]
        return number

    def get(self, job: str, number: int) -> bytes | None:
        with self._lock:
            while isinstance(found := self._kept.get((job, number)), int):
                number = found
            return found

    def forget(self, job: str, number: int | None = None) -> None:
        """Keep a picture of a job no longer, or all of them."""
        with self._lock:
            for key in [each for each in self._kept if each[0] == job]:
                if number in (None, key[1]):
                    del self._kept[key]


class Jobs:
    """Runs jobs in threads of its own. Any thread may call any method."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = threading.Lock()  # guards all below, and is not held while anybody is called
        self._jobs: dict[str, Job] = {}
        self._waiting: deque[Job] = deque()
        self._n_workers = 0
        self._followers: list[Follower] = []
        self._pictures = _Pictures()

    def all(self) -> list[dict[str, Any]]:
        """Return all jobs as they are now, the oldest first; of those that ended, the last ones."""
        with self._lock:
            return [job.as_json() for job in self._jobs.values()]

    def picture(self, id_: str, number: int) -> bytes | None:
        """Return a picture that a job has kept; None where it is there no more."""
        return self._pictures.get(id_, number)

    def begin(self, kind: str, title: str, work: Work, answer: Answer = NOTHING) -> dict[str, Any]:
        """Begin a job, as soon as it is its turn. Raises `TooMany` where there are too many.

        Args:
            answer: to what it would ask, as far as that is known.
        """
        job = Job(kind, title, work, self._show, self._pictures)
        job.answer |= answer
        with self._lock:
            ended = [each.id for each in self._jobs.values() if each.state in ENDED]
            if len(self._jobs) - len(ended) >= LIMITS.open_jobs:
                raise TooMany(
                    f"{LIMITS.open_jobs} jobs are already in progress: wait until one has ended"
                )
            for id_ in ended[: max(0, len(ended) - LIMITS.ended_jobs + 1)]:
                self._forget(id_)
            self._jobs[job.id] = job
        self._queue(job)
        return job.as_json()

    def answer(self, id_: str, answer: Answer) -> dict[str, Any] | None:
        """Let a job go on with an answer; None where there is none that asks for it."""
        with self._lock:
            job = self._jobs.get(id_)
            if job is None or job.question is None or job.question.kind not in answer:
                return None
            job.answer |= answer
            job.question = job.reason = job.signal = None
            job.state = "waiting"
        self._queue(job)
        return job.as_json()

    def signal(self, id_: str, signal: Signal) -> dict[str, Any] | None:
        """Tell a job what a person wants of it; None where there is none that goes on.

        One that has ended is forgotten by "cancel".
        """
        with self._lock:
            job = self._jobs.get(id_)
            if job is None or (job.state in ENDED and signal != "cancel"):
                return None
            if job.state in ENDED:
                self._forget(id_)  # and nobody is told of it, lest a page shows it again
                return job.as_json()
            job.signal = signal
            if signal == "cancel" and job.state != "working":  # else its thread notices
                job.state, job.question, job.reason = "cancelled", None, None
                with suppress(ValueError):
                    self._waiting.remove(job)
        self._show(job)
        return job.as_json()

    def follow(self, follower: Follower) -> Callable[[], None]:
        """Call *follower* with each job that changes; return how to stop that."""
        with self._lock:
            self._followers.append(follower)

        def unfollow() -> None:
            with self._lock, suppress(ValueError):
                self._followers.remove(follower)

        return unfollow

    def _queue(self, job: Job) -> None:
        with self._lock:
            self._waiting.append(job)
            if self._n_workers < LIMITS.jobs_at_once:
                self._n_workers += 1
                # A process that ends waits for none of them: nothing is left half done.
                threading.Thread(target=self._work, name="embeddings-job", daemon=True).start()
        self._show(job)

    def _forget(self, id_: str) -> None:
        del self._jobs[id_]
        self._pictures.forget(id_)

    def _work(self) -> None:
        """Run what waits, until nothing does that may."""
        while True:
            with self._lock:
                job = self._next()
                if job is None:
                    self._n_workers -= 1
                    return
                self._waiting.remove(job)
                job.state = "working"
            self._show(job)
            self._run(job)
            self._show(job)

    def _next(self) -> Job | None:
        """Return the one whose turn it is; of those that need a model only one works."""
        is_taken = any(job.needs_model and job.state == "working" for job in self._jobs.values())
        return next((job for job in self._waiting if not (is_taken and job.needs_model)), None)

    def _run(self, job: Job) -> None:
        state: JobState = "failed"
        reason, question, result = None, None, None
        try:
            job.show(0, None)
            result, state = job.work(job, job.answer), "done"
        except Cancelled:
            state = "cancelled"
        except Question as asked:
            state, question, reason = "asking", asked, str(asked)
        except _REASONS as error:
            reason = str(error)
        except Exception:  # a defect of ours must not keep the others waiting
            log.exception("the job %r failed", job.title)
            reason = "unexpected error, see the log"
        with self._lock:
            if job.signal == "cancel" and state != "done":  # whatever else went wrong meanwhile
                state, question, reason = "cancelled", None, None
            job.state, job.question, job.reason, job.result = state, question, reason, result

    def _show(self, job: Job) -> None:
        with self._lock:
            job.revision += 1
            followers, shown = tuple(self._followers), job.as_json()
        for follower in followers:
            follower(shown)
