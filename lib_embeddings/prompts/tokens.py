"""Tokens: CLIP's tokenizer without a model, the names in tokens, and the chunks for an encoder.

The tokenizer gives the same ids as a WebUI's own, from packages that need no torch. Others do what
`Tokenize` says.

Names and prompts are compared by their token ids, so letter case and neighbouring words do not
matter. Of several names that match, the longest is taken; of equal ones, the first.

A chunk has 75 tokens. An embedding takes one for each vector, and begins a new chunk if it does not
fit into the current one. A full chunk is cut at its last comma if that is near its end. BREAK
begins a new chunk. All this is as in AUTOMATIC1111's WebUI.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from itertools import chain, pairwise
from typing import Any, NamedTuple

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


# Names in tokens, and chunks

CHUNK_TOKENS = 75

# The id of a comma with nothing after it, in the one vocabulary that CLIP's text encoders share.
_COMMA = 267
# How far from a chunk's end a comma may be.
_BACKTRACK = 20
# Stands in a chunk for a vector.
PLACEHOLDER = 0


class Match(NamedTuple):
    """A name in a list of tokens: its start, and its number of tokens."""

    name: str
    start: int
    n_tokens: int


class Matcher:
    """Names, prepared for a search in tokens."""

    def __init__(self, ids: Mapping[str, Sequence[int]]) -> None:
        """Prepare names in the order of registration; one without tokens is never found."""
        self._names: dict[tuple[int, ...], str] = {}
        lengths: dict[int, set[int]] = {}
        for name, tokens in ids.items():
            if tokens:
                self._names.setdefault(tuple(tokens), name)
                lengths.setdefault(tokens[0], set()).add(len(tokens))
        self._lengths = {first: sorted(known, reverse=True) for first, known in lengths.items()}

    def find(self, tokens: Sequence[int]) -> list[Match]:
        """Return the names in a list of tokens, in order."""
        found: list[Match] = []
        end = 0
        for start in self.starts(tokens):
            match = self.at(tokens, start) if start >= end else None
            if match:
                found.append(match)
                end = start + match.n_tokens
        return found

    def starts(self, tokens: Sequence[int]) -> list[int]:
        """Return where a name may begin."""
        return [start for start, token in enumerate(tokens) if token in self._lengths]

    def at(self, tokens: Sequence[int], start: int) -> Match | None:
        """Return the longest name that begins at *start*."""
        for length in self._lengths.get(tokens[start], ()):
            found = tuple(tokens[start : start + length])
            if found in self._names:
                return Match(self._names[found], start, len(found))
        return None


class ReadRun(NamedTuple):
    """A run of text as tokens, with the names in it; a BREAK has no tokens."""

    tokens: Sequence[int] | None
    names: Sequence[Match]
    weight: float


class Placed(NamedTuple):
    """An embedding in a chunk, beginning at the token *offset*."""

    name: str
    offset: int
    weight: float


@dataclass(slots=True)
class Chunk:
    """Tokens without start, end and padding; `PLACEHOLDER` stands for each vector.

    Attributes:
        weights: one for each token.
    """

    tokens: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    placed: list[Placed] = field(default_factory=list)


def fill(runs: Iterable[ReadRun], n_vectors: Mapping[str, int]) -> list[Chunk]:
    """Return the chunks of a text, at least one.

    Args:
        n_vectors: name -> number of tokens that it takes.
    """
    filling = _Filling(n_vectors)
    for run in runs:
        if run.tokens is None:
            filling.end_chunk()
        else:
            filling.add_run(run.tokens, run.names, run.weight)
    if filling.chunk.tokens or not filling.chunks:
        filling.end_chunk()
    return filling.chunks


class _Filling:
    def __init__(self, n_vectors: Mapping[str, int]) -> None:
        self.chunks: list[Chunk] = []
        self.chunk = Chunk()
        self._last_comma: int | None = None
        self._n_vectors = n_vectors

    def add_run(self, tokens: Sequence[int], names: Iterable[Match], weight: float) -> None:
        position = 0
        for match in names:
            self._add(tokens[position : match.start], weight)
            self._make_room(tokens[match.start])
            self._place(match.name, weight)
            position = match.start + match.n_tokens
        self._add(tokens[position:], weight)

    def end_chunk(self) -> None:
        self.chunks.append(self.chunk)
        self.chunk = Chunk()
        self._last_comma = None

    def _add(self, tokens: Sequence[int], weight: float) -> None:
        """Add words, as many at a time as fit."""
        start = 0
        while start < len(tokens):
            self._make_room(tokens[start])
            n_tokens = len(self.chunk.tokens)
            # A chunk with an embedding that is too long is past its end, and takes everything.
            room = CHUNK_TOKENS - n_tokens if n_tokens < CHUNK_TOKENS else len(tokens)
            words = tokens[start : start + room]
            for offset in range(len(words) - 1, 0, -1):
                if words[offset] == _COMMA:
                    self._last_comma = n_tokens + offset
                    break
            self.chunk.tokens += words
            self.chunk.weights += [weight] * len(words)
            start += len(words)

    def _make_room(self, token: int) -> None:
        """End a full chunk, or cut it if a comma is near; *token* comes next."""
        n_tokens = len(self.chunk.tokens)
        if token == _COMMA:
            self._last_comma = n_tokens
        elif n_tokens == CHUNK_TOKENS and self._last_comma is not None:
            cut = self._last_comma + 1
            if n_tokens - self._last_comma <= _BACKTRACK:
                # The host leaves an embedding in its place, now on padding, although its tokens
                # move on.
                self.chunk.placed = [
                    each if each.offset < cut else each._replace(weight=1.0)
                    for each in self.chunk.placed
                ]
                moved = self.chunk.tokens[cut:], self.chunk.weights[cut:]
                del self.chunk.tokens[cut:], self.chunk.weights[cut:]
                self.end_chunk()
                self.chunk.tokens, self.chunk.weights = moved
        if len(self.chunk.tokens) == CHUNK_TOKENS:
            self.end_chunk()

    def _place(self, name: str, weight: float) -> None:
        n_vectors = self._n_vectors[name]
        if len(self.chunk.tokens) + n_vectors > CHUNK_TOKENS:
            self.end_chunk()
        self.chunk.placed.append(Placed(name, len(self.chunk.tokens), weight))
        self.chunk.tokens += [PLACEHOLDER] * n_vectors
        self.chunk.weights += [weight] * n_vectors
