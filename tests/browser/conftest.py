"""A page of the real app in Chromium, on a folder that the tests may change."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Dialog, Page, Playwright, expect, sync_playwright

from tests.browser.tab import Tab
from tests.builders import safetensors_file

Visit = Callable[..., Page]

# What comes on a quiet machine at once may take seconds on a busy one.
expect.set_options(timeout=30_000)

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")

HOSTILE = "<img src=x onerror=alert(1)>"
SD1 = {"emb_params": (2, 768)}
SD2 = {"emb_params": (2, 1024)}
SDXL = {"clip_l": (3, 768), "clip_g": (3, 1280)}
LIBRARY = {
    "marc_allante": SD1,
    "bad-hands-5": SD1,
    "c++": SD1,
    HOSTILE: SD1,
    "styles/watercolour": SD1,
    "styles/ink/brush": SD1,
    "sd2/nfixer": SD2,
    "sdxl/detail-xl": SDXL,
}


def write(folder: Path, name: str, tensors: dict[str, tuple[int, int]]) -> None:
    """Write an embedding at once, as a browser that finishes a download does."""
    path = folder / f"{name}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    vectors = {key: np.full(shape, 0.01, np.float32) for key, shape in tensors.items()}
    partial.write_bytes(safetensors_file(vectors))
    partial.rename(path)


def fill(folder: Path) -> None:
    """Write the library that all tests begin with: 6 usable, 1 for SD 2.x, 1 partial, 1 broken."""
    for name, tensors in LIBRARY.items():
        write(folder, name, tensors)
    (folder / "page.pt").write_bytes(b"<!DOCTYPE html><html><title>Sign in</title></html>")
    (folder / "c++.preview.png").write_bytes(b"not a picture")
    (folder / f"{HOSTILE}.txt").write_text("<p>&lt;script&gt;alert(1)&lt;/script&gt;")


@contextmanager
def serving(folder: Path, cache: Path, port: int = 0) -> Iterator[str]:
    """Yield the address of the app.

    Args:
        port: 0 for any that is free.
    """
    with running(
        "lib_embeddings", "serve", folder, "--model", "sd1", "--port", port, home=cache
    ) as at:
        yield at


@contextmanager
def running(module: str, *arguments: object, home: Path) -> Iterator[str]:
    """Run a module in a process of its own, and yield the address that it says first."""
    homes = dict.fromkeys(("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(home))
    process = subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        env={**os.environ, **homes},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    try:
        said = next((line for line in process.stderr if "http://" in line), "")
        assert said, "the app ended before it said where it is"
        yield "http://" + said.split("http://")[1].strip()
    finally:
        process.terminate()
        process.wait()
        process.stderr.close()


@contextmanager
def visiting(browser: Browser, *, script: str = "", **options: object) -> Iterator[Page]:
    """Yield an empty page of a new visitor; nothing may go wrong in the scripts it loads.

    Args:
        script: What runs before each page's own scripts.
        options: What makes the browser's context another one than a quiet desktop's.
    """
    desktop = {"viewport": {"width": 1200, "height": 900}, "reduced_motion": "reduce"}
    context = browser.new_context(**{**desktop, **options})
    context.add_init_script(script)
    page = context.new_page()
    failures: list[str] = []

    def refuse(dialog: Dialog) -> None:
        failures.append(dialog.message)
        dialog.dismiss()

    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("dialog", refuse)
    try:
        yield page
    finally:
        # A request that is answered only now would fail the test that comes next.
        page.unroute_all(behavior="ignoreErrors")
        context.close()
    assert not failures


@pytest.fixture(scope="package")  # its event loop must be gone when other tests run theirs
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")  # one that has had a hundred visitors is twice as slow
def browser(playwright: Playwright) -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("Chromium is not installed")
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("embeddings")
    fill(path)
    return path


@pytest.fixture(scope="module")
def address(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(folder, tmp_path_factory.mktemp("cache")) as address:
        yield address


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Yield what opens an empty page for one more visitor."""
    with ExitStack() as visitors:
        yield lambda **options: visitors.enter_context(visiting(browser, **options))


@pytest.fixture
def phone(visit: Visit) -> Page:
    """Return the empty page of a visitor on a phone."""
    return visit(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)


@pytest.fixture
def tab(visit: Visit, address: str) -> Tab:
    """Return the tab of a new visitor."""
    page = visit()
    page.goto(address)
    tab = Tab(page)
    tab.cards.first.wait_for()
    return tab
