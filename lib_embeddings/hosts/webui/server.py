"""Our routes in the WebUI's server, behind the WebUI's logins."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from secrets import compare_digest
from typing import Any

from fastapi import HTTPException, Request

from lib_embeddings.hosts.webui.extension import Undo
from lib_embeddings.library.library import Library
from lib_embeddings.library.reports import PromptReports
from lib_embeddings.web.answers import HostFacts
from lib_embeddings.web.events import Unpacked
from lib_embeddings.web.requests import is_local
from lib_embeddings.web.routes import PREFIX, Access, add_routes

_COOKIES = ("access-token", "access-token-unsecure")


def serve(
    app: Any,
    library: Library,
    reports: PromptReports,
    facts: Callable[[], HostFacts],
    access: Access,
) -> Undo:
    """Let the WebUI's application answer the page and other programs, until undone."""
    before = list(app.router.routes)
    add_routes(app, library, facts, access, reports)
    ours = [route for route in app.router.routes if route not in before]

    def remove() -> None:
        app.router.routes[:] = [route for route in app.router.routes if route not in ours]

    return remove


def unpack_events(app: Any) -> Undo:
    """Put ourselves before what packs the WebUI's answers, until undone."""
    app.middleware_stack = None  # made again at the next request; until then one may be added
    app.add_middleware(Unpacked, path=f"{PREFIX}/events")
    added = app.user_middleware[0]

    def remove() -> None:
        app.user_middleware.remove(added)
        app.middleware_stack = None

    return remove


def access_to(app: Any, passwords: Mapping[str, str], opens_files: Callable[[], bool]) -> Access:
    """Return who may do what: nobody whom the WebUI would refuse.

    Args:
        app: the application; gradio's has `auth` and `tokens`, others ask for no login.
        passwords: of the API's users, by name; empty where the API asks for no login.
        opens_files: tells whether other machines may change files without a login.
    """
    accounts = getattr(app, "auth", None)

    def read(request: Request) -> None:
        if accounts is None and not passwords:
            return
        if accounts is not None and any(request.cookies.get(c) in app.tokens for c in _COOKIES):
            return
        if passwords and _knows(passwords, request.headers.get("authorization", "")):
            return
        headers = {"WWW-Authenticate": "Basic"} if passwords else None
        raise HTTPException(401, "log in to the WebUI first", headers)

    def change_files(request: Request) -> None:
        if accounts is None and not passwords and not is_local(request) and not opens_files():
            raise HTTPException(
                403,
                "other machines may not change files here: start the WebUI with --gradio-auth, or "
                "allow it in Settings, Textual Inversion",
            )

    return Access(read, change_files)


def passwords_of(text: str | None) -> dict[str, str]:
    """Return the API's users and passwords as the command line names them: `user:password,…`."""
    pairs = [pair.partition(":") for pair in (text or "").split(",")]
    return {user: password for user, colon, password in pairs if colon}


def _knows(passwords: Mapping[str, str], authorization: str) -> bool:
    kind, _, encoded = authorization.partition(" ")
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return False
    expected = passwords.get(user)
    return (
        kind.lower() == "basic"
        and expected is not None
        and compare_digest(password.encode(), expected.encode())
    )
