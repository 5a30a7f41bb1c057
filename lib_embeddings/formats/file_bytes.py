"""A file's bytes, read in bounded ranges; the numbers and the JSON in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import prod
from typing import Any, BinaryIO

import numpy as np

from lib_embeddings.errors import BrokenFile, NotAnEmbedding, shown
from lib_embeddings.formats.embedding import Array, Vectors
from lib_embeddings.limits import LIMITS, at_most


class FileBytes:
    """An open file whose beginning is read once and whose rest is read on demand.

    Attributes:
        head: the first bytes: usually all of an embedding, the beginning of anything larger.
        size: length of the whole file, in bytes.
    """

    __slots__ = ("_bytes_read", "_file", "head", "size")

    def __init__(self, file: BinaryIO, size: int, head_bytes: int = LIMITS.head_bytes) -> None:
        self._file = file
        self._bytes_read = 0
        self.size = size
        self.head = file.read(min(size, head_bytes))

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly *length* bytes from *offset*.

        Raises:
            BrokenFile: the file ends before that.
            LimitExceeded: more has been read in all than any embedding has.
        """
        end = offset + length
        return self.head[offset:end] if end <= len(self.head) else self._load(offset, length)

    def view(self, offset: int, length: int) -> memoryview:
        """Return exactly *length* bytes from *offset*, without a copy where they are in the head.

        Raises:
            BrokenFile: as `read`.
        """
        end = offset + length
        if end <= len(self.head):
            return memoryview(self.head)[offset:end]
        return memoryview(self._load(offset, length))

    def _load(self, offset: int, length: int) -> bytes:
        if offset + length > self.size:
            raise cut_short(offset + length, self.size)
        self._bytes_read += length
        at_most(LIMITS.read_bytes, self._bytes_read, "bytes to read")
        self._file.seek(offset)
        data = self._file.read(length)
        if len(data) < length:
            raise cut_short(offset + length, offset + len(data))
        return data

    def read_up_to(self, offset: int, length: int) -> bytes:
        """Return the bytes from *offset*, fewer than *length* where the file ends."""
        return self.read(offset, max(0, min(length, self.size - offset)))


def cut_short(expected: int, found: int) -> BrokenFile:
    """Return the error for a file that ends too early; both counts are in bytes."""
    return BrokenFile(
        f"cut short: expected at least {expected:,} bytes, found {found:,}; download it again"
    )


# Numbers


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


# Types that no embedding has, in torch's words, with the bytes of one number.
OTHER_DTYPES: dict[str, int] = {
    **dict.fromkeys(("quint8", "qint8", "quint4x2", "quint2x4", "bits8", "bits1x8"), 1),
    **dict.fromkeys(("float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu", "float8_e4m3fnuz"), 1),
    **dict.fromkeys(("float8_e5m2fnuz", "float4_e2m1fn_x2"), 1),
    "qint32": 4,
    "complex32": 4,
    "complex64": 8,
    "complex128": 16,
}


_LARGEST_ITEM = 16


def itemsize_of(dtype: str) -> int:
    """Return the bytes of one number of a type by its name."""
    return DTYPES[dtype].itemsize if dtype in DTYPES else OTHER_DTYPES.get(dtype, 1)


def is_countable(shape: Iterable[int]) -> bool:
    """Return whether numpy can make an array of a shape: it multiplies what is not zero."""
    return prod(size for size in shape if size) * _LARGEST_ITEM < 2**63


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
    # A float64 that is too large becomes infinite, and is refused as NaN is, by the caller.
    with np.errstate(over="ignore", invalid="ignore"):
        return stored.astype(np.float32)


# JSON


def parse_json(text: bytes, hook: Callable[[list[tuple[str, Any]]], Any]) -> Any:
    """Return the value that JSON text describes; *hook* makes a value of an object's items.

    Raises:
        ValueError: it is not JSON in UTF-8, nests too deep, or has a number of too many digits.
        LimitExceeded: it has more values than any embedding or checkpoint.
    """
    _count_values(text)
    try:
        return json.loads(text.decode(), object_pairs_hook=hook, parse_int=_whole)
    except UnicodeDecodeError as error:
        raise ValueError("it is not text in UTF-8") from error
    except json.JSONDecodeError as error:
        raise ValueError("it is not JSON") from error
    except RecursionError as error:
        raise ValueError("it nests too deep") from error


def _count_values(text: bytes) -> None:
    """Count the values in a long text before they are made; the insides of strings are none."""
    if len(text) < LIMITS.head_bytes:
        return
    bare = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    at_most(LIMITS.json_values, bare.count(b'"') // 2, "strings in JSON")
    outside = b"".join(bare.split(b'"')[::2])
    at_most(LIMITS.json_values, sum(map(outside.count, (b",", b"[", b"{"))), "values in JSON")


def _whole(digits: str) -> int:
    """Return a whole number; long ones take quadratic time to read and to show."""
    if len(digits) > LIMITS.json_digits:
        raise ValueError(f"it has a number of {len(digits):,} digits")
    return int(digits)
