"""Asking sites that lie."""

from __future__ import annotations

import itertools
import logging
import threading
from dataclasses import replace

import pytest

from lib_embeddings.errors import NotFound, SourceError, Unreachable
from lib_embeddings.limits import LIMITS
from lib_embeddings.sources.source import ANYWHERE, Site
from lib_embeddings.sources.transport import Transport
from tests.sources.conftest import Start
from tests.sources.fakes import PAGE, Asked, FakeSite, Names, Proxy, Reply, as_json, redirect

KEY = "s3cret-key"
SECONDS = 30.0


def mirror(site: FakeSite) -> Site:
    """Return a fake as a person's own mirror."""
    return Site("", "Fake", (site.url,), token=KEY, is_mirror=True)


def fetch(transport: Transport, site: Site, url: str) -> bytes:
    """Return the body of what is answered."""
    with transport.ask(site, url, SECONDS) as answer:
        assert answer.status == 200
        return b"".join(answer.blocks())


def test_a_request(start: Start[FakeSite]) -> None:
    """A site gets what it needs, and nothing that calls itself a browser or remembers."""
    site = start(FakeSite(lambda _: as_json({"a": 1}, Set_Cookie="id=1")))
    transport = Transport()
    for _ in range(2):
        document, headers = transport.document(mirror(site), site.url + "/x", {"q": "a b"})
        assert document == {"a": 1}
        assert headers["content-type"] == "application/json"
    for asked in site.asked:
        assert (asked.method, asked.path, asked.query) == ("GET", "/x", {"q": "a b"})
        assert asked.headers == {
            "host": f"127.0.0.1:{site.port}",
            "accept-encoding": "identity",
            "user-agent": "lib-embeddings/0.1.0",
            "accept": "application/json",
            "authorization": f"Bearer {KEY}",
        }


def test_json_is_sent(start: Start[FakeSite]) -> None:
    """JSON is sent, and not sent on to another address."""
    site = start(FakeSite(lambda _: as_json([])))
    Transport().document(mirror(site), site.url + "/x", send=["a"])
    (asked,) = site.asked
    assert (asked.method, asked.body) == ("POST", b'["a"]')
    assert asked.headers["content-type"] == "application/json"
    site.answer = lambda _: redirect("/y", 307)
    with pytest.raises(SourceError, match="answered 307"):
        Transport().document(mirror(site), site.url + "/x", send=["a"])
    assert site.paths == ["/x", "/x"]


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (PAGE, "expected JSON from Fake, found a web page"),
        (Reply(200, b"{"), "expected JSON from Fake, found something else"),
        (Reply(200, b"[" * 100_000), "expected JSON from Fake, found something else"),
        (Reply(200, b"\xff\xfe\xfa"), "expected JSON from Fake, found something else"),
        (Reply(200, b"{}", {"Content-Encoding": "gzip"}), "sent a compressed answer"),
        (Reply(200, b"{}", length=100), "broke off"),
        (Reply(200, b"{}", {"Transfer-Encoding": "chunked"}), "broke off"),
        (Reply(200, itertools.repeat(b" " * 65_536)), "more than 8,388,608 bytes"),
        (Reply(200, b"{}", {f"X-{number}": "" for number in range(200)}), "broke off"),
    ],
)
def test_answers_that_are_none(start: Start[FakeSite], reply: Reply, message: str) -> None:
    """Answers without JSON, without an end, or cut off are refused with a sentence."""
    site = start(FakeSite(lambda _: reply))
    with pytest.raises(SourceError, match=message) as caught:
        Transport().document(mirror(site), site.url)
    assert KEY not in str(caught.value)


def test_a_site_that_drips(start: Start[FakeSite]) -> None:
    """A site that sends a little now and then is cut off when its time is over."""
    closed = threading.Event()

    def drip() -> object:
        while not closed.wait(0.05):
            yield b" "

    limits = replace(LIMITS, answer_seconds=0.3)
    site = start(FakeSite(lambda _: Reply(200, drip())))
    with pytest.raises(SourceError, match="Fake is too slow: try again later"):
        Transport(limits=limits).document(mirror(site), site.url)
    closed.set()


@pytest.mark.parametrize("limit", ["answer_seconds", "silence_seconds"])
def test_a_site_that_never_begins(start: Start[FakeSite], limit: str) -> None:
    """A site is too slow when its time is over, and when it is silent for long."""
    closed = threading.Event()

    def wait(_: Asked) -> Reply:
        closed.wait()
        return Reply()

    limits = replace(LIMITS, **{limit: 0.3})
    site = start(FakeSite(wait))
    with pytest.raises(SourceError, match="Fake is too slow"):
        Transport(limits=limits).document(mirror(site), site.url)
    closed.set()


def test_nobody_listens(start: Start[FakeSite]) -> None:
    """A site that cannot be reached is said to be one."""
    site = start(FakeSite())
    address, url = mirror(site), site.url
    site.close()
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1 cannot be reached: "):
        Transport().document(address, url)
    site.close = lambda: None


def test_nobody_may_be_asked(start: Start[FakeSite]) -> None:
    """If a person does not want it, no request is made."""
    site = start(FakeSite())
    with pytest.raises(SourceError, match="off in the settings"):
        Transport("off in the settings").document(mirror(site), site.url)
    assert site.asked == []


def test_a_loop(start: Start[FakeSite]) -> None:
    """A site that leads in circles is left after a few steps."""
    site = start(FakeSite(lambda asked: redirect(f"{asked.path}x")))
    with pytest.raises(SourceError, match="redirects more than"):
        fetch(Transport(), mirror(site), site.url + "/")
    assert len(site.asked) == LIMITS.redirects + 1


def test_a_login_page(start: Start[FakeSite]) -> None:
    """A site that leads to its login wants to know who asks; the page is not fetched."""
    site = start(FakeSite(lambda _: redirect("/login?reason=download-auth")))
    with pytest.raises(SourceError, match="asks for a login"):
        fetch(Transport(), mirror(site), site.url + "/")
    assert site.paths == ["/"]


@pytest.mark.parametrize(
    "place",
    [
        "http://127.0.0.1:1/a",
        "https://127.0.0.1/a",
        "https://10.0.0.1/a",
        "https://private.example/a",
        "https://elsewhere.example/a",
        "http://store.example/a",
        "ftp://store.example/a",
        "https://[::1",
        "https://me:s3cret@store.example/a",
    ],
)
def test_redirects_to_where_nothing_is_fetched(start: Start[FakeSite], place: str) -> None:
    """A site leads neither to private addresses nor to strangers."""
    site = start(FakeSite(lambda _: redirect(place)))
    find = Names(private_example="192.168.1.1", store_example="192.168.1.2")
    asked = replace(mirror(site), stores=("private.example", "store.example"))
    with pytest.raises(SourceError) as caught:
        fetch(Transport(find=find), asked, site.url + "/")
    assert "s3cret" not in str(caught.value)
    assert len(site.asked) == 1


@pytest.mark.usefixtures("internet")
def test_a_key_stays_where_it_belongs(
    start: Start[FakeSite], caplog: pytest.LogCaptureFixture
) -> None:
    """A key goes to the site itself, sealed; to no other host, and never over a redirect."""
    caplog.set_level(logging.DEBUG)
    store = start(FakeSite(lambda _: Reply(200, b"data"), has_tls=True))
    site = start(FakeSite(has_tls=True))

    def answer(asked: Asked) -> Reply:
        if asked.path == "/moved":
            return redirect("/here")
        if asked.path == "/here":
            return Reply(200, b"data")
        return redirect(f"https://a.r2.cloudflarestorage.com:{store.port}/x?signature=1")

    site.answer = answer
    address = f"https://civitai.com:{site.port}"
    asked = Site("", "Fake", (address,), (".r2.cloudflarestorage.com",), token=KEY)
    find = Names()
    transport = Transport(find=find)
    assert fetch(transport, asked, f"{address}/file") == b"data"
    assert find.asked == ["civitai.com", "a.r2.cloudflarestorage.com"]
    assert site.asked[0].headers["authorization"] == f"Bearer {KEY}"
    assert site.asked[0].headers["host"] == f"civitai.com:{site.port}"
    assert "authorization" not in store.asked[0].headers
    assert KEY not in str(store.asked)
    fetch(transport, asked, f"{address}/moved")
    assert ["authorization" in each.headers for each in site.asked[1:]] == [True, False]
    assert KEY not in caplog.text
    assert KEY not in repr(asked)


def test_a_key_is_not_sent_open(start: Start[FakeSite]) -> None:
    """A key does not go through a network without TLS."""
    site = start(FakeSite(lambda _: Reply(200, b"data")))
    address = f"http://mirror.example:{site.port}"
    asked = Site("", "Mirror", (address,), token=KEY, is_mirror=True)
    assert fetch(Transport(find=Names()), asked, address) == b"data"
    assert "authorization" not in site.asked[0].headers


@pytest.mark.usefixtures("internet")
def test_the_checked_address_is_the_one_that_is_used(start: Start[FakeSite]) -> None:
    """A name is looked up once, so that it cannot lead elsewhere after the check."""
    site = start(FakeSite(lambda _: Reply(200, b"data"), has_tls=True))
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    url = f"https://example.com:{site.port}"
    asked = Site("", "example.com", (url,), (ANYWHERE,))
    transport = Transport(find=lambda _host, _port: next(answers))
    assert fetch(transport, asked, url) == b"data"
    with pytest.raises(SourceError, match="private network"):
        fetch(transport, asked, url)
    assert len(site.asked) == 1


@pytest.mark.usefixtures("internet")
def test_another_address_is_tried(start: Start[FakeSite]) -> None:
    """A host of which one address does not answer is asked at the next."""
    site = start(FakeSite(lambda _: Reply(200, b"data"), has_tls=True))
    url = f"https://example.com:{site.port}"
    asked = Site("", "example.com", (url,), (ANYWHERE,), is_mirror=True)
    assert fetch(Transport(find=Names(example_com="::1 127.0.0.1")), asked, url) == b"data"


@pytest.mark.usefixtures("internet")
def test_a_host_that_is_another(start: Start[FakeSite]) -> None:
    """A server without a certificate for the requested name is refused."""
    site = start(FakeSite(lambda _: Reply(200, b"data"), has_tls=True))
    url = f"https://unknown.example:{site.port}"
    asked = Site("", "unknown.example", (url,), token=KEY)
    with pytest.raises(Unreachable, match=r"unknown\.example cannot be reached: .*[Hh]ostname"):
        fetch(Transport(find=Names()), asked, url)
    assert site.asked == []


@pytest.mark.usefixtures("internet")
def test_a_proxy(start: Start[FakeSite], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has a proxy, that one looks names up, and sees nothing of what is sent."""
    site = start(FakeSite(lambda _: Reply(200, b"data"), has_tls=True))
    proxy = start(Proxy(site.port))
    monkeypatch.setenv("https_proxy", f"http://me:pass@127.0.0.1:{proxy.port}")
    asked = Site("", "Fake", ("https://civitai.com",), token=KEY)
    find = Names()
    assert fetch(Transport(find=find), asked, "https://civitai.com/a") == b"data"
    assert find.asked == []
    (connect,) = proxy.asked
    assert connect.path == "civitai.com:443"
    assert connect.headers["proxy-authorization"] == "Basic bWU6cGFzcw=="
    assert KEY not in str(connect)
    assert site.asked[0].headers["authorization"] == f"Bearer {KEY}"
    with pytest.raises(SourceError, match="private network"):
        fetch(Transport(), Site("", "Fake", ("https://10.0.0.1",)), "https://10.0.0.1/a")


def test_nothing_is_there(start: Start[FakeSite]) -> None:
    """A site that lacks a file is told from one that refuses it."""
    site = start(FakeSite(lambda _: as_json({"error": "Model not found"}, 404)))
    with pytest.raises(NotFound, match=r'Fake does not have it \(or not at the moment\) \("Model'):
        Transport().document(mirror(site), site.url)
