"""The types of the page's script fit what the API answers, field by field: TypeScript compares."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.stores.choices import CHOICES
from tests.builders import safetensors_file, vectors
from tests.entries.test_imaging import picture
from tests.web import SD2, Site, open_site

PROJECT = Path(__file__).parents[2]
SCRIPTS = PROJECT / "javascript" / "textual_inversion"
TYPESCRIPT = PROJECT / "tests" / "browser" / "node_modules" / "typescript" / "bin" / "tsc"

PROMPT = "cat, (cat:1.2), embedding:other, marc_alante, <cat>"
INFOTEXT = 'cat, lost\nSteps: 20, TI hashes: "lost: 0123456789ab, cat: 0123456789ab"'


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Return a site for SD 1.x that has something of everything."""
    with open_site(tmp_path, monkeypatch) as site:
        site.write("cat.safetensors", safetensors_file(metadata={"modelspec.title": "a cat"}))
        site.write("cat.preview.png", picture())
        site.write("old/cat.pt")
        site.write("marc_allante.pt")
        site.write("other.pt", SD2)
        site.write("broken.pt", b"<!DOCTYPE html>")
        site.write("gone.pt", safetensors_file({"emb_params": vectors(3)}))
        site.library.set_model(MODEL_FAMILIES["sd1"], lambda texts: [[*map(ord, t)] for t in texts])
        site.library.rescan()
        yield site


def answers(site: Site) -> Iterator[tuple[str, str, Any]]:
    """Yield what the API tells: the module and the name of its type, and a value of it."""
    page = site.get("/entries")
    ids = {entry["path"]: entry["id"] for entry in page["entries"]}
    member = {"name": "cat", "field": "negative", "weight": 1.5}
    yield "api", "Host", site.get("/host")
    yield "api", "ResultPage", page
    yield "api", "FoundFolder[]", site.get("/folders")["folders"]
    for path in ("cat.safetensors", "broken.pt"):
        yield "api", "Details", site.get(f"/entries/{ids[path]}")
    yield "answers", "Completion[]", site.get("/completions", text="cat")["completions"]
    asked = {"positive": PROMPT, "negative": "other", "infotext": INFOTEXT}
    yield "answers", "Reports", site.client.post("/prompt", json=asked).json()
    yield (
        "own",
        "EmbeddingSet[]",
        site.client.put("/sets?name=s", json={"members": [member]}).json()["sets"],
    )
    yield "api", "Trashed", site.client.delete(f"/entries/{ids['gone.pt']}").json()
    yield "api", "Trash", site.get("/trash")
    yield "api", "Changes", site.client.post("/rescan").json()


def choices() -> Iterator[dict[str, Any]]:
    """Yield all that can be chosen for one file, until each value has come."""
    for n in range(max(map(len, CHOICES.values()))):
        yield {key: values[n % len(values)] for key, values in CHOICES.items()}


def type_of(module: str, name: str) -> str:
    """Return a type of the page's script, for one that lies elsewhere."""
    return f'import("{(SCRIPTS / module).as_posix()}.mjs").{name}'


@pytest.mark.skipif(
    not (TYPESCRIPT.exists() and shutil.which("node")), reason="TypeScript is not installed"
)
def test_the_types_of_the_page_are_those_of_the_answers(site: Site, tmp_path: Path) -> None:
    """The types in the script have all fields of the answers, and no others."""
    compared = [
        *((type_of(module, name), value) for module, name, value in answers(site)),
        *((f"Required<{type_of('answers', 'EntryChoices')}>", value) for value in choices()),
    ]
    values = [
        f"/** @type {{{name}}} */\nexport const value{number} = {json.dumps(value, indent=1)};\n"
        for number, (name, value) in enumerate(compared)
    ]
    (tmp_path / "answers.mjs").write_text("".join(values), encoding="utf-8")
    settings = {
        "extends": (PROJECT / "tests/javascript/tsconfig.json").as_posix(),
        "include": ["answers.mjs"],
    }
    (tmp_path / "tsconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    command = ["node", os.fspath(TYPESCRIPT), "-p", os.fspath(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "")
