"""Asking a disk for many things: at once where it is slow, and one by one where asked to."""

from __future__ import annotations

import itertools
import threading
import time

import pytest

from lib_embeddings.entries.slow_disk import ask_each


@pytest.mark.parametrize(("seconds", "is_slow"), [(0.0, False), (1.0, True)])
def test_only_a_slow_disk_is_asked_for_many_things_at_once(
    seconds: float, *, is_slow: bool
) -> None:
    """Elsewhere threads would only be in each other's way."""
    clock = itertools.count(step=seconds)
    seen = set[int]()

    def ask(thing: int) -> int:
        seen.add(threading.get_ident())
        return -thing

    answers = list(ask_each(ask, range(50), waited=lambda: next(clock)))
    assert answers == [-thing for thing in range(50)]
    assert (seen != {threading.get_ident()}) is is_slow


@pytest.mark.parametrize(
    ("answer_seconds", "rest"), [(0.0001, 0.0003), (0.002, 0.006), (30.0, 0.1)]
)
def test_who_makes_room_for_a_picture_rests_after_each_answer(
    monkeypatch: pytest.MonkeyPatch, answer_seconds: float, rest: float
) -> None:
    """Each answer takes Python from the picture for a moment; no rest is as long as a hung disk."""
    now, rests = 0.0, list[float]()

    def ask(thing: int) -> int:
        nonlocal now
        now += answer_seconds
        return thing

    monkeypatch.setattr(time, "perf_counter", lambda: now)
    monkeypatch.setattr(time, "sleep", rests.append)
    answers = list(ask_each(ask, range(9), width=lambda: 1, waited=lambda: now))
    assert answers == list(range(9))
    # The first few show that the disk is slow.
    assert rests == pytest.approx([rest] * 5)
