"""Names that what someone types may become."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib_embeddings.entries.scan import scan
from lib_embeddings.library.completion import Completer
from lib_embeddings.library.search import Listing
from tests.builders import safetensors_file, vectors

SD1 = safetensors_file()
SDXL = safetensors_file({"clip_l": vectors(2), "clip_g": vectors(2, 1280)})
SD2 = safetensors_file({"emb_params": vectors(4, 1024)})


def completer(folder: Path, names: dict[str, bytes], model: str | None = "sd1") -> Completer:
    """Return what completes the names of some files."""
    for name, data in names.items():
        file = folder / f"{name}.safetensors"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return Completer(Listing(7, scan([folder], model=model)))


def completed(completer: Completer, text: str, limit: int = 10) -> list[str]:
    """Return the names that a text may become."""
    return [fitted.name for fitted in completer.complete(text, limit)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param("dream", ["Dream2", "dream10", "bad dream", "daydream"], id="natural order"),
        pytest.param("DR", ["Dream2", "dream10", "bad dream", "daydream"], id="letter case"),
        pytest.param("a photo of dream1", ["dream10"], id="last word"),
        pytest.param("a bad dr", ["bad dream", "Dream2", "dream10", "daydream"], id="two words"),
        pytest.param("bad  dr", ["bad dream", "Dream2", "dream10", "daydream"], id="wide space"),
        pytest.param("2", ["Dream2"], id="digit"),
        pytest.param("ay", ["daydream"], id="inside of a word"),
        pytest.param("nothing", [], id="none"),
        pytest.param("dreams", [], id="longer than the name"),
        pytest.param("", [], id="no text"),
        pytest.param("  ", [], id="space alone"),
    ],
)
def test_names_that_begin_come_first(tmp_path: Path, text: str, names: list[str]) -> None:
    """Then come those with a word that begins so, then those that contain it."""
    found = completer(tmp_path, dict.fromkeys(("daydream", "Dream2", "dream10", "bad dream"), SD1))
    assert completed(found, text) == names


def test_usable_ones_come_first(tmp_path: Path) -> None:
    """What the model can use stands above what fits better by its name."""
    found = completer(tmp_path, {"bad-sdxl": SDXL, "bad": SD2, "not-bad": SD1})
    assert completed(found, "bad") == ["not-bad", "bad", "bad-sdxl"]


def test_without_a_model_all_are_alike(tmp_path: Path) -> None:
    """While nobody knows what is usable, names alone count."""
    found = completer(tmp_path, {"bad-sdxl": SDXL, "bad": SD2, "not-bad": SD1}, model=None)
    assert completed(found, "bad") == ["bad", "bad-sdxl", "not-bad"]


def test_only_names_that_mean_something_are_offered(tmp_path: Path) -> None:
    """A broken file is not offered, and a name that two files have is offered once."""
    names = {"bad": SD1, "sub/bad": SD1, "bad-cut": SD1[:-1]}
    assert completed(completer(tmp_path, names), "bad") == ["bad"]


def test_no_more_than_asked_for(tmp_path: Path) -> None:
    """The best ones remain."""
    found = completer(tmp_path, dict.fromkeys(("bad3", "bad1", "bad2"), SD1))
    assert completed(found, "bad", limit=2) == ["bad1", "bad2"]


def test_a_long_text_costs_no_more_than_its_end(tmp_path: Path) -> None:
    """What lies further back than any name is long is not looked at."""
    found = completer(tmp_path, {"bad": SD1})
    assert completed(found, "a " * 1_000_000 + "bad") == ["bad"]


def test_accents_are_kept_in_two_ways(tmp_path: Path) -> None:
    """A file's name with its accent as a character of its own is completed like any other."""
    ready = completer(tmp_path, {"cafe\u0301": SD1})
    assert completed(ready, "caf\u00e9") == ["cafe\u0301"]
