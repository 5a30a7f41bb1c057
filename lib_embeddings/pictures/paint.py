"""Paint: from noise to a picture, guided by prompts at each step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from functools import partial
from typing import Any, NamedTuple

import torch
from diffusers import DPMSolverMultistepScheduler
from PIL import Image

from lib_embeddings.errors import PictureError
from lib_embeddings.pictures.encode import (
    Conditioning,
    Encoded,
    EncoderRows,
    PromptEncoder,
    n_tokens,
)
from lib_embeddings.pictures.memory import enough_memory
from lib_embeddings.pictures.model import FLOW, Model
from lib_embeddings.prompts.wishes import PaintSettings, Wish

SAMPLER = "DPM++ 2M"

# How many the painter works on at once: more than helps on one GPU, and a bound for memory.
_AT_ONCE = 16
# The pixels of all whose latents become pictures at once, which takes far more memory per pixel.
_PIXELS_AT_ONCE = 1024**2

# Returns the pictures as they would be if the painter stopped now.
Live = Callable[[], list[Image.Image]]
# Called after each step with its number from 1, the number of all, and what shows the pictures;
# what it raises ends the work.
OnStep = Callable[[int, int, Live], None]


def on_no_step(_step: int, _steps: int, _live: Live) -> None:
    """Show no progress."""


def completed_for(settings: PaintSettings, model: Model) -> PaintSettings:
    """Return settings that leave nothing to the model."""
    return PaintSettings(
        settings.steps,
        model.usual_guidance if settings.guidance is None else settings.guidance,
        settings.side or model.side,
    )


class _Share(NamedTuple):
    """The share of one encoded prompt in a picture: its factor in what the painter predicts."""

    picture: int
    factor: float
    conditioning: Conditioning


@torch.no_grad()
def paint(
    model: Model,
    rows: Mapping[str, EncoderRows],
    wishes: Sequence[Wish],
    settings: PaintSettings,
    on_step: OnStep = on_no_step,
) -> list[Image.Image]:
    """Paint wishes, all together.

    Args:
        rows: by name, for the embeddings that the prompts may use.

    Raises:
        PictureError: a negative prompt would not be read, or memory runs out.
    """
    chosen = completed_for(settings, model)
    advice = "choose smaller pictures, or a smaller model"
    least = _least_memory(model, len(wishes), chosen)
    with enough_memory("paint", advice, model.device, least):
        return _paint(model, rows, wishes, chosen, on_step)


def _least_memory(model: Model, number: int, settings: PaintSettings) -> int:
    """Return the bytes that so many pictures need at least, besides the model's own.

    The most is needed where latents become pictures: the input and the output of one layer, with as
        many numbers for each pixel as the first layer that reads pictures makes from one.
    """
    _, _, side = astuple(settings)
    channels: int = model.vae.config.block_out_channels[0]
    together = min(number, _decoded_at_once(side))
    least: int = 2 * together * side**2 * channels * model.vae.dtype.itemsize
    return least


def _sampler(model: Model) -> Any:
    """Return what leads from noise to a picture, given what the painter predicts."""
    config, flow = model.scheduler.config, {}
    if model.prediction == FLOW:
        shift = config.get("shift", config.get("flow_shift", 1.0))
        flow = {"prediction_type": FLOW, "use_flow_sigmas": True, "flow_shift": shift}
    return DPMSolverMultistepScheduler.from_config(config, **flow)


def _paint(
    model: Model,
    rows: Mapping[str, EncoderRows],
    wishes: Sequence[Wish],
    settings: PaintSettings,
    on_step: OnStep,
) -> list[Image.Image]:
    steps, guidance, side = astuple(settings)
    if guidance == 1 and any(wish.negative for wish in wishes):
        raise PictureError(
            "at guidance 1 a negative prompt is not read: raise the guidance, or use a model that "
            "supports it"
        )
    shares = list(_shares(model, rows, wishes, steps, guidance))
    scheduler = _sampler(model)
    scheduler.set_timesteps(steps)
    noise = torch.stack([_noise(wish.seed, side // model.shrink) for wish in wishes])
    latents = noise.to(model.device) * scheduler.init_noise_sigma
    for step, time in enumerate(scheduler.timesteps, start=1):
        seen = scheduler.scale_model_input(latents, time)
        latents = scheduler.step(_predict(model, seen, time, shares, step), time, latents)[0]
        # The last item that this scheduler remembers is what it predicts to be behind the noise.
        on_step(step, steps, partial(_pictures, model, scheduler.model_outputs[-1]))
    return _pictures(model, latents)


def _noise(seed: int, side: int) -> torch.Tensor:
    """Return the noise of a seed, the same on every device."""
    return torch.randn((4, side, side), generator=torch.Generator().manual_seed(seed))


def _shares(
    model: Model,
    rows: Mapping[str, EncoderRows],
    wishes: Sequence[Wish],
    steps: int,
    guidance: float,
) -> list[_Share]:
    """Return what predicts each picture: (1 - g) x negative + g x the parts of the prompt."""
    encoder = PromptEncoder(model, {name: n_tokens(each) for name, each in rows.items()})
    known: dict[tuple[str, bool], list[Conditioning]] = {}

    def encoded(prompt: str, *, is_negative: bool) -> list[Conditioning]:
        key = prompt, is_negative
        if key not in known:
            known[key] = encoder.encode(prompt, rows, steps, is_negative=is_negative)
        return known[key]

    shares = []
    for number, wish in enumerate(wishes):
        parts = encoded(wish.prompt, is_negative=False)
        shares += [_Share(number, guidance * part.weight, part) for part in parts]
        rest = 1 - guidance * sum(part.weight for part in parts)
        if rest:
            shares += [_Share(number, rest, p) for p in encoded(wish.negative, is_negative=True)]
    return shares


def _predict(
    model: Model, latents: torch.Tensor, time: Any, shares: Sequence[_Share], step: int
) -> torch.Tensor:
    """Return what the painter predicts of each picture, prompts of one length at a time."""
    predicted = torch.zeros_like(latents)
    by_length: dict[int, list[tuple[_Share, Encoded]]] = {}
    for share in shares:
        now = share.conditioning.at(step)
        by_length.setdefault(now.states.shape[1], []).append((share, now))
    for group in by_length.values():
        for start in range(0, len(group), _AT_ONCE):
            some, encoded = zip(*group[start : start + _AT_ONCE], strict=True)
            numbers = torch.tensor([share.picture for share in some], device=latents.device)
            factors = torch.tensor([share.factor for share in some], device=latents.device)
            found = ask(model, latents[numbers], time, _together(encoded))
            predicted.index_add_(0, numbers, found.float() * factors.view(-1, 1, 1, 1))
    return predicted


def _together(encoded: Sequence[Encoded]) -> Encoded:
    pooled = [each.pooled for each in encoded if each.pooled is not None]
    return Encoded(
        torch.cat([each.states for each in encoded]), torch.cat(pooled) if pooled else None
    )


def ask(model: Model, latents: torch.Tensor, times: Any, encoded: Encoded) -> torch.Tensor:
    """Return what the painter predicts of latents (n, 4, height, width) with n texts."""
    extra = None
    if encoded.pooled is not None:
        height, width = (model.shrink * each for each in latents.shape[-2:])
        # The size that a picture had, where it was cropped, and the size that it has.
        sizes = torch.tensor([[height, width, 0, 0, height, width]] * len(latents))
        extra = {
            "text_embeds": encoded.pooled.to(model.dtype),
            "time_ids": sizes.to(model.device, model.dtype),
        }
    states = encoded.states.to(model.dtype)
    found: torch.Tensor = model.unet(
        latents.to(model.dtype), times, states, added_cond_kwargs=extra
    ).sample
    return found


def _decoded_at_once(side: int) -> int:
    return min(_AT_ONCE, max(1, _PIXELS_AT_ONCE // side**2))


@torch.no_grad()
def _pictures(model: Model, latents: torch.Tensor) -> list[Image.Image]:
    """Return what latents look like."""
    vae = model.vae.to(model.device)  # where it is not while a word is learned
    pictures = []
    at_once = _decoded_at_once(latents.shape[-1] * model.shrink)
    for start in range(0, len(latents), at_once):
        scaled = latents[start : start + at_once] / vae.config.scaling_factor
        decoded = vae.decode(scaled.to(vae.dtype)).sample.float()
        pixels = ((decoded.clamp(-1, 1) + 1) * 127.5).round().byte()
        pictures += [Image.fromarray(each.permute(1, 2, 0).cpu().numpy()) for each in pixels]
    return pictures
