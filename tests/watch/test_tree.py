"""A tree: what a folder holds, links followed, temporary names left out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from lib_embeddings.watch.tree import is_hidden, is_temporary, read_tree

from lib_embeddings.entries.walk import find


def names(root: Path) -> set[str]:
    """Return the files of a folder's tree, as paths below it."""
    return {os.path.relpath(path, root) for path, _, _ in read_tree(str(root)).files}


def folders(root: Path) -> set[str]:
    return {os.path.relpath(path, root) for path in read_tree(str(root)).folders}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a folder with a file and a sub-folder with another."""
    (tmp_path / "root" / "sub").mkdir(parents=True)
    (tmp_path / "root" / "a.pt").write_bytes(b"a")
    (tmp_path / "root" / "sub" / "b.pt").write_bytes(b"b")
    return tmp_path / "root"


@pytest.mark.parametrize(
    "name", ["a.pt.part", "a.crdownload", "a.TMP", "a.pt.download", "a.pt~", ".a.pt", ".cache"]
)
def test_temporary_and_hidden_names_are_ignored(name: str) -> None:
    """A name that will change, or that hides, is not looked at."""
    assert is_hidden(name) or is_temporary(name)


@pytest.mark.parametrize("name", ["a.pt", "part", "tmp.pt", "a.part.pt", "été.safetensors", ""])
def test_other_names_are_not(name: str) -> None:
    """Only the end of a name says temporary, only its start says hidden."""
    assert not is_hidden(name)
    assert not is_temporary(name)


def test_files_and_folders_are_listed(root: Path) -> None:
    """A tree holds all files and folders, the root among them."""
    assert names(root) == {"a.pt", "sub/b.pt"}
    assert folders(root) == {".", "sub"}


def test_an_untouched_folder_gives_equal_trees(root: Path) -> None:
    """Two readings without a change between them are equal."""
    assert read_tree(str(root)) == read_tree(str(root))


def test_every_change_shows(root: Path) -> None:
    """Adding, growing, touching, renaming and deleting each give another tree."""
    trees = [read_tree(str(root))]
    (root / "c.pt").write_bytes(b"c")
    trees.append(read_tree(str(root)))
    (root / "c.pt").write_bytes(b"cc")
    trees.append(read_tree(str(root)))
    os.utime(root / "c.pt", ns=(0, 12345))
    trees.append(read_tree(str(root)))
    (root / "c.pt").rename(root / "d.pt")
    trees.append(read_tree(str(root)))
    (root / "d.pt").unlink()
    (root / "empty").mkdir()
    trees.append(read_tree(str(root)))
    assert len({tree.files | tree.folders for tree in trees}) == 6


def test_ignored_files_do_not_show(root: Path) -> None:
    """A download in progress, or a hidden folder, leaves the tree as it was."""
    before = read_tree(str(root))
    (root / "c.pt.part").write_bytes(b"c")
    (root / ".cache").mkdir()
    (root / ".cache" / "c.pt").write_bytes(b"c")
    assert read_tree(str(root)) == before


@pytest.mark.parametrize("folder", ["old~", "x.tmp", "sub/y.part", ".hidden", "sub/.git"])
def test_a_scan_looks_into_the_same_folders(root: Path, folder: str) -> None:
    """What a scan lists is watched, and what is not watched no scan lists."""
    (root / folder).mkdir()
    (root / folder / "c.pt").write_bytes(b"c")
    assert names(root) == {found.path for found in find([str(root)])}


def test_a_missing_root_gives_an_empty_tree(tmp_path: Path) -> None:
    """A folder that is not there has no content and nothing to watch."""
    tree = read_tree(str(tmp_path / "missing"))
    assert [len(part) for part in (tree.files, tree.folders, tree.tops)] == [0, 0, 0]


def test_a_file_as_root_gives_an_empty_tree(root: Path) -> None:
    """A root that is no folder counts as missing."""
    assert not read_tree(str(root / "a.pt")).tops


def test_an_empty_root_differs_from_a_missing_one(tmp_path: Path) -> None:
    """A root that comes back empty is a change."""
    (tmp_path / "empty").mkdir()
    assert read_tree(str(tmp_path / "empty")) != read_tree(str(tmp_path / "missing"))


def test_linked_folders_and_files_are_followed(root: Path, tmp_path: Path) -> None:
    """What a link leads to belongs to the tree, under the link's path."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "c.pt").write_bytes(b"c")
    (root / "link").symlink_to(tmp_path / "elsewhere")
    (root / "d.pt").symlink_to(tmp_path / "elsewhere" / "c.pt")
    assert names(root) == {"a.pt", "sub/b.pt", "link/c.pt", "d.pt"}


def test_tops_are_the_real_folders_of_the_root_and_its_links(root: Path, tmp_path: Path) -> None:
    """A recursive watch follows no link, so a linked folder needs its own."""
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    (root / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "alias").symlink_to(root)
    tops = {path for path, _, _ in read_tree(str(tmp_path / "alias")).tops}
    assert tops == {os.path.realpath(root), os.path.realpath(tmp_path / "elsewhere")}


def test_link_loops_end(root: Path) -> None:
    """A link to a folder above it, to itself or to nothing adds no folder."""
    (root / "sub" / "loop").symlink_to(root)
    (root / "self").symlink_to(root / "self")
    (root / "broken").symlink_to(root / "nowhere")
    assert folders(root) == {".", "sub"}
    assert names(root) == {"a.pt", "sub/b.pt"}


def test_a_folder_goes_by_its_own_path_where_it_has_one(root: Path) -> None:
    """A link beside a folder does not rename it, whichever the disk lists first."""
    for index in range(8):
        (root / f"link{index}").symlink_to(root / "sub")
    assert folders(root) == {".", "sub"}


def test_a_root_replaced_by_its_twin_has_another_span(root: Path, tmp_path: Path) -> None:
    """The same content in another folder is no change, but needs another watch."""
    before = read_tree(str(root))
    root.rename(tmp_path / "old")
    (root / "sub").mkdir(parents=True)
    for name in ("a.pt", "sub/b.pt"):
        os.link(tmp_path / "old" / name, root / name)
    assert read_tree(str(root)) == before
    assert read_tree(str(root)).span != before.span
