"""What a scan costs, when to try again, and how soon it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lib_embeddings.entries.entry import Entry, Found, Reading, entry_of
from lib_embeddings.entries.walk import Folder, walk
from lib_embeddings.library import scanner as scanner_module
from lib_embeddings.library.library import Library
from lib_embeddings.limits import REST
from lib_embeddings.stores.index import Index

RETRY = scanner_module._RETRY_FILE


class SlowDisk:
    """A disk on which all takes the time it is told, and files may be locked."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.list_seconds = self.read_seconds = 0.0
        self.locked: set[str] = set()
        self.incomplete: dict[str, float] = {}
        self.asked = 0
        self.stop = threading.Event()
        self.before_waiting: Callable[[], object] = lambda: None
        self.library = Library(
            [root], Index.nowhere(), read=self._read, wait=self._wait, stop=self.stop
        )
        scanner = self.library.scans._scanner
        scanner._clock = scanner._files.clock = lambda: self.now
        monkeypatch.setattr(scanner_module, "walk", self._walk)

    def _walk(self, *arguments: Any, **named: Any) -> Iterator[Folder]:
        for folder in walk(*arguments, **named):
            self.now += self.list_seconds
            yield folder

    def _read(self, found: Found) -> Entry:
        self.now += self.read_seconds
        return entry_of(
            found, Reading("broken", "test", is_transient=found.place.filename in self.locked)
        )

    def _wait(self, path: str, _size: int, _mtime_ns: int) -> float:
        self.asked += 1
        self.before_waiting()
        return self.incomplete.get(Path(path).name, 0.0)


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SlowDisk:
    """Return a slow disk with one file."""
    (tmp_path / "a.pt").touch()
    return SlowDisk(tmp_path, monkeypatch)


def test_the_cost_is_that_of_listing(disk: SlowDisk) -> None:
    """A new file is read once, and not by every later scan."""
    disk.list_seconds, disk.read_seconds = 3.0, 60.0
    assert disk.library.rescan().cost == 3.0
    assert disk.library.rescan().cost == 3.0


def test_a_file_that_cannot_be_read_costs_time_with_every_scan(disk: SlowDisk) -> None:
    """It is read again and again."""
    disk.list_seconds, disk.read_seconds, disk.locked = 3.0, 20.0, {"a.pt"}
    assert disk.library.rescan().cost == 23.0
    assert disk.library.rescan().cost == 23.0


def test_a_scan_that_read_much_does_not_put_off_what_it_could_not_read(
    disk: SlowDisk, tmp_path: Path
) -> None:
    """A file that was locked at first is tried again at once."""
    (tmp_path / "b.pt").touch()
    disk.list_seconds, disk.read_seconds, disk.locked = 3.0, 60.0, {"a.pt"}
    assert disk.library.rescan().again_in == 0.0


def test_a_slow_disk_is_tried_again_a_tenth_of_the_time(disk: SlowDisk) -> None:
    """A file that takes long to fail is not asked for all the time."""
    disk.read_seconds, disk.locked = 20.0, {"a.pt"}
    disk.library.rescan()
    assert disk.library.scans.retry().again_in == 20.0 * REST
    disk.read_seconds = 0.0
    assert disk.library.scans.retry().again_in == RETRY
    disk.locked.clear()
    assert disk.library.scans.retry().again_in is None


def test_the_first_file_to_be_complete_says_when(disk: SlowDisk, tmp_path: Path) -> None:
    """Files of one folder and of several are waited for no longer than the first of them."""
    disk.library.rescan()
    (tmp_path / "sub").mkdir()
    for name in ("b.pt", "c.pt", "sub/d.pt"):
        (tmp_path / name).touch()
    disk.incomplete = {"b.pt": 0.75, "c.pt": 0.5, "d.pt": 0.625}
    assert disk.library.rescan().again_in == 0.5
    del disk.incomplete["c.pt"]
    assert disk.library.scans.retry().again_in == 0.625
    disk.incomplete.clear()
    assert disk.library.scans.retry().again_in is None
    assert [seen.name for seen in disk.library.view] == ["a", "b", "c", "d"]


def test_a_stop_does_not_wait_until_all_files_were_asked_about(
    disk: SlowDisk, tmp_path: Path
) -> None:
    """Telling whether a file is complete may take as long as reading it."""
    disk.library.rescan()
    for number in range(9):
        (tmp_path / f"{number}.pt").touch()
    disk.before_waiting = disk.stop.set
    disk.library.rescan()
    assert disk.asked == 1
