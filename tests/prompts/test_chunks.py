"""Names and chunks, as AUTOMATIC1111's WebUI 1.10.1 was seen to find and to fill them."""

from __future__ import annotations

import pytest

from lib_embeddings.prompts.tokens import PLACEHOLDER, Chunk, Matcher, Placed, ReadRun, fill

COMMA, WORD, NAME = 267, 320, 999
NAMES = Matcher({"emb": [NAME]})


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ([1, 2, 3], [("long", 0, 3)]),
        ([1, 2, 4], [("middle", 0, 2)]),
        ([1, 3], [("short", 0, 1)]),
        ([9, 1, 2], [("middle", 1, 2)]),
        ([1, 2, 3, 1, 1, 2], [("long", 0, 3), ("short", 3, 1), ("middle", 4, 2)]),
        ([1, *[2] * 8, 1], [("longest", 0, 9), ("short", 9, 1)]),
        ([5, 1], [("inside", 0, 2)]),
        ([2, 3], []),
        ([], []),
    ],
)
def test_the_longest_is_found(tokens: list[int], expected: list[tuple[str, int, int]]) -> None:
    """The name with the most tokens wins, in whatever order names are registered."""
    names = {"short": [1], "long": [1, 2, 3], "middle": (1, 2), "none": [], "inside": [5, 1]}
    names["longest"] = [1, *[2] * 8]
    assert Matcher(names).find(tokens) == expected
    assert Matcher(dict(reversed(names.items()))).find(tokens) == expected


def test_the_first_of_equals_is_found() -> None:
    """The name that was registered first is found among names with the same tokens."""
    assert Matcher({"Case": [5], "case": [5]}).find([5]) == [("Case", 0, 1)]


def fill_with(*runs: list[int] | None, n_vectors: int = 8) -> list[Chunk]:
    """Fill chunks with runs of weight 1.5; None is a BREAK."""
    read = [ReadRun(run, NAMES.find(run or []), 1.5) for run in runs]
    return fill(read, {"emb": n_vectors})


def test_weights_follow_their_tokens() -> None:
    """Every token has its run's weight, also where the end of a chunk moves into the next."""
    runs = [([WORD] * 60 + [COMMA], 1.0), ([WORD] * 14 + [NAME], 1.5), ([WORD], 0.5)]
    chunks = fill([ReadRun(run, NAMES.find(run), weight) for run, weight in runs], {"emb": 2})
    assert [chunk.weights for chunk in chunks] == [[1.0] * 61, [1.5] * 16 + [0.5]]


def lengths(*runs: list[int] | None, n_vectors: int = 8) -> list[int]:
    """Return how many tokens each chunk has."""
    return [len(chunk.tokens) for chunk in fill_with(*runs, n_vectors=n_vectors)]


def test_a_use() -> None:
    """An embedding takes a place for each vector, and has its run's weight."""
    (chunk,) = fill_with([WORD, NAME, WORD])
    assert chunk.tokens == [WORD, *[PLACEHOLDER] * 8, WORD]
    assert chunk.placed == [Placed("emb", 1, 1.5)]


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ([], [0]),
        ([WORD] * 75, [75]),
        ([WORD] * 76, [75, 1]),
        ([WORD] * 67 + [NAME], [75]),
        ([WORD] * 68 + [NAME], [68, 8]),
        ([WORD] * 68 + [NAME, WORD], [68, 9]),
        ([WORD] * 60 + [COMMA] + [WORD] * 14, [75]),
        ([WORD] * 60 + [COMMA] + [WORD] * 15, [61, 15]),
        ([WORD] * 55 + [COMMA] + [WORD] * 20, [56, 20]),
        ([WORD] * 54 + [COMMA] + [WORD] * 21, [75, 1]),
        ([WORD] * 74 + [COMMA, WORD], [75, 1]),
        ([WORD] * 75 + [COMMA], [75, 1]),
        ([NAME] + [WORD] * 70, [75, 3]),
        ([NAME] + [WORD] * 52 + [COMMA] + [WORD] * 14 + [NAME], [61, 22]),
    ],
)
def test_where_chunks_end(run: list[int], expected: list[int]) -> None:
    """A chunk ends when full, at a comma near its end, or before what does not fit."""
    assert lengths(run) == expected


def test_runs_go_on_in_a_chunk() -> None:
    """A run fills the chunk that the last one began, and a comma in it counts."""
    assert lengths([WORD] * 10, [WORD] * 70) == [75, 5]
    assert lengths([WORD] * 60, [WORD, COMMA] + [WORD] * 14) == [62, 14]
    assert lengths([WORD] * 60, [COMMA] + [WORD] * 15) == [61, 15]


def test_breaks() -> None:
    """A BREAK begins a chunk, whatever is in the current one."""
    assert lengths([WORD], None, [WORD]) == [1, 1]
    assert lengths(None, [WORD], None) == [0, 1]
    assert lengths([WORD], [WORD]) == [2]


def test_more_vectors_than_a_chunk_has_tokens() -> None:
    """Too long an embedding makes too long a chunk, with which the host fails."""
    assert lengths([NAME], n_vectors=80) == [0, 80]
    assert lengths([NAME, WORD, WORD], n_vectors=80) == [0, 82]


def test_a_comma_before_an_embedding() -> None:
    """Where a chunk is cut before an embedding, its tokens and weight move on, and it stays."""
    first, second = fill_with([WORD] * 66 + [COMMA] + [NAME, WORD])
    assert (len(first.tokens), first.placed) == (67, [Placed("emb", 67, 1.0)])
    assert (second.tokens, second.placed) == ([PLACEHOLDER] * 8 + [WORD], [])
