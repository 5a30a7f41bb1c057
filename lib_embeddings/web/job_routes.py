"""The routes of jobs, whatever they do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import HTTPException, Request, Response

from lib_embeddings.web.job import SIGNALS
from lib_embeddings.web.jobs import Jobs
from lib_embeddings.web.requests import number, read_reply
from lib_embeddings.web.route import Route, as_json, as_picture

_PNG = b"\x89PNG"


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
