"""What files cost that are made to cost as much as they can, counted and not timed.

Calls are what Python spends its time on; what a library does in one call is bounded by the bytes it
is given. What pictures take inside Pillow is not seen here: `benchmarks/hostile.py` measures it.
"""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest

from lib_embeddings.errors import EmbeddingError
from tests.builders import good_files, read
from tests.counting import cost_of
from tests.hostile_files import hostile_files

# A million calls take less than a tenth of a second.
MOST_CALLS = 5_000_000
MOST_BYTES = 64_000_000
FILES = hostile_files()


def try_to_read(data: bytes) -> str:
    """Read a file, and return what is wrong with it."""
    try:
        read(data)
    except EmbeddingError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("make", FILES.values(), ids=list(FILES))
def test_no_file_costs_much(make: Callable[[], bytes]) -> None:
    """No content of a file costs many calls or much memory."""
    data = make()
    said: list[str] = []
    cost = cost_of(lambda: said.append(try_to_read(data)))
    assert cost.n_calls < MOST_CALLS
    assert cost.peak_bytes < MOST_BYTES
    assert said[0].isprintable()
    assert len(said[0]) < 400


@pytest.mark.parametrize("data", good_files().values(), ids=list(good_files()))
def test_what_was_read_goes_by_itself(data: bytes) -> None:
    """Contents hold no circle of references, which would keep thousands of files in memory."""
    read(data)  # what is made once, such as caches, is no garbage
    gc.collect()
    gc.disable()
    try:
        read(data)
        assert gc.collect() == 0
    finally:
        gc.enable()
