"""Texts beside an embedding, and the prompt field its name goes to."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lib_embeddings import scan
from lib_embeddings.entries.notes import Texts, read_texts
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
        pytest.param(
            {"cat.json": '{"prompt box": "negative"}'}, Texts(field="negative"), id="prompt field"
        ),
        pytest.param({"cat.json": '{"prompt box": "left"}'}, Texts(), id="no prompt field"),
        pytest.param({"cat.json": '{"prompt box": ["negative"]}'}, Texts(), id="list of fields"),
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
