"""The HTTP API, on any FastAPI application; `docs/api.md` is its description.

Parameters and bodies are checked here and not by models: hosts bring releases of pydantic that
agree on little more than numbers and text.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, StreamingResponse

from lib_embeddings.errors import EmbeddingError
from lib_embeddings.library.previews import Thumbnails, preview_of
from lib_embeddings.library.query import ORDERS, SORTS, Filters
from lib_embeddings.library.sidecar import BOXES, Box, SidecarError, write_box
from lib_embeddings.library.store import Library
from lib_embeddings.snapshot import FITS, STATES, FittedEntry
from lib_embeddings.ui.cards import card, describe_library, details
from lib_embeddings.ui.events import stream

PREFIX = "/lib-embeddings/v1"

USUAL_PAGE, LARGEST_PAGE = 100, 1000
NARROWEST, USUAL_WIDTH, WIDEST = 32, 256, 1024

# Clients that may learn absolute paths; the last is the name test clients give themselves.
LOCAL = ("127.0.0.1", "::1", "testclient")

_T = TypeVar("_T", bound=str)


def allow(_request: Request) -> None:
    """Ask for no login: for applications that have none."""


def add_routes(app: FastAPI, library: Library, login: Callable[[Request], object] = allow) -> None:
    """Add all routes to *app*.

    Args:
        login: raises `HTTPException` for a request that may not read.
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
        ("POST", "/rescan", routes.rescan, own),
    ):
        router.add_api_route(
            path, endpoint, methods=[method], dependencies=dependencies, response_model=None
        )
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
        favourite: bool = False,
        offset: int = Query(0, ge=0),
        limit: int = Query(USUAL_PAGE, ge=1, le=LARGEST_PAGE),
    ) -> Response:
        listing, shows_paths = self._library.listing, is_local(request)
        tag = _tag(listing.generation, request.url.query, shows_paths)
        filters = Filters(
            query=query,
            folder=folder or None,
            state=_several("state", state, STATES),
            fit=_several("fit", fit, FITS),
            favourite=favourite,
        )
        page = listing.select(
            filters,
            sort=_one_of("sort", sort, SORTS),
            order=_one_of("order", order, ORDERS),
            offset=offset,
            limit=limit,
        )
        return _unchanged(request, tag) or _json(
            {
                **describe_library(listing, shows_paths=shows_paths),
                "total": page.total,
                "entries": [card(listing, fitted, PREFIX) for fitted in page.entries],
            },
            tag,
        )

    def names(self, request: Request) -> Response:
        view = self._library.view
        tag = _tag(self._library.generation)
        names = dict.fromkeys(entry.name for entry in view if entry.state == "ok")
        return _unchanged(request, tag) or _json({"names": list(names)}, tag)

    def entry(self, request: Request, id: str) -> Response:  # noqa: A002 - the word of the API
        fitted = self._find(id)
        try:
            told = details(self._library.listing, fitted, PREFIX, shows_paths=is_local(request))
        except (OSError, EmbeddingError) as error:
            raise HTTPException(404, "this file is gone, or is being written") from error
        return _json(told)

    def preview(
        self,
        request: Request,
        id: str,  # noqa: A002 - the word of the API
        width: int = Query(USUAL_WIDTH, ge=NARROWEST, le=WIDEST),
    ) -> Response:
        picture = preview_of(self._find(id).entry)
        tag = _tag(picture, width)
        unchanged = _unchanged(request, tag)
        if unchanged:
            return unchanged
        data = self._thumbnails.get(picture, width) if picture else None
        if data is None:
            raise HTTPException(404, "there is no preview that can be shown")
        return Response(data, media_type="image/webp", headers=_caching(tag))

    async def events(self, request: Request) -> Response:
        return StreamingResponse(
            stream(self._library, request.is_disconnected),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def choose(self, request: Request, id: str) -> Response:  # noqa: A002 - likewise
        fitted = self._find(id)
        choices = await _choices(request)
        try:
            await run_in_threadpool(_choose, self._library, fitted, **choices)
        except SidecarError as error:
            raise HTTPException(409, str(error)) from error
        listing = self._library.listing
        return _json(card(listing, listing.find(id) or fitted, PREFIX))

    def rescan(self) -> Response:
        changes = self._library.rescan()
        counts = {kind: len(entries) for kind, entries in changes._asdict().items()}
        return _json({"generation": self._library.generation, **counts})

    def _find(self, id: str) -> FittedEntry:  # noqa: A002 - likewise
        fitted = self._library.find(id)
        if fitted is None:
            raise HTTPException(404, "there is no such file, or no longer")
        return fitted


def _choose(
    library: Library,
    fitted: FittedEntry,
    favourite: bool | None = None,
    use_partial: bool | None = None,
    box: Box | None = None,
) -> None:
    """Keep what the user chose, each thing in its place."""
    library.prefer(fitted.id, favourite=favourite, use_partial=use_partial)
    if box is not None:
        write_box(fitted.entry, box)
        library.rescan()


# Requests


def is_local(request: Request) -> bool:
    """Tell whether a request comes from this machine."""
    return request.client is not None and request.client.host in LOCAL


def refuse_other_origins(request: Request) -> None:
    """Refuse a write that a browser sends for another site's page."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise HTTPException(403, f"a page of {origin} may not change anything here")


def _one_of(parameter: str, value: str, allowed: Sequence[_T]) -> _T:
    for known in allowed:
        if value == known:
            return known
    raise HTTPException(422, f"{parameter}: expected {', '.join(allowed)}, found {value!r}")


def _several(parameter: str, values: str, allowed: Sequence[_T]) -> tuple[_T, ...]:
    return tuple(_one_of(parameter, value, allowed) for value in values.split(",") if value)


async def _choices(request: Request) -> dict[str, Any]:
    """Return what a PATCH asks for, checked."""
    try:
        body = await request.json()
    except ValueError as error:
        raise HTTPException(422, "expected a JSON object") from error
    kinds: dict[str, tuple[bool, ...] | tuple[str, ...]] = {
        "favourite": (True, False),
        "use_partial": (True, False),
        "box": BOXES,
    }
    if not isinstance(body, dict) or not body or not body.keys() <= kinds.keys():
        raise HTTPException(422, f"expected any of {', '.join(kinds)}")
    for key, value in body.items():
        if type(value) not in (bool, str) or value not in kinds[key]:
            raise HTTPException(422, f"{key}: expected {' or '.join(map(json.dumps, kinds[key]))}")
    return body


# Responses


def _tag(*parts: object) -> str:
    """Return a weak entity tag for everything a response depends on."""
    return f'W/"{hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()}"'


def _caching(tag: str) -> dict[str, str]:
    return {"ETag": tag, "Cache-Control": "private, no-cache"}


def _unchanged(request: Request, tag: str) -> Response | None:
    """Return the answer for a client that has the response already."""
    known = request.headers.get("if-none-match", "")
    if tag not in known:
        return None
    return Response(status_code=304, headers=_caching(tag))


def _json(content: dict[str, Any], tag: str | None = None) -> JSONResponse:
    return JSONResponse(content, headers=_caching(tag) if tag else None)
