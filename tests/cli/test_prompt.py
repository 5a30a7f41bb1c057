"""`lib-embeddings prompt`, as a person at a terminal meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lib_embeddings.__main__ import main
from tests.builders import safetensors_file, vectors

EXAMPLE = "(marc_allante:1.2) a dog"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a folder with an embedding for SD 1.x and one for SD 2.x."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder = tmp_path / "embeddings"
    folder.mkdir()
    (folder / "marc_allante.pt").write_bytes(safetensors_file())
    (folder / "flora.pt").write_bytes(safetensors_file({"emb_params": vectors(4, 1024)}))
    return str(folder)


def run(folder: str, *arguments: str) -> int:
    """Run the command for SD 1.x; return its exit code."""
    return main(["prompt", *arguments, "--dir", folder, "--model", "sd1"])


def test_the_report(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each thing there is to say, with the prompt that it is about."""
    reason = "made for SD 2.x (clip_h 1024); the active model is SD 1.x (clip_l 768)"
    assert run(folder, f"{EXAMPLE}, marc_alante", "--negative", "flora") == 0
    assert capsys.readouterr().out.splitlines() == [
        "positive: used: marc_allante (1 vector, weight 1.2)",
        "positive: marc_alante: did you mean marc_allante?",
        "positive: embeddings take 1 of 75 tokens",
        f"negative: flora is not used: {reason}; the model reads its name as words",
    ]


def test_json(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is the JSON of the HTTP API."""
    assert run(folder, EXAMPLE, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told) == ["positive", "negative"]
    assert told["positive"]["used"][0]["weights"] == [1.2]
    assert told["positive"]["chunks"] == [{"tokens": 3, "vectors": 1}]


@pytest.mark.parametrize(
    ("prompt", "code"),
    [(EXAMPLE, 0), ("a dog", 0), ("flora", 1), ("embedding:missing", 1)],
)
def test_strict(folder: str, prompt: str, code: int) -> None:
    """With --strict it counts whether all that is asked for is used, in either prompt."""
    assert run(folder, prompt) == 0
    assert run(folder, prompt, "--strict") == code
    assert run(folder, "--negative", prompt, "--strict") == code


def test_steps(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Prompt editing is read for the picture's steps."""
    run(folder, "[a|b|marc_allante]", "--steps", "2")
    assert capsys.readouterr().out == ""
    run(folder, "[a|b|marc_allante]", "--steps", "3")
    assert "marc_allante" in capsys.readouterr().out


@pytest.mark.parametrize("steps", ["0", "1001", "-1", "1.5", "many", "9" * 5000])
def test_no_number_of_steps(folder: str, steps: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A number of steps that no picture takes is wrong use."""
    with pytest.raises(SystemExit) as exit_:
        run(folder, EXAMPLE, f"--steps={steps}")
    assert exit_.value.code == 2
    assert f"expected a number from 1 to 1000, found '{steps}'" in capsys.readouterr().err


def test_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that is none is wrong use."""
    assert run(str(tmp_path / "none"), EXAMPLE) == 2
    assert "is not a folder" in capsys.readouterr().err


def _fail() -> None:
    raise ImportError


def test_without_the_tokenizer(
    folder: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where its package is not installed, the command says what to install."""
    monkeypatch.setattr("lib_embeddings.prompts.tokens._load_class", _fail)
    assert run(folder, EXAMPLE) == 2
    assert capsys.readouterr().err == (
        "lib-embeddings: CLIP's tokenizer is missing: install lib-embeddings[prompt]\n"
    )


def test_without_a_model(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The report says what each embedding is for, and refuses none."""
    assert main(["prompt", f"{EXAMPLE}, flora", "--dir", folder, "--strict"]) == 0
    one, other, total = capsys.readouterr().out.splitlines()
    advice = "choose a model to see whether it fits"
    assert one == (
        "positive: used if it fits: marc_allante (1 vector, weight 1.2): "
        f"made for SD 1.x (clip_l 768); {advice}"
    )
    assert other.endswith(f"flora (4 vectors, weight 1): made for SD 2.x (clip_h 1024); {advice}")
    assert total == "positive: embeddings take 5 of 75 tokens"
