"""What every route is made of: its record, its responses, and its refusals."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple, Protocol

from fastapi import HTTPException, Request, Response

from lib_embeddings.errors import (
    BadName,
    BadPicture,
    MoveError,
    PictureError,
    SourceError,
    WriteError,
)
from lib_embeddings.views.catalogue import Catalogue
from lib_embeddings.views.lens import ViewEntry
from lib_embeddings.web.job import TooMany

# Who may use a route: all who may read, who may choose, who may change files, and who may also let
# this server ask sites.
Permission = Literal["read", "write", "change_files", "ask_sites"]


class Route(NamedTuple):
    """One route of the API: its method and path, what answers, and who may use it."""

    method: str
    path: str
    endpoint: Callable[..., Any]
    permission: Permission = "read"


class Routes(Protocol):
    """The routes of one subject. Each is given what it needs when it is made."""

    def all(self) -> Iterable[Route]:
        """Return them, in the order in which they are tried."""


# Responses, and the entity tags by which clients know what they have already


def as_json(content: Mapping[str, Any], tag: str | None = None) -> Response:
    """Return *content* as ASCII: text from files and prompts may hold what UTF-8 cannot."""
    headers = caching(tag) if tag else None
    return Response(json.dumps(content), media_type="application/json", headers=headers)


def as_picture(
    data: bytes | None, headers: Mapping[str, str], media_type: str = "image/webp"
) -> Response:
    """Return a picture. Refuse with 404 where there is none."""
    if data is None:
        raise HTTPException(404, "there is no picture, or it cannot be shown")
    return Response(data, media_type=media_type, headers=headers)


def tag_of(*parts: object) -> str:
    """Return a weak entity tag for everything that a response depends on."""
    written = repr(parts).encode("utf-8", "surrogatepass")
    return f'W/"{hashlib.blake2b(written, digest_size=12).hexdigest()}"'


def caching(tag: str) -> dict[str, str]:
    """Return the headers of a response that a client may keep if it asks again each time."""
    return {"ETag": tag, "Cache-Control": "private, no-cache"}


def unchanged(request: Request, tag: str) -> Response | None:
    """Return the response for a client that already has the answer; None for others."""
    known = request.headers.get("if-none-match", "")
    if tag not in known:
        return None
    return Response(status_code=304, headers=caching(tag))


def as_json_once(request: Request, content: Mapping[str, Any]) -> Response:
    """Return *content* as JSON, unless the client already has it."""
    tag = tag_of(content)
    return unchanged(request, tag) or as_json(content, tag)


# Refusals

# The errors whose sentence clients read, with the status of each. The first that fits counts.
_STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (BadName, 422),
    (BadPicture, 422),
    (PictureError, 422),
    (MoveError, 409),
    (WriteError, 409),
    (TooMany, 429),
    (SourceError, 502),
)


@contextmanager
def refusing() -> Iterator[None]:
    """Tell clients why something could not be done."""
    try:
        yield
    except OSError as error:
        raise HTTPException(
            409, f"the file could not be written: {error.strerror or error}"
        ) from error
    except tuple(kind for kind, _ in _STATUSES) as error:
        status = next(status for kind, status in _STATUSES if isinstance(error, kind))
        raise HTTPException(status, str(error)) from error


def find_entry(catalogue: Catalogue, id_: str) -> ViewEntry:
    """Return the entry with an id. Refuse with 404 where there is none.

    What shows it must ask the same catalogue: the next one may not know it.
    """
    seen = catalogue.find(id_)
    if seen is None:
        raise HTTPException(404, "there is no such file, or it is gone")
    return seen
