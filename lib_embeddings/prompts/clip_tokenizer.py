"""CLIP's tokenizer without a model: the same ids as a WebUI's, from packages that need no torch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import ftfy
from instant_clip_tokenizer import Tokenizer

# The two words that the package reads as text, and a WebUI as tokens of their own.
_SPECIAL = re.compile(r"(<\|(?:start|end)oftext\|>)")

# A mark that a WebUI's pattern takes for no letter and no mark either: it only parts words.
_IOTA_BELOW = "\u0345"


def tokenize(texts: Sequence[str]) -> list[list[int]]:
    """Return the token ids of each text, without those of its start and end."""
    return [[id_ for part in _SPECIAL.split(text) for id_ in _encode(part)] for text in texts]


def _encode(part: str) -> list[int]:
    tokenizer = _tokenizer()
    if part == "<|startoftext|>":
        return [tokenizer.start_of_text()]
    if part == "<|endoftext|>":
        return [tokenizer.end_of_text()]
    ids: list[int] = tokenizer.encode(_normalised(part))
    return ids


@lru_cache(maxsize=1)
def _tokenizer() -> Tokenizer:
    return Tokenizer()


def _normalised(text: str) -> str:
    # Mending text takes ten times as long as its tokens, and most texts have nothing to mend.
    plain = text.isascii() and text.isprintable() and "&" not in text
    return text.lower() if plain else ftfy.fix_text(text).lower().replace(_IOTA_BELOW, " ")
