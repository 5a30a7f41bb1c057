"""Completions: the names that a text may become while someone types it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from heapq import nsmallest
from itertools import accumulate
from typing import NamedTuple

from lib_embeddings.limits import LIMITS
from lib_embeddings.names import bare, fold, natural_key
from lib_embeddings.views.lens import ViewEntry
from lib_embeddings.views.view import View

_BEGINS, _WORD_BEGINS, _CONTAINS = range(3)


class _Name(NamedTuple):
    """A name that prompts can hold, folded, with its sort keys."""

    name: str
    bare_name: str
    is_useless: bool
    is_favourite: bool
    seen: ViewEntry


class Completer:
    """The names of one generation."""

    def __init__(self, view: View, favourites: Collection[str], hidden: Collection[str]) -> None:
        """Prepare the names.

        Args:
            favourites: ids.
            hidden: ids of entries that are not offered.
        """
        named = sorted(view.named.items(), key=lambda pair: natural_key(pair[1].name))
        self._names = [
            _Name(
                name,
                bare(name),
                not seen.may_be_used,
                bool(favourites) and seen.entry.place.id in favourites,
                seen,
            )
            for name, seen in named
            if not hidden or seen.entry.place.id not in hidden
        ]

    def complete(self, text: str, limit: int, recent: Sequence[str] = ()) -> list[ViewEntry]:
        """Return the embeddings that the last word of *text* may become, each name once.

        Those that the active model can use come first; among them names that begin with the text or
        its last words, ignoring gaps and marks, then names with a word that begins with the last
        word, then names that contain it. The more of the text a name begins with, the better; then
        come favourites and *recent* names, and the rest is in natural order. Letter case does not
        matter.
        """
        words = fold(text[-LIMITS.filename_bytes :]).split()
        if not words:
            return []
        endings = list(accumulate(reversed(words), lambda ending, word: f"{word} {ending}"))
        beginnings = tuple(filter(None, map(bare, endings)))
        ages = {fold(name): age for age, name in enumerate(recent)}

        def rank(known: _Name) -> tuple[object, ...]:
            age = ages.get(known.name, len(ages))
            match = _match(known, endings, beginnings)
            return known.is_useless, *match, not known.is_favourite, age

        found = (
            (rank(known), known)
            for known in self._names
            if words[-1] in known.name or known.bare_name.startswith(beginnings)
        )
        return [known.seen for _, known in nsmallest(limit, found, key=lambda pair: pair[0])]


def _match(known: _Name, endings: Sequence[str], beginnings: Sequence[str]) -> tuple[int, int]:
    """Return how well a name continues a text; less is better.

    Args:
        endings: the last word of the text, the last two words, and so on.
        beginnings: the same without gaps and marks.
    """
    overlaps = (
        *(len(ending) for ending in endings if known.name.startswith(ending)),
        *(len(each) for each in beginnings if known.bare_name.startswith(each)),
    )
    if overlaps:
        return _BEGINS, -max(overlaps)
    return (_WORD_BEGINS if _has_word(known.name, endings[0]) else _CONTAINS), 0


def _has_word(name: str, beginning: str) -> bool:
    """Return whether a word of *name*, which contains *beginning*, begins with it."""
    at = name.find(beginning)
    while at > 0 and name[at - 1].isalnum():
        at = name.find(beginning, at + 1)
    return at >= 0
