"""The living library on real folders, with the system's own events."""

from __future__ import annotations

import errno
import os
import random
import shutil
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lib_embeddings.entries.entry import Entry, Found, Reading, entry_of
from lib_embeddings.entries.read import read_file
from lib_embeddings.hosts import living as living_module
from lib_embeddings.hosts.living import Living, living_library
from lib_embeddings.library.library import Library, scan
from lib_embeddings.limits import LIMITS
from lib_embeddings.stores.index import Index
from lib_embeddings.views.view import View
from lib_embeddings.watch.folder_watch import Pace
from lib_embeddings.watch.watcher import Watcher, WriteTracker
from tests.builders import safetensors_file, vectors
from tests.watch.fakes import Clock, Observers, Timeline, eventually

# Polls are far apart, so that it is events that the tests see; only missing roots are polled.
EVENTS_ONLY = Pace(quiet=0.05, ceiling=0.5, poll=600, poll_alone=600, poll_missing=0.05)
POLLS_ONLY = Pace(poll=0.05, poll_alone=0.05, poll_missing=0.05)

Listing = dict[str, "int | str"]


def embedding(n_vectors: int) -> bytes:
    return safetensors_file({"emb_params": vectors(n_vectors)})


ONE, TWO, THREE = map(embedding, (1, 2, 3))


def listing_of(view: View) -> Listing:
    """Return path -> number of vectors, or the state of what is no embedding."""
    return {
        seen.entry.place.full_path: seen.entry.reading.n_vectors or seen.entry.reading.state
        for seen in view
    }


class World:
    """A living library of some roots."""

    def __init__(self, living: Living) -> None:
        self.library, self.watcher, _ = living
        self.scan = living.scan
        self.broken: set[str] = set()  # names that were ever listed as broken
        self.library.subscribe(self._note_broken)

    def lists(self, expected: dict[Path, int | str]) -> bool:
        """Return whether the library comes to list these files and no others."""
        wanted = {str(path): number for path, number in expected.items()}
        return eventually(lambda: listing_of(self.library.view) == wanted)

    def has(self, path: Path, number: int | str) -> bool:
        """Return whether the library comes to list a file so."""
        return eventually(lambda: listing_of(self.library.view).get(str(path)) == number)

    def _note_broken(self, *_: object) -> None:
        self.broken |= {seen.name for seen in self.library.view if seen.state == "broken"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep all that is remembered apart from the user's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


class Parts:
    """Lets `living_library` compose of parts as a test wants them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.use(Watcher, pace=EVENTS_ONLY)

    def use(self, kind: type[Any], **arguments: object) -> None:
        """Replace the arguments of one part."""
        self._monkeypatch.setattr(living_module, kind.__name__, partial(kind, **arguments))

    def use_reader(self, read: Callable[[Found], Entry]) -> None:
        """Let another reader decide whether a file is an embedding to its end."""
        self._monkeypatch.setattr(living_module, "read_file", read)


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Parts:
    return Parts(monkeypatch)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with one file."""
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a.safetensors").write_bytes(ONE)
    return tmp_path / "root"


@pytest.fixture
def a(root: Path) -> Path:
    """Return that file."""
    return root / "a.safetensors"


@pytest.fixture
def world(root: Path, a: Path, parts: Parts) -> Iterator[World]:  # noqa: ARG001 - must be there
    """Yield the living library of that folder, once its watch is laid."""
    with living_library([root]) as living:
        world = World(living)
        living.watcher.start()
        assert world.lists({a: 1})
        assert is_watched(living.watcher)
        yield world


def is_watched(watcher: Watcher) -> bool:
    """Return whether the watches come to be laid, and the scan after that to be done."""
    watches = watcher._watches
    return eventually(
        lambda: bool(watches) and all(watch._expects_events for watch in watches.values())
    )


# What happens to files and folders


def test_a_file_copied_in(world: World, root: Path, a: Path) -> None:
    """A copy is listed."""
    shutil.copy2(a, root / "b.safetensors")
    assert world.lists({a: 1, root / "b.safetensors": 1})


def test_a_file_overwritten_in_place(world: World, a: Path) -> None:
    """New bytes under the same name are read."""
    a.write_bytes(TWO)
    assert world.lists({a: 2})


def test_a_file_with_another_time(world: World, a: Path) -> None:
    """A new time alone, as copies and archives set it at the end, is noticed."""
    os.utime(a, ns=(0, 1_600_000_000_000_000_000))
    assert eventually(
        lambda: [seen.entry.mtime_ns for seen in world.library.view] == [1_600_000_000_000_000_000]
    )


def test_a_file_renamed(world: World, root: Path, a: Path) -> None:
    """A rename takes one name away and brings another."""
    a.rename(root / "b.safetensors")
    assert world.lists({root / "b.safetensors": 1})


def test_a_download_renamed_to_its_real_name(world: World, root: Path, a: Path) -> None:
    """A browser's file counts from its rename on."""
    (root / "b.safetensors.crdownload").write_bytes(TWO)
    world.library.rescan()
    assert world.lists({a: 1})
    (root / "b.safetensors.crdownload").rename(root / "b.safetensors")
    assert world.lists({a: 1, root / "b.safetensors": 2})


def test_a_file_deleted(world: World, a: Path) -> None:
    """A deleted file is gone."""
    a.unlink()
    assert world.lists({})


def test_a_new_sub_folder(world: World, root: Path, a: Path) -> None:
    """A folder that comes is watched with all that is put into it, then and later."""
    b = root / "x" / "y" / "b.safetensors"
    b.parent.mkdir(parents=True)
    b.write_bytes(ONE)
    assert world.lists({a: 1, b: 1})
    b.write_bytes(TWO)
    assert world.lists({a: 1, b: 2})


def test_a_folder_moved_in_within_and_out(
    world: World, root: Path, a: Path, tmp_path: Path
) -> None:
    """A folder's files come, change their paths and go with it; those added later too."""
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "b.safetensors").write_bytes(TWO)
    (tmp_path / "pack").rename(root / "in")
    assert world.lists({a: 1, root / "in" / "b.safetensors": 2})
    (root / "in" / "c.safetensors").write_bytes(THREE)
    assert world.has(root / "in" / "c.safetensors", 3)
    (root / "in").rename(root / "moved")
    (root / "moved" / "c.safetensors").unlink()
    assert world.lists({a: 1, root / "moved" / "b.safetensors": 2})
    (root / "moved").rename(tmp_path / "out")
    assert world.lists({a: 1})


def test_a_linked_folder(world: World, root: Path, a: Path, tmp_path: Path) -> None:
    """Changes behind a link are noticed."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "b.safetensors").write_bytes(ONE)
    (root / "link").symlink_to(tmp_path / "elsewhere")
    assert world.lists({a: 1, root / "link" / "b.safetensors": 1})
    (tmp_path / "elsewhere" / "b.safetensors").write_bytes(TWO)
    assert world.lists({a: 1, root / "link" / "b.safetensors": 2})


def test_five_hundred_files_at_once(world: World, root: Path) -> None:
    """None of many files is lost."""
    for index in range(500):
        (root / f"{index}.safetensors").write_bytes(ONE)
    assert eventually(lambda: len(world.library.view) == 501)


# Files that are still being written


def test_a_slow_write_is_listed_once_it_is_closed(root: Path, a: Path, parts: Parts) -> None:
    """A file written in parts is incomplete until its writer closes it."""
    parts.use(WriteTracker, stand_still=600)
    path = root / "slow.safetensors"
    with living_library([root]) as living:
        world = World(living)
        living.watcher.start()
        assert is_watched(living.watcher)
        with path.open("wb", buffering=0) as file:
            for start in range(0, len(TWO), 2500):
                file.write(TWO[start : start + 2500])
                if start + 2500 < len(TWO):
                    living.library.rescan()
                    assert listing_of(living.library.view) == {str(a): 1}
        assert world.lists({a: 1, path: 2})
        assert not world.broken


def test_a_file_that_stays_open_is_read_once_it_stands_still(
    root: Path, a: Path, parts: Parts
) -> None:
    """A writer that never closes is not waited for longer than a file may stand still."""
    parts.use(WriteTracker, stand_still=0.1)
    path = root / "open.safetensors"
    with living_library([root]) as living:
        living.watcher.start()
        assert is_watched(living.watcher)
        with path.open("wb", buffering=0) as file:
            file.write(TWO[:2500])
            assert World(living).lists({a: 1, path: "broken"})


def test_what_reads_as_an_embedding_is_complete(root: Path, a: Path, parts: Parts) -> None:
    """A host that has just written a file asks for it before any event arrives."""
    parts.use(WriteTracker, stand_still=600)
    with living_library([root]) as living:
        living.library.rescan()
        (root / "b.safetensors").write_bytes(TWO)
        living.library.rescan()
        assert listing_of(living.library.view) == {str(a): 1, str(root / "b.safetensors"): 2}


def test_an_old_file_moved_in_is_complete(
    root: Path, a: Path, parts: Parts, tmp_path: Path
) -> None:
    """A file that is moved in keeps its time, and has no event that says it is complete."""
    parts.use(WriteTracker, stand_still=600)
    (tmp_path / "old").write_bytes(TWO[:2500])
    os.utime(tmp_path / "old", (1, 1))
    with living_library([root]) as living:
        living.watcher.start()
        assert is_watched(living.watcher)
        (tmp_path / "old").rename(root / "b.safetensors")
        assert World(living).lists({a: 1, root / "b.safetensors": "broken"})


# Files and folders that cannot be read now


class Lock:
    """A reader that cannot open one file for as long as it is locked."""

    def __init__(self, name: str) -> None:
        self.is_locked = True
        self.reads = 0
        self._name = name

    def __call__(self, found: Found) -> Entry:
        if found.place.filename == self._name:
            self.reads += 1
            if self.is_locked:
                return entry_of(found, Reading("broken", "locked", is_transient=True))
        return read_file(found)


@pytest.mark.parametrize("pace", [EVENTS_ONLY, POLLS_ONLY], ids=["events", "polls"])
def test_a_file_that_was_locked_becomes_right_by_itself(
    root: Path, a: Path, parts: Parts, pace: Pace
) -> None:
    """A locked file is tried again and again, without any event, until it can be read."""
    lock = Lock(a.name)
    parts.use(Watcher, pace=pace)
    parts.use(Library, read=lock)
    with living_library([root]) as living:
        world = World(living)
        living.watcher.start()
        assert world.lists({a: "broken"})
        assert eventually(lambda: lock.reads >= 3)
        lock.is_locked = False
        assert world.lists({a: 1})


@pytest.mark.parametrize("is_old", [False, True], ids=["just written", "written long ago"])
@pytest.mark.parametrize("unlocked", [5.0, 5.25, 5.5, 5.75])
def test_a_file_that_was_locked_becomes_right_within_two_seconds(
    root: Path, a: Path, parts: Parts, unlocked: float, *, is_old: bool
) -> None:
    """Two seconds of a clock that is turned by hand, whenever the file can be read again."""
    if is_old:
        os.utime(a, (1, 1))
    clock, lock = Clock(), Lock(a.name)
    timeline, began = Timeline(clock), clock.now
    parts.use(Library, read=lock)
    parts.use(WriteTracker, clock=clock)
    parts.use(Watcher, clock=clock, observer_factory=Observers())
    parts.use_reader(lock)
    right: list[float] = []

    def note(*_: object) -> None:
        if listing_of(living.library.view) == {str(a): 1}:
            right.append(clock.now - began)

    with living_library([root]) as living:
        scanner = living.library.scans._scanner
        scanner._clock = scanner._files.clock = clock
        living.library.subscribe(note)
        timeline.at(unlocked, lambda: setattr(lock, "is_locked", False))
        timeline.run(living.watcher, until=9)
    assert len(right) == 1
    assert unlocked <= right[0] <= unlocked + 2


def test_a_file_that_somebody_else_found_locked_becomes_right_by_itself(
    root: Path, a: Path, parts: Parts
) -> None:
    """A refresh by hand that cannot read a file leaves the rest to the watcher."""
    lock = Lock("b.safetensors")
    parts.use(Library, read=lock)
    parts.use(Watcher, pace=EVENTS_ONLY, observer_factory=Observers())  # that report nothing
    with living_library([root]) as living:
        world = World(living)
        living.watcher.start()
        assert is_watched(living.watcher)
        b = root / "b.safetensors"
        b.write_bytes(TWO)
        living.library.rescan()
        assert world.lists({a: 1, b: "broken"})
        lock.is_locked = False
        assert world.lists({a: 1, b: 2})


def test_a_folder_that_did_not_answer_becomes_right_by_itself(
    world: World,
    root: Path,
    a: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A folder that is silent keeps its entries, and is tried again until it answers."""
    (root / "sub" / "deep").mkdir(parents=True)
    b = root / "sub" / "deep" / "b.safetensors"
    b.write_bytes(TWO)
    assert world.lists({a: 1, b: 2})
    scandir, silent = os.scandir, {str(root), str(root / "sub" / "deep")}

    def answer(path: Any) -> Any:
        if path in silent:
            raise OSError(errno.EIO, "no answer")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", answer)
    world.library.rescan()
    assert world.lists({root: "broken", a: 1, b: 2})
    b.write_bytes(THREE)
    world.watcher.scan_soon()
    silent.clear()
    assert world.lists({a: 1, b: 3})
    assert is_watched(world.watcher)
    assert not [record for record in caplog.records if record.name.startswith("lib_embeddings")]


# Roots


def test_two_roots(root: Path, a: Path, tmp_path: Path, parts: Parts) -> None:  # noqa: ARG001
    """Each root is watched, and either may change."""
    other = tmp_path / "other"
    other.mkdir()
    with living_library([root, other]) as living:
        world = World(living)
        living.watcher.start()
        assert is_watched(living.watcher)
        (other / "b.safetensors").write_bytes(TWO)
        assert world.lists({a: 1, other / "b.safetensors": 2})
        a.unlink()
        assert world.lists({other / "b.safetensors": 2})


def test_a_missing_root_that_appears(tmp_path: Path, parts: Parts) -> None:  # noqa: ARG001
    """A root may come after the watch has begun."""
    late = tmp_path / "late" / "a.safetensors"
    with living_library([late.parent]) as living:
        world = World(living)
        living.watcher.start()
        assert eventually(lambda: world.library.progress is None)
        late.parent.mkdir()
        late.write_bytes(ONE)
        assert world.lists({late: 1})
        late.write_bytes(TWO)
        assert world.lists({late: 2})


def test_a_root_removed_and_made_again(world: World, root: Path) -> None:
    """A root that went and came back is watched as before."""
    b = root / "b.safetensors"
    shutil.rmtree(root)
    assert world.lists({})
    root.mkdir()
    b.write_bytes(ONE)
    assert world.lists({b: 1})
    b.write_bytes(TWO)
    assert world.lists({b: 2})


@pytest.mark.parametrize("is_link", [False, True], ids=["folder", "link"])
def test_a_root_replaced_as_a_whole(
    root: Path, a: Path, tmp_path: Path, parts: Parts, *, is_link: bool
) -> None:
    """Another folder in the root's place raises no event: the poll finds it, with all below it."""
    parts.use(Watcher, pace=POLLS_ONLY)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "b.safetensors").write_bytes(TWO)
    with living_library([root]) as living:
        world = World(living)
        living.watcher.start()
        assert world.lists({a: 1})
        root.rename(tmp_path / "old")
        if is_link:
            root.symlink_to(tmp_path / "new")
        else:
            (tmp_path / "new").rename(root)
        assert world.lists({root / "b.safetensors": 2})
        (root / "c.safetensors").write_bytes(THREE)
        assert world.lists({root / "b.safetensors": 2, root / "c.safetensors": 3})


def test_roots_are_set_live(world: World, root: Path, a: Path, tmp_path: Path) -> None:
    """A root that is added is scanned and watched; so is the loss of one."""
    b = tmp_path / "other" / "b.safetensors"
    b.parent.mkdir()
    world.scan([str(root), str(b.parent)])
    b.write_bytes(TWO)
    assert world.lists({a: 1, b: 2})
    world.scan([str(b.parent)])
    assert world.lists({b: 2})
    b.write_bytes(THREE)
    assert world.lists({b: 3})


# Start and stop


def test_the_first_scan_is_the_watchers_own(root: Path, a: Path, parts: Parts) -> None:  # noqa: ARG001
    """The start does not wait for the first scan, and nothing is scanned before it."""
    with living_library([root]) as living:
        assert not living.library.view
        assert living.library.progress is not None
        living.watcher.start()
        assert World(living).lists({a: 1})


class Gate:
    """A reader that waits for each file until it may go on."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.released = threading.Event()
        self.read: list[str] = []

    def __call__(self, found: Found) -> Entry:
        self.read.append(found.place.filename)
        self.entered.set()
        assert self.released.wait(60)
        return read_file(found)


def test_a_stop_waits_for_one_file_at_the_most(root: Path, a: Path, parts: Parts) -> None:
    """The scan ends with the file that is being read; what it read is not read again."""
    gate = Gate()
    parts.use(Library, read=gate)
    for name in "bcd":
        (root / f"{name}.safetensors").write_bytes(ONE)
    for path in root.iterdir():
        os.utime(path, (1, 1))  # the index remembers no file that was just written
    with living_library([root]) as living:
        living.watcher.start()
        assert gate.entered.wait(60)
        stopper = threading.Thread(target=living.watcher.stop)
        stopper.start()
        assert eventually(living.watcher._stop.is_set)
        gate.released.set()
        stopper.join(60)
        assert not living.watcher.is_alive
        assert len(gate.read) == 1
        living.watcher.start()
        assert World(living).lists({root / f"{name}.safetensors": 1 for name in "abcd"})
        assert sorted(gate.read) == [f"{name}.safetensors" for name in "abcd"]
    assert a.exists()


def test_a_stop_under_load(root: Path, parts: Parts) -> None:  # noqa: ARG001
    """A watcher ends while files keep coming."""
    stopped = threading.Event()

    def write() -> None:
        index = 0
        while not stopped.is_set():
            (root / f"{index % 100}.safetensors").write_bytes(ONE)
            index += 1

    writer = threading.Thread(target=write)
    with living_library([root]) as living:
        living.watcher.start()
        writer.start()
        assert eventually(lambda: len(living.library.view) > 10)
    stopped.set()
    writer.join()


# All at once


class Storm:
    """Changes of a folder and of one that it is linked to, at random."""

    def __init__(self, root: Path, elsewhere: Path, seed: int) -> None:
        self._random = random.Random(seed)
        self._root, self._elsewhere = root, elsewhere
        self._count = 0

    def step(self) -> None:
        """Change something."""
        kinds: list[Callable[[], object]] = [
            self._write,
            self._write,
            self._rename,
            self._delete,
            self._make_folder,
            self._move_folder,
            self._delete_folder,
            self._link,
            self._replace_root,
        ]
        self._random.choice(kinds)()

    def _new(self, folder: Path) -> Path:
        self._count += 1
        return folder / f"{self._count}"

    def _folder(self) -> Path:
        below = (path for path in self._root.rglob("*") if path.is_dir() and not path.is_symlink())
        return self._random.choice([self._root, self._elsewhere, *sorted(below)])

    def _file(self) -> Path | None:
        files = sorted(path for path in self._folder().iterdir() if path.is_file())
        return self._random.choice(files) if files else None

    def _write(self) -> None:
        path = self._file() if self._random.random() < 0.3 else None
        path = path or self._new(self._folder()).with_suffix(".safetensors")
        path.write_bytes(self._random.choice([ONE, TWO, THREE]))

    def _rename(self) -> None:
        if path := self._file():
            path.rename(self._new(self._folder()).with_suffix(".safetensors"))

    def _delete(self) -> None:
        if path := self._file():
            path.unlink()

    def _make_folder(self) -> None:
        self._new(self._folder()).mkdir()

    def _move_folder(self) -> None:
        folder = self._folder()
        if folder not in (self._root, self._elsewhere):
            folder.rename(self._new(self._root))

    def _delete_folder(self) -> None:
        folder = self._folder()
        if folder not in (self._root, self._elsewhere):
            shutil.rmtree(folder)

    def _link(self) -> None:
        self._new(self._folder()).symlink_to(self._elsewhere)

    def _replace_root(self) -> None:
        if self._random.random() < 0.1:
            away = self._root.with_name("away")
            self._root.rename(away)
            shutil.copytree(away, self._root, symlinks=True)
            shutil.rmtree(away)


@pytest.mark.parametrize("seed", range(3))
def test_a_storm_ends_as_a_fresh_scan_finds_it(
    root: Path, tmp_path: Path, parts: Parts, seed: int
) -> None:
    """After any events in any order the list is that of the disk."""
    parts.use(Watcher, pace=Pace(quiet=0.01, ceiling=0.05, poll=0.5, poll_alone=0.2))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    storm = Storm(root, elsewhere, seed)
    with living_library([root]) as living:
        living.watcher.start()
        for _ in range(300):
            storm.step()
        on_disk = listing_of(scan([root]))
        assert eventually(lambda: listing_of(living.library.view) == on_disk)
    assert len(on_disk) > 3


def test_twins_are_hashed_in_the_background(tmp_path: Path) -> None:
    """Whether files of one name and size are the same becomes known with nothing pressed."""
    one = safetensors_file()
    for folder, data in (("a", one), ("b", one), ("c", one[:-1] + b"!")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "cat.safetensors").write_bytes(data)

    def same() -> list[bool | None]:
        catalogue = living.library.catalogue
        one, *others = (seen.entry for seen in catalogue.view)
        return [catalogue.has_same_bytes(one, other) for other in others]

    with living_library([tmp_path]) as living:
        living.watcher.start()
        assert eventually(lambda: living.library.progress is None and same() == [True, False])


def test_twins_are_hashed_after_a_start_that_finds_nothing_new(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty new folder makes the remembered list incomplete, and the scan changes nothing."""
    hashing = list[int]()
    monkeypatch.setattr(
        Library, "hash_twins", lambda library: hashing.append(len(library.view.meant))
    )
    with Index.open() as index:
        Library([root], index).rescan()
    (root / "empty").mkdir()
    for folder in (root / "empty", root):
        os.utime(folder, (0, 0))
    with living_library([root]) as living:
        living.library.rescan()
        assert eventually(lambda: hashing == [1])


def test_only_other_files_are_a_reason_to_hash(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A star makes a generation, too, of which no view is made before somebody asks."""
    hashing = list[int]()
    monkeypatch.setattr(
        Library, "hash_twins", lambda library: hashing.append(len(library.view.meant))
    )
    with living_library([root]) as living:
        living.watcher.start()
        assert eventually(lambda: hashing == [1])
        living.library.mark([seen.entry.place.id for seen in living.library.view], favourite=True)
        (root / "b.safetensors").write_bytes(ONE)
        assert eventually(lambda: hashing == [1, 2])


def test_a_picture_waits_for_no_slow_disk(
    root: Path,
    a: Path,  # noqa: ARG001 - a name of one letter is in nearly every prompt
    parts: Parts,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A picture does not wait for the scan; only files that its prompts name are read at once."""
    for name in ("new cat_(1)", "half", "half_2", "unnamed"):
        (root / f"{name}.safetensors").write_bytes(ONE)
    began, go_on, read = threading.Event(), threading.Event(), list[str]()
    asker = threading.current_thread()

    def read_slowly(found: Found) -> Entry:
        if threading.current_thread() is not asker:
            began.set()
            assert go_on.wait(60)
        read.append(found.place.name)
        return read_file(found)

    parts.use(Library, read=read_slowly)
    monkeypatch.setattr(living_module, "PATIENCE", 0.01)
    with living_library([root]) as living:
        library = living.library
        assert not library.scans.bring(["new cat_(1)"])  # nothing is on its way
        first = threading.Thread(target=library.rescan)
        first.start()
        try:
            assert began.wait(60)
            living.scan([str(root)])
            assert library.scans.bring(["a dog", "a (NEW  CAT_\\(1\\):1.2), half"])
            assert not library.scans.bring(["no more new cat_\\(1\\)"])
            assert sorted(read) == ["a", "half", "half_2", "new cat_(1)"]
            assert {seen.name for seen in library.view} == set(read)
        finally:
            go_on.set()
            first.join()
        assert len(library.view) == 5


def test_a_scan_that_a_picture_waits_for_need_not_spare_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it waits, and no longer, the disk may be asked for many things at once."""
    width = None

    def note(*args: Any, **kwargs: Any) -> Library:
        nonlocal width
        width = kwargs["width"]
        return Library(*args, **kwargs)

    monkeypatch.setattr(living_module, "Library", note)
    widths = list[int]()
    with living_library([root], is_busy=lambda: True) as living:
        living.library.rescan()
        assert width
        rescan = living.library.scans.rescan_changed
        monkeypatch.setattr(
            living.library.scans, "rescan_changed", lambda: (widths.append(width()), rescan())
        )
        living.scan([str(root)])
        living.catch_up([str(root)])
        assert (widths, width()) == ([LIMITS.slow_calls], 1)
        monkeypatch.setattr(living.library.scans, "wait", lambda _seconds: widths.append(width()))
        living.catch_up([str(root)])
        assert (widths, width()) == (2 * [LIMITS.slow_calls], 1)


def test_a_picture_does_not_wait_for_other_folders(
    root: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is added in the settings may be large, and its disk slow."""
    other = tmp_path_factory.mktemp("other")
    (other / "new.safetensors").write_bytes(ONE)
    go_on = threading.Event()

    def read_slowly(found: Found) -> Entry:
        assert go_on.wait(60)
        return read_file(found)

    with living_library([root]) as living:
        living.library.rescan()
        monkeypatch.setattr(living.library.scans._scanner._files, "read", read_slowly)
        monkeypatch.setattr(living_module, "PATIENCE", 0.01)
        living.scan([str(root), str(other)])
        assert [seen.name for seen in living.library.view] == ["a"]
        go_on.set()
        assert eventually(lambda: [seen.name for seen in living.library.view] == ["a", "new"])


def test_what_a_scan_fails_with_is_not_lost(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Who waits gets the error, a time-out of the disk too; after that it is logged."""
    go_on = threading.Event()

    def fail(*, seconds: float) -> None:
        assert go_on.wait(seconds) or not seconds
        raise TimeoutError("the disk hangs")

    with pytest.raises(TimeoutError, match="the disk hangs"):
        living_module.Patience().wait_for(lambda: fail(seconds=0))
    assert not caplog.messages
    monkeypatch.setattr(living_module, "PATIENCE", 0.01)
    living_module.Patience().wait_for(lambda: fail(seconds=60))
    go_on.set()
    assert eventually(lambda: "the disk hangs" in caplog.text)
