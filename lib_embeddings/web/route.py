"""What every route is made of: its record, who may ask it, its responses, and its refusals.

A client is on this machine or another. A site can make its own name lead to any address, even to
this machine's. A browser then takes what is here for a part of that site, whose pages may read and
change it. So a server answers only to its own names. A bare address is always its own: no site can
make it lead elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any, Literal, NamedTuple, Protocol

from fastapi import HTTPException, Request, Response
from starlette.requests import HTTPConnection

from lib_embeddings.errors import (
    BadName,
    BadPicture,
    MoveError,
    PictureError,
    SourceError,
    WriteError,
    shown,
)
from lib_embeddings.views.catalogue import Catalogue
from lib_embeddings.views.lens import ViewEntry
from lib_embeddings.web.job import TooMany

_LOCAL_CLIENTS = ("127.0.0.1", "::1")
# Names that only this machine uses for itself. A tunnel or proxy on this machine makes strangers
# look like local clients, but they use another name.
_LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[^\s:/@\[\]]+)(?::\d+)?", re.IGNORECASE)


def allow(_request: HTTPConnection) -> None:
    """Let everybody in."""


class Door:
    """Lets in who may read, who may write, and who may change files."""

    def __init__(
        self,
        given: Iterable[str] = (),
        own: Iterable[str] | None = (),
        *,
        remedy: str = "",
        login: Callable[[HTTPConnection], object] = allow,
        check_may_change_files: Callable[[HTTPConnection], object] = allow,
    ) -> None:
        """Take the names of the server.

        Args:
            given: those that somebody gave it, such as the name of a proxy in front of it. Each may
                be a complete address.
            own: those that it has by itself, besides addresses and `localhost`; None if any name
                will do.
            remedy: what to do about a refused name; `{}` stands for the name.
            login: raises `HTTPException` for a request that may not read.
            check_may_change_files: likewise, for one that may read and choose, but change no files.
        """
        self._given = set(map(_name_of_page, given)) - {""}
        self._own = None if own is None else {"localhost", *map(str.lower, own), *self._given}
        self._remedy = remedy
        self._login = login
        self.check_may_change_files = check_may_change_files

    def admit(self, request: HTTPConnection) -> None:
        """Let in a request from a client that is logged in and uses a name of this server.

        Raises:
            HTTPException: it is another.
        """
        self._check_name(request)
        self._login(request)

    def admit_write(self, request: HTTPConnection) -> None:
        """Let in a write, unless a browser sends it for a page of another site.

        Raises:
            HTTPException: it does.
        """
        origin = request.headers.get("origin")
        if origin is None:
            return
        page, name = origin.partition("://")[2], _name_of_page(origin)
        is_forwarded = not {page, name}.isdisjoint(_forwarded_names(request))
        if page == request.headers.get("host") or is_forwarded or name in self._given:
            return
        raise HTTPException(
            403,
            f"a page from {shown(origin)} may not change anything here; if it is this server's "
            f"own page behind a proxy: {self._advice(name)}",
        )

    def may_change_files(self, request: HTTPConnection) -> bool:
        """Return whether this client may change files."""
        try:
            self.check_may_change_files(request)
        except HTTPException:
            return False
        return True

    def _check_name(self, request: HTTPConnection) -> None:
        asked = request.headers.get("host", "")
        name = _name_in(asked)
        # Browsers send this for encrypted connections and for this machine's own names only, and
        # let no page set it. No site has a key for what answers here, unless it is a proxy's.
        is_encrypted = "sec-fetch-site" in request.headers
        if self._own is None or name in self._own or _is_address(name) or is_encrypted:
            return
        raise HTTPException(
            403, f"{shown(asked)!r} is not a name of this server: {self._advice(name or asked)}"
        )

    def _advice(self, name: str) -> str:
        return self._remedy.format(shown(name))


def is_local(request: HTTPConnection) -> bool:
    """Return whether a request comes from this machine, and may learn where its files are."""
    names = {request.headers.get("host", ""), *_forwarded_names(request)}
    client = request.client.host if request.client else None
    return client in _LOCAL_CLIENTS and {_name_in(name) for name in names} <= set(_LOCAL_NAMES)


def _forwarded_names(request: HTTPConnection) -> set[str]:
    """Return the names by which browsers asked the proxies in front of us.

    No page of another site can lie here: a browser would first ask us whether it may send such a
        header, and we do not allow it.
    """
    names = request.headers.get("x-forwarded-host", "").split(",")
    return {name.strip() for name in names} - {""}


def _name_of_page(address: str) -> str:
    """Return the name of the server that a page comes from; an empty text where there is none."""
    return _name_in(address.rpartition("://")[2])


def _name_in(authority: str) -> str:
    """Return the name in `name:port`, in lower case; an empty text where there is none."""
    match = _AUTHORITY.fullmatch(authority)
    return match[1].lower() if match else ""


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


# Routes

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
