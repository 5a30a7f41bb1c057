"""Draw the pictures that a word can be learned from: one thing, in four places and two sizes.

    python -m examples.make_pictures FOLDER

The project ships them in `examples/pictures`.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from examples.world import PLACES, SIZES, Thing, draw


def main(folder: str, colour: str = "orange", shape: str = "cross", seed: int = 0) -> None:
    """Draw four pictures into a folder."""
    rng = random.Random(seed)
    Path(folder).mkdir(parents=True, exist_ok=True)
    for number, place in enumerate(rng.sample(list(PLACES), 4)):
        thing = Thing(colour, shape, list(SIZES)[number % 2], place)
        draw(thing, rng).save(Path(folder) / f"{place.replace(' ', '-')}.png")


if __name__ == "__main__":
    main(sys.argv[1])
