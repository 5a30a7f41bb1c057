"""What the tab shows when there are no cards to show: calm, and with what to do."""

from __future__ import annotations

from playwright.sync_api import Route, expect

from tests.browser.tab import Tab

ENTRIES = "**/v1/entries?*"


def test_places_of_cards_are_there_before_the_cards(tab: Tab) -> None:
    """While the first answer is on its way, the room for cards is not empty."""
    waiting: list[Route] = []

    def keep(route: Route) -> None:
        waiting.append(route)

    tab.page.route(ENTRIES, keep, times=1)
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
    expect(tab.empty).to_contain_text(
        "The server does not answer. This page tries again by itself."
    )
    expect(tab.root).not_to_contain_text("Failed to fetch")
    tab.page.unroute(ENTRIES)
    expect(tab.card("marc_allante")).to_be_visible()
    expect(tab.empty).to_be_hidden()


def test_a_first_scan_says_how_far_it_is(tab: Tab) -> None:
    """The cards that there are already are shown meanwhile."""

    def answer(route: Route) -> None:
        response = route.fetch()
        scanning = {"read": 3120, "total": 10_000}
        route.fulfill(response=response, json={**response.json(), "scanning": scanning})

    tab.page.route(ENTRIES, answer)
    tab.page.reload()
    expect(tab.status).to_have_text("6 embeddings, 3,120 of 10,000 read")


def test_an_empty_view_is_whole_on_a_low_screen(tab: Tab) -> None:
    """Its words and its button are in sight together where a page is 700 pixels high."""
    tab.page.set_viewport_size({"width": 1200, "height": 700})
    tab.search.fill("no such name")
    tab.search.evaluate("(search) => search.scrollIntoView()")
    expect(tab.search).to_be_in_viewport(ratio=1)
    expect(tab.empty.get_by_text("No results for")).to_be_in_viewport(ratio=1)
    expect(tab.empty.get_by_role("button").first).to_be_in_viewport(ratio=1)
