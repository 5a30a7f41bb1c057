"""Opening a file and saying what it is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lib_embeddings import BrokenFile, NotAnEmbedding, UnsafeFile, read_embedding
from lib_embeddings.entries import read as read_module
from lib_embeddings.entries.entry import Found, Reading
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.read import open_contents, read_file
from lib_embeddings.formats import assemble
from lib_embeddings.formats.embedding import named_tensors
from lib_embeddings.limits import LIMITS
from tests.builders import (
    Call,
    Global,
    pickle_of,
    picture_pixels,
    png,
    png_text,
    safetensors_file,
    torch_legacy,
    torch_zip,
    vectors,
)

GOOD = safetensors_file()


def saved(folder: Path, name: str, data: bytes = GOOD) -> str:
    """Write a file into a folder; return its path."""
    (folder / name).write_bytes(data)
    return str(folder / name)


def told(path: str | Path) -> Reading:
    """Return how a scan describes a file."""
    return read_file(Found(Place.of_file(path))).reading


def test_an_embedding_is_read(tmp_path: Path) -> None:
    """The name is the file's stem, and the vectors are those in the file."""
    embedding = read_embedding(saved(tmp_path, "marc.allante.safetensors"))
    assert embedding.name == "marc.allante"
    assert np.array_equal(embedding.vectors["clip_l"], vectors())


def test_vectors_outlive_the_file(tmp_path: Path) -> None:
    """The vectors stay as they were read when the file is overwritten or gone."""
    path = saved(tmp_path, "cat.pt", torch_zip())
    array = read_embedding(path).vectors["clip_l"]
    saved(tmp_path, "cat.pt", b"\0" * 4096)
    os.remove(path)
    assert np.array_equal(array, vectors())


def test_a_path_object_will_do(tmp_path: Path) -> None:
    """A path may be text or a path object."""
    path = Path(saved(tmp_path, "cat.pt"))
    assert read_embedding(path).name == read_embedding(str(path)).name == "cat"


UNSAFE = torch_zip(pickle_of(Call(Global("posix", "system"), ("true",))), {})
LORA = safetensors_file({"lora_unet_mid_block.lora_up.weight": vectors(4, 320)})

PROBLEMS = [
    (LORA, NotAnEmbedding, "foreign", "this is a LoRA (1 tensor); it belongs in models/Lora"),
    (
        UNSAFE,
        UnsafeFile,
        "unsafe",
        "its pickle asks for posix.system; nothing was run",
    ),
    (
        GOOD[:-1],
        BrokenFile,
        "broken",
        (
            f"cut short: expected at least {len(GOOD):,} bytes, found {len(GOOD) - 1:,}; "
            "download it again"
        ),
    ),
    (b"", BrokenFile, "broken", "this file is empty; download it again"),
    (png(), NotAnEmbedding, "foreign", "this is a PNG picture with no embedding in it"),
]


@pytest.mark.parametrize(("data", "error", "state", "reason"), PROBLEMS)
def test_problems(
    tmp_path: Path, data: bytes, error: type[Exception], state: str, reason: str
) -> None:
    """A problem raises an error with its path in `read_embedding`, and a reading in a scan."""
    path = saved(tmp_path, "cat.pt", data)
    with pytest.raises(error) as raised:
        read_embedding(path)
    assert (str(raised.value), vars(raised.value)["path"]) == (reason, path)
    reading = told(path)
    assert (reading.state, reading.reason, reading.is_transient) == (state, reason, False)


def test_a_reading_tells_all_but_the_values(tmp_path: Path) -> None:
    """The entry of an embedding has what the file says, and no vectors."""
    path = saved(tmp_path, "cat.pt", torch_zip())
    entry = read_file(Found(Place.of_file(path)))
    reading = entry.reading
    assert (reading.state, reading.reason) == ("ok", None)
    assert (reading.container, reading.layout) == ("torch-zip", "string_to_param")
    assert entry.stored_name == "stored"
    assert reading.vectors == {"clip_l": (1, 768, "float32")}
    assert reading.metadata["sd_checkpoint_name"] == "model"


def test_a_problem_keeps_the_container(tmp_path: Path) -> None:
    """The container is kept when a file turns out to be no embedding."""
    assert told(saved(tmp_path, "a.pt", LORA)).container == "safetensors"
    assert told(saved(tmp_path, "b.pt", b"")).container is None


# What the disk does


@pytest.mark.parametrize("data", [torch_legacy(), png_text(), picture_pixels()])
def test_an_embedding_before_gigabytes_of_other_things(tmp_path: Path, data: bytes) -> None:
    """Some containers may be followed by anything, and a page of entries would hash all of it."""
    path = tmp_path / ("a.png" if data.startswith(b"\x89PNG") else "a.pt")
    path.write_bytes(data + b"more")
    read_embedding(path)
    os.truncate(path, LIMITS.read_bytes + 1)
    with pytest.raises(BrokenFile, match="too large for an embedding: found 67,108,865 bytes"):
        read_embedding(path)
    found = Found(Place.of_file(path), LIMITS.read_bytes + 1)
    assert read_file(found).reading.state == "broken"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A missing file raises the system's error in `read_embedding`, and a reading in a scan."""
    path = str(tmp_path / "cat.pt")
    with pytest.raises(FileNotFoundError):
        read_embedding(path)
    assert told(path) == Reading(
        "broken", "this file was deleted while it was being read", is_transient=True
    )


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """A folder cannot be read, in the system's words."""
    with pytest.raises(IsADirectoryError):
        read_embedding(tmp_path)
    assert told(tmp_path).reason == "this file cannot be read: Is a directory"


def test_a_device_is_no_file() -> None:
    """Only regular files are read."""
    with pytest.raises(BrokenFile, match=r"^this is a pipe, a socket or a device, not a file$"):
        read_embedding(os.devnull)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    """A pipe that nobody writes into is refused at once."""
    os.mkfifo(tmp_path / "cat.pt")
    code = "import sys; from lib_embeddings import read_embedding; read_embedding(sys.argv[1])"
    result = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "cat.pt"],
        capture_output=True,
        check=False,
        text=True,
    )
    assert result.stderr.splitlines()[-1].endswith(
        "NoFile: this is a pipe, a socket or a device, not a file"
    )


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
def test_a_pipe_that_takes_the_place_of_a_file_does_not_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The opened file is checked again, as another may have taken its place."""
    path = saved(tmp_path, "cat.pt")
    before = os.stat(path)
    os.remove(path)
    os.mkfifo(path)
    monkeypatch.setattr(os, "stat", lambda *_, **__: before)
    reason = "this is a pipe, a socket or a device, not a file"
    assert told(path) == Reading("broken", reason, is_transient=True)
    with pytest.raises(OSError, match=reason):
        read_module.sha256(path)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda path: path.write_bytes(GOOD + b"more"), id="grown"),
        pytest.param(lambda path: path.write_bytes(GOOD[:100]), id="cut"),
        pytest.param(lambda path: os.utime(path, ns=(0, 0)), id="touched"),
    ],
)
def test_a_file_that_changes_while_it_is_read(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    """The reading of a file that changed meanwhile does not count."""
    path = saved(tmp_path, "cat.pt")

    def read_meanwhile() -> None:
        with open_contents(path) as contents:
            change(Path(path))
            assert named_tensors(contents)

    message = "^this file changed while it was being read: it will be read again soon$"
    with pytest.raises(BrokenFile, match=message):
        read_meanwhile()


def test_a_change_explains_the_damage_it_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is cut while it is read has changed; it is not said to be cut short."""
    path = saved(tmp_path, "cat.pt")

    def cut_and_make(*arguments: Any) -> object:
        saved(tmp_path, "cat.pt", GOOD[:100])
        return assemble.make_embedding(*arguments)

    monkeypatch.setattr(read_module, "make_embedding", cut_and_make)
    assert told(path) == Reading(
        "broken",
        "this file changed while it was being read: it will be read again soon",
        is_transient=True,
    )


def test_an_error_of_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails is reported in the system's words."""
    path = saved(tmp_path, "cat.pt")

    def fail(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(read_module, "open", fail, raising=False)
    assert told(path) == Reading(
        "broken", "this file cannot be read: Input/output error", is_transient=True
    )


def test_a_defect_of_ours_costs_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An error nobody thought of becomes the reading of one file, and is logged with its path."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    path = saved(tmp_path, "cat.pt")
    monkeypatch.setattr(read_module, "make_embedding", fail)
    assert told(path) == Reading(
        "broken", "this file cannot be read: unexpected error, see the log", is_transient=True
    )
    assert path in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_too_little_memory_is_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that could not be read for lack of memory is read again next time."""

    def fail(*_: object) -> None:
        raise MemoryError

    path = saved(tmp_path, "cat.pt")
    monkeypatch.setattr(read_module, "make_embedding", fail)
    reason = "this file cannot be read now: the computer has too little free memory"
    assert told(path) == Reading("broken", reason, is_transient=True)


# Pairs


@pytest.mark.parametrize("steps", ["", "-steps-500"])
def test_a_pair_is_read_as_one(tmp_path: Path, steps: str) -> None:
    """Reading the first file of an SDXL training by diffusers brings the second along."""
    first = safetensors_file({"<cat>": vectors(2)})
    second = safetensors_file({"<cat>": vectors(2, 1280).astype(np.float16)})
    path = saved(tmp_path, f"learned_embeds{steps}.safetensors", first)
    saved(tmp_path, f"learned_embeds_2{steps}.safetensors", second)
    embedding = read_embedding(path)
    assert embedding.layout == "learned_embeds_pair"
    assert embedding.info == {"clip_l": (2, 768, "float32"), "clip_g": (2, 1280, "float16")}
    assert embedding.stored_name == "<cat>"
    alone = read_embedding(tmp_path / f"learned_embeds_2{steps}.safetensors")
    assert list(alone.vectors) == ["clip_g"]


@pytest.mark.parametrize(
    "second", [GOOD, GOOD[:-1], LORA, None], ids=["clip_l too", "broken", "foreign", "missing"]
)
def test_what_is_no_pair_is_read_alone(tmp_path: Path, second: bytes | None) -> None:
    """A second file that is no other half leaves the first as it is."""
    path = saved(tmp_path, "learned_embeds.bin", safetensors_file({"<cat>": vectors()}))
    if second is not None:
        saved(tmp_path, "learned_embeds_2.bin", second)
    assert (read_embedding(path).layout, list(read_embedding(path).vectors)) == (
        "tokens",
        ["clip_l"],
    )


def test_a_pair_of_unequal_counts_is_warned_of(tmp_path: Path) -> None:
    """Halves with different numbers of vectors get the warning that one file would."""
    path = saved(tmp_path, "learned_embeds.bin", safetensors_file({"<cat>": vectors(2)}))
    saved(tmp_path, "learned_embeds_2.bin", safetensors_file({"<cat>": vectors(3, 1280)}))
    warning = "holds different numbers of vectors: clip_l 2, clip_g 3"
    assert read_embedding(path).warnings == (warning,)
