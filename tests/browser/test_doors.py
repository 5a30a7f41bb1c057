"""The page behind proxies, and a page of a site that lets its name lead here."""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from socket import create_connection, socket

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import CHROMIUM, SD1, SDXL, Visit, running, write
from tests.browser.tab import Tab

SUBPATH = "/some/path"


class Proxy(socketserver.BaseRequestHandler):
    """What stands between a browser and the app, one connection for each request.

    It takes the sub-path off, and names the app as nginx does: by the app's own address.
    """

    def __init__(self, app: int, header: str, *rest: object) -> None:
        self.app = app
        self.header = header
        super().__init__(*rest)

    def handle(self) -> None:
        asked = b""
        while b"\r\n\r\n" not in asked:
            piece = self.request.recv(65536)
            if not piece:
                return
            asked += piece
        head, _, body = asked.decode("latin-1").partition("\r\n\r\n")
        own = f"Host: 127.0.0.1:{self.app}\r\nConnection: close{self.header}"
        head = re.sub(r"\r\n(Host|Connection): [^\r]*", "", head) + f"\r\n{own}"
        if f" {SUBPATH}/" in head:
            self.pass_on(f"{head.replace(SUBPATH, '', 1)}\r\n\r\n{body}".encode("latin-1"))
        else:
            self.request.sendall(b"HTTP/1.1 404 no\r\nContent-Length: 0\r\n\r\n")

    def pass_on(self, request: bytes) -> None:
        with create_connection(("127.0.0.1", self.app)) as app:
            app.sendall(request)
            more = threading.Thread(target=self.copy, args=(self.request, app), daemon=True)
            more.start()
            self.copy(app, self.request)

    @staticmethod
    def copy(source: socket, target: socket) -> None:
        try:
            while piece := source.recv(65536):
                target.sendall(piece)
        except OSError:
            return  # one of them has left


@contextmanager
def proxied(app: str, header: str = "") -> Iterator[str]:
    """Yield the address of the page behind a proxy, which sends a header of its own."""
    port = int(app.rstrip("/").rpartition(":")[2])
    handler = partial(Proxy, port, f"\r\n{header}" if header else "")
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}{SUBPATH}/"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of an app that knows two embeddings and no other name."""
    folder, home = tmp_path_factory.mktemp("embeddings"), tmp_path_factory.mktemp("home")
    write(folder, "cat", SD1)
    write(folder, "dog", SDXL)
    with running("lib_embeddings", "serve", folder, "--port", 0, home=home) as address:
        yield address


@pytest.fixture
def page(visit: Visit) -> Page:
    return visit()


def test_below_a_path(app: str, page: Page) -> None:
    """Behind a proxy that serves the app below a path, cards, reports and models work."""
    asked: list[str] = []
    with proxied(app, "X-Forwarded-Host: 127.0.0.1") as address:
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        tab = Tab(page)
        expect(tab.total).to_have_text(
            "2 embeddings: 1 for SD 1.x, 1 for SDXL; choose a model to see what fits"
        )
        tab.prompt.fill("a cat")
        advice = "made for SD 1.x (clip_l 768); choose a model to see whether it fits"
        expect(tab.notices.nth(1)).to_have_text(f"cat 2 vectors; {advice}")
        tab.use_model("SD 1.x")
        expect(tab.total).to_have_text("1 embedding")
    ours = [url for url in asked if "lib-embeddings" in url]
    assert len(ours) > 10
    assert all(url.startswith(address) for url in ours)


def test_a_proxy_that_does_not_say_its_name(app: str, page: Page) -> None:
    """Where the page may not ask or change anything, it says why and what to do."""
    with proxied(app) as address:
        page.goto(address)
        tab = Tab(page)
        origin = address.removesuffix(f"{SUBPATH}/")
        why = f"a page from {origin} may not change anything here"
        expect(tab.cards.first).to_be_visible()
        tab.prompt.fill("a cat")
        expect(tab.notices).to_contain_text([f"This prompt is not checked: {why}"])
        expect(tab.notices).to_contain_text(["start it with --allow-host 127.0.0.1"])
        tab.press(tab.names()[0], "star")
        expect(tab.status).to_contain_text(why)


def test_a_proxy_that_the_app_was_told_of(
    page: Page, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """With its name given, a proxy that says nothing is as good as one that does."""
    write(tmp_path, "cat", SD1)
    home = tmp_path_factory.mktemp("home")
    command = ("lib_embeddings", "serve", tmp_path, "--port", 0, "--allow-host", "127.0.0.1")
    with running(*command, home=home) as app, proxied(app) as address:
        page.goto(address)
        tab = Tab(page)
        tab.press("cat", "star")
        expect(tab.root.locator(".chip", has_text="Favourites 1")).to_be_visible()


ATTACK = """async () => {
  const ask = async (path, method, headers = {}) =>
    (await fetch(`/lib-embeddings/v1${path}`, { method, headers })).status;
  const lies = { "X-Forwarded-Host": "localhost", "X-Forwarded-For": "127.0.0.1" };
  return [
    await ask("/entries", "GET"), await ask("/entries", "GET", lies),
    await ask("/rescan", "POST"), await ask("/rescan", "POST", lies),
  ];
}"""


def test_a_site_that_lets_its_name_lead_here(app: str, browser: Browser) -> None:
    """Its pages are refused, and can neither read nor write."""
    rules = "--host-resolver-rules=MAP evil.example 127.0.0.1"
    led_astray = browser.browser_type.launch(executable_path=CHROMIUM, args=["--no-sandbox", rules])
    page = led_astray.new_page()
    page.goto(app.replace("127.0.0.1", "evil.example"))
    expect(page.locator("body")).to_contain_text("is not a name of this server")
    assert page.evaluate(ATTACK) == [403] * 4
    led_astray.close()


@pytest.mark.parametrize(
    ("refused", "loaded"),
    [("", []), ("**/v1/scripts", ["mount"]), ("blob:", ["mount"])],
    ids=["in one answer", "where the server has none", "where the page allows no such address"],
)
def test_our_scripts_come_in_one_answer(
    visit: Visit, address: str, refused: str, loaded: list[str]
) -> None:
    """Over a slow link each of many would take its time; where one answer cannot be, they do."""
    page = visit()
    modules: list[str] = []
    page.on("request", lambda request: modules.extend(re.findall(r"(\w+)\.mjs", request.url)))
    if refused == "blob:":
        page.route(address, allow_no_blobs)
    elif refused:
        page.route(refused, lambda route: route.fulfill(status=404))
    page.goto(address)
    Tab(page).cards.first.wait_for()
    assert modules[:2] == ["textual_inversion", *loaded]
    assert (len(modules) > len(loaded) + 1) == bool(loaded)


def allow_no_blobs(route: Route) -> None:
    """Answer with the page, and let it run scripts of the server only."""
    response = route.fetch()
    rule = "script-src 'self' 'unsafe-inline' 'unsafe-eval'"
    route.fulfill(response=response, headers={**response.headers, "content-security-policy": rule})


def test_a_host_that_loads_our_script_twice_has_one_tab(tab: Tab) -> None:
    """Whatever it puts behind the address: nothing is asked and nothing is shown twice."""
    module = tab.page.locator('script[src*="textual_inversion.mjs"]')
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url.partition("?")[0]))
    address = module.evaluate("script => script.src")
    tab.page.add_script_tag(url=f"{address}0", type="module")
    tab.prompt.fill("marc_allante")
    expect(tab.notices).to_have_count(2)
    assert [url for url in asked if url.endswith(("scripts", "host"))] == []
