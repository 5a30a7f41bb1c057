"""The safetensors format: a JSON header and the tensors' bytes.

    8 bytes   length N of the header, a little-endian integer
    N bytes   {"name": {"dtype": "F32", "shape": [2, 768], "data_offsets": [0, 6144]}, …}
    the rest  the tensors, one after another, without gaps

A header that the safetensors library refuses is refused here: the tensors must fill the rest of the
file exactly, each as long as its shape and type say. Tensors are read only on demand.

Source: https://github.com/huggingface/safetensors, section "Format".
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import prod
from typing import Any

from lib_embeddings.errors import BrokenFile, shown
from lib_embeddings.formats.embedding import Contents, Tensor, Vectors
from lib_embeddings.formats.file_bytes import (
    DTYPES,
    FileBytes,
    cut_short,
    decode,
    is_countable,
    parse_json,
    widen,
)
from lib_embeddings.limits import LIMITS, at_most

NAME = "safetensors"

_LENGTH_BYTES = 8
_DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
}
# Types that no embedding has; the length of such tensors is checked all the same.
_OTHER_BITS = {
    "C64": 64,
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "F8_E4M3": 8,
    "F8_E5M2": 8,
    "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
}
_BITS = {key: 8 * DTYPES[name].itemsize for key, name in _DTYPES.items()} | _OTHER_BITS


def accepts(head: bytes) -> bool:
    """Return whether a header begins after the length; JSON may begin with white space."""
    return head[_LENGTH_BYTES : _LENGTH_BYTES + 1] in (b"{", b" ", b"\t", b"\n", b"\r") and (
        head[6:8] == b"\0\0"
    )


def read(file: FileBytes) -> Contents:
    """Read the header; the tensors stay in the file until one is fetched."""
    length = int.from_bytes(file.read(0, _LENGTH_BYTES), "little")
    if _LENGTH_BYTES + length > file.size:
        raise wrong_length(length, file.size)
    at_most(LIMITS.header_bytes, length, "bytes of safetensors header")
    header = _parse(file.read(_LENGTH_BYTES, length))
    metadata = header.pop("__metadata__", None)
    metadata = {} if metadata is None else metadata
    if not isinstance(metadata, dict) or not all(type(v) is str for v in metadata.values()):
        raise _damaged("its metadata is not text")
    at_most(LIMITS.tensors, len(header), "tensors")
    start = _LENGTH_BYTES + length
    _check_rows(header, start, file.size)
    tensors = {name: _tensor(row, file, start) for name, row in header.items()}
    return Contents(NAME, tensors, metadata)


def wrong_length(length: int, size: int) -> BrokenFile:
    """Return the error for a header that claims *length* bytes in a file of *size* bytes."""
    if length <= LIMITS.header_bytes:
        return cut_short(_LENGTH_BYTES + length, size)
    return _damaged(f"it claims to be {length:,} bytes long, the file has {size:,}")


def _parse(text: bytes) -> dict[str, Any]:
    """Return the header as a dict, refusing a name that appears twice."""
    try:
        header = parse_json(text, _unique)
    except ValueError as error:
        raise _damaged(str(error)) from error
    if not isinstance(header, dict):
        raise _damaged("it is not a JSON object")
    return header


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) < len(pairs):
        raise ValueError("it has a name twice")
    return unique


def _check_rows(header: Mapping[str, Any], start: int, size: int) -> None:
    """Compare the rows with each other and with the file: no gap, no overlap, no wrong length."""
    for name, row in header.items():
        if not _is_row(row):
            raise _damaged(f"{shown(name)} lacks dtype, shape or data_offsets")
        at_most(LIMITS.dimensions, len(row["shape"]), "dimensions of a tensor")
    expected = start + max((row["data_offsets"][1] for row in header.values()), default=0)
    if expected > size:
        raise cut_short(expected, size)
    if expected < size:
        raise _damaged(f"it describes {expected:,} bytes, the file has {size:,}")
    end = 0
    for name, row in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, row_end = row["data_offsets"]
        if begin != end or row_end < begin:
            raise _damaged(f"{shown(name)} should begin at byte {end:,}, found {begin:,}")
        _check_length(name, row, row_end - begin)
        end = row_end


def _check_length(name: str, row: Mapping[str, Any], found: int) -> None:
    """Compare a tensor's bytes with its shape and type, where the type's size is known."""
    if not is_countable(row["shape"]):
        raise _damaged(f"the shape of {shown(name)} is too large")
    count = prod(row["shape"])
    bits = _BITS.get(row["dtype"])
    if bits is not None and count * bits != 8 * found:
        expected = count * bits / 8
        raise _damaged(f"{shown(name)} should have {expected:,.0f} bytes, found {found:,}")


def _is_row(row: Any) -> bool:
    return (
        isinstance(row, dict)
        and type(row.get("dtype")) is str
        and _are_counts(row.get("shape"))
        and _are_counts(row.get("data_offsets"))
        and len(row["data_offsets"]) == 2
    )


def _are_counts(numbers: Any) -> bool:
    return isinstance(numbers, list) and all(type(n) is int and n >= 0 for n in numbers)


def _tensor(row: Mapping[str, Any], file: FileBytes, start: int) -> Tensor:
    dtype = _DTYPES.get(row["dtype"], row["dtype"])
    shape = tuple(row["shape"])
    begin, end = row["data_offsets"]
    return Tensor(dtype, shape, partial(_fetch, file, start + begin, end - begin, dtype, shape))


def _fetch(
    file: FileBytes, offset: int, length: int, dtype: str, shape: tuple[int, ...]
) -> Vectors:
    """Read one tensor's values."""
    at_most(LIMITS.tensor_bytes, length, "bytes of tensor data")
    return widen(decode(file.view(offset, length), dtype).reshape(shape), dtype)


def _damaged(what: str) -> BrokenFile:
    return BrokenFile(f"damaged safetensors header: {what}; download it again")
