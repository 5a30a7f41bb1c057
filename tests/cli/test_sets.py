"""`lib-embeddings sets`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lib_embeddings.__main__ import main
from tests.builders import safetensors_file


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be a user who never ran this before."""
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))


def test_a_life_of_a_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is made, shown as prompts, changed, renamed and deleted."""
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "cat(s).safetensors").write_bytes(safetensors_file())
    add = ["--add", "bad-hands-5:1.2", "--add", "cat(s)", "--add", "lazyneg"]
    assert main(["sets", "my set", *add]) == 0
    shown = "my set\n  positive: cat\\(s\\) \n  negative: (bad-hands-5:1.2), lazyneg\n"
    assert capsys.readouterr().out == shown
    assert main(["sets", "--dir", str(tmp_path / "e")]) == 0
    gone = "  bad-hands-5: there is no such file\n  lazyneg: there is no such file\n"
    assert capsys.readouterr().out == shown + gone
    assert main(["sets", "my set", "--remove", "lazyneg", "--rename", "mine", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "sets": [
            {
                "name": "mine",
                "members": [
                    {"name": "cat(s)", "field": "positive", "weight": 1.0},
                    {"name": "bad-hands-5", "field": "negative", "weight": 1.2},
                ],
            }
        ]
    }
    assert main(["sets", "mine", "--delete"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["sets"]) == 0
    assert capsys.readouterr().out == (
        "No sets yet: `lib-embeddings sets NAME --add EMBEDDING` makes one.\n"
    )
    assert main(["sets", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"sets": []}


@pytest.mark.parametrize("can_read", [True, False])
@pytest.mark.parametrize("arguments", [["mine", "--add", "cat"], ["mine", "--add", "a", "--json"]])
def test_a_change_that_is_not_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], *, can_read: bool
) -> None:
    """Where the store cannot be written, the command fails with one sentence."""
    if can_read:
        (tmp_path / "home").symlink_to("nowhere")  # nothing is there, and no folder can be made
    else:
        (tmp_path / "home").write_bytes(b"")  # where a folder is expected
    assert main(["sets", *arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "cannot be read or written" in err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--add", "x"], "no set given: name the set to change"),
        (["gone"], "there is no set gone: `lib-embeddings sets` lists them"),
        (["gone", "--delete"], "there is no set gone"),
        (["b", "--delete", "--add", "y"], "--delete deletes the whole set: give it alone"),
        (["b", "--delete", "--rename", "c"], "--delete deletes the whole set: give it alone"),
        (["b", "--remove", "xx"], "xx is not in b: `lib-embeddings sets` lists what is"),
        (["c", "--add", "x", "--remove", "y"], "y is not in c"),
        ([" ", "--add", "x"], "the set has no name: type one"),
        (["a", "--add", "x", "--rename", "b"], "a set named b already exists: choose another name"),
    ],
)
def test_what_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: list[str], why: str
) -> None:
    """Each refusal is one sentence."""
    main(["sets", "b", "--add", "x"])
    capsys.readouterr()
    assert main(["sets", *arguments]) == 2
    assert why in capsys.readouterr().err
    assert main(["sets"]) == 0
    assert capsys.readouterr().out == "b\n  positive: x\n"
