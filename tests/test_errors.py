"""The errors, and the words in them that come from a file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib_embeddings.errors import (
    BrokenFile,
    EmbeddingError,
    LimitExceeded,
    NotAnEmbedding,
    PackedEmbedding,
    UnsafeFile,
    counted,
    shown,
)
from lib_embeddings.limits import LIMITS, at_most


@pytest.mark.parametrize(
    ("error", "base"),
    [
        (NotAnEmbedding, EmbeddingError),
        (BrokenFile, EmbeddingError),
        (UnsafeFile, EmbeddingError),
        (LimitExceeded, BrokenFile),
        (PackedEmbedding, BrokenFile),
        (EmbeddingError, Exception),
    ],
)
def test_the_tree(error: type[Exception], base: type[Exception]) -> None:
    """Each kind of error has one parent, so that *something else* is never *damaged*."""
    assert error.__bases__ == (base,)


def test_an_error_has_no_path_of_its_own() -> None:
    """An error gets a file's path only from the code that opened it."""
    assert BrokenFile("cut short").path is None


def test_a_limit_keeps_its_numbers() -> None:
    """The bound, what was found and what they count are in the sentence and in the error."""
    with pytest.raises(LimitExceeded, match=r"1,000 vectors, expected at most 75$") as raised:
        at_most(75, 1000, "vectors")
    assert (raised.value.limit, raised.value.allowed, raised.value.found) == ("vectors", 75, 1000)


def test_what_is_at_its_bound_passes() -> None:
    """A bound is the largest number that is allowed."""
    at_most(LIMITS.vectors, LIMITS.vectors, "vectors")


def test_an_unsafe_file_says_what_it_asked_for() -> None:
    """The name that a pickle asked for is shown on one line, and kept as it was."""
    error = UnsafeFile("os\n.system", 17)
    assert str(error) == "its pickle asks for os\\n.system; nothing was run"
    assert (error.wanted, error.offset) == ("os\n.system", 17)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("плам <cat>", "плам <cat>"),
        ("two\nlines\ttab", "two\\nlines\\ttab"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("left\u202eright", "left\\u202eright"),
        ("\udcff", "\\udcff"),
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 79 + "…"),
    ],
)
def test_text_from_a_file_is_shown_on_one_line(text: str, expected: str) -> None:
    """Characters that cannot be printed are written out, and long texts are cut."""
    assert shown(text) == expected


@given(st.text(), st.integers(1, 300))
def test_whatever_text_is_printable_once_shown(text: str, length: int) -> None:
    """No text can break a line, colour a terminal or fail to be encoded."""
    result = shown(text, length)
    assert result.isprintable()
    assert result.encode("utf-8").decode("utf-8") == result


@pytest.mark.parametrize(
    ("number", "sentence"), [(0, "0 files"), (1, "1 file"), (2, "2 files"), (1000, "1,000 files")]
)
def test_one_is_no_plural(number: int, sentence: str) -> None:
    """A number has its thing in the right form."""
    assert counted(number, "file") == sentence
