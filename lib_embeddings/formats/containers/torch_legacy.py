"""Files written by `torch.save` before torch 1.6: five pickles and a row of storages.

    pickle    the magic number 0x1950a86a20f9469cfc6c
    pickle    the protocol version, 1001
    pickle    {"little_endian": bool, …}
    pickle    the object; tensors in it refer to storages by key
    pickle    the storages' keys, in the order of what follows
    storage   for each key: how many numbers, as a 64-bit integer, then the numbers

A pickle that does not begin like this was not written by torch. It is interpreted all the same, to
find out whether it is harmless, but it holds no embedding.

Source: torch's `serialization.py`, `_legacy_save`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Collection
from functools import partial
from typing import TypeGuard

from lib_embeddings.errors import BrokenFile, LimitExceeded, NotAnEmbedding
from lib_embeddings.formats.containers.pickle_opcodes import load
from lib_embeddings.formats.containers.storage import Storage, parse_id
from lib_embeddings.formats.containers.torch_globals import TORCH_GLOBALS
from lib_embeddings.formats.embedding import Contents
from lib_embeddings.formats.source import Source, cut_short
from lib_embeddings.limits import LIMITS

NAME = "torch-legacy"

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL_VERSION = 1001
_COUNT = struct.Struct("<q")
# Protocols 0 and 1 have no mark of their own: a few opcodes, two lines that name a class, and one
# of the opcodes that may follow.
_BEGINS_PICKLE = re.compile(
    rb"\x80[\x02-\x05]"
    rb"|[(\]})ldtqp0-9\x00\n]*[ci][A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n(?:[()NpqRSVUXT0.]|\Z)"
)


def accepts(head: bytes) -> bool:
    """Return whether the bytes begin a pickle: of protocol 2 up, or an older one naming a class."""
    return _BEGINS_PICKLE.match(head) is not None


def read(source: Source) -> Contents:
    """Read the pickles; storages stay in the file until a tensor is fetched."""
    pickles = _Pickles(source)
    if pickles.next() != _MAGIC_NUMBER:
        raise NotAnEmbedding("this is a pickle that torch did not write, not an embedding")
    if pickles.next() != _PROTOCOL_VERSION:
        raise BrokenFile(f"unknown version of torch's format: expected {_PROTOCOL_VERSION}")
    system = pickles.next()
    if isinstance(system, dict) and system.get("little_endian") is False:
        pickles.storages.byte_order = ">"
    root = pickles.next()
    pickles.storages.place(pickles.next(), pickles.position)
    return Contents(NAME, root)


class _Pickles:
    """The pickles at the beginning of a file, one after another."""

    def __init__(self, source: Source) -> None:
        self._data = source.read_up_to(0, LIMITS.pickle_bytes)
        self._is_all = len(self._data) == source.size
        self.position = 0
        self.storages = _Storages(source)

    def next(self) -> object:
        """Return the value of the next pickle."""
        try:
            value, self.position = load(
                self._data, TORCH_GLOBALS, self.storages.find, self.position
            )
        except LimitExceeded:
            raise
        except BrokenFile as error:
            if self._is_all:  # nothing but the pickle itself says whether it is whole
                raise BrokenFile(f"{error}; download it again") from error
            raise LimitExceeded(
                "bytes of pickle", LIMITS.pickle_bytes, LIMITS.pickle_bytes + 1
            ) from error
        return value


class _Storages:
    """The storages after the pickles. Where they lie is known only after the last pickle."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._sizes: dict[str, int] = {}
        self._offsets: dict[str, int] = {}
        self.byte_order = "<"

    def find(self, persistent_id: object) -> object:
        """Return the storage, or the class, that a persistent id describes."""
        if type(persistent_id) is tuple and persistent_id[:1] == ("module",):
            # A class beside its source text, for people to compare: the class has been looked up.
            return persistent_id[1]
        dtype, key, n_bytes = parse_id(persistent_id)
        self._sizes[key] = n_bytes
        return Storage(dtype, n_bytes, partial(self._read, key), self.byte_order)

    def _read(self, key: str, offset: int, length: int) -> memoryview:
        return self._source.view(self._offsets[key] + offset, length)

    def place(self, keys: object, position: int) -> None:
        """Note where each storage lies, the first at *position*."""
        if not _is_permutation(keys, self._sizes):
            raise BrokenFile(
                "damaged: its list of storages does not match its tensors; download it again"
            )
        expected = position + sum(_COUNT.size + size for size in self._sizes.values())
        if expected > self._source.size:
            raise cut_short(expected, self._source.size)
        for key in keys:
            self._offsets[key] = position + _COUNT.size
            position += _COUNT.size + self._sizes[key]


def _is_permutation(keys: object, known: Collection[str]) -> TypeGuard[list[str]]:
    """Return whether *keys* is a list of every known key, each once, in any order."""
    if type(keys) is not list or not all(type(key) is str for key in keys):
        return False
    return len(keys) == len(known) and set(keys) == set(known)
