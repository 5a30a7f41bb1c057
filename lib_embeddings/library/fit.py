"""Whether a model can use an embedding: a view that is computed anew for every model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from lib_embeddings.formats.embedding import VectorsInfo
from lib_embeddings.formats.text_encoders import TEXT_ENCODERS, ModelFamily, describe, made_for

FitKind = Literal["usable", "partial", "incompatible", "unknown"]


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


USABLE = Fit("usable")


def check(vectors: Mapping[str, VectorsInfo], model: ModelFamily | None) -> Fit:
    """Compare an embedding's vectors, by text encoder key, with the active model."""
    if model is None:
        return Fit("unknown", f"{_made_for(vectors)}; choose a model to see whether it fits")
    too_long = _too_long(vectors, model)
    if too_long:
        return Fit("incompatible", too_long)
    if model.suits(vectors):
        return USABLE
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
