"""Which name stands at a place in a list of tokens, as AUTOMATIC1111's WebUI decides it.

Names and prompts are compared by their token ids, so letter case and the words around do not
matter. Of several names that match, the longest is taken; of equal ones, the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Match(NamedTuple):
    """A name, and how many tokens of the prompt it is."""

    name: str
    n_tokens: int


class Matcher:
    """Names, ready to be found."""

    def __init__(self, ids: Mapping[str, Sequence[int]]) -> None:
        """Prepare names, the first registered first; one without tokens is never found."""
        self._names: dict[tuple[int, ...], str] = {}
        lengths: dict[int, set[int]] = {}
        for name, tokens in ids.items():
            if tokens:
                self._names.setdefault(tuple(tokens), name)
                lengths.setdefault(tokens[0], set()).add(len(tokens))
        self._lengths = {first: sorted(known, reverse=True) for first, known in lengths.items()}

    def at(self, tokens: Sequence[int], position: int) -> Match | None:
        """Return the longest name that begins at *position*."""
        for length in self._lengths.get(tokens[position], ()):
            found = tuple(tokens[position : position + length])
            if found in self._names:
                return Match(self._names[found], len(found))
        return None
