"""Try an embedding in the small app, with the model that comes with the package."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

pytest.importorskip("diffusers", reason="lib-embeddings[pictures] is not installed")

from lib_embeddings.pictures.paint import paint
from lib_embeddings.prompts.wishes import PaintSettings, Wish
from tests.browser.conftest import Visit, serving
from tests.browser.tab import Tab
from tests.models import small
from tests.pictures.test_compare import word

STEPS = 8
# What is painted takes as long as the machine is busy; this ends only what hangs.
LONG_MS = 180_000
RECONNECT = """() => {
  for (const value of ["hidden", "visible"]) {
    Object.defineProperty(document, "visibilityState", { value, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }
}"""


class World(NamedTuple):
    """The app, and its folder."""

    address: str
    folder: Path


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Yield an app whose embeddings are words of the small model's."""
    folder = tmp_path / "embeddings"
    folder.mkdir()
    word(folder, "my-word", "teal")
    word(folder, "other-word", "red")
    with serving(folder, tmp_path / "home") as address:
        yield World(address, folder)


class Trial:
    """The dialog, as people see it."""

    def __init__(self, page: Page, name: str) -> None:
        self.page = page
        self.tab = Tab(page)
        self.root = self.tab.root.locator("dialog.try-it")
        self.tab.cards.first.wait_for()
        self.tab.press(name, "info")
        self.tab.root.get_by_role("button", name="Try it").click()

    def paint(self, prompt: str, seeds: str = "1") -> None:
        """Let pictures be painted, and wait for them."""
        self.root.get_by_label("Seeds").fill(seeds)
        self.root.get_by_label("Prompt, with").fill(prompt)
        self.root.get_by_text("More", exact=True).click()
        self.root.get_by_label("Steps").fill(str(STEPS))
        self.root.get_by_role("button", name="Try", exact=True).click()
        expect(self.pictures).to_have_count(2 * len(seeds.split(",")), timeout=LONG_MS)

    @property
    def pictures(self) -> Locator:
        """Those that are done."""
        return self.root.locator(".tried button")

    def pixels(self, place: int) -> npt.NDArray[np.int64]:
        """Return what a picture looks like."""
        address = self.pictures.nth(place).locator("img").get_attribute("src")
        assert address
        data = self.page.request.get(f"{self.page.url.partition('?')[0]}{address}").body()
        return np.asarray(Image.open(io.BytesIO(data)), int)


def opened(world: World, visit: Visit, script: str = "") -> Page:
    """Return the app's page."""
    page = visit(script=script)
    page.goto(world.address)
    return page


def test_the_picture_with_the_word_shows_what_it_means(world: World, visit: Visit) -> None:
    """Without it the prompt alone is painted; with it what the model paints for its meaning."""
    trial = Trial(opened(world, visit), "my-word")
    expect(trial.root.get_by_label("Prompt, with")).to_have_value("a photo of a {name}")
    trial.paint("a {name} ring on sand")
    texts = ("a ring on sand", "a teal ring on sand")
    wishes = [Wish(text, "", 1) for text in texts]
    plain = [np.asarray(each, int) for each in paint(small(), {}, wishes, PaintSettings(STEPS))]
    for place, expected in enumerate(plain):
        assert np.abs(trial.pixels(place) - expected).mean() < 2
    assert np.abs(plain[0] - plain[1]).mean() > 10
    expect(trial.root.get_by_text("Painted with small_model")).to_be_visible()


def test_a_picture_is_kept_and_taken_back(world: World, visit: Visit) -> None:
    """Large, with its infotext and a download; kept it shows the card, until somebody undoes it."""
    trial = Trial(opened(world, visit), "my-word")
    trial.paint("{name}")
    trial.pictures.nth(0).click()
    expect(trial.root.get_by_role("button", name="Keep as preview")).to_be_hidden()
    trial.root.get_by_role("button", name="Back to all").click()
    trial.pictures.nth(1).click()
    expect(trial.root.get_by_text("Seed: 1")).to_be_visible()
    expect(trial.root.get_by_role("link", name="Download")).to_have_attribute(
        "download", "my-word 1.png"
    )
    trial.root.get_by_role("button", name="Keep as preview").click()
    expect(trial.root.get_by_text("New picture for my-word")).to_be_visible()
    assert (world.folder / "my-word.preview.png").is_file()
    trial.root.get_by_role("button", name="Undo").click()
    expect(trial.root.get_by_text("Restored the previous picture")).to_be_visible()
    assert not (world.folder / "my-word.preview.png").exists()


def test_what_was_tried_is_there_again(world: World, visit: Visit) -> None:
    """Closed, it leads back to the details; opened again it has the pictures, for this one only."""
    page = opened(world, visit, 'localization = { "without": "ohne" }')
    trial = Trial(page, "my-word")
    trial.paint("{name}")
    expect(trial.root.locator(".tried b")).to_have_text(["ohne", "my-word"])
    trial.root.get_by_role("button", name="Close").click()
    expect(trial.tab.details).to_be_visible()
    trial.tab.root.get_by_role("button", name="Try it").click()
    expect(trial.pictures).to_have_count(2)
    trial.root.get_by_role("button", name="Close").click()
    trial.tab.details.get_by_role("button", name="Close").click()
    other = Trial(trial.page, "other-word")
    expect(other.pictures).to_have_count(0)


def test_a_picture_that_is_looked_at_stays(world: World, visit: Visit) -> None:
    """A new connection, which tells of all jobs again, brings back no earlier one."""
    trial = Trial(opened(world, visit), "my-word")
    trial.paint("{name}")
    first = trial.pictures.nth(1).locator("img").get_attribute("src")
    trial.root.get_by_label("Seeds").fill("2")
    trial.root.get_by_role("button", name="Try", exact=True).click()
    expect(trial.pictures.nth(1).locator("img")).not_to_have_attribute("src", first or "")
    trial.pictures.nth(1).click()
    trial.page.evaluate(RECONNECT)
    trial.root.get_by_role("button", name="Make the missing previews").click()
    expect(trial.root.get_by_text("2 previews made")).to_be_visible(timeout=LONG_MS)
    expect(trial.root.get_by_text("Seed: 2")).to_be_visible()
    expect(trial.pictures.first).to_be_hidden()


def test_previews_for_all(world: World, visit: Visit) -> None:
    """Each card without a picture gets one."""
    (world.folder / "other-word.png").write_bytes(_png())
    trial = Trial(opened(world, visit), "my-word")
    trial.root.get_by_role("button", name="Make the missing previews").click()
    expect(trial.root.get_by_text("1 preview made")).to_be_visible(timeout=LONG_MS)
    assert (world.folder / "my-word.preview.png").is_file()
    assert not (world.folder / "other-word.preview.png").exists()


def _png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    return file.getvalue()
