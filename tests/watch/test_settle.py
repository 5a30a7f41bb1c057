"""Settling: a file is whole when closed, or when it has stood still."""

from __future__ import annotations

import pytest
from lib_embeddings.watch.settle import LONG_AGO_NS, Settling

from tests.watch.fakes import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settling(clock: Clock) -> Settling:
    return Settling(stand_still=1.0, clock=clock, now_ns=lambda: LONG_AGO_NS)


def test_a_file_is_not_whole_at_first_sight(settling: Settling) -> None:
    """A file nobody closed has to be seen twice."""
    assert not settling.is_whole("a.pt", 10, 1)
    assert settling.waiting()


def test_a_file_of_long_ago_is_whole_at_once(settling: Settling) -> None:
    """A file that was moved in need not stand still a second time."""
    assert not settling.is_whole("a.pt", 10, 0)
    assert settling.is_whole("a.pt", 10, -1)
    assert not settling.waiting()


def test_a_file_that_stood_still_is_whole(clock: Clock, settling: Settling) -> None:
    """The same size and mtime for the whole time make a file whole, no moment sooner."""
    settling.is_whole("a.pt", 10, 1)
    clock.advance(0.875)
    assert not settling.is_whole("a.pt", 10, 1)
    clock.advance(0.125)
    assert settling.is_whole("a.pt", 10, 1)


@pytest.mark.parametrize("signature", [(20, 1), (10, 2)], ids=["size", "mtime"])
def test_a_change_begins_the_wait_anew(
    clock: Clock, settling: Settling, signature: tuple[int, int]
) -> None:
    """A new size or a new mtime is a file still being written."""
    settling.is_whole("a.pt", 10, 1)
    clock.advance(1)
    assert not settling.is_whole("a.pt", *signature)
    clock.advance(1)
    assert settling.is_whole("a.pt", *signature)


def test_a_closed_file_is_whole_at_once(settling: Settling) -> None:
    """Who closed or renamed a file is done with it."""
    settling.closed("a.pt")
    assert settling.is_whole("a.pt", 10, 1)


def test_closing_ends_a_wait(settling: Settling) -> None:
    """A file seen half-written is whole once closed, with whatever it holds by then."""
    settling.is_whole("a.pt", 10, 1)
    settling.closed("a.pt")
    assert settling.is_whole("a.pt", 30, 3)


def test_a_file_opened_again_after_it_was_closed_waits(settling: Settling) -> None:
    """One close vouches for one reading."""
    settling.closed("a.pt")
    settling.is_whole("a.pt", 10, 1)
    assert not settling.is_whole("a.pt", 20, 2)


def test_files_wait_apart(clock: Clock, settling: Settling) -> None:
    """One file's close or change says nothing about another."""
    settling.is_whole("a.pt", 10, 1)
    settling.closed("b.pt")
    clock.advance(1)
    settling.is_whole("c.pt", 10, 1)
    assert settling.is_whole("a.pt", 10, 1)
    assert not settling.is_whole("c.pt", 10, 1)


def test_the_next_due_is_the_first_file_to_have_stood_still(
    clock: Clock, settling: Settling
) -> None:
    """The earliest of the waiting files says when to look again."""
    assert settling.next_due() is None
    settling.is_whole("a.pt", 10, 1)
    clock.advance(0.5)
    settling.is_whole("b.pt", 10, 1)
    assert settling.next_due() == clock.now + 0.5
    clock.advance(0.5)
    settling.is_whole("a.pt", 10, 1)
    assert settling.next_due() == clock.now + 0.5


def test_a_closed_file_is_not_due_by_itself(settling: Settling) -> None:
    """The event that closed a file asks for a look already, after its burst."""
    settling.closed("a.pt")
    assert settling.waiting()
    assert settling.next_due() is None


def test_a_judged_file_is_forgotten(settling: Settling) -> None:
    """Nothing is kept of a file found whole."""
    settling.closed("a.pt")
    settling.is_whole("a.pt", 10, 1)
    assert not settling.waiting()


def test_files_that_went_away_are_forgotten(clock: Clock, settling: Settling) -> None:
    """What a whole scan asked nothing about is neither waited for nor kept."""
    settling.is_whole("gone.pt", 10, 1)
    settling.closed("notes.txt")
    settling.is_whole("slow.pt", 10, 1)
    clock.advance(0.5)
    scan_began = clock.now
    settling.is_whole("slow.pt", 20, 2)
    settling.closed("late.pt")
    settling.forget_before(scan_began)
    assert settling.next_due() == clock.now + 1
    assert settling.is_whole("late.pt", 10, 1)
    clock.advance(1)
    assert settling.is_whole("slow.pt", 20, 2)
    assert not settling.waiting()
