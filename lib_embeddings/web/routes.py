"""The HTTP API, on any FastAPI application; `docs/api.md` is its description."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response, params
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.routing import Match

from lib_embeddings.entries.previews import Picture, Thumbnails, examples_of, pictures_of
from lib_embeddings.errors import EmbeddingError
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.library.library import Library
from lib_embeddings.library.reports import PromptReports
from lib_embeddings.limits import LIMITS
from lib_embeddings.views.lens import FITS, STATES
from lib_embeddings.views.render import entry_as_json
from lib_embeddings.views.search import ORDERS, SORTS, Filters
from lib_embeddings.web import answers
from lib_embeddings.web.answers import HostFacts, stream
from lib_embeddings.web.files import FileRoutes, OwnRoutes, can_reveal
from lib_embeddings.web.jobs import JobRoutes, Jobs
from lib_embeddings.web.learning import Learner, LearningRoutes
from lib_embeddings.web.painting import PaintingRoutes, Studio, tries
from lib_embeddings.web.requests import (
    number,
    one_of,
    read_choices,
    read_prompts,
    several_of,
)
from lib_embeddings.web.route import (
    Door,
    Permission,
    Route,
    Routes,
    as_json,
    as_json_once,
    as_picture,
    caching,
    find_entry,
    is_local,
    tag_of,
    unchanged,
)
from lib_embeddings.web.sites import SiteRoutes
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
    """Add all routes to *app*, and refusals for all else below their prefix.

    Args:
        host: returns what is true of the host now.
        door: lets in who may read, who may write, and who may change files.
        reports: the library's, if others need them too.
        studio: paints, if the host has one.
        learner: learns words, if the host has one.
    """
    jobs = Jobs()
    reports = reports or PromptReports(library)
    groups: list[Routes] = [
        LibraryRoutes(library, host, door, reports, jobs, studio, learner),
        FileRoutes(library),
        OwnRoutes(library),
        JobRoutes(jobs),
        SiteRoutes(library, jobs),
    ]
    if studio:
        groups.append(PaintingRoutes(library, jobs, studio))
    if learner:
        groups.append(LearningRoutes(library, jobs, learner))

    def check_asks_sites() -> None:
        if not host().asks_sites:
            raise HTTPException(
                403, "asking other sites is switched off in the settings of this server"
            )

    may_write = [Depends(door.admit_write)]
    may_change_files = [*may_write, Depends(door.check_may_change_files)]
    checks: dict[Permission, list[params.Depends]] = {
        "read": [],
        "write": may_write,
        "change_files": may_change_files,
        "ask_sites": [*may_change_files, Depends(check_asks_sites)],
    }
    router = APIRouter(prefix=PREFIX, dependencies=[Depends(door.admit)])
    for method, path, endpoint, permission in (route for group in groups for route in group.all()):
        router.add_api_route(
            path,
            endpoint,
            methods=[method],
            dependencies=checks[permission],
            response_model=None,
        )
    _refuse_others(router)
    app.include_router(router)


def _refuse_others(router: APIRouter) -> None:
    """Refuse what none of its routes answers: hosts would do so each in its own form."""
    known = [route for route in router.routes if isinstance(route, APIRoute)]

    def refuse(request: Request) -> Response:
        others = (each for each in known if each.matches(request.scope)[0] is Match.PARTIAL)
        methods = sorted({method for each in others for method in each.methods or ()})
        if not methods:
            raise HTTPException(404, "there is nothing here")
        allowed = {"Allow": ", ".join(methods)}
        raise HTTPException(405, f"expected {' or '.join(methods)}", allowed)

    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    router.add_api_route("/{path:path}", refuse, methods=methods, include_in_schema=False)


# It waits for nothing; only what does needs a thread of its own.
async def _filters_asked(  # noqa: PLR0913, PLR0917 - each is a parameter of the API
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


class LibraryRoutes:
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

    def all(self) -> Iterable[Route]:
        return (
            Route("GET", "/scripts", self.scripts),
            Route("GET", "/host", self.host),
            Route("GET", "/entries", self.entries),
            Route("GET", "/folders", self.folders),
            Route("GET", "/names", self.names),
            Route("GET", "/completions", self.completions),
            Route("GET", "/entries/{id}", self.entry),
            Route("GET", "/preview/{id}", self.preview),
            Route("GET", "/examples/{id}", self.examples),
            Route("GET", "/events", self.events),
            Route("PATCH", "/entries/{id}", self.choose, "write"),
            Route("POST", "/prompt", self.prompt, "write"),
            Route("POST", "/rescan", self.rescan, "write"),
        )

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
            offset=number("offset", offset, 0),
            limit=number("limit", limit, 1, LIMITS.page_entries),
        )
        return unchanged(request, tag) or as_json(
            {
                **answers.summary(
                    self._library, catalogue, progress, filters.folder, shows_paths=shows_paths
                ),
                "found": dict(page.counts),
                "total": page.total,
                "entries": [entry_as_json(catalogue, seen) for seen in page.entries],
            },
            tag,
        )

    def folders(self, request: Request, filters: Filters = _FILTERS) -> Response:
        # Most changes, such as a new favourite, change no folder and no name.
        return as_json_once(request, answers.folders(self._library.catalogue, filters))

    def names(self, request: Request) -> Response:
        names = [seen.name for seen in self._library.view.meant]
        return as_json_once(request, {"names": names})

    def completions(self, request: Request, text: str = "", limit: str = "10") -> Response:
        catalogue, most = self._library.catalogue, number("limit", limit, 1, LIMITS.completions)
        recent = request.query_params.getlist("recent")[: LIMITS.completions]
        found = catalogue.complete(text, most, recent)
        return as_json({"completions": [answers.completion(catalogue, seen) for seen in found]})

    def entry(self, request: Request, id: str) -> Response:  # noqa: A002 - the word of the API
        catalogue = self._library.catalogue
        seen, hashed = find_entry(catalogue, id), self._library.sha256
        try:
            answer = answers.details(catalogue, seen, hashed, shows_paths=is_local(request))
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
        return self._picture(
            request, pictures_of(find_entry(self._library.catalogue, id).entry), width
        )

    def examples(
        self,
        request: Request,
        id: str,  # noqa: A002 - likewise
        width: str | None = None,
    ) -> Response:
        return self._picture(
            request, examples_of(find_entry(self._library.catalogue, id).entry), width
        )

    def _picture(
        self, request: Request, pictures: Sequence[Picture], width: str | None
    ) -> Response:
        least, most = LIMITS.preview_widths
        asked = most if width is None else number("width", width, least)
        pixels = min(asked, most)
        tag = tag_of(pictures, pixels)
        known = unchanged(request, tag)
        if known:
            return known
        return as_picture(self._thumbnails.get(pictures, pixels), caching(tag))

    async def events(self, request: Request) -> Response:
        # Who may not begin jobs sees none.
        jobs = self._jobs if self._door.may_change_files(request) else Jobs()
        return StreamingResponse(
            stream(self._library, jobs, request.is_disconnected),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def choose(self, request: Request, id: str) -> Response:  # noqa: A002 - likewise
        seen = find_entry(self._library.catalogue, id)
        choices = await read_choices(request)
        if choices.get("use_partial") and seen.fit in (None, "incompatible"):
            raise HTTPException(409, f"it cannot be used: {seen.reason}")
        await run_in_threadpool(lambda: self._library.choose(id, **choices))
        catalogue = self._library.catalogue
        return as_json(entry_as_json(catalogue, find_entry(catalogue, id)))

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
