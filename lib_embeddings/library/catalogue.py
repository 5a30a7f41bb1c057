"""The catalogue: search, filter and sort what is in the library, a page at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.read import sha256
from lib_embeddings.entries.texts import read_texts
from lib_embeddings.library.choices import NO_CHOICE, Choice
from lib_embeddings.library.completion import Completer
from lib_embeddings.library.folders import (
    FolderCount,
    count_folders,
    folder_id,
    folder_tree,
    prefix_of,
)
from lib_embeddings.library.query import (
    EVERYTHING,
    SORT_KEYS,
    Filters,
    Order,
    Query,
    SearchTexts,
    Sort,
    families_of,
    letters_of,
    numbers_of,
)
from lib_embeddings.library.view import (
    View,
    ViewEntry,
    check_names,
    count_kinds,
    known_of,
)
from lib_embeddings.names import Field, guess_field, natural_key
from lib_embeddings.prompts.name_checks import Advice, NameChecks

# A word at least this long may also be the beginning of a hash; shorter ones begin too many.
_HASH_LENGTH = 8


class ResultPage(NamedTuple):
    """Some of the entries that passed, and how many there are beside them.

    Attributes:
        total: how many passed.
        counts: of what passes the query and the filters of folder and family, how many have each
            state and each fit, are favourites, or are hidden: these are counted as that alone; and
            how many there are in `all`, as they are grouped.
    """

    total: int
    entries: Sequence[ViewEntry]
    counts: Mapping[str, int]


class _Row(NamedTuple):
    """An entry with what filters ask of it and what would be made again for each search.

    Attributes:
        folder: the id of the folder that it lies in.
        prefix: the same with a slash around each folder's name, so that prefixes are folders.
    """

    seen: ViewEntry
    id: str
    folder: str
    prefix: str


class _Found(NamedTuple):
    """The answer to a question, as `ResultPage` has it, with all rows that passed."""

    rows: list[_Row]
    counts: Mapping[str, int]


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

    def chosen_field_of(self, seen: ViewEntry) -> Field | None:
        """Return the prompt field that a person chose for an embedding, here or in its sidecar."""
        choice = self.choice_of(seen).field
        return None if choice == "auto" else choice or read_texts(seen.entry).field

    def field_of(self, seen: ViewEntry) -> Field:
        """Return the prompt field that an embedding's name goes into, if need be by a guess."""
        chosen = self.chosen_field_of(seen)
        return chosen or read_texts(seen.entry).claims.field or guess_field(seen.name)

    def folder_of(self, seen: ViewEntry) -> str:
        """Return the id of the folder an entry lies in."""
        place = seen.entry.place
        return folder_id(self._root_numbers[place.root], place.folder)

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
        filters: Filters = EVERYTHING,
        *,
        sort: Sort = "name",
        order: Order = "asc",
        offset: int = 0,
        limit: int = 100,
    ) -> ResultPage:
        """Return the page of entries that pass. Equals are sorted by name in either order.

        Where a file passes, the duplicates of it that pass too are left out: it stands for them.
        """
        rows, counts = self._find(filters, sort, order)
        page = [row.seen for row in rows[offset : offset + limit]]
        return ResultPage(len(rows), page, counts)

    def found_in_folders(self, filters: Filters) -> Mapping[str, int]:
        """Return how many of what passes all filters but that of folders are in each folder.

        By its id, with what lies below it; those without any are missing.
        """
        chosen = self._chosen(self._matching(self._rows, filters), filters)
        folders = {row.id: row.folder for row in chosen}
        pairs = ((folders[id_], folders[used]) for id_, used in self._grouped_in(folders))
        return count_folders(folders.values(), pairs)

    def complete(self, text: str, limit: int) -> list[ViewEntry]:
        """Return the embeddings that the end of *text* may become; see `Completer`."""
        return self._completer.complete(text, limit)

    def advice_on(self, seen: ViewEntry) -> Advice:
        """Return what is to be said about an entry's name."""
        return self._name_checks.of(known_of(seen, self.view.model))

    @cached_property
    def _name_checks(self) -> NameChecks:
        return self.check_names(self.view)

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """The same counts of all entries as `ResultPage` has of some."""
        return self._count(self._rows)

    @cached_property
    def shown(self) -> list[ViewEntry]:
        """All entries but those that somebody has hidden: what every count is of."""
        return [row.seen for row in self._by_hiding(self._rows, is_hidden=False)]

    @cached_property
    def folders(self) -> Mapping[str, FolderCount]:
        """By id, every root, and below it every folder with entries in it or deeper."""
        counts = self.found_in_folders(EVERYTHING)
        tree = folder_tree(self.view.roots, (row.folder for row in self._rows), counts)
        return {folder.id: folder for folder in tree}

    @cached_property
    def families(self) -> Mapping[str, int]:
        """By key, how many entries each model family can use; those without any are missing."""
        return Counter(key for seen in self.shown for key in seen.families)

    @cached_property
    def _root_numbers(self) -> dict[str, int]:
        return {root: number for number, root in enumerate(self.view.roots)}

    @cached_property
    def _favourites(self) -> frozenset[str]:
        return frozenset(id_ for id_, choice in self.choices.items() if choice.favourite)

    @cached_property
    def _hidden(self) -> frozenset[str]:
        return frozenset(id_ for id_, choice in self.choices.items() if choice.hidden)

    @cached_property
    def _by_id(self) -> dict[str, ViewEntry]:
        return {row.id: row.seen for row in self._rows}

    @cached_property
    def _rows(self) -> list[_Row]:
        return [
            _Row(seen, seen.entry.place.id, folder, prefix_of(folder))
            for seen, folder in ((seen, self.folder_of(seen)) for seen in self.view)
        ]

    @cached_property
    def _completer(self) -> Completer:
        return Completer(self.view, self._favourites, self._hidden)

    @cached_property
    def _texts(self) -> dict[str, SearchTexts]:
        """By id, everything words are looked for in; apart from rows, as it opens sidecars."""
        return {row.id: SearchTexts.of(row.seen) for row in self._rows}

    @cached_property
    def _families(self) -> dict[str, frozenset[str]]:
        """By id, the keys of the families that can use an embedding."""
        return {row.id: frozenset(row.seen.families) for row in self._rows}

    @cached_property
    def _orders(self) -> dict[tuple[Sort, Order], list[_Row]]:
        return {}

    @cached_property
    def _by_name(self) -> list[_Row]:
        return sorted(self._rows, key=lambda row: natural_key(row.seen.name))

    def _sorted(self, sort: Sort, order: Order) -> list[_Row]:
        if (sort, order) == ("name", "asc"):
            return self._by_name
        rows = self._orders.get((sort, order))
        if rows is None:
            key, is_reverse = SORT_KEYS[sort], order == "desc"
            rows = sorted(self._by_name, key=lambda row: key(row.seen), reverse=is_reverse)
            self._orders[sort, order] = rows
        return rows

    def _find(self, filters: Filters, sort: Sort, order: Order) -> _Found:
        """Answer a question; the last answer is kept, as pages ask for one part after another."""
        question = filters, sort, order, len(self.hashes())
        found = self._last.get(question)
        if found is None:
            matching = self._matching(self._sorted(sort, order), filters)
            chosen = self._chosen(matching, filters)
            counts = self._count(_below(filters.folder, matching))
            found = _Found(self._grouped(_below(filters.folder, chosen)), counts)
            self._last.clear()
            self._last[question] = found
        return found

    @cached_property
    def _last(self) -> dict[Hashable, _Found]:
        return {}

    def _count(self, rows: list[_Row]) -> Mapping[str, int]:
        """Return what `ResultPage.counts` has, of these rows."""
        shown, hidden = (self._by_hiding(rows, is_hidden=is_hidden) for is_hidden in (False, True))
        kinds = {
            "favourite": [row for row in shown if row.id in self._favourites],
            "hidden": hidden,
            "all": shown,
        }
        grouped = {kind: len(self._grouped(rows)) for kind, rows in kinds.items()}
        return {**count_kinds([row.seen for row in shown]), **grouped}

    def _grouped(self, rows: list[_Row]) -> list[_Row]:
        """Leave out the duplicates of files that are among the rows."""
        if not self.view.used:
            return rows
        left_out = {id_ for id_, _ in self._grouped_in({row.id for row in rows})}
        return [row for row in rows if row.id not in left_out]

    def _grouped_in(self, ids: Collection[str]) -> Iterator[tuple[str, str]]:
        """Yield the ids of duplicates and of the used files that stand for them."""
        return (pair for pair in self.view.used.items() if pair[0] in ids and pair[1] in ids)

    def _by_hiding(self, rows: list[_Row], *, is_hidden: bool) -> list[_Row]:
        return [row for row in rows if (row.id in self._hidden) is is_hidden]

    def _chosen(self, rows: list[_Row], filters: Filters) -> list[_Row]:
        """Return the rows with a state and fit that were asked for."""
        rows = self._by_hiding(rows, is_hidden=filters.hidden)
        if filters.state:
            rows = [row for row in rows if row.seen.state in filters.state]
        if filters.fit:
            rows = [row for row in rows if row.seen.fit in filters.fit]
        if filters.favourite:
            rows = [row for row in rows if row.id in self._favourites]
        return rows

    def _matching(self, rows: list[_Row], filters: Filters) -> list[_Row]:
        """Return the rows for a family that have what the query looks for."""
        if filters.family:
            asked = frozenset(filters.family)
            rows = [row for row in rows if not asked.isdisjoint(self._families[row.id])]
        query = Query.of(filters.query)
        if query.n_vectors is not None:
            rows = [row for row in rows if query.n_vectors in numbers_of(row.seen)]
        for term in query.wanted:
            rows = self._with(term, rows, True)
        for term in query.unwanted:
            rows = self._with(term, rows, False)
        return rows

    def _with(self, term: str, rows: list[_Row], is_wanted: bool) -> list[_Row]:
        """Return the rows that have a term in their texts, family or hash; or those that do not."""
        texts, letters, others = self._texts, letters_of(term), self._hashed(term)
        families = families_of(term)
        if families:
            found = (id_ for id_, keys in self._families.items() if not families.isdisjoint(keys))
            others = others.union(found)
        return [
            row
            for row in rows
            if (texts[row.id].have(term, letters) or row.id in others) is is_wanted
        ]

    def _hashed(self, word: str) -> frozenset[str]:
        """Return ids of the entries whose hash begins with *word*."""
        if len(word) < _HASH_LENGTH:
            return frozenset()
        paths = {path for path, sha256 in self.hashes().items() if sha256.startswith(word)}
        if not paths:
            return frozenset()
        return frozenset(row.id for row in self._rows if row.seen.entry.place.full_path in paths)


def _below(folder: str | None, rows: list[_Row]) -> list[_Row]:
    """Return the rows in a folder and below; all where None is asked for."""
    if folder is None:
        return rows
    prefix = prefix_of(folder)
    return [row for row in rows if row.prefix.startswith(prefix)]
