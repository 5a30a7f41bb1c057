"""reForge and Forge Classic, which kept AUTOMATIC1111's database: what they do in another way.

As read in Panchovix/stable-diffusion-webui-reForge 3b56b268 and Haoming02/sd-webui-forge-classic
1f95d717.
"""

from __future__ import annotations

import hashlib
import sys
import threading
from functools import partial
from types import ModuleType

import pytest

torch = pytest.importorskip("torch")

from fastapi import FastAPI  # noqa: E402

from lib_embeddings.web.routes import PREFIX  # noqa: E402
from tests.hosts.fake_webui import Checkpoint  # noqa: E402
from tests.hosts.fake_webui_processing import (  # noqa: E402
    StableDiffusionProcessing,
    StableDiffusionProcessingTxt2Img,
    generate,
)
from tests.hosts.running import Run, eventually  # noqa: E402
from tests.web import SD1, SDXL, TestClient  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # fastapi of two times

LOADED = "lib_embeddings_take_over"
CAT = f"cat: {hashlib.sha256(SD1).hexdigest()[:12]}"


@pytest.fixture
def forged(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a WebUI with Forge's package in it, and with its `torch.load`."""
    monkeypatch.setitem(sys.modules, "modules_forge", ModuleType("modules_forge"))
    monkeypatch.setattr(torch, "load_origin", torch.load, raising=False)
    run.write("cat.safetensors")
    run.write("pair.safetensors", SDXL)
    return run


@pytest.fixture
def reforge(forged: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a WebUI with a third slot in every cache."""
    for kind in (StableDiffusionProcessing, StableDiffusionProcessingTxt2Img):
        for name in [name for name in vars(kind) if name.startswith("cached")]:
            monkeypatch.setattr(kind, name, [None, None, None])
    return forged


def switch_to(run: Run, checkpoint: Checkpoint) -> None:
    """Load a checkpoint as reForge does: no embeddings, and whoever wants to know after."""
    run.webui.model_data.set_sd_model(checkpoint)
    run.webui.callbacks.fire("model_loaded", checkpoint)


def test_reforge_has_all_of_a1111(reforge: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Loads and switches are announced and seen at once, and each picture names its own."""
    script = reforge.start()
    app = FastAPI()
    reforge.webui.callbacks.fire("app_started", None, app)
    client = TestClient(app, "http://localhost")
    sd1, sdxl = Checkpoint(768), Checkpoint(768, 1280)
    told: list[str] = []

    def is_told(line: str) -> bool:
        told.extend(capsys.readouterr().out.splitlines())
        return line in told

    for checkpoint, name in ((sd1, "cat"), (sdxl, "pair")):
        switch_to(reforge, checkpoint)
        assert eventually(partial(is_told, f"Embeddings: {name}"))
    told.clear()
    reforge.webui.choose(sd1)  # which it kept in memory
    assert is_told("Embeddings: cat")
    assert client.get(f"{PREFIX}/entries").json()["model"] == "sd1"
    hashes = []
    for prompts in (("a cat", "ugly"), ("a dog", "ugly"), ("a dog", "dull"), ("a cat", "ugly")):
        picture = StableDiffusionProcessingTxt2Img(*prompts)
        generate(picture, script)
        hashes.append(picture.extra_generation_params.get("TI hashes"))
    assert hashes == [CAT, None, None, CAT]


def test_forge_classic_has_all_of_a1111(forged: Run) -> None:
    """It loads embeddings with each checkpoint, and has two slots in its caches."""
    script = forged.start()
    forged.webui.load(Checkpoint(768, 1280))
    assert forged.words == ["pair"]
    forged.webui.load(Checkpoint(768))
    for _ in range(2):
        picture = StableDiffusionProcessing("a cat")
        generate(picture, script)
        assert picture.extra_generation_params["TI hashes"] == CAT
    assert forged.database.own_loads == 0


def test_a_webui_that_renames_loads_by_itself_when_it_would(forged: Run) -> None:
    """Switched off, its own loader is left alone until the next picture; ours stay till then."""
    forged.start()
    forged.webui.callbacks.fire("ui_settings")
    forged.webui.load(Checkpoint(768))
    forged.webui.options.set(LOADED, False)
    for thread in threading.enumerate():
        if thread.name == "embeddings-host":
            thread.join()
    assert (forged.words, forged.database.own_loads) == (["cat"], 0)
    forged.database.load_textual_inversion_embeddings()  # as at each picture
    assert (sorted(forged.words), forged.database.own_loads) == (["cat", "pair"], 1)


@pytest.mark.parametrize("renames", [True, False])
def test_the_setting_tells_what_a_webui_does_to_files(
    run: Run, monkeypatch: pytest.MonkeyPatch, *, renames: bool
) -> None:
    """Before somebody lets such a WebUI load by itself, the setting says that it renames files."""
    if renames:
        monkeypatch.setattr(torch, "load_origin", torch.load, raising=False)
    run.start()
    run.webui.callbacks.fire("ui_settings")
    label = run.webui.options.data_labels[LOADED].label
    assert label.endswith("renames those that it cannot read to NAME.corrupted") == renames
