"""All entries at one moment, and what changed between two moments."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from lib_embeddings.entries.entry import Companion, Entry
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.snapshot import Changes, Snapshot, diff, entry_at
from tests.builders import safetensors_file, vectors
from tests.records import CLIP_L, CLIP_L_AND_G, entry, reading

FIRST = safetensors_file({"<cat>": vectors(2)})
SECOND = safetensors_file({"<cat>": vectors(2, 1280)})
CLIP_G = {"clip_g": CLIP_L_AND_G["clip_g"]}


def snapshot(*entries: Entry) -> Snapshot:
    """Return a snapshot of entries, of which there are some in another root."""
    return Snapshot.of(("/root", "/b"), entries)


# What is listed


def test_entries_are_sorted_root_by_root() -> None:
    """The order of roots comes first, then that of paths."""
    roots = ("/z", "/a")
    entries = [entry(path, root=root) for root in ("/a", "/z") for path in ("b", "M", "a/z", "a")]
    listed = Snapshot.of(roots, entries)
    assert listed.roots == roots
    assert [(each.place.root, each.place.path) for each in listed.entries] == [
        (root, path) for root in roots for path in ("M", "a", "a/z", "b")
    ]


def test_mere_pictures_are_left_out() -> None:
    """A picture that holds no embedding is not listed; a damaged one is."""
    entries = [
        entry("a.png", {}, state="foreign", reason="no embedding in it"),
        entry("b.PNG", {}, state="broken", reason="cut short"),
        entry("c.pt", {}, state="foreign", reason="this is a LoRA"),
    ]
    listed = Snapshot.of(("/root",), entries).entries
    assert [each.place.path for each in listed] == ["b.PNG", "c.pt"]


def test_a_pair_in_a_folder_is_one_entry() -> None:
    """Both halves make one entry where the first lies: their size, and the later time."""
    first = entry("sub/cat.pt", mtime_ns=5)
    second = entry("sub/cat_2.pt", CLIP_G, mtime_ns=7)
    (joined,) = Snapshot.of(("/root",), [second, first]).entries
    assert (joined.place, joined.size, joined.mtime_ns) == (first.place, 200, 7)
    assert joined.reading.vectors == {**CLIP_L, **CLIP_G}
    assert joined.reading.layout == "learned_embeds_pair"
    assert joined.warnings == ("holds different numbers of vectors: clip_l 1, clip_g 2",)


def test_a_pair_says_that_one_half_could_not_be_looked_at() -> None:
    """A pair is as stale as its older half."""
    first, second = entry("cat.pt"), entry("cat_2.pt", CLIP_G)._replace(stale="no answer")
    (joined,) = Snapshot.of(("/root",), [first, second]).entries
    assert joined.stale == "no answer"
    assert joined.warnings[-1] == "no answer"


def test_an_entry_for_one_file_is_the_one_of_a_scan(tmp_path: Path) -> None:
    """A single file is joined with its other half; without one it is alone."""
    for name, data in (("cat.pt", FIRST), ("cat_2.pt", SECOND), ("dog.pt", FIRST)):
        (tmp_path / name).write_bytes(data)
    found = {
        name: list(entry_at(Place.of_file(tmp_path / name)).reading.vectors)
        for name in ("cat.pt", "cat_2.pt", "dog.pt")
    }
    assert found == {
        "cat.pt": ["clip_l", "clip_g"],
        "cat_2.pt": ["clip_g"],
        "dog.pt": ["clip_l"],
    }
    with pytest.raises(FileNotFoundError):
        entry_at(Place.of_file(tmp_path / "cow.pt"))


def test_an_entry_for_one_file_is_found_by_a_relative_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its root is the folder it lies in, spelled from the top."""
    (tmp_path / "cat.pt").write_bytes(FIRST)
    monkeypatch.chdir(tmp_path)
    assert entry_at(Place.of_file("cat.pt")).place == Place(
        str(tmp_path), "cat.pt", os.path.join(str(tmp_path), "cat.pt")
    )


def test_entries_are_small() -> None:
    """An entry and its reading have no dict of their own: there may be ten thousand."""
    small = entry("one.pt")
    assert not hasattr(small, "__dict__")
    assert not hasattr(small.place, "__dict__")
    assert not hasattr(small.reading, "__dict__")
    assert sum(map(sys.getsizeof, (small, small.place, small.reading))) < 400


# What changed


def test_every_kind_of_change() -> None:
    """Files are told apart by root and path, and listed in the order of their snapshots."""
    old = snapshot(entry("gone"), entry("kept"), entry("touched"))
    new = snapshot(
        entry("fresh"), entry("kept"), entry("touched", mtime_ns=1), entry("kept", root="/b")
    )
    assert diff(old, new) == Changes(
        added=(entry("fresh"), entry("kept", root="/b")),
        modified=(entry("touched", mtime_ns=1),),
        deleted=(entry("gone"),),
    )


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"size": 11}, id="size"),
        pytest.param({"mtime_ns": 1}, id="time"),
        pytest.param({"reading": reading(warnings=("odd",))}, id="reading"),
        pytest.param({"companions": (Companion("a.json", 1, 1),)}, id="companions"),
        pytest.param({"stale": "its folder did not answer"}, id="stale"),
    ],
)
def test_what_makes_a_file_modified(changed: dict[str, object]) -> None:
    """Every difference that a client could see is a change."""
    before = entry("a")
    after = before._replace(**changed)
    assert diff(snapshot(before), snapshot(after)) == Changes(modified=(after,))


def test_no_change_is_false() -> None:
    """Equal snapshots differ in nothing."""
    assert not diff(snapshot(entry("a")), snapshot(entry("a")))


def test_the_first_entries_are_all_new() -> None:
    """From an empty snapshot everything is added."""
    new = snapshot(entry("a"), entry("b"))
    assert diff(snapshot(), new) == Changes(added=new.entries)
