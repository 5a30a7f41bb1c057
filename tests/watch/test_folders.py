"""The watcher on real folders, with the system's own events."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lib_embeddings.watch.pace import Pace

from lib_embeddings.watch.watcher import Watcher
from tests.watch.fakes import Owner

# Polls are far apart, so that it is events that the tests see; only missing roots are polled.
PACE = Pace(quiet=0.05, ceiling=0.5, stand_still=0.2, poll=600, missing_poll=0.05)


@contextmanager
def watched(*roots: Path, pace: Pace = PACE) -> Iterator[Owner]:
    """Watch some roots for an owner who has scanned once."""
    owner = Owner(*roots)
    watcher = Watcher(roots, lambda: owner.scan(watcher), pace=pace)
    with watcher:
        assert owner.reach(1)
        yield owner


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a folder with one file."""
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a.pt").write_bytes(b"a")
    return tmp_path / "root"


@pytest.fixture
def owner(root: Path) -> Iterator[Owner]:
    """Give an owner of the watched root who has read its file."""
    with watched(root) as owner:
        owner.until(lambda: str(root / "a.pt") in owner.contents)
        yield owner


def has(owner: Owner, contents: dict[Path, bytes]) -> Callable[[], bool]:
    """Return whether the owner holds these files and no others, to be asked again."""
    return lambda: owner.contents == {str(path): data for path, data in contents.items()}


def test_a_file_copied_in(owner: Owner, root: Path, tmp_path: Path) -> None:
    """A copy is read."""
    shutil.copy2(root / "a.pt", tmp_path / "b.pt")
    shutil.copy2(tmp_path / "b.pt", root / "b.pt")
    owner.until(has(owner, {root / "a.pt": b"a", root / "b.pt": b"a"}))


def test_a_file_overwritten_in_place(owner: Owner, root: Path) -> None:
    """New bytes under the same name are read."""
    (root / "a.pt").write_bytes(b"A")
    owner.until(has(owner, {root / "a.pt": b"A"}))


def test_a_file_renamed(owner: Owner, root: Path) -> None:
    """A rename takes one name away and brings another."""
    (root / "a.pt").rename(root / "b.pt")
    owner.until(has(owner, {root / "b.pt": b"a"}))


def test_a_download_renamed_to_its_real_name(owner: Owner, root: Path) -> None:
    """A browser's file counts from its rename on."""
    (root / "b.pt.crdownload").write_bytes(b"b")
    assert not owner.reach(owner.count + 1, within=0.3)
    (root / "b.pt.crdownload").rename(root / "b.pt")
    owner.until(has(owner, {root / "a.pt": b"a", root / "b.pt": b"b"}))


def test_a_file_deleted(owner: Owner, root: Path) -> None:
    """A deleted file is gone."""
    (root / "a.pt").unlink()
    owner.until(has(owner, {}))


def test_a_new_sub_folder(owner: Owner, root: Path) -> None:
    """A folder that comes is watched with all that is put into it, then and later."""
    (root / "x" / "y").mkdir(parents=True)
    (root / "x" / "y" / "b.pt").write_bytes(b"b")
    owner.until(has(owner, {root / "a.pt": b"a", root / "x" / "y" / "b.pt": b"b"}))
    (root / "x" / "y" / "b.pt").write_bytes(b"B")
    owner.until(has(owner, {root / "a.pt": b"a", root / "x" / "y" / "b.pt": b"B"}))


def test_a_folder_moved_in_within_and_out(owner: Owner, root: Path, tmp_path: Path) -> None:
    """A folder's files come, change their paths and go with it; those added later too."""
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "b.pt").write_bytes(b"b")
    (tmp_path / "pack").rename(root / "in")
    owner.until(has(owner, {root / "a.pt": b"a", root / "in" / "b.pt": b"b"}))
    (root / "in" / "c.pt").write_bytes(b"c")
    owner.until(lambda: str(root / "in" / "c.pt") in owner.contents)
    (root / "in").rename(root / "moved")
    (root / "moved" / "c.pt").unlink()
    owner.until(has(owner, {root / "a.pt": b"a", root / "moved" / "b.pt": b"b"}))
    (root / "moved").rename(tmp_path / "out")
    owner.until(has(owner, {root / "a.pt": b"a"}))


def test_a_linked_folder(owner: Owner, root: Path, tmp_path: Path) -> None:
    """What happens behind a link is noticed."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "b.pt").write_bytes(b"b")
    (root / "link").symlink_to(tmp_path / "elsewhere")
    owner.until(has(owner, {root / "a.pt": b"a", root / "link" / "b.pt": b"b"}))
    (tmp_path / "elsewhere" / "b.pt").write_bytes(b"B")
    owner.until(has(owner, {root / "a.pt": b"a", root / "link" / "b.pt": b"B"}))


def test_two_roots(root: Path, tmp_path: Path) -> None:
    """Each root is watched, and either may change."""
    other = tmp_path / "other"
    other.mkdir()
    with watched(root, other) as owner:
        (other / "b.pt").write_bytes(b"b")
        owner.until(has(owner, {root / "a.pt": b"a", other / "b.pt": b"b"}))
        (root / "a.pt").unlink()
        owner.until(has(owner, {other / "b.pt": b"b"}))


def test_a_missing_root_that_appears(tmp_path: Path) -> None:
    """A root may come after the watch has begun."""
    root = tmp_path / "late"
    with watched(root) as owner:
        root.mkdir()
        (root / "a.pt").write_bytes(b"a")
        owner.until(has(owner, {root / "a.pt": b"a"}))
        (root / "a.pt").write_bytes(b"A")
        owner.until(has(owner, {root / "a.pt": b"A"}))


def test_a_root_removed_and_recreated(owner: Owner, root: Path) -> None:
    """A root that went and came back is watched as before."""
    shutil.rmtree(root)
    owner.until(has(owner, {}))
    root.mkdir()
    (root / "b.pt").write_bytes(b"b")
    owner.until(has(owner, {root / "b.pt": b"b"}))
    (root / "b.pt").write_bytes(b"B")
    owner.until(has(owner, {root / "b.pt": b"B"}))


def test_a_slow_write_is_read_once_it_is_closed(root: Path) -> None:
    """A file written in three parts is unfinished until its writer closes it."""
    patient = Pace(quiet=0.05, ceiling=0.5, stand_still=600, poll=600)
    path = root / "slow.pt"
    with watched(root, pace=patient) as owner:
        with path.open("wb") as file:
            for part in range(3):
                count = owner.count
                file.write(b"part")
                file.flush()
                assert owner.reach(count + 1), part
                owner.until(lambda: str(path) in owner.unfinished)
        owner.until(lambda: owner.contents.get(str(path)) == b"partpartpart")


def test_a_file_that_stays_open_is_read_once_it_stands_still(owner: Owner, root: Path) -> None:
    """A writer that never closes is not waited for longer than a file may stand still."""
    path = root / "open.pt"
    with path.open("wb") as file:
        file.write(b"part")
        file.flush()
        owner.until(lambda: str(path) in owner.unfinished)
        owner.until(lambda: owner.contents.get(str(path)) == b"part")


def test_five_hundred_files_at_once(owner: Owner, root: Path) -> None:
    """Many files are read, in far fewer scans."""
    count = owner.count
    for index in range(500):
        (root / f"{index}.pt").write_bytes(b"x")
    owner.until(lambda: len(owner.contents) == 501)
    assert owner.count - count < 50


def test_reading_leads_to_no_call(owner: Owner, root: Path) -> None:
    """Opening and reading files, as every scan does, calls for no other scan."""
    for _ in range(10):
        (root / "a.pt").read_bytes()
    assert not owner.reach(owner.count + 1, within=0.3)


def test_stop_during_a_callback_under_load(root: Path) -> None:
    """A watcher ends while files keep coming."""
    stopped = threading.Event()

    def write() -> None:
        index = 0
        while not stopped.is_set():
            (root / f"{index % 100}.pt").write_bytes(b"x")
            index += 1

    writer = threading.Thread(target=write)
    with watched(root) as owner:
        writer.start()
        assert owner.reach(3)
    stopped.set()
    writer.join()
