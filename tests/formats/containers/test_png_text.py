"""PNG pictures with an embedding in a text chunk."""

from __future__ import annotations

import base64
import struct
import tracemalloc
import zlib

import pytest

from lib_embeddings.errors import BrokenFile, EmbeddingError, LimitExceeded, NotAnEmbedding
from lib_embeddings.formats.containers import png_text as png_text_module
from lib_embeddings.limits import LIMITS
from tests.builders import (
    Lie,
    good_files,
    json_payload,
    open_bytes,
    png,
    png_chunk,
    png_text,
    read,
    text_chunk,
    vectors,
)

_DAMAGED = r"the embedding in this picture is damaged \("
_BOMB = b"\0" + zlib.compress(bytes(100 * 2**20), 9)


def _json(text: bytes) -> bytes:
    return png_text(base64.b64encode(text), is_packed=True)


LIES = (
    Lie("not base64", png_text(b"%%%%"), BrokenFile, "the embedding in this picture is not base64"),
    Lie(
        "base64 cut", png_text(b"abcde"), BrokenFile, "the embedding in this picture is not base64"
    ),
    Lie("no text", png_text(b""), BrokenFile, _DAMAGED),
    Lie(
        "crc",
        png(before=text_chunk(crc=1)),
        BrokenFile,
        "damaged: the checksum of the embedding in this picture does not match",
    ),
    Lie(
        "not packed",
        png(before=png_chunk(b"zTXt", b"sd-ti-embedding\0\0abc")),
        BrokenFile,
        _DAMAGED,
    ),
    Lie(
        "packed, cut",
        png(before=png_chunk(b"zTXt", b"sd-ti-embedding\0" + _BOMB[:50])),
        BrokenFile,
        _DAMAGED,
    ),
    Lie(
        "zTXt bomb",
        png(before=png_chunk(b"zTXt", b"sd-ti-embedding\0" + _BOMB)),
        LimitExceeded,
        "over the limit for packed JSON text, in bytes: at most 8,388,608",
    ),
    Lie("not JSON", _json(b"{nothing}"), BrokenFile, _DAMAGED),
    Lie("not text", _json(b"\xff\xff\xff"), BrokenFile, _DAMAGED),
    Lie("deep JSON", _json(b"[" * 9_000), BrokenFile, _DAMAGED),
    Lie("ragged", _json(json_payload([[1, 2], [3]])), BrokenFile, _DAMAGED),
    Lie("5000 digits", _json(b"[" + b"1" * 5000 + b"]"), BrokenFile, _DAMAGED),
    Lie("other JSON", _json(b"[1, 2]"), NotAnEmbedding, "not an embedding: it holds no tensors"),
    Lie(
        "NaN",
        _json(json_payload([[float("nan")] * 768])),
        BrokenFile,
        "768 of its 768 numbers are NaN or infinite",
    ),
    Lie(
        "too large a number",
        _json(json_payload([[1e300] * 768])),
        BrokenFile,
        "768 of its 768 numbers are NaN or infinite",
    ),
    Lie("pickle in base64", _json(b"cposix\nsystem\n."), BrokenFile, _DAMAGED),
    Lie(
        "chunk past the end",
        b"\x89PNG\r\n\x1a\n" + png_chunk(b"tEXt", b"sd-ti-embedding\0", length=2**31),
        LimitExceeded,
        "text in a picture, in bytes: at most 12,582,912 are read, found 2,147,483,648",
    ),
    Lie(
        "chunk one past the end",
        b"\x89PNG\r\n\x1a\n" + png_chunk(b"tEXt", b"sd-ti-embedding\0", length=17),
        BrokenFile,
        "cut short: expected at least 37 bytes, found 36",
    ),
)


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.id)
def test_finds_the_lie(lie: Lie) -> None:
    """A chunk that is wrong in one way is refused with the reason."""
    with pytest.raises(lie.error, match=lie.message):
        read(lie.data)


@pytest.mark.parametrize("is_packed", [False, True])
def test_reads_the_embedding(is_packed: bool) -> None:
    """Both kinds of chunk give the vectors, the stored name and what else A1111 wrote."""
    embedding = read(png_text(is_packed=is_packed))
    assert embedding.container == "png-text"
    assert embedding.vectors["clip_l"].tolist() == vectors().tolist()
    assert embedding.dtypes == {"clip_l": "float64"}
    assert embedding.stored_name == "stored"
    assert embedding.metadata["step"] == 100


def test_reads_past_other_chunks() -> None:
    """Chunks of other kinds and texts of other keywords are passed over."""
    other = png_chunk(b"tEXt", b"parameters\0a cat") + png_chunk(b"eXIf", bytes(100))
    assert read(png(before=other + text_chunk())).container == "png-text"


def test_finds_nothing_in_an_ordinary_picture() -> None:
    """A picture without the chunk holds nothing for this reader."""
    assert png_text_module.read(open_bytes(png())) is None


def test_ends_where_the_file_ends() -> None:
    """Chunks are counted up to a bound, and a chunk that claims to be huge ends the picture."""
    assert (
        png_text_module.read(open_bytes(png(before=png_chunk(b"aaAa", b"", length=2**31)))) is None
    )
    many = png(before=png_chunk(b"aaAa", b"") * LIMITS.png_chunks + text_chunk())
    assert png_text_module.read(open_bytes(many)) is None


def test_decodes_no_pixel() -> None:
    """A picture that claims to be gigantic costs nothing when its embedding is in a chunk."""
    huge = struct.pack(">2L5B", 2**31 - 1, 2**31 - 1, 8, 2, 0, 0, 0)
    tracemalloc.start()
    embedding = read(png(before=text_chunk(), header=huge))
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()
    assert embedding.vectors["clip_l"].shape == (1, 768)


@pytest.mark.parametrize("name", ["png text", "png packed text"])
def test_notices_every_cut(name: str) -> None:
    """A picture cut before its chunk is complete is broken; after it, the embedding is whole."""
    data = good_files()[name]
    complete = data.index(b"IDAT") - 4
    for length in range(len(data)):
        if length < complete:
            with pytest.raises(EmbeddingError):
                read(data[:length])
        else:
            assert read(data[:length]).vectors["clip_l"].shape == (1, 768)


def test_bounds_the_memory_of_small_values() -> None:
    """JSON of a million empty dicts, packed into 4 KB, takes neither 100 MB nor a second."""
    text = b"[" + b"{}," * 1_500_000 + b"{}]"
    tracemalloc.start()
    with pytest.raises(EmbeddingError):
        read(_json(text))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000_000
