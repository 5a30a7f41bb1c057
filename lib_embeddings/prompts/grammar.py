"""The parts of a prompt as AUTOMATIC1111's WebUI reads them, from the outside in.

    prompt ─▶ without comments and extra networks ─▶ parts between AND ─▶ one text for some steps
    (schedules.py) ─▶ runs of text, each with its weight

Nothing here fails: anything that is not well formed is text, as it is to the host.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import chain, groupby
from typing import NamedTuple

_COMMENT = re.compile(r"(?:(?:^|\n)#[^\n]*|#[^\n]*)(?:\n|$)")
_NETWORK = re.compile(r"<\w+:[^>]+>")
_AND = re.compile(r"\bAND\b")
_SHARE = re.compile(r"[-+]?(?:\d+\.?|\d*\.\d+)")
_BREAK = re.compile(r"\bBREAK\b")
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
# Not every kind of space: tokenizers drop some kinds, and read some as other characters.
_SPACE = re.compile(r"[ \t\r\n]+")
_RESERVED = re.compile(r"\b(?:AND|BREAK)\b")


class Part(NamedTuple):
    """The text between two ANDs: a prompt of its own, with its share in the picture."""

    text: str
    weight: float


class Run(NamedTuple):
    """Text that has one weight.

    A BREAK is a run of its own. Its weight is -1; inside brackets it has another weight, and the
    host takes it for a word.
    """

    text: str
    weight: float

    @property
    def is_break(self) -> bool:
        """Return whether a new chunk begins here."""
        return self == _BREAK_RUN


_BREAK_RUN = Run("BREAK", -1)


def without_comments(prompt: str) -> str:
    """Return *prompt* without its comments, from a `#` to the end of the line."""
    return _COMMENT.sub("\n", prompt)


def without_networks(prompt: str) -> str:
    """Return *prompt* without extra networks such as `<lora:name:1>`."""
    end = prompt.rfind(">") + 1  # unclosed text would be searched again and again
    return _NETWORK.sub("", prompt[:end]) + prompt[end:]


def split_parts(prompt: str) -> list[Part]:
    """Return the parts of a prompt between its ANDs: `a:0.7 AND b`."""
    return [_part(text) for text in _AND.split(prompt)]


def _part(text: str) -> Part:
    before, colon, share = text.rpartition(":")
    if colon and _SHARE.fullmatch(share.strip()):
        return Part(before.rstrip(), float(share))
    return Part(text.rstrip(), 1.0)


def weigh(text: str) -> list[Run]:
    """Return the runs of a text, without its brackets, weights, escapes and BREAKs."""
    runs: list[Run] = []
    weights: list[float] = []  # of the runs, with the brackets around them counted
    opened: dict[str, list[int]] = {"(": [], "[": []}
    for match in _SYMBOL.finditer(text):
        symbol = match["symbol"]
        if symbol in ("(", "["):
            opened[symbol].append(len(runs))
        elif match["weight"] and opened["("]:
            _multiply(weights, opened["("].pop(), _number(match["weight"]))
        elif symbol == ")" and opened["("]:
            _multiply(weights, opened["("].pop(), _ROUND)
        elif symbol == "]" and opened["["]:
            _multiply(weights, opened["["].pop(), _SQUARE)
        else:
            escaped = match["escaped"]
            runs += _split_breaks(match[0]) if escaped is None else [Run(escaped, 1.0)]
            weights += [run.weight for run in runs[len(weights) :]]
    for start, factor in chain(
        ((start, _ROUND) for start in opened["("]), ((start, _SQUARE) for start in opened["["])
    ):
        _multiply(weights, start, factor)
    return _merge(runs, weights) or [Run("", 1.0)]


def _multiply(weights: list[float], start: int, factor: float) -> None:
    weights[start:] = [weight * factor for weight in weights[start:]]


def _number(text: str) -> float:
    """Return a weight; if it is not a number, such as `1.2.3`, the host fails to paint."""
    try:
        return float(text)
    except ValueError:
        return _ROUND


def _split_breaks(text: str) -> list[Run]:
    first, *rest = _BREAK.split(text)
    if not rest:
        return [Run(text, 1.0)]
    *middle, last = rest
    runs = [Run(first.rstrip(), 1.0)]
    for between in (*(text.strip() for text in middle), last.lstrip()):
        runs += [_BREAK_RUN, Run(between, 1.0)]
    return runs


def _merge(runs: list[Run], weights: list[float]) -> list[Run]:
    """Join neighbours of one weight."""
    weighed = groupby(zip(weights, runs, strict=True), key=lambda pair: pair[0])
    return [Run("".join([run.text for _, run in group]), weight) for weight, group in weighed]


def escape(name: str) -> str:
    """Return the text to write so that the host reads exactly this name.

    The host drops a backslash before any character, so one also keeps a colon from turning the
    number after it into a weight. It ignores letter case in names, so AND and BREAK are written in
    lower case, in which they are words.
    """
    squeezed = _SPACE.sub(" ", name).strip(" ")
    escaped = _NUMBER_AHEAD.sub(r":\\", _GRAMMAR.sub(r"\\\g<0>", squeezed))
    return _RESERVED.sub(lambda word: word[0].lower(), escaped)


def typed(name: str) -> str:
    """Return the text to write so that the host reads this name no matter what follows.

    CLIP reads marks that touch as one word: a comma after a mark would become part of the name.
    """
    written = escape(name)
    return f"{written} " if ends_in_mark(name) else written


def ends_in_mark(name: str) -> bool:
    """Return whether CLIP reads a comma right after a name as part of it: after `x_`, `excl!`."""
    last = unicodedata.normalize("NFC", name).rstrip()[-1:]
    return not (last.isalnum() or last == "")
