"""Search, filters, sorting, folders and completion."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lib_embeddings import scan
from lib_embeddings.entries.read import sha256 as hash_file
from lib_embeddings.entries.snapshot import Snapshot
from lib_embeddings.limits import LIMITS
from lib_embeddings.stores.choices import Choice
from lib_embeddings.views.catalogue import Catalogue
from lib_embeddings.views.folders import FolderCount
from lib_embeddings.views.lens import FITS, STATES
from lib_embeddings.views.prepared import Prepared
from lib_embeddings.views.search import (
    Filters,
    Order,
    Query,
    Sort,
    letters_of,
)
from lib_embeddings.views.view import View
from tests.builders import safetensors_file, torch_zip, vectors
from tests.records import entry

FILES = {
    "a10.safetensors": safetensors_file(),
    "a2.safetensors": safetensors_file({"emb_params": vectors(8)}),
    "anime/B1.pt": torch_zip(),
    "anime/eyes/c.safetensors": safetensors_file(
        {"clip_l": vectors(3), "clip_g": vectors(3, 1280)}
    ),
    "anime2/cut.pt": torch_zip()[:-1],
}


# Names and queries, and the names with what a search has found in brackets.
SEARCHES = json.loads((Path(__file__).parents[1] / "data" / "search_cases.json").read_bytes())


def catalogue_of(view: View, **fields: object) -> Catalogue:
    """Return the catalogue of a view."""
    return Catalogue(1, Prepared(view), **fields)


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
    page = catalogue_of(view, **fields).select(filters)
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
        pytest.param(".pt", ["B1", "cut"], id="ending"),
        pytest.param("sdxl", ["c"], id="family"),
        pytest.param("SD1", ["a2", "a10", "B1"], id="another family"),
        pytest.param("8 vectors", ["a2"], id="number of vectors"),
        pytest.param("anime 3 vectors", ["c"], id="number of vectors beside a word"),
        pytest.param("1 vector", ["a10", "B1"], id="one vector"),
        pytest.param('"winter scenes"', ["a2"], id="phrase"),
        pytest.param('"scenes winter"', [], id="phrase in another order"),
        pytest.param('"for winter', ["a2"], id="phrase without its end"),
        pytest.param("-anime", ["a2", "a10"], id="unwanted word"),
        pytest.param('-anime -"winter scenes"', ["a10"], id="unwanted phrase"),
        pytest.param("anime -.pt", ["c"], id="wanted and unwanted"),
        pytest.param("-sdxl anime", ["B1", "cut"], id="unwanted family"),
        pytest.param('""', ["a2", "a10", "B1", "c", "cut"], id="empty phrase"),
    ],
)
def test_words(view: View, query: str, found: list[str]) -> None:
    """Each word is looked for in all that is known of an entry, whatever its letter case."""
    assert select(view, Filters(query)) == found


def test_a_number_of_vectors_in_a_phrase() -> None:
    """It is a part of the phrase; outside it is asked for."""
    assert Query.of('"with 8 vectors or" -"2 vectors"  3 vectors') == Query(
        ("with 8 vectors or",), ("2 vectors",), 3
    )
    assert Query.of("-8 vectors") == Query(("vectors",), ("8",))


@pytest.mark.parametrize(("name", "query", "marked"), SEARCHES)
def test_what_the_page_marks_in_a_name(name: str, query: str, marked: str) -> None:
    """The page's script has the same grammar: it marks what a search has found in a name."""
    snapshot = Snapshot.of(("/root",), [entry(f"{name}.pt")])
    candidates = Prepared(View.of(snapshot, None)).candidates
    wanted = Query.of(query).wanted
    assert any(candidates.with_term(each, letters_of(each)) for each in wanted) == ("[" in marked)


def test_a_query_of_any_length_costs_little(view: View) -> None:
    """Words beyond a limit are not searched for: each would go through all texts."""
    words = "a" + " a" * 10**5
    assert select(view, Filters(f"{words} nothing")) == select(view, Filters("a"))
    assert len(Query.of(words).wanted) <= LIMITS.query_characters


@pytest.mark.parametrize(
    ("query", "found"),
    [("0123456789", ["a2"]), ("01234567", ["a2"]), ("0123456", []), ("89ab", [])],
)
def test_hashes(view: View, query: str, found: list[str]) -> None:
    """The first eight or more digits of a known hash find its file."""
    path = next(seen.entry.place.full_path for seen in view if seen.name == "a2")
    assert select(view, Filters(query), hashes=lambda: {path: "0123456789abcdef" * 4}) == found


FILTERS: list[tuple[Filters, list[str]]] = [
    (Filters(state=("broken",)), ["cut"]),
    (Filters(state=("broken", "ok")), ["a2", "a10", "B1", "c", "cut"]),
    (Filters(fit=("usable",)), ["a2", "a10", "B1"]),
    (Filters(fit=("usable", "partial"), query="c"), ["a2", "B1", "c"]),
    (Filters(family=("sdxl", "sd2")), ["c"]),
    (Filters(family=("sd1",), query="-anime"), ["a2", "a10"]),
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


NOTHING = dict.fromkeys((*STATES, *FITS, "favourite", "hidden", "all"), 0)


@pytest.mark.parametrize(
    ("filters", "counts", "folders"),
    [
        pytest.param(
            Filters(),
            {"ok": 4, "broken": 1, "usable": 3, "partial": 1, "favourite": 1, "all": 5},
            {"0:": 5, "0:anime": 2, "0:anime/eyes": 1, "0:anime2": 1},
            id="all",
        ),
        pytest.param(
            Filters(state=("broken",)),
            {"ok": 4, "broken": 1, "usable": 3, "partial": 1, "favourite": 1, "all": 5},
            {"0:": 1, "0:anime2": 1},
            id="a state changes the folders only",
        ),
        pytest.param(
            Filters(folder="0:anime", favourite=True),
            {"ok": 2, "usable": 1, "partial": 1, "favourite": 1, "all": 2},
            {"0:": 1, "0:anime": 1, "0:anime/eyes": 1},
            id="a folder changes the counts only",
        ),
        pytest.param(
            Filters("c", family=("sdxl",), fit=("usable",)),
            {"ok": 1, "partial": 1, "favourite": 1, "all": 1},
            {},
            id="a word and a family change both",
        ),
    ],
)
def test_counts_of_what_was_asked_for(
    view: View, filters: Filters, counts: dict[str, int], folders: dict[str, int]
) -> None:
    """Each count is of what a click on it would show: all filters count but its own."""
    choices = {seen.entry.place.id: Choice(favourite=True) for seen in view if seen.name == "c"}
    catalogue = catalogue_of(view, choices=choices)
    assert catalogue.select(filters).counts == {**NOTHING, **counts}
    assert catalogue.found_in_folders(filters) == folders


def test_the_next_part_of_an_answer_is_not_searched_for_again(view: View) -> None:
    """A question is answered once, until another one or another hash comes."""
    hashes = {"": "0" * 64}
    catalogue = catalogue_of(view, hashes=lambda: hashes)
    first = catalogue.select(Filters("anime"), limit=1)
    rest = catalogue.select(Filters("anime"), offset=1)
    assert [seen.name for seen in (*first.entries, *rest.entries)] == ["B1", "c", "cut"]
    assert first.counts is rest.counts
    hashes["/new"] = "1" * 64
    assert catalogue.select(Filters("anime")).counts is not first.counts


def test_a_file_stands_for_its_duplicates(tmp_path: Path) -> None:
    """A file stands for its duplicates in lists and counts; a duplicate alone is found."""
    for path in ("cat.pt", "old/cat.pt", "old/cat.bin", "dog.pt"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(torch_zip())
    catalogue = catalogue_of(scan([tmp_path]))

    def found(**filters: Any) -> list[str]:
        page = catalogue.select(Filters(**filters))
        assert page.total == len(page.entries)
        return [seen.entry.place.path for seen in page.entries]

    assert found() == ["cat.pt", "dog.pt"]
    assert found(state=("duplicate",)) == found(folder="0:old") == ["old/cat.bin", "old/cat.pt"]
    assert found(query=".bin") == ["old/cat.bin"]
    counts = catalogue.select(Filters("cat")).counts
    assert (counts["ok"], counts["duplicate"], counts["all"]) == (1, 2, 1)
    assert catalogue.found_in_folders(Filters()) == {"0:": 2, "0:old": 2}
    ids = {seen.entry.place.path: seen.entry.place.id for seen in catalogue.view}
    catalogue = catalogue_of(catalogue.view, choices={ids["cat.pt"]: Choice(hidden=True)})
    assert found() == ["old/cat.bin", "old/cat.pt", "dog.pt"]


def test_families_are_counted(view: View) -> None:
    """Families are counted over the whole library, and only those that can use something."""
    families = catalogue_of(view).families
    assert (families["sd1"], families["sdxl"]) == (3, 1)
    assert "sd2" not in families


def test_favourites(view: View) -> None:
    """Favourites are those whose ids were marked."""
    chosen = {seen.entry.place.id: seen.name in ("c", "a10") for seen in view}
    choices = {id_: Choice(favourite=favourite) for id_, favourite in chosen.items()}
    choices["gone"] = Choice(favourite=True)
    assert select(view, Filters(favourite=True), choices=choices) == ["a10", "c"]
    counts = catalogue_of(view, choices=choices).counts
    assert counts == {**view.counts, "favourite": 2, "hidden": 0, "all": 5}


def test_hidden_ones_are_left_out_unless_asked_for(view: View) -> None:
    """They are counted as hidden alone, and no name of theirs is completed; prompts have them."""
    ids = {seen.name: seen.entry.place.id for seen in view}
    choices = {ids["c"]: Choice(favourite=True, hidden=True)}
    catalogue = catalogue_of(view, choices=choices)
    others = select(view, Filters(), choices=choices)
    assert "c" not in others
    assert select(view, Filters(hidden=True), choices=choices) == ["c"]
    assert select(view, Filters(favourite=True), choices=choices) == []
    counts = catalogue.counts
    assert (counts["hidden"], counts["favourite"], sum(counts[state] for state in STATES)) == (
        *(1, 0, len(others)),
    )
    assert (catalogue.families["sd1"], catalogue.families["sdxl"]) == (3, 0)
    folders = {id_: folder.n_entries for id_, folder in catalogue.folders.items()}
    assert folders == {"0:": 4, "0:anime": 1, "0:anime/eyes": 0, "0:anime2": 1}
    assert "c" not in [seen.name for seen in catalogue.complete("c", 10)]
    assert "c" in [seen.name for seen in view.named.values()]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("name", ["a2", "a10", "B1", "c", "cut"]),
        ("date", ["a10", "a2", "B1", "c", "cut"]),
        ("folder", ["a2", "a10", "B1", "c", "cut"]),
        ("size", ["a10", "cut", "B1", "a2", "c"]),
    ],
)
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_sorts(view: View, sort: Sort, order: Order, expected: list[str]) -> None:
    """Every order has its opposite; equals are sorted by name, naturally."""
    found = [entry.name for entry in catalogue_of(view).select(sort=sort, order=order).entries]
    assert found == (expected if order == "asc" else expected[::-1])


def test_equals_are_sorted_by_name_in_both_orders(view: View) -> None:
    """Two files of as many vectors stand in the same order, whichever way the list goes."""
    catalogue = catalogue_of(view)
    asc, desc = (
        [seen.name for seen in catalogue.select(sort="vectors", order=order).entries]
        for order in ("asc", "desc")
    )
    assert (asc, desc) == (["cut", "a10", "B1", "c", "a2"], ["a2", "c", "a10", "B1", "cut"])


@pytest.mark.parametrize(
    ("offset", "limit", "found"),
    [(0, 2, ["a2", "a10"]), (4, 2, ["cut"]), (5, 2, []), (99, 2, []), (0, 0, [])],
)
def test_pages(view: View, offset: int, limit: int, found: list[str]) -> None:
    """A page is a part of what passed; the total does not depend on it."""
    page = catalogue_of(view).select(offset=offset, limit=limit)
    assert (page.total, [entry.name for entry in page.entries]) == (5, found)


def test_folders(view: View) -> None:
    """Folders are listed below their parents, with the counts of all that lies deeper."""
    assert list(catalogue_of(view).folders.values()) == [
        FolderCount("0:", "embeddings", 0, 5),
        FolderCount("0:anime", "anime", 1, 2),
        FolderCount("0:anime/eyes", "eyes", 2, 1),
        FolderCount("0:anime2", "anime2", 1, 1),
    ]


def test_folders_of_two_roots(tmp_path: Path) -> None:
    """Every root is a folder, also one without entries; empty folders below it are none."""
    (tmp_path / "one" / "empty").mkdir(parents=True)
    for number in (10, 9):
        file = tmp_path / "two" / f"v{number}:" / f"{number}.pt"
        file.parent.mkdir(parents=True)
        file.write_bytes(torch_zip())
    folders = catalogue_of(scan([tmp_path / "one", tmp_path / "two"])).folders
    assert [(folder.id, folder.n_entries) for folder in folders.values()] == [
        ("0:", 0), ("1:", 2), ("1:v9:", 1), ("1:v10:", 1),
    ]  # fmt: skip


def test_a_folder_of_an_entry_is_in_the_tree(view: View) -> None:
    """The folder of an entry is the id of one in the tree."""
    tree = catalogue_of(view).folders.keys()
    assert {catalogue_of(view).folder_of(entry) for entry in view} <= tree


def test_an_empty_view() -> None:
    """Nothing is found in nothing."""
    empty = catalogue_of(View.of(Snapshot.of((), ()), None))
    assert empty.select(Filters("a")).total == 0
    assert not empty.folders
    assert empty.find("x") is None


# Completion

SD1 = safetensors_file()
SDXL = safetensors_file({"clip_l": vectors(2), "clip_g": vectors(2, 1280)})
SD2 = safetensors_file({"emb_params": vectors(4, 1024)})


def completer(folder: Path, names: dict[str, bytes], model: str | None = "sd1") -> Catalogue:
    """Return what completes the names of some files."""
    for name, data in names.items():
        file = folder / f"{name}.safetensors"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return catalogue_of(scan([folder], model=model))


def completed(completer: Catalogue, text: str, limit: int = 10) -> list[str]:
    """Return the names that a text may become."""
    return [seen.name for seen in completer.complete(text, limit)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param("dream", ["Dream2", "dream10", "bad dream", "daydream"], id="natural order"),
        pytest.param("DR", ["Dream2", "dream10", "bad dream", "daydream"], id="letter case"),
        pytest.param("a photo of dream1", ["dream10"], id="last word"),
        pytest.param("a bad dr", ["bad dream", "Dream2", "dream10", "daydream"], id="two words"),
        pytest.param("bad  dr", ["bad dream", "Dream2", "dream10", "daydream"], id="wide space"),
        pytest.param("2", ["Dream2"], id="digit"),
        pytest.param("ay", ["daydream"], id="inside of a word"),
        pytest.param("nothing", [], id="none"),
        pytest.param("dreams", [], id="longer than the name"),
        pytest.param("", [], id="no text"),
        pytest.param("  ", [], id="space alone"),
    ],
)
def test_names_that_begin_come_first(tmp_path: Path, text: str, names: list[str]) -> None:
    """Then come those with a word that begins so, then those that contain it."""
    found = completer(tmp_path, dict.fromkeys(("daydream", "Dream2", "dream10", "bad dream"), SD1))
    assert completed(found, text) == names


@pytest.mark.parametrize(
    "text", ["bad hands", "badhands", "a photo of bad_hands", "bad-h", "Bad Han"]
)
def test_gaps_and_marks_of_a_name_may_be_others(tmp_path: Path, text: str) -> None:
    """A name is found that begins with the letters that were typed."""
    found = completer(tmp_path, dict.fromkeys(("bad-hands-5", "chads", "a-bad-one"), SD1))
    assert completed(found, text) == ["bad-hands-5"]


def test_favourites_come_before_names_that_match_as_well(tmp_path: Path) -> None:
    """Among names that begin alike, the favourite is first; a better match stays before it."""
    found = completer(tmp_path, dict.fromkeys(("bad1", "bad2", "not-bad"), SD1))
    ids = {seen.name: seen.entry.place.id for seen in found.view}
    for favourite, names in (("bad2", ["bad2", "bad1"]), ("not-bad", ["bad1", "bad2"])):
        choices = {ids[favourite]: Choice(favourite=True)}
        assert completed(replace(found, choices=choices), "bad") == [*names, "not-bad"]


def test_recent_names_come_after_favourites(tmp_path: Path) -> None:
    """The last used one is first of them, in any letter case; a better match stays before it."""
    found = completer(tmp_path, dict.fromkeys(("bad1", "bad2", "bad3", "bad4", "not-bad"), SD1))
    ids = {seen.name: seen.entry.place.id for seen in found.view}
    found = replace(found, choices={ids["bad4"]: Choice(favourite=True)})
    recent = ["not-bad", "Bad3", "gone", "bad2"]
    ranked = [seen.name for seen in found.complete("bad", 10, recent)]
    assert ranked == ["bad4", "bad3", "bad2", "bad1", "not-bad"]


def test_usable_ones_come_first(tmp_path: Path) -> None:
    """Usable embeddings come before those that match better by name."""
    found = completer(tmp_path, {"bad-sdxl": SDXL, "bad": SD2, "not-bad": SD1})
    assert completed(found, "bad") == ["not-bad", "bad", "bad-sdxl"]


def test_without_a_model_all_are_alike(tmp_path: Path) -> None:
    """While nobody knows what is usable, names alone count."""
    found = completer(tmp_path, {"bad-sdxl": SDXL, "bad": SD2, "not-bad": SD1}, model=None)
    assert completed(found, "bad") == ["bad", "bad-sdxl", "not-bad"]


def test_only_names_that_mean_something_are_offered(tmp_path: Path) -> None:
    """A broken file is not offered, and a name that two files have is offered once."""
    names = {"bad": SD1, "sub/bad": SD1, "bad-cut": SD1[:-1]}
    assert completed(completer(tmp_path, names), "bad") == ["bad"]


def test_no_more_than_asked_for(tmp_path: Path) -> None:
    """The best ones remain."""
    found = completer(tmp_path, dict.fromkeys(("bad3", "bad1", "bad2"), SD1))
    assert completed(found, "bad", limit=2) == ["bad1", "bad2"]


def test_a_long_text_costs_no_more_than_its_end(tmp_path: Path) -> None:
    """Only as much text is read as the longest name has."""
    found = completer(tmp_path, {"bad": SD1})
    assert completed(found, "a " * 1_000_000 + "bad") == ["bad"]


@pytest.mark.parametrize(
    ("model", "path"),
    [("sd1", "SD15/lazyneg.safetensors"), ("sdxl", "SDXL/lazyneg.safetensors")],
)
def test_a_name_is_completed_to_what_the_model_means_by_it(
    tmp_path: Path, model: str, path: str
) -> None:
    """A name of two files is offered once, for the file that fits."""
    names = {"SD15/lazyneg": SD1, "SDXL/lazyneg": SDXL, "sd15/bad": SD1}
    (found,) = completer(tmp_path, names, model).complete("lazy", 10)
    assert (found.entry.place.path, found.fit) == (path, "usable")


# Twins


def test_equal_bytes(tmp_path: Path) -> None:
    """Files of equal size are compared by the hashes that are known, and no file is opened."""
    data = {"a/cat": SD1, "b/cat": SD1, "c/cat": SDXL, "d/cat": SD1[:-1] + b"!", "e/cat": SD1}
    catalogue = completer(tmp_path, data)
    one, *others = [seen.entry for seen in catalogue.view]
    paths = [entry.place.full_path for entry in (one, *others[:-1])]
    hashes = {path: hash_file(path) for path in paths}
    for path in paths:
        os.unlink(path)
    catalogue = replace(catalogue, hashes=lambda: hashes)
    same = [catalogue.has_same_bytes(one, other) for other in others]
    assert same == [True, False, False, None]
