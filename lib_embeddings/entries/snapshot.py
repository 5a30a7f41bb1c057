"""What is in the folders: an entry for every file, all entries at one moment, and what changed."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from lib_embeddings.entries.fit import USABLE, Fit, FitKind, check
from lib_embeddings.formats.embedding import NOTHING, VectorsInfo
from lib_embeddings.formats.text_encoders import ModelFamily, families_for

State = Literal["ok", "duplicate", "broken", "unsafe", "foreign"]
STATES: tuple[State, ...] = get_args(State)
FITS: tuple[FitKind, ...] = get_args(FitKind)


class Reading(NamedTuple):
    """What reading a file's bytes told, whatever its names and place; vectors are not kept.

    Thousands of files have the same reading, and share it.

    Attributes:
        state: `ok`, `broken`, `unsafe` or `foreign`.
        reason: one sentence; None when it is ok.
        vectors: what is known of the vectors for each text encoder.
        is_passing: the disk decided it, not the file's bytes; it may be different next time.
    """

    state: State
    reason: str | None = None
    container: str | None = None
    layout: str | None = None
    vectors: Mapping[str, VectorsInfo] = NOTHING
    metadata: Mapping[str, str | int] = NOTHING
    warnings: tuple[str, ...] = ()
    is_passing: bool = False


# A reading, and the name that the file stores.
Told = tuple[Reading, str | None]


class Companion(NamedTuple):
    """A file that belongs to an embedding: the picture, notes or settings beside it."""

    filename: str
    size: int
    mtime_ns: int


def id_of(root: str, path: str) -> str:
    """Return the id of a file, which tells nothing of its place."""
    place = f"{root}\0{path}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(place, digest_size=8).hexdigest()


class Entry(NamedTuple):
    """A file found in a folder.

    Attributes:
        name: what the user types.
        root: the folder that was scanned.
        path: the file's path in it, with `/`.
        bytes: its size.
        mtime_ns: when it was last written, in nanoseconds.
        state: what it is, whatever the active model.
        reason: one sentence; None when it is ok.
        warnings: sentences about things that work but are odd.
        companions: what lies beside it and belongs to it.
        stored_name: the name written inside the file. Shown, never used.
    """

    name: str
    root: str
    path: str
    bytes: int
    mtime_ns: int
    state: State
    reason: str | None
    warnings: tuple[str, ...]
    reading: Reading
    companions: tuple[Companion, ...] = ()
    stored_name: str | None = None

    @property
    def id(self) -> str:
        """Opaque, and the same for as long as the file keeps its place."""
        return id_of(self.root, self.path)

    @property
    def full_path(self) -> str:
        """Its path for opening."""
        return os.path.join(self.root, self.path)


class FittedEntry(NamedTuple):
    """An entry as seen with an active model; *fit* is None for what is no embedding anyway."""

    entry: Entry
    verdict: Fit | None

    @property
    def id(self) -> str:
        """Opaque, and the same for as long as the file keeps its place."""
        return self.entry.id

    @property
    def name(self) -> str:
        """What the user types."""
        return self.entry.name

    @property
    def path(self) -> str:
        """Path relative to its root, with `/`."""
        return self.entry.path

    @property
    def state(self) -> State:
        """What the file is."""
        return self.entry.state

    @property
    def fit(self) -> FitKind | None:
        """Whether the model can use it."""
        return self.verdict.kind if self.verdict else None

    @property
    def reason(self) -> str | None:
        """Why it is not loaded; None when it is."""
        return self.verdict.reason if self.verdict else self.entry.reason

    @property
    def is_loaded(self) -> bool:
        """Tell whether the prompt can use it."""
        return self.fit == "usable"

    @property
    def vectors(self) -> Mapping[str, VectorsInfo]:
        """What is known of the vectors for each text encoder."""
        return self.entry.reading.vectors

    @property
    def n_vectors(self) -> int:
        """The largest number of vectors for any text encoder; 0 for what is no embedding."""
        return max((info.n_vectors for info in self.vectors.values()), default=0)

    @property
    def families(self) -> tuple[str, ...]:
        """Keys of the model families that can use it."""
        return tuple(family.key for family in families_for(self.vectors)) if self.vectors else ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences about things that work but are odd."""
        return self.entry.warnings


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All entries of all roots at one moment, sorted by path."""

    roots: tuple[str, ...]
    entries: tuple[Entry, ...]

    def seen_with(self, model: ModelFamily | None, use_partial: Collection[str] = ()) -> View:
        """Return the entries with their fits. Opens no file.

        Args:
            use_partial: ids of entries that count as usable where they are partial.
        """
        fits: dict[int, Fit] = {}  # by identity: equal files share their reading
        fitted: list[FittedEntry] = []
        for entry in self.entries:
            fit = None
            if entry.state == "ok":
                reading = entry.reading
                fit = fits.get(id(reading))
                if fit is None:
                    fit = fits[id(reading)] = check(reading.vectors, model)
                if use_partial and fit.kind == "partial" and entry.id in use_partial:
                    fit = USABLE
            fitted.append(FittedEntry(entry, fit))
        return View(self.roots, model, tuple(fitted))


@dataclass(frozen=True, slots=True)
class View:
    """A snapshot seen with an active model. Iterating gives its entries, fits included."""

    roots: tuple[str, ...]
    model: ModelFamily | None
    entries: tuple[FittedEntry, ...]

    def __iter__(self) -> Iterator[FittedEntry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def counts(self) -> dict[str, int]:
        """How many entries have each state and each fit."""
        found: Counter[str | None] = Counter(fitted.state for fitted in self.entries)
        found.update(fitted.fit for fitted in self.entries)
        return {kind: found[kind] for kind in (*STATES, *FITS)}


class Changes(NamedTuple):
    """What differs between two snapshots; the entries are the newer ones, if there are such."""

    added: tuple[Entry, ...] = ()
    modified: tuple[Entry, ...] = ()
    deleted: tuple[Entry, ...] = ()

    def __bool__(self) -> bool:
        return any(map(len, self))


def diff(old: Snapshot, new: Snapshot) -> Changes:
    """Say what happened to each place of a file, in the order of the snapshots."""
    if not old.entries:
        return Changes(new.entries)
    before = {(entry.root, entry.path): entry for entry in old.entries}
    added, modified = [], []
    for entry in new.entries:
        former = before.pop((entry.root, entry.path), None)
        if former is None:
            added.append(entry)
        elif former != entry:
            modified.append(entry)
    return Changes(tuple(added), tuple(modified), tuple(before.values()))
