"""What is in the folders at one moment, and the view of it with a model."""

from __future__ import annotations

import sys

import pytest
from lib_embeddings.entries.fit import Fit

from lib_embeddings.entries.snapshot import Entry, FittedEntry, Reading, Snapshot, State
from lib_embeddings.formats.embedding import VectorsInfo
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES

CLIP_L = {"clip_l": VectorsInfo(1, 768, "float32")}
CLIP_H = {"clip_h": VectorsInfo(4, 1024, "float32")}
PAIR = {"clip_l": VectorsInfo(2, 768, "float16"), "clip_g": VectorsInfo(2, 1280, "float16")}


def entry(
    name: str,
    vectors: dict[str, VectorsInfo] | None = None,
    *,
    state: State = "ok",
    reason: str | None = None,
) -> Entry:
    """Return the entry of a `.pt` file."""
    reading = Reading("ok", None, "torch-zip", "tokens", vectors or {})
    return Entry(name, "root", f"{name}.pt", 100, 0, state, reason, (), reading)


ENTRIES = (
    entry("one", CLIP_L),
    entry("pair", PAIR),
    entry("two", CLIP_H),
    entry("twin", CLIP_L, state="duplicate", reason="has the same name as sub/twin.pt"),
    entry("cut", state="broken", reason="cut short"),
    entry("bad", state="unsafe", reason="its pickle asks for os.system"),
    entry("lora", state="foreign", reason="this is a LoRA"),
)


@pytest.mark.parametrize(
    ("model", "fits"),
    [
        (None, ["unknown"] * 3),
        ("sd1", ["usable", "partial", "incompatible"]),
        ("sd2", ["incompatible", "incompatible", "usable"]),
        ("sdxl", ["partial", "usable", "incompatible"]),
    ],
)
def test_only_sound_entries_have_a_fit(model: str | None, fits: list[str]) -> None:
    """The fit of what is ok follows the model; what is not ok has none."""
    view = Snapshot(("root",), ENTRIES).seen_with(MODEL_FAMILIES[model] if model else None)
    assert [fitted.fit for fitted in view] == [*fits, None, None, None, None]


def test_counts() -> None:
    """Every state and every fit is counted, also those of which there is none."""
    view = Snapshot(("root",), ENTRIES).seen_with(MODEL_FAMILIES["sd1"])
    assert view.counts == {
        "ok": 3,
        "duplicate": 1,
        "broken": 1,
        "unsafe": 1,
        "foreign": 1,
        "usable": 1,
        "partial": 1,
        "incompatible": 1,
        "unknown": 0,
    }
    assert len(view) == sum(view.counts[state] for state in ("ok", "duplicate", "broken")) + 2


def test_the_reason_comes_from_the_fit_or_the_file() -> None:
    """What is ok is explained by its fit, all else by its own reason."""
    view = Snapshot(("root",), ENTRIES).seen_with(MODEL_FAMILIES["sd1"])
    assert {fitted.name: fitted.reason for fitted in view} == {
        "one": None,
        "pair": "made for SDXL (clip_l 768 + clip_g 1280); SD 1.x would use its clip_l only",
        "two": "made for SD 2.x (clip_h 1024); the active model is SD 1.x (clip_l 768)",
        "twin": "has the same name as sub/twin.pt",
        "cut": "cut short",
        "bad": "its pickle asks for os.system",
        "lora": "this is a LoRA",
    }


def test_only_usable_ones_are_loaded() -> None:
    """Loaded means that the prompt can use it now."""
    view = Snapshot(("root",), ENTRIES).seen_with(MODEL_FAMILIES["sdxl"])
    assert [fitted.name for fitted in view if fitted.is_loaded] == ["pair"]


def test_a_fitted_entry_shows_its_entry() -> None:
    """What is known of the file is there beside the fit, and the families that can use it."""
    fitted = FittedEntry(entry("pair", PAIR), Fit("usable"))
    assert (fitted.path, fitted.state, fitted.vectors) == ("pair.pt", "ok", PAIR)
    assert (fitted.families, fitted.warnings) == (("sdxl", "sd3"), ())
    assert FittedEntry(entry("cut", state="broken"), None).families == ()


def test_entries_are_small() -> None:
    """An entry and its reading have no dict of their own: there may be ten thousand."""
    small = entry("one", CLIP_L)
    assert not hasattr(small, "__dict__")
    assert not hasattr(small.reading, "__dict__")
    assert sys.getsizeof(small) + sys.getsizeof(small.reading) < 400
