"""Look through folders: every file that may be an embedding becomes an entry."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter

from lib_embeddings.entries.read import PAIR, are_pair, read_file
from lib_embeddings.entries.snapshot import Entry, Reading, Snapshot, Told, View
from lib_embeddings.entries.walk import Found, find, look_at
from lib_embeddings.errors import shown
from lib_embeddings.formats.assemble import warn_unequal
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES, ModelFamily
from lib_embeddings.names import (
    PICTURE_SUFFIXES,
    WEIGHT_SUFFIXES,
    as_text,
    fold,
    partner_of,
    split_name,
)

Reader = Callable[[Found], Told]
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
    return snapshot_of(roots, (entry_of(file, read) for file in progress(find(roots))))


def snapshot_of(roots: Sequence[str], entries: Iterable[Entry]) -> Snapshot:
    """Compare the entries of single files with each other, and return what is to be listed."""
    listed = [
        entry
        for entry in _join_pairs(sorted(entries, key=attrgetter("path")))
        if not (entry.state == "foreign" and entry.path.lower().endswith(PICTURE_SUFFIXES))
    ]
    if len(roots) > 1:
        listed.sort(key=lambda entry: roots.index(entry.root))
    return Snapshot(tuple(roots), tuple(_mark_duplicates(listed, roots)))


def entry_at(path: str) -> Entry:
    """Return the entry that a scan of its folder would list for one file, whatever its name.

    Raises:
        OSError: it is gone.
    """
    folder, filename = os.path.split(path)
    partner = os.path.join(folder, partner_of(filename) or filename)
    paths = dict.fromkeys((path, partner if os.path.isfile(partner) else path))
    files = [look_at(each) for each in paths]
    entries = [entry_of(file, lambda found: read_file(found.full_path)) for file in files]
    return next(iter(_join_pairs(entries)))


# From files to entries


def entry_of(file: Found, read: Reader) -> Entry:
    """Read a file and return its entry, before it is compared with the others."""
    root, path, _, name, size, mtime_ns, problem, companions = file
    if problem:  # perhaps that its name is no text
        path, name = as_text(path), as_text(name)
    reading, stored_name = (Reading("broken", problem), None) if problem else read(file)
    state, reason, warnings = reading.state, reading.reason, reading.warnings
    return Entry(
        name, root, path, size, mtime_ns,
        state, reason, warnings, reading, companions, stored_name,
    )  # fmt: skip


def _join_pairs(entries: list[Entry]) -> Iterable[Entry]:
    """Make one of the two files that diffusers writes for SDXL; the name of the second tells."""
    if not any("_2" in entry.name and "clip_g" in entry.reading.vectors for entry in entries):
        return entries
    joined = {entry.full_path: entry for entry in entries}
    for first in entries:
        second = joined.get(_partner_path(first))
        if second and are_pair(first.reading.vectors, second.reading.vectors):
            del joined[second.full_path]
            joined[first.full_path] = _join(first, second)
    return joined.values()


def _partner_path(entry: Entry) -> str:
    """Return where the other half of a pair would lie; empty for a file that is no first half."""
    partner = partner_of(entry.path.rpartition("/")[2])
    return os.path.join(os.path.dirname(entry.full_path), partner) if partner else ""


def _join(first: Entry, second: Entry) -> Entry:
    vectors = {**first.reading.vectors, **second.reading.vectors}
    unequal = warn_unequal({key: info.n_vectors for key, info in vectors.items()})
    warnings = (*second.reading.warnings, *unequal)
    reading = first.reading._replace(
        layout=PAIR, vectors=vectors, warnings=first.reading.warnings + warnings
    )
    return first._replace(
        bytes=first.bytes + second.bytes,
        mtime_ns=max(first.mtime_ns, second.mtime_ns),
        warnings=warnings + first.warnings,
        reading=reading,
    )


def _mark_duplicates(entries: Sequence[Entry], roots: Sequence[str]) -> Sequence[Entry]:
    """Let one entry of each name be the one that is used; the others say which it is."""
    ok = [entry for entry in entries if entry.state == "ok"]
    if len({fold(entry.name) for entry in ok}) == len(ok):
        return entries
    winners: dict[str, Entry] = {}
    for entry in ok:
        name = fold(entry.name)
        rivals = winners.get(name, entry), entry
        winners[name] = min(rivals, key=lambda each: _rank(each, roots))
    return [_beside(winners.get(fold(entry.name), entry), entry) for entry in entries]


def _beside(winner: Entry, entry: Entry) -> Entry:
    """Return an entry as it is beside the one of its name that is used."""
    if entry is winner or entry.state != "ok":
        return entry
    used = shown(winner.path, 255)
    reason = f"has the same name as {used}, which is used: rename one of them"
    return entry._replace(state="duplicate", reason=reason)


def _rank(entry: Entry, roots: Sequence[str]) -> tuple[int, int, str, int]:
    """Return what decides between entries of one name: the smallest wins."""
    _, suffix = split_name(entry.path)
    kind = WEIGHT_SUFFIXES.index(suffix) if suffix in WEIGHT_SUFFIXES else len(WEIGHT_SUFFIXES)
    return entry.path.count("/"), kind, fold(entry.path), roots.index(entry.root)
