"""The library inside AUTOMATIC1111's WebUI: what is loaded, used, told, and undone."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from fastapi import FastAPI  # noqa: E402

from lib_embeddings.entries.entry import Entry, Found  # noqa: E402
from lib_embeddings.entries.read import read_file  # noqa: E402
from lib_embeddings.entries.slow_disk import Width  # noqa: E402
from lib_embeddings.hosts import living  # noqa: E402
from lib_embeddings.hosts.webui import extension  # noqa: E402
from lib_embeddings.library.library import Library  # noqa: E402
from lib_embeddings.limits import LIMITS  # noqa: E402
from lib_embeddings.stores.choices import Choice, Choices  # noqa: E402
from lib_embeddings.web.routes import PREFIX  # noqa: E402
from tests.builders import safetensors_file, vectors  # noqa: E402
from tests.hosts.fake_webui import (  # noqa: E402
    Checkpoint,
    Embedding,
    Script,
)
from tests.hosts.fake_webui_processing import (  # noqa: E402
    StableDiffusionProcessing,
    StableDiffusionProcessingTxt2Img,
)
from tests.hosts.running import Run, eventually  # noqa: E402
from tests.web import SD1, SD2, SDXL, TestClient  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # fastapi of two times


def test_a_model_load_registers_what_fits(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """The database has what fits as usable, what does not as skipped, and the console says why."""
    run.write("sub/cat.safetensors")
    run.write("Dog.safetensors", SD2)
    run.start()
    run.webui.load(Checkpoint(768))
    assert run.words == ["cat"]
    assert list(run.database.skipped_embeddings) == ["Dog"]
    assert run.database.expected_shape == 768
    assert run.webui.prompt("a Cat, a dog") == ["cat"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        "Loaded a total of 1 textual inversion embeddings.",
        "Embeddings: cat",
        "Not loaded: 1",
    ]
    assert lines[3].split()[:2] == ["Dog.safetensors", "incompatible"]


def test_a_picture_goes_first(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one is made, or its checkpoint is loaded, a slow disk is asked in one thread alone."""
    given: dict[str, Width] = {}

    def compose(*arguments: Any, width: Width, **named: Any) -> Library:
        given["width"] = width
        return Library(*arguments, width=width, **named)

    monkeypatch.setattr(living, "Library", compose)
    run.start()
    width, webui = given["width"], run.webui
    assert width() == LIMITS.slow_calls
    webui.state.begin()
    assert width() == 1
    webui.state.end()
    with webui.model_data.lock:
        assert width() == 1
    assert width() == LIMITS.slow_calls


def test_entries_are_the_hosts_own_kind(run: Run) -> None:
    """An entry is the WebUI's own type, with every field as the WebUI's own loader fills it."""
    file = run.write("cat.safetensors", safetensors_file({"emb_params": vectors(3)}))
    run.start()
    run.webui.load(Checkpoint(768))
    cat = run.database.word_embeddings["cat"]
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    assert isinstance(cat, Embedding)
    assert (cat.name, cat.filename, cat.vectors, cat.shape) == ("cat", str(file), 3, 768)
    assert (cat.hash, cat.shorthash) == (sha256, sha256[:12])


def test_vectors_become_tensors_when_first_used(run: Run) -> None:
    """Nothing is read before `vec` is asked for, and the same tensor is given ever after."""
    run.write("cat.safetensors", safetensors_file({"emb_params": vectors(3)}))
    run.start()
    run.webui.load(Checkpoint(768))
    cat = run.database.word_embeddings["cat"]
    assert not any(isinstance(value, torch.Tensor) for value in vars(cat).values())
    assert torch.equal(cat.vec, torch.tensor(vectors(3)))
    assert cat.vec is cat.vec
    assert cat.vec.dtype == torch.float32


@pytest.mark.parametrize(
    ("checkpoint", "encoders", "shape"),
    [
        (Checkpoint(768, 1280), {"clip_l", "clip_g"}, 2048),
        (Checkpoint(768, 1280, is_sd3=True), {"clip_l", "clip_g"}, 2048),
    ],
    ids=["sdxl", "sd3"],
)
def test_two_text_encoders_have_tensors_each(
    run: Run, checkpoint: Checkpoint, encoders: set[str], shape: int
) -> None:
    """Where a model has two text encoders, the vectors of each are under its key."""
    run.write("pair.safetensors", SDXL)
    run.start()
    run.webui.load(checkpoint)
    pair = run.database.word_embeddings["pair"]
    assert pair.vec.keys() == encoders
    assert torch.equal(pair.vec["clip_g"], torch.tensor(vectors(2, 1280)))
    assert (pair.shape, run.database.expected_shape) == (shape, shape)


@pytest.mark.parametrize(("n_l", "n_g"), [(1, 3), (4, 2)])
def test_unequal_rows_stay_unequal(run: Run, n_l: int, n_g: int) -> None:
    """As in the WebUI, clip_g's rows decide how many tokens a name stands for."""
    unequal = safetensors_file({"clip_l": vectors(n_l), "clip_g": vectors(n_g, 1280)})
    run.write("pair.safetensors", unequal)
    run.start()
    run.webui.load(Checkpoint(768, 1280))
    pair = run.database.word_embeddings["pair"]
    assert pair.vectors == n_g
    assert torch.equal(pair.vec["clip_l"], torch.tensor(vectors(n_l)))
    assert torch.equal(pair.vec["clip_g"], torch.tensor(vectors(n_g, 1280)))


def test_a_partial_embedding_is_used_once_switched_on(run: Run) -> None:
    """An SD 1.x embedding that was switched on for SDXL has zeros for the other encoder."""
    run.write("cat.safetensors")
    run.start()
    run.webui.load(Checkpoint(768, 1280))
    assert run.words == []
    app = FastAPI()
    run.webui.callbacks.fire("app_started", None, app)
    client = TestClient(app, "http://localhost")
    (entry,) = client.get(f"{PREFIX}/entries").json()["entries"]
    client.patch(f"{PREFIX}/entries/{entry['id']}", json={"use_partial": True})
    assert eventually(lambda: run.words == ["cat"])
    assert not run.database.word_embeddings["cat"].vec["clip_g"].any()
    assert Choices().all() == {entry["id"]: Choice(use_partial=True)}


@pytest.mark.parametrize(("count", "words"), [(75, ["cat"]), (76, [])])
def test_what_fits_no_chunk_is_not_registered(run: Run, count: int, words: list[str]) -> None:
    """More vectors than a prompt chunk holds never reach a generation."""
    run.write("cat.safetensors", safetensors_file({"emb_params": vectors(count)}))
    run.start()
    run.webui.load(Checkpoint(768))
    assert run.words == words


def test_a_model_reused_from_memory_is_noticed(run: Run) -> None:
    """A model that comes without notice, as a refiner does, is noticed when a prompt is encoded."""
    run.write("cat.safetensors")
    run.write("cot.safetensors", SD2)
    run.write("cut.safetensors", safetensors_file({"clip_g": vectors(1, 1280)}))
    run.start()
    sd1, sd2, refiner = Checkpoint(768), Checkpoint(1024), Checkpoint(1280)
    run.webui.load(sd1)
    for checkpoint, used in [(sd2, "cot"), (refiner, "cut"), (sd1, "cat")]:
        run.webui.model_data.sd_model = checkpoint
        assert run.webui.prompt("cat cot cut") == [used]
    assert run.database.expected_shape == 768


def test_a_change_reaches_the_next_generation(run: Run) -> None:
    """New, replaced, renamed and deleted files in a sub-folder are followed without a click."""
    run.start()
    run.webui.load(Checkpoint(768))
    run.write("deep/down/cat.safetensors")
    assert eventually(lambda: run.words == ["cat"])
    before = run.database.word_embeddings["cat"]
    run.write("deep/down/cat.safetensors", safetensors_file({"emb_params": vectors(9)}))
    assert eventually(lambda: run.database.word_embeddings["cat"] is not before)
    assert run.database.word_embeddings["cat"].vectors == 9
    (run.folder / "deep/down/cat.safetensors").rename(run.folder / "deep/dog.safetensors")
    assert eventually(lambda: run.words == ["dog"])
    (run.folder / "deep/dog.safetensors").unlink()
    assert eventually(lambda: run.words == [])
    assert run.database.ids_lookup == {}


def test_a_generation_in_progress_is_not_disturbed(run: Run) -> None:
    """While a picture is made nothing is registered; after it everything is."""
    run.start()
    run.webui.load(Checkpoint(768))
    app = FastAPI()
    run.webui.callbacks.fire("app_started", None, app)
    with run.webui.queue_lock:
        run.write("cat.safetensors")
        client = TestClient(app, "http://localhost")
        assert eventually(lambda: client.get(f"{PREFIX}/names").json()["names"] == ["cat"])
        assert run.words == []
    assert eventually(lambda: run.words == ["cat"])


def test_a_picture_waits_for_no_slow_disk(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """While files are read, a batch gets what its prompts name; the others come after them."""
    began, go_on, asker = threading.Event(), threading.Event(), threading.current_thread()

    def read(found: Found) -> Entry:
        if threading.current_thread() is not asker:
            began.set()
            assert go_on.wait(60)
        return read_file(found)

    monkeypatch.setattr(living, "Library", partial(Library, read=read))
    monkeypatch.setattr(living, "PATIENCE", 0.01)
    for name in ("cat", "cow", "dog"):
        run.write(f"{name}.safetensors")
    script = run.start()()
    try:
        assert began.wait(60)
        run.webui.load(Checkpoint(768))
        assert run.words == []
        batch = {"prompts": ["a cat"], "hr_prompts": None, "negative_prompts": ["(cow:1.2)"]}
        script.process_batch(SimpleNamespace(**batch, extra_generation_params={}))
        assert run.words == ["cat", "cow"]
    finally:
        go_on.set()
    assert eventually(lambda: run.words == ["cat", "cow", "dog"])


def test_an_unchanged_embedding_keeps_its_tensor(run: Run) -> None:
    """A reload makes nothing anew that did not change."""
    run.write("cat.safetensors")
    run.start()
    run.webui.load(Checkpoint(768))
    cat, tensor = run.database.word_embeddings["cat"], run.database.word_embeddings["cat"].vec
    run.write("dog.safetensors")
    run.database.load_textual_inversion_embeddings(force_reload=True)
    assert run.words == ["cat", "dog"]
    assert run.database.word_embeddings["cat"] is cat
    assert cat.vec is tensor


def test_encoded_prompts_are_forgotten_only_when_embeddings_changed(run: Run) -> None:
    """The prompt cache, shared by all generations, is emptied in place, and only when it must."""
    run.start()
    run.webui.load(Checkpoint(768))
    caches = [
        StableDiffusionProcessing.cached_c,
        StableDiffusionProcessing.cached_uc,
        StableDiffusionProcessingTxt2Img.cached_hr_c,
        StableDiffusionProcessingTxt2Img.cached_hr_uc,
    ]
    for cache in caches:
        cache[:] = ["for this", "encoded"]
    run.database.load_textual_inversion_embeddings(force_reload=True)
    assert [cache[0] for cache in caches] == ["for this"] * 4
    run.write("cat.safetensors")
    run.database.load_textual_inversion_embeddings(force_reload=True)
    assert [cache[0] for cache in caches] == [None] * 4


def test_entries_of_others_are_kept(run: Run) -> None:
    """Embeddings that a LoRA or another extension registered stay, and keep their names."""
    run.write("cat.safetensors")
    run.write("dog.safetensors")
    run.start()
    sd1 = Checkpoint(768)
    run.webui.load(sd1)
    bundled = Embedding(torch.zeros(1, 768), "bundled")
    taken = Embedding(torch.zeros(1, 768), "eel")
    taken.filename = ""
    for embedding in (bundled, taken):
        run.database.register_embedding(embedding, sd1)
    run.write("eel.safetensors")
    run.webui.load(sd1)
    assert set(run.words) == {"bundled", "cat", "dog", "eel"}
    assert run.database.word_embeddings["bundled"] is bundled
    assert run.database.word_embeddings["eel"] is taken
    assert run.webui.prompt("bundled cat eel") == ["bundled", "cat", "eel"]


def test_longer_names_win(run: Run) -> None:
    """The longest of the names that match is used."""
    for name in ("bad", "bad-hands", "bad-hands-5"):
        run.write(f"{name}.safetensors")
    run.start()
    run.webui.load(Checkpoint(768))
    assert run.webui.prompt("bad-hands-5 bad-hands bad") == ["bad-hands-5", "bad-hands", "bad"]


def test_names_are_tokenized_once_for_ever(run: Run) -> None:
    """Token ids are remembered for later processes, for each tokenizer."""
    run.write("cat.safetensors")
    run.start()
    run.webui.load(Checkpoint(768))
    extension.stop()
    run.start()
    later = Checkpoint(768)
    run.webui.load(later)
    assert run.words == ["cat"]
    assert "cat" not in later.cond_stage_model.tokenized


@pytest.mark.parametrize("what", ["gone", "another"])
def test_a_file_that_changed_unseen_cannot_spoil_a_picture(
    run: Run, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Vectors that are not what was registered are left out, with one line and zeros instead."""
    file = run.write("cat.safetensors", safetensors_file({"emb_params": vectors(2)}))
    run.start()
    run.webui.load(Checkpoint(768))
    cat = run.database.word_embeddings["cat"]
    if what == "gone":
        file.unlink()
    else:
        file.write_bytes(safetensors_file({"emb_params": vectors(80)}))
    assert torch.equal(cat.vec, torch.zeros(2, 768))
    assert [r.message for r in caplog.records if "cat is left out" in r.message]


def test_no_hashing_is_honoured(run: Run) -> None:
    """A WebUI that was told to hash nothing gets empty hashes."""
    run.write("cat.safetensors")
    run.webui.command_line.no_hashing = True
    run.start()
    run.webui.load(Checkpoint(768))
    assert run.database.word_embeddings["cat"].shorthash == ""


def test_without_a_model_the_list_is_right(run: Run) -> None:
    """Before any checkpoint is loaded the database stays empty, and our API lists everything."""
    run.write("cat.safetensors")
    run.start()
    app = FastAPI()
    run.webui.callbacks.fire("app_started", None, app)
    run.database.load_textual_inversion_embeddings(force_reload=True)
    assert run.words == []
    assert run.database.expected_shape == -1
    assert TestClient(app, "http://localhost").get(f"{PREFIX}/names").json()["names"] == ["cat"]


# Beginning, ending, settings


def test_unloading_leaves_the_host_as_it_was(run: Run) -> None:
    """After the scripts are unloaded the WebUI's own functions, folders and settings are back."""
    run.write("cat.safetensors")
    before = threading.active_count()
    run.start()
    run.webui.callbacks.fire("ui_settings")
    run.webui.load(Checkpoint(768))
    assert run.database.own_loads == 0
    run.webui.callbacks.fire("script_unloaded")
    assert "load_textual_inversion_embeddings" not in vars(run.database)
    assert "find_embedding_at_position" not in vars(run.database)
    assert run.words == []
    assert run.webui.options.data_labels == {}
    assert eventually(lambda: threading.active_count() == before)
    run.database.load_textual_inversion_embeddings()
    assert (run.database.own_loads, run.words) == (1, ["cat"])
    assert type(run.database.word_embeddings["cat"]) is Embedding


def test_starting_twice_is_starting_once(run: Run) -> None:
    """A second run of the doorway ends the first: one watch, and everything is undone once."""
    run.write("cat.safetensors")
    before = threading.active_count()
    run.start()
    run.webui.load(Checkpoint(768))
    script = run.start()
    assert issubclass(script, Script)
    assert eventually(lambda: run.words == ["cat"])
    extension.stop()
    assert vars(run.database).keys() == vars(type(run.database)()).keys()
    assert eventually(lambda: threading.active_count() == before)


def test_a_webui_that_ends_without_a_word_ends_in_silence(tmp_path: Path) -> None:
    """Hooks that are still there at the end of a process are undone before its modules go."""
    code = f"""
import pathlib, pytest
from tests.hosts.fake_webui import installed
from tests.hosts.running import Run
fake = installed(pytest.MonkeyPatch())
Run(fake.__enter__(), pathlib.Path({str(tmp_path)!r})).start()
"""
    homes = dict.fromkeys(("XDG_CACHE_HOME", "XDG_DATA_HOME"), str(tmp_path / "home"))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={**os.environ, **homes},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""


def test_the_loader_can_be_switched_off_and_on(run: Run) -> None:
    """Off, the WebUI's own loader goes on with the same folders; on, ours does."""
    run.write("cat.safetensors")
    run.start()
    run.webui.callbacks.fire("ui_settings")
    run.webui.load(Checkpoint(768))
    run.webui.options.set("lib_embeddings_take_over", False)
    run.database.load_textual_inversion_embeddings()
    assert type(run.database.word_embeddings["cat"]) is Embedding
    run.webui.options.set("lib_embeddings_take_over", True)
    assert eventually(lambda: type(run.database.word_embeddings["cat"]) is not Embedding)


def test_more_folders_apply_live(run: Run, tmp_path: Path) -> None:
    """A folder named in the settings is looked through at once, until it is named no longer."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "dog.safetensors").write_bytes(SD1)
    run.start()
    run.webui.callbacks.fire("ui_settings")
    run.webui.load(Checkpoint(768))
    run.webui.options.set("lib_embeddings_folders", f"\n {tmp_path / 'more'} \n")
    assert eventually(lambda: run.words == ["dog"])
    assert str(tmp_path / "more") in run.database.embedding_dirs
    run.webui.options.set("lib_embeddings_folders", "")
    assert eventually(lambda: run.words == [])
    assert list(run.database.embedding_dirs) == [str(run.folder)]


def test_a_generation_tells_of_another_model(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """The script that runs at each generation prints what is loaded if the model has changed."""
    run.write("cat.safetensors")
    script = run.start()()
    run.webui.load(Checkpoint(768))
    capsys.readouterr()
    script.process(SimpleNamespace())
    assert capsys.readouterr().out == ""
    run.webui.model_data.sd_model = Checkpoint(1024)
    script.process(SimpleNamespace())
    assert capsys.readouterr().out.startswith("Loaded a total of 0")


# What a host may lack


@pytest.mark.parametrize(
    "missing",
    [
        "on_script_unloaded",
        "on_ui_settings",
        "on_before_ui",
        "on_model_loaded",
        "on_app_started",
    ],
)
def test_a_missing_callback_costs_its_own_part(
    run: Run, missing: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Without one callback there is one line, and embeddings are loaded as ever."""
    delattr(run.webui.callbacks, missing)
    run.write("cat.safetensors")
    run.start()
    run.webui.load(Checkpoint(768))
    assert run.words == ["cat"]
    (record,) = [r for r in caplog.records if "does not work in this WebUI" in r.message]
    assert missing in record.message


def test_a_database_without_a_function_keeps_its_loader(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """If the loader cannot be replaced, the WebUI's own stays, and the rest of ours works."""
    monkeypatch.delattr(type(run.database), "find_embedding_at_position")
    run.write("cat.safetensors")
    run.start()
    run.webui.load(Checkpoint(768))
    app = FastAPI()
    run.webui.callbacks.fire("app_started", None, app)
    assert run.database.own_loads == 1
    assert eventually(
        lambda: (
            TestClient(app, "http://localhost").get(f"{PREFIX}/names").json()["names"] == ["cat"]
        )
    )
    assert ["find_embedding_at_position" in r.message for r in caplog.records] == [True, True]


def test_a_defect_at_each_picture_costs_no_picture(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where ours fails while the WebUI waits for it, one line names the part, and its own loads."""
    run.write("cat.safetensors")
    run.start()
    run.webui.load(Checkpoint(768))

    def fail(*_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("lib_embeddings.hosts.a1111.loader.active_model", fail)
    for _ in range(2):
        run.database.load_textual_inversion_embeddings(force_reload=True)
    assert run.database.own_loads == 2
    (record,) = [r for r in caplog.records if "a defect" in r.message]
    assert "the loading of embeddings does not work in this WebUI" in record.message


def test_a_webui_without_a_database_is_left_alone(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """A WebUI of another kind gets one line with its version, and no script of ours."""
    del run.webui.hijack.embedding_db
    assert extension.start() is None
    assert capsys.readouterr().out == (
        "Textual Inversion is off: this WebUI v1.10.1 has no "
        "modules.sd_hijack.model_hijack.embedding_db and no module backend and no module "
        "modules.modeldata. The WebUI works as if this extension were not installed.\n"
    )


@pytest.mark.parametrize(
    ("known_by", "name"),
    [("nothing", "this WebUI"), ("modules_forge", "Forge"), ("modules.scripts_manager", "SD.Next")],
)
def test_a_webui_without_a_module_is_named_with_what_it_lacks(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    known_by: str,
    name: str,
) -> None:
    """The line tells which WebUI has no place for us, and the whole name of what we looked for."""
    monkeypatch.delitem(sys.modules, "modules.sd_hijack")
    monkeypatch.delattr(sys.modules["modules"], "sd_hijack")
    monkeypatch.setitem(sys.modules, known_by, ModuleType(known_by))
    assert extension.start() is None
    assert capsys.readouterr().out == (
        f"Textual Inversion is off: {name} v1.10.1 has no module modules.sd_hijack "
        "and no module backend and no module modules.modeldata. "
        "The WebUI works as if this extension were not installed.\n"
    )
    assert not run.webui.callbacks.wanted


def test_a_missing_package_is_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without what `install.py` could not install, the WebUI's own loader goes on."""
    monkeypatch.setattr(extension, "NEEDED", ("no_such_package",))
    assert extension.start() is None
    assert capsys.readouterr().out.splitlines() == [
        (
            "Textual Inversion is off: this WebUI's Python has no package no_such_package: "
            "restart it to install them. The WebUI works as if this extension were not installed."
        )
    ]
    run.webui.load(Checkpoint(768))
    assert run.database.own_loads == 1


def test_a_failing_load_hands_back(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    """When ours fails while the WebUI waits for it, its own loader loads in the same call."""
    run.write("cat.safetensors")
    run.start()
    broken = Checkpoint(768)
    tokenize = broken.cond_stage_model.tokenize

    def tokenize_one(texts: list[str]) -> list[list[int]]:
        if texts != ["cat"] or not run.database.own_loads:
            raise RuntimeError("no tokenizer")
        return tokenize(texts)

    broken.cond_stage_model.tokenize = tokenize_one
    run.webui.load(broken)
    assert run.database.own_loads
    assert type(run.database.word_embeddings["cat"]) is Embedding
    assert eventually(lambda: any("no tokenizer" in r.message for r in caplog.records))


def test_a_model_in_the_making_changes_nothing(run: Run) -> None:
    """While a checkpoint is put together, text encoders without a tokenizer are no model."""
    run.write("cat.safetensors")
    script = run.start()()
    run.webui.load(Checkpoint(768))
    run.webui.model_data.sd_model = SimpleNamespace(cond_stage_model=torch.nn.Linear(1, 1))
    script.process(SimpleNamespace())
    run.write("dog.safetensors")
    assert run.words == ["cat"]
    run.webui.load(Checkpoint(768))
    assert run.words == ["cat", "dog"]
    assert run.database.own_loads == 0


def test_a_failure_in_the_background_is_tried_again(run: Run) -> None:
    """An update that fails while nobody waits is made up for by the next load."""
    run.start()
    sd1 = Checkpoint(768)
    run.webui.load(sd1)
    tokenize, failed = sd1.cond_stage_model.tokenize, threading.Event()

    def fail(_texts: list[str]) -> list[list[int]]:
        failed.set()
        raise RuntimeError("no tokenizer")

    sd1.cond_stage_model.tokenize = fail
    run.write("sub/cat.safetensors")
    assert failed.wait()
    sd1.cond_stage_model.tokenize = tokenize
    run.database.load_textual_inversion_embeddings(force_reload=True)
    assert run.words == ["cat"]
    assert run.database.own_loads == 0
