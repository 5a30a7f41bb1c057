"""`make run`, as a person with an unusual folder calls it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")

FOLDERS = ["embeddings", "my folder", "a \"b\" 'c'", "two  blanks", "`id`; $HOME #1", "-x"]


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """Return an environment, ready for `make run`, whose command prints what it is given."""
    command = tmp_path / "venv" / "bin" / "lib-embeddings"
    command.parent.mkdir(parents=True)
    command.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    command.chmod(0o755)
    (tmp_path / "venv" / ".run").touch()
    return tmp_path / "venv"


def served(venv: Path, *variables: str, **environment: str) -> list[str]:
    """Return what `make run` gives the command."""
    of_make = ("EMBEDDINGS", "MODEL", "PORT", "MAKEFLAGS", "MAKELEVEL")  # these tests run in one
    inherited = {name: value for name, value in os.environ.items() if name not in of_make}
    done = subprocess.run(
        ["make", "--silent", "run", f"VENV={venv}", *variables],
        capture_output=True,
        check=True,
        cwd=PROJECT,
        env={**inherited, **environment},
        text=True,
    )
    return done.stdout.splitlines()


def expected(folder: str) -> list[str]:
    return ["serve", "--model", "sd1", "--port", "7868", "--", folder]


def test_the_examples(venv: Path) -> None:
    """Without a folder the examples are shown."""
    assert served(venv) == expected("examples/embeddings")


@pytest.mark.parametrize("folder", FOLDERS)
def test_any_folder(venv: Path, folder: str) -> None:
    """A folder may have blanks, quotes and signs of the shell in its name; make takes $$ for $."""
    assert served(venv, f"EMBEDDINGS={folder.replace('$', '$$')}") == expected(folder)
    assert served(venv, EMBEDDINGS=folder) == expected(folder)
