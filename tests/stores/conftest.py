"""Stores that another program holds."""

from __future__ import annotations

import pytest

from lib_embeddings.stores import index_file


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a locked index only a moment: in these tests it stays locked."""
    monkeypatch.setattr(index_file, "_WAIT", 0.05)
