"""Which clients are answered: the names of a server, and the pages that may write."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lib_embeddings.web.route import Door
from lib_embeddings.web.routes import add_routes
from tests.web import FACTS, HERE, Client, FastAPI, Site, open_site

OWN = "my-computer.local"
PROXY = "my.site"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Return a site that knows its own name, and was told another."""
    with open_site(tmp_path, monkeypatch) as site:
        yield site


def ask(site: Site, door: Door, headers: dict[str, str]) -> list[tuple[int, str]]:
    """Return the status of a read, a rename and a rescan, each with what is said about it."""
    app = FastAPI()
    add_routes(app, site.library, lambda: FACTS, door)
    client = Client(app, headers)
    id_ = site.add("cat.pt")
    responses = (
        client.get("/entries"),
        client.post(f"/entries/{id_}/rename", json={"name": "dog"}),
        client.post("/rescan"),
    )
    return [(each.status_code, each.json().get("detail", "")) for each in responses]


NAMES = {
    "localhost": True,
    "localhost:7868": True,
    "LOCALHOST": True,
    "127.0.0.1:7868": True,
    "192.168.1.5": True,
    "[::1]:7868": True,
    "[fe80::1]": True,
    "my-computer.local:7868": True,
    "My.Site:443": True,
    "evil.example": False,
    "evil.example:7868": False,
    "127.0.0.1.evil.example": False,
    "localhost.evil.example": False,
    "sub.my.site": False,
    "evil@localhost": False,
    "localhost@evil.example": False,
    "127.0.0.1:7868:evil.example": False,
    "::1": False,
    "[::1].evil.example": False,
    "[": False,
    "": False,
}


@pytest.mark.parametrize(("host", "is_own"), NAMES.items())
def test_the_names_of_a_server(site: Site, host: str, is_own: bool) -> None:
    """A name that leads here and is none of the server's own can neither read nor write."""
    door = Door([f"https://{PROXY}:443", ""], [OWN], remedy="allow {}")
    answers = ask(site, door, {"Host": host})
    if is_own:
        assert [status for status, _ in answers] == [200, 200, 200]
        return
    name = "evil.example" if host == "evil.example:7868" else host
    refusal = (403, f"{host!r} is not a name of this server: allow {name}")
    assert answers == [refusal] * 3
    assert site.names() == ["cat"]


def test_a_page_that_lies_about_its_name(site: Site) -> None:
    """A page may send what a proxy sends: the name that its browser knows decides."""
    asked = {"Host": "evil.example", "Origin": "http://evil.example"}
    lies = {"X-Forwarded-Host": "localhost", "X-Forwarded-For": HERE, "Forwarded": "host=localhost"}
    assert {status for status, _ in ask(site, Door(), {**asked, **lies})} == {403}


def test_an_encrypted_connection(site: Site) -> None:
    """Browsers say more over encrypted connections: these come through a proxy that has a key."""
    asked = {"Host": PROXY, "Origin": f"https://{PROXY}", "Sec-Fetch-Site": "same-origin"}
    assert {status for status, _ in ask(site, Door(), asked)} == {200}


def test_a_server_that_may_have_any_name(site: Site) -> None:
    """If the server is open to others, any host name is accepted."""
    assert {status for status, _ in ask(site, Door(own=None), {"Host": "their.name"})} == {200}


# Writing


@pytest.mark.parametrize("route", ["PATCH /entries/{id}", "POST /rescan"])
@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),
        ("http://localhost", True),
        ("https://localhost", True),
        ("http://evil.example", False),
        ("http://localhost.evil.example", False),
        ("http://localhost:8000", False),
        ("http://evil@localhost", False),
        ("null", False),
        ("", False),
        ("http://[", False),
        ("file://", False),
    ],
)
def test_only_the_own_page_writes(
    site: Site, route: str, origin: str | None, allowed: bool
) -> None:
    """A write that a browser sends for another page is refused; programs send no origin."""
    id_ = site.add("cat.pt")
    site.write("dog.pt")
    method, address = route.format(id=id_).split()
    headers = {} if origin is None else {"Origin": origin}
    response = site.client.request(method, address, json={"favourite": True}, headers=headers)
    assert response.status_code == (200 if allowed else 403)
    assert allowed or isinstance(response.json()["detail"], str)
    assert bool(site.library.catalogue.choices or len(site.library.view) == 2) is allowed


PROXIES = {
    # nginx as it comes: the name of the server behind it, and nothing else.
    "as it comes": {"Host": "127.0.0.1:7868"},
    "says its name": {"Host": "127.0.0.1:7868", "X-Forwarded-Host": PROXY},
    "says its name and port": {"Host": "127.0.0.1:7868", "X-Forwarded-Host": f"{PROXY}:8443"},
    "behind another": {"Host": "127.0.0.1:7868", "X-Forwarded-Host": f"{PROXY}:8443, 10.0.0.1"},
    "passes the name on": {"Host": f"{PROXY}:8443"},
}


@pytest.mark.parametrize("proxy", PROXIES)
@pytest.mark.parametrize("is_told", [True, False])
def test_a_proxy(site: Site, proxy: str, is_told: bool) -> None:
    """Behind a proxy the page works: the proxy says its name, or somebody told it to the server."""
    headers = {**PROXIES[proxy], "Origin": f"https://{PROXY}:8443"}
    answers = ask(site, Door([PROXY] if is_told else [], remedy="allow {}"), headers)
    if is_told or proxy not in {"as it comes", "passes the name on"}:
        assert [status for status, _ in answers] == [200, 200, 200]
    elif proxy == "as it comes":
        why = (
            "a page from https://my.site:8443 may not change anything here; "
            "if it is this server's own page behind a proxy: allow my.site"
        )
        assert answers == [(200, ""), (403, why), (403, why)]
    else:
        assert {status for status, _ in answers} == {403}


@pytest.mark.parametrize("origin", ["http://other.example", "null", ""])
@pytest.mark.parametrize("forwarded", [PROXY, ", ,", "null"])
def test_a_proxy_of_another_name(site: Site, origin: str, forwarded: str) -> None:
    """A proxy lets in its own pages only."""
    headers = {"Host": "localhost", "Origin": origin, "X-Forwarded-Host": forwarded}
    if origin != forwarded:
        assert ask(site, Door(), headers)[2][0] == 403
