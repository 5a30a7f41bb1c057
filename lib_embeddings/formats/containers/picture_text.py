"""An embedding written as text: in a chunk of a PNG picture, as A1111's training writes previews.

    8 bytes   signature
    chunks    length (4), type (4), data, CRC-32 of type and data (4); all numbers big-endian

The chunk is `tEXt` with keyword `sd-ti-embedding` and base64 of JSON; programs that repack pictures
turn it into `zTXt`, which holds the same, packed. The JSON is A1111's usual dict, each tensor as
`{"TORCHTENSOR": numbers}`: nested lists of decimal numbers, read as float64 as A1111 does.

Only the chunks' headers are read, and the one chunk. No pixel is decoded.

Source: https://www.w3.org/TR/png-3/, section 5.
"""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from lib_embeddings.errors import BrokenFile
from lib_embeddings.formats.embedding import Contents, Tensor
from lib_embeddings.formats.file_bytes import FileBytes, parse_json, widen
from lib_embeddings.limits import LIMITS, at_most

NAME = "png-text"
SIGNATURE = b"\x89PNG\r\n\x1a\n"
KEYWORD = b"sd-ti-embedding\0"

_HEADER = struct.Struct(">L4s")
_CRC_BYTES = 4
_TENSOR = "TORCHTENSOR"


class PngChunk(NamedTuple):
    """A chunk's type, and where its data lies in the file."""

    kind: bytes
    offset: int
    length: int


def accepts(head: bytes) -> bool:
    """Return whether the bytes begin a PNG picture."""
    return head.startswith(SIGNATURE)


def read(file: FileBytes) -> Contents | None:
    """Read the embedding's chunk; None when the picture has none."""
    for chunk in chunks(file):
        if chunk.kind in (b"tEXt", b"zTXt") and _has_keyword(file, chunk):
            return Contents(NAME, parse(_decode(_read_text(file, chunk))))
    return None


def chunks(file: FileBytes) -> Iterator[PngChunk]:
    """Yield the chunks up to the end of the picture, or to where the file is cut."""
    position = len(SIGNATURE)
    for _ in range(LIMITS.png_chunks):
        if position + _HEADER.size > file.size:
            return
        length, kind = _HEADER.unpack(file.read(position, _HEADER.size))
        yield PngChunk(kind, position + _HEADER.size, length)
        position += _HEADER.size + length + _CRC_BYTES


def _has_keyword(file: FileBytes, chunk: PngChunk) -> bool:
    return file.read_up_to(chunk.offset, min(chunk.length, len(KEYWORD))) == KEYWORD


def _read_text(file: FileBytes, chunk: PngChunk) -> bytes | memoryview:
    """Return the chunk's text after its keyword, unpacked."""
    at_most(LIMITS.text_chunk_bytes, chunk.length, "bytes of text in a picture")
    data = file.view(chunk.offset, chunk.length + _CRC_BYTES)
    data, crc = data[:-_CRC_BYTES], data[-_CRC_BYTES:]
    if zlib.crc32(data, zlib.crc32(chunk.kind)) != int.from_bytes(crc, "big"):
        raise BrokenFile(
            "damaged: the checksum of the embedding in this picture does not match; download it "
            "again"
        )
    text = data[len(KEYWORD) :]
    if chunk.kind == b"tEXt":
        return text
    try:
        return inflate(text[1:], LIMITS.text_chunk_bytes)  # after the byte that names the packing
    except zlib.error as error:
        raise BrokenFile(
            "damaged: the embedding in this picture cannot be unpacked; download it again"
        ) from error


def _decode(text: bytes | memoryview) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise BrokenFile(
            "damaged: the embedding in this picture is not base64; download it again"
        ) from error


# The JSON


def parse(text: bytes) -> object:
    """Return the tree that *text* describes, with `Tensor` leaves.

    Raises:
        BrokenFile: it is not JSON, or a tensor's rows differ in length.
    """
    at_most(LIMITS.inflated_bytes, len(text), "bytes of JSON text")
    try:
        return parse_json(text, _tensor)
    except (ValueError, TypeError, OverflowError) as error:
        raise BrokenFile("the embedding in this picture is not A1111's JSON") from error


def inflate(packed: bytes | memoryview, limit: int) -> bytes:
    """Return zlib data unpacked; what follows the packed data is ignored.

    Args:
        limit: the most bytes it may unpack to.

    Raises:
        LimitExceeded: it unpacks to more.
        zlib.error: it is damaged or cut short.
    """
    decompressor = zlib.decompressobj()
    data = decompressor.decompress(packed, limit + 1)
    at_most(limit, len(data), "bytes of packed text in a picture")
    if not decompressor.eof:
        raise zlib.error("incomplete data")
    return data


def _tensor(items: list[tuple[str, Any]]) -> object:
    node = dict(items)
    if _TENSOR not in node:
        return node
    array = np.array(node[_TENSOR], dtype=np.float64)
    return Tensor("float64", array.shape, lambda: widen(array, "float64"))
