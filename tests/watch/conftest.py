"""No test of the watch may leave a thread behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def no_leaked_threads() -> Iterator[None]:
    """Fail a test that ends with more threads than it began with."""
    before = set(threading.enumerate())
    yield
    assert not [thread.name for thread in threading.enumerate() if thread not in before]
