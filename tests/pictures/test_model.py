"""Models: what is loaded, and the sentence for what is not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("diffusers", reason="lib-embeddings[pictures] is not installed")

import torch

from lib_embeddings import PictureError
from lib_embeddings.entries.read import sha256
from lib_embeddings.pictures.model import SMALL_MODEL, load
from tests.builders import safetensors_file, vectors
from tests.models import as_model, random_sd2, random_sdxl, small


def test_the_small_model() -> None:
    """The package's own model is of SD 1.x, and is found without a path."""
    model = small()
    assert (model.family.key, model.side, str(model.device)) == ("sd1", 32, "cpu")
    (painter,) = (SMALL_MODEL / "unet").glob("*.safetensors")
    assert model.sha256 == sha256(str(painter))


def test_it_is_small() -> None:
    """It is at most 5 MB, in diffusers' own layout."""
    assert sum(path.stat().st_size for path in SMALL_MODEL.rglob("*") if path.is_file()) < 5_000_000
    index = json.loads((SMALL_MODEL / "model_index.json").read_text())
    assert index["_class_name"] == "StableDiffusionPipeline"


def test_families() -> None:
    """The text encoders tell what a model is."""
    assert as_model(random_sd2()).family.key == "sd2"
    assert as_model(random_sdxl()).family.key == "sdxl"


def test_tokens() -> None:
    """Texts become the ids that the same words have in a prompt, without start and end."""
    model = small()
    tokenizer = model.encoders[0].tokenizer
    assert model.tokenize(["a red ring", ""]) == [tokenizer("a red ring").input_ids[1:-1], []]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the small model that may be damaged."""
    return Path(shutil.copytree(SMALL_MODEL, tmp_path / "copy"))


def test_a_copy(folder: Path) -> None:
    """A model in any folder is called by the folder's name."""
    assert load(folder).title == "copy"


def test_nothing_there(tmp_path: Path) -> None:
    """A path without a model is refused in one sentence."""
    (tmp_path / "model.ckpt").write_bytes(b"\x80\x02")
    (tmp_path / "cut.safetensors").write_bytes(b"\0" * 20)
    for name, reason in (
        ("missing", "there is no such file or folder"),
        ("model.ckpt", "expected a folder of diffusers or a .safetensors file"),
        ("cut.safetensors", "cannot be loaded: .+"),
        (".", "has no model_index.json"),
    ):
        with pytest.raises(PictureError, match=reason) as caught:
            load(tmp_path / name)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("tensor", "kind"),
    [
        ("conditioner.embedders.1.model.ln_final.bias", "StableDiffusionXLPipeline"),
        (
            "cond_stage_model.transformer.text_model.final_layer_norm.bias",
            "StableDiffusionPipeline",
        ),
    ],
)
def test_one_file(tensor: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint's names tell which of diffusers' readers is for it."""
    (tmp_path / "sd.1.safetensors").write_bytes(safetensors_file({tensor: vectors()}))
    pipeline = random_sdxl() if kind == "StableDiffusionXLPipeline" else random_sd2()
    monkeypatch.setattr(f"diffusers.{kind}.from_single_file", lambda *_, **__: pipeline)
    model = load(tmp_path / "sd.1.safetensors")
    assert model.title == "sd.1"
    assert model.unet is pipeline.unet


def test_one_file_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint's settings are fetched once; where that fails, the sentence says what to do."""

    def fail(*_: object, **__: object) -> None:
        raise OSError("Got: ConnectError")

    (tmp_path / "sd.safetensors").write_bytes(safetensors_file())
    monkeypatch.setattr("diffusers.StableDiffusionPipeline.from_single_file", fail)
    with pytest.raises(
        PictureError, match="connect to the internet, or give a folder of diffusers"
    ):
        load(tmp_path / "sd.safetensors")


def test_no_pickle(folder: Path) -> None:
    """Weights in a pickle are not read."""
    (weights,) = (folder / "unet").glob("*.safetensors")
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(PictureError, match="copy cannot be loaded"):
        load(folder)


def test_another_prediction(folder: Path) -> None:
    """A model that predicts what we do not know is refused."""
    path = folder / "scheduler" / "scheduler_config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "prediction_type": "sample"}))
    with pytest.raises(PictureError, match="it predicts sample, expected epsilon or v_prediction"):
        load(folder)


def test_near_words() -> None:
    """The words whose vectors have the nearest directions are named, the nearest first."""
    model = small()
    (encoder,) = model.encoders
    (circle, star) = (encoder.table.weight[ids[0]] for ids in model.tokenize(["circle", "star"]))
    near = encoder.near_words(torch.stack([3 * circle, star + circle / 2]))
    assert [words[0] for words in near] == ["circle", "star"]
    assert near[1][1] == "circle"
