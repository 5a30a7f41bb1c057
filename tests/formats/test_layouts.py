"""Layouts: how the names of tensors mean an embedding."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lib_embeddings.errors import BrokenFile, NotAnEmbedding
from lib_embeddings.formats.assemble import make_embedding
from lib_embeddings.formats.embedding import Contents, Embedding, Tensor
from lib_embeddings.formats.layouts import CERTAIN, LIKELY
from tests.builders import png_text, read


def stored(*shape: int, dtype: str = "float32", value: float = 0.02) -> Tensor:
    """Return a tensor of one value, as a container hands it on."""
    return Tensor(dtype, shape, lambda: np.full(shape, value, np.float32))


def embedding_of(root: object) -> Embedding:
    """Return the embedding that a tree of tensors makes."""
    return make_embedding("name", Contents("container", root))


def a1111(*tokens: str, **fields: Any) -> dict[str, Any]:
    """Return A1111's dict with one vector for each token, the first token's id highest."""
    ids = {token: 300 - index for index, token in enumerate(tokens)}
    return {
        "string_to_token": ids,
        "string_to_param": {token: stored(768) for token in tokens},
        "name": "stored",
        **fields,
    }


ONE_L = {"clip_l": 1}

# The form's number in the list of known forms, what its file holds, the layout it is read by, and
# how many vectors come out for each text encoder.
FORMS: list[tuple[str, object, str, dict[str, int]]] = [
    ("F1 a1111", a1111("*"), "string_to_param", ONE_L),
    (
        "F1 SD 2.x",
        {"string_to_param": {"*": stored(4, 1024)}, "name": "flora"},
        "string_to_param",
        {"clip_h": 4},
    ),
    (
        "F2 original trainer",
        {
            "string_to_token": {"*": stored(dtype="int64")},
            "string_to_param": {"*": stored(10, 768)},
        },
        "string_to_param",
        {"clip_l": 10},
    ),
    ("F3 one dimension", {"<cat>": stored(768)}, "tokens", ONE_L),
    # Whatever a single tensor is called, A1111, ComfyUI and diffusers load it.
    ("F3 any name", {"norm": stored(768)}, "tokens", ONE_L),
    ("F4 two dimensions", {"<cat>": stored(8, 768)}, "tokens", {"clip_l": 8}),
    ("F5 kohya", {"emb_params": stored(8, 768)}, "emb_params", {"clip_l": 8}),
    ("F5 half", {"emb_params": stored(8, 768, dtype="bfloat16")}, "emb_params", {"clip_l": 8}),
    (
        "F6 SDXL",
        {"clip_l": stored(2, 768), "clip_g": stored(2, 1280)},
        "encoder_keys",
        {"clip_l": 2, "clip_g": 2},
    ),
    (
        "F6 in the other order",
        {"clip_g": stored(2, 1280), "clip_l": stored(2, 768)},
        "encoder_keys",
        {"clip_l": 2, "clip_g": 2},
    ),
    (
        "F7 SD 3.x, Comfy's t5xxl",
        {"clip_l": stored(1, 768), "clip_g": stored(1, 1280), "t5xxl": stored(1, 4096)},
        "encoder_keys",
        {"clip_l": 1, "clip_g": 1, "t5xxl": 1},
    ),
    (
        "F7 SD 3.x, OneTrainer's t5",
        {"clip_l": stored(1, 768), "clip_g": stored(1, 1280), "t5": stored(1, 4096)},
        "encoder_keys",
        {"clip_l": 1, "clip_g": 1, "t5xxl": 1},
    ),
    (
        "F8 Flux, t5",
        {"clip_l": stored(3, 768), "t5": stored(3, 4096)},
        "encoder_keys",
        {"clip_l": 3, "t5xxl": 3},
    ),
    (
        "F8 Flux, t5xxl",
        {"clip_l": stored(3, 768), "t5xxl": stored(3, 4096)},
        "encoder_keys",
        {"clip_l": 3, "t5xxl": 3},
    ),
    ("F9 clip_l", {"clip_l": stored(1, 768)}, "encoder_keys", ONE_L),
    ("F9 clip_h", {"clip_h": stored(1, 1024)}, "encoder_keys", {"clip_h": 1}),
    ("F9 clip_g", {"clip_g": stored(1, 1280)}, "encoder_keys", {"clip_g": 1}),
    ("F9 t5xxl", {"t5xxl": stored(88, 4096)}, "encoder_keys", {"t5xxl": 88}),
    ("F10 second file of a pair", {"<cat>": stored(2, 1280)}, "tokens", {"clip_g": 2}),
    (
        "F11 early diffusers",
        {"text_encoders_0": stored(2, 768), "text_encoders_1": stored(2, 1280)},
        "encoder_keys",
        {"clip_l": 2, "clip_g": 2},
    ),
    ("F12 OneTrainer SD", {"emp_params": stored(2, 768)}, "emb_params", {"clip_l": 2}),
    ("F4 in a batch of one", {"<cat>": stored(1, 8, 768)}, "tokens", {"clip_l": 8}),
    ("F5 in a batch of one", {"emb_params": stored(1, 8, 768)}, "emb_params", {"clip_l": 8}),
    (
        "F7 OneTrainer, HiDream",
        {
            "clip_l": stored(1, 768),
            "clip_g": stored(1, 1280),
            "t5": stored(1, 4096),
            "llama": stored(1, 4096),
        },
        "encoder_keys",
        {"clip_l": 1, "clip_g": 1, "t5xxl": 1, "llama": 1},
    ),
    (
        "F8 OneTrainer, HunyuanVideo",
        {"llama": stored(2, 4096), "clip_l": stored(2, 768)},
        "encoder_keys",
        {"clip_l": 2, "llama": 2},
    ),
    ("F9 OneTrainer, Sana", {"gemma": stored(2, 2304)}, "encoder_keys", {"gemma2_2b": 2}),
    ("F9 gemma in ComfyUI", {"gemma2_2b": stored(2, 2304)}, "encoder_keys", {"gemma2_2b": 2}),
    ("F9 Wan", {"umt5xxl": stored(2, 4096)}, "encoder_keys", {"umt5xxl": 2}),
    ("F9 Kolors", {"chatglm": stored(2, 4096)}, "encoder_keys", {"chatglm": 2}),
    ("F9 Qwen-Image", {"qwen": stored(2, 3584)}, "encoder_keys", {"qwen25_7b": 2}),
    ("F9 Z-Image", {"qwen": stored(2, 2560)}, "encoder_keys", {"qwen3_4b": 2}),
    *(
        (f"F9 {key} as wide as clip or t5", {key: stored(2, width)}, "encoder_keys", {encoder: 2})
        for key, width, encoder in (
            ("qwen3_8b", 4096, "qwen3_8b"),
            ("qwen3_06b", 1024, "qwen3_06b"),
            ("qwen", 4096, "qwen3_8b"),
            ("qwen", 1024, "qwen3_06b"),
            ("qwen3", 1024, "qwen3_06b"),
            ("llama3_8b", 4096, "llama"),
            ("llama_3", 4096, "llama"),
            ("ministral", 4096, "ministral"),
            ("hydit_clip", 1024, "hydit_clip"),
            ("jina_clip_2", 1024, "jina_clip_2"),
            ("t5base", 768, "t5base"),
            ("umt5base", 768, "umt5base"),
        )
    ),
    ("F9 gemma of 4B", {"gemma": stored(2, 2560)}, "encoder_keys", {"gemma3_4b": 2}),
    ("F3 in a list", [{"<*>": stored(768)}], "tokens", ONE_L),
    ("F3 in a batch, in a list", [{"<*>": stored(1, 3, 768)}], "tokens", {"clip_l": 3}),
    ("F15 T5 vector alone", stored(4096, dtype="bfloat16"), "bare_tensor", {"t5xxl": 1}),
    ("F15 T5 vectors alone", stored(5, 4096), "bare_tensor", {"t5xxl": 5}),
    (
        "F16 emb and emb2",
        {"emb": stored(768), "emb2": stored(1280)},
        "encoder_keys",
        {"clip_l": 1, "clip_g": 1},
    ),
    (
        "F16 list of emb and emb2",
        [{"emb": stored(768), "emb2": stored(1280)}] * 3,
        "encoder_keys",
        {"clip_l": 3, "clip_g": 3},
    ),
]


@pytest.mark.parametrize(
    ("root", "layout", "n_vectors"), [row[1:] for row in FORMS], ids=[row[0] for row in FORMS]
)
def test_every_form_is_read(root: object, layout: str, n_vectors: dict[str, int]) -> None:
    """Every known form of an embedding gives its vectors for each text encoder, and no warning."""
    embedding = embedding_of(root)
    assert embedding.layout == layout
    assert {key: info.n_vectors for key, info in embedding.info.items()} == n_vectors
    assert embedding.warnings == ()


def test_the_form_in_a_picture_is_a1111s() -> None:
    """F19 and F20: the JSON in a picture holds the same dict as a file by A1111."""
    embedding = read(png_text())
    assert (embedding.layout, embedding.stored_name) == ("string_to_param", "stored")


def test_layouts_are_tried_in_the_order_of_their_certainty() -> None:
    """Layouts whose names only embeddings use come before plain guesses."""
    names = [layout.__name__ for layout in (*CERTAIN, *LIKELY)]
    assert names == ["string_to_param", "encoder_keys", "emb_params", "tokens", "bare_tensor"]


@pytest.mark.parametrize(
    ("root", "stored_name"),
    [
        pytest.param(a1111("*"), "stored", id="a1111's name"),
        pytest.param(a1111("*", name=None), None, id="no name"),
        pytest.param(a1111("*", name=7), None, id="name is no text"),
        pytest.param(a1111("*", name="two\nlines"), "two\\nlines", id="name of two lines"),
        pytest.param({"<cat>": stored(768)}, "<cat>", id="token"),
        pytest.param({"<s0>": stored(768), "<s1>": stored(768)}, None, id="several tokens"),
        pytest.param({"emb_params": stored(768)}, None, id="emb_params"),
        pytest.param({"clip_l": stored(768)}, None, id="encoder key"),
    ],
)
def test_stored_name(root: object, stored_name: str | None) -> None:
    """The name inside a file is kept beside the name from outside, fit for one line."""
    embedding = embedding_of(root)
    assert (embedding.name, embedding.stored_name) == ("name", stored_name)


@pytest.mark.parametrize(
    ("fields", "metadata"),
    [
        pytest.param(
            {"step": 100, "sd_checkpoint": "abcdef12", "sd_checkpoint_name": "model"},
            {"step": 100, "sd_checkpoint": "abcdef12", "sd_checkpoint_name": "model"},
            id="all",
        ),
        pytest.param({"step": None, "sd_checkpoint": None}, {}, id="none"),
        pytest.param({"step": 1.5, "sd_checkpoint": ["x"]}, {}, id="of other kinds"),
        pytest.param({"sd_checkpoint_name": "a\tb"}, {"sd_checkpoint_name": "a\\tb"}, id="a tab"),
    ],
)
def test_training_metadata(fields: dict[str, Any], metadata: dict[str, Any]) -> None:
    """Step and checkpoint are kept where they are numbers and text."""
    assert dict(embedding_of(a1111("*", **fields)).metadata) == metadata


def rows(*values: float) -> list[float]:
    """Return what the first numbers of vectors of those values are, in float32."""
    return [float(np.float32(value)) for value in values]


@pytest.mark.parametrize(
    ("root", "firsts", "listed"),
    [
        pytest.param(
            {f"<s{i}>": stored(768, value=0.01 * i) for i in (10, 2, 1)},
            rows(0.01, 0.02, 0.1),
            "<s1>, <s2>, <s10>",
            id="F13 tokens by number",
        ),
        pytest.param(
            {
                "string_to_token": {"a": 3, "b": 1, "c": 2},
                "string_to_param": {
                    "a": stored(768, value=0.03),
                    "b": stored(2, 768, value=0.01),
                    "c": stored(768, value=0.02),
                },
            },
            rows(0.01, 0.01, 0.02, 0.03),
            "b, c, a",
            id="by token id",
        ),
        pytest.param(
            {
                "string_to_token": {"b": stored(dtype="int64"), "a": stored(dtype="int64")},
                "string_to_param": {
                    "b": stored(768, value=0.02),
                    "a": stored(768, value=0.01),
                },
            },
            rows(0.01, 0.02),
            "a, b",
            id="ids that are tensors",
        ),
        pytest.param(
            {"emb_params": stored(768, value=0.01), "emp_params": stored(768, value=0.02)},
            rows(0.01, 0.02),
            "emb_params, emp_params",
            id="both spellings",
        ),
    ],
)
def test_several_terms_follow_their_tokens(root: object, firsts: list[float], listed: str) -> None:
    """The rows of several terms stand in the order of their tokens, which a warning names."""
    embedding = embedding_of(root)
    assert embedding.vectors["clip_l"][:, 0].tolist() == firsts
    n_terms = listed.count(",") + 1
    warning = f"holds {n_terms} terms for clip_l, used one after another: {listed}"
    assert embedding.warnings == (warning,)


def test_the_rows_of_a_list_keep_its_order() -> None:
    """The list form has one row for each of its dicts, in order, and needs no warning."""
    embedding = embedding_of([{"emb": stored(768, value=value)} for value in (0.03, 0.01)])
    assert embedding.vectors["clip_l"][:, 0].tolist() == rows(0.03, 0.01)
    assert embedding.warnings == ()


@pytest.mark.parametrize(
    ("root", "outputs"),
    [
        pytest.param(
            {"clip_l": stored(768), "clip_l_out": stored(768)}, "clip_l_out", id="one encoder"
        ),
        pytest.param(
            {
                "clip_l": stored(768),
                "clip_g": stored(1280),
                "t5": stored(4096),
                "clip_l_out": stored(768),
                "clip_g_out": stored(1280),
                "t5_out": stored(4096),
            },
            "clip_l_out, clip_g_out, t5_out",
            id="three encoders",
        ),
        pytest.param(
            {"emp_params": stored(768), "emp_params_out": stored(768)}, "emp_params_out", id="SD"
        ),
    ],
)
def test_output_vectors_are_left_alone(root: object, outputs: str) -> None:
    """OneTrainer's vectors for after the text encoder are not used, and the warning names them."""
    embedding = embedding_of(root)
    assert {info.n_vectors for info in embedding.info.values()} == {1}
    assert embedding.warnings == (
        f"its output vectors, applied after the text encoder, are not used: {outputs}",
    )


@pytest.mark.parametrize("key", ["clip_l_out", "emp_params_out", "emb_params_out"])
def test_output_vectors_alone_are_no_token(key: str) -> None:
    """A file with nothing but vectors for after the text encoder is not taken for a token."""
    with pytest.raises((BrokenFile, NotAnEmbedding), match=key):
        embedding_of({key: stored(1, 768)})


def test_the_latent_diffusion_model_is_mentioned() -> None:
    """Vectors as wide as clip_g by the original trainer are probably for BERT."""
    root = {
        "string_to_token": {"*": stored(dtype="int64")},
        "string_to_param": {"*": stored(1, 1280)},
    }
    assert embedding_of(root).warnings == (
        "probably made for the latent-diffusion model (BERT 1280), which no WebUI can run",
    )


@pytest.mark.parametrize(
    ("root", "label"),
    [
        pytest.param({"emb_params": "text"}, "emb_params", id="emb_params"),
        pytest.param({"clip_l": [1.0, 2.0]}, "clip_l", id="encoder key"),
        pytest.param({"string_to_param": {"*": None}}, "\\*", id="string_to_param"),
        pytest.param({"string_to_param": {"a\nb": None}}, r"a\\nb", id="label of two lines"),
    ],
)
def test_no_tensor_where_vectors_should_be(root: object, label: str) -> None:
    """A sure name that holds something else than a tensor is a damaged embedding."""
    message = f"^its {label} is not a tensor: expected vectors$"
    with pytest.raises(BrokenFile, match=message):
        embedding_of(root)


@pytest.mark.parametrize(
    ("root", "holdings"),
    [
        pytest.param(None, "it holds no tensors", id="None"),
        pytest.param({}, "it holds no tensors", id="empty dict"),
        pytest.param([], "it holds no tensors", id="empty list"),
        pytest.param("text", "it holds no tensors", id="text"),
        pytest.param({"string_to_param": 7}, "it holds no tensors", id="string_to_param is 7"),
        pytest.param(
            stored(3, 4), r"it holds tensors of another kind \(one float32\[3x4\]\)", id="matrix"
        ),
        pytest.param(
            {"a": stored(768), "b": stored(2, 3, 4), "c": stored(dtype="int64")},
            r"it holds tensors of another kind \(a float32\[768\], b float32\[2x3x4\] …\)",
            id="three dimensions among tokens",
        ),
        pytest.param(
            {"norm": stored(768), "pca": stored(4, 768)},
            r"it holds tensors of another kind \(norm float32\[768\], pca float32\[4x768\]\)",
            id="several names that are no tokens",
        ),
        pytest.param(
            {"<cat>": stored(768), "note": "text"},
            r"it holds tensors of another kind \(<cat> float32\[768\]\)",
            id="text among tokens",
        ),
    ],
)
def test_what_no_layout_knows(root: object, holdings: str) -> None:
    """A file that nobody recognises is described by what it holds."""
    with pytest.raises(NotAnEmbedding, match=f"^not an embedding: {holdings}$"):
        embedding_of(root)
