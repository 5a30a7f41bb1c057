"""Renaming an embedding: all that is named after it moves, or nothing does."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from lib_embeddings import scan
from lib_embeddings.entries import writing
from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.plans import Plan, plan_rename
from lib_embeddings.entries.writing import carry_out
from lib_embeddings.errors import BadName, MoveError
from tests.builders import safetensors_file, vectors

SD1 = safetensors_file()
FIRST = safetensors_file({"<cat>": vectors(2)})
SECOND = safetensors_file({"<cat>": vectors(2, 1280)})
FIRST_AND_SECOND = safetensors_file({"clip_l": vectors(), "clip_g": vectors(1, 1280)})


def fill(folder: Path, *paths: str, data: bytes = SD1) -> None:
    """Write files; what is no embedding holds its own path."""
    for path in paths:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data if path.endswith((".pt", ".safetensors", ".bin")) else path.encode())


def entry_of(folder: Path, path: str) -> Entry:
    """Return the entry that a scan finds at a path."""
    return next(entry for entry in entries_in(folder) if entry.place.path == path)


def entries_in(folder: Path) -> list[Entry]:
    """Return all entries that a scan finds."""
    return [seen.entry for seen in scan([folder])]


def contents(folder: Path) -> dict[str, bytes]:
    """Return what every file in a folder holds."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def rename(entry: Entry, name: str, others: Iterable[Entry] = ()) -> Plan:
    """Rename an embedding, and return what moved."""
    plan = plan_rename(entry, name, others)
    carry_out(plan.moves)
    return plan


# What moves


def test_all_that_is_named_after_it_moves(tmp_path: Path) -> None:
    """Pictures, notes and sidecars of every kind go with the file, which comes last."""
    endings = (
        *(".png", ".preview.png", ".PREVIEW.jpeg", ".txt", ".description.txt", ".json"),
        *(".civitai.info", ".metadata.json", ".yaml", ".pt.optim"),
    )
    fill(tmp_path, "sub/cat.pt", *(f"sub/cat{ending}" for ending in endings))
    fill(tmp_path, "sub/cats.json", "sub/my cat.json", "cat.json")
    before = contents(tmp_path)
    moves = rename(entry_of(tmp_path, "sub/cat.pt"), "dog").moves
    assert [place.path for place in moves[-1]] == ["sub/cat.pt", "sub/dog.pt"]
    assert contents(tmp_path) == {
        path.replace("sub/cat.", "sub/dog."): data for path, data in before.items()
    }


def test_letter_case_of_endings_and_names_is_kept(tmp_path: Path) -> None:
    """A picture in other letters belongs to the file too, and keeps its ending's letters."""
    fill(tmp_path, "Cat.PT", "cat.Preview.PNG")
    (tmp_path / "Cat.PT").write_bytes(SD1)
    rename(entry_of(tmp_path, "Cat.PT"), "dog")
    assert sorted(os.listdir(tmp_path)) == ["dog.PT", "dog.Preview.PNG"]


def test_what_another_embedding_owns_stays(tmp_path: Path) -> None:
    """A twin keeps the pictures of its name, and so does an embedding with a longer name."""
    fill(tmp_path, "cat.pt", "cat.v2.pt", "cat.v2.png", "cat.v2.json", "cat.png")
    rename(entry_of(tmp_path, "cat.pt"), "dog")
    assert sorted(os.listdir(tmp_path)) == [
        *("cat.v2.json", "cat.v2.png", "cat.v2.pt"),
        *("dog.png", "dog.pt"),
    ]
    fill(tmp_path, "dog.safetensors")
    rename(entry_of(tmp_path, "dog.pt"), "cow")
    assert {"cow.pt", "dog.png", "dog.safetensors"} <= set(os.listdir(tmp_path))
    assert "cow.png" not in os.listdir(tmp_path)


def test_both_files_of_a_pair_move_and_stay_a_pair(tmp_path: Path) -> None:
    """An SDXL training by diffusers is one embedding before and afterwards, however often."""
    fill(tmp_path, "birb/learned_embeds.bin", data=FIRST)
    fill(tmp_path, "birb/learned_embeds_2.bin", data=SECOND)
    for old, new in (("learned_embeds", "birb"), ("birb", "learned_embeds-birb")):
        rename(entry_of(tmp_path, f"birb/{old}.bin"), new)
        (entry,) = scan([tmp_path], "sdxl")
        assert (entry.name, entry.fit) == (new, "usable")
    assert sorted(os.listdir(tmp_path / "birb")) == [
        "learned_embeds-birb.bin",
        "learned_embeds_2-birb.bin",
    ]
    with pytest.raises(BadName, match="second file"):
        rename(entry_of(tmp_path, "birb/learned_embeds-birb.bin"), "learned_embeds_2")


def test_a_link_is_renamed_itself(tmp_path: Path) -> None:
    """The target of a link keeps its name, and the link still leads to it."""
    fill(tmp_path, "elsewhere/cat.pt")
    root = tmp_path / "root"
    root.mkdir()
    (root / "cat.pt").symlink_to("../elsewhere/cat.pt")
    (root / "cat.png").symlink_to("nowhere")
    rename(entry_of(root, "cat.pt"), "dog")
    assert os.readlink(root / "dog.pt") == "../elsewhere/cat.pt"
    assert os.readlink(root / "dog.png") == "nowhere"
    assert os.listdir(tmp_path / "elsewhere") == ["cat.pt"]


@pytest.mark.parametrize("path", ["20068", "cat.safetensors.1", "cat.pti", "cat.safetensors.txt"])
def test_a_misnamed_embedding_gets_its_ending(tmp_path: Path, path: str) -> None:
    """One that was saved with a wrong ending is renamed to what it is."""
    picture = f"{os.path.splitext(path)[0]}.png"
    fill(tmp_path, path, picture)
    (tmp_path / path).write_bytes(SD1)
    assert rename(entry_of(tmp_path, path), "dog").after.path == "dog.safetensors"
    assert sorted(os.listdir(tmp_path)) == ["dog.png", "dog.safetensors"]


def test_a_name_that_is_no_text_can_be_mended(tmp_path: Path) -> None:
    """A file that is listed in other letters than it has is found."""
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.pt")).write_bytes(SD1)
    except OSError:
        pytest.skip("this file system takes text only")
    rename(entry_of(tmp_path, "caf\\udce9.pt"), "café")
    assert os.listdir(tmp_path) == ["café.pt"]


def test_the_new_id_is_the_next_scans(tmp_path: Path) -> None:
    """The id that is promised is the one the file then has, in a folder too."""
    fill(tmp_path, "a/cat.pt", "dog.pt")
    for path, new_path in (("a/cat.pt", "a/cow.pt"), ("dog.pt", "cow.pt")):
        place = rename(entry_of(tmp_path, path), "cow").after
        assert entry_of(tmp_path, new_path).place == place


def test_a_plan_moves_nothing(tmp_path: Path) -> None:
    """A plan lists the moves before any is made."""
    fill(tmp_path, "cat.pt", "cat.png")
    moves = plan_rename(entry_of(tmp_path, "cat.pt"), "dog").moves
    assert [move.target.filename for move in moves] == ["dog.png", "dog.pt"]
    assert sorted(os.listdir(tmp_path)) == ["cat.png", "cat.pt"]


# What is in the way


@pytest.mark.parametrize("there", ["dog.pt", "DOG.pt", "dog.png", "dog.safetensors", "dog.PNG"])
def test_nothing_is_written_over(tmp_path: Path, there: str) -> None:
    """A file in the way of any target, or another embedding of the name, stops all moves."""
    fill(tmp_path, "cat.pt", "cat.png", "cat.json", there)
    before = contents(tmp_path)
    with pytest.raises(
        MoveError, match=f"^the name is already taken by {there}: choose another name$"
    ):
        rename(entry_of(tmp_path, "cat.pt"), "dog")
    assert contents(tmp_path) == before


def test_a_dangling_link_is_in_the_way_too(tmp_path: Path) -> None:
    """A name that leads nowhere is taken all the same."""
    fill(tmp_path, "cat.pt")
    (tmp_path / "dog.pt").symlink_to("nowhere")
    with pytest.raises(MoveError, match="the name is already taken"):
        rename(entry_of(tmp_path, "cat.pt"), "dog")
    assert os.readlink(tmp_path / "dog.pt") == "nowhere"


def test_names_that_some_disks_take_for_one(tmp_path: Path) -> None:
    """Composed and decomposed letters are one name; so are letters of another case."""
    fill(tmp_path, "cat.pt", "caf\u00e9.pt")
    with pytest.raises(MoveError, match="the name is already taken"):
        rename(entry_of(tmp_path, "cat.pt"), "CAFE\u0301")


def test_another_folder_may_not_have_the_name(tmp_path: Path) -> None:
    """Two embeddings of one name would be one too many; other files do not count."""
    fill(tmp_path, "cat.pt", "sub/Dog.pt")
    (tmp_path / "sub/cow.pt").write_bytes(b"<!DOCTYPE html>")
    others = entries_in(tmp_path)
    entry = entry_of(tmp_path, "cat.pt")
    with pytest.raises(
        MoveError, match=r"^the name is already taken by sub/Dog\.pt: choose another name$"
    ):
        rename(entry, "dog", others)
    rename(entry, "cow", others)
    assert (tmp_path / "cow.pt").exists()


def test_a_file_for_another_model_may_have_the_name(tmp_path: Path) -> None:
    """A name is a question for the model: only what serves the same models is in the way."""
    fill(tmp_path, "SD15/cat.pt")
    fill(tmp_path, "SDXL/dog.pt", data=FIRST_AND_SECOND)
    others = entries_in(tmp_path)
    rename(entry_of(tmp_path, "SD15/cat.pt"), "dog", others)
    assert contents(tmp_path).keys() == {"SD15/dog.pt", "SDXL/dog.pt"}


@pytest.mark.parametrize("new", ["CAT", "Cat"])
def test_letter_case_can_be_changed(tmp_path: Path, new: str) -> None:
    """The file itself is not in its own way."""
    fill(tmp_path, "cat.pt", "cat.png")
    rename(entry_of(tmp_path, "cat.pt"), new, entries_in(tmp_path))
    assert sorted(os.listdir(tmp_path)) == [f"{new}.png", f"{new}.pt"]


def test_the_same_name_again(tmp_path: Path) -> None:
    """A file that already has the name is told from another one."""
    fill(tmp_path, "cat.pt")
    with pytest.raises(MoveError, match=r"^cat\.pt already has this name"):
        rename(entry_of(tmp_path, "cat.pt"), "cat")


def test_two_files_that_would_become_one(tmp_path: Path) -> None:
    """Companions that differ in the letter case of the name alone cannot both move: none does."""
    fill(tmp_path, "cat.pt", "cat.png", "CAT.png")
    if len(os.listdir(tmp_path)) < 3:
        pytest.skip("letter case does not count on this disk")
    before = contents(tmp_path)
    with pytest.raises(MoveError, match=r"cannot be renamed to dog\.png: File exists"):
        rename(entry_of(tmp_path, "cat.pt"), "dog")
    assert contents(tmp_path) == before


@pytest.mark.parametrize("ending", ["", ".civitai.info"])
def test_the_longest_name(tmp_path: Path, ending: str) -> None:
    """255 bytes are counted with the longest ending, in bytes and not in letters."""
    fill(tmp_path, "cat.pt", *([f"cat{ending}"] if ending else []))
    most = 255 - len(ending or ".pt")
    name = "ä" * (most // 2) + "x" * (most % 2)
    entry = entry_of(tmp_path, "cat.pt")
    with pytest.raises(BadName, match="at most 255 bytes"):
        rename(entry, name + "x")
    assert (tmp_path / "cat.pt").exists()
    rename(entry, name)
    assert (tmp_path / f"{name}.pt").exists()


@pytest.mark.parametrize(
    "name",
    ["", "../dog", "a/b", "a\\b", "dog.", ".dog", " dog", "nul", "dog.png", "a\nb", "/etc/x"],
)
def test_names_that_no_file_should_have(tmp_path: Path, name: str) -> None:
    """No name leads to another folder, hides a file, or fails on another system."""
    fill(tmp_path, "cat.pt")
    with pytest.raises(BadName):
        rename(entry_of(tmp_path, "cat.pt"), name)
    assert os.listdir(tmp_path) == ["cat.pt"]


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    """An entry may be older than its folder."""
    fill(tmp_path, "sub/cat.pt")
    entry = entry_of(tmp_path, "sub/cat.pt")
    (tmp_path / "sub/cat.pt").unlink()
    with pytest.raises(MoveError, match=r"^cat\.pt no longer exists, or is a folder$"):
        rename(entry, "dog")
    (tmp_path / "sub").rmdir()
    with pytest.raises(MoveError, match="its folder cannot be read: No such file"):
        rename(entry, "dog")


def test_a_folder_is_left_alone(tmp_path: Path) -> None:
    """A folder that is listed because it cannot be read is not renamed."""
    fill(tmp_path, "cat.pt")
    (tmp_path / "sub.pt").mkdir()
    entry = entry_of(tmp_path, "cat.pt")
    with pytest.raises(MoveError, match=r"^sub\.pt no longer exists, or is a folder$"):
        rename(entry._replace(place=entry.place.beside("sub.pt")), "dog")


# When the disk refuses


def lacking(_source: str, _target: str) -> None:
    """Stand in for the system's call where there is none."""
    raise NotImplementedError


@pytest.fixture(params=["exclusive", "plain"])
def disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return whether the system has a call that renames and replaces nothing."""
    if request.param == "plain":
        monkeypatch.setattr(writing, "_rename_exclusively", lacking)
    return str(request.param)


@pytest.mark.usefixtures("disk")
def test_every_kind_of_disk(tmp_path: Path) -> None:
    """With or without the system's own call, files move and no other is overwritten."""
    fill(tmp_path, "cat.pt", "cat.png", "CAT.png")
    with pytest.raises(MoveError, match="File exists"):
        rename(entry_of(tmp_path, "cat.pt"), "dog")
    (tmp_path / "CAT.png").unlink()
    rename(entry_of(tmp_path, "cat.pt"), "Cat")
    rename(entry_of(tmp_path, "Cat.pt"), "dog")
    assert sorted(os.listdir(tmp_path)) == ["dog.png", "dog.pt"]


@pytest.mark.usefixtures("disk")
def test_a_file_never_has_two_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It moves in one step, so that a process that is killed leaves no second file behind."""
    fill(tmp_path, "cat.pt", "cat.png")
    entry = entry_of(tmp_path, "cat.pt")
    for step in ("link", "symlink", "unlink", "remove"):
        monkeypatch.setattr(os, step, pytest.fail)
    rename(entry, "dog")
    assert sorted(os.listdir(tmp_path)) == ["dog.png", "dog.pt"]


@pytest.mark.skipif(sys.platform not in {"linux", "darwin", "win32"}, reason="another system")
def test_the_system_renames_without_replacing(tmp_path: Path) -> None:
    """The call is there, and refuses a name that is taken."""
    fill(tmp_path, "cat.pt", "dog.pt")
    one, other = str(tmp_path / "cat.pt"), str(tmp_path / "dog.pt")
    with pytest.raises(FileExistsError):
        writing._rename_exclusively(one, other)
    os.remove(other)
    writing._rename_exclusively(one, other)
    with pytest.raises(FileNotFoundError):
        writing._rename_exclusively(one, other)


@pytest.mark.parametrize("there", ["dog.pt", "dog.png"])
@pytest.mark.usefixtures("disk")
def test_a_file_that_comes_after_the_plan(tmp_path: Path, there: str) -> None:
    """A file that takes the new name at the last moment is not overwritten; nothing has moved."""
    fill(tmp_path, "cat.pt", "cat.png", "cat.json")
    entry = entry_of(tmp_path, "cat.pt")
    before = {**contents(tmp_path), there: b"another program's"}

    moves = plan_rename(entry, "dog").moves
    (tmp_path / there).write_bytes(b"another program's")
    with pytest.raises(MoveError, match=rf"cannot be renamed to {re.escape(there)}: "):
        carry_out(moves)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.EPERM])
def test_a_folder_that_may_not_be_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """The error says so and what to do, and nothing has moved."""
    fill(tmp_path, "cat.pt")

    def refuse(*_names: str) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(writing, "move_file", refuse)
    with pytest.raises(MoveError, match=r"may not write into its folder: allow that"):
        rename(entry_of(tmp_path, "cat.pt"), "dog")
    assert os.listdir(tmp_path) == ["cat.pt"]


@pytest.mark.usefixtures("disk")
def test_a_link_that_comes_after_the_plan(tmp_path: Path) -> None:
    """A link that leads nowhere is another file, too."""
    fill(tmp_path, "cat.pt")
    entry = entry_of(tmp_path, "cat.pt")

    moves = plan_rename(entry, "dog").moves
    (tmp_path / "dog.pt").symlink_to("nowhere")
    with pytest.raises(MoveError, match=r"cannot be renamed to dog\.pt: "):
        carry_out(moves)
    assert os.readlink(tmp_path / "dog.pt") == "nowhere"
    assert (tmp_path / "cat.pt").read_bytes() == SD1


@pytest.mark.parametrize("step", range(4))
def test_a_failure_in_the_middle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, disk: str, step: int
) -> None:
    """After a failure at any step every file is back where it was."""
    fill(tmp_path, "cat.pt", "cat.png", "cat.json", "cat.txt")
    entry, before = entry_of(tmp_path, "cat.pt"), contents(tmp_path)
    owner, operation = (os, "rename") if disk == "plain" else (writing, "_rename_exclusively")
    real: Callable[..., None] = getattr(owner, operation)
    calls = iter(range(1000))

    def fail_once(source: str, target: str) -> None:
        if next(calls) == step:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target)

    monkeypatch.setattr(owner, operation, fail_once)
    with pytest.raises(MoveError, match=r"cannot be renamed to dog.*: No space left on device$"):
        rename(entry, "dog")
    assert contents(tmp_path) == before


def test_what_cannot_be_moved_back_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails twice leaves a file at its new name; the sentence says which."""
    fill(tmp_path, "cat.pt", "cat.json")
    entry, moved = entry_of(tmp_path, "cat.pt"), list[str]()

    def move_once(source: Place, target: Place) -> None:
        if moved:
            raise OSError(errno.EIO, "Input/output error")
        moved.append(target)
        os.rename(source.full_path, target.full_path)

    monkeypatch.setattr(writing, "move_file", move_once)
    with pytest.raises(MoveError, match=r"error; could not be moved back: dog\.json$"):
        rename(entry, "dog")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_read_only_folder(tmp_path: Path) -> None:
    """A folder that may not be changed is refused in one sentence."""
    fill(tmp_path, "cat.pt")
    entry = entry_of(tmp_path, "cat.pt")
    tmp_path.chmod(0o500)
    with pytest.raises(MoveError, match=r"cat\.pt cannot be renamed to dog\.pt: Permission"):
        rename(entry, "dog")
    tmp_path.chmod(0o700)
    assert os.listdir(tmp_path) == ["cat.pt"]


def test_a_disk_without_letter_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the new name leads to the file itself, a change of letter case alone works."""
    fill(tmp_path, "cat.pt")
    entry = entry_of(tmp_path, "cat.pt")

    def is_there(_source: str, target: str) -> None:
        raise FileExistsError(errno.EEXIST, "File exists", target)

    monkeypatch.setattr(writing, "_rename_exclusively", is_there)
    monkeypatch.setattr(os.path, "samefile", lambda _one, _other: True)
    rename(entry, "Cat")
    assert os.listdir(tmp_path) == ["Cat.pt"]
    with pytest.raises(MoveError, match="File exists"):
        rename(entry_of(tmp_path, "Cat.pt"), "dog")
