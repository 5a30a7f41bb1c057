"""What people do with the files of a library: they add, rename, move, delete and restore them.

No scan sees any of this half done. Each ends with a scan of the folders that it changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import BinaryIO, final

from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.moves import MadeFolders
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.plans import folder_inside, plan_move
from lib_embeddings.errors import MoveError
from lib_embeddings.library.arrivals import Arrivals, Outcome
from lib_embeddings.library.journal import Journal, Trashed
from lib_embeddings.library.scans import Scans


@final
class Files:
    """The files of a library, for those who may change them."""

    def __init__(
        self,
        journal: Journal | None,
        scans: Scans,
        entries: Callable[[], Iterable[Entry]],
        keep: Callable[[Entry], object],
    ) -> None:
        """Prepare.

        Args:
            journal: notes what moves; without it only new files can be added.
            entries: returns all that are in the library.
            keep: remembers an entry that was read.
        """
        self._kept = journal
        self._scans = scans
        self._entries = entries
        self._keep = keep
        self._folders = MadeFolders()  # those that an undo removes again

    def rename(self, entry: Entry, name: str) -> str:
        """Give an embedding another name, and return the new id. Raises `MoveError`."""
        with self._scans.scanning:
            plan = self._journal.rename(entry, name, self._entries())
        self._rescan_around(plan.after)
        return plan.after.id

    def move(self, entry: Entry, folder: str, new_folder: str = "") -> str:
        """Move an embedding into another folder, and return the new id.

        Args:
            folder: its id, as the catalogue has it.
            new_folder: the name of one in it, or several with `/` between them, which are made if
                they are not there; empty for the folder itself.

        Raises:
            MoveError: there is no such folder, or its name is unsuitable, or the name of the file
                is taken there, or the disk refuses.
        """
        with self._scans.scanning:
            target = self._scans.folder(folder)
            if new_folder:
                target = folder_inside(target, new_folder)
            with self._folders.made(target):
                plan = plan_move(entry, target)
                self._journal.carry_out(plan)
            self._folders.remove_empty(plan.before.parent)
        self._rescan_around(plan.before, plan.after)
        return plan.after.id

    def add(self, body: BinaryIO, listed: Sequence[tuple[str, int]], folder: str) -> list[Outcome]:
        """Add new files to a folder, each once it is checked, and return what became of them.

        What lies beside an embedding comes with it. However many come, their folder is scanned
        once.

        Args:
            body: ends with them, one after the other.
            listed: for each where it goes below the folder, with `/`, and its size.
            folder: its id, as the catalogue has it.

        Raises:
            MoveError: there is no such folder.
        """
        with Arrivals.unpacked(body, listed) as arrivals:
            with self._scans.scanning:
                target = self._scans.folder(folder)
                entries = list(arrivals.move_into(target, self._folders, self._entries()))
                for entry in entries:
                    self._keep(entry)  # it is read, and whoever checked it waited for it
            self._rescan_around(*(entry.place for entry in entries))
            return list(arrivals.outcomes(listed))

    @property
    def trash(self) -> tuple[Trashed, ...]:
        """What was deleted and can be restored, the newest first."""
        return self._kept.trash if self._kept else ()

    def delete(self, entry: Entry) -> Trashed:
        """Move an embedding to the trash. Raises `MoveError`."""
        with self._scans.scanning:
            trashed = self._journal.delete(entry)
            self._folders.remove_empty(entry.place.parent)
        self._rescan_around(entry.place)
        return trashed

    def restore(self, id: str) -> str:  # noqa: A002 the word of the API
        """Restore an embedding from the trash, and return its id in the library.

        Raises:
            MoveError: it is not in the trash, or its place is taken, or the disk refuses.
        """
        with self._scans.scanning:
            plan = self._journal.restore(id)
        self._rescan_around(plan.after)
        return plan.after.id

    def empty_trash(self) -> None:
        """Delete what is in the trash for good. Raises `MoveError`."""
        self._journal.empty_trash()

    def _rescan_around(self, *places: Place) -> None:
        """Find what we have changed ourselves, in the folders of some files."""
        self._scans.rescan_folders({place.full_folder for place in places})

    @property
    def _journal(self) -> Journal:
        if self._kept is None:
            raise MoveError(
                "files cannot be moved here: this library has no folder for its records"
            )
        return self._kept
