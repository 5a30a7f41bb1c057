"""Pictures to learn from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lib_embeddings import PictureError
from lib_embeddings.training.examples import FEWEST, MOST, captions_of, read_examples, sheet_of

SIDE = 16


def picture(path: Path, size: tuple[int, int] = (SIDE, SIDE), colour: str = "red") -> Path:
    Image.new("RGB", size, colour).save(path)
    return path


@pytest.fixture
def others(tmp_path: Path) -> list[Path]:
    """Return two pictures, so that a third is one of several."""
    return [picture(tmp_path / f"{colour}.png", colour=colour) for colour in ("blue", "green")]


def test_folders_and_files(tmp_path: Path, others: list[Path]) -> None:
    """Pictures of a folder are read by name, and what is no picture is left out."""
    (tmp_path / "notes.md").write_text("no picture")
    examples = read_examples([tmp_path])
    assert [tuple(each.pixels(SIDE)[0, 0]) for each in examples] == [
        tuple(each.pixels(SIDE)[0, 0]) for each in read_examples(others)
    ]
    assert sheet_of(examples, SIDE).size == (2 * SIDE, SIDE)


@pytest.mark.parametrize("number", [0, FEWEST - 1, MOST + 1])
def test_too_few_or_too_many(tmp_path: Path, number: int) -> None:
    """One picture is too few, and hundreds are too many."""
    one = picture(tmp_path / "a.png")
    with pytest.raises(PictureError, match=f"expected 2 to 100 pictures, found {number}"):
        read_examples([one] * number)


def test_the_same_twice(tmp_path: Path) -> None:
    """One picture under two names is one picture."""
    with pytest.raises(PictureError, match="all 2 pictures are the same"):
        read_examples([picture(tmp_path / "a.png"), picture(tmp_path / "b.png")])


def test_damaged(tmp_path: Path, others: list[Path]) -> None:
    """A picture that cannot be read is named."""
    (tmp_path / "web.png").write_text("<html>")
    with pytest.raises(PictureError, match=r"web\.png cannot be read as a picture"):
        read_examples([*others, tmp_path / "web.png"])
    with pytest.raises(PictureError, match=r"no\.png is not there"):
        read_examples([*others, tmp_path / "no.png"])
    with pytest.raises(PictureError, match=r"^pictures is not there$"):
        read_examples([tmp_path / "pictures"])  # and is not one picture that is too few


def test_the_middle_square(tmp_path: Path, others: list[Path]) -> None:
    """The middle of a picture of any size is used, upright."""
    wide = Image.new("RGB", (3 * SIDE, SIDE), "white")
    wide.paste("red", (SIDE, 0, 2 * SIDE, SIDE))
    wide.paste("blue", (SIDE, 0, 2 * SIDE, SIDE // 2))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    wide.save(tmp_path / "wide.png", exif=exif)
    pixels = read_examples([*others, tmp_path / "wide.png"])[-1].pixels(SIDE)
    assert np.allclose(pixels[0], [1, -1, -1])
    assert np.allclose(pixels[-1], [-1, -1, 1])


def test_transparency(tmp_path: Path, others: list[Path]) -> None:
    """Transparent parts do not count, and the square is around the others."""
    clear = Image.new("RGBA", (4 * SIDE, 2 * SIDE), (0, 0, 0, 0))
    clear.paste((255, 0, 0, 255), (3 * SIDE, SIDE // 2, 4 * SIDE, SIDE))
    clear.save(tmp_path / "clear.png")
    example = read_examples([*others, tmp_path / "clear.png"])[-1]
    pixels, mask = example.pixels(SIDE), example.mask(SIDE)
    assert mask.mean() == pytest.approx(0.5, abs=0.1)
    assert np.allclose(pixels[mask == 1], [1, -1, -1])
    assert np.allclose(pixels[mask == 0], 1)


def test_nothing_seen(tmp_path: Path, others: list[Path]) -> None:
    """A picture that is completely transparent is refused."""
    Image.new("RGBA", (SIDE, SIDE)).save(tmp_path / "clear.png")
    with pytest.raises(PictureError, match="completely transparent"):
        read_examples([*others, tmp_path / "clear.png"])


@pytest.mark.parametrize(
    ("beside", "templates", "expected"),
    [
        ("", None, "a photo of a x-y"),
        ("in the\nsnow", None, "a photo of a x-y, in the snow"),
        ("one [name] in the snow", None, "one x-y in the snow"),
        ("in the snow", ("[filewords] [name]",), "in the snow x-y"),
    ],
)
def test_captions(
    tmp_path: Path,
    others: list[Path],
    beside: str,
    templates: tuple[str, ...] | None,
    expected: str,
) -> None:
    """Our own templates, a text beside the picture, or the person's own templates."""
    (tmp_path / "red.txt").write_text(beside)
    example = read_examples([*others, picture(tmp_path / "red.png")])[-1]
    assert expected in captions_of(example, "x-y", "object", templates)
