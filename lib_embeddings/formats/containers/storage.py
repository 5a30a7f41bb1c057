"""Torch storages: flat runs of numbers; tensors are windows onto them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple, TypeGuard

import numpy as np

from lib_embeddings.errors import BrokenFile
from lib_embeddings.formats.embedding import Tensor, Vectors
from lib_embeddings.formats.file_bytes import decode, is_countable, itemsize_of, widen
from lib_embeddings.limits import LIMITS, at_most


@dataclass(frozen=True, slots=True)
class StorageType:
    """The class of a storage; *dtype* is None for an untyped one, which is counted in bytes."""

    dtype: str | None


class StorageId(NamedTuple):
    """What a pickle says of a storage that lies outside it."""

    dtype: str | None
    key: str
    n_bytes: int

    @property
    def itemsize(self) -> int:
        """How many bytes one number has; untyped storages are counted in bytes."""
        return itemsize_of(self.dtype) if self.dtype else 1


def parse_id(persistent_id: object) -> StorageId:
    """Read `("storage", type, key, device, count)`; old files add a view, or None.

    Raises:
        TypeError: no pickler of torch's writes such an id.
    """
    if type(persistent_id) is not tuple or len(persistent_id) not in (5, 6):
        raise TypeError
    kind, storage_type, key, _device, count, *view = persistent_id
    if kind != "storage" or type(storage_type) is not StorageType or type(key) is not str:
        raise TypeError
    if not are_counts((count,)) or view not in ([], [None]):
        raise TypeError
    itemsize = itemsize_of(storage_type.dtype) if storage_type.dtype else 1
    return StorageId(storage_type.dtype, key, count * itemsize)


@dataclass(frozen=True, slots=True)
class Storage:
    """A run of numbers in a file.

    Attributes:
        dtype: the stored type, or None for an untyped one, whose tensors bring their own.
        n_bytes: its length.
        read: reads (offset, length) of it, both in bytes.
        byte_order: `<` or `>`.
    """

    dtype: str | None
    n_bytes: int
    read: Callable[[int, int], bytes | memoryview]
    byte_order: str = "<"

    def tensor(
        self, offset: int, shape: Sequence[int], strides: Sequence[int], dtype: str | None = None
    ) -> Tensor:
        """Return the window at *offset* with *shape* and *strides*, all counted in numbers.

        Raises:
            BrokenFile: the window reaches outside the storage.
        """
        at_most(LIMITS.dimensions, max(len(shape), len(strides)), "dimensions of a tensor")
        if not are_counts((offset, *shape, *strides)) or len(shape) != len(strides):
            raise BrokenFile(
                "damaged: the shape and strides of a tensor are not whole numbers of one rank"
            )
        dtype = dtype or self.dtype or "uint8"
        extent = window_extent(shape, strides)
        itemsize = itemsize_of(dtype)
        if (offset + extent) * itemsize > self.n_bytes:
            raise BrokenFile(
                f"damaged: a tensor needs {(offset + extent) * itemsize:,} bytes of storage, "
                f"found {self.n_bytes:,}"
            )
        if not extent and not is_countable(shape):
            raise BrokenFile("damaged: the shape of a tensor without numbers is too large")
        window = Window(self, dtype, offset, tuple(shape), tuple(strides))
        return Tensor(dtype, window.shape, window.fetch)


class Window(NamedTuple):
    """The part of a storage that a tensor shows; offset and strides are counted in numbers."""

    storage: Storage
    dtype: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def fetch(self) -> Vectors:
        """Read the numbers under the window, and only those, as float32."""
        itemsize = itemsize_of(self.dtype)
        extent = window_extent(self.shape, self.strides)
        at_most(
            LIMITS.tensor_bytes, max(extent, prod(self.shape)) * itemsize, "bytes of tensor data"
        )
        data = self.storage.read(self.offset * itemsize, extent * itemsize)
        numbers = decode(data, self.dtype, self.storage.byte_order)
        if not numbers.size or self.strides == contiguous_strides(self.shape):
            return widen(numbers.reshape(self.shape), self.dtype)
        # The stride of a dimension of one is never taken, and may be any number.
        byte_strides = [
            stride * itemsize if size > 1 else 0
            for size, stride in zip(self.shape, self.strides, strict=True)
        ]
        view = np.lib.stride_tricks.as_strided(numbers, self.shape, byte_strides, writeable=False)
        return widen(np.ascontiguousarray(view), self.dtype)


def are_counts(numbers: object) -> TypeGuard[tuple[int, ...]]:
    """Return whether *numbers* is a tuple of whole numbers from zero up."""
    return type(numbers) is tuple and all(type(n) is int and n >= 0 for n in numbers)


def window_extent(shape: Sequence[int], strides: Sequence[int]) -> int:
    """Count the numbers between the first and the last one a window shows, both included."""
    if 0 in shape:
        return 0
    return 1 + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))


def contiguous_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the strides of *shape* in C order, counted in numbers."""
    strides: list[int] = []
    step = 1
    for size in reversed(shape):
        strides.append(step)
        step *= size
    return tuple(reversed(strides))
