"""Walk through folders: which files may be embeddings, and what belongs to each. Opens none."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from lib_embeddings.entries.snapshot import Companion
from lib_embeddings.names import (
    PICTURE_SUFFIXES,
    WEIGHT_SUFFIXES,
    fold,
    is_preview,
    is_text,
    split_name,
)

# What may belong to an embedding, named after it; some pictures may be embeddings, too.
_OTHER_SUFFIXES = frozenset((*PICTURE_SUFFIXES, ".jpg", ".jpeg", ".gif", ".json", ".txt"))
_COMPANION_ENDINGS = (".preview", ".description")

_Named = tuple["os.DirEntry[str]", str]


class Found(NamedTuple):
    """A file or folder met on the way, before it is opened.

    Attributes:
        root: the folder that is scanned.
        path: its path in the root, with `/`.
        full_path: its absolute path.
        name: what a file gives its embedding.
        size: in bytes.
        mtime_ns: when it was last written, in nanoseconds.
        problem: why it is not looked into, for a file or folder that is not.
        companions: what lies beside the file and belongs to it.
    """

    root: str
    path: str
    full_path: str
    name: str
    size: int = 0
    mtime_ns: int = 0
    problem: str | None = None
    companions: tuple[Companion, ...] = ()


def find(roots: Iterable[str]) -> list[Found]:
    """Return all that `walk` meets, root by root, sorted by path."""
    by_root = groupby(walk(roots), key=attrgetter("root"))
    return [file for _, files in by_root for file in sorted(files, key=attrgetter("path"))]


def look_at(path: str) -> Found:
    """Return one file as a walk through its folder would. Raises `OSError` when it is gone."""
    status = os.stat(path)
    folder, filename = os.path.split(os.path.abspath(path))
    path, (name, _) = os.path.join(folder, filename), split_name(filename)
    problem = _why_not_typed(name, filename)
    return Found(folder, filename, path, name, status.st_size, status.st_mtime_ns, problem)


def walk(roots: Iterable[str]) -> Iterator[Found]:
    """Yield every file that may be an embedding, and every folder that cannot be read.

    A folder is looked into once, however many links and roots lead to it.
    """
    seen: set[tuple[int, int]] = set()
    for root in roots:
        yield from _walk(root, seen)


def _walk(root: str, seen: set[tuple[int, int]]) -> Iterator[Found]:
    """Walk through one root, pass by the folders *seen*, and add those looked into."""
    pending = [(os.path.abspath(root), "")]
    while pending:
        folder, prefix = pending.pop(0)
        try:
            status = os.stat(folder)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as listing:
                items = [item for item in listing if not item.name.startswith(".")]
        except OSError as error:
            problem = f"this folder cannot be read: {error.strerror}"
            path = prefix.rstrip("/") or "."
            yield Found(root, path, folder, os.path.basename(path), problem=problem)
            continue
        folders = sorted(filter(_is_folder, items), key=lambda item: (item.is_symlink(), item.name))
        pending += [(item.path, f"{prefix}{item.name}/") for item in folders]
        yield from _files(root, prefix, items)


def _is_folder(item: os.DirEntry[str]) -> bool:
    try:
        return item.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _files(root: str, prefix: str, items: Iterable[os.DirEntry[str]]) -> Iterator[Found]:
    """Yield a folder's files that may be embeddings."""
    candidates, companions = _sort_out(items)
    for item, stem in candidates:
        path, full_path = prefix + item.name, item.path
        try:
            if item.is_file():
                status = item.stat()
                size, mtime_ns = status.st_size, status.st_mtime_ns
                is_plain = path.isascii() and not stem.isspace()
                problem = None if is_plain else _why_not_typed(stem, path)
                beside = companions.get(fold(stem), ()) if companions else ()
                yield Found(root, path, full_path, stem, size, mtime_ns, problem, beside)
            elif not item.is_dir():
                yield Found(root, path, full_path, stem, problem=_why_no_file(item))
        except OSError as error:
            problem = f"this file cannot be read: {error.strerror}"
            yield Found(root, path, full_path, stem, problem=problem)


def _why_not_typed(stem: str, path: str) -> str | None:
    if not is_text(path):
        return "its name is not UTF-8 text and cannot be typed: rename it"
    return None if stem.strip() else "its name is blank and cannot be typed: rename it"


def _why_no_file(item: os.DirEntry[str]) -> str:
    is_dangling = item.is_symlink() and not os.path.exists(item.path)
    return "this link leads nowhere" if is_dangling else "this is no regular file"


def _sort_out(
    items: Iterable[os.DirEntry[str]],
) -> tuple[list[_Named], dict[str, tuple[Companion, ...]]]:
    """Return a folder's files that may be embeddings, and by folded name what belongs to them.

    A picture that may be an embedding is among its own companions: it shows itself.
    """
    candidates: list[_Named] = []
    others: list[tuple[os.DirEntry[str], str, str]] = []
    for item in items:
        stem, suffix = split_name(item.name)
        if suffix in WEIGHT_SUFFIXES:
            candidates.append((item, stem))
        elif suffix in _OTHER_SUFFIXES:
            others.append((item, stem, suffix))
    if not others:
        return candidates, {}
    weights = frozenset(fold(stem) for _, stem in candidates)
    candidates += [
        (item, stem)
        for item, stem, suffix in others
        if suffix in PICTURE_SUFFIXES and not is_preview(stem, weights)
    ]
    owners = frozenset(fold(stem) for _, stem in candidates)
    return candidates, _companions(owners, ((item, stem) for item, stem, _ in others))


def _companions(
    owners: frozenset[str], others: Iterable[_Named]
) -> dict[str, tuple[Companion, ...]]:
    companions: dict[str, list[Companion]] = defaultdict(list)
    for item, stem in others:
        folded = fold(stem)
        for owner in owners.intersection((folded, *map(folded.removesuffix, _COMPANION_ENDINGS))):
            with suppress(OSError):
                status = item.stat()
                companions[owner].append(Companion(item.name, status.st_size, status.st_mtime_ns))
    return {owner: tuple(sorted(beside)) for owner, beside in companions.items()}
