"""What the tab shows when there are no cards to show: calm, and with what to do."""

from __future__ import annotations

from collections.abc import Mapping

from playwright.sync_api import Page, Route, expect

from tests.browser.tab import Tab

ENTRIES = "**/v1/entries?*"
EMPTY = {"entries": [], "total": 0, "folders": []}


def change_entries(page: Page, changes: Mapping[str, object]) -> None:
    """Load the page again, with a library that is other than the real one in some ways."""

    def answer(route: Route) -> None:
        response = route.fetch()
        body = response.json()
        counts = dict.fromkeys(body["counts"], 0) if "entries" in changes else body["counts"]
        route.fulfill(response=response, json={**body, "counts": counts, **changes})

    page.route(ENTRIES, answer)
    page.reload()


def test_places_of_cards_are_there_before_the_cards(tab: Tab) -> None:
    """While the first answer is on its way, the room for cards is not empty."""
    waiting: list[Route] = []
    tab.page.route(ENTRIES, lambda route: waiting.append(route), times=1)
    tab.page.reload()
    expect(tab.root.locator(".blank").first).to_be_in_viewport()
    expect(tab.status).to_have_text("Loading …")
    for route in waiting:
        route.continue_()
    expect(tab.card("marc_allante")).to_be_visible()
    expect(tab.root.locator(".blank").first).to_be_hidden()


def test_a_server_that_is_gone_has_a_view_until_it_is_back(tab: Tab) -> None:
    """The words are ours, not the browser's, and cards come as soon as they can."""
    tab.page.route(ENTRIES, lambda route: route.abort())
    tab.page.reload()
    expect(tab.empty).to_contain_text("The server does not answer. This page tries again by itself.")
    expect(tab.root).not_to_contain_text("Failed to fetch")
    tab.page.unroute(ENTRIES)
    expect(tab.card("marc_allante")).to_be_visible()
    expect(tab.empty).to_be_hidden()


def test_a_first_scan_says_how_far_it_is(tab: Tab) -> None:
    """With cards, and before there are any."""
    scanning = {"read": 3120, "total": 10_000}
    change_entries(tab.page, {"scanning": scanning})
    expect(tab.status).to_have_text("6 embeddings, 3,120 of 10,000 read")
    tab.page.unroute(ENTRIES)
    change_entries(tab.page, {"scanning": scanning, **EMPTY})
    expect(tab.empty).to_contain_text("Reading embeddings: 3,120 of 10,000")


def test_an_empty_view_is_whole_on_a_low_screen(tab: Tab) -> None:
    """Its words and its button are in sight together where a page is 700 pixels high."""
    tab.page.set_viewport_size({"width": 1200, "height": 700})
    tab.search.fill("no such name")
    tab.search.evaluate("(search) => search.scrollIntoView()")
    expect(tab.search).to_be_in_viewport(ratio=1)
    expect(tab.empty.get_by_text("No results for")).to_be_in_viewport(ratio=1)
    expect(tab.empty.get_by_role("button").first).to_be_in_viewport(ratio=1)
