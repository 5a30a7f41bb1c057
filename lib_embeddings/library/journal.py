"""Move the files of embeddings, with what people chose for them; the trash is one of the places.

A plan is written down before its first file moves, and crossed out after the last. Whoever finds
one that was interrupted takes it back, so that everything of an embedding has one name and one
place, however a process ended. A plan that moved files into the trash is kept beside them: to take
it back is to restore them.

All of it lies beside the choices, never in a folder of embeddings, and one process moves at a time.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.plans import Plan, plan_removal, plan_rename
from lib_embeddings.entries.sidecars import follow_moves
from lib_embeddings.entries.writing import Move, carry_out, take_back, write_at_once
from lib_embeddings.errors import MoveError, shown
from lib_embeddings.names import fold
from lib_embeddings.stores.choices import Choices
from lib_embeddings.stores.choices_file import patiently, transaction

log = logging.getLogger(__name__)


class Trashed(NamedTuple):
    """An embedding in the trash.

    Attributes:
        place: where it was, and would be again.
        time: when it was deleted, in seconds since 1970.
        size: of all that belongs to it, in bytes.
    """

    id: str
    place: Place
    time: float
    size: int


class _Record(NamedTuple):
    """A plan as it is written down; the name of its file is its id.

    Attributes:
        ids: which ids choices follow: old id -> new id.
        size: of all files, in bytes.
        names: which names sets follow: old name -> new name.
    """

    moves: tuple[Move, ...]
    ids: Mapping[str, str]
    time: float
    size: int
    names: Mapping[str, str]

    @classmethod
    def of(cls, plan: Plan, ids: Mapping[str, str], names: Mapping[str, str]) -> _Record:
        """Note a plan. Raises `OSError` where one of its files is gone."""
        size = sum(os.lstat(move.source.full_path).st_size for move in plan.moves)
        return cls(plan.moves, ids, time.time(), size, names)

    def follow(self, choices: Choices) -> None:
        """Let what people chose go where the files go."""
        choices.move(self.ids, self.names)

    def follow_back(self, choices: Choices) -> None:
        """Let it go back with them."""
        choices.move(_turned(self.ids), _turned(self.names))

    def as_json(self) -> bytes:
        return json.dumps(self._asdict()).encode()

    @classmethod
    def of_json(cls, text: bytes) -> _Record:
        """Read a plan. Raises errors of several kinds if it is damaged."""
        written = json.loads(text)
        moves = [Move(Place(*source), Place(*target)) for source, target in written["moves"]]
        ids, names = (
            {str(old): str(new) for old, new in mapping.items()}
            for mapping in (written["ids"], written.get("names", {}))  # none in older versions
        )
        if not moves:
            raise ValueError("it has no files")
        return cls(tuple(moves), ids, float(written["time"]), int(written["size"]), names)


class Journal:
    """Moves files, and keeps the trash. Any thread and any process may call any method."""

    def __init__(
        self, choices: Choices, moved: Callable[[Move], object] = lambda _move: None
    ) -> None:
        """Take back the plans that were interrupted before.

        Args:
            moved: called for each file that has moved.
        """
        self._choices = choices
        self._moved = moved
        self._folder = Path(choices.folder)
        self._begun = self._folder / "moves"
        self._trash = self._folder / "trash"
        with suppress(MoveError, OSError):  # whoever moves something is told
            if _listed(self._begun):
                self._alone(lambda: None)

    def carry_out(self, plan: Plan, names: Mapping[str, str] | None = None) -> None:
        """Move all files of a plan, or none. Raises `MoveError`.

        Args:
            names: old name -> new name, in sets.
        """
        id_, ids = secrets.token_hex(8), _ids_of(plan)
        self._alone(lambda: self._carry_out(id_, _Record.of(plan, ids, names or {})))

    def rename(self, entry: Entry, name: str, others: Iterable[Entry] = ()) -> Plan:
        """Give an embedding another name, also in sets, and return what moved.

        Args:
            others: all that are in the library, as far as it is known: none that serves the same
                models may have the name, and a set that may mean another file goes on naming it.

        Raises:
            MoveError: the name is taken, or unsuitable, or the disk refuses.
        """
        others = tuple(others)
        plan = plan_rename(entry, name, others)
        namesakes = (
            each
            for each in others
            if each.reading.state == "ok" and fold(each.place.name) == fold(entry.place.name)
        )
        is_alone = all(each.place == entry.place for each in namesakes)
        self.carry_out(plan, {entry.place.name: name} if is_alone else {})
        return plan

    def delete(self, entry: Entry) -> Trashed:
        """Move an embedding to the trash. Raises `MoveError`."""
        id_ = secrets.token_hex(8)
        folder = self._trash / id_
        plan = plan_removal(entry, Place.of_root(folder))
        ids = {each.id: f"{each.id}@{id_}" for each in (entry.place, *entry.place.from_each_root())}
        self._alone(lambda: self._carry_out(id_, _Record.of(plan, ids, {}), folder))
        return next(each for each in self.trash if each.id == id_)

    def restore(self, id_: str) -> Plan:
        """Move an embedding from the trash to where it was, and return what moved.

        Raises:
            MoveError: it is not in the trash, or its place is taken.
        """
        records = {path.stem: (path, record) for path, record in self._trashed()}
        if id_ not in records:
            raise MoveError("it is not in the trash")
        path, record = records[id_]
        plan = Plan(tuple(Move(target, source) for source, target in record.moves))
        self._alone(partial(self._restore, path, record, plan))
        return plan

    def empty_trash(self) -> None:
        """Delete what is in the trash for good. Raises `MoveError`."""
        self._alone(self._empty_trash)

    @property
    def trash(self) -> tuple[Trashed, ...]:
        """What is in the trash, the newest first. Raises `MoveError`."""
        trashed = (
            Trashed(path.stem, record.moves[-1].source, record.time, record.size)
            for path, record in self._trashed()
        )
        return tuple(sorted(trashed, key=lambda each: each.time, reverse=True))

    def _trashed(self) -> list[tuple[Path, _Record]]:
        try:
            return list(self._records(self._trash))
        except OSError as error:
            raise MoveError(f"the trash cannot be read: {error.strerror or error}") from error

    def _carry_out(self, id_: str, record: _Record, folder: Path | None = None) -> None:
        """Move the files of a plan that is about to be written down.

        Args:
            folder: where the trash will keep them; None if they stay in the library.
        """
        path = self._begun / f"{id_}.json"
        for each in filter(None, (path.parent, folder)):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_at_once(path, record.as_json())
        try:
            carry_out(record.moves)
        except MoveError:
            self._take_back(path, record)
            raise
        record.follow(self._choices)
        for move in record.moves:
            self._moved(move)
        if folder:
            os.replace(path, folder.with_suffix(".json"))
            return
        path.unlink()
        follow_moves(record.moves)

    def _restore(self, path: Path, record: _Record, plan: Plan) -> None:
        for source, target in plan.moves:
            if os.path.lexists(source.full_path) and os.path.lexists(target.full_path):
                raise MoveError(f"{shown(target.path, 255)} already exists again: rename it first")
        root = plan.after.root
        if not os.path.isdir(root):
            raise MoveError(
                f"its folder {shown(Place.of_root(root).filename, 255)} is missing: create it, or "
                "connect its drive"
            )
        os.makedirs(plan.after.full_folder, exist_ok=True)
        begun = self._begun / path.name
        os.replace(path, begun)  # if this process ends now, the next one restores it
        record.follow_back(self._choices)
        try:
            carry_out(plan.moves)
        except MoveError:
            record.follow(self._choices)
            os.replace(begun, path)
            raise
        for move in plan.moves:
            self._moved(move)
        begun.unlink()
        path.with_suffix("").rmdir()

    def _empty_trash(self) -> None:
        for path, record in self._records(self._trash):
            try:
                with suppress(FileNotFoundError):
                    shutil.rmtree(path.with_suffix(""))
            except OSError as error:
                raise MoveError(f"the trash cannot be emptied: {error.strerror}") from error
            self._choices.forget(record.ids.values())
            path.unlink()

    def _take_back_all(self) -> None:
        for unfinished in _listed(self._begun, ".tmp"):  # records that nobody can have acted on
            unfinished.unlink()
        for path, record in self._records(self._begun):
            self._take_back(path, record)

    def _take_back(self, path: Path, record: _Record) -> None:
        """Put the files of a plan back, and cross it out unless some cannot be put back yet."""
        source, target = record.moves[-1]
        if os.path.lexists(target.full_path) and not os.path.lexists(source.full_path):
            record.follow_back(self._choices)  # else they are of a file that has the name now
        left = take_back(record.moves)
        for source, target in left:
            log.warning(
                "%s was on its way and cannot be moved back to %s",
                shown(target.full_path, 255),
                shown(source.full_path, 255),
            )
        if not left:
            path.unlink()
            with suppress(OSError):
                (self._trash / path.stem).rmdir()

    def _records(self, folder: Path) -> Iterator[tuple[Path, _Record]]:
        for path in _listed(folder, ".json"):
            try:
                yield path, _Record.of_json(path.read_bytes())
            except (OSError, ValueError, TypeError, LookupError) as error:
                log.warning("the record of moved files %s cannot be read: %s", path, error)

    def _alone(self, work: Callable[[], None]) -> None:
        """Do something while no other process moves files and nothing is left half done."""

        def work_alone() -> None:
            self._folder.mkdir(parents=True, exist_ok=True)
            with transaction(str(self._folder / "moves.lock"), "EXCLUSIVE"):
                self._take_back_all()
                work()

        try:
            patiently(work_alone)
        except (OSError, sqlite3.Error) as error:
            if "locked" in str(error):
                raise MoveError("another program is moving files: try again") from error
            why = getattr(error, "strerror", None) or error
            raise MoveError(
                f"nothing was moved: this program's data folder cannot be used: {why}"
            ) from error


def _listed(folder: Path, ending: str = "") -> list[Path]:
    """Return what is in a folder of ours, which need not be there. Raises `OSError`."""
    try:
        # Some releases of Python show a folder that refuses as an empty one, if asked to glob.
        return sorted(folder / name for name in os.listdir(folder) if name.endswith(ending))
    except FileNotFoundError:
        return []


def _turned(mapping: Mapping[str, str]) -> dict[str, str]:
    return {new: old for old, new in mapping.items()}


def _ids_of(plan: Plan) -> dict[str, str]:
    """Return the old and new ids of an embedding, whichever folder above it is scanned."""
    after = {place.root: place for place in plan.after.from_each_root()}
    before = (place for place in plan.before.from_each_root() if place.root in after)
    ids = {place.id: after[place.root].id for place in before}
    return {plan.before.id: plan.after.id, **ids}
