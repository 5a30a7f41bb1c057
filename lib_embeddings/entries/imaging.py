"""Pictures, read and written with Pillow: made small, put side by side, written as PNG.

A file's name does not count: Pillow looks at its first bytes. However many threads ask, few
pictures are decoded at once, each with bounded memory.
"""

from __future__ import annotations

import io
import logging
import os
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, BinaryIO

from lib_embeddings.entries.read import open_file
from lib_embeddings.formats.containers.picture_pixels import open_picture
from lib_embeddings.limits import LIMITS, at_most

if TYPE_CHECKING:
    from PIL.Image import Image

log = logging.getLogger(__name__)

# Pillow's names of the formats that browsers show, and the most bytes that it and its decoder take
# for a pixel, as measured. It knows others, and starts Ghostscript for one of them.
BYTES_A_PIXEL = {"PNG": 8, "JPEG": 4, "WEBP": 16, "GIF": 8, "AVIF": 12, "BMP": 8}
_AT_ONCE = threading.BoundedSemaphore(LIMITS.previews_at_once)
# A tall strip of a picture is cut to a card's shape by the page anyway.
_TALLEST = 3
_QUALITY = 80
# Where cameras write how to turn a picture, and the turns that swap width and height.
_ORIENTATION, _QUARTER_TURNS = 0x0112, range(5, 9)


def shrink(path: str, width: int) -> bytes | None:
    """Return a picture's first frame as WebP, upright and at most *width* pixels wide.

    None where the file is not a picture, is damaged, or is larger than previews are.
    """
    try:
        with open_file(path) as file, io.BufferedReader(file) as buffered:
            at_most(LIMITS.preview_bytes, os.fstat(file.fileno()).st_size, "bytes of picture")
            return in_small(buffered, width)[1]
    except Exception as error:  # noqa: BLE001 Pillow raises errors of every kind on damaged pictures
        log.debug("the picture %s cannot be shown: %s", path, error)
        return None


def shrink_bytes(data: bytes, width: int) -> bytes | None:
    """Do the same with a picture that is not a file of ours."""
    try:
        return in_small(io.BytesIO(data), width)[1]
    except Exception as error:  # noqa: BLE001 likewise
        log.debug("a picture cannot be shown: %s", error)
        return None


def side_by_side(pictures: Iterable[bytes], side: int) -> bytes | None:
    """Return pictures in one row, a JPEG of squares of *side* pixels; None if none can be shown.

    Any that cannot be shown is left out.
    """
    from PIL import Image, ImageOps  # noqa: PLC0415 - a scan needs none of it

    small = [each for each in (shrink_bytes(data, 2 * side) for data in pictures) if each]
    if not small:
        return None
    row = Image.new("RGB", (side * len(small), side))
    for number, data in enumerate(small):
        with Image.open(io.BytesIO(data)) as image:
            row.paste(ImageOps.fit(image.convert("RGB"), (side, side)), (side * number, 0))
    written = io.BytesIO()
    row.save(written, "JPEG", quality=_QUALITY)
    return written.getvalue()


def in_small(file: BinaryIO, width: int) -> tuple[str, bytes]:
    """Return Pillow's name of a picture's format, and the picture as `shrink` makes it.

    However many threads ask, few pictures are decoded at once.

    Raises:
        Exception: of any kind, where `shrink` makes none.
    """
    # The memory of a large picture stays with its thread, and a server's threads are many and live
    # long; that of a thread that has ended serves the next one.
    with _AT_ONCE, ThreadPoolExecutor(1, "embeddings-picture") as decoder:
        return decoder.submit(_in_small, file, width).result()


def _in_small(file: BinaryIO, width: int) -> tuple[str, bytes]:
    from PIL import ImageOps  # noqa: PLC0415 - a scan needs none of it

    with open_picture(file, BYTES_A_PIXEL) as image:
        kind = image.format or ""
        if kind == "JPEG":
            at_most(LIMITS.photo_pixels, image.width * image.height, "pixels")
            at_most(LIMITS.photo_scans, _count_scans(file), "scans")
        if (
            "progressive" in image.info
        ):  # all of it is kept until the last scan, with two bytes each
            _check_memory(image, 2 * len(image.getbands()))
        image.draft("RGB", (width, width))  # lets a JPEG skip detail
        _check_memory(image, BYTES_A_PIXEL[kind])
        eight_bits = _in_eight_bits(image)
        bounds = (width, width * _TALLEST)
        is_turned = image.getexif().get(_ORIENTATION) in _QUARTER_TURNS
        eight_bits.thumbnail(bounds[::-1] if is_turned else bounds)
        upright = ImageOps.exif_transpose(eight_bits)
    has_alpha = "A" in upright.mode or "transparency" in upright.info
    data = io.BytesIO()
    upright.convert("RGBA" if has_alpha else "RGB").save(data, "WEBP", quality=_QUALITY)
    return kind, data.getvalue()


def _check_memory(image: Image, bytes_a_pixel: int) -> None:
    n_bytes = image.width * image.height * bytes_a_pixel
    at_most(LIMITS.preview_memory, n_bytes, "bytes of decoded picture")


def _in_eight_bits(image: Image) -> Image:
    """Return a picture, perhaps of 16 bits, in a form that Pillow can make small."""
    if not image.mode.startswith("I"):
        return image
    return image.point(lambda value: value * (1 / 256)).convert("L")


def _count_scans(file: BinaryIO) -> int:
    """Return the number of scans over a JPEG's pixels; Pillow finds its own place again."""
    file.seek(0)
    return file.read().count(b"\xff\xda")


def as_png(picture: Image, infotext: str = "") -> bytes:
    """Return the file of a picture, with its infotext where WebUIs look for it."""
    from PIL.PngImagePlugin import PngInfo  # noqa: PLC0415 - no scan needs it

    chunks = PngInfo()
    if infotext:
        chunks.add_text("parameters", infotext)
    data = io.BytesIO()
    picture.save(data, "PNG", pnginfo=chunks)
    return data.getvalue()
