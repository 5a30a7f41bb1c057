"""Text encoders and the model families that need them."""

from __future__ import annotations

import pytest

from lib_embeddings.formats.text_encoders import (
    BY_HIDDEN_SIZE,
    MODEL_FAMILIES,
    OTHER_FAMILIES,
    TEXT_ENCODERS,
    ModelFamily,
    describe,
    families_for,
    made_for,
)


def test_a_width_means_one_encoder() -> None:
    """A width says which encoder vectors are for, where no name does."""
    assert {size: encoder.key for size, encoder in BY_HIDDEN_SIZE.items()} == {
        768: "clip_l",
        1024: "clip_h",
        1280: "clip_g",
        4096: "t5xxl",
    }
    assert all(TEXT_ENCODERS[encoder.key] is encoder for encoder in BY_HIDDEN_SIZE.values())


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


@pytest.mark.parametrize("family", OTHER_FAMILIES.values(), ids=list(OTHER_FAMILIES))
def test_families_without_embeddings_say_so(family: ModelFamily) -> None:
    """A model for which no WebUI loads embeddings suits none, and says so by its name."""
    assert str(family) == f"{family.title}, for which no WebUI loads embeddings"
    assert not family.suits(family.required)
    assert all(key in TEXT_ENCODERS for key in family.encoders)


@pytest.mark.parametrize(
    ("encoders", "models"),
    [
        ("clip_l", "SD 1.x (clip_l 768)"),
        ("clip_l clip_g", "SDXL (clip_l 768 + clip_g 1280)"),
        ("clip_l clip_g t5xxl", "SD 3.x (clip_l 768 + clip_g 1280 + t5xxl 4096)"),
        ("clip_l llama", "HunyuanVideo (clip_l 768 + llama 4096)"),
        ("umt5xxl", "Wan (umt5xxl 4096)"),
        ("qwen3_4b", "Z-Image (qwen3_4b 2560)"),
        ("t5xxl", "t5xxl 4096 (SD 3.x, Flux, Chroma, HiDream and PixArt)"),
        ("llama", "llama 4096 (HiDream and HunyuanVideo)"),
        ("mt5xl", "mt5xl 2048 (HunyuanDiT)"),
        ("hydit_clip", "hydit_clip 1024 (HunyuanDiT)"),
        ("qwen3_06b", "qwen3_06b 1024"),
        ("clip_l clip_h", "clip_l 768 + clip_h 1024"),
    ],
)
def test_which_models_vectors_are_for(encoders: str, models: str) -> None:
    """Vectors are for the family that has just their encoders, or could serve those that do."""
    assert made_for(encoders.split()) == models
