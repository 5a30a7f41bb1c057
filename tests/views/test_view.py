"""The entries as one model sees them: what fits, which file a name means, what is loaded."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import pytest

from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.snapshot import Snapshot
from lib_embeddings.formats.embedding import vectors_info
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.views.view import View, known_of
from tests.records import CLIP_H, CLIP_L, CLIP_L_AND_G, entry

ENTRIES = (
    entry("one.pt", CLIP_L),
    entry("pair.pt", CLIP_L_AND_G),
    entry("two.pt", CLIP_H),
    entry("z/one.pt", CLIP_L),
    entry("cut.pt", {}, state="broken", reason="cut short"),
    entry("bad.pt", {}, state="unsafe", reason="its pickle asks for os.system"),
    entry("lora.pt", {}, state="foreign", reason="this is a LoRA"),
)


def seen_by(
    model: str | None,
    entries: Iterable[Entry] = ENTRIES,
    use_partial: Collection[Entry] = (),
    roots: tuple[str, ...] = ("/root",),
) -> View:
    """Return entries as a model sees them."""
    family = MODEL_FAMILIES[model] if model else None
    ids = {entry.place.id for entry in use_partial}
    return View.of(Snapshot.of(roots, tuple(entries)), family, ids)


def states(view: View) -> dict[str, str]:
    """Return the state of each entry by its path."""
    return {seen.entry.place.path: seen.state for seen in view}


def fits(view: View) -> dict[str, str | None]:
    """Return the fit of each entry by its path."""
    return {seen.entry.place.path: seen.fit for seen in view}


def meaning(view: View, name: str = "lazyneg") -> str:
    """Return the path of the file that a name means."""
    return view.named[name].entry.place.path


# What a host has loaded itself


def test_what_a_host_loaded_is_usable_and_nothing_else() -> None:
    """A host's own loader decides, also between files of one name, and no choice of ours."""
    one, pair, two, other_one, *others = ENTRIES
    loaded = {entry.place.full_path for entry in (two, other_one)}
    snapshot = Snapshot.of(("/root",), (one, pair, two, other_one, *others))
    view = View.of(snapshot, MODEL_FAMILIES["sd1"], {pair.place.id}, loaded)
    assert [seen.entry for seen in view if seen.is_loaded] == [two, other_one]
    assert view.named["one"].entry is other_one
    assert states(view)["one.pt"] == "duplicate"
    assert fits(view)["pair.pt"] == "partial"


def test_what_would_be_usable_says_that_the_host_did_not_load_it() -> None:
    """The reason is not the file's."""
    view = View.of(Snapshot.of(("/root",), ENTRIES), MODEL_FAMILIES["sd1"], loaded=())
    (reason,) = (seen.reason for seen in view if seen.entry is ENTRIES[0])
    assert reason == (
        "the WebUI's own loader has not loaded it: let this extension load, in the settings"
    )


# What fits


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (None, ["unknown"] * 3),
        ("sd1", ["usable", "partial", "incompatible"]),
        ("sd2", ["incompatible", "incompatible", "usable"]),
        ("sdxl", ["partial", "usable", "incompatible"]),
    ],
)
def test_only_sound_entries_have_a_fit(model: str | None, expected: list[str]) -> None:
    """The fit of what is ok follows the model; what is not ok has none."""
    view = seen_by(model)
    sound = ("one.pt", "pair.pt", "two.pt")
    assert [fits(view)[path] for path in sound] == expected
    assert [seen.fit for seen in view if seen.entry.place.path not in sound] == [None] * 4


def test_counts() -> None:
    """Every state and every fit is counted, also those of which there is none."""
    view = seen_by("sd1")
    assert view.counts == {
        "ok": 3,
        "duplicate": 1,
        "broken": 1,
        "unsafe": 1,
        "foreign": 1,
        "usable": 1,
        "partial": 1,
        "incompatible": 1,
        "unknown": 0,
    }
    assert len(view) == sum(view.counts[state] for state in ("ok", "duplicate", "broken")) + 2


def test_the_reason_comes_from_the_fit_or_the_file() -> None:
    """An entry that is ok is explained by its fit, others by their own reasons."""
    assert {seen.entry.place.path: seen.reason for seen in seen_by("sd1")} == {
        "one.pt": None,
        "pair.pt": "made for SDXL (clip_l 768 + clip_g 1280); SD 1.x would use only its clip_l",
        "two.pt": "made for SD 2.x (clip_h 1024); the active model is SD 1.x (clip_l 768)",
        "z/one.pt": "has the same name as one.pt, which is used: rename one of them",
        "cut.pt": "cut short",
        "bad.pt": "its pickle asks for os.system",
        "lora.pt": "this is a LoRA",
    }


def test_only_usable_ones_are_loaded() -> None:
    """Loaded means that the prompt can use it now."""
    assert [seen.name for seen in seen_by("sdxl") if seen.is_loaded] == ["pair"]


def test_the_families_that_can_use_an_embedding() -> None:
    """They follow from its vectors, whatever the active model; a file without any has none."""
    families = {seen.entry.place.path: seen.families for seen in seen_by(None)}
    assert families["pair.pt"] == ("sdxl", "sd3")
    assert families["one.pt"] == ("sd1",)
    assert families["cut.pt"] == ()


def test_a_partial_entry_that_is_switched_on_is_usable() -> None:
    """The switch turns partial into usable, nothing else, and leaves the state alone."""
    half, other, wide = entry("half.pt"), entry("other.pt"), entry("wide.pt", CLIP_H)
    view = seen_by("sdxl", (half, other, wide), use_partial=(half, wide))
    assert [(seen.fit, seen.state, seen.reason is None) for seen in view] == [
        ("usable", "ok", True),
        ("partial", "ok", False),
        ("incompatible", "ok", False),
    ]


# Files of one name that serve the same models

DUPLICATES = [
    (["sub/cat.safetensors", "cat.pt"], "cat.pt"),
    (["a/b/cat.pt", "z/cat.pt"], "z/cat.pt"),
    (["cat.pt", "cat.safetensors", "cat.bin"], "cat.safetensors"),
    (["cat.bin", "cat.pt"], "cat.pt"),
    (["a/cat.pt", "b/cat.pt"], "a/cat.pt"),
    (["B/cat.pt", "a/CAT.pt"], "a/CAT.pt"),
    (["Cat.pt", "cat.pt"], "Cat.pt"),
    (["easynegative.pt", "EasyNegative.safetensors"], "EasyNegative.safetensors"),
    (["a/cat.png", "b/cat.pkl"], "b/cat.pkl"),
]


@pytest.mark.parametrize("model", [None, "sd1", "sd2"])
@pytest.mark.parametrize(("paths", "winner"), DUPLICATES)
def test_one_of_each_name_is_used(paths: list[str], winner: str, model: str | None) -> None:
    """Shallow beats deep, then the suffix decides, then the path; the others name the winner."""
    view = seen_by(model, map(entry, sorted(paths)))
    assert states(view) == {path: "ok" if path == winner else "duplicate" for path in paths}
    reason = f"has the same name as {winner}, which is used: rename one of them"
    assert {seen.reason for seen in view if seen.state == "duplicate"} == {reason}


def test_what_is_not_ok_takes_no_name() -> None:
    """A broken or foreign file leaves its name to a sound one further down."""
    cut = entry("cat.pt", {}, state="broken", reason="cut short")
    lora = entry("cat.safetensors", {}, state="foreign", reason="this is a LoRA")
    view = seen_by("sd1", (cut, lora, entry("sub/cat.pt")))
    assert list(states(view).values()) == ["broken", "foreign", "ok"]
    assert meaning(view, "cat") == "sub/cat.pt"


def test_the_first_root_wins() -> None:
    """The file in the first root is used if two roots have the same path."""
    roots = ("/z", "/a")
    view = seen_by("sd1", (entry("cat.pt", root=root) for root in roots), roots=roots)
    assert [(seen.entry.place.root, seen.state) for seen in view] == [
        ("/z", "ok"),
        ("/a", "duplicate"),
    ]
    assert view.named["cat"].entry.place.root == "/z"


# A name is a question for the model

SD1, SDXL = entry("SD15/lazyneg.pt"), entry("SDXL/lazyneg.safetensors", CLIP_L_AND_G)


@pytest.mark.parametrize(
    ("model", "path", "fit"),
    [("sd1", "SD15/lazyneg.pt", "partial"), ("sdxl", "SDXL/lazyneg.safetensors", "partial")],
)
def test_each_model_gets_the_file_that_was_made_for_it(model: str, path: str, fit: str) -> None:
    """Both files are sound; the name means the one that fits, and the other has its own reason."""
    view = seen_by(model, (SD1, SDXL))
    assert states(view) == {"SD15/lazyneg.pt": "ok", "SDXL/lazyneg.safetensors": "ok"}
    assert [seen.entry.place.path for seen in view if seen.is_loaded] == [path]
    assert meaning(view) == path
    assert sorted(map(str, fits(view).values())) == [fit, "usable"]


def test_without_a_model_the_order_is_the_one_known_before() -> None:
    """The name means the file that it always meant; both are listed as sound."""
    view = seen_by(None, (SD1, SDXL))
    assert set(states(view).values()) == {"ok"}
    assert meaning(view) == "SDXL/lazyneg.safetensors"  # the better suffix
    assert meaning(seen_by(None, (SD1, entry("lazyneg.bin", CLIP_L_AND_G)))) == "lazyneg.bin"


def test_what_fits_in_part_comes_before_what_does_not_fit() -> None:
    """The order known before decides only among files that fit alike."""
    wide, both = entry("lazyneg.safetensors", CLIP_H), entry("deep/down/lazyneg.bin", CLIP_L_AND_G)
    assert meaning(seen_by("sd1", (both, wide))) == "deep/down/lazyneg.bin"
    assert meaning(seen_by("sd2", (both, wide))) == "lazyneg.safetensors"
    assert meaning(seen_by("sdxl-refiner", (entry("a/lazyneg.pt"), wide))) == "lazyneg.safetensors"


def test_duplicates_serve_the_same_models() -> None:
    """Two of four files are duplicates, each of the one that it is like."""
    twins = (entry("a/lazyneg.pt"), entry("b/lazyneg.pt", CLIP_L_AND_G))
    for model in (None, "sd1", "sd2", "sdxl", "sdxl-refiner", "sd3", "flux"):
        view = seen_by(model, sorted((SD1, SDXL, *twins)))
        assert {seen.entry.place.path: seen.reason for seen in view if seen.state != "ok"} == {
            SD1.place.path: "has the same name as a/lazyneg.pt, which is used: rename one of them",
            "b/lazyneg.pt": (
                "has the same name as SDXL/lazyneg.safetensors, which is used: rename one of them"
            ),
        }


def test_two_files_that_one_model_can_use() -> None:
    """A name is loaded once, also where two files of different encoders suit a model."""
    with_t5 = {**CLIP_L_AND_G, "t5xxl": CLIP_L_AND_G["clip_l"]._replace(hidden_size=4096)}
    entries = (entry("a/lazyneg.pt", CLIP_L_AND_G), entry("b/lazyneg.pt", with_t5))
    assert states(seen_by("sd3", entries)) == {"a/lazyneg.pt": "ok", "b/lazyneg.pt": "duplicate"}
    assert states(seen_by("sdxl", entries)) == {"a/lazyneg.pt": "ok", "b/lazyneg.pt": "duplicate"}
    assert fits(seen_by("sdxl", entries[1:])) == {"b/lazyneg.pt": "usable"}


@pytest.mark.parametrize(
    ("model", "n_tokens"), [("sd1", 1), ("sdxl", 4), ("sd3", 4), ("flux", 80), (None, 4)]
)
def test_a_prompt_counts_what_the_model_uses(model: str | None, n_tokens: int) -> None:
    """Vectors for text encoders that a model has not, or only may have, take no tokens."""
    counts = {"clip_l": (1, 768), "clip_g": (4, 1280), "t5xxl": (80, 4096)}
    vectors = {key: vectors_info(*shape, "float32") for key, shape in counts.items()}
    (seen,) = seen_by("sd1", (entry("cat.pt", vectors),))
    assert known_of(seen, MODEL_FAMILIES[model] if model else None).n_vectors == n_tokens


@pytest.mark.parametrize("path", ["lazyneg.safetensors", "z/z/lazyneg.bin"])
def test_a_partial_that_is_switched_on_displaces_no_natural_fit(path: str) -> None:
    """The file that the model can use fully keeps the name, wherever the other lies."""
    part, whole = entry(path, CLIP_L_AND_G), entry("z/lazyneg.pt")
    view = seen_by("sd1", (part, whole), use_partial=(part,))
    assert meaning(view) == "z/lazyneg.pt"
    assert [seen.entry.place.path for seen in view if seen.is_loaded] == ["z/lazyneg.pt"]
    assert seen_by("sd1", (part,), use_partial=(part,)).named["lazyneg"].is_loaded


def test_one_of_two_partials_that_are_switched_on_is_loaded() -> None:
    """A name is loaded once, and the other file says which one is."""
    entries = (entry("a/lazyneg.pt"), entry("b/lazyneg.pt", CLIP_L_AND_G))
    view = seen_by("flux", entries, use_partial=entries)
    assert [seen.entry.place.path for seen in view if seen.is_loaded] == ["a/lazyneg.pt"]
    (other,) = (seen for seen in view if not seen.is_loaded)
    assert "a/lazyneg.pt, which is used" in (other.reason or "")


def test_a_partial_that_is_switched_on_has_the_name_before_one_that_is_not() -> None:
    """The switch is a wish: the name means the file that was switched on."""
    entries = (entry("a/lazyneg.pt"), entry("b/lazyneg.pt", CLIP_L_AND_G))
    view = seen_by("flux", entries, use_partial=entries[1:])
    assert meaning(view) == "b/lazyneg.pt"
    assert fits(view) == {"a/lazyneg.pt": "partial", "b/lazyneg.pt": "usable"}


@pytest.mark.parametrize("number", range(1, 6))
def test_every_duplicate_names_the_file_that_is_used(number: int) -> None:
    """At most one file of a name is loaded, even if several are switched on."""
    shapes = (CLIP_L, CLIP_L_AND_G, CLIP_L, CLIP_L_AND_G, CLIP_H)[:number]
    entries = [
        entry(f"{folder}/cat.pt", shape) for folder, shape in zip("abcde", shapes, strict=False)
    ]
    for switched in range(2**number):
        use_partial = [each for at, each in enumerate(entries) if switched >> at & 1]
        for model in (None, *MODEL_FAMILIES):
            view = seen_by(model, entries, use_partial)
            found = {seen.entry.place.path: seen for seen in view}
            assert sum(seen.is_loaded for seen in view) <= 1
            assert found[meaning(view, "cat")].state == "ok"
            for seen in view:
                if seen.state == "duplicate":
                    assert seen.reason
                    winner = seen.reason.split()[5].rstrip(",")
                    assert found[winner].state == "ok"
                if seen.is_loaded:
                    assert view.named["cat"] is seen


# Twins


def test_the_twins_of_an_embedding() -> None:
    """All embeddings of one name are twins, duplicates too; what is none has no part in it."""
    cut = entry("LAZYNEG.pt", {}, state="broken", reason="cut short")
    view = seen_by("sd1", (SD1, SDXL, entry("a/LazyNeg.pt"), cut, entry("alone.pt")))
    twins = {
        seen.entry.place.path: [twin.entry.place.path for twin in view.twins(seen)] for seen in view
    }
    assert twins == {
        "SD15/lazyneg.pt": ["SDXL/lazyneg.safetensors", "a/LazyNeg.pt"],
        "SDXL/lazyneg.safetensors": ["SD15/lazyneg.pt", "a/LazyNeg.pt"],
        "a/LazyNeg.pt": ["SD15/lazyneg.pt", "SDXL/lazyneg.safetensors"],
        "LAZYNEG.pt": [],
        "alone.pt": [],
    }


def test_a_name_means_nothing_where_no_file_is_sound() -> None:
    """Broken files have names, but prompts cannot mean them."""
    assert seen_by("sd1", (entry("cat.pt", {}, state="broken"),)).named == {}
