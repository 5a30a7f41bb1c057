"""The library inside SD.Next: what is opened, loaded, used and told."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable

import pytest

gradio = pytest.importorskip("gradio")
torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from lib_embeddings.hosts.webui import extension  # noqa: E402
from lib_embeddings.web.routes import PREFIX  # noqa: E402
from tests.builders import a1111_pickle, good_files, safetensors_file, torch_zip, vectors  # noqa: E402
from tests.hosts.fake_sdnext import Pipeline, Processing, TextEncoder  # noqa: E402
from tests.hosts.parts import EVENTS, SHARED, Place, break_part, check_loss  # noqa: E402
from tests.hosts.running import eventually, seen  # noqa: E402
from tests.hosts.sdnext.running import PIPELINES, SdnextRun  # noqa: E402
from tests.web import ELSEWHERE, SD1, SD2, SDXL, From, TestClient  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # fastapi of two times

OURS = "lib_embeddings_take_over"
PARSERS = ("native", "a1111", "xhinker", "fixed")


def short(data: bytes) -> str:
    """Return what infotexts have of a file."""
    return hashlib.sha256(data).hexdigest()[:12]


def told(picture: Processing) -> list[tuple[str | None, str | None]]:
    """Return what the infotext of each batch says of embeddings."""
    return [(text.get("Embeddings"), text.get("TI hashes")) for text in picture.infotexts]


# Files and models


def test_nothing_but_our_reader_opens_a_file(run: SdnextRun) -> None:
    """Not at the start, at a load, at a picture, at Refresh, at Reload UI or at the end."""
    for name, data in (("cat.safetensors", SD1), ("page.pt", b"<html>"), ("pair.pt", SDXL)):
        run.write(name, data)
    run.start()
    run.load("sd1")
    for prompt in ("a cat", "a pair", "a page"):
        run.picture(prompt)
    for page in run.sdnext.extra_networks:
        page.refresh()
    run.start()  # as at "Reload UI"
    run.picture("a cat")
    run.load("sdxl")
    run.picture("a pair")
    run.sdnext.callbacks.fire("script_unloaded")
    assert run.sdnext.databases.opened == []


def test_no_model_is_loaded_for_us(run: SdnextRun) -> None:
    """Asking SD.Next for the model makes it load one: we only look at what is there."""
    run.write("cat.safetensors")
    client = run.start()
    run.write("dog.safetensors")
    assert eventually(lambda: client.get(f"{PREFIX}/names").json()["names"] == ["cat", "dog"])
    assert client.post(f"{PREFIX}/prompt", json={"positive": "a cat"}).status_code == 503
    for page in run.sdnext.extra_networks:
        page.refresh()
    run.sdnext.options.set(OURS, False)
    run.sdnext.options.set(OURS, True)
    assert "modules.processing_diffusers" not in sys.modules
    run.start()
    assert run.sdnext.shared.requests == 0


@pytest.mark.parametrize(
    ("kind", "usable"),
    [
        ("sd1", ["cat"]),
        ("sd2", ["cot"]),
        ("sdxl", ["pair"]),
        ("sdxl-refiner", ["cut"]),
        ("other", []),
    ],
)
def test_each_family_uses_what_is_its_own(run: SdnextRun, kind: str, usable: list[str]) -> None:
    """Page, database and prompts agree; a kind that SD.Next lets none into uses none."""
    run.write("cat.safetensors")
    run.write("cot.safetensors", SD2)
    run.write("cut.safetensors", safetensors_file({"clip_g": vectors(1, 1280)}))
    run.write("pair.safetensors", SDXL)
    client = run.start()
    pipe = run.load(kind)
    sizes = [len(tokenizer) for tokenizer, _ in pipe.pairs()]
    assert eventually(lambda: seen(client) == (kind, usable))
    assert list(run.database.word_embeddings) == usable
    assert len(run.database.skipped_embeddings) == 4 - len(usable)
    run.picture("a cat, a cot, a cut, a pair", "a dog")
    grown = [len(tokenizer) for tokenizer, _ in pipe.pairs()]
    assert (grown != sizes) == bool(usable)


# Prompts


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("prompt", ["cat", "a cat", "(CAT:1.2), dog", "a\nCat"])
def test_every_parser_reads_our_vectors(run: SdnextRun, parser: str, prompt: str) -> None:
    """A name is found in any letter case, wherever it is, and stands for all its vectors."""
    run.write("cat.safetensors", safetensors_file({"emb_params": vectors(3)}))
    run.start()
    run.load("sd1")
    (rows,) = run.rows(prompt, parser=parser)
    assert torch.equal(rows, torch.tensor(vectors(3)))


@pytest.mark.parametrize(
    ("name", "prompt", "is_used"),
    [
        ("cat", "concatenate", False),
        ("cat", "cats", False),
        ("cat", "a dog,cat.", True),
        ("bad-hands", "BAD-HANDS", True),
        ("bad-hands", "bad - hands", True),
        ("bad-hands", "bad hands", False),
        ("it's", "it's here", True),
        ("x (1)", r"x \(1\)", True),
        ("x (1)", "x (1)", False),
        ("a:b", "a:b", True),
        ("a:b", r"a\:b", True),
        ("excl!", "(excl!:1.2)", True),
        ("caf\u00e9", "cafe\u0301", True),
    ],
)
def test_a_name_is_a_whole_word(run: SdnextRun, name: str, prompt: str, is_used: bool) -> None:
    """SD.Next itself finds names inside of words; a prompt's grammar is none of a name."""
    run.write(f"{name}.safetensors")
    run.start()
    run.load("sd1")
    assert run.reads(prompt) == is_used


def test_the_longest_name_is_meant(run: SdnextRun) -> None:
    """The longer of two names that begin alike is found, and the shorter one elsewhere."""
    run.write("cat.safetensors")
    run.write("cat-toy.safetensors", safetensors_file({"emb_params": vectors(2)}))
    run.start()
    run.load("sd1")
    assert told(run.picture("a cat-toy, a dog"))[0][0] == "cat-toy"
    assert told(run.picture("a cat-toy, a cat"))[0][0] == "cat-toy, cat"


@pytest.mark.parametrize(
    ("suffix", "form"),
    [
        ("safetensors", "safetensors"),
        ("pt", "torch zip ParameterDict"),
        ("bin", "torch legacy"),
        ("png", "png text"),
        ("png", "picture pixels"),
    ],
)
def test_files_of_every_form_are_used(run: SdnextRun, suffix: str, form: str) -> None:
    """SD.Next lists two endings, and reads one form of each."""
    run.write(f"cat.{suffix}", good_files()[form])
    run.start()
    run.load("sd1")
    assert run.reads("a cat")


def test_both_text_encoders_get_what_is_theirs(run: SdnextRun) -> None:
    """An SDXL embedding has rows for each; where one has fewer, token 0 holds the other places."""
    for name, n_l, n_g in (("short", 1, 3), ("long", 4, 2)):
        uneven = {"clip_l": vectors(n_l), "clip_g": vectors(n_g, 1280)}
        run.write(f"{name}.safetensors", safetensors_file(uneven))
    run.start()
    run.load("sdxl")
    short_l, short_g = run.rows("a short")
    assert torch.equal(short_l[0], torch.tensor(vectors(1))[0])
    assert torch.equal(short_l[1], short_l[2])
    assert not torch.equal(short_l[0], short_l[1])
    assert torch.equal(short_g, torch.tensor(vectors(3, 1280)))
    long_l, long_g = run.rows("a long")
    assert torch.equal(long_l, torch.tensor(vectors(4)[:2]))
    assert torch.equal(long_g, torch.tensor(vectors(2, 1280)))


def test_a_refiner_reads_what_it_has_vectors_for(run: SdnextRun) -> None:
    """Its pass is given one prompt, not a list; what is not for it stays words."""
    run.write("pair.safetensors", SDXL)
    run.start()
    run.load("sdxl")
    refiner = PIPELINES["sdxl-refiner"]()
    run.sdnext.model_data.sd_refiner = refiner
    ((rows,), _) = run.picture("a pair").read[-1]
    assert torch.equal(rows, torch.tensor(vectors(2, 1280)))
    run.write("cat.safetensors")
    run.load("sd1")
    assert eventually(lambda: run.reads("a cat") == 1)
    ((rows,), _) = run.picture("a cat").read[-1]
    assert len(rows) == 0


def test_another_text_encoder_gets_its_rows_again(run: SdnextRun) -> None:
    """SD.Next can change the text encoder of the model in memory, whose tokenizer stays."""
    run.write("cat.safetensors")
    run.start()
    pipe = run.load("sd1")
    (before,) = run.rows("a cat")
    tokenizer, model = pipe.pairs()[0]
    pipe.text_encoder = TextEncoder(len(model.table.weight) - 1, 768)  # type: ignore[attr-defined]
    (after,) = run.rows("a cat", "another")
    assert torch.equal(before, after)
    assert len(tokenizer) == len(pipe.text_encoder.table.weight)  # type: ignore[attr-defined]


# Changes


def test_changes_reach_the_next_picture_of_the_same_prompt(run: SdnextRun) -> None:
    """New, replaced, renamed and deleted files count in the next picture, despite caches."""
    client = run.start()
    run.load("sd1")
    assert run.reads("a cat") == 0
    run.write("deep/cat.safetensors")
    assert eventually(lambda: run.reads("a cat") == 1)
    run.write("deep/cat.safetensors", safetensors_file({"emb_params": vectors(2)}))
    assert eventually(lambda: run.reads("a cat") == 2)
    (run.folder / "deep/cat.safetensors").rename(run.folder / "dog.safetensors")
    assert eventually(lambda: run.reads("a cat") == 0)
    assert run.reads("a dog") == 2
    (run.folder / "dog.safetensors").unlink()
    assert eventually(lambda: run.reads("a dog") == 0)
    assert seen(client) == ("sd1", [])


def test_a_picture_asked_for_at_once_sees_what_came_and_went(run: SdnextRun) -> None:
    """No event has to be heard of before."""
    run.start()
    run.load("sd1")
    file = run.write("deep/cat.safetensors")
    assert run.reads("a cat") == 1
    file.unlink()
    assert run.reads("a cat") == 0


def test_an_embedding_comes_into_a_model_once(run: SdnextRun) -> None:
    """A model grows by what its prompts use, and by nothing else."""
    for name in ("cat", "dog", "cow"):
        run.write(f"{name}.safetensors")
    run.start()
    pipe = run.load("sd1")
    ((tokenizer, _),) = pipe.pairs()
    before = len(tokenizer)
    for prompts in (("a cat",), ("a cat", "cat"), ("cat, a dog",)):
        run.picture(*prompts)
    assert len(tokenizer) == before + 2


def test_a_batch_is_not_disturbed(run: SdnextRun) -> None:
    """While pictures are made a refreshed page changes nothing; after them it has."""
    run.start()
    run.load("sd1")
    generation = Processing("a cat", batches=2)

    def refresh() -> None:
        run.write("cat.safetensors")
        run.sdnext.extra_networks[1].refresh()

    with run.sdnext.lock:
        run.sdnext.generate(generation, run.script, refresh)
    assert told(generation) == [(None, None)] * 2
    assert eventually(lambda: list(run.database.word_embeddings) == ["cat"])


# Infotexts


def test_infotexts_are_complete_and_true(run: SdnextRun) -> None:
    """They name all of a picture, also where it comes from the cache, and of no other."""
    for name in ("cat", "bad", "fine", "b,c"):
        run.write(f"{name}.safetensors")
    run.start()
    run.load("sd1")
    hash_ = short(SD1)
    both = ("cat, bad", f"cat: {hash_}, bad: {hash_}")
    assert told(run.picture("a cat", "bad", batches=2)) == [both, both]
    assert told(run.picture("a cat", "bad")) == [both]
    assert told(run.picture("a dog", "bad")) == [("bad", f"bad: {hash_}")]
    assert told(run.picture("a dog", "ugly")) == [(None, None)]
    assert told(run.picture("a cat", "bad")) == [both]
    assert told(run.picture("a dog", "ugly")) == [(None, None)]
    ((names, _),) = told(run.picture("a cat", hires="fine"))
    assert names == "cat, fine"
    assert told(run.picture("b,c")) == [("bc", f"bc: {hash_}")]


def test_embeddings_of_others_are_still_named(run: SdnextRun) -> None:
    """A LoRA brings some with it, which SD.Next puts into the model and the database."""
    run.write("cat.safetensors")
    run.start()
    ((tokenizer, model),) = run.load("sd1").pairs()
    tokenizer.add_tokens(["bundled"])
    model.resize_token_embeddings(len(tokenizer))
    run.database.word_embeddings["bundled"] = object()
    assert told(run.picture("a dog", "bundled")) == [("bundled", None)]
    assert told(run.picture("a cat", "bundled"))[0][0] == "cat, bundled"
    assert set(run.database.word_embeddings) == {"bundled", "cat"}


def test_the_report_knows_what_prompts_use(run: SdnextRun) -> None:
    """Whatever was added to the tokenizer, by us or by others."""
    run.write("cat.safetensors")
    client = run.start()
    ((tokenizer, _),) = run.load("sd1").pairs()
    tokenizer.add_tokens(["cat"])
    run.picture("a cat")
    answer = client.post(f"{PREFIX}/prompt", json={"positive": "a cat"}).json()["positive"]
    assert [used["name"] for used in answer["used"]] == ["cat"]


def test_the_report_is_on_a_second_pass_too(
    run: SdnextRun, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where that has a prompt of its own; a refiner that has none is no news."""
    run.write("cat.safetensors")
    run.write("fine.safetensors")
    run.start()
    run.load("sd1")
    run.sdnext.model_data.sd_refiner = PIPELINES["sdxl-refiner"]()
    for hires, expected in (("fine", ["fine"]), (None, [])):
        capsys.readouterr()
        run.picture("a cat", hires=hires)
        lines = capsys.readouterr().out.splitlines()
        assert "prompt: used: cat (1 vector, weight 1)" in lines
        assert [line for line in lines if line.startswith("hires prompt: used")] == [
            f"hires prompt: used: {name} (1 vector, weight 1)" for name in expected
        ]


# The settings, and the end


def test_switched_off_sdnext_loads_at_once(run: SdnextRun) -> None:
    """Then prompts are its own, and the page shows what it has; on again, ours come back."""
    run.write("cat.safetensors")
    run.write("toy.pt", torch_zip(a1111_pickle()))
    client = run.start()
    run.load("sd1")
    assert run.reads("a toy") == 1
    run.sdnext.options.set(OURS, False)
    assert eventually(lambda: run.sdnext.databases.opened == ["cat.safetensors", "toy.pt"])
    assert eventually(lambda: seen(client) == ("sd1", ["cat"]))
    assert run.reads("a toy") == 0
    assert run.reads("concatenate") == 1  # as SD.Next reads it
    run.sdnext.options.set(OURS, True)
    assert eventually(lambda: seen(client) == ("sd1", ["cat", "toy"]))
    assert run.reads("a toy") == 1
    assert list(run.database.word_embeddings) == ["cat", "toy"]
    assert run.database.skipped_embeddings == {}


def test_sdnexts_own_setting_is_obeyed(run: SdnextRun) -> None:
    """Where SD.Next uses no embeddings, prompts use none of ours."""
    run.write("cat.safetensors")
    run.start()
    run.load("sd1")
    assert run.reads("a cat") == 1
    run.sdnext.options.diffusers_enable_embed = False
    assert run.reads("a cat") == 0
    assert run.database.word_embeddings == {}


def test_the_end_leaves_sdnext_as_it_was(run: SdnextRun) -> None:
    """Its functions, settings, pages and database have nothing of ours, and prompts no tokens."""
    run.write("cat.safetensors")
    owners = (run.sdnext.databases, sys.modules["modules.processing_args"])
    names = ("load_textual_inversion_embeddings", "set_pipeline_args")
    before = [getattr(owner, name) for owner, name in zip(owners, names, strict=True)]
    run.start()
    run.load("sd1")
    assert run.reads("a cat") == 1
    run.sdnext.callbacks.fire("script_unloaded")
    assert [getattr(o, n) for o, n in zip(owners, names, strict=True)] == before
    assert run.database.word_embeddings == {}
    assert run.reads("a cat") == 0  # though SD.Next still calls ours
    assert run.sdnext.options.data_labels == {}
    assert run.sdnext.control_extensions == ["NudeNet"]
    assert all(type(page).__module__.startswith("tests") for page in run.sdnext.extra_networks)


def test_reload_ui_after_a_picture(run: SdnextRun) -> None:
    """The module that makes pictures is there by then, and holds the function of our first run."""
    run.write("cat.safetensors")
    run.start()
    run.load("sd1")
    assert run.reads("a cat") == 1
    run.sdnext.callbacks.reload_scripts()
    run.start()
    assert eventually(lambda: run.reads("a cat") == 1)
    assert told(run.picture("a cat")) == [("cat", f"cat: {short(SD1)}")]


# The page


def test_the_page_grows_in_every_tab(run: SdnextRun) -> None:
    """Its place is named after each tab; SD.Next's items are those of the database."""
    run.write("sub/cat.safetensors")
    client = run.start()
    run.load("sd1")
    page = run.sdnext.extra_networks[1]
    assert page.title == "Embedding"
    for tab in client.get(f"{PREFIX}/host").json()["tabs"]:
        assert f'data-tabname="{tab}"' in page.create_page(tab)
        assert f'data-tabname="{tab}"' in page.patch(page.html, tab)
        assert "event.stopPropagation()" in page.patch(page.html, tab)
    assert page.html == gradio.update()  # what SD.Next sends when any page is refreshed
    assert page.items == [{"name": "cat", "tag": "cat"}]
    assert "Textual Inversion" in run.sdnext.control_extensions


def test_the_version_is_a_day(run: SdnextRun) -> None:
    """SD.Next has no numbers; where git is missing it knows no day either."""
    client = run.start()
    assert client.get(f"{PREFIX}/host").json()["version"] == "2026-07-23"
    sys.modules["installer"].version["updated"] = "unknown"
    assert client.get(f"{PREFIX}/host").json()["version"] is None


# The server


def test_the_login_of_the_page_is_the_apis_too(run: SdnextRun) -> None:
    """With `--auth` programs send what people type."""
    run.sdnext.command_line.auth = "me:secret"  # type: ignore[attr-defined]
    client = run.start()
    assert client.get(f"{PREFIX}/host").status_code == 401
    assert client.get(f"{PREFIX}/host", auth=("me", "secret")).status_code == 200


def test_refusals_name_sdnexts_options(run: SdnextRun) -> None:
    """Some are called otherwise than in other WebUIs."""
    run.sdnext.command_line.auth = None  # type: ignore[attr-defined]
    run.sdnext.command_line.cors_origins = "https://my.site"  # type: ignore[attr-defined]
    client = run.start()
    run.sdnext.callbacks.fire("ui_settings")
    asked = client.get(f"{PREFIX}/host", headers={"host": "evil.example"})
    assert asked.json()["detail"].endswith(
        "start the WebUI with --cors-origins=http://evil.example"
    )
    assert client.get(f"{PREFIX}/host", headers={"host": "my.site"}).status_code == 200
    elsewhere = TestClient(From(client.app, ELSEWHERE), "http://localhost")
    renaming = elsewhere.post(f"{PREFIX}/entries/none/rename", json={"name": "new"})
    assert "start the WebUI with --auth, or" in renaming.json()["detail"]


# Hooks that fail


def _prompts(run: SdnextRun) -> bool:
    return run.reads("a cat") == 1


def _loading(run: SdnextRun) -> bool:
    return list(run.database.word_embeddings) == ["cat"] and not run.sdnext.databases.opened


def _settings(run: SdnextRun) -> bool:
    return len(run.sdnext.options.data_labels) == 5


def _tab(run: SdnextRun) -> bool:
    return any(type(page).__name__ == "TextualInversionPage" for page in run.sdnext.extra_networks)


WORKS: dict[str, Callable[[SdnextRun], bool]] = {
    "use of embeddings in prompts": _prompts,
    "loading of embeddings": _loading,
    "settings": _settings,
    "tab": _tab,
}
FAILURES = {
    **SHARED,
    "use of embeddings in prompts": Place("sdnext.prompts", "PromptHooks.hook"),
    "loading of embeddings": Place("sdnext.loader", "SdnextLoader.hook"),
    "reports in the tab Control": Place("sdnext.host", "Host.hook_control"),
    "tab": Place("sdnext.host", "mount_point"),
}


@pytest.mark.parametrize("part", FAILURES)
def test_a_part_that_fails_is_named_and_all_others_work(
    run: SdnextRun, part: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One line names the part; everything else does its work."""
    run.write("cat.safetensors")
    break_part(run.sdnext, run.start, FAILURES[part], monkeypatch)
    run.start()
    run.load("sd1")
    assert check_loss(part, run, WORKS, caplog) == {part} & set(WORKS)


@pytest.mark.parametrize("event", EVENTS)
def test_a_missing_callback_costs_its_own_part(
    run: SdnextRun, event: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Without one callback there is one line, and embeddings are used as ever."""
    delattr(run.sdnext.callbacks, f"on_{event}")
    run.write("cat.safetensors")
    script = extension.start()
    assert script is not None
    run.script = script
    run.sdnext.build_ui()
    run.load("sd1")
    assert run.reads("a cat") == 1
    (record,) = [r for r in caplog.records if "does not work in this WebUI" in r.message]
    assert event in record.message


@pytest.mark.parametrize("name", ["write", "name_in_infotext"])
def test_a_defect_at_each_picture_costs_no_picture(
    run: SdnextRun, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where ours fails while SD.Next waits for it, pictures are made, of words if need be."""
    run.write("cat.safetensors")
    run.start()
    run.load("sd1")

    def fail(*_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(f"lib_embeddings.hosts.sdnext.prompts.{name}", fail)
    picture = run.picture("a cat", batches=2)
    assert len(picture.infotexts) == 2
    assert told(picture) == [(None, None)] * 2
    assert len([r for r in caplog.records if "a defect" in r.message]) == 1


def test_a_model_that_cannot_grow_reads_words(
    run: SdnextRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The prompt stays as it was typed, and the infotext names nothing."""
    run.write("cat.safetensors")
    run.start()
    pipe: Pipeline = run.load("sd1")

    def refuse(*_: object, **__: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr(TextEncoder, "resize_token_embeddings", refuse)
    assert told(run.picture("a cat")) == [(None, None)]
    assert pipe.rows("a cat")[0].shape == (0, 768)


def test_a_model_without_a_database_is_left_alone(
    run: SdnextRun, caplog: pytest.LogCaptureFixture
) -> None:
    """Some of SD.Next's models come another way; their prompts are passed on as they are."""
    run.write("cat.safetensors")
    run.start()
    run.sdnext.model_data.sd_model = PIPELINES["other"]()
    run.picture("a cat", parser="fixed")
    assert not caplog.records


@pytest.mark.usefixtures("run")
def test_another_sdnext_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """One line says what it lacks, of all kinds that we know."""
    del sys.modules["modules.modeldata"].get_model_type
    sys.modules["modules.scripts"].__dict__.pop("Script")
    assert extension.start() is None
    line = capsys.readouterr().out
    assert line.startswith("Textual Inversion is off: SD.Next 2026-07-23 has no ")
    assert "and no " in line
