"""A view as words."""

from __future__ import annotations

import json

from lib_embeddings.entries.snapshot import FittedEntry, Snapshot
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.library.known import check_names
from lib_embeddings.library.render import entry_as_json, log_lines, name_lines, view_as_json
from lib_embeddings.prompts.name_checks import Advice
from tests.entries.test_snapshot import CLIP_L, ENTRIES, PAIR, entry


def lines(*entries: str, model: str | None = "sd1") -> list[str]:
    """Return the log of a folder with these entries, or with one of each kind."""
    listed = tuple(entry(name, CLIP_L) for name in entries) if entries else ENTRIES
    snapshot = Snapshot(("root",), listed)
    return list(log_lines(snapshot.seen_with(MODEL_FAMILIES[model] if model else None)))


def test_one_of_each() -> None:
    """The first two lines say what was loaded; then comes a line for each file that was not."""
    assert lines() == [
        "Loaded a total of 1 textual inversion embeddings.",
        "Embeddings: one",
        "Not loaded: 6",
        (
            "  pair.pt  partial       made for SDXL (clip_l 768 + clip_g 1280); "
            "SD 1.x would use its clip_l only"
        ),
        (
            "  two.pt   incompatible  made for SD 2.x (clip_h 1024); "
            "the active model is SD 1.x (clip_l 768)"
        ),
        "  twin.pt  duplicate     has the same name as sub/twin.pt",
        "  cut.pt   broken        cut short",
        "  bad.pt   unsafe        its pickle asks for os.system",
        "  lora.pt  foreign       this is a LoRA",
    ]


def test_all_loaded() -> None:
    """Names come in order, whatever their letter case, and nothing else is said."""
    assert lines("zebra", "Cat", "ant") == [
        "Loaded a total of 3 textual inversion embeddings.",
        "Embeddings: ant, Cat, zebra",
    ]


def test_nothing_there() -> None:
    """An empty folder has the same first two lines."""
    assert list(log_lines(Snapshot(("root",), ()).seen_with(None))) == [
        "Loaded a total of 0 textual inversion embeddings.",
        "Embeddings:",
    ]


def test_without_a_model() -> None:
    """Without an active model nothing is loaded, and the lines say what each is for."""
    assert lines("cat", model=None) == [
        "Loaded a total of 0 textual inversion embeddings.",
        "Embeddings:",
        "Not loaded: 1",
        "  cat.pt  unknown       made for SD 1.x (clip_l 768); no model is active",
    ]


def test_a_long_path_does_not_widen_the_table() -> None:
    """One long path leaves the others readable."""
    rows = lines("x" * 200, "cat", model=None)[3:]
    assert rows[0].startswith(f"  {'x' * 200}.pt  unknown")
    assert rows[1].startswith(f"  {'cat.pt':<48}  unknown")


def test_every_line_can_be_printed() -> None:
    """Names, and reasons that quote names, cannot break a line or colour a terminal."""
    nasty = "a\n\x1b[31mb"
    entries = (
        entry(nasty, CLIP_L),
        entry(nasty, CLIP_L, state="duplicate", reason=f"has the same name as {nasty}.pt"),
    )
    view = Snapshot(("root",), entries).seen_with(MODEL_FAMILIES["sd1"])
    assert all(line.isprintable() for line in log_lines(view))


def test_json_of_an_entry() -> None:
    """An entry is told by these fields, in this order, with plain values."""
    fitted = FittedEntry(entry("pair", PAIR), None)
    assert json.dumps(entry_as_json(fitted)) == (
        '{"name": "pair", "path": "pair.pt", "state": "ok", "fit": null, "reason": null, '
        '"container": "torch-zip", "layout": "tokens", "stored_name": null, '
        '"families": ["sdxl", "sd3"], '
        '"vectors": {"clip_l": {"n_vectors": 2, "hidden_size": 768, "dtype": "float16"}, '
        '"clip_g": {"n_vectors": 2, "hidden_size": 1280, "dtype": "float16"}}, '
        '"bytes": 100, "warnings": [], "proposal": null}'
    )


def test_json_of_a_view() -> None:
    """A view is told by its model, its roots, its counts and its entries."""
    view = Snapshot(("root", "other"), ENTRIES).seen_with(MODEL_FAMILIES["sd1"])
    document = json.loads(json.dumps(view_as_json(view, check_names(view))))
    assert list(document) == ["model", "roots", "counts", "entries"]
    assert (document["model"], document["roots"]) == ("sd1", ["root", "other"])
    assert document["counts"] == view.counts
    assert [row["fit"] for row in document["entries"]] == [
        "usable", "partial", "incompatible", None, None, None, None,
    ]  # fmt: skip


def test_json_without_a_model() -> None:
    """No model is null, not a word."""
    view = Snapshot((), ()).seen_with(None)
    assert view_as_json(view, check_names(view))["model"] is None


def test_names_that_need_attention() -> None:
    """Each warning about a name is a line of its own, below their number; none is no line."""
    entries = (entry("a(b", CLIP_L), entry("learned_embeds\n", CLIP_L), entry("cat", CLIP_L))
    view = Snapshot(("root",), entries).seen_with(None)
    assert list(name_lines(view, check_names(view))) == [
        "Names that need attention: 2",
        r"  a(b               prompts read some of its characters as syntax: type it as a\(b",
        (
            r"  learned_embeds\n  many files have the name learned_embeds\n: "
            "rename it to what you want to type"
        ),
    ]
    assert list(name_lines(Snapshot((), ()).seen_with(None), check_names([]))) == []


def test_json_of_an_entry_with_advice() -> None:
    """What is said about a name comes after what is said about the file."""
    fitted = FittedEntry(entry("pair", PAIR)._replace(warnings=("odd",)), None)
    told = entry_as_json(fitted, Advice(("a word: rename it to pair-ti",), "pair-ti"))
    assert told["warnings"] == ["odd", "a word: rename it to pair-ti"]
    assert told["proposal"] == "pair-ti"
