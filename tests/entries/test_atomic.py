"""Files are replaced all at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lib_embeddings.entries.companions import write_atomically


def test_a_file_is_replaced(tmp_path: Path) -> None:
    """The new content is there, and nothing beside it."""
    path = tmp_path / "a"
    for data in (b"one", b"longer", b""):
        write_atomically(str(path), data)
        assert path.read_bytes() == data
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_an_error_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """A full disk leaves the former content, and no draft."""
    path = tmp_path / "a"
    path.write_bytes(b"before")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, refuse)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(str(path), b"after")
    assert os.listdir(tmp_path) == ["a"]
    assert path.read_bytes() == b"before"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """What a link leads to is replaced, not the link."""
    (tmp_path / "target").write_bytes(b"before")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_atomically(str(tmp_path / "link"), b"after")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"after"


def test_the_longest_name(tmp_path: Path) -> None:
    """A name as long as file systems allow can be written."""
    path = tmp_path / ("n" * 255)
    write_atomically(str(path), b"data")
    assert path.read_bytes() == b"data"
