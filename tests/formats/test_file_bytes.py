"""A file's bytes, given out in ranges."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest

from lib_embeddings.errors import BrokenFile, NotAnEmbedding
from lib_embeddings.formats.file_bytes import DTYPES, FileBytes, decode, widen
from lib_embeddings.limits import LIMITS
from tests.builders import open_bytes

LONG = bytes(range(256)) * (LIMITS.head_bytes // 256 + 2)


@pytest.mark.parametrize("offset", [0, 5, LIMITS.head_bytes - 2, LIMITS.head_bytes, len(LONG) - 4])
def test_gives_the_bytes_asked_for(offset: int) -> None:
    """A range is the same bytes whether it lies in the head, across its end or after it."""
    assert open_bytes(LONG).read(offset, 4) == LONG[offset : offset + 4]


def test_reads_a_small_file_once() -> None:
    """Bytes in the head are not read from the file again."""
    file = io.BytesIO(b"0123456789")
    opened = FileBytes(file, 10)
    file.close()
    assert opened.read(2, 3) == b"234"


def test_names_both_sizes_when_the_range_ends_after_the_file() -> None:
    """A range past the end says how many bytes were needed and how many there are."""
    with pytest.raises(BrokenFile, match="cut short: expected at least 1,012 bytes, found 10;"):
        open_bytes(b"0123456789").read(1000, 12)


def test_notices_that_the_file_shrank() -> None:
    """A file that became shorter since its size was taken is cut short, not read as less."""
    file = FileBytes(io.BytesIO(LONG), len(LONG) + 1000)
    with pytest.raises(BrokenFile, match=f"found {len(LONG):,}; download it again"):
        file.read(len(LONG) - 10, 20)


@pytest.mark.parametrize(("offset", "expected"), [(0, b"0123456"), (6, b"6789"), (10, b"")])
def test_gives_what_there_is(offset: int, expected: bytes) -> None:
    """Reading up to a length gives fewer bytes at the end of the file."""
    assert open_bytes(b"0123456789").read_up_to(offset, 7) == expected


# Numbers

EVERY_HALF = np.arange(2**16, dtype=np.uint16)


def test_widens_every_bfloat16_exactly() -> None:
    """All 65,536 bfloat16 values become the float32 with the same bits on top."""
    widened = widen(decode(EVERY_HALF.tobytes(), "bfloat16"), "bfloat16")
    assert (widened.view(np.uint32) == EVERY_HALF.astype(np.uint32) << 16).all()


def test_widens_every_float16_exactly() -> None:
    """All 65,536 float16 values keep their value, without a warning for odd NaNs."""
    widened = widen(decode(EVERY_HALF.tobytes(), "float16"), "float16")
    halves = EVERY_HALF.view(np.float16)
    number = ~np.isnan(halves)
    assert (widened[number].astype(np.float64) == halves[number].astype(np.float64)).all()
    assert np.isnan(widened[~number]).all()


def test_rounds_a_float64() -> None:
    """A float64 becomes the nearest float32; one too large becomes infinite."""
    stored = np.array([0.1, 1e300, -1e300], np.float64)
    assert widen(stored, "float64").tolist() == [np.float32(0.1), np.inf, -np.inf]


def test_keeps_a_float32_without_copying() -> None:
    """An array of float32 is not copied."""
    stored = np.ones(3, np.float32)
    assert widen(stored, "float32") is stored


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=str)
def test_reads_either_byte_order(dtype: object) -> None:
    """The bytes of a number may come in either order."""
    known = DTYPES[dtype.name]  # type: ignore[attr-defined]
    little = decode(np.ones(2, "<" + known.code).tobytes(), known.name)
    big = decode(np.ones(2, ">" + known.code).tobytes(), known.name, ">")
    assert little.tolist() == big.tolist() == [1, 1]
    assert known.itemsize == np.dtype(known.code).itemsize


def test_names_a_type_that_no_embedding_has() -> None:
    """Numbers of an unknown type make the file something else, and the type is named."""
    with pytest.raises(NotAnEmbedding, match="not an embedding: its numbers are stored as F8_E4M3"):
        decode(b"\0", "F8_E4M3")


def test_reads_nothing_from_nothing() -> None:
    """No bytes are no numbers."""
    assert decode(b"", "float32").shape == (0,)


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
def test_odd_numbers_warn_of_nothing(dtype: str) -> None:
    """Any bits are widened in silence, signalling NaNs too: who counts them says what is wrong."""
    known = DTYPES[dtype]
    bits = np.random.default_rng(0).integers(0, 256, 4096 * known.itemsize, np.uint8)
    odd = np.frombuffer(b"\x01\0\0\0\0\0\xf0\x7f\x01\x7c\xff\xff\x81\x7f\xff\xff", np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        widened = widen(decode(np.concatenate([odd, bits]).tobytes(), dtype), dtype)
    assert widened.dtype == np.float32
