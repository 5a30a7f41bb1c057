"""The tree of what a file holds."""

from __future__ import annotations

import tracemalloc

import pytest

from lib_embeddings.errors import LimitExceeded
from lib_embeddings.formats.containers.pickle_stack import Rebuilder
from lib_embeddings.formats.embedding import Contents, named_tensors
from lib_embeddings.limits import LIMITS
from tests.formats.test_layouts import stored


def test_tensors_are_named_by_their_path() -> None:
    """Every tensor is found, in order, wherever in the tree it hangs."""
    tree = {"a": [stored(1), {"b": stored(2)}], 7: (stored(3), "text"), "c": stored(4)}
    assert {name: tensor.shape for name, tensor in named_tensors(Contents("x", tree)).items()} == {
        "a.0": (1,),
        "a.1.b": (2,),
        "7.0": (3,),
        "c": (4,),
    }


def test_the_path_of_a_tensor_is_printable() -> None:
    """Names of tensors are shown on one line."""
    (name,) = named_tensors(Contents("x", {"a\n\x1b[31m": stored(1)}))
    assert name == "a\\n\\x1b[31m"


def test_a_tree_that_holds_itself_is_walked_once() -> None:
    """A list inside itself has the tensors that it has."""
    loop: list[object] = []
    loop += [loop, stored(1), loop]
    assert list(named_tensors(Contents("x", loop))) == ["1"]


def test_a_branch_is_walked_where_it_is_met_first() -> None:
    """A tree of 2**40 leaves that is forty lists costs forty lists."""
    branch: list[object] = [stored(1)]
    for _ in range(25):
        branch = [branch, branch]
    assert list(named_tensors(Contents("x", branch))) == ["0." * 25 + "0"]


def test_a_tensor_has_all_its_names() -> None:
    """Tied weights are one tensor under two names."""
    tied = stored(1)
    assert list(named_tensors(Contents("x", {"a": tied, "b": {"c": tied}}))) == ["a", "b.c"]


def test_the_bound_on_nesting_is_exact() -> None:
    """A tree at the bound is walked; one level more is refused."""
    tree: object = stored(1)
    for _ in range(LIMITS.nesting + 1):
        tree = [tree]
    assert len(named_tensors(Contents("x", tree))) == 1
    with pytest.raises(LimitExceeded, match=r"33 levels of nesting, expected at most 32$"):
        named_tensors(Contents("x", [tree]))


def test_paths_are_counted_in_characters() -> None:
    """Long names on every level make no more text than the bound."""
    tree: dict[str, object] = {}
    for _ in range(LIMITS.nesting):
        tree = {f"{i:06}" + "\U000e0001" * 194: tree if i == 500 else [1] for i in range(1000)}
    tracemalloc.start()
    with pytest.raises(LimitExceeded, match="characters in the names of tensors, expected at most"):
        named_tensors(Contents("x", tree))
    assert tracemalloc.get_traced_memory()[1] < 4_000_000
    tracemalloc.stop()


def test_keys_that_are_no_text_have_no_address() -> None:
    """A key is shown without its address in memory."""
    (path,) = named_tensors(Contents("x", {Rebuilder(dict): [stored(1)]}))
    assert path == "a class.0"
