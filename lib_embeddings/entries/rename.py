"""Rename an embedding with all that is named after it: everything moves or nothing does.

No file is ever replaced. What moves is looked up on the disk at that moment, as the entry may be
older than its neighbours.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from lib_embeddings.entries.entry import PAIR, Entry
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.read import usual_suffix
from lib_embeddings.errors import BadName, RenameError, shown
from lib_embeddings.limits import LIMITS
from lib_embeddings.names import (
    SUFFIXES,
    WEIGHT_SUFFIXES,
    fold,
    may_be_embedding,
    mend_ending,
    partner_of,
    split_name,
    why_no_filename,
)

# From the headers of Linux and macOS: to rename without replacing, seen from the current folder.
_AT_FDCWD, _RENAME_NOREPLACE, _RENAME_EXCL = -100, 1, 4
# A folder, or its disk, that this program may not write to.
_REFUSALS = (errno.EROFS, errno.EACCES, errno.EPERM)
_UNSUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)


class Move(NamedTuple):
    """A file, and where in the same folder it goes."""

    source: Place
    target: Place


class Renaming(NamedTuple):
    """What gives an embedding another name.

    Attributes:
        moves: of all that belongs to it; its own file comes last.
    """

    moves: tuple[Move, ...]

    @property
    def place(self) -> Place:
        """Where the embedding is afterwards."""
        return self.moves[-1].target


def rename(entry: Entry, name: str, others: Iterable[Entry] = ()) -> Renaming:
    """Give an embedding another name; arguments and errors are those of `plan`."""
    renaming = plan(entry, name, others)
    for done, move in enumerate(renaming.moves):
        try:
            move_file(move.source.full_path, move.target.full_path)
        except OSError as error:
            left = _take_back(renaming.moves[:done])
            raise RenameError(_why_failed(move, error) + left) from error
    return renaming


def plan(entry: Entry, name: str, others: Iterable[Entry] = ()) -> Renaming:
    """Say what giving an embedding another name would move. Moves nothing.

    Args:
        others: all that are in the library; no two embeddings that serve the same models may get
            one name.

    Raises:
        BadName: no file should be called so.
        RenameError: the name is taken, or the file is gone, or the disk refuses.
    """
    problem = why_no_filename(name)
    if problem:
        raise BadName(problem)
    place = entry.place
    suffix = _suffix_for(entry)
    _check_library(entry, name, others)
    try:
        filenames = os.listdir(place.full_folder)
    except OSError as error:
        raise RenameError(f"its folder cannot be read: {error.strerror}") from error
    filename = next((each for each in filenames if _is_at(place, each)), "")
    if not filename or os.path.isdir(place.full_path):
        raise RenameError(f"{shown(place.filename, 255)} does not exist any more, or is a folder")
    suffix = suffix or filename[len(split_name(filename)[0]) :]
    is_pair = entry.reading.layout == PAIR
    targets = _targets(filename, name, suffix, filenames, is_pair=is_pair)
    _check_folder(targets, filenames)
    return Renaming(tuple(Move(place.beside(old), place.beside(new)) for old, new in targets))


def mended_filename(entry: Entry) -> str | None:
    """Return what a misnamed embedding should be called; None for every other file."""
    place, reading = entry.place, entry.reading
    is_misnamed = place.suffix not in SUFFIXES and reading.state == "broken"
    if not (is_misnamed and reading.container):
        return None
    return mend_ending(place.filename, usual_suffix(reading.container))


def _suffix_for(entry: Entry) -> str | None:
    """Return the ending that a misnamed embedding gets; None where the file keeps its own.

    Raises:
        RenameError: it has the ending of something else, and is no embedding.
    """
    place = entry.place
    if place.suffix in SUFFIXES:
        return None
    mended = mended_filename(entry)
    if mended:
        return split_name(mended)[1]
    found = shown(place.suffix) or "none"
    raise RenameError(
        f"{shown(place.path, 255)}: expected one of {', '.join(SUFFIXES)}, found {found}"
    )


def _is_at(place: Place, filename: str) -> bool:
    return place.beside(filename).full_path == place.full_path


def _check_library(entry: Entry, name: str, others: Iterable[Entry]) -> None:
    """See that no embedding that serves the same models has the name, in whatever folder."""
    serves = entry.reading.vectors.keys()
    for other in others:
        is_rival = other.reading.vectors.keys() == serves and fold(other.place.name) == fold(name)
        if is_rival and other.reading.state == "ok" and other.place != entry.place:
            path = shown(other.place.path, 255)
            raise RenameError(f"the name is already taken by {path}: give another name")


# What is to be moved


def _targets(
    filename: str, name: str, suffix: str, filenames: Sequence[str], *, is_pair: bool
) -> list[tuple[str, str]]:
    """Return old and new file names: of what belongs to a file, and of itself."""
    stem, _ = split_name(filename)
    belongings = _belongings(filename, filenames)
    targets = [(each, name + each[len(stem) :]) for each in belongings]
    renamed = name + suffix
    if is_pair:
        partner, renamed_partner = partner_of(filename), partner_of(renamed)
        if not renamed_partner:
            raise BadName(f"{shown(name)}: expected a name other than that of a pair's second file")
        targets.append((partner or "", renamed_partner))
    return [*targets, (filename, renamed)]


def _belongings(filename: str, filenames: Sequence[str]) -> list[str]:
    """Return the files that are named after an embedding's: `<name>.…`, whatever their kind.

    What is also named after another embedding stays with that one.
    """
    stem, _ = split_name(filename)
    beginning = f"{stem}."
    weights = frozenset(
        fold(stem)
        for each, (stem, suffix) in zip(filenames, map(split_name, filenames), strict=True)
        if suffix in WEIGHT_SUFFIXES or (each == filename and suffix not in SUFFIXES)
    )
    embeddings = [each for each in filenames if may_be_embedding(*split_name(each), weights)]
    rivals = tuple(
        f"{fold(split_name(each)[0])}."
        for each in embeddings
        if each != filename and fold(each).startswith(fold(beginning))
    )
    return sorted(
        each
        for each in set(filenames).difference(embeddings, [filename])
        if fold(each[: len(beginning)]) == fold(beginning) and not fold(each).startswith(rivals)
    )


def _check_folder(targets: Sequence[tuple[str, str]], filenames: Iterable[str]) -> None:
    """See that every target is free, also where letter case or accents make no other name."""
    *_, (filename, renamed) = targets
    files, embeddings = defaultdict(set), defaultdict(set)
    for each in filenames:
        stem, suffix = split_name(each)
        files[fold(each)].add(each)
        if suffix in SUFFIXES:
            embeddings[fold(stem)].add(each)
    taken = embeddings[fold(split_name(renamed)[0])].difference(old for old, _ in targets)
    for old, new in targets:
        most = LIMITS.filename_bytes
        if len(os.fsencode(new)) > most:
            raise BadName(f"{shown(new)}: expected at most {most} bytes with its ending")
        taken |= files[fold(new)] - {old}
    if taken:
        raise RenameError(
            f"the name is already taken by {shown(min(taken), 255)}: give another name"
        )
    if filename == renamed:
        raise RenameError(f"{shown(filename, 255)} already has this name: give another name")


# Moving


def move_file(source: str, target: str) -> None:
    """Rename a file, or a link itself, where nothing has the new name. Raises `OSError`.

    It has the old name or the new one at any moment, also when this process is killed.
    """
    try:
        _rename_exclusively(source, target)
    except FileExistsError:
        # Where letter case does not count, a file is in its own way.
        if not (_is_same_name(source, target) and os.path.samefile(source, target)):
            raise
        os.rename(source, target)
    except NotImplementedError:
        # Whoever takes the new name between these two lines would lose their file.
        if os.path.lexists(target) and not _is_same_name(source, target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        os.rename(source, target)


def _rename_exclusively(source: str, target: str) -> None:
    """Rename a file by the system's own call that replaces none. Raises `OSError`.

    Raises:
        NotImplementedError: this system or this disk has no such call.
    """
    if sys.platform == "win32":
        os.rename(source, target)
        return
    try:
        library = ctypes.CDLL(None, use_errno=True)
        old, new = os.fsencode(source), os.fsencode(target)
        if sys.platform == "darwin":
            failed = library.renamex_np(old, new, _RENAME_EXCL)
        else:
            failed = library.renameat2(_AT_FDCWD, old, _AT_FDCWD, new, _RENAME_NOREPLACE)
    except (OSError, AttributeError) as error:
        raise NotImplementedError from error
    if failed:
        code = ctypes.get_errno()
        if code in _UNSUPPORTED:
            raise NotImplementedError
        raise OSError(code, os.strerror(code))


def _is_same_name(source: str, target: str) -> bool:
    return fold(source) == fold(target)


def _take_back(moves: Sequence[Move]) -> str:
    """Undo moves, and return what to add to a sentence about those that cannot be undone."""
    left = []
    for source, target in reversed(moves):
        try:
            move_file(target.full_path, source.full_path)
        except OSError:
            left.append(shown(target.filename, 255))
    return f"; could not be moved back: {', '.join(left)}" if left else ""


def _why_failed(move: Move, error: OSError) -> str:
    old, new = (shown(place.filename, 255) for place in move)
    return f"{old} cannot be renamed to {new}: {error.strerror}{advice_on(error)}"


def advice_on(error: OSError) -> str:
    """Return what to add to a sentence about what the disk refused, if anything helps."""
    if error.errno in _REFUSALS:
        return "; this program may not write into its folder: allow that, or move the file"
    return ""
