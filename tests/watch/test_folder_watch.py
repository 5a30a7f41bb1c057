"""A folder watch: which events count, where it observes, and what it does without events."""

from __future__ import annotations

import errno
import math
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from lib_embeddings.entries.place import Place
from lib_embeddings.entries.snapshot import Snapshot, diff
from lib_embeddings.entries.walk import Folder, walk
from lib_embeddings.limits import REST
from lib_embeddings.watch import folder_watch
from lib_embeddings.watch.folder_watch import (
    MISSES,
    REST_WITH_EVENTS,
    EventFilter,
    FolderWatch,
    Hint,
    Observer,
    Pace,
    observe,
)
from tests.watch.fakes import Clock, Event, Observers, ScriptedObserver, snapshot_of

FOLDER = "/home/.me/embeddings"
PACE = Pace(poll=10, poll_alone=2, poll_missing=0.5, jitter=0)


# Events


def passed_on(*events: Event) -> list[str | None]:
    """Return what the filter of the folder passes on."""
    return [hint.complete for hint in hints(*events)]


def hints(*events: Event) -> list[Hint]:
    """Return all that the filter of the folder tells; it is scanned by the path of a link."""
    noted: list[Hint] = []
    event_filter = EventFilter(FOLDER, "/link", noted.append)
    for event in events:
        event_filter.dispatch(event)
    return noted


def file(kind: str, name: str, goal: str = "") -> Event:
    return Event(kind, f"{FOLDER}/{name}", goal and f"{FOLDER}/{goal}")


def folder(kind: str, name: str, goal: str = "") -> Event:
    return Event(kind, f"{FOLDER}/{name}", goal and f"{FOLDER}/{goal}", is_directory=True)


@pytest.mark.parametrize("kind", ["created", "modified", "attrib", "deleted"])
def test_a_file_that_changes_is_a_reason_to_scan(kind: str) -> None:
    """Each of these events asks for a scan, and says of no file that it is complete."""
    assert passed_on(file(kind, "a.pt")) == [None]


@pytest.mark.parametrize("kind", ["opened", "closed_no_write", "accessed"])
def test_reading_a_file_is_none(kind: str) -> None:
    """Events of our own scan, and unknown ones, must not cause a scan."""
    assert not passed_on(file(kind, "a.pt"), folder(kind, "sub"))


def test_a_closed_file_is_complete() -> None:
    """A close after writing names the file."""
    assert passed_on(file("closed", "sub/a.pt")) == [f"{FOLDER}/sub/a.pt"]


def test_a_renamed_file_is_complete_under_its_new_name() -> None:
    """A rename puts a finished file in place."""
    assert passed_on(file("moved", "a.pt.part", "a.pt")) == [f"{FOLDER}/a.pt"]


def test_a_file_that_takes_a_temporary_name_is_a_reason_to_scan() -> None:
    """The old name is gone, and there is no new one to read."""
    assert passed_on(file("moved", "a.pt", "a.pt~")) == [None]


def test_a_rename_among_temporary_names_is_none() -> None:
    """Nothing that a scan finds has changed."""
    assert not passed_on(file("moved", "a.tmp", "a.part"))


@pytest.mark.parametrize("name", ["a.part", "A.TMP", ".a.pt", ".git/a.pt", "sub/a.pt~"])
def test_ignored_names_are_filtered_out(name: str) -> None:
    """A temporary name, or a hidden one anywhere below the folder, is passed by."""
    assert not passed_on(file("created", name), file("closed", name), file("deleted", name))


def test_a_folder_may_be_called_like_a_temporary_file() -> None:
    """A folder's name says nothing of the files in it."""
    assert passed_on(folder("created", "x.tmp"), file("closed", "x.tmp/a.pt")) == [
        None,
        f"{FOLDER}/x.tmp/a.pt",
    ]


@pytest.mark.parametrize("kind", ["created", "deleted"])
def test_a_folder_that_comes_or_goes_is_a_reason_to_scan(kind: str) -> None:
    """A folder that comes or goes brings or takes files; so does the watched one."""
    assert passed_on(folder(kind, "sub"), Event(kind, FOLDER, is_directory=True)) == [None, None]


def test_a_moved_folder_is_a_reason_to_scan_and_no_file() -> None:
    """A folder's move asks for a scan; only files are complete."""
    assert passed_on(folder("moved", "sub", "other")) == [None]


def test_a_folder_that_was_hidden_is_a_reason_to_scan() -> None:
    """Its files come into sight by its new name."""
    assert passed_on(folder("moved", ".hidden", "sub")) == [None]


@pytest.mark.parametrize("kind", ["modified", "attrib"])
def test_the_echo_of_a_file_in_its_folder_is_none(kind: str) -> None:
    """A folder is modified with each ignored file too; the file's own event is enough."""
    assert not passed_on(folder(kind, "sub"))


def test_paths_may_be_bytes_and_goals_missing() -> None:
    """Newer versions may give bytes, older ones give a dest_path to moves alone."""

    class OldEvent:
        event_type = "closed"
        is_directory = False
        src_path: str | bytes = f"{FOLDER}/é.pt".encode()

    noted: list[Hint] = []
    EventFilter(FOLDER, FOLDER, noted.append).dispatch(OldEvent())
    assert noted == [Hint((FOLDER,), f"{FOLDER}/é.pt")]


def test_files_name_their_folders() -> None:
    """Only they have to be scanned: by the path that the scan takes, both of them after a move."""
    (created,) = hints(file("created", "sub/a.pt"))
    assert created.folders == ("/link/sub",)
    (moved,) = hints(file("moved", "a.pt", "sub/a.pt"))
    assert set(moved.folders) == {"/link", "/link/sub"}


def test_folders_do_not() -> None:
    """Nobody knows what is below a folder that came or went."""
    assert hints(folder("created", "sub"), folder("moved", "sub", "b")) == [Hint(), Hint()]


# The watch


class Watched:
    """A root, its watch, and a scanner that lets the watch follow, as the watcher does."""

    def __init__(self, root: Path, observer_factory: Callable[[], Observer] | None = None) -> None:
        self.root = root
        self.clock = Clock()
        self.observers = Observers()
        self.noted: list[Hint] = []
        factory = observer_factory or self.observers
        self.watch = FolderWatch(str(root), self.noted.append, PACE, factory, self.clock)
        self._snapshot = Snapshot.of((), ())

    def scan(self, *, had_event: bool = False, cost: float = 0.0) -> bool:
        """Scan once; return whether the watch asks for one more."""
        return self.take_in(tuple(walk([str(self.root)])), had_event=had_event, cost=cost)

    def take_in(
        self, folders: tuple[Folder, ...], *, had_event: bool = False, cost: float = 0.0
    ) -> bool:
        """Pass on what a scan found; return whether the watch asks for one more."""
        before, self._snapshot = self._snapshot, snapshot_of(folders)
        is_changed = bool(diff(before, self._snapshot))
        is_more = self.watch.take_in(folders, is_changed=is_changed, had_event=had_event)
        self.watch.plan(cost)
        return is_more

    def calm(self) -> None:
        """Scan until the watch asks for no more."""
        while self.scan():
            pass

    def change(self) -> None:
        """Add one more file."""
        (self.root / f"{len(list(self.root.iterdir()))}.pt").touch()

    @property
    def rest(self) -> float:
        """The seconds to the next scan."""
        return self.watch.next_scan - self.clock.now


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """Yield a root that was not scanned yet, and end its watch after the test."""
    (tmp_path / "root").mkdir()
    watched = Watched(tmp_path / "root")
    yield watched
    watched.watch.close()
    assert not watched.observers.running


def test_the_first_scan_is_due(watched: Watched) -> None:
    """A watch begins with a scan of what is there."""
    assert watched.watch.is_due()


def test_one_more_scan_follows_once_the_watch_is_laid(watched: Watched) -> None:
    """A file that came before the watch was there had no event; then all is quiet."""
    assert watched.scan()
    assert not watched.scan()
    assert len(watched.observers.made) == 1


def test_events_are_passed_on(watched: Watched) -> None:
    """Events of the folder reach those who asked for them."""
    watched.scan()
    watched.observers.made[0].report(Event("closed", str(watched.root / "a.pt")))
    assert watched.noted == [Hint((str(watched.root),), str(watched.root / "a.pt"))]


def test_a_new_folder_lays_the_watch_anew(watched: Watched) -> None:
    """Old observers miss a folder that was moved in; a fresh one does not."""
    watched.calm()
    (watched.root / "sub").mkdir()
    assert watched.scan(had_event=True)
    assert [observer.state for observer in watched.observers.made] == ["ended", "started"]


def test_a_new_file_does_not(watched: Watched) -> None:
    """The watch is laid on folders, and stays while these do."""
    watched.calm()
    watched.change()
    assert not watched.scan(had_event=True)
    assert len(watched.observers.made) == 1


def test_the_new_watch_is_laid_before_the_old_one_ends(tmp_path: Path) -> None:
    """Between the two there is no moment without events."""
    observers = Observers()
    states: list[list[str]] = []

    def lay() -> ScriptedObserver:
        states.append([observer.state for observer in observers.made])
        return observers()

    watched = Watched(tmp_path, lay)
    watched.calm()
    (tmp_path / "sub").mkdir()
    watched.scan()
    watched.watch.close()
    assert states == [[], ["started"]]


def test_linked_folders_are_watched(watched: Watched, tmp_path: Path) -> None:
    """A link that comes is observed where it leads to, and let go when it goes."""
    root, elsewhere = watched.root, tmp_path / "elsewhere"
    elsewhere.mkdir()
    watched.calm()
    (root / "link").symlink_to(elsewhere)
    watched.scan(had_event=True)
    assert watched.observers.folders() == {str(root), str(elsewhere)}
    (root / "link").unlink()
    watched.scan(had_event=True)
    assert watched.observers.folders() == {str(root)}


def test_a_junction_is_watched(watched: Watched) -> None:
    """A link of Windows that is no symbolic one gets a watch of its own as well."""
    (watched.root / "sub").mkdir()
    root, sub = walk([str(watched.root)])
    watched.take_in((root, sub._replace(is_linked=True)))
    assert watched.observers.folders() == {str(watched.root), str(watched.root / "sub")}


def test_a_linked_root_is_watched_where_it_leads_to(watched: Watched, tmp_path: Path) -> None:
    """Some systems name the real folder in events; and a link that leads elsewhere is followed."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    watched.root.rmdir()
    watched.root.symlink_to(tmp_path / "one")
    watched.calm()
    assert watched.observers.folders() == {str(tmp_path / "one")}
    watched.root.unlink()
    watched.root.symlink_to(tmp_path / "two")
    assert watched.scan()
    assert watched.observers.folders() == {str(tmp_path / "two")}


def test_sub_folders_need_no_watch_of_their_own(watched: Watched) -> None:
    """A watch reaches all below its folder, but no link."""
    (watched.root / "sub" / "deep").mkdir(parents=True)
    watched.scan()
    assert watched.observers.folders() == {str(watched.root)}


def test_a_root_that_goes_away_is_let_go(watched: Watched) -> None:
    """An unplugged root ends its observer."""
    watched.calm()
    shutil.rmtree(watched.root)
    watched.scan(had_event=True)
    assert not watched.observers.running


def test_a_replaced_root_is_watched(watched: Watched, tmp_path: Path) -> None:
    """A watch follows its folder when that is renamed; the one in its place gets its own."""
    watched.calm()
    watched.root.rename(tmp_path / "old")
    watched.root.mkdir()
    assert watched.scan()
    assert len(watched.observers.made) == 2


# Without events


def test_a_missing_root_is_only_asked_for_until_it_comes(watched: Watched) -> None:
    """A root that is missing is no reason to scan; one that came is."""
    watched.root.rmdir()
    assert not watched.scan(cost=3.0)  # to ask for a root costs nothing, however slow the others
    assert not watched.observers.made
    assert watched.rest == PACE.poll_missing
    watched.clock.advance(PACE.poll_missing)
    assert not watched.watch.is_due()
    assert watched.rest == PACE.poll_missing
    watched.root.mkdir()
    assert not watched.watch.is_due()
    watched.clock.advance(PACE.poll_missing)
    assert watched.watch.is_due()
    assert watched.watch.is_due()  # until a scan found it
    watched.calm()
    assert watched.observers.folders() == {str(watched.root)}
    assert watched.rest == PACE.poll


def test_a_file_in_the_place_of_a_root_is_not_scanned_for(watched: Watched) -> None:
    """A root that is no folder is missing."""
    watched.root.rmdir()
    watched.root.touch()
    watched.scan()
    watched.clock.advance(PACE.poll_missing)
    assert not watched.watch.is_due()


def test_a_root_is_due_at_its_poll(watched: Watched) -> None:
    """The poll is the net below the events, and no moment too soon."""
    watched.calm()
    watched.clock.advance(PACE.poll - 0.125)
    assert not watched.watch.is_due()
    watched.clock.advance(0.125)
    assert watched.watch.is_due()


def test_a_root_that_goes_without_an_event_is_no_miss(
    watched: Watched, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A root that is renamed away raises no event, however often."""
    watched.calm()
    for _ in range(3):
        watched.change()
        watched.scan(had_event=True)
        watched.root.rename(tmp_path / "away")
        watched.calm()
        (tmp_path / "away").rename(watched.root)
        watched.calm()
    assert not caplog.records


@pytest.mark.parametrize("is_link", [False, True], ids=["folder", "link"])
def test_a_root_that_is_replaced_is_no_miss(
    watched: Watched, tmp_path: Path, caplog: pytest.LogCaptureFixture, *, is_link: bool
) -> None:
    """Another folder in the root's place, with other files, raises no event either."""
    watched.change()
    watched.calm()
    for number in range(3):
        watched.root.rename(tmp_path / f"old{number}")
        new = tmp_path / f"new{number}"
        new.mkdir()
        (new / f"{number}.pt").touch()
        watched.root.symlink_to(new) if is_link else new.rename(watched.root)
        assert watched.scan()
        watched.calm()
    assert not caplog.records


def test_one_change_without_an_event_is_no_proof(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    """A poll may be ahead of the event: it is repeated soon, with a fresh observer."""
    watched.calm()
    watched.change()
    assert watched.scan()
    assert watched.rest == PACE.poll_alone
    assert not watched.scan(had_event=True)
    assert watched.rest == PACE.poll
    assert len(watched.observers.made) == 2
    assert not caplog.records


def test_a_change_before_the_watch_was_laid_is_no_miss(watched: Watched) -> None:
    """The scan that follows the laying of a watch finds what had no event."""
    watched.scan()
    watched.change()
    assert not watched.scan()
    assert watched.rest == PACE.poll


def test_two_changes_without_an_event_make_a_root_polled(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    """Without events the root is polled faster from then on, and the log says so once."""
    watched.calm()
    for had_event in (False, False, True, False, False):  # events of our own machine are no proof
        watched.change()
        watched.scan(had_event=had_event)
        watched.calm()
    assert watched.rest == PACE.poll_alone
    (message,) = caplog.messages
    assert message == (
        f"watching {watched.root}: changes come without file events; "
        "it is scanned every 2 s instead"
    )


@pytest.mark.parametrize(
    "refusal",
    [OSError(errno.ENOSPC, "inotify watch limit reached"), RuntimeError("cannot start stream")],
    ids=["OSError", "RuntimeError"],
)
def test_an_observer_that_refuses_is_not_asked_again(
    watched: Watched, caplog: pytest.LogCaptureFixture, refusal: Exception
) -> None:
    """Without file events to be had, the root is polled, and says so once."""
    watched.observers.refusal = refusal
    for _ in range(3):
        watched.change()
        assert not watched.scan()
        assert watched.rest == PACE.poll_alone
    assert [observer.state for observer in watched.observers.made] == ["ended"]
    (message,) = caplog.messages
    way_out = "; raise the limit with: sudo sysctl fs.inotify.max_user_watches=524288"
    reason = f"{refusal}{way_out if isinstance(refusal, OSError) else ''}"
    assert message == (
        f"watching {watched.root}: the system gives no file events ({reason}); "
        "it is scanned every 2 s instead"
    )


def test_a_folder_that_went_while_the_watch_was_laid_is_tried_again(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    """A race with a folder that vanishes is no reason to give up on events."""
    watched.calm()
    (watched.root / "sub").mkdir()
    watched.observers.refusal = FileNotFoundError(errno.ENOENT, "no such folder")
    for _ in range(3):
        watched.change()
        assert not watched.scan()
        assert watched.rest == PACE.poll_alone
    (watched.root / "sub").rmdir()
    watched.observers.refusal = None
    assert watched.scan()
    assert watched.observers.folders() == {str(watched.root)}
    assert not caplog.records


def stale(watched: Watched, path: Path) -> tuple[Folder, ...]:
    """Return what a scan finds while one folder does not answer: its entries are marked."""
    silent = Place.of_root(watched.root)
    if path != watched.root:
        silent = silent.inside(path.name)
    return tuple(
        folder._replace(
            identity=None,
            problem="no answer",
            files=tuple(f._replace(size=-1) for f in folder.files),
        )
        if folder.place == silent
        else folder
        for folder in walk([str(watched.root)])
    )


def test_a_root_that_does_not_answer_is_polled_until_it_does(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    """A disk that gives no answer is not observed meanwhile; afterwards it is as before."""
    watched.calm()
    for _ in range(3):
        assert not watched.take_in(stale(watched, watched.root))
        assert not watched.observers.running
        assert watched.rest == PACE.poll_alone
        watched.calm()
        assert watched.observers.folders() == {str(watched.root)}
        assert watched.rest == PACE.poll
    assert not caplog.records


def test_a_folder_that_does_not_answer_is_no_miss(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    """Its entries change when it falls silent and when it answers, without an event."""
    (watched.root / "sub").mkdir()
    (watched.root / "sub" / "a.pt").touch()
    watched.calm()
    for _ in range(3):
        watched.take_in(stale(watched, watched.root / "sub"))
        watched.take_in(stale(watched, watched.root / "sub"))
        watched.calm()
    assert watched.rest == PACE.poll
    assert not caplog.records


def test_a_slow_disk_is_given_rest(watched: Watched) -> None:
    """A scan that takes long is followed by a longer pause, the longest where events come."""
    watched.scan(cost=3.0)
    assert watched.rest == 3.0 * REST_WITH_EVENTS
    watched.calm()
    for _ in range(MISSES):
        watched.change()
        watched.scan(cost=3.0)
    assert watched.rest == 3.0 * REST


def test_while_a_scan_waits_folders_are_asked_for_their_times(watched: Watched) -> None:
    """A lost event is noticed as soon among many files as among few."""
    watched.calm()
    assert watched.watch.next_peek == math.inf
    watched.scan(cost=1.0)
    assert watched.watch.next_peek - watched.clock.now == PACE.poll


# Ending an observer


class HangingObserver(ScriptedObserver):
    """An observer that does not end before it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()

    def join(self) -> None:
        assert self.released.wait(60)
        super().join()


def test_an_observer_that_hangs_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An observer that does not end does not hold up the watch."""
    monkeypatch.setattr(folder_watch, "PATIENCE", 0.01)
    observer = HangingObserver()
    watched = Watched(tmp_path, lambda: observer)
    watched.scan()
    watched.watch.close()
    assert observer.state == "stopped"
    observer.released.set()
    for thread in threading.enumerate():
        if thread.name == "embeddings-watcher-end":
            thread.join(60)
    assert observer.state == "ended"


@pytest.mark.parametrize("method", ["stop", "join"])
def test_an_observer_that_fails_to_end_is_left_behind(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    """An observer that raises when it ends does no harm to the watch."""
    observer = ScriptedObserver()

    def fail() -> None:
        raise OSError(errno.EBADF, "bad file descriptor")

    setattr(observer, method, fail)
    watched = Watched(tmp_path, lambda: observer)
    watched.scan()
    watched.watch.close()
    assert caplog.messages == ["an observer of file events did not end"]


# The system's observer


class Reported:
    """Notes what an observer reports, and when one kind was reported."""

    def __init__(self, kind: str) -> None:
        self.kinds: set[str] = set()
        self.arrived = threading.Event()
        self._kind = kind

    def dispatch(self, event: Event) -> None:
        self.kinds.add(event.event_type)
        if event.event_type == self._kind:
            self.arrived.set()


@pytest.mark.skipif(
    int(version("watchdog").partition(".")[0]) < 4, reason="watchdog before 4 reports everything"
)
def test_reading_a_file_is_not_reported(tmp_path: Path) -> None:
    """The system reports what is written and renamed, and no file that is only read."""
    (tmp_path / "old.pt").write_bytes(b"x")
    observer, reported = observe(), Reported("deleted")
    observer.start()
    observer.schedule(reported, str(tmp_path), recursive=True)
    (tmp_path / "old.pt").read_bytes()
    (tmp_path / "new.pt").write_bytes(b"x")
    (tmp_path / "new.pt").rename(tmp_path / "newer.pt")
    (tmp_path / "newer.pt").unlink()
    assert reported.arrived.wait(60)
    observer.stop()
    observer.join()
    assert reported.kinds - {"attrib"} == {"created", "modified", "closed", "moved", "deleted"}


def test_reading_a_file_leads_to_no_scan(tmp_path: Path) -> None:
    """Whatever the system reports of files being read is no reason to scan."""
    for name in ("old.pt", "new.part"):
        (tmp_path / name).write_bytes(b"x")
    noted: list[Hint] = []
    arrived = threading.Event()

    def note(hint: Hint) -> None:
        noted.append(hint)
        arrived.set()

    watch = FolderWatch(str(tmp_path), note, PACE, observe)
    watch.take_in(tuple(walk([str(tmp_path)])), is_changed=True, had_event=False)
    for _ in range(10):
        (tmp_path / "old.pt").read_bytes()
    (tmp_path / "new.part").rename(tmp_path / "new.pt")
    assert arrived.wait(60)
    watch.close()
    assert noted == [Hint((str(tmp_path),), str(tmp_path / "new.pt"))]


def test_an_observer_ends_in_silence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An event that is still held when its observer ends is no error: the next scan finds it."""
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a.pt").touch()
    observer = observe()
    observer.start()
    observer.schedule(Reported("moved"), str(tmp_path / "root"), recursive=True)
    (tmp_path / "root" / "a.pt").rename(tmp_path / "a.pt")
    time.sleep(0.1)  # until the event is held, to see whether its other half comes
    observer.stop()
    observer.join()
    assert not caplog.records
