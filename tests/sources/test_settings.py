"""Keys, mirrors, and whether anybody is asked at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lib_embeddings.errors import SourceError
from lib_embeddings.sources.civitai import CIVITAI
from lib_embeddings.sources.huggingface import HUGGING_FACE
from lib_embeddings.sources.settings import SourceSettings


def settings(path: Path, text: str = "", **environment: str) -> SourceSettings:
    """Return settings of a file of which nobody else can read anything."""
    if text:
        path.write_text(text)
        path.chmod(0o600)
    return SourceSettings(str(path), environment)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the file of settings is."""
    return tmp_path / "sources.ini"


def test_without_settings(path: Path) -> None:
    """Without a file the sites are as they are known, without a key."""
    found = settings(path)
    assert found.closed is None
    assert found.of(CIVITAI) == CIVITAI


def test_the_file(path: Path) -> None:
    """The file has keys and mirrors."""
    found = settings(
        path,
        "[civitai]\ntoken = 100%abc\n\n[huggingface]\naddress = https://hf-mirror.com/\n",
    )
    assert found.of(CIVITAI).token == "100%abc"
    assert found.of(CIVITAI).addresses == CIVITAI.addresses
    assert not found.of(CIVITAI).is_mirror
    assert found.of(HUGGING_FACE).addresses == ("https://hf-mirror.com",)
    assert found.of(HUGGING_FACE).is_mirror


def test_the_environment_comes_first(path: Path) -> None:
    """A setting in the environment counts more than the file."""
    text = "[civitai]\ntoken = a\n[huggingface]\ntoken = b\n"
    found = settings(path, text, CIVITAI_API_KEY="c", HF_TOKEN="d", HF_ENDPOINT="https://e")
    assert found.of(CIVITAI).token == "c"
    assert found.of(HUGGING_FACE).token == "d"
    assert found.of(HUGGING_FACE).addresses == ("https://e",)
    assert settings(path, CIVITAI_TOKEN="f", CIVITAI_API_KEY="c").of(CIVITAI).token == "f"


def test_offline(path: Path) -> None:
    """A person can have that nobody is asked."""
    assert settings(path, "[sources]\noffline = yes\n").closed == (
        f"{path} says offline = yes: no site is contacted"
    )


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_file_that_others_can_read(path: Path, mode: int) -> None:
    """A key that others can read is not used, and the sentence says how to keep it."""
    settings(path, "[civitai]\ntoken = s3cret\n")
    path.chmod(mode)
    with pytest.raises(SourceError, match="run chmod 600 on it") as caught:
        settings(path)
    assert "s3cret" not in str(caught.value)
    path.write_text("[huggingface]\naddress = https://hf-mirror.com\n")
    assert settings(path).of(HUGGING_FACE).is_mirror


@pytest.mark.parametrize(
    "text", ["token s3cret", "[civitai\n", "[sources]\noffline = s3cret\n", "a = s3cret"]
)
def test_a_file_that_is_damaged(path: Path, text: str) -> None:
    """A file that cannot be read is named, and not shown."""
    with pytest.raises(SourceError, match=r"sources\.ini cannot be read as settings") as caught:
        settings(path, text)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("token", ["s3cret\x00x", "s3cret x", "s3crét", "s3cret\nHost: evil"])
def test_a_key_that_is_none(path: Path, token: str) -> None:
    """A key that would break a request is refused before one is made, and not shown."""
    with pytest.raises(SourceError, match=r"copy it again from https://civitai\.com") as caught:
        settings(path, CIVITAI_TOKEN=token).of(CIVITAI)
    assert "s3cr" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    ["hf-mirror.com", "https://", "ftp://a", "https://a:99999", "https://a:x", "https://[a"],
)
def test_an_address_that_is_none(path: Path, address: str) -> None:
    """A mirror is an address that can be asked."""
    with pytest.raises(SourceError, match=r"expected an address as https://example\.com"):
        settings(path, HF_ENDPOINT=address).of(HUGGING_FACE)
