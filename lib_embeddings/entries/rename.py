"""Rename an embedding with all that is named after it: everything moves or nothing does.

No file is ever replaced. What moves is looked up on the disk at that moment, as the entry may be
older than its neighbours.
"""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from lib_embeddings.entries.read import PAIR
from lib_embeddings.entries.snapshot import Entry, FittedEntry, id_of
from lib_embeddings.errors import BadName, RenameError, shown
from lib_embeddings.names import (
    PICTURE_SUFFIXES,
    SUFFIXES,
    WEIGHT_SUFFIXES,
    as_text,
    fold,
    is_preview,
    partner_of,
    split_name,
    why_no_filename,
)

# What most file systems allow.
_MOST_BYTES = 255


class Move(NamedTuple):
    """A file and what it is to be called: two full paths in one folder."""

    source: str
    target: str


class Renaming(NamedTuple):
    """What gives an embedding another name.

    Attributes:
        moves: of all that belongs to it; its own file comes last.
        new_id: the id it has afterwards.
    """

    moves: tuple[Move, ...]
    new_id: str


def rename(entry: Entry, name: str, others: Iterable[FittedEntry] = ()) -> Renaming:
    """Give an embedding another name; arguments and errors are those of `plan`."""
    renaming = plan(entry, name, others)
    for done, move in enumerate(renaming.moves):
        try:
            _move(*move)
        except OSError as error:
            left = _take_back(renaming.moves[:done])
            raise RenameError(_why_failed(move, error) + left) from error
    return renaming


def plan(entry: Entry, name: str, others: Iterable[FittedEntry] = ()) -> Renaming:
    """Say what giving an embedding another name would move. Moves nothing.

    Args:
        others: all that are in the library; no two embeddings may get one name.

    Raises:
        BadName: no file should be called so.
        RenameError: something is called so already, or the file is gone, or the disk refuses.
    """
    problem = why_no_filename(name)
    if problem:
        raise BadName(problem)
    _, suffix = split_name(entry.path)
    if suffix not in SUFFIXES:
        endings = ", ".join(SUFFIXES)
        found = shown(suffix) or "none"
        raise RenameError(f"{shown(entry.path, 255)}: expected one of {endings}, found {found}")
    _check_library(entry, name, others)
    folder, listed_as = os.path.split(entry.full_path)
    try:
        filenames = os.listdir(folder)
    except OSError as error:
        raise RenameError(f"its folder cannot be read: {error.strerror}") from error
    # A name that is no text is listed in other letters than it has.
    filename = next((each for each in filenames if as_text(each) == listed_as), "")
    if not filename or os.path.isdir(os.path.join(folder, filename)):
        raise RenameError(f"{shown(listed_as, 255)} is no file, or no longer there")
    targets = _targets(filename, name, filenames, is_pair=entry.reading.layout == PAIR)
    _check_folder(targets, filenames)
    moves = [Move(os.path.join(folder, old), os.path.join(folder, new)) for old, new in targets]
    _, renamed = targets[-1]
    head, slash, _ = entry.path.rpartition("/")
    return Renaming(tuple(moves), id_of(entry.root, f"{head}{slash}{renamed}"))


def _check_library(entry: Entry, name: str, others: Iterable[FittedEntry]) -> None:
    """See that no other embedding has the name, in whatever folder."""
    for other in others:
        is_rival = other.state in ("ok", "duplicate") and fold(other.name) == fold(name)
        if is_rival and other.id != entry.id:
            raise RenameError(f"{shown(other.path, 255)} is called so already: give another name")


# What is to be moved


def _targets(
    filename: str, name: str, filenames: Iterable[str], *, is_pair: bool
) -> list[tuple[str, str]]:
    """Return old and new file names: of what belongs to a file, and of itself."""
    stem, _ = split_name(filename)
    belongings = _belongings(filename, filenames)
    targets = [(each, name + each[len(stem) :]) for each in belongings]
    renamed = name + filename[len(stem) :]
    if is_pair:
        partner, renamed_partner = partner_of(filename), partner_of(renamed)
        if not renamed_partner:
            raise BadName(f"{shown(name)}: expected a name other than that of a pair's second file")
        targets.append((partner or "", renamed_partner))
    return [*targets, (filename, renamed)]


def _belongings(filename: str, filenames: Iterable[str]) -> list[str]:
    """Return the files that are named after an embedding's: `<name>.…`, whatever their kind.

    What is also named after another embedding stays with that one.
    """
    stem, _ = split_name(filename)
    beginning = f"{stem}."
    weights = frozenset(
        fold(stem) for stem, suffix in map(split_name, filenames) if suffix in WEIGHT_SUFFIXES
    )
    embeddings = [each for each in filenames if _may_be_embedding(each, weights)]
    rivals = tuple(
        f"{fold(split_name(each)[0])}."
        for each in embeddings
        if each != filename and fold(each).startswith(fold(beginning))
    )
    return sorted(
        each
        for each in set(filenames).difference(embeddings)
        if fold(each[: len(beginning)]) == fold(beginning) and not fold(each).startswith(rivals)
    )


def _may_be_embedding(filename: str, weights: frozenset[str]) -> bool:
    stem, suffix = split_name(filename)
    is_picture = suffix in PICTURE_SUFFIXES and not is_preview(stem, weights)
    return suffix in WEIGHT_SUFFIXES or is_picture


def _check_folder(targets: Sequence[tuple[str, str]], filenames: Iterable[str]) -> None:
    """See that every target is free, on file systems of every kind."""
    *_, (filename, renamed) = targets
    files, embeddings = defaultdict(set), defaultdict(set)
    for each in filenames:
        stem, suffix = split_name(each)
        files[_to_disks(each)].add(each)
        if suffix in SUFFIXES:
            embeddings[_to_disks(stem)].add(each)
    taken = embeddings[_to_disks(split_name(renamed)[0])].difference(old for old, _ in targets)
    for old, new in targets:
        if len(os.fsencode(new)) > _MOST_BYTES:
            raise BadName(f"{shown(new)}: expected at most {_MOST_BYTES} bytes with its ending")
        taken |= files[_to_disks(new)] - {old}
    if taken:
        raise RenameError(f"{shown(min(taken), 255)} is there already: give another name")
    if filename == renamed:
        raise RenameError(f"{shown(filename, 255)} is its name already: give another name")


def _to_disks(filename: str) -> str:
    """Return what is equal for names that some file system takes for one."""
    return fold(unicodedata.normalize("NFC", filename))


# Moving


def _move(source: str, target: str) -> None:
    """Rename a file, or a link itself, where nothing has the new name. Raises `OSError`."""
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        # Where letter case does not count, a file is in its own way.
        if not (_is_same_name(source, target) and os.path.samefile(source, target)):
            raise
        os.rename(source, target)
    except (OSError, NotImplementedError):
        # Such disks know no second name for a file. Whoever takes the new name between these two
        # lines would lose their file; a system call without this gap is not to be had everywhere.
        if os.path.lexists(target) and not _is_same_name(source, target):
            raise FileExistsError(None, "it is there already", target) from None
        os.rename(source, target)
    else:
        try:
            os.unlink(source)
        except OSError:
            os.unlink(target)
            raise


def _is_same_name(source: str, target: str) -> bool:
    return _to_disks(source) == _to_disks(target)


def _take_back(moves: Sequence[Move]) -> str:
    """Undo moves, and return what to add to a sentence about those that cannot be undone."""
    left = []
    for source, target in reversed(moves):
        try:
            _move(target, source)
        except OSError:
            left.append(shown(os.path.basename(target), 255))
    return f"; could not be moved back: {', '.join(left)}" if left else ""


def _why_failed(move: Move, error: OSError) -> str:
    old, new = (shown(os.path.basename(path), 255) for path in move)
    return f"{old} cannot be renamed to {new}: {error.strerror}"
