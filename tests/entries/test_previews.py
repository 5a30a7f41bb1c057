"""A picture that somebody puts beside an embedding."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import pytest
from PIL import Image

from lib_embeddings import scan
from lib_embeddings.entries import previews
from lib_embeddings.entries.companions import pictures_of
from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.imaging import BYTES_A_PIXEL
from lib_embeddings.entries.previews import Previews
from lib_embeddings.errors import BadPicture, WriteError
from lib_embeddings.limits import LIMITS
from tests.builders import torch_zip
from tests.entries.test_companions import picture

OLD, NEW = picture((8, 8)), picture((16, 16))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with an embedding."""
    path = tmp_path / "embeddings"
    path.mkdir()
    (path / "cat.v2.pt").write_bytes(torch_zip())
    return path


@pytest.fixture
def kept(tmp_path: Path) -> Previews:
    """Return what puts previews, and keeps those before in a folder of its own."""
    return Previews(str(tmp_path / "kept"))


def entry_in(folder: Path) -> Entry:
    """Return the only entry of a folder."""
    (found,) = scan([folder])
    return found.entry


def contents(folder: Path) -> dict[str, bytes]:
    """Return what lies beside the embedding."""
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.suffix != ".pt"}


@pytest.mark.parametrize(
    ("kind", "ending"), [("PNG", "png"), ("JPEG", "jpg"), ("WEBP", "webp"), ("GIF", "gif")]
)
def test_what_hosts_show_keeps_its_bytes(
    folder: Path, kept: Previews, kind: str, ending: str
) -> None:
    """The file's ending says what it is, whatever it was called before."""
    data = picture(kind=kind)
    kept.put(entry_in(folder), data)
    assert contents(folder) == {f"cat.v2.preview.{ending}": data}
    assert [Path(each.path).name for each in pictures_of(entry_in(folder))] == list(
        contents(folder)
    )


@pytest.mark.parametrize("kind", ["BMP", "AVIF"])
def test_what_few_hosts_show_becomes_webp(folder: Path, kept: Previews, kind: str) -> None:
    """It is written anew, as wide as the page shows it."""
    if f".{kind.lower()}" not in Image.registered_extensions():
        pytest.skip(f"this Pillow writes no {kind}")
    kept.put(entry_in(folder), picture((2048, 512), kind))
    (data,) = contents(folder).values()
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size) == ("WEBP", (1024, 256))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg/>",
        OLD[:-30],
        torch_zip(),
        picture(kind="TIFF"),
        OLD + b"\0" * LIMITS.preview_bytes,
        picture((8, LIMITS.preview_memory // BYTES_A_PIXEL["PNG"] // 8 + 1)),
    ],
    ids=["nothing", "svg", "cut", "embedding", "tiff", "bytes", "pixels"],
)
def test_no_picture(folder: Path, kept: Previews, data: bytes) -> None:
    """A file that cannot be shown is refused, with the kinds of pictures that can."""
    (folder / "cat.v2.preview.png").write_bytes(OLD)
    expected = (
        "expected PNG or GIF of at most 16 megapixels, WebP of 8 or JPEG of 32, with at most 32 MB"
    )
    with pytest.raises(BadPicture, match=f"^this picture cannot be shown: {expected}$"):
        kept.put(entry_in(folder), data)
    assert contents(folder) == {"cat.v2.preview.png": OLD}


@pytest.mark.parametrize("before", [(), ("preview.png",), ("Preview.JPG", "preview.gif", "png")])
def test_undo(folder: Path, kept: Previews, before: tuple[str, ...]) -> None:
    """The new picture is the one preview; undone, all is there that was there before."""
    for ending in before:
        (folder / f"cat.v2.{ending}").write_bytes(OLD)
    was = contents(folder)
    entry = entry_in(folder)
    shown = pictures_of(entry)
    word = kept.put(entry, NEW)
    own = {"cat.v2.png": OLD} if "png" in before else {}
    assert contents(folder) == {**own, "cat.v2.preview.png": NEW}
    kept.undo(entry, word)
    assert (contents(folder), pictures_of(entry_in(folder))) == (was, shown)
    with pytest.raises(WriteError, match="is no longer available"):
        kept.undo(entry, word)


def test_undo_of_an_older_picture(folder: Path, kept: Previews) -> None:
    """A picture that came later, from wherever, stays."""
    entry = entry_in(folder)
    word = kept.put(entry, NEW)
    (folder / "cat.v2.preview.png").write_bytes(OLD)
    with pytest.raises(WriteError, match="another picture has taken its place: it stays"):
        kept.undo(entry, word)
    assert contents(folder) == {"cat.v2.preview.png": OLD}


@pytest.mark.parametrize("word", ["", "../x", "0" * 32])
def test_a_word_that_nobody_got(folder: Path, kept: Previews, word: str) -> None:
    """It leads to nothing."""
    with pytest.raises(WriteError, match="is no longer available"):
        kept.undo(entry_in(folder), word)


def test_what_was_replaced_is_forgotten_after_a_day(
    folder: Path, tmp_path: Path, kept: Previews
) -> None:
    """The folder of ours does not grow without end."""
    entry = entry_in(folder)
    kept.put(entry, OLD)
    (old,) = (tmp_path / "kept").iterdir()
    os.utime(old, (0, 0))
    kept.put(entry, NEW)
    assert old not in (tmp_path / "kept").iterdir()


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_a_folder_that_refuses(
    folder: Path, kept: Previews, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """One sentence says so, and the picture before is there."""
    (folder / "cat.v2.preview.jpg").write_bytes(OLD)
    entry = entry_in(folder)

    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "replace", refuse)
    why = rf"^cat\.v2\.preview\.png cannot be written: {os.strerror(code)}"
    may_write = "; this program may not write into its folder: allow that, or use another one"
    with pytest.raises(WriteError, match=why + ("$" if code == errno.ENOSPC else may_write)):
        kept.put(entry, NEW)
    assert contents(folder) == {"cat.v2.preview.jpg": OLD}


@pytest.mark.parametrize("when", ["write_beside", "_remove"])
def test_a_process_that_dies(
    folder: Path, kept: Previews, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """At any moment there is a whole picture, and what it replaced is kept."""
    (folder / "cat.v2.preview.gif").write_bytes(OLD)
    entry = entry_in(folder)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(previews, when, die)
    with pytest.raises(KeyboardInterrupt):
        kept.put(entry, NEW)
    monkeypatch.undo()
    assert contents(folder)["cat.v2.preview.gif"] == OLD
    kept.undo(entry, kept.put(entry, NEW))
    assert contents(folder).items() >= {"cat.v2.preview.gif": OLD}.items()
