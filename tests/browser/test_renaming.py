"""Another name from the details: keys, refusals, and the prompt that still uses the old one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import SD1, write
from tests.browser.tab import Tab
from tests.browser.test_access import AXE, complaints


@pytest.fixture
def cat(tab: Tab, folder: Path) -> Iterator[Locator]:
    """Return the card of a new embedding, with a picture; what it becomes is deleted at the end."""
    before = set(folder.iterdir())
    write(folder, "cat", SD1)
    (folder / "cat.json").write_text('{"notes": "mine"}')
    expect(tab.card("cat")).to_be_visible()
    yield tab.card("cat")
    for path in set(folder.iterdir()) - before:
        path.unlink()
    expect(tab.cards).to_have_count(6)


@pytest.fixture
def field(tab: Tab, cat: Locator) -> Locator:
    """Return the field for a new name, in the details of a card."""
    expect(cat).to_be_visible()
    tab.press("cat", "info")
    tab.details.get_by_role("button", name="Rename", exact=True).first.click()
    return tab.details.get_by_label("New name")


def test_a_rename_with_the_keyboard(tab: Tab, field: Locator, folder: Path) -> None:
    """Enter renames the file and what belongs to it; details and list show the new name."""
    expect(field).to_be_focused()
    field.press_sequentially("my cat")
    field.press("Enter")
    expect(tab.details.get_by_role("heading")).to_have_text("my cat")
    expect(tab.details.get_by_role("status")).to_have_text("Renamed.")
    expect(tab.details.get_by_text("mine")).to_be_visible()
    expect(field).to_be_hidden()
    expect(tab.card("my cat")).to_be_visible()
    expect(tab.card("cat")).to_have_count(0)
    names = {path.name for path in folder.iterdir()}
    assert {"my cat.safetensors", "my cat.json"} <= names
    assert not {"cat.safetensors", "cat.json"} & names


def test_the_prompt_stays_as_it_is(tab: Tab, field: Locator) -> None:
    """A prompt with the old name is not touched, and a sentence says so."""
    tab.details.get_by_role("button", name="Close").click()
    tab.prompt.fill("a (cat:1.2)")
    tab.press("cat", "info")
    tab.details.get_by_role("button", name="Rename", exact=True).first.click()
    field.fill("tabby-x")
    field.press("Enter")
    expect(tab.details.get_by_role("status")).to_have_text(
        "Renamed. The prompt still uses the old name cat."
    )
    expect(tab.prompt).to_have_value("a (cat:1.2)")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("C++", "Not renamed: .*already taken"),
        ("../x", "Not renamed: .*/"),
        ("<b>", "Not renamed: .*<"),
        ("", "Not renamed: the name is empty: type one"),
    ],
)
def test_a_refusal_is_a_sentence(tab: Tab, field: Locator, name: str, sentence: str) -> None:
    """A refused name stays in the field, to be corrected; Esc gives up and closes nothing."""
    field.fill(name)
    field.press("Enter")
    expect(tab.details.get_by_role("status")).to_have_text(re.compile(sentence))
    expect(field).to_have_value(name)
    field.press("Escape")
    expect(field).to_be_hidden()
    expect(tab.details.get_by_role("heading")).to_have_text("cat")


def test_typing_is_not_disturbed(tab: Tab, field: Locator, folder: Path) -> None:
    """A change of the file while somebody types leaves the field, its text and its caret."""
    field.fill("tabby")
    field.press("Home")
    (folder / "cat.json").write_text('{"notes": "changed"}')
    expect(tab.details.get_by_text("changed", exact=True)).to_be_visible()
    expect(field).to_be_focused()
    field.press_sequentially("my ")
    expect(field).to_have_value("my tabby")


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_warned_name(tab: Tab, cat: Locator, address: str, theme: str) -> None:
    """A word of the model has a sign on its card, and a better name in its details."""
    tab.page.goto(f"{address}?__theme={theme}")
    warning = 'The model already knows this word: every "cat" in a prompt becomes this embedding'
    expect(cat.locator(".caution")).to_be_visible()
    expect(cat.locator(".main")).to_have_accessible_description(f"{warning}: rename it to cat-ti")
    expect(tab.card("bad-hands-5").locator(".caution")).to_have_count(0)
    tab.press("cat", "info")
    expect(tab.details.locator(".warning")).to_contain_text(warning)
    tab.details.get_by_role("button", name="Rename to cat-ti …").click()
    expect(tab.details.get_by_label("New name")).to_have_value("cat-ti")
    assert complaints(tab) == []
    tab.details.get_by_role("button", name="Rename", exact=True).last.click()
    expect(tab.details.get_by_role("heading")).to_have_text("cat-ti")
    expect(tab.details.locator(".warning")).to_have_count(0)
