"""An embedding hidden in the pixels of a lossless picture, as A1111 draws its training results.

    low strip | black column | the picture | black column | high strip

Each strip is (height, width, 3) bytes whose lower four bits carry data: the low strip the lower
halves of the payload's bytes, the high strip the upper halves, both XORed with the same key stream.
The payload is zlib-packed JSON (see `picture_text.py`), repeated to fill the strips. The upper four
bits are decoration. Where a site has put black around the picture, it is cut off first.

An ordinary picture costs one look. In a PNG that is not framed in black, the first pixel holds the
first bytes of a zlib stream, or there is nothing to find; WebP and AVIF say in their headers
whether they keep every bit. Pillow gets the pixels alone, and nothing else of the file.

Source: the format of A1111's `image_embedding.py`, described from its behaviour.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterable
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from lib_embeddings.errors import BrokenFile, NotAnEmbedding
from lib_embeddings.formats.containers.picture_text import SIGNATURE as PNG_SIGNATURE
from lib_embeddings.formats.containers.picture_text import PngChunk, chunks, inflate, parse
from lib_embeddings.formats.embedding import Contents
from lib_embeddings.formats.file_bytes import FileBytes
from lib_embeddings.limits import LIMITS

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
_KEY_BLOCK = 1 << 14

_IHDR_BYTES = 13
# Packed pixels begin with a table of up to 300 bytes.
_FIRST_BYTES = 1024
_JXL_STARTS = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")


class UnknownFormat(Exception):
    """Pillow, as it is installed here, does not read this kind of picture."""


class Decoded(NamedTuple):
    """A picture that may hold strips: Pillow's name of its format, its size, and its bytes.

    The size is 0 where nothing but Pillow can tell it.
    """

    format: str
    n_pixels: int
    data: bytes


def accepts(head: bytes) -> bool:
    """Return whether the bytes begin a picture that can be lossless."""
    return head.startswith((PNG_SIGNATURE, *_JXL_STARTS)) or _is_webp(head) or _is_avif(head)


def read(file: FileBytes) -> Contents | None:
    """Read the strips; None when the picture has none."""
    picture = _find_picture(file)
    pixels = _decode(picture) if picture else None
    payload = _payload(pixels) if pixels is not None else None
    if payload is None:
        return None
    try:
        return Contents(NAME, parse(inflate(payload, LIMITS.inflated_bytes)))
    except zlib.error as error:
        raise BrokenFile(
            "the embedding in this picture's pixels is damaged: the picture was resized or "
            "repacked with loss; download the original file"
        ) from error


# The part of the file that is pixels


def _find_picture(file: FileBytes) -> Decoded | None:
    """Return the part of the file that is pixels; None when they cannot hold strips."""
    if file.head.startswith(PNG_SIGNATURE):
        return _find_png(file)
    if _is_webp(file.head):
        return _find_webp(file)
    if _is_avif(file.head):
        return _find_avif(file)
    return Decoded("JXL", 0, _whole(file))


def _find_png(file: FileBytes) -> Decoded | None:
    """Check the first pixel: strips are 8-bit colour, and begin with a zlib stream."""
    header, pixels = b"", []
    for chunk in chunks(file):
        if chunk.kind == b"IHDR":
            header = file.read(chunk.offset, _IHDR_BYTES)
            if header[8] != 8 or header[9] not in (2, 6):
                return None
        elif chunk.kind == b"IDAT":
            pixels.append(chunk)
    if not header:
        raise _cut()
    if not _may_begin_strips(_first_pixel(file, pixels)):
        return None
    width, height = struct.unpack_from(">2L", header)
    _check_size(width * height, sum(chunk.length for chunk in pixels))
    # Before a chunk's content are eight bytes of its length and type; after it, four of a checksum.
    parts = [file.read(len(PNG_SIGNATURE), 8 + _IHDR_BYTES + 4)]
    parts += [file.read(chunk.offset - 8, 8 + chunk.length + 4) for chunk in pixels]
    return Decoded("PNG", width * height, b"".join([PNG_SIGNATURE, *parts, _png_end()]))


def _png_end() -> bytes:
    return struct.pack(">L4sL", 0, b"IEND", zlib.crc32(b"IEND"))


def _first_pixel(file: FileBytes, pixels: list[PngChunk]) -> bytes:
    packed = b""
    for chunk in pixels:
        packed += file.read_up_to(chunk.offset, min(chunk.length, _FIRST_BYTES))
        if len(packed) >= _FIRST_BYTES:
            break
    try:
        # A row begins with its filter, and no filter changes the first pixel of the first row.
        first = zlib.decompressobj().decompress(packed, 4)[1:]
    except zlib.error as error:
        raise _damaged() from error
    if len(first) < 3:
        raise _cut()
    return first


def _cut() -> BrokenFile:
    return BrokenFile("this picture is cut short before its first pixel; download it again")


def _may_begin_strips(first: bytes) -> bool:
    if 0 in first:
        return True  # perhaps a black frame around the strips
    red, green = (pixel & 15 ^ int(key) for pixel, key in zip(first, key_stream(2), strict=False))
    return red == _ZLIB_FIRST & 15 and green in {byte & 15 for byte in _ZLIB_SECOND}


def _is_webp(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:16] in (b"WEBPVP8L", b"WEBPVP8X")


def _find_webp(file: FileBytes) -> Decoded | None:
    """Look for the chunk that holds lossless pixels; an animation has none at this level."""
    position = 12
    for _ in range(LIMITS.webp_chunks):
        if position + 13 > file.size:
            return None
        kind, length = struct.unpack("<4sL", file.read(position, 8))
        if kind == b"VP8L":
            bits = int.from_bytes(file.read(position + 9, 4), "little")
            n_pixels = ((bits & 0x3FFF) + 1) * ((bits >> 14 & 0x3FFF) + 1)
            _check_size(n_pixels, length)
            chunk = file.read(position, 8 + length) + b"\0" * (length % 2)
            data = struct.pack("<4sL4s", b"RIFF", 4 + len(chunk), b"WEBP") + chunk
            return Decoded("WEBP", n_pixels, data)
        position += 8 + length + length % 2
    return None


def _is_avif(head: bytes) -> bool:
    return head[4:12] in (b"ftypavif", b"ftypavis")


def _find_avif(file: FileBytes) -> Decoded | None:
    """Read the header: colours are kept only where no matrix mixes them."""
    colours, sizes = file.head.find(b"colrnclx"), file.head.find(b"ispe\0\0\0\0")
    if colours < 0 or sizes < 0 or file.head[colours + 12 : colours + 14] != b"\0\0":
        return None
    width, height = struct.unpack(">2L", file.read(sizes + 8, 8))
    _check_size(width * height, file.size)
    return Decoded("AVIF", width * height, file.read(0, file.size))


def _whole(file: FileBytes) -> bytes:
    _check_size(0, file.size)
    return file.read(0, file.size)


def _check_size(n_pixels: int, n_bytes: int) -> None:
    """Leave alone any picture larger than those with strips; most previews are that large."""
    if n_pixels > LIMITS.picture_pixels or n_bytes > LIMITS.picture_bytes:
        raise NotAnEmbedding("this picture is larger than any picture with an embedding in it")


# The pixels


def _decode(picture: Decoded) -> Bytes | None:
    """Return the picture as (height, width, 3); None where Pillow cannot read its format."""
    try:
        with open_picture(io.BytesIO(picture.data), [picture.format]) as opened:
            _check_decoded(picture, opened.width * opened.height)
            return np.asarray(opened if opened.mode == "RGB" else opened.convert("RGB"))
    except UnknownFormat:
        return None
    except (BrokenFile, NotAnEmbedding, MemoryError):
        raise
    except Exception as error:  # Pillow passes on whatever the libraries of its formats raise
        if "out of memory" in str(error):  # says nothing about the picture
            raise MemoryError from error
        raise _damaged() from error


def open_picture(file: IO[bytes], formats: Iterable[str]) -> Image.Image:
    """Open a picture of certain kinds, and let Pillow print nothing, whatever is wrong with it.

    Args:
        formats: Pillow's names.

    Raises:
        UnknownFormat: it reads none of them.
        Exception: of any kind, where the picture has another format or is damaged.
    """
    from PIL import Image  # noqa: PLC0415 - few folders need it

    Image.init()
    known = [name for name in formats if name in Image.OPEN]
    if not known:
        raise UnknownFormat
    # Added twice, it is still one filter; removing it would not be safe in threads.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    return Image.open(file, formats=known)


def _check_decoded(picture: Decoded, n_pixels: int) -> None:
    """Compare the size that Pillow sees with the one in the header."""
    _check_size(n_pixels, 0)
    if picture.n_pixels and picture.n_pixels != n_pixels:
        raise _damaged()


def _damaged() -> BrokenFile:
    return BrokenFile("this picture is damaged; download it again")


def _payload(pixels: Bytes) -> bytes | None:
    """Return the bytes in the strips; None when there are no strips."""
    lit: npt.NDArray[np.bool_] = pixels.min(axis=2) > 0
    rows, columns = np.flatnonzero(lit.any(axis=1)), np.flatnonzero(lit.any(axis=0))
    if not len(rows):
        return None
    halves = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] & 15
    black = np.flatnonzero(~halves.any(axis=(0, 2)))
    if len(black) < 2 or black[0] != halves.shape[1] - 1 - black[-1] or black[0] == 0:
        return None
    keys = key_stream(min(halves[:, : black[0]].size, LIMITS.inflated_bytes))
    low = halves[:, : black[0]].ravel()[: len(keys)] ^ keys
    high = halves[:, black[-1] + 1 :].ravel()[: len(keys)] ^ keys
    payload = (low | high << 4).tobytes()
    is_zlib = payload[0] == _ZLIB_FIRST and payload[1] in _ZLIB_SECOND
    return payload if is_zlib else None


def key_stream(length: int) -> Bytes:
    """Return the first *length* keys, each of four bits.

    The generator's states are made in blocks: k steps at once are one step with other constants.
    """
    states = np.array([_INCREMENT], np.uint32)
    multiplier, increment = _MULTIPLIER, _INCREMENT
    while len(states) < min(length, _KEY_BLOCK):
        states = np.concatenate([states, states * np.uint32(multiplier) + np.uint32(increment)])
        increment = (multiplier * increment + increment) % 2**32
        multiplier = multiplier * multiplier % 2**32
    keys = np.empty(length, np.uint8)
    for start in range(0, length, len(states)):
        keys[start : start + len(states)] = (states % 255 & 15)[: length - start]
        states = states * np.uint32(multiplier) + np.uint32(increment)
    return keys
