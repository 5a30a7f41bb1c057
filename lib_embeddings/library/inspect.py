"""All that can be told about one file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lib_embeddings.entries.fit import check
from lib_embeddings.entries.read import open_contents, read_embedding
from lib_embeddings.entries.scan import entry_at
from lib_embeddings.entries.snapshot import Entry, FittedEntry
from lib_embeddings.errors import EmbeddingError
from lib_embeddings.formats.embedding import Vectors
from lib_embeddings.formats.foreign import bundled_embeddings
from lib_embeddings.formats.tree import named_tensors
from lib_embeddings.library.render import entry_as_json
from lib_embeddings.prompts.name_checks import Advice, NameChecks
from lib_embeddings.prompts.tokenizer import own_tokenizer

_BLOCK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Inspection:
    """What `inspect` shows.

    Attributes:
        entry: the file as a scan of its folder would list it.
        sha256: of the whole file; only of embeddings, as other files may be huge.
        tensors: every tensor's path in the file -> its type and shape, as text.
        metadata: what the file says about itself.
        values: text encoder key -> statistics of its vectors.
        bundled: embeddings that a LoRA brings with it -> n_vectors for each text encoder.
    """

    entry: Entry
    sha256: str | None = None
    tensors: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str | int] = field(default_factory=dict)
    values: dict[str, dict[str, float]] = field(default_factory=dict)
    bundled: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def fitted(self) -> FittedEntry:
        """The file as seen without an active model."""
        verdict = check(self.entry.reading.vectors, None) if self.entry.state == "ok" else None
        return FittedEntry(self.entry, verdict)

    @property
    def advice(self) -> Advice:
        """What to say about its name, as far as no others count."""
        return NameChecks([self.fitted], own_tokenizer()).of(self.fitted)

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values: the entry's fields first."""
        return {
            **entry_as_json(self.fitted, self.advice),
            "sha256": self.sha256,
            "metadata": self.metadata,
            "tensors": self.tensors,
            "values": self.values,
            "bundled": self.bundled,
        }


def inspect(path: str) -> Inspection:
    """Look at one file as closely as its state allows. Raises `OSError` when there is none."""
    entry = entry_at(path)
    tensors, metadata, bundled = _look_inside(path)
    if entry.state != "ok":
        return Inspection(entry, None, tensors, metadata, {}, bundled)
    embedding = read_embedding(path)
    values = {key: statistics(vectors) for key, vectors in embedding.vectors.items()}
    return Inspection(entry, sha256(path), tensors, {**metadata, **embedding.metadata}, values)


def _look_inside(
    path: str,
) -> tuple[dict[str, str], dict[str, str | int], dict[str, dict[str, int]]]:
    """Return a file's tensors, metadata and bundled embeddings; nothing where it is damaged."""
    try:
        with open_contents(path) as contents:
            tensors = named_tensors(contents)
            shapes = {name: str(tensor) for name, tensor in tensors.items()}
            return shapes, dict(contents.metadata), bundled_embeddings(tensors)
    except EmbeddingError:
        return {}, {}, {}


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


def sha256(path: str) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
