"""Which model people see with: switches, refiners, the console, and what the WebUI loads itself."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from fastapi import FastAPI  # noqa: E402

from lib_embeddings.web.routes import PREFIX  # noqa: E402
from tests.builders import safetensors_file, vectors  # noqa: E402
from tests.hosts.fake_webui import Checkpoint  # noqa: E402
from tests.hosts.fake_webui_processing import StableDiffusionProcessing, generate  # noqa: E402
from tests.hosts.running import Run, eventually, seen  # noqa: E402
from tests.web import SD2, SDXL, TestClient  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # fastapi of two times

TOTAL = "Loaded a total of {} textual inversion embeddings."


@pytest.fixture
def client(run: Run) -> TestClient:
    """Return who asks our routes, in a WebUI with an embedding for each of three models."""
    run.write("cat.safetensors")
    run.write("cot.safetensors", SD2)
    run.write("cut.safetensors", safetensors_file({"clip_g": vectors(1, 1280)}))
    run.write("pair.safetensors", SDXL)
    run.start()
    app = FastAPI()
    run.webui.callbacks.fire("app_started", None, app)
    run.webui.callbacks.fire("ui_settings")
    return TestClient(app, "http://localhost")


def test_a_switch_to_a_model_in_memory_is_heard_at_once(
    run: Run, client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """The WebUI calls nobody at such a switch; list, database and console follow all the same."""
    sd1, sd2 = Checkpoint(768), Checkpoint(1024)
    run.webui.load(sd1)
    run.webui.load(sd2)
    capsys.readouterr()
    run.webui.choose(sd1)
    assert seen(client) == ("sd1", ["cat"])
    assert run.words == ["cat"]
    assert capsys.readouterr().out.splitlines() == [TOTAL.format(1), "Embeddings: cat"]


def test_a_load_that_loads_no_embeddings_is_announced(
    run: Run, client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the WebUI's load of a checkpoint asks for no embeddings, as in reForge, we say them."""
    run.webui.load(Checkpoint(768))
    for checkpoint, name in ((Checkpoint(1024), "cot"), (Checkpoint(768), "cat")):
        capsys.readouterr()
        run.webui.model_data.sd_model = checkpoint
        run.webui.callbacks.fire("model_loaded", checkpoint)
        assert seen(client)[1] == [name]
        assert capsys.readouterr().out.splitlines()[1] == f"Embeddings: {name}"


def test_one_load_is_announced_once(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """The notices of one switch, a refresh, a changed VAE and a picture say nothing again."""
    run.write("cat.safetensors")
    script = run.start()
    sd1 = Checkpoint(768)
    run.webui.load(sd1)
    run.webui.callbacks.fire("model_loaded", sd1)
    run.database.load_textual_inversion_embeddings(force_reload=True)
    generate(StableDiffusionProcessing("a dog"), script)
    assert capsys.readouterr().out.splitlines() == [TOTAL.format(1), "Embeddings: cat"]


# Refiners


@pytest.mark.parametrize("is_kept", [True, False], ids=["kept in memory", "loaded each time"])
def test_a_refiner_is_lent(
    run: Run, client: TestClient, capsys: pytest.CaptureFixture[str], *, is_kept: bool
) -> None:
    """Prompts find what it can use; list, report and console stay with the chosen model."""
    found: list[list[str]] = []
    title = "base"

    def base() -> Checkpoint:
        checkpoint = Checkpoint(768, 1280)
        checkpoint.sd_checkpoint_info.title = title
        return checkpoint

    def switch_to(checkpoint: Checkpoint) -> None:
        if is_kept:
            run.webui.choose(checkpoint)
        else:
            run.webui.load(checkpoint)

    def refine() -> None:
        switch_to(Checkpoint(1280))
        found.append(run.webui.prompt("cut pair"))

    kept = base()
    run.webui.load(kept)
    capsys.readouterr()
    for _ in range(2):
        back = kept if is_kept else base()
        picture = generate(
            StableDiffusionProcessing("pair"),
            run.script,
            before=lambda back=back: switch_to(back),
            between=refine,
        )
        (report, _negative) = picture.extra_generation_params["Textual Inversion"]
        assert [used["name"] for used in report["used"]] == ["pair"]
    assert found == [["cut"], ["cut"]]
    assert "Loaded" not in capsys.readouterr().out
    run.write("new.safetensors", SDXL)
    assert eventually(lambda: "new" in seen(client)[1])
    assert seen(client) == ("sdxl", ["new", "pair"])


def test_a_refiner_that_is_chosen_is_a_model_as_any(run: Run, client: TestClient) -> None:
    """A picture that begins with it is seen with it."""
    run.webui.load(Checkpoint(768, 1280))
    refiner = Checkpoint(1280)
    lend = lambda: run.webui.model_data.set_sd_model(refiner)  # noqa: E731
    generate(StableDiffusionProcessing("cut"), run.script, between=lend)
    assert seen(client)[0] == "sdxl"
    generate(StableDiffusionProcessing("cut"), run.script)
    assert seen(client) == ("sdxl-refiner", ["cut"])


def test_a_lent_checkpoint_can_be_chosen(run: Run, client: TestClient) -> None:
    """It is loaded already, so that the WebUI has nothing to do; the list follows all the same."""
    run.webui.load(Checkpoint(768, 1280))
    refiner = Checkpoint(1280)
    generate(
        StableDiffusionProcessing("cut"), run.script, between=lambda: run.webui.choose(refiner)
    )
    assert seen(client)[0] == "sdxl"
    run.webui.choose(refiner)
    assert seen(client) == ("sdxl-refiner", ["cut"])


# The console


def test_what_is_not_loaded_is_listed_once(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """A switch there and back, and "Reload UI", list only what has another reason by then."""
    run.write("cat.safetensors")
    run.write("page.pt", b"<html>")
    run.write("dog.safetensors", SD2)
    run.start()
    sd1 = Checkpoint(768)
    listed = []
    for checkpoint in (sd1, Checkpoint(1024), sd1):
        run.webui.load(checkpoint)
        listed.append(capsys.readouterr().out.splitlines()[2:])
    run.webui.callbacks.reload_scripts()
    run.start()
    run.webui.load(sd1)
    listed.append(capsys.readouterr().out.splitlines()[2:])
    first, second, *others = listed
    assert first[0] == "Not loaded: 2"
    assert [line.split()[0] for line in first[1:]] == ["dog.safetensors", "page.pt"]
    assert second[0] == "Not loaded: 2, 1 not listed before:"
    assert [line.split()[0] for line in second[1:]] == ["cat.safetensors"]
    assert others == [[], []]


# What the WebUI loads itself


def switch_off(run: Run) -> None:
    """Let the WebUI load embeddings itself."""
    run.webui.options.set("lib_embeddings_take_over", False)


def used(client: TestClient, prompt: str) -> dict[str, list[str]]:
    """Return which names a prompt uses, and which it cannot use."""
    report = client.post(f"{PREFIX}/prompt", json={"positive": prompt}).json()["positive"]
    return {
        kind: [embedding["name"] for embedding in report[kind]] for kind in ("used", "unavailable")
    }


def test_all_speak_of_what_the_webui_loaded(run: Run, client: TestClient) -> None:
    """With our loading off the list, the report and the completion follow the WebUI's loader."""
    run.write("bin.pt", safetensors_file())  # which the WebUI's loader does not read
    run.webui.load(Checkpoint(768))
    assert eventually(lambda: seen(client)[1] == ["bin", "cat"])
    switch_off(run)
    own = ["cat", "cot", "cut", "pair"]  # this WebUI takes every file of that ending
    assert eventually(lambda: seen(client)[1] == own)
    assert used(client, "bin cat cot") == {"used": ["cat", "cot"], "unavailable": ["bin"]}
    (completion,) = client.get(f"{PREFIX}/completions?text=bin").json()["completions"]
    assert completion["fit"] == "incompatible"
    (entry,) = client.get(f"{PREFIX}/entries?query=bin").json()["entries"]
    assert "the WebUI's own loader has not loaded it" in entry["reason"]
    run.webui.options.set("lib_embeddings_take_over", True)
    assert eventually(lambda: seen(client)[1] == ["bin", "cat"])


def test_a_name_that_the_webui_gave_is_not_the_files(run: Run, client: TestClient) -> None:
    """A file that the WebUI registered under its stored name cannot be used under its own."""
    switch_off(run)
    run.webui.load(Checkpoint(768))
    assert eventually(lambda: "cat" in seen(client)[1])
    run.database.word_embeddings["stored"] = run.database.word_embeddings.pop("cat")
    generate(StableDiffusionProcessing("a dog"), run.script)
    assert seen(client)[1] == ["cot", "cut", "pair"]


def test_a_file_that_the_webui_finds_is_seen_then(run: Run, client: TestClient) -> None:
    """A file that its loader would find before the next picture is loaded and reported at once."""
    switch_off(run)
    run.webui.load(Checkpoint(768))
    assert eventually(lambda: "cat" in seen(client)[1])
    run.write("dog.safetensors")
    assert eventually(lambda: "dog" in seen(client)[1])
    assert "dog" in run.words
    assert used(client, "dog")["used"] == ["dog"]
