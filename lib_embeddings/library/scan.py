"""Look through folders: every file that may be an embedding becomes an entry."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from lib_embeddings.library.read import PAIR, are_pair, read_file
from lib_embeddings.names import (
    PICTURE_SUFFIXES,
    SUFFIXES,
    WEIGHT_SUFFIXES,
    as_text,
    fold,
    is_preview,
    is_text,
    partner_of,
    split_name,
    warn_generic,
)
from lib_embeddings.snapshot import Entry, Reading, Snapshot, View
from lib_embeddings.text_encoders import MODEL_FAMILIES, ModelFamily


class Found(NamedTuple):
    """A file or folder met on the way, before it is opened.

    Attributes:
        root: the folder that is scanned.
        path: its path in the root, with `/`.
        full_path: its path for opening.
        size: in bytes.
        mtime_ns: when it was last written, in nanoseconds.
        problem: why it cannot be looked into, for a folder that cannot.
    """

    root: str
    path: str
    full_path: str
    size: int = 0
    mtime_ns: int = 0
    problem: str | None = None


Reader = Callable[[Found], Reading]
Progress = Callable[[Sequence[Found]], Iterable[Found]]


def scan(roots: Iterable[str | os.PathLike[str]], model: str | ModelFamily | None = None) -> View:
    """Say what every file in some folders is, and whether a model can use it.

    Args:
        roots: the folders; sub-folders are looked into, links are followed.
        model: a model family, or its key: `sd1`, `sd2`, `sdxl`, `sd3`, `flux` …

    Raises:
        NotADirectoryError: a root is no folder.
        KeyError: there is no such model family.
    """
    family = MODEL_FAMILIES[model] if isinstance(model, str) else model
    return take_snapshot([os.fspath(root) for root in roots]).seen_with(family)


def take_snapshot(
    roots: Sequence[str],
    read: Reader = lambda found: read_file(found.full_path),
    progress: Progress = iter,
) -> Snapshot:
    """Look at every file in *roots* now.

    Args:
        read: says what one file is; given by whoever remembers earlier readings.
        progress: passes the files on one by one, to show how far the reading is.

    Raises:
        NotADirectoryError: a root is no folder.
    """
    for root in roots:
        if not os.path.isdir(root):
            raise NotADirectoryError(root)
    found = sorted(walk(roots), key=lambda file: (roots.index(file.root), file.path))
    readings = {file: _read(file, read) for file in progress(found)}
    entries = [
        entry_of(file, reading)
        for file, reading in _join_pairs(readings).items()
        if not (reading.state == "foreign" and file.path.lower().endswith(PICTURE_SUFFIXES))
    ]
    return Snapshot(tuple(roots), tuple(_mark_duplicates(entries, roots)))


# Walking


def walk(roots: Iterable[str]) -> Iterator[Found]:
    """Yield every file that may be an embedding, and every folder that cannot be read.

    A folder is looked into once, however many links lead to it.
    """
    seen: set[tuple[int, int]] = set()
    for root in roots:
        pending = [(root, "")]
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
                yield Found(root, prefix.rstrip("/"), folder, problem=problem)
                continue
            folders = sorted(
                (i for i in items if _is_folder(i)), key=lambda i: (i.is_symlink(), i.name)
            )
            pending += [(item.path, f"{prefix}{item.name}/") for item in folders]
            yield from _files(root, prefix, items)


def _is_folder(item: os.DirEntry[str]) -> bool:
    try:
        return item.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _files(root: str, prefix: str, items: list[os.DirEntry[str]]) -> Iterator[Found]:
    """Yield a folder's files that may be embeddings; pictures beside an embedding show it."""
    candidates = [(item, *split_name(item.name)) for item in items]
    weights = frozenset(fold(stem) for _, stem, suffix in candidates if suffix in WEIGHT_SUFFIXES)
    for item, stem, suffix in candidates:
        if suffix not in SUFFIXES:
            continue
        if suffix in PICTURE_SUFFIXES and is_preview(stem, weights):
            continue
        path = prefix + item.name
        try:
            if item.is_file():
                status = item.stat()
                yield Found(root, path, item.path, status.st_size, status.st_mtime_ns)
            elif not item.is_dir():
                yield Found(root, path, item.path, problem="this link leads nowhere")
        except OSError as error:
            problem = f"this file cannot be read: {error.strerror}"
            yield Found(root, path, item.path, problem=problem)


# From files to entries


def _read(file: Found, read: Reader) -> Reading:
    if file.problem:
        return Reading("broken", file.problem)
    if not is_text(file.path):
        return Reading("broken", "its name is not UTF-8 text and cannot be typed: rename it")
    return read(file)


def entry_of(file: Found, reading: Reading) -> Entry:
    """Return the entry for a file that was read, before it is compared with the others."""
    folder, _, filename = file.path.rpartition("/")
    name, _ = split_name(filename)
    generic = warn_generic(name, folder.rpartition("/")[2], reading.stored_name)
    warnings = reading.warnings + ((generic,) if generic and reading.state == "ok" else ())
    return Entry(
        as_text(name),
        file.root,
        as_text(file.path),
        file.size,
        file.mtime_ns,
        reading.state,
        reading.reason,
        warnings,
        reading,
    )


def _join_pairs(readings: dict[Found, Reading]) -> dict[Found, Reading]:
    """Make one of the two files that diffusers writes for SDXL."""
    by_path = {file.full_path: file for file in readings}
    joined = dict(readings)
    for first, reading in readings.items():
        folder, filename = os.path.split(first.full_path)
        partner = partner_of(filename)
        second = by_path.get(os.path.join(folder, partner)) if partner else None
        if second is None or not are_pair(reading.vectors, readings[second].vectors):
            continue
        other = joined.pop(second)
        del joined[first]
        both = first._replace(
            size=first.size + second.size, mtime_ns=max(first.mtime_ns, second.mtime_ns)
        )
        joined[both] = replace(
            reading,
            layout=PAIR,
            vectors={**reading.vectors, **other.vectors},
            warnings=reading.warnings + other.warnings,
        )
    return joined


def _mark_duplicates(entries: list[Entry], roots: Sequence[str]) -> Iterator[Entry]:
    """Let one entry of each name be the one that is used; the others say which it is."""
    winners: dict[str, Entry] = {}
    for entry in sorted(entries, key=lambda entry: _rank(entry, roots)):
        if entry.state == "ok":
            winners.setdefault(fold(entry.name), entry)
    for entry in entries:
        winner = winners.get(fold(entry.name))
        if entry.state == "ok" and winner is not None and winner is not entry:
            reason = f"has the same name as {winner.path}, which is used: rename one of them"
            yield replace(entry, state="duplicate", reason=reason)
        else:
            yield entry


def _rank(entry: Entry, roots: Sequence[str]) -> tuple[int, int, str, int]:
    """Return what decides between entries of one name: the smallest wins."""
    _, suffix = split_name(entry.path)
    kind = WEIGHT_SUFFIXES.index(suffix) if suffix in WEIGHT_SUFFIXES else len(WEIGHT_SUFFIXES)
    return entry.path.count("/"), kind, fold(entry.path), roots.index(entry.root)
