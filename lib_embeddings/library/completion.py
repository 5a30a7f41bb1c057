"""Complete what someone types to the names of embeddings, best first."""

from __future__ import annotations

from heapq import nsmallest
from itertools import accumulate

from lib_embeddings.entries.snapshot import FittedEntry
from lib_embeddings.library.search import Listing
from lib_embeddings.names import fold

# No file name is longer.
_LONGEST_NAME = 255

# Without an active model nobody knows, and all are alike.
_HOPEFUL = ("usable", "unknown")

_BEGINS, _WORD_BEGINS, _CONTAINS = range(3)


class Completer:
    """The embeddings of one generation, ready to be looked through at every key."""

    def __init__(self, listing: Listing) -> None:
        self.generation = listing.generation
        self._names = [
            (fold(fitted.name), fitted.fit not in _HOPEFUL, fitted)
            for fitted in listing.select(limit=len(listing.view)).entries
            if fitted.state == "ok"
        ]

    def complete(self, text: str, limit: int) -> list[FittedEntry]:
        """Return the embeddings that the last word of *text* may become.

        Those that the active model can use come first; among them names that begin with the text
        or with its last words, then names with a word that begins with the last word, then names
        that contain it. The more of the text a name begins with, the better; the rest is in natural
        order. Letter case does not matter.
        """
        words = fold(text[-_LONGEST_NAME:]).split()
        if not words:
            return []
        endings = list(accumulate(reversed(words), lambda ending, word: f"{word} {ending}"))
        found = (
            ((is_useless, *_rank(name, endings)), fitted)
            for name, is_useless, fitted in self._names
            if words[-1] in name
        )
        return [fitted for _, fitted in nsmallest(limit, found, key=lambda pair: pair[0])]


def _rank(name: str, endings: list[str]) -> tuple[int, int]:
    """Say how well a name that contains the last word goes on with a text; less is better.

    Args:
        endings: the last word of the text, the last two words, and so on.
    """
    overlap = max((len(ending) for ending in endings if name.startswith(ending)), default=0)
    if overlap:
        return _BEGINS, -overlap
    return (_WORD_BEGINS if _has_word(name, endings[0]) else _CONTAINS), 0


def _has_word(name: str, beginning: str) -> bool:
    """Tell whether a word of *name*, which contains *beginning*, begins with it."""
    at = name.find(beginning)
    while at > 0 and name[at - 1].isalnum():
        at = name.find(beginning, at + 1)
    return at >= 0
