"""Jobs: long work that goes on for people while they do something else, and the routes to it.

Only so many work at once, and only one of those that need a model that paints; the others wait for
their turn.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from fastapi import HTTPException, Request, Response

from lib_embeddings.errors import EmbeddingError, MoveError, PictureError, SourceError, WriteError
from lib_embeddings.limits import LIMITS
from lib_embeddings.web.job import (
    ENDED,
    NOTHING,
    SIGNALS,
    Answer,
    Cancelled,
    Ended,
    Job,
    JobState,
    Pictures,
    Question,
    Signal,
    TooMany,
    Work,
    leave_all,
)
from lib_embeddings.web.requests import number, read_reply
from lib_embeddings.web.route import Route, as_json, as_picture

log = logging.getLogger(__name__)

_PNG = b"\x89PNG"

JobSubscriber = Callable[[Mapping[str, Any]], object]


# The errors whose sentence is a job's reason.
_REASONS = (EmbeddingError, MoveError, PictureError, SourceError, WriteError, TooMany)


class Jobs:
    """Runs jobs in threads of its own. Any thread may call any method."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = threading.Lock()  # guards all below, and is not held while anybody is called
        self._jobs: dict[str, Job] = {}
        self._waiting: deque[Job] = deque()
        self._n_workers = 0
        self._subscribers: list[JobSubscriber] = []
        self._pictures = Pictures()

    def all(self) -> list[dict[str, Any]]:
        """Return all jobs as they are now, oldest first; of those that ended, the last ones."""
        with self._lock:
            return [job.as_json() for job in self._jobs.values()]

    def picture(self, id_: str, number: int) -> bytes | None:
        """Return a picture that a job has kept; None if it is gone."""
        return self._pictures.get(id_, number)

    def begin(  # noqa: PLR0913 - what is known of a job
        self,
        kind: str,
        title: str,
        work: Work,
        answer: Answer = NOTHING,
        ended: Ended = leave_all,
        *,
        needs_model: bool = False,
    ) -> dict[str, Any]:
        """Begin a job, as soon as it is its turn.

        Args:
            answer: to what it would ask, as far as already known.
            needs_model: whether it paints or learns, which only one job does at a time.

        Raises:
            TooMany: there are too many; *ended* is called as for a failure.
        """
        job = Job(kind, title, work, self._show, self._pictures)
        job.answer |= answer
        job.ended = ended
        job.needs_model = needs_model
        if not self._add(job):
            job.ended("failed")
            raise TooMany(
                f"{LIMITS.open_jobs} jobs are already in progress: wait until one has ended"
            )
        self._show(job)
        return job.as_json()

    def answer(self, id_: str, answer: Answer) -> dict[str, Any] | None:
        """Let a job go on with an answer; None if no job asks for it."""
        with self._lock:
            job = self._jobs.get(id_)
            if job is None or job.question is None or job.question.kind not in answer:
                return None
            job.answer |= answer
            job.question = job.reason = job.signal = None
            self._queue(job)
        self._show(job)
        return job.as_json()

    def signal(self, id_: str, signal: Signal) -> dict[str, Any] | None:
        """Pass a person's wish on to a job; None if there is no such job in progress.

        One that has ended is forgotten by "cancel".
        """
        with self._lock:
            job = self._jobs.get(id_)
            if job is None or (job.state in ENDED and signal != "cancel"):
                return None
            if job.state in ENDED:
                self._forget(id_)  # and nobody is notified, or a page might show it again
                return job.as_json()
            is_new, job.signal = job.signal != signal, signal
            ends = signal == "cancel" and is_new and job.state != "working"  # or its thread sees it
            if ends:
                job.question = None  # nobody lets it go on meanwhile
                with suppress(ValueError):
                    self._waiting.remove(job)
        if ends:
            self._end(job, "cancelled")
        self._show(job)
        return job.as_json()

    def subscribe(self, subscriber: JobSubscriber) -> Callable[[], None]:
        """Call *subscriber* with each job that changes; return how to stop that."""
        with self._lock:
            self._subscribers.append(subscriber)

        def unsubscribe_jobs() -> None:
            with self._lock, suppress(ValueError):
                self._subscribers.remove(subscriber)

        return unsubscribe_jobs

    def _add(self, job: Job) -> bool:
        """Add a job to the others, unless too many are open."""
        with self._lock:
            ended = [each.id for each in self._jobs.values() if each.state in ENDED]
            if len(self._jobs) - len(ended) >= LIMITS.open_jobs:
                return False
            for id_ in ended[: max(0, len(ended) - LIMITS.ended_jobs + 1)]:
                self._forget(id_)
            self._jobs[job.id] = job
            self._queue(job)
        return True

    def _queue(self, job: Job) -> None:
        """Let a job wait for its turn. Whoever calls holds the lock, so that a cancel finds it."""
        job.state = "waiting"
        self._waiting.append(job)
        if self._n_workers < LIMITS.jobs_at_once:
            self._n_workers += 1
            # A process that ends waits for none of them: they leave nothing half done.
            threading.Thread(target=self._work, name="embeddings-job", daemon=True).start()

    def _forget(self, id_: str) -> None:
        del self._jobs[id_]
        self._pictures.forget(id_)

    def _work(self) -> None:
        """Run what waits, until nothing is left that may run."""
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
        """Return the job whose turn it is; of those that need a model, only one works."""
        is_taken = any(job.needs_model and job.state == "working" for job in self._jobs.values())
        return next((job for job in self._waiting if not (is_taken and job.needs_model)), None)

    def _run(self, job: Job) -> None:
        state: JobState = "failed"
        reason, result = None, None
        try:
            job.show(0, None)
            result, state = job.work(job, job.answer), "done"
        except Cancelled:
            state = "cancelled"
        except Question as asked:
            if self._ask(job, asked):
                return
            state = "cancelled"
        except _REASONS as error:
            reason = str(error)
        except Exception:  # a defect of ours must not keep the others waiting
            log.exception("the job %r failed", job.title)
            reason = "unexpected error, see the log"
        if job.signal == "cancel" and state != "done":  # whatever else went wrong meanwhile
            state, reason = "cancelled", None
        self._end(job, state, reason, result)

    def _ask(self, job: Job, question: Question) -> bool:
        """Let a job wait for an answer, unless it was cancelled meanwhile."""
        with self._lock:
            if job.signal == "cancel":
                return False
            job.state, job.question, job.reason = "asking", question, str(question)
        return True

    def _end(
        self,
        job: Job,
        state: JobState,
        reason: str | None = None,
        result: Mapping[str, Any] | None = None,
    ) -> None:
        """Let a job end, however it does."""
        job.ended(state)
        with self._lock:
            job.state, job.question, job.reason, job.result = state, None, reason, result

    def _show(self, job: Job) -> None:
        with self._lock:
            job.revision += 1
            subscribers, shown = tuple(self._subscribers), job.as_json()
        for subscriber in subscribers:
            subscriber(shown)


class JobRoutes:
    """One method for each route."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def all(self) -> Iterable[Route]:
        return (
            Route("GET", "/jobs", self.jobs, "change_files"),
            Route("PATCH", "/jobs/{id}", self.reply, "change_files"),
            Route("DELETE", "/jobs/{id}", self.cancel, "change_files"),
            Route("GET", "/jobs/{id}/pictures/{n}", self.picture, "change_files"),
        )

    def jobs(self) -> Response:
        return as_json({"jobs": self._jobs.all()})

    async def reply(self, request: Request, id: str) -> Response:  # noqa: A002 - the API's word
        reply = await read_reply(request, SIGNALS)
        if isinstance(reply, str):
            return _found(self._jobs.signal(id, reply))
        return _found(self._jobs.answer(id, reply))

    def cancel(self, id: str) -> Response:  # noqa: A002 - likewise
        return _found(self._jobs.signal(id, "cancel"))

    def picture(self, id: str, n: str) -> Response:  # noqa: A002 - likewise
        data = self._jobs.picture(id, number("n", n, 0))
        kind = "image/png" if data and data.startswith(_PNG) else "image/webp"
        # No other picture ever gets its number.
        return as_picture(data, {"Cache-Control": "private, max-age=3600, immutable"}, kind)


def _found(job: Mapping[str, Any] | None) -> Response:
    if job is None:
        raise HTTPException(404, "there is no such job, or it is not waiting for this")
    return as_json(job)
