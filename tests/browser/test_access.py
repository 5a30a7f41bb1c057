"""What axe-core finds: nothing serious."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.tab import Tab

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"

pytestmark = pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed")


def complaints(tab: Tab, where: str = ".lib-embeddings") -> list[Any]:
    """Return what axe-core calls serious or critical, with the first place of each."""
    tab.page.add_script_tag(path=AXE)
    found = tab.page.evaluate(
        "(where) => axe.run({ include: where }, { resultTypes: ['violations'] })", [where]
    )
    return [
        (violation["id"], violation["nodes"][0]["html"], violation["nodes"][0]["failureSummary"])
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_cards_of_every_kind_are_accessible(tab: Tab, address: str, theme: str) -> None:
    """Names, roles and contrast are right, on usable and on greyed cards."""
    tab.page.goto(f"{address}?__theme={theme}")
    tab.cards.first.wait_for()
    tab.show("All")
    tab.card("nfixer").wait_for()
    tab.prompt.focus()
    tab.click("marc_allante")
    assert complaints(tab) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_details_are_accessible(tab: Tab, address: str, theme: str) -> None:
    """So is the dialog, with all of its sections open."""
    tab.page.goto(f"{address}?__theme={theme}")
    tab.cards.first.wait_for()
    tab.show("Partially compatible")
    tab.press("detail-xl", "info")
    tab.details.get_by_text("SHA-256").wait_for()
    for section in tab.details.locator("summary:visible").all():
        section.click()
    assert complaints(tab) == []


def test_an_empty_view_is_accessible(tab: Tab) -> None:
    """So is the view that has nothing to show."""
    tab.search.fill("no such name")
    tab.empty.wait_for()
    assert complaints(tab) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_reports_and_completions_are_accessible(tab: Tab, address: str, theme: str) -> None:
    """So are notices of every kind under a prompt, and the field while names are offered for it."""
    tab.page.goto(f"{address}?__theme={theme}")
    tab.cards.first.wait_for()
    tab.prompt.fill("(marc_allante:1.2), nfixer, embedding:brush, marc_alante, ")
    expect(tab.report.get_by_role("button", name="Convert")).to_be_attached()
    tab.report.get_by_role("button", name="More").click()
    tab.prompt.press_sequentially("wa")
    tab.prompt.press("ArrowDown")
    assert complaints(tab, "#txt2img_prompt") == []
