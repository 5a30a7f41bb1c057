"""The records that all else passes on: a stored tensor, a file's contents, an embedding."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lib_embeddings.errors import shown
from lib_embeddings.limits import LIMITS, at_most

Array = npt.NDArray[Any]
Vectors = npt.NDArray[np.float32]

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor as a file stores it. Its values stay in the file until `fetch` is called.

    Attributes:
        dtype: the stored type, in torch's words: `float32`, `bfloat16`, `int64` …
        shape: as stored, of any rank.
        fetch: reads the values as float32, in C order, of this shape. Raises `BrokenFile`.
    """

    dtype: str
    shape: tuple[int, ...]
    fetch: Callable[[], Vectors] = field(repr=False, compare=False)

    @property
    def is_floating(self) -> bool:
        """Return whether it holds real numbers, as vectors do."""
        return self.dtype in ("float16", "bfloat16", "float32", "float64")

    def __str__(self) -> str:
        return f"{shown(self.dtype)}[{shown('x'.join(map(str, self.shape)))}]"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """An object from a file of another kind; only its kind is kept.

    Attributes:
        kind: in words.
    """

    kind: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What a container holds: the end of *bytes*, the beginning of *meaning*.

    Attributes:
        container: name of the container that was read.
        tree: a tree of dict, list, tuple, str, int, float, bool, None, bytes, `Tensor` and
            `Placeholder`.
        metadata: free text beside the tensors, where the container has a place for it.
    """

    container: str
    tree: object
    metadata: Mapping[str, str] = field(default_factory=lambda: NOTHING)


class VectorsInfo(NamedTuple):
    """What is known of the vectors for one text encoder without holding them."""

    n_vectors: int
    hidden_size: int
    dtype: str


@lru_cache(maxsize=4096)
def vectors_info(n_vectors: int, hidden_size: int, dtype: str) -> VectorsInfo:
    """Return a shared record: thousands of embeddings have few different shapes."""
    return VectorsInfo(n_vectors, hidden_size, dtype)


@lru_cache(maxsize=4096)
def share_infos(*infos: tuple[str, VectorsInfo]) -> Mapping[str, VectorsInfo]:
    """Return a shared mapping: whatever depends on shapes alone is then worked out once."""
    return MappingProxyType(dict(infos))


def tokens_taken(counts: Mapping[str, int]) -> int:
    """Return how many tokens an embedding stands for in a prompt.

    Where a pair has different numbers of vectors, the WebUIs make room for those of clip_g. Where
    another has fewer, placeholder tokens stay in its text; where it has more, the rest replaces the
    tokens that follow.

    Args:
        counts: text encoder key -> number of vectors, of those text encoders that use them.
    """
    is_pair = "clip_l" in counts and "clip_g" in counts
    return counts["clip_g"] if is_pair else max(counts.values(), default=0)


@dataclass(frozen=True, slots=True)
class Embedding:
    """One learned word.

    Attributes:
        name: what the user types: the file's stem.
        container: how the bytes hold tensors, e.g. `torch-zip`.
        layout: how the tensors mean an embedding, e.g. `string_to_param`.
        vectors: text encoder key -> float32 array (n_vectors, hidden_size), read-only.
        dtypes: text encoder key -> the type the file stores.
        stored_name: the name written inside the file. Shown, never used.
        metadata: step, checkpoint and whatever else the file says about itself.
        warnings: sentences about things that work but are odd.
    """

    name: str
    container: str
    layout: str
    vectors: Mapping[str, Vectors]
    dtypes: Mapping[str, str]
    stored_name: str | None = None
    metadata: Mapping[str, str | int] = field(default_factory=lambda: NOTHING)
    warnings: tuple[str, ...] = ()

    @property
    def info(self) -> Mapping[str, VectorsInfo]:
        """Count and size of the vectors for every text encoder."""
        return share_infos(
            *(
                (key, vectors_info(*array.shape, self.dtypes[key]))
                for key, array in self.vectors.items()
            )
        )


# The tree of what a file holds

_NODES = (Tensor, dict, list, tuple)


def named_tensors(contents: Contents) -> dict[str, Tensor]:
    """Return every tensor of a file by its path in the tree, in order."""
    tensors: dict[str, Tensor] = {}
    for path, tensor in _walk(contents.tree):
        tensors[path] = tensor
        at_most(LIMITS.tensors, len(tensors), "tensors")
    return tensors


def _walk(root: object) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors with their paths.

    A tree may hold itself, or one branch many times: a branch is walked where it is met first.
    """
    walked: set[int] = set()
    n_characters = 0
    levels: list[tuple[str, Iterator[tuple[object, object]]]] = [("", iter([("", root)]))]
    while levels:
        parent, children = levels[-1]
        for key, child in children:
            if not child or not isinstance(child, _NODES) or id(child) in walked:
                continue
            path = _join(parent, key)
            n_characters += len(path)
            at_most(LIMITS.name_characters, n_characters, "characters in the names of tensors")
            if isinstance(child, Tensor):
                yield path, child
            else:
                walked.add(id(child))
                at_most(LIMITS.nesting, len(levels) - 1, "levels of nesting")
                levels.append((path, iter(_children(child))))
                break
        else:
            levels.pop()


def _children(node: object) -> Iterable[tuple[object, object]]:
    if isinstance(node, dict):
        return node.items()
    return enumerate(node) if isinstance(node, (list, tuple)) else ()


def _join(path: str, key: object) -> str:
    part = shown(str(key), LIMITS.name_part_characters)
    return f"{path}.{part}" if path else part
