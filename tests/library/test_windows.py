r"""A library in `C:\embeddings`: the paths of Windows, on a disk of any system.

What asks the system for a Windows path gets the answer for a folder of the test.
"""

from __future__ import annotations

import builtins
import ntpath
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from lib_embeddings.entries import place as place_module
from lib_embeddings.entries import read as read_module
from lib_embeddings.entries import writing
from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.previews import pictures_of
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.library.library import Library
from lib_embeddings.stores.choices import Choices
from lib_embeddings.stores.index import Index
from lib_embeddings.views.search import Filters
from tests.builders import png, safetensors_file, vectors
from tests.entries.disk import Listing
from tests.library import SD1

FIRST = safetensors_file({"<cat>": vectors(2)})
SECOND = safetensors_file({"<cat>": vectors(2, 1280)})


class Item:
    r"""What `os.scandir` yields, with its path spelled with `\`."""

    def __init__(self, item: os.DirEntry[str], folder: str) -> None:
        self._item = item
        self.name, self.path = item.name, ntpath.join(folder, item.name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._item, name)


class Windows:
    """Answers for a drive, either letter case, with a folder; for all else as before."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.opened: list[str] = []
        self.listed: list[str] = []
        self.silent = ""
        monkeypatch.setattr(place_module, "rules", ntpath)
        for module, name in (
            (os, "stat"),
            (os, "lstat"),
            (os, "listdir"),
            (writing, "_rename_exclusively"),
        ):
            monkeypatch.setattr(module, name, self._here(getattr(module, name)))
        self._scandir = os.scandir
        monkeypatch.setattr(os, "scandir", self._list)
        monkeypatch.setattr(read_module, "open", self._open, raising=False)

    def take_opened(self) -> list[str]:
        """Return which files were opened since the last call."""
        opened, self.opened = self.opened, []
        return sorted(opened)

    def _real(self, path: Any) -> Any:
        if isinstance(path, str) and path[:3].lower() == "c:\\":
            return os.path.join(self.folder, *filter(None, path[3:].split("\\")))
        return path

    def _here(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *paths, **options: function(*map(self._real, paths), **options)

    def _list(self, folder: Any) -> Any:
        if self._real(folder) != folder:
            self.listed.append(folder)
        if folder == self.silent:
            raise PermissionError(13, "Permission denied")
        with self._scandir(self._real(folder)) as listing:
            return Listing([Item(item, folder) for item in listing])

    def _open(self, path: str, *arguments: Any, **options: Any) -> Any:
        self.opened.append(path)
        return builtins.open(self._real(path), *arguments, **options)


@pytest.fixture
def windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Windows:
    r"""Return a system with embeddings in `C:\embeddings`, written long ago."""
    folder = tmp_path / "drive"
    for path, data in {
        "cat.pt": SD1,
        "sub/birb.pt": FIRST,
        "sub/birb_2.pt": SECOND,
        "sub/birb.preview.png": png(),
        "sub/deep/dog.pt": SD1,
    }.items():
        file = folder / "embeddings" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        os.utime(file, (0, 0))
    return Windows(folder, monkeypatch)


ROOTS = ["c:\\embeddings", "C:\\embeddings", "c:/embeddings/"]


@contextmanager
def opened(tmp_path: Path, root: str = ROOTS[0]) -> Iterator[Library]:
    """Yield a library that was scanned, as a new process opens it."""
    choices = Choices(str(tmp_path / "choices.sqlite"))
    with Index.open(str(tmp_path / "index.sqlite")) as index, closing(choices):
        library = Library([root], index, choices)
        library.rescan()
        yield library


def entry_of(library: Library, name: str) -> Entry:
    """Return the entry of a name."""
    return library.view.named[name].entry


@pytest.mark.usefixtures("windows")
def test_pairs_in_folders_join(tmp_path: Path) -> None:
    """The halves of a pair are found beside each other, in sub-folders too."""
    with opened(tmp_path) as library:
        library.set_model(MODEL_FAMILIES["sdxl"])
        assert [(seen.entry.place.path, seen.fit) for seen in library.view] == [
            ("cat.pt", "partial"),
            ("sub/birb.pt", "usable"),
            ("sub/deep/dog.pt", "partial"),
        ]
        (picture,) = pictures_of(entry_of(library, "birb"))
        assert picture.path == "C:\\embeddings\\sub\\birb.preview.png"


@pytest.mark.parametrize("root", [*ROOTS, "c:\\"])
def test_a_later_start_shows_what_is_remembered(
    windows: Windows, tmp_path: Path, root: str
) -> None:
    """It shows all before it lists any folder."""
    folders = [windows.folder, *(path for path in windows.folder.rglob("*") if path.is_dir())]
    for folder in folders:
        os.utime(folder, (0, 0))
    with opened(tmp_path, root) as library:
        known = list(library.view)
    windows.listed.clear()
    shown: list[tuple[object, list[str]]] = []
    with Index.open(str(tmp_path / "index.sqlite")) as index:
        library = Library([root], index)
        library.subscribe(lambda *_: shown.append((list(library.view), list(windows.listed))))
        library.rescan()
    assert shown == [(known, [])]


@pytest.mark.parametrize("root", ROOTS)
def test_a_later_process_opens_nothing(tmp_path: Path, windows: Windows, root: str) -> None:
    """Any spelling of the folder leads to the same remembered files."""
    with opened(tmp_path) as library:
        first = library.view
    assert len(windows.take_opened()) == 4
    with opened(tmp_path, root) as library:
        assert list(library.view) == list(first)
        assert library.roots == ("C:\\embeddings",)
    assert windows.take_opened() == []


@pytest.mark.parametrize("root", ROOTS)
def test_a_hash_is_remembered_and_found(tmp_path: Path, windows: Windows, root: str) -> None:
    """A file in a sub-folder is hashed once, and its hash finds it."""
    with opened(tmp_path) as library:
        sha256 = library.sha256(entry_of(library, "dog"))
        assert windows.take_opened()[-1] == "C:\\embeddings\\sub\\deep\\dog.pt"
    with opened(tmp_path, root) as library:
        found = library.catalogue.select(Filters(sha256[:10])).entries
        assert [seen.name for seen in found] == ["dog"]
        assert library.sha256(found[0].entry) == sha256
    assert windows.take_opened() == []


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize("root", ROOTS)
def test_what_people_chose_is_found(tmp_path: Path, root: str) -> None:
    """An id does not depend on how the drive is written."""
    with opened(tmp_path) as library:
        library.choose(entry_of(library, "dog").place.id, favourite=True)
    with opened(tmp_path, root) as library:
        favourites = library.catalogue.select(Filters(favourite=True)).entries
        assert [seen.name for seen in favourites] == ["dog"]


def test_a_rename_keeps_its_rule(tmp_path: Path, windows: Windows) -> None:
    """The promised id is the next scan's, choices follow it, and no file is read."""
    with opened(tmp_path) as library:
        birb = entry_of(library, "birb")
        library.choose(birb.place.id, favourite=True)
        windows.take_opened()
        id_ = library.files.rename(birb, "fish")
        found = library.find(id_)
        assert found is not None
        assert found.entry.place.path == "sub/fish.pt"
        assert list(found.entry.reading.vectors) == ["clip_l", "clip_g"]
        assert library.catalogue.choice_of(found).favourite
        assert windows.take_opened() == []
    assert sorted(os.listdir(windows.folder / "embeddings" / "sub")) == [
        *("deep", "fish.preview.png", "fish.pt", "fish_2.pt"),
    ]


def test_what_is_gone_is_forgotten(tmp_path: Path, windows: Windows) -> None:
    """A file that comes back is read again; what lies below a silent folder is not."""
    dog, cat = (windows.folder / "embeddings" / path for path in ("sub/deep/dog.pt", "cat.pt"))
    with opened(tmp_path):
        windows.take_opened()
    cat.rename(tmp_path / "cat.pt")
    windows.silent = "C:\\embeddings\\sub"
    with opened(tmp_path) as library:
        assert [seen.entry.place.path for seen in library.view] == ["sub"]
    windows.silent = ""
    (tmp_path / "cat.pt").rename(cat)
    with opened(tmp_path):
        assert windows.take_opened() == ["C:\\embeddings\\cat.pt"]
    assert dog.exists()


@pytest.mark.usefixtures("windows")
def test_entries_below_a_silent_folder_stay(tmp_path: Path, windows: Windows) -> None:
    """Entries below it stay: they are found by the system's own spelling."""
    with opened(tmp_path) as library:
        before = {seen.entry.place for seen in library.view}
        windows.silent = "C:\\embeddings\\sub"
        assert library.rescan().again_in is not None
        stale = {seen.entry.place.path for seen in library.view if seen.entry.stale}
        assert stale == {"sub/birb.pt", "sub/deep/dog.pt"}
        windows.silent = ""
        library.scans.retry()
        assert {seen.entry.place for seen in library.view} == before


@pytest.mark.usefixtures("windows")
def test_folders(tmp_path: Path) -> None:
    """People see folders with slashes, and a root by its name."""
    with opened(tmp_path) as library:
        catalogue = library.catalogue
        assert [(folder.id, folder.title) for folder in catalogue.folders.values()] == [
            ("0:", "embeddings"), ("0:sub", "sub"), ("0:sub/deep", "deep"),
        ]  # fmt: skip
        found = catalogue.select(Filters(folder="0:sub")).entries
        assert [seen.name for seen in found] == ["birb", "dog"]
