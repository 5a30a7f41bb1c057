"""The catalogue: search, filter and sort what is in the library, a page at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.texts import read_texts
from lib_embeddings.names import Field, guess_field
from lib_embeddings.prompts.name_checks import Advice
from lib_embeddings.stores.choices import NO_CHOICE, Choice
from lib_embeddings.views.completion import Completer
from lib_embeddings.views.folders import (
    FolderCount,
    count_folders,
    folder_id,
    folder_tree,
    prefix_of,
)
from lib_embeddings.views.lens import Kind, ViewEntry, count_kinds
from lib_embeddings.views.prepared import Prepared, Row
from lib_embeddings.views.query import (
    EVERYTHING,
    SORT_KEYS,
    Filters,
    Order,
    Query,
    Sort,
    families_of,
    letters_of,
    numbers_of,
)
from lib_embeddings.views.view import View, known_of

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


class _Found(NamedTuple):
    """The answer to a question, as `ResultPage` has it, with all rows that passed."""

    rows: list[Row]
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Catalogue:
    """All entries of one generation. What searching and sorting need is prepared once, when asked.

    Attributes:
        choices: what people chose for single entries, by id.
        hashes: returns full path -> SHA-256, as far as they are known.
    """

    generation: int
    prepared: Prepared
    choices: Mapping[str, Choice] = field(default_factory=dict)
    hashes: Callable[[], Mapping[str, str]] = dict

    @property
    def view(self) -> View:
        """The entries as the active model sees them."""
        return self.prepared.view

    def find(self, id: str) -> ViewEntry | None:  # noqa: A002 the word of the API
        """Return the entry with this id, if there is one."""
        row = self.prepared.rows.by_id.get(id)
        return row.seen if row else None

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
        """Tell whether two files are equal; None where nobody has hashed them yet. Opens none."""
        if one.size != other.size:
            return False
        hashes = self.hashes()
        known = [hashes.get(entry.place.full_path) for entry in (one, other)]
        return known[0] == known[1] if all(known) else None

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
        return self._count_folders(chosen)

    def complete(self, text: str, limit: int) -> list[ViewEntry]:
        """Return the embeddings that the end of *text* may become; see `Completer`."""
        return self._completer.complete(text, limit)

    def advice_on(self, seen: ViewEntry) -> Advice:
        """Return what is to be said about an entry's name."""
        return self.prepared.name_checks.of(known_of(seen, self.view.model))

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """The same counts of all entries as `ResultPage` has of some."""
        return self._count(self._rows, self.tally)

    @cached_property
    def tally(self) -> Mapping[Kind, int]:
        """How many entries there are of each kind, but for those that somebody has hidden."""
        hidden = Counter(row.kind for row in self._by_hiding(self._rows, is_hidden=True))
        return self.prepared.rows.tally - hidden

    @cached_property
    def folders(self) -> Mapping[str, FolderCount]:
        """By id, every root, and below it every folder with entries in it or deeper."""
        shown = self._by_hiding(self._rows, is_hidden=False)
        in_folders = self.prepared.rows.in_folders
        counts = self._count_folders(shown, in_folders if shown is self._rows else None)
        tree = folder_tree(self.view.roots, self.prepared.rows.folders, counts)
        return {folder.id: folder for folder in tree}

    @cached_property
    def families(self) -> Mapping[str, int]:
        """By key, how many entries each model family can use; those without any are missing."""
        found = Counter[str]()
        for kind, count in self.tally.items():
            found.update(dict.fromkeys(kind.families, count))
        return found

    @cached_property
    def _root_numbers(self) -> dict[str, int]:
        return {root: number for number, root in enumerate(self.view.roots)}

    @cached_property
    def _favourites(self) -> frozenset[str]:
        return frozenset(id_ for id_, choice in self.choices.items() if choice.favourite)

    @cached_property
    def _hidden(self) -> frozenset[str]:
        return frozenset(id_ for id_, choice in self.choices.items() if choice.hidden)

    @property
    def _rows(self) -> list[Row]:
        """All of them, in the natural order of names."""
        return self.prepared.rows.by_name

    @cached_property
    def _completer(self) -> Completer:
        return Completer(self.view, self._favourites, self._hidden)

    @cached_property
    def _orders(self) -> dict[tuple[Sort, Order], list[Row]]:
        return {}

    def _sorted(self, sort: Sort, order: Order) -> list[Row]:
        if (sort, order) == ("name", "asc"):
            return self._rows
        rows = self._orders.get((sort, order))
        if rows is None:
            key, is_reverse = SORT_KEYS[sort], order == "desc"
            rows = sorted(self._rows, key=lambda row: key(row.seen), reverse=is_reverse)
            self._orders[sort, order] = rows
        return rows

    def _find(self, filters: Filters, sort: Sort, order: Order) -> _Found:
        """Answer a question; the last answer is kept, as pages ask for one part after another."""
        question = filters, sort, order, len(self.hashes())
        found = self._last.get(question)
        if found is None:
            rows = self._sorted(sort, order)
            matching = self._matching(rows, filters)
            chosen = self._chosen(matching, filters)
            is_of_all = matching is rows and filters.folder is None
            counts = self.counts if is_of_all else self._count(_below(filters.folder, matching))
            found = _Found(self._grouped(_below(filters.folder, chosen)), counts)
            self._last.clear()
            self._last[question] = found
        return found

    @cached_property
    def _last(self) -> dict[Hashable, _Found]:
        return {}

    def _count(self, rows: list[Row], tally: Mapping[Kind, int] | None = None) -> Mapping[str, int]:
        """Return what `ResultPage.counts` has, of these rows.

        Args:
            tally: of those that nobody has hidden, where it is known.
        """
        shown, hidden = (self._by_hiding(rows, is_hidden=is_hidden) for is_hidden in (False, True))
        kinds = {
            "favourite": self._favourites_in(shown),
            "hidden": hidden,
            "all": shown,
        }
        grouped = {kind: len(self._grouped(rows)) for kind, rows in kinds.items()}
        if tally is None:
            tally = Counter(row.kind for row in shown)
        return {**count_kinds(tally), **grouped}

    def _count_folders(
        self, rows: list[Row], in_folders: Mapping[str, int] | None = None
    ) -> Mapping[str, int]:
        """Return how many rows are in each folder and below.

        Args:
            in_folders: how many are right in each, where it is known.
        """
        if in_folders is None:
            in_folders = Counter(row.folder for row in rows)
        pairs = ((one.folder, other.folder) for one, other in self._pairs_among(rows))
        return count_folders(in_folders, pairs)

    def _grouped(self, rows: list[Row]) -> list[Row]:
        """Leave out the duplicates of files that are among the rows."""
        left_out = {duplicate.id for duplicate, _ in self._pairs_among(rows)}
        return [row for row in rows if row.id not in left_out] if left_out else rows

    def _pairs_among(self, rows: list[Row]) -> list[tuple[Row, Row]]:
        """Return the duplicates among rows, each with the file that stands for it."""
        if not self.view.used:
            return []
        here = {row.id: row for row in rows}
        pairs = self.view.used.items()
        return [(here[one], here[other]) for one, other in pairs if one in here and other in here]

    def _favourites_in(self, rows: list[Row]) -> list[Row]:
        return [row for row in rows if row.id in self._favourites] if self._favourites else []

    def _by_hiding(self, rows: list[Row], *, is_hidden: bool) -> list[Row]:
        if not self._hidden:
            return [] if is_hidden else rows
        return [row for row in rows if (row.id in self._hidden) is is_hidden]

    def _chosen(self, rows: list[Row], filters: Filters) -> list[Row]:
        """Return the rows with a state and fit that were asked for."""
        rows = self._by_hiding(rows, is_hidden=filters.hidden)
        if filters.state:
            rows = [row for row in rows if row.kind.state in filters.state]
        if filters.fit:
            rows = [row for row in rows if row.kind.fit in filters.fit]
        if filters.favourite:
            rows = self._favourites_in(rows)
        return rows

    def _matching(self, rows: list[Row], filters: Filters) -> list[Row]:
        """Return the rows for a family that have what the query looks for."""
        if filters.family:
            asked = frozenset(filters.family)
            rows = [row for row in rows if not asked.isdisjoint(row.kind.families)]
        query = Query.of(filters.query)
        if query.n_vectors is not None:
            rows = [row for row in rows if query.n_vectors in numbers_of(row.seen)]
        for term in query.wanted:
            rows = self._with(term, rows, True)
        for term in query.unwanted:
            rows = self._with(term, rows, False)
        return rows

    def _with(self, term: str, rows: list[Row], is_wanted: bool) -> list[Row]:
        """Return the rows that have a term in their texts, family or hash; or those that do not."""
        found = self.prepared.rows.with_term(term, letters_of(term)) | self._hashed(term)
        families = families_of(term)
        if families:
            found.update(row for row in rows if not families.isdisjoint(row.kind.families))
        return [row for row in rows if (row in found) is is_wanted]

    def _hashed(self, word: str) -> set[Row]:
        """Return the rows whose hash begins with *word*."""
        if len(word) < _HASH_LENGTH:
            return set()
        paths = {path for path, sha256 in self.hashes().items() if sha256.startswith(word)}
        if not paths:
            return set()
        return {row for row in self._rows if row.seen.entry.place.full_path in paths}


def _below(folder: str | None, rows: list[Row]) -> list[Row]:
    """Return the rows in a folder and below; all where None is asked for."""
    if folder is None:
        return rows
    prefix = prefix_of(folder)
    inside = {each for each in {row.folder for row in rows} if prefix_of(each).startswith(prefix)}
    return [row for row in rows if row.folder in inside]
