"""`rename`: rename a file and everything that is named after it."""

from __future__ import annotations

import argparse
from contextlib import closing
from typing import Any

from lib_embeddings.cli import OK, refuse
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.rename import Move, plan, rename
from lib_embeddings.entries.snapshot import entry_at
from lib_embeddings.errors import RenameError, shown
from lib_embeddings.library.choices import Choices


def add_parser(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "rename", help="rename a file and everything that is named after it"
    )
    parser.add_argument("file", metavar="FILE", help="the embedding's file")
    parser.add_argument("name", metavar="NEW_NAME", help="the new name, without the file's ending")
    parser.add_argument("--dry-run", action="store_true", help="only print what would be renamed")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Rename, and print each file's old and new name."""
    try:
        entry = entry_at(Place.of_file(options.file))
        renaming = (plan if options.dry_run else rename)(entry, options.name)
    except OSError as error:
        return refuse(f"{shown(options.file, 255)} cannot be opened: {error.strerror}")
    except RenameError as error:
        return refuse(str(error))
    for old, new in renaming.moves:
        print(f"{shown(old.filename, 255)} -> {shown(new.filename, 255)}")
    if not options.dry_run:
        _move_choices(renaming.moves[-1])
    return OK


def _move_choices(move: Move) -> None:
    """Let what people chose follow the file, whichever folder above it was scanned."""
    places = zip(move.source.from_each_root(), move.target.from_each_root(), strict=True)
    with closing(Choices()) as choices:
        choices.move({old.id: new.id for old, new in places})
