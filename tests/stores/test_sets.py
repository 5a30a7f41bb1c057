"""Sets of names, which any number of processes change."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from lib_embeddings.stores.choices import (
    Choice,
    Choices,
    Member,
    adding,
    following,
    putting,
    renaming,
    sets_of,
)
from lib_embeddings.stores.choices_file import Values

BAD, HANDS = Member("bad", "negative", 1.2), Member("hands-5", "negative")
CAT = Member("a: cat", "positive", -0.5)


def test_sets_are_kept_with_the_choices(tmp_path: Path) -> None:
    """Another process sees them, beside what was chosen for single embeddings."""
    path = str(tmp_path / "choices.sqlite")
    one = Choices(path)
    one.choose("f3c0", favourite=True)
    assert one.change(putting("my negatives", [HANDS, CAT, BAD]))
    other = Choices(path)
    assert other.sets() == {"my negatives": (CAT, BAD, HANDS)}
    assert other.all() == {"f3c0": Choice(favourite=True)}


def test_two_processes_lose_nothing(tmp_path: Path) -> None:
    """Each adds to one set what it does not know of from the other."""
    path = str(tmp_path / "choices.sqlite")
    one, other = Choices(path), Choices(path)
    one.change(adding("s", [BAD]))
    other.change(adding("s", [HANDS]))
    other.change(putting("t", [CAT]))
    one.change(renaming("s", "u"))
    assert one.refresh() is False
    assert one.sets() == Choices(path).sets() == {"t": (CAT,), "u": (BAD, HANDS)}


def test_a_set_without_members_is_none(tmp_path: Path) -> None:
    """Removing its last member deletes a set."""
    choices = Choices(str(tmp_path / "choices.sqlite"))
    choices.change(putting("s", [BAD, CAT]))
    choices.change(adding("s", (), ["BAD"]))
    assert choices.sets() == {"s": (CAT,)}
    choices.change(adding("s", [CAT._replace(field="negative")]))
    assert choices.sets() == {"s": (CAT._replace(field="negative"),)}
    assert choices.change(putting("s", ()))
    assert choices.sets() == {}


def test_a_set_follows_a_name() -> None:
    """A renamed file keeps its place in sets, in either field and any letter case."""
    values: Values = {("bad:x", "field"): "auto"}
    putting("s", [BAD, Member("BAD", "positive", 2.0), CAT])(values)
    putting("t", [HANDS])(values)
    following("Bad", "bad-x")(values)
    assert sets_of(values) == {
        "s": (CAT, Member("bad-x", "positive", 2.0), BAD._replace(name="bad-x")),
        "t": (HANDS,),
    }
    assert values["bad:x", "field"] == "auto"


def test_values_of_newer_versions_are_none() -> None:
    """A row that this version does not understand is no set, and stays in the store."""
    values: Values = {("else:x", "set:s"): 1.0, ("positive:x", "set:s"): "much", ("x", "future"): 1}
    before = dict(values)
    assert sets_of(values) == {}
    putting("t", [BAD])(values)
    assert values.items() > before.items()


MEMBERS = st.builds(
    Member, st.text(min_size=1), st.sampled_from(["positive", "negative"]), st.floats(-9, 9)
)


@given(st.text(), st.text(), st.lists(MEMBERS, unique_by=lambda each: each[:2]))
def test_any_names(name: str, new: str, members: list[Member]) -> None:
    """Any name is read back as it was."""
    values: Values = {}
    putting(name, members)(values)
    renaming(name, new)(values)
    found = sets_of(values)
    assert list(found) == [new] * bool(members)
    assert set(found.get(new, ())) == set(members)
