"""Embeddings that come in LoRA files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lib_embeddings.hosts.webui import extension  # noqa: E402
from tests.builders import safetensors_file, vectors  # noqa: E402
from tests.hosts.forge.running import ForgeRun  # noqa: E402
from tests.hosts.running import eventually  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # fastapi of two times

CAT = vectors(2)
PAIR = {"clip_l": vectors(2), "clip_g": vectors(2, 1280)}


def lora(run: ForgeRun, **tensors: np.ndarray) -> Path:
    """Write a LoRA with embeddings in it, and let the next prompt use it."""
    file = run.folder.parent / "lora.safetensors"
    bundle = {f"bundle_emb.{name}": tensor for name, tensor in tensors.items()}
    weights = {"lora_unet_mid_block.lora_up.weight": vectors(4, 320)}
    draft = run.folder.parent / "draft"
    draft.write_bytes(safetensors_file({**weights, **bundle}))
    os.replace(draft, file)
    run.forge.loras = [file]
    return file


def test_they_work_while_their_lora_is_used(run: ForgeRun) -> None:
    """With its LoRA a name is the LoRA's embedding, and words again without."""
    run.start()
    run.choose("sd1")
    assert run.picture("a cat").c == [[]]
    lora(run, **{"cat.string_to_param.*": CAT})
    for _ in range(2):
        picture = run.picture("a cat")
        assert np.array_equal(picture.c[0][0], CAT)
        assert picture.extra_generation_params["TI"] == "cat"
    run.forge.loras = []
    picture = run.picture("a cat")
    assert picture.c == [[]]
    assert "TI" not in picture.extra_generation_params


def test_each_text_engine_gets_its_own(run: ForgeRun) -> None:
    """A pair is used in SDXL; what has vectors for one of its encoders is not, nor is a broken."""
    bad = np.full((1, 768), np.nan, np.float32)
    pair = {f"cat.{key}": rows for key, rows in PAIR.items()}
    lora(run, **pair, **{"dog.emb_params": CAT, "cow.emb_params": bad})
    run.start()
    run.choose("sdxl")
    read = run.picture("a cat and a dog").c
    assert [np.array_equal(rows[0], PAIR[key]) for rows, key in zip(read, PAIR, strict=True)] == [
        True,
        True,
    ]
    assert [len(rows) for rows in read] == [1, 1]


def test_a_lora_that_changed_is_read_again(run: ForgeRun) -> None:
    """The same prompt is encoded with the new vectors."""
    lora(run, **{"cat.emb_params": CAT})
    run.start()
    run.choose("sd1")
    run.picture("a cat")
    lora(run, **{"cat.emb_params": vectors(3)})
    assert len(run.picture("a cat").c[0][0]) == 3


def test_a_file_in_a_folder_keeps_its_name(run: ForgeRun) -> None:
    """Whichever came first, the file is used, with the LoRA and without."""
    file = lora(run, **{"cat.emb_params": CAT})
    run.start()
    run.choose("sd1")
    run.picture("a cat")
    run.write("cat.safetensors")
    assert eventually(lambda: len(run.picture("a cat").c[0][0]) == 1)
    for loras in ([], [file]):
        run.forge.loras = loras
        assert len(run.picture("a cat").c[0][0]) == 1


@pytest.mark.parametrize("end", ["stop", "setting"])
def test_nothing_is_left_at_the_end(run: ForgeRun, end: str) -> None:
    """After the end, and with loading switched off, Forge's engines have none of them."""
    lora(run, **{"cat.emb_params": CAT})
    run.start()
    run.choose("sd1")
    run.picture("a cat")
    assert run.words == [["cat"]]
    if end == "stop":
        extension.stop()
    else:
        run.forge.options.set("lib_embeddings_take_over", False)
        run.picture("a cat")
    assert run.words == [[]]
