"""Read prompts with a library's names: which they use, cannot use, or nearly write.

prompt ─▶ parts ─▶ scheduled texts ─▶ runs ─▶ tokens ─▶ chunks with embeddings ─▶ report
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from lib_embeddings.names import fold
from lib_embeddings.prompts.chunks import Chunk, Match, Matcher, ReadRun, fill
from lib_embeddings.prompts.foreign_syntax import (
    CIVITAI,
    WILDCARD,
    ForeignSyntax,
    find_foreign_syntax,
)
from lib_embeddings.prompts.grammar import Run, ends_in_mark, weigh
from lib_embeddings.prompts.report import (
    ChunkUsage,
    KnownEmbedding,
    NearMiss,
    PromptReport,
    Unavailable,
    Used,
)
from lib_embeddings.prompts.schedules import texts_of
from lib_embeddings.prompts.tokenizer import TokenIds, Tokenize

# Between a mark and a comma behind it, which CLIP reads as one word.
_TOUCHING = re.compile(r"(?<=[^\w\s,.;]|_)(?=[,.;])")

_NOT_HERE = "it is not here"
_BY_NUMBER = "Civitai names it by a number: type the name of its file instead"
_TOUCHED = "the mark right behind it is read as part of its name: type a space between them"
_TOO_MANY_WORDS = "this prompt has too many different words: not all are compared with names"


class Near(Protocol):
    """Knows which names words nearly are."""

    def misses(self, texts: Iterable[str], named: Iterable[str]) -> tuple[dict[str, str], bool]:
        """Return words -> the name that they nearly are; and whether all words were compared."""


class _Found(NamedTuple):
    """The tokens of a run of text, and the names in them that the host uses."""

    tokens: TokenIds
    names: list[Match]


class PromptReader:
    """The names of a library, ready to be found in prompts."""

    def __init__(
        self,
        embeddings: Iterable[KnownEmbedding],
        tokens: Mapping[str, TokenIds],
        tokenize: Tokenize,
        near: Callable[[Iterable[str], Tokenize], Near] | None = None,
    ) -> None:
        """Prepare the names of *embeddings*, the first that the host has registered first.

        Args:
            tokens: those of each name.
            tokenize: the host's own tokenizer, for the texts of prompts.
            near: prepares names for near misses; without it none are found.
        """
        self._tokenize = tokenize
        self._tokens = tokens
        self._known: dict[str, KnownEmbedding] = {}
        self._spellings: dict[str, str] = {}
        # Of files with one name the one that prompts can use is meant.
        for known in sorted(embeddings, key=lambda known: bool(known.reason)):
            self._known.setdefault(known.name, known)
            self._spellings.setdefault(fold(known.name), known.name)
        self._marked = frozenset(filter(ends_in_mark, self._known))
        self._n_vectors = {name: known.n_vectors for name, known in self._known.items()}
        loaded = [name for name, known in self._known.items() if known.reason is None]
        self._loaded = Matcher({name: tokens[name] for name in loaded})
        # Of names with equal tokens the one that is loaded comes first: the prompt gets it.
        self._all = Matcher({name: tokens[name] for name in (*loaded, *self._known)})
        # Words are no near misses of a name that is an ordinary word, of one token, nor of a file
        # that is no embedding.
        meant = (name for name, n in self._n_vectors.items() if n and len(tokens[name]) > 1)
        self._near = near(meant, tokenize) if near else None

    def read(self, prompt: str, steps: int, *, is_negative: bool = False) -> PromptReport:
        """Return what a prompt uses.

        Args:
            steps: how many steps the picture takes, on which prompt editing depends.
            is_negative: the host knows neither AND nor extra networks there.
        """
        beginning, texts_of_parts, unread = texts_of(prompt, steps, is_negative=is_negative)
        found, chunks = self._read(text for texts in texts_of_parts for text in texts)
        parts = [[chunks[text] for text in texts] for texts in texts_of_parts]
        used = [Used(self._known[name], weights) for name, weights in _weights(parts).items()]
        foreign = find_foreign_syntax(beginning, lambda text: self._spellings.get(fold(text)))
        unavailable = [*self._all_unavailable(found), *_not_here(foreign)]
        named = [use.known.name for use in used]
        named += [each.known.name for each in unavailable if each.known.id]
        near_misses, is_compared = self._near_misses(found, [*named, *_no_words(foreign)])
        return PromptReport(
            prompt,
            tuple(used),
            tuple(unavailable),
            tuple(near_misses),
            tuple(syntax for syntax in foreign if syntax.replacement is not None),
            tuple(usage for texts in parts for usage in self._usage_of_longest(texts)),
            unread if unread or is_compared else _TOO_MANY_WORDS,
        )

    def chunks_of(self, texts: Iterable[str]) -> dict[str, list[Chunk]]:
        """Return what a text encoder reads of each text that prompts have at some step."""
        return self._read(texts)[1]

    def _read(self, texts: Iterable[str]) -> tuple[dict[str, _Found], dict[str, list[Chunk]]]:
        """Return what is in each run, and the chunks of each text."""
        runs = {text: weigh(text) for text in texts}
        found = self._find(run.text for runs_of_text in runs.values() for run in runs_of_text)
        return found, {text: self._fill(of_text, found) for text, of_text in runs.items()}

    def _find(self, texts: Iterable[str]) -> dict[str, _Found]:
        """Return what is in each run; names are found within one only, as by the host."""
        distinct = list(dict.fromkeys(texts))
        tokens = self._tokenize(distinct)
        return {
            text: _Found(ids, self._loaded.find(ids))
            for text, ids in zip(distinct, tokens, strict=True)
        }

    def _fill(self, runs: Iterable[Run], found: Mapping[str, _Found]) -> list[Chunk]:
        read = (
            ReadRun(None, (), run.weight) if run.is_break else ReadRun(*found[run.text], run.weight)
            for run in runs
        )
        return fill(read, self._n_vectors)

    def _all_unavailable(self, found: Mapping[str, _Found]) -> list[Unavailable]:
        """Return the names that the host does not find, whatever the reason, each once."""
        unavailable = {
            name: Unavailable(self._known[name], shadowed_by)
            for each in found.values()
            for name, shadowed_by in self._unavailable(*each)
        }
        for name, shadowed_by in self._touched(found):
            known = self._known[name]
            known = known._replace(reason=known.reason or _TOUCHED)
            unavailable.setdefault(name, Unavailable(known, shadowed_by))
        return list(unavailable.values())

    def _touched(self, found: Mapping[str, _Found]) -> Iterator[tuple[str, str | None]]:
        """Yield names whose last mark touches another, each with what the host finds instead."""
        if not self._marked:
            return
        apart = {text: _TOUCHING.sub(" ", text) for text in found}
        texts = [text for text, changed in apart.items() if changed != text]
        ids = self._tokenize([apart[text] for text in texts]) if texts else []
        for text, tokens in zip(texts, ids, strict=True):
            names = Counter(match.name for match in self._all.find(tokens))
            names.subtract(match.name for match in self._all.find(found[text].tokens))
            for name in sorted(self._marked.intersection(+names)):
                inner = self._loaded.find(self._tokens[name][:-1])
                yield name, inner[0].name if inner else None

    def _unavailable(
        self, tokens: TokenIds, names: Iterable[Match]
    ) -> Iterator[tuple[str, str | None]]:
        """Yield names that are not loaded, each with the one that the host finds in its place.

        Args:
            names: those that the host finds.
        """
        used = {match.start: match for match in names}
        end = end_of_used = 0
        for start in self._all.starts(tokens):
            if start < end_of_used:
                continue
            if start in used:
                end_of_used = start + used[start].n_tokens
            named = self._all.at(tokens, start) if start >= end else None
            if named and self._known[named.name].reason is not None:
                end = start + named.n_tokens
                found = (self._loaded.at(tokens, place) for place in range(start, end))
                yield named.name, next((match.name for match in found if match), None)

    def _near_misses(
        self, texts: Iterable[str], named: Iterable[str]
    ) -> tuple[list[NearMiss], bool]:
        """Return the words that are nearly names; and whether all words were compared."""
        pairs, is_all_compared = self._near.misses(texts, named) if self._near else ({}, True)
        return [NearMiss(text, self._known[name]) for text, name in pairs.items()], is_all_compared

    def _usage_of_longest(self, texts: Iterable[Sequence[Chunk]]) -> Iterator[ChunkUsage]:
        """Yield how the chunks of the longest text are filled."""
        longest = max(texts, key=lambda chunks: (len(chunks), len(chunks[-1].tokens)))
        for chunk in longest:
            vectors = sum(self._n_vectors[placed.name] for placed in chunk.placed)
            yield ChunkUsage(len(chunk.tokens), vectors)


def _not_here(foreign: Iterable[ForeignSyntax]) -> Iterator[Unavailable]:
    """Yield the embeddings that a prompt names outright and that are not here."""
    for name, program in dict.fromkeys(
        (each.name, each.program) for each in foreign if each.replacement is None
    ):
        if program != WILDCARD:
            reason = _BY_NUMBER if program == CIVITAI else _NOT_HERE
            yield Unavailable(KnownEmbedding("", name, 0, reason), None)


def _no_words(foreign: Iterable[ForeignSyntax]) -> Iterator[str]:
    """Yield what of other programs' syntax is no word that somebody mistyped."""
    for syntax in foreign:
        is_one_word = syntax.replacement is not None or syntax.program in (CIVITAI, WILDCARD)
        yield syntax.text if is_one_word else syntax.text.partition(":")[0]


def _weights(parts: Iterable[Iterable[Iterable[Chunk]]]) -> dict[str, tuple[float, ...]]:
    """Return by name the weight of each use; uses in texts of one part are the same use."""
    total: Counter[tuple[str, float]] = Counter()
    for texts in parts:
        most: Counter[tuple[str, float]] = Counter()
        for chunks in texts:
            most |= Counter((each.name, each.weight) for chunk in chunks for each in chunk.placed)
        total += most
    weights: dict[str, list[float]] = {}
    for name, weight in total.elements():
        weights.setdefault(name, []).append(weight)
    return {name: tuple(each) for name, each in weights.items()}
