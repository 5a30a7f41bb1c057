"""The house holds: imports point down only, and few rooms know the outside world."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "lib_embeddings"

# The layers from the ground up; a module imports from its own layer and those below.
LAYERS = (
    ("errors",),
    ("limits", "names", "our_files", "version"),
    ("formats",),
    ("prompts",),
    ("entries",),
    ("stores",),
    ("views",),
    ("library", "watch", "sources", "pictures"),
    ("training",),
    ("web",),
    ("hosts",),
    ("cli",),
    ("__init__", "__main__"),
)

# Who may import what from outside, besides the standard library.
ALLOWED = {
    "numpy": ("formats", "views.inspect", "training.examples"),
    "safetensors": ("pictures.model", "training.learn"),
    "PIL": (
        "formats.containers.picture_pixels",
        "entries.imaging",
        "pictures",
        "training.examples",
    ),
    "platformdirs": ("our_files",),
    "sqlite3": ("stores", "library.journal", "sources.offline"),
    "watchdog": ("watch",),
    "tqdm": ("cli",),
    "http": ("sources.transport",),
    "ssl": ("sources.transport",),
    "ftfy": ("prompts.tokens",),
    "rapidfuzz": ("prompts.near",),
    "torch": ("hosts.a1111", "hosts.webui", "pictures", "training"),
    "diffusers": ("pictures", "training"),
    "transformers": ("pictures", "hosts.forge"),
    "tokenizers": ("hosts.sdnext",),
    "fastapi": ("web", "hosts"),
    "starlette": ("web", "hosts"),
    "uvicorn": ("hosts.standalone",),
    "gradio": ("hosts.sdnext.host", "hosts.standalone"),
    "modules": ("hosts.a1111", "hosts.forge", "hosts.sdnext", "hosts.webui"),
    "backend": ("hosts.forge",),
    "modules_forge": ("hosts.forge",),
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


def test_the_layers_are_all_that_is_there() -> None:
    """Every module belongs to one layer, and no layer names what is not there."""
    rooms = sorted({name_of(path).split(".")[0] for path in MODULES})
    assert sorted(room for layer in LAYERS for room in layer) == rooms


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_down(path: Path) -> None:
    """A module imports nothing of ours from a layer above its own; the package is the top one."""
    for imported in imports_of(path):
        package, _, target = imported.partition(".")
        if package == "lib_embeddings":
            assert layer_of(target or "__init__") <= layer_of(name_of(path)), imported


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_outside_libraries_have_their_rooms(path: Path) -> None:
    """A library from outside is imported only where the house says so."""
    for imported in imports_of(path):
        rooms = ALLOWED.get(imported.split(".")[0])
        if rooms is not None:
            assert name_of(path).startswith(rooms), imported


PROMPTS = [path for path in MODULES if name_of(path).startswith("prompts")]


@pytest.mark.parametrize("path", PROMPTS, ids=name_of)
def test_prompts_know_no_files(path: Path) -> None:
    """Readers of prompts are given names, and know nothing of files, folders and models."""
    ground = ("prompts", "names", "errors", "limits")
    for imported in imports_of(path):
        if imported.startswith("lib_embeddings."):
            assert imported.split(".")[1] in ground, imported


def test_entries_know_no_prompts() -> None:
    """Entries do not depend on how prompts are read."""
    entries = [path for path in MODULES if name_of(path).startswith("entries")]
    assert not [name for path in entries for name in imports_of(path) if ".prompts" in name]


@pytest.mark.parametrize(("room", "other"), list(permutations(("watch", "library", "sources"), 2)))
def test_rooms_side_by_side_do_not_know_each_other(room: str, other: str) -> None:
    """The watcher says *scan again*, and does not know who scans; neither knows any site."""
    paths = [path for path in MODULES if name_of(path).startswith(f"{room}.")]
    assert paths
    assert not [
        name for path in paths for name in imports_of(path) if f"embeddings.{other}" in name
    ]


def test_only_commands_and_routes_ask_sites() -> None:
    """Nobody is asked without being told to: no scan and no host knows of sites."""
    users = {path for path in MODULES for name in imports_of(path) if "embeddings.sources" in name}
    rooms = {name_of(path).partition(".")[0] for path in users}
    assert rooms == {"sources", "web", "cli"}


# Who opens files, and which. Those of embeddings are opened by `entries.read` alone.
OPENERS = {
    "pictures.memory": "what the system says of its memory",
    "entries.read": "embeddings",
    "entries.imaging": "small pictures of ours",
    "entries.previews": "a picture that somebody put there, the one before, and small copies",
    "formats.containers.picture_pixels": "the bytes of a picture that another opened",
    "training.examples": "pictures to learn from, and the texts beside them",
    "training.lessons": "pictures that a page has sent, and the record of a lesson",
    "cli.learn": "what captions say",
    "stores.choices_file": "choices of older versions",
    "hosts.standalone": "the model that somebody chose in the small app",
    "web.tab": "the scripts of the page",
    "__main__": "the place for output that nobody reads",
    "sources.settings": "the file with a person's own keys",
    "sources.concepts": "the list of the Concept Library",
    "sources.offline": "the list of what Civitai did not know",
    "entries.writing": "copies of files on their way to another disk",
    "library.journal": "the records of what moves",
}
OPENING = {"os.open", "io.open", "Image.open", "read_bytes", "read_text", "mmap"}


def openings_of(path: Path) -> Iterator[str]:
    """Yield the calls with which a module opens files, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(func=ast.Name("open")):
                yield "open"
            case ast.Call(func=ast.Attribute(value=ast.Name(owner), attr=attr)):
                yield from {attr, f"{owner}.{attr}"} & OPENING
            case ast.Call(func=ast.Attribute(attr=attr)):
                yield from {attr} & OPENING


def test_only_the_reader_opens_embeddings() -> None:
    """Every module that opens files is known, with what it opens; all of them do open some."""
    assert {name_of(path) for path in MODULES if list(openings_of(path))} == OPENERS.keys()
    (reader,) = (path for path in MODULES if name_of(path) == "entries.read")
    openers = {name_of(path) for path in MODULES if "open" in openings_of(path)}
    assert openers == {name_of(reader)}


# Who joins or cuts paths. Those of files in folders of embeddings are made by `entries.place`
# alone, which knows the rules of each system; all others here have files of their own.
CUTTERS = {
    "entries.place": "the one that does it for all",
    "entries.writing": "drafts of what is written, beside their place",
    "entries.previews": "the folders of thumbnails and of pictures that were replaced",
    "cli.learn": "the state of what is learned, in the current folder",
    "stores.index_file": "the folder of the index, and our own modules",
    "stores.choices": "the folder of the store",
    "stores.choices_file": "the file of older versions beside the store",
    "library.journal": "the trash, and the records of what moves",
    "web.tab": "the scripts and styles of the page",
    "sources.download": "the folder of downloads, and a file in it",
    "sources.settings": "the file of settings",
    "sources.offline": "the file of what is unknown, and the address of a dump",
    "watch.folder_watch": "the paths that events tell",
    "watch.watcher": "the same",
}
CUTS = {
    f"os.path.{function}"
    for function in (
        *("join", "split", "splitext", "splitdrive", "dirname", "basename", "relpath"),
        *("commonpath", "commonprefix", "normpath"),
    )
}
ROOMS_OF_PLACES = (
    "entries",
    "stores",
    "views",
    "library",
    "watch",
    "sources",
    "web",
    "hosts",
    "cli",
)


def cuts_of(path: Path) -> Iterator[str]:
    """Yield what a module uses to join or cut paths, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Attribute(value=ast.Attribute(ast.Name("os"), "path"), attr=attr):
                yield from {f"os.path.{attr}"} & CUTS
            case ast.Attribute(value=ast.Name("os"), attr="sep" | "altsep"):
                yield "os.sep"
            case ast.ImportFrom(module="os" | "os.path" | "posixpath" | "ntpath" | "pathlib"):
                yield f"from {node.module}"
            case ast.Import(names=names):
                yield from {each.name for each in names} & {"pathlib", "posixpath", "ntpath"}


@pytest.mark.parametrize(
    "path", [path for path in MODULES if name_of(path).startswith(ROOMS_OF_PLACES)], ids=name_of
)
def test_one_module_joins_and_cuts_paths(path: Path) -> None:
    """No other guesses how the system spells where a file of an embedding lies."""
    if name_of(path) not in CUTTERS:
        assert list(cuts_of(path)) == []


@pytest.mark.parametrize("name", sorted(CUTTERS))
def test_no_module_may_cut_paths_without_need(name: str) -> None:
    """The list has only modules that are there, and that join or cut paths, or open them."""
    (path,) = (path for path in MODULES if name_of(path) == name)
    assert list(cuts_of(path)) or name == "entries.place"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_functions_and_modules_are_short(path: Path) -> None:
    """No function has more than 50 lines beside its docstring, and no module more than 400."""
    source = path.read_text()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = (ast.get_docstring(node, clean=False) or "").count("\n") + 1
            assert (node.end_lineno or 0) - node.lineno - docstring < 50, node.name
    assert source.count("\n") <= 400


def users_of(name: str) -> list[str]:
    """Return the modules that import a module."""
    room, _, module = f"lib_embeddings.{name}".rpartition(".")
    return [
        name_of(path)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        and (
            node.module == f"{room}.{module}"
            or (node.module == room and module in {alias.name for alias in node.names})
        )
    ]


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.name != "__init__.py"], ids=name_of
)
def test_a_short_module_has_several_users(path: Path) -> None:
    """A short module with one user belongs into that user."""
    name = name_of(path)
    if path.read_text().count("\n") < 40:
        assert len(set(users_of(name))) > 1


@pytest.mark.parametrize(
    ("ours", "others"),
    [
        ("lib_embeddings", ("torch", "gradio", "watchdog", "PIL", "tqdm")),
        (
            "lib_embeddings.__main__",
            ("ftfy", "regex", "rapidfuzz", "torch", "diffusers", "transformers"),
        ),
        ("lib_embeddings.__main__", ("http.client", "ssl", "lib_embeddings.sources")),
        ("lib_embeddings.library.reports", ("ftfy", "regex", "rapidfuzz")),
        (
            "lib_embeddings.web.routes",
            ("torch", "lib_embeddings.pictures", "lib_embeddings.training"),
        ),
        ("lib_embeddings.hosts.studio", ("torch", "diffusers", "transformers")),
    ],
)
def test_what_is_not_needed_is_not_imported(ours: str, others: tuple[str, ...]) -> None:
    """A scan runs without these packages, and nobody who reads no prompt waits for its own."""
    code = f"import sys, {ours}; print([m for m in {others} if m in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    assert result.stdout.strip() == "[]"
