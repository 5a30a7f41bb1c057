"""Which addresses are connected to."""

from __future__ import annotations

import pytest

from lib_embeddings.errors import SourceError, Unreachable
from lib_embeddings.sources.addresses import check, is_public
from lib_embeddings.sources.civitai import CIVITAI
from lib_embeddings.sources.huggingface import HUGGING_FACE
from lib_embeddings.sources.source import ANYWHERE, Site
from tests.sources.fakes import Names

ANY = Site("", "example.com", ("https://example.com",), stores=(ANYWHERE,))
PUBLIC = Names(example_com="104.18.0.1")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("104.18.0.1", True),
        ("2606:4700::1", True),
        ("::ffff:104.18.0.1", True),
        ("64:ff9b::104.18.0.1", True),
        ("127.0.0.1", False),
        ("127.8.8.8", False),
        ("10.0.0.1", False),
        ("172.16.5.4", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("::127.0.0.1", False),
        ("64:ff9b::10.0.0.1", False),
        ("2002:7f00:1::", False),
        ("2002:0a00:1::", False),
    ],
)
def test_what_is_public(address: str, *, expected: bool) -> None:
    """Only addresses of the internet are, however they are written."""
    assert is_public(address) is expected


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/a",
        "https://[::1]/a",
        "https://[::ffff:10.0.0.1]/a",
        "https://169.254.169.254/latest/meta-data",
        "https://private.example/a",
        "https://both.example/a",
    ],
)
def test_private_addresses_are_refused(url: str) -> None:
    """No address in a private network is connected to, not even as one of several."""
    names = {"127.0.0.1": "127.0.0.1", "::1": "::1", "::ffff:10.0.0.1": "::ffff:10.0.0.1"}

    def find(host: str, _port: int) -> list[str]:
        private = {"private.example": ["192.168.0.7"], "both.example": ["104.18.0.1", "10.0.0.1"]}
        return private.get(host) or [names.get(host, host)]

    with pytest.raises(SourceError, match="an address inside a private network"):
        check(ANY, url, None, find)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://example.com/a", "expected https, found http"),
        ("ftp://example.com/a", "is not an address"),
        ("file:///etc/passwd", "is not an address"),
        ("https:///a", "is not an address"),
        ("https://me:s3cret@example.com/a", r"^https://example\.com/a is not an address"),
        (r"https://example.com\@other.example/a", "is not an address"),
        ("https://example.com:99999/a", "is not an address"),
        ("https://[::1/a", "is not an address"),
    ],
)
def test_what_is_no_address(url: str, message: str) -> None:
    """Only plain addresses of https are."""
    with pytest.raises(SourceError, match=message):
        check(ANY, url, None, PUBLIC)


@pytest.mark.parametrize(
    ("site", "host", "is_allowed"),
    [
        (CIVITAI, "civitai.com", True),
        (CIVITAI, "civitai.red", True),
        (CIVITAI, "a1.r2.cloudflarestorage.com", True),
        (CIVITAI, "r2.cloudflarestorage.com.evil.example", False),
        (CIVITAI, "evilcivitai.com", False),
        (CIVITAI, "huggingface.co", False),
        (HUGGING_FACE, "huggingface.co", True),
        (HUGGING_FACE, "cdn-lfs-us-1.hf.co", True),
        (HUGGING_FACE, "cas-bridge.xethub.hf.co", True),
        (HUGGING_FACE, "civitai.com", False),
        (ANY, "files.elsewhere.example", True),
    ],
)
def test_hosts_of_a_site(site: Site, host: str, *, is_allowed: bool) -> None:
    """A site's files come from its own hosts."""

    def find(_host: str, _port: int) -> list[str]:
        return ["104.18.0.1"]

    if is_allowed:
        assert check(site, f"https://{host}/a", None, find).addresses == ["104.18.0.1"]
    else:
        with pytest.raises(SourceError, match="not one of its hosts"):
            check(site, f"https://{host}/a", None, find)


def test_a_mirror_may_be_private() -> None:
    """A mirror that a person set may be in their own network, but no other site leads there."""
    mirror = Site("", "Mirror", ("http://10.0.0.5:8080",), (ANYWHERE,), is_mirror=True)
    find = Names(**{"10.0.0.5": "10.0.0.5", "example.com": "104.18.0.1"})
    first = check(mirror, "http://10.0.0.5:8080/a", None, find)
    assert first.addresses == ["10.0.0.5"]
    assert check(mirror, "http://10.0.0.5:8080/b", first, find).addresses == ["10.0.0.5"]
    with pytest.raises(SourceError):
        check(mirror, "http://10.0.0.5:22/a", None, find)
    elsewhere = check(mirror, "https://example.com/a", first, find)
    with pytest.raises(SourceError):
        check(mirror, "http://10.0.0.5:8080/a", elsewhere, find)


def test_a_host_that_is_not_found() -> None:
    """A name without an address is said to be one."""

    def find(_host: str, _port: int) -> list[str]:
        raise OSError(-2, "Name or service not known")

    with pytest.raises(Unreachable, match=r"example\.com was not found: are you online\?"):
        check(ANY, "https://example.com/a", None, find)


def test_what_is_asked_for_has_only_plain_characters() -> None:
    """A redirect cannot add a line to a request."""
    target = check(ANY, "https://example.com/a b/ü?x=1 2", None, PUBLIC)
    assert target.resource == "/a%20b/%C3%BC?x=1%202"
    assert check(ANY, "https://example.com", None, PUBLIC).resource == "/"
