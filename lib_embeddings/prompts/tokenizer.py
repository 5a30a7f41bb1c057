"""Tokenizers: what is asked of one, and the one at hand where no model is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

TokenIds = list[int]
# Returns the token ids of each text, without those of start, end and padding.
Tokenize = Callable[[list[str]], list[TokenIds]]
# Returns the token ids of names, which may be remembered for the tokenizer.
LookUp = Callable[[Iterable[str], Tokenize], Mapping[str, TokenIds]]


def own_tokenizer() -> Tokenize | None:
    """Return CLIP's tokenizer; None where the packages that it is made of are not installed."""
    try:
        from lib_embeddings.prompts.clip_tokenizer import tokenize  # noqa: PLC0415
    except ImportError:
        return None
    return tokenize
