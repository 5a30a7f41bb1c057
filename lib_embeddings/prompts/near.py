"""Near misses: names that somebody who mistyped may have meant."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from rapidfuzz.distance import OSA
from rapidfuzz.process import extractOne

from lib_embeddings.limits import LIMITS
from lib_embeddings.names import fold, guess_field
from lib_embeddings.prompts.tokens import Tokenize

# The fewest characters for one slip, and for two. Words of letters alone are near others by chance,
# as *triangles* is near *tangles*; names have digits and marks.
_ONE_SLIP, _TWO_SLIPS = 5, 9
_ONE_SLIP_OF_LETTERS = 6
_TOKENS_OF_WORD = 2

# Divides the words of a name, as capitals do.
_DIVIDERS = dict.fromkeys(map(ord, " _.-"))
# Longer in words than this, or shorter in letters, a name is not looked for in separate words.
_MOST_WORDS_APART, _FEWEST_LETTERS_APART = 8, 6
# Words that describe no picture, except in *negative space*.
_NEGATIVE = frozenset(("negative", "neg"))

_NO_WORD = re.compile(r"[,()\[\]{}<>|:;\"“”!?\\/\n]+")
_EDGES = ".'\u2019-_*~+=#&"


class NearNames:
    """Names, prepared for comparison with words."""

    def __init__(self, names: Iterable[str], tokenize: Tokenize) -> None:
        """Prepare *names*; of names that differ only in letter case, the first counts.

        Args:
            tokenize: identifies ordinary words: they are one token, and nobody mistyped them.
        """
        self._tokenize = tokenize
        self._names: dict[str, str] = {}
        self._together: dict[str, str] = {}
        self._by_third: defaultdict[tuple[int, int, str], list[str]] = defaultdict(list)
        for name in names:
            folded = fold(name)
            if folded not in self._names:
                self._names[folded] = name
                self._together.setdefault(folded.translate(_DIVIDERS), name)
                for place, third in enumerate(_thirds(folded)):
                    self._by_third[len(folded), place, third].append(folded)
        self._nearest: dict[str, str | None] = {}  # of words met before

    def misses(self, texts: Iterable[str], named: Iterable[str]) -> tuple[dict[str, str], bool]:
        """Return words that are nearly a name -> the name; and whether all words were compared.

        Args:
            named: names that the texts are known to use, so their words are no mistakes.
        """
        phrases = [_words(phrase) for text in texts for phrase in _NO_WORD.split(text)]
        words = dict.fromkeys(word for phrase in phrases for word in phrase)
        is_all_compared = self._compare(words)
        meant = {
            fold(word) for name in named for part in _NO_WORD.split(name) for word in _words(part)
        }
        found = dict(pair for phrase in phrases for pair in self.written_apart(phrase))
        for word in words:
            name = self._nearest.get(word)
            if name and fold(word) not in meant:
                found.setdefault(word, name)
        return found, is_all_compared

    def nearest(self, word: str) -> str | None:
        """Return the name that *word* is, except for a slip or two; None if it is a name itself.

        A slip is a character too many, one too few, a wrong one, or two that changed places.
        """
        folded = fold(word)
        slips = _slips(folded)
        if not slips or folded in self._names:
            return None
        names = self._candidates(folded, slips)
        nearest = extractOne(folded, names, scorer=OSA.distance, score_cutoff=slips)
        return self._names[nearest[0]] if nearest else None

    def written_apart(self, words: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield neighbouring words that together are a name, and the name: `bad hands 5`.

        If several begin with the same word, the one with the most words wins.
        """
        pieces = [fold(word).translate(_DIVIDERS) for word in words]
        for first in range(len(words)):
            text = pieces[first]
            longest = None
            for last in range(first + 1, min(first + _MOST_WORDS_APART, len(words))):
                text += pieces[last]
                name = self._together.get(text)
                if name and len(text) >= _FEWEST_LETTERS_APART:
                    apart = words[first : last + 1]
                    if _is_no_phrase(apart, name) and fold(" ".join(apart)) not in self._names:
                        longest = " ".join(apart), name
            if longest:
                yield longest

    def _compare(self, words: Iterable[str]) -> bool:
        """Compare new words with all names; return whether none is left over."""
        if len(self._nearest) > LIMITS.remembered_words:
            self._nearest.clear()
        new = [word for word in words if word not in self._nearest]
        compared = new[: LIMITS.compared_words]
        ids = self._tokenize(compared) if compared else []
        for word, tokens in zip(compared, ids, strict=True):
            name = self.nearest(word) if len(tokens) > 1 else None
            # Words of two tokens are mostly right, like *grayscale* beside a file named
            # *greyscale*.
            is_chance = (
                name and name.isalpha() and word.isalpha() and len(tokens) <= _TOKENS_OF_WORD
            )
            self._nearest[word] = None if is_chance else name
        return len(compared) == len(new)

    def _candidates(self, word: str, slips: int) -> list[str]:
        """Return the names that share a third of their characters with *word*, at the same place.

        After two slips one of three thirds is unchanged, except after a swap across two thirds and
        another slip. The first slip moves the second third by one.
        """
        found: dict[str, None] = {}
        for length in range(len(word) - slips, len(word) + slips + 1):
            first, second = length // 3, 2 * length // 3
            thirds = [(0, word[:first]), (2, word[len(word) - length + second :])]
            thirds += [(1, word[first + by : second + by]) for by in range(1 - slips, slips)]
            for place, third in thirds:
                found.update(dict.fromkeys(self._by_third.get((length, place, third), ())))
        return list(found)


def _thirds(text: str) -> tuple[str, str, str]:
    first, second = len(text) // 3, 2 * len(text) // 3
    return text[:first], text[first:second], text[second:]


def _slips(word: str) -> int:
    """Return how many slips are allowed in a word."""
    if word.isalpha():
        return int(len(word) >= _ONE_SLIP_OF_LETTERS)
    return (len(word) >= _ONE_SLIP) + (len(word) >= _TWO_SLIPS)


def _words(phrase: str) -> list[str]:
    return [word for part in phrase.split() if (word := part.strip(_EDGES))]


def _is_no_phrase(words: Sequence[str], name: str) -> bool:
    """Return whether words are unlikely neighbours by chance, unlike those of *concept art*.

    Two words count with a number after them, or if the name is for the negative prompt, as *easy
    negative* says outright, and *Bad Dream* by its capitals.
    """
    if len(words) > 2 or words[-1][-1:].isdigit():
        return True
    is_named_so = any(fold(word) in _NEGATIVE for word in words)
    is_title = all(word[:1].isupper() for word in words)
    return (is_named_so or is_title) and guess_field(name) == "negative"
