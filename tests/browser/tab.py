"""The tab as a person meets it: what to look at and what to do."""

from __future__ import annotations

from playwright.sync_api import Locator, Page


class Tab:
    """The tab in one page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.root = page.locator(".lib-embeddings")
        self.cards = self.root.locator(".card[data-name]")
        self.status = self.root.locator(".status")
        self.search = self.root.locator("input[type=search]")
        self.empty = self.root.locator(".empty")
        self.details = self.root.locator("dialog")
        self.prompt = page.locator("#txt2img_prompt textarea")
        self.negative = page.locator("#txt2img_neg_prompt textarea")

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
        self.card(name).hover()
        self.card(name).locator(f".{button}").click()

    def show(self, title: str) -> None:
        """Choose what is shown."""
        self.root.locator(".chip", has_text=title).click()
