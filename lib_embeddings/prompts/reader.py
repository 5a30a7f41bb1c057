"""Read prompts with a library's names: which they use, cannot use, or nearly spell.

prompt ─▶ parts ─▶ scheduled texts ─▶ runs ─▶ tokens ─▶ chunks with embeddings ─▶ report
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple, Protocol

from lib_embeddings.limits import LIMITS
from lib_embeddings.names import fold
from lib_embeddings.prompts.foreign_syntax import (
    CIVITAI,
    WILDCARD,
    ForeignSyntax,
    find_foreign_syntax,
)
from lib_embeddings.prompts.grammar import (
    Run,
    ends_in_mark,
    escape,
    parts_of,
    texts_of,
    weigh,
    without_networks,
)
from lib_embeddings.prompts.report import (
    ChunkUsage,
    KnownEmbedding,
    NearMiss,
    PromptReport,
    Unavailable,
    Used,
)
from lib_embeddings.prompts.tokens import Chunk, Match, Matcher, ReadRun, TokenIds, Tokenize, fill

# A word and the marks right after it; CLIP reads marks that touch as one word.
_MARKED = re.compile(r"(?<![^\W_])([^\W_]*)((?:[^\w\s]|_)+)")
_BRACKETS = re.compile(r"[()\[\]]")
_ESCAPED = re.compile(r"\\.", re.DOTALL)

_NOT_HERE = "it is not here"
_BY_NUMBER = "Civitai names it by a number: type the name of its file instead"
_RUNS_ON = (
    "the punctuation mark right after it is read as part of its name: type a space between them"
)
_WEIGHED = "its brackets are read as a weight: type {}"
_TOO_MANY_WORDS = "this prompt has too many different words: not all are compared with names"


class Near(Protocol):
    """Finds near misses."""

    def misses(self, texts: Iterable[str], named: Iterable[str]) -> tuple[dict[str, str], bool]:
        """Return word -> the name that it nearly is; and whether all words were compared."""


class _Found(NamedTuple):
    """The tokens of a run of text, and the names in them that the host uses."""

    tokens: TokenIds
    names: list[Match]


class PromptReader:
    """The names of a library, prepared for finding them in prompts."""

    def __init__(
        self,
        embeddings: Iterable[KnownEmbedding],
        tokens: Mapping[str, TokenIds],
        tokenize: Tokenize,
        near: Callable[[Iterable[str], Tokenize], Near] | None = None,
    ) -> None:
        """Prepare the names of *embeddings*, in the order in which the host registered them.

        Args:
            tokens: those of each name.
            tokenize: the host's own tokenizer, for the texts of prompts.
            near: prepares names for near misses; without it none are found.
        """
        self._tokenize = tokenize
        self._tokens = tokens
        self._known: dict[str, KnownEmbedding] = {}
        self._spellings: dict[str, str] = {}
        # Of several files with one name, the one that prompts can use is meant.
        for known in sorted(embeddings, key=lambda known: bool(known.reason)):
            self._known.setdefault(known.name, known)
            self._spellings.setdefault(fold(known.name), known.name)
        self._marked = frozenset(filter(ends_in_mark, self._known))
        self._bracketed = frozenset(filter(_BRACKETS.search, self._known))
        self._endings = frozenset(fold("".join(_MARKED.findall(name)[-1])) for name in self._marked)
        self._n_vectors = {name: known.n_vectors for name, known in self._known.items()}
        loaded = [name for name, known in self._known.items() if known.reason is None]
        self._loaded = Matcher({name: tokens[name] for name in loaded})
        # Of names with equal tokens, the loaded one comes first: the prompt gets it.
        self._all = Matcher({name: tokens[name] for name in (*loaded, *self._known)})
        # No word is a near miss of a name that is an ordinary word (one token), or of a file that
        # is not an embedding.
        meant = (name for name, n in self._n_vectors.items() if n and len(tokens[name]) > 1)
        self._near = near(meant, tokenize) if near else None

    def with_more(self, embeddings: Sequence[KnownEmbedding]) -> PromptReader:
        """Return a reader that also knows these; no word is a near miss of their names."""
        names = [known.name for known in embeddings]
        tokens = {**self._tokens, **dict(zip(names, self._tokenize(names), strict=True))}
        near = self._near
        return PromptReader(
            (*self._known.values(), *embeddings),
            tokens,
            self._tokenize,
            (lambda _names, _tokenize: near) if near else None,
        )

    def read(self, prompt: str, steps: int, *, is_negative: bool = False) -> PromptReport:
        """Return what a prompt uses.

        Args:
            steps: of the picture, on which prompt editing depends.
            is_negative: in a negative prompt the host knows neither AND nor extra networks.
        """
        beginning, texts_of_parts, unread = texts_of(prompt, steps, is_negative=is_negative)
        found, chunks = self._read(text for texts in texts_of_parts for text in texts)
        parts = [[chunks[text] for text in texts] for texts in texts_of_parts]
        used = [Used(self._known[name], weights) for name, weights in _weights(parts).items()]
        foreign = find_foreign_syntax(beginning, lambda text: self._spellings.get(fold(text)))
        typed = [part.text for part in parts_of(beginning, is_negative=is_negative)]
        unavailable = [
            *self._all_unavailable(found, typed),
            *self._not_here(foreign, is_negative=is_negative),
        ]
        named = [use.known.name for use in used]
        named += [each.known.name for each in unavailable if each.known.id]
        named += [syntax.text for syntax in foreign]
        near_misses, is_compared = self._near_misses(found, named)
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
        """Return the chunks that a text encoder reads, for each text of a prompt's steps."""
        return self._read(texts)[1]

    def _read(self, texts: Iterable[str]) -> tuple[dict[str, _Found], dict[str, list[Chunk]]]:
        """Return the tokens and names of each run, and the chunks of each text."""
        runs = {text: weigh(text) for text in texts}
        found = self._find(run.text for runs_of_text in runs.values() for run in runs_of_text)
        return found, {text: self._fill(of_text, found) for text, of_text in runs.items()}

    def _find(self, texts: Iterable[str]) -> dict[str, _Found]:
        """Return the tokens and names of each run; like the host, find names only within one."""
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

    def _all_unavailable(
        self, found: Mapping[str, _Found], typed: Iterable[str]
    ) -> list[Unavailable]:
        """Return the names that the host does not find, for any reason, each once.

        Args:
            typed: the texts of the prompt's parts, before weights are taken out of them.
        """
        unavailable = {
            name: Unavailable(self._known[name], shadowed_by)
            for each in found.values()
            for name, shadowed_by in self._unavailable(*each)
        }
        for name, reason in (*self._running_on(found), *self._weighed(typed)):
            known = self._known[name]
            known = known._replace(reason=known.reason or reason)
            inner = self._loaded.find(self._tokens[name][:-1])
            unavailable.setdefault(name, Unavailable(known, inner[0].name if inner else None))
        return list(unavailable.values())

    def _running_on(self, found: Mapping[str, _Found]) -> Iterator[tuple[str, str]]:
        """Yield names whose last mark touches another mark."""
        apart = {text: self._set_apart(text) for text in found} if self._marked else {}
        texts = [text for text, changed in apart.items() if changed != text]
        for text, tokens in zip(texts, self._ids_of(apart[text] for text in texts), strict=True):
            names = Counter(match.name for match in self._all.find(tokens))
            names.subtract(match.name for match in self._all.find(found[text].tokens))
            for name in sorted(self._marked.intersection(+names)):
                yield name, _RUNS_ON

    def _weighed(self, typed: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield names whose brackets make weights; escaped ones do not."""
        if not self._bracketed:
            return
        # An escaped bracket is no bracket, but must still separate the words around it.
        texts = [_ESCAPED.sub(r"\\\\", text) for text in typed if _BRACKETS.search(text)]
        names = self._count(map(self._set_apart, texts))
        if self._bracketed.intersection(names):
            names.subtract(self._count(run.text for text in texts for run in weigh(text)))
        for name in sorted(self._bracketed.intersection(+names)):
            yield name, _WEIGHED.format(escape(name))

    def _count(self, texts: Iterable[str]) -> Counter[str]:
        """Return how often some texts have each name, loaded or not."""
        return Counter(
            match.name for tokens in self._ids_of(texts) for match in self._all.find(tokens)
        )

    def _set_apart(self, text: str) -> str:
        """Return a text with a space after each mark that may end a name."""
        part = cache(self._part_marks)  # a prompt has few different words with marks
        return _MARKED.sub(lambda match: part(match[0]), text)

    def _part_marks(self, text: str) -> str:
        """Return the text that `_set_apart` writes for a word with the marks after it."""
        word, marks = _MARKED.findall(text)[0]
        for length in range(min(len(marks), LIMITS.filename_bytes), 0, -1):
            if fold(word + marks[:length]) in self._endings:
                return f"{word}{marks[:length]} {marks[length:]}".rstrip()
        return text

    def _not_here(
        self, foreign: Iterable[ForeignSyntax], *, is_negative: bool
    ) -> Iterator[Unavailable]:
        """Yield embeddings that a prompt names outright and that are not here."""
        missing = {
            each.name: each
            for each in foreign
            if each.replacement is None and each.program != WILDCARD
        }
        near = self._near.misses(missing, ())[0] if self._near and missing else {}
        texts = (each.text for each in missing.values())
        read = self._ids_of(text if is_negative else without_networks(text) for text in texts)
        for (name, syntax), tokens in zip(missing.items(), read, strict=True):
            reason = _BY_NUMBER if syntax.program == CIVITAI else _NOT_HERE
            if name in near:
                reason = f"{reason} (did you mean {near[name]}?)"
            inner = self._loaded.find(tokens)
            known = KnownEmbedding("", name, 0, reason)
            yield Unavailable(known, inner[0].name if inner else None, bool(tokens))

    def _ids_of(self, texts: Iterable[str]) -> Sequence[TokenIds]:
        """Return the tokens of some texts; the host's tokenizer is never called without any."""
        texts = list(texts)
        return self._tokenize(texts) if texts else []

    def _unavailable(
        self, tokens: TokenIds, names: Iterable[Match]
    ) -> Iterator[tuple[str, str | None]]:
        """Yield names that are not loaded, each with the name that the host finds in its place.

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
        """Yield the use of each chunk of the longest text."""
        longest = max(texts, key=lambda chunks: (len(chunks), len(chunks[-1].tokens)))
        for chunk in longest:
            vectors = sum(self._n_vectors[placed.name] for placed in chunk.placed)
            yield ChunkUsage(len(chunk.tokens), vectors)


def _weights(parts: Iterable[Iterable[Iterable[Chunk]]]) -> dict[str, tuple[float, ...]]:
    """Return by name the weight of each use; texts of one part share their uses."""
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
