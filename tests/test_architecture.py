"""The house holds: imports point down only, and few rooms know the outside world."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "lib_embeddings"

# The layers from the ground up; a module imports from its own layer and those below.
LAYERS = (
    ("version", "errors"),
    ("limits", "names"),
    ("formats",),
    ("entries",),
    ("prompts",),
    ("library", "watch"),
    ("web",),
    ("hosts",),
    ("cli",),
    ("__init__", "__main__"),
)

# Who may import what from outside, besides the standard library.
ALLOWED = {
    "numpy": ("formats", "library.inspect"),
    "safetensors": (),
    "PIL": ("formats.containers.picture_pixels", "entries.previews"),
    "platformdirs": ("library", "entries.previews"),
    "sqlite3": ("library",),
    "watchdog": ("watch",),
    "tqdm": ("cli",),
    "ftfy": ("prompts.clip_tokenizer",),
    "rapidfuzz": ("prompts.near",),
    "torch": ("hosts.a1111",),
    "fastapi": ("web", "hosts"),
    "starlette": ("web", "hosts"),
    "uvicorn": ("hosts.standalone",),
    "gradio": ("hosts.standalone",),
    "modules": ("hosts.a1111", "hosts.webui"),
}

MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    """Return a module's dotted name inside the package."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def imports_of(path: Path) -> Iterator[str]:
    """Yield the dotted names that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def layer_of(name: str) -> int:
    """Return the layer a module belongs to."""
    room = name.split(".", maxsplit=1)[0]
    return next(level for level, rooms in enumerate(LAYERS) if room in rooms)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_down(path: Path) -> None:
    """A module imports nothing of ours from a layer above its own."""
    for imported in imports_of(path):
        if imported.startswith("lib_embeddings."):
            target = imported.removeprefix("lib_embeddings.")
            assert layer_of(target) <= layer_of(name_of(path)), imported


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_outside_libraries_have_their_rooms(path: Path) -> None:
    """A library from outside is imported only where the house says so."""
    for imported in imports_of(path):
        rooms = ALLOWED.get(imported.split(".")[0])
        if rooms is not None:
            assert name_of(path).startswith(rooms), imported


def test_watch_and_library_do_not_know_each_other() -> None:
    """The watcher says *look again*, and does not know who looks."""
    watch = [path for path in MODULES if name_of(path).startswith("watch")]
    library = [path for path in MODULES if name_of(path).startswith("library")]
    assert not [name for path in watch for name in imports_of(path) if ".library" in name]
    assert not [name for path in library for name in imports_of(path) if ".watch" in name]


def test_only_the_reader_and_the_inspector_open_files() -> None:
    """Embedding files are opened in one place; hashing a file is the one exception."""
    openers = {
        name_of(path)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open"
    }
    assert openers == {"entries.read", "library.inspect"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_functions_are_short(path: Path) -> None:
    """No function is longer than 50 lines, no module longer than 300."""
    source = path.read_text()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 50, node.name
    assert source.count("\n") <= 300


@pytest.mark.parametrize(
    ("ours", "others"),
    [
        ("lib_embeddings", ("torch", "gradio", "watchdog", "PIL")),
        ("lib_embeddings.cli", ("ftfy", "regex", "rapidfuzz")),
        ("lib_embeddings.library.reports", ("ftfy", "regex", "rapidfuzz")),
    ],
)
def test_what_is_not_needed_is_not_imported(ours: str, others: tuple[str, ...]) -> None:
    """A scan runs without these packages, and nobody who reads no prompt waits for its own."""
    code = f"import sys, {ours}; print([m for m in {others} if m in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    assert result.stdout.strip() == "[]"
