"""Embeddings that come in LoRA files."""

from __future__ import annotations

import os
import sys
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
WITH = " <lora:lora:1>"


def lora(run: ForgeRun, **tensors: np.ndarray) -> Path:
    """Write a LoRA with embeddings in it, and let Forge know it."""
    file = run.folder.parent / "lora.safetensors"
    bundle = {f"bundle_emb.{name}": tensor for name, tensor in tensors.items()}
    weights = {"lora_unet_mid_block.lora_up.weight": vectors(4, 320)}
    draft = run.folder.parent / "draft"
    draft.write_bytes(safetensors_file({**weights, **bundle}))
    os.replace(draft, file)
    run.forge.add_lora(file, "cats")
    return file


def used_in(run: ForgeRun, positive: str, negative: str) -> list[list[str]]:
    """Return what the line under each prompt says that it uses."""
    asked = {"positive": positive, "negative": negative}
    answer = run.client.post("/lib-embeddings/v1/prompt", json=asked).json()
    return [[use["name"] for use in answer[field]["used"]] for field in asked]


def test_they_work_while_their_lora_is_used(run: ForgeRun) -> None:
    """With its LoRA a name is the LoRA's embedding, and words again without."""
    run.start()
    run.choose("sd1")
    assert run.picture("a cat").c == [[]]
    lora(run, **{"cat.string_to_param.*": CAT})
    for _ in range(2):
        picture = run.picture("a cat" + WITH)
        assert np.array_equal(picture.c[0][0], CAT)
        assert picture.extra_generation_params["TI"] == "cat"
    picture = run.picture("a cat")
    assert picture.c == [[]]
    assert "TI" not in picture.extra_generation_params


def test_infotexts_name_the_lora(run: ForgeRun) -> None:
    """In the place of a hash, as long as Forge's setting wants it; Neo has none."""
    lora(run, **{"cat.emb_params": CAT})
    run.start()
    run.choose("sd1")
    picture = run.picture("a cat" + WITH)
    assert picture.extra_generation_params["TI hashes"] == "cat: lora"
    run.forge.options.lora_bundled_ti_to_infotext = False  # type: ignore[attr-defined]
    picture = run.picture("a cat" + WITH)
    assert picture.extra_generation_params == {"TI": "cat"}


def test_reports_know_them(run: ForgeRun, capsys: pytest.CaptureFixture[str]) -> None:
    """Under both prompts while the positive one names the LoRA, with each name that it has."""
    file = lora(run, **{"cat.emb_params": CAT, "cow.emb_params": vectors(1, 1024)})
    run.start()
    run.choose("sd1")
    for name in ("lora", "cats"):
        assert used_in(run, f"a cat <lora:{name}:1>", "cow, cat") == [["cat"], ["cat"]]
    assert used_in(run, "a cat <lora:other:1>", WITH + "cat") == [[], []]
    capsys.readouterr()
    run.picture("a dog" + WITH, "cat", "a cat")
    lines = capsys.readouterr().out.splitlines()
    assert "negative prompt: used: cat (2 vectors, weight 1)" in lines
    assert not any(line.startswith("hires prompt:") for line in lines)
    run.forge.add_lora(file.with_name("more.safetensors"), "cats")  # so it is nobody's
    assert used_in(run, "a cat <lora:cats:1>", "") == [[], []]
    run.forge.options.set("lib_embeddings_take_over", False)
    assert used_in(run, "a cat" + WITH, "") == [[], []]


def test_without_loras_nothing_is_brought(
    run: ForgeRun, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Forge's extension for them may be switched off, and a prompt may name none."""
    run.start()
    run.choose("sd1")
    assert used_in(run, "a cat <lora:te=1>", "cat") == [[], []]
    monkeypatch.delitem(sys.modules, "networks")
    assert used_in(run, "a cat" + WITH, "cat") == [[], []]
    assert not caplog.records


@pytest.mark.parametrize("content", [None, b"<html></html>"], ids=["gone", "broken"])
def test_a_lora_that_cannot_be_read_brings_nothing(
    run: ForgeRun, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    """It is for Forge to say so, and what another brings works."""
    file = lora(run, **{"cat.emb_params": CAT})
    bad = file.with_name("bad.safetensors")
    if content:
        bad.write_bytes(content)
    run.start()
    run.forge.add_lora(bad, "bad")
    run.choose("sd1")
    assert used_in(run, "a cat <lora:bad:1>" + WITH, "") == [["cat"], []]
    assert len(run.picture("a cat <lora:bad:1>" + WITH).c[0]) == 1
    assert not caplog.records


def test_each_text_engine_gets_its_own(run: ForgeRun) -> None:
    """A pair is used in SDXL; what has vectors for one of its encoders is not, nor is a broken."""
    bad = np.full((1, 768), np.nan, np.float32)
    pair = {f"cat.{key}": rows for key, rows in PAIR.items()}
    lora(run, **pair, **{"dog.emb_params": CAT, "cow.emb_params": bad})
    run.start()
    run.choose("sdxl")
    read = run.picture("a cat and a dog" + WITH).c
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
    run.picture("a cat" + WITH)
    lora(run, **{"cat.emb_params": vectors(3)})
    assert len(run.picture("a cat" + WITH).c[0][0]) == 3


def test_a_file_in_a_folder_keeps_its_name(run: ForgeRun) -> None:
    """Whichever came first, the file is used, with the LoRA and without."""
    lora(run, **{"cat.emb_params": CAT})
    run.start()
    run.choose("sd1")
    run.picture("a cat" + WITH)
    run.write("cat.safetensors")
    assert eventually(lambda: len(run.picture("a cat" + WITH).c[0][0]) == 1)
    for prompt in ("a cat", "a cat" + WITH):
        assert len(run.picture(prompt).c[0][0]) == 1


@pytest.mark.parametrize("end", ["stop", "setting"])
def test_nothing_is_left_at_the_end(run: ForgeRun, end: str) -> None:
    """After the end, and with loading switched off, Forge's engines have none of them."""
    lora(run, **{"cat.emb_params": CAT})
    run.start()
    run.choose("sd1")
    run.picture("a cat" + WITH)
    assert run.words == [["cat"]]
    if end == "stop":
        extension.stop()
    else:
        run.forge.options.set("lib_embeddings_take_over", False)
        run.picture("a cat" + WITH)
    assert run.words == [[]]
