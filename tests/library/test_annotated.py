"""A library that other tools have annotated: all of it is known, found and kept with no network."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lib_embeddings.library.library import scan
from lib_embeddings.views.catalogue import Catalogue
from lib_embeddings.views.prepared import Prepared
from lib_embeddings.views.render import view_as_json
from lib_embeddings.views.search import Filters
from tests.builders import safetensors_file, vectors

N_FILES = 1_000


def version(number: int, digest: str) -> dict[str, Any]:
    """Return a version as Civitai answers it, as far as the documents name its keys."""
    return {
        "id": 10 * number,
        "modelId": number,
        "name": "v1",
        "baseModel": "SD 1.5",
        "trainedWords": [f"word{number}"],
        "description": f"<p>About <b>{number}</b></p>",
        "nsfwLevel": 1,
        "model": {
            "name": f"Title {number}",
            "type": "TextualInversion",
            "tags": [f"tag{number % 10}"],
            "creator": {"username": f"author{number % 10}"},
        },
        "files": [{"name": f"e{number}.safetensors", "hashes": {"SHA256": digest.upper()}}],
        "images": [],
    }


def model(number: int, digest: str) -> dict[str, Any]:
    """Return a model as Civitai answers it."""
    found = version(number, digest)
    of_model = found.pop("model")
    return {"id": found.pop("modelId"), **of_model, "modelVersions": [found]}


def lora_manager(number: int, digest: str) -> dict[str, Any]:
    return {
        "file_name": f"e{number}",
        "model_name": f"Title {number}",
        "file_path": f"/elsewhere/e{number}.safetensors",
        "sha256": digest,
        "base_model": "SD 1.5",
        "tags": [f"tag{number % 10}"],
        "modelDescription": f"<p>About <b>{number}</b></p>",
        "from_civitai": True,
        "civitai": version(number, digest),
    }


def stability_matrix(number: int, digest: str) -> dict[str, Any]:
    return {
        "ModelId": number,
        "ModelName": f"Title {number}",
        "ModelDescription": f"<p>About <b>{number}</b></p>",
        "Nsfw": False,
        "Tags": [f"tag{number % 10}"],
        "ModelType": "TextualInversion",
        "VersionId": 10 * number,
        "VersionName": "v1",
        "AuthorUsername": f"author{number % 10}",
        "BaseModel": "SD 1.5",
        "Hashes": {"SHA256": digest.upper()},
        "TrainedWords": [f"word{number}"],
        "Source": 0,
    }


# What each tool leaves beside a file: the ending of its document, that, and the picture's.
TOOLS: tuple[tuple[str, Callable[[int, str], dict[str, Any]], str], ...] = (
    (".civitai.info", version, ".preview.png"),  # civitai-helper
    (".api_info.json", model, ".preview.png"),  # civitai-browser-plus
    (".json", model, ".thumb.jpg"),  # SD.Next
    (".metadata.json", lora_manager, ".webp"),
    (".cm-info.json", stability_matrix, ".preview.jpeg"),
)
# Who says it: of what tools have written down as Civitai answered it, that is Civitai.
SAYS = ("Civitai", "Civitai", "Civitai", "LoRA Manager", "Stability Matrix")


def annotate(folder: Path, number: int) -> None:
    """Write an embedding with what one of the tools leaves beside it."""
    data = safetensors_file({"emb_params": vectors(1 + number % 3)})
    (folder / f"e{number}.safetensors").write_bytes(data)
    ending, document, picture = TOOLS[number % len(TOOLS)]
    told = document(number, hashlib.sha256(data).hexdigest())
    (folder / f"e{number}{ending}").write_text(json.dumps(told))
    (folder / f"e{number}{picture}").write_bytes(b"a picture")


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.usefixtures("no_network")
def test_all_that_tools_left_is_shown(tmp_path: Path) -> None:
    """1,000 files have title, author, words, base model, page, tags, tool and picture."""
    for number in range(1, N_FILES + 1):
        annotate(tmp_path, number)
    entries = view_as_json(Catalogue(1, Prepared(scan([tmp_path]))))["entries"]
    assert len(entries) == N_FILES
    for entry in entries:
        number = int(entry["name"][1:])
        told = entry["claims"]
        assert (told["title"].removesuffix(" v1"), told["author"], told["base_model"]) == (
            *(f"Title {number}", f"author{number % 10}", "SD 1.5"),
        )
        assert told["page"] == (f"https://civitai.com/models/{number}?modelVersionId={10 * number}")
        assert told["tags"] == [f"tag{number % 10}"]
        assert (told["tool"], told["general"]) == (SAYS[number % len(TOOLS)], True)
        assert told["time"] > 0
        assert (entry["trigger_words"], entry["description"]) == (
            *(f"word{number}", f"About {number}"),
        )
        assert entry["preview"]
        assert entry["warnings"] == []


def test_who_made_it_can_be_looked_for(tmp_path: Path) -> None:
    """An author, a base model and a tag are found where they are said, and nowhere else."""
    for number in range(1, 21):
        annotate(tmp_path, number)
    (tmp_path / "author3.safetensors").write_bytes(safetensors_file())
    catalogue = Catalogue(1, Prepared(scan([tmp_path])))

    def found(query: str) -> list[str]:
        return [seen.name for seen in catalogue.select(Filters(query=query)).entries]

    assert found("author:author3") == ["e3", "e13"]
    assert found('Author:"AUTHOR3"') == ["e3", "e13"]
    assert found("author3") == ["author3", "e3", "e13"]
    assert found('base:"sd 1.5" tag:tag4') == ["e4", "e14"]
    assert len(found("-author:author3")) == 19
    assert found("base") == found("base:sdxl") == found("author:e3") == []
