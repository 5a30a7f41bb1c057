"""`try` and `learn`, as a person at a terminal meets them."""

from __future__ import annotations

import json
import random
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image

from examples.world import PLACES, Thing, draw
from lib_embeddings import pictures, read_embedding
from lib_embeddings.__main__ import main
from tests.builders import safetensors_file, vectors

needs_pictures = pytest.mark.skipif(
    find_spec("diffusers") is None, reason="lib-embeddings[pictures] is not installed"
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder in which the commands run, with three pictures in it."""
    monkeypatch.chdir(tmp_path)
    rng = random.Random(0)
    for place in list(PLACES)[:3]:
        draw(Thing("red", "ring", "large", place), rng).save(tmp_path / f"{place}.png")
    return tmp_path


SMALL_MODEL = Path(pictures.__file__).with_name("small_model")


@needs_pictures
@pytest.mark.parametrize(
    ("command", "option", "module", "table"),
    [
        ("learn", "--method", "training.methods", "METHODS"),
        ("search", "--source", "sources.sources", "SEARCHABLE"),
    ],
)
def test_an_option_offers_what_there_is(
    capsys: pytest.CaptureFixture[str], command: str, option: str, module: str, table: str
) -> None:
    """A command names what it can choose from without the modules that it need not import yet."""
    with pytest.raises(SystemExit):
        main([command, "--help"])
    known = getattr(import_module(f"lib_embeddings.{module}"), table)
    assert f"{option} {{{','.join(known)}}}" in capsys.readouterr().out


def learn(*options: str) -> int:
    shown = [f"{place}.png" for place in list(PLACES)[:3]]
    return main(["learn", *shown, "--name", "my-ring", "--like", "circle", *options])


@needs_pictures
def test_learn_and_try(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A word is learned, and then painted without and with it."""
    assert learn("--steps", "20", "--batch", "2", "--out", "new", "--samples-every", "10") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "small_model (SD 1.x, cpu, float32)"
    assert re.match(r"loss 0\.\d{4} █[▁-█]{2} 0\.\d{4} at step \d+, which is kept", lines[1])
    assert [(here / f"my-ring step {step}.png").exists() for step in (10, 20)] == [True, True]
    assert lines[2] == str(Path("new", "my-ring.safetensors"))
    assert sorted(path.name for path in (here / "new").iterdir()) == [
        "my-ring.preview.png",
        "my-ring.safetensors",
    ]
    assert not (here / "my-ring.learning").exists()
    painted = ["--seeds", "2", "--steps", "2", "--weights", "0,0.7,1", "--out", "tried"]
    assert main(["try", lines[2], *painted]) == 0
    assert "my-ring compared.png: 6 pictures" in capsys.readouterr().out
    assert len(list((here / "tried").iterdir())) == 7


@needs_pictures
def test_near_words(capsys: pytest.CaptureFixture[str]) -> None:
    """With a model, `inspect` names the words that are nearest to what was learned."""
    assert learn("--steps", "1", "--batch", "1") == 0
    assert main(["inspect", "my-ring.safetensors", "--model", str(SMALL_MODEL)]) == 0
    assert re.search(
        r"^near words +clip_l: circle, \w+, \w+$", capsys.readouterr().out, re.MULTILINE
    )
    assert main(["inspect", "my-ring.safetensors", "--model", "missing"]) == 2
    assert "missing cannot be loaded: there is no such file" in capsys.readouterr().err


@needs_pictures
def test_templates(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Templates for captions can come from a file, as in the WebUI."""
    (here / "mine.txt").write_text("a toy [name], [filewords]\n\n[name]\nno name\n")
    (here / "none.txt").write_text("no name\n")
    assert learn("--steps", "1", "--batch", "1", "--templates", "mine.txt") == 0
    recipe = read_embedding("my-ring.safetensors").metadata["lib_embeddings.recipe"]
    assert json.loads(str(recipe))["templates"] == ["a toy [name], [filewords]", "[name]"]
    for file, reason in {
        "none.txt": "none.txt: expected lines with [name] in them, found none",
        "missing.txt": "missing.txt cannot be opened: No such file",
        ".": ". is a folder: give a file",
    }.items():
        assert learn("--templates", file, "--out", "new") == 2
        assert reason in capsys.readouterr().err


@needs_pictures
def test_what_is_seen(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The parts of the pictures that count can be seen before, without learning anything."""
    assert learn("--seen", "seen.png") == 0
    assert capsys.readouterr().out == "seen.png\n"
    with Image.open("seen.png") as sheet:
        assert sheet.size == (3 * 256, 256)
    assert learn("--seen", "seen") == 2
    assert "seen: expected a name that ends with .png" in capsys.readouterr().err
    assert not list(here.glob("my-ring*"))


@needs_pictures
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--name", "ring"], "the model already knows this word"),
        (["--model", "missing"], "missing cannot be loaded: there is no such file or folder"),
    ],
)
def test_refused(options: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be learned is one sentence."""
    assert learn(*options) == 2
    assert reason in capsys.readouterr().err


@needs_pictures
def test_an_interrupt(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C keeps the state, from which the same command goes on."""
    from lib_embeddings.training.learning import Learning  # noqa: PLC0415

    steps: list[int] = []
    take_step = Learning.take_step

    def take_step_or_end(learning: Learning) -> None:
        steps.append(learning.step)
        if len(steps) == 15:
            raise KeyboardInterrupt
        take_step(learning)

    monkeypatch.setattr(Learning, "take_step", take_step_or_end)
    assert learn("--steps", "20", "--batch", "2") == 130
    assert "interrupted: the same command continues from" in capsys.readouterr().err
    assert learn("--steps", "20", "--batch", "2") == 0
    assert steps == [*range(15), *range(10, 20)]


@needs_pictures
def test_a_word_that_is_there(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An embedding that is there is not replaced, and nothing is learned for it."""
    (here / "my-ring.safetensors").write_bytes(safetensors_file())
    assert learn() == 2
    assert "my-ring.safetensors already exists: choose another name" in capsys.readouterr().err


@needs_pictures
def test_no_embedding_for_the_model(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An embedding for another model is refused before anything is painted."""
    (here / "flora.safetensors").write_bytes(safetensors_file({"emb_params": vectors(1, 1024)}))
    assert main(["try", "flora.safetensors"]) == 2
    assert "flora has no vectors for clip_l" in capsys.readouterr().err
    capsys.readouterr()
    assert main(["try", "missing.safetensors"]) == 2
    out, err = capsys.readouterr()
    assert out == ""  # no model was loaded for it
    assert "missing.safetensors cannot be opened: No such file" in err


@pytest.mark.parametrize("weights", ["much", "1,,2", "nan", "1e9"])
def test_no_weights(weights: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Weights that are no numbers, or that no prompt has, are wrong use."""
    with pytest.raises(SystemExit) as exit_:
        main(["try", "a.safetensors", "--weights", weights])
    assert exit_.value.code == 2
    assert f"expected weights from -10 to 10 between commas, found {weights!r}" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("number", ["0", "-1", "many", "9" * 5000])
def test_no_number(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A number of seeds of which nothing comes is wrong use."""
    with pytest.raises(SystemExit) as exit_:
        main(["try", "a.safetensors", f"--seeds={number}"])
    assert exit_.value.code == 2
    assert "expected a number from 1 to 100" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["try", "a.pt"], ["learn", "a.png", "--name=a", "--like=b"]])
def test_without_the_packages(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the packages for pictures are missing, one sentence says which to install."""
    monkeypatch.setattr("lib_embeddings.pictures.find_spec", lambda _name: None)
    assert main(command) == 2
    assert "torch is missing: install lib-embeddings[pictures]" in capsys.readouterr().err
