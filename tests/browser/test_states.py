"""What the tab shows when there are no cards to show: calm, and with what to do."""

from __future__ import annotations

import pytest
from playwright.sync_api import Route, expect

from tests.browser.tab import Tab

ENTRIES = "**/v1/entries?*"
OVERFLOW = """(part) => [part.scrollWidth - part.clientWidth, part.scrollHeight - part.clientHeight]
  .map((pixels) => Math.max(0, pixels - 1))"""


def test_places_of_cards_are_there_before_the_cards(tab: Tab) -> None:
    """While the first answer is on its way, the room for cards is not empty, and does not move."""
    waiting: list[Route] = []

    def keep(route: Route) -> None:
        waiting.append(route)

    tab.page.route(ENTRIES, keep)
    tab.page.reload()
    blank = tab.root.locator(".blank").first
    expect(blank).to_be_in_viewport()
    tab.page.emulate_media(forced_colors="active")  # which takes its colour away
    expect(blank).to_have_css("border-top-style", "solid")
    tab.page.emulate_media(forced_colors="none")
    expect(tab.total).to_have_text("Loading …")
    expect(tab.root.get_by_role("combobox", name="Made for")).to_be_hidden()
    shelf = tab.root.locator(".shelf")
    top = "(shelf) => shelf.getBoundingClientRect().top"
    before = shelf.evaluate(top)
    for route in waiting:
        route.continue_()
    tab.page.unroute(ENTRIES)
    expect(tab.card("marc_allante")).to_be_visible()
    assert shelf.evaluate(top) == before
    expect(tab.root.locator(".blank").first).to_be_hidden()


def test_a_server_that_is_gone_has_a_view_until_it_is_back(tab: Tab) -> None:
    """The words are ours, not the browser's, and cards come as soon as they can."""
    tab.page.route(ENTRIES, lambda route: route.abort())
    tab.page.reload()
    expect(tab.empty).to_contain_text(
        "The server does not answer. This page tries again automatically."
    )
    expect(tab.root).not_to_contain_text("Failed to fetch")
    menu = tab.page.get_by_role("combobox", name="Model", exact=True)
    expect(menu).to_have_value("")
    tab.page.unroute(ENTRIES)
    expect(tab.card("marc_allante")).to_be_visible()
    expect(tab.empty).to_be_hidden()


def test_a_server_that_hangs_is_waited_for_calmly(tab: Tab) -> None:
    """Cards that are not those asked for look like it, also when it is clear what is wrong."""
    waiting: list[Route] = []

    def keep(route: Route) -> None:
        waiting.append(route)

    tab.page.add_init_script("""
      const after = AbortSignal.timeout.bind(AbortSignal);
      AbortSignal.timeout = (ms) => after(ms / 5);
    """)
    tab.page.reload()
    tab.cards.first.wait_for()
    tab.page.route(ENTRIES, keep)
    tab.search.fill("marc")
    expect(tab.viewport).to_have_attribute("aria-busy", "true")
    expect(tab.total).to_have_text("Waiting for the server …")
    expect(tab.root.locator(".cards")).to_have_css("opacity", "0.5")
    expect(tab.note).to_contain_text("the server has not answered for 15 seconds")
    expect(tab.viewport).to_have_attribute("aria-busy", "true")
    tab.page.unroute(ENTRIES)
    tab.search.fill("marc_")
    expect(tab.total).to_have_text("1 of 6 embeddings")
    expect(tab.viewport).not_to_have_attribute("aria-busy", "true")
    expect(tab.note).to_be_hidden()


def test_an_empty_view_is_read_without_scrolling(tab: Tab) -> None:
    """Its words begin where the cards would, however long the room for them is."""
    tab.page.set_viewport_size({"width": 1400, "height": 900})
    tab.search.fill("no such name")
    expect(tab.empty.get_by_text("No results for")).to_be_in_viewport(ratio=1)
    expect(tab.empty.get_by_role("button").first).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("width", [1400, 800])
def test_what_the_toolbar_says_is_whole(tab: Tab, width: int) -> None:
    """How something went, what is wrong and how much there is cut none of each other."""
    tab.page.set_viewport_size({"width": width, "height": 900})
    tab.click("bad-hands-5")
    expect(tab.status).to_have_text("Added bad-hands-5 to the negative prompt")
    parts = [tab.status, tab.total]
    tab.page.route(ENTRIES, lambda route: route.abort())
    assert [part.evaluate(OVERFLOW) for part in parts] == [[0, 0]] * 2
    tab.search.fill("m")
    expect(tab.note).to_have_text("Not loaded: the server does not answer. Trying again …")
    assert [part.evaluate(OVERFLOW) for part in [tab.note, tab.total]] == [[0, 0]] * 2


def test_a_first_scan_says_how_far_it_is(tab: Tab) -> None:
    """The cards that there are already are shown meanwhile."""

    def answer(route: Route) -> None:
        response = route.fetch()
        progress = {"read": 3120, "total": 10_000}
        route.fulfill(response=response, json={**response.json(), "progress": progress})

    tab.page.route(ENTRIES, answer)
    tab.page.reload()
    expect(tab.total).to_have_text("6 embeddings, 3,120 of 10,000 read")


def test_an_empty_view_is_whole_on_a_low_screen(tab: Tab) -> None:
    """Its words and its button are in sight together where a page is 700 pixels high."""
    tab.page.set_viewport_size({"width": 1200, "height": 700})
    tab.search.fill("no such name")
    # To a whole pixel, as a part of one is no part of the field that anybody misses.
    tab.search.evaluate("(search) => scrollTo(0, Math.floor(search.getBoundingClientRect().top))")
    expect(tab.search).to_be_in_viewport(ratio=1)
    expect(tab.empty.get_by_text("No results for")).to_be_in_viewport(ratio=1)
    expect(tab.empty.get_by_role("button").first).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("is_missing", [True, False])
def test_an_empty_library_is_read_on_a_low_screen(tab: Tab, *, is_missing: bool) -> None:
    """What to do stands where a page of 700 pixels shows it, beside the whole toolbar."""
    counts = dict.fromkeys(("ok", "duplicate", "broken", "unsafe", "foreign", "all"), 0)
    changes: dict[str, object] = {"counts": counts, "entries": [], "total": 0}
    if is_missing:
        changes["missing_roots"] = ["/mnt/drive/embeddings"]

    def answer(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, json={**response.json(), **changes})

    tab.page.route(ENTRIES, answer)
    tab.page.set_viewport_size({"width": 1200, "height": 700})
    tab.page.reload()
    words = tab.empty.get_by_text("create it, or connect" if is_missing else "Put .safetensors")
    expect(words).to_be_visible()
    tab.search.evaluate("(search) => scrollTo(0, Math.floor(search.getBoundingClientRect().top))")
    expect(tab.search).to_be_in_viewport(ratio=1)
    expect(words).to_be_in_viewport(ratio=1)


def test_a_folder_that_is_not_there_says_so(tab: Tab) -> None:
    """An empty library names it and says what to do; beside other folders a note does."""
    missing: dict[str, object] = {"missing_roots": ["/mnt/drive/embeddings"]}

    def answer(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, json={**response.json(), **missing})

    tab.page.route(ENTRIES, answer)
    tab.page.reload()
    expect(tab.note).to_have_text("Missing folders: /mnt/drive/embeddings")
    expect(tab.card("marc_allante")).to_be_visible()
    counts = dict.fromkeys(("ok", "duplicate", "broken", "unsafe", "foreign", "all"), 0)
    missing.update(counts=counts, entries=[], total=0)
    tab.page.reload()
    expect(tab.empty).to_contain_text("The folder is missing")
    expect(tab.empty).to_contain_text("/mnt/drive/embeddings: create it, or connect its drive.")


def test_a_server_that_is_gone_at_the_start_is_no_empty_pane(tab: Tab) -> None:
    """The place of the tab says what is wrong and what to do."""
    tab.page.route("**/v1/host", lambda route: route.abort())
    tab.page.reload()
    expect(tab.root).to_have_text("The server does not answer: reload this page in a moment")


def test_an_older_browser_gets_a_sentence(tab: Tab) -> None:
    """It names the browsers that have what the tab needs."""
    tab.page.add_init_script("delete HTMLElement.prototype.popover")
    tab.page.reload()
    expect(tab.root).to_contain_text("This tab needs a newer browser: Chrome or Edge 120")


def test_the_model_menu_shows_what_the_library_has(tab: Tab) -> None:
    """In every window, at once and after a reload."""
    other = tab.page.context.new_page()
    other.goto(tab.page.url)
    menu = other.get_by_role("combobox", name="Model", exact=True)
    expect(menu).to_have_value("SD 1.x")
    tab.use_model("SDXL")
    expect(menu).to_have_value("SDXL")
    expect(tab.card("detail-xl")).to_be_visible()
    other.reload()
    expect(menu).to_have_value("SDXL")
    tab.use_model("SD 1.x")
    expect(menu).to_have_value("SD 1.x")
