"""The pictures that a word is learned from: found, checked, cut square, and described."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from lib_embeddings.errors import PictureError, shown
from lib_embeddings.limits import LIMITS

NAME, FILEWORDS = "[name]", "[filewords]"

# From one picture a word learns the whole picture; from hundreds it learns what they have in
# common, which a LoRA does better.
FEWEST, MOST = 2, 100
_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".avif", ".jxl", ".bmp", ".gif", ".tif", ".tiff")

TEMPLATES = {
    "object": (
        f"a {NAME}",
        f"a photo of a {NAME}",
        f"a picture of a {NAME}",
        f"one {NAME}",
        f"a photo of the {NAME}",
        f"a painting of a {NAME}",
    ),
    "style": (
        f"a painting by {NAME}",
        f"a picture in the style of {NAME}",
        f"a painting in the style of {NAME}",
        f"a drawing by {NAME}",
        f"{NAME}, a picture",
        f"the style of {NAME}",
    ),
}


class Example(NamedTuple):
    """One picture to learn from.

    Attributes:
        square: the visible square; what its alpha hides does not count.
        caption: what was written about it; empty for nothing.
        sha256: of its file.
    """

    square: Image.Image
    caption: str
    sha256: str

    def seen(self, side: int) -> Image.Image:
        """Return the visible square as a picture of *side* pixels."""
        picture = self._resized(side)
        if picture.mode == "RGB":
            return picture
        ground = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(ground, picture).convert("RGB")

    def pixels(self, side: int) -> npt.NDArray[np.float32]:
        """Return the visible square, (side, side, 3), from -1 to 1."""
        pixels = np.asarray(self.seen(side), np.float32)
        pixels /= 127.5
        pixels -= 1
        return pixels

    def mask(self, side: int) -> npt.NDArray[np.float32]:
        """Return how much each pixel counts, (side, side), from 0 to 1."""
        if self.square.mode == "RGB":
            return np.ones((side, side), np.float32)
        alpha = self._resized(side).getchannel("A")
        mask = np.asarray(alpha, np.float32)
        mask /= 255
        return mask

    def _resized(self, side: int) -> Image.Image:
        return self.square.resize((side, side), Image.Resampling.LANCZOS)


def read_examples(paths: Iterable[str | os.PathLike[str]]) -> list[Example]:
    """Read pictures, and those in folders, with the texts beside them.

    Raises:
        PictureError: there are too few or too many, or one cannot be read.
    """
    files = [file for path in paths for file in _files(Path(path))]
    check_number(len(files))
    return different(_read(file) for file in files)


def check_number(number: int) -> None:
    """Raise `PictureError` if a word cannot be learned from so many pictures."""
    if not FEWEST <= number <= MOST:
        raise PictureError(
            f"expected {FEWEST} to {MOST} pictures, found {number}: three to five are best"
        )


def different(examples: Iterable[Example]) -> list[Example]:
    """Return each picture once. Raises `PictureError` if all are the same."""
    found = list(examples)
    once = {example.sha256: example for example in found}
    if len(once) < FEWEST:
        raise PictureError(f"all {len(found)} pictures are the same: choose different ones")
    return list(once.values())


def example_of(data: bytes, name: str, caption: str = "") -> Example:
    """Return what to learn from the file of a picture.

    Args:
        name: what people call it.

    Raises:
        PictureError: it cannot be read, or nothing in it is visible.
    """
    called = shown(name, 255)
    try:
        square = _open(data)
    except Exception as error:  # Pillow raises errors of every kind on damaged pictures
        raise PictureError(f"{called} cannot be read as a picture") from error
    if square is None:
        raise PictureError(f"{called} has too many pixels: make it smaller")
    if square.mode == "RGBA" and not square.getchannel("A").getbbox():
        raise PictureError(f"{called} is completely transparent: there is nothing to learn from")
    words = " ".join(caption.split())[: LIMITS.caption_characters]
    return Example(square, words, hashlib.sha256(data).hexdigest())


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(each for each in path.iterdir() if each.suffix.lower() in _SUFFIXES)
    elif path.exists():
        yield path
    else:
        raise PictureError(f"{shown(path.name, 255)} is not there")


def _read(file: Path) -> Example:
    try:
        return example_of(file.read_bytes(), file.name, _text_beside(file))
    except OSError as error:
        raise PictureError(f"{shown(file.name, 255)} cannot be read as a picture") from error


def _open(data: bytes) -> Image.Image | None:
    """Return the square of a picture, upright; None if it is too large."""
    with Image.open(io.BytesIO(data)) as opened:
        if opened.width * opened.height > LIMITS.learning_pixels:
            return None
        upright = ImageOps.exif_transpose(opened)
        has_alpha = "A" in upright.mode or "transparency" in upright.info
        square = _cut(upright.convert("RGBA" if has_alpha else "RGB"))
    most = LIMITS.learning_side
    square.thumbnail((most, most), Image.Resampling.LANCZOS)
    return square


def _cut(picture: Image.Image) -> Image.Image:
    """Return the square around the subject: around what is not transparent, or the middle."""
    seen = picture.getchannel("A").getbbox() if picture.mode == "RGBA" else None
    left, top, right, bottom = seen or (0, 0, *picture.size)
    side = min(max(right - left, bottom - top) if seen else min(picture.size), *picture.size)
    x = min(max((left + right - side) // 2, 0), picture.width - side)
    y = min(max((top + bottom - side) // 2, 0), picture.height - side)
    return picture.crop((x, y, x + side, y + side))


def _text_beside(file: Path) -> str:
    try:
        return file.with_suffix(".txt").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def sheet_of(examples: Sequence[Example], side: int = 256) -> Image.Image:
    """Return the visible squares of all pictures, side by side."""
    sheet = Image.new("RGB", (side * len(examples), side))
    for number, example in enumerate(examples):
        sheet.paste(example.seen(side), (side * number, 0))
    return sheet


def captions_of(
    example: Example, name: str, kind: str, templates: Sequence[str] | None = None
) -> list[str]:
    """Return the descriptions of a picture that contain a name.

    Args:
        name: as it is typed.
        templates: with `[name]`, and `[filewords]` where the text beside a picture goes; by default
            ours for the kind, and with that text where there is one.
    """
    ours = TEMPLATES[kind]
    if templates is None and example.caption:
        has_name = NAME in example.caption
        templates = [FILEWORDS] if has_name else [f"{each}, {FILEWORDS}" for each in ours]
    return [
        each.replace(FILEWORDS, example.caption).replace(NAME, name) for each in templates or ours
    ]
