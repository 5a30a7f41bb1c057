"""The parts of a prompt, as AUTOMATIC1111's WebUI 1.10.1 was seen to read them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib_embeddings.prompts.grammar import (
    Run,
    escape,
    schedule,
    split_parts,
    typed,
    weigh,
    without_comments,
    without_networks,
)

UP, DOWN = 1.1, 1 / 1.1

ESCAPED = Path(__file__).parents[1] / "data" / "escaped_names.json"

# What the grammar is made of, more often than other characters.
PROMPTS = st.text(st.sampled_from("()[]\\:|<>#, \n.ab10") | st.characters(), max_size=40)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [("", 1)]),
        ("a b", [("a b", 1)]),
        ("(a)", [("a", UP)]),
        ("((a))", [("a", UP * UP)]),
        ("[a]", [("a", DOWN)]),
        ("(a:1.2)", [("a", 1.2)]),
        ("(a: 1.2 )", [("a", 1.2)]),
        ("(a:-.5) b", [("a", -0.5), (" b", 1)]),
        ("((a:2) b)", [("a", 2 * UP), (" b", UP)]),
        ("([a:2])", [("a:2", UP * DOWN)]),
        ("[a:2]", [("a:2", DOWN)]),
        ("a:2)", [("a:2)", 1)]),
        ("a) b]", [("a) b]", 1)]),
        ("(a", [("a", UP)]),
        ("(a [b", [("a ", UP), ("b", UP * DOWN)]),
        ("(a]", [("a]", UP)]),
        (r"\(a\)", [("(a)", 1)]),
        (r"\[a\:1\|\\", [(r"[a:1|" + "\\", 1)]),
        (r"(a\:1.2)", [("a", 1.2)]),
        (r"(a:\1.2)", [("a:1.2", UP)]),
        ("a\\", [("a", 1)]),
        ("a BREAK b", [("a", 1), ("BREAK", -1), ("b", 1)]),
        ("aBREAK BREAKS break", [("aBREAK BREAKS break", 1)]),
        ("(a BREAK b:2)", [("a", 2), ("BREAK", -2), ("b", 2)]),
        ("(a:1.2.3)", [("a", UP)]),
    ],
)
def test_weigh(text: str, expected: list[tuple[str, float]]) -> None:
    """Brackets multiply, a number sets, a backslash keeps what follows as text."""
    runs = weigh(text)
    assert [run.text for run in runs] == [text for text, _ in expected]
    assert [run.weight for run in runs] == pytest.approx([weight for _, weight in expected])


def test_breaks() -> None:
    """A BREAK within brackets is a word to the host."""
    assert [run.is_break for run in weigh("a BREAK b")] == [False, True, False]
    assert not any(run.is_break for run in weigh("(a BREAK b)"))


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a", [("a", 1)]),
        ("a AND b", [("a", 1), (" b", 1)]),
        ("a :0.7 AND b: 2. ", [("a", 0.7), (" b", 2)]),
        ("a:-.5", [("a", -0.5)]),
        ("a:.", [("a:.", 1)]),
        ("ANDa and aAND", [("ANDa and aAND", 1)]),
        ("a\nAND", [("a", 1), ("", 1)]),
        ("(a:1.2)", [("(a:1.2)", 1)]),
    ],
)
def test_parts(prompt: str, expected: list[tuple[str, float]]) -> None:
    """AND divides, a number at the end of a part is its share."""
    assert split_parts(prompt) == expected


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a <lora:b:0.5> c", "a  c"),
        ("<é_1:x\ny>", ""),
        ("<a:>", "<a:>"),
        ("<a b:c>", "<a b:c>"),
        ("<a>", "<a>"),
        ("<a:b<c:d>>", ">"),
    ],
)
def test_networks(prompt: str, expected: str) -> None:
    """An extra network is a word, a colon and something in pointed brackets."""
    assert without_networks(prompt) == expected


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a # b", "a \n"),
        ("# a\nb", "\nb"),
        ("a\n# b\nc", "a\nc"),
        ("a # b\nc # d\ne", "a \nc \ne"),
        ("a", "a"),
    ],
)
def test_comments(prompt: str, expected: str) -> None:
    """A comment goes from a # to the end of its line."""
    assert without_comments(prompt) == expected


@pytest.mark.parametrize(("name", "expected"), json.loads(ESCAPED.read_bytes()).items())
def test_escape(name: str, expected: str) -> None:
    """A backslash comes before what the grammar would take; the tab's script writes the same."""
    assert escape(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("foo", "foo"), ("par(en)", r"par\(en\) "), ("x_", "x_ "), ("100%", "100% "), ("v1.5", "v1.5"),
     ("猫", "猫"), ("é", "é"), ("cafe\u0301", "cafe\u0301"), ("excl!", "excl! "), ("🐈", "🐈 ")],
)  # fmt: skip
def test_typed(name: str, expected: str) -> None:
    """A space follows a mark at a name's end, so that a comma behind it is no part of it."""
    assert typed(name) == expected


@given(st.text(PROMPTS.filter(bool).map(lambda text: text[0]), max_size=30))
def test_an_escaped_name_is_read_as_itself(name: str) -> None:
    """Whatever a name holds but a comment's sign, the host reads it back whole, with one weight."""
    name = name.replace("#", "")
    for prompt in (escape(name), f"({escape(name)}:1.5)"):
        (part,) = split_parts(without_networks(without_comments(prompt)))
        ((_, text),) = schedule(part.text, 20)
        (run,) = weigh(text)
        assert run.text.lower().split() == name.lower().split()


@given(PROMPTS)
def test_nothing_fails(prompt: str) -> None:
    """Every prompt has its runs, and none of their text is made up."""
    for part in split_parts(without_networks(without_comments(prompt))):
        for scheduled in schedule(part.text, 3):
            runs = weigh(scheduled.text)
            assert runs
            assert all(isinstance(run, Run) for run in runs)
            assert set("".join(run.text for run in runs)) <= {*prompt, *"BREAK\n"}
