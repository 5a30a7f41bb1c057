"""`rename`, `move`, `delete`, `trash`, `restore`: the commands that change files.

Each takes along what is named after a file, and what people chose for it.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lib_embeddings.cli import (
    OK,
    Refused,
    check_folders,
    given_file,
    given_path,
    kept_choices,
    refuse,
)
from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.plans import folder_inside, plan_move, plan_rename
from lib_embeddings.entries.snapshot import entry_at
from lib_embeddings.entries.writing import MadeFolders
from lib_embeddings.errors import MoveError, shown
from lib_embeddings.library.journal import Journal


def add_parser(commands: Any) -> None:
    """Add the commands and their options."""
    rename = commands.add_parser(
        "rename", help="rename a file and everything that is named after it"
    )
    _add_file(rename)
    rename.add_argument("name", metavar="NEW_NAME", help="the new name, without the file's ending")
    rename.add_argument("--dry-run", action="store_true", help="only print what would be renamed")
    rename.set_defaults(run=_refusing(_rename))
    move = commands.add_parser("move", help="move a file and everything that is named after it")
    _add_file(move)
    move.add_argument(
        "folder", type=given_path, metavar="DIR", help="the folder to move it to; new ones are made"
    )
    move.add_argument("--dry-run", action="store_true", help="only print what would be moved")
    move.set_defaults(run=_refusing(_move))
    delete = commands.add_parser(
        "delete", help="move a file and everything that is named after it to the trash"
    )
    _add_file(delete)
    delete.set_defaults(run=_refusing(_delete))
    trash = commands.add_parser("trash", help="list what is in the trash, and its total size")
    trash.add_argument("--empty", action="store_true", help="then delete all of it for good")
    trash.set_defaults(run=_refusing(_trash))
    restore = commands.add_parser("restore", help="move a file from the trash to where it was")
    restore.add_argument("id", metavar="ID", help="the first word of its line in the trash")
    restore.set_defaults(run=_refusing(_restore))


def _add_file(parser: Any) -> None:
    parser.add_argument("file", type=given_path, metavar="FILE", help="the embedding's file")


def _refusing(run: Callable[[argparse.Namespace], None]) -> Callable[[argparse.Namespace], int]:
    """Return a command that prints in one sentence why it cannot be carried out."""

    def refusing(options: argparse.Namespace) -> int:
        try:
            run(options)
        except MoveError as error:
            return refuse(str(error))
        return OK

    return refusing


def _rename(options: argparse.Namespace) -> None:
    entry = _entry(options.file)
    with _files() as files:
        rename = plan_rename if options.dry_run else files.rename
        for old, new in rename(entry, options.name).moves:
            print(f"{shown(old.filename, 255)} -> {shown(new.filename, 255)}")


def _move(options: argparse.Namespace) -> None:
    entry, folder = _entry(options.file), _folder(options.folder)
    with _files() as files, MadeFolders().made(folder):
        plan = plan_move(entry, folder)
        if not options.dry_run:
            files.carry_out(plan)
        for old, new in plan.moves:
            print(f"{shown(old.filename, 255)} -> {shown(new.full_path, 255)}")


def _delete(options: argparse.Namespace) -> None:
    entry = _entry(options.file)
    with _files() as files:
        id_ = files.delete(entry).id
        print(f"{id_}  is in the trash: bring it back with lib-embeddings restore {id_}")


def _trash(options: argparse.Namespace) -> None:
    with _files() as files:
        trash = files.trash
        for item in trash:
            day = time.strftime("%Y-%m-%d %H:%M", time.localtime(item.time))
            path = shown(item.place.full_path, 255)
            print(f"{item.id}  {day}  {item.size:>12,} bytes  {path}")
        total = sum(item.size for item in trash)
        print(f"{len(trash):,} in the trash, {total:,} bytes")
        if options.empty and trash:
            files.empty_trash()
            print("All of it is deleted for good.")


def _restore(options: argparse.Namespace) -> None:
    with _files() as files:
        if all(item.id != options.id for item in files.trash):
            id_ = shown(options.id, 255)
            raise Refused(f"{id_} is not in the trash: `lib-embeddings trash` lists what is")
        print(shown(files.restore(options.id).after.full_path, 255))


@contextmanager
def _files() -> Iterator[Journal]:
    with kept_choices() as choices:
        yield Journal(choices)


def _entry(file: str) -> Entry:
    """Return the entry of a file that a library would list. Raises `Refused`."""
    with given_file(file) as place:
        entry = entry_at(place)
    if not entry.is_listed:
        raise Refused(f"{shown(file, 255)} is not an embedding: give the file of one")
    return entry


def _folder(path: str) -> Place:
    """Return the place of a folder; it need not be there yet. Raises `BadName` or `Refused`."""
    folder = Place.of_root(path)
    if os.path.lexists(folder.full_path):
        check_folders([path])
    else:
        for above in folder.from_each_root():
            if os.path.lexists(above.root):
                check_folders([above.root])
                return folder_inside(Place.of_root(above.root), above.path)
    return folder
