"""The entries as one model sees them: what fits, which file a name means, what is loaded.

A name is a question for the model. Of several files with one name it gets the one that it can use,
before one that it can use in part, before the others. A model switch computes a new view and opens
no file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, get_args

from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.snapshot import Snapshot
from lib_embeddings.errors import shown
from lib_embeddings.formats.embedding import VectorsInfo, tokens_taken
from lib_embeddings.formats.text_encoders import (
    TEXT_ENCODERS,
    ModelFamily,
    describe,
    families_for,
    made_for,
)
from lib_embeddings.names import WEIGHT_SUFFIXES, fold
from lib_embeddings.prompts.name_checks import NameChecks
from lib_embeddings.prompts.report import KnownEmbedding
from lib_embeddings.prompts.tokenizer import LookUp, Tokenize

State = Literal["ok", "duplicate", "broken", "unsafe", "foreign"]
FitKind = Literal["usable", "partial", "incompatible", "unknown"]
STATES: tuple[State, ...] = get_args(State)
FITS: tuple[FitKind, ...] = get_args(FitKind)

_BETTER_FITS = ("usable", "partial")  # what a name means rather than anything else


class Fit(NamedTuple):
    """How an embedding and the active model go together.

    Attributes:
        kind: `usable`: it has vectors for every text encoder the model requires, and for none it
            lacks. `partial`: for some, but not so. `incompatible`: for none, or too many vectors.
            `unknown`: there is no active model, so that nobody knows.
        reason: one sentence; None when it is usable.
    """

    kind: FitKind
    reason: str | None = None


_USABLE = Fit("usable")
_NOT_LOADED = Fit(
    "incompatible",
    "the WebUI's own loader has not loaded it: let this extension load, in the settings",
)
# What to do, or to know, where it is not known what fits.
_CHOOSE, _CHOOSE_ONE = (
    f"choose a model to see {what}" for what in ("what fits", "whether it fits")
)
_HOST_LOADS = "this WebUI loads embeddings itself and does not say which"


class ViewEntry(NamedTuple):
    """An entry as one model sees it.

    Attributes:
        state: what the file is; a `duplicate` has the name of a file that serves the same models.
        fit: whether the model can use it; None for all that is not `ok`.
        reason: one sentence that says why it is not loaded; None when it is.
    """

    entry: Entry
    state: State
    fit: FitKind | None
    reason: str | None

    @property
    def name(self) -> str:
        """What a prompt calls it."""
        return self.entry.place.name

    @property
    def is_loaded(self) -> bool:
        """Tell whether a prompt can use it."""
        return self.fit == "usable"

    @property
    def may_be_used(self) -> bool:
        """Tell whether a prompt can use it, or nobody knows because no model is active."""
        return self.fit in ("usable", "unknown")

    @property
    def families(self) -> tuple[str, ...]:
        """Keys of the model families that can use it."""
        return tuple(family.key for family in families_for(self.entry.reading.vectors))


@dataclass(frozen=True)
class View:
    """A snapshot as one model sees it. Iterating gives its entries.

    Attributes:
        named: by folded name, the embedding that a prompt means by it.
        used: by the id of a duplicate, the id of the file that is used in its place.
        advice: what to know where no model is active, so that nobody knows what fits.
    """

    roots: tuple[str, ...]
    model: ModelFamily | None
    entries: tuple[ViewEntry, ...]
    named: Mapping[str, ViewEntry]
    used: Mapping[str, str]
    advice: str
    _twins: Mapping[str, tuple[ViewEntry, ...]]  # by folded name, where several files have it

    @classmethod
    def of(
        cls,
        snapshot: Snapshot,
        model: ModelFamily | None,
        use_partial: Collection[str] = (),
        loaded: Collection[str] | None = None,
    ) -> View:
        """See a snapshot with a model.

        Args:
            use_partial: ids of entries that count as usable where they are partial.
            loaded: full paths of the files that a host's own loader has loaded, which alone are
                usable then; None where what is usable is loaded. Without a model the host does not
                tell them.
        """
        fits = _Fits(model, loaded)
        if loaded is not None:
            use_partial = ()
        rows = [_alone(entry, fits, use_partial) for entry in snapshot.entries]
        named = {name: rows[number] for name, number in snapshot.names.first.items()}
        used: dict[str, str] = {}
        twins: dict[str, tuple[ViewEntry, ...]] = {}
        for name, numbers in snapshot.names.shared.items():
            used.update(_mark_duplicates(rows, numbers, fits, snapshot.roots))
            twins[name] = same_name = tuple(rows[number] for number in numbers)
            found = (seen for seen in same_name if seen.state == "ok")
            named[name] = min(found, key=lambda seen: _order(seen.fit, seen.entry))
        advice = _CHOOSE if loaded is None else _HOST_LOADS
        return cls(snapshot.roots, model, tuple(rows), named, used, advice, twins)

    def __iter__(self) -> Iterator[ViewEntry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """How many entries have each state and each fit."""
        return count_kinds(self.entries)

    def twins(self, seen: ViewEntry) -> tuple[ViewEntry, ...]:
        """Return the other embeddings with the name of one."""
        rows = self._twins.get(fold(seen.name), ()) if seen.state in ("ok", "duplicate") else ()
        return tuple(other for other in rows if other is not seen)


def count_kinds(rows: Sequence[ViewEntry]) -> dict[str, int]:
    """Return how many entries have each state and each fit."""
    found: Counter[str | None] = Counter(seen.state for seen in rows)
    found.update(seen.fit for seen in rows)
    return {kind: found[kind] for kind in (*STATES, *FITS)}


class _Fits:
    """How embeddings fit a model, found out once for all of one shape."""

    def __init__(self, model: ModelFamily | None, loaded: Collection[str] | None) -> None:
        self._model = model
        self._loaded = loaded
        self._known: dict[int, Fit] = {}  # by identity: files of one shape share the mapping

    def of(self, entry: Entry) -> Fit:
        fit = self._of_shape(entry)
        if self._loaded is None:
            return fit
        if entry.place.full_path in self._loaded:
            return _USABLE
        return _NOT_LOADED if fit == _USABLE else fit

    def _of_shape(self, entry: Entry) -> Fit:
        vectors = entry.reading.vectors
        fit = self._known.get(id(vectors))
        if fit is None:
            fit = check(vectors, self._model)
            if self._model is None and self._loaded is not None:
                fit = Fit("unknown", f"{_made_for(vectors)}; {_HOST_LOADS}")
            self._known[id(vectors)] = fit
        return fit


def _alone(entry: Entry, fits: _Fits, use_partial: Collection[str]) -> ViewEntry:
    """Return an entry as the model sees it, whatever else has its name."""
    reading = entry.reading
    if reading.state != "ok":
        return ViewEntry(entry, reading.state, None, reading.reason)
    fit = fits.of(entry)
    if use_partial and fit.kind == "partial" and entry.place.id in use_partial:
        return ViewEntry(entry, "ok", "usable", None)
    return ViewEntry(entry, "ok", *fit)


def _mark_duplicates(
    rows: list[ViewEntry], numbers: Iterable[int], fits: _Fits, roots: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Mark the duplicates among embeddings of one name; yield their ids, with those of the used."""

    def rank(number: int) -> tuple[object, ...]:
        entry = rows[number].entry
        return (*_order(fits.of(entry).kind, entry), roots.index(entry.place.root))

    first, *others = sorted(numbers, key=rank)
    before = [rows[first]]
    for number in others:
        used = _served_by(rows[number], before)
        if used:
            rows[number] = _duplicate(rows[number], used)
            yield rows[number].entry.place.id, used.entry.place.id
        before.append(rows[number])


def _served_by(seen: ViewEntry, before: Iterable[ViewEntry]) -> ViewEntry | None:
    """Return the one of those *before* an embedding that does all that it could do."""
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
    """Return what decides between files of one name, as they fit a model: the smallest is first."""
    suffix, path = entry.place.suffix, entry.place.path
    fit = _BETTER_FITS.index(kind) if kind in _BETTER_FITS else len(_BETTER_FITS)
    ending = WEIGHT_SUFFIXES.index(suffix) if suffix in WEIGHT_SUFFIXES else len(WEIGHT_SUFFIXES)
    return fit, path.count("/"), ending, fold(path)


# Whether a model can use an embedding


def check(vectors: Mapping[str, VectorsInfo], model: ModelFamily | None) -> Fit:
    """Compare an embedding's vectors, by text encoder key, with the active model."""
    if model is None:
        return Fit("unknown", f"{_made_for(vectors)}; {_CHOOSE_ONE}")
    too_long = _too_long(vectors, model)
    if too_long:
        return Fit("incompatible", too_long)
    if model.takes(vectors):
        return _USABLE
    shared = [key for key in model.encoders if key in vectors]
    if not shared:
        return Fit("incompatible", f"{_made_for(vectors)}; the active model is {model}")
    return Fit("partial", f"{_made_for(vectors)}; {_what_is_missing(vectors, shared, model)}")


def _made_for(vectors: Mapping[str, VectorsInfo]) -> str:
    return f"made for {made_for(vectors)}"


def _what_is_missing(
    vectors: Mapping[str, VectorsInfo], shared: list[str], model: ModelFamily
) -> str:
    """Say what a model would use, and what it would miss."""
    missing = [key for key in model.required if key not in vectors]
    used = f"{model.title} would use its {' and '.join(shared)}"
    if len(shared) < len(vectors):
        used += " only"
    return f"{used} and miss {describe(missing)}" if missing else used


def _too_long(vectors: Mapping[str, VectorsInfo], model: ModelFamily) -> str | None:
    """Say which vectors do not fit a prompt chunk: hosts would fail while they draw."""
    for key in model.encoders:
        info, chunk = vectors.get(key), TEXT_ENCODERS[key].chunk
        if info and chunk is not None and info.n_vectors > chunk:
            return f"has {info.n_vectors} vectors for {key}: at most {chunk} fit in a prompt chunk"
    return None


# For prompts and names


def known_of(seen: ViewEntry, model: ModelFamily | None) -> KnownEmbedding:
    """Return what prompts for a model need of an entry."""
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


def check_names(
    view: View, tokenize: Tokenize | None = None, look_up: LookUp | None = None
) -> NameChecks:
    """Compare the names of all entries; see `NameChecks`."""
    return NameChecks((known_of(seen, view.model) for seen in view), tokenize, look_up)
