"""What the index does beside remembering readings: hashes, and forgetting."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest
from lib_embeddings.entries.scan import take_snapshot

from lib_embeddings.entries.read import read_file
from lib_embeddings.entries.walk import find
from lib_embeddings.library import index as index_module
from lib_embeddings.library.index import Index
from tests.builders import safetensors_file, torch_zip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with two old embeddings."""
    root = tmp_path / "embeddings"
    root.mkdir()
    for name in ("a.pt", "b.pt"):
        (root / name).write_bytes(torch_zip())
        os.utime(root / name, (1_600_000_000, 1_600_000_000))
    return root


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Return where the index lies."""
    return str(tmp_path / "index.sqlite")


def look(path: str, root: Path) -> None:
    """Scan a folder with the index as a process of its own would."""
    with Index.open(path) as index:
        take_snapshot([str(root)], index.reader(read_file))


def refuse(_path: str) -> str:
    """Stand in for hashing where nothing may be hashed."""
    raise AssertionError


def test_a_hash_is_computed_once(path: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was computed is known to later processes, until the file changes."""
    look(path, root)
    file = root / "a.pt"
    expected = hashlib.sha256(file.read_bytes()).hexdigest()
    with Index.open(path) as index:
        assert index.sha256(str(file)) == expected
    with monkeypatch.context() as context, Index.open(path) as index:
        context.setattr(index_module, "sha256", refuse)
        assert index.sha256(str(file)) == expected
        assert index.hashes() == {str(file): expected}
    file.write_bytes(safetensors_file())
    with Index.open(path) as index:
        assert index.sha256(str(file)) == hashlib.sha256(file.read_bytes()).hexdigest()
    look(path, root)
    with Index.open(path) as index:
        assert index.hashes() == {}


def test_a_file_that_was_not_read_can_be_hashed(root: Path) -> None:
    """Hashing needs no reading; only the memory of it does."""
    file = root / "a.pt"
    with Index.nowhere() as index:
        assert index.sha256(str(file)) == hashlib.sha256(file.read_bytes()).hexdigest()
        assert index.hashes() == {}


def test_a_file_that_changes_meanwhile_is_not_remembered(
    path: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hash belongs to the file that was read, or to none."""
    look(path, root)
    file = root / "a.pt"

    def change(_path: str) -> str:
        file.write_bytes(b"changed")
        return "0" * 64

    with Index.open(path) as index:
        monkeypatch.setattr(index_module, "sha256", change)
        assert index.sha256(str(file)) == "0" * 64
        assert index.hashes() == {}


def test_a_missing_file_cannot_be_hashed(root: Path) -> None:
    """The file system's own error is passed on."""
    with Index.nowhere() as index, pytest.raises(FileNotFoundError):
        index.sha256(str(root / "gone.pt"))


def remembered(path: str, root: Path) -> set[str]:
    """Return which files in a folder need not be read again."""
    with Index.open(path) as index:
        return {file.path for file in find([str(root)]) if index.remembers(file)}


def test_files_that_are_gone_are_forgotten(path: str, root: Path, tmp_path: Path) -> None:
    """A file that comes back later is read again; files in other folders stay known."""
    other = tmp_path / "embeddings 2"
    shutil.copytree(root, other)
    look(path, root)
    look(path, other)
    (root / "a.pt").rename(tmp_path / "a.pt")
    with Index.open(path) as index:
        entries = take_snapshot([str(root)], index.reader(read_file)).entries
        index.forget_missing({entry.full_path: entry for entry in entries})
    (tmp_path / "a.pt").rename(root / "a.pt")
    assert remembered(path, root) == {"b.pt"}
    assert remembered(path, other) == {"a.pt", "b.pt"}


def test_an_empty_folder_may_be_an_unplugged_disk(path: str, root: Path, tmp_path: Path) -> None:
    """Nothing is forgotten when nothing at all is found."""
    look(path, root)
    root.rename(tmp_path / "away")
    root.mkdir()
    with Index.open(path) as index:
        index.forget_missing({})
    root.rmdir()
    (tmp_path / "away").rename(root)
    assert remembered(path, root) == {"a.pt", "b.pt"}
