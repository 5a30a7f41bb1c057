"""A name of two files, each for another model, as a page meets it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from tests.web import SDXL, Site, open_site

PATHS = {"sd1": "SD15/lazyneg.pt", "sdxl": "SDXL/lazyneg.safetensors"}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Return a site with such a name."""
    with open_site(tmp_path, monkeypatch) as site:
        site.write(PATHS["sd1"])
        site.write(PATHS["sdxl"], SDXL)
        site.library.rescan()
        yield site


@pytest.mark.parametrize("model", PATHS)
def test_the_name_follows_the_model(site: Site, model: str) -> None:
    """It is listed and completed once, and means the file that the model can use."""
    site.library.set_model(MODEL_FAMILIES[model])
    assert site.get("/names") == {"names": ["lazyneg"]}
    (completion,) = site.get("/completions", text="lazy")["completions"]
    (usable,) = site.get("/entries", fit="usable")["entries"]
    assert completion["id"] == usable["id"]
    assert (completion["fit"], usable["path"]) == ("usable", PATHS[model])


@pytest.mark.parametrize(("model", "other"), [("sd1", "sdxl"), ("sdxl", "sd1")])
def test_the_other_file_is_told_as_it_is(site: Site, model: str, other: str) -> None:
    """It is no duplicate: it says what it was made for, and both say which other there is."""
    site.library.set_model(MODEL_FAMILIES[model])
    entries = {entry["path"]: entry for entry in site.get("/entries")["entries"]}
    told = entries[PATHS[other]]
    assert (told["state"], told["fit"]) == ("ok", "partial")
    assert told["reason"].startswith("made for")
    assert [(twin["path"], twin["same_bytes"]) for twin in told["twins"]] == [(PATHS[model], False)]
