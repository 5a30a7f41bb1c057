"""The HTTP API, on any FastAPI application; `docs/api.md` is its description."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from tempfile import TemporaryFile
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from lib_embeddings.entries.companions import Picture, examples_of, pictures_of, video_of
from lib_embeddings.entries.thumbnails import Thumbnails
from lib_embeddings.errors import EmbeddingError
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.library.library import Library
from lib_embeddings.library.reports import PromptReports
from lib_embeddings.limits import LIMITS
from lib_embeddings.views.lens import FITS, STATES, ViewEntry
from lib_embeddings.views.query import ORDERS, SORTS, Filters
from lib_embeddings.views.render import entry_as_json
from lib_embeddings.web import answers
from lib_embeddings.web.answers import (
    HostFacts,
    as_json,
    as_json_once,
    caching,
    refusing,
    stream,
    tag_of,
    unchanged,
)
from lib_embeddings.web.clients import Door, is_local
from lib_embeddings.web.files import can_reveal, reveal, video
from lib_embeddings.web.job_routes import add_job_routes
from lib_embeddings.web.jobs import Jobs
from lib_embeddings.web.learning import Learner, add_learning_routes
from lib_embeddings.web.own import add_own_routes
from lib_embeddings.web.painting import Studio, add_painting_routes, tries
from lib_embeddings.web.requests import (
    number,
    one_of,
    read_choices,
    read_prompts,
    read_target,
    read_text,
    receive_files,
    several_of,
)
from lib_embeddings.web.sites import add_site_routes
from lib_embeddings.web.tab import scripts

PREFIX = "/lib-embeddings/v1"


def add_routes(  # noqa: PLR0913 - what hosts have
    app: FastAPI,
    library: Library,
    host: Callable[[], HostFacts],
    door: Door,
    reports: PromptReports | None = None,
    *,
    studio: Studio | None = None,
    learner: Learner | None = None,
) -> None:
    """Add all routes to *app*.

    Args:
        host: returns what is true of the host now.
        door: lets in who may read, who may write, and who may change files.
        reports: the library's, where others need them too.
        studio: paints, where the host has one.
        learner: learns words, where the host has one.
    """
    jobs = Jobs()
    routes = _Routes(library, host, door, reports or PromptReports(library), jobs, studio, learner)
    router = APIRouter(prefix=PREFIX, dependencies=[Depends(door.admit)])
    may_write = [Depends(door.admit_write)]
    may_change_files = [*may_write, Depends(door.check_may_change_files)]
    for method, path, endpoint, dependencies in (
        ("GET", "/scripts", routes.scripts, None),
        ("GET", "/host", routes.host, None),
        ("GET", "/entries", routes.entries, None),
        ("GET", "/folders", routes.folders, None),
        ("GET", "/names", routes.names, None),
        ("GET", "/completions", routes.completions, None),
        ("GET", "/entries/{id}", routes.entry, None),
        ("GET", "/preview/{id}", routes.preview, None),
        ("GET", "/examples/{id}", routes.examples, None),
        ("GET", "/video/{id}", routes.video, None),
        ("GET", "/events", routes.events, None),
        ("POST", "/entries/{id}/reveal", routes.reveal, may_write),
        ("PATCH", "/entries/{id}", routes.choose, may_write),
        ("POST", "/entries/{id}/rename", routes.rename, may_change_files),
        ("POST", "/entries/{id}/move", routes.move, may_change_files),
        ("DELETE", "/entries/{id}", routes.delete, may_change_files),
        ("POST", "/files", routes.add, may_change_files),
        ("GET", "/trash", routes.trash, None),
        ("POST", "/trash/{id}/restore", routes.restore, may_change_files),
        ("DELETE", "/trash", routes.empty_trash, may_change_files),
        ("POST", "/prompt", routes.prompt, may_write),
        ("POST", "/rescan", routes.rescan, may_write),
    ):
        router.add_api_route(
            path, endpoint, methods=[method], dependencies=dependencies, response_model=None
        )
    add_own_routes(router, library, may_write, may_change_files)
    add_job_routes(router, jobs, may_change_files)
    add_site_routes(router, library, host, jobs, may_change_files)
    if studio:
        add_painting_routes(router, library, jobs, studio, may_change_files)
    if learner:
        add_learning_routes(router, library, jobs, learner, may_change_files)
    app.include_router(router)


def _filters_asked(  # noqa: PLR0913, PLR0917 - each is a parameter of the API
    query: str = "",
    folder: str = "",
    state: str = "",
    fit: str = "",
    family: str = "",
    favourite: str = "false",
    hidden: str = "false",
) -> Filters:
    return Filters(
        query=query,
        folder=folder or None,
        state=several_of("state", state, STATES),
        fit=several_of("fit", fit, FITS),
        family=several_of("family", family, tuple(MODEL_FAMILIES)),
        favourite=one_of("favourite", favourite, ("true", "false")) == "true",
        hidden=one_of("hidden", hidden, ("true", "false")) == "true",
    )


_FILTERS: Filters = Depends(_filters_asked)


class _Routes:
    """One method for each route."""

    def __init__(  # noqa: PLR0913, PLR0917 - what routes ask
        self,
        library: Library,
        host: Callable[[], HostFacts],
        door: Door,
        reports: PromptReports,
        jobs: Jobs,
        studio: Studio | None,
        learner: Learner | None,
    ) -> None:
        self._library = library
        self._learner = learner
        self._jobs = jobs
        self._host = host
        self._door = door
        self._reports = reports
        self._studio = studio
        self._thumbnails = Thumbnails()

    def scripts(self, request: Request) -> Response:
        return as_json_once(request, scripts())

    def host(self, request: Request) -> Response:
        may_change_files = self._door.may_change_files(request)
        may_reveal = is_local(request) and can_reveal()
        facts = answers.host(self._host(), may_change_files=may_change_files, may_reveal=may_reveal)
        can_try = tries(self._studio) if self._studio and may_change_files else None
        may_learn = self._learner is not None and may_change_files
        return as_json({**facts, "tries": can_try, "may_learn": may_learn})

    def entries(  # noqa: PLR0913, PLR0917 - each is a parameter of the API
        self,
        request: Request,
        sort: str = "name",
        order: str = "asc",
        offset: str = "0",
        limit: str = "100",
        filters: Filters = _FILTERS,
    ) -> Response:
        catalogue, shows_paths = self._library.catalogue, is_local(request)
        asked = request.scope["query_string"]
        progress = self._library.progress
        tag = tag_of(catalogue.generation, len(catalogue.hashes()), progress, asked, shows_paths)
        page = catalogue.select(
            filters,
            sort=one_of("sort", sort, SORTS),
            order=one_of("order", order, ORDERS),
            offset=number("offset", offset, 0, 10**LIMITS.number_digits),
            limit=number("limit", limit, 1, LIMITS.page_entries),
        )
        return unchanged(request, tag) or as_json(
            {
                **answers.summary(
                    self._library, catalogue, filters.folder, shows_paths=shows_paths
                ),
                "found": dict(page.counts),
                "total": page.total,
                "entries": [entry_as_json(catalogue, seen) for seen in page.entries],
            },
            tag,
        )

    def folders(self, request: Request, filters: Filters = _FILTERS) -> Response:
        # Most changes, as a favourite, change no folder, and no name.
        return as_json_once(request, answers.folders(self._library.catalogue, filters))

    def names(self, request: Request) -> Response:
        names = [seen.name for seen in self._library.view.meant]
        return as_json_once(request, {"names": names})

    def completions(self, text: str = "", limit: str = "10") -> Response:
        catalogue = self._library.catalogue
        found = catalogue.complete(text, number("limit", limit, 1, LIMITS.completions))
        return as_json({"completions": [answers.completion(catalogue, seen) for seen in found]})

    def entry(self, request: Request, id: str) -> Response:  # noqa: A002 - the word of the API
        seen = self._find(id)
        try:
            answer = answers.details(self._library, seen, shows_paths=is_local(request))
            answer["near_words"] = self._learner.near_words(seen.entry) if self._learner else {}
        except (OSError, EmbeddingError) as error:
            raise HTTPException(404, "this file is gone or has just changed: try again") from error
        return as_json(answer)

    def preview(
        self,
        request: Request,
        id: str,  # noqa: A002 - the word of the API
        width: str | None = None,
    ) -> Response:
        return self._picture(request, pictures_of(self._find(id).entry), width)

    def examples(
        self,
        request: Request,
        id: str,  # noqa: A002 - likewise
        width: str | None = None,
    ) -> Response:
        return self._picture(request, examples_of(self._find(id).entry), width)

    def _picture(
        self, request: Request, pictures: Sequence[Picture], width: str | None
    ) -> Response:
        least, most = LIMITS.preview_widths
        asked = most if width is None else number("width", width, least, 10**LIMITS.number_digits)
        pixels = min(asked, most)
        tag = tag_of(pictures, pixels)
        known = unchanged(request, tag)
        if known:
            return known
        data = self._thumbnails.get(pictures, pixels)
        if data is None:
            raise HTTPException(404, "there is no picture, or it cannot be shown")
        return Response(data, media_type="image/webp", headers=caching(tag))

    def video(self, request: Request, id: str) -> Response:  # noqa: A002 - likewise
        return video(request, video_of(self._find(id).entry))

    def reveal(self, request: Request, id: str) -> Response:  # noqa: A002 - likewise
        if not is_local(request):
            raise HTTPException(403, "only a page on the same machine may open a folder there")
        try:
            reveal(self._find(id).entry.place)
        except OSError as error:
            raise HTTPException(409, f"the folder cannot be shown: {error}") from error
        return Response(status_code=204)

    async def events(self, request: Request) -> Response:
        # Who may begin no job learns of none.
        jobs = self._jobs if self._door.may_change_files(request) else Jobs()
        return StreamingResponse(
            stream(self._library, jobs, request.is_disconnected),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def choose(self, request: Request, id: str) -> Response:  # noqa: A002 - likewise
        seen = self._find(id)
        choices = await read_choices(request)
        if choices.get("use_partial") and seen.fit in (None, "incompatible"):
            raise HTTPException(409, f"it cannot be used: {seen.reason}")
        await run_in_threadpool(lambda: self._library.choose(id, **choices))
        catalogue = self._library.catalogue
        return as_json(entry_as_json(catalogue, catalogue.find(id) or seen))

    async def rename(self, request: Request, id: str) -> Response:  # noqa: A002 - likewise
        seen = self._find(id)
        name = await read_text(request, "name", "the new name")
        with refusing():
            files = self._library.files
            return self._entry(await run_in_threadpool(files.rename, seen.entry, name))

    async def move(self, request: Request, id: str) -> Response:  # noqa: A002 - likewise
        seen = self._find(id)
        target = await read_target(request)
        with refusing():
            files = self._library.files
            return self._entry(await run_in_threadpool(files.move, seen.entry, *target))

    async def add(self, request: Request, folder: str = "") -> Response:
        with refusing(), TemporaryFile() as body:
            listed = await receive_files(request, body)
            arrivals = await run_in_threadpool(self._library.files.add, body, listed, folder)
            return as_json(answers.added(self._library.catalogue, arrivals))

    def delete(self, id: str) -> Response:  # noqa: A002 - likewise
        with refusing():
            return as_json(answers.trashed(self._library.files.delete(self._find(id).entry)))

    def trash(self) -> Response:
        return as_json(answers.trash(self._library.files.trash))

    def restore(self, id: str) -> Response:  # noqa: A002 - likewise
        with refusing():
            return self._entry(self._library.files.restore(id))

    def empty_trash(self) -> Response:
        with refusing():
            self._library.files.empty_trash()
        return as_json(answers.trash(self._library.files.trash))

    async def prompt(self, request: Request) -> Response:
        asked = await read_prompts(request)
        answer: dict[str, Any] | None = await run_in_threadpool(
            answers.prompts, self._reports, asked
        )
        if answer is None:
            raise HTTPException(
                503, "there is no tokenizer: load a model, or install lib-embeddings[prompt]"
            )
        return as_json(answer)

    def rescan(self) -> Response:
        changes = self._library.rescan().changes
        counts = {kind: len(entries) for kind, entries in changes._asdict().items()}
        return as_json({"generation": self._library.generation, **counts})

    def _entry(self, id: str) -> Response:  # noqa: A002 - likewise
        return as_json(entry_as_json(self._library.catalogue, self._find(id)))

    def _find(self, id: str) -> ViewEntry:  # noqa: A002 - likewise
        seen = self._library.find(id)
        if seen is None:
            raise HTTPException(404, "there is no such file, or it is gone")
        return seen
