"""Asking a disk for many things: at once where it is slow, and one by one where asked to."""

from __future__ import annotations

import itertools
import threading

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
