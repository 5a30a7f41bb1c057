"""Where files lie, by the rules of this system and by those of Windows."""

from __future__ import annotations

import hashlib
import ntpath
import os
import posixpath
from pathlib import Path, PureWindowsPath

import pytest

from lib_embeddings.entries import place as place_module
from lib_embeddings.entries.place import Place, absolute


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let paths follow the rules of Windows."""
    monkeypatch.setattr(place_module, "rules", ntpath)


@pytest.fixture
def posix(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let paths follow the rules of all other systems."""
    monkeypatch.setattr(place_module, "rules", posixpath)


@pytest.mark.usefixtures("posix")
def test_a_place_is_the_same_however_it_was_reached() -> None:
    """From the root down, or from a neighbour: one file has one place."""
    root = Place.of_root("/e")
    cat = root.inside("sub").inside("cat.v2.PT")
    assert cat == Place("/e", "sub/cat.v2.PT", "/e/sub/cat.v2.PT")
    assert cat == root.inside("sub").inside("dog.pt").beside("cat.v2.PT")
    assert (cat.folder, cat.filename, cat.name, cat.suffix) == (
        *("sub", "cat.v2.PT", "cat.v2", ".pt"),
    )
    assert cat.full_folder == "/e/sub"


@pytest.mark.usefixtures("posix")
def test_a_root() -> None:
    """A root lies nowhere in itself, and is shown by its own name."""
    root = Place.of_root("/home/e/../embeddings/")
    assert root == Place("/home/embeddings", "", "/home/embeddings")
    assert (root.folder, root.filename) == ("", "embeddings")
    assert Place.of_root("/").inside("cat.pt").full_path == "/cat.pt"


def test_a_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The root of a single file is its folder; a relative path begins in the current one."""
    monkeypatch.chdir(tmp_path)
    full_path = os.path.join(os.getcwd(), "cat.pt")
    assert Place.of_file("cat.pt") == Place(os.getcwd(), "cat.pt", full_path)
    assert Place.of_file(Path("sub", "..", "cat.pt")) == Place.of_file("cat.pt")


@pytest.mark.usefixtures("posix")
def test_an_id_stays_for_ever() -> None:
    """Choices are kept by this id: it may never change, and depends on the place alone."""
    cat = Place.of_root("/e").inside("sub").inside("cat.pt")
    assert cat.id == hashlib.blake2b(b"/e\0sub/cat.pt", digest_size=8).hexdigest()
    places = [Place.of_root(root).inside(name) for root in ("/e", "/f") for name in ("a", "b")]
    assert len({place.id for place in places}) == 4
    assert Place("/e", "a", "/another").id == places[0].id


@pytest.mark.usefixtures("posix")
def test_bytes_that_are_no_text_are_written_out() -> None:
    """People see them escaped; the system gets the name as it is."""
    cat = Place.of_root("/e").inside("caf\udce9").inside("\udcff.pt")
    assert (cat.path, cat.name) == ("caf\\udce9/\\udcff.pt", "\\udcff")
    assert cat.full_path == "/e/caf\udce9/\udcff.pt"
    assert cat.beside("dog.pt") == Place("/e", "caf\\udce9/dog.pt", "/e/caf\udce9/dog.pt")
    assert Place.of_root("/caf\udce9").filename == "caf\\udce9"


@pytest.mark.usefixtures("posix")
def test_a_file_seen_from_each_folder_above_it() -> None:
    """The nearest folder comes first; the file is always the same."""
    cat = Place.of_file("/home/e/sub/cat.pt")
    assert list(cat.from_each_root()) == [
        Place("/home/e/sub", "cat.pt", cat.full_path),
        Place("/home/e", "sub/cat.pt", cat.full_path),
        Place("/home", "e/sub/cat.pt", cat.full_path),
        Place("/", "home/e/sub/cat.pt", cat.full_path),
    ]


# Windows


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize("root", ["C:\\e", "c:\\e", "c:/e/", "C:\\x\\..\\e", "c:\\.\\e\\"])
def test_a_drive_has_one_spelling(root: str) -> None:
    """Any spelling of a folder gives its files the same place and id."""
    cat = Place.of_root(root).inside("sub").inside("cat.pt")
    assert cat == Place("C:\\e", "sub/cat.pt", "C:\\e\\sub\\cat.pt")
    assert cat.id == Place.of_root("C:\\e").inside("sub").inside("cat.pt").id
    assert Place.of_file(f"{root}\\sub\\cat.pt").full_path == cat.full_path


@pytest.mark.usefixtures("windows")
def test_letters_that_are_no_drive_keep_their_case() -> None:
    r"""Only the letter of a drive is made one: `\\host\share` and folders stay as they are."""
    assert absolute("\\\\host\\share\\e") == "\\\\host\\share\\e"
    assert absolute("c:\\Users\\e") == "C:\\Users\\e"
    assert absolute(PureWindowsPath("d:/e")) == "D:\\e"


@pytest.mark.usefixtures("windows")
def test_neighbours_on_windows() -> None:
    """The other half of a pair, and what lies beside a file, are spelled as the walk spells it."""
    cat = Place.of_root("c:\\e").inside("a").inside("b").inside("cat.pt")
    assert cat.beside("cat_2.pt") == Place("C:\\e", "a/b/cat_2.pt", "C:\\e\\a\\b\\cat_2.pt")
    assert (cat.folder, cat.full_folder, cat.name) == ("a/b", "C:\\e\\a\\b", "cat")


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize("drive", ["C:\\", "c:/"])
def test_a_drive_as_root(drive: str) -> None:
    """A root may be a whole drive."""
    root = Place.of_root(drive)
    assert root == Place("C:\\", "", "C:\\")
    assert root.inside("cat.pt") == Place("C:\\", "cat.pt", "C:\\cat.pt")
    assert root.inside("cat.pt") == Place.of_file("c:\\cat.pt")
    assert root.inside("cat.pt").full_folder == root.full_path


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize(
    ("path", "roots"),
    [
        ("c:\\home\\e\\cat.pt", ["C:\\home\\e", "C:\\home", "C:\\"]),
        ("\\\\host\\share\\e\\cat.pt", ["\\\\host\\share\\e", "\\\\host\\share\\"]),
    ],
)
def test_a_file_seen_from_each_folder_above_it_on_windows(path: str, roots: list[str]) -> None:
    """Each is the place that a scan of that folder gives the file, up to drive or share."""
    places = list(Place.of_file(path).from_each_root())
    assert [place.root for place in places] == roots
    for place in places:
        from_root = Place.of_root(place.root)
        for part in place.path.split("/"):
            from_root = from_root.inside(part)
        assert place == from_root
