"""Write the examples: a small honest file of every state a scan can find.

    python -m examples.make_embeddings FOLDER

The project ships them in `examples/embeddings`, all but the unsafe one: it would print a word in
readers that run pickles, and scanners of viruses are right not to like it. The vectors are random
with the norm of CLIP's own tokens, so the files do nothing interesting in a prompt.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.builders import (
    Array,
    Call,
    Global,
    a1111,
    pickle_of,
    png,
    safetensors_file,
    storage_id,
    tensor,
    text_chunk,
    torch_legacy,
    torch_zip,
)

UNSAFE = "style.pt"
TOKEN_NORM = 0.4


def vectors(n_vectors: int, hidden_size: int, seed: int) -> Array:
    """Return random vectors (n_vectors, hidden_size) as long as CLIP's tokens."""
    numbers = np.random.default_rng(seed).standard_normal((n_vectors, hidden_size))
    return (numbers * TOKEN_NORM / np.sqrt(hidden_size)).astype(np.float32)


def a1111_file(name: str, values: Array) -> bytes:
    """Return a `.pt` as A1111 saves it."""
    node = tensor(storage_id(values.size), values.shape, (values.shape[1], 1))
    pickle = pickle_of({**a1111(node), "name": name, "step": 2000})
    return torch_zip(pickle, {"0": values.tobytes()})


def token_file(token: str, values: Array) -> bytes:
    """Return a `learned_embeds.bin` as diffusers saves it."""
    node = tensor(storage_id(values.size), values.shape, (values.shape[1], 1))
    return torch_zip(pickle_of({token: node}), {"0": values.tobytes()})


def sky(seed: int) -> Array:
    """Return a small picture (96, 96, 3): a sunset of some colour."""
    top, bottom = np.random.default_rng(seed).integers(40, 230, (2, 1, 1, 3))
    height = np.linspace(0, 1, 96).reshape(-1, 1, 1)
    return np.broadcast_to(top + (bottom - top) * height, (96, 96, 3)).astype(np.uint8)


def files() -> Iterator[tuple[str, bytes]]:
    """Yield the path and the bytes of every example."""
    negative = vectors(2, 768, seed=2)
    pair = {"clip_l": vectors(1, 768, seed=3), "clip_g": vectors(1, 1280, seed=3)}
    lora = {
        f"lora_unet_mid_block_{part}.lora_{end}.weight": vectors(4, 8, seed=4)
        for part in ("to_q", "to_k")
        for end in ("down", "up")
    }
    yield "marc_allante.bin", token_file("<marc_allante>", vectors(1, 768, seed=1))
    yield "marc_allante.preview.png", png(sky(1))
    yield "negative/easynegative.safetensors", safetensors_file({"emb_params": negative})
    yield "negative/easynegative.png", png(sky(2))
    yield "negative/old/easynegative.pt", a1111_file("easynegative", negative)
    yield "styles/flora.pt", a1111_file("flora", vectors(2, 1024, seed=5))
    yield "styles/detail-xl.safetensors", safetensors_file(pair)
    yield "styles/nocturne.pt", torch_legacy()
    yield "styles/portrait.png", png(sky(4), before=text_chunk())
    yield "styles/harbour.png", png(sky(3))
    yield "learned_embeds.bin", b"<!DOCTYPE html>\n<html><title>marc_allante</title></html>\n"
    yield UNSAFE, torch_zip(pickle_of(Call(Global("posix", "system"), ("echo unsafe",))), {})
    yield "my-lora.safetensors", safetensors_file(lora)
    yield "cut-short.safetensors", safetensors_file({"emb_params": negative})[:4000]


def main(folder: str) -> None:
    """Write all examples into a folder."""
    for path, data in files():
        target = Path(folder, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


if __name__ == "__main__":
    main(sys.argv[1])
