"""Tokenizers: what one must do, and the one at hand where no model is loaded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

TokenIds = list[int]
# Returns the token ids of each text, without those of start, end and padding.
Tokenize = Callable[[list[str]], list[TokenIds]]
# Returns the token ids of names, which may be remembered for the tokenizer.
LookUp = Callable[[Iterable[str], Tokenize], Mapping[str, TokenIds]]

# Printable ASCII without the beginning of an entity: text that no tokenizer repairs first.
_PLAIN = re.compile(r"(?!.*<\|)[ -%'-~]+")
_PLAIN_PROBE = [
    'It\'s "Easy-Negative_v2.5": (a+b)=[c]; {d}|e~f ^g `h` $9 \\i, j/k 50% #l @m n! <p> 12'
]


def own_tokenizer() -> Tokenize | None:
    """Return CLIP's tokenizer; None where the packages that it needs are not installed."""
    try:
        from lib_embeddings.prompts.clip_tokenizer import tokenize  # noqa: PLC0415
    except ImportError:
        return None
    return tokenize


def tokenize_names(names: list[str], tokenize: Tokenize) -> list[TokenIds]:
    """Return the token ids of names as *tokenize* makes them.

    A WebUI's tokenizer is slow with ten thousand names. CLIP's own does the plain ones if the two
    agree on the characters of plain names.
    """
    own = own_tokenizer()
    if own is None or own(_PLAIN_PROBE) != tokenize(_PLAIN_PROBE):
        return tokenize(names)
    plain = list(filter(_PLAIN.fullmatch, names))
    ids = dict(zip(plain, own(plain), strict=True))
    others = [name for name in names if name not in ids]
    if others:  # a WebUI's fails without any text
        ids.update(zip(others, tokenize(others), strict=True))
    return [ids[name] for name in names]
