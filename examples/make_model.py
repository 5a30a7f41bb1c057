"""Make the small model: a text-to-image model of under 5 MB that paints what it is told.

    python -m examples.make_model FOLDER [--steps 5000]

It is trained from nothing but a seed, on pictures that `examples/world.py` draws, in a quarter of
an hour on one core, and is written as diffusers keeps an SD 1.x model. The package ships one.

- Its tokenizer is CLIP's, cut down to the words of the pictures' captions; a character that is in
  no such word is still a token of its own, so that every text can be read.
- Its text encoder is CLIP's too, 768 wide, with one layer: random numbers from the seed, which are
  never trained. What a painter learns to read need not mean anything beforehand. They are rounded
  to eight bits before anything is trained on them, so that the file loses nothing.
- Its word vectors are as long as those of SD 1.x, so that what is learned on one is as long as on
  the other.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from diffusers import (
    AutoencoderTiny,
    DDIMScheduler,
    DDPMScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from safetensors.torch import load_file, save_file
from torch.nn import functional
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from examples.world import COLOURS, PLACES, SIDE, Thing, draw, everything, recognise, words
from lib_embeddings.prompts import tokens

SEED = 14
PICTURES = 12_000
VAE_STEPS, VAE_BATCH = 3600, 16
UNET_BATCH = 32
MOST_SIGNAL = 5.0  # against noise, beyond which errors count for less
WITHOUT_CAPTION = 0.1  # of the pictures: what guidance leads away from
CONTEXT = 77
WORD_LENGTH, POSITION_LENGTH = 0.4, 0.2

LAST_BIAS = "final_layer_norm.bias"
STATES_MEAN = -0.125

START, END = "<|startoftext|>", "<|endoftext|>"
NOISE = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "clip_sample": False,
    "steps_offset": 1,
}


def main() -> None:
    """Make the model, write it, and say how well it paints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the model is written")
    parser.add_argument("--steps", type=int, default=5000, help="of training the painter")
    options = parser.parse_args()
    torch.set_num_threads(1)  # for so small a model more are slower, and add up in another order
    torch.manual_seed(SEED)
    rng = random.Random(SEED)
    things = rng.choices(everything(), [effort(thing) for thing in everything()], k=PICTURES)
    drawn = np.stack([np.asarray(draw(thing, rng)) for thing in things])
    pictures = torch.from_numpy(drawn).permute(0, 3, 1, 2).float() / 127.5 - 1
    captions = [thing.caption(rng) for thing in things]

    tokenizer = make_tokenizer(options.folder / "tokenizer")
    encoder = make_encoder(tokenizer)
    vae, latents = make_vae(pictures)
    unet = make_unet(latents, *encode(captions, tokenizer, encoder), options.steps)
    shift_states(encoder, unet)
    StableDiffusionPipeline(
        vae=vae.half(),
        text_encoder=encoder,
        tokenizer=tokenizer,
        unet=unet.half(),
        scheduler=DDIMScheduler(**NOISE, set_alpha_to_one=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(options.folder)
    keep_in_eight_bits(options.folder / "text_encoder" / "model.safetensors")
    print(report(options.folder))


def effort(thing: Thing) -> float:
    """Return how often a thing is shown: more often the less it stands out, and stars most.

    Few pixels make a star of two colours that are near each other.
    """
    contrast = math.dist(COLOURS[thing.colour], PLACES[thing.place])
    return (2 if thing.shape == "star" else 1) / contrast


# The tokenizer


def make_tokenizer(folder: Path) -> CLIPTokenizer:
    """Write and return CLIP's tokenizer with no more words than the captions need."""
    clip = tokens._tokenizer()  # noqa: SLF001 - the tables that it is made of
    single = list(clip.byte_encoder.values())
    merges = [pair for pair, _ in sorted(_merges(clip.bpe_ranks), key=lambda found: found[1])]
    vocabulary = [*single, *(f"{each}</w>" for each in single), *map("".join, merges), START, END]
    folder.mkdir(parents=True, exist_ok=True)
    ids = {piece: number for number, piece in enumerate(vocabulary)}
    (folder / "vocab.json").write_text(json.dumps(ids), encoding="utf-8")
    lines = ["#version: 0.2", *map(" ".join, merges), ""]
    (folder / "merges.txt").write_text("\n".join(lines), encoding="utf-8")
    return CLIPTokenizer(
        str(folder / "vocab.json"),
        str(folder / "merges.txt"),
        bos_token=START,
        eos_token=END,
        unk_token=END,
        pad_token=END,
        model_max_length=CONTEXT,
    )


def _merges(ranks: dict[tuple[str, str], int]) -> set[tuple[tuple[str, str], int]]:
    """Return the pairs of pieces that are joined on the way to the words, with their ranks."""
    needed = set()
    for word in words():
        pieces = [*word[:-1], f"{word[-1]}</w>"]
        while len(pieces) > 1:
            pair = min(pairwise(pieces), key=lambda pair: ranks.get(pair, len(ranks)))
            if pair not in ranks:
                break
            needed.add((pair, ranks[pair]))
            at = list(pairwise(pieces)).index(pair)
            pieces[at : at + 2] = ["".join(pair)]
    return needed


# The text encoder


def make_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """Return an encoder of random numbers, each of which eight bits can hold."""
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=768,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=12,
        max_position_embeddings=CONTEXT,
        projection_dim=768,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    encoder = CLIPTextModel(config).eval().requires_grad_(False)
    tables = encoder.embeddings if hasattr(encoder, "embeddings") else encoder.text_model.embeddings
    tables.token_embedding.weight.normal_(std=WORD_LENGTH / 768**0.5)
    tables.position_embedding.weight.normal_(std=POSITION_LENGTH / 768**0.5)
    for parameter in encoder.parameters():
        parameter.copy_(parameter.to(torch.float8_e4m3fn).float())
    return encoder


@torch.no_grad()
def shift_states(encoder: CLIPTextModel, unet: UNet2DConditionModel) -> None:
    """Give the states a mean, as those of CLIP have, and take it out where the painter reads them.

    Where a prompt has weights, WebUIs hold the mean of the states; one of 0 they cannot hold. What
    is added to all states alike changes no attention, only the sum of what is attended to.
    """
    shift = next(each for name, each in encoder.named_parameters() if name.endswith(LAST_BIAS))
    shift.fill_(STATES_MEAN)
    for name, module in unet.named_modules():
        if name.endswith(".attn2"):
            out = module.to_out[0]
            out.bias -= out.weight @ module.to_v.weight @ shift


def keep_in_eight_bits(path: Path) -> None:
    """Write a file's numbers, which eight bits can hold, in eight bits."""
    tensors = {name: each.to(torch.float8_e4m3fn) for name, each in load_file(path).items()}
    save_file(tensors, path, metadata={"format": "pt"})


@torch.no_grad()
def encode(
    captions: list[str], tokenizer: CLIPTokenizer, encoder: CLIPTextModel
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what the different captions become, the empty one first, and which each has."""
    different = list(dict.fromkeys(["", *captions]))
    number = {caption: index for index, caption in enumerate(different)}
    ids = tokenizer(
        different, padding="max_length", max_length=CONTEXT, truncation=True, return_tensors="pt"
    ).input_ids
    states = [encoder(part).last_hidden_state.half() for part in ids.split(64)]
    return torch.cat(states), torch.tensor([number[caption] for caption in captions])


# The painter


def make_vae(pictures: torch.Tensor) -> tuple[AutoencoderTiny, torch.Tensor]:
    """Return what makes latents of pictures, and those of all pictures.

    What it does not keep of a shape no painter can paint. Most of its blocks work on latents, where
    there are few of them to work on.
    """
    vae = AutoencoderTiny(
        encoder_block_out_channels=(24, 24, 24),
        decoder_block_out_channels=(24, 24, 24),
        num_encoder_blocks=(1, 1, 3),
        num_decoder_blocks=(3, 1, 1),
        latent_channels=4,
        upsampling_scaling_factor=2,
    ).to(memory_format=torch.channels_last)
    for step, batch in train(vae, VAE_STEPS, VAE_BATCH, 3e-3, len(pictures)):
        shown = pictures[batch]
        latents = vae.encode(shown).latents
        loss = functional.mse_loss(vae.decode(latents).sample, shown)
        (loss + 1e-3 * latents.square().mean()).backward()
        tell("pictures to latents", step, loss)
    vae.eval().requires_grad_(False)
    latents = torch.cat([vae.encode(part).latents for part in pictures.split(256)])
    vae.register_to_config(scaling_factor=float(1 / latents.std()))
    return vae, latents * vae.config.scaling_factor


def make_unet(
    latents: torch.Tensor, states: torch.Tensor, caption_of: torch.Tensor, steps: int
) -> UNet2DConditionModel:
    """Return what paints latents from encoded captions; the first of them is the empty one."""
    unet = UNet2DConditionModel(
        sample_size=latents.shape[-1],
        in_channels=4,
        out_channels=4,
        block_out_channels=(32, 48),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=768,
        attention_head_dim=4,
        norm_num_groups=8,
    )
    noise_of = DDPMScheduler(**NOISE)
    weights = weights_of(noise_of)
    for step, batch in train(unet, steps, UNET_BATCH, 2e-3, len(latents)):
        clean = latents[batch]
        is_told = torch.rand(len(batch)) >= WITHOUT_CAPTION
        told = states[caption_of[batch] * is_told].float()
        times = torch.randint(0, 1000, (len(batch),))
        noise = torch.randn_like(clean)
        found = unet(noise_of.add_noise(clean, noise, times), times, told).sample
        loss = ((found - noise).square().mean(dim=(1, 2, 3)) * weights[times]).mean()
        loss.backward()
        tell("painting", step, loss)
    return unet.eval().requires_grad_(False)


def weights_of(noise: DDPMScheduler) -> torch.Tensor:
    """Return how much an error counts at each time: little where hardly any noise is.

    What noise that is nobody can tell, and no shape depends on it. This is Min-SNR (Hang et al.,
    2023, arXiv 2303.09556), with their bound.
    """
    signal = noise.alphas_cumprod
    ratio = signal / (1 - signal)
    return ratio.clamp(max=MOST_SIGNAL) / ratio


def train(
    model: torch.nn.Module, steps: int, batch: int, rate: float, n_examples: int
) -> Iterator[tuple[int, torch.Tensor]]:
    """Yield each step and the examples to learn from, and learn from the gradient that is left."""
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(parameters, rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps, pct_start=0.03)
    for step in range(steps):
        optimizer.zero_grad()
        yield step, torch.randint(0, n_examples, (batch,))
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()


def tell(what: str, step: int, loss: torch.Tensor) -> None:
    """Print how far it is, now and then."""
    if step % 250 == 0:
        print(f"{what}: step {step}, loss {loss.item():.4f}", flush=True)


def report(folder: Path) -> str:
    """Say of how many prompts the model paints what they ask for, one for each thing there is."""
    pipeline = StableDiffusionPipeline.from_pretrained(folder, safety_checker=None)
    pipeline.set_progress_bar_config(disable=True)
    things = everything()
    painted = pipeline(
        [thing.prompt for thing in things],
        num_inference_steps=15,
        guidance_scale=4.0,
        height=SIDE,
        width=SIDE,
        generator=torch.Generator().manual_seed(SEED),
    ).images
    found = [recognise(picture) for picture in painted]
    right = [
        sum(one[field] == other[field] for one, other in zip(found, things, strict=True))
        for field in range(4)
    ]
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    listed = ", ".join(f"{n} {name}s" for n, name in zip(right, Thing._fields, strict=True))
    return f"{size:,} bytes; of {len(things)} prompts it paints the right {listed}"


if __name__ == "__main__":
    main()
