"""Files written by `torch.save` before torch 1.6: five pickles and a row of storages.

    pickle    the magic number 0x1950a86a20f9469cfc6c
    pickle    the protocol version, 1001
    pickle    {"little_endian": bool, …}
    pickle    the object; tensors in it refer to storages by key
    pickle    the storages' keys, in the order of what follows
    storage   for each key: how many numbers, as a 64-bit integer, then the numbers

A pickle that does not begin like this was not written by torch. It is still interpreted, to
find out whether it is harmless, but it holds no embedding. A file that other readers would take for
a tar or zip archive is refused.

Source: torch's `serialization.py`, `_legacy_save`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Collection
from functools import partial
from typing import TypeGuard

from lib_embeddings.errors import (
    BrokenFile,
    EmbeddingError,
    LimitExceeded,
    NotAnEmbedding,
    UnsafeFile,
    shown,
)
from lib_embeddings.formats.containers.pickle_opcodes import load
from lib_embeddings.formats.containers.pickle_stack import Rebuilder
from lib_embeddings.formats.containers.storage import Storage, StorageId, parse_id
from lib_embeddings.formats.containers.torch_globals import TORCH_GLOBALS
from lib_embeddings.formats.containers.unrecognised import is_tar
from lib_embeddings.formats.containers.zip_directory import ends_with_archive
from lib_embeddings.formats.embedding import Contents
from lib_embeddings.formats.file_bytes import FileBytes, cut_short
from lib_embeddings.limits import LIMITS

NAME = "torch-legacy"

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL_VERSION = 1001
_COUNT = struct.Struct("<q")
_BEGINS_PICKLE = re.compile(rb"\x80[\x02-\x05]")
_IMPORTABLE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
_PLAIN = "this is a pickle that torch did not write, not an embedding"


def accepts(head: bytes) -> bool:
    """Return whether the bytes begin a pickle of protocol 2 up; torch itself asks for tar first."""
    return _BEGINS_PICKLE.match(head) is not None and not is_tar(head)


def read(file: FileBytes) -> Contents:
    """Read the pickles; storages stay in the file until a tensor is fetched."""
    pickles = _Pickles(file)
    if pickles.next() != _MAGIC_NUMBER:
        raise NotAnEmbedding(_PLAIN)
    if pickles.next() != _PROTOCOL_VERSION:
        raise BrokenFile(f"unknown version of torch's format: expected {_PROTOCOL_VERSION}")
    pickles.next()  # of the system; torch has turned the numbers to little-endian, whatever it says
    root = pickles.next()
    pickles.storages.place(pickles.next(), pickles.position)
    if ends_with_archive(file):
        raise BrokenFile(
            "a zip archive is hidden at its end, which some programs would read instead"
        )
    return Contents(NAME, root)


def old_pickle(head: bytes) -> EmbeddingError | None:
    """Return the error for a pickle of protocol 0 or 1, which has no mark; None for other files.

    Such a pickle is unsafe if it calls what it names, wherever it ends, or if it is complete.
    """
    wanted: list[str] = []

    def find(name: tuple[str, str]) -> object:
        if not all(map(_IMPORTABLE.fullmatch, name)):
            raise ValueError
        wanted.append(".".join(name))
        return TORCH_GLOBALS.get(name) or Rebuilder(partial(_refuse, wanted[-1]))

    try:
        load(head, find, lambda _: None)
    except UnsafeFile as error:
        return error
    except BrokenFile:
        return None
    unknown = [name for name in wanted if tuple(name.rsplit(".", 1)) not in TORCH_GLOBALS]
    return UnsafeFile(unknown[0], 0) if unknown else NotAnEmbedding(_PLAIN)


def _refuse(wanted: str, *_: object) -> object:
    raise UnsafeFile(wanted, 0)


class _Pickles:
    """The pickles at the beginning of a file, one after another."""

    def __init__(self, file: FileBytes) -> None:
        self._data = file.read_up_to(0, LIMITS.pickle_bytes)
        self._is_all = len(self._data) == file.size
        self.position = 0
        self.storages = _Storages(file)

    def next(self) -> object:
        """Return the value of the next pickle."""
        try:
            value, self.position = load(
                self._data, TORCH_GLOBALS.get, self.storages.find, self.position
            )
        except LimitExceeded:
            raise
        except BrokenFile as error:
            if self._is_all:  # nothing but the pickle itself shows whether it is complete
                raise BrokenFile(f"{error}; download it again") from error
            raise LimitExceeded(
                "bytes of pickle", LIMITS.pickle_bytes, LIMITS.pickle_bytes + 1
            ) from error
        return value


class _Storages:
    """The storages after the pickles. Where they lie is known only after the last pickle."""

    def __init__(self, file: FileBytes) -> None:
        self._file = file
        self._found: dict[str, StorageId] = {}
        self._offsets: dict[str, int] = {}

    def find(self, persistent_id: object) -> object:
        """Return the storage, or the class, that a persistent id describes."""
        if type(persistent_id) is tuple and persistent_id[:1] == ("module",):
            # A class with its source text, for people to compare: the class has been looked up.
            return persistent_id[1]
        identity = parse_id(persistent_id)
        if self._found.setdefault(identity.key, identity) != identity:
            raise BrokenFile(f"its storage {shown(identity.key)} is described in two ways")
        return Storage(identity.dtype, identity.n_bytes, partial(self._read, identity.key))

    def _read(self, key: str, offset: int, length: int) -> memoryview:
        return self._file.view(self._offsets[key] + offset, length)

    def place(self, keys: object, position: int) -> None:
        """Note where each storage lies, the first at *position*, and compare its count."""
        if not _is_permutation(keys, self._found):
            raise BrokenFile(
                "damaged: its list of storages does not match its tensors; download it again"
            )
        expected = position + sum(_COUNT.size + found.n_bytes for found in self._found.values())
        if expected > self._file.size:
            raise cut_short(expected, self._file.size)
        for key in keys:
            found = self._found[key]
            (count,) = _COUNT.unpack(self._file.read(position, _COUNT.size))
            if count * found.itemsize != found.n_bytes:
                raise BrokenFile(
                    f"damaged: its storage {shown(key)} should have {found.n_bytes:,} bytes, found "
                    f"{count * found.itemsize:,}; download it again"
                )
            self._offsets[key] = position + _COUNT.size
            position += _COUNT.size + found.n_bytes


def _is_permutation(keys: object, known: Collection[str]) -> TypeGuard[list[str]]:
    """Return whether *keys* is a list of every known key, each once, in any order."""
    if type(keys) is not list or not all(type(key) is str for key in keys):
        return False
    return len(keys) == len(known) and set(keys) == set(known)
