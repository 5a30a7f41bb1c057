"""What changed between two snapshots, and how it is told."""

from __future__ import annotations

import pytest

from lib_embeddings.entries.snapshot import Changes, Companion, Entry, Reading, Snapshot, diff
from lib_embeddings.formats.embedding import vectors_info
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.library.render import change_lines

READING = Reading("ok", vectors={"clip_l": vectors_info(1, 768, "float32")})


def entry(path: str, root: str = "/root", reading: Reading = READING, mtime_ns: int = 0) -> Entry:
    """Return an entry of an embedding for SD 1.x."""
    return Entry(path, root, path, 10, mtime_ns, reading.state, reading.reason, (), reading)


def snapshot(*entries: Entry) -> Snapshot:
    """Return a snapshot of one root."""
    return Snapshot(("/root",), entries)


def test_every_kind_of_change() -> None:
    """Files are told apart by root and path, and listed in the order of their snapshots."""
    old = snapshot(entry("gone"), entry("kept"), entry("touched"))
    new = snapshot(entry("fresh"), entry("kept"), entry("touched", mtime_ns=1), entry("kept", "/b"))
    assert diff(old, new) == Changes(
        added=(entry("fresh"), entry("kept", "/b")),
        modified=(entry("touched", mtime_ns=1),),
        deleted=(entry("gone"),),
    )


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"bytes": 11}, id="size"),
        pytest.param({"mtime_ns": 1}, id="time"),
        pytest.param({"state": "duplicate", "reason": "has the same name"}, id="state"),
        pytest.param({"reading": READING._replace(warnings=("odd",))}, id="reading"),
        pytest.param({"companions": (Companion("a.json", 1, 1),)}, id="companions"),
    ],
)
def test_what_makes_a_file_modified(changed: dict[str, object]) -> None:
    """Whatever a client could see differently is a change."""
    before = entry("a")
    after = before._replace(**changed)  # type: ignore[arg-type]
    assert diff(snapshot(before), snapshot(after)) == Changes(modified=(after,))


def test_no_change_is_false() -> None:
    """Equal snapshots differ in nothing."""
    assert not diff(snapshot(entry("a")), snapshot(entry("a")))


def test_an_entry_has_an_opaque_id() -> None:
    """An id depends on root and path alone, and shows neither."""
    assert entry("secret").id == entry("secret", mtime_ns=5).id
    assert len({entry("a").id, entry("b").id, entry("a", "/b").id, entry("oot/a", "/r").id}) == 4
    assert "secret" not in entry("secret").id


def test_a_partial_entry_that_is_switched_on_is_usable() -> None:
    """The switch turns partial into usable, nothing else, and leaves the state alone."""
    half, other = entry("half"), entry("other")
    sd2 = Reading("ok", vectors={"clip_h": vectors_info(1, 1024, "float32")})
    wide = entry("wide", reading=sd2)
    view = snapshot(half, other, wide).seen_with(MODEL_FAMILIES["sdxl"], {half.id, wide.id})
    assert [(fitted.fit, fitted.state) for fitted in view] == [
        ("usable", "ok"),
        ("partial", "ok"),
        ("incompatible", "ok"),
    ]


def test_few_changes_are_named() -> None:
    """A line for each kind of change names the files, and says which are not loaded."""
    broken = entry("cut", reading=Reading("broken", "it is cut short"))
    new = snapshot(entry("cat"), broken)
    view = new.seen_with(MODEL_FAMILIES["sd1"])
    assert list(change_lines(diff(snapshot(entry("dog")), new), view)) == [
        "Embeddings added: cat, cut (broken)",
        "Embeddings deleted: dog",
        "Loaded a total of 1 textual inversion embeddings.",
    ]


def test_a_burst_of_changes_is_one_line() -> None:
    """Of a thousand files ten are named."""
    new = snapshot(*(entry(f"e{number:04}") for number in range(1000)))
    line, total = change_lines(Changes(added=new.entries), new.seen_with(None))
    assert line.endswith("e0009 (unknown) and 990 more")
    assert total == "Loaded a total of 0 textual inversion embeddings."


def test_names_cannot_break_a_line() -> None:
    """A line feed in a name does not begin a line of its own."""
    new = snapshot(entry("a\nb"))
    lines = list(change_lines(Changes(added=new.entries), new.seen_with(None)))
    assert all(line.isprintable() for line in lines)
