"""What the command line remembers from one scan to the next."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from lib_embeddings.__main__ import main
from lib_embeddings.entries import read as read_module
from lib_embeddings.stores.index import Index
from tests.builders import safetensors_file


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of five embeddings from long ago, of a user who never ran this before."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder = tmp_path / "embeddings"
    folder.mkdir()
    for name in "abcde":
        (folder / f"{name}.pt").write_bytes(safetensors_file())
        os.utime(folder / f"{name}.pt", (0, 0))
    return folder


def remembered() -> set[str]:
    """Return the names of the files that the next command need not read."""
    with Index.open() as index:
        index.read(["/"])
        return {os.path.basename(path) for path in index._remembered}


def test_an_interrupted_scan(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C ends the command with a sentence; what was read so far is not read again."""
    opened: list[str] = []

    def open_or_interrupt(path: str, *arguments: Any, **options: Any) -> Any:
        if len(opened) == 3:
            raise KeyboardInterrupt
        opened.append(os.path.basename(path))
        return open(path, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(read_module, "open", open_or_interrupt, raising=False)
        assert main(["scan", str(folder)]) == 130
    assert capsys.readouterr() == (*("", "lib-embeddings: interrupted\n"),)
    assert remembered() == set(opened)
    assert main(["scan", str(folder)]) == 0
    assert remembered() == {f"{name}.pt" for name in "abcde"}


def test_what_is_gone_is_forgotten(folder: Path) -> None:
    """A scan forgets the files that are gone, also where nothing is new."""
    main(["scan", str(folder)])
    (folder / "a.pt").unlink()
    main(["scan", str(folder)])
    assert remembered() == {f"{name}.pt" for name in "bcde"}
