"""Models that paint, for tests: the small one of the package, and random ones of other families."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

import torch
from diffusers import (
    AutoencoderTiny,
    DDIMScheduler,
    FlowMatchEulerDiscreteScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from lib_embeddings.pictures.model import SMALL_MODEL, Model, load, model_of

# What they paint is too small to gain from more, which wait for each other.
torch.set_num_threads(1)

POOLED = 24
_AS_MODELS_HAVE = {"clip_sample": False, "steps_offset": 1}


@cache
def small() -> Model:
    """Return the model of the package."""
    return load()


def random_sdxl() -> StableDiffusionXLPipeline:
    """Return a tiny model of random numbers that is built as SDXL is."""
    torch.manual_seed(1)
    first, second = _tokenizer(), _tokenizer()
    second.pad_token = "!"
    return StableDiffusionXLPipeline(
        vae=_vae(),
        text_encoder=CLIPTextModel(_text_config(768)),
        text_encoder_2=CLIPTextModelWithProjection(_text_config(1280)),
        tokenizer=first,
        tokenizer_2=second,
        unet=_unet(
            2048,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=6 * 8 + POOLED,
        ),
        scheduler=DDIMScheduler(**_AS_MODELS_HAVE),
    )


def random_sd2() -> StableDiffusionPipeline:
    """Return a tiny model of random numbers that is built as SD 2.x is, and predicts v."""
    torch.manual_seed(2)
    return StableDiffusionPipeline(
        vae=_vae(),
        text_encoder=CLIPTextModel(_text_config(1024)),
        tokenizer=_tokenizer(),
        unet=_unet(1024),
        scheduler=DDIMScheduler(prediction_type="v_prediction", **_AS_MODELS_HAVE),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def random_flow() -> StableDiffusionPipeline:
    """Return the tiny one of SD 2.x, but that it predicts the way from pictures to noise."""
    pipeline = random_sd2()
    pipeline.scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
    return pipeline


def as_model(pipeline: Any) -> Model:
    """Return a pipeline as a model on the CPU."""
    return model_of(pipeline, "random", "0" * 64, torch.device("cpu"), torch.float32)


def fingerprint(model: Model) -> str:
    """Return the hash of every number of a model, of its vocabularies, and of what hooks in."""
    hashed = hashlib.sha256()
    for part in (model.unet, model.vae, *(encoder.module for encoder in model.encoders)):
        for name, tensor in part.state_dict().items():
            hashed.update(name.encode() + tensor.numpy().tobytes())
    for encoder in model.encoders:
        hashed.update(repr(sorted(encoder.tokenizer.get_vocab().items())).encode())
        hashed.update(repr((encoder.table, list(encoder.table._forward_hooks))).encode())
    return hashed.hexdigest()


def _tokenizer() -> CLIPTokenizer:
    return CLIPTokenizer.from_pretrained(SMALL_MODEL / "tokenizer")


def _text_config(width: int) -> CLIPTextConfig:
    tokenizer = _tokenizer()
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        projection_dim=POOLED,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def _unet(width: int, **others: Any) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 8),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=width,
        attention_head_dim=4,
        norm_num_groups=4,
        **others,
    )


def _vae() -> AutoencoderTiny:
    return AutoencoderTiny(
        encoder_block_out_channels=(8, 8, 8),
        decoder_block_out_channels=(8, 8, 8),
        num_encoder_blocks=(1, 1, 1),
        num_decoder_blocks=(1, 1, 1),
        upsampling_scaling_factor=2,
    )
