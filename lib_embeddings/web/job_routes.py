"""The routes of jobs, whatever they do, and how a route begins one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.params import Depends

from lib_embeddings.limits import LIMITS
from lib_embeddings.web.answers import as_json
from lib_embeddings.web.job import SIGNALS, Work
from lib_embeddings.web.jobs import Jobs, TooMany
from lib_embeddings.web.requests import number, read_reply

_PNG = b"\x89PNG"


def add_job_routes(router: APIRouter, jobs: Jobs, may_change_files: Sequence[Depends]) -> None:
    """Add them to *router*.

    Args:
        may_change_files: lets in who may change files.
    """
    routes = _Routes(jobs)
    for method, path, endpoint in (
        ("GET", "/jobs", routes.jobs),
        ("PATCH", "/jobs/{id}", routes.reply),
        ("DELETE", "/jobs/{id}", routes.cancel),
        ("GET", "/jobs/{id}/pictures/{n}", routes.picture),
    ):
        router.add_api_route(
            path, endpoint, methods=[method], dependencies=may_change_files, response_model=None
        )


def begin(
    jobs: Jobs,
    kind: str,
    title: str,
    work: Work,
    **options: Any,
) -> Response:
    """Begin a job, as `Jobs.begin` does, and answer with it."""
    try:
        return as_json(jobs.begin(kind, title, work, **options))
    except TooMany as error:
        raise HTTPException(429, str(error)) from error


class _Routes:
    """One method for each route."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

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
        data = self._jobs.picture(id, number("n", n, 0, 10**LIMITS.number_digits))
        if data is None:
            raise HTTPException(404, "there is no such picture, or it was removed")
        kind = "image/png" if data.startswith(_PNG) else "image/webp"
        # No other picture ever gets its number.
        headers = {"Cache-Control": "private, max-age=3600, immutable"}
        return Response(data, media_type=kind, headers=headers)


def _found(job: Mapping[str, Any] | None) -> Response:
    if job is None:
        raise HTTPException(404, "there is no such job, or it is not waiting for this")
    return as_json(job)
