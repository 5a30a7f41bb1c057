"""The write tracker: a file is complete when closed, or when it has stood still."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from lib_embeddings.watch.watcher import LONG_AGO_NS, WriteTracker
from tests.watch.fakes import Clock

A, B, C = (os.path.abspath(name) for name in ("a.pt", "b.pt", "c.pt"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tracker(clock: Clock) -> WriteTracker:
    """Return a tracker for which files of the time 0 are just recent."""
    return WriteTracker(stand_still=1.0, clock=clock, now_ns=lambda: LONG_AGO_NS)


def test_a_file_is_not_complete_at_first_sight(tracker: WriteTracker) -> None:
    """A file nobody closed has to be seen twice, and says how long that takes."""
    assert tracker.seconds_left(A, 10, 1) == 1


def test_a_file_of_long_ago_is_complete_at_once(tracker: WriteTracker) -> None:
    """A file that was moved in need not stand still a second time."""
    assert tracker.seconds_left(A, 10, 0) == 1
    assert tracker.seconds_left(A, 10, -1) == 0


def test_a_file_that_stood_still_is_complete(clock: Clock, tracker: WriteTracker) -> None:
    """The same size and mtime for the whole time make a file complete, no moment sooner."""
    tracker.seconds_left(A, 10, 1)
    clock.advance(0.875)
    assert tracker.seconds_left(A, 10, 1) == 0.125
    clock.advance(0.125)
    assert tracker.seconds_left(A, 10, 1) == 0


@pytest.mark.parametrize("signature", [(20, 1), (10, 2)], ids=["size", "mtime"])
def test_a_change_begins_the_wait_anew(
    clock: Clock, tracker: WriteTracker, signature: tuple[int, int]
) -> None:
    """A new size or a new mtime is a file still being written."""
    tracker.seconds_left(A, 10, 1)
    clock.advance(1)
    assert tracker.seconds_left(A, *signature) == 1
    clock.advance(1)
    assert tracker.seconds_left(A, *signature) == 0


def test_a_closed_file_is_complete_at_once(tracker: WriteTracker) -> None:
    """A writer who closed or renamed a file is done with it."""
    tracker.closed(A)
    assert tracker.seconds_left(A, 10, 1) == 0


def test_a_close_ends_a_wait(tracker: WriteTracker) -> None:
    """A file seen half-written is complete once closed, with all it holds by then."""
    tracker.seconds_left(A, 10, 1)
    tracker.closed(A)
    assert tracker.seconds_left(A, 30, 3) == 0


def test_a_file_opened_again_after_it_was_closed_waits(tracker: WriteTracker) -> None:
    """A close allows one reading."""
    tracker.closed(A)
    tracker.seconds_left(A, 10, 1)
    assert tracker.seconds_left(A, 20, 2) == 1


def test_a_file_closed_behind_a_link(tmp_path: Path, tracker: WriteTracker) -> None:
    """Events name the real folder, also where the scan came by a link."""
    (tmp_path / "real").mkdir()
    (tmp_path / "alias").symlink_to(tmp_path / "real")
    tracker.closed(os.path.realpath(tmp_path / "real" / "a.pt"))
    assert tracker.seconds_left(str(tmp_path / "alias" / "a.pt"), 10, 1) == 0


def test_a_linked_file_is_not_the_one_it_leads_to(tmp_path: Path, tracker: WriteTracker) -> None:
    """Only the folder is made real: a link is closed by its own name."""
    (tmp_path / "link.pt").symlink_to(tmp_path / "file.pt")
    folder = os.path.realpath(tmp_path)
    tracker.closed(os.path.join(folder, "link.pt"))
    assert tracker.seconds_left(os.path.join(folder, "link.pt"), 10, 1) == 0


def test_files_wait_apart(clock: Clock, tracker: WriteTracker) -> None:
    """The close or change of one file says nothing about another."""
    tracker.seconds_left(A, 10, 1)
    tracker.closed(B)
    clock.advance(1)
    tracker.seconds_left(C, 10, 1)
    assert tracker.seconds_left(A, 10, 1) == 0
    assert tracker.seconds_left(C, 10, 1) == 1


def test_a_complete_file_is_forgotten(clock: Clock, tracker: WriteTracker) -> None:
    """The next time the same file has to wait again: nothing is kept of it."""
    for path in (A, B):
        tracker.seconds_left(path, 10, 1)
    clock.advance(1)
    tracker.closed(B)
    for path in (A, B):
        assert tracker.seconds_left(path, 10, 1) == 0
        assert tracker.seconds_left(path, 10, 1) == 1


def test_a_file_that_turns_out_to_be_old_is_forgotten(tracker: WriteTracker) -> None:
    """A copy that gets its old time at the end leaves nothing to wait for."""
    tracker.seconds_left(A, 10, 1)
    tracker.seconds_left(A, 10, -1)
    tracker.forget_before(-math.inf)
    assert not tracker._sightings


def test_files_that_went_away_are_forgotten(clock: Clock, tracker: WriteTracker) -> None:
    """Files that a scan of all folders did not ask about are forgotten, and no others."""
    tracker.seconds_left(A, 10, 1)
    tracker.closed(B)
    tracker.seconds_left(C, 10, 1)
    clock.advance(0.5)
    scan_began = clock.now
    tracker.seconds_left(C, 10, 1)
    late = os.path.abspath("late.pt")
    tracker.closed(late)
    tracker.forget_before(scan_began)
    assert tracker._sightings.keys() == {C, late}
    assert tracker.seconds_left(C, 10, 1) == 0.5
    assert tracker.seconds_left(late, 10, 1) == 0
