"""Finding an embedding: filters, search, folders, order, keys."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from string import ascii_letters, digits

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import HOSTILE, SD1, Visit, serving, write
from tests.browser.tab import Tab, change_host

# The page may still be on its way to what got the focus.
HAS_COME_TO_REST = """() => new Promise((resolve) => {
  const before = scrollY;
  setTimeout(() => resolve(scrollY === before), 300);
})"""
USABLE = [HOSTILE, "bad-hands-5", "brush", "c++", "marc_allante", "watercolour"]


def test_it_opens_with_what_the_model_can_use(tab: Tab) -> None:
    """The rest is counted and can be shown."""
    assert sorted(tab.names()) == sorted(USABLE)
    expect(tab.root.locator(".chip:visible")).to_have_text(
        [
            "Usable 6",
            "Other models 1",
            "Partially compatible 1",
            "Broken 1",
            "Favourites 0",
            "All 9",
        ]
    )


def test_hostile_names_and_pictures_are_text(tab: Tab) -> None:
    """Markup in a name is shown as it is written, and a damaged picture leaves no hole."""
    expect(tab.card(HOSTILE).locator(".name")).to_have_text(HOSTILE)
    expect(tab.root.locator("img[src=x]")).to_have_count(0)
    expect(tab.card("c++").locator("img")).to_have_count(0)
    tab.press(HOSTILE, "info")
    expect(tab.details).to_contain_text("<script>alert(1)</script>")
    expect(tab.details.locator("script")).to_have_count(0)


def test_a_name_that_is_cut_can_be_read(tab: Tab) -> None:
    """It is shown as a tooltip, whole; and no name breaks inside of a word that fits."""
    name = tab.card("marc_allante").locator(".name")
    expect(name).to_have_attribute("title", "marc_allante")
    expect(name).to_have_text("marc_allante")
    tab.page.set_viewport_size({"width": 500, "height": 900})
    lines = """(name) => {
      const range = document.createRange();
      return [...name.childNodes].filter((node) => node.data).flatMap((node) => {
        range.selectNodeContents(node);
        return Array.from(range.getClientRects(), ({ top }) => top);
      });
    }"""
    name.evaluate("(name) => (name.style.width = '3.5rem')")
    first, *rest = name.evaluate(lines)  # of "m" and "arc_", which stand apart, and the same below
    assert rest == [first, rest[-1], rest[-1]]


def test_a_card_says_why_it_is_not_usable(tab: Tab) -> None:
    """State and reason are on the card, and a click on what is no embedding shows its details."""
    tab.show("All")
    expect(tab.card("nfixer").locator(".reason")).to_contain_text("Made for SD 2.x")
    expect(tab.card("page").locator(".reason")).to_contain_text("This is a web page")
    tab.click("page")
    expect(tab.details).to_contain_text("Broken file")


def test_search_takes_words_in_any_order(tab: Tab) -> None:
    """Cards follow the typing; folders count as well as names."""
    tab.search.press_sequentially("brush styles")
    expect(tab.cards).to_have_count(1)
    expect(tab.total).to_have_text("1 of 6 embeddings")
    assert tab.names() == ["brush"]


def test_an_empty_view_says_why_and_offers_more(tab: Tab) -> None:
    """One click leads from a search without result to the file that was meant."""
    tab.search.fill("nfixer")
    expect(tab.empty).to_contain_text("No results for “nfixer”")
    tab.empty.get_by_role("button", name="Show the results under “All” (1)").click()
    expect(tab.card("nfixer")).to_be_visible()
    expect(tab.empty).to_be_hidden()


def test_folders_filter_with_what_is_below_them(tab: Tab) -> None:
    """A folder shows its sub-folders' files too, and folds away."""
    rows = tab.root.get_by_role("treeitem")
    rows.filter(has_text="styles").click()
    expect(tab.cards).to_have_count(2)
    rows.filter(has_text="styles").press("ArrowRight")
    rows.filter(has_text="ink").click()
    expect(tab.cards).to_have_count(1)


def test_order_is_remembered(tab: Tab) -> None:
    """The chosen order remains after the page is loaded again."""
    tab.root.get_by_label("Sort by").select_option("Vectors")
    tab.root.get_by_label("Descending").click()
    tab.page.reload()
    expect(tab.root.get_by_label("Sort by")).to_have_value("vectors")
    expect(tab.root.get_by_label("Ascending")).to_be_visible()


def test_everything_can_be_done_with_keys(tab: Tab) -> None:
    """Arrows move, Enter inserts, with Shift elsewhere, `/` searches, Esc goes back."""
    tab.prompt.focus()
    tab.search.focus()
    tab.page.keyboard.press("ArrowDown")
    tab.page.keyboard.press("Home")
    tab.page.keyboard.press("ArrowRight")
    tab.page.keyboard.press("ArrowRight")
    first, second = tab.names()[1:3]
    expect(tab.card(second).locator(".main")).to_be_focused()
    tab.page.keyboard.press("Enter")
    expect(tab.prompt).to_have_value(second)
    expect(tab.card(second).locator(".main")).to_be_focused()
    tab.page.keyboard.press("ArrowLeft")
    tab.page.keyboard.press("Shift+Enter")
    expect(tab.card(first)).to_have_attribute("data-in", "Negative prompt")
    tab.page.keyboard.press("/")
    expect(tab.search).to_be_focused()
    tab.page.keyboard.type("marc")
    tab.page.keyboard.press("Escape")
    expect(tab.search).to_have_value("")
    tab.page.keyboard.press("Escape")
    expect(tab.prompt).to_be_focused()


def test_what_is_shown_is_in_the_address(tab: Tab) -> None:
    """Filter, search, folder and order are there after a reload, and for others."""
    tab.show("All")
    tab.search.fill("sd")
    tab.root.get_by_role("treeitem").filter(has_text="sdxl").click()
    tab.root.get_by_label("Sort by").select_option("Size")
    expect(tab.cards).to_have_count(1)
    expect(tab.page).to_have_url(re.compile("sort=size"))
    tab.page.reload()
    expect(tab.cards).to_have_count(1)
    assert tab.names() == ["detail-xl"]
    expect(tab.search).to_have_value("sd")
    expect(tab.root.get_by_label("Sort by")).to_have_value("size")
    tab.page.goto(tab.page.url.split("?")[0] + "?filter=broken")
    expect(tab.cards).to_have_count(1)
    assert tab.names() == ["page"]


def test_cards_have_the_size_that_was_chosen(tab: Tab) -> None:
    """The slider makes them larger, also after a reload."""
    width = "(card) => card.getBoundingClientRect().width"
    before = tab.card("c++").evaluate(width)
    tab.root.get_by_label("Size of the cards").fill("2")
    larger = tab.card("c++").evaluate(width)
    assert larger > 1.5 * before
    tab.page.reload()
    tab.cards.first.wait_for()
    assert tab.card("c++").evaluate(width) == larger


def test_nothing_covers_a_reason(tab: Tab) -> None:
    """The buttons that come when a card is pointed at are elsewhere, and so are initials."""
    tab.show("All")
    for name in ("nfixer", "page", "detail-xl"):
        card = tab.card(name)
        card.hover()
        sentence = card.locator(".reason span").bounding_box()
        assert sentence
        for button in card.locator(".button-row button").locator("visible=true").all():
            box = button.bounding_box()
            assert box
            assert box["y"] + box["height"] <= sentence["y"]
        initials = "(picture) => getComputedStyle(picture, '::before').content"
        assert card.locator(".picture").evaluate(initials) == "none"


def test_details_lead_on_from_their_file_also_while_somebody_types(tab: Tab) -> None:
    """A prompt field that keeps the caret keeps the focus from the card that was clicked."""
    _, before, middle, behind = tab.names()[:4]
    tab.prompt.click()
    tab.press(middle, "info")
    for key, name in (("ArrowRight", behind), ("ArrowLeft", middle), ("ArrowLeft", before)):
        tab.page.keyboard.press(key)
        expect(tab.details.get_by_role("heading")).to_have_text(name)


def test_details_lead_on_from_a_file_that_has_left_the_list(tab: Tab, folder: Path) -> None:
    """Next shows the one behind it, and Previous the one before it, also at the end of the list."""
    names = [f"walk-{number}" for number in range(5)]
    for name in names:
        write(folder, name, SD1)
    tab.search.fill("walk-")
    expect(tab.cards).to_have_count(5)

    def lead(shown: str, gone: list[str], key: str, name: str) -> None:
        tab.press(shown, "info")
        for other in gone:
            (folder / f"{other}.safetensors").unlink()
            expect(tab.card(other)).to_have_count(0)
        tab.page.keyboard.press(key)
        expect(tab.details.get_by_role("heading")).to_have_text(name)
        tab.page.keyboard.press("Escape")

    lead("walk-1", ["walk-1", "walk-0"], "ArrowRight", "walk-2")
    lead("walk-4", ["walk-4"], "ArrowLeft", "walk-3")
    for name in ("walk-2", "walk-3"):
        (folder / f"{name}.safetensors").unlink()


def test_details_lead_from_file_to_file(tab: Tab) -> None:
    """Arrows go through the list, a button inserts, and the focus comes back to the last card."""
    first, second = tab.names()[:2]
    tab.press(first, "info")
    tab.page.keyboard.press("ArrowRight")
    expect(tab.details.get_by_role("heading")).to_have_text(second)
    tab.details.get_by_role("button", name="Previous").click()
    expect(tab.details.get_by_role("heading")).to_have_text(first)
    tab.details.get_by_role("button", name="Insert into the prompt").click()
    expect(tab.details.get_by_role("button", name="Remove from the prompt")).to_be_visible()
    assert tab.prompt.input_value()
    expect(tab.details.get_by_role("button", name="Remove from the prompt")).to_be_focused()
    tab.page.keyboard.press("ArrowRight")
    tab.page.keyboard.press("Escape")
    expect(tab.card(second).locator(".main")).to_be_focused()
    tab.prompt.focus()
    tab.page.keyboard.press("Control+z")
    expect(tab.prompt).to_have_value("")


@pytest.mark.parametrize("width", [1400, 800, 390])
def test_details_are_in_the_middle(tab: Tab, width: int) -> None:
    """The page behind them stays where it is, whatever somebody scrolls."""
    tab.page.set_viewport_size({"width": width, "height": 844})
    tab.card("marc_allante").locator(".main").focus()
    tab.page.keyboard.press("i")
    tab.details.get_by_text("SHA-256").wait_for()
    assert_in_the_middle(tab.details, width)
    tab.page.wait_for_function(HAS_COME_TO_REST)
    before = tab.page.evaluate("scrollY")
    tab.page.mouse.move(5, 5)
    tab.page.mouse.wheel(0, 400)
    tab.wait_until_painted()
    assert tab.page.evaluate("scrollY") == before
    tab.page.keyboard.press("Escape")
    tab.page.keyboard.press("?")
    assert_in_the_middle(tab.root.get_by_role("dialog", name="Keys"), width)


def assert_in_the_middle(dialog: Locator, width: int) -> None:
    """Fail unless a dialog is in the middle of a page that is 844 pixels high."""
    box = dialog.bounding_box()
    assert box
    assert box["x"] == pytest.approx(width - box["x"] - box["width"], abs=1)
    assert box["y"] == pytest.approx(844 - box["y"] - box["height"], abs=1)


def test_a_file_is_shown_in_its_folder(tab: Tab) -> None:
    """The details ask the server for it, where the server is this computer; else nothing does."""
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.method)
        route.fulfill(status=204)

    change_host(tab.page, may_reveal=True)
    tab.page.route("**/reveal", answer)
    tab.press("marc_allante", "info")
    reveal = tab.details.get_by_role("button", name="Show it in its folder")
    reveal.click()
    expect(reveal).to_be_enabled()
    assert asked == ["POST"]
    change_host(tab.page, may_reveal=False)
    tab.press("marc_allante", "info")
    tab.details.get_by_text("SHA-256").wait_for()
    expect(reveal).to_have_count(0)


def test_the_model_decides_what_is_usable(tab: Tab) -> None:
    """Another model in the app is another list in the tab, without a click in it."""
    tab.use_model("SD 2.x")
    expect(tab.cards).to_have_count(1)
    assert tab.names() == ["nfixer"]
    tab.use_model("SD 1.x")
    expect(tab.cards).to_have_count(6)


def test_details_tell_all_and_take_choices(tab: Tab) -> None:
    """A partial embedding can be used anyway, a favourite is found again, a field is chosen."""
    tab.show("Partially compatible")
    tab.press("detail-xl", "info")
    expect(tab.details).to_contain_text("768 for clip_l (float32)")
    expect(tab.details).to_contain_text(re.compile("[0-9a-f]{64}"))
    tab.details.get_by_label("Use it anyway").check()
    tab.details.get_by_label("Favourite").check()
    with tab.page.expect_response(lambda answer: "negative" in (answer.request.post_data or "")):
        tab.details.get_by_label("Negative prompt").check()
    expect(tab.root.locator(".chip", has_text="Usable")).to_have_text("Usable 7")
    tab.page.keyboard.press("Escape")
    tab.show("Favourites")
    tab.click("detail-xl")
    expect(tab.negative).to_have_value("detail-xl")
    tab.press("detail-xl", "info")
    expect(tab.details.get_by_label("Negative prompt")).to_be_checked()
    tab.details.get_by_label("Auto").check()
    tab.details.get_by_label("Use it anyway").uncheck()
    tab.details.get_by_label("Favourite").uncheck()
    expect(tab.root.locator(".chip", has_text="Favourites")).to_have_text("Favourites 0")


# A list, and large pictures


def test_a_list_has_columns_that_sort_it(tab: Tab) -> None:
    """It is remembered; a click on a title sorts by it, another one reverses."""
    tab.root.get_by_role("button", name="Show as a list").click()
    tab.show("All")
    row = tab.card("detail-xl")
    expect(row.locator(".facts > *")).to_contain_text(["SDXL", "3", "KB", "20", "sdxl", ""])
    expect(row.locator(".reason")).to_contain_text("Partially compatible")
    tab.root.locator(".columns button", has_text="Vectors").click()
    expect(tab.cards.first).to_have_attribute("data-name", "detail-xl")
    tab.root.locator(".columns button", has_text="Vectors").click()
    expect(tab.cards.last).to_have_attribute("data-name", "detail-xl")
    tab.page.reload()
    expect(tab.card("brush").locator(".folder")).to_have_text("styles/ink")
    tab.click("marc_allante")
    expect(tab.prompt).to_have_value("marc_allante")
    tab.card("marc_allante").locator(".main").press("ArrowDown")
    tab.root.get_by_role("button", name="Show as a list").click()
    expect(tab.card("marc_allante").locator(".amount")).to_have_text("2 vectors")


def test_a_list_shows_trigger_words(tab: Tab, folder: Path) -> None:
    """Below their title, where there is room for them."""
    told = folder / "marc_allante.json"
    told.write_text('{"activation text": "marc style, oil"}')
    try:
        tab.root.get_by_role("button", name="Show as a list").click()
        words = tab.card("marc_allante").locator(".triggers")
        expect(words).to_have_text("marc style, oil")
        title = tab.root.locator(".columns").get_by_text("Trigger words")
        tab.page.set_viewport_size({"width": 1600, "height": 900})
        edges = [
            part.evaluate("(part) => part.getBoundingClientRect().left") for part in (title, words)
        ]
        assert abs(edges[0] - edges[1]) <= 1
        tab.page.set_viewport_size({"width": 800, "height": 900})
        expect(words).to_be_hidden()
        expect(title).to_be_hidden()
    finally:
        told.unlink()


def test_the_buttons_of_a_row_are_in_one_line(tab: Tab) -> None:
    """The star, which has a place of its own, is as high as those that come with the pointer."""
    tab.root.get_by_role("button", name="Show as a list").click()
    for name in ("marc_allante", "brush"):
        tab.card(name).hover()
        buttons = tab.card(name).locator(".button-row button")
        middles = buttons.evaluate_all("""(buttons) => buttons.map((button) => {
          const { top, bottom } = button.getBoundingClientRect();
          return Math.round(top + bottom);
        })""")
        assert len(middles) > 2
        assert max(middles) - min(middles) <= 1


def test_rows_of_a_list_do_not_overlap(tab: Tab) -> None:
    """No text is over another, at any width."""
    tab.root.get_by_role("button", name="Show as a list").click()
    narrow = 4 if version("gradio").startswith("3.") else 3  # whose panes are wider
    for width, columns in ((1400, 7), (1000, narrow), (800, narrow)):
        tab.page.set_viewport_size({"width": width, "height": 900})
        tab.wait_until_painted()
        parts = tab.card("marc_allante").locator(".name, .facts > *").all()
        boxes = [box for part in parts if (box := part.bounding_box())]
        assert len(boxes) == columns
        for before, after in pairwise(boxes):
            assert before["x"] + before["width"] <= after["x"]


@pytest.fixture
def with_picture(tab: Tab, folder: Path) -> Iterator[Tab]:
    picture = folder / "marc_allante.preview.png"
    Image.new("RGB", (600, 800), "teal").save(picture)
    expect(tab.card("marc_allante").locator("img")).to_be_visible()
    yield tab
    picture.unlink()


def test_a_picture_is_shown_large_while_somebody_rests_on_it(with_picture: Tab) -> None:
    """Beside its card, and only as long."""
    tab = with_picture
    tab.card("marc_allante").locator(".picture").hover()
    large = tab.root.locator(".peek")
    expect(large).to_be_visible()
    expect(large).to_be_in_viewport(ratio=1)
    expect(large.locator("img")).to_have_js_property("naturalWidth", 600)
    tab.search.hover()
    expect(large).to_be_hidden()
    tab.click("marc_allante")
    expect(tab.prompt).to_have_value("marc_allante")


def test_arrow_keys_go_on_behind_an_enlarged_picture(with_picture: Tab) -> None:
    """The next file has none that could keep the focus."""
    tab = with_picture
    tab.press("marc_allante", "info")
    tab.details.locator(".enlarge").click()
    tab.page.keyboard.press("ArrowRight")
    expect(tab.details).to_contain_text("watercolour")
    tab.page.keyboard.press("ArrowLeft")
    expect(tab.details).to_contain_text("marc_allante")


@pytest.mark.usefixtures("with_picture")
def test_a_long_press_shows_the_picture_and_clicks_nothing(phone: Page, address: str) -> None:
    """A short tap inserts, as ever."""
    tab = Tab(phone)
    tab.page.goto(address)
    picture = tab.card("marc_allante").locator(".picture")
    picture.locator("img").wait_for()
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    assert box
    touch = [{"x": box["x"] + 60, "y": box["y"] + 90}]
    fingers = phone.context.new_cdp_session(phone)
    fingers.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": touch})
    expect(tab.root.locator(".peek")).to_be_visible()
    fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(tab.root.locator(".peek")).to_be_hidden()
    expect(tab.prompt).to_have_value("")
    tab.card("marc_allante").locator(".name").tap()
    expect(tab.prompt).to_have_value("marc_allante")


def test_the_line_that_counts_further_folders_is_kept(visit: Visit, tmp_path: Path) -> None:
    """Only numbers change in the tree while somebody searches."""
    library = tmp_path / "library"
    for number in range(205):
        write(library, f"folder-{number}/word-{number}", SD1)
    with serving(library, tmp_path / "cache") as address:
        page = visit()
        page.goto(address)
        tab = Tab(page)
        more = tab.root.locator(".tree .more")
        more.evaluate("(line) => (line.dataset.isKept = true)")
        tab.search.fill("word-204")
        expect(tab.root.locator(".tree .count").first).to_have_text("1")
        expect(more).to_have_attribute("data-is-kept", "true")


# Counts, families, and what a search has found


def expect_folder(tab: Tab, title: str, count: int) -> None:
    """Wait until a folder has this number behind it."""
    expect(tab.root.get_by_role("treeitem").filter(has_text=title)).to_have_text(f"{title}{count}")


def test_folders_are_asked_for_only_where_they_may_have_changed(visit: Visit, address: str) -> None:
    """Not for further cards, and not for each letter of a search while nobody sees the tree."""
    page = visit()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    tab = Tab(page)

    def n_questions() -> int:
        return sum("/v1/folders" in url for url in asked)

    expect_folder(tab, "styles", 2)
    tab.root.get_by_label("Sort by").select_option("Size")
    tab.root.get_by_role("treeitem").filter(has_text="styles").click()
    expect(tab.cards).to_have_count(2)
    assert n_questions() == 1
    tab.search.fill("ink")
    expect_folder(tab, "styles", 1)
    assert n_questions() == 2
    with page.expect_response(lambda response: "/v1/folders" in response.url):
        tab.root.get_by_label("Show folders").click()  # without filters, as nobody sees it
    tab.search.fill("nowhere")
    expect(tab.cards).to_have_count(0)
    tab.root.get_by_label("Show folders").click()
    expect_folder(tab, "styles", 0)
    assert n_questions() == 4


def test_folders_are_asked_for_once_somebody_has_typed(tab: Tab) -> None:
    """Each letter asks for cards; the numbers beside folders come after the last one."""
    expect_folder(tab, "styles", 2)
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url))
    tab.search.press_sequentially("ink")
    expect_folder(tab, "styles", 1)
    assert sum("/v1/folders" in url for url in asked) < len("ink")
    assert sum("/v1/entries" in url for url in asked) >= 1


def test_a_search_changes_the_numbers_in_the_tree_alone(tab: Tab) -> None:
    """A tree that is made anew with every letter costs more than the cards."""
    styles = tab.root.get_by_role("treeitem").filter(has_text="styles")
    styles.evaluate("(item) => item.setAttribute('data-seen', '')")
    tab.search.fill("ink")
    expect_folder(tab, "styles", 1)
    expect(styles).to_have_attribute("data-seen", "")
    styles.click()
    expect(styles).to_have_attribute("aria-selected", "true")
    expect(tab.root.locator(".tree [tabindex='0']")).to_have_count(1)


def test_a_folder_that_is_chosen_while_its_number_is_on_its_way(tab: Tab) -> None:
    """It stays the chosen one when the answer to an earlier question comes."""
    kept: list[Route] = []

    def keep(route: Route) -> None:
        kept.append(route)

    tab.page.route("**/v1/folders?*", keep)
    with tab.page.expect_request("**/v1/folders?*"):
        tab.search.fill("ink")
    styles = tab.root.get_by_role("treeitem").filter(has_text="styles")
    styles.click()
    expect(styles).to_have_attribute("aria-selected", "true")
    for route in kept:
        route.continue_()
    expect_folder(tab, "styles", 1)
    expect(styles).to_have_attribute("aria-selected", "true")


def test_every_count_is_of_what_a_click_would_show(tab: Tab) -> None:
    """Folders count within search and filter, filters within search and folder."""
    tab.search.fill(".safetensors")
    expect(tab.root.locator(".chip:visible")).to_have_text(
        [
            "Usable 6",
            "Other models 1",
            "Partially compatible 1",
            "Broken 0",
            "Favourites 0",
            "All 8",
        ]
    )
    expect_folder(tab, "styles", 2)
    expect_folder(tab, "sd2", 0)
    tab.show("Other models")
    expect(tab.cards).to_have_count(1)
    expect_folder(tab, "styles", 0)
    expect_folder(tab, "sd2", 1)
    tab.root.get_by_role("treeitem").filter(has_text="styles").click()
    expect(tab.root.locator(".chip:visible")).to_contain_text(["Usable 2", "Other models 0"])
    tab.show("Usable")
    expect(tab.cards).to_have_count(2)
    expect(tab.total).to_have_text("2 of 6 embeddings")


def test_what_other_models_use_is_a_choice_away(tab: Tab) -> None:
    """The families that have something are offered, and the page's address keeps the choice."""
    tab.show("All")
    tab.root.get_by_label("Made for").select_option(label="For SDXL")
    expect(tab.cards).to_have_count(1)
    expect(tab.card("detail-xl")).to_be_visible()
    expect(tab.page).to_have_url(re.compile("family=sdxl"))
    tab.page.reload()
    expect(tab.card("detail-xl")).to_be_visible()
    expect(tab.root.get_by_label("Made for")).to_have_value("sdxl")
    tab.show("Usable")
    expect(tab.empty).to_contain_text("Nothing for this model")
    tab.empty.get_by_role("button", name="Show embeddings for any model").click()
    expect(tab.cards).to_have_count(6)


def test_the_letters_that_were_found_stand_out(tab: Tab) -> None:
    """Whatever gaps and marks were typed, and only as long as they are looked for."""
    tab.search.fill("badhands")
    marks = tab.card("bad-hands-5").locator("mark")
    expect(marks).to_have_text(["bad-", "hands"])
    tab.search.fill("wat")
    expect(tab.card("watercolour").locator("mark")).to_have_text("wat")
    tab.search.fill("")
    expect(tab.cards).to_have_count(6)
    expect(tab.root.locator("mark")).to_have_count(0)


# Records what a page draws, as a film of half a second, and returns it in base64.
FILM = """async () => {
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d");
  const recorder = new MediaRecorder(canvas.captureStream(30), { mimeType: "video/webm" });
  const parts = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const end = new Promise((resolve) => (recorder.onstop = resolve));
  recorder.start();
  for (let step = 0; step < 15; step += 1) {
    pen.fillStyle = `hsl(${step * 20} 80% 50%)`;
    pen.fillRect(0, 0, 300, 150);
    await new Promise((next) => setTimeout(next, 33));
  }
  recorder.stop();
  await end;
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}"""


def test_a_video_plays_under_the_pointer(visit: Visit, address: str, folder: Path) -> None:
    """It is silent, goes on over the buttons of its card, and leaves with the pointer."""
    page = visit(reduced_motion="no-preference")
    page.goto(address)
    tab = Tab(page)
    tab.cards.first.wait_for()
    video = tab.root.locator("video")
    (folder / "marc_allante.webm").write_bytes(base64.b64decode(page.evaluate(FILM)))
    expect(tab.card("marc_allante").locator("[data-video]")).to_be_visible()
    tab.card("marc_allante").hover()
    expect(video).to_have_count(1)
    page.wait_for_function("document.querySelector('.lib-embeddings video').currentTime > 0.1")
    assert video.evaluate("(video) => video.muted")
    tab.card("marc_allante").locator(".plus").hover()
    expect(tab.card("marc_allante").locator("video")).to_have_count(1)
    tab.card("brush").hover()
    expect(video).to_have_count(0)
    (folder / "marc_allante.webm").unlink()


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (2560, 1440)])
def test_a_page_full_of_cards_is_light(
    visit: Visit, tmp_path: Path, width: int, height: int
) -> None:
    """There are few elements, even after scrolling far and with the smallest cards."""
    folder = tmp_path / "embeddings"
    for number in range(200):
        write(folder, f"folder-{number % 20}/name-{number}", SD1)
    with serving(folder, tmp_path / "home") as address:
        page = visit(viewport={"width": width, "height": height})
        page.goto(address)
        tab = Tab(page)
        tab.cards.first.wait_for()
        most = {}
        for scale in ("1", "0.8"):
            tab.root.get_by_label("Size of the cards").fill(scale)
            counts = []
            for share in (0, 0.1, 0.33, 0.5, 0.77, 1):
                tab.scroll(share)
                counts.append(tab.root.evaluate("(tab) => tab.querySelectorAll('*').length"))
            most[scale] = max(counts)
        assert most["1"] < most["0.8"] < 900


def test_a_card_has_its_buttons_while_somebody_is_there(tab: Tab) -> None:
    """By mouse or keys; a favourite keeps its star, and what other extensions added stays."""
    card = tab.card("marc_allante")
    expect(card.get_by_role("button")).to_have_count(1)
    tab.press("marc_allante", "star")
    expect(card.locator(".star")).to_have_attribute("aria-pressed", "true")
    expect(card.locator(".button-row button:visible")).to_have_count(4)
    card.locator(".button-row").evaluate("(row) => row.append('theirs')")
    tab.search.focus()
    tab.card("brush").hover()
    expect(card.locator(".button-row button:visible")).to_have_count(1)
    expect(card.locator(".button-row")).to_have_text("theirs")
    tab.page.keyboard.press("Enter")
    expect(card.locator(".button-row button:visible")).to_have_count(4)
    tab.page.keyboard.press("ArrowRight")
    expect(tab.card("watercolour").locator(".button-row button:visible")).to_have_count(4)
    expect(card.locator(".button-row button:visible")).to_have_count(1)
    tab.press("marc_allante", "star")


def test_the_letters_of_a_name_are_of_one_font(tab: Tab) -> None:
    """A font may lack letters of one weight, which then come from another font."""
    tab.page.locator(".card .name").first.evaluate(
        "(name, text) => { name.textContent = text; }", ascii_letters + digits + "-_"
    )
    tab.page.evaluate("document.fonts.ready")
    browser = tab.page.context.new_cdp_session(tab.page)
    browser.send("DOM.enable")
    browser.send("CSS.enable")
    document = browser.send("DOM.getDocument", {"depth": 0})["root"]["nodeId"]
    name = browser.send("DOM.querySelector", {"nodeId": document, "selector": ".card .name"})
    fonts = browser.send("CSS.getPlatformFontsForNode", {"nodeId": name["nodeId"]})["fonts"]
    assert len(fonts) == 1, fonts
