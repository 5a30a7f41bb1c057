"""Search, filter, sort and complete what is in the library, a page at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from heapq import nsmallest
from itertools import accumulate
from typing import Any, Literal, NamedTuple, get_args

from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.notes import read_texts
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.read import sha256
from lib_embeddings.library.choices import NO_CHOICE, Choice
from lib_embeddings.library.fit import FitKind
from lib_embeddings.library.known import check_names, known_of
from lib_embeddings.library.view import State, View, ViewEntry
from lib_embeddings.names import fold, natural_key
from lib_embeddings.prompts.name_checks import Advice, NameChecks

Sort = Literal["name", "date", "vectors", "folder", "size"]
Order = Literal["asc", "desc"]
SORTS: tuple[Sort, ...] = get_args(Sort)
ORDERS: tuple[Order, ...] = get_args(Order)

# A word at least this long may also be the beginning of a hash; shorter ones begin too many.
_HASH_LENGTH = 8
# No file name is longer.
_LONGEST_NAME = 255
# Without an active model nobody knows, and all are alike.
_HOPEFUL = ("usable", "unknown")

_BEGINS, _WORD_BEGINS, _CONTAINS = range(3)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which entries to select; the defaults let all pass.

    Attributes:
        query: words in any order, each found somewhere in what is known of the entry.
        folder: id of a folder; its sub-folders are included.
        state: no state means all, and so for *fit*.
        favourite: only favourites.
    """

    query: str = ""
    folder: str | None = None
    state: Collection[State] = ()
    fit: Collection[FitKind] = ()
    favourite: bool = False


class ResultPage(NamedTuple):
    """Some of the entries that passed, and how many did."""

    total: int
    entries: Sequence[ViewEntry]


@dataclass(frozen=True, slots=True)
class FolderCount:
    """A folder with entries in it or below.

    Attributes:
        id: the number of its root, a colon, and its path in it.
        depth: 0 for a root.
        count: of the entries in it and below.
    """

    id: str
    title: str
    depth: int
    count: int


class _Row(NamedTuple):
    """An entry with what filters ask of it and what would be made again for each search.

    Attributes:
        prefix: folder id with a slash around each folder's name, so that prefixes are folders.
    """

    seen: ViewEntry
    id: str
    prefix: str


def _sha256_of(entry: Entry) -> str:
    return sha256(entry.place.full_path)


@dataclass(frozen=True)
class Catalogue:
    """All entries of one generation. What searching and sorting need is prepared once, when asked.

    Attributes:
        choices: what people chose for single entries, by id.
        check_names: compares the names of a view.
        hashes: returns full path -> SHA-256, as far as they are known by now.
        sha256: returns the SHA-256 of an entry's file. Raises `OSError`.
    """

    generation: int
    view: View
    choices: Mapping[str, Choice] = field(default_factory=dict)
    check_names: Callable[[View], NameChecks] = check_names
    hashes: Callable[[], Mapping[str, str]] = dict
    sha256: Callable[[Entry], str] = _sha256_of

    def find(self, id: str) -> ViewEntry | None:  # noqa: A002 the word of the API
        """Return the entry with this id, if there is one."""
        return self._by_id.get(id)

    def choice_of(self, seen: ViewEntry) -> Choice:
        """Return what people chose for an entry."""
        return self.choices.get(seen.entry.place.id, NO_CHOICE) if self.choices else NO_CHOICE

    def folder_of(self, seen: ViewEntry) -> str:
        """Return the id of the folder an entry lies in."""
        place = seen.entry.place
        return f"{self._root_numbers[place.root]}:{place.folder}"

    def has_same_bytes(self, one: Entry, other: Entry) -> bool | None:
        """Tell whether two files are equal; None where one of them cannot be read now."""
        if one.size != other.size:
            return False
        try:
            return self.sha256(one) == self.sha256(other)
        except OSError:
            return None

    def select(
        self,
        filters: Filters = Filters(),
        *,
        sort: Sort = "name",
        order: Order = "asc",
        offset: int = 0,
        limit: int = 100,
    ) -> ResultPage:
        """Return the page of entries that pass."""
        rows = self._pass(self._sorted(sort), filters)
        if order == "desc":
            rows = rows[::-1]
        page = rows[offset : offset + limit]
        return ResultPage(len(rows), [row.seen for row in page])

    def complete(self, text: str, limit: int) -> list[ViewEntry]:
        """Return the embeddings that the last word of *text* may become, each name once.

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
            ((is_useless, *_match(name, endings)), seen)
            for name, is_useless, seen in self._names
            if words[-1] in name
        )
        return [seen for _, seen in nsmallest(limit, found, key=lambda pair: pair[0])]

    def advice_on(self, seen: ViewEntry) -> Advice:
        """Return what is to be said about an entry's name."""
        return self._name_checks.of(known_of(seen))

    @cached_property
    def _name_checks(self) -> NameChecks:
        return self.check_names(self.view)

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """How many entries have each state and each fit, and how many are favourites."""
        favourites = sum(row.id in self._favourites for row in self._rows)
        return {**self.view.counts, "favourite": favourites}

    @cached_property
    def folders(self) -> tuple[FolderCount, ...]:
        """Every root, and below it every folder with entries in it or deeper."""
        counts = {f"{number}:": 0 for number in range(len(self.view.roots))}
        for id_, count in Counter(map(self.folder_of, self.view)).items():
            for ancestor in _ancestors(id_):
                counts[ancestor] = counts.get(ancestor, 0) + count
        return tuple(self._folder(id_, counts[id_]) for id_ in sorted(counts, key=_depth_first))

    def _folder(self, id_: str, count: int) -> FolderCount:
        number, _, path = id_.partition(":")
        root = self.view.roots[int(number)]
        title = path.rpartition("/")[2] or Place.of_root(root).filename or root
        return FolderCount(id_, title, path.count("/") + 1 if path else 0, count)

    @cached_property
    def _root_numbers(self) -> dict[str, int]:
        return {root: number for number, root in enumerate(self.view.roots)}

    @cached_property
    def _favourites(self) -> frozenset[str]:
        return frozenset(id_ for id_, choice in self.choices.items() if choice.favourite)

    @cached_property
    def _by_id(self) -> dict[str, ViewEntry]:
        return {row.id: row.seen for row in self._rows}

    @cached_property
    def _rows(self) -> list[_Row]:
        return [
            _Row(seen, seen.entry.place.id, _prefix(self.folder_of(seen))) for seen in self.view
        ]

    @cached_property
    def _names(self) -> list[tuple[str, bool, ViewEntry]]:
        """In natural order, the names that prompts can hold; each with what it means."""
        named = sorted(self.view.named.items(), key=lambda pair: natural_key(pair[1].name))
        return [(name, seen.fit not in _HOPEFUL, seen) for name, seen in named]

    @cached_property
    def _texts(self) -> dict[str, str]:
        """By id, everything words are looked for in; apart from rows, as it opens sidecars."""
        return {row.id: _text_of(row.seen) for row in self._rows}

    @cached_property
    def _orders(self) -> dict[Sort, list[_Row]]:
        return {}

    def _sorted(self, sort: Sort) -> list[_Row]:
        rows = self._orders.get(sort)
        if rows is None:
            key = _SORT_KEYS[sort]
            rows = self._orders[sort] = sorted(self._rows, key=lambda row: key(row.seen))
        return rows

    def _pass(self, rows: list[_Row], filters: Filters) -> list[_Row]:
        if filters.state:
            rows = [row for row in rows if row.seen.state in filters.state]
        if filters.fit:
            rows = [row for row in rows if row.seen.fit in filters.fit]
        if filters.favourite:
            rows = [row for row in rows if row.id in self._favourites]
        if filters.folder is not None:
            prefix = _prefix(filters.folder)
            rows = [row for row in rows if row.prefix.startswith(prefix)]
        for word in fold(filters.query).split():
            texts, hashed = self._texts, self._hashed(word)
            rows = [row for row in rows if word in texts[row.id] or row.id in hashed]
        return rows

    def _hashed(self, word: str) -> frozenset[str]:
        """Return ids of the entries whose hash begins with *word*."""
        if len(word) < _HASH_LENGTH:
            return frozenset()
        paths = {path for path, sha256 in self.hashes().items() if sha256.startswith(word)}
        if not paths:
            return frozenset()
        return frozenset(row.id for row in self._rows if row.seen.entry.place.full_path in paths)


def _prefix(folder: str) -> str:
    number, _, path = folder.partition(":")
    return f"{number}:/{path}/" if path else f"{number}:/"


def _ancestors(folder: str) -> Iterator[str]:
    """Yield the root that a folder lies in, the folders between, and itself."""
    number, _, path = folder.partition(":")
    parts = path.split("/") if path else []
    return (f"{number}:{'/'.join(parts[:count])}" for count in range(len(parts) + 1))


def _depth_first(folder: str) -> tuple[int, list[list[int | str]]]:
    number, _, path = folder.partition(":")
    return int(number), [natural_key(name) for name in path.split("/")]


def _text_of(seen: ViewEntry) -> str:
    """Return all that words are looked for in, on lines of their own."""
    entry = seen.entry
    reading, texts = entry.reading, read_texts(entry)
    checkpoint = (reading.metadata.get(key, "") for key in ("sd_checkpoint_name", "sd_checkpoint"))
    stored, folder = reading.stored_name or "", entry.place.folder
    parts = (seen.name, stored, folder, *texts[:2], *map(str, checkpoint))
    return fold("\n".join(parts))


def _by_name(seen: ViewEntry) -> list[int | str]:
    return natural_key(seen.name)


_SORT_KEYS: dict[Sort, Callable[[ViewEntry], Any]] = {
    "name": _by_name,
    "date": lambda seen: (seen.entry.mtime_ns, _by_name(seen)),
    "vectors": lambda seen: (seen.entry.reading.n_vectors, _by_name(seen)),
    "folder": lambda seen: [natural_key(name) for name in seen.entry.place.path.split("/")],
    "size": lambda seen: (seen.entry.size, _by_name(seen)),
}


# Completion


def _match(name: str, endings: list[str]) -> tuple[int, int]:
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
