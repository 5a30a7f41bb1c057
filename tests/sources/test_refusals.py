"""What is said when a site refuses."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lib_embeddings.errors import NotFound, SourceError, Unreachable
from lib_embeddings.sources.civitai import CIVITAI
from lib_embeddings.sources.huggingface import HUGGING_FACE
from lib_embeddings.sources.source import Site
from lib_embeddings.sources.transport import refusal

LOGIN = "The creator of this asset requires you to be logged in to download it"
CASES = [
    (
        401,
        {"error": "Unauthorized", "message": LOGIN},
        {},
        SourceError,
        (
            "Civitai gives this only with a key of your own: make one at "
            "https://civitai.com/user/account and put it into the environment variable "
            "CIVITAI_TOKEN"
        ),
    ),
    (
        401,
        {"message": "The creator has disabled downloads on this file"},
        {},
        SourceError,
        "its author has switched off downloads on Civitai: ask the author",
    ),
    (
        403,
        {"error": "Early Access", "deadline": "2026-12-24T10:00:00.000Z", "message": "Buy"},
        {},
        SourceError,
        "it is in early access on Civitai until 2026-12-24: buy it there, or wait until then",
    ),
    (
        403,
        {"error": "Forbidden"},
        {},
        SourceError,
        'Civitai does not let you have it ("Forbidden"): open its page and see why',
    ),
    (
        403,
        {"error": "Not available in your region"},
        {},
        SourceError,
        'Civitai does not answer from your country ("Not available in your region")',
    ),
    (451, None, {}, SourceError, "Civitai does not answer from your country"),
    (
        404,
        {"error": "File not found"},
        {},
        NotFound,
        'Civitai does not have it (or not at the moment) ("File not found"): check the link',
    ),
    (
        410,
        {"error": "Model archived"},
        {},
        NotFound,
        "its author has archived it, and Civitai no longer offers its file: ask the author",
    ),
    (
        429,
        {"error": "We've noticed an unusual amount of downloading"},
        {"retry-after": "90"},
        SourceError,
        "too many requests to Civitai: wait 90 seconds and try again",
    ),
    (
        429,
        None,
        {"ratelimit": '"api";r=0;t=55', "retry-after": "90"},
        SourceError,
        "too many requests to Civitai: wait 55 seconds and try again",
    ),
    (
        429,
        None,
        {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"},
        SourceError,
        "too many requests to Civitai: wait a few minutes and try again",
    ),
    (
        503,
        {"error": "Server busy"},
        {"retry-after": "2"},
        Unreachable,
        'Civitai has a problem (503) ("Server busy"): wait 2 seconds and try again',
    ),
    (418, None, {}, SourceError, "Civitai answered 418 instead of sending what was asked for"),
]


@pytest.mark.parametrize(("status", "document", "headers", "kind", "sentence"), CASES)
def test_refusals(
    status: int,
    document: object,
    headers: dict[str, str],
    kind: type[SourceError],
    sentence: str,
) -> None:
    """Each refusal is one sentence with what to do."""
    body = b"" if document is None else json.dumps(document).encode()
    error = refusal(CIVITAI, status, headers, body)
    assert type(error) is kind
    assert str(error) == sentence


def test_a_key_that_is_refused() -> None:
    """The error says that the key was refused, and does not show it."""
    site = replace(HUGGING_FACE, token="s3cret")
    assert str(refusal(site, 401, {}, b"Invalid username or password.")) == (
        "Hugging Face refuses your key: check that it still exists at "
        "https://huggingface.co/settings/tokens, or make a new one, and that you may have this file"
    )


def test_a_site_of_which_nothing_is_known() -> None:
    """If no page for keys is known, the advice is to log in with a browser."""
    error = refusal(Site("", "example.com", ()), 401, {}, b"")
    assert str(error) == ("example.com asks for a login: download the file there with your browser")


@pytest.mark.parametrize("body", [b"\xff", b"[" * 100_000, b'{"error": {"a": 1}}', b'{"error": 5}'])
def test_words_that_are_none(body: bytes) -> None:
    """The sentence is whole with any word of a site."""
    assert str(refusal(CIVITAI, 404, {}, body)) == (
        "Civitai does not have it (or not at the moment): check the link"
    )


def test_words_of_a_site_are_one_short_line() -> None:
    """A site's words are shown as one line that does nothing to a terminal."""
    words = "no\n\x1b[31mfile " + "x" * 1000
    error = refusal(CIVITAI, 404, {}, json.dumps({"message": words}).encode())
    assert str(error).isprintable()
    assert len(str(error)) < 300
