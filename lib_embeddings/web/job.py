"""A job: one piece of long work, as seen by the work itself and by those who follow it.

It can be followed, paused, stopped and cancelled, and shows what it has so far. One that cannot go
on without a person asks a question, and goes on with the answer.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from itertools import count
from types import MappingProxyType
from typing import Any, Literal, get_args

from lib_embeddings.limits import LIMITS

JobState = Literal["waiting", "working", "asking", "done", "failed", "cancelled"]
ENDED: tuple[JobState, ...] = ("done", "failed", "cancelled")

# What a person wants of a job: that it ends with what it has, ends with nothing, or waits.
Signal = Literal["stop", "cancel", "pause"]
SIGNALS: tuple[Signal, ...] = get_args(Signal)

# Progress is reported so often that a bar moves smoothly.
_PAUSE_SECONDS = 0.1

# What a person answered, by the keys of the API; what is missing was not answered.
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
    """A person no longer wants it."""


class TooMany(Exception):
    """So many jobs are open that no other can begin; `str()` is the sentence for the user."""


class Job:
    """A piece of long work. Its work calls it; only `Jobs` changes it.

    Attributes:
        revision: rises with every change, as answers may come in another order.
        title: what people call it.
        needs_model: whether it takes turns with others: a model paints or learns for one job at a
            time.
        done, total: how far it is; total is None where it is not known.
        so_far: what it has so far, in the words of its kind.
        reason: the sentence of a question or a failure.
        result: what came of it.
        signal: what a person wants of it now; only work that can keep what it has obeys "stop".
    """

    def __init__(
        self,
        kind: str,
        title: str,
        work: Work,
        changed: Callable[[Job], None],
        pictures: Pictures,
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
        self.needs_model = False
        self.signal: Signal | None = None
        self.answer: dict[str, Any] = {}
        self.work = work
        self.ended: Ended = leave_all
        self._changed = changed
        self._pictures = pictures
        self._shown_at = 0.0

    def show(self, done: int, total: int | None, so_far: Mapping[str, Any] | None = None) -> None:
        """Note how far the work is, and what it has so far where that has changed.

        Raises:
            Cancelled: nobody wants it any longer.
            Question: it is paused; it will be called again, and goes on from what it has kept
                itself.
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
            instead_of: the number of one that is no longer needed; whoever asks for it gets this
                one.
        """
        return self._pictures.keep(self.id, picture, instead_of)

    def forget(self, number: int) -> None:
        """Forget a picture."""
        self._pictures.forget(self.id, number)

    def call(self, title: str) -> None:
        """Change its title once a better one is known."""
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


# Does the work, with all that was answered so far, and returns the result.
Work = Callable[[Job, Answer], Mapping[str, Any]]
# Called once with the state in which a job ends, before anybody sees that it has: decides what
# remains of it. Not called if the program ends before the job.
Ended = Callable[[JobState], object]


def leave_all(_state: JobState) -> None:
    """Leave what a job has made as it is."""


class Pictures:
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
        """Forget one picture of a job, or all of them."""
        with self._lock:
            for key in [each for each in self._kept if each[0] == job]:
                if number in (None, key[1]):
                    del self._kept[key]
