"""Names are found by their tokens, the longest first."""

from __future__ import annotations

import pytest

from lib_embeddings.prompts.matching import Matcher


@pytest.mark.parametrize(
    ("tokens", "position", "expected"),
    [
        ([1, 2, 3], 0, ("long", 3)),
        ([1, 2, 4], 0, ("middle", 2)),
        ([1, 3], 0, ("short", 1)),
        ([9, 1, 2], 1, ("middle", 2)),
        ([9, 1, 2], 0, None),
        ([2, 3], 0, None),
    ],
)
def test_the_longest_is_found(
    tokens: list[int], position: int, expected: tuple[str, int] | None
) -> None:
    """The name with the most tokens wins, in whatever order names are registered."""
    names = {"short": [1], "long": [1, 2, 3], "middle": (1, 2), "none": []}
    assert Matcher(names).at(tokens, position) == expected
    assert Matcher(dict(reversed(names.items()))).at(tokens, position) == expected


def test_the_first_of_equals_is_found() -> None:
    """Of names with the same tokens the one registered first is found."""
    assert Matcher({"Case": [5], "case": [5]}).at([5], 0) == ("Case", 1)
