"""The clients: on this machine or another, by which name of the server, from which page.

A site can make its own name lead to any address, even to this machine's. A browser then takes what
is here for a part of that site, whose pages may read and change it. So a server answers only to its
own names. A bare address is always its own: no site can make it lead elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from ipaddress import ip_address

from fastapi import HTTPException
from starlette.requests import HTTPConnection

from lib_embeddings.errors import shown

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
