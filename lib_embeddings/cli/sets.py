"""`sets`: list the sets of embeddings that people have made, and change them."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from lib_embeddings.cli import OK, given_path, kept_choices, print_json, refuse, scanned
from lib_embeddings.errors import shown
from lib_embeddings.limits import LIMITS
from lib_embeddings.names import FIELDS, fold, guess_field
from lib_embeddings.prompts.grammar import typed
from lib_embeddings.stores.choices import (
    Choices,
    Member,
    Sets,
    adding,
    putting,
    renaming,
    why_no_name,
    why_not_renamed,
)
from lib_embeddings.stores.index import Index
from lib_embeddings.views.render import sets_as_json
from lib_embeddings.views.view import View


def add_parser(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("sets", help="list or change sets of embeddings")
    parser.add_argument("name", nargs="?", metavar="SET", help="one set, to show or to change")
    parser.add_argument(
        "--add",
        action="append",
        default=[],
        type=_weighed,
        metavar="NAME[:WEIGHT]",
        help="put an embedding into it; repeat for several; makes a set that is not there yet",
    )
    parser.add_argument(
        "--field",
        choices=FIELDS,
        help="prompt field of what is added (default: what each name says)",
    )
    parser.add_argument(
        "--remove",
        action="append",
        default=[],
        metavar="NAME",
        help="take an embedding out; repeat for several",
    )
    parser.add_argument("--rename", metavar="NEW_NAME", help="give it another name")
    parser.add_argument("--delete", action="store_true", help="delete it; no file is deleted")
    parser.add_argument(
        "--dir",
        action="append",
        dest="folders",
        type=given_path,
        metavar="DIR",
        help="folder in which to look for the embeddings; repeat for several",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Change one set if asked to, and print that one or all."""
    is_change = options.add or options.remove or options.rename is not None or options.delete
    if is_change and options.name is None:
        return refuse("no set given: name the set to change")
    with kept_choices() as choices:
        if is_change:
            problem = _change(choices, options)
            if problem:
                return refuse(problem)
        known = choices.sets()
    names = list(known) if options.name is None else [options.rename or options.name]
    if options.name is not None and not is_change and options.name not in known:
        return refuse(_unknown(options.name))
    _print({name: known[name] for name in names if name in known}, options)
    return OK


def _change(choices: Choices, options: argparse.Namespace) -> str | None:
    """Change a set as the options say; if that is impossible, return why."""
    name, new, sets = options.name, options.rename, choices.sets()
    if not options.add and name not in sets:
        return _unknown(name)
    problem = why_no_name(name)
    if new is not None:
        problem = problem or why_no_name(new) or why_not_renamed(name, new, sets)
    problem = problem or _why_not_removed(name, options.remove, sets.get(name, ()))
    if problem:
        return problem
    if options.delete and (options.add or options.remove or new is not None):
        return "--delete deletes the whole set: give it alone"
    if options.delete:
        choices.change(putting(name, ()))
        return None
    members = [
        Member(each, options.field or guess_field(each), weight) for each, weight in options.add
    ]
    choices.change(adding(name, members, options.remove))
    if new is not None:
        choices.change(renaming(name, new))
    return None


def _why_not_removed(name: str, removed: Iterable[str], members: Iterable[Member]) -> str | None:
    """Return why names cannot be taken out of a set, or None."""
    there = {fold(each.name) for each in members}
    gone = next((each for each in removed if fold(each) not in there), None)
    if gone is None:
        return None
    title = shown(name, LIMITS.set_characters)
    return f"{shown(gone, 255)} is not in {title}: `lib-embeddings sets` lists what is"


def _weighed(text: str) -> tuple[str, float]:
    """Read `name` or `name:1.2`."""
    name, _, weight = text.rpartition(":")
    with suppress(ValueError):
        if name and abs(float(weight)) <= LIMITS.set_weight:
            return name, float(weight)
    if text:
        return text, 1.0
    raise argparse.ArgumentTypeError("expected the name of an embedding, found nothing")


def _print(sets: Sets, options: argparse.Namespace) -> None:
    if not sets and options.name is None and not options.json:
        print("No sets yet: `lib-embeddings sets NAME --add EMBEDDING` makes one.")
    view = _view(options.folders) if options.folders else None
    if options.json:
        known = sets_as_json(sets, view) if view else _without_files(sets)
        print_json({"sets": known})
        return
    for name, members in sets.items():
        print(shown(name, LIMITS.set_characters))
        for field in FIELDS:
            texts = [_as_prompt(each) for each in members if each.field == field]
            if texts:
                print(f"  {field}: {', '.join(texts)}")
        for line in _missing(members, view):
            print(f"  {line}")


def _view(folders: Sequence[str]) -> View:
    with Index.open() as index, scanned(folders, "none", index) as library:
        return library.view


def _without_files(sets: Sets) -> list[dict[str, Any]]:
    return [
        {"name": name, "members": [each._asdict() for each in members]}
        for name, members in sets.items()
    ]


def _as_prompt(member: Member) -> str:
    name = shown(typed(member.name), LIMITS.filename_bytes)
    return name if member.weight == 1 else f"({name}:{member.weight:g})"


def _missing(members: Sequence[Member], view: View | None) -> Iterator[str]:
    (known,) = sets_as_json({"": tuple(members)}, view) if view else ({"members": ()},)
    for member in known["members"]:
        if member["reason"]:
            yield f"{shown(member['name'], LIMITS.filename_bytes)}: {member['reason']}"


def _unknown(name: str) -> str:
    return f"there is no set {shown(name)}: `lib-embeddings sets` lists them"
