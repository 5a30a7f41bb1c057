"""What paints in the small app."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("diffusers", reason="lib-embeddings[pictures] is not installed")

from lib_embeddings import scan
from lib_embeddings.entries.entry import Entry
from lib_embeddings.errors import PictureError
from lib_embeddings.hosts.studio import AppStudio
from lib_embeddings.pictures.paint import paint
from lib_embeddings.prompts.wishes import PaintSettings, Wish
from tests.models import small
from tests.pictures.test_compare import word
from tests.web import SD2

SETTINGS = PaintSettings(steps=4)


def entries(folder: Path) -> list[Entry]:
    """Return what lies in a folder."""
    return [found.entry for found in scan([folder])]


def test_it_paints_what_vectors_mean(tmp_path: Path) -> None:
    """Each step is reported with the picture so far; the file has its infotext."""
    word(tmp_path, "my-word", "teal")
    studio, looks = AppStudio(), []
    assert studio.open(entries(tmp_path)).startswith("small_model (SD 1.x, ")
    wish = Wish("a my-word ring on sand", "", 1)
    painting = studio.paint(
        entries(tmp_path),
        wish,
        SETTINGS,
        lambda step, steps, look: looks.append((step, steps, look())),
    )
    assert [look[:2] for look in looks] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert all(data.startswith(b"\x89PNG") for *_, data in looks)
    (plain,) = paint(small(), {}, [Wish("a teal ring on sand", "", 1)], SETTINGS)
    picture = Image.open(io.BytesIO(painting.data))
    assert np.array_equal(np.asarray(picture), np.asarray(plain))
    assert picture.info["parameters"] == painting.infotext
    assert 'TI hashes: "my-word: ' in painting.infotext
    assert "CFG scale: 4" in painting.infotext


def test_the_model_stays_loaded(tmp_path: Path) -> None:
    """It is loaded for the first picture, and kept."""
    studio = AppStudio()
    studio.open()
    model = studio.model
    word(tmp_path, "my-word", "red")
    studio.paint(entries(tmp_path), Wish("my-word", "", 1), SETTINGS, lambda *_: None)
    assert studio.model is model


def test_what_cannot_be_painted(tmp_path: Path) -> None:
    """A path without a model, and an embedding of another, are sentences."""
    with pytest.raises(PictureError, match="cannot be loaded: there is no such file or folder"):
        AppStudio(tmp_path / "gone.safetensors").open()
    (tmp_path / "other.safetensors").write_bytes(SD2)
    with pytest.raises(PictureError, match="other has no vectors for clip_l"):
        AppStudio().open(entries(tmp_path))
    (found,) = entries(tmp_path)
    (tmp_path / "other.safetensors").unlink()
    with pytest.raises(PictureError, match="an embedding cannot be read"):
        AppStudio().open([found])
