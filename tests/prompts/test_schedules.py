"""Prompt editing, as AUTOMATIC1111's WebUI 1.10.1 was seen to do it."""

from __future__ import annotations

import pytest

from lib_embeddings.prompts.grammar import schedule


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a", [(10, "a")]),
        ("", [(10, "")]),
        ("(a:1.2) [b]", [(10, "(a:1.2) [b]")]),
        ("[a:b:0.5]", [(5, "a"), (10, "b")]),
        ("[a:b:3]", [(3, "a"), (10, "b")]),
        ("[a:b: 3 ]", [(3, "a"), (10, "b")]),
        ("[a:b:.3]", [(3, "a"), (10, "b")]),
        ("[a:b:0.39]", [(3, "a"), (10, "b")]),
        ("[a:b:1.0]", [(10, "a")]),
        ("[a:b:12]", [(10, "a")]),
        ("[a:b:0]", [(10, "b")]),
        ("[a:b:-1]", [(10, "b")]),
        ("[a:b:0.09]", [(10, "b")]),
        ("[a:b:1e1]", [(10, "a")]),
        ("[b:3]", [(3, ""), (10, "b")]),
        ("[a::3]", [(3, "a"), (10, "")]),
        ("x [a:b:3] y [c:d:7]", [(3, "x a y c"), (7, "x b y c"), (10, "x b y d")]),
        ("[a:[b:c:7]:3]", [(3, "a"), (7, "b"), (10, "c")]),
        ("[a:(b:1.2):3]", [(3, "a"), (10, "(b:1.2)")]),
        ("([a:b:3]:1.2)", [(3, "(a:1.2)"), (10, "(b:1.2)")]),
        (r"[\::\]:3]", [(3, r"\:"), (10, r"\]")]),
    ],
)
def test_editing(prompt: str, expected: list[tuple[int, str]]) -> None:
    """The first text holds up to a step, given as a number or as a share."""
    assert list(schedule(prompt, 10)) == expected


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("[a|b]", ["a", "b", "a", "b"]),
        ("[a|b|]", ["a", "b", "", "a"]),
        ("[a||b]", ["a", "", "b", "a"]),
        ("[a|[b|c]]", ["a", "c", "a", "c"]),
        ("[[a:b:2]|c]", ["a", "c", "b", "c"]),
    ],
)
def test_alternation(prompt: str, expected: list[str]) -> None:
    """Each step has the next choice."""
    assert list(schedule(prompt, 4)) == list(enumerate(expected, start=1))


@pytest.mark.parametrize(
    "prompt",
    ["[a:b:c]", "[a:b:c:0.5]", "[a:(b:c:d):0.5]", "[a:b:0.5", "[a:(b:0.5]", "[a:b:٣]", "(a:b:3)"],
)
def test_what_is_not_well_formed_is_text(prompt: str) -> None:
    """A group that is not one stays as it is written."""
    assert list(schedule(prompt, 10)) == [(10, prompt)]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("( [a:b:5]", ["( a", "( b"]),
        ("[x: [a:b:5] :y]", ["[x: a :y]", "[x: b :y]"]),
        ("a: [a:b:5] )", ["a: a )", "a: b )"]),
    ],
)
def test_groups_in_text(prompt: str, expected: list[str]) -> None:
    """A group counts though the brackets around it are text."""
    assert [text for _, text in schedule(prompt, 10)] == expected


@pytest.mark.parametrize("ending", ["|", " (b|c)", "\\", "\\\nb", " [c|d"])
def test_text_as_a_whole(ending: str) -> None:
    """A pipe or a backslash where none can be makes text of all."""
    prompt = f"[a:b:5]{ending}"
    assert list(schedule(prompt, 10)) == [(10, prompt)]


def test_deep_groups() -> None:
    """Thousands of groups in each other are read."""
    depth = 5000
    prompt = "[" * depth + "a" + ":1]" * depth
    assert list(schedule(prompt, 2)) == [(1, ""), (2, "a")]
