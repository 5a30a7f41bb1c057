"""Open a file and say what it is: the only module that opens embedding files."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from lib_embeddings.entries.snapshot import Reading, State, Told
from lib_embeddings.errors import (
    BrokenFile,
    EmbeddingError,
    NotAnEmbedding,
    UnsafeFile,
)
from lib_embeddings.formats.assemble import make_embedding, warn_unequal
from lib_embeddings.formats.containers import Source, read_contents
from lib_embeddings.formats.embedding import Contents, Embedding
from lib_embeddings.names import partner_of, split_name

log = logging.getLogger(__name__)

_STATES: tuple[tuple[type[EmbeddingError], State], ...] = (
    (NotAnEmbedding, "foreign"),
    (UnsafeFile, "unsafe"),
    (EmbeddingError, "broken"),
)
_V = TypeVar("_V")


def read_embedding(path: str | os.PathLike[str]) -> Embedding:
    """Read one embedding file, and the file it is a pair with.

    Raises:
        EmbeddingError: it is none, or cannot be used; `str(error)` says why, `error.path` which.
        OSError: it cannot be opened.
    """
    path = os.fspath(path)
    embedding = _read_alone(path)
    partner = os.path.join(os.path.dirname(path), partner_of(os.path.basename(path)) or "")
    if not os.path.isfile(partner):
        return embedding
    try:
        second = _read_alone(partner)
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


PAIR = "learned_embeds_pair"


def are_pair(first: Mapping[str, _V], second: Mapping[str, _V]) -> bool:
    """Tell whether two files hold the two halves of one SDXL embedding."""
    return first.keys() == {"clip_l"} and second.keys() == {"clip_g"}


def read_file(path: str) -> Told:
    """Say what a file is, and which name it stores.

    Whatever is wrong with it becomes the reading; nothing is raised.
    """
    container = None
    try:
        with open_contents(path) as contents:
            container = contents.container
            embedding = make_embedding(_name_of(path), contents)
            return describe(embedding), embedding.stored_name
    except EmbeddingError as error:
        state = next(state for kind, state in _STATES if isinstance(error, kind))
        return Reading(state, str(error), container), None
    except FileNotFoundError:
        reason = "this file disappeared while it was read"
        return Reading("broken", reason, is_passing=True), None
    except OSError as error:
        reason = f"this file cannot be read: {error.strerror or error}"
        return Reading("broken", reason, is_passing=True), None
    except MemoryError:
        reason = "this file cannot be read now: the computer has too little free memory"
        return Reading("broken", reason, is_passing=True), None
    except Exception:  # a defect of ours in one file must not cost the user all others
        log.exception("unexpected error while reading %s", path)
        reason = "this file cannot be read: unexpected error, see the log"
        return Reading("broken", reason, is_passing=True), None


def describe(embedding: Embedding) -> Reading:
    """Return what is worth knowing of an embedding once its vectors are gone."""
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
        raise BrokenFile("this is not a regular file")
    with open(path, "rb", buffering=0) as file:
        before = os.fstat(file.fileno())
        try:
            yield read_contents(Source(file, before.st_size))
        finally:
            after = os.fstat(file.fileno())
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                raise BrokenFile("this file changed while it was read; it will be read again")


def _read_alone(path: str) -> Embedding:
    try:
        with open_contents(path) as contents:
            return make_embedding(_name_of(path), contents)
    except EmbeddingError as error:
        error.path = path
        raise


def _name_of(path: str) -> str:
    name, _ = split_name(os.path.basename(path))
    return name
