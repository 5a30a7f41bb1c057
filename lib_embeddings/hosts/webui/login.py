"""Who may ask our routes: those whom the WebUI lets in."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from secrets import compare_digest
from typing import Any

from fastapi import HTTPException
from starlette.requests import HTTPConnection

from lib_embeddings.web.clients import Door

_COOKIES = ("access-token", "access-token-unsecure")
# What a WebUI is started with where others than this machine reach it, by names of their own.
_OPENINGS = ("listen", "server_name", "share", "ngrok", "subpath")


def door_of(app: Any, options: Any) -> Door:
    """Return what lets in whom the WebUI lets in.

    A WebUI checks no names. Where it is for this machine alone and asks for no login, a name that
    it was not given can only be a trick.

    Args:
        options: of the WebUI's command line.
    """
    passwords = passwords_of(getattr(options, "api_auth", None))
    is_open = any(getattr(options, opening, None) for opening in _OPENINGS)
    has_login = passwords or getattr(app, "auth", None) is not None
    return Door(
        given=(getattr(options, "cors_allow_origins", None) or "").split(","),
        own=None if is_open or has_login else (),
        remedy="start the WebUI with --cors-allow-origins=http://{}",
        login=login(app, passwords),
    )


def login(app: Any, passwords: Mapping[str, str]) -> Callable[[HTTPConnection], None]:
    """Return what refuses a request that the WebUI would refuse.

    Args:
        app: the application; gradio's has `auth` and `tokens`, and since its release 4 a
            `cookie_id`; others ask for no login.
        passwords: of the API's users, by name; empty where the API asks for no login.
    """
    accounts = getattr(app, "auth", None)
    ending = f"-{app.cookie_id}" if hasattr(app, "cookie_id") else ""
    cookies = [f"{cookie}{ending}" for cookie in _COOKIES]

    def check(request: HTTPConnection) -> None:
        if accounts is None and not passwords:
            return
        if accounts is not None and any(request.cookies.get(c) in app.tokens for c in cookies):
            return
        if passwords and _knows(passwords, request.headers.get("authorization", "")):
            return
        headers = {"WWW-Authenticate": "Basic"} if passwords else None
        raise HTTPException(401, "log in to the WebUI first", headers)

    return check


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
