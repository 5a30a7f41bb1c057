"""A later start: what is remembered is shown first, and is made true by the scan behind it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from lib_embeddings.entries import walk as walk_module
from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.walk import CLOCK_GRAIN_NS, Identity
from lib_embeddings.library.library import Library
from lib_embeddings.stores import index as index_module
from lib_embeddings.stores.index import Index
from tests.library import SD1, SDXL, Reader, names

LONG_AGO = 10**18


def settle(root: Path) -> None:
    """Make all in a folder older than the clock's grain."""
    for path in (root, *root.rglob("*")):
        status = path.stat()
        os.utime(path, ns=(LONG_AGO, status.st_mtime_ns - 10 * CLOCK_GRAIN_NS))


class Start:
    """A process that starts: what it shows one after another, and which files it reads."""

    def __init__(self, index: Path, *roots: Path) -> None:
        self.shown: list[dict[str, Entry]] = []
        self.reader = Reader()
        with Index.open(str(index)) as opened:
            library = Library(roots, opened, read=self.reader)
            library.subscribe(lambda *_: self.shown.append(entries_of(library)))
            self.result = library.rescan()
            self.entries = entries_of(library)

    @property
    def read(self) -> list[str]:
        """The names of the files that were opened."""
        return sorted(self.reader.take())


def entries_of(library: Library) -> dict[str, Entry]:
    """Return what is listed, by path."""
    return {seen.entry.place.path: seen.entry for seen in library.view}


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """Return where an index may lie."""
    return tmp_path / "index.sqlite"


@pytest.fixture
def known(root: Path, index: Path) -> Path:
    """Return a root with folders, companions and a pair, which an earlier process has scanned."""
    for path in ("a.pt", "x/b.pt", "x/y/c.safetensors", "z/d.pt"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(SD1)
    (root / "x" / "b.preview.png").write_bytes(b"a picture")
    (root / "x" / "b.json").write_text("{}")
    (root / "z" / "broken.pt").write_bytes(b"<html>")
    settle(root)
    Start(index, root)
    return root


@contextmanager
def listings(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Note which folders of a root are listed."""
    listed: list[str] = []
    scandir = os.scandir

    def note(path: str) -> object:
        if os.path.abspath(path).startswith(str(root)):
            listed.append(os.path.basename(path))
        return scandir(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", note)
        yield listed


def test_a_later_start_shows_all_before_it_lists_any_folder(
    known: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Companions included; and the scan behind finds nothing new."""
    fresh = Start(index.with_name("other"), known).entries
    at_show: list[int] = []
    with listings(known, monkeypatch) as listed, Index.open(str(index)) as opened:
        library = Library([known], opened)
        library.subscribe(lambda *_: at_show.append(len(listed)))
        result = library.rescan()
        entries = entries_of(library)
        assert not library.rescan().changes
    assert at_show == [0]
    assert sorted(listed) == sorted(2 * [known.name, "x", "y", "z"])
    assert entries == fresh
    assert entries["x/b.pt"].companions
    assert len(result.changes.added) == len(fresh)


@pytest.mark.parametrize("below", [False, True])
def test_what_a_scan_of_another_root_remembered_is_not_shown(
    known: Path, index: Path, caplog: pytest.LogCaptureFixture, below: bool
) -> None:
    """A folder may be scanned alone, and with all around it: each list has paths of its own."""
    Start(index, known / "x")
    if below:
        Start(index, known)
    root = known / "x" if below else known
    start = Start(index, root)
    assert start.entries == Start(index.with_name("other"), root).entries
    for shown in start.shown:
        assert shown == {path: start.entries.get(path) for path in shown}
    assert not start.read
    assert not caplog.messages


def test_a_folder_that_becomes_a_root_is_not_called_missing(
    known: Path, index: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Remembered as part of another root, it is there; its files have their new paths at once."""
    roots = (known / "x", known)
    start = Start(index, *roots)
    assert start.entries == Start(index.with_name("other"), *roots).entries
    for shown in start.shown:
        assert shown == {path: start.entries.get(path) for path in shown}
    assert not start.read
    assert not caplog.messages


def rewrite(path: Path, content: bytes) -> None:
    """Write a file in place, which does not change its folder's own time."""
    path.write_bytes(content)
    os.utime(path, ns=(LONG_AGO, LONG_AGO + 77))


def write_over_a_folder(folder: Path) -> None:
    """Put a file in the place of a folder."""
    shutil.rmtree(folder)
    folder.write_bytes(SD1)


def empty(folder: Path) -> None:
    """Delete all that is in a folder."""
    shutil.rmtree(folder)
    folder.mkdir()


CHANGES: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "nothing": (lambda _: None, []),
    "a file came": (lambda root: (root / "x" / "new.pt").write_bytes(SD1), ["new.pt"]),
    "a file went": (lambda root: (root / "x" / "b.pt").unlink(), []),
    "a file was renamed": (lambda root: (root / "a.pt").rename(root / "e.pt"), ["e.pt"]),
    "a file was written in place": (lambda root: rewrite(root / "a.pt", SDXL), ["a.pt"]),
    "a companion came": (lambda root: (root / "z" / "d.png").write_bytes(b"p"), []),
    "a companion was written in place": (lambda root: rewrite(root / "x" / "b.json", b"[]"), []),
    "a folder came": (
        lambda root: shutil.copytree(root / "x", root / "w"),
        ["b.pt", "c.safetensors"],
    ),
    "a folder went": (lambda root: shutil.rmtree(root / "x"), []),
    "a folder was renamed": (
        lambda root: (root / "x").rename(root / "v"),
        ["b.pt", "c.safetensors"],
    ),
    "a file took a folder's place": (lambda root: write_over_a_folder(root / "z"), ["z"]),
    "a link to a folder came": (
        lambda root: (root / "link").symlink_to(root / "x", target_is_directory=True),
        [],
    ),
    "all went": (empty, []),
}


def test_folders_that_could_not_be_saved(
    root: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next save writes them, so that the next start can show what is in them."""

    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("disk full")

    (root / "a.pt").write_bytes(SD1)
    settle(root)
    with Index.open(str(index)) as opened, monkeypatch.context() as patch:
        patch.setattr(index_module, "write", fail)
        Library([root], opened).rescan()
    with Index.open(str(index)) as opened:
        opened.read([str(root)])
        assert [folder.place.full_path for folder, _ in opened.recall()] == [str(root)]


def progress_shown(library: Library) -> list[bool]:
    """Return a list that gets, for each generation, whether a scan is said to go on."""
    shown = list[bool]()
    library.subscribe(lambda *_: shown.append(library.progress is not None))
    return shown


@pytest.mark.parametrize("change", CHANGES)
def test_a_list_without_a_new_folder_is_not_called_whole(
    known: Path, index: Path, change: str
) -> None:
    """Nothing says that a scan still goes on, unless a folder is new."""
    make, _ = CHANGES[change]
    make(known)
    with Index.open(str(index)) as opened:
        library = Library([known], opened)
        progress = progress_shown(library)
        library.rescan()
    has_new_folder = change in {"a folder came", "a folder was renamed", "a link to a folder came"}
    assert progress[0] is has_new_folder
    assert library.progress is None


def test_a_list_that_was_not_called_whole_is_when_it_is(known: Path, index: Path) -> None:
    """Whoever was told that a scan goes on is told of its end, even if it found nothing new."""
    (known / "empty").mkdir()
    settle(known)
    with Index.open(str(index)) as opened:
        library = Library([known], opened)
        progress = progress_shown(library)
        library.rescan()
        assert progress == [True, False]
        library.rescan()
    assert progress == [True, False]


@pytest.mark.parametrize("change", CHANGES)
def test_what_changed_meanwhile_is_true_after_the_first_scan(
    known: Path, index: Path, change: str
) -> None:
    """Only new files are read, and their readings are remembered for the next start."""
    make, new = CHANGES[change]
    make(known)
    fresh = Start(index.with_name("other"), known).entries
    start = Start(index, known)
    assert start.entries == fresh
    assert {entry.place.path for entry in start.result.changes.added} == fresh.keys()
    assert start.read == new
    settle(known)
    Start(index, known)
    with_no_news = Start(index, known)
    assert with_no_news.shown == [Start(index.with_name("another"), known).entries]
    assert with_no_news.read == []


def test_a_change_within_the_clocks_grain_is_not_missed(root: Path, index: Path) -> None:
    """A folder whose time is so young that it may stay the same is scanned again."""
    (root / "a.pt").write_bytes(SD1)
    Start(index, root)
    status = root.stat()
    (root / "b.pt").write_bytes(SD1)
    os.utime(root, ns=(LONG_AGO, status.st_mtime_ns))
    assert Start(index, root).shown[0].keys() == {"a.pt", "b.pt"}


def test_a_disk_may_get_another_number(
    known: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shares and containers number theirs anew at each restart."""

    def identify(folder: str) -> tuple[Identity, int | None]:
        (_, inode), mtime_ns = real(folder)
        return (7, inode), mtime_ns

    real: Any = walk_module.identify
    monkeypatch.setattr(walk_module, "identify", identify)
    monkeypatch.setattr(walk_module, "identify", identify)
    with listings(known, monkeypatch) as listed, Index.open(str(index)) as opened:
        library = Library([known], opened)
        first: list[int] = []
        library.subscribe(lambda *_: first.append(len(listed)))
        library.rescan()
    assert first == [0]


def test_a_root_that_is_missing_comes_back_without_being_read(
    known: Path, index: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A start without it forgets nothing of it."""
    away = known.rename(known.with_name("away"))
    assert Start(index, known).entries == {}
    assert caplog.text.count("is missing") == 1
    away.rename(known)
    start = Start(index, known)
    assert start.read == []
    assert len(start.shown) == 1


def test_where_one_root_is_not_known_all_are_scanned(
    known: Path, index: Path, tmp_path: Path
) -> None:
    """Its files are read, the others' are not."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "o.pt").write_bytes(SD1)
    start = Start(index, known, other)
    assert start.read == ["o.pt"]
    assert len(start.entries) == 6


def test_roots_may_lie_in_each_other(known: Path, index: Path) -> None:
    """A folder goes by the root that came to it first, also when the order is another."""
    for roots in ([known, known / "x"], [known / "x", known], [known / "x"]):
        fresh = Start(index.with_name("other"), *roots)
        for _ in range(2):
            assert Start(index, *roots).entries == fresh.entries


@pytest.mark.parametrize("text", ["", "[]", "{}", "[[1],[2],false]", "[[],[],[[[1]]]]"])
def test_a_damaged_row_costs_a_scan(known: Path, index: Path, text: str) -> None:
    """Nothing else is lost."""
    fresh = Start(index.with_name("other"), known).entries
    with closing(sqlite3.connect(index)) as connection, connection:
        connection.execute("UPDATE folders SET inside = ?", (text,))
    start = Start(index, known)
    assert start.entries == fresh
    assert start.read == []


def test_a_folder_of_which_a_file_is_not_remembered_is_scanned(known: Path, index: Path) -> None:
    """A reader that was fixed reads again the files that it refused, before anything is shown."""
    with closing(sqlite3.connect(index)) as connection, connection:
        connection.execute("UPDATE reader SET signature = 'another'")
    start = Start(index, known)
    assert start.read == ["broken.pt"]
    assert start.shown[0].keys() == start.entries.keys()


def test_an_index_remembers_no_folder_that_is_gone(known: Path, index: Path) -> None:
    """Nor one whose name is not text."""
    shutil.rmtree(known / "x")
    with suppress(OSError):  # some systems have only names that are text
        os.mkdir(os.fsencode(known) + b"/\xff")
    settle(known)
    Start(index, known)
    with closing(sqlite3.connect(index)) as connection:
        paths = {path for (path,) in connection.execute("SELECT path FROM folders")}
    assert paths <= {str(known), str(known / "z")}
    assert str(known / "z") in paths


def test_a_stop_ends_it(known: Path, index: Path) -> None:
    """Nothing is shown then, and the next start has all."""
    stop = threading.Event()
    stop.set()
    with Index.open(str(index)) as opened:
        library = Library([known], opened, stop=stop)
        assert not library.rescan().changes
        assert names(library) == []
    assert len(Start(index, known).shown) == 1
