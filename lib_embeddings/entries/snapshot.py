"""All entries at one moment, and what changed between two moments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import NamedTuple

from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.read import join, read_file
from lib_embeddings.entries.walk import Found, find_file, unopened
from lib_embeddings.names import WEIGHT_SUFFIXES, fold, partner_of


class Names(NamedTuple):
    """Where the embeddings of each folded name are in a snapshot.

    Attributes:
        first: number of the first one.
        shared: numbers of all of them, for a name that several have.
    """

    first: Mapping[str, int]
    shared: Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class Snapshot:
    """All entries of all roots at one moment, root by root and sorted by path."""

    roots: tuple[str, ...]
    entries: tuple[Entry, ...]

    @classmethod
    def of(cls, roots: Sequence[str], entries: Iterable[Entry]) -> Snapshot:
        """Make one of the entries of single files: pairs are joined.

        What has not the ending of a model and is no embedding is left out, as mere pictures are.
        """
        listed = [
            entry
            for entry in _join_pairs(sorted(entries, key=_path_of))
            if not (
                entry.reading.state == "foreign"
                and not entry.place.path.lower().endswith(WEIGHT_SUFFIXES)
            )
        ]
        if len(roots) > 1:
            numbers = {root: number for number, root in enumerate(roots)}
            listed.sort(key=lambda entry: numbers[entry.place.root])
        return cls(tuple(roots), tuple(listed))

    @cached_property
    def names(self) -> Names:
        """The names of all embeddings; broken and foreign files have none."""
        first: dict[str, int] = {}
        shared: dict[str, list[int]] = {}
        for number, entry in enumerate(self.entries):
            if entry.reading.state == "ok":
                name = fold(entry.place.name)
                if first.setdefault(name, number) != number:
                    shared.setdefault(name, [first[name]]).append(number)
        return Names(first, shared)


class Changes(NamedTuple):
    """What differs between two snapshots; the entries are the newer ones, if there are such."""

    added: tuple[Entry, ...] = ()
    modified: tuple[Entry, ...] = ()
    deleted: tuple[Entry, ...] = ()

    def __bool__(self) -> bool:
        return any(map(len, self))


def diff(old: Snapshot, new: Snapshot) -> Changes:
    """Say what happened at each place, in the order of the snapshots."""
    if not old.entries:
        return Changes(new.entries)
    before = {entry.place: entry for entry in old.entries}
    added, modified = [], []
    for entry in new.entries:
        former = before.pop(entry.place, None)
        if former is None:
            added.append(entry)
        elif former is not entry and former != entry:
            modified.append(entry)
    return Changes(tuple(added), tuple(modified), tuple(before.values()))


def entry_at(place: Place) -> Entry:
    """Return the entry that a scan of its folder would list for one file, whatever its name.

    Raises:
        OSError: it is gone.
    """
    entries = [_read(find_file(place))]
    partner = _partner_of(place)
    if partner:
        with suppress(OSError):  # it has none
            entries.append(_read(find_file(partner)))
    return next(iter(_join_pairs(entries)))


def _read(found: Found) -> Entry:
    return unopened(found) if found.problem else read_file(found)


_path_of = attrgetter("place.path")


def _join_pairs(entries: list[Entry]) -> Iterable[Entry]:
    """Make one of the two files that diffusers writes for SDXL; the name of the second tells."""
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
    """Return where the other half of a pair would lie; None for a file that is no first half."""
    partner = partner_of(place.filename)
    return place.beside(partner) if partner else None
