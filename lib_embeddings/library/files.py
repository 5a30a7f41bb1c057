"""What people do with the files of a library: they add, rename, move, delete and restore them.

No scan sees it half done, and each ends with a scan of the folders that it changed.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, final

from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.moves import carry_out
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.plans import check_name, folder_inside, plan_move
from lib_embeddings.entries.snapshot import entry_at
from lib_embeddings.errors import BadName, MoveError, shown
from lib_embeddings.library.journal import Journal, Trashed
from lib_embeddings.names import SUFFIXES, split_name, why_no_filename


@final
class Files:
    """The files of a library, for those who may change them."""

    def __init__(
        self,
        journal: Journal | None,
        scanning: threading.Lock,
        entries: Callable[[], Iterable[Entry]],
        folder: Callable[[str], Place],
        rescan: Callable[[Collection[str]], object],
    ) -> None:
        """Prepare.

        Args:
            journal: notes what moves; without it only new files can be added.
            scanning: held while anybody scans.
            entries: returns all that are in the library.
            folder: returns the place of a folder by its id; raises `MoveError`.
            rescan: scans folders, by their full paths.
        """
        self._kept = journal
        self._scanning = scanning
        self._entries = entries
        self._folder = folder
        self._rescan = rescan

    def rename(self, entry: Entry, name: str) -> str:
        """Give an embedding another name, and return the new id. Raises `MoveError`."""
        with self._scanning:
            plan = self._journal.rename(entry, name, self._entries())
        self._rescan_around(plan.after)
        return plan.after.id

    def move(self, entry: Entry, folder: str, new_folder: str = "") -> str:
        """Bring an embedding into another folder, and return the new id.

        Args:
            folder: its id, as the catalogue has it.
            new_folder: the name of one in it, which is made if it is not there; none for itself.

        Raises:
            MoveError: there is no such folder, or none should be called so, or the name is taken
                there, or the disk refuses.
        """
        with self._scanning:
            target = self._folder(folder)
            if new_folder:
                target = folder_inside(target, new_folder)
            with made_folder(target):
                plan = plan_move(entry, target)
                self._journal.carry_out(plan)
        self._rescan_around(plan.before, plan.after)
        return plan.after.id

    def add(self, file: str, folder: str) -> str:
        """Bring a new file into a folder, once it is judged, and return its id.

        Args:
            file: the path of one that lies outside of all folders.
            folder: the id of one, as the catalogue has it.

        Raises:
            MoveError: it is no sound embedding, or its name is taken, or the disk refuses.
        """
        entry = entry_at(Place.of_file(file))
        if entry.reading.state != "ok":
            raise MoveError(f"it was not kept: {entry.reading.reason}")
        with self._scanning:
            check_name(entry, entry.place.name, self._entries())
            plan = plan_move(entry, self._folder(folder))
            carry_out(plan.moves)
        self._rescan_around(plan.after)
        return plan.after.id

    @property
    def trash(self) -> tuple[Trashed, ...]:
        """What was deleted and can be restored, the newest first."""
        return self._kept.trash if self._kept else ()

    def delete(self, entry: Entry) -> Trashed:
        """Bring an embedding to the trash. Raises `MoveError`."""
        with self._scanning:
            trashed = self._journal.delete(entry)
        self._rescan_around(entry.place)
        return trashed

    def restore(self, id: str) -> str:  # noqa: A002 the word of the API
        """Bring an embedding back from the trash, and return its id in the library.

        Raises:
            MoveError: it is not in the trash, or something has its place now, or the disk refuses.
        """
        with self._scanning:
            plan = self._journal.restore(id)
        self._rescan_around(plan.after)
        return plan.after.id

    def empty_trash(self) -> None:
        """Delete for good what is in the trash. Raises `MoveError`."""
        self._journal.empty_trash()

    def _rescan_around(self, *places: Place) -> None:
        """Find what we have changed ourselves, in the folders of some files."""
        self._rescan({place.full_folder for place in places})

    @property
    def _journal(self) -> Journal:
        if self._kept is None:
            raise MoveError(
                "files cannot be moved here: this library has no folder for its records"
            )
        return self._kept


@contextmanager
def made_folder(place: Place) -> Iterator[Place]:
    """Make a folder where there is none, and remove it again if nothing has come into it.

    Raises:
        MoveError: the disk refuses.
    """
    is_new = not os.path.lexists(place.full_path)
    if is_new:
        try:
            os.mkdir(place.full_path)
        except OSError as error:
            raise MoveError(
                f"the folder {shown(place.filename, 255)} cannot be made: {error.strerror}"
            ) from error
    try:
        yield place
    finally:
        if is_new:
            with suppress(OSError):  # it is not empty any more
                os.rmdir(place.full_path)


@contextmanager
def incoming(filename: str) -> Iterator[BinaryIO]:
    """Yield an empty file for what is on its way here; it is gone at the end unless it moved.

    Raises:
        BadName: no embedding's file should be called so.
        OSError: there is no room.
    """
    stem, suffix = split_name(filename)
    problem = why_no_filename(stem)
    if suffix not in SUFFIXES:
        expected = ", ".join(SUFFIXES)
        problem = f"expected a name that ends in one of {expected}, found {shown(suffix) or 'none'}"
    if problem:
        raise BadName(problem)
    with (
        TemporaryDirectory(prefix="lib-embeddings-") as folder,
        (Path(folder) / filename).open("xb") as file,
    ):
        yield file
