"""Near misses of names."""

from __future__ import annotations

import pytest

from lib_embeddings.prompts.near import NearNames

NAMES = NearNames(
    ["marc_allante", "EasyNegative", "badhandv4", "kaleido", "v1.5", "tangles", "my style", "cat-2"]
)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("marc_alante", "marc_allante"),
        ("Marc-Allente", "marc_allante"),
        ("marc_lalante", "marc_allante"),
        ("easynegatve", "EasyNegative"),
        ("aesynegative", "EasyNegative"),
        ("badhandv5", "badhandv4"),
        ("badhandsv5", "badhandv4"),
        ("mystyle", "my style"),
        ("cat2", None),
        ("cat_2", "cat-2"),
    ],
)
def test_slips(word: str, expected: str | None) -> None:
    """A slip or two are forgiven, by the word's length."""
    assert NAMES.nearest(word) == expected


@pytest.mark.parametrize(
    "word", ["marc_allante", "EASYNEGATIVE", "triangles", "angle", "kaleidoscope2", "v1.4", ""]
)
def test_no_slips(word: str) -> None:
    """Names themselves, short words and words that are near by chance are no slips."""
    assert NAMES.nearest(word) is None


def test_the_nearest_wins() -> None:
    """Of two near names the nearer is meant."""
    assert NearNames(["style-5000", "style-500x"]).nearest("style-500") == "style-5000"
    assert NearNames(["style-50", "style-6000"]).nearest("style-5000") == "style-6000"
