"""Stored number types, and their exact widening to float32."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib_embeddings.errors import NotAnEmbedding, shown
from lib_embeddings.formats.embedding import Array, Vectors


@dataclass(frozen=True, slots=True)
class DType:
    """A number type as files store it.

    Attributes:
        name: torch's word for it.
        code: numpy's code without byte order; for bfloat16 the unsigned integer of its size.
        itemsize: bytes of one number.
    """

    name: str
    code: str
    itemsize: int


DTYPES: dict[str, DType] = {
    dtype.name: dtype
    for dtype in (
        DType("float64", "f8", 8),
        DType("float32", "f4", 4),
        DType("float16", "f2", 2),
        DType("bfloat16", "u2", 2),
        DType("int64", "i8", 8),
        DType("int32", "i4", 4),
        DType("int16", "i2", 2),
        DType("int8", "i1", 1),
        DType("uint64", "u8", 8),
        DType("uint32", "u4", 4),
        DType("uint16", "u2", 2),
        DType("uint8", "u1", 1),
        DType("bool", "u1", 1),
    )
}


def decode(data: bytes | memoryview, dtype: str, byte_order: str = "<") -> Array:
    """Return *data* as numbers in their stored type, without copying.

    Raises:
        NotAnEmbedding: the type is none that an embedding is stored in, e.g. a quantised one.
    """
    known = DTYPES.get(dtype)
    if known is None:
        raise NotAnEmbedding(f"not an embedding: its numbers are stored as {shown(dtype)}")
    return np.frombuffer(data, byte_order + known.code)


def widen(stored: Array, dtype: str) -> Vectors:
    """Return *stored* as float32: exact for all but float64, which is rounded."""
    if dtype == "bfloat16":
        # A bfloat16 is the upper half of the float32 with the same value.
        return (stored.astype(np.uint32) << 16).view(np.float32)
    if stored.dtype == np.float32:
        return stored
    with np.errstate(over="ignore"):  # a float64 too large becomes infinite, and is refused as such
        return stored.astype(np.float32)
