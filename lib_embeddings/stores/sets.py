"""Sets: a few names that somebody uses together, each with its prompt field and its weight.

They are kept with the choices, a row for each member, so that two processes that change one set
both win. A set without members does not exist. Members are names: whichever file has one is meant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from lib_embeddings.errors import shown
from lib_embeddings.limits import LIMITS
from lib_embeddings.names import FIELDS, Field, fold, is_text, natural_key
from lib_embeddings.stores.choices_file import Edit, Values

_KIND = "set:"


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
        if kind.startswith(_KIND) and field and isinstance(weight, int | float):
            found[kind[len(_KIND) :]].append(Member(id_[len(field) + 1 :], field, float(weight)))
    return {name: _in_order(found[name]) for name in sorted(found, key=natural_key)}


def putting(name: str, members: Iterable[Member]) -> Edit:
    """Return the edit that makes a set of exactly these members; without any it deletes the set."""
    put = {(f"{each.field}:{each.name}", _KIND + name): each.weight for each in members}

    def edit(values: Values) -> None:
        for key in [key for key in values if key[1] == _KIND + name]:
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
        for id_, kind in [key for key in values if key[1] == _KIND + name]:
            values[id_, _KIND + new] = values.pop((id_, kind))

    return edit


def following(name: str, new: str) -> Edit:
    """Return the edit that gives an embedding its new name in every set."""

    def edit(values: Values) -> None:
        for id_, kind in list(values):
            field, _, member = id_.partition(":")
            if kind.startswith(_KIND) and fold(member) == fold(name):
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
