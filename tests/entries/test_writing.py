"""What a process that is killed leaves in a folder of embeddings, and who removes it."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from lib_embeddings.entries import writing
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.writing import move_file, sweep, unfinished_name, write_beside
from lib_embeddings.limits import LIMITS


@pytest.fixture
def left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave an unfinished file in a folder, long ago as far as anybody knows."""
    monkeypatch.setattr(writing, "LIMITS", replace(LIMITS, unfinished_seconds=-1))
    (tmp_path / unfinished_name()).write_bytes(b"half")


@pytest.mark.usefixtures("left")
def test_only_drafts_of_ours_are_removed(tmp_path: Path) -> None:
    """A file that a move has put aside may be the only copy, and other programs have their own."""
    place = Place.of_file(tmp_path / "cat.pt")
    kept = {Path(writing._aside(place)).name, ".lib-embeddings-notes.tmp", "x.tmp", "cat.pt"}
    for name in kept:
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))
    Path(writing._unfinished(place)).touch()
    sweep(tmp_path)
    assert set(os.listdir(tmp_path)) == kept


def test_a_draft_that_is_written_now_stays(tmp_path: Path) -> None:
    """Its file may have an old time of writing, as that of what is copied."""
    unfinished = tmp_path / unfinished_name()
    unfinished.touch()
    os.utime(unfinished, (0, 0))
    sweep(tmp_path)
    sweep(tmp_path / "gone")
    assert unfinished.exists()


@pytest.mark.usefixtures("left")
def test_who_writes_beside_an_embedding_removes_drafts(tmp_path: Path) -> None:
    """Writing a text or a picture removes them."""
    write_beside(Place.of_file(tmp_path / "cat.txt"), b"text")
    assert os.listdir(tmp_path) == ["cat.txt"]


@pytest.mark.usefixtures("left")
def test_who_moves_a_file_to_a_folder_removes_drafts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A move between disks makes unfinished, too."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "cat.pt").write_bytes(b"cat")
    rename = writing._rename_exclusively

    def on_one_disk(old: str, new: str) -> None:
        if Path(old).parent != Path(new).parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        rename(old, new)

    monkeypatch.setattr(writing, "_rename_exclusively", on_one_disk)
    source, target = (Place.of_file(tmp_path / path) for path in ("other/cat.pt", "cat.pt"))
    move_file(source, target)
    assert sorted(os.listdir(tmp_path)) == ["cat.pt", "other"]
