"""Folders as a page shows them: their ids, their tree, and how many entries each has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from lib_embeddings.entries.place import Place
from lib_embeddings.names import natural_key


class FolderCount(NamedTuple):
    """A folder with entries in it or below.

    Attributes:
        id: the number of its root, a colon, and its path in it.
        depth: 0 for a root.
        n_entries: those in it and below that are not hidden.
    """

    id: str
    title: str
    depth: int
    n_entries: int


def folder_id(number: int, path: str) -> str:
    """Return the id of a folder, from the number of its root and its path there."""
    return f"{number}:{path}"


def folder_order(n_roots: int, folders: Iterable[str]) -> list[str]:
    """Return the ids of all roots, of folders and of all above them, each before its sub-folders.

    Args:
        folders: ids.
    """
    ids = {folder_id(number, "") for number in range(n_roots)}
    for each in folders:
        ids.update(_lineage(each))
    return sorted(ids, key=_depth_first)


def folder_tree(
    roots: Sequence[str], order: Iterable[str], counts: Mapping[str, int]
) -> Iterator[FolderCount]:
    """Yield every root, and below it every folder with entries in it or deeper.

    Args:
        order: the ids, from `folder_order`.
        counts: by the id of a folder, how many entries in it and below count.
    """
    return (_folder(roots, id_, counts.get(id_, 0)) for id_ in order)


def count_folders(
    folders: Mapping[str, int], pairs: Iterable[tuple[str, str]] = ()
) -> dict[str, int]:
    """Return by id how many entries are in each folder and below.

    Args:
        folders: by the id of a folder, how many are directly in it.
        pairs: the folders' ids of two entries that count as one in every folder that has both.
    """
    counts: Counter[str] = Counter()
    for id_, count in folders.items():
        for ancestor in _lineage(id_):
            counts[ancestor] += count
    for one, other in pairs:
        counts.subtract({*_lineage(one)} & {*_lineage(other)})
    return dict(counts)


def prefix_of(folder: str) -> str:
    """Return a folder's id with slashes around each name, so that prefixes are folders."""
    number, _, path = folder.partition(":")
    return f"{number}:/{path}/" if path else f"{number}:/"


def _lineage(folder: str) -> Iterator[str]:
    """Yield a folder, then each folder above it up to the root."""
    yield folder
    while "/" in folder:
        folder = folder.rpartition("/")[0]
        yield folder
    root = folder[: folder.index(":") + 1]
    if folder != root:
        yield root


def _depth_first(folder: str) -> tuple[int, list[list[int | str]]]:
    number, _, path = folder.partition(":")
    return int(number), [natural_key(name) for name in path.split("/")]


def _folder(roots: Sequence[str], id_: str, count: int) -> FolderCount:
    number, _, path = id_.partition(":")
    root = roots[int(number)]
    title = path.rpartition("/")[2] or Place.of_root(root).filename or root
    return FolderCount(id_, title, path.count("/") + 1 if path else 0, count)
