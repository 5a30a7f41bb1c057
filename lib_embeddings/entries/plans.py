"""Find which files have to move to give an embedding another name or another folder.

Every file named after it moves with it. They are looked up on the disk each time, as the entry may
be older than its neighbours. Nothing here moves anything.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from lib_embeddings.entries.entry import PAIR, Entry
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.read import usual_suffix
from lib_embeddings.entries.writing import Move
from lib_embeddings.errors import BadName, MoveError, shown
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


class Plan(NamedTuple):
    """The moves that bring an embedding to another place.

    Attributes:
        moves: one for each file that belongs to it; its own file comes last.
    """

    moves: tuple[Move, ...]

    @property
    def before(self) -> Place:
        """Where the embedding is until then."""
        return self.moves[-1].source

    @property
    def after(self) -> Place:
        """Where the embedding is afterwards."""
        return self.moves[-1].target


class FolderNames:
    """The names of all files in a folder, to find out quickly which are taken.

    Names that differ only in letter case or accents are the same.
    """

    def __init__(self, filenames: Iterable[str]) -> None:
        self._files = defaultdict[str, set[str]](set)
        self._embeddings = defaultdict[str, set[str]](set)
        for each in filenames:
            self.add(each)

    @classmethod
    def of(cls, folder: Place) -> FolderNames:
        """Ask the disk. Raises `MoveError`."""
        try:
            return cls(os.listdir(folder.full_path))
        except OSError as error:
            raise MoveError(f"the folder cannot be read: {error.strerror}") from error

    def add(self, filename: str) -> None:
        """Note a new one."""
        stem, suffix = split_name(filename)
        self._files[fold(filename)].add(filename)
        if suffix in SUFFIXES:
            self._embeddings[fold(stem)].add(filename)

    def check_free(self, targets: Sequence[tuple[str, str]]) -> None:
        """Check that every target is free.

        Args:
            targets: for each file its present name in the folder, empty if it lies elsewhere, and
                its new name; the embedding's own file comes last.

        Raises:
            MoveError: one is taken, or too long.
        """
        *_, (_, renamed) = targets
        taken = set(self._embeddings.get(fold(split_name(renamed)[0]), ()))
        taken.difference_update(old for old, _ in targets)
        for old, new in targets:
            most = LIMITS.filename_bytes
            if len(os.fsencode(new)) > most:
                raise BadName(f"{shown(new)}: expected at most {most} bytes with its ending")
            taken |= self._files.get(fold(new), set()) - {old}
        if taken:
            raise MoveError(name_taken(min(taken)))


def plan_rename(entry: Entry, name: str, others: Iterable[Entry] = ()) -> Plan:
    """Return the plan that gives an embedding another name.

    Args:
        others: all in the library; no two embeddings that serve the same models may get one name.

    Raises:
        BadName: no file should be called so.
        MoveError: the name is taken, or the file is gone.
    """
    problem = why_no_filename(name)
    if problem:
        raise BadName(problem)
    place = entry.place
    suffix = _suffix_for(entry)
    rivals = (other for other in others if other.place != place)
    check_name(name, entry.reading.vectors.keys(), rivals)
    filename, filenames = _list_around(place)
    suffix = suffix or filename[len(split_name(filename)[0]) :]
    is_pair = entry.reading.layout == PAIR
    belongings = _belongings(place, filename, filenames)
    targets = _renamed(filename, name + suffix, belongings, is_pair=is_pair)
    FolderNames(filenames).check_free(targets)
    if filename == name + suffix:
        raise MoveError(f"{shown(filename, 255)} already has this name: choose another name")
    return Plan(tuple(Move(place.beside(old), place.beside(new)) for old, new in targets))


def plan_move(entry: Entry, folder: Place, names: FolderNames | None = None) -> Plan:
    """Return the plan that brings an embedding into another folder; its name stays.

    Args:
        names: of all files in that folder, where they are known.

    Raises:
        MoveError: it is there already, or its name is taken there, or the file is gone.
    """
    if entry.place.full_folder == folder.full_path:
        raise MoveError(f"{shown(entry.place.filename, 255)} lies in this folder: choose another")
    plan = plan_removal(entry, folder)
    for place, _ in plan.moves:
        if os.path.islink(place.full_path) and not os.path.isabs(os.readlink(place.full_path)):
            raise MoveError(
                f"{shown(place.filename, 255)} is a link that would be broken from another "
                "folder: move what it leads to"
            )
    names = names or FolderNames.of(folder)
    names.check_free([("", move.target.filename) for move in plan.moves])
    return plan


def folder_inside(folder: Place, path: str) -> Place:
    """Return the place of a folder below another one; it need not be there yet.

    Args:
        path: its name, or several with `/` between them: each lies in the one before.

    Raises:
        BadName: no folder should have such a name.
    """
    for name in path.split("/"):
        problem = why_no_filename(name)
        if problem:
            raise BadName(problem)
        folder = folder.inside(name)
    return folder


def plan_removal(entry: Entry, folder: Place) -> Plan:
    """Return the plan that brings an embedding into an empty folder.

    Raises:
        MoveError: the file is gone.
    """
    filename, filenames = _list_around(entry.place)
    partner = partner_of(filename) if entry.reading.layout == PAIR else None
    belongings = _belongings(entry.place, filename, filenames)
    files = [*belongings, *filter(None, (partner,)), filename]
    here = entry.place.beside
    return Plan(tuple(Move(here(each), folder.inside(each)) for each in files))


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
        MoveError: it has the ending of another kind of file, and is not an embedding.
    """
    place = entry.place
    if place.suffix in SUFFIXES:
        return None
    mended = mended_filename(entry)
    if mended:
        return split_name(mended)[1]
    found = shown(place.suffix) or "none"
    raise MoveError(
        f"{shown(place.path, 255)}: expected one of {', '.join(SUFFIXES)}, found {found}"
    )


def _list_around(place: Place) -> tuple[str, list[str]]:
    """Return a file's name and those of its neighbours, as the system spells them."""
    try:
        filenames = os.listdir(place.full_folder)
    except OSError as error:
        raise MoveError(f"its folder cannot be read: {error.strerror}") from error
    filename = next((each for each in filenames if _is_at(place, each)), "")
    if not filename or os.path.isdir(place.full_path):
        raise MoveError(f"{shown(place.filename, 255)} no longer exists, or is a folder")
    return filename, filenames


def _is_at(place: Place, filename: str) -> bool:
    return place.beside(filename).full_path == place.full_path


def check_name(name: str, encoders: AbstractSet[str], others: Iterable[Entry]) -> None:
    """Check that no other embedding that serves the same models has a name, in any folder.

    Args:
        encoders: text encoder keys of the vectors that are to have it.

    Raises:
        MoveError: one has.
    """
    for other in others:
        reading, place = other.reading, other.place
        is_rival = reading.state == "ok" and reading.vectors.keys() == encoders
        if is_rival and fold(place.name) == fold(name):
            raise MoveError(name_taken(place.path))


def name_taken(path: str) -> str:
    """Return a sentence that says which file already has a name."""
    return f"the name is already taken by {shown(path, 255)}: choose another name"


# The files to move


def _renamed(
    filename: str, renamed: str, belongings: Iterable[str], *, is_pair: bool
) -> list[tuple[str, str]]:
    """Return old and new file names: of a file's companions, and its own."""
    stem, name = split_name(filename)[0], split_name(renamed)[0]
    targets = [(each, name + each[len(stem) :]) for each in belongings]
    if is_pair:
        partner, renamed_partner = partner_of(filename), partner_of(renamed)
        if not renamed_partner:
            raise BadName(f"{shown(name)}: expected a name other than that of a pair's second file")
        targets.append((partner or "", renamed_partner))
    return [*targets, (filename, renamed)]


def _belongings(place: Place, filename: str, filenames: Sequence[str]) -> list[str]:
    """Return the files that are named after an embedding's: `<name>.…`, of any kind.

    A file that is also named after another embedding stays with that one. A folder stays too, as it
    may be full of embeddings.
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
        if fold(each[: len(beginning)]) == fold(beginning)
        and not fold(each).startswith(rivals)
        and not os.path.isdir(place.beside(each).full_path)
    )
