"""From a draft to an embedding: which text encoder each tensor is for, and whether it is usable.

A tensor's width decides which text encoder it is for. Where its name says otherwise, the width wins
and the embedding gets a warning. Values are read here, once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite, sqrt

import numpy as np

from lib_embeddings.errors import BrokenFile, NotAnEmbedding, shown
from lib_embeddings.formats.embedding import Contents, Embedding, Vectors, named_tensors
from lib_embeddings.formats.foreign import XTI, XTI_LAYERS, recognise
from lib_embeddings.formats.layouts import CERTAIN, LIKELY, Draft, Layout, Term, is_vectors
from lib_embeddings.formats.text_encoders import (
    BY_HIDDEN_SIZE,
    TEXT_ENCODERS,
    TextEncoder,
)
from lib_embeddings.limits import LIMITS, at_most

Norms = tuple[float, float]


def make_embedding(name: str, contents: Contents) -> Embedding:
    """Return the embedding that a file's tensors make.

    Raises:
        NotAnEmbedding: the tensors are something else; the message says what.
        BrokenFile: they are an embedding, but one that cannot be used.
    """
    draft = _first(CERTAIN, contents.tree)
    if draft is None:
        kind = recognise(contents)
        if kind:
            raise NotAnEmbedding(f"this is {kind}")
        draft = _first(LIKELY, contents.tree)
    if draft is None:
        raise NotAnEmbedding(f"not an embedding: {_holdings(contents)}")
    return _assemble(name, contents, draft)


def _first(layouts: Iterable[Layout], root: object) -> Draft | None:
    return next((draft for layout in layouts if (draft := layout(root))), None)


def _assemble(name: str, contents: Contents, draft: Draft) -> Embedding:
    by_encoder: dict[str, list[Term]] = {}
    for term in draft.terms:
        by_encoder.setdefault(_encoder_of(term).key, []).append(term)
    if not by_encoder:
        raise BrokenFile("it holds no vectors")
    by_encoder = {key: by_encoder[key] for key in TEXT_ENCODERS if key in by_encoder}
    _check_names(by_encoder)
    vectors = {key: _stack(terms) for key, terms in by_encoder.items()}
    norms = {key: _norms(array) for key, array in vectors.items()}
    counts = {key: len(array) for key, array in vectors.items()}
    return Embedding(
        name=name,
        container=contents.container,
        layout=draft.layout,
        vectors=vectors,
        dtypes={key: terms[0].tensor.dtype for key, terms in by_encoder.items()},
        stored_name=draft.stored_name,
        metadata={**contents.metadata, **draft.metadata},
        warnings=(
            *draft.warnings,
            *_warn_terms(draft, by_encoder),
            *warn_unequal(counts),
            *_warn_norms(norms),
        ),
    )


def _encoder_of(term: Term) -> TextEncoder:
    """Return the text encoder whose hidden size a term's tensor has."""
    tensor = term.tensor
    if not tensor.is_floating:
        raise NotAnEmbedding(f"not an embedding: {_named(term)} is stored as {shown(tensor.dtype)}")
    if len(tensor.shape) == 3 and tensor.shape[0] == XTI_LAYERS:
        raise NotAnEmbedding(f"this is {XTI}")
    if not is_vectors(tensor.shape):
        raise BrokenFile(
            f"{_named(term)} has the wrong shape: expected (n_vectors, hidden_size), "
            f"found {shown(str(tensor.shape))}"
        )
    width = tensor.shape[-1]
    named = [TEXT_ENCODERS[key] for key in term.named_for]
    known = [encoder for encoder in named if encoder.hidden_size == width]
    # An encoder that its width does not identify must not be taken for another one.
    if not known and all(BY_HIDDEN_SIZE.get(e.hidden_size) is e for e in named):
        known = [BY_HIDDEN_SIZE[width]] if width in BY_HIDDEN_SIZE else []
    if not known:
        raise NotAnEmbedding(
            f"{_named(term)} does not fit any known text encoder: its vectors are {width} wide, "
            f"expected {', '.join(map(str, named or BY_HIDDEN_SIZE.values()))}"
        )
    return known[0]


def _check_names(by_encoder: Mapping[str, list[Term]]) -> None:
    """Refuse two encoders' vectors of one width: nothing says to which encoder the rest belong."""
    for key, terms in by_encoder.items():
        if len({term.named_for for term in terms}) > 1:
            wrong = next(term for term in terms if key not in term.named_for)
            expected = TEXT_ENCODERS[wrong.named_for[0]].hidden_size
            raise BrokenFile(
                f"{_named(wrong)} is {wrong.tensor.shape[-1]} wide, as {key} is: "
                f"expected {expected}"
            )


def _stack(terms: list[Term]) -> Vectors:
    """Read the terms' values as one (n_vectors, hidden_size) array."""
    width = terms[0].tensor.shape[-1]
    n_vectors = sum(term.n_vectors for term in terms)
    at_most(LIMITS.vectors, n_vectors, "vectors")
    if n_vectors == 0:
        raise BrokenFile("it holds no vectors: its tensor is empty")
    arrays = [term.tensor.fetch().reshape(-1, width) for term in terms]
    vectors = arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
    vectors.flags.writeable = False
    return vectors


def _norms(vectors: Vectors) -> Norms:
    """Return the smallest and the largest L2 norm, after checking that every value is a number."""
    squares = np.einsum("ij,ij->i", vectors, vectors)
    largest = float(squares.max())
    # NaN and infinity survive all this; a number that is only too large becomes infinite.
    if not isfinite(largest) and not np.isfinite(vectors).all():
        bad = int((~np.isfinite(vectors)).sum())
        raise BrokenFile(
            f"{bad:,} of its {vectors.size:,} numbers are NaN or infinite: it would ruin every "
            "picture"
        )
    return sqrt(squares.min()), sqrt(largest)


# Warnings


def _warn_terms(draft: Draft, by_encoder: Mapping[str, list[Term]]) -> list[str]:
    warnings = []
    for key, terms in by_encoder.items():
        if len(terms) > 1 and draft.layout != "encoder_keys":
            labels = shown(", ".join(term.label for term in terms))
            warnings.append(f"holds {len(terms)} terms for {key}, used one after another: {labels}")
        if terms[0].named_for and key not in terms[0].named_for:
            width = TEXT_ENCODERS[key].hidden_size
            warnings.append(f"{_named(terms[0])} is {width} wide, as {key} is: used for {key}")
    return warnings


def warn_unequal(counts: Mapping[str, int]) -> list[str]:
    """Warn when *counts* of vectors differ: the shorter side is filled with other tokens."""
    if len(set(counts.values())) < 2:
        return []
    listed = ", ".join(f"{key} {count}" for key, count in counts.items())
    return [f"holds different numbers of vectors: {listed}"]


def _warn_norms(norms: Mapping[str, Norms]) -> list[str]:
    warnings = []
    for key, (smallest, largest) in norms.items():
        low, high = TEXT_ENCODERS[key].norms
        if largest == 0:
            warnings.append(f"all its vectors for {key} are zero: it has no effect")
        elif smallest < low or largest > high:
            warnings.append(
                f"its vectors for {key} are unusually {'short' if smallest < low else 'long'}: "
                f"norms {smallest:.3g} to {largest:.3g}, usual are {low:g} to {high:g}"
            )
    return warnings


# Small parts


def _named(term: Term) -> str:
    return f"its tensor {term.label}".rstrip()


def _holdings(contents: Contents) -> str:
    """Return what an unrecognised file holds."""
    tensors = named_tensors(contents)
    if not tensors:
        return "it holds no tensors"
    first = ", ".join(
        f"{shown(name) or 'one'} {tensor}" for name, tensor in list(tensors.items())[:2]
    )
    return f"it holds tensors of another kind ({first}{' …' * (len(tensors) > 2)})"
