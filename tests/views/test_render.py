"""A view as words."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import get_type_hints

import pytest

from lib_embeddings import scan
from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.snapshot import Changes, Snapshot, diff
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.library.library import Library
from lib_embeddings.stores.choices import Choice
from lib_embeddings.stores.index import Index
from lib_embeddings.views.catalogue import Catalogue
from lib_embeddings.views.prepared import Prepared
from lib_embeddings.views.render import (
    EntryJson,
    change_lines,
    entry_as_json,
    log_lines,
    name_lines,
    summary_lines,
    view_as_json,
)
from lib_embeddings.views.view import View
from tests.builders import png, safetensors_file, vectors
from tests.records import CLIP_H, CLIP_L_AND_G, entry

SD1 = safetensors_file()
SDXL = safetensors_file({"clip_l": vectors(), "clip_g": vectors(1, 1280)})

ENTRIES = (
    entry("one.pt"),
    entry("pair.pt", CLIP_L_AND_G),
    entry("two.pt", CLIP_H),
    entry("z/one.pt"),
    entry("cut.pt", {}, state="broken", reason="cut short"),
    entry("bad.pt", {}, state="unsafe", reason="its pickle asks for os.system"),
    entry("lora.pt", {}, state="foreign", reason="this is a LoRA"),
)


def seen_by(model: str | None, entries: Iterable[Entry] = ENTRIES) -> View:
    """Return entries as a model sees them."""
    return View.of(snapshot(*entries), MODEL_FAMILIES[model] if model else None)


def snapshot(*entries: Entry) -> Snapshot:
    """Return a snapshot of one root."""
    return Snapshot.of(("/root",), entries)


def lines(*paths: str, model: str | None = "sd1") -> list[str]:
    """Return the log of a folder with these embeddings, or with one of each kind."""
    return list(log_lines(seen_by(model, map(entry, paths) if paths else ENTRIES)))


# The log


def test_one_of_each() -> None:
    """The first two lines say what was loaded; then comes a line for each file that was not."""
    assert lines() == [
        "Loaded a total of 1 textual inversion embeddings.",
        "Embeddings: one",
        "Not loaded: 6",
        "  bad.pt    unsafe        its pickle asks for os.system",
        "  cut.pt    broken        cut short",
        "  lora.pt   foreign       this is a LoRA",
        (
            "  pair.pt   partial       made for SDXL (clip_l 768 + clip_g 1280); "
            "SD 1.x would use only its clip_l"
        ),
        (
            "  two.pt    incompatible  made for SD 2.x (clip_h 1024); "
            "the active model is SD 1.x (clip_l 768)"
        ),
        "  z/one.pt  duplicate     has the same name as one.pt, which is used: rename one of them",
    ]


def test_all_loaded() -> None:
    """Names come in order, whatever their letter case, and nothing else is said."""
    assert lines("zebra.pt", "Cat.pt", "ant.pt") == [
        "Loaded a total of 3 textual inversion embeddings.",
        "Embeddings: ant, Cat, zebra",
    ]


def test_nothing_there() -> None:
    """An empty folder has one line, with a model and without."""
    for model in (None, "sd1"):
        assert list(log_lines(seen_by(model, ()))) == [
            "Loaded a total of 0 textual inversion embeddings."
        ]


def test_without_a_model() -> None:
    """Without an active model the lines say how many embeddings are for which family."""
    both = {**CLIP_H, **CLIP_L_AND_G}
    entries = (
        *(entry("cat.pt"), entry("SD15/dog.pt"), entry("SDXL/dog.pt", CLIP_L_AND_G)),
        *(entry("odd.pt", both), entry("cut.pt", {}, state="broken", reason="it is cut short")),
    )
    assert list(log_lines(seen_by(None, entries))) == [
        "Loaded a total of 3 textual inversion embeddings.",
        "2 for SD 1.x, 1 for SDXL, 1 for other models; choose a model to see what fits.",
        "Embeddings: cat, dog, odd",
        "Not loaded: 1",
        "  cut.pt  broken        it is cut short",
    ]


@pytest.mark.parametrize(("model", "other"), [("sd1", "SDXL/"), ("sdxl", "SD15/")])
def test_a_name_of_two_files_is_loaded_once(model: str, other: str) -> None:
    """The one that the model uses is counted, the other one has a line."""
    both = (entry("SD15/lazyneg.pt"), entry("SDXL/lazyneg.pt", CLIP_L_AND_G))
    total, names, count, row = log_lines(seen_by(model, both))
    assert (total.split()[4], names, count) == ("1", "Embeddings: lazyneg", "Not loaded: 1")
    assert row.startswith(f"  {other}lazyneg.pt  partial")


def summary(*paths: str, model: str = "sd1", known: int = 0) -> list[str]:
    """Return the lines of a console that knows the first of what is not loaded already."""
    view = seen_by(model, map(entry, paths))
    return list(summary_lines(view, [seen for seen in view if not seen.is_loaded][known:]))


def test_a_console_names_a_hundred_and_counts_the_rest() -> None:
    """Ten thousand names are no line of 150 KB."""
    _total, named = summary(*(f"{number:05}.pt" for number in range(10_000)))
    assert named.startswith("Embeddings: 00000, 00001, ")
    assert named.endswith(", 00099 and 9,900 more")


def test_a_console_lists_few_reasons_in_full() -> None:
    """A list that fits on a screen names each file."""
    paths = [f"{number:02}.pt" for number in range(20)]
    assert summary(*paths, model="sd2") == lines(*paths, model="sd2")


def test_a_console_groups_many_reasons_by_kind() -> None:
    """Many files are grouped by kind, each with its number and some examples."""
    view = seen_by("sd2", [*ENTRIES[-2:], *(entry(f"{number:02}.pt") for number in range(30))])
    assert list(summary_lines(view, tuple(view)))[1:] == [
        "Not loaded: 32",
        "  incompatible: 30",
        *(
            f"    {number:02}.pt  made for SD 1.x (clip_l 768); "
            "the active model is SD 2.x (clip_h 1024)"
            for number in range(3)
        ),
        "    and 27 more",
        "  unsafe: 1",
        "    bad.pt  its pickle asks for os.system",
        "  foreign: 1",
        "    lora.pt  this is a LoRA",
    ]


def test_a_console_lists_what_it_did_not_know() -> None:
    """Files listed before are only counted, and nothing is printed if nothing is new."""
    count, row = summary("a.pt", "b.pt", model="sd2", known=1)[1:]
    assert count == "Not loaded: 2, 1 not listed before:"
    assert row.split()[0] == "b.pt"
    assert summary("a.pt", "b.pt", model="sd2", known=2)[1:] == []


def test_a_long_path_does_not_widen_the_table() -> None:
    """One long path leaves the others readable."""
    rows = lines(f"{'x' * 200}.pt", "cat.pt", model="sd2")[2:]
    assert rows[0].startswith(f"  {'cat.pt':<48}  incompatible")
    assert rows[1].startswith(f"  {'x' * 200}.pt  incompatible")


def test_every_line_can_be_printed() -> None:
    """Names, and reasons that quote names, cannot break a line or colour a terminal."""
    nasty = "a\n\x1b[31mb.pt"
    found = list(log_lines(seen_by("sd1", (entry(nasty), entry(f"z/{nasty}")))))
    assert "duplicate" in found[-1]
    assert all(line.isprintable() for line in found)


def test_names_that_need_attention() -> None:
    """Each warning about a name is a line of its own, below their number; none is no line."""
    entries = (entry("a(b.pt"), entry("learned_embeds\n.pt"), entry("cat.pt"))
    assert list(name_lines(Catalogue(0, Prepared(seen_by(None, entries))))) == [
        "Names that need attention: 2",
        r"  a(b               prompts read some of its characters as syntax: type it as a\(b",
        (
            r"  learned_embeds\n  many files have the name learned_embeds\n: "
            "rename it to what you want to type"
        ),
    ]
    assert list(name_lines(Catalogue(0, Prepared(seen_by(None, ()))))) == []


# Changes


def test_few_changes_are_named() -> None:
    """A line for each kind of change names the files, and says which are not loaded."""
    broken = entry("cut.pt", {}, state="broken", reason="it is cut short")
    new = snapshot(entry("cat.pt"), broken)
    view = View.of(new, MODEL_FAMILIES["sd1"])
    assert list(change_lines(diff(snapshot(entry("dog.pt")), new), view)) == [
        "Embeddings added: cat, cut (broken)",
        "Embeddings deleted: dog",
        "Loaded a total of 1 textual inversion embeddings.",
    ]


def test_a_burst_of_changes_is_one_line() -> None:
    """Ten of a thousand files are named."""
    new = snapshot(*(entry(f"e{number:04}.pt") for number in range(1000)))
    line, *total = change_lines(Changes(added=new.entries), View.of(new, None))
    assert line.endswith(" e0009 and 990 more")
    assert total == [
        "Loaded a total of 1000 textual inversion embeddings.",
        "1000 for SD 1.x; choose a model to see what fits.",
    ]


def test_names_cannot_break_a_line() -> None:
    """A line feed in a name does not begin a line of its own."""
    new = snapshot(entry("a\nb.pt"))
    assert all(
        line.isprintable() for line in change_lines(Changes(added=new.entries), View.of(new, None))
    )


# JSON


def test_json_of_an_entry() -> None:
    """An entry has these fields, in this order, with plain values."""
    pair = entry("sub/pair.pt", CLIP_L_AND_G, mtime_ns=1_500_000_000)
    catalogue = Catalogue(0, Prepared(seen_by("sd1", (pair,))))
    (seen,) = catalogue.view
    assert json.dumps(entry_as_json(catalogue, seen)) == (
        f'{{"id": "{pair.place.id}", "name": "pair", "path": "sub/pair.pt", "folder": "0:sub", '
        '"state": "ok", "fit": "partial", '
        '"reason": "made for SDXL (clip_l 768 + clip_g 1280); SD 1.x would use only its clip_l", '
        '"container": "torch-zip", "layout": "tokens", "stored_name": null, '
        '"families": ["sdxl", "sd3"], '
        '"vectors": {"clip_l": {"n_vectors": 2, "hidden_size": 768, "dtype": "float16"}, '
        '"clip_g": {"n_vectors": 2, "hidden_size": 1280, "dtype": "float16"}}, '
        '"n_vectors": 2, "bytes": 100, "mtime": 1.5, "warnings": [], "proposal": null, '
        '"preview": null, "video": null, "examples": null, "notes": "", "description": "", '
        '"trigger_words": "", '
        '"favourite": false, '
        '"use_partial": false, "hidden": false, "field": "positive", "chosen_field": null, '
        '"claims": null, "twins": []}'
    )


def test_the_table_of_fields_is_what_is_told() -> None:
    """Every field of the table is written, in its order, and described in words or by its type."""
    catalogue = Catalogue(0, Prepared(seen_by("sd1")))
    for seen in catalogue.view:
        assert list(entry_as_json(catalogue, seen)) == list(get_type_hints(EntryJson))


def test_json_of_a_view() -> None:
    """A view is written as its model, its roots, its counts and its entries."""
    catalogue = Catalogue(
        0, Prepared(View.of(Snapshot.of(("/root", "/z"), ENTRIES), MODEL_FAMILIES["sd1"]))
    )
    document = json.loads(json.dumps(view_as_json(catalogue)))
    assert list(document) == ["model", "roots", "counts", "entries"]
    assert (document["model"], document["roots"]) == ("sd1", ["/root", "/z"])
    assert document["counts"] == {**catalogue.view.counts, "favourite": 0, "hidden": 0, "all": 6}
    assert [row["fit"] for row in document["entries"]] == [
        None, None, None, "usable", "partial", "incompatible", None,
    ]  # fmt: skip


def test_json_without_a_model() -> None:
    """No model is null, not a word."""
    assert view_as_json(Catalogue(0, Prepared(seen_by(None, ()))))["model"] is None


def test_json_of_warnings() -> None:
    """Warnings about a name come after those about the file and the scan."""
    odd = entry("learned_embeds.pt")._replace(stale="its folder did not answer")
    odd = odd._replace(reading=odd.reading._replace(warnings=("odd",)))
    catalogue = Catalogue(0, Prepared(seen_by("sd1", (odd,))))
    told = entry_as_json(catalogue, *catalogue.view)
    assert told["warnings"][:2] == ["odd", "its folder did not answer"]
    assert "many files have the name learned_embeds" in told["warnings"][2]


@pytest.mark.parametrize(
    ("chosen", "written", "field", "chosen_field"),
    [
        (None, "{}", "negative", None),
        (None, '{"prompt box": "positive"}', "positive", "positive"),
        ("positive", "{}", "positive", "positive"),
        ("negative", '{"prompt box": "positive"}', "negative", "negative"),
        ("auto", '{"prompt box": "positive"}', "negative", None),
        ("positive", '{"type": "Negative"}', "positive", "positive"),
    ],
)
def test_json_of_the_prompt_field(
    tmp_path: Path, chosen: object, written: str, field: str, chosen_field: str | None
) -> None:
    """A person's choice counts first, then that of an older version, then the name."""
    (tmp_path / "badhand.pt").write_bytes(SD1)
    (tmp_path / "badhand.json").write_text(written)
    view = scan([tmp_path])
    (seen,) = view
    choices = {seen.entry.place.id: Choice(favourite=True, use_partial=True, field=chosen)}
    told = entry_as_json(Catalogue(0, Prepared(view), choices), seen)
    assert (told["field"], told["chosen_field"]) == (field, chosen_field)
    assert (told["favourite"], told["use_partial"]) == (True, True)


def test_json_of_a_preview(tmp_path: Path) -> None:
    """A word stands for the picture, and changes with it."""
    (tmp_path / "cat.pt").write_bytes(SD1)
    versions: list[str | None] = []
    for second in range(3):
        if second:
            (tmp_path / "cat.png").write_bytes(png())
            os.utime(tmp_path / "cat.png", (second, second))
        catalogue = Catalogue(0, Prepared(scan([tmp_path])))
        versions.append(entry_as_json(catalogue, *catalogue.view)["preview"])
    assert versions[0] is None
    assert len(set(versions)) == 3


def test_json_of_twins(tmp_path: Path) -> None:
    """Files of one name are told apart by folder, and by whether their bytes are the same."""
    files = {"a/cat.pt": SD1, "b/cat.pt": SD1, "c/CAT.pt": SDXL, "d/dog.pt": SD1}
    for path, data in files.items():
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_bytes(data)
    library = Library([tmp_path], Index.nowhere())
    library.set_model(MODEL_FAMILIES["sd1"])
    library.rescan()
    library.hash_twins()
    catalogue = library.catalogue
    told = {seen.entry.place.path: entry_as_json(catalogue, seen) for seen in catalogue.view}
    ids = {path: entry["id"] for path, entry in told.items()}
    assert told["a/cat.pt"]["twins"] == [
        {"id": ids["b/cat.pt"], "path": "b/cat.pt", "same_bytes": True, "is_grouped": True},
        {"id": ids["c/CAT.pt"], "path": "c/CAT.pt", "same_bytes": False, "is_grouped": False},
    ]
    assert [twin["path"] for twin in told["c/CAT.pt"]["twins"]] == ["a/cat.pt", "b/cat.pt"]
    assert told["d/dog.pt"]["twins"] == []
    assert [told[path]["state"] for path in files] == ["ok", "duplicate", "ok", "ok"]
