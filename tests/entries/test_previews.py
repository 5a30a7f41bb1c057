"""The pictures that show an embedding: which lie beside it, who puts one there, what is kept."""

from __future__ import annotations

import errno
import io
import os
import socket
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO

import pytest
from PIL import Image

from lib_embeddings import scan
from lib_embeddings.entries import imaging, previews
from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.imaging import BYTES_A_PIXEL, shrink
from lib_embeddings.entries.previews import Picture, Previews, Thumbnails, pictures_of
from lib_embeddings.entries.texts import Texts, read_texts
from lib_embeddings.errors import BadPicture, WriteError
from lib_embeddings.formats.containers.picture_pixels import open_picture
from lib_embeddings.limits import LIMITS
from tests.builders import png, png_text, torch_zip
from tests.entries.test_imaging import opened, picture
from tests.entries.test_texts import entry_beside

OLD, NEW = picture((8, 8)), picture((16, 16))


def shown_for(folder: Path, *files: str, name: str = "cat.pt") -> str | None:
    """Return which of some files shows an embedding."""
    (folder / name).write_bytes(torch_zip())
    for file in files:
        (folder / file).write_bytes(png())
    found = pictures_of(next(e.entry for e in scan([folder]) if e.entry.place.path == name))
    return os.path.basename(found[0].path) if found else None


@pytest.mark.parametrize(
    ("files", "shown"),
    [
        ((), None),
        (("cat.png",), "cat.png"),
        (("cat.png", "cat.preview.png"), "cat.preview.png"),
        (("cat.preview.avif", "cat.png"), "cat.preview.avif"),
        (("cat.preview.JPG",), "cat.preview.JPG"),
        (("CAT.Preview.WebP",), "CAT.Preview.WebP"),
        (("cat.gif", "cat.jpeg", "cat.jpg"), "cat.jpg"),
        (("cat.preview.txt", "cat.json"), None),
        (("dog.png", "cat2.png", "cat.preview.old.png"), None),
    ],
)
def test_which_picture_is_shown(tmp_path: Path, files: tuple[str, ...], shown: str | None) -> None:
    """A picture that is called preview comes first, then the order of suffixes."""
    assert shown_for(tmp_path, *files) == shown


def test_a_picture_of_another_folder_is_another_matter(tmp_path: Path) -> None:
    """Only what lies in the same folder belongs to an embedding."""
    (tmp_path / "sub").mkdir()
    assert shown_for(tmp_path, "sub/cat.png") is None


def test_names_with_dots(tmp_path: Path) -> None:
    """Only the suffix is taken from a name, however many dots it has."""
    assert shown_for(tmp_path, "v1.preview.png", "v1.5.png", name="v1.5.pt") == "v1.5.png"


def test_a_picture_that_is_an_embedding_shows_itself(tmp_path: Path) -> None:
    """It is its own preview, unless another is called so."""
    (tmp_path / "cat.png").write_bytes(png_text())
    (entry,) = scan([tmp_path])
    itself = Picture(str(tmp_path / "cat.png"), (tmp_path / "cat.png").stat().st_mtime_ns)
    assert pictures_of(entry.entry) == (itself,)
    (tmp_path / "cat.preview.png").write_bytes(png())
    (entry,) = scan([tmp_path])
    first, second = pictures_of(entry.entry)
    assert first.path.endswith("cat.preview.png")
    assert second == itself


def test_a_folder_is_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which picture is shown comes from the scan's own look at the folder: no file is asked for."""
    (tmp_path / "cat.pt").write_bytes(torch_zip())
    (tmp_path / "cat.png").write_bytes(png())
    (entry,) = scan([tmp_path])

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    for name in ("stat", "scandir", "listdir"):
        monkeypatch.setattr(os, name, refuse)
    found = pictures_of(entry.entry)
    monkeypatch.undo()
    assert found


# A picture that somebody puts there


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


# Keeping thumbnails


def test_a_thumbnail_is_made_once(tmp_path: Path) -> None:
    """The second time it is there already, for each width and time of its picture."""
    path = tmp_path / "a.png"
    path.write_bytes(picture())
    thumbnails = Thumbnails(str(tmp_path / "cache"))
    first = thumbnails.get([Picture(str(path), 1)], 32)
    path.unlink()
    assert first is not None
    assert thumbnails.get([Picture(str(path), 1)], 32) == first
    assert Thumbnails(str(tmp_path / "cache")).get([Picture(str(path), 1)], 32) == first
    assert thumbnails.get([Picture(str(path), 1)], 64) is None
    assert thumbnails.get([Picture(str(path), 2)], 32) is None


def test_a_second_picture_is_shown_where_the_first_cannot_be(tmp_path: Path) -> None:
    """Sites save videos as previews, and downloads break off."""
    video = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(100)
    for name, data in (("a.png", video), ("b.png", picture()[:50]), ("c.png", picture())):
        (tmp_path / name).write_bytes(data)
    pictures = [Picture(str(tmp_path / name), 1) for name in ("a.png", "b.png", "c.png", "d.png")]
    thumbnails = Thumbnails(str(tmp_path / "cache"))
    assert opened(thumbnails.get(pictures, 32)).size == (32, 16)
    assert thumbnails.get(pictures[:2], 32) is None
    assert thumbnails.get([], 32) is None


def test_few_pictures_are_decoded_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests meanwhile wait, and share what another has made of the same picture.

    The C library keeps memory for each thread that decoded, a hundred MB of a large picture, until
    it ends: no thread that lives on decodes.
    """
    decoding, most, made, threads = list[str](), list[int](), list[str](), list[threading.Thread]()
    all_wait = threading.Barrier(LIMITS.previews_at_once)

    @contextmanager
    def decode(file: IO[bytes], kinds: Iterable[str]) -> Iterator[Image.Image]:
        decoding.append("one")
        threads.append(threading.current_thread())
        most.append(len(decoding))
        if len(threads) <= LIMITS.previews_at_once:
            all_wait.wait(60)
        with open_picture(file, kinds) as image:
            yield image
        made.append("one")
        decoding.pop()

    monkeypatch.setattr(imaging, "open_picture", decode)
    (tmp_path / "a.png").write_bytes(picture())
    entry = entry_beside(tmp_path, {})
    stores = [Thumbnails(str(tmp_path / name)) for name in ("cache", "offers")]
    asked = [
        *(
            partial(store.get, [Picture(str(tmp_path / "a.png"), time)], 32)
            for store in stores
            for time in range(4)
            for _ in range(3)
        ),
        *[partial(Previews(str(tmp_path / "kept")).put, entry, picture())] * 4,
    ]
    with ThreadPoolExecutor(len(asked)) as pool:
        assert all(pool.map(lambda ask: ask(), asked))
    assert max(most) == LIMITS.previews_at_once
    assert len(made) < len(asked)
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_thumbnail_that_cannot_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """A full disk keeps no part of it, and no draft."""
    (tmp_path / "a.png").write_bytes(picture())

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, refuse)
    thumbnails = Thumbnails(str(tmp_path / "cache"))
    assert thumbnails.get([Picture(str(tmp_path / "a.png"), 1)], 32) is not None
    assert os.listdir(tmp_path / "cache") == []


def test_the_cache_does_not_grow_without_end(tmp_path: Path) -> None:
    """Above its bound the oldest thumbnails go, down to half of it."""
    path = tmp_path / "a.png"
    path.write_bytes(picture())
    size = len(shrink(str(path), 32) or b"")
    thumbnails = Thumbnails(str(tmp_path / "cache"), most_bytes=10 * size)
    for number in range(50):
        thumbnails.get([Picture(str(path), number)], 32)
        kept = list((tmp_path / "cache").iterdir())
        for age, file in enumerate(sorted(kept, key=lambda file: file.stat().st_mtime_ns)):
            os.utime(file, ns=(age, age))
        assert len(kept) <= 10
    path.unlink()
    assert thumbnails.get([Picture(str(path), 49)], 32) is not None


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    """Without a place for them thumbnails are made each time."""
    (tmp_path / "a.png").write_bytes(picture())
    (tmp_path / "cache").write_text("a file where a folder should be")
    thumbnails = Thumbnails(str(tmp_path / "cache"))
    assert thumbnails.get([Picture(str(tmp_path / "a.png"), 1)], 32) is not None


# Anything may lie beside an embedding


def make_special(path: Path, kind: str) -> None:
    """Put something that is no file into a folder."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    else:
        path.symlink_to("/dev/zero")


SPECIAL = pytest.mark.parametrize("kind", ["pipe", "socket", "endless"])
needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no such files")


@needs_pipes
@SPECIAL
def test_what_is_no_file_does_not_belong_to_an_embedding(tmp_path: Path, kind: str) -> None:
    """A pipe would make the first reader wait for ever, and /dev/zero never ends."""
    for ending in (".json", ".txt", ".png"):
        make_special(tmp_path / f"cat{ending}", kind)
    entry = entry_beside(tmp_path, {})
    assert entry.companions == ()
    assert (read_texts(entry), pictures_of(entry)) == (Texts(), ())


@needs_pipes
@SPECIAL
def test_what_takes_the_place_of_a_file_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    """After the scan a text or picture may become a pipe: there is no text and no picture then."""
    entry = entry_beside(tmp_path, {"cat.txt": "text", "cat.png": picture()})
    for ending in (".txt", ".png"):
        (tmp_path / f"cat{ending}").unlink()
        make_special(tmp_path / f"cat{ending}", kind)
    assert read_texts(entry) == Texts()
    assert Thumbnails(str(tmp_path / "cache")).get(pictures_of(entry), 32) is None
