"""How AUTOMATIC1111's WebUI fills the chunks of 75 tokens that a text encoder reads.

An embedding takes one token for each vector and begins a chunk where it does not fit into the
current one. A chunk that is full is cut at its last comma if that is near its end. BREAK begins a
chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from lib_embeddings.prompts.matching import Match

CHUNK_TOKENS = 75

# The id of a comma with nothing behind it, in the one vocabulary that CLIP's text encoders share.
_COMMA = 267
# How far from a chunk's end a comma may be.
_BACKTRACK = 20
# What stands where a vector goes.
PLACE = 0

Find = Callable[[Sequence[int], int], Match | None]


class WeighedTokens(NamedTuple):
    """The tokens of a run of text; None for a BREAK."""

    tokens: Sequence[int] | None
    weight: float


class Use(NamedTuple):
    """An embedding in a chunk, from the token *offset* on."""

    name: str
    offset: int
    weight: float


@dataclass(slots=True)
class Chunk:
    """Tokens without those of start, end and padding; `PLACE` for each vector of the uses."""

    tokens: list[int] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)


def fill(runs: Iterable[WeighedTokens], find: Find, n_vectors: Mapping[str, int]) -> list[Chunk]:
    """Return the chunks of a text, at least one.

    Args:
        find: returns the name that stands at a position in a list of tokens.
        n_vectors: by name; the number of tokens it takes.
    """
    filling = _Filling(find, n_vectors)
    for run in runs:
        if run.tokens is None:
            filling.end_chunk()
        else:
            filling.add(run.tokens, run.weight)
    if filling.chunk.tokens or not filling.chunks:
        filling.end_chunk()
    return filling.chunks


class _Filling:
    def __init__(self, find: Find, n_vectors: Mapping[str, int]) -> None:
        self.chunks: list[Chunk] = []
        self.chunk = Chunk()
        self._last_comma: int | None = None
        self._find = find
        self._n_vectors = n_vectors

    def add(self, tokens: Sequence[int], weight: float) -> None:
        position = 0
        while position < len(tokens):
            self._make_room(tokens[position])
            match = self._find(tokens, position)
            if match is None:
                self.chunk.tokens.append(tokens[position])
                position += 1
            else:
                self._place(match.name, weight)
                position += match.n_tokens

    def end_chunk(self) -> None:
        self.chunks.append(self.chunk)
        self.chunk = Chunk()
        self._last_comma = None

    def _make_room(self, token: int) -> None:
        """End a full chunk, or cut it where a comma is near; *token* is what comes next."""
        n_tokens = len(self.chunk.tokens)
        if token == _COMMA:
            self._last_comma = n_tokens
        elif n_tokens == CHUNK_TOKENS and self._last_comma is not None:
            cut = self._last_comma + 1
            if n_tokens - self._last_comma <= _BACKTRACK:
                # The host leaves an embedding where it was, though its tokens move on.
                moved = self.chunk.tokens[cut:]
                del self.chunk.tokens[cut:]
                self.end_chunk()
                self.chunk.tokens = moved
        if len(self.chunk.tokens) == CHUNK_TOKENS:
            self.end_chunk()

    def _place(self, name: str, weight: float) -> None:
        n_vectors = self._n_vectors[name]
        if len(self.chunk.tokens) + n_vectors > CHUNK_TOKENS:
            self.end_chunk()
        self.chunk.uses.append(Use(name, len(self.chunk.tokens), weight))
        self.chunk.tokens += [PLACE] * n_vectors
