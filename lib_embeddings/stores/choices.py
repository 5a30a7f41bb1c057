"""People's choices for single embeddings, and their sets, in one file that all processes share.

It lies in the user's data folder, never in a folder of embeddings, and has a value for each id and
kind of choice, and a row for each member of a set. So two processes that choose different things
for one embedding, or change one set, both win, and a new kind needs no change of old values. A set
without members does not exist; members are names: whichever file has one is meant.

A new store begins with the choices that an older version kept in `preferences.json`. That file
stays, as the older version may still run.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypedDict

from lib_embeddings.errors import shown
from lib_embeddings.limits import LIMITS
from lib_embeddings.names import FIELDS, Field, fold, is_text, natural_key
from lib_embeddings.our_files import our_path
from lib_embeddings.stores.choices_file import (
    Edit,
    Values,
    put,
    read_old,
    repairing,
    stamp_of,
    transaction,
    values_of,
)
from lib_embeddings.stores.index_file import FAILURES

if TYPE_CHECKING:
    from typing_extensions import Unpack

log = logging.getLogger(__name__)

# Sets

_SET = "set:"


class Member(NamedTuple):
    """A name in a set."""

    name: str
    field: Field
    weight: float = 1.0


# By name, in natural order; so are the members of each, those of the prompt first.
Sets = Mapping[str, tuple[Member, ...]]


def sets_of(values: Values) -> Sets:
    """Return the sets in a store."""
    found: dict[str, list[Member]] = defaultdict(list)
    for (id_, kind), weight in values.items():
        field = next((each for each in FIELDS if id_.startswith(f"{each}:")), None)
        if kind.startswith(_SET) and field and isinstance(weight, int | float):
            found[kind[len(_SET) :]].append(Member(id_[len(field) + 1 :], field, float(weight)))
    return {name: _in_order(found[name]) for name in sorted(found, key=natural_key)}


def putting(name: str, members: Iterable[Member]) -> Edit:
    """Return the edit that makes a set of exactly these members; without any it deletes the set."""
    put = {(f"{each.field}:{each.name}", _SET + name): each.weight for each in members}

    def edit(values: Values) -> None:
        for key in [key for key in values if key[1] == _SET + name]:
            del values[key]
        values.update(put)

    return edit


def adding(name: str, members: Iterable[Member], removed: Iterable[str] = ()) -> Edit:
    """Return the edit that adds members to a set, replacing those with the same names.

    Args:
        removed: names to take out.
    """
    added = tuple(members)
    gone = {fold(each) for each in (*removed, *(member.name for member in added))}

    def edit(values: Values) -> None:
        kept = [each for each in sets_of(values).get(name, ()) if fold(each.name) not in gone]
        putting(name, (*kept, *added))(values)

    return edit


def renaming(name: str, new: str) -> Edit:
    """Return the edit that gives a set another name."""

    def edit(values: Values) -> None:
        for id_, kind in [key for key in values if key[1] == _SET + name]:
            values[id_, _SET + new] = values.pop((id_, kind))

    return edit


def following(name: str, new: str) -> Edit:
    """Return the edit that gives an embedding its new name in every set."""

    def edit(values: Values) -> None:
        for id_, kind in list(values):
            field, _, member = id_.partition(":")
            if kind.startswith(_SET) and fold(member) == fold(name):
                values[f"{field}:{new}", kind] = values.pop((id_, kind))

    return edit


def why_no_name(name: str) -> str | None:
    """Return why no set can have a name; None if one can."""
    if not name.strip():
        return "the set has no name: type one"
    if name != name.strip() or not name.isprintable() or not is_text(name):
        return f"{shown(name)}: it contains an invisible character: remove it"
    if len(name) > LIMITS.set_characters:
        return f"{shown(name)}: expected at most {LIMITS.set_characters} characters"
    return None


def why_not_renamed(name: str, new: str, sets: Sets) -> str | None:
    """Return why a set cannot get a new name that sets can have; None if it can."""
    if new in sets and new != name:
        return f"a set named {shown(new)} already exists: choose another name"
    return None


def _in_order(members: Iterable[Member]) -> tuple[Member, ...]:
    def key(member: Member) -> tuple[int, list[int | str]]:
        return FIELDS.index(member.field), natural_key(member.name)

    return tuple(sorted(members, key=key))


# Choices

FieldChoice = Field | Literal["auto"]

# The kinds of choice for one embedding, by the names that all use, and their possible values.
CHOICES: Mapping[str, tuple[bool, ...] | tuple[str, ...]] = {
    "favourite": (True, False),
    "use_partial": (True, False),
    "hidden": (True, False),
    "field": (*FIELDS, "auto"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """People's choices for one embedding.

    Attributes:
        favourite: it is one of their favourites.
        use_partial: it counts as usable even if it is partial.
        hidden: it is not among cards or completions, but works as before.
        field: the prompt field for its name; `auto` leaves that to the name. None: nobody chose.
    """

    favourite: bool = False
    use_partial: bool = False
    hidden: bool = False
    field: FieldChoice | None = None


class Chosen(TypedDict, total=False):
    """Somebody's choices now; what is missing stays as it is."""

    favourite: bool
    use_partial: bool
    hidden: bool
    field: FieldChoice


NO_CHOICE = Choice()


def _log(problem: str) -> None:
    if problem:
        log.warning("%s: new ones are kept in memory", problem)


class Choices:
    """Choices by id. A change is on the disk when the call returns.

    If the store cannot be read or written, choices hold for this process, and are written together
    with the next one. A damaged store is renamed, and a new one gets all that this process knows;
    that is logged. Any thread may call any method.
    """

    def __init__(self, path: str | None = None, on_problem: Callable[[str], object] = _log) -> None:
        """Read the choices kept at *path*, by default in the user's data folder.

        Args:
            on_problem: called with a sentence where the store cannot be read or written, and with
                an empty text once it can again; by default it is logged.
        """
        self._path = os.path.abspath(path or our_path("choices.sqlite"))
        self._on_problem = on_problem
        self._known: dict[str, Choice] = {}  # replaced, never changed: `all` needs no lock
        self._sets: Sets = {}  # likewise
        self._lock = threading.Lock()  # guards all below
        self._stored: Values = {}  # the store's content; while there is none, that of a new one
        self._stamp: int | None = None  # the store's when it was read
        self._edits: list[Edit] = []  # those that are not in the store yet
        self._shown: Values = {}  # what `_known` was made from
        self._problem = ""
        self.refresh()
        if self._stamp is None and not self._problem:
            self._stored = read_old(Path(self._path).with_name("preferences.json"))
            self._show()

    @property
    def folder(self) -> str:
        """The folder of the store, and of other things that must not get lost."""
        return os.path.dirname(self._path)

    def all(self) -> Mapping[str, Choice]:
        """Return the choices that are known now, by id; ids without any are missing."""
        return self._known

    def sets(self) -> Sets:
        """Return the sets that are known now."""
        return self._sets

    def choose(self, id_: str, /, **chosen: Unpack[Chosen]) -> bool:
        """Remember choices for an embedding.

        Returns:
            whether `all` now has anything new, from this choice or from another process.
        """

        def edit(values: Values) -> None:
            for kind, value in chosen.items():
                _set(values, (id_, kind), value)

        return self.change(edit)

    def mark(self, ids: Collection[str], *, favourite: bool) -> bool:
        """Remember for many embeddings at once whether they are favourites; return the same."""

        def edit(values: Values) -> None:
            for id_ in ids:
                _set(values, (id_, "favourite"), favourite)

        return self.change(edit)

    def move(self, ids: Mapping[str, str], names: Mapping[str, str] | None = None) -> None:
        """Carry choices over to other ids and names after files have moved.

        Args:
            ids: old id -> new id.
            names: old name -> new name, in sets.
        """

        def edit(values: Values) -> None:
            moved = {(ids[id_], kind): value for (id_, kind), value in values.items() if id_ in ids}
            replaced = ids.keys() | {id_ for id_, _ in moved}
            for key in [key for key in values if key[0] in replaced]:
                del values[key]
            values.update(moved)
            for name, new in (names or {}).items():
                following(name, new)(values)

        self.change(edit)

    def forget(self, ids: Iterable[str]) -> None:
        """Forget the choices for some ids, as their files are gone for good."""
        gone = frozenset(ids)

        def edit(values: Values) -> None:
            for key in [key for key in values if key[0] in gone]:
                del values[key]

        self.change(edit)

    def refresh(self) -> bool:
        """Read other processes' choices. Return whether anything is new."""
        with self._lock:
            return self._attempt(self._write if self._edits else self._read)

    def close(self) -> None:
        """Write the choices that could not be written before."""
        with self._lock:
            if self._edits:
                self._attempt(self._write)

    def change(self, edit: Edit) -> bool:
        """Make an edit, and return whether anything is new now."""
        with self._lock:
            self._edits.append(edit)
            return self._attempt(self._write)

    def _attempt(self, work: Callable[[], None]) -> bool:
        """Read or write the store if possible. Return whether anything is new."""
        problem = ""
        try:
            repairing(self._path, work)
        except FAILURES as error:
            problem = f"the choices in {self._path} cannot be read or written ({error})"
        if problem != self._problem:  # said for each problem, not for each choice
            self._on_problem(problem)
        self._problem = problem
        return self._show()

    def _read(self) -> None:
        """Take in the store's content, if there is a store."""
        with suppress(FileNotFoundError):
            os.stat(self._path)  # SQLite would make the file
            with transaction(self._path, "DEFERRED") as connection:
                self._take_in(connection)

    def _write(self) -> None:
        """Make the edits in the store. A new store gets all that is known."""
        os.makedirs(self.folder, exist_ok=True)
        with transaction(self._path, "IMMEDIATE") as connection:
            is_new = not self._take_in(connection)
            values, stamp = self._edited(), self._stamp
            changed = _differences(values, {} if is_new else self._stored)
            if changed:
                stamp = put(connection, {key: values.get(key) for key in changed})
        self._stored, self._stamp = values, stamp
        self._edits.clear()

    def _take_in(self, connection: sqlite3.Connection) -> bool:
        """Take in other processes' changes. Return whether there is a store at all."""
        stamp = stamp_of(connection)
        if stamp is not None and stamp != self._stamp:
            self._stored = values_of(connection)
            self._stamp = stamp
        return stamp is not None

    def _edited(self) -> Values:
        values = dict(self._stored)
        for edit in self._edits:
            edit(values)
        return values

    def _show(self) -> bool:
        """Make `all` return what is known now. Return whether anything is new."""
        values = self._edited()
        changed = {id_ for id_, _ in _differences(values, self._shown)}
        if changed:
            new = {id_: _choice(values, id_) for id_ in changed}
            known = {**self._known, **new}
            for id_ in changed:
                if known[id_] == NO_CHOICE:
                    del known[id_]
            self._known, self._shown, self._sets = known, values, sets_of(values)
        return bool(changed)


def _set(values: Values, key: tuple[str, str], value: object) -> None:
    """Put a choice into a table; False is stored by its absence."""
    if value is False:
        values.pop(key, None)
    else:
        values[key] = value


def _choice(values: Values, id_: str) -> Choice:
    """Return the choices for an id, except values that only newer versions know."""
    chosen: dict[str, Any] = {}
    for kind, known in CHOICES.items():
        value = values.get((id_, kind))
        if value in known:
            chosen[kind] = value if kind == "field" else value == 1  # SQLite keeps numbers
    return Choice(**chosen)


def _differences(some: Values, others: Values) -> set[tuple[str, str]]:
    """Return the keys by which two tables differ."""
    return {key for key, _ in some.items() ^ others.items()}
