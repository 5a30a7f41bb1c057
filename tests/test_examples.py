"""The examples: what is shipped, and what is made when it is needed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from PIL import Image, ImageFilter

from examples.make_embeddings import UNSAFE, main
from examples.make_pictures import main as make_pictures
from examples.world import COLOURS, PLACES, SIDE, draw, everything, recognise
from lib_embeddings import scan

SHIPPED = Path(__file__).parents[1] / "examples" / "embeddings"


def states(folder: Path) -> dict[str, tuple[str, str | None, str | None]]:
    """Return by path what a scan for SD 1.x says of each file in a folder."""
    view = scan([folder], model="sd1")
    return {seen.entry.place.path: (seen.state, seen.fit, seen.reason) for seen in view}


def test_every_state_has_an_example(tmp_path: Path) -> None:
    """The examples show everything that a scan can report."""
    main(str(tmp_path))
    kinds = {fit or state for state, fit, _ in states(tmp_path).values()}
    assert kinds == {
        "usable", "partial", "incompatible", "duplicate", "broken", "unsafe", "foreign",
    }  # fmt: skip


def test_nothing_unsafe_is_shipped(tmp_path: Path) -> None:
    """The examples in the repository are those that are made, but for the unsafe one."""
    main(str(tmp_path))
    made = states(tmp_path)
    assert made.pop(UNSAFE)[0] == "unsafe"
    assert states(SHIPPED) == made


def test_pictures_to_learn_from(tmp_path: Path) -> None:
    """The pictures in the repository are those that are made: one thing in different places."""
    make_pictures(str(tmp_path))
    made = sorted(tmp_path.iterdir())
    shipped = sorted((SHIPPED.parent / "pictures").iterdir())
    assert [path.name for path in shipped] == [path.name for path in made]
    for one, other in zip(made, shipped, strict=True):
        with Image.open(one) as picture, Image.open(other) as expected:
            assert picture.tobytes() == expected.tobytes()
            assert recognise(picture)[:2] == ("orange", "cross")


@pytest.mark.parametrize("softness", [0, 1])
def test_what_recognises_is_right(softness: int) -> None:
    """All that this world has is recognised where it is drawn, with sharp edges or soft ones."""
    rng = random.Random(0)
    for thing in everything():
        drawn = draw(thing, rng).filter(ImageFilter.GaussianBlur(softness))
        assert recognise(drawn) == thing


def test_what_is_no_shape_is_not_recognised() -> None:
    """A place with nothing in it has no shape, nor have stripes."""
    picture = Image.new("RGB", (SIDE, SIDE), PLACES["at sea"])
    assert recognise(picture)[1:] == ("", "", "at sea")
    for left in range(5, SIDE, 7):
        picture.paste(COLOURS["red"], (left, 4, left + 3, SIDE - 4))
    assert recognise(picture) == ("red", "", "", "at sea")
