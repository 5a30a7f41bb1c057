"""What a catalogue needs besides a view: prepared once, and then kept up to date.

Nothing is prepared before somebody asks. Where few entries have changed from one view to the next,
only these are looked at: a library of 100,000 files is not sorted again for each new one.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import chain
from operator import attrgetter
from sys import intern
from typing import Any

from lib_embeddings.entries.snapshot import difference
from lib_embeddings.names import natural_key
from lib_embeddings.prompts.name_checks import NameChecks
from lib_embeddings.prompts.report import KnownEmbedding
from lib_embeddings.prompts.tokens import LookUp, Tokenize
from lib_embeddings.views.folders import folder_id, folder_order
from lib_embeddings.views.lens import FitKind, Kind, State, ViewEntry
from lib_embeddings.views.search import Haystack, SearchTexts
from lib_embeddings.views.view import View, known_of

# Up to this part of a list, changing it item by item is faster than sorting it.
_FEW = 1 / 16


class Candidate:
    """An entry with all that filters need, which would otherwise be made for each search.

    Attributes:
        kind: its key in counts.
        folder: the id of the folder that it lies in.
    """

    __slots__ = ("_texts", "folder", "id", "kind", "seen")

    def __init__(self, seen: ViewEntry, root: int) -> None:
        place = seen.entry.place
        self.seen = seen
        self.kind = _shared_kind(*seen.kind)
        self.id = place.id
        self.folder = intern(folder_id(root, place.folder))  # thousands share it
        self._texts: SearchTexts | None = None

    @property
    def texts(self) -> SearchTexts:
        """All texts that a search looks in; it opens the files beside the embedding."""
        if self._texts is None:
            self._texts = SearchTexts.of(self.seen)
        return self._texts


@cache  # a library of any size has few
def _shared_kind(state: State, fit: FitKind | None, families: tuple[str, ...]) -> Kind:
    return Kind(state, fit, families)


class Candidates:
    """The candidates of one view.

    Attributes:
        by_name: in the natural order of names.
        tally: how many there are of each kind.
        in_folders: how many are in each folder, by its id.
    """

    def __init__(self, numbers: Mapping[str, int], candidates: Iterable[Candidate]) -> None:
        """Sort and count candidates.

        Args:
            numbers: of the roots.
        """
        self._numbers = numbers
        self.by_id = {candidate.id: candidate for candidate in candidates}
        self.by_name = sorted(self.by_id.values(), key=self._key)
        self.tally = Counter(candidate.kind for candidate in self.by_name)
        self.in_folders = Counter(candidate.folder for candidate in self.by_name)
        self._folders: list[str] | None = None
        self._haystacks: tuple[Haystack, Haystack] | None = None

    @classmethod
    def of(cls, view: View) -> Candidates:
        """Make the candidates of a view."""
        numbers = {root: number for number, root in enumerate(view.roots)}
        return cls(
            numbers, (Candidate(seen, numbers[seen.entry.place.root]) for seen in view.every)
        )

    def followed_by(self, gone: Iterable[ViewEntry], came: Iterable[ViewEntry]) -> Candidates:
        """Return the candidates of a later view."""
        later = Candidates(self._numbers, ())
        later.by_id, later.by_name = dict(self.by_id), list(self.by_name)
        later.tally, later.in_folders = Counter(self.tally), Counter(self.in_folders)
        for seen in gone:
            candidate = later.by_id.pop(seen.entry.place.id)
            del later.by_name[bisect_left(later.by_name, self._key(candidate), key=self._key)]
            later._count(candidate, -1)
        for seen in came:
            candidate = Candidate(seen, self._numbers[seen.entry.place.root])
            later.by_id[candidate.id] = candidate
            insort(later.by_name, candidate, key=self._key)
            later._count(candidate, 1)
        if later.in_folders.keys() == self.in_folders.keys():
            later._folders = self._folders
        return later

    @property
    def folders(self) -> list[str]:
        """The ids of all folders with entries in them or deeper, each before what is in it."""
        if self._folders is None:
            self._folders = folder_order(len(self._numbers), self.in_folders)
        return self._folders

    def with_term(self, term: str, letters: str) -> set[Candidate]:
        """Return those with a term in their texts, or its letters in the name; see `Query`."""
        if self._haystacks is None:
            self._haystacks = (
                Haystack(candidate.texts.full for candidate in self.by_name),
                Haystack(candidate.texts.bare_name for candidate in self.by_name),
            )
        texts, names = self._haystacks
        numbers = chain(texts.find(term), names.find(letters) if letters else ())
        return {self.by_name[number] for number in numbers}

    def _count(self, candidate: Candidate, number: int) -> None:
        self.tally[candidate.kind] += number
        self.in_folders[candidate.folder] += number
        if not self.in_folders[candidate.folder]:
            del self.in_folders[candidate.folder]

    def _key(self, candidate: Candidate) -> Any:
        place = candidate.seen.entry.place
        return natural_key(candidate.seen.name), self._numbers[place.root], place.path


class Prepared:
    """A view with all that is prepared from it, once for all threads.

    A page asks for two parts of a list at once, and the candidates of one are none of another's.
    """

    def __init__(
        self, view: View, tokenize: Tokenize | None = None, look_up: LookUp | None = None
    ) -> None:
        """Prepare nothing yet.

        Args:
            tokenize: gives the token ids by which names are compared; see `NameChecks`.
            look_up: may remember a tokenizer's answers.
        """
        self.view = view
        self.tokenize = tokenize
        self._look_up = look_up
        # The last ones that were made, each with the view that it was made from.
        self._candidates: tuple[View, Candidates] | None = None
        self._name_checks: tuple[View, NameChecks] | None = None
        # Each is held while one of these is made; a search does not wait for a tokenizer.
        self._making_candidates, self._making_checks = threading.Lock(), threading.Lock()

    @property
    def candidates(self) -> Candidates:
        """The candidates of the view."""
        with self._making_candidates:
            of, candidates = self._candidates or (None, None)
            if candidates is None or of is not self.view:
                changed = self._changed_since(of)
                candidates = (
                    candidates.followed_by(*changed)
                    if candidates and changed
                    else Candidates.of(self.view)
                )
                self._candidates = self.view, candidates
            return candidates

    @property
    def name_checks(self) -> NameChecks:
        """The checks of the view's names."""
        with self._making_checks:
            of, checks = self._name_checks or (None, None)
            if checks is None or of is not self.view:
                changed = self._changed_since(of)
                if checks and checks.is_complete and changed:
                    checks = checks.followed_by(*(map(self._known, each) for each in changed))
                else:
                    known = map(self._known, self.view.every)
                    checks = NameChecks(known, self.tokenize, self._look_up)
                self._name_checks = self.view, checks
            return checks

    def followed_by(self, view: View, tokenize: Tokenize | None) -> Prepared:
        """Return the same for a later view; what is prepared here is updated on demand.

        So the caller waits neither for a tokenizer nor for a disk.
        """
        later = Prepared(view, tokenize, self._look_up)
        if view.lens is self.view.lens and tokenize is self.tokenize:
            later._candidates, later._name_checks = self._candidates, self._name_checks
        return later

    def _changed_since(self, former: View | None) -> tuple[list[ViewEntry], list[ViewEntry]] | None:
        """Return the entries gone since a view, and the new ones; None where these are too many."""
        if former is None:
            return None
        gone, came = difference(former.folders, self.view.folders, attrgetter("entry.place"))
        return (gone, came) if len(gone) + len(came) <= len(self.view) * _FEW else None

    def _known(self, seen: ViewEntry) -> KnownEmbedding:
        return known_of(seen, self.view.model)
