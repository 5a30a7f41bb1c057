"""Long work that goes on for people while they do something else: jobs.

At most so many work at once; the others wait for their turn. Each can be followed and cancelled,
and one that cannot go on without a person asks, and goes on with the answer.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, Literal

from lib_embeddings.errors import MoveError, SourceError
from lib_embeddings.limits import LIMITS

log = logging.getLogger(__name__)

JobState = Literal["waiting", "working", "asking", "done", "failed", "cancelled"]
ENDED: tuple[JobState, ...] = ("done", "failed", "cancelled")

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


class Job:
    """A piece of long work. Only `Jobs` changes it.

    Attributes:
        revision: rises with every change, as answers may come in another order.
        title: what people call it.
        done, total: how far it is; total is None where nobody knows.
        reason: the sentence of a question or a failure.
        result: what came of it.
    """

    def __init__(self, kind: str, title: str, work: Work, changed: Callable[[Job], None]) -> None:
        self.id = secrets.token_hex(8)
        self.kind = kind
        self.title = title
        self.revision = 0
        self.state: JobState = "waiting"
        self.done = 0
        self.total: int | None = None
        self.reason: str | None = None
        self.question: Question | None = None
        self.result: Mapping[str, Any] | None = None
        self.is_unwanted = False
        self.answer: dict[str, Any] = {}
        self.work = work
        self._changed = changed
        self._shown_at = 0.0

    def show(self, done: int, total: int | None) -> None:
        """Note how far the work is. Raises `Cancelled` where nobody wants it any more."""
        if self.is_unwanted:
            raise Cancelled
        self.done, self.total = done, total
        if time.monotonic() - self._shown_at > _PAUSE_SECONDS:
            self._shown_at = time.monotonic()
            self._changed(self)

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
            "reason": self.reason,
            "question": {"kind": asked.kind, "choices": asked.choices} if asked else None,
            "result": self.result,
        }


# Does it, with all that was answered so far, and returns what came of it.
Work = Callable[[Job, Answer], Mapping[str, Any]]
Follower = Callable[[Mapping[str, Any]], object]


class Jobs:
    """Runs jobs in threads of its own. Any thread may call any method."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = threading.Lock()  # guards all below, and is not held while anybody is called
        self._jobs: dict[str, Job] = {}
        self._waiting: deque[Job] = deque()
        self._n_workers = 0
        self._followers: list[Follower] = []

    def all(self) -> list[dict[str, Any]]:
        """Return all jobs as they are now, the oldest first; of those that ended, the last ones."""
        with self._lock:
            return [job.as_json() for job in self._jobs.values()]

    def begin(self, kind: str, title: str, work: Work, answer: Answer = NOTHING) -> dict[str, Any]:
        """Begin a job, as soon as it is its turn. Raises `SourceError` where there are too many.

        Args:
            answer: to what it would ask, as far as that is known.
        """
        job = Job(kind, title, work, self._show)
        job.answer |= answer
        with self._lock:
            ended = [each.id for each in self._jobs.values() if each.state in ENDED]
            if len(self._jobs) - len(ended) >= LIMITS.open_jobs:
                raise SourceError(f"{LIMITS.open_jobs} are on their way already: wait for these")
            for id_ in ended[: max(0, len(ended) - LIMITS.ended_jobs + 1)]:
                del self._jobs[id_]
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
            job.question = job.reason = None
            job.state = "waiting"
        self._queue(job)
        return job.as_json()

    def cancel(self, id_: str) -> dict[str, Any] | None:
        """End a job, or forget one that has ended; None where there is none."""
        with self._lock:
            job = self._jobs.get(id_)
            if job is None:
                return None
            job.is_unwanted = True
            if job.state in ENDED:
                del self._jobs[id_]
            elif job.state != "working":  # else its thread notices
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

    def _work(self) -> None:
        """Run what waits, until nothing does."""
        while True:
            with self._lock:
                if not self._waiting:
                    self._n_workers -= 1
                    return
                job = self._waiting.popleft()
                job.state = "working"
            self._show(job)
            self._run(job)
            self._show(job)

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
        except (SourceError, MoveError) as error:
            reason = str(error)
        except Exception:  # a defect of ours must not keep the others waiting
            log.exception("the job %r failed", job.title)
            reason = "unexpected error, see the log"
        with self._lock:
            if job.is_unwanted and state != "done":  # whatever else went wrong meanwhile
                state, question, reason = "cancelled", None, None
            job.state, job.question, job.reason, job.result = state, question, reason, result

    def _show(self, job: Job) -> None:
        with self._lock:
            job.revision += 1
            followers, shown = tuple(self._followers), job.as_json()
        for follower in followers:
            follower(shown)
