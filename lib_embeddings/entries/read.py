"""Open a file and say what it is: the only module that opens files in folders of embeddings."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from lib_embeddings.entries.entry import PAIR, Entry, FileState, Found, Reading, entry_of
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.walk import NO_FILE
from lib_embeddings.errors import (
    BrokenFile,
    EmbeddingError,
    NotAnEmbedding,
    PackedEmbedding,
    UnsafeFile,
    shown,
)
from lib_embeddings.formats.assemble import make_embedding, warn_unequal
from lib_embeddings.formats.containers import FileBytes, read_contents
from lib_embeddings.formats.embedding import Contents, Embedding
from lib_embeddings.limits import LIMITS, at_most
from lib_embeddings.names import PICTURE_SUFFIXES, SUFFIXES, mend_ending, partner_of, was_embedding

log = logging.getLogger(__name__)

_STATES: tuple[tuple[type[EmbeddingError], FileState], ...] = (
    (NotAnEmbedding, "foreign"),
    (UnsafeFile, "unsafe"),
    (EmbeddingError, "broken"),
)

# The usual endings of containers; all others are pictures.
_SUFFIXES = {"safetensors": ".safetensors", "torch-zip": ".pt", "torch-legacy": ".pt"}
_BLOCK = 1024 * 1024


class ChangedFile(BrokenFile):
    """The file changed while it was read, so nobody knows yet what it is."""


class NoFile(ChangedFile, OSError):
    """Something other than a file lies there now."""


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
    pair = join(_reading_of(embedding), _reading_of(second))
    if pair is None:
        return embedding
    return replace(
        embedding,
        layout=PAIR,
        vectors={**embedding.vectors, **second.vectors},
        dtypes={**embedding.dtypes, **second.dtypes},
        warnings=pair.warnings,
    )


def join(first: Reading, second: Reading) -> Reading | None:
    """Return the joint reading of the two halves of an SDXL embedding; None if they are not that.

    The stored name and the metadata are those of the first.
    """
    if list(first.vectors) != ["clip_l"] or list(second.vectors) != ["clip_g"]:
        return None
    vectors = {**first.vectors, **second.vectors}
    unequal = warn_unequal({key: info.n_vectors for key, info in vectors.items()})
    warnings = (*first.warnings, *second.warnings, *unequal)
    return first._replace(layout=PAIR, vectors=vectors, warnings=warnings)


def read_file(found: Found) -> Entry:
    """Return what a file is. A fault in it becomes its reading; nothing is raised.

    An embedding whose file has the ending of something else is said to be misnamed. Any other file
    with such an ending is *foreign*, unless its name says that it was meant to be an embedding.
    """
    place, container = found.place, None
    is_misnamed = place.suffix not in SUFFIXES
    is_likely = not is_misnamed or was_embedding(place.filename)
    try:
        with open_contents(place.full_path, is_likely=is_likely) as contents:
            container = contents.container
            embedding = _make(place, contents)
    except ChangedFile as error:
        return _transient(found, str(error))
    except EmbeddingError as error:
        is_foreign = not (is_likely or isinstance(error, PackedEmbedding))
        state = next(state for kind, state in _STATES if isinstance(error, kind))
        return entry_of(found, Reading("foreign" if is_foreign else state, str(error), container))
    except FileNotFoundError:
        return _transient(found, "this file was deleted while it was being read")
    except OSError as error:
        return _transient(found, f"this file cannot be read: {error.strerror or error}")
    except MemoryError:
        return _transient(
            found, "this file cannot be read now: the computer has too little free memory"
        )
    except Exception:  # a defect of ours with one file must not cost the user all others
        log.exception("unexpected error while reading %s", place.full_path)
        return _transient(found, "this file cannot be read: unexpected error, see the log")
    if is_misnamed:
        return entry_of(found, _misnamed(place, container))
    return entry_of(found, _reading_of(embedding), embedding.stored_name)


def _misnamed(place: Place, container: str) -> Reading:
    """Return the reading of an embedding whose file has the ending of something else."""
    better = shown(mend_ending(place.filename, usual_suffix(container)), 255)
    reason = f"this is an embedding with the wrong ending in its file name: rename it to {better}"
    return Reading("broken", reason, container)


def usual_suffix(container: str | None) -> str:
    """Return the usual ending of files with a container."""
    return _SUFFIXES.get(container or "", PICTURE_SUFFIXES[0])


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
def open_contents(path: str, *, is_likely: bool = True) -> Iterator[Contents]:
    """Open a file and yield what it holds; its tensors can be fetched until the block ends.

    Args:
        is_likely: whether it is probably an embedding; otherwise only the first bytes are read.

    Raises:
        EmbeddingError: as `read_contents`; also when the file changes before the block ends.
        OSError: it cannot be opened.
    """
    head_bytes = LIMITS.head_bytes if is_likely else LIMITS.first_bytes
    with open_file(path) as file:
        before = os.fstat(file.fileno())
        try:
            yield read_contents(FileBytes(file, before.st_size, head_bytes))
        finally:
            after = os.fstat(file.fileno())
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                raise ChangedFile(
                    "this file changed while it was being read: it will be read again soon"
                )


@contextmanager
def open_file(path: str) -> Iterator[io.FileIO]:
    """Open a file in a folder where anything may lie, now or a moment later.

    Raises:
        OSError: it cannot be opened; `NoFile` if it is a pipe, a socket or a device.
    """
    _check_kind(os.stat(path))  # opening a device may do something, and a socket cannot be opened
    with open(path, "rb", buffering=0, opener=_open_at_once) as file:
        _check_kind(os.fstat(file.fileno()))
        yield file


def _open_at_once(path: str, flags: int) -> int:
    """Open a file without waiting: a pipe would wait for its writer."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _check_kind(status: os.stat_result) -> None:
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise NoFile(NO_FILE)


def sha256(path: str) -> str:
    """Return the SHA-256 of a file, in hexadecimal. Raises `OSError`."""
    digest = hashlib.sha256()
    with open_file(path) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _make(place: Place, contents: Contents) -> Embedding:
    """Return the embedding in a file, unless the file is far larger: all of it is hashed."""
    embedding = make_embedding(place.name, contents)
    at_most(LIMITS.read_bytes, os.path.getsize(place.full_path), "bytes")
    return embedding


def _read_alone(place: Place) -> Embedding:
    try:
        with open_contents(place.full_path) as contents:
            return _make(place, contents)
    except EmbeddingError as error:
        error.path = place.full_path
        raise
