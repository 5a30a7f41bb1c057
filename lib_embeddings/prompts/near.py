"""Names that a word nearly is: what someone who mistyped a name may have meant."""

from __future__ import annotations

from collections.abc import Iterable

from rapidfuzz.distance import OSA
from rapidfuzz.process import extractOne

from lib_embeddings.names import fold

# From how many characters on one slip is believed, and two. Words of letters alone are near others
# by chance, as *triangles* is near *tangles*; digits and marks stand in names.
_ONE_SLIP, _TWO_SLIPS = 5, 9
_ONE_SLIP_OF_LETTERS = 6


class NearNames:
    """Names, ready to be compared with words."""

    def __init__(self, names: Iterable[str]) -> None:
        """Prepare *names*; of those equal but for letter case, the first counts."""
        self._names: dict[str, str] = {}
        for name in names:
            self._names.setdefault(fold(name), name)
        self._by_length: dict[int, list[str]] = {}
        for folded in self._names:
            self._by_length.setdefault(len(folded), []).append(folded)

    def nearest(self, word: str) -> str | None:
        """Return the name that *word* is but for a slip or two; None if it is a name itself.

        A slip is a character too many, too few or wrong, or two that changed places.
        """
        folded = fold(word)
        slips = _slips(folded)
        if not slips or folded in self._names:
            return None
        nearest = None
        for length in range(len(folded) - slips, len(folded) + slips + 1):
            names = self._by_length.get(length, ())
            found = extractOne(folded, names, scorer=OSA.distance, score_cutoff=slips)
            if found and (nearest is None or found[1] < nearest[1]):
                nearest = found
        return self._names[nearest[0]] if nearest else None


def _slips(word: str) -> int:
    """Return how many slips are believed of a word."""
    if word.isalpha():
        return int(len(word) >= _ONE_SLIP_OF_LETTERS)
    return (len(word) >= _ONE_SLIP) + (len(word) >= _TWO_SLIPS)
