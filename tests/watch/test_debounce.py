"""Debounce: quiet ends a burst, the ceiling ends it at the latest."""

from __future__ import annotations

import pytest
from lib_embeddings.watch.debounce import Debounce

from tests.watch.fakes import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def debounce(clock: Clock) -> Debounce:
    return Debounce(quiet=0.25, ceiling=1.0, clock=clock)


def test_idle_has_nothing_to_wait_for(debounce: Debounce) -> None:
    """Without an event there is no burst, however long one waits."""
    assert debounce.wait() is None


def test_quiet_ends_a_burst(clock: Clock, debounce: Debounce) -> None:
    """A burst ends when the quiet time has passed since its last event."""
    debounce.touch()
    assert debounce.wait() == 0.25
    clock.advance(0.125)
    assert debounce.wait() == 0.125
    clock.advance(0.125)
    assert debounce.wait() == 0


def test_each_event_renews_the_quiet_time(clock: Clock, debounce: Debounce) -> None:
    """An event within the quiet time prolongs the burst."""
    debounce.touch()
    clock.advance(0.125)
    debounce.touch()
    assert debounce.wait() == 0.25


def test_a_steady_stream_is_held_no_longer_than_the_ceiling(
    clock: Clock, debounce: Debounce
) -> None:
    """Events that never pause end their burst at the ceiling, counted from the first."""
    for _ in range(8):
        debounce.touch()
        assert debounce.wait() != 0
        clock.advance(0.125)
    debounce.touch()
    assert debounce.wait() == 0


def test_a_burst_that_nobody_clears_stays_ended(clock: Clock, debounce: Debounce) -> None:
    """The wait never turns negative."""
    debounce.touch()
    clock.advance(60)
    assert debounce.wait() == 0


def test_clear_begins_anew(clock: Clock, debounce: Debounce) -> None:
    """After a clear the ceiling is counted from the next event."""
    debounce.touch()
    clock.advance(0.875)
    debounce.clear()
    assert debounce.wait() is None
    debounce.touch()
    assert debounce.wait() == 0.25
