"""Search, filters, sorting and folders."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from lib_embeddings.entries.scan import scan

from lib_embeddings.entries.snapshot import View
from lib_embeddings.library.choices import Choice
from lib_embeddings.library.search import Filters, Folder, Listing, Order, Sort
from tests.builders import safetensors_file, torch_zip, vectors

FILES = {
    "a10.safetensors": safetensors_file(),
    "a2.safetensors": safetensors_file({"emb_params": vectors(8)}),
    "anime/B1.pt": torch_zip(),
    "anime/eyes/c.safetensors": safetensors_file(
        {"clip_l": vectors(3), "clip_g": vectors(3, 1280)}
    ),
    "anime2/cut.pt": torch_zip()[:-1],
}


def listing(view: View, **fields: object) -> Listing:
    """Return the listing of a view."""
    return Listing(1, view, **fields)  # type: ignore[arg-type]


@pytest.fixture
def view(tmp_path: Path) -> View:
    """Return a view of some files for an SD 1.x model; the later in FILES, the younger."""
    for age, (path, data) in enumerate(FILES.items()):
        file = tmp_path / "embeddings" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        os.utime(file, (age, age))
    notes = {"notes": "for Winter scenes", "description": "blue <b>hair</b>"}
    (tmp_path / "embeddings" / "a2.json").write_text(json.dumps(notes))
    return scan([tmp_path / "embeddings"], model="sd1")


def select(view: View, filters: Filters, **fields: object) -> list[str]:
    """Return the names of the entries that pass."""
    page = listing(view, **fields).select(filters)
    assert page.total == len(page.entries)
    return [entry.name for entry in page.entries]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param("", ["a2", "a10", "B1", "c", "cut"], id="nothing"),
        pytest.param("A2", ["a2"], id="name"),
        pytest.param("stored", ["B1"], id="stored name"),
        pytest.param("eyes", ["c"], id="folder"),
        pytest.param("winter", ["a2"], id="notes"),
        pytest.param("hair", ["a2"], id="description"),
        pytest.param("abcdef12", ["B1"], id="checkpoint"),
        pytest.param("scenes  a2 BLUE", ["a2"], id="words in any order"),
        pytest.param("winter c", ["a2"], id="words anywhere"),
        pytest.param("winter eyes", [], id="every word"),
        pytest.param("a.*", [], id="no pattern"),
        pytest.param("embeddings", [], id="root"),
    ],
)
def test_words(view: View, query: str, found: list[str]) -> None:
    """Each word is looked for in all that is known of an entry, whatever its letter case."""
    assert select(view, Filters(query)) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [("0123456789", ["a2"]), ("01234567", ["a2"]), ("0123456", []), ("89ab", [])],
)
def test_hashes(view: View, query: str, found: list[str]) -> None:
    """The first eight or more digits of a known hash find its file."""
    path = next(entry.entry.full_path for entry in view if entry.name == "a2")
    assert select(view, Filters(query), hashes=lambda: {path: "0123456789abcdef" * 4}) == found


FILTERS: list[tuple[Filters, list[str]]] = [
    (Filters(state=("broken",)), ["cut"]),
    (Filters(state=("broken", "ok")), ["a2", "a10", "B1", "c", "cut"]),
    (Filters(fit=("usable",)), ["a2", "a10", "B1"]),
    (Filters(fit=("usable", "partial"), query="c"), ["a2", "B1", "c"]),
    (Filters(folder="0:"), ["a2", "a10", "B1", "c", "cut"]),
    (Filters(folder="0:anime"), ["B1", "c"]),
    (Filters(folder="0:anime/eyes"), ["c"]),
    (Filters(folder="0:ani"), []),
    (Filters(folder="1:"), []),
    (Filters(folder="anime"), []),
]


@pytest.mark.parametrize(("filters", "found"), FILTERS)
def test_filters(view: View, filters: Filters, found: list[str]) -> None:
    """Filters compose; a folder means its sub-folders too."""
    assert select(view, filters) == found


def test_favourites(view: View) -> None:
    """Favourites are those that were chosen as such."""
    choices = {entry.id: Choice(favourite=entry.name in ("c", "a10")) for entry in view}
    choices["gone"] = Choice(favourite=True)
    assert select(view, Filters(favourite=True), choices=choices) == ["a10", "c"]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("name", ["a2", "a10", "B1", "c", "cut"]),
        ("date", ["a10", "a2", "B1", "c", "cut"]),
        ("vectors", ["cut", "a10", "B1", "c", "a2"]),
        ("folder", ["a2", "a10", "B1", "c", "cut"]),
        ("size", ["a10", "cut", "B1", "a2", "c"]),
    ],
)
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_sorts(view: View, sort: Sort, order: Order, expected: list[str]) -> None:
    """Every order has its opposite; equals are sorted by name, naturally."""
    found = [entry.name for entry in listing(view).select(sort=sort, order=order).entries]
    assert found == (expected if order == "asc" else expected[::-1])


@pytest.mark.parametrize(
    ("offset", "limit", "found"),
    [(0, 2, ["a2", "a10"]), (4, 2, ["cut"]), (5, 2, []), (99, 2, []), (0, 0, [])],
)
def test_pages(view: View, offset: int, limit: int, found: list[str]) -> None:
    """A page is a part of what passed; the total does not depend on it."""
    page = listing(view).select(offset=offset, limit=limit)
    assert (page.total, [entry.name for entry in page.entries]) == (5, found)


def test_folders(view: View) -> None:
    """Folders are listed below their parents, with the counts of all that lies deeper."""
    assert listing(view).folders == (
        Folder("0:", "embeddings", 0, 5),
        Folder("0:anime", "anime", 1, 2),
        Folder("0:anime/eyes", "eyes", 2, 1),
        Folder("0:anime2", "anime2", 1, 1),
    )


def test_folders_of_two_roots(tmp_path: Path) -> None:
    """Every root is a folder, also one without entries; empty folders below it are none."""
    (tmp_path / "one" / "empty").mkdir(parents=True)
    for number in (10, 9):
        file = tmp_path / "two" / f"v{number}:" / "x.pt"
        file.parent.mkdir(parents=True)
        file.write_bytes(torch_zip())
    folders = listing(scan([tmp_path / "one", tmp_path / "two"])).folders
    assert [(folder.id, folder.count) for folder in folders] == [
        ("0:", 0), ("1:", 2), ("1:v9:", 1), ("1:v10:", 1),
    ]  # fmt: skip


def test_a_folder_of_an_entry_is_in_the_tree(view: View) -> None:
    """What an entry says of its folder is the id of one in the tree."""
    tree = {folder.id for folder in listing(view).folders}
    assert {listing(view).folder_of(entry) for entry in view} <= tree


def test_an_empty_view() -> None:
    """Nothing is found in nothing."""
    empty = listing(View((), None, ()))
    assert empty.select(Filters("a")).total == 0
    assert empty.folders == ()
    assert empty.find("x") is None
