"""A file's bytes, given out in ranges."""

from __future__ import annotations

import io

import pytest

from lib_embeddings.errors import BrokenFile
from lib_embeddings.formats.containers.source import Source
from lib_embeddings.limits import LIMITS
from tests.builders import open_bytes

LONG = bytes(range(256)) * (LIMITS.head_bytes // 256 + 2)


@pytest.mark.parametrize("offset", [0, 5, LIMITS.head_bytes - 2, LIMITS.head_bytes, len(LONG) - 4])
def test_gives_the_bytes_asked_for(offset: int) -> None:
    """A range is the same bytes whether it lies in the head, across its end or after it."""
    assert open_bytes(LONG).read(offset, 4) == LONG[offset : offset + 4]


def test_reads_a_small_file_once() -> None:
    """What lies in the head is not read from the file again."""
    file = io.BytesIO(b"0123456789")
    source = Source(file, 10)
    file.close()
    assert source.read(2, 3) == b"234"


def test_names_both_sizes_when_the_range_ends_after_the_file() -> None:
    """A range past the end says how many bytes were needed and how many there are."""
    with pytest.raises(BrokenFile, match="cut short: expected at least 1,012 bytes, found 10;"):
        open_bytes(b"0123456789").read(1000, 12)


def test_notices_that_the_file_shrank() -> None:
    """A file that became shorter since its size was taken is cut short, not read as less."""
    source = Source(io.BytesIO(LONG), len(LONG) + 1000)
    with pytest.raises(BrokenFile, match=f"found {len(LONG):,}; download it again"):
        source.read(len(LONG) - 10, 20)


@pytest.mark.parametrize(("offset", "expected"), [(0, b"0123456"), (6, b"6789"), (10, b"")])
def test_gives_what_there_is(offset: int, expected: bytes) -> None:
    """Reading up to a length gives fewer bytes at the end of the file."""
    assert open_bytes(b"0123456789").read_up_to(offset, 7) == expected
