"""What the tests of Forge begin with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.hosts.forge.running import ForgeRun


@pytest.fixture(params=["forge", "neo", "ersatz"])
def run(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ForgeRun]:
    """Return a Forge that was never run before, with an empty folder of embeddings."""
    pytest.importorskip("torch")
    from lib_embeddings.hosts.webui import extension  # noqa: PLC0415
    from tests.hosts.fake_forge import FakeForge  # noqa: PLC0415
    from tests.hosts.fake_webui import installed  # noqa: PLC0415
    from tests.hosts.forge.running import ForgeRun  # noqa: PLC0415

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder = tmp_path / "embeddings"
    folder.mkdir()
    forge = FakeForge(folder, request.param)
    with installed(monkeypatch, forge):
        yield ForgeRun(forge, folder)
        extension.stop()
