"""CLIP's tokenizer without a model: the same ids as a WebUI's, from packages that need no torch."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import Any

import ftfy

_VOCABULARY = "bpe_simple_vocab_16e6.txt.gz"

# The cost grows with the square of a word's length. No name is longer than a file name can be;
# longer words are nothing that somebody typed, and are cut, though a WebUI would not.
_LONGEST_WORD = 256

# The two words that a WebUI cuts out of a text before it mends the rest.
_SPECIAL = re.compile(r"(<\|(?:start|end)oftext\|>)")


def tokenize(texts: Sequence[str]) -> list[list[int]]:
    """Return the token ids of each text, without those of its start and end."""
    return [[id_ for part in _SPECIAL.split(text) for id_ in _encode(part)] for text in texts]


def _encode(part: str) -> Iterator[int]:
    clip = _tokenizer()
    for word in clip.pat.findall(_normalised(part)):
        for start in range(0, len(word), _LONGEST_WORD):
            signs = word[start : start + _LONGEST_WORD].encode()
            for piece in clip.bpe("".join([clip.byte_encoder[sign] for sign in signs])).split():
                yield clip.encoder[piece]


def _normalised(text: str) -> str:
    # Mending text takes ten times as long as its tokens, and most texts have nothing to mend.
    plain = text.isascii() and text.isprintable() and "&" not in text
    return text.lower() if plain else ftfy.fix_text(text).lower()


def _load_class() -> Any:
    """Return the class of OpenAI's tokenizer; importing the package around it would import torch.

    Raises:
        ImportError: there is no package `clip`, or it is another one.
    """
    package = find_spec("clip")
    folders = list((package and package.submodule_search_locations) or [])
    spec = PathFinder.find_spec("simple_tokenizer", folders)
    has_vocabulary = any(os.path.exists(os.path.join(each, _VOCABULARY)) for each in folders)
    if not (spec and spec.loader and has_vocabulary):
        raise ImportError("clip: expected OpenAI's tokenizer, found none; install openai-clip")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.SimpleTokenizer


# It reads its vocabulary when it is first asked for.
_tokenizer = lru_cache(maxsize=1)(_load_class())
