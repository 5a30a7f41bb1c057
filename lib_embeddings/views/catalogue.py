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
from lib_embeddings.views.folders import (
    FolderCount,
    count_folders,
    folder_id,
    folder_tree,
    prefix_of,
)
from lib_embeddings.views.lens import Kind, ViewEntry, count_kinds
from lib_embeddings.views.prepared import Candidate, Prepared
from lib_embeddings.views.search import (
    EVERYTHING,
    SORT_KEYS,
    Completer,
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
    """A part of the entries that passed, with counts of all.

    Attributes:
        total: how many passed.
        counts: of the entries that pass the query and the filters of folder and family, how many
            have each state and each fit, are favourites, or are hidden (which count as nothing
            else); and `all`: how many there are in groups.
    """

    total: int
    entries: Sequence[ViewEntry]
    counts: Mapping[str, int]


class _Found(NamedTuple):
    """The answer to a question, as `ResultPage` has it, with all candidates that passed."""

    candidates: list[Candidate]
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Catalogue:
    """All entries of one generation. What searching and sorting need is prepared once, when asked.

    Attributes:
        choices: what people chose for single entries, by id.
        hashes: returns full path -> SHA-256, for those that are known.
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
        each = self.prepared.candidates.by_id.get(id)
        return each.seen if each else None

    def choice_of(self, seen: ViewEntry) -> Choice:
        """Return people's choices for an entry."""
        return self.choices.get(seen.entry.place.id, NO_CHOICE) if self.choices else NO_CHOICE

    def chosen_field_of(self, seen: ViewEntry) -> Field | None:
        """Return the prompt field that a person chose for an embedding, here or in its sidecar."""
        choice = self.choice_of(seen).field
        return None if choice == "auto" else choice or read_texts(seen.entry).field

    def field_of(self, seen: ViewEntry) -> Field:
        """Return the prompt field for an embedding's name, if need be a guess."""
        chosen = self.chosen_field_of(seen)
        return chosen or read_texts(seen.entry).claims.field or guess_field(seen.name)

    def folder_of(self, seen: ViewEntry) -> str:
        """Return the id of the folder that an entry lies in."""
        place = seen.entry.place
        return folder_id(self._root_numbers[place.root], place.folder)

    def has_same_bytes(self, one: Entry, other: Entry) -> bool | None:
        """Return whether two files are equal; None until both are hashed. Opens none."""
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
        """Return a page of the entries that pass. Equals are sorted by name in either order.

        A file that passes stands for its duplicates, so these are left out.
        """
        candidates, counts = self._find(filters, sort, order)
        page = [each.seen for each in candidates[offset : offset + limit]]
        return ResultPage(len(candidates), page, counts)

    def found_in_folders(self, filters: Filters) -> Mapping[str, int]:
        """Return how many of the entries that pass all filters but the folder's are in each folder.

        By its id, sub-folders included; folders without any are missing.
        """
        chosen = self._chosen(self._matching(self._candidates, filters), filters)
        return self._count_folders(chosen)

    def complete(self, text: str, limit: int, recent: Sequence[str] = ()) -> list[ViewEntry]:
        """Return completions of the end of *text*; see `Completer`."""
        return self._completer.complete(text, limit, recent)

    def advice_on(self, seen: ViewEntry) -> Advice:
        """Return the advice on an entry's name."""
        return self.prepared.name_checks.of(known_of(seen, self.view.model))

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """The counts that `ResultPage` has, of all entries."""
        return self._count(self._candidates, self.tally)

    @cached_property
    def tally(self) -> Mapping[Kind, int]:
        """How many entries there are of each kind, without hidden ones."""
        hidden = Counter(each.kind for each in self._by_hiding(self._candidates, is_hidden=True))
        return self.prepared.candidates.tally - hidden

    @cached_property
    def folders(self) -> Mapping[str, FolderCount]:
        """By id, every root, and below it every folder with entries in it or deeper."""
        shown = self._by_hiding(self._candidates, is_hidden=False)
        in_folders = self.prepared.candidates.in_folders
        counts = self._count_folders(shown, in_folders if shown is self._candidates else None)
        tree = folder_tree(self.view.roots, self.prepared.candidates.folders, counts)
        return {folder.id: folder for folder in tree}

    @cached_property
    def families(self) -> Mapping[str, int]:
        """By key, how many entries each model family can use; families without any are missing."""
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
    def _candidates(self) -> list[Candidate]:
        """All candidates, in the natural order of names."""
        return self.prepared.candidates.by_name

    @cached_property
    def _completer(self) -> Completer:
        return Completer(self.view, self._favourites, self._hidden)

    @cached_property
    def _orders(self) -> dict[tuple[Sort, Order], list[Candidate]]:
        return {}

    def _sorted(self, sort: Sort, order: Order) -> list[Candidate]:
        if (sort, order) == ("name", "asc"):
            return self._candidates
        candidates = self._orders.get((sort, order))
        if candidates is None:
            key, is_reverse = SORT_KEYS[sort], order == "desc"
            candidates = sorted(
                self._candidates, key=lambda each: key(each.seen), reverse=is_reverse
            )
            self._orders[sort, order] = candidates
        return candidates

    def _find(self, filters: Filters, sort: Sort, order: Order) -> _Found:
        """Answer a question; the last answer is kept, as pages ask for it part by part."""
        question = filters, sort, order, len(self.hashes())
        found = self._last.get(question)
        if found is None:
            candidates = self._sorted(sort, order)
            matching = self._matching(candidates, filters)
            chosen = self._chosen(matching, filters)
            is_of_all = matching is candidates and filters.folder is None
            counts = self.counts if is_of_all else self._count(_below(filters.folder, matching))
            found = _Found(self._grouped(_below(filters.folder, chosen)), counts)
            self._last.clear()
            self._last[question] = found
        return found

    @cached_property
    def _last(self) -> dict[Hashable, _Found]:
        return {}

    def _count(
        self, candidates: list[Candidate], tally: Mapping[Kind, int] | None = None
    ) -> Mapping[str, int]:
        """Return `ResultPage.counts` of these candidates.

        Args:
            tally: of those that are not hidden, where it is known.
        """
        shown, hidden = (
            self._by_hiding(candidates, is_hidden=is_hidden) for is_hidden in (False, True)
        )
        kinds = {"favourite": self._favourites_in(shown), "hidden": hidden, "all": shown}
        grouped = {kind: len(self._grouped(candidates)) for kind, candidates in kinds.items()}
        if tally is None:
            tally = Counter(each.kind for each in shown)
        return {**count_kinds(tally), **grouped}

    def _count_folders(
        self, candidates: list[Candidate], in_folders: Mapping[str, int] | None = None
    ) -> Mapping[str, int]:
        """Return how many candidates are in each folder and below.

        Args:
            in_folders: how many are directly in each, where it is known.
        """
        if in_folders is None:
            in_folders = Counter(each.folder for each in candidates)
        pairs = ((one.folder, other.folder) for one, other in self._pairs_among(candidates))
        return count_folders(in_folders, pairs)

    def _grouped(self, candidates: list[Candidate]) -> list[Candidate]:
        """Leave out the duplicates of files that are among the candidates."""
        left_out = {duplicate.id for duplicate, _ in self._pairs_among(candidates)}
        return [each for each in candidates if each.id not in left_out] if left_out else candidates

    def _pairs_among(self, candidates: list[Candidate]) -> list[tuple[Candidate, Candidate]]:
        """Return the duplicates among candidates, each with the file that stands for it."""
        if not self.view.stand_ins:
            return []
        here = {each.id: each for each in candidates}
        pairs = self.view.stand_ins.items()
        return [(here[one], here[other]) for one, other in pairs if one in here and other in here]

    def _favourites_in(self, candidates: list[Candidate]) -> list[Candidate]:
        return (
            [each for each in candidates if each.id in self._favourites] if self._favourites else []
        )

    def _by_hiding(self, candidates: list[Candidate], *, is_hidden: bool) -> list[Candidate]:
        if not self._hidden:
            return [] if is_hidden else candidates
        return [each for each in candidates if (each.id in self._hidden) is is_hidden]

    def _chosen(self, candidates: list[Candidate], filters: Filters) -> list[Candidate]:
        """Return the candidates that pass the filters of state, fit, favourites and hidden ones."""
        candidates = self._by_hiding(candidates, is_hidden=filters.hidden)
        if filters.state:
            candidates = [each for each in candidates if each.kind.state in filters.state]
        if filters.fit:
            candidates = [each for each in candidates if each.kind.fit in filters.fit]
        if filters.favourite:
            candidates = self._favourites_in(candidates)
        return candidates

    def _matching(self, candidates: list[Candidate], filters: Filters) -> list[Candidate]:
        """Return the candidates for a family that match the query."""
        if filters.family:
            asked = frozenset(filters.family)
            candidates = [each for each in candidates if not asked.isdisjoint(each.kind.families)]
        query = Query.of(filters.query)
        if query.n_vectors is not None:
            candidates = [each for each in candidates if query.n_vectors in numbers_of(each.seen)]
        for term in query.wanted:
            candidates = self._with(term, candidates, is_wanted=True)
        for term in query.unwanted:
            candidates = self._with(term, candidates, is_wanted=False)
        return candidates

    def _with(self, term: str, candidates: list[Candidate], *, is_wanted: bool) -> list[Candidate]:
        """Return the candidates with a term in their texts, family or hash; or those without."""
        found = self.prepared.candidates.with_term(term, letters_of(term)) | self._hashed(term)
        families = families_of(term)
        if families:
            found.update(each for each in candidates if not families.isdisjoint(each.kind.families))
        return [each for each in candidates if (each in found) is is_wanted]

    def _hashed(self, word: str) -> set[Candidate]:
        """Return the candidates whose hash begins with *word*."""
        if len(word) < _HASH_LENGTH:
            return set()
        paths = {path for path, sha256 in self.hashes().items() if sha256.startswith(word)}
        if not paths:
            return set()
        return {each for each in self._candidates if each.seen.entry.place.full_path in paths}


def _below(folder: str | None, candidates: list[Candidate]) -> list[Candidate]:
    """Return the candidates in a folder and below; all for None."""
    if folder is None:
        return candidates
    prefix = prefix_of(folder)
    inside = {
        each for each in {each.folder for each in candidates} if prefix_of(each).startswith(prefix)
    }
    return [each for each in candidates if each.folder in inside]
