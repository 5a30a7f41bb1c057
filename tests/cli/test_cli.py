"""The command line, as a person at a terminal meets it."""

from __future__ import annotations

import argparse
import io
import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lib_embeddings import __main__ as module
from lib_embeddings import __version__, cli
from lib_embeddings.__main__ import main
from lib_embeddings.cli import reading_bar
from lib_embeddings.entries import read as read_module
from lib_embeddings.entries.place import Place
from lib_embeddings.stores.choices import Choice, Choices
from tests.builders import Call, Global, pickle_of, safetensors_file, torch_zip, vectors
from tests.terminal import Terminal

GOOD = safetensors_file()
FILES = {
    "marc_allante.bin": safetensors_file({"<marc>": vectors()}),
    "negative/EasyNegative.safetensors": GOOD,
    "negative/old/easynegative.pt": GOOD,
    "flora.pt": safetensors_file({"emb_params": vectors(4, 1024)}),
    "detail-xl.safetensors": safetensors_file({"clip_l": vectors(), "clip_g": vectors(1, 1280)}),
    "page.bin": b"<!DOCTYPE html><html></html>",
    "style.pt": torch_zip(pickle_of(Call(Global("posix", "system"), ("true",))), {}),
    "my-lora.safetensors": safetensors_file({"lora_te_x.lora_down.weight": vectors(4)}),
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the cache folder of a user who never ran this before."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a file of every state."""
    return fill(tmp_path / "embeddings", FILES)


def fill(folder: Path, files: dict[str, bytes]) -> Path:
    """Write files into a folder; return the folder."""
    for path, data in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        os.utime(file, (0, 0))
    return folder


def run(*arguments: object, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "lib_embeddings", *map(str, arguments)],
        capture_output=True,
        check=False,
        env={**os.environ, **variables},
    )


# scan


def test_the_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first two lines are known to every user; then comes each file with its reason."""
    assert main(["scan", str(folder), "--model", "sd1"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Loaded a total of 2 textual inversion embeddings.",
        "Embeddings: EasyNegative, marc_allante",
        "Not loaded: 6",
        (
            "  detail-xl.safetensors         partial       "
            "made for SDXL (clip_l 768 + clip_g 1280); SD 1.x would use only its clip_l"
        ),
        (
            "  flora.pt                      incompatible  "
            "made for SD 2.x (clip_h 1024); the active model is SD 1.x (clip_l 768)"
        ),
        (
            "  my-lora.safetensors           foreign       "
            "this is a LoRA (1 tensor); it belongs in models/Lora"
        ),
        (
            "  negative/old/easynegative.pt  duplicate     "
            "has the same name as negative/EasyNegative.safetensors, which is used: "
            "rename one of them"
        ),
        (
            "  page.bin                      broken        "
            "this is a web page, not an embedding: download the file itself, "
            "with the download button"
        ),
        (
            "  style.pt                      unsafe        "
            "its pickle asks for posix.system; nothing was run"
        ),
        "Names that need attention: 1",
        (
            '  flora  the model already knows this word: every "flora" in a prompt becomes this '
            "embedding: rename it to flora-ti"
        ),
    ]


def test_without_a_model(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a model the embeddings are counted by family; with `none` it is the same."""
    main(["scan", str(folder)])
    first = capsys.readouterr().out
    main(["scan", str(folder), "--model", "none"])
    assert capsys.readouterr().out == first
    assert first.splitlines()[:4] == [
        "Loaded a total of 4 textual inversion embeddings.",
        "2 for SD 1.x, 1 for SD 2.x, 1 for SDXL; choose a model to see what fits.",
        "Embeddings: detail-xl, EasyNegative, flora, marc_allante",
        "Not loaded: 4",
    ]


def test_an_empty_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, and nothing to complain about."""
    (tmp_path / "empty").mkdir()
    assert main(["scan", "--strict", str(tmp_path / "empty")]) == 0
    assert capsys.readouterr().out == "Loaded a total of 0 textual inversion embeddings.\n"


def test_several_folders(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All folders make one list."""
    other = fill(tmp_path / "other", {"cat.pt": GOOD})
    main(["scan", str(other), str(folder), "--model", "sd1"])
    assert capsys.readouterr().out.splitlines()[1] == "Embeddings: cat, EasyNegative, marc_allante"


@pytest.mark.parametrize(
    ("files", "code"),
    [
        (["marc_allante.bin", "flora.pt", "my-lora.safetensors"], 0),
        (["page.bin"], 1),
        (["style.pt"], 1),
    ],
)
def test_strict(tmp_path: Path, files: list[str], code: int) -> None:
    """With --strict a broken or unsafe file is a failure; what is merely unsuitable is not."""
    folder = str(fill(tmp_path / "folder", {name: FILES[name] for name in files}))
    assert main(["scan", folder]) == 0
    assert main(["scan", folder, "--strict"]) == code
    assert main(["scan", folder, "--strict", "--json"]) == code


@pytest.mark.parametrize("name", ["missing", "cat.pt", "two\nlines", "\udcff"])
def test_a_folder_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """A folder that is missing, or a file, is named on one line; nothing is scanned."""
    (tmp_path / "cat.pt").write_bytes(GOOD)
    assert main(["scan", str(tmp_path), str(tmp_path / name)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    written = name.encode("unicode_escape").decode()
    assert err == (
        f"lib-embeddings: {tmp_path}/{written} is not a folder: give one that is there\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["scan"],
        ["inspect"],
        ["unknown"],
        ["scan", ".", "--model", "sd9"],
        ["scan", ".", "--unknown"],
        ["inspect", "a", "b"],
    ],
)
def test_wrong_use(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong arguments end with code 2 and say how it is used."""
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code == 2
    assert capsys.readouterr().err.startswith("usage: lib-embeddings")


def test_no_path_is_empty() -> None:
    """An empty text, as from a variable that is not set, never means the current folder."""
    paths = [
        (command, action.type)
        for command, parser in commands().items()
        for action in parser._actions
        if action.metavar in ("DIR", "FILE", "PATH", "PICTURE")
    ]
    assert {command for command, _ in paths} > {"scan", "move", "serve", "learn"}
    assert {kind for _, kind in paths} == {cli.given_path}
    with pytest.raises(argparse.ArgumentTypeError):
        cli.given_path("")


def commands() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each command."""
    (found,) = (
        action
        for action in module._parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    return dict(found.choices)


# What the disk refuses

READING = ["scan {}", "inspect {}/cat.pt", "prompt cat --dir {}"]
CHANGING = [
    *("rename {}/cat.pt dog", "move {}/cat.pt {}/new", "delete {}/cat.pt"),
    *("trash", "trash --empty", "restore x", "sets mine --add cat"),
]


@pytest.mark.parametrize("command", [*READING, *CHANGING])
def test_a_data_folder_that_refuses(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    """Commands that read go on without it, and all others say in one line that it refuses."""
    folder = fill(tmp_path / "e", {"cat.pt": GOOD})
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / ("x" * 300)))  # longer than a name may be
    is_reading = command in READING
    assert main(command.format(folder, folder).split()) == (0 if is_reading else 2)
    out, err = capsys.readouterr()
    assert os.listdir(folder) == ["cat.pt"]
    if is_reading:
        assert "cat" in out
    else:
        assert (out, err.count("\n"), "File name too long" in err) == ("", 1, True)


@pytest.mark.parametrize("command", ["scan {}", "prompt cat --dir {}", "identify {}", "serve {}"])
def test_a_folder_that_refuses(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    """A folder that was given and cannot be read is no empty folder."""
    monkeypatch.setattr(os, "access", lambda asked, _mode: asked != str(tmp_path))
    assert main(command.format(tmp_path).split()) == 2
    assert capsys.readouterr() == (
        "",
        f"lib-embeddings: this program may not read {tmp_path}: allow that, or give another one\n",
    )


@pytest.mark.parametrize("target", ["other.pt", "other.pt/new"])
def test_a_file_in_place_of_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], target: str
) -> None:
    """Nothing moves into a file, and the message names it."""
    folder = fill(tmp_path / "e", {"cat.pt": GOOD, "other.pt": GOOD})
    assert main(["move", str(folder / "cat.pt"), str(folder / target)]) == 2
    out, err = capsys.readouterr()
    assert (out, "other.pt is not a folder" in err) == ("", True)
    assert sorted(os.listdir(folder)) == ["cat.pt", "other.pt"]


HELP = {
    "": [
        "Find out what textual-inversion embeddings are and what they fit.",
        "show what every file in some folders is",
        "show everything about one file",
        "rename a file and everything that is named after it",
        "move a file and everything that is named after it",
        "move a file and everything that is named after it to the trash",
        "list what is in the trash, and its total size",
        "move a file from the trash to where it was",
        "show which embeddings a prompt uses",
        "show the tab as a web page, without any WebUI",
    ],
    "scan": [
        "folder to scan",
        "model family to compare the files with (default: none)",
        "print JSON",
        "exit with 1 if a file is broken or unsafe",
        "read every file again, and remember nothing",
    ],
    "inspect": ["the file", "print JSON", "exit with 1 if the file is broken or unsafe"],
    "rename": [
        "the embedding's file",
        "the new name, without the file's ending",
        "only print what would be renamed",
    ],
    "move": [
        "the embedding's file",
        "the folder to move it to; new ones are made",
        "only print what would be moved",
    ],
    "delete": ["the embedding's file"],
    "trash": ["then delete all of it for good"],
    "restore": ["the first word of its line in the trash"],
    "prompt": [
        "the prompt",
        "the negative prompt",
        "folder with embeddings; give it once for each folder (default: the current folder)",
        "model family to compare the files with (default: none)",
        "number of steps that the picture takes (default: 20)",
        "print JSON",
        "exit with 1 if a prompt names an embedding and cannot use it",
    ],
    "search": [
        "words to search for",
        "where to search (default: civitai)",
        "model family to search for, on Civitai only (default: none)",
    ],
    "serve": [
        "folder to show (default: the current folder)",
        "model family to compare the files with (default: the one that was chosen last in the",
        "address to listen on (default: 127.0.0.1)",
        "another host name by which browsers may reach the page",
        "port to listen on (default: 7868)",
        "open the page in a browser",
    ],
}


@pytest.mark.parametrize("command", HELP)
def test_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command and option is explained in plain words, in this order."""
    with pytest.raises(SystemExit):
        main([*command.split(), "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    places = [shown.find(sentence) for sentence in HELP[command]]
    assert -1 not in places
    assert places == sorted(places)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """The version is the package's."""
    with pytest.raises(SystemExit) as raised:
        main(["--version"])
    assert (raised.value.code, capsys.readouterr().out) == (0, f"lib-embeddings {__version__}\n")


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON has these fields, in this order, and nothing else."""
    data = FILES["marc_allante.bin"]
    folder = fill(tmp_path / "folder", {"sub/marc_allante.bin": data})
    assert main(["scan", str(folder), "--model", "sd1", "--json"]) == 0
    out = capsys.readouterr().out
    expected = {
        "model": "sd1",
        "roots": [str(folder)],
        "counts": {
            "ok": 1,
            "duplicate": 0,
            "broken": 0,
            "unsafe": 0,
            "foreign": 0,
            "usable": 1,
            "partial": 0,
            "incompatible": 0,
            "unknown": 0,
            "favourite": 0,
            "hidden": 0,
            "all": 1,
        },
        "entries": [
            {
                "id": Place.of_root(folder).inside("sub/marc_allante.bin").id,
                "name": "marc_allante",
                "path": "sub/marc_allante.bin",
                "folder": "0:sub",
                "state": "ok",
                "fit": "usable",
                "reason": None,
                "container": "safetensors",
                "layout": "tokens",
                "stored_name": "<marc>",
                "families": ["sd1"],
                "vectors": {"clip_l": {"n_vectors": 1, "hidden_size": 768, "dtype": "float32"}},
                "n_vectors": 1,
                "bytes": len(data),
                "mtime": 0.0,
                "warnings": [],
                "proposal": None,
                "preview": None,
                "video": None,
                "examples": None,
                "notes": "",
                "description": "",
                "trigger_words": "",
                "favourite": False,
                "use_partial": False,
                "hidden": False,
                "field": "positive",
                "chosen_field": None,
                "claims": None,
                "twins": [],
            }
        ],
    }
    assert json.dumps(json.loads(out)) == json.dumps(expected)


def test_json_of_every_state(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """States and fits are two things: a file that is not ok has no fit, and a reason."""
    main(["scan", str(folder), "--model", "sd1", "--json"])
    document = json.loads(capsys.readouterr().out)
    told = {entry["path"]: (entry["state"], entry["fit"]) for entry in document["entries"]}
    assert told == {
        "detail-xl.safetensors": ("ok", "partial"),
        "flora.pt": ("ok", "incompatible"),
        "marc_allante.bin": ("ok", "usable"),
        "my-lora.safetensors": ("foreign", None),
        "negative/EasyNegative.safetensors": ("ok", "usable"),
        "negative/old/easynegative.pt": ("duplicate", None),
        "page.bin": ("broken", None),
        "style.pt": ("unsafe", None),
    }
    unexplained = [entry["path"] for entry in document["entries"] if entry["reason"] is None]
    assert unexplained == ["marc_allante.bin", "negative/EasyNegative.safetensors"]
    assert sum(document["counts"].values()) == 8 + 4 + 7  # of all, a duplicate is none


# The index


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the files that are opened from now on."""
    names: list[str] = []

    def open_file(path: str, mode: str, **options: Any) -> object:
        names.append(os.path.basename(path))
        return open(path, mode, **options)

    monkeypatch.setattr(read_module, "open", open_file, raising=False)
    return names


def test_the_second_scan_opens_nothing(folder: Path, opened: list[str], cache: Path) -> None:
    """Readings are remembered in the user's cache folder, and nowhere else."""
    before = sorted(folder.rglob("*"))
    main(["scan", str(folder)])
    assert len(opened) == len(FILES)
    opened.clear()
    main(["scan", str(folder)])
    assert opened == []
    assert sorted(folder.rglob("*")) == before
    assert [path.name for path in cache.rglob("*.sqlite")] == ["index.sqlite"]


def test_no_index(folder: Path, opened: list[str], cache: Path) -> None:
    """With --no-index everything is read, and nothing is written."""
    main(["scan", str(folder), "--no-index"])
    main(["scan", str(folder), "--no-index"])
    assert len(opened) == 2 * len(FILES)
    assert not cache.exists()


@pytest.mark.parametrize("console", [Terminal, io.StringIO])
def test_an_interrupted_scan_keeps_what_it_read(
    folder: Path,
    opened: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    console: type[io.StringIO],
) -> None:
    """Ctrl-C ends a scan with one line and a code of its own; the next scan reads the rest only."""
    open_file = read_module.open  # type: ignore[attr-defined] # from the fixture

    def press_ctrl_c_at_the_third(path: str, mode: str, **options: Any) -> object:
        if len(opened) == 2:
            signal.raise_signal(signal.SIGINT)
        return open_file(path, mode, **options)

    # A shell lets what runs in its background ignore Ctrl-C, these tests for example.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", console())
        patch.setattr(cli, "reading_bar", partial(reading_bar, delay=0))
        patch.setattr(read_module, "open", press_ctrl_c_at_the_third)
        assert main(["scan", str(folder)]) == 130
        signal.signal(signal.SIGINT, before)
        assert sys.stderr.getvalue().rpartition("\r")[2] == "lib-embeddings: interrupted\n"
    assert capsys.readouterr().out == ""
    assert len(opened) == 2
    opened.clear()
    assert main(["scan", str(folder)]) == 0
    assert len(opened) == len(FILES) - 2


# Terminals


def nasty_folder(tmp_path: Path) -> Path:
    """Return a folder of files whose names no terminal likes."""
    cut = GOOD[:-1]
    files = {"a\x1b[31m\nb.pt": GOOD, "a\x1b[31m\nb.bin": GOOD, "猫.pt": cut, "e\u202e.pt": cut}
    folder = fill(tmp_path / "nasty", files)
    if sys.platform not in ("darwin", "win32"):
        Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.pt")).write_bytes(GOOD)
    return folder


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["table", "json"])
def test_any_terminal_can_show_any_name(tmp_path: Path, encoding: str, options: list[str]) -> None:
    """Names of control characters, of other scripts or of no text reach a terminal harmless."""
    result = run("scan", nasty_folder(tmp_path), *options, PYTHONIOENCODING=encoding)
    assert (result.returncode, result.stderr) == (0, b"")
    assert all(line.isprintable() for line in result.stdout.decode(encoding).splitlines())


def test_inspect_on_any_terminal(tmp_path: Path) -> None:
    """One file with such a name can be looked into."""
    path = nasty_folder(tmp_path) / "猫.pt"
    result = run("inspect", path, PYTHONIOENCODING="ascii")
    assert (result.returncode, result.stderr) == (0, b"")
    assert b"\\u732b" in result.stdout


@pytest.mark.skipif(os.name != "posix", reason="pipes end otherwise here")
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["table", "json"])
@pytest.mark.parametrize("n_files", [1, 600], ids=["short", "longer than the pipe"])
def test_a_closed_pipe(tmp_path: Path, options: list[str], n_files: int) -> None:
    """When the reader of the output has seen enough (`| head`), the command ends without a word."""
    folder = fill(tmp_path / "many", {f"{'x' * 200} {i}.pt": b"" for i in range(n_files)})
    with subprocess.Popen(
        [sys.executable, "-m", "lib_embeddings", "scan", folder, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
    assert errors == b""


def test_no_bar_where_nobody_looks(folder: Path) -> None:
    """Progress is for terminals: in a file or pipe there is none."""
    assert run("scan", folder).stderr == b""


# rename


def test_rename(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each move is printed, the file's own last; a dry run only prints."""
    folder = fill(tmp_path / "e", {"sub/cat.pt": GOOD, "sub/cat.preview.png": b"", "dog.pt": GOOD})
    for options, expected in ((["--dry-run"], "cat"), ([], "cow")):
        assert main(["rename", str(folder / "sub/cat.pt"), "cow", *options]) == 0
        out = capsys.readouterr().out
        assert out == "cat.preview.png -> cow.preview.png\ncat.pt -> cow.pt\n"
        assert sorted(os.listdir(folder / "sub")) == [f"{expected}.preview.png", f"{expected}.pt"]


@pytest.mark.parametrize(
    ("file", "name", "sentence"),
    [
        ("cat.pt", "a/b", "a/b: a file's name cannot have / in it"),
        ("cat.pt", "dog", "the name is already taken by dog.pt: choose another name"),
        ("cow.pt", "dog", "{}/cow.pt cannot be opened: No such file or directory"),
        ("cat.txt", "cow", "{}/cat.txt is not an embedding: give the file of one"),
    ],
)
def test_rename_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str, name: str, sentence: str
) -> None:
    """What cannot be is one sentence, and nothing moves."""
    folder = fill(tmp_path / "e", {"cat.pt": GOOD, "dog.pt": GOOD, "cat.txt": b"mine"})
    assert main(["rename", str(folder / file), name]) == 2
    assert capsys.readouterr() == ("", f"lib-embeddings: {sentence.format(folder)}\n")
    assert sorted(os.listdir(folder)) == ["cat.pt", "cat.txt", "dog.pt"]


def test_choices_follow_a_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A favourite stays one, whichever folder above it is the library's."""
    folder = fill(tmp_path / "e", {"sub/cat.pt": GOOD, "sub/dog.pt": GOOD})
    root, deeper = Place.of_root(folder), Place.of_root(folder / "sub")
    choices = Choices()
    choices.choose(root.inside("sub/cat.pt").id, favourite=True)
    choices.choose(deeper.inside("cat.pt").id, use_partial=True)
    choices.choose(root.inside("sub/dog.pt").id, favourite=True)
    monkeypatch.chdir(folder)
    assert main(["rename", "sub/cat.pt", "cow"]) == 0
    assert Choices().all() == {
        root.inside("sub/cow.pt").id: Choice(favourite=True),
        root.inside("sub/dog.pt").id: Choice(favourite=True),
        deeper.inside("cow.pt").id: Choice(use_partial=True),
    }


def test_sets_follow_a_rename(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A set goes on having the embedding that was put into it; a dry run changes none."""
    folder = fill(tmp_path / "e", {"cat.pt": GOOD})
    main(["sets", "mine", "--add", "cat", "--add", "dog:0.5"])
    for options, expected in ((["--dry-run"], "cat"), ([], "cow")):
        assert main(["rename", str(folder / "cat.pt"), "cow", *options]) == 0
        capsys.readouterr()
        main(["sets"])
        assert capsys.readouterr().out == f"mine\n  positive: {expected}, (dog:0.5)\n"


def test_move(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each move is printed with where it goes; a dry run only prints; choices follow."""
    folder = fill(tmp_path / "e", {"cat.pt": GOOD, "cat.png": b"", "sub/dog.pt": GOOD})
    Choices().choose(Place.of_root(folder).inside("cat.pt").id, favourite=True)
    for options in (["--dry-run"], []):
        assert (folder / "cat.pt").exists()
        assert main(["move", str(folder / "cat.pt"), str(folder / "sub"), *options]) == 0
        out = capsys.readouterr().out
        assert out == f"cat.png -> {folder}/sub/cat.png\ncat.pt -> {folder}/sub/cat.pt\n"
    assert sorted(os.listdir(folder / "sub")) == ["cat.png", "cat.pt", "dog.pt"]
    moved = Place.of_root(folder).inside("sub").inside("cat.pt")
    assert Choices().all() == {moved.id: Choice(favourite=True)}


def test_move_into_a_new_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is made, unless nothing moves or none should be called so."""
    folder = fill(tmp_path / "e", {"cat.pt": GOOD})
    assert main(["move", str(folder / "cat.pt"), str(folder / "new"), "--dry-run"]) == 0
    assert main(["move", str(folder / "cat.pt"), str(folder / "nul")]) == 2
    assert os.listdir(folder) == ["cat.pt"]
    assert main(["move", str(folder / "cat.pt"), f"{folder / 'new'}/"]) == 0
    assert os.listdir(folder / "new") == ["cat.pt"]
    assert "Windows keeps this name" in capsys.readouterr().err


def test_move_into_new_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All levels are made, unless nothing moves or none should be called so."""
    folder = fill(tmp_path / "e", {"cat.pt": GOOD})
    assert main(["move", str(folder / "cat.pt"), str(folder / "new/deep"), "--dry-run"]) == 0
    assert main(["move", str(folder / "cat.pt"), str(folder / "new/nul/deep")]) == 2
    assert os.listdir(folder) == ["cat.pt"]
    capsys.readouterr()
    assert main(["move", str(folder / "cat.pt"), str(folder / "new/deep")]) == 0
    assert capsys.readouterr().out == f"cat.pt -> {folder}/new/deep/cat.pt\n"
    assert os.listdir(folder / "new/deep") == ["cat.pt"]


def test_move_to_a_drive_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no folder above answers, as on a drive of Windows that is gone, it is refused."""
    folder = fill(tmp_path / "e", {"cat.pt": GOOD})
    monkeypatch.setattr("lib_embeddings.cli.files.os.path.lexists", lambda _path: False)
    assert main(["move", str(folder / "cat.pt"), str(folder / "new/deep")]) == 2
    assert "the folder deep cannot be made: No such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", [["delete", "{}"], ["move", "{}", "{}-new"], ["rename", "{}", "mine"]]
)
@pytest.mark.parametrize("name", ["notes.txt", "dog.png"])
def test_what_no_library_lists_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str], name: str
) -> None:
    """A file that is not an embedding is neither renamed, moved nor deleted."""
    folder = fill(tmp_path / "e", {"notes.txt": b"mine", "dog.png": b"picture", "dog.pt": GOOD})
    file = folder / name
    assert main([each.format(file) for each in command]) == 2
    assert capsys.readouterr() == (
        "",
        f"lib-embeddings: {file} is not an embedding: give the file of one\n",
    )
    assert sorted(os.listdir(folder)) == ["dog.png", "dog.pt", "notes.txt"]


@pytest.mark.parametrize("command", [["rename", "{}", "cow"], ["move", "{}", "{}/../../new"]])
def test_a_move_whose_choices_are_not_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    """Nothing moves where it is known before that what people chose could not follow."""
    folder = fill(tmp_path / "e", {"cat.pt": GOOD})
    (tmp_path / "data/lib_embeddings/choices.sqlite").mkdir(parents=True)
    assert main([each.format(folder / "cat.pt") for each in command]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n"), os.listdir(folder)) == ("", 1, ["cat.pt"])
    assert "no choice and no set was changed" in err


@pytest.mark.parametrize(
    "command", ["inspect {}", "rename {} new", "move {} {}", "delete {}", "try {}"]
)
def test_a_folder_in_place_of_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """All commands refuse it with the same sentence."""
    if command.startswith("try"):
        pytest.importorskip("diffusers")
    assert main(command.format(tmp_path, tmp_path).split()) == 2
    err = f"lib-embeddings: {tmp_path} is a folder: give a file\n"
    assert capsys.readouterr() == ("", err)


def test_delete_and_restore(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The trash says what is in it and how much; what is restored is a favourite again."""
    folder = fill(tmp_path / "e", {"cat.pt": GOOD, "cat.png": b"picture"})
    chosen = {Place.of_root(folder.parent).inside("e").inside("cat.pt").id: Choice(favourite=True)}
    Choices().choose(next(iter(chosen)), favourite=True)
    assert main(["delete", str(folder / "cat.pt")]) == 0
    id_ = capsys.readouterr().out.split()[0]
    assert os.listdir(folder) == []
    assert main(["trash"]) == 0
    line, total = capsys.readouterr().out.splitlines()
    assert (line.split()[0], line.split()[-1]) == (id_, str(folder / "cat.pt"))
    assert total == f"1 in the trash, {len(GOOD) + 7:,} bytes"
    assert main(["restore", id_]) == 0
    assert capsys.readouterr().out == f"{folder}/cat.pt\n"
    assert sorted(os.listdir(folder)) == ["cat.png", "cat.pt"]
    assert Choices().all() == chosen
    assert main(["restore", id_]) == 2
    assert capsys.readouterr().err == (
        f"lib-embeddings: {id_} is not in the trash: `lib-embeddings trash` lists what is\n"
    )


def test_nothing_is_deleted_for_good_unasked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only `trash --empty` does that, and says so."""
    folder = fill(tmp_path / "e", {"cat.pt": GOOD})
    main(["delete", str(folder / "cat.pt")])
    main(["trash"])
    capsys.readouterr()
    assert main(["trash", "--empty"]) == 0
    assert capsys.readouterr().out.endswith("bytes\nAll of it is deleted for good.\n")
    for command in (["trash"], ["trash", "--empty"]):
        main(command)
        assert capsys.readouterr().out == "0 in the trash, 0 bytes\n"


# inspect


def test_inspect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One file is printed line by line: a label, then its value."""
    fill(tmp_path, {"cat.pt": torch_zip()})
    assert main(["inspect", str(tmp_path / "cat.pt")]) == 0
    told = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert told.pop("sha256").isalnum()
    assert told.pop("values").startswith("clip_l min -0.025  max 0.01347  mean ")
    assert told == {
        "file": f"{tmp_path / 'cat.pt'} ({len(torch_zip()):,} bytes)",
        "state": "ok",
        "name": "cat",
        "stored": "name  stored",
        "container": "torch-zip",
        "layout": "string_to_param",
        "made": "for     SD 1.x",
        "vectors": "clip_l 1 x 768 float32",
        "health": "clip_l: its vectors are 0.9 times as long as those of words: it should mix well "
        "with others",
        "metadata": "sd_checkpoint_name model",
        "tensor": "string_to_param.* float32[1x768]",
        "warning": 'the model already knows this word: every "cat" in a prompt becomes this '
        "embedding: rename it to cat-ti",
    }


def test_inspect_what_others_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Facts from other programs beside the file are listed, with contradictions."""
    said = {
        "id": 5,
        "modelId": 4,
        "files": [],
        "baseModel": "SDXL 1.0",
        "model": {"tags": ["a", "b"]},
    }
    fill(tmp_path, {"cat.pt": torch_zip(), "cat.civitai.info": json.dumps(said).encode()})
    assert main(["inspect", str(tmp_path / "cat.pt")]) == 0
    lines = capsys.readouterr().out.splitlines()
    for line in (
        "said by      Civitai",
        "page         https://civitai.com/models/4?modelVersionId=5",
        "base model   SDXL 1.0",
        "tags         a, b",
        "warning      Civitai says SDXL 1.0, but the vectors are for SD 1.x (clip_l 768)",
    ):
        assert line in lines


def test_inspect_what_is_wrong(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is no embedding is printed with its reason, and the command succeeds."""
    assert main(["inspect", str(folder / "my-lora.safetensors")]) == 0
    out = capsys.readouterr().out
    assert "state        foreign: this is a LoRA (1 tensor); it belongs in models/Lora" in out
    assert "tensor       lora_te_x.lora_down.weight float32[4x768]" in out


@pytest.mark.parametrize(
    ("name", "code"),
    [("style.pt", 1), ("page.bin", 1), ("my-lora.safetensors", 0), ("flora.pt", 0)],
)
def test_inspect_strictly(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, code: int
) -> None:
    """With --strict a broken or unsafe file is a failure; what is said of it is the same."""
    assert main(["inspect", str(folder / name)]) == 0
    shown = capsys.readouterr().out
    assert main(["inspect", str(folder / name), "--strict"]) == code
    assert capsys.readouterr().out == shown


def test_inspect_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same as JSON."""
    assert main(["inspect", str(folder / "flora.pt"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["tensors"] == {"emb_params": "float32[4x1024]"}
    assert document["families"] == ["sd2"]


def test_inspect_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not there is named."""
    path = tmp_path / "missing.pt"
    assert main(["inspect", str(path)]) == 2
    err = f"lib-embeddings: {path} cannot be opened: No such file or directory\n"
    assert capsys.readouterr() == ("", err)


# serve


def test_serve_without_its_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A package that is not installed is named, with what to install."""
    monkeypatch.delitem(sys.modules, "lib_embeddings.hosts.standalone", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["serve", str(tmp_path), "--port", "0"]) == 2
    assert capsys.readouterr().err == (
        "lib-embeddings: uvicorn is missing: install lib-embeddings[app]\n"
    )


def test_serve_without_its_painter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A model that is not there is refused at once, not when somebody wants a picture."""
    assert main(["serve", str(tmp_path), "--port", "0", "--paint-with", "nix"]) == 2
    assert capsys.readouterr().err == (
        "lib-embeddings: nix cannot be loaded: there is no such file or folder\n"
    )


def test_the_module_is_the_command(tmp_path: Path) -> None:
    """`python -m lib_embeddings` ends with the command's exit code."""
    result = run("scan", tmp_path / "missing")
    assert result.returncode == 2
    assert b"is not a folder" in result.stderr
