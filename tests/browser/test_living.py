"""The tab over time: files come and go, connections break, hosts put it in twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import SD1, serving, write
from tests.browser.tab import Tab


def test_a_new_file_appears_and_disturbs_nothing(tab: Tab, folder: Path) -> None:
    """A dropped file is there by itself; search, focus and prompt stay as they are."""
    tab.prompt.fill("a cat")
    tab.search.fill("a")
    tab.search.press("End")
    write(folder, "zebra", SD1)
    expect(tab.card("zebra")).to_be_visible()
    expect(tab.search).to_be_focused()
    expect(tab.search).to_have_value("a")
    expect(tab.prompt).to_have_value("a cat")
    (folder / "zebra.safetensors").unlink()
    expect(tab.card("zebra")).to_have_count(0)


def test_a_lost_connection_is_shown_and_comes_back(tab: Tab) -> None:
    """Nobody looks at an old list without knowing it."""
    note = tab.root.locator(".note")
    tab.page.route("**/events", lambda route: route.abort())
    tab.page.reload()
    expect(note).to_have_text("Not connected. Trying again …", timeout=20_000)
    tab.page.unroute("**/events")
    expect(note).to_be_hidden(timeout=20_000)


def test_the_script_may_be_loaded_twice(tab: Tab) -> None:
    """A host that loads the script again, under another address, gets no second tab."""
    script = tab.page.locator("script[src*=textual_inversion]").get_attribute("src")
    tab.page.evaluate("(script) => import(script + '&again')", script)
    expect(tab.root.locator(".toolbar")).to_have_count(1)
    tab.prompt.focus()
    tab.click("marc_allante")
    expect(tab.prompt).to_have_value("marc_allante")


def test_a_place_that_is_put_in_again_gets_a_new_tab(tab: Tab) -> None:
    """Gradio may replace the element at any time."""
    tab.page.evaluate("""() => {
      const old = document.querySelector(".lib-embeddings");
      old.replaceWith(old.cloneNode());
    }""")
    expect(tab.cards).to_have_count(6)
    tab.prompt.focus()
    tab.click("marc_allante")
    expect(tab.prompt).to_have_value("marc_allante")


def test_ten_thousand_cards_are_a_handful(
    browser: Browser, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """However many embeddings there are, few cards exist, and every one can be reached."""
    for number in range(2000):
        write(tmp_path, f"{number % 7}/embedding-{number}", SD1)
    with serving(tmp_path, tmp_path_factory.mktemp("cache")) as address:
        page = browser.new_page(viewport={"width": 2560, "height": 1440})
        page.goto(address)
        tab = Tab(page)
        tab.cards.first.wait_for()
        expect(tab.status).to_have_text("2,000 embeddings")
        for share in (0.0, 0.5, 1.0):
            tab.root.locator(".viewport").evaluate(
                "(viewport, share) => (viewport.scrollTop = viewport.scrollHeight * share)", share
            )
            expect(tab.root.locator(".gap")).to_have_count(0)
            assert tab.root.locator("*").count() <= 2500
        expect(tab.card("embedding-1999")).to_be_visible()
        page.close()
