"""The grammar of prompts in AUTOMATIC1111's WebUI, from the outside in.

    prompt ─▶ without comments and extra networks ─▶ parts between AND ─▶ one text for some steps
    ─▶ runs of text, each with its weight

`[before:after:0.5]` and `[after:5]` change at a step, `[one|other]` at every step, and they may be
nested. A prompt with a pipe outside an alternation is plain text, and so is one that ends in a
backslash.

Nothing here fails: anything that is not well formed is text, as it is to the host. Where a group is
not well formed, its brackets are text, and so are those around it.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate, chain, groupby, zip_longest
from typing import NamedTuple

from lib_embeddings.limits import LIMITS

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


# Prompt editing

_PIECE = re.compile(r"(?:[^\\()\[\]:|]|\\.)+|[()\[\]:|]")
_STEP = re.compile(r"\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*")
_OPENING = {")": "(", "]": "["}

_TOO_LONG = "this prompt is too long or has too many brackets: only its beginning is checked"
_TOO_MANY_TEXTS = "this prompt changes at too many steps: not all of them are checked"

# The cost of a character, where a letter costs 1: brackets and the like make runs and groups,
# others may be foreign syntax or the edge of a name, and characters beyond ASCII are many tokens.
_COSTS = {**dict.fromkeys("()[]\\:|", 20), "<": 10, "+": 5, "-": 3, "_": 5}
_BEYOND_ASCII = 8
# The cost of a text besides its characters.
_TEXT = 100
# Divides the cost of a text that was read at an earlier step, and only has to be made.
_KNOWN_TEXT = 16


class ScheduledText(NamedTuple):
    """A text, and the last step at which the prompt has it; steps count from 1."""

    last_step: int
    text: str


class _Edit(NamedTuple):
    before: list[_Node]
    after: list[_Node]
    last_step: int  # of what comes before

    def at(self, step: int) -> list[_Node]:
        return self.before if step <= self.last_step else self.after


class _Alternation(NamedTuple):
    choices: list[list[_Node]]

    def at(self, step: int) -> list[_Node]:
        return self.choices[(step - 1) % len(self.choices)]


_Node = str | _Edit | _Alternation


def schedule(prompt: str, steps: int) -> Iterator[ScheduledText]:
    """Yield the texts that a prompt has, one after another, up to the last step."""
    parser = _Parser(steps)
    nodes = parser.parse(prompt)
    if nodes is None:
        yield ScheduledText(steps, prompt)
        return
    for step in range(1, steps + 1) if parser.alternates else sorted(parser.last_steps):
        yield ScheduledText(step, _text_at(nodes, step))


def _text_at(nodes: list[_Node], step: int) -> str:
    text: list[str] = []
    waiting = nodes[::-1]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            text.append(node)
        else:
            waiting.extend(reversed(node.at(step)))
    return "".join(text)


@dataclass
class _Group:
    """An open bracket, with its sections between colons and pipes."""

    bracket: str
    sections: list[list[_Node]] = field(default_factory=lambda: [[]])
    dividers: str = ""

    def add(self, nodes: Iterable[_Node]) -> None:
        self.sections[-1].extend(nodes)

    def divide(self, divider: str) -> None:
        self.sections.append([])
        self.dividers += divider

    def as_text(self) -> Iterable[_Node]:
        yield self.bracket
        for section, divider in zip_longest(self.sections, self.dividers, fillvalue=""):
            yield from section
            yield divider


class _Parser:
    def __init__(self, steps: int) -> None:
        self.last_steps = {steps}
        self.alternates = False
        self._steps = steps

    def parse(self, prompt: str) -> list[_Node] | None:
        """Return the parts of a prompt; None if it is plain text."""
        pieces = _PIECE.findall(prompt)
        if sum(map(len, pieces)) < len(prompt):
            return None
        groups = [_Group("")]
        for piece in pieces:
            if piece in ("(", "["):
                groups.append(_Group(piece))
            elif piece in (":", "|"):
                groups[-1].divide(piece)
            elif piece not in _OPENING:
                groups[-1].add([piece])
            elif nodes := self._close(groups[-1], piece):
                groups.pop()
                groups[-1].add(nodes)
            else:
                groups = [_as_one(groups)]
                groups[-1].add([piece])
        whole = _as_one(groups)
        return None if "|" in whole.dividers else list(whole.as_text())

    def _close(self, group: _Group, bracket: str) -> list[_Node]:
        """Return the parts of a group; nothing if it is not well formed."""
        if group.bracket != _OPENING[bracket]:
            return []
        if not group.dividers or (group.dividers == ":" and bracket == ")"):
            return [*group.as_text(), bracket]
        if bracket == "]" and set(group.dividers) == {"|"}:
            self.alternates = True
            return [_Alternation(group.sections)]
        if bracket == "]" and group.dividers in (":", "::"):
            return self._edit(group)
        return []

    def _edit(self, group: _Group) -> list[_Node]:
        *before, after, step = group.sections
        text = step[0] if len(step) == 1 else None
        if not isinstance(text, str) or not _STEP.fullmatch(text):
            return []
        share = float(text) * (self._steps if "." in text else 1)
        last_step = int(max(0, min(self._steps, share)))
        if last_step:
            self.last_steps.add(last_step)
        return [_Edit(before[0] if before else [], after, last_step)]


def _as_one(groups: list[_Group]) -> _Group:
    """Return the outermost group, with the brackets of all groups in it as text."""
    outermost, *inner = groups
    for group in inner:
        for node in group.as_text():
            outermost.add([node])
        outermost.dividers += "".join(d for d in group.dividers if d == "|")
    return outermost


# As many as can be read quickly


class ScheduledTexts(NamedTuple):
    """The part of a prompt that is read.

    Attributes:
        beginning: of the prompt; all of it if it is not too long.
        parts: the different texts of each part between AND, in the order of the steps.
        unread: why this is not all; None where it is.
    """

    beginning: str
    parts: list[dict[str, None]]
    unread: str | None


def texts_of(prompt: str, steps: int, *, is_negative: bool) -> ScheduledTexts:
    """Return the part of a prompt that is read; see `PromptReader.read`."""
    beginning = _affordable(prompt, LIMITS.prompt_cost)
    parts, is_all_read = _scheduled(parts_of(beginning, is_negative=is_negative), steps)
    unread = None if is_all_read else _TOO_MANY_TEXTS
    return ScheduledTexts(beginning, parts, unread if beginning == prompt else _TOO_LONG)


def _affordable(text: str, most: int) -> str:
    """Return the beginning of a text up to a cost; all of it if it costs less."""
    if _cost(text) <= most:
        return text
    costs = accumulate(_COSTS.get(c, 1 if c < "\x80" else _BEYOND_ASCII) for c in text)
    return text[: bisect_right(list(costs), most)]


def _cost(text: str) -> int:
    """Return the cost of a text; to count its characters one by one would take longer."""
    n_ascii = len(text) if text.isascii() else len(text.encode("ascii", "ignore"))
    others = (text.count(c) * (cost - 1) for c, cost in _COSTS.items())
    return n_ascii + (len(text) - n_ascii) * _BEYOND_ASCII + sum(others)


def parts_of(prompt: str, *, is_negative: bool) -> list[Part]:
    """Return the parts of a prompt; a negative one has neither AND nor extra networks."""
    text = without_comments(prompt)
    return [Part(text, 1.0)] if is_negative else split_parts(without_networks(text))


def _scheduled(parts: Iterable[Part], steps: int) -> tuple[list[dict[str, None]], bool]:
    """Return the different texts of each part, at least one in all; and whether these are all."""
    left = LIMITS.scheduled_cost
    texts_of_parts: list[dict[str, None]] = []
    for part in parts:
        texts: dict[str, None] = {}
        cost = _cost(part.text) + _TEXT
        for _, text in schedule(part.text, steps):
            left -= cost // _KNOWN_TEXT if text in texts else cost
            if left < 0 and (texts or texts_of_parts):
                return [*texts_of_parts, *([texts] if texts else [])], False
            texts[text] = None
        texts_of_parts.append(texts)
    return texts_of_parts, True
