"""Files that move with all that belongs to them: to other places, to the trash, and back."""

from __future__ import annotations

import errno
import json
import os
import random
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from lib_embeddings.entries import writing
from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.plans import plan_move, plan_rename
from lib_embeddings.entries.snapshot import entry_at
from lib_embeddings.errors import MoveError
from lib_embeddings.library.journal import Journal
from lib_embeddings.stores.choices import Choice, Choices, Member, Sets, putting
from tests.builders import safetensors_file, vectors
from tests.killing import calls_of, kill_at
from tests.library import SD1

PAIR = {
    "birb.pt": safetensors_file({"<birb>": vectors(2)}),
    "birb_2.pt": safetensors_file({"<birb>": vectors(2, 1280)}),
}
CAT = {"cat.pt": SD1, "cat.preview.png": b"picture", "cat.json": b"{}", "cat.txt": b"words"}


class Shelf(NamedTuple):
    """A folder of embeddings, and a folder for what the library knows."""

    root: Path
    data: Path

    def entry(self, path: str = "cat.pt") -> Entry:
        """Return the entry of a file as a scan of the root has it."""
        place = Place.of_root(self.root).inside(path)
        return entry_at(place)

    def choices(self) -> Choices:
        return Choices(str(self.data / "choices.sqlite"))

    def do(self, work: Callable[[Journal], object]) -> None:
        """Do something as a process does that begins and ends with it."""
        with closing(self.choices()) as choices:
            work(Journal(choices))

    def contents(self) -> dict[str, bytes]:
        """Return what every file in the root holds, hidden ones too."""
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file()
        }

    def chosen(self) -> dict[str, Choice]:
        """Return what is chosen, by the path in the root where it is chosen for one there."""
        known = {
            Place.of_root(self.root).inside(path).id: path for path in ("cat.pt", "dog.pt")
        } | {Place.of_root(self.root).inside("sub").inside("cat.pt").id: "sub/cat.pt"}
        return {known.get(id_, "elsewhere"): choice for id_, choice in self.choices().all().items()}

    def left_over(self) -> list[str]:
        """Return what lies beside the choices and is no part of an item in the trash."""
        found = (path.relative_to(self.data).as_posix() for path in self.data.rglob("*"))
        ours = ("choices.sqlite", "moves", "moves.lock", "trash")
        return sorted(path for path in found if path not in ours)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """Return a shelf with a favourite that has a picture and texts."""
    shelf = Shelf(tmp_path / "embeddings", tmp_path / "data")
    (shelf.root / "sub").mkdir(parents=True)
    for path, data in CAT.items():
        (shelf.root / path).write_bytes(data)
    shelf.choices().choose(shelf.entry().place.id, favourite=True)
    return shelf


@pytest.fixture
def disks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every folder be on a disk of its own."""
    rename = writing._rename_exclusively

    def same_disk_only(source: str, target: str) -> None:
        if Path(source).parent != Path(target).parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        rename(source, target)

    monkeypatch.setattr(writing, "_rename_exclusively", same_disk_only)


def rename(shelf: Shelf, files: Journal) -> None:
    files.rename(shelf.entry(), "dog")


def move(shelf: Shelf, files: Journal) -> None:
    files.carry_out(plan_move(shelf.entry(), Place.of_root(shelf.root).inside("sub")))


def delete(shelf: Shelf, files: Journal) -> None:
    files.delete(shelf.entry())


def restore(_shelf: Shelf, files: Journal) -> None:
    files.restore(files.trash[0].id)


# What is in the root afterwards.
OUTCOMES: dict[Callable[[Shelf, Journal], None], dict[str, bytes]] = {
    rename: {path.replace("cat", "dog"): data for path, data in CAT.items()},
    move: {f"sub/{path}": data for path, data in CAT.items()},
    delete: {},
    restore: CAT,
}


# The trash


@pytest.mark.parametrize("with_disks", [False, True], ids=["one disk", "two disks"])
def test_what_is_deleted_comes_back(
    shelf: Shelf, request: pytest.FixtureRequest, *, with_disks: bool
) -> None:
    """All that belongs to a file goes with it and comes back with it, and what was chosen too."""
    if with_disks:
        request.getfixturevalue("disks")
    os.utime(shelf.root / "cat.pt", (1, 1))
    (shelf.root / "cat.v2.pt").write_bytes(SD1)
    shelf.do(lambda files: delete(shelf, files))
    assert shelf.contents() == {"cat.v2.pt": SD1}
    assert shelf.chosen() == {"elsewhere": Choice(favourite=True)}
    with closing(shelf.choices()) as choices:
        (item,) = Journal(choices).trash
        assert (item.place, item.size) == (
            *(Place.of_root(shelf.root).inside("cat.pt"), sum(map(len, CAT.values()))),
        )
    shelf.do(lambda files: restore(shelf, files))
    assert shelf.contents() == {**CAT, "cat.v2.pt": SD1}
    assert (shelf.root / "cat.pt").stat().st_mtime == 1
    assert shelf.chosen() == {"cat.pt": Choice(favourite=True)}
    assert shelf.left_over() == []


def test_both_files_of_a_pair_are_deleted(shelf: Shelf) -> None:
    """A training by diffusers is one embedding in the trash, too."""
    for path, data in PAIR.items():
        (shelf.root / path).write_bytes(data)
    shelf.do(lambda files: files.delete(shelf.entry("birb.pt")))
    assert shelf.contents() == CAT
    shelf.do(lambda files: restore(shelf, files))
    assert shelf.contents() == {**CAT, **PAIR}


def test_the_newest_is_first(shelf: Shelf) -> None:
    """Two files of one name and place are two items, and each comes back by its own id."""
    with closing(shelf.choices()) as choices:
        files = Journal(choices)
        first = files.delete(shelf.entry())
        (shelf.root / "cat.pt").write_bytes(SD1 + b"other")
        second = files.delete(shelf.entry())
        assert [item.id for item in files.trash] == [second.id, first.id]
        files.restore(first.id)
        assert shelf.contents() == CAT
        with pytest.raises(MoveError, match=r"^cat\.pt already exists again: rename it first$"):
            files.restore(second.id)
        with pytest.raises(MoveError, match=r"^it is not in the trash$"):
            files.restore(first.id)
        assert [item.id for item in files.trash] == [second.id]
    assert shelf.contents() == CAT


@pytest.mark.parametrize("id_", ["", ".", "..", "../choices", "choices.sqlite", "*"])
def test_what_is_no_id_restores_nothing(shelf: Shelf, id_: str) -> None:
    """Nothing outside of the trash is opened."""
    with closing(shelf.choices()) as choices, pytest.raises(MoveError, match="not in the trash"):
        Journal(choices).restore(id_)


def test_an_empty_trash(shelf: Shelf) -> None:
    """Files, records and what was chosen are gone for good, and the library's files stay."""
    (shelf.root / "dog.pt").write_bytes(SD1)
    shelf.choices().choose(shelf.entry("dog.pt").place.id, favourite=True)
    shelf.do(lambda files: delete(shelf, files))
    shelf.do(lambda files: files.empty_trash())
    assert shelf.contents() == {"dog.pt": SD1}
    assert shelf.chosen() == {"dog.pt": Choice(favourite=True)}
    assert shelf.left_over() == []
    shelf.do(lambda files: files.empty_trash())


def test_a_folder_that_is_gone_is_made_again(shelf: Shelf) -> None:
    """A file comes back to a folder that was deleted since, not to a disk that is not there."""
    shelf.do(lambda files: move(shelf, files))
    shelf.do(lambda files: files.delete(shelf.entry("sub/cat.pt")))
    (shelf.root / "sub").rmdir()
    shelf.root.rename(shelf.root.with_name("away"))
    with pytest.raises(MoveError, match="its folder embeddings is missing: create it, or connect"):
        shelf.do(lambda files: restore(shelf, files))
    shelf.root.with_name("away").rename(shelf.root)
    shelf.do(lambda files: restore(shelf, files))
    assert shelf.contents() == OUTCOMES[move]


def test_a_damaged_record_costs_itself_alone(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    """Another file in the trash is still there, and the log says which record is wrong."""
    shelf.do(lambda files: delete(shelf, files))
    damaged = shelf.data / "trash" / "0.json"
    empty = {"moves": [], "ids": {}, "time": 1, "size": 1}
    for text in ("", "[]", "{}", json.dumps({**empty, "moves": [[1, 2]]}), json.dumps(empty)):
        damaged.write_text(text)
        caplog.clear()
        with closing(shelf.choices()) as choices:
            assert len(Journal(choices).trash) == 1
        assert str(damaged) in caplog.text


# Sets


@pytest.mark.parametrize("has_twin", [False, True])
def test_a_set_follows_the_file_that_it_means(shelf: Shelf, *, has_twin: bool) -> None:
    """It names what was renamed by its new name, unless another file of the library has the old."""
    (shelf.root / "sub" / "Cat.pt").write_bytes(SD1 if has_twin else b"damaged")
    others = [shelf.entry(path) for path in ("cat.pt", "sub/Cat.pt")]
    shelf.choices().change(putting("mine", [Member("cat", "negative", 0.5)]))
    shelf.do(lambda files: files.rename(others[0], "dog", others))
    (member,) = shelf.choices().sets()["mine"]
    assert member == Member("cat" if has_twin else "dog", "negative", 0.5)


# When something fails


@pytest.mark.usefixtures("disks")
@pytest.mark.parametrize("operation", OUTCOMES)
def test_a_full_disk(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, operation: Callable[[Shelf, Journal], None]
) -> None:
    """If the last file finds no room, all others are back, and nothing is left of it."""
    if operation is restore:
        shelf.do(lambda files: delete(shelf, files))
    before, chosen, left = shelf.contents(), shelf.chosen(), shelf.left_over()
    move_file = writing.move_file

    def fail_at_last(source: Place, target: Place) -> None:
        if source.suffix == ".pt":
            raise OSError(errno.ENOSPC, "No space left on device")
        move_file(source, target)

    monkeypatch.setattr(writing, "move_file", fail_at_last)
    with pytest.raises(MoveError, match=r"^cat\.pt cannot be .*: No space left on device$"):
        shelf.do(lambda files: operation(shelf, files))
    assert (shelf.contents(), shelf.chosen(), shelf.left_over()) == (before, chosen, left)


def test_what_was_chosen_for_the_file_in_the_way_stays_its_own(shelf: Shelf) -> None:
    """A move that fails at the last file takes back its own choices only."""
    plan = plan_rename(shelf.entry(), "dog")
    (shelf.root / "dog.pt").write_bytes(SD1)
    chosen = {"cat.pt": Choice(favourite=True), "dog.pt": Choice(field="negative")}
    shelf.choices().choose(shelf.entry("dog.pt").place.id, field="negative")
    with pytest.raises(MoveError, match="File exists"):
        shelf.do(lambda files: files.carry_out(plan))
    assert shelf.contents() == {**CAT, "dog.pt": SD1}
    assert shelf.chosen() == chosen


def test_nothing_moves_that_cannot_be_noted(shelf: Shelf) -> None:
    """Without a record nobody could take it back."""
    (shelf.data / "moves").write_text("a file where the folder should be")
    with pytest.raises(MoveError, match=r"^nothing was moved: "):
        shelf.do(lambda files: rename(shelf, files))
    assert shelf.contents() == CAT


def test_two_folders_may_hold_other_files_of_one_name(shelf: Shelf) -> None:
    """A move replaces nothing, also no picture alone."""
    (shelf.root / "sub" / "CAT.json").write_bytes(b"another's")
    with pytest.raises(MoveError, match=r"^the name is already taken by CAT\.json"):
        shelf.do(lambda files: move(shelf, files))
    assert shelf.contents() == {**CAT, "sub/CAT.json": b"another's"}
    with pytest.raises(MoveError, match="lies in this folder: choose another"):
        plan_move(shelf.entry(), Place.of_root(shelf.root))


def test_a_relative_link_stays(shelf: Shelf) -> None:
    """A link that would lead nowhere from another folder is refused; an absolute one moves."""
    (shelf.root / "fox.pt").symlink_to("cat.pt")
    folder = Place.of_root(shelf.root).inside("sub")
    with pytest.raises(MoveError, match=r"^fox\.pt is a link that would be broken"):
        plan_move(shelf.entry("fox.pt"), folder)
    (shelf.root / "fox.pt").unlink()
    (shelf.root / "fox.pt").symlink_to(shelf.root / "cat.pt")
    shelf.do(lambda files: files.carry_out(plan_move(shelf.entry("fox.pt"), folder)))
    assert (shelf.root / "sub" / "fox.pt").readlink() == shelf.root / "cat.pt"


# When the process is killed


@pytest.mark.parametrize("operation", [rename, delete])
def test_a_disk_that_is_not_there_at_the_next_start(
    shelf: Shelf,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    operation: Callable[[Shelf, Journal], None],
) -> None:
    """A move that was cut off is undone when the disk is back, and the log says so before."""
    move_file, moved = writing.move_file, list[Place]()

    def end_at_second(source: Place, target: Place) -> None:
        if moved:
            raise SystemExit
        moved.append(source)
        move_file(source, target)

    with monkeypatch.context() as context:
        context.setattr(writing, "move_file", end_at_second)
        with pytest.raises(SystemExit):
            shelf.do(lambda files: operation(shelf, files))
    assert shelf.contents() != CAT
    away = shelf.root.rename(shelf.root.with_name("away"))
    shelf.do(lambda files: files.trash)
    assert f"cannot be moved back to {moved[0].full_path}" in caplog.text
    away.rename(shelf.root)
    shelf.do(lambda files: files.trash)
    assert shelf.contents() == CAT
    assert shelf.chosen() == {"cat.pt": Choice(favourite=True)}
    assert shelf.left_over() == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
@pytest.mark.parametrize("operation", OUTCOMES)
@pytest.mark.parametrize("with_disks", [False, True], ids=["one disk", "two disks"])
def test_killed_at_any_moment(
    shelf: Shelf,
    request: pytest.FixtureRequest,
    operation: Callable[[Shelf, Journal], None],
    *,
    with_disks: bool,
) -> None:
    """The next process finds everything where it was, or everything where it should be."""
    if with_disks:
        request.getfixturevalue("disks")

    def work() -> None:
        shelf.do(lambda files: operation(shelf, files))

    def now() -> tuple[dict[str, bytes], dict[str, Choice], Sets]:
        """Return all that the operation may change."""
        return shelf.contents(), shelf.chosen(), shelf.choices().sets()

    def prepare() -> tuple[dict[str, bytes], dict[str, Choice], Sets]:
        """Bring the shelf to where the operation begins; return that."""
        for path in (*shelf.root.rglob("*.*"),):
            path.unlink()
        for path, data in CAT.items():
            (shelf.root / path).write_bytes(data)
        shelf.do(lambda files: files.empty_trash())
        with closing(shelf.choices()) as choices:
            choices.forget(choices.all())
            choices.choose(shelf.entry().place.id, favourite=True)
            choices.change(putting("mine", [Member("cat", "positive")]))
        if operation is restore:
            shelf.do(lambda files: delete(shelf, files))
        return now()

    for _ in range(2):  # the second time is like all that follow
        prepare()
        n_calls = calls_of(work)
    after = now()
    assert after[0] == OUTCOMES[operation]
    outcomes = set()
    for moment in (*random.Random(11).sample(range(1, n_calls), 120), n_calls - 1):
        before = prepare()
        kill_at(moment, work)
        shelf.do(lambda files: files.trash)
        found = now()
        assert found in (before, after), moment
        outcomes.add(found == after)
        assert not list((shelf.data / "moves").iterdir())
    assert outcomes == {True, False}


MANAGED = """{
  "file_name": "cat",
  "file_path": "/comfy/embeddings/cat.pt",
  "preview_url": "/comfy/embeddings/cat.webp",
  "notes": "cat.pt",
  "civitai": {"files": [{"name": "cat.pt"}]}
}"""


def test_what_names_the_file_inside_follows_it(shelf: Shelf) -> None:
    """LoRA Manager's document says the new name and place; all else in it, and its time, stay."""
    document = shelf.root / "cat.metadata.json"
    document.write_text(MANAGED)
    os.utime(document, ns=(7, 7))
    (shelf.root / "cat.webp").write_bytes(b"picture")
    shelf.do(lambda files: files.carry_out(plan_rename(shelf.entry(), "dog")))
    document = shelf.root / "dog.metadata.json"
    renamed = MANAGED.replace('name": "cat"', 'name": "dog"').replace("ings/cat.", "ings/dog.")
    assert (document.read_text(), document.stat().st_mtime_ns) == (renamed, 7)
    sub = Place.of_root(shelf.root).inside("sub")
    Path(sub.full_path).mkdir(exist_ok=True)
    shelf.do(lambda files: files.carry_out(plan_move(shelf.entry("dog.pt"), sub)))
    moved = (shelf.root / "sub" / "dog.metadata.json").read_text()
    assert moved == renamed.replace("/comfy/embeddings", (shelf.root / "sub").as_posix())


def test_what_is_deleted_comes_back_as_it_was(shelf: Shelf) -> None:
    """In the trash nothing is changed inside."""
    (shelf.root / "cat.metadata.json").write_text(MANAGED)
    before = shelf.contents()
    shelf.do(lambda files: files.restore(files.delete(shelf.entry()).id))
    assert shelf.contents() == before


@pytest.mark.parametrize("document", ["", "[]", "{", '{"file_path": 7}', '{"file_path": "x/y.pt"}'])
def test_a_document_that_does_not_name_the_file_stays(shelf: Shelf, document: str) -> None:
    """The file has moved all the same."""
    (shelf.root / "cat.metadata.json").write_text(document)
    shelf.do(lambda files: files.carry_out(plan_rename(shelf.entry(), "dog")))
    assert (shelf.root / "dog.metadata.json").read_text() == document
    assert (shelf.root / "dog.pt").exists()
