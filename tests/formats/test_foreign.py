"""What is no embedding, told by the names and shapes of its tensors."""

from __future__ import annotations

import re
from typing import Any

import pytest

from lib_embeddings.errors import NotAnEmbedding
from lib_embeddings.formats.embedding import Contents, Placeholder, Tensor
from lib_embeddings.formats.foreign import bundled_embeddings, recognise
from tests.formats.test_layouts import embedding_of, stored

LORA = "a LoRA ({}); it belongs in models/Lora"
CONTROLNET = "a ControlNet ({}); it belongs in models/ControlNet"
CHECKPOINT = "a checkpoint ({}); it belongs in models/Stable-diffusion"
VAE = "a VAE ({}); it belongs in models/VAE"
TEXT_ENCODER = "a text encoder ({}); it belongs in models/text_encoder"
HYPERNETWORK = "a hypernetwork; it belongs in models/hypernetworks"
OPTIMIZER = "an optimizer's state, left over from training"
AESTHETIC = (
    "an aesthetic gradient; it belongs in that extension's aesthetic_embeddings folder"
)  # fmt: skip


def named(*names: str) -> dict[str, Tensor]:
    """Return a small matrix for each name."""
    return {name: stored(4, 320) for name in names}


KOHYA = "lora_te_text_model_encoder_layers_0_mlp_fc1"
ATTENTION = "down_blocks.0.attentions.0.transformer_blocks.0.attn1"

# What it is, its tensors, and the clause that says so; {} stands for the number of tensors.
LOOKALIKES: list[tuple[str, object, str]] = [
    (
        "LoRA by kohya",
        named(f"{KOHYA}.alpha", f"{KOHYA}.lora_down.weight", f"{KOHYA}.lora_up.weight"),
        LORA.format("3 tensors"),
    ),
    (
        "LoRA slice as wide as clip_l",
        {f"{KOHYA}.lora_down.weight": stored(4, 768)},
        LORA.format("1 tensor"),
    ),
    (
        "LoRA by peft",
        named(f"unet.{ATTENTION}.to_q.lora_A.weight", f"unet.{ATTENTION}.to_q.lora_B.weight"),
        LORA.format("2 tensors"),
    ),
    (
        "LoRA by diffusers",
        named("text_encoder.text_model.encoder.layers.0.q_proj.lora_linear_layer.up.weight"),
        LORA.format("1 tensor"),
    ),
    (
        "LoRA by older diffusers",
        named(
            f"{ATTENTION}.processor.to_q_lora.down.weight",
            f"{ATTENTION}.processor.to_q_lora.up.weight",
        ),
        LORA.format("2 tensors"),
    ),
    (
        "LoRA by older diffusers, a slice as wide as clip_l",
        {"mid_block.attentions.0.processor.to_k_lora.down.weight": stored(4, 768)},
        LORA.format("1 tensor"),
    ),
    (
        "LoRA with tokens by cloneofsimo",
        {
            "<s1>": stored(768),
            "<s2>": stored(768),
            "text_encoder:0:down": stored(1, 768),
            "text_encoder:0:up": stored(768, 1),
        },
        LORA.format("4 tensors"),
    ),
    (
        "LoRA as a list of matrices",
        [stored(768, 4), stored(4, 768), stored(320, 4), stored(4, 320)],
        LORA.format("4 tensors"),
    ),
    (
        "LyCORIS LoHa",
        named("lycoris_text_model_encoder_layers_0_mlp_fc1.hada_w1_a"),
        LORA.format("1 tensor"),
    ),
    ("LyCORIS LoKr", named("lycoris_blocks_0_attn.lokr_w1"), LORA.format("1 tensor")),
    ("LyCORIS OFT", named("lycoris_blocks_0_attn.oft_blocks"), LORA.format("1 tensor")),
    (
        "DoRA",
        named("text_encoder.layers.0.q_proj.dora_scale"),
        LORA.format("1 tensor"),
    ),
    (
        "checkpoint of SD 1.x",
        named(
            "model.diffusion_model.input_blocks.0.0.weight",
            "first_stage_model.encoder.conv_in.weight",
            "cond_stage_model.transformer.text_model.embeddings.position_ids",
        ),
        CHECKPOINT.format("3 tensors"),
    ),
    (
        "checkpoint of SDXL",
        named(
            "conditioner.embedders.0.transformer.text_model.embeddings.token_embedding.weight",
            "first_stage_model.decoder.conv_in.weight",
        ),
        CHECKPOINT.format("2 tensors"),
    ),
    (
        "checkpoint of SD 3.x",
        named("joint_blocks.0.context_block.attn.qkv.weight"),
        CHECKPOINT.format("1 tensor"),
    ),
    (
        "checkpoint of Flux",
        named("double_blocks.0.img_attn.qkv.weight", "single_blocks.0.linear1.weight"),
        CHECKPOINT.format("2 tensors"),
    ),
    (
        "checkpoint with a state dict",
        {
            "global_step": 470000,
            "state_dict": named(
                "model.diffusion_model.out.0.weight", "cond_stage_model.logit_scale"
            ),
        },
        CHECKPOINT.format("2 tensors"),
    ),
    (
        "checkpoint by Lightning",
        {"pytorch-lightning_version": "1.4.2", "state_dict": {}},
        "a checkpoint; it belongs in models/Stable-diffusion",
    ),
    (
        "unet by diffusers",
        named("conv_in.weight", f"{ATTENTION}.to_q.weight"),
        CHECKPOINT.format("2 tensors"),
    ),
    (
        "VAE",
        named("encoder.down.0.block.0.conv1.weight", "decoder.up.0.block.0.conv1.weight"),
        VAE.format("2 tensors"),
    ),
    (
        "VAE by diffusers",
        named("encoder.down_blocks.0.resnets.0.conv1.weight", "quant_conv.weight"),
        VAE.format("2 tensors"),
    ),
    (
        "VAE cut out of a checkpoint",
        named("first_stage_model.encoder.conv_in.weight"),
        VAE.format("1 tensor"),
    ),
    (
        "VAE approximation",
        named("conv1.weight", "conv1.bias"),
        "a model's weights (2 tensors: conv1.weight …), not an embedding",
    ),
    (
        "ControlNet",
        named("control_model.input_hint_block.0.weight", "control_model.zero_convs.0.0.weight"),
        CONTROLNET.format("2 tensors"),
    ),
    (
        "ControlNet without its prefix",
        named("input_hint_block.0.weight"),
        CONTROLNET.format("1 tensor"),
    ),
    (
        "ControlNet by diffusers",
        named("controlnet_cond_embedding.conv_in.weight", f"{ATTENTION}.to_q.weight"),
        CONTROLNET.format("2 tensors"),
    ),
    (
        "text encoder, CLIP",
        {
            "text_model.embeddings.position_ids": stored(1, 77, dtype="int64"),
            "text_model.embeddings.token_embedding.weight": stored(49408, 768),
        },
        TEXT_ENCODER.format("2 tensors"),
    ),
    (
        "text encoder, OpenCLIP",
        named("transformer.resblocks.0.attn.in_proj_weight"),
        TEXT_ENCODER.format("1 tensor"),
    ),
    (
        "text encoder, T5",
        {
            "shared.weight": stored(32128, 4096),
            "encoder.block.0.layer.0.SelfAttention.q.weight": stored(4096, 4096),
        },
        TEXT_ENCODER.format("2 tensors"),
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
        "optimizer state by torch",
        {"state": {0: {"exp_avg": stored(1, 768)}}, "param_groups": [{"lr": 0.005}]},
        OPTIMIZER,
    ),
    (
        "random state by accelerate",
        {"step": 400, "random_state": (3, (1, 2), None), "numpy_random_seed": ("MT19937",)},
        "a training run's random state",
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
        "linear layer with a row as wide as clip_l",
        {"linear.weight": stored(1, 768), "linear.bias": stored(1)},
        "a model's weights (2 tensors: linear.weight …), not an embedding",
    ),
    ("an object that stands for itself", Placeholder("quantised weights"), "quantised weights"),
]


@pytest.mark.parametrize(
    ("root", "clause"), [row[1:] for row in LOOKALIKES], ids=[row[0] for row in LOOKALIKES]
)
def test_foreign_files_are_named(root: object, clause: str) -> None:
    """A sound file of another kind is told by name, with the folder it belongs in."""
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
