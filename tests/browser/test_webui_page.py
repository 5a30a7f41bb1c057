"""The tab inside a page of a WebUI: two of them, the pane around each, and the WebUI's editor."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import SD1, Visit, fill, running, write
from tests.browser.tab import Tab

# What a WebUI calls to open its editor; this one keeps what it was asked for.
EDITOR = """window.extraNetworksEditUserMetadata = (event, tabname, page) => {
  const { name } = event.target.parentElement.parentElement.dataset;
  window.edited = { name, tabname, page };
  event.stopPropagation();
};"""


@pytest.fixture(scope="module")
def webui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of a page that shows the tab where a WebUI does."""
    folder = tmp_path_factory.mktemp("embeddings")
    fill(folder)
    write(folder, "other/c++", SD1)
    home = tmp_path_factory.mktemp("cache")
    with running("tests.browser.webui_page", folder, home=home) as address:
        yield address


@pytest.fixture
def page(visit: Visit, webui: str) -> Page:
    """Return the WebUI's page."""
    page = visit(script=EDITOR)
    page.goto(webui)
    Tab(page).cards.first.wait_for()
    return page


def open_tab(page: Page, tabname: str) -> Tab:
    """Go to one of the WebUI's tabs, and return the tab in it."""
    page.locator(f":is([role=tab], .tab-nav > button):text-is('{tabname}')").click()
    tab = Tab(page, tabname)
    tab.cards.first.wait_for()
    return tab


def test_each_tab_has_its_own_prompts(page: Page) -> None:
    """A click goes to the prompts of the WebUI's tab that the card is in, and to no other."""
    for tabname in ("txt2img", "img2img"):
        tab = open_tab(page, tabname)
        tab.prompt.fill("a photo")
        tab.click("marc_allante")
        expect(tab.prompt).to_have_value("a photo, marc_allante")
        tab.negative.click()
        tab.click("marc_allante")
        expect(tab.negative).to_have_value("marc_allante")
    open_tab(page, "txt2img").click("marc_allante")
    expect(Tab(page).negative).to_have_value("")
    expect(Tab(page, "img2img").negative).to_have_value("marc_allante")


@pytest.mark.parametrize("name", ["marc_allante", "c++", "<img src=x onerror=alert(1)>"])
def test_the_webuis_editor_opens_for_a_card(page: Page, name: str) -> None:
    """The pencil of a card asks the WebUI for its editor, by the card's name."""
    tab = open_tab(page, "img2img")
    tab.press(name, "edit")
    wanted = {"name": name, "tabname": "img2img", "page": "textual_inversion"}
    assert page.evaluate("window.edited") == wanted
    expect(tab.prompt).to_have_value("")


def test_only_what_a_name_leads_to_can_be_edited(page: Page) -> None:
    """A duplicate has no pencil: its name leads to another file's notes."""
    tab = open_tab(page, "txt2img")
    tab.show("Duplicates")
    expect(tab.cards).to_have_count(1)
    expect(tab.card("c++").locator(".edit")).to_have_count(0)


def test_files_of_one_name_are_told_apart(page: Page) -> None:
    """The used one represents all; the details lead from each to the others."""
    tab = open_tab(page, "txt2img")
    tab.show("All")
    expect(tab.card("c++")).to_have_count(1)
    expect(tab.card("c++").locator(".place")).to_have_text("2 files · same bytes")
    expect(tab.card("marc_allante").locator(".place")).to_have_count(0)
    tab.press("c++", "info")
    tab.details.get_by_role("button", name="other/c++.safetensors (same bytes)").click()
    expect(tab.details.locator(".why")).to_contain_text("Duplicate name")
    tab.page.keyboard.press("Escape")
    tab.show("Duplicates")
    expect(tab.card("c++").locator(".place")).to_have_text("other · same bytes")
    tab.press("c++", "info")
    expect(tab.details).to_contain_text("c++.safetensors (same bytes)")


def test_only_the_file_that_is_used_looks_used(page: Page) -> None:
    """Of two files with one name only one is used, and none that the model cannot use."""
    tab = open_tab(page, "txt2img")
    tab.show("All")
    tab.prompt.fill("c++ , nfixer")
    used = tab.root.locator(".card[data-in]")
    expect(used).to_have_count(1)
    expect(used.locator(".place")).to_have_text("2 files · same bytes")
    expect(tab.card("nfixer").locator(".pill")).to_have_text("Not used")


def test_what_is_shown_stays_over_a_reload(page: Page) -> None:
    """The address is the WebUI's own; each of its tabs remembers what was shown in it."""
    tab = open_tab(page, "txt2img")
    tab.show("Broken")
    expect(tab.cards).to_have_count(1)
    assert "?" not in page.url
    page.reload()
    expect(tab.cards).to_have_count(1)
    assert tab.names() == ["page"]
    assert len(open_tab(page, "img2img").names()) > 1


HIDE_TAB = """(pane) => {
  const tabs = document.createElement("div");
  tabs.innerHTML = `<div class="tab-nav"><button>Generation</button><button>Ours</button></div>
    <div class="tabitem">Generation</div><div class="tabitem" style="display: none"></div>`;
  pane.before(tabs);
  const items = [...tabs.querySelectorAll(".tabitem")];
  items[1].append(pane);
  tabs.querySelectorAll("button").forEach((button, chosen) => {
    const show = () => items.forEach((item, at) => (item.hidden = at !== chosen));
    button.addEventListener("click", show);
    button.addEventListener("click", () => (items[chosen].style.display = "block"));
  });
}"""


def test_a_chip_opens_the_tab_that_has_the_card(page: Page) -> None:
    """A WebUI shows one tab at a time, and ours may not be the one."""
    tab = open_tab(page, "txt2img")
    page.locator("#txt2img_textual_inversion_pane").evaluate(HIDE_TAB)
    expect(tab.root).to_be_hidden()
    tab.prompt.fill("marc_allante")
    tab.report.get_by_role("button", name="marc_allante", exact=True).click()
    expect(tab.card("marc_allante").locator(".main")).to_be_focused()
    expect(tab.card("marc_allante")).to_be_in_viewport()


def test_selected_styles_count_in_the_report(page: Page) -> None:
    """The text of a selected style is reported, even if the prompt is empty."""
    tab = open_tab(page, "txt2img")
    choice = page.locator("#txt2img_styles input")
    choice.click()
    page.locator("[data-value=brushwork], [aria-label=brushwork]").first.click()
    expect(tab.notices.nth(1)).to_contain_text("brush")
    tab.prompt.fill("marc_allante")
    expect(tab.notices).to_contain_text(["5 of 75", "marc_allante", "brush"])
    choice.press("Backspace")
    expect(tab.notices).to_contain_text(["2 of 75", "marc_allante"])


def test_a_page_without_the_server_part_asks_once(visit: Visit, webui: str) -> None:
    """Where the Python part is off the page says nothing and asks no more, whatever is typed."""
    page = visit()
    asked: list[str] = []
    page.route("**/lib-embeddings/v1/**", lambda route: answer(route, asked))
    with page.expect_response("**/v1/host"):
        page.goto(webui)
    prompt = page.locator("#txt2img_prompt textarea")
    prompt.wait_for()
    prompt.press_sequentially("a photo of marc_allante")
    page.evaluate("() => new Promise(requestAnimationFrame)")
    assert [address.rpartition("/")[2] for address in asked] == ["scripts", "host"]
    assert page.locator(".lib-embeddings-report").count() == 0


def answer(route: Route, asked: list[str]) -> None:
    """Answer with our script and style, and as a server that has none of our routes."""
    if "/assets/" in route.request.url:
        route.continue_()
        return
    asked.append(route.request.url)
    route.fulfill(status=404)


def test_without_a_webui_there_is_no_editor(tab: Tab) -> None:
    """The small app has no editor, and no button for one."""
    tab.card("marc_allante").hover()
    expect(tab.root.locator(".info")).to_have_count(1)
    assert tab.root.locator(".edit").count() == 0


@pytest.mark.parametrize("width", [1200, 700])
def test_the_tab_fills_the_pane(page: Page, width: int) -> None:
    """The cards end where the pane ends, and follow when somebody makes it higher."""
    page.set_viewport_size({"width": width, "height": 1000})
    tab = open_tab(page, "txt2img")
    around = page.locator("#txt2img_textual_inversion_pane")

    def gap() -> float:
        """Return how far above the end of the pane the list ends."""
        pane, list_ = around.bounding_box(), tab.viewport.bounding_box()
        assert pane
        assert list_
        return pane["y"] + pane["height"] - list_["y"] - list_["height"]

    before = tab.viewport.bounding_box()
    assert 0 <= gap() < 12
    around.evaluate("(pane) => (pane.style.height = '900px')")
    tab.wait_until_painted()
    after = tab.viewport.bounding_box()
    assert before
    assert after
    assert after["height"] - before["height"] == pytest.approx(280, abs=1)
    assert 0 <= gap() < 12


def test_the_webuis_style_of_cards_is_not_ours(page: Page) -> None:
    """Buttons of a card can be seen and pressed, and its name stands below its picture."""
    tab = open_tab(page, "txt2img")
    card = tab.card("marc_allante")
    tab.press("marc_allante", "star")
    expect(card.locator(".star")).to_have_attribute("aria-pressed", "true")
    page.mouse.move(0, 0)
    expect(card.locator(".star")).to_be_visible()
    name, picture = card.locator(".name").bounding_box(), card.locator(".picture").bounding_box()
    assert name
    assert picture
    assert name["y"] >= picture["y"] + picture["height"]


@pytest.mark.parametrize("has_touch", [False, True])
def test_no_button_leaves_its_card(visit: Visit, webui: str, *, has_touch: bool) -> None:
    """With the pencil there are five, which the narrowest cards have in more rows."""
    page = visit(script=EDITOR, has_touch=has_touch, is_mobile=has_touch)
    page.goto(webui)
    tab = open_tab(page, "txt2img")
    tab.show("All")
    for width in range(320, 760, 40):
        page.set_viewport_size({"width": width, "height": 1000})
        tab.wait_until_painted()
        outside = tab.cards.evaluate_all(
            """(cards) => cards.flatMap((card) => {
              card.querySelector(".main").focus();
              const { left, right, top, bottom } = card.getBoundingClientRect();
              const isOutside = (button) => {
                const box = button.getBoundingClientRect();
                return box.left < left || box.right > right || box.top < top || box.bottom > bottom;
              };
              return [...card.querySelectorAll(".button-row button")]
                .filter((button) => button.checkVisibility() && isOutside(button))
                .map((button) => button.ariaLabel);
            })"""
        )
        assert (width, outside) == (width, [])


def test_others_find_the_cards(page: Page) -> None:
    """Cards, names and places for buttons are where they are on the WebUI's own page."""
    open_tab(page, "img2img")
    cards = page.locator("#img2img_textual_inversion_cards .card[data-name='marc_allante']")
    expect(cards.locator(".actions .name")).to_have_text("marc_allante")
    expect(cards.locator(".button-row")).to_have_count(1)
    terms = cards.locator(".actions .additional .search_terms")
    assert terms.text_content() == "marc_allante.safetensors"


def test_the_hosts_own_controls_do_not_show(page: Page) -> None:
    """The field that the WebUI's script counts is not seen beside ours."""
    assert not page.locator("#txt2img_textual_inversion_extra_search").is_visible()
    assert page.locator("#txt2img_textual_inversion_extra_search").count() == 1
