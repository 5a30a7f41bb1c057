"""Folders as a page shows them: their ids, their tree, and how many entries each has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lib_embeddings.entries.place import Place
from lib_embeddings.names import natural_key


@dataclass(frozen=True, slots=True)
class FolderCount:
    """A folder with entries in it or below.

    Attributes:
        id: the number of its root, a colon, and its path in it.
        depth: 0 for a root.
        count: of the entries in it and below that nobody has hidden.
    """

    id: str
    title: str
    depth: int
    count: int


def folder_id(number: int, path: str) -> str:
    """Return the id of a folder, from the number of its root and its path there."""
    return f"{number}:{path}"


def folder_tree(
    roots: Sequence[str], folders: Iterable[str], counts: Mapping[str, int]
) -> Iterator[FolderCount]:
    """Yield every root, and below it every folder with entries in it or deeper.

    Args:
        folders: the id of each entry's folder.
        counts: by the id of a folder, how many entries in it and below are to be counted.
    """
    ids = {folder_id(number, "") for number in range(len(roots))}
    for each in {*folders}:
        ids.update(_ancestors(each))
    return (_folder(roots, id_, counts.get(id_, 0)) for id_ in sorted(ids, key=_depth_first))


def count_folders(
    folders: Mapping[str, int], pairs: Iterable[tuple[str, str]] = ()
) -> dict[str, int]:
    """Return by id how many entries are in each folder and below.

    Args:
        folders: by the id of a folder, how many are right in it.
        pairs: ids of two entries' folders that count as one where both are in a folder.
    """
    counts: Counter[str] = Counter()
    for id_, count in folders.items():
        for ancestor in _ancestors(id_):
            counts[ancestor] += count
    for one, other in pairs:
        counts.subtract({*_ancestors(one)} & {*_ancestors(other)})
    return dict(counts)


def prefix_of(folder: str) -> str:
    """Return a folder's id with a slash around each name, so that prefixes are folders."""
    number, _, path = folder.partition(":")
    return f"{number}:/{path}/" if path else f"{number}:/"


def _ancestors(folder: str) -> Iterator[str]:
    """Yield the root that a folder lies in, the folders between, and itself."""
    number, _, path = folder.partition(":")
    parts = path.split("/") if path else []
    return (folder_id(int(number), "/".join(parts[:count])) for count in range(len(parts) + 1))


def _depth_first(folder: str) -> tuple[int, list[list[int | str]]]:
    number, _, path = folder.partition(":")
    return int(number), [natural_key(name) for name in path.split("/")]


def _folder(roots: Sequence[str], id_: str, count: int) -> FolderCount:
    number, _, path = id_.partition(":")
    root = roots[int(number)]
    title = path.rpartition("/")[2] or Place.of_root(root).filename or root
    return FolderCount(id_, title, path.count("/") + 1 if path else 0, count)
