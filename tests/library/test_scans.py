"""Scans: who shares one, what is seen while one goes on, and what is kept when one ends early."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lib_embeddings.entries.place import Place
from lib_embeddings.entries.snapshot import Changes
from lib_embeddings.errors import MoveError
from lib_embeddings.library import file_reader as file_reader_module
from lib_embeddings.library import scans as scans_module
from lib_embeddings.library.file_reader import Progress
from lib_embeddings.library.library import Library
from lib_embeddings.library.scans import Rescan
from lib_embeddings.stores.index import Index
from lib_embeddings.views.folders import folder_id
from tests.builders import png, png_text, safetensors_file, vectors
from tests.entries.disk import Disk
from tests.library import SD1, SDXL, Reader, Writers, names, names_of

# Scans at once


class Queue:
    """The lock of scans, which tells how many wait for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._arrivals = threading.Semaphore(0)

    def __enter__(self) -> None:
        self._arrivals.release()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def wait_for(self, count: int) -> None:
        """Wait until so many more have asked for a scan."""
        for _ in range(count):
            self._arrivals.acquire()


class Threads:
    """Calls of a library in threads of their own, and what they return."""

    def __init__(self, library: Library) -> None:
        self.queue = Queue()
        library.scans.scanning = self.queue
        self._pool = ThreadPoolExecutor(20)
        self._calls: list[Future[Rescan]] = []

    def call(self, work: Callable[[], Rescan], times: int = 1) -> None:
        """Call something, and go on when each call is in the queue."""
        self._calls += [self._pool.submit(work) for _ in range(times)]
        self.queue.wait_for(times)

    def results(self) -> list[Rescan]:
        """Return what the calls since the last time returned, in their order."""
        calls, self._calls = self._calls, []
        return [call.result() for call in calls]


@pytest.fixture
def threads(library: Library) -> Iterator[Threads]:
    """Return threads that end with the test."""
    threads = Threads(library)
    yield threads
    threads._pool.shutdown()


class Gate:
    """Where a scan waits until the test lets it go on."""

    def __init__(self) -> None:
        self._is_there, self._may_go = threading.Semaphore(0), threading.Semaphore(0)

    def pass_through(self) -> None:
        """Wait here; called by the scan."""
        self._is_there.release()
        self._may_go.acquire()

    def wait(self) -> None:
        """Wait until a scan is here."""
        self._is_there.acquire()

    def open(self) -> None:
        """Let one scan go on."""
        self._may_go.release()


def test_who_asks_during_a_scan_shares_the_next_one(
    library: Library, root: Path, reader: Reader, threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any number of requests makes one more scan, which begins after all of them."""
    disk, gate = Disk(monkeypatch), Gate()
    reader.before_each = gate.pass_through
    (root / "a.safetensors").write_bytes(SD1)
    threads.call(library.rescan)
    gate.wait()
    threads.call(library.rescan, times=8)
    (root / "b.safetensors").write_bytes(SD1)
    gate.open()
    gate.wait()
    gate.open()
    first, *others = threads.results()
    assert disk.listed[str(root)] == 2
    assert names_of(first.changes) == [["a"], [], []]
    assert [names_of(other.changes) for other in others] == [[["b"], [], []]] * 8
    assert (names(library), library.generation) == (["a", "b"], 2)


def test_who_asks_during_a_shared_scan_gets_another_one(
    library: Library, root: Path, reader: Reader, threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scan that has begun may have passed by what is new: it is not shared any more."""
    disk, gate = Disk(monkeypatch), Gate()
    reader.before_each = gate.pass_through
    (root / "a.safetensors").write_bytes(SD1)
    threads.call(library.rescan)
    gate.wait()
    (root / "b.safetensors").write_bytes(SD1)
    threads.call(library.rescan, times=2)
    gate.open()
    gate.wait()  # the second scan reads
    (root / "c.safetensors").write_bytes(SD1)
    threads.call(library.rescan, times=2)
    gate.open()
    gate.wait()
    gate.open()
    assert disk.listed[str(root)] == 3
    found = [names_of(each.changes)[0] for each in threads.results()]
    assert [found[0], *found[3:]] == [["a"], ["c"], ["c"]]
    assert ["b"] in found[1:3]  # one of these two may be as late as the last scan


def test_rescans_one_after_another_are_not_shared(
    library: Library, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request while no scan goes on begins its own."""
    disk = Disk(monkeypatch)
    for name in "abc":
        (root / f"{name}.safetensors").write_bytes(SD1)
        assert names_of(library.rescan().changes) == [[name], [], []]
    assert disk.listed[str(root)] == 3


def test_a_scan_that_fails_is_shared_by_nobody(
    library: Library, root: Path, threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that waited for it begin scans of their own."""
    gate, scan = Gate(), library.scans._scanner.scan

    def fail_once(_publish: object) -> Any:
        monkeypatch.setattr(library.scans._scanner, "scan", scan)
        gate.pass_through()
        raise MemoryError

    monkeypatch.setattr(library.scans._scanner, "scan", fail_once)
    (root / "a.safetensors").write_bytes(SD1)
    threads.call(library.rescan)
    gate.wait()
    threads.call(library.rescan, times=3)
    gate.open()
    failed, *others = threads._calls
    assert isinstance(failed.exception(), MemoryError)
    assert {str(names_of(other.result().changes)) for other in others} == {"[['a'], [], []]"}


def test_new_roots_are_scanned_before_the_call_returns(
    library: Library, root: Path, tmp_path: Path, reader: Reader, threads: Threads
) -> None:
    """A scan of the former roots that goes on meanwhile does not count."""
    gate = Gate()
    reader.before_each = gate.pass_through
    (root / "a.safetensors").write_bytes(SD1)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "b.safetensors").write_bytes(SD1)
    threads.call(library.rescan)
    gate.wait()
    threads.call(lambda: library.scans.set_roots([tmp_path / "other"]))
    gate.open()
    gate.wait()
    gate.open()
    assert names_of(threads.results()[1].changes) == [["b"], [], ["a"]]
    assert names(library) == ["b"]


# The first scan, and scans that are stopped


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a scan save and show what it has read after each file."""
    monkeypatch.setattr(file_reader_module, "_BATCH", 0)
    monkeypatch.setattr(file_reader_module, "REST", 0)


@pytest.mark.usefixtures("eager")
def test_entries_appear_while_the_first_scan_reads(library: Library, root: Path) -> None:
    """Each batch is a generation without changes; the last one has all of them, and the end."""
    for name in "abc":
        (root / f"{name}.safetensors").write_bytes(SD1)
    news: list[tuple[int, int, int, bool]] = []

    def note(generation: int, changes: Changes) -> None:
        is_reading = library.progress is not None
        news.append((generation, len(library.view), len(changes.added), is_reading))

    library.subscribe(note)
    library.rescan()
    assert news == [(1, 1, 0, True), (2, 2, 0, True), (3, 3, 0, True), (4, 3, 3, False)]
    assert names(library) == ["a", "b", "c"]


@pytest.mark.usefixtures("eager")
def test_what_is_known_stays_while_a_scan_reads(library: Library, root: Path) -> None:
    """A file that is read again is shown as it was, until it is read."""
    for name in "abc":
        (root / f"{name}.safetensors").write_bytes(SD1)
    library.rescan()
    for name in "abcd":
        (root / f"{name}.safetensors").write_bytes(SDXL)
    seen: list[list[int]] = []
    library.subscribe(
        lambda _generation, _changes: seen.append(
            [len(each.entry.reading.vectors) for each in library.view]
        )
    )
    assert names_of(library.rescan().changes) == [["d"], ["a", "b", "c"], []]
    assert [sum(lengths) for lengths in seen[:3]] in ([4, 5, 6], [5, 6, 7], [4, 6, 7], [4, 5, 7])
    assert seen[-1] == [2, 2, 2, 2]


def test_progress_is_told(root: Path) -> None:
    """It begins before the first scan, which ends it; a scan that reads nothing has none."""
    told: list[Progress] = []
    library = Library(
        [root], Index.nowhere(), on_progress=lambda *numbers: told.append(Progress(*numbers))
    )
    assert library.progress == (0, 0)
    for name in "abc":
        (root / f"{name}.safetensors").write_bytes(SD1)
    library.rescan()
    assert library.progress is None
    assert [each.total for each in told] == [3, 3, 3]
    assert [each.read for each in told] == sorted(each.read for each in told)
    library.rescan()
    assert len(told) == 3


def test_a_scan_without_files_is_an_end_too(library: Library) -> None:
    """A wait for the first scan ends although there is nothing."""
    library.rescan()
    assert (library.generation, library.progress) == (1, None)


def test_a_file_is_brought_once_it_is_complete(
    root: Path, library: Library, reader: Reader, writers: Writers
) -> None:
    """Until then it would be listed as broken."""
    (root / "b.pt").write_bytes(SD1)
    brought = list[bool]()

    def bring() -> None:
        reader.before_each = lambda: None
        (root / "late.pt").write_bytes(SD1)
        for seconds_left in (1.0, 0.0):
            writers.seconds_left["late.pt"] = seconds_left
            brought.append(library.scans.bring(["late"]))

    reader.before_each = bring
    library.rescan()
    assert brought == [False, True]


@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_file_that_was_brought_stays(
    root: Path, library: Library, reader: Reader, is_deleted: bool
) -> None:
    """It came after its folder was listed, and is there until a scan says otherwise."""
    (root / "a.pt").write_bytes(SD1)

    def bring() -> None:
        reader.before_each = lambda: None
        (root / "late.pt").write_bytes(SD1)
        assert library.scans.bring(["late"])

    reader.before_each = bring
    library.rescan()
    assert names(library) == ["a", "late"]
    if is_deleted:
        (root / "late.pt").unlink()
    library.rescan()
    assert names(library) == (["a"] if is_deleted else ["a", "late"])
    (root / "late.pt").unlink(missing_ok=True)
    library.rescan()
    assert names(library) == ["a"]


def during(reader: Reader, work: Callable[[], object]) -> None:
    """Let some work be done once, while a scan reads its first file."""

    def work_once() -> None:
        reader.before_each = lambda: None
        work()

    reader.before_each = work_once


def test_what_a_scan_finds_and_does_not_list_is_found(
    root: Path, library: Library, reader: Reader
) -> None:
    """A scan that finds a mere picture in the place of an embedding has found it."""
    (root / "dog.pt").write_bytes(SD1)
    (root / "late.png").write_bytes(png())

    def bring() -> None:
        (root / "late.png").write_bytes(png_text())
        assert library.scans.bring(["late"])
        assert names(library) == ["late"]
        (root / "late.png").write_bytes(png())

    during(reader, bring)
    library.rescan()
    assert names(library) == ["dog"]


def test_a_file_is_brought_by_one_path(root: Path, library: Library, reader: Reader) -> None:
    """Its folder goes by the path where the next scan finds it first."""
    (root / "dog.pt").write_bytes(SD1)

    def bring() -> None:
        (root / "z").mkdir()
        (root / "z" / "late.pt").write_bytes(SD1)
        assert library.scans.bring(["late"])
        (root / "z").rename(root / "b")
        (root / "z").symlink_to(root / "b")

    during(reader, bring)
    library.rescan()
    library.rescan()
    assert [seen.entry.place.path for seen in library.view] == ["b/late.pt", "dog.pt"]


def test_a_scan_elsewhere_keeps_what_was_brought(
    root: Path, library: Library, reader: Reader
) -> None:
    """It has not looked."""
    for folder in ("one", "two"):
        (root / folder).mkdir()
        (root / folder / f"{folder}.pt").write_bytes(SD1)

    def bring() -> None:
        (root / "two" / "late.pt").write_bytes(SD1)
        assert library.scans.bring(["late"])

    during(reader, bring)
    library.rescan()
    library.rescan_folders([str(root / "one")])
    assert names(library) == ["one", "late", "two"]
    assert names_of(library.rescan_folders([str(root / "two")]).changes) == [["late"], [], []]


def test_a_scan_that_ends_meanwhile_knows_better(
    root: Path, library: Library, reader: Reader
) -> None:
    """Whoever brings a file that is gone by the end of the scan shows no trace of it."""
    (root / "dog.pt").write_bytes(SD1)
    gate = Gate()
    brought = list[Future[bool]]()

    def begin_to_bring() -> None:
        (root / "late.pt").write_bytes(SD1)
        reader.before_each = gate.pass_through
        brought.append(pool.submit(library.scans.bring, ["late"]))
        gate.wait()

    with ThreadPoolExecutor(1) as pool:
        during(reader, begin_to_bring)
        try:
            library.rescan()
            (root / "late.pt").unlink()
        finally:
            gate.open()
        assert not brought[0].result()
    assert names(library) == ["dog"]


@pytest.mark.usefixtures("eager")
def test_the_halves_of_a_pair_are_joined_whoever_reads_them(
    root: Path, library: Library, reader: Reader
) -> None:
    """The scan had read one, and the other was brought."""
    library.rescan()
    (root / "cat.safetensors").write_bytes(safetensors_file({"<cat>": vectors()}))
    library.rescan()

    def bring() -> None:
        second = safetensors_file({"<cat>": vectors(1, 1280)})
        (root / "cat_2.safetensors").write_bytes(second)
        assert library.scans.bring(["cat"])
        assert names(library) == ["cat"]

    (root / "dog.pt").write_bytes(SD1)
    during(reader, bring)
    library.rescan()
    library.rescan()
    assert names(library) == ["cat", "dog"]


def test_files_of_new_roots_are_brought_before_their_scan(
    root: Path, library: Library, tmp_path: Path, reader: Reader
) -> None:
    """The scan of the former roots goes on, and that of the new ones waits for it."""
    others = [tmp_path / name for name in ("one", "two")]
    for other in others:
        other.mkdir()
        (other / f"{other.name}.pt").write_bytes(SD1)

    library.scans.set_roots([root, tmp_path / "missing"])
    (root / "dog.pt").write_bytes(SD1)

    def bring() -> None:
        library.scans.roots = tuple(map(str, others))  # as `set_roots` begins
        assert library.scans.bring(["one, two"])
        assert names(library) == ["one", "two"]

    during(reader, bring)
    library.rescan()
    assert names(library) == ["dog"]
    library.scans.set_roots(others)
    assert names(library) == ["one", "two"]
    assert library.view.roots == library.roots


class Stoppable:
    """A library of five files that were written long ago, whose scans can be stopped."""

    def __init__(self, root: Path, index: Index, reader: Reader) -> None:
        self.stop = threading.Event()
        self.library = Library([root], index, read=reader, stop=self.stop)
        self._reader = reader
        for name in "abcde":
            (root / f"{name}.safetensors").write_bytes(SD1)
            os.utime(root / f"{name}.safetensors", (0, 0))

    def stop_after(self, count: int) -> None:
        """Begin a scan that is stopped while it reads its last file."""

        def stop_at_last() -> None:
            if len(self._reader.paths) == count - 1:
                self.stop.set()

        self._reader.take()
        self._reader.before_each = stop_at_last
        assert self.library.rescan() == Rescan(Changes(), None, ())
        self._reader.before_each = lambda: None
        self.stop.clear()


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Return where the index lies."""
    return tmp_path / "index.sqlite"


@pytest.fixture
def stoppable(root: Path, reader: Reader, kept: Path) -> Iterator[Stoppable]:
    """Return a library that has not scanned yet, with an index."""
    with Index.open(str(kept)) as index:
        yield Stoppable(root, index, reader)


def remembered(kept: Path) -> set[str]:
    """Return the names of the files that an index knows, as a later process finds it."""
    with Index.open(str(kept)) as index:
        index.read(["/"])
        return {os.path.basename(path) for path in index._remembered}


@pytest.fixture(params=["saves all the time", "saves at the end"])
def pace(request: pytest.FixtureRequest) -> None:
    """Let a scan show what it has read, or not before its end."""
    if request.param == "saves all the time":
        request.getfixturevalue("eager")


@pytest.mark.usefixtures("pace")
def test_a_scan_that_is_stopped(stoppable: Stoppable, reader: Reader, kept: Path) -> None:
    """It ends with the file that it reads; the next one reads the others, and has all changes."""
    library = stoppable.library
    stoppable.stop_after(2)
    first = reader.take()
    assert remembered(kept) == set(first)
    assert len(first) == 2
    assert names_of(library.rescan().changes) == [list("abcde"), [], []]
    assert sorted(first + reader.take()) == [f"{name}.safetensors" for name in "abcde"]
    assert names(library) == list("abcde")
    assert not library.rescan().changes


@pytest.mark.usefixtures("pace")
def test_a_change_is_not_lost_where_its_scan_was_stopped(
    root: Path, stoppable: Stoppable, reader: Reader
) -> None:
    """Files that were gone, or had changed, are in the changes of the next scan."""
    library = stoppable.library
    library.rescan()
    reader.take()
    (root / "a.safetensors").unlink()
    for name in "bcf":
        (root / f"{name}.safetensors").write_bytes(SDXL)
    stoppable.stop_after(1)
    assert library.progress is None
    assert names_of(library.rescan().changes) == [["f"], ["b", "c"], ["a"]]
    assert names(library) == list("bcdef")


@pytest.mark.usefixtures("eager")
def test_what_came_and_went_around_a_stopped_scan_is_no_change(
    root: Path, stoppable: Stoppable
) -> None:
    """Subscribers see it come and go, though the changes say nothing of it."""
    library = stoppable.library
    library.rescan()
    (root / "f.safetensors").write_bytes(SD1)
    (root / "g.safetensors").write_bytes(SD1)
    stoppable.stop_after(1)
    for name in "fg":
        (root / f"{name}.safetensors").unlink()
    before = library.generation
    assert not library.rescan().changes
    assert (names(library), library.generation) == (list("abcde"), before + 1)


def test_a_stopped_walk_changes_nothing(stoppable: Stoppable, reader: Reader) -> None:
    """A scan that is stopped before it reads leaves all as it was."""
    library = stoppable.library
    library.rescan()
    before = library.generation, names(library)
    reader.take()
    stoppable.stop.set()
    assert library.rescan() == Rescan(Changes(), None, ())
    stoppable.stop.clear()
    assert not library.rescan().changes
    assert (library.generation, names(library)) == before
    assert reader.take() == []


def test_a_stop_ends_the_walk(
    root: Path, stoppable: Stoppable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No further folder is listed."""
    for name in "abc":
        (root / name).mkdir()
    disk = Disk(monkeypatch)
    stoppable.stop.set()
    stoppable.library.rescan()
    assert sum(count for path, count in disk.listed.items() if path.startswith(str(root))) <= 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_what_was_read_is_kept_when_a_scan_breaks_off(
    stoppable: Stoppable, reader: Reader, kept: Path, error: type[BaseException]
) -> None:
    """A later process reads only the files that were left."""

    def break_off() -> None:
        if len(reader.paths) == 3:
            raise error

    reader.before_each = break_off
    with pytest.raises(error):
        stoppable.library.rescan()
    assert remembered(kept) == set(reader.take())
    reader.before_each = lambda: None
    assert names_of(stoppable.library.rescan().changes) == [list("abcde"), [], []]
    assert len(reader.take()) == 2


def test_what_a_scan_could_not_show_is_shown_by_the_next(
    stoppable: Stoppable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scan may break off when all is read, and the next one may find nothing new."""

    def fail(*_: object) -> Changes:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(scans_module, "diff", fail)
        with pytest.raises(MemoryError):
            stoppable.library.rescan()
    assert names_of(stoppable.library.rescan().changes) == [list("abcde"), [], []]
    assert names(stoppable.library) == list("abcde")


KILLED = """
import os, signal, sys
from lib_embeddings.entries.read import read_file
from lib_embeddings.library import file_reader
from lib_embeddings.stores.index import Index
from lib_embeddings.views.folders import folder_id
from lib_embeddings.library.library import Library
file_reader._BATCH = file_reader.REST = 0
read = []
def read_and_die(place):
    if len(read) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    read.append(place)
    return read_file(place)
with Index.open(sys.argv[1]) as index:
    Library([sys.argv[2]], index, read=read_and_die).rescan()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system cannot kill so")
@pytest.mark.usefixtures("stoppable")
def test_what_was_read_is_kept_when_the_process_is_killed(
    root: Path, reader: Reader, tmp_path: Path
) -> None:
    """Files that were saved before the kill are not read again."""
    kept = str(tmp_path / "another.sqlite")
    result = subprocess.run([sys.executable, "-c", KILLED, kept, str(root)], check=False)
    assert result.returncode == -signal.SIGKILL
    with Index.open(kept) as index:
        library = Library([root], index, read=reader)
        library.rescan()
    assert names(library) == list("abcde")
    assert len(reader.take()) == 2


def test_a_root_is_known_before_the_first_scan(tmp_path: Path) -> None:
    """A file can be added before the first scan has reached its folder."""
    library = Library([tmp_path], Index.nowhere())
    assert library.folder(folder_id(0, "")) == Place.of_root(str(tmp_path))
    (tmp_path / "gone").mkdir()
    library.rescan()
    (tmp_path / "gone").rmdir()
    library.rescan()
    with pytest.raises(MoveError, match="no longer exists"):
        library.folder(folder_id(0, "gone"))
