"""Search, filter and sort what is in the library, a page at a time."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple, get_args

from lib_embeddings.entries.fit import FitKind
from lib_embeddings.entries.notes import Field, guess_field, read_texts
from lib_embeddings.entries.snapshot import FittedEntry, State, View
from lib_embeddings.library.choices import NO_CHOICE, Choice
from lib_embeddings.names import as_text, fold, natural_key
from lib_embeddings.prompts.name_checks import NameChecks

Sort = Literal["name", "date", "vectors", "folder", "size"]
Order = Literal["asc", "desc"]
SORTS: tuple[Sort, ...] = get_args(Sort)
ORDERS: tuple[Order, ...] = get_args(Order)

# A word at least this long may also be the beginning of a hash; shorter ones begin too many.
_HASH_LENGTH = 8


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


class Page(NamedTuple):
    """Some of the entries that passed, and how many did."""

    total: int
    entries: Sequence[FittedEntry]


@dataclass(frozen=True, slots=True)
class Folder:
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
    """An entry with all that filters ask of it.

    Attributes:
        place: folder id with a slash around each folder's name, so that prefixes are folders.
    """

    fitted: FittedEntry
    id: str
    state: State
    fit: FitKind | None
    place: str


@dataclass(frozen=True)
class Listing:
    """All entries of one generation. What searching and sorting need is prepared once, when asked.

    Attributes:
        choices: what people chose, by id.
        hashes: returns full path -> SHA-256, as far as they are known by now.
        check_names: compares the names of a view.
    """

    generation: int
    view: View
    choices: Mapping[str, Choice] = field(default_factory=dict)
    hashes: Callable[[], Mapping[str, str]] = dict
    check_names: Callable[[View], NameChecks] = NameChecks

    def find(self, id: str) -> FittedEntry | None:  # noqa: A002 the word of the API
        """Return the entry with this id, if there is one."""
        return self._by_id.get(id)

    def choice_of(self, fitted: FittedEntry) -> Choice:
        """Return what people chose for an entry."""
        return self.choices.get(fitted.id, NO_CHOICE)

    def chosen_field(self, fitted: FittedEntry) -> Field | None:
        """Return the prompt field that somebody chose for an entry, here or in its sidecar."""
        chosen = self.choice_of(fitted).field or read_texts(fitted.entry).field
        return None if chosen == "auto" else chosen

    def field_of(self, fitted: FittedEntry) -> Field:
        """Return the prompt field that an entry's name goes to: the chosen one, else a guess."""
        return self.chosen_field(fitted) or guess_field(fitted.name)

    def folder_of(self, fitted: FittedEntry) -> str:
        """Return the id of the folder an entry lies in."""
        number = self.view.roots.index(fitted.entry.root)
        return f"{number}:{fitted.path.rpartition('/')[0]}"

    def select(
        self,
        filters: Filters = Filters(),
        *,
        sort: Sort = "name",
        order: Order = "asc",
        offset: int = 0,
        limit: int = 100,
    ) -> Page:
        """Return the page of entries that pass."""
        rows = self._pass(self._sorted(sort), filters)
        if order == "desc":
            rows = rows[::-1]
        page = rows[offset : offset + limit]
        return Page(len(rows), [row.fitted for row in page])

    @cached_property
    def name_checks(self) -> NameChecks:
        """What is to be said about names."""
        return self.check_names(self.view)

    @cached_property
    def folders(self) -> tuple[Folder, ...]:
        """Every root, and below it every folder with entries in it or deeper."""
        counts = {f"{number}:": 0 for number in range(len(self.view.roots))}
        for id_, count in Counter(map(self.folder_of, self.view)).items():
            for ancestor in _ancestors(id_):
                counts[ancestor] = counts.get(ancestor, 0) + count
        return tuple(self._folder(id_, counts[id_]) for id_ in sorted(counts, key=_depth_first))

    def _folder(self, id_: str, count: int) -> Folder:
        number, _, path = id_.partition(":")
        root = self.view.roots[int(number)]
        title = os.path.basename(path or root) or root
        return Folder(id_, as_text(title), path.count("/") + 1 if path else 0, count)

    @cached_property
    def _by_id(self) -> dict[str, FittedEntry]:
        return {row.id: row.fitted for row in self._rows}

    @cached_property
    def _rows(self) -> list[_Row]:
        return [
            _Row(fitted, fitted.id, fitted.state, fitted.fit, _place(self.folder_of(fitted)))
            for fitted in self.view
        ]

    @cached_property
    def _texts(self) -> dict[str, str]:
        """By id, everything words are looked for in; apart from rows, as it opens sidecars."""
        return {row.id: _text_of(row.fitted) for row in self._rows}

    @cached_property
    def _orders(self) -> dict[Sort, list[_Row]]:
        return {}

    def _sorted(self, sort: Sort) -> list[_Row]:
        rows = self._orders.get(sort)
        if rows is None:
            key = _SORT_KEYS[sort]
            rows = self._orders[sort] = sorted(self._rows, key=lambda row: key(row.fitted))
        return rows

    def _pass(self, rows: list[_Row], filters: Filters) -> list[_Row]:
        if filters.state:
            rows = [row for row in rows if row.state in filters.state]
        if filters.fit:
            rows = [row for row in rows if row.fit in filters.fit]
        if filters.favourite:
            rows = [row for row in rows if self.choices.get(row.id, NO_CHOICE).favourite]
        if filters.folder is not None:
            place = _place(filters.folder)
            rows = [row for row in rows if row.place.startswith(place)]
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
        return frozenset(row.id for row in self._rows if row.fitted.entry.full_path in paths)


def _place(folder: str) -> str:
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


def _text_of(fitted: FittedEntry) -> str:
    """Return all that words are looked for in, on lines of their own."""
    reading, texts = fitted.entry.reading, read_texts(fitted.entry)
    folder = fitted.path.rpartition("/")[0]
    checkpoint = (reading.metadata.get(key, "") for key in ("sd_checkpoint_name", "sd_checkpoint"))
    parts = (fitted.name, fitted.entry.stored_name or "", folder, *texts[:2], *map(str, checkpoint))
    return fold("\n".join(parts))


def _by_name(fitted: FittedEntry) -> list[int | str]:
    return natural_key(fitted.name)


_SORT_KEYS: dict[Sort, Callable[[FittedEntry], Any]] = {
    "name": _by_name,
    "date": lambda fitted: (fitted.entry.mtime_ns, _by_name(fitted)),
    "vectors": lambda fitted: (fitted.n_vectors, _by_name(fitted)),
    "folder": lambda fitted: [natural_key(name) for name in fitted.path.split("/")],
    "size": lambda fitted: (fitted.entry.bytes, _by_name(fitted)),
}
