"""`install.py`, which the WebUI runs before it starts, and which must not stop it."""

from __future__ import annotations

import ast
import runpy
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest

from lib_embeddings.hosts.webui.extension import NEEDED

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pytest brings it

PROJECT = Path(__file__).parents[1]
INSTALL = PROJECT / "install.py"


class Pip:
    """What is started instead of pip: remembers its commands, and lacks what it was told to."""

    def __init__(self, error: Exception | None = None, lacks: str = "") -> None:
        self.commands: list[list[str]] = []
        self._error = error
        self._lacks = lacks

    def __call__(
        self, command: list[str], *, check: bool, stdout: int, stderr: int
    ) -> subprocess.CompletedProcess[bytes]:
        assert (check, stdout, stderr) == (True, subprocess.DEVNULL, subprocess.DEVNULL)
        self.commands.append(command)
        if self._error and command[-1].startswith(self._lacks):
            raise self._error
        return subprocess.CompletedProcess(command, 0)


def run_with(missing: set[str], pip: Pip, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the file as the WebUI does, on a machine that lacks some packages."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name in missing else 1)
    monkeypatch.setattr(subprocess, "run", pip)
    runpy.run_path(str(INSTALL), run_name="__main__")


def test_nothing_is_done_when_nothing_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the second start there is no pip and no line."""
    pip = Pip()
    run_with(set(), pip, monkeypatch)
    assert (pip.commands, capsys.readouterr().out) == ([], "")


def test_only_what_is_missing_is_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One package is missing: it alone is installed, by this Python, and no other package moves."""
    pip = Pip()
    run_with({"watchdog"}, pip, monkeypatch)
    (command,) = pip.commands
    assert command[:4] == [sys.executable, "-m", "pip", "install"]
    assert "--no-deps" in command
    assert [word for word in command if ">=" in word] == ["watchdog>=2.1.9"]
    assert capsys.readouterr().out == "Textual Inversion: installed watchdog>=2.1.9\n"


@pytest.mark.parametrize(
    "error", [subprocess.CalledProcessError(1, "pip"), OSError("no such program")]
)
def test_a_machine_without_network_gets_one_line(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """When nothing can be installed the WebUI starts all the same, and says what is off."""
    run_with({"watchdog", "platformdirs"}, Pip(error), monkeypatch)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("Textual Inversion: could not install watchdog>=2.1.9, platformdirs>=3;")


def test_what_can_be_done_without_keeps_nothing_else_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """If the last package cannot be had, those before it are still installed."""
    pip = Pip(subprocess.CalledProcessError(1, "pip"), lacks="rapidfuzz")
    run_with({"rapidfuzz", "watchdog", "platformdirs"}, pip, monkeypatch)
    assert [command[-1] for command in pip.commands[:-1]] == ["watchdog>=2.1.9", "platformdirs>=3"]
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("Textual Inversion: could not install rapidfuzz>=3;")


def test_everything_the_extension_imports_is_installed() -> None:
    """The package that finds mistyped names is installed, too."""
    needed = runpy.run_path(str(INSTALL))["NEEDED"]
    assert set(needed) == {*NEEDED, "rapidfuzz"}


def test_the_releases_are_those_of_the_package() -> None:
    """Its requirements are those of `pyproject.toml`, which it cannot read on Python 3.10."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    extras = chain.from_iterable(project["optional-dependencies"].values())
    needed = runpy.run_path(str(INSTALL))["NEEDED"]
    assert set(needed.values()) <= {*project["dependencies"], *extras}


def test_it_imports_only_the_standard_library() -> None:
    """It runs where nothing of what it installs is there yet."""
    imported = {
        alias.name
        for node in ast.walk(ast.parse(INSTALL.read_text()))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert imported == {"importlib.util", "subprocess", "sys"}
