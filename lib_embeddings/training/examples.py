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

# From one picture a word learns the whole picture; from hundreds it learns what they share, which a
# LoRA does better.
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
        pixels: (side, side, 3), from -1 to 1.
        mask: which pixels count, (side, side), from 0 to 1; None where all do.
        caption: what stands beside it in a `.txt`; empty for nothing.
        sha256: of its file.
    """

    pixels: npt.NDArray[np.float32]
    mask: npt.NDArray[np.float32] | None
    caption: str
    sha256: str

    def as_picture(self) -> Image.Image:
        """Return what is seen of it."""
        return Image.fromarray(((self.pixels + 1) * 127.5).round().astype(np.uint8))


def read_examples(paths: Iterable[str | os.PathLike[str]], side: int) -> list[Example]:
    """Read pictures, and those in folders.

    Args:
        side: of the squares that they become, in pixels.

    Raises:
        PictureError: there are too few or too many, or one cannot be read.
    """
    files = [file for path in paths for file in _files(Path(path))]
    if not FEWEST <= len(files) <= MOST:
        raise PictureError(
            f"expected {FEWEST} to {MOST} pictures, found {len(files)}: three to five are best"
        )
    examples = {example.sha256: example for example in (_read(file, side) for file in files)}
    if len(examples) < FEWEST:
        raise PictureError(f"all {len(files)} pictures are the same: choose different ones")
    return list(examples.values())


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(each for each in path.iterdir() if each.suffix.lower() in _SUFFIXES)
    else:
        yield path


def _read(file: Path, side: int) -> Example:
    try:
        data = file.read_bytes()
        picture = _open(data)
    except FileNotFoundError as error:
        raise PictureError(f"{_named(file)} is not there") from error
    except Exception as error:  # Pillow raises errors of every kind on damaged pictures
        raise PictureError(f"{_named(file)} cannot be read as a picture") from error
    if picture is None:
        raise PictureError(f"{_named(file)} has too many pixels: make it smaller")
    square = _cut(picture).resize((side, side), Image.Resampling.LANCZOS)
    pixels = np.asarray(_on_white(square), np.float32) / 127.5 - 1
    mask = None
    if square.mode == "RGBA":
        mask = np.asarray(square.getchannel("A"), np.float32) / np.float32(255)
        if not mask.any():
            raise PictureError(f"{_named(file)} is transparent everywhere: nothing is seen of it")
    return Example(pixels, mask, _caption_beside(file), hashlib.sha256(data).hexdigest())


def _open(data: bytes) -> Image.Image | None:
    """Return a picture, upright; None for one that is too large."""
    with Image.open(io.BytesIO(data)) as opened:
        if opened.width * opened.height > LIMITS.learning_pixels:
            return None
        upright = ImageOps.exif_transpose(opened)
        has_alpha = "A" in upright.mode or "transparency" in upright.info
        return upright.convert("RGBA" if has_alpha else "RGB")


def _cut(picture: Image.Image) -> Image.Image:
    """Return the square around the subject: around what is not transparent, or the middle."""
    seen = picture.getchannel("A").getbbox() if picture.mode == "RGBA" else None
    left, top, right, bottom = seen or (0, 0, *picture.size)
    side = min(max(right - left, bottom - top) if seen else min(picture.size), *picture.size)
    x = min(max((left + right - side) // 2, 0), picture.width - side)
    y = min(max((top + bottom - side) // 2, 0), picture.height - side)
    return picture.crop((x, y, x + side, y + side))


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode == "RGB":
        return picture
    ground = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(ground, picture).convert("RGB")


def _caption_beside(file: Path) -> str:
    try:
        text = file.with_suffix(".txt").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return " ".join(text.split())[: LIMITS.caption_characters]


def _named(file: Path) -> str:
    return shown(file.name, 255)


def sheet_of(examples: Sequence[Example]) -> Image.Image:
    """Return what is seen of all pictures, side by side."""
    pictures = [example.as_picture() for example in examples]
    side = pictures[0].width
    sheet = Image.new("RGB", (side * len(pictures), side))
    for number, picture in enumerate(pictures):
        sheet.paste(picture, (side * number, 0))
    return sheet


def captions_of(
    example: Example, name: str, kind: str, templates: Sequence[str] | None = None
) -> list[str]:
    """Return the ways to describe a picture with a name in it.

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
