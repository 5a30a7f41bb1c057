"""The tab as a person meets it: what to look at and what to do."""

from __future__ import annotations

import re
from contextlib import suppress

from playwright.sync_api import Locator, Page, Route, expect
from playwright.sync_api import TimeoutError as TookTooLong


class Tab:
    """The tab in one page."""

    def __init__(self, page: Page, tabname: str = "txt2img") -> None:
        self.page = page
        self.root = page.locator(f".lib-embeddings[data-tabname={tabname}]")
        self.cards = self.root.locator(".card[data-name]")
        self.viewport = self.root.locator(".viewport")
        self.total = self.root.locator(".total")
        self.status = self.root.locator(".status")
        self.search = self.root.locator(".toolbar input[type=search]")
        self.note = self.root.locator(".note")
        self.empty = self.root.locator(".empty")
        self.details = self.root.locator("dialog[aria-label=Details]")
        self.prompt = page.locator(f"#{tabname}_prompt textarea")
        self.negative = page.locator(f"#{tabname}_neg_prompt textarea")
        self.report = page.locator(f"#{tabname}_prompt .lib-embeddings-report")
        self.negative_report = page.locator(f"#{tabname}_neg_prompt .lib-embeddings-report")
        self.notices = self.report.get_by_role("listitem")
        self.completions = page.get_by_role("listbox", name="Embeddings").get_by_role("option")

    def card(self, name: str) -> Locator:
        """Return the card of a name, whatever characters it has."""
        return self.root.locator(f'.card[data-name="{name}"]')

    def names(self) -> list[str]:
        """Return the names on the cards, in the order of the page."""
        return self.cards.locator(".name").all_inner_texts()

    def click(self, name: str, *, shift: bool = False) -> None:
        """Click a card where nothing but its name is."""
        self.card(name).locator(".name").click(modifiers=["Shift"] if shift else [])

    def press(self, name: str, button: str) -> None:
        """Press one of the small buttons of a card: `plus`, `minus`, `star` or `info`."""
        there = self.card(name).locator(f".{button}")
        for seconds in (1, 2, 4, 8, 16):  # a busy page may move a card away from the mouse
            self.card(name).hover()
            with suppress(TookTooLong):
                there.click(timeout=seconds * 1000)
                return
        there.click()

    def use_model(self, title: str) -> None:
        """Choose the active model of the app."""
        self.page.get_by_role("combobox", name="Model", exact=True).select_option(label=title)

    def show(self, title: str) -> None:
        """Choose what is shown."""
        self.root.locator(".chip", has_text=re.compile(f"^{title} ")).click()

    def scroll(self, share: float) -> None:
        """Go down the list by a share of its length, and wait for what is there."""
        self.viewport.evaluate(
            "(viewport, share) => (viewport.scrollTop = viewport.scrollHeight * share)", share
        )
        self.wait_until_painted()
        expect(self.root.locator(".gap")).to_have_count(0)

    def wait_until_painted(self) -> None:
        """Wait until the page has answered to what was done to it last."""
        self.page.evaluate("""() => new Promise((painted) => {
          requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(painted)));
        })""")

    def top(self, name: str) -> float:
        """Return where the upper edge of a card is, in pixels."""
        top: float = self.card(name).evaluate("(card) => card.getBoundingClientRect().top")
        return top

    def first_in_sight(self) -> str:
        """Return the first name whose whole card is in sight."""
        name: str = self.viewport.evaluate("""(viewport) => {
          const { top } = viewport.getBoundingClientRect();
          const cards = [...viewport.querySelectorAll(".card[data-name]")];
          return cards.find((card) => card.getBoundingClientRect().top >= top).dataset.name;
        }""")
        return name


def hold(page: Page, address: str) -> list[Route]:
    """Keep back the answers to all requests from now on, and return a list that they come into."""
    kept: list[Route] = []

    def keep(route: Route) -> None:
        kept.append(route)

    page.route(address, keep)
    return kept


def change_host(page: Page, **changes: object) -> None:
    """Load the page again, in a host that is other than the real one in some ways."""

    def answer(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, json={**response.json(), **changes})

    page.route("**/v1/host", answer)
    page.reload()
    Tab(page).cards.first.wait_for()
