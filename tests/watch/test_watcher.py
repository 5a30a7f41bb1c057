"""The watcher: when it scans, and how it starts and stops."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from lib_embeddings.watch.folder_watch import PACE, Hint, Pace
from lib_embeddings.watch.watcher import Debounce, Watcher, WriteTracker
from tests.watch.fakes import (
    Clock,
    Event,
    FakeLibrary,
    Observers,
    Timeline,
    eventually,
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


# Bursts


@pytest.fixture
def debounce(clock: Clock) -> Debounce:
    return Debounce(quiet=0.25, ceiling=1.0, clock=clock)


def test_idle_has_nothing_to_wait_for(debounce: Debounce) -> None:
    """Without an event there is no burst."""
    assert debounce.wait() is None


def test_quiet_ends_a_burst(clock: Clock, debounce: Debounce) -> None:
    """A burst ends when the quiet time has passed since its last event."""
    debounce.note()
    assert debounce.wait() == 0.25
    clock.advance(0.125)
    assert debounce.wait() == 0.125
    clock.advance(0.125)
    assert debounce.wait() == 0


def test_each_event_renews_the_quiet_time(clock: Clock, debounce: Debounce) -> None:
    """An event within the quiet time prolongs the burst."""
    debounce.note()
    clock.advance(0.125)
    debounce.note()
    assert debounce.wait() == 0.25


def test_a_steady_stream_is_held_no_longer_than_the_ceiling(
    clock: Clock, debounce: Debounce
) -> None:
    """Events that never pause end their burst at the ceiling, counted from the first."""
    for _ in range(8):
        debounce.note()
        assert debounce.wait() != 0
        clock.advance(0.125)
    debounce.note()
    assert debounce.wait() == 0


def test_a_burst_that_nobody_clears_stays_ended(clock: Clock, debounce: Debounce) -> None:
    """The wait never turns negative."""
    debounce.note()
    clock.advance(60)
    assert debounce.wait() == 0


def test_clear_begins_anew(clock: Clock, debounce: Debounce) -> None:
    """After a clear the ceiling is counted from the next event."""
    debounce.note()
    clock.advance(0.875)
    debounce.clear()
    assert debounce.wait() is None
    debounce.note()
    assert debounce.wait() == 0.25


# When it scans, on a timeline. The first burst of a watcher is its start; one more scan follows the
# laying of the watch.

FIRST = [("rescan", 0.1), ("rescan", 0.2)]


class World:
    """A watched folder, and all that the watcher is given."""

    def __init__(self, root: Path, clock: Clock) -> None:
        self.root = root
        self.clock = clock
        self.library = FakeLibrary(clock, root)
        self.observers = Observers()
        self.writes = WriteTracker(clock=clock)
        self.timeline = Timeline(clock)
        self.watcher = Watcher(
            self.library,
            self.writes,
            threading.Event(),
            pace=Pace(jitter=0),
            observer_factory=self.observers,
            clock=clock,
        )
        self.library.on_scan = self.watcher.note_scan

    def change(self, *, has_event: bool = True) -> None:
        """Add a file."""
        path = self.root / f"{len(list(self.root.iterdir()))}.pt"
        path.touch()
        if has_event:
            self.report(Event("created", str(path)))

    def report(self, event: Event) -> None:
        """Let the running observers report an event."""
        for observer in self.observers.running:
            observer.report(event)

    def run(self, until: float, *planned: tuple[float, Callable[[], object]]) -> None:
        """Let the watcher work, with events at their seconds."""
        for seconds, action in planned:
            self.timeline.at(seconds, action)
        self.timeline.run(self.watcher, until)


@pytest.fixture
def world(tmp_path: Path, clock: Clock) -> Iterator[World]:
    (tmp_path / "root").mkdir()
    world = World(tmp_path / "root", clock)
    yield world
    assert not world.observers.running


def test_a_quiet_library_is_scanned_at_its_poll_and_no_sooner(world: World) -> None:
    """After the start, an idle watcher does nothing between two polls."""
    world.run(35)
    assert world.library.scans == [*FIRST, ("rescan", 10.2), ("rescan", 20.2), ("rescan", 30.2)]


def test_an_event_leads_to_a_scan_when_it_is_quiet(world: World) -> None:
    """A file that comes is scanned for at the end of its burst."""
    world.run(5, (1, world.change))
    assert world.library.scans == [*FIRST, ("folders", 1.1)]


def test_a_burst_leads_to_one_scan(world: World) -> None:
    """Many files at once are scanned for once."""
    world.run(5, *((1 + number / 100, world.change) for number in range(50)))
    assert world.library.scans == [*FIRST, ("folders", 1.59)]


def test_a_steady_stream_of_events_is_scanned_at_its_ceiling(world: World) -> None:
    """Those who wait are not starved by a writer who never pauses."""
    steps = ((1 + number / 20, world.change) for number in range(50))
    world.run(5, *steps)
    assert world.library.scans == [*FIRST, ("folders", 2), ("folders", 3.05), ("folders", 3.55)]


def test_events_during_a_scan_lead_to_one_more(world: World) -> None:
    """A scan may have passed the folder by when a file comes into it."""

    def change_once() -> None:
        world.library.during = lambda: None
        world.change()

    def interfere() -> None:
        world.library.during = change_once
        world.change()

    world.run(5, (1, interfere))
    assert world.library.scans == [*FIRST, ("folders", 1.1), ("folders", 1.2)]


def test_an_event_may_come_while_its_change_is_scanned(world: World) -> None:
    """A poll that is ahead of the event by a moment does not lay the watch anew."""

    def change_once() -> None:
        world.library.during = lambda: None
        world.change()

    world.run(15, (5, lambda: setattr(world.library, "during", change_once)))
    assert world.library.scans == [*FIRST, ("rescan", 10.2), ("folders", 10.3)]
    assert len(world.observers.made) == 1


def test_a_poll_finds_what_had_no_event(world: World) -> None:
    """Without events the folders are polled faster, and changes are found."""
    steps = ((1 + 10 * number, partial(world.change, has_event=False)) for number in range(3))
    world.run(30, *steps)
    polls = [seconds for _, seconds in world.library.scans]
    assert polls[:8] == [0.1, 0.2, 10.2, 10.3, 12.3, 14.3, 16.3, 18.3]


def test_a_retry_is_called_when_it_is_due(world: World) -> None:
    """Incomplete files are tried again as long as the library asks for it."""
    steps = [(1, world.change), (3, lambda: setattr(world.library, "again_in", None))]
    world.library.again_in = 0.75
    world.run(9, *steps)
    assert world.library.scans == [
        *FIRST,
        ("retry", 0.95),
        ("folders", 1.1),
        ("retry", 1.85),
        ("retry", 2.6),
        ("retry", 3.35),
    ]


def test_a_scan_of_somebody_else_is_followed_by_a_retry(world: World) -> None:
    """A refresh by hand that finds a file incomplete leaves the rest to the watcher."""

    def refresh() -> None:
        world.library.again_in = 0.75
        world.library.rescan()
        world.library.again_in = None

    world.run(5, (1, refresh))
    assert world.library.scans == [*FIRST, ("rescan", 1), ("retry", 1.75)]


def test_a_scan_that_finds_all_complete_needs_no_retry(world: World) -> None:
    """A file that a later scan could read is not tried again."""

    def refresh() -> None:
        world.library.again_in = None
        world.library.rescan()

    world.library.again_in = 0.75
    world.run(5, (0.5, refresh))
    assert world.library.scans == [*FIRST, ("rescan", 0.5)]


def test_a_burst_stands_in_for_a_retry(world: World) -> None:
    """A scan of all folders tries again all that was incomplete: both at once are one too many."""
    world.library.again_in = 0.9
    world.run(1.9, (1.05, world.watcher.scan_soon))
    assert world.library.scans == [*FIRST, ("rescan", 1.15)]


def test_a_closed_file_is_complete(world: World) -> None:
    """The write tracker learns of each file that its writer closed."""
    path = world.root / "a.pt"
    left = []

    def write() -> None:
        left.append(world.writes.seconds_left(str(path), 1, 2**62))
        world.report(Event("closed", str(path)))
        left.append(world.writes.seconds_left(str(path), 1, 2**62))

    world.run(5, (1, write))
    assert left == [1, 0]


def test_files_that_are_gone_are_not_remembered_as_incomplete(world: World) -> None:
    """A scan of all folders asks about each file that is waited for."""
    world.run(15, (1, lambda: world.report(Event("closed", str(world.root / "notes.txt")))))
    assert not world.writes._sightings


def test_a_slow_library_is_scanned_half_a_percent_of_the_time_at_most(world: World) -> None:
    """A scan of all that takes three seconds is followed by ten minutes of rest."""
    world.library.walks = 3.0
    world.run(1400)
    began = [seconds for kind, seconds in world.library.scans if kind == "rescan"]
    assert began[:2] == [0.1, 3.2]
    assert began[2] >= 606.2
    assert len(began) == 4


def test_reading_what_is_new_costs_no_rest(world: World) -> None:
    """After many files were read the folders are polled as before: no file is read twice."""
    world.library.reads = 60.0
    world.run(300)
    began = [seconds for _, seconds in world.library.scans]
    assert began[:4] == [0.1, 60.2, 130.2, 200.2]


class Failures:
    """Lets scans of a world fail."""

    def __init__(self, world: World, *fail: bool, takes: float = 0.0) -> None:
        self._library = world.library
        self._fail = list(fail)
        self._takes = takes
        self._library.during = self

    def __call__(self) -> None:
        if self._fail and self._fail.pop(0):
            self._library._clock.advance(self._takes)
            raise ValueError("no luck")


def test_where_no_events_come_a_slow_disk_is_asked_for_times_of_folders(world: World) -> None:
    """A scan of all has to wait for long there; one call for each folder does not."""
    world.observers.refusal = OSError("no events here")
    world.library.walks = 3.0
    world.run(15)
    assert world.library.scans == [
        ("rescan", 0.1),
        ("changed", 5.1),
        ("changed", 10.1),
    ]


def test_an_error_is_logged_and_the_scan_repeated(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """The watch outlives errors of those who scan, and tries again after a rest."""
    Failures(world, True, True)
    world.run(9)
    assert [seconds for _, seconds in world.library.scans] == [0.1, 2.1, 4.1, 4.2]
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2
    assert "ValueError: no luck" in caplog.text


def test_events_do_not_hasten_a_scan_that_fails(world: World) -> None:
    """Errors come no faster while files do; a change that a failed scan was for is not lost."""
    Failures(world, False, False, True, True)
    world.run(9, *((1 + number / 20, world.change) for number in range(50)))
    assert world.library.scans[:5] == [*FIRST, ("folders", 2), ("rescan", 4), ("rescan", 6)]


def test_a_scan_that_takes_long_to_fail_is_given_rest(world: World) -> None:
    """A disk that fails slowly is not kept busy."""
    Failures(world, True, takes=3.0)
    world.run(40)
    assert [seconds for _, seconds in world.library.scans][:3] == [0.1, 33.1, 33.2]


def test_an_error_of_a_retry_is_no_end(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """After a retry that fails, all folders are scanned."""
    Failures(world, False, False, True)
    world.library.again_in = 1
    world.run(5)
    assert world.library.scans == [*FIRST, ("retry", 1.2), ("rescan", 3.2), ("retry", 4.2)]
    assert len(caplog.records) == 1


def test_an_error_of_an_observer_is_no_end(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """After any error of an observer the root is scanned again, and its watch laid."""
    world.observers.refusal = ValueError("an error of some system")
    world.run(5, (1, lambda: setattr(world.observers, "refusal", None)))
    assert world.library.scans == [("rescan", 0.1), ("rescan", 2.1), ("rescan", 2.2)]
    assert len(caplog.records) == 1


def test_roots_are_taken_from_the_library(world: World, tmp_path: Path) -> None:
    """A root that is added is watched from the next scan on; one that went is let go."""
    other = tmp_path / "other"
    other.mkdir()
    folders = []

    def set_roots(*roots: Path) -> None:
        folders.append(world.observers.folders())
        world.library.roots = list(map(str, roots))
        world.watcher.scan_soon()

    world.run(
        7,
        (1, lambda: set_roots(world.root, other)),
        (3, lambda: set_roots(other)),
        (5, lambda: set_roots(other)),
    )
    assert folders == [{str(world.root)}, {str(world.root), str(other)}, {str(other)}]


def test_roots_may_change_while_a_scan_runs(world: World, tmp_path: Path) -> None:
    """A scan of other roots than those that are watched is no harm."""
    other = tmp_path / "other"
    other.mkdir()

    def set_roots() -> None:
        world.library.during = lambda: None
        world.library.roots = [str(other)]
        world.watcher.scan_soon()

    def interfere() -> None:
        world.library.during = set_roots
        world.change()

    folders: list[set[str]] = []
    world.run(5, (1, interfere), (4, lambda: folders.append(world.observers.folders())))
    assert folders == [{str(other)}]
    assert world.library.scans == [*FIRST, ("folders", 1.1), ("rescan", 1.2), ("rescan", 1.3)]


def test_a_late_event_of_a_root_that_is_no_longer_watched(world: World, tmp_path: Path) -> None:
    """An observer that is about to end may still report: one more scan is all that comes of it."""
    (tmp_path / "other").mkdir()

    def set_roots() -> None:
        world.library.roots = [str(tmp_path / "other")]
        world.watcher.scan_soon()

    former: list[Callable[[Event], None]] = []
    world.run(
        5,
        (1, lambda: former.append(world.observers.running[0].report)),
        (2, set_roots),
        (3, lambda: former[0](Event("created", str(world.root / "a.pt")))),
    )
    assert world.library.scans == [*FIRST, ("rescan", 2.1), ("rescan", 2.2), ("folders", 3.1)]


def test_no_roots_is_no_error(world: World) -> None:
    """A watcher without roots waits for some."""
    world.library.roots = []

    def set_roots() -> None:
        world.library.roots = [str(world.root)]
        world.watcher.scan_soon()

    world.run(500, (400, set_roots))
    assert world.library.scans[:3] == [("rescan", 0.1), ("rescan", 400.1), ("rescan", 400.2)]


def test_two_roots_are_scanned_together(world: World, tmp_path: Path) -> None:
    """Two roots that are due at once are scanned at once."""
    (tmp_path / "other").mkdir()
    world.library.roots.append(str(tmp_path / "other"))
    world.run(25)
    assert world.library.scans == [*FIRST, ("rescan", 10.2), ("rescan", 20.2)]


# Starting and stopping, with its own thread


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


@pytest.fixture
def watcher(world: World, stop: threading.Event) -> Iterator[Watcher]:
    """Yield a watcher that polls all the time, not started yet."""
    pace = Pace(quiet=0, poll=0, poll_alone=0)
    factory = world.observers
    watcher = Watcher(world.library, world.writes, stop, pace=pace, observer_factory=factory)
    world.library.on_scan = watcher.note_scan
    yield watcher
    watcher.stop()


def has_scanned(world: World) -> Callable[[], bool]:
    """Return whether there is a new scan, to be asked again."""
    count = len(world.library.scans)
    return lambda: len(world.library.scans) > count


def test_nothing_is_touched_before_the_start(world: World, watcher: Watcher) -> None:
    """A watcher that was only made has no thread and no observer."""
    assert not watcher.is_alive
    watcher.stop()
    assert not world.library.scans


def test_a_watcher_works_until_it_is_stopped(world: World, watcher: Watcher) -> None:
    """Between start and stop a watcher scans again and again."""
    watcher.start()
    assert watcher.is_alive
    assert eventually(has_scanned(world))
    assert eventually(has_scanned(world))
    watcher.stop()
    assert not watcher.is_alive


def test_stop_ends_a_scan_and_waits_for_it(
    world: World, watcher: Watcher, stop: threading.Event
) -> None:
    """stop() ends a scan; after it none runs, and none will."""
    entered = threading.Event()

    def scan_until_stopped() -> None:
        entered.set()
        assert stop.wait(60)

    world.library.during = scan_until_stopped
    watcher.start()
    assert entered.wait(60)
    watcher.stop()
    assert not watcher.is_alive
    assert len(world.library.scans) == 1


def test_what_a_stopped_scan_says_is_not_used(
    world: World, watcher: Watcher, stop: threading.Event
) -> None:
    """A scan that was stopped knows nothing of the folders: no watch is laid after it."""
    world.library.during = stop.set
    watcher.start()
    assert eventually(lambda: not watcher.is_alive)
    assert not world.observers.made


def test_a_scan_may_stop_the_watcher(world: World, watcher: Watcher) -> None:
    """A stop from the watcher's own thread ends it after the scan, and waits for nothing."""
    world.library.during = watcher.stop
    watcher.start()
    assert eventually(lambda: not watcher.is_alive)
    watcher.stop()
    assert len(world.library.scans) == 1


def test_a_start_waits_for_a_worker_that_stopped_itself(world: World, watcher: Watcher) -> None:
    """A start that comes while the former worker ends is not lost."""
    entered, released = threading.Event(), threading.Event()

    def stop_slowly() -> None:
        world.library.during = lambda: None
        watcher.stop()
        entered.set()
        assert released.wait(60)

    world.library.during = stop_slowly
    watcher.start()
    assert entered.wait(60)
    starter = threading.Thread(target=watcher.start)
    starter.start()
    released.set()
    starter.join(60)
    assert watcher.is_alive
    assert eventually(lambda: len(world.observers.running) == 1)
    watcher.stop()


def test_others_are_not_held_up_by_a_scan(world: World, watcher: Watcher) -> None:
    """While a scan runs, events arrive and scans can be asked for."""

    def interfere() -> None:
        watcher.scan_soon()
        watcher._note_event(str(world.root), Hint(complete=str(world.root / "b.pt")))

    def wait_for_another() -> None:
        thread = threading.Thread(target=interfere)
        thread.start()
        thread.join(60)
        assert not thread.is_alive()

    world.library.during = wait_for_another
    watcher.start()
    assert eventually(has_scanned(world))


def test_start_and_stop_may_be_repeated(world: World, watcher: Watcher) -> None:
    """A second start or stop changes nothing; a start after a stop watches anew."""
    watcher.stop()
    watcher.start()
    watcher.start()
    assert eventually(lambda: len(world.observers.running) == 1)
    watcher.stop()
    watcher.stop()
    assert not watcher.is_alive
    assert not world.observers.running
    watcher.start()
    assert eventually(lambda: len(world.observers.running) == 1)
    watcher.stop()


def test_an_idle_watcher_sleeps(world: World, clock: Clock) -> None:
    """Without roots there is nothing to wake up for."""
    world.library.roots = []
    waits = []

    class Noting(Timeline):
        def wait(self, timeout: float) -> None:
            waits.append(round(timeout, 3))
            super().wait(timeout)

    world.timeline = Noting(clock)
    world.run(1000)
    assert waits == [PACE.quiet, threading.TIMEOUT_MAX]
