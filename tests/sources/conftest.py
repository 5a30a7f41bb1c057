"""What the tests of sources share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from lib_embeddings.sources import addresses
from tests.sources.fakes import CERTIFICATE, FakeSite

_S = TypeVar("_S", bound=FakeSite)

Start = Callable[[_S], _S]


@pytest.fixture(autouse=True)
def _own_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing of the person who runs the tests count: neither keys nor proxies nor caches."""
    for name in ("CIVITAI_TOKEN", "CIVITAI_API_KEY", "HF_TOKEN", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for kind in ("CACHE", "CONFIG", "DATA"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind.lower()))


@pytest.fixture
def start() -> Iterator[Start[FakeSite]]:
    """Return a function that takes a site in charge, and closes it in the end."""
    sites: list[FakeSite] = []

    def keep(site: _S) -> _S:
        sites.append(site)
        return site

    yield keep
    for site in sites:
        site.close()


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this computer stand for the internet, and let its certificate count."""
    is_public = addresses.is_public
    monkeypatch.setattr(
        addresses, "is_public", lambda address: address == "127.0.0.1" or is_public(address)
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder for embeddings."""
    path = tmp_path / "embeddings"
    path.mkdir()
    return path
