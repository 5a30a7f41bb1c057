"""Open a file and say what it is: the only module that opens embedding files."""

from __future__ import annotations

import hashlib
import logging
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from lib_embeddings.entries.entry import PAIR, Entry, FileState, Reading
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.walk import Found, entry_of
from lib_embeddings.errors import (
    BrokenFile,
    EmbeddingError,
    NotAnEmbedding,
    UnsafeFile,
)
from lib_embeddings.formats.assemble import make_embedding, warn_unequal
from lib_embeddings.formats.containers import Source, read_contents
from lib_embeddings.formats.embedding import Contents, Embedding
from lib_embeddings.names import partner_of

log = logging.getLogger(__name__)

_STATES: tuple[tuple[type[EmbeddingError], FileState], ...] = (
    (NotAnEmbedding, "foreign"),
    (UnsafeFile, "unsafe"),
    (EmbeddingError, "broken"),
)
_V = TypeVar("_V")

_BLOCK = 1024 * 1024


class ChangedFile(BrokenFile):
    """The file changed while it was read: nobody knows yet what it is."""


def read_embedding(path: str | os.PathLike[str]) -> Embedding:
    """Read one embedding file, and the file it is a pair with.

    Raises:
        EmbeddingError: it is none, or cannot be used; `str(error)` says why, `error.path` which.
        OSError: it cannot be opened.
    """
    place = Place.of_file(path)
    embedding = _read_alone(place)
    partner = partner_of(place.filename)
    if partner is None:
        return embedding
    try:
        second = _read_alone(place.beside(partner))
    except (EmbeddingError, OSError):
        return embedding
    if not are_pair(embedding.vectors, second.vectors):
        return embedding
    vectors = {**embedding.vectors, **second.vectors}
    return replace(
        embedding,
        layout=PAIR,
        vectors=vectors,
        dtypes={**embedding.dtypes, **second.dtypes},
        warnings=(
            *embedding.warnings,
            *second.warnings,
            *warn_unequal({key: len(array) for key, array in vectors.items()}),
        ),
    )


def are_pair(first: Mapping[str, _V], second: Mapping[str, _V]) -> bool:
    """Tell whether two files hold the two halves of one SDXL embedding."""
    return first.keys() == {"clip_l"} and second.keys() == {"clip_g"}


def read_file(found: Found) -> Entry:
    """Say what a file is. Whatever is wrong with it becomes its reading; nothing is raised."""
    place, container = found.place, None
    try:
        with open_contents(place.full_path) as contents:
            container = contents.container
            embedding = make_embedding(place.name, contents)
    except ChangedFile as error:
        return _transient(found, str(error))
    except EmbeddingError as error:
        state = next(state for kind, state in _STATES if isinstance(error, kind))
        return entry_of(found, Reading(state, str(error), container))
    except FileNotFoundError:
        return _transient(found, "this file was deleted while it was read")
    except OSError as error:
        return _transient(found, f"this file cannot be read: {error.strerror or error}")
    except MemoryError:
        return _transient(
            found, "this file cannot be read now: the computer has too little free memory"
        )
    except Exception:  # a defect of ours in one file must not cost the user all others
        log.exception("unexpected error while reading %s", place.full_path)
        return _transient(found, "this file cannot be read: unexpected error, see the log")
    return entry_of(found, _reading_of(embedding), embedding.stored_name)


def _transient(found: Found, reason: str) -> Entry:
    return entry_of(found, Reading("broken", reason, is_transient=True))


def _reading_of(embedding: Embedding) -> Reading:
    return Reading(
        "ok",
        None,
        embedding.container,
        embedding.layout,
        embedding.info,
        embedding.metadata,
        embedding.warnings,
    )


@contextmanager
def open_contents(path: str) -> Iterator[Contents]:
    """Open a file and yield what it holds; its tensors can be fetched until the block ends.

    Raises:
        EmbeddingError: as `read_contents`; also when the file changes before the block ends.
        OSError: it cannot be opened.
    """
    mode = os.stat(path).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # opening a pipe would wait for its writer
        raise BrokenFile("this is a pipe, a socket or a device, not a file")
    with open(path, "rb", buffering=0) as file:
        before = os.fstat(file.fileno())
        try:
            yield read_contents(Source(file, before.st_size))
        finally:
            after = os.fstat(file.fileno())
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                raise ChangedFile("this file changed while it was read: it is read again soon")


def sha256(path: str) -> str:
    """Return the SHA-256 of a file, in hexadecimal. Raises `OSError`."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _read_alone(place: Place) -> Embedding:
    try:
        with open_contents(place.full_path) as contents:
            return make_embedding(place.name, contents)
    except EmbeddingError as error:
        error.path = place.full_path
        raise
