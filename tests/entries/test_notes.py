"""Texts beside an embedding, and the prompt box it belongs to."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lib_embeddings.entries.notes import (
    SidecarError,
    Texts,
    box_of,
    read_texts,
    write_box,
)
from lib_embeddings.entries.scan import scan
from lib_embeddings.entries.snapshot import Entry
from tests.builders import torch_zip


def entry_beside(folder: Path, files: dict[str, str | bytes], name: str = "cat.pt") -> Entry:
    """Return the entry of an embedding beside which other files lie."""
    (folder / name).write_bytes(torch_zip())
    for filename, text in files.items():
        (folder / filename).write_bytes(text if isinstance(text, bytes) else text.encode())
    (found,) = scan([folder])
    return found.entry


SAVED_BY_A1111 = json.dumps(
    {"description": "a cat", "sd version": "SD1", "activation text": "", "notes": "mind the paws"}
)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({}, Texts(), id="nothing"),
        pytest.param({"cat.json": SAVED_BY_A1111}, Texts("mind the paws", "a cat"), id="A1111"),
        pytest.param({"CAT.JSON": '{"notes": "n"}'}, Texts("n"), id="letter case"),
        pytest.param({"cat.txt": " text\n"}, Texts("", "text"), id="txt"),
        pytest.param({"cat.txt": "\ufefftext"}, Texts("", "text"), id="byte order mark"),
        pytest.param({"cat.description.txt": "text"}, Texts("", "text"), id="description"),
        pytest.param(
            {"cat.txt": "one", "cat.description.txt": "two"}, Texts("", "one"), id="txt comes first"
        ),
        pytest.param(
            {"cat.json": '{"description": "json"}', "cat.txt": "txt"},
            Texts("", "json"),
            id="JSON comes first",
        ),
        pytest.param(
            {"cat.json": '{"description": ""}', "cat.txt": "txt"}, Texts("", "txt"), id="empty JSON"
        ),
        pytest.param({"cat.json": '{"prompt box": "negative"}'}, Texts(box="negative"), id="box"),
        pytest.param({"cat.json": '{"prompt box": "left"}'}, Texts(), id="no box"),
        pytest.param({"cat.json": '{"notes": 5, "description": []}'}, Texts(), id="no text"),
        pytest.param({"cat.json": "[]"}, Texts(), id="no object"),
        pytest.param({"cat.json": '{"notes": "cut'}, Texts(), id="cut"),
        pytest.param({"cat.json": "[" * 100_000}, Texts(), id="deep"),
        pytest.param({"cat.json": b"\xff\xfe\x00"}, Texts(), id="no UTF-8"),
        pytest.param({"cat.json": '{"notes": "' + "x" * 300_000 + '"}'}, Texts(), id="huge"),
        pytest.param({"cat.txt": b"caf\xe9"}, Texts("", "caf�"), id="Latin-1"),
        pytest.param({"cat2.json": '{"notes": "other"}'}, Texts(), id="another file's"),
    ],
)
def test_texts(tmp_path: Path, files: dict[str, str | bytes], expected: Texts) -> None:
    """Notes and description come from A1111's files; what is damaged counts as empty."""
    assert read_texts(entry_beside(tmp_path, files)) == expected


def test_texts_that_vanish(tmp_path: Path) -> None:
    """A text that was listed and is gone counts as empty."""
    entry = entry_beside(tmp_path, {"cat.txt": "text"})
    (tmp_path / "cat.txt").unlink()
    assert read_texts(entry) == Texts()


def test_an_edit_is_seen(tmp_path: Path) -> None:
    """After another scan the edited text is read, though the embedding is the same."""
    before = entry_beside(tmp_path, {"cat.txt": "one"})
    assert read_texts(before).description == "one"
    (tmp_path / "cat.txt").write_text("two")
    os.utime(tmp_path / "cat.txt", ns=(0, before.companions[0].mtime_ns + 1))
    (after,) = scan([tmp_path])
    assert read_texts(after.entry).description == "two"


# Writing the box


def test_a_box_is_kept(tmp_path: Path) -> None:
    """The chosen box is written beside the file, and wins over the guess."""
    entry = entry_beside(tmp_path, {}, "badhands.pt")
    assert box_of(entry) == "negative"
    write_box(entry, "positive")
    (after,) = scan([tmp_path])
    assert box_of(after.entry) == "positive"
    assert sorted(os.listdir(tmp_path)) == ["badhands.json", "badhands.pt"]


def test_other_keys_stay_as_they_are(tmp_path: Path) -> None:
    """What A1111 and others keep in a sidecar survives, order, letters and numbers included."""
    others = {"notes": "猫", "preferred weight": 0.7, "tags": [1, {"a": None}], "zeta": "\ud800"}
    entry = entry_beside(tmp_path, {"cat.json": json.dumps(others)})
    write_box(entry, "negative")
    write_box(entry, "positive")
    kept = json.loads((tmp_path / "cat.json").read_bytes().decode("utf-8", "surrogatepass"))
    assert list(kept.items()) == [*others.items(), ("prompt box", "positive")]


def test_an_existing_sidecar_keeps_name_and_mode(tmp_path: Path) -> None:
    """The file that is there is the one that is changed, with its permissions."""
    entry = entry_beside(tmp_path, {"Cat.JSON": "{}"})
    (tmp_path / "Cat.JSON").chmod(0o640)
    write_box(entry, "negative")
    assert sorted(os.listdir(tmp_path)) == ["Cat.JSON", "cat.pt"]
    assert (tmp_path / "Cat.JSON").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("text", ["[]", "{", "", "[" * 100_000])
def test_a_damaged_sidecar_is_not_overwritten(tmp_path: Path, text: str) -> None:
    """A sidecar that cannot be read may be worth repairing: it stays as it is."""
    entry = entry_beside(tmp_path, {"cat.json": text})
    with pytest.raises(SidecarError, match=r"cat\.json is damaged: repair or delete it first"):
        write_box(entry, "negative")
    assert (tmp_path / "cat.json").read_text() == text


def test_a_folder_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read-only folder gives one sentence that names the file, and nothing is left behind."""
    entry = entry_beside(tmp_path, {"cat.json": '{"notes": "n"}'})

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(SidecarError, match=r"cat\.json cannot be written: Permission denied$"):
        write_box(entry, "negative")
    assert sorted(os.listdir(tmp_path)) == ["cat.json", "cat.pt"]
    assert (tmp_path / "cat.json").read_text() == '{"notes": "n"}'
