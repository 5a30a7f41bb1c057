"""What people do most works in Firefox and in WebKitGTK, too."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.browser.remote import Remote, firefox, webkit
from tests.builders import safetensors_file

BROWSERS = {"firefox": firefox, "webkit": webkit}

PROMPT = "#txt2img_prompt textarea"
SEARCH = ".lib-embeddings .toolbar input[type=search]"
DETAILS = ".lib-embeddings dialog[open]"
NAMES = (
    "() => Array.from(document.querySelectorAll('.card[data-name]'), (card) => card.dataset.name)"
)
IS = "(selector, text) => document.querySelector(selector)?.value === text"
HAS = "(selector, text) => document.querySelector(selector)?.textContent.includes(text)"
IS_GONE = "(selector) => !document.querySelector(selector)"
ESCAPE = "\ue00c"
ENTER = "\ue007"
DOWN = "\ue015"


@pytest.fixture(scope="module", params=BROWSERS)
def browser(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Remote]:
    """Return the page of a browser that is not Chromium."""
    with BROWSERS[request.param](tmp_path_factory.mktemp(request.param)) as page:
        yield page


@pytest.fixture
def page(browser: Remote, address: str) -> Remote:
    """Return the page of the app, with its cards."""
    browser.open(address)
    browser.wait("() => document.querySelectorAll('.card[data-name]').length === 6")
    return browser


def card(name: str) -> str:
    """Return where a click does what the card of a name does."""
    return f'.card[data-name="{name}"] .name'


def write_prompt(page: Remote, text: str, caret: int) -> None:
    """Write a prompt as the host does, and go to a place in it."""
    page.click(PROMPT)
    page.run(
        """(selector, text, caret) => {
          const field = document.querySelector(selector);
          field.value = text;
          field.setSelectionRange(caret, caret);
          field.dispatchEvent(new Event("input", { bubbles: true }));
        }""",
        PROMPT,
        text,
        caret,
    )


def test_a_search_finds_cards(page: Remote) -> None:
    """Typing leaves the cards that match."""
    page.click(SEARCH)
    page.type("badhands")
    page.wait(f"() => ({NAMES})().join() === 'bad-hands-5'")


def test_a_click_inserts_at_the_caret_and_the_next_removes(page: Remote) -> None:
    """The name comes where somebody was, and the text is as before afterwards."""
    write_prompt(page, "a photo of  in the rain", 11)
    page.click(card("marc_allante"))
    page.wait(IS, PROMPT, "a photo of marc_allante in the rain")
    page.click(card("marc_allante"))
    page.wait("(s) => !document.querySelector(s).value.includes('marc_allante')", PROMPT)
    assert page.text(PROMPT).split() == ["a", "photo", "of", "in", "the", "rain"]


def test_the_line_says_what_a_prompt_uses(page: Remote) -> None:
    """Its report is under the field."""
    write_prompt(page, "a photo of marc_allante", 0)
    page.wait(HAS, "#txt2img_prompt .lib-embeddings-report", "marc_allante 2 vectors")


def test_details_open_and_close(page: Remote) -> None:
    """They show all that is known, and Esc leaves them."""
    page.run(
        "(name) => document.querySelector(`.card[data-name=${name}] .main`).focus()", "marc_allante"
    )
    page.type("i")
    page.wait(HAS, DETAILS, "SHA-256")
    page.type(ESCAPE)
    page.wait(IS_GONE, DETAILS)


def test_names_are_completed(page: Remote) -> None:
    """The first that is offered is taken with Down and Enter."""
    write_prompt(page, "", 0)
    page.type("marc_a")
    page.wait(HAS, ".lib-embeddings-completions", "marc_allante")
    page.type(DOWN + ENTER)
    page.wait(IS, PROMPT, "marc_allante")


def test_a_file_that_is_dropped_is_added(page: Remote, folder: Path) -> None:
    """It is in the library at once, and the page stays."""
    content = safetensors_file({"emb_params": np.full((1, 768), 0.01, np.float32)})
    page.run(
        """(text) => {
          const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([bytes], "dropped.safetensors"));
          const target = document.querySelector(".lib-embeddings .viewport");
          const options = { bubbles: true, cancelable: true, dataTransfer };
          target.dispatchEvent(new DragEvent("dragover", options));
          target.dispatchEvent(new DragEvent("drop", options));
        }""",
        base64.b64encode(content).decode(),
    )
    page.wait(HAS, DETAILS, "It was added.")
    page.wait(f"() => ({NAMES})().includes('dropped')")
    (folder / "dropped.safetensors").unlink()
    page.wait(f"() => !({NAMES})().includes('dropped')")
