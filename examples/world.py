"""The world of the small model: coloured shapes in six places, drawn, described and recognised.

What recognises a picture compares colours and outlines with those that are drawn, and knows nothing
of any model, so that it may judge one.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from functools import cache
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
    "a picture of a {colour} {shape} {place}",
    "a painting of a {colour} {shape}, {place}",
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
_COARSE = 16  # outlines are compared at so many pixels a side


class Thing(NamedTuple):
    """What a picture of this world shows."""

    colour: str
    shape: str
    size: str
    place: str

    def caption(self, rng: random.Random) -> str:
        """Return one of the ways to describe it."""
        return rng.choice(_CAPTIONS).format(**self._asdict())


def any_thing(rng: random.Random) -> Thing:
    """Return something, at random."""
    options = (list(COLOURS), SHAPES, list(SIZES), list(PLACES))
    return Thing(*(rng.choice(each) for each in options))


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
    radius = SIZES[thing.size] * side * rng.uniform(0.93, 1.07)
    centre = [side / 2 + rng.uniform(-0.08, 0.08) * side for _ in range(2)]
    mask = _outline(thing.shape, side, radius, *centre)
    picture.paste(COLOURS[thing.colour], mask=mask)
    return picture.resize((SIDE, SIDE), Image.Resampling.BOX)


def _outline(shape: str, side: int, r: float, x: float, y: float) -> Image.Image:
    """Return where a shape is, as a picture of black and white."""
    mask = Image.new("L", (side, side))
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
    """Say what a picture shows: the nearest colours, the outline that covers it best."""
    pixels = np.asarray(picture.convert("RGB").resize((SIDE, SIDE)), float)
    edge = np.concatenate([pixels[:2].reshape(-1, 3), pixels[-2:].reshape(-1, 3)])
    place = _nearest(PLACES, np.median(edge, axis=0))
    ground = np.asarray(PLACES[place], float)
    is_ground = np.linalg.norm(pixels - np.median(edge, axis=0), axis=2)
    is_thing = is_ground > max(30.0, is_ground.max() / 2)
    colour = _nearest(COLOURS, np.median(pixels[is_thing], axis=0) if is_thing.any() else ground)
    found, width = _cut_out(is_thing)
    overlaps = {shape: _overlap(found, _drawn(shape)) for shape in SHAPES}
    middle = SIDE * (SIZES["small"] + SIZES["large"])
    size = "small" if width < middle else "large"
    return Thing(colour, max(overlaps, key=lambda shape: overlaps[shape]), size, place)


def _nearest(known: dict[str, Colour], colour: npt.NDArray[np.float64]) -> str:
    return min(known, key=lambda name: float(np.linalg.norm(np.subtract(known[name], colour))))


def _cut_out(is_thing: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.bool_], int]:
    """Return an outline at a size that all have, and how wide it was."""
    rows, columns = is_thing.any(axis=1).nonzero()[0], is_thing.any(axis=0).nonzero()[0]
    if not rows.size:
        return np.zeros((_COARSE, _COARSE), bool), 0
    cut = is_thing[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    coarse = Image.fromarray(cut.astype(np.uint8) * 255).resize((_COARSE, _COARSE))
    return np.asarray(coarse) > 127, int(columns[-1] + 1 - columns[0])


@cache
def _drawn(shape: str) -> npt.NDArray[np.bool_]:
    side = SIDE * _SUPERSAMPLING
    return _cut_out(np.asarray(_outline(shape, side, side * 0.4, side / 2, side / 2)) > 127)[0]


def _overlap(one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> float:
    return float((one & other).sum() / max((one | other).sum(), 1))
