"""Whether a model can use an embedding."""

from __future__ import annotations

import pytest

from lib_embeddings.formats.embedding import VectorsInfo
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES, TEXT_ENCODERS
from lib_embeddings.views.lens import Fit, check


def info(encoders: str, n_vectors: int = 1) -> dict[str, VectorsInfo]:
    """Return what is known of vectors for these encoders."""
    return {
        key: VectorsInfo(n_vectors, TEXT_ENCODERS[key].hidden_size, "float32")
        for key in encoders.split()
    }


FAMILIES = ("sd1", "sd2", "sdxl", "sdxl-refiner", "sd3", "flux")

# One column for each family: usable, partial or incompatible.
KINDS = {
    #                             sd1  sd2  sdxl ref  sd3  flux
    "clip_l":                    "usa  inc  par  inc  par  par",
    "clip_h":                    "inc  usa  inc  inc  inc  inc",
    "clip_g":                    "inc  inc  par  usa  par  inc",
    "t5xxl":                     "inc  inc  inc  inc  par  par",
    "clip_l clip_h":             "par  par  par  inc  par  par",
    "clip_l clip_g":             "par  inc  usa  par  usa  par",
    "clip_l t5xxl":              "par  inc  par  inc  par  usa",
    "clip_h clip_g":             "inc  par  par  par  par  inc",
    "clip_h t5xxl":              "inc  par  inc  inc  par  par",
    "clip_g t5xxl":              "inc  inc  par  par  par  par",
    "clip_l clip_h clip_g":      "par  par  usa  par  usa  par",
    "clip_l clip_h t5xxl":       "par  par  par  inc  par  par",
    "clip_l clip_g t5xxl":       "par  inc  usa  par  usa  par",
    "clip_h clip_g t5xxl":       "inc  par  par  par  par  par",
    "clip_l clip_h clip_g t5xxl": "par  par  usa  par  usa  par",
}  # fmt: skip

MATRIX = [
    (encoders, family, kind)
    for encoders, kinds in KINDS.items()
    for family, kind in zip(FAMILIES, kinds.split(), strict=True)
]


def test_the_matrix_has_every_family() -> None:
    """The table has a column for each model family."""
    assert tuple(MODEL_FAMILIES) == FAMILIES


@pytest.mark.parametrize(("encoders", "family", "kind"), MATRIX)
def test_every_set_of_encoders_with_every_family(encoders: str, family: str, kind: str) -> None:
    """The fit follows from what the family requires, what it may use and what it lacks."""
    fit = check(info(encoders), MODEL_FAMILIES[family])
    assert fit.kind.startswith(kind)


T5 = "t5xxl 4096 (SD 3.x, Flux, Chroma, HiDream and PixArt)"


@pytest.mark.parametrize(("encoders", "family", "kind"), MATRIX)
def test_every_reason_names_both_sides(encoders: str, family: str, kind: str) -> None:
    """A reason has the embedding's encoders with their sizes, and the model's name; usable none."""
    reason = check(info(encoders), MODEL_FAMILIES[family]).reason
    if kind == "usa":
        assert reason is None
        return
    assert reason is not None
    for key in encoders.split():
        assert f"{key} {TEXT_ENCODERS[key].hidden_size}" in reason
    assert MODEL_FAMILIES[family].title in reason


SENTENCES = [
    (
        "clip_h",
        "sd1",
        "made for SD 2.x (clip_h 1024); the active model is SD 1.x (clip_l 768)",
    ),
    (
        "clip_l",
        "sd2",
        "made for SD 1.x (clip_l 768); the active model is SD 2.x (clip_h 1024)",
    ),
    (
        "clip_h",
        "sdxl",
        "made for SD 2.x (clip_h 1024); the active model is SDXL (clip_l 768 + clip_g 1280)",
    ),
    (
        "clip_l",
        "sdxl-refiner",
        "made for SD 1.x (clip_l 768); the active model is SDXL refiner (clip_g 1280)",
    ),
    (
        "clip_h",
        "sd3",
        (
            "made for SD 2.x (clip_h 1024); the active model is SD 3.x "
            "(clip_l 768 + clip_g 1280 + t5xxl 4096)"
        ),
    ),
    (
        "clip_g",
        "flux",
        "made for SDXL refiner (clip_g 1280); the active model is Flux (clip_l 768 + t5xxl 4096)",
    ),
    (
        "t5xxl",
        "sd1",
        f"made for {T5}; the active model is SD 1.x (clip_l 768)",
    ),
    (
        "clip_l clip_g",
        "sd1",
        "made for SDXL (clip_l 768 + clip_g 1280); SD 1.x would use only its clip_l",
    ),
    (
        "clip_l",
        "sdxl",
        "made for SD 1.x (clip_l 768); SDXL would use its clip_l; missing: clip_g 1280",
    ),
    (
        "clip_l",
        "sd3",
        "made for SD 1.x (clip_l 768); SD 3.x would use its clip_l; missing: clip_g 1280",
    ),
    (
        "t5xxl",
        "sd3",
        f"made for {T5}; SD 3.x would use its t5xxl; missing: clip_l 768 + clip_g 1280",
    ),
    (
        "clip_l t5xxl",
        "sdxl",
        (
            "made for Flux (clip_l 768 + t5xxl 4096); "
            "SDXL would use only its clip_l; missing: clip_g 1280"
        ),
    ),
    (
        "clip_l clip_h",
        "sd1",
        "made for clip_l 768 + clip_h 1024; SD 1.x would use only its clip_l",
    ),
]


@pytest.mark.parametrize(("encoders", "family", "reason"), SENTENCES)
def test_sentences(encoders: str, family: str, reason: str) -> None:
    """Each way of not fitting has its sentence."""
    assert check(info(encoders), MODEL_FAMILIES[family]).reason == reason


@pytest.mark.parametrize(
    ("encoders", "reason"),
    [
        ("clip_l", "made for SD 1.x (clip_l 768); choose a model to see whether it fits"),
        (
            "clip_l clip_g",
            "made for SDXL (clip_l 768 + clip_g 1280); choose a model to see whether it fits",
        ),
        (
            "clip_l clip_h",
            "made for clip_l 768 + clip_h 1024; choose a model to see whether it fits",
        ),
    ],
)
def test_without_a_model(encoders: str, reason: str) -> None:
    """Without an active model the fit is unknown; the reason says what the embedding is for."""
    assert check(info(encoders), None) == Fit("unknown", reason)


@pytest.mark.parametrize(
    ("encoders", "family", "n_vectors", "kind"),
    [
        ("clip_l", "sd1", 75, "usable"),
        ("clip_l", "sd1", 76, "incompatible"),
        ("clip_h", "sd2", 76, "incompatible"),
        ("clip_l clip_g", "sdxl", 75, "usable"),
        ("clip_l clip_g", "sdxl", 76, "incompatible"),
        ("t5xxl", "sd3", 200, "partial"),
    ],
)
def test_more_vectors_than_a_prompt_chunk(
    encoders: str, family: str, n_vectors: int, kind: str
) -> None:
    """Vectors that do not fit a chunk of CLIP make an embedding unusable; T5 has no chunks."""
    fit = check(info(encoders, n_vectors), MODEL_FAMILIES[family])
    assert fit.kind == kind
    if kind == "incompatible":
        key, *_ = encoders.split()
        assert fit.reason == f"has 76 vectors for {key}: at most 75 fit in a prompt chunk"
