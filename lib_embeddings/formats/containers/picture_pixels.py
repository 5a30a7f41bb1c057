"""An embedding hidden in the pixels of a lossless picture, as A1111 draws its training results.

    low strip | black column | the picture | black column | high strip

Each strip is (height, width, 3) bytes whose lower four bits carry data: the low strip the lower
halves of the payload's bytes, the high strip the upper halves, both XORed with the same key stream.
The payload is zlib-packed JSON (see `picture_text.py`), repeated to fill the strips. The upper four
bits are decoration. Where a site has put black around the picture, it is cut off first.

An ordinary picture costs one look: in a PNG that is not framed in black, the first pixel shows the
first bytes of a zlib stream or there is nothing to find.

Source: the format of A1111's `image_embedding.py`, described from its behaviour.
"""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lib_embeddings.errors import BrokenFile
from lib_embeddings.formats.containers.picture_text import SIGNATURE as PNG_SIGNATURE
from lib_embeddings.formats.containers.picture_text import chunks, inflate, parse
from lib_embeddings.formats.embedding import Contents
from lib_embeddings.formats.source import Source
from lib_embeddings.limits import LIMITS, at_most

if TYPE_CHECKING:
    from PIL import Image

NAME = "picture-pixels"

Bytes = npt.NDArray[np.uint8]

# The first two bytes of a zlib stream: 0x78, and one for each level of packing.
_ZLIB_FIRST = 0x78
_ZLIB_SECOND = (0x01, 0x5E, 0x9C, 0xDA)

# The key stream's generator: s = (a * s + c) mod 2**32, from 0.
_MULTIPLIER = 1664525
_INCREMENT = 1013904223


# Packed pixels begin with a table of up to 300 bytes.
_LOOK_BYTES = 1024


def accepts(head: bytes) -> bool:
    """Return whether the bytes begin a picture that can be lossless."""
    return _picture_format(head) is not None


def read(source: Source) -> Contents | None:
    """Read the strips; None when the picture has none."""
    if source.head.startswith(PNG_SIGNATURE) and not _may_have_strips(source):
        return None
    pixels = _decode(source)
    payload = _payload(pixels) if pixels is not None else None
    if payload is None:
        return None
    try:
        return Contents(NAME, parse(inflate(payload)))
    except zlib.error as error:
        raise BrokenFile(
            "the embedding in this picture's pixels is damaged: the picture was resized or "
            "repacked with loss; download the original file"
        ) from error


def _picture_format(head: bytes) -> str | None:
    """Return Pillow's name of the format; None for formats that always lose something."""
    if head.startswith(PNG_SIGNATURE):
        return "PNG"
    if head[:4] == b"RIFF" and head[8:16] in (b"WEBPVP8L", b"WEBPVP8X"):
        return "WEBP"
    if head[4:12] in (b"ftypavif", b"ftypavis"):
        return "AVIF"
    if head.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")):
        return "JXL"
    return None


def _may_have_strips(source: Source) -> bool:
    """Look at the first pixel of a PNG: strips are 8-bit colour, and begin with a zlib stream."""
    packed = b""
    for chunk in chunks(source):
        if chunk.kind == b"IHDR":
            _width, _height, depth, colour = _header(source.read(chunk.offset, 13))
            if depth != 8 or colour not in (2, 6):
                return False
        if chunk.kind == b"IDAT":
            packed += source.read_up_to(chunk.offset, min(chunk.length, _LOOK_BYTES))
            if len(packed) >= _LOOK_BYTES:
                break
    try:
        # A row begins with its filter, and no filter changes the first pixel of the first row.
        first = zlib.decompressobj().decompress(packed, 4)[1:]
    except zlib.error as error:
        raise BrokenFile("this picture is damaged; download it again") from error
    if len(first) < 3:
        raise BrokenFile("this picture is cut short before its first pixel; download it again")
    if 0 in first:
        return True  # perhaps a black frame around the strips
    red, green = (pixel & 15 ^ int(key) for pixel, key in zip(first, key_stream(2), strict=False))
    return red == _ZLIB_FIRST & 15 and green in {byte & 15 for byte in _ZLIB_SECOND}


def _header(data: bytes) -> tuple[int, int, int, int]:
    """Return width, height, bit depth and colour type."""
    return int.from_bytes(data[:4], "big"), int.from_bytes(data[4:8], "big"), data[8], data[9]


def _decode(source: Source) -> Bytes | None:
    """Return the picture as (height, width, 3); None where Pillow cannot read its format."""
    from PIL import Image  # noqa: PLC0415 - few folders need it

    name = _picture_format(source.head)
    Image.init()
    if name not in Image.OPEN:
        return None
    at_most(LIMITS.tensor_bytes, source.size, "bytes of picture")
    at_most(LIMITS.picture_pixels, _pixels(source), "pixels in a picture")
    try:
        with Image.open(io.BytesIO(source.read(0, source.size)), formats=[name]) as picture:
            at_most(LIMITS.picture_pixels, picture.width * picture.height, "pixels in a picture")
            return _rgb(picture)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BrokenFile("this picture is damaged; download it again") from error


def _pixels(source: Source) -> int:
    """Count the pixels of a PNG by its header: Pillow warns of many, which is not its to say."""
    if not source.head.startswith(PNG_SIGNATURE):
        return 0
    width, height, *_ = _header(source.read(16, 8) + bytes(5))
    return width * height


def _rgb(picture: Image.Image) -> Bytes:
    return np.asarray(picture.convert("RGB"))


def _payload(pixels: Bytes) -> bytes | None:
    """Return the bytes in the strips; None when there are no strips."""
    lit: npt.NDArray[np.bool_] = pixels.min(axis=2) > 0
    rows, columns = np.flatnonzero(lit.any(axis=1)), np.flatnonzero(lit.any(axis=0))
    if not len(rows):
        return None
    halves = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] & 15
    black = np.flatnonzero(np.all(halves == 0, axis=(0, 2)))
    if len(black) < 2 or black[0] != halves.shape[1] - 1 - black[-1] or black[0] == 0:
        return None
    keys = key_stream(halves[:, : black[0]].size)
    low = halves[:, : black[0]].ravel() ^ keys
    high = halves[:, black[-1] + 1 :].ravel() ^ keys
    payload = (low | high << 4).tobytes()
    is_zlib = payload[0] == _ZLIB_FIRST and payload[1] in _ZLIB_SECOND
    return payload if is_zlib else None


def key_stream(length: int) -> Bytes:
    """Return the first *length* keys, each of four bits.

    The generator's states are made in doubling blocks: k steps at once are one step with other
    constants.
    """
    states = np.array([_INCREMENT], np.uint32)
    multiplier, increment = _MULTIPLIER, _INCREMENT
    while len(states) < length:
        states = np.concatenate([states, states * np.uint32(multiplier) + np.uint32(increment)])
        increment = (multiplier * increment + increment) % 2**32
        multiplier = multiplier * multiplier % 2**32
    return (states[:length] % 255 & 15).astype(np.uint8)
