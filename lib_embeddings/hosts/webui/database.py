"""The WebUI's database of embeddings, and our entries in it, which are read when first used.

Each of its tables is replaced by a new one in a single step. So whoever reads it in another thread
sees either the state before or the state after.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

import torch
from modules import devices

from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.read import read_embedding
from lib_embeddings.errors import BrokenFile, EmbeddingError
from lib_embeddings.formats.embedding import Vectors, tokens_taken
from lib_embeddings.formats.text_encoders import TEXT_ENCODERS
from lib_embeddings.prompts.infotext import short_hash
from lib_embeddings.prompts.tokens import TokenIds

log = logging.getLogger(__name__)

Vec = torch.Tensor | dict[str, torch.Tensor]
# Any: the WebUI's class, which is not typed.
HostEmbedding = Any
Lookup = dict[int, list[tuple[TokenIds, HostEmbedding]]]


class Database(Protocol):
    """What is used of the WebUI's database.

    Attributes:
        ids_lookup: first token id -> the embeddings that may begin there, longest first.
        word_embeddings: name -> what prompts can use, sorted by name.
        skipped_embeddings: name -> what the model cannot use.
    """

    ids_lookup: Lookup
    word_embeddings: dict[str, HostEmbedding]
    skipped_embeddings: dict[str, HostEmbedding]


def register(
    database: Database,
    wanted: Mapping[str, HostEmbedding],
    token_ids: Mapping[str, TokenIds],
    is_ours: Callable[[HostEmbedding], bool],
) -> bool:
    """Let prompts use *wanted*, and no other entries of ours; return whether anything changed.

    Entries that others registered are kept, and keep their names.
    """
    words = database.word_embeddings
    present = {name: embedding for name, embedding in words.items() if is_ours(embedding)}
    theirs = {name: embedding for name, embedding in words.items() if name not in present}
    gone = [e for name, e in present.items() if wanted.get(name) is not e]
    new = [e for name, e in wanted.items() if present.get(name) is not e and name not in theirs]
    if not gone and not new:
        return False
    database.ids_lookup = _changed_lookup(database.ids_lookup, gone, new, token_ids)
    all_words = {**wanted, **theirs}
    database.word_embeddings = {name: all_words[name] for name in sorted(all_words, key=str.lower)}
    return True


def skip(
    database: Database,
    unavailable: Mapping[str, HostEmbedding],
    is_ours: Callable[[HostEmbedding], bool],
) -> None:
    """List *unavailable*, and no other entries of ours, as what the model cannot use."""
    skipped = database.skipped_embeddings
    theirs = {name: embedding for name, embedding in skipped.items() if not is_ours(embedding)}
    database.skipped_embeddings = {**theirs, **unavailable}


def withdraw(database: Database) -> None:
    """Remove all our entries from a database."""
    register(database, {}, {}, is_file_embedding)
    skip(database, {}, is_file_embedding)


def _changed_lookup(
    lookup: Lookup,
    gone: Collection[HostEmbedding],
    new: Collection[HostEmbedding],
    token_ids: Mapping[str, TokenIds],
) -> Lookup:
    leaving = set(map(id, gone))
    arriving: Lookup = defaultdict(list)
    for embedding in new:
        ids = token_ids[embedding.name]
        arriving[ids[0]].append((ids, embedding))
    left = {first for first, rows in lookup.items() if any(id(e) in leaving for _, e in rows)}
    changed = dict(lookup)
    for first in left.union(arriving):
        rows = [row for row in lookup.get(first, ()) if id(row[1]) not in leaving]
        rows += arriving.get(first, ())
        changed[first] = sorted(rows, key=lambda row: len(row[0]), reverse=True)
        if not rows:
            del changed[first]
    return changed


def make_vec(arrays: Mapping[str, Vectors], encoders: Sequence[str], n_vectors: int) -> Vec:
    """Return the rows for some text encoders on the WebUI's device; zeros where there are none."""
    tensors: dict[str, torch.Tensor] = {}
    for key in encoders:
        empty = torch.zeros(n_vectors, TEXT_ENCODERS[key].hidden_size)
        tensor = torch.tensor(arrays[key]) if key in arrays else empty
        tensors[key] = tensor.to(devices.device, dtype=torch.float32)
    return tensors if len(tensors) > 1 else next(iter(tensors.values()))


class FileEmbedding:
    """An embedding of ours in the WebUI's database.

    `shape`, `vectors`, `vec`, `hash` and `shorthash` are the WebUI's words: the sum of the hidden
    sizes, the number of vectors, the tensors, the SHA-256 and its beginning.
    """

    _vec: Vec | None
    _hash: str | None

    def __init__(
        self, entry: Entry, encoders: Sequence[str], sha256: Callable[[Entry], str]
    ) -> None:
        """Stand in for a file that is not opened yet.

        Args:
            encoders: keys of the text encoders that the vectors are for.
            sha256: hashes an entry's file; raises `OSError`.
        """
        metadata = entry.reading.metadata
        sizes = entry.reading.vectors
        self.name = entry.place.name
        self.step = metadata.get("step")
        self.entry = entry
        self.encoders = tuple(encoders)
        self.filename = entry.place.full_path
        self.sd_checkpoint = metadata.get("sd_checkpoint")
        self.sd_checkpoint_name = metadata.get("sd_checkpoint_name")
        self.vectors = tokens_taken({key: sizes[key].n_vectors for key in encoders if key in sizes})
        self.shape = sum(sizes[key].hidden_size for key in encoders if key in sizes)
        self._sha256 = sha256
        self._vec = self._hash = None

    @property
    def identity(self) -> tuple[object, ...]:
        """Changes only when the file, or what it is used for, changes."""
        entry = self.entry
        return entry.place, entry.size, entry.mtime_ns, self.encoders

    @property
    def vec(self) -> Vec:
        """The tensors; on the WebUI's device from the first use on."""
        if self._vec is None:
            self._vec = self._make_vec()
        return self._vec

    @vec.setter
    def vec(self, vec: Vec | None) -> None:
        self._vec = vec

    @property
    def hash(self) -> str:
        """The file's SHA-256; empty where it cannot be computed."""
        if self._hash is None:
            try:
                self._hash = self._sha256(self.entry)
            except OSError:
                self._hash = ""
        return self._hash

    @hash.setter  # noqa: A003 - the WebUI's word
    def hash(self, value: str | None) -> None:
        self._hash = value

    @property
    def shorthash(self) -> str:
        """What the WebUI writes into infotexts."""
        return short_hash(self.hash)

    @shorthash.setter
    def shorthash(self, _value: str | None) -> None:
        """Follow from `hash`, whatever the WebUI sets."""

    def _make_vec(self) -> Vec:
        try:
            arrays = dict(read_embedding(self.filename).vectors)
            sizes = {key: info[:2] for key, info in self.entry.reading.vectors.items()}
            if {key: array.shape for key, array in arrays.items()} != sizes:
                raise BrokenFile("its vectors changed since it was looked at")
        except (EmbeddingError, OSError) as error:
            log.warning("the embedding %s is left out of this prompt: %s", self.name, error)
            arrays = {}
        return make_vec(arrays, self.encoders, self.vectors)


def is_file_embedding(embedding: HostEmbedding) -> bool:
    """Return whether an entry is ours."""
    return isinstance(embedding, FileEmbedding)
