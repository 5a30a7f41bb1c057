"""All that can be told about one file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lib_embeddings import scan
from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.snapshot import entry_at
from lib_embeddings.views.inspect import Inspection, alone, inspect, statistics
from lib_embeddings.views.render import entry_as_json
from tests.builders import png, safetensors_file, torch_zip, vectors


def saved(folder: Path, name: str, data: bytes) -> str:
    """Write a file into a folder; return its path."""
    (folder / name).write_bytes(data)
    return str(folder / name)


def inspected(path: str) -> tuple[Entry, Inspection]:
    """Return the entry of a file, and what is inside."""
    entry = entry_at(Place.of_file(path))
    return entry, inspect(entry)


def entries_in(folder: Path) -> list[Entry]:
    """Return the entries that a scan lists."""
    return [seen.entry for seen in scan([folder])]


def test_an_embedding(tmp_path: Path) -> None:
    """An embedding is described with its tensors, metadata and values."""
    entry, inspection = inspected(saved(tmp_path, "cat.pt", torch_zip()))
    assert (entry.place.name, entry.reading.state) == ("cat", "ok")
    assert inspection.tensors == {"string_to_param.*": "float32[1x768]"}
    assert inspection.metadata == {
        "step": 100,
        "sd_checkpoint": "abcdef12",
        "sd_checkpoint_name": "model",
    }
    assert list(inspection.values) == ["clip_l"]
    assert inspection.bundled == {}


@pytest.mark.parametrize(
    ("norm", "said"),
    [
        (0.39, "1.0 times as long as those of words: it should mix well with others"),
        (11.7, "30.0 times as long as those of words: it may overpower the rest of the prompt"),
        (0.039, "0.1 times as long as those of words: it may have little effect"),
    ],
)
def test_health(tmp_path: Path, norm: float, said: str) -> None:
    """Vectors are compared with those of words where these are known."""
    pair = {}
    for key, size in (("clip_l", 768), ("clip_g", 1280)):
        direction = vectors(2, size)
        pair[key] = direction / np.linalg.norm(direction, axis=1, keepdims=True) * np.float32(norm)
    data = safetensors_file(pair)
    health = inspected(saved(tmp_path, "pair.safetensors", data))[1].health
    assert list(health) == ["clip_l"]
    assert said in health["clip_l"]


def test_metadata_of_safetensors(tmp_path: Path) -> None:
    """Metadata that a trainer wrote beside the tensors is shown."""
    data = safetensors_file(metadata={"ss_steps": "500", "modelspec.title": "cat"})
    assert inspected(saved(tmp_path, "cat.safetensors", data))[1].metadata == {
        "ss_steps": "500",
        "modelspec.title": "cat",
    }


def test_a_lora_and_what_it_brings(tmp_path: Path) -> None:
    """Embeddings inside a LoRA are listed read-only."""
    tensors = {
        "lora_unet_mid_block.lora_up.weight": vectors(4, 320),
        "bundle_emb.cat.clip_l": vectors(3),
        "bundle_emb.cat.clip_g": vectors(3, 1280),
    }
    entry, inspection = inspected(saved(tmp_path, "lora.safetensors", safetensors_file(tensors)))
    assert entry.reading.state == "foreign"
    assert inspection.bundled == {"cat": {"clip_l": 3, "clip_g": 3}}
    assert inspection.tensors["bundle_emb.cat.clip_l"] == "float32[3x768]"
    assert inspection.values == {}


@pytest.mark.parametrize(
    ("data", "state"),
    [(b"", "broken"), (safetensors_file()[:-1], "broken"), (png(), "foreign")],
    ids=["empty", "cut short", "picture"],
)
def test_what_cannot_be_looked_into(tmp_path: Path, data: bytes, state: str) -> None:
    """For a file without readable tensors there is only the entry."""
    entry, inspection = inspected(saved(tmp_path, "cat.pt", data))
    assert entry.reading.state == state
    assert inspection == Inspection()


def test_a_pair_is_told_as_the_scan_tells_it(tmp_path: Path) -> None:
    """The first of two files that belong together is the entry that a scan would list."""
    path = saved(tmp_path, "learned_embeds.bin", safetensors_file({"<cat>": vectors(2)}))
    saved(tmp_path, "learned_embeds_2.bin", safetensors_file({"<cat>": vectors(2, 1280)}))
    entry, inspection = inspected(path)
    assert list(inspection.values) == ["clip_l", "clip_g"]
    assert [entry] == entries_in(tmp_path)


def test_a_name_that_is_no_text_is_told_as_the_scan_tells_it(tmp_path: Path) -> None:
    """A sound file whose name cannot be typed is not ok for one and broken for the other."""
    name = os.fsdecode(b"caf\xe9.pt")
    try:
        path = saved(tmp_path, name, safetensors_file())
    except OSError:
        pytest.skip("this system has no file names but text")
    entry, _ = inspected(path)
    assert entry.reading.state == "broken"
    assert [entry] == entries_in(tmp_path)


def test_a_missing_file(tmp_path: Path) -> None:
    """Looking at nothing is the system's error."""
    with pytest.raises(FileNotFoundError):
        inspected(str(tmp_path / "cat.pt"))


def test_a_folder(tmp_path: Path) -> None:
    """A folder is not a file to look into."""
    with pytest.raises(IsADirectoryError):
        inspected(str(tmp_path))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    """A pipe that nobody writes into is reported at once."""
    os.mkfifo(tmp_path / "cat.pt")
    result = subprocess.run(
        [sys.executable, "-m", "lib_embeddings", "inspect", tmp_path / "cat.pt"],
        capture_output=True,
        check=False,
        text=True,
    )
    assert "this is a pipe, a socket or a device" in result.stdout + result.stderr


def test_statistics() -> None:
    """Statistics are of all numbers; norms are of each vector."""
    array = np.array([[3.0, 4.0], [0.0, 1.0]], np.float32)
    assert statistics(array) == {
        "min": 0.0,
        "max": 4.0,
        "mean": 2.0,
        "std": pytest.approx(np.sqrt(2.5)),
        "norm_min": 1.0,
        "norm_max": 5.0,
    }


def test_json(tmp_path: Path) -> None:
    """All that only an inspection knows is JSON."""
    _, inspection = inspected(saved(tmp_path, "cat.pt", torch_zip()))
    document = json.loads(json.dumps(inspection.as_json()))
    assert list(document) == ["metadata", "tensors", "values", "health", "bundled"]
    assert set(document["values"]["clip_l"]) == {
        "min", "max", "mean", "std", "norm_min", "norm_max",
    }  # fmt: skip


def test_a_file_alone(tmp_path: Path) -> None:
    """It is described as if there were no others: no model, no twin, and its name alone."""
    saved(tmp_path, "dog.pt", torch_zip())
    entry, _ = inspected(saved(tmp_path, "a(b.pt", torch_zip()))
    index = alone(entry)
    (seen,) = index.view
    told = entry_as_json(index, seen)
    assert (told["path"], told["fit"], told["twins"]) == ("a(b.pt", "unknown", [])
    assert any(r"a\(b" in warning for warning in told["warnings"])
