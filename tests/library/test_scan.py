"""Scanning folders: from files to the list that people see."""

from __future__ import annotations

import errno
import io
import os
import struct
import sys
import tracemalloc
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from random import Random
from typing import Any

import pytest

from lib_embeddings import scan
from lib_embeddings.entries import read as read_module
from lib_embeddings.entries.entry import Entry, Found
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.read import read_file
from lib_embeddings.formats.containers import FileBytes, read_contents
from lib_embeddings.formats.embedding import Contents
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.library.file_reader import Progress
from lib_embeddings.library.library import Library
from lib_embeddings.stores.index import Index
from lib_embeddings.views.view import View
from tests.builders import (
    Global,
    Member,
    pickle_of,
    png,
    png_text,
    safetensors_file,
    storage_id,
    tensor,
    torch_legacy,
    torch_zip,
    vectors,
    zip_file,
)

GOOD = safetensors_file()
FIRST = safetensors_file({"<cat>": vectors(2)})
SECOND = safetensors_file({"<cat>": vectors(2, 1280)})
LORA = safetensors_file({"lora_unet_mid_block.lora_up.weight": vectors(4, 320)})

needs_byte_names = pytest.mark.skipif(
    sys.platform in ("darwin", "win32"), reason="this system has no file names but text"
)
needs_no_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is denied to this user"
)


def fill(folder: Path, *paths: str, data: bytes = GOOD) -> Path:
    """Write the same file at each of these paths in a folder; return the folder."""
    for path in paths:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return folder


def states(view: View) -> dict[str, str]:
    """Return the state of each entry by its path."""
    return {seen.entry.place.path: seen.state for seen in view}


def reasons(view: View) -> dict[str, str | None]:
    """Return the reason of each entry by its path."""
    return {seen.entry.place.path: seen.reason for seen in view}


class Recorder:
    """A reader that notes the paths it is asked for."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def __call__(self, found: Found) -> Entry:
        self.paths.append(found.place.path)
        return read_file(found)


def scan_with(read: Callable[[Found], Entry], folder: Path) -> View:
    """Scan a folder with another reader of files."""
    library = Library([folder], Index.nowhere(), read=read)
    library.rescan()
    return library.view


# Which files are looked at


@pytest.mark.parametrize(
    "path",
    ["a.safetensors", "a.pt", "a.bin", "a.pth", "a.ckpt", "a.pkl", "a.PT", "a.SafeTensors"],
)
def test_suffixes_of_embeddings(tmp_path: Path, path: str) -> None:
    """A file's suffix only says that it may be an embedding; its bytes say what it is."""
    assert states(scan([fill(tmp_path, path)])) == {path: "ok"}


@pytest.mark.parametrize(
    "path",
    [
        "Place Textual Inversion embeddings here.txt",
        "a.pt.optim",
        "a.pt.part",
        "a.safetensors.crdownload",
        "a.pt.tmp",
        "a.bin.download",
        "a.pt~",
        "5b.incomplete",
        "a.civitai.info",
        "a.pt.bak",
        "a.pt.lock",
        "a.json",
        "a.jpg",
        "a.txt",
        "Thumbs.db",
        "blobs/" + "5b" * 20,
        "blobs/" + "5b" * 32,
        ".hidden.pt",
        ".pt",
        "._a.pt",
        ".git/a.pt",
    ],
)
def test_other_files_are_passed_by(tmp_path: Path, path: str) -> None:
    """Hidden files, half downloads and files of other suffixes are neither listed nor opened."""
    read = Recorder()
    assert len(scan_with(read, fill(tmp_path, path))) == 0
    assert read.paths == []


@pytest.mark.parametrize(
    ("path", "better"),
    [
        ("20068", "20068.safetensors"),
        ("v1.5", "v1.5.safetensors"),
        ("20068?type=Model&format=a.b", "20068.safetensors"),
        ("a.", "a.safetensors"),
        ("a.safetensors?download=true", "a.safetensors"),
        ("a.bin_download=true", "a.safetensors"),
        ("a.safetensors.1", "a.safetensors"),
        ("a.SafeTensors (1)", "a.SafeTensors"),
        ("a.safetensors.txt", "a.safetensors"),
        ("a.pti", "a.safetensors"),
        ("sub/a.b.zip", "a.b.safetensors"),
        ("a.7z", "a.safetensors"),
        ("a.v2", "a.v2.safetensors"),
    ],
)
def test_an_embedding_with_a_wrong_ending_is_listed(tmp_path: Path, path: str, better: str) -> None:
    """It is not used, and the reason says what the file should be called."""
    (seen,) = scan([fill(tmp_path, path)])
    reason = f"this is an embedding with the wrong ending in its file name: rename it to {better}"
    assert (seen.entry.place.path, seen.state, seen.reason) == (path, "broken", reason)
    assert seen.entry.place.beside(better).suffix == ".safetensors"


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"<html>" * 1000, "this is a web page"), (GOOD[:-1], "cut short"), (torch_zip()[:-99], "")],
    ids=["web page", "cut", "cut torch file"],
)
def test_a_download_that_went_wrong_is_listed(tmp_path: Path, data: bytes, reason: str) -> None:
    """Its name says that it was to be an embedding, though something was added to it."""
    (seen,) = scan([fill(tmp_path, "a.safetensors.1", data=data)])
    assert (seen.state, reason in (seen.reason or "")) == ("broken", True)


@pytest.mark.parametrize(
    ("path", "better"), [("a", "a.pt"), ("a.zip", "a.pt"), ("a.bin.1", "a.bin")]
)
def test_a_torch_file_gets_an_ending_of_its_own(tmp_path: Path, path: str, better: str) -> None:
    """Browsers save torch's files as the zip archives that they are."""
    (seen,) = scan([fill(tmp_path, path, data=torch_zip())])
    assert (seen.reason or "").endswith(f": rename it to {better}")


def test_an_archive_with_an_embedding_is_listed(tmp_path: Path) -> None:
    """It has to be unpacked; an archive of other things is nobody's concern."""
    fill(tmp_path, "a.zip", data=zip_file([Member("cat.safetensors", bytes(2000))]))
    fill(tmp_path, "b.zip", data=zip_file([Member("cat.jpg", bytes(2000))]))
    (seen,) = scan([tmp_path])
    reason = "this is a zip archive (cat.safetensors): unpack it"
    assert (seen.name, seen.state, seen.reason) == ("a", "broken", reason)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"text " * 1000, id="text"),
        pytest.param(b"<html>" * 1000, id="web page"),
        pytest.param(b"\0" * 5000, id="zeros"),
        pytest.param(GOOD[:-1], id="cut"),
        pytest.param(pickle_of({"a": "b" * 2000}), id="pickle"),
        pytest.param(pickle_of([Global("os", "system"), "b" * 2000]), id="another's pickle"),
        pytest.param(png() + bytes(2000), id="picture"),
    ],
)
def test_what_is_no_embedding_has_any_name(tmp_path: Path, data: bytes) -> None:
    """Other files in the folder are not listed, and are not opened again."""
    fill(tmp_path, "a", "b.dat", data=data)
    read = Recorder()
    with Index.open(str(tmp_path / ".index")) as index:
        library = Library([tmp_path], index, read=read)
        for _ in range(2):
            library.rescan()
            assert len(library.view) == 0
    assert sorted(map(os.path.basename, read.paths)) == ["a", "b.dat"]


@pytest.mark.parametrize(
    ("path", "data", "reason"),
    [
        ("a.safetensors.1", GOOD[:-1], "cut short: "),
        ("a.safetensors.1", b"", "this file is empty"),
        ("a.pt (1)", b"<html>" * 1000, "this is a web page"),
        ("a.bin.2", b"version https://git-lfs.github.com/spec/v1\n", "this is a git-lfs pointer"),
        ("a.safetensors?download=true", b"Entry not found", "this is not the file, but what the"),
        (
            "a.safetensors.txt",
            b'{"error":"Denied","message":"' + b"x" * 2000 + b'"}',
            "this is not the file, but what the site answered",
        ),
    ],
)
def test_what_was_to_be_an_embedding_is_listed(
    tmp_path: Path, path: str, data: bytes, reason: str
) -> None:
    """A file whose name had the ending of one before a download added something is broken."""
    (seen,) = scan([fill(tmp_path, path, data=data)])
    assert (seen.state, (seen.reason or "")[: len(reason)]) == ("broken", reason)


@pytest.mark.parametrize("data", [b"notes on a", b"text " * 1000, png()])
def test_what_lies_beside_an_embedding_is_not_listed(tmp_path: Path, data: bytes) -> None:
    """A sound file of something else is passed by, though it is called after an embedding."""
    assert len(scan([fill(tmp_path, "a.safetensors.txt", "a.pt.thumb", data=data)])) == 0


def test_code_is_unsafe_where_the_name_was_that_of_an_embedding(tmp_path: Path) -> None:
    """A pickle that asks for code is listed when it was to be an embedding."""
    data = pickle_of([Global("os", "system"), "b" * 2000])
    assert states(scan([fill(tmp_path, "a.pt.1", data=data)])) == {"a.pt.1": "unsafe"}


def test_little_is_read_of_what_may_be_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first bytes decide about a file of another ending; a large or tiny one stays closed."""
    sizes = list[int]()

    def note(file: FileBytes) -> Contents:
        sizes.append(len(file.head))
        return read_contents(file)

    monkeypatch.setattr(read_module, "read_contents", note)
    for name, size in (("a", 300_000), ("b", 16 * 1024 * 1024 + 1), ("c", 1023)):
        fill(tmp_path, name, data=b"text" + bytes(size - 4))
    assert len(scan([tmp_path])) == 0
    assert sizes == [1024]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
def test_a_special_file_of_any_name_is_passed_by(tmp_path: Path) -> None:
    """A pipe or socket that is not called like an embedding is none."""
    os.mkfifo(tmp_path / "pipe")
    assert len(scan([tmp_path])) == 0


def test_a_folder_named_like_a_file(tmp_path: Path) -> None:
    """A folder is looked into, whatever it is called."""
    assert states(scan([fill(tmp_path, "old.pt/a.pt")])) == {"old.pt/a.pt": "ok"}


def test_an_empty_folder(tmp_path: Path) -> None:
    """An empty folder has no entries, and every count is zero."""
    view = scan([tmp_path], model="sd1")
    assert len(view) == 0
    assert set(view.counts.values()) == {0}


def test_entries_are_sorted_by_path(tmp_path: Path) -> None:
    """Root by root, entries come in the order of their paths; so does a pair that was joined."""
    for root in ("one", "two"):
        fill(tmp_path / root, "z.pt", "b/a.pt", "a.pt", "M.pt")
        fill(tmp_path / root, "learned_embeds.bin", data=FIRST)
        fill(tmp_path / root, "learned_embeds_2.bin", data=SECOND)
    paths = ["M.pt", "a.pt", "b/a.pt", "learned_embeds.bin", "z.pt"]
    view = scan([tmp_path / "two", tmp_path / "one"])
    assert [seen.entry.place.path for seen in view] == paths * 2


def test_an_entry_says_where_it_is(tmp_path: Path) -> None:
    """An entry has its root, its path with slashes, its name, size and time."""
    file = fill(tmp_path, "sub/cat.pt") / "sub" / "cat.pt"
    os.utime(file, ns=(0, 1_234_567_890_123_456_789))
    (seen,) = scan([tmp_path])
    entry = seen.entry
    assert entry.place == Place(str(tmp_path), "sub/cat.pt", str(file))
    assert (seen.name, entry.size, entry.mtime_ns) == (
        *("cat", len(GOOD), 1_234_567_890_123_456_789),
    )


def test_a_model_is_named_or_given(tmp_path: Path) -> None:
    """A model family is given by its key or as it is; another word is an error."""
    fill(tmp_path, "cat.pt")
    assert [entry.fit for entry in scan([tmp_path], "sdxl")] == ["partial"]
    assert [entry.fit for entry in scan([tmp_path], MODEL_FAMILIES["sd1"])] == ["usable"]
    with pytest.raises(ValueError, match=r"expected one of sd1, sd2, .*, found 'sd9'"):
        scan([tmp_path], "sd9")


def test_a_change_of_model_opens_no_file(tmp_path: Path) -> None:
    """Fits are a view: they can be had when the files are long gone."""
    library = Library([fill(tmp_path, "cat.pt")], Index.nowhere())
    library.rescan()
    (tmp_path / "cat.pt").unlink()
    kinds = []
    for family in MODEL_FAMILIES.values():
        library.set_model(family)
        kinds += [seen.fit for seen in library.view]
    assert kinds == [
        "usable", "incompatible", "partial", "incompatible", "partial", "partial",
    ]  # fmt: skip


def test_progress_sees_every_file(tmp_path: Path) -> None:
    """After each file that was read it is known how many there are in all."""
    folder, told = fill(tmp_path, "a.pt", "b.pt"), list[Progress]()
    Library([folder], Index.nowhere(), on_progress=lambda *numbers: told.append(numbers)).rescan()
    assert told == [(1, 2), (2, 2)]


# Pictures


def test_previews_are_not_opened(tmp_path: Path) -> None:
    """A picture beside an embedding of its name shows it, and is never read."""
    fill(tmp_path, "cat.pt", "Dog.safetensors")
    previews = ("cat.png", "CAT.webp", "cat.preview.png", "dog.avif", "bird.preview.png")
    fill(tmp_path, *previews, data=png_text())
    read = Recorder()
    view = scan_with(read, tmp_path)
    assert sorted(read.paths) == ["Dog.safetensors", "cat.pt"]
    assert list(states(view)) == ["Dog.safetensors", "cat.pt"]


def test_a_preview_that_cannot_be_read(tmp_path: Path) -> None:
    """A preview that leads nowhere is no problem of the embedding."""
    fill(tmp_path, "cat.pt")
    (tmp_path / "cat.png").symlink_to("nowhere.png")
    assert states(scan([tmp_path])) == {"cat.pt": "ok"}


def test_a_preview_of_another_folder_is_an_embedding(tmp_path: Path) -> None:
    """Only what lies beside an embedding shows it."""
    fill(tmp_path, "sub/cat.pt")
    fill(tmp_path, "cat.png", data=png_text())
    assert states(scan([tmp_path])) == {"cat.png": "ok", "sub/cat.pt": "duplicate"}


def test_ordinary_pictures_are_not_listed(tmp_path: Path) -> None:
    """A picture with no embedding in it is left out; a damaged one is mentioned."""
    fill(tmp_path, "holiday.png", data=png())
    fill(tmp_path, "really-a.png", data=b"\xff\xd8\xff\xe0 a JPEG")
    fill(tmp_path, "cut.png", data=png()[:40])
    assert states(scan([tmp_path])) == {"cut.png": "broken"}


def test_a_picture_under_a_wrong_name_is_listed(tmp_path: Path) -> None:
    """A picture that has an embedding's ending is listed, with what it is."""
    fill(tmp_path, "cat.pt", data=png())
    assert reasons(scan([tmp_path])) == {"cat.pt": "this is a PNG picture with no embedding in it"}


# Names


def shuffled(seed: int) -> Callable[[str], AbstractContextManager[list[os.DirEntry[str]]]]:
    """Return an `os.scandir` that lists folders in another order."""
    scandir, random = os.scandir, Random(seed)

    def list_folder(folder: str) -> AbstractContextManager[list[os.DirEntry[str]]]:
        with scandir(folder) as listing:
            items = list(listing)
        random.shuffle(items)
        return nullcontext(items)

    return list_folder


def test_the_order_of_a_folder_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entries are the same in any order of files, links and twins."""
    fill(tmp_path, "a/cat.pt", "b/cat.pt", "c/d/Cat.safetensors", "dog.bin", "dog.pt", "DOG.pt")
    fill(tmp_path, "c/learned_embeds.bin", data=FIRST)
    fill(tmp_path, "c/learned_embeds_2.bin", data=SECOND)
    (tmp_path / "link").symlink_to("b", target_is_directory=True)
    (tmp_path / "another").symlink_to("c/d", target_is_directory=True)
    expected = scan([tmp_path]).entries
    for seed in range(100):
        with monkeypatch.context() as patch:
            patch.setattr(os, "scandir", shuffled(seed))
            assert scan([tmp_path]).entries == expected


@pytest.mark.parametrize("path", ["   .pt", " .safetensors", "\u3000.bin"])
def test_blank_names(tmp_path: Path, path: str) -> None:
    """A name of nothing but spaces cannot be typed."""
    (seen,) = scan([fill(tmp_path, path)])
    assert seen.state == "broken"
    assert "rename it" in (seen.reason or "")


@needs_byte_names
def test_names_that_are_no_text(tmp_path: Path) -> None:
    """A name that is no UTF-8 is an entry with a reason, and is not opened."""
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.pt")).write_bytes(GOOD)
    read = Recorder()
    seen, _ = scan_with(read, fill(tmp_path, "cat.pt"))
    assert (seen.entry.place.path, seen.name, seen.state) == (
        *("caf\\udce9.pt", "caf\\udce9", "broken"),
    )
    assert seen.reason == "its name is not UTF-8 text and cannot be typed: rename it"
    assert read.paths == ["cat.pt"]


@needs_byte_names
def test_a_folder_whose_name_is_no_text(tmp_path: Path) -> None:
    """Files below a folder whose name is no UTF-8 have a reason too; a root may be called so."""
    root = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    fill(Path(root), "cat.pt")
    assert states(scan([tmp_path])) == {"caf\\udce9/cat.pt": "broken"}
    assert states(scan([root])) == {"cat.pt": "ok"}


# Pairs


@pytest.mark.parametrize("steps", ["", "-steps-500"])
def test_a_pair_is_one_embedding(tmp_path: Path, steps: str) -> None:
    """The two files of an SDXL training by diffusers are one entry for both text encoders."""
    fill(tmp_path, f"birb/learned_embeds{steps}.safetensors", data=FIRST)
    fill(tmp_path, f"birb/learned_embeds_2{steps}.safetensors", data=SECOND)
    (seen,) = scan([tmp_path], model="sdxl")
    entry = seen.entry
    assert (entry.place.path, seen.fit) == (f"birb/learned_embeds{steps}.safetensors", "usable")
    assert {key: info.n_vectors for key, info in entry.reading.vectors.items()} == {
        "clip_l": 2,
        "clip_g": 2,
    }
    assert entry.reading.layout == "learned_embeds_pair"
    assert entry.size == len(FIRST) + len(SECOND)


def test_a_pair_that_was_renamed(tmp_path: Path) -> None:
    """The two files are a pair under any name; without the second's ending they are two."""
    fill(tmp_path, "birb.pt", "fish.pt", data=FIRST)
    fill(tmp_path, "birb_2.pt", "fish2.pt", data=SECOND)
    entries = [seen.entry for seen in scan([tmp_path])]
    assert {entry.place.path: list(entry.reading.vectors) for entry in entries} == {
        "birb.pt": ["clip_l", "clip_g"],
        "fish.pt": ["clip_l"],
        "fish2.pt": ["clip_g"],
    }


def test_a_pair_of_unequal_counts(tmp_path: Path) -> None:
    """Halves with different numbers of vectors are joined, with the warning of such files."""
    fill(tmp_path, "learned_embeds.bin", data=FIRST)
    second = safetensors_file({"<cat>": vectors(3, 1280)})
    fill(tmp_path, "learned_embeds_2.bin", data=second)
    (seen,) = scan([tmp_path])
    assert "holds different numbers of vectors: clip_l 2, clip_g 3" in seen.entry.warnings


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(FIRST, FIRST, id="twice the same"),
        pytest.param(FIRST, GOOD[:-1], id="second is broken"),
        pytest.param(SECOND, FIRST, id="swapped"),
        pytest.param(LORA, SECOND, id="first is a LoRA"),
    ],
)
def test_what_is_no_pair_stays_two(tmp_path: Path, first: bytes, second: bytes) -> None:
    """Two files that are not the halves of one embedding are two entries."""
    fill(tmp_path, "learned_embeds.bin", data=first)
    fill(tmp_path, "learned_embeds_2.bin", data=second)
    assert list(states(scan([tmp_path]))) == ["learned_embeds.bin", "learned_embeds_2.bin"]


def test_halves_in_two_folders_are_no_pair(tmp_path: Path) -> None:
    """A pair lies in one folder."""
    fill(tmp_path, "a/learned_embeds.bin", data=FIRST)
    fill(tmp_path, "b/learned_embeds_2.bin", data=SECOND)
    assert len(scan([tmp_path])) == 2


# Links and roots


def test_link_loops_end(tmp_path: Path) -> None:
    """A folder that is linked into itself is looked into once."""
    fill(tmp_path, "sub/cat.pt")
    (tmp_path / "sub" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self").symlink_to("self")
    assert states(scan([tmp_path])) == {"self": "broken", "sub/cat.pt": "ok"}


def test_linked_folders_count_once(tmp_path: Path) -> None:
    """A folder with many links to it gives its entries once, by their own path."""
    fill(tmp_path, "real/cat.pt")
    for link in ("a", "z"):
        (tmp_path / link).symlink_to("real", target_is_directory=True)
    assert states(scan([tmp_path])) == {"real/cat.pt": "ok"}


def test_links_lead_outside(tmp_path: Path) -> None:
    """Linked files and folders elsewhere are followed."""
    fill(tmp_path / "elsewhere", "cat.pt", "sub/dog.pt")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "cat.pt").symlink_to(tmp_path / "elsewhere" / "cat.pt")
    (tmp_path / "root" / "sub").symlink_to(tmp_path / "elsewhere" / "sub")
    assert states(scan([tmp_path / "root"])) == {"cat.pt": "ok", "sub/dog.pt": "ok"}


def test_links_that_lead_nowhere(tmp_path: Path) -> None:
    """A link to nothing, and one to itself, are entries with a reason."""
    (tmp_path / "gone.pt").symlink_to("nowhere.pt")
    (tmp_path / "self.pt").symlink_to("self.pt")
    assert reasons(scan([tmp_path])) == {
        "gone.pt": (
            "this link leads to a file or folder that does not exist: delete or fix the link"
        ),
        "self.pt": f"this file cannot be read: {os.strerror(errno.ELOOP)}",
    }


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    """A pipe under an embedding's name is said to be one, and does not block."""
    os.mkfifo(tmp_path / "cat.pt")
    assert reasons(scan([tmp_path])) == {
        "cat.pt": "this is a pipe, a socket or a device, not a file"
    }


def test_roots_inside_each_other(tmp_path: Path) -> None:
    """A folder that is in two roots, or given twice, is counted with the first."""
    fill(tmp_path, "cat.pt", "sub/dog.pt")
    view = scan([tmp_path / "sub", tmp_path, tmp_path])
    assert [(seen.entry.place.root, seen.entry.place.path) for seen in view] == [
        (str(tmp_path / "sub"), "dog.pt"),
        (str(tmp_path), "cat.pt"),
    ]


def test_one_root(tmp_path: Path) -> None:
    """A folder needs no list around it, and is not taken for a list of letters."""
    fill(tmp_path, "cat.pt")
    for root in (tmp_path, str(tmp_path)):
        assert [found.name for found in scan(root)] == ["cat"]


@pytest.mark.parametrize("root", ["missing", "cat.pt"])
def test_a_root_that_is_no_folder(tmp_path: Path, root: str) -> None:
    """A root that is missing, or a file, is named."""
    fill(tmp_path, "cat.pt")
    with pytest.raises(NotADirectoryError, match=root):
        scan([tmp_path, tmp_path / root])


# What the disk does


def deny(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Let opening a file or listing a folder fail, as for a user without the right to."""
    scandir = os.scandir

    def list_folder(folder: str) -> object:
        if folder == str(path):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    def open_file(name: str, *arguments: Any, **options: Any) -> object:
        if name == str(path):
            raise PermissionError(13, "Permission denied")
        return open(name, *arguments, **options)

    monkeypatch.setattr(os, "scandir", list_folder)
    monkeypatch.setattr(read_module, "open", open_file, raising=False)


@pytest.mark.parametrize(
    ("path", "denied", "reason"),
    [
        ("no.pt", "no.pt", "this file cannot be read: Permission denied"),
        ("no/dog.pt", "no", "this folder cannot be read: Permission denied"),
    ],
)
def test_what_may_not_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, denied: str, reason: str
) -> None:
    """An unreadable file or folder is an entry with the reason, and the scan goes on."""
    fill(tmp_path, "cat.pt", path)
    deny(monkeypatch, tmp_path / denied)
    assert reasons(scan([tmp_path], model="sd1")) == {"cat.pt": None, denied: reason}


def test_a_root_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unreadable root has an entry that a person can see."""
    deny(monkeypatch, tmp_path)
    (seen,) = scan([tmp_path])
    assert seen.reason == "this folder cannot be read: Permission denied"
    assert seen.name == tmp_path.name


@needs_no_root
@pytest.mark.parametrize("denied", ["no.pt", "no"])
def test_what_is_really_denied(tmp_path: Path, denied: str) -> None:
    """The file system's own refusal is reported in its words."""
    fill(tmp_path, "cat.pt", denied if denied.endswith(".pt") else f"{denied}/dog.pt")
    (tmp_path / denied).chmod(0)
    try:
        assert "Permission denied" in (reasons(scan([tmp_path]))[denied] or "")
    finally:
        (tmp_path / denied).chmod(0o700)


def test_a_file_that_vanishes(tmp_path: Path) -> None:
    """A file that is gone when its turn comes is an entry with the reason."""

    def read(found: Found) -> Entry:
        if found.place.name == "b":
            (tmp_path / "b.pt").unlink()
        return read_file(found)

    view = scan_with(read, fill(tmp_path, "a.pt", "b.pt", "c.pt"))
    assert {seen.name: seen.entry.reading.reason for seen in view} == {
        "a": None,
        "b": "this file was deleted while it was being read",
        "c": None,
    }


# Size


def test_ten_thousand_files_take_little_memory(tmp_path: Path) -> None:
    """Entries of 10,000 files keep less than 30 MB, and reading them never takes more."""
    fill(tmp_path, "first.pt")
    for folder in range(20):
        (tmp_path / f"folder {folder}").mkdir()
        for number in range(500):
            name = f"embedding {folder} {number}.pt"
            os.link(tmp_path / "first.pt", tmp_path / f"folder {folder}" / name)
    tracemalloc.start()
    view = scan([tmp_path], model="sd1")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert view.counts["usable"] == 10_001
    assert peak < 30_000_000


HUGE = 2**32
WEIGHT = "model.diffusion_model.out.weight"


def huge_safetensors(file: io.BufferedWriter) -> None:
    """Write a checkpoint of one tensor of 4 GiB."""
    row = {"shape": [HUGE // 4], "data_offsets": [0, HUGE]}
    head = safetensors_file({WEIGHT: vectors(0)}, row=row)
    file.write(head)
    file.truncate(len(head) + HUGE)


def checkpoint(rest: tuple[object, ...] = ()) -> bytes:
    """Return the pickle of a checkpoint of one tensor of 4 GiB."""
    weight = tensor(storage_id(HUGE // 4, rest=rest), (HUGE // 4,), (1,))
    return pickle_of({"state_dict": {WEIGHT: weight}})


def huge_torch_zip(file: io.BufferedWriter) -> None:
    """Write the same as torch does now: the archive's directory comes after the storage."""
    pickle = Member("archive/data.pkl", checkpoint())
    storage = Member("archive/data/0", b"", zip64=True, size=HUGE, stored_size=HUGE)
    offset = len(pickle.local())
    end = offset + len(storage.local()) + HUGE
    records = pickle.record(0) + storage.record(offset)
    file.write(pickle.local() + storage.local())
    file.seek(end)
    file.write(
        zip_file(
            [], directory=records, offset=end, count=2, zip64=True, zip64_offset=end + len(records)
        )
    )  # fmt: skip


def huge_torch_legacy(file: io.BufferedWriter) -> None:
    """Write the same as torch did before: the storage comes last."""
    head = torch_legacy(checkpoint((None,)), {}, keys=["0"]) + struct.pack("<q", HUGE // 4)
    file.write(head)
    file.truncate(len(head) + HUGE)


class CountingFile(io.FileIO):
    """A file that counts what is read of any of its kind."""

    n_bytes = 0
    n_reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        CountingFile.n_bytes += len(data)
        CountingFile.n_reads += 1
        return data


@pytest.mark.parametrize(
    ("write", "n_bytes"),
    [
        pytest.param(huge_safetensors, 300_000, id="safetensors"),
        pytest.param(huge_torch_zip, 600_000, id="torch zip"),
        pytest.param(huge_torch_legacy, 9_000_000, id="torch legacy"),
    ],
)
@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".ckpt"])
def test_a_checkpoint_of_4_gb_costs_its_header(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[io.BufferedWriter], None],
    n_bytes: int,
    suffix: str,
) -> None:
    """Only the header of a huge file is read, whatever its name."""
    with (tmp_path / f"model{suffix}").open("wb") as file:
        write(file)

    def open_file(path: str, mode: str, buffering: int, **_: object) -> CountingFile:
        assert (mode, buffering) == ("rb", 0)
        return CountingFile(path, mode)

    monkeypatch.setattr(read_module, "open", open_file, raising=False)
    CountingFile.n_bytes = CountingFile.n_reads = 0
    (seen,) = scan([tmp_path])
    sentence = "this is a checkpoint (1 tensor); it belongs in models/Stable-diffusion"
    assert (seen.state, seen.reason) == ("foreign", sentence)
    assert seen.entry.size > HUGE
    assert 0 < CountingFile.n_bytes < n_bytes
    assert CountingFile.n_reads < 8


def test_every_container_is_scanned(tmp_path: Path) -> None:
    """One folder with every way of holding tensors: each names its container."""
    fill(tmp_path, "a.pt", data=torch_zip())
    fill(tmp_path, "b.bin", data=torch_legacy())
    fill(tmp_path, "c.safetensors")
    fill(tmp_path, "d.png", data=png_text())
    containers = [seen.entry.reading.container for seen in scan([tmp_path])]
    assert containers == ["torch-zip", "torch-legacy", "safetensors", "png-text"]
