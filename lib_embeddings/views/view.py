"""All entries as one model sees them, and which file a name means.

A name is a question for the model. Of several files with one name the model gets one that it can
use, else one that it can use in part, else another. A model switch computes a new view and opens no
file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from operator import attrgetter

from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.snapshot import (
    ByFolder,
    Snapshot,
    changed_folders,
    difference,
    in_order,
)
from lib_embeddings.errors import shown
from lib_embeddings.formats.embedding import tokens_taken
from lib_embeddings.formats.text_encoders import ModelFamily
from lib_embeddings.names import WEIGHT_SUFFIXES, fold
from lib_embeddings.prompts.report import KnownEmbedding
from lib_embeddings.views.lens import FitKind, Kind, Lens, ViewEntry, count_kinds

_place_of: Callable[[ViewEntry], Place] = attrgetter("entry.place")

_BETTER_FITS = ("usable", "partial")  # what a name means rather than anything else


@dataclass(frozen=True)
class View:
    """A snapshot as one model sees it. Iterating gives its entries.

    Attributes:
        named: by folded name, the embedding that a prompt means by it.
        stand_ins: by the id of a duplicate, the id of the file that is used in its place.
        folders: the entries of each folder, as a snapshot has them.
        lens: how the model sees single entries.
    """

    snapshot: Snapshot
    named: Mapping[str, ViewEntry]
    stand_ins: Mapping[str, str]
    folders: ByFolder[ViewEntry]
    _twins: Mapping[str, tuple[ViewEntry, ...]]  # by folded name, where several files have it
    lens: Lens

    @classmethod
    def of(
        cls,
        snapshot: Snapshot,
        model: ModelFamily | None,
        use_partial: Collection[str] = (),
        loaded: Collection[str] | None = None,
        former: View | None = None,
    ) -> View:
        """See a snapshot with a model.

        Args:
            use_partial: ids of entries that count as usable although they are partial.
            loaded: full paths of the files that a host's own loader has loaded; no others are
                usable then. None where everything usable is loaded. Without a model the host does
                not tell.
            former: a view of an earlier snapshot, from which everything still valid is taken.
        """
        lens = Lens(model, frozenset(use_partial if loaded is None else ()), loaded)
        if former is None or former.roots != snapshot.roots or not former.lens.is_like(lens):
            former = cls(Snapshot(snapshot.roots, {}), {}, {}, {}, {}, lens)
        return former.followed_by(snapshot)

    def followed_by(self, snapshot: Snapshot) -> View:
        """See a later snapshot. Only changed names are looked at."""
        if snapshot is self.snapshot:
            return self
        gone, came = difference(self.snapshot.folders, snapshot.folders, attrgetter("place"))
        seen_now = [self.lens.see(entry) for entry in came]
        new = {seen.entry.place: seen for seen in seen_now if seen.state != "ok"}
        named, stand_ins, twins = dict(self.named), dict(self.stand_ins), dict(self._twins)
        reopened = set[str]()
        for name, group in self._groups(gone, seen_now).items():
            if name in self.named:
                del named[name]
                for former in twins.pop(name, ()):
                    stand_ins.pop(former.entry.place.id, None)
                reopened.update(seen.entry.place.full_folder for seen in group)
            if len(group) > 1:
                same_name, instead = _marked(group, self.lens, snapshot.roots)
                named[name], twins[name] = _meant(same_name), same_name
                stand_ins.update(instead)
            elif group:
                (named[name],) = group
            for seen in twins.get(name, group):
                new[seen.entry.place] = seen
        folders = dict(self.folders)
        for path in changed_folders(self.snapshot.folders, snapshot.folders) | reopened:
            if path in snapshot.folders:
                folders[path] = self._rows(path, snapshot.folders[path], new)
            else:
                del folders[path]
        return View(snapshot, named, stand_ins, folders, twins, self.lens)

    def _groups(
        self, gone: Iterable[Entry], came: Iterable[ViewEntry]
    ) -> Mapping[str, Sequence[ViewEntry]]:
        """Return by folded name all embeddings of changed names."""
        groups: dict[str, list[ViewEntry]] = {}
        lost = set[Place]()
        for entry in gone:
            lost.add(entry.place)
            if entry.reading.state == "ok":
                groups[fold(entry.place.name)] = []
        for seen in came:
            if seen.state == "ok":
                groups.setdefault(fold(seen.name), []).append(seen)
        for name in groups.keys() & self.named.keys():
            for former in self._twins.get(name, (self.named[name],)):
                if former.entry.place not in lost:
                    groups[name].append(self.lens.see(former.entry))
        return groups

    def _rows(
        self, folder: str, entries: Iterable[Entry], new: Mapping[Place, ViewEntry]
    ) -> tuple[ViewEntry, ...]:
        known = {seen.entry.place: seen for seen in self.folders.get(folder, ())}
        return tuple(new.get(entry.place) or known[entry.place] for entry in entries)

    @property
    def roots(self) -> tuple[str, ...]:
        """The folders that are scanned."""
        return self.snapshot.roots

    @property
    def model(self) -> ModelFamily | None:
        """The model of this view."""
        return self.lens.model

    @property
    def advice(self) -> str:
        """Advice where no model is active, so that nobody knows what fits."""
        return self.lens.advice

    @cached_property
    def entries(self) -> tuple[ViewEntry, ...]:
        """All entries, in the order of the snapshot."""
        return in_order(self.roots, self.every, _place_of)

    @property
    def every(self) -> Iterator[ViewEntry]:
        """All entries, unsorted."""
        return chain.from_iterable(self.folders.values())

    @cached_property
    def meant(self) -> tuple[ViewEntry, ...]:
        """What each name means, in the order of the snapshot: of equal names the first wins."""
        return in_order(self.roots, self.named.values(), _place_of)

    def __iter__(self) -> Iterator[ViewEntry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return sum(map(len, self.folders.values()))

    @cached_property
    def tally(self) -> Mapping[Kind, int]:
        """How many entries there are of each kind."""
        return Counter(seen.kind for seen in self.every)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many entries have each state and each fit."""
        return count_kinds(self.tally)

    def twins(self, seen: ViewEntry) -> tuple[ViewEntry, ...]:
        """Return the other embeddings with the name of one."""
        twins = self._twins.get(fold(seen.name), ()) if seen.state in ("ok", "duplicate") else ()
        # By place: what is equal may be another object in each generation.
        return tuple(other for other in twins if other.entry.place != seen.entry.place)

    @property
    def same_sizes(self) -> Iterator[Entry]:
        """All embeddings with the name and the size of another one, which may be the same file."""
        for twins in self._twins.values():
            sizes = Counter(seen.entry.size for seen in twins)
            yield from (seen.entry for seen in twins if sizes[seen.entry.size] > 1)


def _marked(
    group: Iterable[ViewEntry], lens: Lens, roots: Sequence[str]
) -> tuple[tuple[ViewEntry, ...], dict[str, str]]:
    """Mark the duplicates among embeddings of one name.

    Returns:
        All of them, and by the id of a duplicate the id of the file that is used in its place.
    """

    def rank(seen: ViewEntry) -> tuple[object, ...]:
        entry = seen.entry
        return (*_order(lens.fit(entry).kind, entry), roots.index(entry.place.root))

    marked, instead = list[ViewEntry](), dict[str, str]()
    for seen in sorted(in_order(roots, group, _place_of), key=rank):
        used = _served_by(seen, marked)
        if used:
            instead[seen.entry.place.id] = used.entry.place.id
        marked.append(_duplicate(seen, used) if used else seen)
    return in_order(roots, marked, _place_of), instead


def _meant(group: Iterable[ViewEntry]) -> ViewEntry:
    """Return the embedding that a prompt means by the name of several."""
    found = (seen for seen in group if seen.state == "ok")
    return min(found, key=lambda seen: _order(seen.fit, seen.entry))


def _served_by(seen: ViewEntry, before: Iterable[ViewEntry]) -> ViewEntry | None:
    """Return the first of those *before* an embedding that can stand in for it."""
    serves = seen.entry.reading.vectors.keys()
    for other in before:
        is_twin = other.entry.reading.vectors.keys() == serves
        if other.state == "ok" and (is_twin or (seen.is_loaded and other.is_loaded)):
            return other
    return None


def _duplicate(seen: ViewEntry, used: ViewEntry) -> ViewEntry:
    path = shown(used.entry.place.path, 255)
    reason = f"has the same name as {path}, which is used: rename one of them"
    return ViewEntry(seen.entry, "duplicate", None, reason)


def _order(kind: FitKind | None, entry: Entry) -> tuple[object, ...]:
    """Return the sort key of files with one name, as they fit a model: the smallest wins."""
    suffix, path = entry.place.suffix, entry.place.path
    fit = _BETTER_FITS.index(kind) if kind in _BETTER_FITS else len(_BETTER_FITS)
    ending = WEIGHT_SUFFIXES.index(suffix) if suffix in WEIGHT_SUFFIXES else len(WEIGHT_SUFFIXES)
    return fit, path.count("/"), ending, fold(path)


def known_of(seen: ViewEntry, model: ModelFamily | None) -> KnownEmbedding:
    """Return an entry as prompts for a model know it."""
    entry = seen.entry
    vectors = entry.reading.vectors
    used = [key for key in model.required if key in vectors] if model else []
    return KnownEmbedding(
        id=entry.place.id,
        name=seen.name,
        n_vectors=tokens_taken({key: vectors[key].n_vectors for key in used or vectors}),
        reason=None if seen.may_be_used else seen.reason,
        folder=entry.place.folder,
        stored_name=entry.stored_name,
        is_duplicate=seen.state == "duplicate",
        caveat=seen.reason if seen.may_be_used else None,
        is_partial=seen.fit == "partial",
    )
