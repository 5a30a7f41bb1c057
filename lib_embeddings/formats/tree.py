"""The tree of what a file holds: every tensor in it, by its path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lib_embeddings.errors import shown
from lib_embeddings.formats.embedding import Contents, Tensor
from lib_embeddings.limits import LIMITS, at_most

_NODES = (Tensor, dict, list, tuple)


def named_tensors(contents: Contents) -> dict[str, Tensor]:
    """Return every tensor of a file by its path in the tree, in order."""
    tensors: dict[str, Tensor] = {}
    for path, tensor in _walk(contents.root):
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
