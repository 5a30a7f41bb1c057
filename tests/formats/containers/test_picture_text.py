"""PNG pictures with an embedding in a text chunk."""

from __future__ import annotations

import base64
import struct
import tracemalloc
import zlib

import numpy as np
import pytest

from lib_embeddings.errors import BrokenFile, EmbeddingError, LimitExceeded, NotAnEmbedding
from lib_embeddings.formats.containers import picture_text
from lib_embeddings.formats.containers.picture_text import inflate, parse
from lib_embeddings.formats.embedding import Tensor
from lib_embeddings.limits import LIMITS
from tests.builders import (
    BadFile,
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

_UNPACKED = "damaged: the embedding in this picture cannot be unpacked; download it again"
_OTHER = "the embedding in this picture is not A1111's JSON"
_BOMB = b"\0" + zlib.compress(bytes(100 * 2**20), 9)


def _json(text: bytes) -> bytes:
    return png_text(base64.b64encode(text), is_packed=True)


BAD_FILES = (
    BadFile(
        "not base64", png_text(b"%%%%"), BrokenFile, "the embedding in this picture is not base64"
    ),
    BadFile(
        "base64 cut", png_text(b"abcde"), BrokenFile, "the embedding in this picture is not base64"
    ),
    BadFile("no text", png_text(b""), BrokenFile, _OTHER),
    BadFile(
        "crc",
        png(before=text_chunk(crc=1)),
        BrokenFile,
        "damaged: the checksum of the embedding in this picture does not match",
    ),
    BadFile(
        "not packed",
        png(before=png_chunk(b"zTXt", b"sd-ti-embedding\0\0abc")),
        BrokenFile,
        _UNPACKED,
    ),
    BadFile(
        "packed, cut",
        png(before=png_chunk(b"zTXt", b"sd-ti-embedding\0" + _BOMB[:50])),
        BrokenFile,
        _UNPACKED,
    ),
    BadFile(
        "zTXt bomb",
        png(before=png_chunk(b"zTXt", b"sd-ti-embedding\0" + _BOMB)),
        LimitExceeded,
        "6,291,457 bytes of packed text in a picture, expected at most 6,291,456",
    ),
    BadFile("not JSON", _json(b"{nothing}"), BrokenFile, _OTHER),
    BadFile("not text", _json(b"\xff\xff\xff"), BrokenFile, _OTHER),
    BadFile("deep JSON", _json(b"[" * 9_000), BrokenFile, _OTHER),
    BadFile("ragged", _json(json_payload([[1, 2], [3]])), BrokenFile, _OTHER),
    BadFile("5000 digits", _json(b"[" + b"1" * 5000 + b"]"), BrokenFile, _OTHER),
    BadFile(
        "other JSON", _json(b"[1, 2]"), NotAnEmbedding, "not an embedding: it holds no tensors"
    ),
    BadFile(
        "NaN",
        _json(json_payload([[float("nan")] * 768])),
        BrokenFile,
        "768 of its 768 numbers are NaN or infinite",
    ),
    BadFile(
        "too large a number",
        _json(json_payload([[1e300] * 768])),
        BrokenFile,
        "768 of its 768 numbers are NaN or infinite",
    ),
    BadFile("pickle in base64", _json(b"cposix\nsystem\n."), BrokenFile, _OTHER),
    BadFile(
        "chunk past the end",
        b"\x89PNG\r\n\x1a\n" + png_chunk(b"tEXt", b"sd-ti-embedding\0", length=2**31),
        LimitExceeded,
        "2,147,483,648 bytes of text in a picture, expected at most 6,291,456",
    ),
    BadFile(
        "chunk one past the end",
        b"\x89PNG\r\n\x1a\n" + png_chunk(b"tEXt", b"sd-ti-embedding\0", length=17),
        BrokenFile,
        "cut short: expected at least 37 bytes, found 36",
    ),
)


@pytest.mark.parametrize("bad", BAD_FILES, ids=lambda bad: bad.id)
def test_refuses_a_file_that_is_wrong(bad: BadFile) -> None:
    """A chunk that is wrong in one way is refused with the reason."""
    with pytest.raises(bad.error, match=bad.message):
        read(bad.data)


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
    assert picture_text.read(open_bytes(png())) is None


def test_ends_where_the_file_ends() -> None:
    """Chunks are counted up to a bound, and a chunk that claims to be huge ends the picture."""
    assert picture_text.read(open_bytes(png(before=png_chunk(b"aaAa", b"", length=2**31)))) is None
    many = png(before=png_chunk(b"aaAa", b"") * LIMITS.png_chunks + text_chunk())
    assert picture_text.read(open_bytes(many)) is None


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


# The JSON


def test_reads_tensors_as_float64() -> None:
    """A marked list becomes a tensor of its shape; everything else stays what it is."""
    tree = parse(b'{"a": {"TORCHTENSOR": [[0.1, 2], [3, -4e-3]]}, "b": [1, "x", null]}')
    assert isinstance(tree, dict)
    tensor = tree["a"]
    assert isinstance(tensor, Tensor)
    assert (tensor.dtype, tensor.shape) == ("float64", (2, 2))
    assert tensor.fetch().tolist() == np.float32([[0.1, 2], [3, -4e-3]]).tolist()
    assert tree["b"] == [1, "x", None]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b'{"a": ',
        b'{"a": "\xff"}',
        b"[" * 9_000,
        b'{"TORCHTENSOR": ' * 9_000,
        b'{"TORCHTENSOR": [[1, 2], [3]]}',
        b'{"TORCHTENSOR": ["x"]}',
        b'{"TORCHTENSOR": {"b": 1}}',
        b'{"TORCHTENSOR": [{"TORCHTENSOR": [1]}]}',
        b'{"TORCHTENSOR": [1' + b"0" * 400 + b"]}",
        b'{"TORCHTENSOR": ' + b"[" * 70 + b"1" + b"]" * 70 + b"}",
        b"[" + b"9" * 5000 + b"]",
    ],
    ids=[
        "empty",
        "cut",
        "not text",
        "deep",
        "deep tensors",
        "ragged",
        "words",
        "dict",
        "tensor in tensor",
        "too large",
        "70 dimensions",
        "5000 digits",
    ],
)
def test_says_that_it_is_damaged(text: bytes) -> None:
    """Text that is not what A1111 writes is damage, with the reason."""
    with pytest.raises(BrokenFile, match=_OTHER):
        parse(text)


def test_refuses_text_that_is_too_long() -> None:
    """Text above the bound is refused before it is looked at."""
    with pytest.raises(LimitExceeded, match="bytes of JSON text, expected at most"):
        parse(b" " * (LIMITS.inflated_bytes + 1))


def test_refuses_a_bomb_before_it_is_unpacked() -> None:
    """A small packed text that unpacks to gigabytes costs no more than the bound."""
    packer = zlib.compressobj(9)
    bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(1000)) + packer.flush()
    tracemalloc.start()
    with pytest.raises(
        LimitExceeded,
        match="6,291,457 bytes of packed text in a picture, expected at most 6,291,456",
    ):
        inflate(bomb, LIMITS.text_chunk_bytes)
    assert tracemalloc.get_traced_memory()[1] < 4 * LIMITS.inflated_bytes
    tracemalloc.stop()


def test_ignores_what_follows_the_packed_data() -> None:
    """Strips repeat their data to fill up: only the first is read."""
    assert inflate(zlib.compress(b"text") * 3, 4) == b"text"


@pytest.mark.parametrize("length", range(1, 12))
def test_notices_every_cut_of_packed_data(length: int) -> None:
    """Packed data that ends early is not taken for less text."""
    with pytest.raises(zlib.error):
        inflate(zlib.compress(b"text")[:length], 4)


def test_refuses_long_numbers_unread() -> None:
    """The bound on digits is our own: Python's, which came late to 3.10, has another sentence."""
    digits = LIMITS.json_digits
    assert parse(b"[" + b"9" * digits + b"]") == [10**digits - 1]
    with pytest.raises(BrokenFile, match="is not A1111's JSON"):
        parse(b"[" + b"9" * 2_000_000 + b"]")
