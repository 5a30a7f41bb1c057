"""What is hooked into the WebUI: each part for itself, and all of it undone."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from fastapi import FastAPI  # noqa: E402

from lib_embeddings.hosts.webui import extension  # noqa: E402
from lib_embeddings.web.routes import PREFIX  # noqa: E402
from tests.builders import safetensors_file, vectors  # noqa: E402
from tests.hosts.fake_webui import Checkpoint  # noqa: E402
from tests.hosts.fake_webui_processing import StableDiffusionProcessing  # noqa: E402
from tests.hosts.parts import SHARED, Place, break_part, check_loss  # noqa: E402
from tests.hosts.running import Run, eventually  # noqa: E402
from tests.web import SD1, SDXL, TestClient  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # fastapi of two times


def everything(run: Run, *more: object) -> dict[str, object]:
    """Describe all that the WebUI has: what is in its modules, objects and lists, by identity."""
    webui = run.webui
    owners: list[object] = [
        *(module for name, module in sys.modules.items() if name.partition(".")[0] == "modules"),
        *(webui.database, webui.hijack, webui.options, webui.command_line, webui.callbacks),
        *(type(webui.database), type(webui.model_data), StableDiffusionProcessing, *more),
    ]
    return {
        f"{number} {getattr(owner, '__name__', type(owner).__name__)}.{name}": _inside(value)
        for number, owner in enumerate(owners)
        for name, value in vars(owner).items()
        if not name.startswith("__") and not isinstance(value, ModuleType)
    }


def _inside(value: object) -> object:
    if isinstance(value, dict):  # nobody who waits for an event is as good as no such list
        return {key: _inside(each) for key, each in value.items() if each != []}
    if isinstance(value, list):
        return [_inside(each) for each in value]
    return value if isinstance(value, (str, int, type(None))) else id(value)


def _without_tables(described: dict[str, object]) -> dict[str, object]:
    """Leave out what the WebUI's own loader fills at every load."""
    tables = ("word_embeddings", "ids_lookup", "skipped_embeddings", "own_loads", "expected_shape")
    return {name: value for name, value in described.items() if not name.endswith(tables)}


def use(run: Run) -> FastAPI:
    """Let the WebUI do all that it does from its start to a picture."""
    pages = run.webui.build_ui()
    assert pages
    run.webui.callbacks.fire("ui_settings")
    app = FastAPI()
    run.webui.callbacks.fire("app_started", None, app)
    run.webui.load(Checkpoint(768))
    return app


# The end


def test_the_end_leaves_the_host_as_it_was(run: Run) -> None:
    """After the end nothing of ours is left in any module, object, list, route or setting."""
    run.write("cat.safetensors")
    run.webui.build_ui()
    app = FastAPI()
    run.webui.load(Checkpoint(768))
    before = everything(run)
    routes, middleware = list(app.router.routes), list(app.user_middleware)
    run.start()
    run.webui.callbacks.fire("before_ui")
    run.webui.callbacks.fire("ui_settings")
    run.webui.options.reorder()  # as the WebUI does before it shows them
    run.webui.callbacks.fire("app_started", None, app)
    run.webui.load(run.webui.model_data.sd_model)
    assert run.words == ["cat"]
    assert everything(run) != before
    extension.stop()
    run.webui.database.load_textual_inversion_embeddings()
    after = everything(run)
    # What the WebUI's own loader fills at every load.
    for key in (
        "word_embeddings",
        "ids_lookup",
        "skipped_embeddings",
        "own_loads",
        "expected_shape",
    ):
        after = {name: value for name, value in after.items() if not name.endswith(key)}
        before = {name: value for name, value in before.items() if not name.endswith(key)}
    assert after == before
    assert (list(app.router.routes), list(app.user_middleware)) == (routes, middleware)
    assert TestClient(app).get(f"{PREFIX}/names").status_code == 404


STEPS = (
    "lib_embeddings.hosts.living.Index.open",
    "lib_embeddings.hosts.living.Library",
    "lib_embeddings.hosts.living.Watcher",
    "lib_embeddings.hosts.webui.host.PromptReports",
    "lib_embeddings.hosts.a1111.host.InfotextWriter",
    "lib_embeddings.hosts.a1111.host.A1111Loader",
    "lib_embeddings.hosts.webui.host.script_class",
    "lib_embeddings.watch.watcher.Watcher.start",
)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.rpartition(".")[2])
def test_a_start_that_fails_half_way_is_undone(
    run: Run, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the start itself fails, the WebUI is as if we had never begun."""
    run.start()  # so that all modules are there
    extension.stop()
    before = everything(run)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(step)

    with monkeypatch.context() as patch:
        patch.setattr(step, fail)
        with pytest.raises(RuntimeError):
            extension.start()
    assert everything(run) == before
    assert [t.name for t in threading.enumerate() if t.name.startswith("embeddings-w")] == []
    assert extension.start() is not None


# Parts


def _settings(run: Run) -> bool:
    return len(run.webui.options.data_labels) == 6


def _loading(run: Run) -> bool:
    return type(run.database.word_embeddings["cat"]).__module__.startswith("lib_embeddings")


def _tab(_run: Run) -> bool:
    pages = sys.modules["modules.ui_extra_networks"].extra_pages
    return any(type(page).__name__ == "TextualInversionPage" for page in pages)


def _hashes(_run: Run) -> bool:
    function = StableDiffusionProcessing.get_conds_with_caching
    return function.__module__.startswith("lib_embeddings")


WORKS: dict[str, Callable[[Run], bool]] = {
    "settings": _settings,
    "loading of embeddings": _loading,
    "tab": _tab,
    "writing of TI hashes": _hashes,
}
FAILURES = {
    **SHARED,
    "folders": Place("a1111.host", "Host.add_folders"),
    "loading of embeddings": Place("a1111.loader", "A1111Loader.hook"),
    "writing of TI hashes": Place("webui.prompts", "InfotextWriter.hook"),
    "notice of chosen models": Place("a1111.host", "Host.hook_choices"),
    "tab": Place("webui.page", "replace_page"),
    "trying of embeddings": Place("webui.studio", "require"),
}


@pytest.mark.parametrize("part", FAILURES)
def test_a_part_that_fails_is_named_and_all_others_work(
    run: Run, part: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One line names the part; everything else does its work."""
    run.write("cat.safetensors")
    break_part(run.webui, run.start, FAILURES[part], monkeypatch)
    run.start()
    use(run)
    assert eventually(lambda: run.words == ["cat"])
    assert check_loss(part, run, WORKS, caplog) == {part} & set(WORKS)


def test_a_part_that_fails_at_each_picture_is_named_once(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A console is not filled with the same line."""
    run.write("cat.safetensors")
    script = run.start()()
    run.webui.load(Checkpoint(768))

    def fail(*_: object) -> None:
        raise RuntimeError("on purpose")

    monkeypatch.setattr("lib_embeddings.hosts.webui.host.report_on", fail)
    for _ in range(3):
        script.postprocess(StableDiffusionProcessing("a cat", ""), None)
    (record,) = [each for each in caplog.records if "on purpose" in each.message]
    assert "the prompt report does not work" in record.message


# Names and tables


def test_a_name_is_a_question_for_the_model(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two files with one name the model gets the one that it can use; a switch opens no file."""
    run.write("SD15/lazyneg.safetensors")
    run.write("SDXL/lazyneg.safetensors", SDXL)
    run.start()
    sd1, sdxl = Checkpoint(768), Checkpoint(768, 1280)
    run.webui.load(sd1)

    def refuse(*_: object) -> None:
        raise AssertionError("a file was opened")

    monkeypatch.setattr("lib_embeddings.entries.read.open_contents", refuse)
    for checkpoint, folder in ((sdxl, "SDXL"), (sd1, "SD15"), (sdxl, "SDXL")):
        run.webui.load(checkpoint)
        assert run.words == ["lazyneg"]
        assert f"{folder}/lazyneg" in run.database.word_embeddings["lazyneg"].filename
        assert run.database.skipped_embeddings == {}
        assert run.webui.prompt("a lazyneg") == ["lazyneg"]


def test_readers_see_the_tables_before_or_after(run: Run) -> None:
    """A table does not change while another thread goes through it."""
    run.start()
    run.webui.load(Checkpoint(768))
    wrong: list[str] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                words = run.database.word_embeddings
                names = [(name, embedding.name) for name, embedding in words.items()]
                if any(name != own for name, own in names) or names != sorted(names):
                    wrong.append(f"{names}")
                if not all(run.database.ids_lookup.values()):
                    wrong.append("a token without embeddings")
                list(run.database.skipped_embeddings.items())
            except RuntimeError as error:
                wrong.append(str(error))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(30):
            run.write(f"cat{number:02}.safetensors", SD1 if number % 3 else SDXL)
            run.database.load_textual_inversion_embeddings(force_reload=True)
            if number > 5:
                (run.folder / f"cat{number - 5:02}.safetensors").unlink()
    finally:
        stop.set()
        reader.join()
    assert wrong == []


def test_tables_are_replaced_and_never_changed(run: Run) -> None:
    """A reader that keeps a table keeps the state that it had."""
    run.write("cat.safetensors")
    run.start()
    run.webui.load(Checkpoint(768))
    words, lookup = run.database.word_embeddings, run.database.ids_lookup
    held = dict(words), dict(lookup)
    run.write("dog.safetensors", safetensors_file({"emb_params": vectors(2)}))
    run.database.load_textual_inversion_embeddings(force_reload=True)
    assert run.words == ["cat", "dog"]
    assert (words, lookup) == held


# Others who wrap


def test_somebody_wrapped_ours(run: Run) -> None:
    """An extension that wrapped our functions keeps working after our end, and gets the host's."""
    run.write("cat.safetensors")
    run.start()
    run.webui.load(Checkpoint(768))
    calls: list[str] = []
    database: Any = run.database

    def wrapped(name: str, ours: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any, **named: Any) -> Any:
            calls.append(name)
            return ours(*arguments, **named)

        return wrapper

    for name in ("load_textual_inversion_embeddings", "find_embedding_at_position"):
        setattr(database, name, wrapped(name, getattr(database, name)))
    extension.stop()
    own_loads = database.own_loads
    database.load_textual_inversion_embeddings(force_reload=True)
    assert database.own_loads == own_loads + 1
    assert run.webui.prompt("a cat")
    assert set(calls) == {"load_textual_inversion_embeddings", "find_embedding_at_position"}
