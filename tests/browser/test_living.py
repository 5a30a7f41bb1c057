"""The tab over time: files come and go, connections break, hosts put it in twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import SD1, Visit, serving, write
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
    """An old list is marked as old."""
    tab.page.route("**/events", lambda route: route.abort())
    tab.page.reload()
    expect(tab.note).to_have_text("Not connected. Trying again …", timeout=20_000)
    tab.page.unroute("**/events")
    expect(tab.note).to_be_hidden(timeout=20_000)


def test_a_server_that_starts_again_is_found_again(
    visit: Visit, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """While it is away the page says so; then the list goes on living, with all as it was."""
    write(tmp_path, "first", SD1)
    cache = tmp_path_factory.mktemp("cache")
    page = visit()
    with serving(tmp_path, cache) as address:
        page.goto(address)
        tab = Tab(page)
        tab.cards.first.wait_for()
        tab.prompt.fill("a cat")
    expect(tab.note).to_have_text("Not connected. Trying again …", timeout=20_000)
    expect(tab.card("first")).to_be_visible()
    write(tmp_path, "second", SD1)
    with serving(tmp_path, cache, port=int(address.rstrip("/").rpartition(":")[2])):
        expect(tab.note).to_be_hidden(timeout=20_000)
        expect(tab.card("second")).to_be_visible()
        expect(tab.prompt).to_have_value("a cat")


def test_a_server_that_has_no_events_any_more_is_hardly_asked(tab: Tab) -> None:
    """Where the Python part was switched off the page says so, and asks once a minute from then on.

    Whatever is done there, it asks no more often.
    """
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=404)

    tab.page.route("**/events", refuse)
    tab.page.clock.install()
    tab.page.reload()
    sentence = "The server no longer has embeddings for this page. Reload it."
    for _ in range(100):
        if tab.note.text_content() == sentence:
            break
        tab.page.clock.run_for(1000)
        tab.wait_until_painted()
    expect(tab.note).to_have_text(sentence)
    asked.clear()
    tab.prompt.fill("a marc")
    tab.page.clock.run_for(30_000)
    tab.wait_until_painted()
    assert asked == []


@pytest.mark.parametrize("is_there", [True, False], ids=["404", "no connection"])
def test_where_the_library_does_not_answer_the_page_asks_once(
    visit: Visit, address: str, *, is_there: bool
) -> None:
    """A page without the library gets no tab and no report, and sends no requests for them."""
    page = visit()
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url.rpartition("/v1/")[2])
        route.fulfill(status=404) if is_there else route.abort()

    page.route(re.compile("/v1/(?!assets)"), refuse)
    page.clock.install()
    with page.expect_request("**/v1/host"):
        page.goto(address)
    tab = Tab(page)
    tab.prompt.press_sequentially("a marc")
    page.clock.run_for(60_000)
    tab.wait_until_painted()
    assert sorted(asked) == ["host", "scripts"]
    expect(tab.root.locator("*")).to_have_count(0)
    expect(tab.report).to_have_count(0)


def test_the_first_scan_shows_its_progress(tab: Tab) -> None:
    """While the first files are read, the tab says how far it is; then it shows them."""
    progress = {"read": 3120, "total": 10_000}

    def answer(route: Route) -> None:
        response = route.fetch()
        page = response.json()
        counts = dict.fromkeys(page["counts"], 0)
        early = {"entries": [], "total": 0, "counts": counts, "progress": progress}
        route.fulfill(response=response, json={**page, **early})

    tab.page.route("**/v1/entries?*", answer)
    tab.page.reload()
    expect(tab.empty).to_contain_text("Reading embeddings: 3,120 of 10,000")
    progress["read"] = 9999
    expect(tab.empty).to_contain_text("Reading embeddings: 9,999 of 10,000")
    tab.page.unroute("**/v1/entries?*")
    expect(tab.cards).to_have_count(6)
    expect(tab.empty).to_be_hidden()


def test_the_script_may_be_loaded_twice(tab: Tab) -> None:
    """A host that loads the script again, under another address, gets no second tab."""
    script = tab.page.locator("script[src*=textual_inversion]").get_attribute("src")
    tab.page.evaluate("(src) => import(new URL(src + '&again', document.baseURI))", script)
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


@pytest.fixture(scope="module")
def large_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large")
    for number in range(2000):
        write(path, f"{number % 7}/embedding-{number}", SD1)
    return path


@pytest.fixture
def large_tab(
    visit: Visit, large_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Tab]:
    """Yield the tab on 2,000 embeddings, in a window as large as they come."""
    with serving(large_folder, tmp_path_factory.mktemp("cache")) as address:
        page = visit(viewport={"width": 2560, "height": 1440})
        page.goto(address)
        tab = Tab(page)
        expect(tab.total).to_have_text("2,000 embeddings")
        yield tab


def test_thousands_of_cards_are_a_handful(large_tab: Tab) -> None:
    """Few cards exist among many embeddings, and every embedding can be reached."""
    for share in (0.0, 0.5, 1.0):
        large_tab.scroll(share)
        assert large_tab.root.locator("*").count() <= 2500
    expect(large_tab.card("embedding-1999")).to_be_visible()


def test_keys_never_lose_the_focus(large_tab: Tab) -> None:
    """Also on the way to a card whose page is not here yet, and back to the first one."""
    first = large_tab.names()[0]
    large_tab.card(first).locator(".main").focus()
    large_tab.page.keyboard.press("End")
    focused = large_tab.root.locator(".main:focus")
    expect(focused).to_be_visible()
    last = large_tab.root.locator(".card:has(.main:focus)")
    total = last.get_attribute("aria-setsize")
    assert total
    expect(last).to_have_attribute("aria-posinset", total)
    large_tab.page.keyboard.press("Home")
    expect(large_tab.card(first).locator(".main")).to_be_focused()


def test_what_is_looked_at_stays_where_it_is(large_tab: Tab, large_folder: Path) -> None:
    """More files than a page holds come above and below, and go again: the cards do not move."""
    large_tab.prompt.fill("a cat")
    large_tab.search.fill("e")
    expect(large_tab.total).to_have_text("2,000 of 2,000 embeddings")
    large_tab.scroll(0.5)
    name = large_tab.first_in_sight()
    main = large_tab.card(name).locator(".main")
    main.focus()
    top = large_tab.top(name)
    for number in range(150):
        write(large_folder, f"above-{number}", SD1)
        write(large_folder, f"zone-{number}", SD1)
    expect(large_tab.total).to_have_text("2,300 of 2,300 embeddings", timeout=20_000)
    assert large_tab.top(name) == pytest.approx(top, abs=1)
    expect(main).to_be_focused()
    expect(large_tab.search).to_have_value("e")
    expect(large_tab.prompt).to_have_value("a cat")
    for number in range(150):
        (large_folder / f"above-{number}.safetensors").unlink()
        (large_folder / f"zone-{number}.safetensors").unlink()
    expect(large_tab.total).to_have_text("2,000 of 2,000 embeddings", timeout=20_000)
    assert large_tab.top(name) == pytest.approx(top, abs=1)
    expect(main).to_be_focused()


def test_a_tab_that_was_away_is_where_it_was(large_tab: Tab) -> None:
    """Going to another tab of the host and coming back leaves the list at its place."""
    large_tab.scroll(0.5)
    name = large_tab.first_in_sight()
    for display in ("none", ""):
        large_tab.root.evaluate("(root, display) => (root.style.display = display)", display)
        large_tab.wait_until_painted()
    assert large_tab.first_in_sight() == name
