"""The wheel: what `pip` builds is whole, and runs where there is no copy of the repository."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

import pytest

from lib_embeddings import __version__
from tests.apps import PROJECT, App
from tests.builders import safetensors_file

pytestmark = pytest.mark.skipif(
    find_spec("hatchling") is None, reason="hatchling, which builds the wheel, is not installed"
)


def pip(*arguments: object) -> None:
    """Run pip without a network."""
    command = [sys.executable, "-m", "pip", *map(str, arguments)]
    quiet = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"]
    subprocess.run([*command, *quiet], capture_output=True, check=True)


@pytest.fixture(scope="module", params=["the repository", "a source archive"])
def wheel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel that pip builds of the repository or of a source archive of it."""
    folder, source = tmp_path_factory.mktemp("wheel"), PROJECT
    if request.param == "a source archive":
        build = [sys.executable, "-m", "hatchling", "build", "--target", "sdist"]
        subprocess.run([*build, "--directory", folder], capture_output=True, check=True, cwd=source)
        (source,) = folder.iterdir()
    pip("wheel", "--no-build-isolation", "--wheel-dir", folder, source)
    (wheel,) = folder.glob("*.whl")
    return wheel


def test_what_is_in_it(wheel: Path) -> None:
    """It has the whole package and what the page needs inside of it, and nothing beside it."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        metadata = archive.read(f"lib_embeddings-{__version__}.dist-info/METADATA").decode()
    modules = (PROJECT / "lib_embeddings").rglob("*.py")
    model = (PROJECT / "lib_embeddings" / "pictures" / "small_model").rglob("*")
    assets = (
        (PROJECT / "javascript").rglob("*.mjs"),
        PROJECT.glob("localizations/*"),
        PROJECT.glob("examples/pictures/*"),
    )
    assert names == {
        "lib_embeddings/py.typed",
        "lib_embeddings/assets/style.css",
        *(path.relative_to(PROJECT).as_posix() for path in (*modules, *model) if path.is_file()),
        *(
            f"lib_embeddings/assets/{path.relative_to(PROJECT).as_posix()}"
            for path in chain(*assets)
        ),
    }
    assert "License-Expression: MIT\n" in metadata
    assert "License-File: LICENSE\n" in metadata


def test_it_shows_the_page(wheel: Path, tmp_path: Path) -> None:
    """The app of an installed wheel serves the page, and with it script and style."""
    site, folder = tmp_path / "site", tmp_path / "embeddings"
    pip("install", "--target", site, wheel)
    folder.mkdir()
    (folder / "cat.safetensors").write_bytes(safetensors_file())
    app = App(folder, "--port", 0, home=tmp_path, site=site)
    try:
        style, script = re.findall(r'"(lib-embeddings/[^"]+\?\d+)"', app.get())
        assert app.get(style) == (PROJECT / "style.css").read_text()
        entry = PROJECT / "javascript" / "textual_inversion.mjs"
        assert app.get(script) == entry.read_text()
        (module,) = re.findall(r'import\("\./(.+?)"\)', entry.read_text())
        folder_of_script = script.rpartition("/")[0]
        assert app.get(f"{folder_of_script}/{module}") == (entry.parent / module).read_text()
        assert app.names() == ["cat"]
    finally:
        app.end()
