"""Storages, and the tensors that are windows onto them."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib_embeddings.errors import BrokenFile, LimitExceeded, NotAnEmbedding
from lib_embeddings.formats.containers.storage import Storage

NUMBERS = np.arange(24, dtype=np.float32)


def storage(dtype: str | None = "float32", numbers: np.ndarray = NUMBERS) -> Storage:
    """Return a storage in memory."""
    data = numbers.tobytes()
    return Storage(dtype, len(data), lambda offset, length: data[offset : offset + length])


@given(st.data())
def test_shows_the_numbers_that_numpy_shows(data: st.DataObject) -> None:
    """Any offset, shape and strides inside the storage give what numpy's own view gives."""
    shape = tuple(data.draw(st.lists(st.integers(0, 4), max_size=3)))
    strides = tuple(data.draw(st.integers(0, 5)) for _ in shape)
    offset = data.draw(st.integers(0, 3))
    expected = np.lib.stride_tricks.as_strided(
        np.arange(100, dtype=np.float32)[offset:], shape, [4 * stride for stride in strides]
    )
    numbers = np.arange(100, dtype=np.float32)
    assert (storage(numbers=numbers).tensor(offset, shape, strides).fetch() == expected).all()


def test_reads_only_the_window() -> None:
    """A slice of a large storage costs as much as the slice."""
    asked: list[tuple[int, int]] = []

    def read(offset: int, length: int) -> bytes:
        asked.append((offset, length))
        return bytes(length)

    Storage("float32", 2**40, read).tensor(2**20, (2, 3), (3, 1)).fetch()
    assert asked == [(2**22, 24)]


@pytest.mark.parametrize(
    ("offset", "shape", "strides", "message"),
    [
        (0, (25,), (1,), "needs 100 bytes of storage, found 96"),
        (1, (24,), (1,), "needs 100 bytes of storage, found 96"),
        (0, (2, 2), (1, 2**62), "needs 18,446,744,073,709,551,624 bytes of storage"),
        (2**70, (), (), "bytes of storage, found"),
        (-1, (1,), (1,), "the shape and strides of a tensor are not whole numbers"),
        (0, (-1,), (1,), "the shape and strides of a tensor are not whole numbers"),
        (0, (1,), (-1,), "the shape and strides of a tensor are not whole numbers"),
        (0, (True,), (1,), "the shape and strides of a tensor are not whole numbers"),
        (0, (1.0,), (1,), "the shape and strides of a tensor are not whole numbers"),
        (0, (2**62, 0), (1, 1), "the shape of a tensor without numbers is too large"),
        (0, (1, 1), (1,), "the shape and strides of a tensor are not whole numbers"),
    ],
)
def test_refuses_an_impossible_window(
    offset: int, shape: tuple[int, ...], strides: tuple[int, ...], message: str
) -> None:
    """A window outside its storage is refused before anything is read, with both sizes."""
    with pytest.raises(BrokenFile, match=message):
        storage().tensor(offset, shape, strides)


def test_refuses_a_window_that_repeats_numbers_without_end() -> None:
    """A stride of zero shows few bytes as many: what counts is what would be made of them."""
    tensor = storage().tensor(0, (2**40, 768), (0, 0))
    tracemalloc.start()
    with pytest.raises(LimitExceeded, match="bytes of tensor data, expected at most 16,777,216"):
        tensor.fetch()
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("shape", [(1, 24), (0, 24)])
def test_ignores_the_stride_of_a_dimension_that_has_no_steps(shape: tuple[int, int]) -> None:
    """The stride of a dimension of one or none is never taken, however large it claims to be."""
    values = storage().tensor(0, shape, (2**70, 1)).fetch()
    assert values.tolist() == NUMBERS.reshape(1, 24)[: shape[0]].tolist()


def test_takes_the_type_from_the_tensor_where_the_storage_has_none() -> None:
    """An untyped storage is counted in bytes, and its tensor says what they are."""
    untyped = storage(None)
    assert untyped.tensor(0, (24,), (1,), "float32").fetch().tolist() == NUMBERS.tolist()
    assert untyped.tensor(0, (96,), (1,)).dtype == "uint8"
    with pytest.raises(BrokenFile, match="needs 192 bytes of storage, found 96"):
        untyped.tensor(0, (24,), (1,), "float64")


def test_names_a_type_it_cannot_read() -> None:
    """Quantised numbers are named when they are asked for."""
    with pytest.raises(NotAnEmbedding, match="its numbers are stored as qint8"):
        storage("qint8").tensor(0, (4,), (1,)).fetch()
