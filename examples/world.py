"""The world of the small model: coloured shapes in six places, drawn, described and recognised.

What recognises a picture compares colours and outlines with those that are drawn, and knows nothing
of any model, so that it may judge one.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from functools import cache
from itertools import product, starmap
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

SIDE = 32

Colour = tuple[int, int, int]

COLOURS: dict[str, Colour] = {
    "red": (215, 40, 40),
    "orange": (245, 140, 30),
    "yellow": (250, 225, 60),
    "purple": (130, 50, 170),
    "pink": (245, 120, 190),
    "teal": (20, 170, 160),
}
PLACES: dict[str, Colour] = {
    "in the snow": (238, 242, 248),
    "on grass": (70, 130, 60),
    "on sand": (215, 190, 140),
    "at night": (25, 28, 60),
    "at sea": (50, 110, 190),
    "in fog": (150, 155, 160),
}
SHAPES = ("circle", "square", "triangle", "cross", "star", "ring")
# Half of a shape's width, as a share of the picture's.
SIZES = {"small": 0.24, "large": 0.38}

# How captions are written; what one leaves out is free in its picture.
_CAPTIONS = (
    "a {size} {colour} {shape} {place}",
    "a photo of a {size} {colour} {shape} {place}",
    "a picture of a {size} {colour} {shape} {place}",
    "a painting of a {size} {colour} {shape}, {place}",
    "a {colour} {shape} {place}",
    "{colour} {shape} {place}",
    "{size} {shape}, {colour}, {place}",
    "a {colour} {shape}",
    "a photo of a {shape} {place}",
    "{place}",
    "{colour}",
)
# Words that a person may type for something to learn, though no picture shows them.
_OTHER_WORDS = "the of and with style by toy lantern sign kite thing object my one in drawing"

_SUPERSAMPLING = 4
# How far a shape may be from the middle, as a share of the picture, and from its size.
_SHIFT, _SCALE = 0.08, 0.07

# What is recognised: as far from the ground as this, and with no more of it unlike a drawing.
_LEAST_CONTRAST, _MOST_UNLIKE = 30.0, 0.4


class Thing(NamedTuple):
    """What a picture of this world shows."""

    colour: str
    shape: str
    size: str
    place: str

    @property
    def prompt(self) -> str:
        """The way to ask for all of it."""
        return _CAPTIONS[0].format(**self._asdict())

    def caption(self, rng: random.Random) -> str:
        """Return one of the ways to describe it."""
        return rng.choice(_CAPTIONS).format(**self._asdict())


def everything() -> list[Thing]:
    """Return all that this world has."""
    return list(starmap(Thing, product(COLOURS, SHAPES, SIZES, PLACES)))


def words() -> Iterator[str]:
    """Yield every word that captions have or people may type."""
    texts = (*_CAPTIONS, *COLOURS, *PLACES, *SHAPES, *SIZES, _OTHER_WORDS)
    for text in texts:
        yield from (word.strip(",") for word in text.split() if "{" not in word)
    yield ","


def draw(thing: Thing, rng: random.Random) -> Image.Image:
    """Draw it, at a place and a size that vary a little."""
    side = SIDE * _SUPERSAMPLING
    picture = Image.new("RGB", (side, side), PLACES[thing.place])
    radius = SIZES[thing.size] * side * rng.uniform(1 - _SCALE, 1 + _SCALE)
    centre = [side / 2 + rng.uniform(-_SHIFT, _SHIFT) * side for _ in range(2)]
    picture.paste(COLOURS[thing.colour], mask=_outline(thing.shape, radius, *centre))
    return _reduced(picture)


def _reduced(picture: Image.Image) -> Image.Image:
    return picture.resize((SIDE, SIDE), Image.Resampling.BOX)


def _outline(shape: str, r: float, x: float, y: float) -> Image.Image:
    """Return where a shape is, as a picture of black and white, larger than it will be."""
    mask = Image.new("L", (SIDE * _SUPERSAMPLING,) * 2)
    pen = ImageDraw.Draw(mask)

    def around(width: float, height: float) -> list[float]:
        return [x - width, y - height, x + width, y + height]

    match shape:
        case "circle":
            pen.ellipse(around(r, r), fill=255)
        case "ring":
            pen.ellipse(around(r, r), fill=255)
            pen.ellipse(around(r * 0.5, r * 0.5), fill=0)
        case "square":
            pen.rectangle(around(r * 0.9, r * 0.9), fill=255)
        case "cross":
            pen.rectangle(around(r * 0.34, r), fill=255)
            pen.rectangle(around(r, r * 0.34), fill=255)
        case "triangle":
            pen.polygon([(x, y - r), (x - r, y + r * 0.85), (x + r, y + r * 0.85)], fill=255)
        case "star":
            corners = [(r if n % 2 == 0 else r * 0.42, math.pi * (n / 5 - 0.5)) for n in range(10)]
            pen.polygon([(x + q * math.cos(a), y + q * math.sin(a)) for q, a in corners], fill=255)
    return mask


def recognise(picture: Image.Image) -> Thing:
    """Say what a picture shows: the nearest colours, and the shape and size drawn most like it.

    Where nothing stands out, or nothing like a shape, shape and size are empty.
    """
    pixels = np.asarray(picture.convert("RGB").resize((SIDE, SIDE)), float)
    edge = np.concatenate([pixels[:2].reshape(-1, 3), pixels[-2:].reshape(-1, 3)])
    ground = np.median(edge, axis=0)
    place = _nearest(PLACES, ground)
    distance = np.linalg.norm(pixels - ground, axis=2)
    is_thing = distance > max(_LEAST_CONTRAST, distance.max() / 2)
    if not is_thing.any():
        return Thing(_nearest(COLOURS, ground), "", "", place)
    tone = np.median(pixels[is_thing], axis=0)
    towards = tone - ground
    # How much of each pixel is the thing's: unlike a yes or no, it outlives soft edges.
    cover = ((pixels - ground) @ towards / (towards @ towards)).clip(0, 1).ravel()
    kinds, outlines = _outlines()
    errors = np.square(outlines - cover).sum(axis=1)
    best = int(errors.argmin())
    is_like = errors[best] < _MOST_UNLIKE * np.square(cover).sum()
    return Thing(_nearest(COLOURS, tone), *(kinds[best] if is_like else ("", "")), place)


def _nearest(known: dict[str, Colour], colour: npt.NDArray[np.float64]) -> str:
    return min(known, key=lambda name: float(np.linalg.norm(np.subtract(known[name], colour))))


@cache
def _outlines() -> tuple[list[tuple[str, str]], npt.NDArray[np.float64]]:
    """Return shapes and sizes, and how much each covers of each pixel, wherever it may be drawn."""
    middle, most = SIDE * _SUPERSAMPLING / 2, math.ceil(_SHIFT * SIDE)
    shifts = list(product(range(-most, most + 1), repeat=2))
    kinds, outlines = [], []
    for shape, size, scale in product(SHAPES, SIZES, (1 - _SCALE, 1, 1 + _SCALE)):
        mask = _outline(shape, 2 * SIZES[size] * scale * middle, middle, middle)
        cover = np.asarray(_reduced(mask), float) / 255
        kinds += [(shape, size)] * len(shifts)
        outlines += [np.roll(cover, shift, axis=(0, 1)).ravel() for shift in shifts]
    return kinds, np.stack(outlines)
