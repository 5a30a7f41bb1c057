"""The JSON that A1111 hides in pictures."""

from __future__ import annotations

import tracemalloc
import zlib

import numpy as np
import pytest

from lib_embeddings.errors import BrokenFile, LimitExceeded
from lib_embeddings.formats.containers.json_tensors import inflate, parse
from lib_embeddings.formats.embedding import Tensor
from lib_embeddings.limits import LIMITS

_DAMAGED = r"the embedding in this picture is damaged \("


def test_reads_tensors_as_float64() -> None:
    """A marked list becomes a tensor of its shape; everything else stays what it is."""
    tree = parse(b'{"a": {"TORCHTENSOR": [[0.1, 2], [3, -4e-3]]}, "b": [1, "x", null]}')
    assert isinstance(tree, dict)
    tensor = tree["a"]
    assert isinstance(tensor, Tensor)
    assert (tensor.dtype, tensor.shape) == ("float64", (2, 2))
    assert tensor.fetch().tolist() == np.float32([[0.1, 2], [3, -4e-3]]).tolist()
    assert tree["b"] == [1, "x", None]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b'{"a": ',
        b'{"a": "\xff"}',
        b"[" * 9_000,
        b'{"TORCHTENSOR": ' * 9_000,
        b'{"TORCHTENSOR": [[1, 2], [3]]}',
        b'{"TORCHTENSOR": ["x"]}',
        b'{"TORCHTENSOR": {"b": 1}}',
        b'{"TORCHTENSOR": [{"TORCHTENSOR": [1]}]}',
        b'{"TORCHTENSOR": [1' + b"0" * 400 + b"]}",
        b'{"TORCHTENSOR": ' + b"[" * 70 + b"1" + b"]" * 70 + b"}",
        b"[" + b"9" * 5000 + b"]",
    ],
    ids=[
        "empty",
        "cut",
        "not text",
        "deep",
        "deep tensors",
        "ragged",
        "words",
        "dict",
        "tensor in tensor",
        "too large",
        "70 dimensions",
        "5000 digits",
    ],
)
def test_says_that_it_is_damaged(text: bytes) -> None:
    """Text that is not what A1111 writes is damage, with the reason."""
    with pytest.raises(BrokenFile, match=_DAMAGED):
        parse(text)


def test_refuses_text_that_is_too_long() -> None:
    """Text above the bound is refused before it is looked at."""
    with pytest.raises(LimitExceeded, match="over the limit for JSON text"):
        parse(b" " * (LIMITS.inflated_bytes + 1))


def test_refuses_a_bomb_before_it_is_unpacked() -> None:
    """A small packed text that unpacks to gigabytes costs no more than the bound."""
    packer = zlib.compressobj(9)
    bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(1000)) + packer.flush()
    tracemalloc.start()
    with pytest.raises(
        LimitExceeded, match="over the limit for packed JSON text, in bytes: at most 8,388,608"
    ):
        inflate(bomb)
    assert tracemalloc.get_traced_memory()[1] < 4 * LIMITS.inflated_bytes
    tracemalloc.stop()


def test_ignores_what_follows_the_packed_data() -> None:
    """Strips repeat their data to fill up: only the first is read."""
    assert inflate(zlib.compress(b"text") * 3) == b"text"


@pytest.mark.parametrize("length", range(1, 12))
def test_notices_every_cut(length: int) -> None:
    """Packed data that ends early is not taken for less text."""
    with pytest.raises(zlib.error):
        inflate(zlib.compress(b"text")[:length])


def test_refuses_long_numbers_unread() -> None:
    """The bound on digits is our own: Python's, which came late to 3.10, has another sentence."""
    digits = LIMITS.json_digits
    assert parse(b"[" + b"9" * digits + b"]") == [10**digits - 1]
    with pytest.raises(BrokenFile, match=r"damaged \(a number of 2,000,000 digits\)"):
        parse(b"[" + b"9" * 2_000_000 + b"]")
