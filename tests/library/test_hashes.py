"""What the index does beside remembering readings: hashes, and forgetting."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from pathlib import Path
from typing import NoReturn

import pytest

from lib_embeddings.entries.place import Place
from lib_embeddings.entries.walk import walk
from lib_embeddings.library.library import Library
from lib_embeddings.stores import index as index_module
from lib_embeddings.stores.index import Index
from tests.builders import safetensors_file, torch_zip
from tests.entries.disk import Disk


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
        Library([root], index).rescan()


def refuse(_path: str) -> str:
    """Stand in for hashing where nothing may be hashed."""
    raise AssertionError


def test_a_hash_is_computed_once(path: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A computed hash is known to later processes until the file changes."""
    look(path, root)
    file = root / "a.pt"
    expected = hashlib.sha256(file.read_bytes()).hexdigest()
    with Index.open(path) as index:
        index.read([str(root)])
        assert index.sha256(str(file)) == expected
    with monkeypatch.context() as context, Index.open(path) as index:
        context.setattr(index_module, "sha256", refuse)
        index.read([str(root)])
        assert index.sha256(str(file)) == expected
        assert index.hashes() == {str(file): expected}
    file.write_bytes(safetensors_file())
    with Index.open(path) as index:
        index.read([str(root)])
        assert index.sha256(str(file)) == hashlib.sha256(file.read_bytes()).hexdigest()
    look(path, root)
    with Index.open(path) as index:
        index.read([str(root)])
        assert index.hashes() == {}


def test_a_changed_file_has_no_hash(root: Path) -> None:
    """The process that computed it forgets it, too."""
    file, index = root / "a.pt", Index.nowhere()
    library = Library([root], index)
    library.rescan()
    index.sha256(str(file))
    assert index.hashes().keys() == {str(file)}
    file.write_bytes(safetensors_file())
    library.rescan()
    assert index.hashes() == {}


def test_a_file_that_was_not_read_can_be_hashed(root: Path) -> None:
    """Hashing needs no reading; only the memory of it does."""
    file = root / "a.pt"
    index = Index.nowhere()
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
        index.read([str(root)])
        monkeypatch.setattr(index_module, "sha256", change)
        assert index.sha256(str(file)) == "0" * 64
        assert index.hashes() == {}


def test_a_hash_that_comes_while_a_save_fails(
    path: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next save writes the newer values, and those that could not be written before."""
    file = str(root / "a.pt")

    def hash_and_fail(*_: object) -> None:
        index.sha256(file)
        raise sqlite3.OperationalError("disk full")

    with Index.open(path) as index:
        with monkeypatch.context() as patch:
            patch.setattr(index_module, "write", hash_and_fail)
            Library([root], index).rescan()
        expected = index.sha256(file)
    with Index.open(path) as index:
        index.read([str(root)])
        assert index.hashes() == {file: expected}


def test_a_missing_file_cannot_be_hashed(root: Path) -> None:
    """The file system's own error is passed on."""
    with pytest.raises(FileNotFoundError):
        Index.nowhere().sha256(str(root / "gone.pt"))


def remembered(path: str, root: Path) -> set[str]:
    """Return which files in a folder need not be read again."""
    with Index.open(path) as index:
        index.read([str(root)])
        files = [file for folder in walk([str(root)]) for file in folder.files]
        return {file.place.path for file in files if index.known(file)}


def test_files_that_are_gone_are_forgotten(path: str, root: Path, tmp_path: Path) -> None:
    """A file that comes back later is read again; files in other folders stay known."""
    other = tmp_path / "embeddings 2"
    shutil.copytree(root, other)
    look(path, root)
    look(path, other)
    (root / "a.pt").rename(tmp_path / "a.pt")
    look(path, root)
    (tmp_path / "a.pt").rename(root / "a.pt")
    assert remembered(path, root) == {"b.pt"}
    assert remembered(path, other) == {"a.pt", "b.pt"}


@pytest.mark.parametrize("is_empty", [True, False])
def test_an_unplugged_disk_is_not_forgotten(
    path: str, root: Path, tmp_path: Path, is_empty: bool
) -> None:
    """Nothing is forgotten of a root that is missing, or where nothing at all is found."""
    other = tmp_path / "other"
    shutil.copytree(root, other)
    look(path, root)
    root.rename(tmp_path / "away")
    if is_empty:
        root.mkdir()
    with Index.open(path) as index:
        Library([root, other], index).rescan()
    if is_empty:
        root.rmdir()
    (tmp_path / "away").rename(root)
    assert remembered(path, root) == {"a.pt", "b.pt"}


def test_what_is_below_a_silent_folder_is_not_forgotten(
    path: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files below it are kept; files that are gone elsewhere are forgotten."""
    for folder in ("sub", "sub 2"):
        shutil.copytree(root, root / folder)
    look(path, root)
    shutil.rmtree(root / "sub 2")
    (root / "a.pt").unlink()
    with monkeypatch.context() as patch:
        Disk(patch).silence(root / "sub")
        look(path, root)
    with Index.open(path) as index:
        index.read([str(root)])
        known = set(index._remembered)
    assert known == {str(root / each) for each in ("b.pt", "sub/a.pt", "sub/b.pt")}


def test_a_file_is_known_by_its_new_path(path: str, root: Path) -> None:
    """A file that was moved is not read again in this process, but is in later ones."""
    look(path, root)
    file, moved = root / "a.pt", root / "c.pt"
    with Index.open(path) as index:
        read = list[str]()
        library = Library([root], index, read=lambda place: refuse_to_read(place, read))
        library.rescan()
        file.rename(moved)
        index.move(str(file), str(moved))
        library.rescan()
    assert read == []
    assert remembered(path, root) == {"b.pt"}


def refuse_to_read(place: Place, read: list[str]) -> NoReturn:
    """Stand in for reading where nothing may be read."""
    read.append(place.path)
    raise AssertionError
