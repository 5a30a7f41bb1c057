"""Our routes in the WebUI's server, behind the WebUI's logins."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from secrets import compare_digest
from typing import Any

from fastapi import HTTPException
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection

from lib_embeddings.hosts.webui.extension import Undo
from lib_embeddings.library.library import Library
from lib_embeddings.library.reports import PromptReports
from lib_embeddings.web.answers import HostFacts
from lib_embeddings.web.painting import Studio
from lib_embeddings.web.route import Door, is_local
from lib_embeddings.web.routes import PREFIX, add_routes
from lib_embeddings.web.tab import Unpacked

# The options for users and passwords of the API; SD.Next uses those of its page.
_LOGINS = ("api_auth", "auth")
_COOKIES = ("access-token", "access-token-unsecure")
# The options that let other machines reach a WebUI, by other names.
_OPENINGS = ("listen", "server_name", "share", "ngrok", "subpath")


def serve(  # noqa: PLR0913, PLR0917 - what routes need
    app: Any,
    library: Library,
    reports: PromptReports,
    facts: Callable[[], HostFacts],
    door: Door,
    studio: Studio | None = None,
) -> Undo:
    """Let the WebUI's application answer the page and other programs, until undone."""
    before = list(app.router.routes)
    add_routes(app, library, facts, door, reports, studio=studio)
    ours = [route for route in app.router.routes if route not in before]

    def remove() -> None:
        app.router.routes[:] = [route for route in app.router.routes if route not in ours]

    return remove


def unpack_events(app: Any) -> Undo:
    """Put ourselves before what compresses the WebUI's answers, until undone."""
    # Not with `add_middleware`, which fails if a request comes just then.
    added = Middleware(Unpacked, path=f"{PREFIX}/events")
    app.user_middleware.insert(0, added)
    app.middleware_stack = None  # built again at the next request

    def remove() -> None:
        app.user_middleware.remove(added)
        app.middleware_stack = None

    return remove


def door_of(app: Any, options: Any, opens_files: Callable[[], bool]) -> Door:
    """Return the door that lets in whom the WebUI lets in.

    A WebUI checks no names. Where it serves this machine alone and asks for no login, a name that
    it was not given can only be an attack.

    Args:
        app: the application; gradio's has `auth` and `tokens`, and since its release 4 a
            `cookie_id`; others ask for no login.
        options: of the WebUI's command line.
        opens_files: tells whether other machines may change files without a login.
    """
    accounts = getattr(app, "auth", None)
    passwords = _passwords_of(",".join(getattr(options, name, None) or "" for name in _LOGINS))
    # SD.Next has other words.
    origins = "cors_origins" if hasattr(options, "cors_origins") else "cors_allow_origins"
    auth = "--auth" if hasattr(options, "auth") else "--gradio-auth"
    has_login = accounts is not None or bool(passwords)
    is_open = any(getattr(options, opening, None) for opening in _OPENINGS)
    ending = f"-{app.cookie_id}" if hasattr(app, "cookie_id") else ""
    cookies = [f"{cookie}{ending}" for cookie in _COOKIES]

    def login(request: HTTPConnection) -> None:
        if not has_login:
            return
        tokens = (request.cookies.get(cookie) for cookie in cookies)
        if accounts is not None and any(token in app.tokens for token in tokens):
            return
        if passwords and _knows(passwords, request.headers.get("authorization", "")):
            return
        headers = {"WWW-Authenticate": "Basic"} if passwords else None
        raise HTTPException(401, "log in to the WebUI first", headers)

    def check_may_change_files(request: HTTPConnection) -> None:
        if not (has_login or is_local(request) or opens_files()):
            raise HTTPException(
                403,
                f"other machines may not change files here: start the WebUI with {auth}, or "
                "allow it in Settings, Textual Inversion",
            )

    return Door(
        given=(getattr(options, origins, None) or "").split(","),
        own=None if is_open or has_login else (),
        remedy=f"start the WebUI with --{origins.replace('_', '-')}=http://{{}}",
        login=login,
        check_may_change_files=check_may_change_files,
    )


def _passwords_of(text: str) -> dict[str, str]:
    """Return the API's users and passwords as the command line names them: `user:password,…`."""
    pairs = [pair.partition(":") for pair in text.split(",")]
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
