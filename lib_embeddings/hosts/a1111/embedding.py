"""The WebUI's own kind of embedding, made from an entry, and read when a prompt first uses it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import torch
from modules import devices
from modules.textual_inversion.textual_inversion import Embedding

from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.read import read_embedding
from lib_embeddings.errors import BrokenFile, EmbeddingError
from lib_embeddings.formats.embedding import Vectors
from lib_embeddings.formats.text_encoders import TEXT_ENCODERS

log = logging.getLogger(__name__)

Vec = torch.Tensor | dict[str, torch.Tensor]


class FileEmbedding(Embedding):  # type: ignore[misc] # the WebUI is not typed
    """An embedding of ours in the WebUI's database.

    `shape`, `vectors`, `vec`, `hash` and `shorthash` are the WebUI's words: the sum of the hidden
    sizes, the number of vectors, the tensors, the SHA-256 and its beginning.
    """

    _vec: Vec | None
    _hash: str | None

    def __init__(
        self, entry: Entry, encoders: Sequence[str], sha256: Callable[[Entry], str]
    ) -> None:
        """Stand for a file that is not opened yet.

        Args:
            encoders: keys of the text encoders that the vectors are for.
            sha256: hashes an entry's file; raises `OSError`.
        """
        metadata = entry.reading.metadata
        super().__init__(None, entry.place.name, metadata.get("step"))
        sizes = entry.reading.vectors
        self.entry = entry
        self.encoders = tuple(encoders)
        self.filename = entry.place.full_path
        self.sd_checkpoint = metadata.get("sd_checkpoint")
        self.sd_checkpoint_name = metadata.get("sd_checkpoint_name")
        self.vectors = max(sizes[key].n_vectors for key in encoders if key in sizes)
        self.shape = sum(sizes[key].hidden_size for key in encoders if key in sizes)
        self._sha256 = sha256

    @property
    def identity(self) -> tuple[object, ...]:
        """The same for as long as the file and what it is used for stay the same."""
        entry = self.entry
        return entry.place, entry.size, entry.mtime_ns, self.encoders

    @property
    def vec(self) -> Vec:
        """The tensors, on the WebUI's device from the first use on."""
        if self._vec is None:
            self._vec = self._make_vec()
        return self._vec

    @vec.setter
    def vec(self, vec: Vec | None) -> None:
        self._vec = vec

    @property
    def hash(self) -> str:
        """The file's SHA-256; empty where it cannot be had."""
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
        return self.hash[:12]

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
        tensors = {key: self._tensor(key, arrays.get(key)) for key in self.encoders}
        return tensors if len(tensors) > 1 else next(iter(tensors.values()))

    def _tensor(self, key: str, rows: Vectors | None) -> torch.Tensor:
        """Return as many rows as the prompt has room for, of zeros where there are none.

        The WebUI makes room for the same number of vectors in each text encoder.
        """
        hidden_size = TEXT_ENCODERS[key].hidden_size
        tensor = torch.zeros(self.vectors, hidden_size)
        if rows is not None:
            tensor[: len(rows)] = torch.tensor(rows)
        return tensor.to(devices.device, dtype=torch.float32)
