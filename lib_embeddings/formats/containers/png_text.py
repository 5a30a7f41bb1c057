"""A PNG picture with an embedding in a text chunk, as A1111's training writes its previews.

    8 bytes   signature
    chunks    length (4), type (4), data, CRC-32 of type and data (4); all numbers big-endian

The chunk is `tEXt` with keyword `sd-ti-embedding` and base64 of JSON (see `json_tensors.py`);
programs that repack pictures turn it into `zTXt`, which holds the same, packed.

Only the chunks' headers are read, and the one chunk. No pixel is decoded.

Source: https://www.w3.org/TR/png-3/, section 5.
"""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from lib_embeddings.errors import BrokenFile
from lib_embeddings.formats.containers.json_tensors import inflate, parse
from lib_embeddings.formats.containers.source import Source
from lib_embeddings.formats.embedding import Contents
from lib_embeddings.limits import LIMITS, at_most

NAME = "png-text"
SIGNATURE = b"\x89PNG\r\n\x1a\n"
KEYWORD = b"sd-ti-embedding\0"

_HEADER = struct.Struct(">L4s")
_CRC_BYTES = 4


class Chunk(NamedTuple):
    """A chunk's type, and where its data lies in the file."""

    kind: bytes
    offset: int
    length: int


def accepts(head: bytes) -> bool:
    """Tell whether the bytes begin a PNG picture."""
    return head.startswith(SIGNATURE)


def read(source: Source) -> Contents | None:
    """Read the embedding's chunk; None when the picture has none."""
    for chunk in chunks(source):
        if chunk.kind in (b"tEXt", b"zTXt") and _has_keyword(source, chunk):
            return Contents(NAME, parse(_decode(_read_text(source, chunk))))
    return None


def chunks(source: Source) -> Iterator[Chunk]:
    """Yield the chunks up to the end of the picture, or to where the file is cut."""
    position = len(SIGNATURE)
    for _ in range(LIMITS.png_chunks):
        if position + _HEADER.size > source.size:
            return
        length, kind = _HEADER.unpack(source.read(position, _HEADER.size))
        yield Chunk(kind, position + _HEADER.size, length)
        position += _HEADER.size + length + _CRC_BYTES


def _has_keyword(source: Source, chunk: Chunk) -> bool:
    return source.read_up_to(chunk.offset, min(chunk.length, len(KEYWORD))) == KEYWORD


def _read_text(source: Source, chunk: Chunk) -> bytes:
    """Return the chunk's text after its keyword, unpacked."""
    at_most(LIMITS.text_chunk_bytes, chunk.length, "text in a picture, in bytes")
    data = source.read(chunk.offset, chunk.length + _CRC_BYTES)
    data, crc = data[:-_CRC_BYTES], data[-_CRC_BYTES:]
    if zlib.crc32(chunk.kind + data) != int.from_bytes(crc, "big"):
        raise BrokenFile("damaged: the checksum of the embedding in this picture does not match")
    text = data[len(KEYWORD) :]
    if chunk.kind == b"tEXt":
        return text
    try:
        return inflate(text[1:])  # after the byte that names the packing
    except zlib.error as error:
        raise BrokenFile(f"the embedding in this picture is damaged ({error})") from error


def _decode(text: bytes) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise BrokenFile(f"the embedding in this picture is not base64 ({error})") from error
