"""The watcher's loop, with observers that say what the test tells them to."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from lib_embeddings.watch.pace import Pace

from lib_embeddings.watch.watcher import Watcher, observe
from tests.watch.fakes import Calls, Event, Observers

# Nothing happens by itself; where a test waits for nothing to happen, it waits A_WHILE.
EVENTS_ONLY = Pace(quiet=0.02, ceiling=0.2, stand_still=600, poll=600, deaf_poll=600)
A_WHILE = 0.15
# An mtime in the future: written just now.
FRESH = 2**62


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def observers() -> Iterator[Observers]:
    observers = Observers()
    yield observers
    assert not observers.listening


@pytest.fixture
def calls() -> Calls:
    return Calls()


def add(folder: Path, observers: Observers, name: str) -> Path:
    """Add a file and say so."""
    (folder / name).write_bytes(b"x")
    observers.made[-1].say(Event("created", str(folder / name)))
    return folder / name


def test_on_change_is_called_once_the_watch_is_in_place(
    folder: Path, observers: Observers, calls: Calls
) -> None:
    """The first call finds every root listened to: what comes after it raises an event."""
    watched = []

    def note() -> None:
        watched.append(observers.folders())
        calls()

    with Watcher([folder], note, pace=EVENTS_ONLY, observer_factory=observers):
        assert calls.reach(1)
    assert watched == [{str(folder)}]


def test_nothing_is_touched_before_the_start(
    folder: Path, observers: Observers, calls: Calls
) -> None:
    """A watcher that was only made has no thread and no observer."""
    watcher = Watcher([folder], calls, observer_factory=observers)
    assert not watcher.is_alive
    watcher.stop()
    assert not observers.made


def test_an_event_leads_to_a_call(folder: Path, observers: Observers, calls: Calls) -> None:
    """A file that comes is called for."""
    with Watcher([folder], calls, pace=EVENTS_ONLY, observer_factory=observers):
        assert calls.reach(1)
        add(folder, observers, "a.pt")
        assert calls.reach(2)


def test_an_event_that_changed_nothing_does_not(
    folder: Path, observers: Observers, calls: Calls
) -> None:
    """Some systems report reading as a modification; that must not call for another reading."""
    (folder / "a.pt").touch()
    with Watcher([folder], calls, pace=EVENTS_ONLY, observer_factory=observers):
        assert calls.reach(1)
        observers.made[-1].say(Event("modified", str(folder / "a.pt")))
        assert not calls.reach(2, within=A_WHILE)


def test_a_burst_leads_to_one_call(folder: Path, observers: Observers, calls: Calls) -> None:
    """Many files at once are called for once."""
    pace = Pace(quiet=0.2, ceiling=600, poll=600)
    with Watcher([folder], calls, pace=pace, observer_factory=observers):
        assert calls.reach(1)
        for index in range(50):
            add(folder, observers, f"{index}.pt")
        assert calls.reach(2)
        assert not calls.reach(3, within=A_WHILE)


def test_a_poll_finds_what_no_event_told_of(
    folder: Path, observers: Observers, calls: Calls
) -> None:
    """Where events do not arrive, changes are found all the same."""
    pace = Pace(quiet=0.02, poll=0.05, deaf_poll=0.02)
    with Watcher([folder], calls, pace=pace, observer_factory=observers):
        for count, name in enumerate("abcd", start=1):
            assert calls.reach(count)
            (folder / f"{name}.pt").touch()
        assert calls.reach(5)


def test_a_closed_file_is_called_for_though_nothing_else_changed(
    folder: Path, observers: Observers, calls: Calls
) -> None:
    """A file found unfinished is judged again when its writer closes it."""
    with Watcher([folder], calls, pace=EVENTS_ONLY, observer_factory=observers) as watcher:
        assert calls.reach(1)
        path = add(folder, observers, "a.pt")
        assert calls.reach(2)
        assert not watcher.is_whole(path, 1, FRESH)
        observers.made[-1].say(Event("closed", str(path)))
        assert calls.reach(3)


def test_a_closed_file_is_whole_also_by_a_link(
    folder: Path, tmp_path: Path, observers: Observers, calls: Calls
) -> None:
    """Events name the real folder; the caller may have come by a link."""
    (tmp_path / "alias").symlink_to(folder)
    whole = []

    def judge() -> None:
        whole.append(watcher.is_whole(tmp_path / "alias" / "a.pt", 1, FRESH))
        calls()

    watcher = Watcher([tmp_path / "alias"], judge, pace=EVENTS_ONLY, observer_factory=observers)
    with watcher:
        assert calls.reach(1)
        observers.made[-1].say(Event("closed", str(folder / "a.pt")))
        assert calls.reach(2)
    assert whole == [False, True]


def test_an_unfinished_file_is_called_for_until_it_stands_still(
    folder: Path, observers: Observers, calls: Calls
) -> None:
    """Without any event the watcher looks again by itself, and then no more."""
    whole = []

    def judge() -> None:
        if True not in whole:
            whole.append(watcher.is_whole(folder / "a.pt", 1, FRESH))
        calls()

    pace = Pace(quiet=0.02, stand_still=0.05, poll=600)
    watcher = Watcher([folder], judge, pace=pace, observer_factory=observers)
    with watcher:
        assert calls.reach(2)
        assert not calls.reach(3, within=A_WHILE)
    assert whole == [False, True]


def test_asking_from_another_thread_leads_to_a_call(
    folder: Path, observers: Observers, calls: Calls
) -> None:
    """A refresh by hand that finds a file unfinished is followed by a call of the watcher's."""
    pace = Pace(quiet=0.02, stand_still=0.05, poll=600)
    with Watcher([folder], calls, pace=pace, observer_factory=observers) as watcher:
        assert calls.reach(1)
        assert not watcher.is_whole(folder / "a.pt", 1, FRESH)
        assert calls.reach(2)
        assert not calls.reach(3, within=A_WHILE)


def test_an_exception_is_logged_and_the_call_repeated(
    folder: Path, observers: Observers, calls: Calls, caplog: pytest.LogCaptureFixture
) -> None:
    """The watch outlives its callback's errors, and tries again at the next poll."""

    def fail_twice() -> None:
        calls()
        if calls.count < 3:
            raise ValueError("no luck")

    pace = Pace(quiet=0.02, poll=0.05)
    with Watcher([folder], fail_twice, pace=pace, observer_factory=observers):
        assert calls.reach(3)
        assert not calls.reach(4, within=A_WHILE)
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2
    assert "ValueError: no luck" in caplog.text


def test_the_call_is_made_outside_any_lock(
    folder: Path, observers: Observers, calls: Calls
) -> None:
    """While the callback runs, others may ask, set roots, and be heard."""

    def interfere() -> None:
        watcher.is_whole(folder / "a.pt", 1, FRESH)
        watcher.set_roots([folder])
        add(folder, observers, "b.pt")

    def wait_for_another() -> None:
        thread = threading.Thread(target=interfere)
        thread.start()
        thread.join(5)
        assert not thread.is_alive()
        calls()

    watcher = Watcher([folder], wait_for_another, pace=EVENTS_ONLY, observer_factory=observers)
    with watcher:
        assert calls.reach(1)


def test_roots_are_set_live(
    folder: Path, tmp_path: Path, observers: Observers, calls: Calls
) -> None:
    """A root that is added is watched and called for; so is the loss of one."""
    other = tmp_path / "other"
    other.mkdir()
    with Watcher([folder], calls, pace=EVENTS_ONLY, observer_factory=observers) as watcher:
        assert calls.reach(1)
        watcher.set_roots([folder, other])
        assert calls.reach(2)
        assert observers.folders() == {str(folder), str(other)}
        watcher.set_roots([other])
        assert calls.reach(3)
        assert observers.folders() == {str(other)}


def test_no_roots_is_no_error(observers: Observers, folder: Path, calls: Calls) -> None:
    """A watcher without roots waits for some."""
    with Watcher([], calls, pace=EVENTS_ONLY, observer_factory=observers) as watcher:
        assert not calls.reach(1, within=A_WHILE)
        watcher.set_roots([folder, folder])
        assert calls.reach(1)
    assert len(observers.made) == 1


def test_stop_waits_for_the_callback(folder: Path, observers: Observers) -> None:
    """After stop() no callback runs and none will."""
    entered, released = threading.Event(), threading.Event()

    def block() -> None:
        entered.set()
        assert released.wait()

    watcher = Watcher([folder], block, pace=EVENTS_ONLY, observer_factory=observers)
    watcher.start()
    assert entered.wait()
    stopper = threading.Thread(target=watcher.stop)
    stopper.start()
    stopper.join(A_WHILE)
    assert stopper.is_alive()
    released.set()
    stopper.join()
    assert not watcher.is_alive


def test_the_callback_may_stop_the_watcher(
    folder: Path, observers: Observers, calls: Calls
) -> None:
    """A stop from within ends the worker after the callback, and waits for nothing."""

    def stop() -> None:
        watcher.stop()
        calls()

    watcher = Watcher([folder], stop, pace=EVENTS_ONLY, observer_factory=observers)
    watcher.start()
    assert calls.reach(1)
    watcher.stop()
    assert not watcher.is_alive


def test_start_and_stop_may_be_repeated(folder: Path, observers: Observers, calls: Calls) -> None:
    """A second start or stop changes nothing; a start after a stop watches anew."""
    watcher = Watcher([folder], calls, pace=EVENTS_ONLY, observer_factory=observers)
    watcher.stop()
    watcher.start()
    watcher.start()
    assert calls.reach(1)
    assert len(observers.listening) == 1
    watcher.stop()
    watcher.stop()
    assert not watcher.is_alive
    watcher.start()
    assert calls.reach(2)
    watcher.stop()
    assert calls.count == 2


class Told:
    """Hears all that an observer tells, and when one kind was told."""

    def __init__(self, kind: str) -> None:
        self.kinds: set[str] = set()
        self.heard = threading.Event()
        self._kind = kind

    def dispatch(self, event: Event) -> None:
        self.kinds.add(event.event_type)
        if event.event_type == self._kind:
            self.heard.set()


@pytest.mark.skipif(
    int(version("watchdog").partition(".")[0]) < 4, reason="watchdog before 4 tells everything"
)
def test_reading_a_file_is_not_told(folder: Path) -> None:
    """The system tells of what is written and renamed, and of no file that is only read."""
    (folder / "old.pt").write_bytes(b"x")
    observer, told = observe(), Told("deleted")
    observer.start()
    observer.schedule(told, str(folder), recursive=True)
    (folder / "old.pt").read_bytes()
    (folder / "new.pt").write_bytes(b"x")
    (folder / "new.pt").rename(folder / "newer.pt")
    (folder / "newer.pt").unlink()
    assert told.heard.wait(5)
    observer.stop()
    observer.join()
    assert told.kinds == {"created", "modified", "closed", "moved", "deleted"}
