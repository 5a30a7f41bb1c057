"""What the tests of hosts begin with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.hosts.running import Run


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Return a WebUI that was never run before, with an empty folder of embeddings."""
    pytest.importorskip("torch")
    from lib_embeddings.hosts import living  # noqa: PLC0415
    from lib_embeddings.hosts.webui import extension  # noqa: PLC0415
    from tests.hosts.fake_webui import installed  # noqa: PLC0415
    from tests.hosts.running import Run  # noqa: PLC0415

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(living, "PATIENCE", 60.0)  # a disk is fast, whatever the machine does
    folder = tmp_path / "embeddings"
    folder.mkdir()
    with installed(monkeypatch) as webui:
        yield Run(webui, folder)
        extension.stop()
