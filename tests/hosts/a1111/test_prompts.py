"""What the pictures' infotexts name, and what is told of their prompts."""

from __future__ import annotations

import hashlib
import threading

import pytest

torch = pytest.importorskip("torch")

from fastapi import FastAPI  # noqa: E402

from lib_embeddings.hosts.webui import extension  # noqa: E402
from lib_embeddings.web.routes import PREFIX  # noqa: E402
from tests.hosts.fake_webui import Checkpoint  # noqa: E402
from tests.hosts.fake_webui_processing import (  # noqa: E402
    StableDiffusionProcessing,
    StableDiffusionProcessingTxt2Img,
    generate,
)
from tests.hosts.running import Run  # noqa: E402
from tests.web import SD1, SD2, TestClient  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # fastapi of two times

CAT = f"cat_x: {hashlib.sha256(SD1).hexdigest()[:12]}"
BAD = f"bad_x: {hashlib.sha256(SD1).hexdigest()[:12]}"


@pytest.fixture
def started(run: Run) -> Run:
    """Return a WebUI with two embeddings for its model, and one for another."""
    run.write("cat_x.safetensors")
    run.write("bad_x.safetensors")
    run.write("cat_x2.safetensors", SD2)
    run.start()
    run.webui.load(Checkpoint(768))
    return run


def _hashes(run: Run, generation: StableDiffusionProcessing, batches: int = 1) -> str | None:
    generate(generation, run.script, batches)
    return generation.extra_generation_params.get("TI hashes")


def test_every_picture_of_a_prompt_names_its_embeddings(started: Run) -> None:
    """The second picture, whose prompts come from the cache, is reported like the first."""
    pictures = [
        _hashes(started, StableDiffusionProcessing("a cat_x", "bad_x, blurry")) for _ in range(3)
    ]
    assert pictures == [f"{CAT}, {BAD}"] * 3


def test_one_prompt_from_the_memory_is_named_beside_a_new_one(started: Run) -> None:
    """A new negative prompt does not hide what the remembered prompt used."""
    _hashes(started, StableDiffusionProcessing("a cat_x", "blurry"))
    assert _hashes(started, StableDiffusionProcessing("a cat_x", "bad_x")) == f"{CAT}, {BAD}"
    assert _hashes(started, StableDiffusionProcessing("a cat_x", "dull")) == CAT


def test_an_embedding_of_the_second_pass_is_named(started: Run) -> None:
    """An embedding that only the hires prompt uses is in the infotext, also the second time."""
    for _ in range(2):
        generation = StableDiffusionProcessingTxt2Img("a cat_x", "", hr_prompt="a bad_x")
        assert _hashes(started, generation) == f"{BAD}, {CAT}"


def test_each_batch_is_named_once(started: Run) -> None:
    """Two batches of one prompt name an embedding once."""
    assert _hashes(started, StableDiffusionProcessing("a cat_x, cat_x"), batches=2) == CAT


def test_a_batch_does_not_name_what_an_earlier_one_used(started: Run) -> None:
    """A prompt that changes between batches leaves no hashes behind."""
    generation = StableDiffusionProcessing("a cat_x")
    _hashes(started, generation)
    started.script().process_batch(generation, batch_number=1)
    generation.all_prompts = ["a dog"]
    generation.setup_conds()
    assert "TI hashes" not in generation.extra_generation_params


def test_prompts_that_were_encoded_before_are_encoded_anew(started: Run) -> None:
    """Nobody knows the embeddings of prompts that were encoded before the start."""
    generation = StableDiffusionProcessing("a cat_x")
    started.webui.options.textual_inversion_add_hashes_to_infotext = False
    assert _hashes(started, generation) is None
    started.webui.options.textual_inversion_add_hashes_to_infotext = True
    assert _hashes(started, generation) == CAT


def test_a_cache_of_three_slots_brings_no_embeddings_of_another_picture(
    started: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The third slot of such a cache brings no names of another picture into the infotext."""
    for name in ("cached_c", "cached_uc"):
        monkeypatch.setattr(StableDiffusionProcessing, name, [None, None, None])
    prompts = [("a cat_x", "ugly"), ("a dog", "ugly"), ("a dog", "dull"), ("a cat_x", "ugly")]
    hashes = [_hashes(started, StableDiffusionProcessing(*each)) for each in prompts]
    assert hashes == [CAT, None, None, CAT]


def test_what_others_look_up_meanwhile_is_not_used(started: Run) -> None:
    """While a prompt is encoded the page counts the tokens of another, in a thread of its own."""

    def encode(*_: object) -> list[str]:
        counting = threading.Thread(target=lambda: found.extend(started.webui.prompt("a cat_x")))
        counting.start()
        counting.join()
        return ["encoded"]

    found: list[str] = []
    generation = StableDiffusionProcessing("a dog")
    generation.get_conds_with_caching(encode, ["a dog"], 20, [[None, None]], None)
    assert found == ["cat_x"]
    assert "TI hashes" not in generation.extra_generation_params


def test_a_replaced_file_has_its_new_hash(started: Run) -> None:
    """The memory of a prompt ends with the file."""
    _hashes(started, StableDiffusionProcessing("a cat_x"))
    other = SD1[:-4] + b"\x00\x00\x80\x3e"
    started.write("cat_x.safetensors", other)
    started.database.load_textual_inversion_embeddings(force_reload=True)
    hashes = _hashes(started, StableDiffusionProcessing("a cat_x"))
    assert hashes == f"cat_x: {hashlib.sha256(other).hexdigest()[:12]}"


def test_a_defect_of_ours_costs_no_picture(
    started: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The prompt is encoded, and what the WebUI itself noted of it stays."""

    def fail(*_values: str) -> str:
        raise RuntimeError("a defect")

    monkeypatch.setattr("lib_embeddings.hosts.webui.prompts.join_hashes", fail)
    assert _hashes(started, StableDiffusionProcessing("a cat_x")) == CAT
    assert "a defect" in caplog.text


def test_unloading_puts_the_encoding_back(run: Run) -> None:
    """The WebUI's function is the one it was, and what still calls ours is served."""
    own = StableDiffusionProcessing.get_conds_with_caching
    run.start()
    ours = StableDiffusionProcessing.get_conds_with_caching
    assert ours is not own
    extension.stop()
    assert StableDiffusionProcessing.get_conds_with_caching is own
    assert ours(StableDiffusionProcessing(), lambda *_: "made", [""], 1, [[None, None]], None)


def test_who_wrapped_ours_is_left_in_place(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another extension's wrapping stays when ours ends."""
    run.start()

    def theirs() -> None:
        """Stand for another extension's function."""

    monkeypatch.setattr(StableDiffusionProcessing, "get_conds_with_caching", theirs)
    extension.stop()
    assert StableDiffusionProcessing.get_conds_with_caching is theirs


def test_a_webui_without_that_function_keeps_the_rest(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One sentence says that a part is off; embeddings are loaded all the same."""
    monkeypatch.delattr(StableDiffusionProcessing, "get_conds_with_caching")
    run.write("cat_x.safetensors")
    run.start()
    run.webui.load(Checkpoint(768))
    assert run.words == ["cat_x"]
    assert (
        "the writing of TI hashes does not work in this WebUI; everything else does" in caplog.text
    )


def test_a_generation_tells_what_its_prompts_used(
    started: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """The console has all, the place under the pictures what cannot be used."""
    generation = StableDiffusionProcessing("a (cat_x:1.2), cat_x2", "bad_x")
    capsys.readouterr()
    processed = generate(generation, started.script)
    told = capsys.readouterr().out.splitlines()
    assert "prompt: used: cat_x (1 vector, weights 1.2, 1)" in told
    assert "negative prompt: used: bad_x (1 vector, weight 1)" in told
    (warning,) = processed.comments.splitlines()
    assert warning.startswith("prompt: cat_x2 is not used: ")
    assert warning.endswith("; cat_x is used instead")
    assert warning in told


def test_clients_are_told_of_each_prompt(started: Run) -> None:
    """The answer of the WebUI's API has the reports of its pictures, and of no later ones."""
    generation = StableDiffusionProcessing("a cat_x", "bad_x")
    told = generate(generation, started.script).extra_generation_params
    titles = [(report["title"], report["used"][0]["name"]) for report in told["Textual Inversion"]]
    assert titles == [("prompt", "cat_x"), ("negative prompt", "bad_x")]
    assert told["TI hashes"] == generation.extra_generation_params["TI hashes"]
    assert "Textual Inversion" not in generation.extra_generation_params


def test_selected_styles_count_in_the_live_report(started: Run) -> None:
    """The page's reports are of the prompts with the WebUI's styles in them, each once."""
    started.webui.styles.update(
        sketch=("{prompt}, cat_x", "bad_x"), twice=("{prompt} {prompt}", "")
    )
    app = FastAPI()
    started.webui.callbacks.fire("app_started", None, app)
    asked = {"positive": "a dog", "styles": ["sketch", "unknown", "sketch"]}
    report = TestClient(app, "http://localhost").post(f"{PREFIX}/prompt", json=asked).json()
    assert [used["name"] for used in report["positive"]["used"]] == ["cat_x"]
    assert report["positive"]["used"][0]["weights"] == [1]
    assert [used["name"] for used in report["negative"]["used"]] == ["bad_x"]
    asked = {"positive": "x" * 19_000, "styles": ["twice", *(f"twice{n}" for n in range(60))]}
    started.webui.styles.update(dict.fromkeys(asked["styles"], ("{prompt} {prompt}", "")))
    report = TestClient(app, "http://localhost").post(f"{PREFIX}/prompt", json=asked).json()
    assert "too long" in report["positive"]["unread"]


def test_ordinary_words_are_nothing_to_tell(
    started: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """A prompt without embeddings makes no line."""
    capsys.readouterr()
    processed = generate(StableDiffusionProcessing("a dog"), started.script)
    assert (capsys.readouterr().out, processed.comments) == ("", "")


def test_a_pasted_infotext_tells_what_is_not_here(
    started: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Missing embeddings and other files of the same name are reported, and nothing else."""
    capsys.readouterr()
    fields = {"TI hashes": f"{CAT}, gone: 0123456789ab, bad_x: ba9876543210"}
    started.webui.callbacks.fire("infotext_pasted", "", fields)
    here = BAD.split()[1]
    assert capsys.readouterr().out.splitlines() == [
        (
            "gone was used for the picture (hash 0123456789ab), but your library does not have it: "
            "add it, or remove the name"
        ),
        (
            f"bad_x in your library (hash {here}) is not the file that the picture used "
            "(hash ba9876543210)"
        ),
    ]


def test_a_pasted_infotext_tells_of_names_that_the_host_cuts_off(
    started: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """The host keeps one name of Forge's list, where no quotes are around it."""
    capsys.readouterr()
    infotext = "a\nSteps: 20, TI: gone_a, gone_b, Version: f2.0"
    started.webui.callbacks.fire("infotext_pasted", infotext, {"TI": "gone_a"})
    named = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert named == ["gone_a", "gone_b"]


def test_a_pasted_infotext_without_embeddings_says_nothing(
    started: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Most infotexts name none."""
    capsys.readouterr()
    started.webui.callbacks.fire("infotext_pasted", "", {})
    assert not capsys.readouterr().out
