"""The safetensors format: a JSON header and the tensors' bytes.

    8 bytes   length N of the header, a little-endian integer
    N bytes   {"name": {"dtype": "F32", "shape": [2, 768], "data_offsets": [0, 6144]}, …}
    the rest  the tensors, one after another, without gaps

The header is read here, within bounds, to say what a file of any size is and whether it is whole.
The bytes of an embedding are then checked and cut by the safetensors library itself.

Source: https://github.com/huggingface/safetensors, section "Format".
"""

from __future__ import annotations

from functools import partial
from typing import Any

from safetensors import SafetensorError, deserialize

from lib_embeddings.errors import BrokenFile, shown
from lib_embeddings.formats.embedding import Contents, Tensor, Vectors
from lib_embeddings.formats.source import Source, cut_short, decode, parse_json, widen
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
    """Return whether a header begins after the length; writers may pad it with spaces."""
    return head[_LENGTH_BYTES : _LENGTH_BYTES + 1] in (b"{", b" ") and head[6:8] == b"\0\0"


def read(source: Source) -> Contents:
    """Read the header; the tensors stay in the file until one is fetched."""
    length = int.from_bytes(source.read(0, _LENGTH_BYTES), "little")
    if _LENGTH_BYTES + length > source.size:
        raise wrong_length(length, source.size)
    at_most(LIMITS.header_bytes, length, "bytes of safetensors header")
    header = _parse(source.read(_LENGTH_BYTES, length))
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(type(v) is str for v in metadata.values()):
        raise BrokenFile("damaged safetensors header: its metadata is not text; download it again")
    at_most(LIMITS.tensors, len(header), "tensors")
    _check_whole(header, _LENGTH_BYTES + length, source.size)
    body = _Body(source)
    tensors = {name: _tensor(name, row, body) for name, row in header.items()}
    return Contents(NAME, tensors, metadata)


def wrong_length(length: int, size: int) -> BrokenFile:
    """Return the error for a header that claims *length* bytes in a file of *size* bytes."""
    if length <= LIMITS.header_bytes:
        return cut_short(_LENGTH_BYTES + length, size)
    return BrokenFile(
        f"damaged safetensors header: it claims to be {length:,} bytes long, the file has "
        f"{size:,}; download it again"
    )


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
        at_most(LIMITS.tensor_bytes, self._source.size, "bytes of tensor data")
        try:
            tensors = deserialize(self._source.read(0, self._source.size))  # type: ignore[no-untyped-call]
        except SafetensorError as error:
            raise BrokenFile(
                f"damaged safetensors header: {shown(str(error))}; download it again"
            ) from error
        return {name: tensor["data"] for name, tensor in tensors}


def _parse(text: bytes) -> dict[str, Any]:
    """Return the header as a dict, refusing a name that is there twice."""
    try:
        header = parse_json(text, _unique)
    except ValueError as error:
        raise BrokenFile(f"damaged safetensors header: {error}; download it again") from error
    if not isinstance(header, dict):
        raise BrokenFile("damaged safetensors header: it is not a JSON object; download it again")
    return header


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) < len(pairs):
        raise ValueError("it has a name twice")
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
                f"damaged safetensors header: {shown(name)} lacks dtype, shape or data_offsets; "
                "download it again"
            )
    expected = start + max((row["data_offsets"][1] for row in header.values()), default=0)
    if expected > size:
        raise cut_short(expected, size)
    if expected < size:
        raise BrokenFile(
            f"damaged safetensors header: it describes {expected:,} bytes, the file has {size:,}; "
            "download it again"
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
