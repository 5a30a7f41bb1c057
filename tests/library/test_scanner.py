"""Looking at folders again and again: what stays, what is read, and when to look again."""

from __future__ import annotations

import errno
import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from lib_embeddings.entries import walk as walk_module
from lib_embeddings.entries.entry import Entry, Found, Reading, entry_of
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.walk import Folder, read_folder
from lib_embeddings.library import scanner as scanner_module
from lib_embeddings.library.file_reader import FileReader, Progress, Stopped
from lib_embeddings.library.scanner import Scan, Scanner
from lib_embeddings.limits import LIMITS
from lib_embeddings.stores.index import Index
from tests.entries.disk import Disk
from tests.library import SD1, SDXL, Reader, Writers

T = TypeVar("T")
Answer = TypeVar("Answer")

ERRORS = (errno.EIO, errno.ESTALE, errno.EACCES)


class Clock:
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Scans:
    """Scans of some roots, with a clock that stands still."""

    def __init__(self, *roots: Path) -> None:
        self.root = roots[0]
        self.clock, self.reader, self.writers = Clock(), Reader(), Writers()
        self.index = Index.nowhere()
        self.progress: list[Progress] = []
        self.batches: list[int] = []
        self.width = LIMITS.slow_calls
        files = FileReader(
            self.reader,
            self.index,
            stop=threading.Event(),
            on_progress=self.progress.append,
            width=lambda: self.width,
            clock=self.clock,
        )
        self.scanner = Scanner(tuple(map(str, roots)), files, self.writers)

    def scan(self) -> Scan:
        """Look at all folders."""
        return self.scanner.scan(self._publish)

    def retry(self) -> Scan:
        """Look again at what gave no answer."""
        return self.scanner.retry(self._publish)

    def scan_folders(self, *folders: str) -> Scan:
        """Look at some folders alone, by their paths below the root."""
        return self.scanner.scan_folders(
            [str(self.root / folder) for folder in folders], self._publish
        )

    def scan_changed(self) -> Scan:
        """Look at the folders that have another time."""
        return self.scanner.scan_changed(self._publish)

    def _publish(self) -> None:
        self.batches.append(len(self.scanner.snapshot.entries))

    @property
    def entries(self) -> dict[str, Entry]:
        """Return what is known now, by path."""
        entries = self.scanner.snapshot.entries
        found = {entry.place.path: entry for entry in entries}
        assert len(found) == len(entries)
        return found


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Return a disk that can be told to fail."""
    return Disk(monkeypatch)


@pytest.fixture
def scans(root: Path) -> Scans:
    """Return scans of four folders with a file in each."""
    for folder in (root, root / "a", root / "a" / "b", root / "z"):
        folder.mkdir(exist_ok=True)
        (folder / f"{folder.name}.pt").write_bytes(SD1)
    return Scans(root)


ALL = ["embeddings.pt", "a/a.pt", "a/b/b.pt", "z/z.pt"]


# Folders that do not answer


@pytest.mark.parametrize("number", ERRORS)
@pytest.mark.parametrize(
    ("silent", "below"), [("", ALL), ("a", ALL[1:3]), ("a/b", ALL[2:3]), ("z", ALL[3:])]
)
def test_what_is_below_a_silent_folder_stays(
    scans: Scans, disk: Disk, silent: str, below: list[str], number: int
) -> None:
    """Entries are kept with a warning; the folder is listed with the reason, and tried again."""
    scans.scan()
    before, root = scans.entries, scans.root
    assert sorted(before) == sorted(ALL)
    disk.silence(root / silent, number)
    scan = scans.scan()
    reason = f"this folder cannot be read: {os.strerror(number)}"
    stale = f"its folder did not answer at the last scan ({reason}): this is from the scan before"
    found = scans.entries
    own = found.pop(silent)
    assert (own.reading.state, own.reading.reason, own.stale) == ("broken", reason, None)
    assert {path: entry.stale for path, entry in found.items()} == {
        path: stale if path in below else None for path in ALL
    }
    assert all(found[path].warnings == (stale,) for path in below)
    assert {path: entry._replace(stale=None) for path, entry in found.items()} == before
    assert (scan.is_changed, scan.again_in) == (True, 2.0)
    assert str(root) in scan.answered


@pytest.mark.parametrize("again", ["scan", "retry"])
@pytest.mark.parametrize("silent", ["", "a", "a/b"])
def test_a_folder_that_answers_again(
    root: Path, scans: Scans, disk: Disk, silent: str, again: str
) -> None:
    """All is as it was before, and no file is read for it; what changed meanwhile is."""
    scans.scan()
    before = scans.entries
    scans.reader.take()
    disk.silence(root / silent)
    assert scans.scan().is_changed
    assert not getattr(scans, again)().is_changed
    disk.silent.clear()
    (root / "z" / "new.pt").write_bytes(SD1)
    scan = getattr(scans, again)()
    assert (scan.is_changed, scan.again_in) == (True, None)
    new = scans.entries.pop("z/new.pt")
    assert scans.entries == {**before, "z/new.pt": new}
    assert scans.reader.take() == ["new.pt"]


def test_a_folder_that_is_gone(root: Path, scans: Scans, disk: Disk) -> None:
    """It is not silent: what was below it is gone with it."""
    scans.scan()
    disk.silence(root / "a", errno.ENOENT)
    scan = scans.scan()
    assert sorted(scans.entries) == ["embeddings.pt", "z/z.pt"]
    assert (scan.is_changed, scan.again_in) == (True, None)


def test_a_silent_folder_that_then_is_gone(root: Path, scans: Scans, disk: Disk) -> None:
    """Its entries go when it is known to be gone, after a retry as after a scan."""
    scans.scan()
    disk.silence(root / "a")
    scans.scan()
    disk.silence(root / "a", errno.ENOENT)
    assert scans.retry().again_in is None
    assert sorted(scans.entries) == ["embeddings.pt", "z/z.pt"]


def test_a_neighbour_of_a_silent_folder(root: Path, scans: Scans, disk: Disk) -> None:
    """Only what is inside it is unknown: a folder whose name begins alike may be gone."""
    (root / "a2").mkdir()
    (root / "a2" / "cat.pt").write_bytes(SD1)
    scans.scan()
    disk.silence(root / "a")
    shutil.rmtree(root / "a2")
    scans.scan()
    assert sorted(scans.entries) == sorted([*ALL, "a"])


def test_a_root_that_is_silent_from_the_start(root: Path, scans: Scans, disk: Disk) -> None:
    """It is there, with nothing in it but what is wrong; a retry finds the rest."""
    disk.silence(root)
    scan = scans.scan()
    assert (list(scans.entries), scan.answered) == ([""], {str(root)})
    disk.silent.clear()
    assert scans.retry().is_changed
    assert sorted(scans.entries) == sorted(ALL)


def test_a_silent_folder_inside_a_silent_one(root: Path, scans: Scans, disk: Disk) -> None:
    """Each answers at its own time."""
    scans.scan()
    before = scans.entries
    disk.silence(root / "a" / "b")
    scans.scan()
    disk.silence(root / "a")
    scans.scan()
    assert sorted(scans.entries) == sorted([*ALL, "a", "a/b"])
    del disk.silent[str(root / "a")]
    assert scans.retry().again_in == 2.0
    found = scans.entries
    assert [path for path in ALL if found[path].stale] == ["a/b/b.pt"]
    assert found["a/b"].stale is None
    disk.silent.clear()
    scans.retry()
    assert scans.entries == before


def test_a_linked_folder_that_is_silent(
    root: Path, scans: Scans, disk: Disk, tmp_path: Path
) -> None:
    """A link to a share keeps what was below it, under the link's path."""
    (tmp_path / "share" / "deep").mkdir(parents=True)
    (tmp_path / "share" / "deep" / "cat.pt").write_bytes(SD1)
    (root / "link").symlink_to(tmp_path / "share")
    scans.scan()
    before = scans.entries
    disk.silence(tmp_path / "share")
    scans.scan()
    assert scans.entries["link/deep/cat.pt"].stale
    assert scans.entries["link"].reading.state == "broken"
    disk.silent.clear()
    scans.retry()
    assert scans.entries == before


def test_a_file_is_listed_once_while_its_folder_is_silent(
    root: Path, scans: Scans, disk: Disk
) -> None:
    """A link that still leads below a folder that cannot be listed adds nothing."""
    (root / "link").symlink_to(root / "a" / "b")
    scans.scan()
    disk.unlisted[str(root / "a")] = errno.EACCES
    scans.scan()
    assert sorted(scans.entries) == sorted([*ALL, "a"])


def test_a_file_that_is_written_when_its_folder_answers_again(
    root: Path, scans: Scans, disk: Disk
) -> None:
    """The former entry stays until the writer is done, but no longer as one of a silent folder."""
    scans.scan()
    before = scans.entries["a/a.pt"]
    disk.silence(root / "a")
    scans.scan()
    disk.silent.clear()
    (root / "a" / "a.pt").write_bytes(SDXL)
    scans.writers.seconds_left["a.pt"] = 0.5
    assert scans.scan().again_in == 0.5
    assert scans.entries["a/a.pt"] == before


# Roots


def test_a_root_inside_another_is_there(root: Path, scans: Scans, tmp_path: Path) -> None:
    """Only a root that is nowhere is missing; one whose files go by another root has them there."""
    scans.scan()
    alone = scans.entries
    (tmp_path / "alias").symlink_to(root)
    roots = (root, root / "a", tmp_path / "alias", tmp_path / "missing")
    scans = Scans(*roots)
    scan = scans.scan()
    assert scan.answered == set(map(str, roots[:3]))
    assert scans.entries == alone


def test_a_root_inside_a_silent_one(root: Path, scans: Scans, disk: Disk) -> None:
    """Entries of the outer root stay there, and are not listed twice."""
    scans = Scans(root, root / "a")
    scans.scan()
    before = scans.entries
    disk.unlisted[str(root)] = errno.EIO
    scans.scan()
    assert {entry.place.root for entry in scans.entries.values()} == {str(root)}
    disk.unlisted.clear()
    scans.retry()
    assert scans.entries == before


def test_other_roots(root: Path, scans: Scans, disk: Disk) -> None:
    """A former root is forgotten, also where a new one inside it is silent."""
    scans.scan()
    disk.silence(root / "a")
    scans.scanner.set_roots((str(root / "a"),))
    scans.scan()
    assert {(each.place.root, each.place.path) for each in scans.scanner.snapshot.entries} == {
        (str(root / "a"), "")
    }
    disk.silent.clear()
    scans.reader.take()
    scans.retry()
    assert sorted(scans.entries) == ["a.pt", "b/b.pt"]
    assert scans.reader.take() == []


def test_other_roots_while_folders_are_looked_up(root: Path, scans: Scans) -> None:
    """Whoever looks meanwhile finds no folder without its root."""
    strangers = list[str]()

    class Roots(tuple[str, ...]):
        __slots__ = ()

        def __contains__(self, root: object) -> bool:
            roots = tuple(scans.scanner.roots)
            places = [folder.place for folder in scans.scanner.folders]
            strangers.extend(place.path for place in places if place.root not in roots)
            return super().__contains__(root)

    scans.scan()
    scans.scanner.set_roots(Roots((str(root / "a"),)))
    assert strangers == []


# When to look again


def test_nothing_to_look_for(scans: Scans) -> None:
    """If every file is read and complete, there is nothing to try again."""
    assert scans.scan().again_in is None
    assert not scans.retry().is_changed


def test_incomplete_files(root: Path, scans: Scans, disk: Disk) -> None:
    """It is time when the first writer is done; a retry lists only the folders concerned."""
    scans.scan()
    for path, seconds in (("a/new.pt", 0.9), ("z/new2.pt", 0.4), ("a/b/new3.pt", 0.0)):
        (root / path).write_bytes(SD1)
        scans.writers.seconds_left[path.rpartition("/")[2]] = seconds
    assert scans.scan().again_in == pytest.approx(0.4)
    assert sorted(scans.entries) == sorted([*ALL, "a/b/new3.pt"])
    disk.listed.clear()
    scans.writers.seconds_left = {"new.pt": 0.5}
    assert scans.retry().again_in == 0.5
    assert disk.listed == {str(root / "a"): 1, str(root / "z"): 1}
    assert sorted(scans.entries) == sorted([*ALL, "a/b/new3.pt", "z/new2.pt"])
    disk.listed.clear()
    scans.writers.seconds_left.clear()
    assert scans.retry()[:3] == (True, {str(root)}, None)
    assert disk.listed == {str(root / "a"): 1}
    assert "a/new.pt" in scans.entries


def test_incomplete_files_on_a_slow_disk(
    root: Path, scans: Scans, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retries take at most a tenth of the time, however soon a writer may be done."""

    def read_slowly(*arguments: Any, **named: Any) -> Folder | None:
        scans.clock.now += 0.5
        return read_folder(*arguments, **named)

    scans.scan()
    (root / "a" / "new.pt").write_bytes(SD1)
    scans.writers.seconds_left["new.pt"] = 0.1
    scans.scan()
    monkeypatch.setattr(scanner_module, "read_folder", read_slowly)
    assert scans.retry().again_in == 10 * 0.5


def test_a_file_that_could_not_be_opened(root: Path, scans: Scans, disk: Disk) -> None:
    """It is tried again a second later; what was read is not, and no other folder is listed."""
    locked = Place.of_root(root).inside("a").inside("a.pt")
    is_locked = [True]

    def read(found: Found) -> Entry:
        if is_locked and found.place == locked:
            return entry_of(
                found, Reading("broken", "this file cannot be read: locked", is_transient=True)
            )
        return Reader()(found)

    scans.scanner._files.read = read
    assert scans.scan().again_in == 1.0
    before = scans.entries
    disk.listed.clear()
    for _ in range(3):
        assert scans.retry().again_in == 1.0
        assert scans.entries == before
    assert disk.listed == {str(root / "a"): 3}
    is_locked.clear()
    assert scans.retry().again_in is None
    assert scans.entries["a/a.pt"].reading.state == "ok"


def test_a_file_that_the_disk_does_not_answer_for(
    root: Path, scans: Scans, disk: Disk, tmp_path: Path
) -> None:
    """It is tried again as one that cannot be opened."""
    (tmp_path / "elsewhere.pt").write_bytes(SD1)
    (root / "z" / "link.pt").symlink_to(tmp_path / "elsewhere.pt")
    disk.silence(tmp_path / "elsewhere.pt")
    assert scans.scan().again_in == 1.0
    assert scans.entries["z/link.pt"].reading.is_transient
    assert scans.retry().again_in == 1.0
    disk.silent.clear()
    disk.listed.clear()
    assert scans.retry().again_in is None
    assert disk.listed == {str(root / "z"): 1}
    assert scans.entries["z/link.pt"].reading.state == "ok"


def test_a_silent_folder_is_asked_alone(root: Path, scans: Scans, disk: Disk) -> None:
    """While it gives no answer no other folder is listed; once it does, all are, once."""
    scans.scan()
    disk.unlisted[str(root / "a")] = errno.EIO
    scans.scan()
    disk.listed.clear()
    for _ in range(3):
        assert scans.retry().again_in == 2.0
    assert disk.listed == {str(root / "a"): 3}
    disk.unlisted.clear()
    disk.listed.clear()
    scans.retry()
    assert disk.listed == {
        str(root): 1, str(root / "a"): 2, str(root / "a" / "b"): 1, str(root / "z"): 1,
    }  # fmt: skip


def test_a_folder_that_goes_before_the_retry(root: Path, scans: Scans) -> None:
    """Where a file was incomplete there may be nothing now, nor below it."""
    scans.scan()
    (root / "a" / "new.pt").write_bytes(SD1)
    scans.writers.seconds_left["new.pt"] = 0.5
    scans.scan()
    (root / "a").rename(root / "moved")
    scans.retry()
    assert sorted(scans.entries) == [
        *("embeddings.pt", "moved/a.pt", "moved/b/b.pt", "z/z.pt"),
    ]


# Batches


def test_batches(root: Path, scans: Scans) -> None:
    """Entries are shown at most twice a second, and less often where showing takes long."""
    for number in range(20):
        (root / f"{number}.pt").write_bytes(SD1)

    def work() -> None:
        scans.clock.now += 0.2

    scans.reader.before_each = work
    scans.scan()
    assert scans.batches == [3, 6, 9, 12, 15, 18, 21, 24]
    assert [each.total for each in scans.progress] == [24] * 24


def test_slow_batches(root: Path, scans: Scans, monkeypatch: pytest.MonkeyPatch) -> None:
    """Saving and showing take a tenth of the time at most."""
    for number in range(20):
        (root / f"{number}.pt").write_bytes(SD1)

    def save() -> None:
        scans.clock.now += 0.25

    def work() -> None:
        scans.clock.now += 0.5

    monkeypatch.setattr(scans.index, "save", save)
    scans.reader.before_each = work
    scans.scan()
    assert scans.batches == [1, 6, 11, 16, 21]


# Some folders alone


LONG_AGO = 1_000_000_000


def age(*folders: Path) -> None:
    """Let folders have changed long ago."""
    for folder in folders:
        os.utime(folder, (LONG_AGO, LONG_AGO))


def test_one_folder_is_listed_alone(root: Path, scans: Scans, disk: Disk) -> None:
    """All changes in it are found; no other folder costs anything."""
    scans.scan()
    (root / "a" / "new.pt").write_bytes(SD1)
    (root / "a" / "a.pt").unlink()
    (root / "z" / "unseen.pt").write_bytes(SD1)
    disk.listed.clear()
    assert scans.scan_folders("a").is_changed
    assert disk.listed == {str(root / "a"): 1}
    assert sorted(scans.entries) == sorted({*ALL, "a/new.pt"} - {"a/a.pt"})
    assert not scans.scan_folders("a").is_changed


@pytest.mark.parametrize("what", ["a new folder", "a folder that is gone", "an unknown folder"])
def test_where_folders_changed_all_are_listed(root: Path, scans: Scans, what: str) -> None:
    """Nobody knows what is below them."""
    scans.scan()
    (root / "z" / "new.pt").write_bytes(SD1)
    folder = "a"
    if what == "a new folder":
        (root / "a" / "c").mkdir()
    elif what == "a folder that is gone":
        shutil.rmtree(root / "a")
    else:
        folder = "unknown"
    scans.scan_folders(folder)
    assert "z/new.pt" in scans.entries


def test_before_the_first_scan_all_are_listed(scans: Scans) -> None:
    """An event may be first."""
    scans.scan_folders("a")
    assert sorted(scans.entries) == sorted(ALL)


def test_a_scan_of_one_folder_puts_off_no_other(root: Path, scans: Scans) -> None:
    """A file that is waited for elsewhere is read when it is due, however much happens here."""
    scans.scan()
    (root / "z" / "late.pt").write_bytes(SD1)
    scans.writers.seconds_left = {"late.pt": 1.0}
    assert scans.scan().again_in == 1.0
    for _ in range(3):
        scans.clock.now += 0.25
        (root / "a" / "a.pt").touch()
        scan = scans.scan_folders("a")
    assert scan.again_in == 0.25


def test_the_time_of_a_folder_tells(root: Path, scans: Scans, disk: Disk) -> None:
    """Only folders with another time are listed; files written in place are not found."""
    age(root, root / "a", root / "a" / "b", root / "z")
    scans.scan()
    disk.listed.clear()
    assert not scans.scan_changed().is_changed
    assert not disk.listed
    (root / "a" / "b" / "new.pt").write_bytes(SD1)
    (root / "z" / "z.pt").write_bytes(SD1 + b"more")
    assert scans.scan_changed().is_changed
    assert disk.listed == {str(root / "a" / "b"): 1}
    assert sorted(scans.entries) == sorted([*ALL, "a/b/new.pt"])


def test_a_folder_that_changed_just_now_is_listed_again(
    root: Path, scans: Scans, disk: Disk
) -> None:
    """A disk may give the next change the same time: FAT counts in steps of two seconds."""
    age(root / "a", root / "a" / "b", root / "z")
    scans.scan()
    disk.listed.clear()
    scans.scan_changed()
    assert disk.listed == {str(root): 1}
    age(root)
    scans.scan_changed()
    disk.listed.clear()
    scans.scan_changed()
    assert not disk.listed


# Slow disks


class SlowDisk:
    """A disk as over a network; notes how much it is asked for at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._lock = threading.Lock()
        self._now = self.most = 0
        monkeypatch.setattr(walk_module, "_Asked", self.slowed(walk_module._Asked))

    def slowed(self, call: Callable[[T], Answer]) -> Callable[[T], Answer]:
        """Return a function that has to ask this disk."""

        def call_slowly(about: T) -> Answer:
            with self._lock:
                self._now += 1
                self.most = max(self.most, self._now)
            time.sleep(0.01)
            with self._lock:
                self._now -= 1
                return call(about)

        return call_slowly


@pytest.fixture
def slow_disk(root: Path, scans: Scans, monkeypatch: pytest.MonkeyPatch) -> SlowDisk:
    """Let the scans ask a slow disk, on which there are 300 more files."""
    disk = SlowDisk(monkeypatch)
    scans.scanner._files.read = disk.slowed(scans.reader)
    for number in range(300):
        (root / f"{number}.pt").write_bytes(SD1)
    return disk


def test_a_slow_disk_is_asked_for_many_files_at_once(scans: Scans, slow_disk: SlowDisk) -> None:
    """Each is read once, and all are there, in order of their progress."""
    scans.scan()
    assert sorted(scans.entries) == sorted([*ALL, *(f"{number}.pt" for number in range(300))])
    assert 1 < slow_disk.most <= LIMITS.slow_calls
    assert [progress.read for progress in scans.progress] == list(range(1, 305))


def test_a_slow_disk_is_asked_more_narrowly(scans: Scans, slow_disk: SlowDisk) -> None:
    """The width is asked for again and again, by a scan's walk and while it reads."""
    most_one_by_one = 0

    def widen(progress: Progress) -> None:
        nonlocal most_one_by_one
        if progress.read == 50:
            most_one_by_one = slow_disk.most
            scans.width = LIMITS.slow_calls

    scans.width = 1
    scans.scanner._files.on_progress = widen
    scans.scan()
    assert most_one_by_one == 1
    assert slow_disk.most > 1


@pytest.mark.usefixtures("slow_disk")
def test_a_stop_ends_what_is_read_at_once(scans: Scans) -> None:
    """Nothing is begun any more."""
    stop = threading.Event()
    scans.scanner._files.stop = stop
    scans.scanner._files.on_progress = lambda progress: progress.read == 10 and stop.set()
    with pytest.raises(Stopped):
        scans.scan()
    assert len(scans.reader.paths) < 150
