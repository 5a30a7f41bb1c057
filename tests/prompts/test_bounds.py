"""No prompt costs much to read, whatever is in it; counted in Python's own steps, not in time."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from lib_embeddings.limits import LIMITS
from lib_embeddings.prompts.near import NearNames
from lib_embeddings.prompts.reader import PromptReader
from lib_embeddings.prompts.report import KnownEmbedding, PromptReport
from lib_embeddings.prompts.tokens import tokenize
from tests.prompts.hostile import HOSTILE, LENGTH, NAMES, STEPS, long

# About four times what a prompt of ordinary words takes that is as long.
MOST_INSTRUCTIONS = 6_000_000


def make_reader() -> PromptReader:
    """Return a reader that has met no prompt yet."""
    known = [KnownEmbedding(name, name, 8) for name in NAMES]
    known[-1] = known[-1]._replace(reason="made for SDXL")
    return PromptReader(
        known, dict(zip(NAMES, tokenize([*NAMES]), strict=True)), tokenize, NearNames
    )


def instructions_of(work: Callable[[], object]) -> int:
    """Return how many of Python's instructions some work takes."""
    count = 0

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("prompt", HOSTILE.values(), ids=HOSTILE)
def test_the_work_of_a_hostile_prompt(prompt: str) -> None:
    """The work has a bound, at any number of steps."""
    reader = make_reader()
    work = instructions_of(lambda: reader.read(prompt[:LENGTH], STEPS).as_json())
    assert work < MOST_INSTRUCTIONS


def read(prompt: str, steps: int = STEPS) -> PromptReport:
    """Return the report of a prompt that is read for the first time."""
    return make_reader().read(prompt, steps)


def test_a_prompt_that_is_read_whole() -> None:
    """A long prompt of ordinary words is read to its end, and so is one that changes often."""
    report = read(f"{long('a fine word, ')[: LENGTH - 4]} foo")
    assert [use.known.name for use in report.used] == ["foo"]
    assert report.unread is None
    assert read(f"[a|b|c|d|e] (fine:1.2) {'words ' * 200}", 40).unread is None


def test_only_the_beginning_of_a_prompt_is_read() -> None:
    """A prompt that is too long, or has too many brackets, is read in part; the report says so."""
    for filling in ("word " * LENGTH, "(a) " * LENGTH):
        report = read(f"foo, {filling} foo")
        assert [use.weights for use in report.used] == [(1.0,)]
        assert report.unread
        assert "only its beginning is checked" in report.unread
        assert report.unread in report.lines()
        assert not report.is_all_used


def test_not_every_text_of_a_prompt_is_read() -> None:
    """A prompt that changes too often is read in part, and the report says so."""
    report = read(f"[{'|'.join(f'a{number}' for number in range(500))}] {'word ' * 200}")
    assert report.unread
    assert "at too many steps" in report.unread
    report = read(f"{' AND '.join(f'a{number}' for number in range(STEPS))} AND foo")
    assert report.unread
    assert report.used == ()


def test_not_every_word_is_compared_with_names() -> None:
    """Words beyond the limit are compared when the prompt is read again."""
    reader = make_reader()
    prompt = " ".join(f"w{number}" for number in range(LIMITS.compared_words + 10))
    assert "too many different words" in (reader.read(prompt, STEPS).unread or "")
    assert reader.read(prompt, STEPS).unread is None
