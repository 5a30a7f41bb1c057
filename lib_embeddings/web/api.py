"""The HTTP API, on any FastAPI application; `docs/api.md` is its description."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from lib_embeddings.entries.previews import Thumbnails, preview_of
from lib_embeddings.entries.snapshot import FITS, STATES, FittedEntry
from lib_embeddings.errors import BadName, EmbeddingError, RenameError
from lib_embeddings.library.library import Library
from lib_embeddings.library.reports import PromptReports
from lib_embeddings.library.search import ORDERS, SORTS, Filters
from lib_embeddings.web.cards import card, describe_library, details
from lib_embeddings.web.completion_routes import add_completion_route
from lib_embeddings.web.events import stream
from lib_embeddings.web.prompt_routes import add_prompt_route
from lib_embeddings.web.requests import (
    is_local,
    number,
    one_of,
    read_choices,
    read_name,
    refuse_other_origins,
    several_of,
)
from lib_embeddings.web.responses import as_json, caching, tag_of, unchanged

PREFIX = "/lib-embeddings/v1"

LARGEST_PAGE = 1000
LARGEST_OFFSET = 10**39
NARROWEST, WIDEST = 32, 1024


def allow(_request: Request) -> None:
    """Ask for no login: for applications that have none."""


def add_routes(
    app: FastAPI,
    library: Library,
    login: Callable[[Request], object] = allow,
    reports: PromptReports | None = None,
) -> None:
    """Add all routes to *app*.

    Args:
        login: raises `HTTPException` for a request that may not read.
        reports: the library's, where others need them too.
    """
    routes = _Routes(library)
    router = APIRouter(prefix=PREFIX, dependencies=[Depends(login)])
    own = [Depends(refuse_other_origins)]
    for method, path, endpoint, dependencies in (
        ("GET", "/entries", routes.entries, None),
        ("GET", "/names", routes.names, None),
        ("GET", "/entries/{id}", routes.entry, None),
        ("GET", "/preview/{id}", routes.preview, None),
        ("GET", "/events", routes.events, None),
        ("PATCH", "/entries/{id}", routes.choose, own),
        ("POST", "/entries/{id}/rename", routes.rename, own),
        ("POST", "/rescan", routes.rescan, own),
    ):
        router.add_api_route(
            path, endpoint, methods=[method], dependencies=dependencies, response_model=None
        )
    add_completion_route(router, library)
    add_prompt_route(router, reports or PromptReports(library))
    app.include_router(router)


class _Routes:
    """One method for each route."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._thumbnails = Thumbnails()

    def entries(  # noqa: PLR0913, PLR0917 - each is a parameter of the API
        self,
        request: Request,
        query: str = "",
        sort: str = "name",
        order: str = "asc",
        folder: str = "",
        state: str = "",
        fit: str = "",
        favourite: str = "false",
        offset: str = "0",
        limit: str = "100",
    ) -> Response:
        listing, shows_paths = self._library.listing, is_local(request)
        known_hashes = len(listing.hashes())
        asked = request.scope["query_string"]
        tag = tag_of(listing.generation, known_hashes, asked, shows_paths)
        filters = Filters(
            query=query,
            folder=folder or None,
            state=several_of("state", state, STATES),
            fit=several_of("fit", fit, FITS),
            favourite=one_of("favourite", favourite, ("true", "false")) == "true",
        )
        page = listing.select(
            filters,
            sort=one_of("sort", sort, SORTS),
            order=one_of("order", order, ORDERS),
            offset=number("offset", offset, 0, LARGEST_OFFSET),
            limit=number("limit", limit, 1, LARGEST_PAGE),
        )
        return unchanged(request, tag) or as_json(
            {
                **describe_library(listing, shows_paths=shows_paths),
                "total": page.total,
                "entries": [card(listing, fitted, PREFIX) for fitted in page.entries],
            },
            tag,
        )

    def names(self, request: Request) -> Response:
        listing = self._library.listing
        tag = tag_of(listing.generation)
        names = dict.fromkeys(entry.name for entry in listing.view if entry.state == "ok")
        return unchanged(request, tag) or as_json({"names": list(names)}, tag)

    def entry(self, request: Request, id: str) -> Response:  # noqa: A002 - the word of the API
        fitted = self._find(id)
        try:
            told = details(self._library, fitted, PREFIX, shows_paths=is_local(request))
        except (OSError, EmbeddingError) as error:
            raise HTTPException(404, "this file is gone, or is being written") from error
        return as_json(told)

    def preview(
        self,
        request: Request,
        id: str,  # noqa: A002 - the word of the API
        width: str = "256",
    ) -> Response:
        picture = preview_of(self._find(id).entry)
        pixels = number("width", width, NARROWEST, WIDEST)
        tag = tag_of(picture, pixels)
        known = unchanged(request, tag)
        if known:
            return known
        data = self._thumbnails.get(picture, pixels) if picture else None
        if data is None:
            raise HTTPException(404, "there is no preview that can be shown")
        return Response(data, media_type="image/webp", headers=caching(tag))

    async def events(self, request: Request) -> Response:
        return StreamingResponse(
            stream(self._library, request.is_disconnected),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def choose(self, request: Request, id: str) -> Response:  # noqa: A002 - likewise
        fitted = self._find(id)
        choices = await read_choices(request)
        await run_in_threadpool(self._library.choose, id, **choices)
        listing = self._library.listing
        return as_json(card(listing, listing.find(id) or fitted, PREFIX))

    async def rename(self, request: Request, id: str) -> Response:  # noqa: A002 - likewise
        fitted = self._find(id)
        name = await read_name(request)
        try:
            new_id = await run_in_threadpool(self._library.rename, fitted.entry, name)
        except RenameError as error:
            status = 422 if isinstance(error, BadName) else 409
            raise HTTPException(status, str(error)) from error
        return as_json(card(self._library.listing, self._find(new_id), PREFIX))

    def rescan(self) -> Response:
        changes = self._library.rescan()
        counts = {kind: len(entries) for kind, entries in changes._asdict().items()}
        return as_json({"generation": self._library.generation, **counts})

    def _find(self, id: str) -> FittedEntry:  # noqa: A002 - likewise
        fitted = self._library.find(id)
        if fitted is None:
            raise HTTPException(404, "there is no such file, or no longer")
        return fitted
