"""Text encoders and the model families that need them."""

from __future__ import annotations

import pytest

from lib_embeddings.formats.text_encoders import (
    BY_HIDDEN_SIZE,
    MODEL_FAMILIES,
    TEXT_ENCODERS,
    describe,
    families_for,
)


def test_a_width_means_one_encoder() -> None:
    """No two text encoders share a hidden size, so a width tells the encoder."""
    assert {size: encoder.key for size, encoder in BY_HIDDEN_SIZE.items()} == {
        768: "clip_l",
        1024: "clip_h",
        1280: "clip_g",
        4096: "t5xxl",
    }
    assert len(BY_HIDDEN_SIZE) == len(TEXT_ENCODERS)


@pytest.mark.parametrize(
    ("key", "title"),
    [
        ("sd1", "SD 1.x (clip_l 768)"),
        ("sd2", "SD 2.x (clip_h 1024)"),
        ("sdxl", "SDXL (clip_l 768 + clip_g 1280)"),
        ("sdxl-refiner", "SDXL refiner (clip_g 1280)"),
        ("sd3", "SD 3.x (clip_l 768 + clip_g 1280 + t5xxl 4096)"),
        ("flux", "Flux (clip_l 768 + t5xxl 4096)"),
    ],
)
def test_a_family_says_what_it_is(key: str, title: str) -> None:
    """A family is shown by its title and its encoders with their sizes."""
    assert str(MODEL_FAMILIES[key]) == title


@pytest.mark.parametrize(
    ("encoders", "families"),
    [
        (("clip_l",), ["sd1"]),
        (("clip_h",), ["sd2"]),
        (("clip_g",), ["sdxl-refiner"]),
        (("clip_g", "clip_l"), ["sdxl", "sd3"]),
        (("clip_l", "clip_g", "t5xxl"), ["sd3"]),
        (("clip_l", "t5xxl"), ["flux"]),
        (("t5xxl",), []),
        (("clip_l", "clip_h"), []),
        ((), []),
    ],
)
def test_the_families_that_can_use_vectors(encoders: tuple[str, ...], families: list[str]) -> None:
    """Families that require all of these encoders and lack none are the ones that can."""
    assert [family.key for family in families_for(encoders)] == families


def test_encoders_are_named_in_one_order() -> None:
    """The order in which encoders come from a file does not show."""
    assert describe(["t5xxl", "clip_g", "clip_l"]) == "clip_l 768 + clip_g 1280 + t5xxl 4096"
