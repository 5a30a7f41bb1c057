"""The tab for everyone: keys, touch, phones, colours of one's own, and what axe-core finds."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import SD1, Visit, serving, write
from tests.browser.tab import Tab

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"

with_axe = pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed")


def complaints(tab: Tab, where: str = ".lib-embeddings") -> list[Any]:
    """Return what axe-core calls serious or critical, with the first place of each."""
    tab.page.add_script_tag(path=AXE)
    found = tab.page.evaluate(
        "(where) => axe.run({ include: where }, { resultTypes: ['violations'] })", [where]
    )
    return [
        (violation["id"], violation["nodes"][0]["html"], violation["nodes"][0]["failureSummary"])
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
    ]


@with_axe
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_cards_of_every_kind_are_accessible(tab: Tab, address: str, theme: str) -> None:
    """Names, roles and contrast are right, on usable and on greyed cards."""
    tab.page.goto(f"{address}?__theme={theme}")
    tab.cards.first.wait_for()
    tab.show("All")
    tab.card("nfixer").wait_for()
    tab.prompt.focus()
    tab.click("marc_allante")
    assert complaints(tab) == []


@with_axe
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_details_are_accessible(tab: Tab, address: str, theme: str) -> None:
    """The dialog is accessible with all of its sections open."""
    tab.page.goto(f"{address}?__theme={theme}")
    tab.cards.first.wait_for()
    tab.show("Partially compatible")
    tab.press("detail-xl", "info")
    tab.details.get_by_text("SHA-256").wait_for()
    for section in tab.details.locator("summary:visible").all():
        section.click()
    assert complaints(tab) == []


@with_axe
def test_an_empty_view_is_accessible(tab: Tab) -> None:
    """A view that has nothing to show is accessible."""
    tab.search.fill("no such name")
    tab.empty.wait_for()
    assert complaints(tab) == []


@with_axe
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_reports_and_completions_are_accessible(tab: Tab, address: str, theme: str) -> None:
    """Notices of every kind are, and so is a prompt field while names are offered for it."""
    tab.page.goto(f"{address}?__theme={theme}")
    tab.cards.first.wait_for()
    tab.prompt.fill("(marc_allante:1.2), nfixer, embedding:brush, marc_alante, ")
    expect(tab.report.get_by_role("button", name="Convert")).to_be_attached()
    tab.report.get_by_role("button", name="More").click()
    tab.prompt.press_sequentially("wa")
    tab.prompt.press("ArrowDown")
    assert complaints(tab, "#txt2img_prompt") == []


@with_axe
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_list_of_keys_is_accessible(tab: Tab, address: str, theme: str) -> None:
    """`?` shows it, Esc closes it, and the focus is back where it was."""
    tab.page.goto(f"{address}?__theme={theme}")
    tab.cards.first.focus()
    tab.cards.first.locator(".main").focus()
    tab.page.keyboard.press("?")
    keys = tab.root.get_by_role("dialog", name="Keys")
    expect(keys).to_contain_text("Go back to the prompt")
    assert complaints(tab) == []
    tab.page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    expect(tab.cards.first.locator(".main")).to_be_focused()


@with_axe
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_sheet_of_a_phone_is_accessible(tab: Tab, address: str, theme: str) -> None:
    """It takes the focus when it opens, and Esc closes it and nothing else."""
    tab.page.set_viewport_size({"width": 390, "height": 844})
    tab.page.goto(f"{address}?__theme={theme}")
    tab.cards.first.wait_for()
    opener = tab.root.get_by_role("button", name="Filters, order and more")
    opener.click()
    expect(tab.root.locator(".options button").first).to_be_focused()
    assert complaints(tab) == []
    tab.page.keyboard.press("Escape")
    expect(tab.root.locator(".options")).to_be_hidden()
    expect(opener).to_be_focused()


def test_tab_goes_from_group_to_group(tab: Tab) -> None:
    """Five times Tab lead from the prompt to the cards; arrows move inside of each group."""
    tab.root.get_by_role("treeitem").first.wait_for()  # the folders have an answer of their own
    tab.prompt.focus()
    for _ in range(3):
        tab.page.keyboard.press("Tab")
    expect(tab.search).to_be_focused()
    for label in ("Made for", "Sort by"):
        tab.page.keyboard.press("ArrowRight")
        expect(tab.root.get_by_label(label)).to_be_focused()
    for _ in range(3):
        tab.page.keyboard.press("ArrowRight")
    expect(tab.root.locator(".chip").first).to_be_focused()
    tab.page.keyboard.press("Tab")
    expect(tab.root.get_by_role("treeitem").first).to_be_focused()
    tab.page.keyboard.press("Tab")
    expect(tab.cards.first.locator(".main")).to_be_focused()
    tab.page.keyboard.press("Shift+Tab")
    tab.page.keyboard.press("Shift+Tab")
    expect(tab.root.locator(".chip").first).to_be_focused()


def assert_targets(scope: Locator, least: int) -> None:
    """Fail where something that can be clicked has a side of fewer pixels than that."""
    controls = scope.locator("button, select, summary, [role=treeitem], label, input:not(label *)")
    for control in controls.locator("visible=true").all():
        box = control.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= least, control.evaluate("(it) => it.outerHTML")


def test_everything_can_be_hit(tab: Tab) -> None:
    """No target has fewer than 24 pixels on a side."""
    tab.show("All")
    tab.card("nfixer").hover()
    assert_targets(tab.root, 24)
    tab.press("nfixer", "info")
    tab.details.get_by_text("SHA-256").wait_for()
    assert_targets(tab.details, 24)


def test_forced_colours_leave_icons_and_what_is_pressed(tab: Tab) -> None:
    """Shapes are in the colour of text, and what is pressed is highlighted."""
    tab.page.emulate_media(forced_colors="active")
    colour = "(element, part) => getComputedStyle(element, part).backgroundColor"
    system = """(name) => {
      document.body.style.outlineColor = name;
      return getComputedStyle(document.body).outlineColor;
    }"""
    refresh = tab.root.locator(".refresh")
    assert refresh.evaluate(colour, "::before") == tab.page.evaluate(system, "ButtonText")
    highlight = tab.page.evaluate(system, "Highlight")
    for pressed in (".chip[data-value=usable]", "[data-value=auto]", "[aria-selected=true]"):
        assert tab.root.locator(pressed).evaluate(colour) == highlight


@pytest.mark.parametrize("colours", ["none", "active"])
def test_fingers_see_the_buttons_of_cards(phone: Page, address: str, colours: Any) -> None:
    """Nothing waits for a pointer that a phone does not have, whatever the colours are."""
    phone.emulate_media(forced_colors=colours)
    phone.goto(address)
    buttons = Tab(phone).cards.first.locator(".icon")
    buttons.first.wait_for()
    opacity = "(button) => getComputedStyle(button).opacity"
    assert [button.evaluate(opacity) for button in buttons.all()] == ["1"] * 4


@pytest.mark.parametrize("colours", ["none", "active"])
def test_the_facts_of_the_narrowest_card_are_whole(
    visit: Visit, address: str, colours: str
) -> None:
    """Also beside the mark of a caution, and where each part has an edge of its own."""
    page = visit(viewport={"width": 320, "height": 900}, forced_colors=colours)
    page.goto(address)
    facts = Tab(page).cards.filter(has=page.locator(".caution")).first.locator(".facts")
    facts.locator(".amount").evaluate("(amount) => (amount.textContent = '75 vectors')")
    widths = "(part) => [part.className, part.scrollWidth - part.clientWidth]"
    cut = facts.evaluate(f"(facts) => [...facts.children].map({widths})")
    assert cut == [["badge", 0], ["amount", 0], ["caution", 0]]


def test_on_a_phone_the_cards_come_first(phone: Page, address: str) -> None:
    """Search stays in sight, the rest is in a sheet, fingers find everything, nothing is cut."""
    phone.goto(f"{address}?filter=all")
    tab = Tab(phone)
    tab.cards.first.wait_for()
    assert tab.top(tab.names()[0]) < 420
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    expect(tab.root.locator(".chip").first).to_be_hidden()
    phone.evaluate("scrollTo(0, 600)")
    expect(tab.search).to_be_in_viewport()
    tab.root.get_by_role("button", name="Filters, order and more").tap()
    assert_targets(tab.root.locator(".options"), 44)
    tab.root.locator(".chip[data-value=usable]").tap()
    expect(tab.cards).to_have_count(6)
    phone.touchscreen.tap(195, 60)
    assert_targets(tab.card("marc_allante"), 44)
    tab.card("marc_allante").locator(".info").tap()
    tab.details.get_by_text("SHA-256").wait_for()
    assert_targets(tab.details, 44)


FROM_RIGHT_TO_LEFT = """document.addEventListener("DOMContentLoaded", () => {
  document.documentElement.dir = "rtl";
});"""
# What of the tab is seen only in part, because it lies across an edge of the page.
CUT = """(root) => [...root.querySelectorAll("button, input, select, .name, .title, .total")]
  .filter((part) => part.checkVisibility({ visibilityProperty: true }))
  .map((part) => [part.outerHTML.slice(0, 80), part.getBoundingClientRect()])
  .filter(([, { left, right, width }]) => width && (left < -1 || right > innerWidth + 1))
  .map(([what]) => what)"""


# Where a letter of an element's text is.
LETTER = """(element, at) => {
  const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  let text = texts.nextNode();
  for (; at >= text.length; text = texts.nextNode()) at -= text.length;
  const range = document.createRange();
  range.setStart(text, at);
  range.setEnd(text, at + 1);
  return range.getBoundingClientRect();
}"""


@pytest.mark.parametrize("width", [1200, 390])
def test_lines_may_go_from_right_to_left(visit: Visit, address: str, width: int) -> None:
    """All is mirrored, with nothing cut; the arrow to the left is the way on."""
    page = visit(script=FROM_RIGHT_TO_LEFT, viewport={"width": width, "height": 900})
    page.goto(address)
    tab = Tab(page)
    tab.cards.first.wait_for()
    first, second = tab.names()[:2]
    left = "(card) => card.getBoundingClientRect().left"
    assert tab.card(first).evaluate(left) > tab.card(second).evaluate(left)
    expect(tab.root.locator(".ordering select")).to_have_css("background-position-x", "8px")
    assert tab.root.evaluate(CUT) == []
    expect(tab.total).to_have_text("6 embeddings")
    assert tab.total.evaluate(LETTER, 0)["left"] < tab.total.evaluate(LETTER, 11)["left"]
    expect(tab.card(first).locator(".name")).to_have_css("text-align", "right")
    tab.card(first).locator(".main").focus()
    page.keyboard.press("ArrowLeft")
    expect(tab.card(second).locator(".main")).to_be_focused()
    page.keyboard.press("i")
    expect(tab.details.get_by_role("heading")).to_have_text(second)
    assert tab.details.evaluate(CUT) == []
    page.keyboard.press("ArrowRight")
    expect(tab.details.get_by_role("heading")).to_have_text(first)


def test_the_line_and_the_completion_go_from_right_to_left(visit: Visit, address: str) -> None:
    """What a prompt uses begins at the right, and names are offered at the caret."""
    page = visit(script=FROM_RIGHT_TO_LEFT)
    page.goto(address)
    tab = Tab(page)
    tab.cards.first.wait_for()
    tab.prompt.evaluate("(field) => (field.dir = 'rtl')")
    tab.prompt.fill("marc_allante, bad-hands-5, ")
    expect(tab.notices).to_have_count(3)
    lefts = tab.notices.evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().left)")
    assert lefts == sorted(lefts, reverse=True)
    tools = tab.notices.nth(1).evaluate(
        "(one) => one.lastElementChild.getBoundingClientRect().left"
    )
    name = tab.notices.nth(1).locator("b").evaluate("(name) => name.getBoundingClientRect().left")
    assert tools < name
    page.keyboard.insert_text("waterc")  # at once, as each letter has a list of its own
    expect(tab.completions).to_have_count(1)
    expect(tab.completions).to_be_visible()
    offered = tab.completions.evaluate("(option) => option.getBoundingClientRect().right")
    field = tab.prompt.evaluate("(field) => field.getBoundingClientRect().right")
    assert field / 2 < offered < field
    name, amount = (
        tab.completions.locator(part).evaluate("(part) => part.getBoundingClientRect().right")
        for part in (".offered", ".amount")
    )
    assert amount < name


LANGUAGES = {"de-DE": ("Verwendbar", "Negativer Prompt"), "zh-CN": ("可用", "反向提示词")}


@pytest.mark.parametrize("width", [1400, 390])
@pytest.mark.parametrize("locale", LANGUAGES)
def test_the_page_speaks_the_language_of_the_browser(
    visit: Visit, address: str, locale: str, width: int
) -> None:
    """With nothing cut, however long or short words are."""
    usable, negative = LANGUAGES[locale]
    page = visit(locale=locale, viewport={"width": width, "height": 900})
    page.goto(address)
    tab = Tab(page)
    tab.cards.first.wait_for()
    expect(page.locator("#txt2img_neg_prompt label > span")).to_have_text(negative)
    if width < 768:
        tab.root.locator(".options-toggle").click()
    expect(tab.root.locator(".chip[data-value=usable]")).to_have_text(f"{usable} 6")
    assert tab.root.evaluate(CUT) == []
    page.keyboard.press("Escape")
    tab.press("marc_allante", "info")
    details = tab.root.locator("dialog[open]")
    details.get_by_text("SHA-256").wait_for()
    assert details.evaluate(CUT) == []


def test_on_a_phone_the_line_has_room_for_words(visit: Visit, address: str) -> None:
    """Long names of actions go below the words."""
    page = visit(locale="de-DE", viewport={"width": 390, "height": 844}, has_touch=True)
    page.goto(address)
    tab = Tab(page)
    tab.cards.first.wait_for()
    tab.prompt.fill("detail-xl, nfixer, marc_allant")
    tab.report.locator(".more").click()
    width = "(words) => words.getBoundingClientRect().width"
    warnings = tab.report.locator(".warning .words")
    expect(warnings).to_have_count(2)
    assert min(words.evaluate(width) for words in warnings.all()) > 180
    middle = "(part) => (({ top, bottom }) => (top + bottom) / 2)(part.getBoundingClientRect())"
    for warning in tab.report.locator(".warning").all():
        remove, text = (warning.locator(part).evaluate(middle) for part in (".tool", ".words"))
        assert abs(remove - text) < 2
    press = tab.report.locator(".warning .press").bounding_box()
    words = tab.report.locator(".warning:has(.press) .words").bounding_box()
    assert press
    assert words
    assert press["y"] >= words["y"] + words["height"]


def test_the_page_speaks_the_language_of_the_webui(visit: Visit, address: str) -> None:
    """Its setting comes before the browser's language, and what it does not have stays English."""
    words = """localization = {
      "Usable": "Utilisables",
      "{count} embeddings": "{count} plongements",
    }"""
    page = visit(locale="de-DE", script=words)
    page.goto(address)
    tab = Tab(page)
    expect(tab.total).to_have_text("6 plongements")
    expect(tab.root.locator(".chip[data-value=usable]")).to_have_text("Utilisables 6")
    expect(tab.root.locator(".chip[data-value=all]")).to_contain_text("All")


# What a WebUI does with its page: it translates each node of text that is one of its phrases.
LOCALISE = """localization = { brush: "Pinsel", ink: "Tinte" };
new MutationObserver((records) => {
  for (const node of records.flatMap(({ addedNodes }) => [...addedNodes])) {
    const walk = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
    for (let text = node.nodeType === 3 ? node : walk.nextNode(); text; text = walk.nextNode())
      text.data = localization[text.data.trim()] ?? text.data;
  }
}).observe(document, { childList: true, subtree: true });"""


def test_a_webui_translates_no_name(visit: Visit, address: str) -> None:
    """Whatever its phrases are: on cards, in the tree, the details, the line and the completion."""
    page = visit(script=LOCALISE)
    page.goto(address)
    tab = Tab(page)
    expect(tab.card("brush").locator(".name")).to_have_text("brush")
    tab.search.fill("brus")
    expect(tab.card("brush").locator("mark")).to_have_text("brus")
    tab.search.fill("")
    tab.root.get_by_role("treeitem", name="styles").locator(".twisty").click()
    expect(tab.root.get_by_role("tree")).to_contain_text("ink")
    tab.prompt.fill("brush")
    expect(tab.notices.nth(1)).to_contain_text("brush")
    tab.prompt.fill("")
    tab.prompt.press_sequentially("bru")
    expect(tab.completions).to_contain_text(["brush"])
    page.keyboard.press("Escape")
    tab.press("brush", "info")
    expect(tab.details.get_by_role("heading", level=2)).to_have_text("brush")
    expect(tab.root).not_to_contain_text("Pinsel")
    page.evaluate("document.body.append('brush')")
    expect(page.locator("body")).to_contain_text("Pinsel")


# The words of a text that are seen only in part.
CUT_WORDS = """(part) => {
  const text = part.firstChild.data;
  const box = part.getBoundingClientRect();
  const range = document.createRange();
  return [...text.matchAll(/\\S+/g)].filter(({ 0: word, index }) => {
    range.setStart(part.firstChild, index);
    range.setEnd(part.firstChild, index + word.length);
    const { top, bottom, right } = range.getBoundingClientRect();
    return (top + bottom) / 2 < box.bottom && right > box.right + 1;
  }).map(([word]) => word);
}"""


@pytest.mark.parametrize("locale", ["en-US", "de-DE"])
def test_no_word_is_cut_on_the_narrowest_card(visit: Visit, tmp_path: Path, locale: str) -> None:
    """Beside a badge and a caution there is room for a number of vectors, if not for the word."""
    folder = tmp_path / "embeddings"
    write(folder, "portrait", {"emb_params": (75, 768)})
    with serving(folder, tmp_path / "home") as address:
        page = visit(locale=locale, viewport={"width": 320, "height": 844})
        page.goto(address)
        card = Tab(page).card("portrait")
        expect(card.locator(".caution")).to_be_visible()
        assert card.locator(".amount").evaluate(CUT_WORDS) == []


def test_what_is_chosen_is_readable_in_forced_colours(tab: Tab) -> None:
    """All words of the name that is offered first are in the colour for what is highlighted."""
    tab.page.emulate_media(forced_colors="active")
    tab.prompt.fill("")
    tab.prompt.press_sequentially("wa")
    tab.completions.first.wait_for()
    tab.prompt.press("ArrowDown")
    chosen = tab.page.locator(".lib-embeddings-completions [aria-selected=true]")
    colour = "(part) => getComputedStyle(part).color"
    assert chosen.locator(".amount").evaluate(colour) == chosen.evaluate(colour)


# Menus that show only a part of what is chosen in them.
CUT_MENUS = """(root) => [...root.querySelectorAll("select")].filter((menu) => {
  if (!menu.checkVisibility()) return false;
  const alone = menu.cloneNode();
  alone.append(menu.selectedOptions[0].cloneNode(true));
  Object.assign(alone.style, { position: "absolute", width: "max-content", maxWidth: "none" });
  menu.after(alone);
  const { width } = alone.getBoundingClientRect();
  alone.remove();
  return width > menu.getBoundingClientRect().width + 1;
}).map((menu) => menu.selectedOptions[0].label)"""


def test_letters_that_are_looked_for_are_readable_in_forced_colours(tab: Tab) -> None:
    """They have both colours of what is highlighted."""
    tab.page.emulate_media(forced_colors="active")
    tab.search.fill("brush")
    mark = tab.card("brush").locator("mark")
    expect(mark).to_have_text("brush")
    pressed = tab.root.locator(".chip[data-value=usable]")
    for name in ("color", "backgroundColor"):
        colour = f"(part) => getComputedStyle(part).{name}"
        assert mark.evaluate(colour) == pressed.evaluate(colour)


def test_what_the_browser_draws_has_the_colours_of_the_theme(tab: Tab, address: str) -> None:
    """The groove of the slider is no dark one in a light page, and the cross is no blue one."""
    tab.page.goto(f"{address}?__theme=light")
    tab.cards.first.wait_for()
    assert min(map(sum, pixels(tab.root.locator(".scale input")))) > 3 * 80
    tab.search.fill("a")
    assert max(blue - red for red, _, blue in pixels(tab.search)) < 80


def pixels(part: Locator) -> set[tuple[int, int, int]]:
    """Return the colours of a part of the page."""
    picture = Image.open(BytesIO(part.screenshot())).convert("RGB")
    return {colour for _, colour in picture.getcolors(picture.width * picture.height)}


def test_a_long_name_fills_its_line_in_the_list(tab: Tab, folder: Path) -> None:
    """It is cut where the line ends, not at the last hyphen before."""
    name = f"long-{'x' * 120}"
    write(folder, name, SD1)
    tab.root.get_by_role("button", name="Show as a list").click()
    shown = tab.card(name).locator(".name")
    assert shown.evaluate(LETTER, 0)["top"] == shown.evaluate(LETTER, 12)["top"]
    (folder / f"{name}.safetensors").unlink()


@pytest.mark.parametrize("width", [1400, 800, 390])
@pytest.mark.parametrize("locale", ["en-US", "de-DE"])
def test_what_a_menu_shows_is_whole(visit: Visit, address: str, locale: str, width: int) -> None:
    """In the toolbar, and in the sheet that it is on a phone."""
    page = visit(locale=locale, viewport={"width": width, "height": 900})
    page.goto(address)
    tab = Tab(page)
    tab.cards.first.wait_for()
    if width < 768:
        tab.root.locator(".options-toggle").click()
    expect(tab.root.locator(".ordering select")).to_be_visible()
    assert tab.root.evaluate(CUT_MENUS) == []


def test_frames_of_cards_stay_below_the_search(phone: Page, address: str) -> None:
    """On a phone cards go by below it, with the frames that are around them."""
    phone.goto(address)
    tab = Tab(phone)
    tab.cards.first.wait_for()
    tab.search.evaluate("(search) => search.scrollIntoView({ block: 'start' })")
    sides = """(part, frame) => {
      const { left, right } = part.getBoundingClientRect();
      return [left - frame, right + frame];
    }"""
    left, right = tab.root.locator(".toolbar").evaluate(sides, 0)
    cards = [card.evaluate(sides, 2) for card in tab.cards.all()]
    assert left <= min(card[0] for card in cards)
    assert right >= max(card[1] for card in cards)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_is_pressed_looks_pressed(tab: Tab, address: str, theme: str) -> None:
    """Its edge and its ground are others than those of what is not."""
    tab.page.goto(f"{address}?__theme={theme}")
    tab.cards.first.wait_for()
    look = """(part) => (({ borderTopColor, backgroundColor, color }) =>
      [borderTopColor, backgroundColor, color])(getComputedStyle(part))"""
    pressed = tab.root.locator(".chip[data-value=usable]").evaluate(look)
    other = tab.root.locator(".chip[data-value=all]").evaluate(look)
    assert all(one != another for one, another in zip(pressed, other, strict=True))


def test_nothing_moves_for_who_wants_no_movement(tab: Tab) -> None:
    """No part of the tab changes slowly, not even cards that wait for the server."""
    slow = """(root) => [root, ...root.querySelectorAll("*")].filter((part) => {
      const { transitionDuration, transitionProperty, animationName } = getComputedStyle(part);
      const moves = transitionProperty !== "none" && parseFloat(transitionDuration) > 0;
      return moves || animationName !== "none";
    }).length"""
    tab.viewport.evaluate("(viewport) => viewport.setAttribute('aria-busy', 'true')")
    tab.page.emulate_media(reduced_motion="no-preference")
    assert tab.root.evaluate(slow) > 0
    tab.page.emulate_media(reduced_motion="reduce")
    assert tab.root.evaluate(slow) == 0


def test_cancel_stands_beside_what_it_cancels(phone: Page, address: str) -> None:
    """Even in a narrow form its two buttons are on one line."""
    phone.goto(address)
    tab = Tab(phone)
    tab.card("marc_allante").locator(".info").dispatch_event("click")
    tab.details.get_by_role("button", name="Move to …").click()
    boxes = [
        tab.details.get_by_role("button", name=name, exact=True).bounding_box()
        for name in ("Move", "Cancel")
    ]
    assert boxes[0]
    assert boxes[1]
    assert boxes[0]["y"] == boxes[1]["y"]


def test_a_name_stands_in_one_line_with_its_buttons(phone: Page, address: str) -> None:
    """Also where these are as large as a finger, and a refusal stays apart from what follows."""
    phone.goto(address)
    tab = Tab(phone)
    tab.card("marc_allante").locator(".info").dispatch_event("click")
    middles = tab.details.locator(".title-row :is(h2, .edit)").evaluate_all("""(parts) =>
      parts.map((part) => {
        const range = document.createRange();
        range.selectNodeContents(part);
        const box = part.matches(".edit") ? part : range;
        const { top, bottom } = box.getBoundingClientRect();
        return (top + bottom) / 2;
      })""")
    assert max(middles) - min(middles) < 3
    tab.details.get_by_role("button", name="Rename", exact=True).first.click()
    phone.keyboard.type("/")
    phone.keyboard.press("Enter")
    refusal = tab.details.get_by_role("status")
    expect(refusal).to_contain_text("Not renamed")
    move = tab.details.get_by_role("button", name="Move to …")
    words = refusal.evaluate("""(part) => {
      const range = document.createRange();
      range.selectNodeContents(part);
      return range.getBoundingClientRect().bottom;
    }""")
    box = move.bounding_box()
    assert box
    assert box["y"] - words > 6
