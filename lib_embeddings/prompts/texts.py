"""The texts that a prompt has at its steps, as many as are read in little time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate
from typing import NamedTuple

from lib_embeddings.limits import LIMITS
from lib_embeddings.prompts.grammar import Part, split_parts, without_comments, without_networks
from lib_embeddings.prompts.schedules import schedule

_TOO_LONG = "this prompt is too long or has too many brackets: only its beginning is checked"
_TOO_MANY_TEXTS = "this prompt changes at too many steps: not all of them are checked"

# What a character costs, when a letter costs 1: brackets and the like make runs and groups, others
# may be foreign syntax or the edge of a name, and characters beyond ASCII are many tokens.
_COSTS = {**dict.fromkeys("()[]\\:|", 20), "<": 10, "+": 5, "-": 3, "_": 2}
_BEYOND_ASCII = 8
# What a text costs besides its characters.
_TEXT = 100
# Which part of that a text costs that was read at an earlier step, and only has to be made.
_KNOWN_TEXT = 16


class Texts(NamedTuple):
    """What is read of a prompt.

    Attributes:
        beginning: of the prompt, all of it where it is not too long.
        parts: the different texts of each part between AND, in the order of the steps.
        unread: why this is not all; None where it is.
    """

    beginning: str
    parts: list[dict[str, None]]
    unread: str | None


def texts_of(prompt: str, steps: int, *, is_negative: bool) -> Texts:
    """Return what is read of a prompt; see `PromptReader.read`."""
    beginning = prompt[: bisect_right(_costs(prompt), LIMITS.prompt_cost)]
    parts, is_all_read = _scheduled(_split(beginning, is_negative), steps)
    unread = None if is_all_read else _TOO_MANY_TEXTS
    return Texts(beginning, parts, unread if beginning == prompt else _TOO_LONG)


def _costs(text: str) -> list[int]:
    """Return for each character what it costs to read a text up to it."""
    return list(accumulate(_COSTS.get(c, 1 if c < "\x80" else _BEYOND_ASCII) for c in text))


def _split(prompt: str, is_negative: bool) -> list[Part]:
    text = without_comments(prompt)
    return [Part(text, 1.0)] if is_negative else split_parts(without_networks(text))


def _scheduled(parts: Iterable[Part], steps: int) -> tuple[list[dict[str, None]], bool]:
    """Return the different texts of each part, at least one of all; and whether these are all."""
    left = LIMITS.scheduled_cost
    texts_of_parts: list[dict[str, None]] = []
    for part in parts:
        texts: dict[str, None] = {}
        cost = max(_costs(part.text), default=0) + _TEXT
        for _, text in schedule(part.text, steps):
            left -= cost // _KNOWN_TEXT if text in texts else cost
            if left < 0 and (texts or texts_of_parts):
                return [*texts_of_parts, *([texts] if texts else [])], False
            texts[text] = None
        texts_of_parts.append(texts)
    return texts_of_parts, True
