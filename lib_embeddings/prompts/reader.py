"""Read prompts with a library's names: which they use, cannot use, or nearly write.

prompt ─▶ parts ─▶ scheduled texts ─▶ runs ─▶ tokens ─▶ chunks with embeddings ─▶ report
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Protocol

from lib_embeddings.names import fold
from lib_embeddings.prompts.chunks import Chunk, Matcher, WeighedTokens, fill
from lib_embeddings.prompts.foreign_syntax import find_foreign_syntax
from lib_embeddings.prompts.grammar import (
    Part,
    Run,
    split_parts,
    weigh,
    without_comments,
    without_networks,
)
from lib_embeddings.prompts.known import KnownEmbedding
from lib_embeddings.prompts.report import ChunkUsage, NearMiss, PromptReport, Unavailable, Used
from lib_embeddings.prompts.schedules import schedule
from lib_embeddings.prompts.tokenizer import TokenIds, Tokenize

_WORD = re.compile(r"[^\s,()\[\]{}<>|:;\"“”!?\\/]+")
_EDGES = ".'\u2019-_*~+=#&"
_MOST_WORDS = 10_000


class Near(Protocol):
    """Knows which name a word nearly is."""

    def nearest(self, word: str) -> str | None:
        """Return that name; None if there is none."""


class PromptReader:
    """The names of a library, ready to be found in prompts."""

    def __init__(
        self,
        embeddings: Iterable[KnownEmbedding],
        tokens: Mapping[str, TokenIds],
        tokenize: Tokenize,
        near: Callable[[Iterable[str]], Near] | None = None,
    ) -> None:
        """Prepare the names of *embeddings*, the first that the host has registered first.

        Args:
            tokens: those of each name.
            tokenize: the host's own tokenizer, for the texts of prompts.
            near: prepares names for near misses; without it none are found.
        """
        self._tokenize = tokenize
        self._known: dict[str, KnownEmbedding] = {}
        self._spellings: dict[str, str] = {}
        for known in embeddings:
            self._known.setdefault(known.name, known)
            self._spellings.setdefault(fold(known.name), known.name)
        self._n_vectors = {name: known.n_vectors for name, known in self._known.items()}
        loaded = [name for name, known in self._known.items() if known.reason is None]
        self._loaded = Matcher({name: tokens[name] for name in loaded})
        # Of names with equal tokens the one that is loaded comes first: the prompt gets it.
        self._all = Matcher({name: tokens[name] for name in (*loaded, *self._known)})
        # Whoever calls an embedding like an ordinary word, which is one token, means no other word;
        # nobody means a file that is no embedding.
        meant = (name for name, n in self._n_vectors.items() if n and len(tokens[name]) > 1)
        self._near = near(meant) if near else None
        self._meant = lru_cache(_MOST_WORDS)(self._find_meant)

    def read(self, prompt: str, steps: int, *, is_negative: bool = False) -> PromptReport:
        """Return what a prompt uses.

        Args:
            steps: how many steps the picture takes, on which prompt editing depends.
            is_negative: the host knows neither AND nor extra networks there.
        """
        texts_of_parts = [
            dict.fromkeys(scheduled.text for scheduled in schedule(part.text, steps))
            for part in _split(prompt, is_negative)
        ]
        runs = {text: weigh(text) for texts in texts_of_parts for text in texts}
        tokens = self._tokens_of(runs.values())
        parts = [[self._fill(runs[text], tokens) for text in texts] for texts in texts_of_parts]
        used = [Used(self._known[name], weights) for name, weights in _weights(parts).items()]
        unavailable = dict(found for ids in tokens.values() for found in self._unavailable(ids))
        foreign = find_foreign_syntax(prompt, lambda text: self._spellings.get(fold(text)))
        meant = (found.name for found in foreign if found.name in self._known)
        marks = (found.text.partition(":")[0] for found in foreign)  # the word `embedding`
        named = {*unavailable, *(use.known.name for use in used), *meant, *marks}
        return PromptReport(
            prompt,
            tuple(used),
            tuple(Unavailable(self._known[name], other) for name, other in unavailable.items()),
            tuple(self._near_misses(tokens, named)),
            tuple(foreign),
            tuple(usage for texts in parts for usage in self._usage_of_longest(texts)),
        )

    def _tokens_of(self, texts: Iterable[Iterable[Run]]) -> dict[str, TokenIds]:
        """Return the tokens of each run; names are found within one only, as by the host."""
        distinct = list(dict.fromkeys(run.text for runs in texts for run in runs))
        return dict(zip(distinct, self._tokenize(distinct), strict=True))

    def _fill(self, runs: Iterable[Run], tokens: Mapping[str, TokenIds]) -> list[Chunk]:
        weighed = (
            WeighedTokens(None if run.is_break else tokens[run.text], run.weight) for run in runs
        )
        return fill(weighed, self._loaded, self._n_vectors)

    def _unavailable(self, tokens: TokenIds) -> Iterator[tuple[str, str | None]]:
        """Yield names that are not loaded, each with the one that the host finds in its place."""
        position = end = 0
        while position < len(tokens):
            used = self._loaded.at(tokens, position)
            named = self._all.at(tokens, position) if position >= end else None
            if named and self._known[named.name].reason is not None:
                end = position + named.n_tokens
                found = (self._loaded.at(tokens, place) for place in range(position, end))
                yield named.name, next((match.name for match in found if match), None)
            position += used.n_tokens if used else 1

    def _near_misses(self, texts: Iterable[str], named: Iterable[str]) -> Iterator[NearMiss]:
        """Yield the words that are nearly names, but for those that stand in names."""
        parts_of_names = {fold(word) for name in named for word in _words(name)}
        for word in dict.fromkeys(word for text in texts for word in _words(text)):
            meant = self._meant(word)
            if meant and fold(word) not in parts_of_names:
                yield NearMiss(word, self._known[meant])

    def _find_meant(self, word: str) -> str | None:
        if self._near is None or len(self._tokenize([word])[0]) == 1:
            return None
        return self._near.nearest(word)

    def _usage_of_longest(self, texts: Iterable[Sequence[Chunk]]) -> Iterator[ChunkUsage]:
        """Yield how the chunks of the longest text are filled."""
        longest = max(texts, key=lambda chunks: (len(chunks), len(chunks[-1].tokens)))
        for chunk in longest:
            vectors = sum(self._n_vectors[placed.name] for placed in chunk.placed)
            yield ChunkUsage(len(chunk.tokens), vectors)


def _split(prompt: str, is_negative: bool) -> list[Part]:
    text = without_comments(prompt)
    return [Part(text, 1.0)] if is_negative else split_parts(without_networks(text))


def _words(text: str) -> list[str]:
    return [word for match in _WORD.findall(text) if (word := match.strip(_EDGES))]


def _weights(parts: Iterable[Iterable[Iterable[Chunk]]]) -> dict[str, tuple[float, ...]]:
    """Return by name the weight of each use; uses in texts of one part are the same use."""
    total: Counter[tuple[str, float]] = Counter()
    for texts in parts:
        most: Counter[tuple[str, float]] = Counter()
        for chunks in texts:
            most |= Counter((each.name, each.weight) for chunk in chunks for each in chunk.placed)
        total += most
    weights: dict[str, tuple[float, ...]] = {}
    for name, weight in total.elements():
        weights[name] = (*weights.get(name, ()), weight)
    return weights
