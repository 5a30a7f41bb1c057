"""The tokenizer that is at hand where no model is loaded."""

from __future__ import annotations

from collections.abc import Callable

TokenIds = list[int]
Tokenize = Callable[[list[str]], list[TokenIds]]


def own_tokenizer() -> Tokenize | None:
    """Return CLIP's tokenizer; None where the packages that it is made of are not installed."""
    try:
        from lib_embeddings.prompts.clip_tokenizer import tokenize  # noqa: PLC0415
    except ImportError:
        return None
    return tokenize
