"""CLIP's tokenizer without a model, and what any other tokenizer must do.

It gives the same ids as a WebUI's own, from packages that need no torch.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from itertools import chain, pairwise
from typing import Any

from lib_embeddings.limits import LIMITS

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

_VOCABULARY = "bpe_simple_vocab_16e6.txt.gz"

# The two tokens that a WebUI cuts out of a text before it repairs the rest.
_SPECIAL = re.compile(r"(<\|(?:start|end)oftext\|>)")
_SPECIAL_WORDS = (b"<|startoftext|>", b"<|endoftext|>")

# Printable ASCII without entities, and white space.
_NEEDS_NO_REPAIR = re.compile(r"[\t\n\r -%'-~]*")

# The rank of two pieces that the vocabulary does not join: higher than all its ranks.
_NEVER = 1 << 20


def own_tokenizer() -> Tokenize | None:
    """Return CLIP's tokenizer; None where the packages that it needs are not installed."""
    try:
        _load_class()
    except ImportError:
        return None
    return tokenize


def tokenize_names(names: list[str], theirs: Tokenize) -> list[TokenIds]:
    """Return the token ids of names as a host's tokenizer makes them.

    A WebUI's tokenizer is slow with ten thousand names. CLIP's own does the plain ones if the two
    agree on the characters of plain names.
    """
    own = own_tokenizer()
    if own is None or own(_PLAIN_PROBE) != theirs(_PLAIN_PROBE):
        return theirs(names)
    plain = list(filter(_PLAIN.fullmatch, names))
    ids = dict(zip(plain, own(plain), strict=True))
    others = [name for name in names if name not in ids]
    if others:  # a WebUI's fails without any text
        ids.update(zip(others, theirs(others), strict=True))
    return [ids[name] for name in names]


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
    if not _NEEDS_NO_REPAIR.fullmatch(text):
        import ftfy  # noqa: PLC0415 - nobody who reads no prompt waits for it

        text = ftfy.fix_text(text)
    return text.lower()


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


@lru_cache(maxsize=1)
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


@lru_cache(maxsize=1)
def _tokenizer() -> Any:
    """Return OpenAI's tokenizer, which reads its vocabulary when it is made."""
    return _load_class()()
