"""What people do with the files of a library: they add, rename, move, delete and restore them.

No scan sees any of this half done. Each ends with a scan of the folders that it changed.

Files that arrive from a page lie in a folder of ours, until they are checked, just as they will lie
in the other one: what belongs to an embedding is found there by the rules of every scan, and comes
with it.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import reduce
from io import SEEK_END
from tempfile import TemporaryDirectory
from typing import BinaryIO, NamedTuple, final

from lib_embeddings.entries.entry import Companion, Entry, unopened
from lib_embeddings.entries.imaging import shrink
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.plans import FolderNames, check_name, folder_inside, plan_move
from lib_embeddings.entries.previews import video_kind
from lib_embeddings.entries.read import open_file, read_file
from lib_embeddings.entries.snapshot import Snapshot
from lib_embeddings.entries.texts import content, parsed
from lib_embeddings.entries.walk import walk
from lib_embeddings.entries.writing import MadeFolders, carry_out, write_new
from lib_embeddings.errors import MoveError, shown
from lib_embeddings.library.journal import Journal, Trashed
from lib_embeddings.library.scans import Scans
from lib_embeddings.limits import KIB, LIMITS
from lib_embeddings.names import (
    COMPANION_SUFFIXES,
    COMPANION_WORDS,
    INFO_SUFFIX,
    SIDECAR_SUFFIX,
    SUFFIXES,
    TEXT_SUFFIX,
    VIDEO_SUFFIXES,
    WEIGHT_SUFFIXES,
    fold,
    split_name,
    why_no_filename,
)

_BLOCK = 64 * KIB
_TEXTS = (SIDECAR_SUFFIX, INFO_SUFFIX, TEXT_SUFFIX)
_TWICE = "it was not kept: another file of this name came with it"
_LONELY = "it was not kept: no embedding was added with it"


class Outcome(NamedTuple):
    """What became of a file.

    Attributes:
        path: where it was meant to go below the folder.
        id: in the library; None for what lies beside an embedding, and for what was not kept.
        reason: why it was not kept; None for one that was.
    """

    path: str
    id: str | None
    reason: str | None


class Arrivals:
    """Files in a folder of ours."""

    def __init__(self, root: Place) -> None:
        """Begin with an empty folder."""
        self._root = root
        self._refused: dict[str, str] = {}
        self._sound: list[Entry] = []
        self._added: dict[str, Place] = {}
        self._moved = set[str]()

    @classmethod
    @contextmanager
    def unpacked(cls, body: BinaryIO, listed: Sequence[tuple[str, int]]) -> Iterator[Arrivals]:
        """Yield the files that a body has one after the other, checked; afterwards none is left.

        Args:
            body: ends with them.
            listed: for each file where it goes below the folder, with `/`, and its size.
        """
        with TemporaryDirectory(prefix="lib-embeddings-") as folder:
            arrivals = cls(Place.of_root(folder))
            at = body.seek(-sum(size for _, size in listed), SEEK_END)
            for path, size in listed:
                body.seek(at)
                arrivals._unpack(body, path, size)
                at += size
            arrivals._judge()
            yield arrivals

    def move_into(
        self, folder: Place, made: MadeFolders, others: Iterable[Entry]
    ) -> Iterator[Entry]:
        """Move the sound ones to their places, and yield them as they are there.

        Args:
            made: makes the folders below that one.
            others: all that are in the library: none that serves the same models may have the name.
        """
        rivals = defaultdict[str, list[Entry]](list)
        for other in others:
            rivals[fold(other.place.name)].append(other)
        names: dict[str, FolderNames] = {}
        for entry in self._sound:
            namesakes = rivals[fold(entry.place.name)]
            try:
                check_name(entry.place.name, entry.reading.vectors.keys(), namesakes)
                place = self._move(entry, folder, made, names)
            except MoveError as error:
                self._refused[entry.place.path] = str(error)
            else:
                self._added[entry.place.path] = place
                namesakes.append(entry._replace(place=place))
                yield namesakes[-1]

    def outcomes(self, listed: Iterable[tuple[str, int]]) -> Iterator[Outcome]:
        """Yield what became of each file."""
        named = set[str]()
        for path, _ in listed:
            if path in named:
                yield Outcome(path, None, _TWICE)
                continue
            named.add(path)
            place = self._added.get(path)
            reason = None if path in self._moved else self._refused.get(path, _LONELY)
            yield Outcome(path, place.id if place else None, reason)

    def _unpack(self, body: BinaryIO, path: str, size: int) -> None:
        reason = _why_not(path, size)
        if reason:
            self._refused[path] = reason
            return
        place = reduce(Place.inside, path.split("/"), self._root)
        try:
            write_new(place, (body.read(min(_BLOCK, size - at)) for at in range(0, size, _BLOCK)))
        except FileExistsError:
            self._refused.setdefault(path, _TWICE)
        except OSError as error:
            self._refused[path] = f"it was not kept: {error.strerror or error}"

    def _judge(self) -> None:
        found = [each for folder in walk([self._root.full_path]) for each in folder.files]
        entries = [unopened(each) if each.problem else read_file(each) for each in found]
        for entry in entries:
            if entry.reading.state != "ok":
                self._refused[entry.place.path] = f"it was not kept: {entry.reading.reason}"
        snapshot = Snapshot.of((self._root.full_path,), entries)
        self._sound = [entry for entry in snapshot.entries if entry.reading.state == "ok"]
        for entry in self._sound:
            for companion in entry.companions:
                self._judge_beside(entry.place, companion)

    def _judge_beside(self, place: Place, companion: Companion) -> None:
        """Check what lies beside an embedding, and leave out what is not what its name says."""
        beside = place.beside(companion.filename)
        reason = None if beside == place else _why_not_beside(place, companion)
        if reason:
            self._refused[beside.path] = f"it was not kept: {reason}"
            os.remove(beside.full_path)

    def _move(
        self, entry: Entry, folder: Place, made: MadeFolders, names: dict[str, FolderNames]
    ) -> Place:
        below = entry.place.folder
        with made.made(folder_inside(folder, below) if below else folder) as target:
            known = names.get(target.full_path) or FolderNames.of(target)
            plan = plan_move(entry, target, known)
            # The embedding comes first: if the process ends, no picture is left without one.
            carry_out(plan.moves[::-1])
        names[target.full_path] = known
        for source, target in plan.moves:
            known.add(target.filename)
            self._moved.add(source.path)
        return plan.after


def _why_not(path: str, size: int) -> str | None:
    """Return why no file may lie where this one should; None where it may."""
    *folders, filename = path.split("/")
    stem, suffix = split_name(filename)
    if suffix not in SUFFIXES and suffix not in COMPANION_SUFFIXES:
        expected = ", ".join(SUFFIXES)
        return f"expected a name that ends in one of {expected}, found {shown(suffix) or 'none'}"
    if size > LIMITS.download_bytes:
        return f"it was not kept: expected at most {LIMITS.download_bytes:,} bytes, found {size:,}"
    word = next((each for each in COMPANION_WORDS if fold(stem).endswith(each)), "")
    name = stem if suffix in WEIGHT_SUFFIXES else stem[: len(stem) - len(word)]
    return next(filter(None, map(why_no_filename, (*folders, name))), None)


def _why_not_beside(place: Place, companion: Companion) -> str | None:
    """Return why a file may not lie beside an embedding; None if it is what its name says."""
    path, suffix = place.beside(companion.filename).full_path, split_name(companion.filename)[1]
    if suffix in VIDEO_SUFFIXES:
        with suppress(OSError), open_file(path) as file:
            return None if video_kind(file.read(_BLOCK) or b"") else "it is not a video"
    if suffix not in _TEXTS:
        is_shown = shrink(path, LIMITS.preview_widths[0])
        return None if is_shown else "it is not a picture that can be shown"
    if companion.size > LIMITS.sidecar_bytes:
        return f"expected at most {LIMITS.sidecar_bytes:,} bytes, found {companion.size:,}"
    is_read = suffix == TEXT_SUFFIX or parsed(content(place, companion)) is not None
    return None if is_read else "it is damaged or not JSON"


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
