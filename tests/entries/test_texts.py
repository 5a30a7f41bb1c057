"""Texts beside embeddings: how they are read, and how people edit them."""

from __future__ import annotations

import codecs
import errno
import io
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib_embeddings import scan
from lib_embeddings.entries import read, texts, writing
from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.sidecars import (
    TextEdit,
    complete_sidecar,
    write_texts,
    written_texts,
)
from lib_embeddings.entries.texts import TEXT_KEYS, Texts, read_texts
from lib_embeddings.errors import WriteError
from lib_embeddings.limits import LIMITS
from tests.builders import torch_zip
from tests.effort import effort


def entry_beside(folder: Path, files: dict[str, str | bytes], name: str = "cat.pt") -> Entry:
    """Return the entry of an embedding beside which other files lie."""
    (folder / name).write_bytes(torch_zip())
    for filename, text in files.items():
        (folder / filename).write_bytes(text if isinstance(text, bytes) else text.encode())
    (found,) = scan([folder])
    return found.entry


def test_a_text_that_is_away_for_a_moment(tmp_path: Path) -> None:
    """A deleted embedding that is restored has its texts again, though their times are the same."""
    entry = entry_beside(tmp_path, {"cat.json": '{"notes": "n"}', "cat.txt": "a cat"})
    (tmp_path / "cat.json").rename(tmp_path / "away")
    assert read_texts(entry) == Texts(description="a cat")
    (tmp_path / "away").rename(tmp_path / "cat.json")
    assert read_texts(entry).notes == "n"


def test_a_refused_file_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says nothing, and what lies beside it is read all the same, also once."""
    entry = entry_beside(tmp_path, {"cat.json": "{}", "cat.txt": "a cat"})
    opened = list[str]()

    def open_file(path: str) -> AbstractContextManager[io.FileIO]:
        opened.append(os.path.basename(path))
        if path.endswith(".json"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return read.open_file(path)

    monkeypatch.setattr(texts, "open_file", open_file)
    assert read_texts(entry) == Texts(description="a cat")
    assert sorted(opened) == ["cat.json", "cat.txt"]


SAVED_BY_A1111 = json.dumps(
    {"description": "a cat", "sd version": "SD1", "activation text": "", "notes": "mind the paws"}
)


def sidecar(blanks: str, notes: str) -> str:
    """Return the JSON of A1111 with blanks in it."""
    return f'{{{blanks}"notes": "{notes}"}}'


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
        pytest.param({"cat.json": sidecar(" " * 4_000_000, "n")}, Texts("n"), id="4 MB"),
        pytest.param({"cat.json": sidecar(" " * 4_300_000, "n")}, Texts(), id="huge"),
        pytest.param({"cat.json": "[0," * 2_000_000}, Texts(), id="too many values"),
        pytest.param(
            {"cat.json": sidecar("", "x" * 100_001)}, Texts("x" * 100_000), id="more than is shown"
        ),
        pytest.param({"cat.txt": "café".encode("latin-1")}, Texts("", "café"), id="Latin-1"),
        pytest.param({"cat.txt": b"\x93caf\xe9\x94"}, Texts("", "“café”"), id="Windows"),
        pytest.param(
            {"cat.txt": "負面 text 提示".encode("gbk")}, Texts("", "負面 text 提示"), id="GBK"
        ),
        pytest.param({"cat.txt": "résumé".encode("latin-1")}, Texts("", "résumé"), id="not GBK"),
        pytest.param({"cat.txt": "汉字".encode("utf-16")}, Texts("", "汉字"), id="UTF-16"),
        pytest.param({"cat.txt": "text".encode("utf-16-be")}, Texts("", "text"), id="no mark"),
        pytest.param({"cat.json": sidecar("", "汉字").encode("gbk")}, Texts("汉字"), id="GBK JSON"),
        pytest.param({"cat.json": sidecar("", "é").encode("utf-16")}, Texts("é"), id="UTF-16 JSON"),
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


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<p>One &amp; <b>two</b></p>\n<p>three</p>", "One & two\nthree"),
        ("line<br/>line<BR >line", "line\nline\nline"),
        ("<ul><li>a</li><li>b</li></ul>", "a\nb"),
        ("a<script>alert(1)</script>b<style>p {}</style>c<!-- d -->", "abc"),
        ("a<script>alert(1)", "a"),
        ('<a href="https://x.example/?a=1&b=2" target=_blank>link</a>', "link"),
        ('<img src=x onerror="alert(1)">', ""),
        (
            "use <lora:x:0.8> with <s1> and <easynegative>",
            "use <lora:x:0.8> with <s1> and <easynegative>",
        ),
        ("1 < 2 &amp; 3 > 2", "1 < 2 &amp; 3 > 2"),
        ("<p>&lt;s1&gt; is the word</p>", "<s1> is the word"),
    ],
)
def test_html_is_shown_as_its_text(tmp_path: Path, written: str, shown: str) -> None:
    """Sites write their descriptions as HTML; words in angle brackets that are no tags stay."""
    entry = entry_beside(tmp_path, {"cat.json": json.dumps({"description": written})})
    assert read_texts(entry).description == shown


@pytest.mark.parametrize(
    "piece", ["<", "<a ", "<br", "<!--", "<script>", "</p ", "&lt;", "\n ", "<p>"]
)
def test_tags_without_end_cost_little(tmp_path: Path, piece: str) -> None:
    """Text that only begins like tags is searched once, and not from each of its beginnings."""
    entry = entry_beside(tmp_path, {"cat.txt": piece * 100_000 + "<p>"})
    assert effort(lambda: read_texts(entry)) < 10


# What people edit

OTHERS = """{
  "sd version":"SD1", "preferred weight" : 0.70,
    "notes"  :   "old",\t
  "mine": {"notes": "deep", "b": [1e5, 12345678901234567890123, "\\u00e9 \\/"]},
  "activation text": "",
  "empty": {} , "last":null
}
"""


def edit(folder: Path, entry: Entry, **after: str) -> str:
    """Edit texts as somebody does who has just read them; return what the sidecar holds."""
    before = written_texts(entry)
    write_texts(entry, {word: TextEdit(before[word], text) for word, text in after.items()})
    return (folder / "cat.json").read_bytes().decode()


def test_a_first_text_makes_the_sidecar(tmp_path: Path) -> None:
    """It is as A1111 writes it: its keys, four spaces, letters as letters."""
    entry = entry_beside(tmp_path, {})
    written = edit(tmp_path, entry, notes="плам", description="", trigger_words="a cat, cats")
    assert written == '{\n    "notes": "плам",\n    "activation text": "a cat, cats"\n}'
    (found,) = scan([tmp_path])
    assert read_texts(found.entry) == Texts("плам", trigger_words="a cat, cats")
    assert sorted(os.listdir(tmp_path)) == ["cat.json", "cat.pt"]


def test_other_keys_are_kept_to_the_byte(tmp_path: Path) -> None:
    """An edit changes the value of its key; a key that is new comes last, in the file's style."""
    entry = entry_beside(tmp_path, {"cat.json": OTHERS})
    written = edit(tmp_path, entry, notes='a "new"\none', description="d")
    assert written == OTHERS.replace('"old"', '"a \\"new\\"\\none"').replace(
        "null\n", 'null,\n  "description": "d"\n'
    ).replace('"last":null,\n  ', '"last":null, ')


@given(
    st.dictionaries(st.text(), st.recursive(st.none() | st.integers() | st.text(), st.lists)),
    st.sampled_from(["notes", "description", "trigger_words"]),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    st.sampled_from([None, 0, 3]),
)
def test_any_other_keys_are_kept(
    tmp_path_factory: pytest.TempPathFactory,
    document: dict[str, object],
    word: str,
    text: str,
    indent: int | None,
) -> None:
    """All other keys of a sidecar, and its layout, stay as they were."""
    tmp_path = tmp_path_factory.mktemp("texts")
    document = {key: document[key] for key in document.keys() - TEXT_KEYS.values()}
    entry = entry_beside(tmp_path, {"cat.json": json.dumps(document, indent=indent)})
    written = edit(tmp_path, entry, **{word: text})
    assert json.loads(written) == {**document, TEXT_KEYS[word]: text}
    emptied = edit(tmp_path, entry, **{word: ""})
    assert json.loads(emptied) == {**document, TEXT_KEYS[word]: ""}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_the_encoding_is_kept(tmp_path: Path, encoding: str) -> None:
    """A mark of some editor's at the beginning stays there."""
    entry = entry_beside(tmp_path, {"cat.json": '{"notes": "é", "b": "ü"}'.encode(encoding)})
    edit_of = {"notes": TextEdit("é", "猫")}
    write_texts(entry, edit_of)
    assert (tmp_path / "cat.json").read_bytes() == '{"notes": "猫", "b": "ü"}'.encode(encoding)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"notes",
        b'{"notes": "a",}',
        b'{"notes": "\xe9"}',
        b'{"notes": 5}',
        codecs.BOM_UTF16_BE + '{"notes": "a"}'.encode("utf-16-be"),
        b'{"a":' * 100_000,
    ],
)
def test_what_is_not_understood_is_left_alone(tmp_path: Path, data: bytes) -> None:
    """A sidecar that nobody can edit without a loss is refused with a sentence."""
    entry = entry_beside(tmp_path, {"cat.json": data})
    with pytest.raises(WriteError, match=r"^cat\.json is not JSON that can be edited here: fix"):
        write_texts(entry, {"notes": TextEdit(written_texts(entry)["notes"], "b")})
    assert (tmp_path / "cat.json").read_bytes() == data


def test_a_huge_sidecar_is_left_alone(tmp_path: Path) -> None:
    """A sidecar that is too large to read is not edited either."""
    data = b'{"a": "' + b"x" * LIMITS.sidecar_bytes + b'"}'
    entry = entry_beside(tmp_path, {"cat.json": data})
    with pytest.raises(WriteError, match="not JSON that can be edited here"):
        write_texts(entry, {"notes": TextEdit("", "b")})


def test_of_two_writers_the_slower_is_told(tmp_path: Path) -> None:
    """An edit of an older text does not replace the newer one; other texts do not matter."""
    entry = entry_beside(tmp_path, {"cat.json": '{"notes": "old"}'})
    write_texts(entry, {"notes": TextEdit("old", "new")})
    with pytest.raises(WriteError, match="the notes changed elsewhere"):
        write_texts(entry, {"notes": TextEdit("old", "mine"), "description": TextEdit("", "d")})
    write_texts(entry, {"trigger_words": TextEdit("", "w")})
    assert written_texts(entry) == {"notes": "new", "description": "", "trigger_words": "w"}


def test_another_program_that_writes_in_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A text that it writes meanwhile stays."""
    entry = entry_beside(tmp_path, {"cat.json": '{"notes": "old"}'})
    sync = os.fsync

    def write_and_sync(number: int) -> None:
        (tmp_path / "cat.json").write_text('{"notes": "old", "theirs": 1}')
        sync(number)

    monkeypatch.setattr(os, "fsync", write_and_sync)
    with pytest.raises(WriteError, match=r"cat\.json has just changed: try again"):
        write_texts(entry, {"notes": TextEdit("old", "new")})
    assert (tmp_path / "cat.json").read_text() == '{"notes": "old", "theirs": 1}'
    assert sorted(os.listdir(tmp_path)) == ["cat.json", "cat.pt"]


def test_two_writers_in_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second waits for the first, and reads what that one wrote: both texts are there."""
    entry = entry_beside(tmp_path, {"cat.json": "{}"})
    sync, others = os.fsync, list[threading.Thread]()

    def sync_as_another_comes(number: int) -> None:
        if not others:
            arguments = entry, {"sd version": "SD1"}
            others.append(threading.Thread(target=complete_sidecar, args=arguments))
            others[0].start()
            others[0].join(0.2)  # ample for one that waits for nobody
        sync(number)

    monkeypatch.setattr(os, "fsync", sync_as_another_comes)
    write_texts(entry, {"notes": TextEdit("", "mine")})
    others[0].join()
    texts = json.loads((tmp_path / "cat.json").read_text())
    assert texts == {"notes": "mine", "sd version": "SD1"}


def test_a_description_in_a_text_file(tmp_path: Path) -> None:
    """It is edited in the sidecar, which comes first; it cannot be emptied there."""
    entry = entry_beside(tmp_path, {"cat.txt": "<b>old</b>"})
    assert written_texts(entry)["description"] == "<b>old</b>"
    assert json.loads(edit(tmp_path, entry, description="new")) == {"description": "new"}
    (found,) = scan([tmp_path])
    with pytest.raises(WriteError, match="is also in a text file beside it: empty that file"):
        write_texts(found.entry, {"description": TextEdit("new", "")})
    assert (tmp_path / "cat.txt").read_text() == "<b>old</b>"


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_a_disk_that_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """One sentence says what cannot be written, and all is as before."""
    entry = entry_beside(tmp_path, {"cat.json": '{"notes": "old"}'})

    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(WriteError, match=rf"^cat\.json cannot be written: {os.strerror(code)}"):
        write_texts(entry, {"notes": TextEdit("old", "new")})
    assert (tmp_path / "cat.json").read_text() == '{"notes": "old"}'
    assert sorted(os.listdir(tmp_path)) == ["cat.json", "cat.pt"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system kills in another way")
def test_a_process_that_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old text is there, whole; the next writer removes the draft that was left."""
    entry = entry_beside(tmp_path, {"cat.json": '{"notes": "old"}'})
    code = f"""
import os, signal
from lib_embeddings import scan
from lib_embeddings.entries.sidecars import TextEdit, write_texts
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
(found,) = scan([{str(tmp_path)!r}])
write_texts(found.entry, {{"notes": TextEdit("old", "new")}})
"""
    killed = subprocess.run([sys.executable, "-c", code], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert (tmp_path / "cat.json").read_text() == '{"notes": "old"}'
    assert len(os.listdir(tmp_path)) == 3
    monkeypatch.setattr(writing, "LIMITS", replace(LIMITS, unfinished_seconds=-1))
    write_texts(entry, {"notes": TextEdit("old", "new")})
    assert sorted(os.listdir(tmp_path)) == ["cat.json", "cat.pt"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """The target of the link is edited, and keeps its permissions."""
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "elsewhere" / "texts.json"
    target.write_text("{}")
    target.chmod(0o640)
    (tmp_path / "cat.json").symlink_to(target)
    entry = entry_beside(tmp_path, {})
    assert edit(tmp_path, entry, notes="n") == target.read_text() == '{"notes": "n"}'
    assert (tmp_path / "cat.json").is_symlink()
    assert target.stat().st_mode & 0o777 == 0o640
