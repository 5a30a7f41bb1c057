"""The tab in a page that someone else renders: its place and its tags."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from starlette.types import Message, Receive, Scope, Send

from lib_embeddings.web import tab as tab_module
from lib_embeddings.web.tab import HeadTags, head_tags, mount_point, pane
from tests.web import TestClient, open_site

TAGS = b"<link>"
PAGE = b"<html><head><title>t</title></head><body></head></body></html>"
MARKED = b"<html><head><title>t</title><link></head><body></head></body></html>"


class Page:
    """An application that answers every request with some chunks, and remembers the headers."""

    def __init__(self, chunks: Sequence[bytes] = (PAGE,), status: int = 200) -> None:
        self._chunks = chunks
        self._status = status
        self.asked: dict[bytes, bytes] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        self.asked = dict(scope["headers"])
        length = str(sum(map(len, self._chunks))).encode()
        headers = [(b"content-type", b"text/html"), (b"content-length", length)]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        for left, chunk in enumerate(self._chunks, 1 - len(self._chunks)):
            await send({"type": "http.response.body", "body": chunk, "more_body": left < 0})


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        pytest.param([PAGE], MARKED, id="whole"),
        pytest.param([PAGE[:30], PAGE[30:]], MARKED, id="cut inside of the tag"),
        pytest.param([PAGE[i : i + 1] for i in range(len(PAGE))], MARKED, id="byte by byte"),
        pytest.param([PAGE, b""], MARKED, id="empty end"),
        pytest.param([b"no head"], b"no head", id="no head"),
        pytest.param([b""], b"", id="empty"),
    ],
)
def test_the_tags_come_once(chunks: list[bytes], expected: bytes) -> None:
    """Tags stand before the first end of a head, however the page is cut; its length is right."""
    response = TestClient(HeadTags(Page(chunks), "/", TAGS)).get("/")
    assert response.content == expected
    assert response.headers["content-length"] == str(len(expected))


@pytest.mark.parametrize("path", ["/index", "/x/", "//"])
def test_other_pages_are_left_alone(path: str) -> None:
    """Only the one page is changed; others pass as they are, packed or not."""
    page = Page()
    asgi_path = TestClient(HeadTags(page, "/", TAGS)).get(f"http://testserver{path}")
    assert asgi_path.content == PAGE
    assert b"accept-encoding" in page.asked


def test_the_page_is_asked_for_unpacked() -> None:
    """A packed page could not be read, so none is asked for; other headers stay."""
    page = Page()
    TestClient(HeadTags(page, "/", TAGS)).get("/", headers={"Accept-Encoding": "gzip", "X-A": "b"})
    assert b"accept-encoding" not in page.asked
    assert page.asked[b"x-a"] == b"b"


def test_other_messages_pass() -> None:
    """Messages of a server's extensions are sent on, and do not end the page."""
    sent: list[Message] = []

    async def application(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.debug", "info": {}})
        await Page()({"headers": []}, _receive, send)

    async def receive() -> Message:
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "path": "/", "headers": []}
    asyncio.run(HeadTags(application, "/", TAGS)(scope, receive, send))
    assert [message["type"].rpartition(".")[2] for message in sent] == ["debug", "start", "body"]
    assert sent[-1]["body"] == MARKED


def test_a_status_is_kept() -> None:
    """An answer that is no page keeps its status."""
    assert TestClient(HeadTags(Page([b"no"], 401), "/", TAGS)).get("/").status_code == 401


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
def test_other_protocols_pass(kind: str) -> None:
    """Other protocols than HTTP reach the application unchanged."""
    seen: list[tuple[Scope, Receive, Send]] = []

    async def application(*connection: object) -> None:
        seen.append(connection)

    async def never() -> None:
        raise AssertionError

    scope = {"type": kind, "path": "/", "headers": [(b"accept-encoding", b"gzip")]}
    asyncio.run(HeadTags(application, "/", TAGS)(scope, never, never))
    assert seen == [(scope, never, never)]


def test_the_place_of_the_tab() -> None:
    """It names the tab with the prompt fields; no name can leave its quotes."""
    place = mount_point("txt2img", '"><script>')
    assert place == (
        '<div class="lib-embeddings" data-tabname="txt2img" '
        'data-page="&quot;&gt;&lt;script&gt;"></div>'
    )


def test_the_pane_of_a_webui() -> None:
    """A WebUI finds a pane, a search field and a place for cards, by the page's name."""
    shown = pane("img2img", "textual_inversion")
    for end in ("pane", "extra_search", "cards"):
        assert shown.count(f'id="img2img_textual_inversion_{end}"') == 1
    assert mount_point("img2img", "textual_inversion") in shown


def test_our_scripts_in_one_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are those beside the one that loads them, and come only once to who keeps them."""
    folder = Path(__file__).parents[2] / "javascript"
    modules = sorted((folder / "textual_inversion").rglob("*.mjs"))
    expected = {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in modules}
    with open_site(tmp_path, monkeypatch) as site:
        answer = site.client.get("/scripts")
        assert answer.json() == expected
        known = {"If-None-Match": answer.headers["etag"]}
        assert site.client.get("/scripts", headers=known).status_code == 304


def test_head_tags() -> None:
    """The tags load style and script from below the prefix."""
    tags = head_tags("/prefix").decode()
    assert re.fullmatch(
        r'<link rel="stylesheet" href="/prefix/style\.css\?(\d+)">'
        r'<script type="module" src="/prefix/javascript/textual_inversion\.mjs\?\1"></script>',
        tags,
    )


@pytest.mark.parametrize("place", [".", "lib_embeddings/assets"], ids=["repository", "wheel"])
def test_addresses_change_with_the_files(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An edit of any module is an address that no browser knows yet."""
    helper = tmp_path / place / "javascript" / "textual_inversion" / "cards.mjs"
    script = helper.parents[1] / "textual_inversion.mjs"
    helper.parent.mkdir(parents=True)
    for file in (tmp_path / place / "style.css", script, helper):
        file.write_text("")
    monkeypatch.setattr(tab_module, "PACKAGE", tmp_path / "lib_embeddings")
    before = head_tags("")
    assert head_tags("") == before
    newer = max(file.stat().st_mtime for file in tmp_path.rglob("*")) + 1
    os.utime(helper, (newer, newer))
    assert head_tags("") != before
