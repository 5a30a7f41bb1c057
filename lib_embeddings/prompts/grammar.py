"""The parts of a prompt as AUTOMATIC1111's WebUI reads them, from the outside to the inside.

    prompt ─▶ without comments and extra networks ─▶ parts between AND ─▶ one text for some steps
    (schedules.py) ─▶ runs of text, each with its weight

Nothing here fails: what is not well formed is text, as it is to the host.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import NamedTuple

_COMMENT = re.compile(r"(?:(?:^|\n)#[^\n]*|#[^\n]*)(?:\n|$)")
_NETWORK = re.compile(r"<\w+:[^>]+>")
_AND = re.compile(r"\bAND\b")
_PART = re.compile(r"(?P<text>.*?)(?:\s*:\s*(?P<weight>[-+]?(?:\d+\.?|\d*\.\d+)))?\s*\Z", re.DOTALL)
_BREAK = re.compile(r"\s*\bBREAK\b\s*")
_SYMBOL = re.compile(
    r"""
    \\(?P<escaped>[()\[\]\\]?)
    | :\s*(?P<weight>[+-]?[.\d]+)\s*\)
    | (?P<symbol>[()\[\]])
    | (?P<text>[^\\()\[\]:]+ | :)
    """,
    re.VERBOSE,
)

_ROUND, _SQUARE = 1.1, 1 / 1.1

_GRAMMAR = re.compile(r"[()\[\]\\:|]")
_NUMBER_AHEAD = re.compile(r":(?=[-+.\d\s])")
# Not all that counts as space: tokenizers leave some of it out, and read some as other characters.
_SPACE = re.compile(r"[ \t\r\n]+")
_RESERVED = re.compile(r"\b(?:AND|BREAK)\b")


class Part(NamedTuple):
    """What stands between two AND: a prompt of its own, with its share in the picture."""

    text: str
    weight: float


class Run(NamedTuple):
    """Text that has one weight.

    A BREAK is a run of its own. Its weight is -1, and more or less than that inside of brackets,
    where the host takes it for a word.
    """

    text: str
    weight: float

    @property
    def is_break(self) -> bool:
        """Tell whether the prompt's next chunk begins here."""
        return self == _BREAK_RUN


_BREAK_RUN = Run("BREAK", -1)


def without_comments(prompt: str) -> str:
    """Return *prompt* without what stands between a `#` and the end of its line."""
    return _COMMENT.sub("\n", prompt)


def without_networks(prompt: str) -> str:
    """Return *prompt* without extra networks such as `<lora:name:1>`."""
    return _NETWORK.sub("", prompt)


def split_parts(prompt: str) -> list[Part]:
    """Return what stands between the AND of a prompt: `a:0.7 AND b`."""
    return [_part(text) for text in _AND.split(prompt)]


def _part(text: str) -> Part:
    match = _PART.match(text)
    assert match  # noqa: S101 - it matches any text
    return Part(match["text"], float(match["weight"] or 1))


def weigh(text: str) -> list[Run]:
    """Return the runs of a text: brackets, weights, escapes and BREAK are taken out of it."""
    runs: list[Run] = []
    opened: dict[str, list[int]] = {"(": [], "[": []}
    for match in _SYMBOL.finditer(text):
        symbol = match["symbol"]
        if symbol in ("(", "["):
            opened[symbol].append(len(runs))
        elif match["weight"] and opened["("]:
            _multiply(runs, opened["("].pop(), _number(match["weight"]))
        elif symbol == ")" and opened["("]:
            _multiply(runs, opened["("].pop(), _ROUND)
        elif symbol == "]" and opened["["]:
            _multiply(runs, opened["["].pop(), _SQUARE)
        elif match["escaped"] is not None:
            runs.append(Run(match["escaped"], 1.0))
        else:
            runs += _split_breaks(match[0])
    for start, factor in chain(
        ((start, _ROUND) for start in opened["("]), ((start, _SQUARE) for start in opened["["])
    ):
        _multiply(runs, start, factor)
    return _merge(runs) or [Run("", 1.0)]


def _multiply(runs: list[Run], start: int, factor: float) -> None:
    runs[start:] = [Run(run.text, run.weight * factor) for run in runs[start:]]


def _number(text: str) -> float:
    """Return a weight; one that is no number, such as `1.2.3`, ends the host's generation."""
    try:
        return float(text)
    except ValueError:
        return _ROUND


def _split_breaks(text: str) -> list[Run]:
    first, *rest = _BREAK.split(text)
    return [Run(first, 1.0), *(run for text in rest for run in (_BREAK_RUN, Run(text, 1.0)))]


def _merge(runs: list[Run]) -> list[Run]:
    """Join neighbours of one weight."""
    merged: list[Run] = []
    for run in runs:
        if merged and merged[-1].weight == run.weight:
            merged[-1] = Run(merged[-1].text + run.text, run.weight)
        else:
            merged.append(run)
    return merged


def escape(name: str) -> str:
    """Return the text to write so that the host reads exactly this name.

    The host drops a backslash before any character, so one also keeps a colon from making a weight
    of the number behind it. It ignores letter case, so AND and BREAK are written small, where they
    are words.
    """
    squeezed = _SPACE.sub(" ", name).strip(" ")
    escaped = _NUMBER_AHEAD.sub(r":\\", _GRAMMAR.sub(r"\\\g<0>", squeezed))
    return _RESERVED.sub(lambda word: word[0].lower(), escaped)
