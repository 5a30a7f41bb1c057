"""An embedding in the pixels of a picture."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import struct
import tracemalloc
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from lib_embeddings.errors import BrokenFile, EmbeddingError, LimitExceeded, NotAnEmbedding
from lib_embeddings.formats.containers import picture_pixels as picture_pixels_module
from lib_embeddings.formats.containers.picture_pixels import key_stream
from lib_embeddings.formats.embedding import Tensor
from lib_embeddings.limits import LIMITS
from tests.builders import (
    Array,
    BadFile,
    good_files,
    json_payload,
    open_bytes,
    picture_pixels,
    png,
    png_chunk,
    read,
    strip_pixels,
    vectors,
)
from tests.builders import (
    key_stream as keys,
)

_BROKEN = "this picture is damaged; download it again"
_RESIZED = "the embedding in this picture's pixels is damaged: the picture was resized or repacked"
_TOO_LARGE = "this picture is larger than any picture with an embedding in it"
_NOTHING = "this is a PNG picture with no embedding in it"
PIXELS = strip_pixels()


def _header(width: int, height: int) -> bytes:
    return struct.pack(">2L5B", width, height, 8, 2, 0, 0, 0)


def _damaged_strips() -> bytes:
    """Return a picture whose first pixels are right and the rest is not."""
    pixels = PIXELS.copy()
    width = int(np.flatnonzero(~PIXELS.any(axis=(0, 2)))[0])
    pixels[1:, :width] = pixels[1:, :width] ^ 1
    return png(pixels)


_MOST_ROWS = LIMITS.picture_pixels // 2048
_MOST_BLACK = zlib.compress(bytes(_MOST_ROWS * (2048 * 3 + 1)), 9)

BAD_FILES = (
    BadFile("ordinary", png(), NotAnEmbedding, _NOTHING),
    BadFile("all black", png(np.zeros((9, 9, 3), np.uint8)), NotAnEmbedding, _NOTHING),
    BadFile(
        "grey", png(header=struct.pack(">2L5B", 4, 4, 8, 0, 0, 0, 0)), NotAnEmbedding, _NOTHING
    ),
    BadFile(
        "palette", png(header=struct.pack(">2L5B", 4, 4, 8, 3, 0, 0, 0)), NotAnEmbedding, _NOTHING
    ),
    BadFile(
        "16 bits", png(header=struct.pack(">2L5B", 4, 4, 16, 2, 0, 0, 0)), NotAnEmbedding, _NOTHING
    ),
    BadFile("strips damaged", _damaged_strips(), BrokenFile, _RESIZED),
    BadFile(
        "strips of other data",
        picture_pixels(zlib.compress(b"{nothing}")),
        BrokenFile,
        "the embedding in this picture is not A1111's JSON",
    ),
    BadFile(
        "strips of a bomb",
        picture_pixels(zlib.compress(bytes(20 * 2**20), 9)),
        LimitExceeded,
        "4,194,305 bytes of packed text in a picture, expected at most 4,194,304",
    ),
    BadFile("not packed", png(packed=b"no zlib stream"), BrokenFile, _BROKEN),
    BadFile(
        "no pixels", png(packed=b""), BrokenFile, "this picture is cut short before its first pixel"
    ),
    BadFile(
        "no header", b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", b"")[:-4], BrokenFile, "cut short"
    ),
    BadFile("strips cut", png(PIXELS)[:-400], BrokenFile, "cut short"),
    BadFile(
        "100 megapixels",
        png(PIXELS, header=_header(10_000, 10_000)),
        NotAnEmbedding,
        _TOO_LARGE,
    ),
    BadFile(
        "400 megapixels",
        png(PIXELS, header=_header(20_000, 20_000)),
        NotAnEmbedding,
        _TOO_LARGE,
    ),
    BadFile(
        "2**62 pixels",
        png(PIXELS, header=_header(2**31 - 1, 2**31 - 1)),
        NotAnEmbedding,
        _TOO_LARGE,
    ),
    BadFile("no width", png(PIXELS, header=_header(0, 100)), BrokenFile, _BROKEN),
    BadFile("webp", b"RIFF\x20\0\0\0WEBPVP8L" + bytes(20), BrokenFile, _BROKEN),
    BadFile(
        "as much black as is read",
        png(packed=_MOST_BLACK, header=_header(2048, _MOST_ROWS)),
        NotAnEmbedding,
        _NOTHING,
    ),
)


@pytest.mark.parametrize("bad", BAD_FILES, ids=lambda bad: bad.id)
def test_refuses_a_file_that_is_wrong(bad: BadFile) -> None:
    """A picture that is wrong in one way is refused with the reason, in bounded memory."""
    tracemalloc.start()
    with pytest.raises(bad.error, match=bad.message) as caught:
        read(bad.data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert type(caught.value) is bad.error
    assert peak < 100_000_000


def test_the_bound_on_pixels_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture at the bound is read; at one pixel more it is not decoded."""
    height, width, _ = PIXELS.shape
    for most, is_read in ((height * width, True), (height * width - 1, False)):
        bound = dataclasses.replace(LIMITS, picture_pixels=most)
        monkeypatch.setattr(picture_pixels_module, "LIMITS", bound)
        if is_read:
            assert read(picture_pixels()).container == "picture-pixels"
        else:
            with pytest.raises(NotAnEmbedding, match=_TOO_LARGE):
                read(picture_pixels())


def test_reads_the_embedding() -> None:
    """The strips give the vectors, the stored name and what else A1111 wrote."""
    embedding = read(picture_pixels())
    assert embedding.container == "picture-pixels"
    assert embedding.vectors["clip_l"].tolist() == vectors().tolist()
    assert embedding.stored_name == "stored"


@pytest.mark.parametrize("height", [3, 7, 64, 301])
def test_reads_strips_of_any_height(height: int) -> None:
    """Strips fill the height of any picture, with the payload repeated."""
    picture = np.full((height, 5, 3), 200, np.uint8)
    assert read(png(strip_pixels(picture=picture))).vectors["clip_l"].shape == (1, 768)


@pytest.mark.parametrize("margin", [1, 20])
def test_cuts_a_black_frame_off(margin: int) -> None:
    """Black that a site put around the picture does not matter."""
    framed = np.pad(PIXELS, ((margin, margin), (margin, margin), (0, 0)))
    assert read(png(framed)).vectors["clip_l"].tolist() == vectors().tolist()


def test_reads_a_lossless_webp() -> None:
    """Every lossless format that Pillow can read will do."""
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, "WEBP", lossless=True)
    assert read(buffer.getvalue()).vectors["clip_l"].tolist() == vectors().tolist()


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_reads_what_pillow_writes(mode: str) -> None:
    """A PNG of any filter, with or without alpha, gives the same pixels."""
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(buffer, "PNG", optimize=True)
    assert read(buffer.getvalue()).vectors["clip_l"].tolist() == vectors().tolist()


def _photo(size: int = 256) -> Array:
    """Return a picture like a photo: slopes and noise."""
    slope = np.add.outer(np.arange(size) * 0.3, np.arange(size) * 0.2)[..., None]
    noise = np.random.default_rng(0).normal(0, 9, (size, size, 3))
    return np.clip(slope + noise + np.array([30, 60, 90]), 1, 255).astype(np.uint8)


def test_tells_a_photo() -> None:
    """A photo, whose packed pixels begin with a long table, is sound and holds no embedding."""
    for level in (1, 6, 9):
        rows = b"".join(b"\0" + row.tobytes() for row in _photo())
        data = png(_photo(), packed=zlib.compress(rows, level))
        with pytest.raises(NotAnEmbedding, match=_NOTHING):
            read(data)


def test_reads_strips_around_a_photo() -> None:
    """The same table does not hide the strips of a real picture."""
    photo = _photo(512)
    random = np.random.default_rng(1)
    many = json_payload(random.normal(0, 0.1, (4, 768)).tolist())
    data = png(strip_pixels(zlib.compress(many, 9), photo))
    assert read(data).vectors["clip_l"].shape == (4, 768)


def test_reads_pixels_that_come_in_small_chunks() -> None:
    """Packed pixels may be cut into chunks of any length."""
    height, width, _ = PIXELS.shape
    rows = zlib.compress(b"".join(b"\0" + row.tobytes() for row in PIXELS))
    pieces = b"".join(png_chunk(b"IDAT", rows[i : i + 1]) for i in range(40))
    data = png(PIXELS, before=pieces, packed=rows[40:])
    assert (height, width) == PIXELS.shape[:2]
    assert read(data).vectors["clip_l"].shape == (1, 768)


def test_notices_every_cut() -> None:
    """A picture cut before its last pixel is broken; after it, the embedding is whole."""
    data = good_files()["picture pixels"]
    for length in range(len(data)):
        try:
            embedding = read(data[:length])
        except EmbeddingError:
            continue
        assert length > data.index(b"IEND") - 20
        assert (embedding.vectors["clip_l"] == 0.25).all()


def test_costs_an_ordinary_picture_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture that cannot have strips is not decoded."""
    monkeypatch.setattr(picture_pixels_module, "_decode", None)
    data = png(packed=zlib.compress(b"\0" + b"\xde" * 100), header=_header(100_000, 100_000))
    assert picture_pixels_module.read(open_bytes(data)) is None


def test_makes_the_key_stream_of_a1111() -> None:
    """The keys made in blocks are those made one after another."""
    assert key_stream(10_000).tolist() == keys(10_000).tolist()


@pytest.mark.parametrize(
    ("head", "is_picture"),
    [
        (b"\x89PNG\r\n\x1a\n", True),
        (b"RIFF\0\0\0\0WEBPVP8L", True),
        (b"RIFF\0\0\0\0WEBPVP8X", True),
        (b"RIFF\0\0\0\0WEBPVP8 ", False),
        (b"\0\0\0\x20ftypavif", True),
        (b"\0\0\0\x20ftypavis", True),
        (b"\xff\x0a\0\0", True),
        (b"\0\0\0\x0cJXL \r\n\x87\n", True),
        (b"\xff\xd8\xff\xe0", False),
        (b"", False),
    ],
)
def test_accepts_what_can_be_lossless(head: bytes, is_picture: bool) -> None:
    """Formats that always lose something are not looked into."""
    assert picture_pixels_module.accepts(head) is is_picture


def test_whatever_pillow_raises_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """The libraries behind Pillow's formats raise errors of their own, with addresses in them."""

    def fail(stream: object, **_: object) -> None:
        raise RuntimeError(f"Failed to decode {stream}")

    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(BrokenFile, match=f"^{_BROKEN}$"):
        read(picture_pixels())


def test_too_little_memory_is_not_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Pillow runs out of memory, the picture may be sound."""

    def fail(_picture: object) -> None:
        raise OSError("out of memory error when reading image file")  # Pillow's own words

    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    with pytest.raises(MemoryError):
        read(picture_pixels())


@pytest.mark.parametrize("format_", ["PNG", "WEBP"])
def test_damaged_pictures_are_refused_in_silence(format_: str) -> None:
    """With any byte of a picture changed there is an embedding, a sentence, or nothing."""
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, format_, lossless=True)
    data = buffer.getvalue()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for position in range(0, len(data), max(1, len(data) // 300)):
            changed = data[:position] + bytes([data[position] ^ 0xFF]) + data[position + 1 :]
            with contextlib.suppress(EmbeddingError):
                read(changed)


def test_leaves_a_format_alone_that_pillow_cannot_read() -> None:
    """Where Pillow has no JPEG XL, such a picture holds nothing we could find."""
    Image.init()
    if "JXL" in Image.OPEN:
        pytest.skip("this Pillow reads JPEG XL")
    assert picture_pixels_module.read(open_bytes(b"\xff\x0a" + bytes(100))) is None


def test_reads_the_json_of_a1111() -> None:
    """The strips hold the JSON, with its tensors."""
    contents = picture_pixels_module.read(open_bytes(picture_pixels()))
    assert contents is not None
    assert isinstance(contents.tree, dict)
    assert isinstance(contents.tree["string_to_param"]["*"], Tensor)
    assert contents.tree.keys() == json.loads(json_payload()).keys()
