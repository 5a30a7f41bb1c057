"""Names that words nearly are: what someone who mistyped a name may have meant."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from rapidfuzz.distance import OSA
from rapidfuzz.process import extractOne

from lib_embeddings.limits import LIMITS
from lib_embeddings.names import fold
from lib_embeddings.prompt_fields import guess_field
from lib_embeddings.prompts.tokenizer import Tokenize

# From how many characters on one slip is believed, and two. Words of letters alone are near others
# by chance, as *triangles* is near *tangles*; names have digits and marks.
_ONE_SLIP, _TWO_SLIPS = 5, 9
_ONE_SLIP_OF_LETTERS = 6
_TOKENS_OF_WORD = 2

# What divides the words of a name, besides capitals.
_DIVIDERS = dict.fromkeys(map(ord, " _.-"))
# Names of more words, or shorter ones, are not looked for in words apart.
_MOST_WORDS_APART, _FEWEST_LETTERS_APART = 8, 6
# What no picture is described with, but for a *negative space*.
_NEGATIVE = frozenset(("negative", "neg"))

_NO_WORD = re.compile(r"[,()\[\]{}<>|:;\"“”!?\\/\n]+")
_EDGES = ".'\u2019-_*~+=#&"


class NearNames:
    """Names, ready to be compared with words."""

    def __init__(self, names: Iterable[str], tokenize: Tokenize) -> None:
        """Prepare *names*; of those equal but for letter case, the first counts.

        Args:
            tokenize: tells the ordinary words, which are one token, and which nobody mistyped.
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
            named: what the texts are known to name, so that its words are not mistakes.
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
        """Return the name that *word* is but for a slip or two; None if it is a name itself.

        A slip is a character too many, too few or wrong, or two that changed places.
        """
        folded = fold(word)
        slips = _slips(folded)
        if not slips or folded in self._names:
            return None
        names = self._candidates(folded, slips)
        nearest = extractOne(folded, names, scorer=OSA.distance, score_cutoff=slips)
        return self._names[nearest[0]] if nearest else None

    def written_apart(self, words: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield neighbouring words that are a name written apart, and the name: `bad hands 5`.

        Of those that begin with the same word it is the most words.
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
        """Compare words that are new with all names; tell whether none is left over."""
        if len(self._nearest) > LIMITS.remembered_words:
            self._nearest.clear()
        new = [word for word in words if word not in self._nearest]
        compared = new[: LIMITS.compared_words]
        ids = self._tokenize(compared) if compared else []
        for word, tokens in zip(compared, ids, strict=True):
            name = self.nearest(word) if len(tokens) > 1 else None
            # Words of two tokens are mostly right, as *grayscale* beside a file called *greyscale*.
            is_chance = (
                name and name.isalpha() and word.isalpha() and len(tokens) <= _TOKENS_OF_WORD
            )
            self._nearest[word] = None if is_chance else name
        return len(compared) == len(new)

    def _candidates(self, word: str, slips: int) -> list[str]:
        """Return the names that have a third of their characters where *word* has them.

        One of three thirds is as it was after two slips, but for a swap between two of them beside
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
    """Return how many slips are believed of a word."""
    if word.isalpha():
        return int(len(word) >= _ONE_SLIP_OF_LETTERS)
    return (len(word) >= _ONE_SLIP) + (len(word) >= _TWO_SLIPS)


def _words(phrase: str) -> list[str]:
    return [word for part in phrase.split() if (word := part.strip(_EDGES))]


def _is_no_phrase(words: Sequence[str], name: str) -> bool:
    """Tell whether words are hardly beside each other by chance, as those of *concept art* are.

    Two words are believed with a number after them, or where the name is one for the negative
    prompt, as *easy negative* says itself, and *Bad Dream* by its capitals.
    """
    if len(words) > 2 or words[-1][-1:].isdigit():
        return True
    is_named_so = any(fold(word) in _NEGATIVE for word in words)
    is_title = all(word[:1].isupper() for word in words)
    return (is_named_so or is_title) and guess_field(name) == "negative"
