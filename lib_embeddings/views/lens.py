"""How one model sees one entry: what the file is, and whether the model can use it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal, NamedTuple, get_args

from lib_embeddings.entries.entry import Entry
from lib_embeddings.formats.embedding import VectorsInfo
from lib_embeddings.formats.text_encoders import (
    TEXT_ENCODERS,
    ModelFamily,
    describe,
    families_for,
    made_for,
)

State = Literal["ok", "duplicate", "broken", "unsafe", "foreign"]
FitKind = Literal["usable", "partial", "incompatible", "unknown"]
STATES: tuple[State, ...] = get_args(State)
FITS: tuple[FitKind, ...] = get_args(FitKind)


class Fit(NamedTuple):
    """How an embedding and the active model go together.

    Attributes:
        kind: `usable`: it has vectors for every text encoder the model requires, and for none it
            lacks. `partial`: for some of these, without being usable. `incompatible`: for none, or
            too many vectors. `unknown`: no model is active.
        reason: one sentence; None when it is usable.
    """

    kind: FitKind
    reason: str | None = None


_USABLE = Fit("usable")
_NOT_LOADED = Fit(
    "incompatible",
    "the WebUI's own loader has not loaded it: let this extension load, in the settings",
)


# Advice where nobody knows what fits.
_CHOOSE, _CHOOSE_ONE = (
    f"choose a model to see {what}" for what in ("what fits", "whether it fits")
)
_HOST_LOADS = "this WebUI loads embeddings itself and does not say which"


class Kind(NamedTuple):
    """The key by which entries are counted; a library of any size has few."""

    state: State
    fit: FitKind | None
    families: tuple[str, ...]


class ViewEntry(NamedTuple):
    """An entry as one model sees it.

    Attributes:
        state: what the file is; a `duplicate` has the name of a file that serves the same models.
        fit: whether the model can use it; None unless the file is `ok`.
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
        """Return whether a prompt can use it."""
        return self.fit == "usable"

    @property
    def may_be_used(self) -> bool:
        """Return whether a prompt can use it, or nobody knows because no model is active."""
        return self.fit in ("usable", "unknown")

    @property
    def families(self) -> tuple[str, ...]:
        """Keys of the model families that can use it."""
        return tuple(family.key for family in families_for(self.entry.reading.vectors))

    @property
    def kind(self) -> Kind:
        """Its key in counts."""
        return Kind(self.state, self.fit, self.families)


def count_kinds(tally: Mapping[Kind, int]) -> dict[str, int]:
    """Return how many entries have each state and each fit."""
    counts: dict[str, int] = dict.fromkeys((*STATES, *FITS), 0)
    for kind, count in tally.items():
        counts[kind.state] += count
        if kind.fit:
            counts[kind.fit] += count
    return counts


class Lens:
    """How one model sees single entries, computed once for all of one shape."""

    def __init__(
        self,
        model: ModelFamily | None,
        use_partial: frozenset[str],
        loaded: Collection[str] | None,
    ) -> None:
        """Take what decides how entries are seen.

        Args:
            use_partial: ids of embeddings that are used although they only fit in part.
            loaded: full paths of what the host's own loader has loaded; None where we load.
        """
        self.model = model
        self._use_partial = use_partial
        self._loaded = loaded
        # By identity: files of one shape share the mapping, which is kept so that no other gets its
        # id
        self._known: dict[int, tuple[Fit, Mapping[str, VectorsInfo]]] = {}

    def is_like(self, other: Lens) -> bool:
        """Return whether both see every entry alike."""
        return (self.model, self._use_partial, self._loaded) == (
            other.model,
            other._use_partial,
            other._loaded,
        )

    @property
    def advice(self) -> str:
        """Advice where no model is active, so that nobody knows what fits."""
        return _CHOOSE if self._loaded is None else _HOST_LOADS

    def see(self, entry: Entry) -> ViewEntry:
        """Return an entry as the model sees it, without regard to others of its name."""
        reading = entry.reading
        if reading.state != "ok":
            return ViewEntry(entry, reading.state, None, reading.reason)
        fit = self.fit(entry)
        if self._use_partial and fit.kind == "partial" and entry.place.id in self._use_partial:
            return ViewEntry(entry, "ok", "usable", None)
        return ViewEntry(entry, "ok", *fit)

    def fit(self, entry: Entry) -> Fit:
        """Return how an embedding fits, without regard to people's choices."""
        fit = self._of_shape(entry.reading.vectors)
        if self._loaded is None:
            return fit
        if entry.place.full_path in self._loaded:
            return _USABLE
        return _NOT_LOADED if fit == _USABLE else fit

    def _of_shape(self, vectors: Mapping[str, VectorsInfo]) -> Fit:
        known = self._known.get(id(vectors))
        if known is None:
            fit = check(vectors, self.model)
            if self.model is None and self._loaded is not None:
                fit = Fit("unknown", f"{_made_for(vectors)}; {_HOST_LOADS}")
            known = self._known[id(vectors)] = fit, vectors
        return known[0]


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
    """Return which vectors a model would use, and which it would miss."""
    missing = [key for key in model.required if key not in vectors]
    only = "only " if len(shared) < len(vectors) else ""
    used = f"{model.title} would use {only}its {' and '.join(shared)}"
    return f"{used}; missing: {describe(missing)}" if missing else used


def _too_long(vectors: Mapping[str, VectorsInfo], model: ModelFamily) -> str | None:
    """Return which vectors are too many for a chunk: hosts would fail while they paint."""
    for key in model.encoders:
        info, chunk = vectors.get(key), TEXT_ENCODERS[key].chunk
        if info and chunk is not None and info.n_vectors > chunk:
            return f"has {info.n_vectors} vectors for {key}: at most {chunk} fit in a prompt chunk"
    return None
