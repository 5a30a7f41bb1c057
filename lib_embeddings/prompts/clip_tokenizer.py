"""CLIP's tokenizer without a model: the same ids as a WebUI's, from packages that need no torch."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from itertools import chain, pairwise
from typing import Any

import ftfy

from lib_embeddings.limits import LIMITS

_VOCABULARY = "bpe_simple_vocab_16e6.txt.gz"

# The two tokens that a WebUI cuts out of a text before it repairs the rest.
_SPECIAL = re.compile(r"(<\|(?:start|end)oftext\|>)")
_SPECIAL_WORDS = (b"<|startoftext|>", b"<|endoftext|>")


# Text that needs no repair: printable ASCII without entities, and white space.
_PLAIN = re.compile(r"[\t\n\r -%'-~]*")

# The rank of two pieces that the vocabulary does not join: higher than all its ranks.
_NEVER = 1 << 20


def tokenize(texts: Sequence[str]) -> list[list[int]]:
    """Return the token ids of each text, without those of its start and end."""
    return [[*chain.from_iterable(map(_encode, _SPECIAL.split(text)))] for text in texts]


def _encode(part: str) -> Iterator[int]:
    words = map(str.encode, _tokenizer().pat.findall(_normalised(part)))
    most = LIMITS.word_bytes
    pieces = (word[start : start + most] for word in words for start in range(0, len(word), most))
    return chain.from_iterable(map(_ids_of, pieces))


def _normalised(text: str) -> str:
    # Repairing a text takes ten times as long as tokenizing it, and most texts need no repair.
    return text.lower() if _PLAIN.fullmatch(text) else ftfy.fix_text(text).lower()


@lru_cache(LIMITS.remembered_words)
def _ids_of(word: bytes) -> tuple[int, ...]:
    """Join the bytes of a word: neighbours with the lowest rank come first."""
    clip = _tokenizer()
    if word in _SPECIAL_WORDS:
        return (clip.encoder[word.decode()],)
    pieces = [clip.byte_encoder[byte] for byte in word]
    pieces[-1] += "</w>"
    ranks = [clip.bpe_ranks.get(pair, _NEVER) for pair in pairwise(pieces)]
    while ranks and (lowest := min(ranks)) != _NEVER:
        at = ranks.index(lowest)
        del ranks[at]
        pieces[at : at + 2] = ["".join(pieces[at : at + 2])]
        for left in range(max(at - 1, 0), min(at + 1, len(ranks))):
            ranks[left] = clip.bpe_ranks.get((pieces[left], pieces[left + 1]), _NEVER)
    return tuple([clip.encoder[piece] for piece in pieces])


def _load_class() -> Any:
    """Return the class of OpenAI's tokenizer; importing the package around it would import torch.

    Raises:
        ImportError: the package `clip` is missing, or is another one of that name.
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


# It reads its vocabulary on first use.
_tokenizer = lru_cache(maxsize=1)(_load_class())
