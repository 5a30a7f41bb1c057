"""Stored numbers widened to float32."""

from __future__ import annotations

import numpy as np
import pytest

from lib_embeddings.errors import NotAnEmbedding
from lib_embeddings.formats.containers.dtypes import DTYPES, decode, widen

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
    """What is float32 already is not copied."""
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
