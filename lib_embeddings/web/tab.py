"""The tab in a page that someone else renders: the place it grows in, its script and its style.

A WebUI puts every extension's files into the head of its page. Where there is no WebUI, the
middleware here does the same. `javascript/` does the rest.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TITLE = "Textual Inversion"
PACKAGE = Path(__file__).parents[1]


def mount_point(tabname: str, page: str = "") -> str:
    """Return the element that the tab grows in.

    Args:
        tabname: the tab whose prompt fields are `{tabname}_prompt` and `{tabname}_neg_prompt`.
        page: the WebUI's name of the page around it; empty without a WebUI.
    """
    return (
        f'<div class="lib-embeddings" data-tabname="{escape(tabname)}" '
        f'data-page="{escape(page)}"></div>'
    )


def pane(tabname: str, page: str) -> str:
    """Return the tab as a WebUI's page shows it, with the ids that others look for.

    The WebUI's script waits until every page has a search field. It then sorts and filters the
    cards of each page that also has buttons to refresh it and to reverse its order. This one has
    the field only.
    """
    place = escape(f"{tabname}_{page}")
    return (
        f'<div id="{place}_pane" class="extra-network-pane">'
        f'<input id="{place}_extra_search" type="search" hidden>'
        f'<div id="{place}_cards">{mount_point(tabname, page)}</div>'
        "</div>"
    )


# Script and style


def assets() -> Path:
    """Return the folder with `style.css`, `javascript/` and `localizations/`.

    A wheel has them inside the package. In a copy of the repository they lie beside the package,
    where the WebUIs look for them.
    """
    packed = PACKAGE / "assets"
    return packed if packed.is_dir() else PACKAGE.parent


def scripts() -> dict[str, str]:
    """Return the source of all that our script imports, by paths relative to it."""
    folder = assets() / "javascript"
    modules = sorted(folder.glob("*/**/*.mjs"))
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in modules}


def head_tags(prefix: str) -> bytes:
    """Return the tags that load our style and script from below *prefix*.

    The addresses contain the time of the files, so that a browser does not show an old tab.
    """
    style, script = assets() / "style.css", assets() / "javascript" / "textual_inversion.mjs"
    newest = max(path.stat().st_mtime_ns for path in (style, *script.parent.rglob("*.mjs")))
    return (
        f'<link rel="stylesheet" href="{prefix}/style.css?{newest}">'
        f'<script type="module" src="{prefix}/javascript/textual_inversion.mjs?{newest}"></script>'
    ).encode()


class HeadTags:
    """Put *tags* before the end of the head of one page."""

    def __init__(self, app: ASGIApp, path: str, tags: bytes) -> None:
        self._app = app
        self._path = path
        self._tags = tags

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != self._path:
            await self._app(scope, receive, send)
            return
        # A compressed page could not be read here.
        headers = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        await self._app({**scope, "headers": headers}, receive, _Completed(send, self._tags))


class _Completed:
    """Collect a response, complete its head, and send it on."""

    def __init__(self, send: Send, tags: bytes) -> None:
        self._send = send
        self._tags = tags
        self._start: Message = {}
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        if message["type"] != "http.response.body":
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        body = self._body.replace(b"</head>", self._tags + b"</head>", 1)
        MutableHeaders(raw=self._start["headers"])["content-length"] = str(len(body))
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": body})


class Unpacked:
    """Let an application answer at one address without compression.

    Compression would hold back events, which are small, until there are enough of them.
    """

    def __init__(self, app: ASGIApp, path: str) -> None:
        self._app = app
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == self._path:
            kept = [header for header in scope["headers"] if header[0] != b"accept-encoding"]
            scope = {**scope, "headers": kept}
        await self._app(scope, receive, send)
