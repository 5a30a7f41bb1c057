"""What people type to find embeddings: searches, filters and orders, and completions of a name."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import accumulate
from typing import Any, Literal, NamedTuple, get_args

from lib_embeddings.entries.texts import read_texts
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.limits import LIMITS
from lib_embeddings.names import bare, fold, natural_key
from lib_embeddings.views.lens import FitKind, State, ViewEntry
from lib_embeddings.views.view import View

# What a word may be about, and the mark that begins such a line among an entry's texts: the word
# for it itself is in no text.
_MARKS = {"author": "\x01", "base": "\x02", "tag": "\x03"}
_WORD = re.compile(
    rf"(?P<minus>-(?=\S))?(?:(?P<about>{'|'.join(_MARKS)}):(?=\S))?"
    r'(?:"(?P<phrase>[^"]*)"?|(?<![-:])(?P<number>\d{1,6}) vectors?(?!\S)|(?P<word>\S+))'
)
# So many letters and digits find a name or a family whatever its marks; fewer are in too many.
_LEAST = 3


Sort = Literal["name", "date", "vectors", "folder", "size"]
Order = Literal["asc", "desc"]
SORTS: tuple[Sort, ...] = get_args(Sort)
ORDERS: tuple[Order, ...] = get_args(Order)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which entries to select; the defaults let all pass.

    Attributes:
        query: looked for in all that is known of an entry; `Query.of` parses it.
        folder: id of a folder; its sub-folders are included.
        state: empty means all; likewise *fit* and *family*.
        family: keys of model families that can use it.
        favourite: only favourites.
        hidden: only hidden ones; otherwise these are left out.
    """

    query: str = ""
    folder: str | None = None
    state: tuple[State, ...] = ()
    fit: tuple[FitKind, ...] = ()
    family: tuple[str, ...] = ()
    favourite: bool = False
    hidden: bool = False


EVERYTHING = Filters()


class Query(NamedTuple):
    """The terms that an entry must have, and those that it must not have, in any order.

    Attributes:
        wanted: words and phrases, folded.
        unwanted: likewise.
        n_vectors: the number of vectors for some text encoder; None means any.
    """

    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    n_vectors: int | None = None

    @classmethod
    def of(cls, text: str) -> Query:
        """Parse `words`, `"a phrase"`, `-unwanted`, `8 vectors` and `author:ann`."""
        text = " ".join(fold(text[: LIMITS.query_characters]).split())
        found = list(_WORD.finditer(text))
        numbers = [int(match["number"]) for match in found if match["number"]]
        words = [
            (match["minus"], _marked(match["about"], match["phrase"] or match["word"]))
            for match in found
        ]
        return cls(
            tuple(word for minus, word in words if word and not minus),
            tuple(word for minus, word in words if word and minus),
            numbers[0] if numbers else None,
        )


class SearchTexts(NamedTuple):
    """The texts in which words and phrases are looked for.

    Attributes:
        full: all that people see of an entry and can type, each on its own line, folded.
        bare_name: its name without gaps and marks.
    """

    full: str
    bare_name: str

    @classmethod
    def of(cls, seen: ViewEntry) -> SearchTexts:
        """Return the texts of an entry; opens the files beside it."""
        entry = seen.entry
        notes, description, _, trigger_words, claims = read_texts(entry)
        written = (entry.place.path, entry.stored_name or "", notes, description, trigger_words)
        claimed = (
            *(claims.title, claims.licence),
            *(_marked("author", claims.author), _marked("base", claims.base_model)),
            *(_marked("tag", tag) for tag in claims.tags),
        )
        lines = (*written, *claimed, *map(str, entry.reading.metadata.values()))
        return cls(fold("\n".join(lines)), bare(seen.name))


class Haystack:
    """Many texts joined, in which a term is found much faster than in each of them."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Join texts with line breaks, which no term contains."""
        parts = [f"{text}\n" for text in texts]
        self._text = "".join(parts)
        self._ends = list(accumulate(map(len, parts)))

    def find(self, term: str) -> Iterator[int]:
        """Yield the numbers of the texts that have a term."""
        at = self._text.find(term)
        while at >= 0:
            number = bisect_right(self._ends, at)
            yield number
            at = self._text.find(term, self._ends[number])


def _marked(about: str | None, text: str | None) -> str:
    """Return a text with the mark of its subject, as it is stored and looked for."""
    return _MARKS[about] + text if about and text else text or ""


def letters_of(word: str) -> str:
    """Return the letters that find a name despite other gaps and marks; empty if too few."""
    letters = "" if word[:1] in _MARKS.values() else bare(word)
    return letters if len(letters) >= _LEAST else ""


def families_of(word: str) -> frozenset[str]:
    """Return the keys of the model families that a word means."""
    letters = letters_of(word)
    keys = {key for key in MODEL_FAMILIES if letters and bare(key).startswith(letters)}
    return frozenset({letters} & keys or keys)


def numbers_of(seen: ViewEntry) -> set[int]:
    """Return how many vectors an embedding has for one text encoder or another."""
    return {info.n_vectors for info in seen.entry.reading.vectors.values()}


SORT_KEYS: dict[Sort, Callable[[ViewEntry], Any]] = {
    "name": lambda seen: natural_key(seen.name),
    "date": lambda seen: seen.entry.mtime_ns,
    "vectors": lambda seen: seen.entry.reading.n_vectors,
    "folder": lambda seen: [natural_key(name) for name in seen.entry.place.path.split("/")],
    "size": lambda seen: seen.entry.size,
}


# Completions

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
