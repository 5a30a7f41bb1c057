"""Which files may be embeddings, what belongs to each, and what the disk does meanwhile."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lib_embeddings.entries import walk as walk_module
from lib_embeddings.entries.entry import Found
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.walk import Folder, find_file, walk
from lib_embeddings.limits import LIMITS
from tests.entries.disk import Disk, Item

NOWHERE = "this link leads to a file or folder that does not exist: delete or fix the link"


@pytest.fixture(autouse=True, params=["fast", "slow"])
def speed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Find the same on a slow disk, which is asked for everything in threads."""
    seconds = {"fast": 60.0, "slow": -1.0}[request.param]
    limits = replace(LIMITS, slow_call_seconds=seconds)
    monkeypatch.setattr("lib_embeddings.entries.slow_disk.LIMITS", limits)
    return str(request.param)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Return a disk that can be told to fail."""
    return Disk(monkeypatch)


def fill(folder: Path, *paths: str) -> Path:
    """Write empty files into a folder; return the folder."""
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    return folder


def files(*roots: Path) -> dict[str, Found]:
    """Return what a walk finds in some roots, by path."""
    found = [file for folder in walk(map(str, roots)) for file in folder.files]
    assert len({file.place for file in found}) == len(found)
    return {file.place.path: file for file in found}


def problems(*roots: Path) -> dict[str, str | None]:
    """Return the problem of each file that a walk finds, by path."""
    return {path: file.problem for path, file in files(*roots).items()}


def folders(*roots: Path) -> list[str]:
    """Return the paths of the folders that a walk goes through."""
    return [folder.place.path for folder in walk(map(str, roots))]


# What belongs to a file


def companions(folder: Path, *paths: str) -> dict[str, list[str]]:
    """Return what belongs to each file that may be an embedding, in a folder of empty files."""
    found = files(fill(folder, *paths))
    return {
        path: [companion.filename for companion in file.companions] for path, file in found.items()
    }


@pytest.mark.parametrize(
    ("beside", "belongs"),
    [
        ((), []),
        (("a.png", "a.preview.png", "A.JPG"), ["A.JPG", "a.png", "a.preview.png"]),
        (("a.json", "a.txt", "a.description.txt"), ["a.description.txt", "a.json", "a.txt"]),
        (("a.civitai.info", "a.metadata.json"), ["a.civitai.info", "a.metadata.json"]),
        (("b.png", "a.other.info", "a.preview", "aa.txt", "a.b.txt", "sub/a.txt"), []),
    ],
)
def test_what_belongs_to_a_file(
    tmp_path: Path, beside: tuple[str, ...], belongs: list[str]
) -> None:
    """Pictures and text named after a file in its folder belong to it, in any letter case."""
    assert companions(tmp_path, "a.pt", *beside)["a.pt"] == belongs


def test_files_of_one_name_share_what_is_beside_them(tmp_path: Path) -> None:
    """A text belongs to every file it is named after."""
    assert companions(tmp_path, "a.pt", "A.safetensors", "a.json") == {
        "A.safetensors": ["a.json"],
        "a.pt": ["a.json"],
    }


def test_a_name_that_ends_like_a_preview(tmp_path: Path) -> None:
    """A picture may belong to two files: to one as its preview, to one by its whole name."""
    assert companions(tmp_path, "a.pt", "a.preview.pt", "a.preview.png") == {
        "a.preview.pt": ["a.preview.png"],
        "a.pt": ["a.preview.png"],
    }


def test_size_and_time_of_a_companion(tmp_path: Path) -> None:
    """An edit shows in what is known of a companion."""
    text = fill(tmp_path, "a.pt") / "a.txt"
    text.write_text("text")
    assert files(tmp_path)["a.pt"].companions == (("a.txt", 4, text.stat().st_mtime_ns),)


@pytest.mark.parametrize("name", ["a.txt", "a.json", "a.png", "a.preview.png"])
def test_a_companion_that_leads_nowhere(tmp_path: Path, name: str) -> None:
    """A broken link beside a file is passed by."""
    (tmp_path / name).symlink_to(tmp_path / "gone")
    assert companions(tmp_path, "a.pt") == {"a.pt": []}


# Links


def test_what_a_folder_is(tmp_path: Path) -> None:
    """A folder has its identity, whether a watch of the one above reaches it, and its folders."""
    fill(tmp_path, "root/sub/a.pt", "elsewhere/b.pt", "elsewhere/deep/c.pt")
    (tmp_path / "root" / "link").symlink_to(tmp_path / "elsewhere")
    root = Place.of_root(tmp_path / "root")
    found = {folder.place: folder for folder in walk([root.full_path])}
    deep = root.inside("link").inside("deep")
    assert {place: folder.is_linked for place, folder in found.items()} == {
        root: True,
        root.inside("sub"): False,
        root.inside("link"): True,
        deep: False,
    }
    assert len({folder.identity for folder in found.values()}) == 4
    assert found[root].folders == ((root.inside("link"), True), (root.inside("sub"), False))
    assert [file.place for file in found[deep].files] == [deep.inside("c.pt")]


@pytest.mark.parametrize("has_inodes", [True, False])
def test_loops_end(tmp_path: Path, disk: Disk, has_inodes: bool) -> None:
    """A folder that is linked into itself is gone through once, with inodes and without."""
    disk.has_inodes = has_inodes
    fill(tmp_path, "root/sub/cat.pt")
    (tmp_path / "root" / "sub" / "up").symlink_to(tmp_path / "root")
    (tmp_path / "root" / "here").symlink_to(".")
    assert folders(tmp_path / "root") == ["", "sub"]
    assert list(files(tmp_path / "root")) == ["sub/cat.pt"]


@pytest.mark.parametrize("has_inodes", [True, False])
def test_links_are_followed_last(tmp_path: Path, disk: Disk, has_inodes: bool) -> None:
    """A folder goes by its own path where it has one, however deep and however many links."""
    disk.has_inodes = has_inodes
    fill(tmp_path, "root/z/deep/real/cat.pt", "elsewhere/dog.pt")
    for link in ("a", "b/c", "zz"):
        (tmp_path / "root" / link).parent.mkdir(exist_ok=True)
        (tmp_path / "root" / link).symlink_to(tmp_path / "root" / "z" / "deep" / "real")
    for link in ("first", "second"):
        (tmp_path / "root" / link).symlink_to(tmp_path / "elsewhere")
    assert sorted(files(tmp_path / "root")) == ["first/dog.pt", "z/deep/real/cat.pt"]


def test_a_junction_is_followed_once(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link of Windows' other kind is a link: what it leads to goes by its own path."""
    monkeypatch.setattr(walk_module, "_HAS_JUNCTIONS", True)
    fill(tmp_path, "a/cat.pt", "z/dog.pt")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    plain = [folder.is_linked for folder in walk([str(tmp_path)])]
    disk.junctions = {str(tmp_path / "a")}
    found = list(walk([str(tmp_path)]))
    assert [folder.place.path for folder in found] == ["", "z", "a"]
    assert [folder.is_linked for folder in found] == [True, False, True]
    assert plain == [True, False, False]


@pytest.mark.parametrize("has_inodes", [True, False])
def test_a_folder_belongs_to_the_first_root(tmp_path: Path, disk: Disk, has_inodes: bool) -> None:
    """A root that is in another one is there, and what is in it goes by the first."""
    disk.has_inodes = has_inodes
    fill(tmp_path, "cat.pt", "sub/dog.pt", "sub/deep/cow.pt")
    sub = tmp_path / "sub"
    (tmp_path / "alias").symlink_to(tmp_path / "sub")
    for roots, expected in (
        ((tmp_path, sub), {"": ["cat.pt", "sub/dog.pt", "sub/deep/cow.pt"], "sub": []}),
        ((sub, tmp_path), {"sub": ["dog.pt", "deep/cow.pt"], "": ["cat.pt"]}),
        ((sub, tmp_path / "alias"), {"sub": ["dog.pt", "deep/cow.pt"], "alias": []}),
    ):
        found: dict[str, list[str]] = {}
        for folder in walk(map(str, roots)):
            root = os.path.relpath(folder.place.root, tmp_path).strip(".")
            found.setdefault(root, []).extend(file.place.path for file in folder.files)
        assert found == expected


@pytest.mark.parametrize("name", ["cat.pt", "embeddings", "SDXL v1.0", "my.embeddings"])
def test_a_link_to_what_is_gone(tmp_path: Path, name: str) -> None:
    """It may have led to an embedding or to a folder of them: it is listed with the reason."""
    (tmp_path / name).symlink_to(tmp_path / "gone")
    assert problems(tmp_path) == {name: NOWHERE}
    (tmp_path / "gone").touch()
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to(tmp_path / "gone" / "deeper")
    assert problems(tmp_path) == {name: NOWHERE}
    assert not files(tmp_path)[name].is_transient
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to(tmp_path / "gone")
    (tmp_path / "gone").unlink()
    (tmp_path / "gone").mkdir()
    fill(tmp_path, "gone/dog.pt")
    assert list(problems(tmp_path).values()) == [None]


@pytest.mark.parametrize("name", ["cat.txt", "cat.jpg", ".cat", "cat.json"])
def test_other_links_to_what_is_gone_are_passed_by(tmp_path: Path, name: str) -> None:
    """Nobody misses a text or a photograph here, nor what is hidden."""
    (tmp_path / name).symlink_to(tmp_path / "gone")
    assert problems(tmp_path) == {}


@pytest.mark.parametrize("name", ["cat.pt", "embeddings"])
def test_a_link_to_itself(tmp_path: Path, name: str) -> None:
    """It leads nowhere, in the system's own words."""
    (tmp_path / name).symlink_to(name)
    reason = f"this file cannot be read: {os.strerror(errno.ELOOP)}"
    (found,) = files(tmp_path).values()
    assert (found.problem, found.is_transient) == (reason, False)


# What the disk does

ERRORS = (errno.EIO, errno.ESTALE, errno.EACCES)


@pytest.mark.parametrize("number", ERRORS)
@pytest.mark.parametrize("path", ["", "sub", "sub/deep"])
def test_a_folder_that_does_not_answer(tmp_path: Path, disk: Disk, path: str, number: int) -> None:
    """It is listed with the system's reason; all others are gone through."""
    fill(tmp_path, "cat.pt", "sub/deep/dog.pt", "zoo/cow.pt")
    disk.silence(tmp_path / path, number)
    silent = [folder for folder in walk([str(tmp_path)]) if folder.problem]
    reason = f"this folder cannot be read: {os.strerror(number)}"
    place = Place.of_root(tmp_path)
    for part in filter(None, path.split("/")):
        place = place.inside(part)
    found = Found(place, problem=reason, is_transient=True)
    assert silent == [Folder(place, None, None, not path, (found,), problem=reason)]
    assert ("zoo/cow.pt" in files(tmp_path)) == bool(path)


@pytest.mark.parametrize("number", ERRORS)
def test_a_folder_that_cannot_be_listed(tmp_path: Path, disk: Disk, number: int) -> None:
    """It makes no difference whether a folder can be asked for."""
    fill(tmp_path, "sub/dog.pt")
    disk.unlisted[str(tmp_path / "sub")] = number
    reason = f"this folder cannot be read: {os.strerror(number)}"
    assert problems(tmp_path) == {"sub": reason}


@pytest.mark.parametrize("number", ERRORS)
@pytest.mark.parametrize("name", ["share", "SDXL v1.0"])
def test_a_linked_folder_that_does_not_answer(
    tmp_path: Path, disk: Disk, name: str, number: int
) -> None:
    """A link to a share that is silent leads to a folder, and not to nowhere."""
    fill(tmp_path, "share/dog.pt")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / name).symlink_to(tmp_path / "share")
    disk.silence(tmp_path / "share", number)
    (found,) = [folder for folder in walk([str(tmp_path / "root")]) if folder.place.path]
    reason = f"this folder cannot be read: {os.strerror(number)}"
    assert (found.place.path, found.problem, found.is_linked) == (name, reason, True)
    assert problems(tmp_path / "root") == {name: reason}


@pytest.mark.parametrize("number", ERRORS)
def test_a_linked_file_that_does_not_answer(tmp_path: Path, disk: Disk, number: int) -> None:
    """It is a file that cannot be read now; what only belongs to one is passed by."""
    fill(tmp_path, "share/dog.pt", "share/dog.txt", "root/cat.pt")
    for name in ("dog.pt", "dog.txt"):
        (tmp_path / "root" / name).symlink_to(tmp_path / "share" / name)
    disk.silence(tmp_path / "share", number)
    found = files(tmp_path / "root")
    assert found.keys() == {"cat.pt", "dog.pt"}
    assert found["dog.pt"].problem == f"this file cannot be read: {os.strerror(number)}"
    assert found["dog.pt"].is_transient
    assert not found["cat.pt"].is_transient


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ENOTDIR])
def test_a_folder_that_is_gone(tmp_path: Path, disk: Disk, number: int) -> None:
    """A folder that disappears during the walk is left out without a problem."""
    fill(tmp_path, "cat.pt", "sub/dog.pt")
    disk.silence(tmp_path / "sub", number)
    assert problems(tmp_path) == {"cat.pt": None}
    assert folders(tmp_path) == [""]
    disk.silence(tmp_path, number)
    assert folders(tmp_path) == []


def test_a_root_that_is_no_folder_is_missing(tmp_path: Path) -> None:
    """A file in the place of a root has nothing in it."""
    assert folders(fill(tmp_path, "cat.pt") / "cat.pt") == []


def test_a_file_alone(tmp_path: Path) -> None:
    """One file is found as in its folder, with the problem of its name."""
    fill(tmp_path, "cat.pt", " .pt")
    for name in ("cat.pt", " .pt"):
        assert find_file(Place.of_file(tmp_path / name)) == files(tmp_path)[name]
    with pytest.raises(FileNotFoundError):
        find_file(Place.of_file(tmp_path / "gone.pt"))


def test_a_slow_disk_stops_no_other_thread(
    tmp_path: Path, speed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In Python 3.10 items of `os.scandir` keep all threads waiting; `os.stat` never does."""
    fill(tmp_path, *(f"{number}.pt" for number in range(20)), "0.png")
    asked = list[str]()

    class Watched(Item):
        def stat(self, *, follow_symlinks: bool = True) -> Any:
            asked.append(self.name)
            return super().stat(follow_symlinks=follow_symlinks)

    monkeypatch.setattr("tests.entries.disk.Item", Watched)
    Disk(monkeypatch)
    assert len(files(tmp_path)) == 20
    assert bool(asked) is (speed == "fast")
