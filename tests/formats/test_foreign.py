"""What is no embedding, told by the names and shapes of its tensors."""

from __future__ import annotations

import re
from typing import Any

import pytest

from lib_embeddings.errors import NotAnEmbedding
from lib_embeddings.formats.assemble import make_embedding
from lib_embeddings.formats.embedding import Contents, Placeholder
from lib_embeddings.formats.foreign import bundled_contents, bundled_embeddings, recognise
from tests.formats.test_layouts import embedding_of, stored

LORA = "a LoRA ({}); it belongs in models/Lora"
CHECKPOINT = "a checkpoint ({}); it belongs in models/Stable-diffusion"
HYPERNETWORK = "a hypernetwork; it belongs in models/hypernetworks"
OPTIMIZER = "an optimizer's state, left over from training"
AESTHETIC = (
    "an aesthetic gradient; it belongs in that extension's aesthetic_embeddings folder"
)  # fmt: skip


# What it is, what its file holds, and the clause that says so: what a table of names cannot show.
LOOKALIKES: list[tuple[str, object, str]] = [
    (
        "LoRA as a list of matrices",
        [stored(768, 4), stored(4, 768), stored(320, 4), stored(4, 320)],
        LORA.format("4 tensors"),
    ),
    (
        "checkpoint with a state dict",
        {
            "global_step": 470000,
            "state_dict": {
                "model.diffusion_model.out.0.weight": stored(4, 320),
                "cond_stage_model.logit_scale": stored(),
            },
        },
        CHECKPOINT.format("2 tensors"),
    ),
    (
        "checkpoint by Lightning",
        {"pytorch-lightning_version": "1.4.2", "state_dict": {}},
        "a checkpoint; it belongs in models/Stable-diffusion",
    ),
    (
        "hypernetwork",
        {
            768: ({"linear.0.weight": stored(1536, 768)}, {"linear.0.weight": stored(1536, 768)}),
            "step": 10000,
            "name": "hyper",
            "layer_structure": [1, 2, 1],
        },
        HYPERNETWORK,
    ),
    (
        "older hypernetwork",
        {320: ({"linear1.weight": stored(640, 320)},), "step": 500, "name": "hyper"},
        HYPERNETWORK,
    ),
    (
        "optimizer state by A1111",
        {"hash": "abcdef12", "optimizer_state_dict": {"state": {}, "param_groups": []}},
        OPTIMIZER,
    ),
    (
        "random state by accelerate",
        {"step": 400, "random_state": (3, (1, 2), None), "numpy_random_seed": ("MT19937",)},
        "a training run's random state",
    ),
    (
        "prompts beside their text",
        {"prompt": "a cat", "prompt_embeds": stored(77, 768)},
        "a stored encoding of prompts (prompt_embeds), not an embedding",
    ),
    ("aesthetic gradient", stored(768), AESTHETIC),
    ("aesthetic gradient of two dimensions", stored(1, 768, dtype="float16"), AESTHETIC),
    ("aesthetic gradient of SD 2.x", stored(1, 1024), AESTHETIC),
    ("encoded prompt", stored(77, 768), "an encoded prompt (77, 768), not an embedding"),
    (
        "encoded prompt in a batch",
        stored(1, 77, 2048),
        "an encoded prompt (1, 77, 2048), not an embedding",
    ),
    (
        "encoded prompt beside what was pooled",
        [stored(1, 77, 768), stored(1, 1280)],
        "an encoded prompt (1, 77, 768), not an embedding",
    ),
    (
        "encoded prompt as ComfyUI passes it on",
        [[stored(1, 77, 768), {"pooled_output": stored(1, 768)}]],
        "an encoded prompt (1, 77, 768), not an embedding",
    ),
    (
        "encoded prompt of Flux",
        stored(256, 4096),
        "an encoded prompt (256, 4096), not an embedding",
    ),
    (
        "linear layer with a row as wide as clip_l",
        {"linear.weight": stored(1, 768), "linear.bias": stored(1)},
        "a model's weights (2 tensors: linear.weight …), not an embedding",
    ),
    ("an object that stands for itself", Placeholder("quantised weights"), "quantised weights"),
]


@pytest.mark.parametrize(
    "shapes",
    [
        {"llama_float16": (1, 256, 4096), "clipL_float16": (1, 768)},
        {"varlen_t5_bfloat16": (30, 4096)},
        {"hidden_state1": (77, 768), "hidden_state2": (77, 1280), "pool2": (1, 1280)},
        {"txt": (256, 4096)},
        {"txt": (256, 4096), "vec": (1, 768)},
        {"image_features": (1, 768)},
        {"features": (10, 768)},
        {"embeds": (77, 768)},
        {"positive": (77, 768), "negative": (77, 768)},
        {"embeds": (1, 77, 768), "mask": (1, 77)},
        {"prompt_learner.ctx": (16, 768)},
        {"ctx": (16, 768), "token_prefix": (1, 768), "token_suffix": (60, 768)},
        {"layer_norm1.gamma": (768,)},
        {"token_type_embeddings": (2, 768)},
        {"mean": (1, 768)},
        {"std": (768,)},
        {"latents_mean": (1, 768), "latents_std": (1, 768)},
        {"mu": (1, 768), "sigma": (1, 768)},
        {"components": (9, 768), "mean": (1, 768)},
        {"base_model.model.layers.0.self_attn.adaption_prompt": (1, 10, 4096)},
    ],
    ids=", ".join,
)
def test_no_word_is_called_so(shapes: dict[str, tuple[int, ...]]) -> None:
    """Names and shapes that caches and parts of models have, and no learned word."""
    root = {name: stored(*shape) for name, shape in shapes.items()}
    assert recognise(Contents("safetensors", root)) is not None


@pytest.mark.parametrize(
    ("root", "clause"), [row[1:] for row in LOOKALIKES], ids=[row[0] for row in LOOKALIKES]
)
def test_foreign_files_are_named(root: object, clause: str) -> None:
    """A sound file of another kind is named, with the folder it belongs in."""
    with pytest.raises(NotAnEmbedding, match=f"^this is {re.escape(clause)}$"):
        embedding_of(root)


# Words that people train, and that share letters with the names of parameters.
TOKENS = [
    "*",
    "<up>",
    "<down>",
    "<lora>",
    "<lora-style>",
    "<lora_style>",
    "lora_style",
    "my_lora_v2",
    "<dora_scale>",
    "<soft_blocks>",
    "<my.weight>",
    "<a:upset>",
    "input_hint",
    "my.alphabet",
    "weights",
    "<bias>",
    "<text_model.v2>",
    "_nerf_chair_",
    "step",
    "state",
    "clip_lady",
    "embroidery",
    "日本語",
    "mr.bean",
    "v1.5-style",
    "style:v2",
    "a:upset",
    "b.lora-style",
    "conditioner",
    "cap",
    "hidden",
    "text",
    "latent",
    "prompt",
    "embeds",
    "mask",
    "txt",
    "vec",
    "sigma",
    "positive",
    "feature",
    "float",
    "meanie",
    "<features>",
]


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("shape", [(768,), (8, 768)], ids=["vector", "vectors"])
def test_tokens_are_never_mistaken(token: str, shape: tuple[int, ...]) -> None:
    """A word someone trained is an embedding, whatever letters it has in common with a model's."""
    assert embedding_of({token: stored(*shape)}).stored_name == token


@pytest.mark.parametrize("token", TOKENS)
def test_a1111s_dict_is_never_mistaken(token: str) -> None:
    """A file with `string_to_param` is an embedding, whatever its token."""
    assert embedding_of({"string_to_param": {token: stored(768)}}).layout == "string_to_param"


BUNDLE: dict[str, Any] = {
    "lora_unet_mid_block.lora_up.weight": stored(4, 320),
    "bundle_emb.ema yasuhara.clip_l": stored(3, 768),
    "bundle_emb.ema yasuhara.clip_g": stored(3, 1280),
    "bundle_emb.ema yasuhara.clip_l_out": stored(3, 768),
    "bundle_emb.v1.5.string_to_param.*": stored(2, 768),
    "bundle_emb.old.emb_params": stored(768),
    "bundle_emb.flux.t5": stored(4, 4096),
}


def test_bundled_embeddings_are_listed() -> None:
    """A LoRA's own embeddings are listed with their vectors for each text encoder."""
    assert bundled_embeddings(BUNDLE) == {
        "ema yasuhara": {"clip_l": 3, "clip_g": 3},
        "v1.5": {"clip_l": 2},
        "old": {"clip_l": 1},
        "flux": {"t5xxl": 4},
    }


def test_bundled_embeddings_are_as_in_files_of_their_own() -> None:
    """The embeddings in a LoRA are read as if each had a file."""
    contents = bundled_contents(Contents("container", BUNDLE))
    made = {name: make_embedding(name, its) for name, its in contents.items()}
    assert {name: (each.layout, list(each.vectors)) for name, each in made.items()} == {
        "ema yasuhara": ("encoder_keys", ["clip_l", "clip_g"]),
        "v1.5": ("string_to_param", ["clip_l"]),
        "old": ("emb_params", ["clip_l"]),
        "flux": ("encoder_keys", ["t5xxl"]),
    }


def test_a_lora_says_what_it_brings() -> None:
    """The sentence for a LoRA names the embeddings that come with it."""
    assert recognise(Contents("container", BUNDLE)) == (
        "a LoRA (7 tensors); it belongs in models/Lora. It brings the embeddings "
        "ema yasuhara, v1.5, old, flux, which work while it is used"
    )


def test_a_bundle_without_its_lora_is_no_token() -> None:
    """Embeddings in a LoRA's naming are not strung together as if they were tokens."""
    bundle = {name: tensor for name, tensor in BUNDLE.items() if name.startswith("bundle_emb.")}
    with pytest.raises(NotAnEmbedding, match="ema yasuhara"):
        embedding_of(bundle)
