"""All entries at one moment, and what changed between two moments."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from operator import attrgetter
from typing import NamedTuple, TypeVar

from lib_embeddings.entries.entry import Entry, Found, unopened
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.read import join, read_file
from lib_embeddings.entries.walk import find_file
from lib_embeddings.names import partner_of

T = TypeVar("T")


class FolderEntries:
    """The entries of one folder, to which files are added as they are read.

    Attributes:
        found: full path -> entry.
    """

    __slots__ = ("_listed", "found")

    def __init__(self, found: dict[str, Entry] | None = None) -> None:
        self.found = found or {}
        self._listed: tuple[Entry, ...] | None = None

    def put(self, entry: Entry) -> None:
        """Put in the entry of a file."""
        self.found[entry.place.full_path] = entry
        self._listed = None

    def followed_by(self, now: FolderEntries) -> FolderEntries:
        """Return these if all are still the same, else those of now."""
        return self if self.found == now.found else now

    def stale(self, problem: str) -> FolderEntries:
        """Return the same entries with the reason why they could not be scanned."""
        reason = (
            f"its folder did not answer at the last scan ({problem}): this is from the scan before"
        )
        return FolderEntries(
            {path: each._replace(stale=reason) for path, each in self.found.items()}
        )

    @property
    def listed(self) -> tuple[Entry, ...]:
        """What is listed: pairs are joined; until something changes it is the same object."""
        if self._listed is None:
            entries = _join_pairs(self.found.values())
            self._listed = tuple(entry for entry in entries if entry.is_listed)
        return self._listed


# Full path -> all that a folder has, for folders that have any. A folder without a change is the
# same object in the next snapshot, so that only the others are compared.
ByFolder = Mapping[str, tuple[T, ...]]


@dataclass(frozen=True)
class Snapshot:
    """All entries of all roots at one moment."""

    roots: tuple[str, ...]
    folders: ByFolder[Entry]

    @classmethod
    def of(cls, roots: Sequence[str], entries: Iterable[Entry]) -> Snapshot:
        """Make a snapshot from the entries of single files."""
        folders: dict[str, FolderEntries] = {}
        for entry in entries:
            folders.setdefault(entry.place.full_folder, FolderEntries()).put(entry)
        return cls(tuple(roots), {path: each.listed for path, each in folders.items()})

    def with_others(self, others: Snapshot) -> Snapshot:
        """Return this with the entries of another, which replace ours where both have one.

        Roots that only the other knows come last.
        """
        folders, roots = dict(self.folders), dict.fromkeys(self.roots)
        for path, entries in others.folders.items():
            both = {entry.place: entry for entry in (*folders.get(path, ()), *entries)}
            folders[path] = tuple(_join_pairs(both.values()))
            roots.update(dict.fromkeys(entry.place.root for entry in entries))
        return Snapshot(tuple(roots), folders)

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """All entries, root by root and sorted by path."""
        return in_order(self.roots, chain.from_iterable(self.folders.values()), _place_of)


class Changes(NamedTuple):
    """The differences between two snapshots, with the newer entry where there is one."""

    added: tuple[Entry, ...] = ()
    modified: tuple[Entry, ...] = ()
    deleted: tuple[Entry, ...] = ()

    def __bool__(self) -> bool:
        return any(map(len, self))


def diff(old: Snapshot, new: Snapshot) -> Changes:
    """Return what happened at each place, in the order of the snapshots."""
    if not old.folders:  # as at every start
        return Changes(new.entries)
    gone, came = difference(old.folders, new.folders, _place_of)
    before, now = ({entry.place for entry in entries} for entries in (gone, came))
    return Changes(
        in_order(new.roots, (each for each in came if each.place not in before), _place_of),
        in_order(new.roots, (each for each in came if each.place in before), _place_of),
        in_order(old.roots, (each for each in gone if each.place not in now), _place_of),
    )


def difference(
    old: ByFolder[T], new: ByFolder[T], place_of: Callable[[T], Place]
) -> tuple[list[T], list[T]]:
    """Return what is gone and what is new; a thing that changed is in both."""
    gone, came = list[T](), list[T]()
    if not old:
        return gone, list(chain.from_iterable(new.values()))
    for folder in changed_folders(old, new):
        before = {place_of(each): each for each in old.get(folder, ())}
        for each in new.get(folder, ()):
            known = before.pop(place_of(each), None)
            if known is None:
                came.append(each)
            elif known is not each and known != each:
                gone.append(known)
                came.append(each)
        gone.extend(before.values())
    return gone, came


def changed_folders(old: ByFolder[T], new: ByFolder[T]) -> set[str]:
    """Return the folders in which anything may have changed, including those that are gone."""
    changed = {folder for folder, entries in new.items() if old.get(folder) is not entries}
    return changed | (old.keys() - new.keys())


def in_order(
    roots: Sequence[str], items: Iterable[T], place_of: Callable[[T], Place]
) -> tuple[T, ...]:
    """Return things with a place root by root and sorted by path."""
    listed = sorted(items, key=lambda each: place_of(each).path)
    if len(roots) > 1:
        numbers = {root: number for number, root in enumerate(roots)}
        listed.sort(key=lambda each: numbers[place_of(each).root])
    return tuple(listed)


def entry_at(place: Place) -> Entry:
    """Return the entry that a scan of its folder would list for one file, whatever its name.

    Raises:
        OSError: it is gone.
    """
    folder = FolderEntries()
    folder.put(_read(find_file(place)))
    partner = _partner_of(place)
    if partner:
        with suppress(OSError):  # it has none
            folder.put(_read(find_file(partner)))
    return next(iter(_join_pairs(folder.found.values())))


def _read(found: Found) -> Entry:
    return unopened(found) if found.problem else read_file(found)


_place_of: Callable[[Entry], Place] = attrgetter("place")


def _join_pairs(entries: Collection[Entry]) -> Iterable[Entry]:
    """Join the two files that diffusers writes for SDXL; the name of the second shows it."""
    if not any("_2" in e.place.path and "clip_g" in e.reading.vectors for e in entries):
        return entries
    joined = {entry.place: entry for entry in entries}
    for first in entries:
        partner = _partner_of(first.place)
        second = joined.get(partner) if partner else None
        reading = join(first.reading, second.reading) if second else None
        if second and reading:
            del joined[second.place]
            joined[first.place] = first._replace(
                size=first.size + second.size,
                mtime_ns=max(first.mtime_ns, second.mtime_ns),
                reading=reading,
                stale=first.stale or second.stale,
            )
    return joined.values()


def _partner_of(place: Place) -> Place | None:
    """Return where the other half of a pair would lie; None for a file that is not a first half."""
    partner = partner_of(place.filename)
    return place.beside(partner) if partner else None
