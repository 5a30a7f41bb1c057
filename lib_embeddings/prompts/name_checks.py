"""Advice on names that prompts cannot use, or use by accident.

It depends on all names and on the tokenizer, so each generation of a library has its own checks,
and sentences are made only for the names that are looked at.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from typing import NamedTuple

from lib_embeddings.errors import shown
from lib_embeddings.names import fold, is_generic, why_no_filename
from lib_embeddings.prompts.grammar import ends_in_mark, escape
from lib_embeddings.prompts.report import KnownEmbedding
from lib_embeddings.prompts.tokens import LookUp, TokenIds, Tokenize

# Most names are free with something before or after them.
_VARIANTS = ("{}", "{}-ti", "ti-{}", *(f"ti{number}-{{}}" for number in range(2, 10)))
_NOT_IN_PROPOSALS = re.compile(r'[()\[\]\\:|<>/*?"#\s]+')
# Hugging Face's cache: the folder of a model, and in it one for each version, named by a hash.
_CACHED = re.compile(r"(?:^|/)models--(?:[^/]*--)?(?P<model>[^/]+)/snapshots/")
_NO_NAME = re.compile(r"snapshots|[0-9a-f]{40}")


_Pair = tuple[TokenIds, str]  # the tokens of a name, and the name


class Advice(NamedTuple):
    """Advice on a name.

    Attributes:
        warnings: sentences that say what to do.
        proposal: a free name without any warnings.
    """

    warnings: tuple[str, ...] = ()
    proposal: str | None = None


NO_ADVICE = Advice()


def _ask(names: Iterable[str], tokenize: Tokenize) -> Mapping[str, TokenIds]:
    asked = list(names)
    return dict(zip(asked, tokenize(asked), strict=True))


def _try(
    look_up: LookUp, names: Iterable[str], tokenize: Tokenize | None
) -> Mapping[str, TokenIds]:
    try:
        return look_up(names, tokenize) if tokenize else {}
    except LookupError:
        return {}


def _is_checked(known: KnownEmbedding) -> bool:
    return known.n_vectors > 0 and not known.is_duplicate


class _Counts(NamedTuple):
    """How many files have a name, folded or not; how many of these are checked, and usable."""

    taken: Counter[str]
    files: Counter[str]
    checked: Counter[str]
    usable: Counter[str]

    @classmethod
    def of(cls, embeddings: Iterable[KnownEmbedding]) -> _Counts:
        known = tuple(embeddings)
        checked = tuple(filter(_is_checked, known))
        return cls(
            Counter(fold(each.name) for each in known),
            Counter(each.name for each in known),
            Counter(each.name for each in checked),
            Counter(each.name for each in checked if each.reason is None),
        )

    def changed(self, gone: _Counts, came: _Counts) -> _Counts:
        """Return the counts after some files have gone and others have come."""
        return _Counts(*map(_changed, self, gone, came))

    def is_lost(self, name: str) -> bool:
        """Return whether no embedding of a name can be used."""
        return name in self.checked and name not in self.usable


def _changed(counts: Counter[str], gone: Counter[str], came: Counter[str]) -> Counter[str]:
    changed = counts.copy()
    changed.update(came)
    changed.subtract(gone)
    for name in gone:
        if not changed[name]:
            del changed[name]
    return changed


class NameChecks:
    """Checks of the names of embeddings, compared with each other."""

    def __init__(
        self,
        embeddings: Iterable[KnownEmbedding],
        tokenize: Tokenize | None = None,
        look_up: LookUp | None = None,
    ) -> None:
        """Compare all names.

        Args:
            embeddings: all files, as any file takes its name, embedding or not.
            tokenize: returns the token ids of texts; without it, or if it raises `LookupError`
                because no model is loaded now, only characters count.
            look_up: may remember a tokenizer's answers; without it nothing does.
        """
        self._tokenize = tokenize
        self._look_up = look_up or _ask
        self._counts = _Counts.of(embeddings)
        self._ids = dict(_try(self._look_up, self._counts.files, tokenize))
        self._in_order = sorted((tokens, name) for name, tokens in self._ids.items())
        self._lost = [pair for pair in self._in_order if self._counts.is_lost(pair[1])]

    @property
    def is_complete(self) -> bool:
        """Return whether the tokenizer, if there is one, has answered for the names."""
        return self._tokenize is None or len(self._ids) == len(self._counts.files)

    def followed_by(
        self, gone: Iterable[KnownEmbedding], came: Iterable[KnownEmbedding]
    ) -> NameChecks:
        """Compare all names after some files have gone and others have come.

        Only their names are looked at. The checks must be complete.
        """
        later = copy(self)
        later._change(_Counts.of(gone), _Counts.of(came))  # noqa: SLF001 - it is one of us
        return later

    def _change(self, gone: _Counts, came: _Counts) -> None:
        """Follow a change, and leave alone what other checks share with these."""
        self._in_order, self._lost = list(self._in_order), list(self._lost)
        names = gone.files | came.files
        self._sort(names, _remove)
        self._counts = self._counts.changed(gone, came)
        self._ids = {**self._ids, **_try(self._look_up, came.files, self._tokenize)}
        for name in names.keys() - self._counts.files.keys():
            self._ids.pop(name, None)
        self._sort(names, insort)

    def _sort(self, names: Iterable[str], sort: Callable[[list[_Pair], _Pair], object]) -> None:
        """Sort names into the list in the order of tokens, or out of it."""
        for name in names:
            if name in self._ids:
                pair = self._ids[name], name
                sort(self._in_order, pair)
                if self._counts.is_lost(name):
                    sort(self._lost, pair)

    def of(self, known: KnownEmbedding) -> Advice:
        """Return the advice on a file's name."""
        if known.is_duplicate and known.n_vectors:
            return Advice((), self._propose(known))
        if not _is_checked(known):
            return NO_ADVICE
        problems = list(self._problems(known.name, self._ids.get(known.name)))
        advice = list(self._advice(known.name))
        if not problems and not advice:
            return NO_ADVICE
        proposal = self._propose(known)
        better = shown(proposal, 255) if proposal else "what you want to type"
        warnings = [f"{problem}rename it to {better}" for problem in problems]
        is_to_rename = problems or escape(known.name) != " ".join(known.name.split())
        return Advice((*warnings, *advice), proposal if is_to_rename else None)

    def _problems(self, name: str, ids: TokenIds | None) -> Iterator[str]:
        """Yield problems that another name would solve, as beginnings of sentences."""
        called = shown(name, 255)
        if is_generic(name):
            yield f"many files have the name {called}: "
        if "#" in name:
            yield "prompts ignore a # and all that follows it: "
        if ids is not None and not ids:
            yield f"the model reads no character of {called}, so no prompt can use it: "
        elif ends_in_mark(name):
            yield "a comma right after it becomes part of it: type a space before the comma, or "
        if not ids:
            return
        if len(ids) == 1 or name.isdecimal():
            every = f'every "{called}" in a prompt becomes this embedding'
            yield f"the model already knows this word: {every}: "
        other = self._same_tokens_as(name, ids)
        if other is not None:
            yield f"the model cannot tell {called} from {other}, and uses only one of them: "

    def _advice(self, name: str) -> Iterator[str]:
        """Yield advice on a name that can stay."""
        written, called = escape(name), shown(name, 255)
        if written != " ".join(name.split()):
            typed = shown(written, 255)
            yield f"prompts read some of its characters as syntax: type it as {typed}"
        longer = self._longer_than(name)
        if longer is not None:
            yield (
                f"the name {longer} begins with this name and cannot be used now: "
                f"a prompt with {longer} uses {called} instead"
            )

    def _same_tokens_as(self, name: str, ids: TokenIds) -> str | None:
        """Return, for people, another name with the same tokens."""
        for other in self._of_ids(ids):
            if other != name and other in self._counts.checked:
                return shown(other, 255)
        return None

    def _of_ids(self, ids: TokenIds) -> Iterator[str]:
        """Yield the names that have some tokens."""
        for number in range(bisect_left(self._in_order, (ids, "")), len(self._in_order)):
            tokens, name = self._in_order[number]
            if tokens != ids:
                return
            yield name

    def _longer_than(self, name: str) -> str | None:
        """Return, for people, a longer name that begins with this one and cannot be used."""
        ids = self._ids.get(name)
        if not ids or name not in self._counts.usable:
            return None
        first = bisect_right(self._lost, ids, key=lambda pair: pair[0])
        tokens, longer = self._lost[first] if first < len(self._lost) else ([], "")
        return shown(longer, 255) if tokens[: len(ids)] == ids else None

    def _propose(self, known: KnownEmbedding) -> str | None:
        """Return a free name like the file's own, its folder's or the one inside."""
        stems = [_plain(wish) for wish in _wishes(known)]
        candidates = (variant.format(stem) for variant in _VARIANTS for stem in stems if stem)
        return next(filter(self._is_free, candidates), None)

    def _is_free(self, name: str) -> bool:
        if fold(name) in self._counts.taken or why_no_filename(name) or escape(name) != name:
            return False
        ids = _try(_ask, [name], self._tokenize).get(name)
        is_twin = ids is not None and any(self._of_ids(ids))
        return not is_twin and not any(self._problems(name, ids))


def _remove(pairs: list[_Pair], pair: _Pair) -> None:
    del pairs[bisect_left(pairs, pair)]


def _wishes(known: KnownEmbedding) -> list[str]:
    """Return possible names for a file, best first."""
    cached = _CACHED.search(f"{known.folder}/")
    folder = cached["model"] if cached else known.folder.rpartition("/")[2]
    folder = "" if _NO_NAME.fullmatch(folder) else folder
    if is_generic(known.name):
        stored = (known.stored_name or "").strip("<>_ ")
        return [stored, folder] if cached or not folder else [folder, stored]
    return [f"{known.name}-{folder}", known.name] if known.is_duplicate else [known.name]


def _plain(wish: str) -> str:
    """Return a name without prompt syntax, and without marks at its ends."""
    text = _NOT_IN_PROPOSALS.sub("-", wish)
    marks = "".join(c for c in set(text) if unicodedata.category(c)[0] in "PSZ")
    return escape(text).strip(marks)
