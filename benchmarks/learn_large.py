"""Measure the cost of learning a word with a painter of the size of SD 1.x, on a GPU.

    python -m benchmarks.learn_large [--steps 400] [--batch 4] [--width 320] [--device cuda]

The painter has random weights: the learned word is worthless, but costs the same. The floor is the
bare work of the same painter: forward, and back to its conditioning.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers

from lib_embeddings.pictures.encode import Encoded
from lib_embeddings.pictures.model import Model, load, model_of
from lib_embeddings.pictures.paint import ask
from lib_embeddings.training.learn import learn
from lib_embeddings.training.learning import Learning

PICTURES = Path(__file__).parent.parent / "examples" / "pictures"
# Steps before the clock starts: kernels are chosen, and memory is taken.
WARM = 20


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--width", type=int, default=320, help="of the painter's first block")
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args(arguments)
    device = torch.device(options.device)
    model = large_model(options.width, device)
    memory = torch.cuda.memory_allocated() if device.type == "cuda" else 0
    _start_counting(device)
    times: dict[int, float] = {}

    def on_step(learning: Learning) -> None:
        if learning.step in {WARM, options.steps}:
            times[learning.step] = _now(device)

    learned = learn(
        [PICTURES],
        "glim-mer",
        like="circle",
        model=model,
        batch=options.batch,
        most_steps=options.steps,
        stops_early=False,
        on_step=on_step,
    )
    step = (times[options.steps] - times[WARM]) / (options.steps - WARM)
    peaks = _peaks(device)
    bare = of_bare_painter(model, options.batch)
    n_numbers = sum(each.numel() for each in model.unet.parameters())
    print(f"{_name(device)}: a painter of {n_numbers / 1e6:.0f} million numbers in {model.dtype}")
    print(f"{model.side} px, batch {options.batch}, {options.steps} steps")
    print(f"the loss on fixed inputs: {learned.looks[0].loss:.4f} to {learned.looks[-1].loss:.4f}")
    print(f"memory: {memory / 1e9:.2f} GB the model, {peaks}")
    print(f"a step {step * 1000:.0f} ms, the bare painter {bare * 1000:.0f}, x {step / bare:.3f}")


def large_model(width: int, device: torch.device) -> Model:
    """Return a model of SD 1.x with random weights, and the words of the small model.

    Args:
        width: of the painter's first block; 320 in SD 1.x.
    """
    torch.manual_seed(0)
    with device:
        unet = diffusers.UNet2DConditionModel(
            sample_size=64,
            block_out_channels=(width, 2 * width, 4 * width, 4 * width),
            cross_attention_dim=768,
        )
        vae = diffusers.AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(128, 256, 512, 512),
            layers_per_block=2,
        )
        encoder = transformers.CLIPTextModel(
            transformers.CLIPTextConfig(
                hidden_size=768,
                intermediate_size=3072,
                num_hidden_layers=12,
                num_attention_heads=12,
            )
        )
    pipeline = diffusers.StableDiffusionPipeline(
        vae=vae,
        text_encoder=encoder,
        tokenizer=load(device="cpu").encoders[0].tokenizer,
        unet=unet,
        scheduler=diffusers.DDIMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            clip_sample=False,
            steps_offset=1,
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    dtype = torch.float32 if device.type == "cpu" else torch.float16
    return model_of(pipeline, "random", "0" * 64, device, dtype)


def of_bare_painter(model: Model, batch: int, runs: int = 50) -> float:
    """Return the seconds of one forward and backward pass of the painter, as in learning."""
    side = model.side // model.shrink
    latents = torch.randn((batch, 4, side, side), device=model.device)
    times = torch.arange(batch, device=model.device)
    states = torch.randn((batch, 77, 768), device=model.device, requires_grad=True)

    def work() -> None:
        found = ask(model, latents, times, Encoded(states, None))
        torch.autograd.grad(found.float().square().sum(), states)

    return _seconds(work, runs if model.device.type == "cuda" else 3, model.device)


def _seconds(work: Callable[[], object], runs: int, device: torch.device) -> float:
    work()
    began = _now(device)
    for _ in range(runs):
        work()
    return (_now(device) - began) / runs


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def _start_counting(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def _peaks(device: torch.device) -> str:
    if device.type != "cuda":
        return "not counted on a CPU"
    used, taken = torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()
    return f"{used / 1e9:.2f} GB used at most, {taken / 1e9:.2f} GB taken from the GPU"


def _name(device: torch.device) -> str:
    properties: Any = torch.cuda.get_device_properties(device) if device.type == "cuda" else None
    return properties.name if properties else "CPU"


if __name__ == "__main__":
    main()
