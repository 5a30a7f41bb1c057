"""What other tools say of an embedding: each tool's file is understood by its shape."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lib_embeddings.entries.claims import NO_CLAIMS, Claims, claims_in, merged
from lib_embeddings.entries.previews import pictures_of
from lib_embeddings.entries.texts import read_texts
from lib_embeddings.library.library import scan
from tests.builders import safetensors_file
from tests.entries.test_texts import entry_beside

DIGEST = "ab" * 32
PAGE = "https://civitai.com/models/77?modelVersionId=770"

VERSION: dict[str, Any] = {
    "id": 770,
    "modelId": 77,
    "name": "v2",
    "baseModel": "SDXL 1.0",
    "trainedWords": ["fox", "game"],
    "description": "<p>newer</p>",
    "nsfwLevel": 1,
    "model": {
        "name": "Fox",
        "type": "TextualInversion",
        "tags": ["animal"],
        "creator": {"username": "ann"},
    },
    "files": [{"name": "cat.pt", "type": "Model", "hashes": {"SHA256": DIGEST.upper()}}],
}
MODEL: dict[str, Any] = {
    "id": 77,
    "name": "Fox",
    "type": "TextualInversion",
    "description": "<p>Use <b>fox</b> <script>alert(1)</script></p>",
    "tags": ["animal"],
    "creator": {"username": "ann"},
    "modelVersions": [
        {**VERSION, "id": 771, "files": [{"name": "dog.pt"}]},
        {key: VERSION[key] for key in VERSION if key not in ("model", "modelId", "description")},
    ],
}
SAID = Claims(
    title="Fox v2",
    author="ann",
    page=PAGE,
    base_model="SDXL 1.0",
    tags=("animal",),
    trigger_words="fox, game",
    sha256=DIGEST,
)

# What each tool leaves, and what it says.
LEFT: dict[str, tuple[str, dict[str, Any], Claims]] = {
    "civitai-helper": (
        "cat.civitai.info",
        VERSION,
        SAID._replace(tool="Civitai", description="newer"),
    ),
    "an older browser": (
        "cat.civitai.info",
        MODEL,
        SAID._replace(tool="Civitai", description="Use fox"),
    ),
    "SD.Next": ("cat.json", MODEL, SAID._replace(tool="Civitai", description="Use fox")),
    "civitai-browser-plus": (
        "cat.json",
        {"modelId": 77, "modelVersionId": 770, "sha256": DIGEST.upper(), "unpackList": []},
        Claims("civitai-browser-plus", page=PAGE, sha256=DIGEST),
    ),
    "civitai-browser-plus, all of it": (
        "cat.api_info.json",
        MODEL,
        SAID._replace(tool="Civitai", description="Use fox"),
    ),
    "LoRA Manager": (
        "cat.metadata.json",
        {
            "file_path": "/x/cat.pt",
            "model_name": "My fox",
            "base_model": "SD 1.5",
            "tags": ["pet"],
            "modelDescription": "<b>bold</b>",
            "preview_nsfw_level": 8,
            "sha256": DIGEST,
            "civitai": VERSION,
        },
        SAID._replace(
            tool="LoRA Manager",
            title="My fox",
            base_model="SD 1.5",
            tags=("pet",),
            description="bold",
            is_general=False,
        ),
    ),
    "Stability Matrix": (
        "cat.cm-info.json",
        {
            "ModelId": 77,
            "ModelName": "Fox",
            "VersionId": 770,
            "VersionName": "v2",
            "ModelDescription": "<p>matrix</p>",
            "AuthorUsername": "ann",
            "BaseModel": "SDXL 1.0",
            "Tags": ["animal"],
            "TrainedWords": ["fox", "game"],
            "Hashes": {"SHA256": DIGEST.upper()},
            "Nsfw": True,
            "Source": 0,
        },
        SAID._replace(tool="Stability Matrix", description="matrix", is_general=False),
    ),
    "SwarmUI": (
        "cat.swarm.json",
        {
            "modelspec.title": "Fox",
            "modelspec.author": "ann",
            "modelspec.architecture": "stable-diffusion-v1/textual-inversion",
            "modelspec.license": "MIT",
            "modelspec.tags": "animal, pet",
            "modelspec.trigger_phrase": "fox",
            "modelspec.usage_hint": "softly",
        },
        Claims(
            "The file",
            title="Fox",
            author="ann",
            licence="MIT",
            base_model="stable-diffusion-v1",
            tags=("animal", "pet"),
            trigger_words="fox",
            description="softly",
        ),
    ),
    "this program": (
        "cat.json",
        {
            "activation text": "",
            "modelId": 77,
            "source": {
                "site": "Civitai",
                "title": "Fox v2",
                "page": PAGE,
                "author": "ann",
                "base model": "SDXL 1.0",
                "tags": ["animal"],
                "sha256": DIGEST,
            },
        },
        SAID._replace(tool="Civitai", trigger_words=""),
    ),
}


@pytest.mark.parametrize("tool", LEFT)
def test_what_each_tool_leaves(tmp_path: Path, tool: str) -> None:
    """All of it is read, and takes the place of what no person wrote."""
    filename, document, expected = LEFT[tool]
    texts = read_texts(entry_beside(tmp_path, {filename: json.dumps(document)}))
    assert texts.claims._replace(time=None) == expected
    assert (texts.notes, texts.field) == ("", None)
    assert texts.description == expected.description
    assert texts.trigger_words == expected.trigger_words


def test_a_persons_words_come_first(tmp_path: Path) -> None:
    """Texts in A1111's sidecar are shown before others; the rest is still known."""
    own = {"description": "mine", "activation text": "my word", "notes": "n"}
    files = {"cat.json": json.dumps(own), "cat.civitai.info": json.dumps(VERSION)}
    texts = read_texts(entry_beside(tmp_path, files))
    assert (texts.notes, texts.description, texts.trigger_words) == ("n", "mine", "my word")
    assert texts.claims.title == "Fox v2"


def test_the_newest_comes_first(tmp_path: Path) -> None:
    """Each fact comes from the tool that wrote last among those that have it."""
    entry_beside(
        tmp_path,
        {name: json.dumps(document) for name, document, _ in LEFT.values() if "cm" in name}
        | {"cat.civitai.info": json.dumps({**VERSION, "name": "v9", "model": {"name": "New"}})},
    )
    os.utime(tmp_path / "cat.cm-info.json", (1, 1))
    os.utime(tmp_path / "cat.civitai.info", (2, 2))
    (found,) = scan([tmp_path])
    claims = read_texts(found.entry).claims
    assert (claims.tool, claims.time, claims.title) == ("Civitai", 2.0, "New v9")
    assert claims.author == "ann"


def test_the_file_itself_comes_last(tmp_path: Path) -> None:
    """Its own metadata are shown where no tool says anything else."""
    header = {"modelspec.title": "Inside", "modelspec.author": "bob", "modelspec.license": "MIT"}
    (tmp_path / "cat.safetensors").write_bytes(safetensors_file(metadata=header))
    (found,) = scan([tmp_path])
    assert read_texts(found.entry).claims == Claims(
        "The file", title="Inside", author="bob", licence="MIT"
    )
    (tmp_path / "cat.civitai.info").write_text(json.dumps(VERSION))
    (found,) = scan([tmp_path])
    claims = read_texts(found.entry).claims
    assert (claims.title, claims.author, claims.licence) == ("Fox v2", "ann", "MIT")


BOTH = [{"name": "cat.pt", "type": "Negative"}, {"name": "y.pt", "type": "Model"}]


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"files": [{"name": "x.pt", "type": "Negative"}]}, "negative"),
        ({"modelVersions": [{"files": BOTH}]}, "negative"),
        ({"civitai": {"files": BOTH}}, "negative"),
        ({"type": "Negative"}, "negative"),
        ({"modelId": 1, "files": [{"name": "dog.pt", "type": "Negative"}, BOTH[1]]}, None),
    ],
    ids=["one file", "a model", "LoRA Manager", "a type alone", "another file of the version"],
)
def test_negative_embeddings(document: dict[str, Any], field: str | None) -> None:
    """A site's word on the file decides which field its name goes into."""
    claims = claims_in(document, "cat.pt", 1.0)
    assert claims
    assert claims.field == field


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"description": "x", "sd version": "SD1"},
        {"modelId": "Model not found", "modelVersionId": "", "sha256": 5},
        {"files": [5, {"type": []}], "modelVersions": {}, "civitai": 1, "modelId": []},
        {"source": {"site": "x", "page": "javascript:alert(1)", "tags": [{}, 5, None]}},
        {"source": 5, "modelVersions": [None, {"files": {}, "trainedWords": 5, "id": True}]},
        {"modelVersions": []},
        {"ModelId": -1, "ModelName": [], "Hashes": "x", "TrainedWords": {}, "Tags": None},
        {"file_path": 5, "civitai": None, "preview_nsfw_level": 1e300},
        {"modelspec.title": None, "modelspec.tags": ["x"]},
        {"id": 1, "modelId": 2.5, "files": None, "model": [], "nsfwLevel": "x"},
    ],
    ids=str,
)
def test_odd_values(document: dict[str, Any]) -> None:
    """No value is trusted to be what it should be, and no link leads anywhere else."""
    claims = claims_in(document, "cat.pt", 1.0) or NO_CLAIMS
    assert (claims.title, claims.author, claims.page, claims.sha256) == ("", "", "", None)
    assert claims.tags == ()


@pytest.mark.parametrize(
    ("written", "weight"),
    [(0.8, 0.8), (1, 1.0), (-0.5, -0.5), (0, None), ("0.8", None), (True, None), (1e300, None)],
)
def test_weights(written: object, weight: float | None) -> None:
    """A1111's sidecar has one, whoever wrote the rest of it; 0 stands for none."""
    document = {"preferred weight": written}
    with_model = claims_in({**document, "modelId": 7}, "cat.pt", 1.0)
    assert with_model
    assert (with_model.tool, with_model.weight) == ("civitai-browser-plus", weight)
    alone = claims_in(document, "cat.pt", 1.0)
    assert (alone and alone.weight) == weight


def test_many_tags() -> None:
    """A list without end is cut."""
    claims = claims_in({**VERSION, "model": {"tags": ["x"] * 10_000}}, "cat.pt", 1.0)
    assert claims
    assert len(claims.tags) < 100


@pytest.mark.parametrize(
    ("base_model", "encoders", "sentence"),
    [
        (
            "SDXL 1.0",
            ["clip_l"],
            "Civitai says SDXL 1.0, but the vectors are for SD 1.x (clip_l 768)",
        ),
        ("SD 1.5", ["clip_l"], None),
        ("SDXL 1.0", ["clip_l", "clip_g"], None),
        ("Anima", ["clip_l"], None),
        ("", ["clip_l"], None),
        ("SDXL 1.0", [], None),
    ],
)
def test_contradictions(base_model: str, encoders: list[str], sentence: str | None) -> None:
    """The vectors are believed, and that is said."""
    assert Claims("Civitai", base_model=base_model).contradiction(encoders) == sentence


def test_nothing_is_said() -> None:
    """Without any claims there are none."""
    assert merged(()) == NO_CLAIMS


def test_pictures_of_other_tools(tmp_path: Path) -> None:
    """The picture that SD.Next makes small is shown where there is no other."""
    entry = entry_beside(tmp_path, {"cat.thumb.jpg": b"x", "cat.cm-info.json": "{}"})
    assert [Path(picture.path).name for picture in pictures_of(entry)] == ["cat.thumb.jpg"]
    assert len(entry.companions) == 2
