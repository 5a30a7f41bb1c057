"""Pictures without and with an embedding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("diffusers", reason="lib-embeddings[pictures] is not installed")

from lib_embeddings import PictureError
from lib_embeddings.entries.read import sha256
from lib_embeddings.pictures.compare import Comparison, compare
from lib_embeddings.pictures.model import Model
from lib_embeddings.pictures.paint import paint
from lib_embeddings.prompts.wishes import PaintSettings, Wish
from tests.builders import safetensors_file
from tests.models import small

SETTINGS = PaintSettings(steps=4, guidance=4.0)


def word(folder: Path, name: str, like: str, **metadata: str) -> Path:
    """Write an embedding that is a word of the small model's, and return where it is."""
    model = small()
    (token,) = model.tokenize([like])[0]
    row = model.encoders[0].table.weight[token].detach().numpy()
    path = folder / f"{name}.safetensors"
    path.write_bytes(
        safetensors_file({"emb_params": row[None].astype(np.float32)}, metadata=metadata)
    )
    return path


def made(*files: Path, **options: object) -> Comparison:
    return compare(files, model=small(), seeds=(5, 6), settings=SETTINGS, **options)


def prompts(comparison: Comparison) -> list[str]:
    """Return the prompts of the first row."""
    row = comparison.pictures[: comparison.columns]
    return [painted.infotext.partition("\nSteps")[0] for painted in row]


def test_without_and_with(tmp_path: Path) -> None:
    """The embedding paints what its vectors mean; without it is what the prompt alone means."""
    comparison = made(word(tmp_path, "my-word", "teal"), prompt="a {name} ring on sand")
    assert [(each.label, each.seed) for each in comparison.pictures] == [
        ("without", 5), ("my-word", 5), ("without", 6), ("my-word", 6),
    ]  # fmt: skip
    texts = ("a ring on sand", "a teal ring on sand")
    wishes = [Wish(text, "", seed) for seed in (5, 6) for text in texts]
    plain = paint(small(), {}, wishes, SETTINGS)
    assert [each.picture.tobytes() for each in comparison.pictures] == [p.tobytes() for p in plain]


@pytest.mark.parametrize(
    ("name", "metadata", "options", "expected"),
    [
        ("some-thing", {}, {}, ["a photo of a", "a photo of a some-thing"]),
        (
            "some-style",
            {"lib_embeddings.kind": "style"},
            {},
            ["a painting in the style of", "a painting in the style of some-style"],
        ),
        ("bad-hands", {}, {}, ["a photo of a toy", "a photo of a toy\nNegative prompt: bad-hands"]),
        ("bad-hands", {}, {"prompt": "red"}, ["red", "red\nNegative prompt: bad-hands"]),
        (
            "bad-hands",
            {},
            {"prompt": "red", "negative": "x"},
            ["red\nNegative prompt: x", "red\nNegative prompt: x, bad-hands"],
        ),
        ("bad-hands", {}, {"kind": "object"}, ["a photo of a", "a photo of a bad-hands"]),
        ("some-thing", {}, {"prompt": "red"}, ["red", "red, some-thing"]),
        ("some-thing", {}, {"prompt": "red, {name}, ring"}, ["red, ring", "red, some-thing, ring"]),
        (
            "some-thing",
            {},
            {"weights": (0, 0.7, 1.3), "prompt": "{name}"},
            ["", "(some-thing:0.7)", "(some-thing:1.3)"],
        ),
    ],
)  # fmt: skip
def test_prompts(
    tmp_path: Path,
    name: str,
    metadata: dict[str, str],
    options: dict[str, object],
    expected: list[str],
) -> None:
    """The prompt fits what the embedding is for, or is the one that is wished for."""
    assert prompts(made(word(tmp_path, name, "red", **metadata), **options)) == expected


def test_several(tmp_path: Path) -> None:
    """Several embeddings share the column without any."""
    files = [word(tmp_path, name, "red") for name in ("one-word", "other-word")]
    comparison = made(*files)
    labels = [each.label for each in comparison.pictures[: comparison.columns]]
    assert labels == ["without", "one-word", "other-word"]


def test_the_infotext(tmp_path: Path) -> None:
    """A picture tells how it was made, as those of a WebUI do."""
    path = word(tmp_path, "my-word", "red")
    without, with_, *_ = made(path).pictures
    assert with_.infotext.splitlines()[-1] == (
        "Steps: 4, Sampler: DPM++ 2M, CFG scale: 4, Seed: 5, Size: 32x32, "
        f"Model hash: {small().sha256[:10]}, Model: small_model, "
        f'TI hashes: "my-word: {sha256(str(path))[:12]}"'
    )
    assert "TI hashes" not in without.infotext


def test_no_picture_is_replaced(tmp_path: Path) -> None:
    """The sheet and the single pictures are written, and a second time beside the first."""
    comparison = made(word(tmp_path, "my-word", "red"))
    first, second = comparison.save(tmp_path / "out"), comparison.save(tmp_path / "out")
    assert [path.name for path in first] == [
        "my-word compared.png",
        "my-word 5 without.png",
        "my-word 5 my-word.png",
        "my-word 6 without.png",
        "my-word 6 my-word.png",
    ]
    assert [path.name for path in second[:2]] == [
        "my-word compared 2.png",
        "my-word 5 without 2.png",
    ]
    for path, painted in zip(first[1:], comparison.pictures, strict=True):
        with Image.open(path) as picture:
            assert picture.info["parameters"] == painted.infotext
            assert picture.tobytes() == painted.picture.tobytes()
    with Image.open(first[0]) as sheet:
        assert sheet.width > 2 * 128


def test_guidance_1(tmp_path: Path) -> None:
    """Where no negative prompt is read, a negative embedding is refused."""
    with pytest.raises(PictureError, match="at guidance 1 a negative prompt is not read"):
        compare([word(tmp_path, "bad-hands", "red")], model=small(), settings=PaintSettings(1, 1.0))


def test_names(tmp_path: Path) -> None:
    """Two files of one name are refused, and so is none at all."""
    (tmp_path / "b").mkdir()
    files = [word(folder, "my-word", "red") for folder in (tmp_path, tmp_path / "b")]
    with pytest.raises(PictureError, match="two files have the same name"):
        made(*files)
    with pytest.raises(PictureError, match="no file given"):
        made()


def test_a_path_of_a_model(tmp_path: Path) -> None:
    """A model is loaded from its path."""
    with pytest.raises(PictureError, match="there is no such file or folder"):
        compare([word(tmp_path, "my-word", "red")], model=tmp_path / "missing")
    assert isinstance(small(), Model)
