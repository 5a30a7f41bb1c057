"""Whatever happens to the folders meanwhile: in the end a library has what a fresh one finds."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from lib_embeddings.entries.entry import Entry, Found, Reading, entry_of
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.read import read_file
from lib_embeddings.entries.snapshot import Changes
from lib_embeddings.errors import MoveError
from lib_embeddings.library.library import Library
from lib_embeddings.stores.index import Index
from tests.builders import png, png_text, safetensors_file, torch_zip, vectors
from tests.entries.disk import Disk
from tests.library import SD1, SDXL, Writers

CONTENTS = (
    SD1,
    SDXL,
    safetensors_file({"<cat>": vectors(2)}),  # with the next one a pair
    safetensors_file({"<cat>": vectors(2, 1280)}),
    torch_zip(),
    SD1[:-1],
    b"",
    png(),
    png_text(),
    b'{"notes": "n"}',
)
FILES = tuple(
    f"{stem}{suffix}"
    for stem in ("cat", "cat_2", "Cat", "cat.preview", "dog")
    for suffix in (".pt", ".safetensors", ".png", ".json", ".part")
)
FOLDERS = ("one", "one/a", "one/a/b", "one/c.pt", "two", "two/a", "elsewhere", "elsewhere/d")
ERRORS = (errno.EIO, errno.ESTALE, errno.EACCES)


class Storm:
    """Random changes of two roots, of one inside the first, and of a folder that links lead to."""

    def __init__(self, top: Path, random: Random, disk: Disk) -> None:
        self.top = top
        self._random = random
        self._disk = disk
        self._writes = 0
        self.is_bringing = False
        self.writers = Writers()
        self._locked: set[str] = set()
        for folder in FOLDERS:
            (top / folder).mkdir()
        self.library = self.open(read=self._read)

    def open(self, read: Callable[[Found], Entry] = read_file) -> Library:
        """Open a library that knows nothing yet."""
        return Library(self._roots(3), Index.nowhere(), read=read, wait=self.writers)

    def _roots(self, n_roots: int) -> list[str]:
        return [str(self.top / name) for name in ("one", "two", "one/a")[:n_roots]]

    def blow(self) -> None:
        """Let one thing happen; what the file system refuses does not."""
        happenings = (
            *(self._write,) * 6,
            *(self._delete, self._rename, self._move_folder, self._link) * 2,
            *(self._silence, self._answer, self._hesitate, self._lock),
            *(self._scan, self._retry, self._retry, self._rename_in_library),
        )
        with suppress(OSError, MoveError):
            self._random.choice(happenings)()

    def calm(self) -> None:
        """Let all folders answer, all writers be done, and no file be locked."""
        self._disk.silent.clear()
        self._disk.unlisted.clear()
        self.writers.seconds_left.clear()
        self._locked.clear()

    def _folder(self) -> Path:
        return self.top / self._random.choice(FOLDERS)

    def _file(self) -> Path:
        return self._folder() / self._random.choice(FILES)

    def _write(self) -> None:
        file = self._file()
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(self._random.choice(CONTENTS))
        self._writes += 1  # no two files are equally old: that is what tells them apart
        os.utime(file, ns=(0, self._writes))

    def _delete(self) -> None:
        path = self._random.choice((self._file, self._file, self._folder))()
        if path.is_symlink() or path.is_file():
            path.unlink()
        else:
            shutil.rmtree(path)

    def _rename(self) -> None:
        self._file().rename(self._file())

    def _move_folder(self) -> None:
        self._folder().rename(self._folder())

    def _link(self) -> None:
        name = self._random.choice(("cat.pt", "link", "my.link"))
        target = self._random.choice((self._file, self._folder))()
        (self._folder() / name).symlink_to(target)

    def _silence(self) -> None:
        silent = self._random.choice((self._disk.silent, self._disk.unlisted))
        silent[str(self._folder())] = self._random.choice(ERRORS)

    def _answer(self) -> None:
        for silent in (self._disk.silent, self._disk.unlisted):
            if silent:
                del silent[self._random.choice(list(silent))]

    def _hesitate(self) -> None:
        name = self._random.choice(FILES)
        self.writers.seconds_left[name] = self._random.choice((0.0, 0.5))

    def _lock(self) -> None:
        self._locked ^= {self._random.choice(FILES)}

    def _bring(self) -> None:
        """Let things happen while a scan reads a file, and then let somebody bring a name."""
        self.is_bringing = False  # not while this reads a file
        happenings = (self._write, self._write, self._delete, self._rename, self._move_folder)
        scans = self.library.scans
        for happen in (*self._random.choices(happenings, k=2), scans._show_batch):
            if self._random.random() < 0.6:
                with suppress(OSError):
                    happen()
        if self._random.random() < 0.1:  # as `set_roots` does before its own scan
            scans.roots = tuple(self._roots(self._random.randint(1, 3)))
        scans.bring([self._random.choice(("cat", "dog"))])
        assert entries_of(self.library) is not None  # a view of it can be made
        self.is_bringing = True

    def _read(self, found: Found) -> Entry:
        if self.is_bringing and self._random.random() < 0.3:
            self._bring()
        if found.place.filename in self._locked:
            return entry_of(
                found, Reading("broken", "this file cannot be read: locked", is_transient=True)
            )
        return read_file(found)

    def _scan(self) -> None:
        self.library.rescan()

    def _retry(self) -> None:
        self.library.scans.retry()

    def _rename_in_library(self) -> None:
        entries = entries_of(self.library)
        if entries:
            self.library.files.rename(
                self._random.choice(entries), self._random.choice(("cow", "dog"))
            )


def entries_of(library: Library) -> list[Entry]:
    """Return what a library lists."""
    return [seen.entry for seen in library.view]


@pytest.mark.parametrize("seed", range(20))
def test_a_storm_ends_with_the_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """After random changes, errors and scans the list, and its view, equal those of a fresh one."""
    disk = Disk(monkeypatch)
    storm = Storm(tmp_path, Random(seed), disk)
    for _ in range(6):
        for _ in range(60):
            storm.blow()
            entries = entries_of(storm.library)
            assert len({entry.place for entry in entries}) == len(entries)
        storm.calm()
        assert storm.library.rescan().again_in is None
        fresh = storm.open()
        fresh.rescan()
        assert list(storm.library.view) == list(fresh.view)
        assert storm.library.missing_roots == fresh.missing_roots
        assert not storm.library.rescan().changes


@pytest.mark.parametrize("seed", range(10))
def test_what_was_brought_in_a_storm_gives_way_to_the_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """The next scan after the one in which files were brought has what a fresh one finds."""
    storm = Storm(tmp_path, Random(seed), Disk(monkeypatch))
    for _ in range(6):
        for _ in range(40):
            storm.is_bringing = True
            storm.blow()
            entries = entries_of(storm.library)
            assert len({entry.place for entry in entries}) == len(entries)
        storm.calm()
        storm.is_bringing = True
        storm.library.rescan()
        storm.is_bringing = False
        storm.library.scans.set_roots(storm.open().roots)
        fresh = storm.open()
        fresh.rescan()
        assert list(storm.library.view) == list(fresh.view)
        assert not storm.library.scans._ahead.folders


@pytest.mark.parametrize("seed", range(5))
def test_the_news_of_a_storm_add_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """All changes from the beginning add up to the list."""
    storm = Storm(tmp_path, Random(seed), Disk(monkeypatch))
    known: dict[Place, Entry] = {}

    def follow(_generation: int, changes: Changes) -> None:
        added, modified, deleted = changes
        assert known.keys().isdisjoint(entry.place for entry in added)
        known.update({entry.place: entry for entry in (*added, *modified)})
        for entry in deleted:
            del known[entry.place]

    storm.library.subscribe(follow)
    for _ in range(200):
        storm.blow()
        storm._scan()
        assert known == {entry.place: entry for entry in entries_of(storm.library)}
