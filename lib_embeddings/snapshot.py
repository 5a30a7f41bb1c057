"""What is in the folders: an entry for every file, and all entries at one moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

from lib_embeddings.embedding import NOTHING, VectorsInfo
from lib_embeddings.fit import Fit, FitKind, check
from lib_embeddings.text_encoders import ModelFamily, families_for

State = Literal["ok", "duplicate", "broken", "unsafe", "foreign"]
STATES: tuple[State, ...] = get_args(State)
FITS: tuple[FitKind, ...] = get_args(FitKind)


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading a file's bytes told, whatever its name and place; vectors are not kept.

    Attributes:
        state: `ok`, `broken`, `unsafe` or `foreign`.
        reason: one sentence; None when it is ok.
        vectors: what is known of the vectors for each text encoder.
    """

    state: State
    reason: str | None = None
    container: str | None = None
    layout: str | None = None
    stored_name: str | None = None
    vectors: Mapping[str, VectorsInfo] = field(default_factory=lambda: NOTHING)
    metadata: Mapping[str, str | int] = field(default_factory=lambda: NOTHING)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
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


class FittedEntry(NamedTuple):
    """An entry as seen with an active model; *fit* is None for what is no embedding anyway."""

    entry: Entry
    verdict: Fit | None

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

    def seen_with(self, model: ModelFamily | None) -> View:
        """Return the entries with their fits. Opens no file."""
        fits: dict[tuple[tuple[str, VectorsInfo], ...], Fit] = {}
        fitted: list[FittedEntry] = []
        for entry in self.entries:
            if entry.state != "ok":
                fitted.append(FittedEntry(entry, None))
                continue
            vectors = entry.reading.vectors
            key = tuple(vectors.items())
            fit = fits.get(key)
            if fit is None:
                fit = fits[key] = check(vectors, model)
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
