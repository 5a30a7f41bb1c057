"""What the tests of SD.Next begin with."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.hosts.sdnext.running import SdnextRun


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SdnextRun]:
    """Return an SD.Next that was never run before, with an empty folder of embeddings."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from lib_embeddings.hosts.webui import extension  # noqa: PLC0415
    from tests.hosts.fake_sdnext import FakeSdnext  # noqa: PLC0415
    from tests.hosts.fake_webui import installed  # noqa: PLC0415
    from tests.hosts.sdnext.running import SdnextRun  # noqa: PLC0415

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder = tmp_path / "embeddings"
    folder.mkdir()
    with installed(monkeypatch, FakeSdnext(folder)) as sdnext:
        yield SdnextRun(sdnext, folder)
        extension.stop()
        sys.modules.pop("modules.processing_diffusers", None)
