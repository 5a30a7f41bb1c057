"""The library inside Forge, Neo and ersatzForge: what is opened, loaded, used and told."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from lib_embeddings.hosts.webui import extension  # noqa: E402
from lib_embeddings.web.routes import PREFIX  # noqa: E402
from tests.builders import safetensors_file, vectors  # noqa: E402
from tests.hosts.fake_forge import StableDiffusionProcessing, _Database  # noqa: E402
from tests.hosts.forge.running import ForgeRun  # noqa: E402
from tests.hosts.parts import EVENTS, SHARED, Place, break_part, check_loss  # noqa: E402
from tests.hosts.running import eventually, seen  # noqa: E402
from tests.web import SD1, SD2, SDXL  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # fastapi of two times

OURS = "lib_embeddings_take_over"
PAGE = b"<html>"

# ersatzForge has one class for all databases, and one list of what it encoded.
NOT_IN_ERSATZ = pytest.mark.parametrize("run", ["forge", "neo"], indirect=True)


def short(data: bytes) -> str:
    """Return what infotexts have of a file."""
    return hashlib.sha256(data).hexdigest()[:12]


def contents(run: ForgeRun) -> dict[str, bytes]:
    """Return all files in the folder."""
    return {file.name: file.read_bytes() for file in run.folder.iterdir()}


# Files


def test_nothing_but_our_reader_opens_a_file(run: ForgeRun) -> None:
    """Not at the start, at a picture, at Reload UI, off, on or at the end: all files stay."""
    for name, data in (("cat.safetensors", SD1), ("page.pt", PAGE), ("pair.safetensors", SDXL)):
        run.write(name, data)
    before = contents(run)
    client = run.start()
    run.choose("sd1")
    assert eventually(lambda: seen(client) == ("sd1", ["cat"]))
    for prompt in ("a cat", "a pair", "a page"):
        run.picture(prompt)
    client = run.start()  # as at "Reload UI"
    run.picture("a cat")
    run.forge.refresh_page()
    run.forge.options.set(OURS, False)
    run.picture("a cat")
    run.forge.refresh_page()
    run.forge.options.set(OURS, True)
    run.picture("a cat")
    run.forge.callbacks.fire("script_unloaded")
    assert _Database.opened == []
    assert contents(run) == before


def test_switched_off_forge_loads_with_the_next_checkpoint(run: ForgeRun) -> None:
    """Then its engines have what it reads, and the page shows that; on again, ours come back."""
    run.write("cat.safetensors")
    run.write("bin.pt", safetensors_file())
    client = run.start()
    run.choose("sd1")
    run.picture("a cat")
    run.forge.options.set(OURS, False)
    run.picture("a cat")
    assert _Database.opened == []
    run.write("page.pt", PAGE)
    run.choose("sdxl")
    run.choose("sd1")
    run.forge.model_data.forge_hash = ""
    run.picture("a cat")
    assert set(_Database.opened) == {"bin.pt", "cat.safetensors", "page.pt"}
    assert (run.folder / "page.pt.corrupted").exists()
    assert eventually(lambda: seen(client) == ("sd1", ["bin", "cat"]))
    run.forge.options.set(OURS, True)
    engine = run.forge.model_data.sd_model.engines()[0]

    def are_ours() -> bool:
        words = engine.embeddings.word_embeddings.values()
        return all(type(each).__module__.startswith("lib_embeddings") for each in words)

    assert eventually(are_ours)
    assert run.words == [["bin", "cat"]]


def test_the_end_leaves_forge_as_it_was(run: ForgeRun) -> None:
    """Its functions, settings, databases and encoded prompts have nothing of ours."""
    run.write("cat.safetensors")
    engines = sys.modules["backend.text_processing.textual_inversion"].EmbeddingDatabase
    lists = sys.modules.get("modules.textual_inversion.textual_inversion")
    main = sys.modules["modules_forge.main_entry"]
    places = [
        (engines, "load_textual_inversion_embeddings"),
        (engines, "find_embedding_at_position"),
        (getattr(lists, "EmbeddingDatabase", engines), "load_textual_inversion_embeddings"),
        (run.forge.processing, "get_conds_with_caching"),
        (main, "refresh_model_loading_parameters"),
    ]
    before = [getattr(*place) for place in places]
    client = run.start()
    run.choose("sd1")
    assert eventually(lambda: seen(client) == ("sd1", ["cat"]))
    run.picture("a cat")
    assert run.words == [["cat"]]
    run.forge.callbacks.fire("script_unloaded")
    assert [getattr(*place) for place in places] == before
    databases = (run.forge.page_database, run.forge.api_database)
    assert [database.word_embeddings for database in databases] == [{}, {}]
    assert run.words == [[]]
    assert run.forge.options.data_labels == {}
    generation = run.forge.processing("a cat")
    generation.setup_conds()
    assert generation.c == [[]]


# Models


@pytest.mark.parametrize(
    ("kind", "usable"),
    [
        ("sd1", ["cat"]),
        ("sd2", ["cot"]),
        ("sdxl", ["pair"]),
        ("sdxl-refiner", ["cut"]),
        ("flux", ["cat", "flux"]),
        ("sd3", ["pair"]),
        ("chroma", []),
        ("lumina", []),
    ],
)
def test_each_family_before_and_after_its_first_picture(
    run: ForgeRun, kind: str, usable: list[str]
) -> None:
    """The file of the chosen checkpoint says the same as the checkpoint in memory does later."""
    run.write("cat.safetensors")
    run.write("cot.safetensors", SD2)
    run.write("cut.safetensors", safetensors_file({"clip_g": vectors(1, 1280)}))
    run.write("pair.safetensors", SDXL)
    flux = safetensors_file({"clip_l": vectors(1), "t5xxl": vectors(1, 4096)})
    run.write("flux.safetensors", flux)
    client = run.start()
    run.choose(kind)
    assert eventually(lambda: seen(client) == (kind, usable))
    lists = run.forge.api_database
    assert eventually(lambda: len(lists.skipped_embeddings) == 5 - len(usable))
    assert sorted(lists.word_embeddings) == usable
    assert set(run.forge.page_database.word_embeddings) == set(usable)
    asked = {"positive": "a cat"}
    report = client.post(f"{PREFIX}/prompt", json=asked).json()["positive"]
    assert [used["name"] for used in report["used"]] == [name for name in usable if name == "cat"]
    run.picture("a dog")
    assert seen(client) == (kind, usable)
    assert all(words == usable for words in run.words)


def test_an_unknown_checkpoint_is_known_once_it_is_loaded(run: ForgeRun) -> None:
    """An unknown file leaves all fits open until the first picture."""
    run.write("cat.safetensors")
    client = run.start()
    run.choose("sd1")
    chosen = run.folder.parent / "sd1.safetensors"
    chosen.write_bytes(b"GGUF")
    run.choose("sd1")
    assert eventually(lambda: seen(client)[0] is None)
    run.picture("a cat")
    assert seen(client) == ("sd1", ["cat"])


def test_a_checkpoint_without_engines_uses_none(run: ForgeRun) -> None:
    """Where neither the file nor Forge has a word for it, the reason says that it uses none."""
    run.write("cat.safetensors")
    client = run.start()
    run.choose("other")
    run.picture("a cat")
    assert seen(client) == ("other", [])
    (entry,) = client.get(f"{PREFIX}/entries").json()["entries"]
    assert entry["reason"] == (
        "made for SD 1.x (clip_l 768); the active model is of another kind, for which no WebUI "
        "loads embeddings"
    )


def test_both_engines_get_what_is_theirs(run: ForgeRun) -> None:
    """An SDXL embedding is found by both text engines, each with its own vectors."""
    run.write("pair.safetensors", SDXL)
    run.start()
    run.choose("sdxl")
    picture = run.picture("a pair")
    (wide_l,), (wide_g,) = picture.c
    assert torch.equal(wide_l, torch.tensor(vectors(2)))
    assert torch.equal(wide_g, torch.tensor(vectors(2, 1280)))


def test_a_refiner_changes_nothing_that_people_see(run: ForgeRun) -> None:
    """Its prompts find what it can use; the page stays with the chosen checkpoint."""
    run.write("pair.safetensors", SDXL)
    run.write("cut.safetensors", safetensors_file({"clip_g": vectors(1, 1280)}))
    client = run.start()
    run.choose("sdxl")
    run.choose("sdxl-refiner")
    run.choose("sdxl")
    found: list[object] = []

    def refine(generation: StableDiffusionProcessing) -> None:
        run.choose("sdxl-refiner")
        run.forge.reload()
        run.choose("sdxl")
        generation.setup_conds()
        found.extend((run.words, seen(client)))

    picture = run.picture("a pair, a cut", between=refine)
    assert found == [[["cut"]], ("sdxl", ["pair"])]
    assert picture.extra_generation_params["TI"] == "cut, pair"
    assert eventually(lambda: seen(client) == ("sdxl", ["pair"]))


# Changes


def test_changes_reach_the_next_picture_of_the_same_prompt(run: ForgeRun) -> None:
    """New, replaced, renamed and deleted files count in the next picture, without another load."""
    client = run.start()
    run.choose("sd1")
    assert run.picture("a cat").c == [[]]
    run.write("deep/cat.safetensors")
    assert eventually(lambda: run.words == [["cat"]])
    ((first,),) = run.picture("a cat").c
    run.write("deep/cat.safetensors", safetensors_file({"emb_params": vectors(9)}))
    assert eventually(lambda: len(run.picture("a cat").c[0][0]) == 9)
    assert len(first) != 9
    (run.folder / "deep/cat.safetensors").rename(run.folder / "dog.safetensors")
    assert eventually(lambda: run.words == [["dog"]])
    assert run.picture("a cat").c == [[]]
    (run.folder / "dog.safetensors").unlink()
    assert eventually(lambda: run.words == [[]])
    assert eventually(lambda: seen(client) == ("sd1", []))


def test_a_picture_asked_for_at_once_sees_what_came_and_went(run: ForgeRun) -> None:
    """No event has to be heard of before."""
    run.start()
    run.choose("sd1")
    assert run.picture("a cat").c == [[]]
    file = run.write("deep/cat.safetensors")
    assert len(run.picture("a cat").c[0]) == 1
    file.unlink()
    assert run.picture("a cat").c == [[]]


@NOT_IN_ERSATZ
def test_who_keeps_lists_of_its_own_gets_no_old_picture(run: ForgeRun) -> None:
    """Forge gives a generation other caches than the next ones have when it loads a checkpoint."""
    run.start()
    run.choose("sd1")
    generation = StableDiffusionProcessing("a cat")
    run.forge.generate(generation, run.script)
    assert generation.c == [[]]
    run.write("cat.safetensors")
    assert eventually(lambda: run.words == [["cat"]])
    run.forge.generate(generation, run.script)
    assert len(generation.c[0]) == 1


def test_a_batch_is_not_disturbed(run: ForgeRun) -> None:
    """While a picture is made nothing is registered; after it everything is."""
    client = run.start()
    run.choose("sd1")
    run.picture("a cat")
    with run.forge.queue_lock:
        run.write("cat.safetensors")
        assert eventually(lambda: client.get(f"{PREFIX}/names").json()["names"] == ["cat"])
        assert run.words == [[]]
    assert eventually(lambda: run.words == [["cat"]])


# Infotexts


def test_infotexts_are_complete_and_true(run: ForgeRun) -> None:
    """`TI` and `TI hashes` name all of the picture, also from the caches, and of no other."""
    for name in ("cat", "bad", "fine"):
        run.write(f"{name}.safetensors")
    run.write("b,c.safetensors")
    run.start()
    run.choose("sd1")
    told = []
    for prompts in (
        ("a cat", "bad"),
        ("a cat", "bad"),
        ("a dog", "bad"),
        ("a dog", "ugly"),
        ("a cat", "ugly", "fine"),
        ("b,c", ""),
    ):
        params = run.picture(*prompts, batches=2).extra_generation_params
        told.append((params.get("TI"), params.get("TI hashes")))
    hash_ = short(SD1)
    assert told == [
        ("cat, bad", f"cat: {hash_}, bad: {hash_}"),
        ("cat, bad", f"cat: {hash_}, bad: {hash_}"),
        ("bad", f"bad: {hash_}"),
        (None, None),
        ("fine, cat", f"fine: {hash_}, cat: {hash_}"),
        ("bc", f"bc: {hash_}"),
    ]


def test_two_engines_name_an_embedding_once(run: ForgeRun) -> None:
    """SDXL's two text engines note it twice."""
    run.write("pair.safetensors", SDXL)
    run.start()
    run.choose("sdxl")
    params = run.picture("a pair", "pair").extra_generation_params
    assert params["TI"] == "pair"
    assert params["TI hashes"] == f"pair: {short(SDXL)}"


@pytest.mark.parametrize("run", ["forge"], indirect=True)
def test_the_setting_for_hashes_is_obeyed_where_there_is_one(run: ForgeRun) -> None:
    """Names are written all the same."""
    run.write("cat.safetensors")
    run.start()
    run.choose("sd1")
    run.forge.options.textual_inversion_add_hashes_to_infotext = False
    params = run.picture("a cat").extra_generation_params
    assert (params["TI"], params.get("TI hashes")) == ("cat", None)


# Trying


@pytest.mark.parametrize(
    ("scales", "titles"),
    [
        ({"hr_cfg": 7}, ["prompt", "negative prompt", "hires negative prompt"]),
        ({"hr_cfg": 1}, ["prompt", "negative prompt"]),
        ({"cfg_scale": 1, "hr_cfg": 7}, ["prompt", "hires negative prompt"]),
        ({"cfg_scale": 1, "hr_cfg": 1}, ["prompt"]),
    ],
)
def test_a_negative_prompt_that_is_not_encoded_uses_nothing(
    run: ForgeRun,
    capsys: pytest.CaptureFixture[str],
    scales: dict[str, float],
    titles: list[str],
) -> None:
    """With a CFG scale of 1 a pass does without it, and no report says otherwise."""
    for name in ("cat_x", "bad_x", "hr_bad_x"):
        run.write(f"{name}.safetensors")
    run.start()
    run.choose("sd1")
    generation = run.forge.processing("a cat_x", "bad_x", hr_negative_prompt="hr_bad_x", **scales)
    capsys.readouterr()
    processed = run.forge.generate(generation, run.script)
    printed = capsys.readouterr().out.splitlines()
    assert [line.partition(": used: ")[0] for line in printed if ": used: " in line] == titles
    reports = processed.extra_generation_params["Textual Inversion"]
    assert [report["title"] for report in reports] == titles


def test_an_embedding_is_tried_beside_the_persons_pictures(run: ForgeRun) -> None:
    """It is painted without and with, and what the person's prompts were encoded to is kept."""
    run.write("cat.safetensors")
    client = run.start()
    run.choose("sd1")
    run.picture("a dog")  # for which the checkpoint is loaded
    person = run.picture("a dog")
    (entry,) = client.get(f"{PREFIX}/entries").json()["entries"]
    asked = {"ids": [entry["id"]], "prompt": "a {name}", "negative": "ugly", "seeds": [7]}
    id_ = client.post(f"{PREFIX}/try", json=asked).json()["id"]

    def job() -> Any:
        return next(job for job in client.get(f"{PREFIX}/jobs").json()["jobs"] if job["id"] == id_)

    assert eventually(lambda: job()["state"] in ("done", "failed"))
    assert job()["state"] == "done", job()["reason"]
    made = run.forge.painter.made
    assert [(each.all_prompts, len(each.c[0])) for each in made] == [(["a"], 0), (["a cat"], 1)]
    assert run.picture("a dog").c is person.c


# Hooks that fail


def _loading(run: ForgeRun) -> bool:
    return run.picture("a cat").c != [[]] and _Database.opened == []


def _infotexts(run: ForgeRun) -> bool:
    return "TI hashes" in run.picture("a cat").extra_generation_params


def _settings(run: ForgeRun) -> bool:
    return len(run.forge.options.data_labels) == 6


def _tab(_run: ForgeRun) -> bool:
    pages = sys.modules["modules.ui_extra_networks"].extra_pages
    return any(type(page).__name__ == "TextualInversionPage" for page in pages)


WORKS: dict[str, Callable[[ForgeRun], bool]] = {
    "loading of embeddings": _loading,
    "writing of TI hashes": _infotexts,
    "settings": _settings,
    "tab": _tab,
}
FAILURES = {
    **SHARED,
    "loading of embeddings": Place("forge.loader", "ForgeLoader.hook"),
    "writing of TI hashes": Place("webui.prompts", "InfotextWriter.hook"),
    "use of embeddings in LoRA files": Place("forge.bundles", "Bundles.hook"),
    "notice of chosen models": Place("forge.host", "Host.hook_choices"),
    "tab": Place("webui.page", "replace_page"),
    "trying of embeddings": Place("webui.studio", "require"),
}


@pytest.mark.parametrize("part", FAILURES)
def test_a_part_that_fails_is_named_and_all_others_work(
    run: ForgeRun, part: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One line names the part; everything else does its work."""
    run.write("cat.safetensors")
    break_part(run.forge, run.start, FAILURES[part], monkeypatch)
    run.start()
    run.choose("sd1")
    lost = {part, "writing of TI hashes"} if part == "loading of embeddings" else {part}
    assert check_loss(part, run, WORKS, caplog) == lost & set(WORKS)


@pytest.mark.parametrize("event", EVENTS)
def test_a_missing_callback_costs_its_own_part(
    run: ForgeRun, event: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Without one callback there is one line, and embeddings are used as ever."""
    delattr(run.forge.callbacks, f"on_{event}")
    run.write("cat.safetensors")
    script = extension.start()
    assert script is not None
    run.script = script
    run.forge.build_ui()
    run.choose("sd1")
    assert eventually(lambda: run.picture("a cat").c != [[]])
    (record,) = [r for r in caplog.records if "does not work in this WebUI" in r.message]
    assert event in record.message


def test_a_defect_at_each_picture_costs_no_picture(
    run: ForgeRun, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where ours fails while Forge waits for it, its pictures are made, and no file is opened."""
    run.write("page.pt", PAGE)
    run.start()

    def fail(*_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("lib_embeddings.hosts.forge.loader.loaded_model", fail)
    monkeypatch.setattr("lib_embeddings.hosts.webui.prompts.join_hashes", fail)
    run.choose("sd1")
    for _ in range(2):
        run.picture("a dog")
    assert _Database.opened == []
    assert "a defect" in caplog.text


@NOT_IN_ERSATZ
def test_a_forge_of_another_kind_loads_and_we_show(
    run: ForgeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says what it lacks; the page lists and explains, and nothing of its own changes."""
    run.write("cat.safetensors")
    run.write("page.safetensors", PAGE)
    lists = sys.modules["modules.textual_inversion.textual_inversion"].EmbeddingDatabase
    own = lists.load_textual_inversion_embeddings
    del sys.modules["backend.text_processing.textual_inversion"].EmbeddingDatabase
    client = run.start()
    first, *lines = capsys.readouterr().out.splitlines()
    assert first.startswith("Textual Inversion: Forge v1.10.1 has no ")
    assert "and no backend.text_processing.textual_inversion.EmbeddingDatabase and" in first
    assert first.endswith(", so it keeps loading embeddings itself; our tab only shows them.")
    assert lists.load_textual_inversion_embeddings is own
    assert OURS not in run.forge.options.data_labels
    assert lines == []

    def is_listed() -> bool:
        page = client.get(f"{PREFIX}/entries?fit=unknown").json()
        return page["by_family"] == (
            "1 for SD 1.x; this WebUI loads embeddings itself and does not say which"
        )

    assert eventually(is_listed)
    (entry,) = client.get(f"{PREFIX}/entries?fit=unknown").json()["entries"]
    assert (entry["name"], entry["reason"]) == (
        "cat",
        "made for SD 1.x (clip_l 768); this WebUI loads embeddings itself and does not say which",
    )
    run.forge.options.data["lib_embeddings_folders"] = str(run.folder.parent / "more")
    run.forge.options.set("lib_embeddings_folders", str(run.folder.parent / "more"))
    assert client.get(f"{PREFIX}/names").json()["names"] == ["cat"]
    extension.stop()
    assert client.get(f"{PREFIX}/names").status_code == 404
