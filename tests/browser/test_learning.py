"""Learning a word in the small app, with the small model that comes with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from lib_embeddings import read_embedding
from lib_embeddings.training.lessons import Lessons
from tests.browser.conftest import SD1, Visit, serving, write
from tests.browser.tab import Tab
from tests.browser.test_access import complaints, with_axe

SHIPPED = Path(__file__).parents[2] / "examples" / "pictures"

needs_pictures = pytest.mark.skipif(
    find_spec("diffusers") is None, reason="lib-embeddings[pictures] is not installed"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one embedding."""
    path = tmp_path_factory.mktemp("embeddings")
    write(path, "old", SD1)
    return path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def address(folder: Path, home: Path) -> Iterator[str]:
    with serving(folder, home) as address:
        yield address


@pytest.fixture
def page(visit: Visit, address: str) -> Page:
    page = visit()
    page.goto(address)
    Tab(page).cards.first.wait_for()
    return page


def opened(page: Page) -> Locator:
    """Open the dialog by its button, and return it."""
    Tab(page).root.get_by_role("button", name="Learn a word from a few pictures").click()
    return Tab(page).root.locator("dialog.learn-word")


def take_example(dialog: Locator, name: str, steps: int, *, begins: bool = True) -> None:
    """Let the shipped pictures be learned under a name, or only ask for it."""
    dialog.get_by_role("button", name="Use the example").click()
    expect(dialog.locator(".seen img")).to_have_count(4)
    dialog.get_by_label("New word").fill(name)
    if not dialog.get_by_label("Maximum steps").is_visible():
        dialog.locator("summary").click()
    dialog.get_by_label("Maximum steps").fill(str(steps))
    if begins:
        dialog.get_by_role("button", name="Learn it").click()


@needs_pictures
def test_a_word_from_four_pictures(page: Page, folder: Path) -> None:
    """The shipped pictures become a card that goes into the prompt, and the word paints them."""
    dialog = opened(page)
    take_example(dialog, "my-cross", 100)
    expect(dialog.get_by_role("progressbar")).to_be_visible()
    expect(dialog.get_by_text("my-cross is now in your library.")).to_be_visible(timeout=100_000)
    expect(dialog.get_by_role("status")).to_have_text(re.compile("^Ended after 100 steps"))
    curve = dialog.get_by_role("img", name=re.compile(r"^Loss: 0\.\d+ before, at best 0\.\d+"))
    expect(curve).to_be_visible()
    expect(dialog.locator(".samples img")).to_have_count(2)
    dialog.get_by_role("button", name="Show its card").click()
    tab = Tab(page)
    tab.click("my-cross")
    expect(tab.prompt).to_have_value("my-cross")
    embedding = read_embedding(folder / "my-cross.safetensors")
    assert embedding.vectors["clip_l"].shape == (1, 768)
    with Image.open(folder / "my-cross.preview.png") as preview:
        red, green, blue = np.asarray(preview.convert("RGB"))[12:20, 12:20].mean(axis=(0, 1))
    assert red > 1.3 * green > 1.3 * blue  # orange, where its circle was not


@needs_pictures
def test_long_words_of_another_language(visit: Visit, address: str) -> None:
    """On a phone no button that has room for its words breaks them; pictures have their step."""
    words = """localization = {
      "Stop and keep the best": "Anhalten und das Beste behalten", "Step {step}": "Schritt {step}",
    }"""
    page = visit(script=words, viewport={"width": 390, "height": 844})
    page.goto(address)
    Tab(page).root.locator(".options-toggle").click()
    dialog = opened(page)
    take_example(dialog, "my-long", 5_000)
    stop = dialog.get_by_role("button", name="Anhalten und das Beste behalten")
    expect(stop).to_be_visible(timeout=100_000)
    lines = """(button) => {
      const range = document.createRange();
      range.selectNodeContents(button);
      return new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size;
    }"""
    assert stop.evaluate(lines) == 1
    expect(dialog.locator(".samples li").first).to_have_text("Schritt 50", timeout=100_000)
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog.get_by_role("status")).to_have_text("Cancelled. Nothing was kept.")


@needs_pictures
def test_stopped_and_cancelled(page: Page, folder: Path) -> None:
    """Stopping keeps the best so far; cancelling keeps nothing."""
    dialog = opened(page)
    take_example(dialog, "my-plus", 100_000)
    dialog.get_by_role("button", name="Stop and keep the best").click(timeout=100_000)
    expect(dialog.get_by_text("my-plus is now in your library.")).to_be_visible()
    assert (folder / "my-plus.safetensors").exists()
    dialog.get_by_role("button", name="Learn another word").click()
    take_example(dialog, "my-minus", 100_000)
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog.get_by_role("status")).to_have_text("Cancelled. Nothing was kept.")
    assert not (folder / "my-minus.safetensors").exists()


@needs_pictures
def test_paused(page: Page, folder: Path) -> None:
    """It waits as long as somebody wants, also while nobody looks, and goes on where it was."""
    dialog = opened(page)
    take_example(dialog, "my-pause", 100_000)
    expect(dialog.get_by_role("button", name="Stop and keep the best")).to_be_visible()
    dialog.get_by_role("button", name="Pause").click()
    expect(dialog.get_by_role("status")).to_have_text(re.compile(r"^Paused after \d+ steps?$"))
    expect(dialog.get_by_role("button", name="Stop and keep the best")).to_be_hidden()
    page.reload()
    dialog = opened(page)
    dialog.get_by_role("button", name="Resume").click()
    dialog.get_by_role("button", name="Stop and keep the best").click(timeout=100_000)
    expect(dialog.get_by_text("my-pause is now in your library.")).to_be_visible()
    assert (folder / "my-pause.safetensors").exists()


@needs_pictures
def test_own_pictures(page: Page, tmp_path: Path) -> None:
    """The learned part is shown, captions are taken, and a file that is no picture is named."""
    for name, colour in (("tall", "red"), ("wide", "blue")):
        Image.new("RGB", (40, 80), colour).save(tmp_path / f"{name}.png")
    (tmp_path / "tall.txt").write_text("on a table,\nat night")
    (tmp_path / "web.png").write_text("<html>")
    dialog = opened(page)
    paths = [tmp_path / name for name in ("tall.png", "tall.txt", "wide.png", "web.png")]
    dialog.locator("input[type=file]").set_input_files(paths)
    expect(dialog.locator(".seen img")).to_have_count(2)
    expect(dialog.get_by_label("What else tall.png shows")).to_have_value("on a table, at night")
    expect(dialog.get_by_role("alert")).to_have_text("web.png cannot be read as a picture")
    dialog.get_by_role("button", name="Leave wide.png out").click()
    dialog.get_by_label("New word").fill("my-table")
    dialog.get_by_label("A similar word").fill("square")
    dialog.get_by_role("button", name="Learn it").click()
    expect(dialog.get_by_role("alert")).to_have_text(
        "Expected 2 to 100 pictures, found 1: three to five are best"
    )


@needs_pictures
def test_what_was_cut_off(page: Page, home: Path, folder: Path) -> None:
    """A word that an app before this one did not learn to its end goes on, or is forgotten."""
    lessons = Lessons(SHIPPED, home / "lib_embeddings" / "learning")
    for name in ("my-start", "my-end"):
        options = {"name": name, "like": "circle", "most_steps": 10}
        lessons.begin(options, dict.fromkeys(lessons.shipped, ""), str(folder))
    dialog = opened(page)
    begun = dialog.locator(".begun > li")
    expect(begun).to_have_text([re.compile("^my-end was interrupted"), re.compile("^my-start was")])
    begun.last.get_by_role("button", name="Discard it").click()
    expect(begun).to_have_count(1)
    begun.get_by_role("button", name="Resume").click()
    expect(dialog.get_by_text("my-end is now in your library.")).to_be_visible(timeout=100_000)
    assert lessons.all() == []


@with_axe
@needs_pictures
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_accessible(page: Page, address: str, theme: str) -> None:
    """A lesson, and what was learned of it, can be read and operated by everybody."""
    page.goto(f"{address}?__theme={theme}")
    dialog = opened(page)
    take_example(dialog, f"my-{theme}", 10, begins=False)
    assert complaints(Tab(page), "dialog.learn-word") == []
    dialog.get_by_role("button", name="Learn it").click()
    expect(dialog.get_by_text("is now in your library.")).to_be_visible(timeout=100_000)
    assert complaints(Tab(page), "dialog.learn-word") == []


@pytest.mark.skipif(find_spec("diffusers") is not None, reason="all that is needed is here")
def test_missing_packages(page: Page) -> None:
    """Where the packages for pictures are not installed, one sentence says which to install."""
    dialog = opened(page)
    expect(dialog.get_by_role("alert")).to_have_text(
        "Torch is missing: install lib-embeddings[pictures]"
    )
    expect(dialog.get_by_role("button", name="Learn it")).to_be_hidden()
