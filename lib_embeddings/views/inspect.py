"""The contents of a file that a scan does not keep."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.read import open_contents, read_embedding
from lib_embeddings.entries.snapshot import Snapshot
from lib_embeddings.entries.texts import read_texts
from lib_embeddings.errors import EmbeddingError
from lib_embeddings.formats.embedding import Vectors, named_tensors
from lib_embeddings.formats.foreign import bundled_embeddings
from lib_embeddings.formats.text_encoders import TEXT_ENCODERS
from lib_embeddings.prompts.tokens import own_tokenizer
from lib_embeddings.views.catalogue import Catalogue
from lib_embeddings.views.lens import ViewEntry
from lib_embeddings.views.prepared import Prepared
from lib_embeddings.views.render import entry_as_json
from lib_embeddings.views.view import View

# From this ratio on, vectors are long compared with those of words.
_LONG = 3.0


@dataclass(frozen=True, slots=True)
class Inspection:
    """The contents of a file, as far as its state allows a look.

    Attributes:
        tensors: every tensor's path in the file -> its type and shape, as text.
        metadata: what the file says about itself.
        values: text encoder key -> statistics of its vectors.
        health: text encoder key -> how its vectors compare with those of words, if known.
        bundled: embeddings inside a LoRA -> n_vectors for each text encoder.
    """

    tensors: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str | int] = field(default_factory=dict)
    values: dict[str, dict[str, float]] = field(default_factory=dict)
    health: dict[str, str] = field(default_factory=dict)
    bundled: dict[str, dict[str, int]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "metadata": self.metadata,
            "tensors": self.tensors,
            "values": self.values,
            "health": self.health,
            "bundled": self.bundled,
        }


def inspect(entry: Entry) -> Inspection:
    """Look into one file as closely as its state allows.

    Raises:
        EmbeddingError: the file has just been replaced.
        OSError: it is gone.
    """
    tensors, metadata, bundled = _look_inside(entry)
    if entry.reading.state != "ok":
        return Inspection(tensors, metadata, bundled=bundled)
    embedding = read_embedding(entry.place.full_path)
    values = {key: statistics(vectors) for key, vectors in embedding.vectors.items()}
    compared = {
        key: _compare_with_words(key, vectors) for key, vectors in embedding.vectors.items()
    }
    health = {key: sentence for key, sentence in compared.items() if sentence}
    return Inspection(tensors, {**metadata, **embedding.metadata}, values, health)


def details_as_json(
    catalogue: Catalogue, seen: ViewEntry, inside: Inspection, sha256: Callable[[Entry], str]
) -> dict[str, Any]:
    """Return all facts about one file, as plain values.

    Args:
        sha256: hashes an entry's file; only called for embeddings, as other files may be huge.
    """
    hashed = sha256(seen.entry) if seen.entry.reading.state == "ok" else None
    for twin in catalogue.view.twins(seen):
        if twin.entry.size == seen.entry.size:
            with suppress(OSError):  # then nobody knows whether it is the same
                sha256(twin.entry)
    found = entry_as_json(catalogue, seen)
    claims = read_texts(seen.entry).claims
    if hashed and claims.sha256 not in (None, hashed):
        found["warnings"].append(
            f"what {claims.tool} says was written for another file, with SHA-256 {claims.sha256}"
        )
    return {**found, "sha256": hashed, **inside.as_json()}


def alone(entry: Entry) -> Catalogue:
    """Return a catalogue of one file, as if there were no others and no active model."""
    snapshot = Snapshot((entry.place.root,), {entry.place.full_folder: (entry,)})
    return Catalogue(0, Prepared(View.of(snapshot, None), own_tokenizer()))


def _look_inside(
    entry: Entry,
) -> tuple[dict[str, str], dict[str, str | int], dict[str, dict[str, int]]]:
    """Return a file's tensors, metadata and bundled embeddings; nothing where it is damaged."""
    try:
        with open_contents(entry.place.full_path) as contents:
            tensors = named_tensors(contents)
            shapes = {name: str(tensor) for name, tensor in tensors.items()}
            return shapes, dict(contents.metadata), bundled_embeddings(tensors)
    except EmbeddingError:
        return {}, {}, {}


def _compare_with_words(key: str, vectors: Vectors) -> str | None:
    """Compare vectors' lengths with those of words; None where nobody knows the latter.

    In 44 files from public collections, half had vectors 4 times as long as words and one in ten
    30 times.
    """
    word_norm = TEXT_ENCODERS[key].word_norm
    if word_norm is None:
        return None
    times = float(np.linalg.norm(vectors.astype(np.float64), axis=1).mean()) / word_norm
    if times > _LONG:
        effect = "it may overpower the rest of the prompt: a weight below 1 may help"
    elif times < 1 / _LONG:
        effect = "it may have little effect: a weight above 1 may help"
    else:
        effect = "it should mix well with others"
    return f"its vectors are {times:.1f} times as long as those of words: {effect}"


def statistics(vectors: Vectors) -> dict[str, float]:
    """Return the spread of *vectors* (n_vectors, hidden_size), and of their norms."""
    vectors = vectors.astype(np.float64)  # squares of large float32 numbers do not fit one
    norms = np.linalg.norm(vectors, axis=1)
    return {
        "min": float(vectors.min()),
        "max": float(vectors.max()),
        "mean": float(vectors.mean()),
        "std": float(vectors.std()),
        "norm_min": float(norms.min()),
        "norm_max": float(norms.max()),
    }
