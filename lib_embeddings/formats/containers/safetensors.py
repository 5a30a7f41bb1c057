"""The safetensors format: a JSON header and the tensors' bytes.

    8 bytes   length N of the header, a little-endian integer
    N bytes   {"name": {"dtype": "F32", "shape": [2, 768], "data_offsets": [0, 6144]}, …}
    the rest  the tensors, one after another, without gaps

The header is read here, within bounds, to say what a file of any size is and whether it is whole.
The bytes of an embedding are then checked and cut by the safetensors library itself.

Source: https://github.com/huggingface/safetensors, section "Format".
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from safetensors import SafetensorError, deserialize

from lib_embeddings.errors import BrokenFile, shown
from lib_embeddings.formats.containers.dtypes import decode, widen
from lib_embeddings.formats.containers.json_tensors import parse_int
from lib_embeddings.formats.containers.source import Source, cut_short
from lib_embeddings.formats.embedding import Contents, Tensor, Vectors
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


def accepts(head: bytes) -> bool:
    """Tell whether a header begins after the length; writers may pad it with spaces."""
    return head[_LENGTH_BYTES : _LENGTH_BYTES + 1] in (b"{", b" ") and head[6:8] == b"\0\0"


def read(source: Source) -> Contents:
    """Read the header; the tensors stay in the file until one is fetched."""
    length = int.from_bytes(source.read(0, _LENGTH_BYTES), "little")
    if _LENGTH_BYTES + length > source.size:
        raise cut_short(_LENGTH_BYTES + length, source.size)
    at_most(LIMITS.header_bytes, length, "safetensors header, in bytes")
    header = _parse(source.read(_LENGTH_BYTES, length))
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(type(v) is str for v in metadata.values()):
        raise BrokenFile("its safetensors metadata lies: expected text values")
    at_most(LIMITS.tensors, len(header), "tensors")
    _check_whole(header, _LENGTH_BYTES + length, source.size)
    body = _Body(source)
    tensors = {name: _tensor(name, row, body) for name, row in header.items()}
    return Contents(NAME, tensors, metadata)


class _Body:
    """The tensors' bytes, checked and cut once, when the first is asked for."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._data: dict[str, bytes] | None = None

    def fetch(self, name: str, dtype: str, shape: tuple[int, ...]) -> Vectors:
        """Return one tensor's values."""
        if self._data is None:
            self._data = self._cut()
        return widen(decode(self._data[name], dtype).reshape(shape), dtype)

    def _cut(self) -> dict[str, bytes]:
        at_most(LIMITS.tensor_bytes, self._source.size, "tensor data, in bytes")
        try:
            tensors = deserialize(self._source.read(0, self._source.size))  # type: ignore[no-untyped-call]
        except SafetensorError as error:
            raise BrokenFile(f"its safetensors header lies ({error}); download it again") from error
        return {name: tensor["data"] for name, tensor in tensors}


def _parse(text: bytes) -> dict[str, Any]:
    """Return the header as a dict, refusing a name that stands there twice."""
    try:
        header = json.loads(text, object_pairs_hook=_unique, parse_int=parse_int)
    except (ValueError, RecursionError) as error:
        raise BrokenFile(f"its safetensors header is not JSON ({error})") from error
    if not isinstance(header, dict):
        raise BrokenFile("its safetensors header lies: expected a JSON object")
    return header


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) < len(pairs):
        raise ValueError("a name stands in it twice")
    return unique


def _tensor(name: str, row: Any, body: _Body) -> Tensor:
    dtype = _DTYPES.get(row["dtype"], row["dtype"])
    shape = tuple(row["shape"])
    return Tensor(dtype, shape, partial(body.fetch, name, dtype, shape))


def _check_whole(header: dict[str, Any], start: int, size: int) -> None:
    """Compare the file's size with where the last tensor ends."""
    for name, row in header.items():
        if not _is_row(row):
            raise BrokenFile(
                f"its safetensors header lies about {shown(name)}: "
                "expected dtype, shape and data_offsets"
            )
    expected = start + max((row["data_offsets"][1] for row in header.values()), default=0)
    if expected > size:
        raise cut_short(expected, size)
    if expected < size:
        raise BrokenFile(
            f"its safetensors header lies: it describes {expected:,} bytes, found {size:,}"
        )


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
