"""From a draft to an embedding: widths decide, and values are looked at."""

from __future__ import annotations

import re

import numpy as np
import pytest

from lib_embeddings.errors import BrokenFile, EmbeddingError, LimitExceeded, NotAnEmbedding
from lib_embeddings.formats.embedding import Tensor
from tests.builders import read as read_bytes
from tests.builders import safetensors_file
from tests.formats.test_layouts import embedding_of, stored

WIDTHS = "clip_l 768, clip_h 1024, clip_g 1280, t5xxl 4096"


def holding(values: object) -> Tensor:
    """Return a tensor of these values."""
    array = np.array(values, np.float32)
    return Tensor("float32", array.shape, lambda: array)


def spoiled(value: float, count: int = 1) -> Tensor:
    """Return two vectors of clip_l of which *count* numbers are *value*."""
    array = np.full((2, 768), 0.02, np.float32)
    array.flat[:count] = value
    return holding(array)


# Which text encoder


@pytest.mark.parametrize(
    ("width", "key"), [(768, "clip_l"), (1024, "clip_h"), (1280, "clip_g"), (4096, "t5xxl")]
)
def test_the_width_decides(width: int, key: str) -> None:
    """Vectors belong to the text encoder whose hidden size they have."""
    embedding = embedding_of({"<cat>": stored(2, width)})
    assert {key: array.shape for key, array in embedding.vectors.items()} == {key: (2, width)}


@pytest.mark.parametrize(
    ("root", "used", "warnings"),
    [
        pytest.param(
            {"clip_g": stored(1, 768), "t5": stored(1, 4096)},
            ["clip_l", "t5xxl"],
            ["its tensor clip_g is 768 wide, as clip_l is: used for clip_l"],
            id="clip_g is 768 wide",
        ),
        pytest.param(
            {"clip_l": stored(1, 1024)},
            ["clip_h"],
            ["its tensor clip_l is 1024 wide, as clip_h is: used for clip_h"],
            id="clip_l is 1024 wide",
        ),
        pytest.param(
            {"clip_l": stored(1, 1280), "clip_g": stored(1, 768)},
            ["clip_l", "clip_g"],
            [
                "its tensor clip_g is 768 wide, as clip_l is: used for clip_l",
                "its tensor clip_l is 1280 wide, as clip_g is: used for clip_g",
            ],
            id="swapped",
        ),
    ],
)
def test_shape_beats_name(root: object, used: list[str], warnings: list[str]) -> None:
    """Where a tensor's name and width disagree the width wins, with a warning."""
    embedding = embedding_of(root)
    assert list(embedding.vectors) == used
    assert list(embedding.warnings) == warnings


@pytest.mark.parametrize(
    ("root", "message"),
    [
        pytest.param(
            {"clip_l": stored(1, 768), "clip_g": stored(1, 768)},
            "its tensor clip_g is 768 wide, as clip_l is: expected 1280",
            id="clip_g as wide as clip_l",
        ),
        pytest.param(
            {"clip_l": stored(1, 1280), "clip_g": stored(1, 1280)},
            "its tensor clip_l is 1280 wide, as clip_g is: expected 768",
            id="clip_l as wide as clip_g",
        ),
        pytest.param(
            [{"emb": stored(768), "emb2": stored(768)}],
            "its tensor emb2 is 768 wide, as clip_l is: expected 1280",
            id="emb2 as wide as emb",
        ),
    ],
)
def test_two_encoders_of_one_width_are_refused(root: object, message: str) -> None:
    """Nothing says which of two encoders' vectors of one width belong to the other."""
    with pytest.raises(BrokenFile, match=f"^{message}$"):
        embedding_of(root)


# What cannot be used

REFUSED: list[tuple[str, object, type[EmbeddingError], str]] = [
    (
        "unknown width",
        {"emb_params": stored(1, 512)},
        NotAnEmbedding,
        (
            "its tensor emb_params does not fit any known text encoder: its vectors are 512 wide, "
            f"expected {WIDTHS}"
        ),
    ),
    (
        "llama of another width",
        {"llama": stored(1, 768)},
        NotAnEmbedding,
        (
            "its tensor llama does not fit any known text encoder: its vectors are 768 wide, "
            "expected llama 4096"
        ),
    ),
    (
        "a token table",
        {"<cat>": stored(49408, 768)},
        NotAnEmbedding,
        "not an embedding: it holds tensors of another kind (<cat> float32[49408x768])",
    ),
    (
        "no width",
        {"emb_params": stored(0)},
        NotAnEmbedding,
        (
            f"its tensor emb_params does not fit any known text encoder: its vectors are 0 wide, "
            f"expected {WIDTHS}"
        ),
    ),
    (
        "three dimensions",
        {"string_to_param": {"*": stored(2, 2, 768)}},
        BrokenFile,
        "its tensor * has the wrong shape: expected (n_vectors, hidden_size), found (2, 2, 768)",
    ),
    (
        "no dimensions",
        {"clip_l": stored()},
        BrokenFile,
        "its tensor clip_l has the wrong shape: expected (n_vectors, hidden_size), found ()",
    ),
    (
        "integers",
        {"emb_params": stored(1, 768, dtype="int64")},
        NotAnEmbedding,
        "not an embedding: its tensor emb_params is stored as int64",
    ),
    (
        "quantised",
        {"<cat>": stored(768, dtype="F8_E4M3")},
        NotAnEmbedding,
        "not an embedding: its tensor <cat> is stored as F8_E4M3",
    ),
    (
        "no vectors",
        {"emb_params": stored(0, 768)},
        BrokenFile,
        "it holds no vectors: its tensor is empty",
    ),
    ("no terms", {"string_to_param": {}}, BrokenFile, "it holds no vectors"),
    (
        "one NaN",
        {"emb_params": spoiled(np.nan)},
        BrokenFile,
        "1 of its 1,536 numbers are NaN or infinite: it would ruin every picture",
    ),
    (
        "infinities",
        {"emb_params": spoiled(np.inf, 700)},
        BrokenFile,
        "700 of its 1,536 numbers are NaN or infinite: it would ruin every picture",
    ),
    (
        "minus infinity",
        {"emb_params": spoiled(-np.inf, 1536)},
        BrokenFile,
        "1,536 of its 1,536 numbers are NaN or infinite: it would ruin every picture",
    ),
    (
        "NaN in the second encoder",
        {"clip_l": stored(1, 768), "clip_g": stored(1, 1280, value=np.nan)},
        BrokenFile,
        "1,280 of its 1,280 numbers are NaN or infinite: it would ruin every picture",
    ),
]


@pytest.mark.parametrize(
    ("root", "error", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_refused(root: object, error: type[EmbeddingError], message: str) -> None:
    """Unusable tensors are refused with their numbers, as damaged or as something else."""
    with pytest.raises(error, match=f"^{re.escape(message)}$") as raised:
        embedding_of(root)
    assert type(raised.value) is error


def test_the_number_of_vectors_is_bounded() -> None:
    """512 vectors are read; one more is refused, and nothing of it is fetched."""
    assert embedding_of({"emb_params": stored(512, 768)}).info["clip_l"].n_vectors == 512

    def fetch() -> np.ndarray:
        raise AssertionError("fetched before it was counted")

    with pytest.raises(LimitExceeded, match=r"513 vectors, expected at most 512$"):
        embedding_of({"emb_params": Tensor("float32", (513, 768), fetch)})


def test_the_bound_holds_for_all_terms_together() -> None:
    """Many small terms of one encoder count as one embedding."""
    terms = {f"<s{index}>": stored(768) for index in range(513)}
    with pytest.raises(LimitExceeded, match=r"513 vectors, expected at most 512$"):
        embedding_of(terms)


def test_a_damaged_label_is_shown_on_one_line() -> None:
    """A tensor's name or type cannot break the sentence."""
    spoilt = "F32\x1b[31m\n" * 100
    with pytest.raises(NotAnEmbedding) as raised:
        embedding_of({"string_to_param": {"a\n\x1b[31mb": Tensor(spoilt, (1, 768), list)}})
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 300


# What is odd

WARNED: list[tuple[str, object, str]] = [
    (
        "unequal counts",
        {"clip_l": stored(1, 768), "clip_g": stored(2, 1280), "t5": stored(1, 4096, value=1)},
        "holds different numbers of vectors: clip_l 1, clip_g 2, t5xxl 1",
    ),
    (
        "all zeros",
        {"emb_params": stored(3, 768, value=0)},
        "all its vectors for clip_l are zero: it has no effect",
    ),
    (
        "all zeros for one encoder",
        {"clip_l": stored(1, 768), "clip_g": stored(1, 1280, value=0)},
        "all its vectors for clip_g are zero: it has no effect",
    ),
    (
        "long",
        {"emb_params": stored(1, 768, value=100)},
        (
            "its vectors for clip_l are unusually long: norms 2.77e+03 to 2.77e+03, "
            "usual are 0.02 to 200"
        ),
    ),
    (
        "short",
        {"emb_params": stored(1, 768, value=1e-4)},
        (
            "its vectors for clip_l are unusually short: norms 0.00277 to 0.00277, "
            "usual are 0.02 to 200"
        ),
    ),
    (
        "one of zeros among others",
        {"emb_params": holding([[0.0] * 768, [0.02] * 768])},
        "its vectors for clip_l are unusually short: norms 0 to 0.554, usual are 0.02 to 200",
    ),
    (
        "long for T5",
        {"t5xxl": stored(1, 4096, value=1000)},
        (
            "its vectors for t5xxl are unusually long: norms 6.4e+04 to 6.4e+04, "
            "usual are 0.02 to 20000"
        ),
    ),
]


@pytest.mark.parametrize(
    ("root", "warning"), [row[1:] for row in WARNED], ids=[row[0] for row in WARNED]
)
def test_odd_values_are_warned_of(root: object, warning: str) -> None:
    """Values that work but are odd give one warning with the numbers."""
    assert embedding_of(root).warnings == (warning,)


@pytest.mark.parametrize("value", [6e17, 1e30, -3e38])
def test_numbers_too_large_to_square(value: float) -> None:
    """Finite numbers whose squares overflow are odd, not broken."""
    (warning,) = embedding_of({"emb_params": stored(200, 768, value=value)}).warnings
    assert "unusually long" in warning


@pytest.mark.parametrize("value", [0.02, 1.0, 7.0])
def test_usual_values_give_no_warning(value: float) -> None:
    """Norms as embeddings in the wild have them pass in silence."""
    assert embedding_of({"emb_params": stored(1, 768, value=value)}).warnings == ()


# What comes out


def test_one_dimension_is_one_vector() -> None:
    """A tensor (hidden_size,) becomes an array (1, hidden_size)."""
    assert embedding_of({"<cat>": stored(768)}).vectors["clip_l"].shape == (1, 768)


def test_vectors_are_float32_and_read_only() -> None:
    """Vectors can be shared: nobody can write into them."""
    vectors = embedding_of({"emb_params": stored(2, 768, dtype="float16")}).vectors["clip_l"]
    assert vectors.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        vectors[0, 0] = 1


def test_the_stored_type_is_kept() -> None:
    """The file's own type is reported beside the float32 array."""
    embedding = embedding_of(
        {"clip_g": stored(1, 1280, dtype="bfloat16"), "clip_l": stored(1, 768, dtype="float16")}
    )
    assert {key: info.dtype for key, info in embedding.info.items()} == {
        "clip_l": "float16",
        "clip_g": "bfloat16",
    }


def test_metadata_of_the_container_is_kept() -> None:
    """Free text beside the tensors comes along."""
    data = safetensors_file(metadata={"modelspec.title": "a cat"})
    assert read_bytes(data).metadata == {"modelspec.title": "a cat"}
