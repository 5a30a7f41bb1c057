"""What is at the prompt fields: the report of what a prompt uses, and names to choose from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.conftest import HOSTILE, SD1, SD2, fill, write
from tests.browser.tab import Tab, change_host, hold
from tests.entries.test_imaging import picture

HIDE = """(state) => {
  Object.defineProperty(document, "visibilityState", { configurable: true, get: () => state });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
LISTEN_TO_KEYS = "addEventListener('keydown', ({ key }) => (window.keys ??= []).push(key))"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("embeddings")
    fill(path)
    write(path, "whatever-200", SD1)
    write(path, "sd2/whatever-2000", SD2)
    write(path, "Bad Dream", SD1)
    return path


class Asked:
    """What a page asks the server, from now on."""

    def __init__(self, page: Page, route: str) -> None:
        self.requests: list[Request] = []
        page.on("request", lambda request: self._note(request, route))

    def _note(self, request: Request, route: str) -> None:
        if f"/v1/{route}" in request.url:
            self.requests.append(request)

    def prompts(self) -> list[str]:
        """Return the prompts that were asked about."""
        return [json.loads(request.post_data or "")["positive"] for request in self.requests]


# The report


def test_a_prompt_shows_what_it_uses(tab: Tab) -> None:
    """Name, vectors and weight are under the field, and how many tokens are taken."""
    tab.prompt.fill("a (marc_allante:1.2) portrait, marc_allante")
    expect(tab.notices).to_have_text(
        [
            "7 of 75",
            "marc_allante 2 vectors, used 2 times, weights 1.2 and 1",
        ]
    )
    expect(tab.negative_report.get_by_role("listitem")).to_have_count(0)


def test_ordinary_words_have_no_notices(tab: Tab) -> None:
    """They take no room either."""
    height = tab.report.evaluate("(report) => report.parentElement.offsetHeight")
    with tab.page.expect_response("**/v1/prompt"):
        tab.prompt.fill("a photo of a cat on a table, bad weather")
    tab.wait_until_painted()
    expect(tab.notices).to_have_count(0)
    assert tab.report.evaluate("(report) => report.parentElement.offsetHeight") == height


def test_a_prompt_that_is_too_long_is_not_asked_about(tab: Tab) -> None:
    """The limit is the server's, and a notice says that the prompt is not checked."""
    limits = {"prompt_characters": 20, "chunk_tokens": 75, "steps": 1000, "page": 1000}
    change_host(tab.page, limits=limits)
    asked = Asked(tab.page, "prompt")
    tab.prompt.fill("😀" * 21)
    expect(tab.notices).to_have_text(["This prompt is not checked: it has more than 20 characters"])
    tab.prompt.fill("😀" * 8 + "marc_allante")
    expect(tab.notices.nth(1)).to_have_text("marc_allante 2 vectors")
    assert len(asked.requests) == 1


def test_one_line_until_it_is_opened(tab: Tab) -> None:
    """Any number of notices moves the page by one line; a click shows the rest."""
    tab.prompt.fill("marc_allante")
    tab.notices.first.wait_for()
    height = tab.report.evaluate("(report) => report.offsetHeight")
    tab.prompt.fill("nfixer, detail-xl, whatever-2000, marc_alante, embedding:brush, marc_allante")
    expect(tab.notices).to_have_count(9)
    assert tab.report.evaluate("(report) => report.offsetHeight") == height
    tab.report.get_by_role("button", name="more").click()
    expect(tab.report.get_by_role("button", name="Less")).to_be_visible()
    assert tab.report.evaluate("(report) => report.offsetHeight") > height


def test_what_is_not_used_is_shown_with_the_reason(tab: Tab) -> None:
    """The shorter name that is used instead of a longer one is shown, too."""
    tab.negative.fill("nfixer, whatever-2000")
    notices = tab.negative_report.get_by_role("listitem")
    expect(notices.nth(1)).to_contain_text("whatever-2000 is not used: made for SD 2.x")
    expect(notices.nth(1)).to_contain_text("whatever-200 is used instead")
    expect(notices.nth(2)).to_contain_text("nfixer is not used: made for SD 2.x")


def test_a_near_miss_is_mended_with_a_click(tab: Tab) -> None:
    """The word becomes the name, one undo takes it back, and typing goes on in the field."""
    tab.prompt.fill("a cat, (marc_alante:1.2)")
    expect(tab.notices).to_have_text(["marc_alante: did you meanmarc_allante?"])
    words, button = tab.notices.evaluate("""(notice) => Array.from(notice.children, (part) => {
      const { top, bottom } = part.getBoundingClientRect();
      return Math.round(top + bottom);
    })""")
    assert abs(words - button) <= 2  # beside each other
    tab.report.get_by_role("button", name="marc_allante?").click()
    expect(tab.prompt).to_have_value("a cat, (marc_allante:1.2)")
    expect(tab.notices.nth(1)).to_have_text("marc_allante 2 vectors, weight 1.2")
    expect(tab.prompt).to_be_focused()
    tab.page.keyboard.press("Control+z")
    expect(tab.prompt).to_have_value("a cat, (marc_alante:1.2)")


def test_foreign_syntax_is_converted_when_asked(tab: Tab) -> None:
    """Nothing happens without the click, which converts all at once; one undo takes it back."""
    pasted = "😀 embedding:brush.pt, (embedding:marc_allante:1.2), <watercolour>"
    tab.prompt.fill(pasted)
    tab.report.get_by_role("button", name="Convert all 3").click()
    expect(tab.prompt).to_have_value("😀 brush, (marc_allante:1.2), watercolour")
    expect(tab.notices).to_have_count(4)
    tab.page.keyboard.press("Control+z")
    expect(tab.prompt).to_have_value(pasted)


def test_the_report_follows_library_and_model(tab: Tab, folder: Path) -> None:
    """A new file and another model change what the same prompt uses."""
    tab.prompt.fill("newcomer, nfixer")
    expect(tab.notices).to_have_count(1)
    write(folder, "newcomer", SD1)
    expect(tab.notices.filter(has_text="newcomer 2 vectors")).to_be_visible()
    tab.use_model("SD 2.x")
    expect(tab.notices.filter(has_text="nfixer 2 vectors")).to_be_visible()
    expect(tab.notices.filter(has_text="newcomer is not used")).to_be_visible()
    tab.use_model("SD 1.x")
    (folder / "newcomer.safetensors").unlink()
    expect(tab.notices.filter(has_text="newcomer")).to_have_count(0)


def test_a_page_that_nobody_sees_asks_nothing(tab: Tab) -> None:
    """When it is visible again, it asks once for what is new."""
    tab.page.clock.install()
    tab.page.reload()
    tab.cards.first.wait_for()
    asked = Asked(tab.page, "prompt")
    tab.page.evaluate(HIDE, "hidden")
    tab.prompt.fill("marc_allante")
    tab.page.clock.run_for(1000)
    tab.prompt.fill("brush")
    tab.page.clock.run_for(1000)
    tab.page.evaluate(HIDE, "visible")
    tab.page.clock.run_for(1000)
    expect(tab.notices.nth(1)).to_contain_text("brush")
    assert asked.prompts() == ["brush"]


def test_typing_asks_when_it_pauses(tab: Tab) -> None:
    """A word is one question, however many keys it has."""
    tab.page.clock.install()
    tab.page.reload()
    tab.cards.first.wait_for()
    asked = Asked(tab.page, "prompt")
    tab.page.clock.pause_at(tab.page.evaluate("Date.now() + 1000"))
    tab.prompt.press_sequentially("marc_allante")
    tab.page.clock.run_for(1000)
    tab.notices.first.wait_for()
    assert asked.prompts() == ["marc_allante"]


def test_tab_and_reports_share_one_stream(tab: Tab) -> None:
    """A browser opens few connections to a host: the page has one for news."""
    opened = Asked(tab.page, "events")
    tab.page.reload()
    tab.cards.first.wait_for()
    tab.prompt.fill("marc_allante")
    tab.notices.first.wait_for()
    open_ones = [request for request in opened.requests if not request.failure]
    assert len(open_ones) == 1


def test_a_field_that_is_put_in_again_keeps_its_report(tab: Tab) -> None:
    """Gradio may replace the element around a field at any time."""
    tab.prompt.fill("marc_allante")
    tab.notices.first.wait_for()
    tab.page.evaluate("""() => {
      const old = document.querySelector("#txt2img_prompt");
      const copy = old.cloneNode(true);
      copy.querySelector(".lib-embeddings-report").remove();
      copy.querySelector("textarea").value = "brush";
      old.replaceWith(copy);
    }""")
    expect(tab.notices.nth(1)).to_have_text("brush 2 vectors")


def test_a_pasted_infotext_goes_with_the_question(tab: Tab) -> None:
    """The server gets what the picture was made with, and only after such a paste."""
    asked = Asked(tab.page, "prompt")
    infotext = 'marc_allante\nSteps: 20, TI hashes: "gone: 0123456789ab", Version: 1'
    for text in ("brush, ", infotext):
        tab.prompt.evaluate("(field, text) => (field.value = text)", text)
        with tab.page.expect_response("**/v1/prompt"):
            tab.prompt.evaluate(
                """(field, text) => {
                  const clipboardData = new DataTransfer();
                  clipboardData.setData("text", text);
                  const options = { clipboardData, bubbles: true };
                  field.dispatchEvent(new ClipboardEvent("paste", options));
                  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
                }""",
                text,
            )
    bodies = [json.loads(request.post_data or "") for request in asked.requests]
    assert [body.get("infotext") for body in bodies] == [None, infotext]


def test_a_hostile_name_is_text_in_the_report(tab: Tab) -> None:
    """Markup in a name is shown as it is written."""
    tab.click(HOSTILE)
    expect(tab.notices.nth(1)).to_have_text(f"{HOSTILE} 2 vectors")
    expect(tab.page.locator("img[src=x]")).to_have_count(0)


# What the chips do


def press(tab: Tab, label: str) -> None:
    """Press a button of the report."""
    tab.report.get_by_role("button", name=label, exact=True).click()


def test_a_chip_changes_the_weight(tab: Tab) -> None:
    """Each click is a step of 0.1 and one undo, and the caret stays with its words."""
    tab.prompt.fill("a cat, marc_allante")
    tab.prompt.press("Home")
    press(tab, "Make marc_allante stronger")
    press(tab, "Make marc_allante stronger")
    expect(tab.prompt).to_have_value("a cat, (marc_allante:1.2)")
    expect(tab.notices.nth(1)).to_have_text("marc_allante 2 vectors, weight 1.2")
    tab.page.keyboard.type("my ")
    expect(tab.prompt).to_have_value("my a cat, (marc_allante:1.2)")
    tab.prompt.fill("a cat, (marc_allante:1.1)")
    press(tab, "Make marc_allante weaker")
    expect(tab.prompt).to_have_value("a cat, marc_allante")
    tab.prompt.press("Control+z")
    expect(tab.prompt).to_have_value("a cat, (marc_allante:1.1)")


def test_keys_change_a_weight_again_and_again(tab: Tab) -> None:
    """The button that was pressed keeps the focus when the report is made anew."""
    tab.prompt.fill("marc_allante")
    stronger = tab.report.get_by_role("button", name="Make marc_allante stronger")
    stronger.focus()
    for weight in ("1.1", "1.2"):
        tab.page.keyboard.press("Enter")
        expect(tab.notices.nth(1)).to_contain_text(f"weight {weight}")
    expect(stronger).to_be_focused()


def test_the_hosts_own_keys_for_weights_are_left_to_it(tab: Tab) -> None:
    """Ctrl with an arrow in a field is answered by nobody of ours, also while names are offered."""
    tab.page.evaluate("""() => addEventListener("keydown", (event) => {
      window.last = [event.key, event.ctrlKey, event.defaultPrevented];
    })""")
    tab.prompt.press_sequentially("marc_allante, wat")
    tab.completions.first.wait_for()
    for key in ("ArrowUp", "ArrowDown"):
        tab.prompt.press(f"Control+{key}")
        assert tab.page.evaluate("last") == [key, True, False]
    expect(tab.prompt).to_have_value("marc_allante, wat")


def test_a_chip_removes_its_name(tab: Tab) -> None:
    """All of it goes; what a card inserted goes without a trace."""
    tab.prompt.fill("a cat, (marc_allante:1.2), a dog, marc_allante")
    press(tab, "Remove marc_allante from the prompt")
    expect(tab.prompt).to_have_value("a cat, a dog")
    expect(tab.notices).to_have_count(0)
    tab.prompt.fill("a dog ,, ")
    tab.click("brush")
    press(tab, "Remove brush from the prompt")
    expect(tab.prompt).to_have_value("a dog ,, ")


def test_a_chip_shows_its_card(tab: Tab) -> None:
    """Also where the cards of another search are shown, and where no model can use it."""
    tab.prompt.fill("marc_allante, nfixer")
    press(tab, "marc_allante")
    expect(tab.card("marc_allante").locator(".main")).to_be_focused()
    press(tab, "nfixer")
    expect(tab.search).to_have_value('"nfixer"')
    expect(tab.card("nfixer").locator(".main")).to_be_focused()
    expect(tab.card("nfixer")).to_be_in_viewport(ratio=1)
    press(tab, "marc_allante")
    expect(tab.card("marc_allante").locator(".main")).to_be_focused()


def test_what_is_not_used_can_be_mended(tab: Tab) -> None:
    """One click uses a partial fit, adds the missing space, or removes a name without effect."""
    tab.prompt.fill("detail-xl, c++, nfixer")
    press(tab, "Add a space after it")
    expect(tab.prompt).to_have_value("detail-xl, c++ , nfixer")
    press(tab, "Use anyway")
    expect(tab.notices.filter(has_text="detail-xl 3 vectors")).to_be_visible()
    press(tab, "Remove nfixer from the prompt")
    expect(tab.prompt).to_have_value("detail-xl, c++")


def test_fingers_find_the_buttons_where_they_have_room(phone: Page, address: str) -> None:
    """In one line they are too small for a finger; opened, each is large enough."""
    tab = Tab(phone)
    tab.page.goto(address)
    tab.prompt.fill("marc_allante")
    stronger = tab.report.get_by_role("button", name="Make marc_allante stronger")
    tab.report.get_by_role("button", name="More").tap()
    box = stronger.bounding_box()
    assert box
    assert min(box["width"], box["height"]) >= 44
    stronger.tap()
    expect(tab.prompt).to_have_value("(marc_allante:1.1)")


def test_a_button_stays_under_the_pointer_while_it_is_pressed_again(tab: Tab) -> None:
    """Neither the new weight moves it away, nor an answer that comes during a press."""
    tab.prompt.fill("marc_allante, brush")
    stronger = tab.report.get_by_role("button", name="Make marc_allante stronger")
    stronger.hover()
    page, kept = tab.page, hold(tab.page, "**/v1/prompt")
    with page.expect_request("**/v1/prompt"):
        page.mouse.down()
        page.mouse.up()
    page.mouse.down()
    kept[0].continue_()
    expect(tab.notices.nth(1)).to_have_text("marc_allante 2 vectors, weight 1.1")
    page.mouse.up()
    expect(tab.prompt).to_have_value("(marc_allante:1.2), brush")
    page.mouse.down()
    page.mouse.up()
    expect(tab.prompt).to_have_value("(marc_allante:1.3), brush")


# Completion


def test_a_typed_word_is_completed_with_the_keyboard(tab: Tab) -> None:
    """Arrows choose, Enter accepts, one undo takes it back, and typing goes on behind the name."""
    tab.prompt.press_sequentially("a cat, (mar")
    expect(tab.completions).to_have_text(["marc_allante2 vectorsSD 1.x"])
    expect(tab.prompt).to_have_attribute("aria-expanded", "true")
    tab.prompt.press("ArrowDown")
    expect(tab.completions).to_have_attribute("aria-selected", "true")
    tab.prompt.press("Enter")
    expect(tab.prompt).to_have_value("a cat, (marc_allante")
    expect(tab.completions).to_have_count(0)
    expect(tab.prompt).not_to_have_attribute("role", "combobox")
    tab.page.keyboard.type(":1.2)")
    expect(tab.prompt).to_have_value("a cat, (marc_allante:1.2)")
    expect(tab.notices.nth(1)).to_have_text("marc_allante 2 vectors, weight 1.2")


@pytest.mark.parametrize("means", ["keys", "pointer"])
def test_a_late_answer_changes_nothing_that_is_being_chosen(tab: Tab, means: str) -> None:
    """The list stays as somebody has seen it, until the next letter."""
    tab.prompt.press_sequentially("mar")
    tab.completions.first.wait_for()
    kept = hold(tab.page, "**/v1/completions?*")
    with tab.page.expect_request("**/v1/completions?*"):
        tab.prompt.press_sequentially("c")
    if means == "keys":
        tab.prompt.press("ArrowDown")
    else:
        tab.completions.first.hover()
        tab.page.mouse.down()
    with tab.page.expect_response("**/v1/completions?*"):
        kept[0].continue_()
    tab.wait_until_painted()
    if means == "keys":
        tab.prompt.press("Enter")
    else:
        tab.page.mouse.up()
    expect(tab.prompt).to_have_value("marc_allante")


def test_a_letter_ends_the_choice(tab: Tab) -> None:
    """Enter means the same before the answer as after it."""
    tab.prompt.press_sequentially("mar")
    tab.completions.first.wait_for()
    tab.prompt.press("ArrowDown")
    hold(tab.page, "**/v1/completions?*")
    tab.prompt.press_sequentially("k")
    expect(tab.completions.first).to_have_attribute("aria-selected", "false")
    tab.prompt.press("Enter")
    expect(tab.prompt).to_have_value("mark\n")


@pytest.mark.parametrize(
    "change",
    ["field.value = 'host text'", "field.setSelectionRange(0, 0)"],
    ids=["text", "caret"],
)
def test_a_name_is_written_only_where_it_was_typed(tab: Tab, change: str) -> None:
    """A key that follows at once finds no list, whatever has been done to the field meanwhile."""
    tab.prompt.press_sequentially("a cat mar")
    tab.completions.first.wait_for()
    tab.prompt.press("ArrowDown")
    is_hosts = tab.prompt.evaluate(f"""(field) => {{
      {change};
      const key = {{ key: "Enter", bubbles: true, cancelable: true }};
      return field.dispatchEvent(new KeyboardEvent("keydown", key));
    }}""")
    assert is_hosts
    expect(tab.completions).to_have_count(0)
    assert "marc_allante" not in tab.prompt.input_value()


def test_names_that_were_used_last_are_offered_first(tab: Tab, folder: Path) -> None:
    """Among those that match as well, also after a reload."""
    added = [folder / f"dusk-{number}.safetensors" for number in (1, 2)]
    for path in added:
        write(folder, path.stem, SD1)
    try:
        expect(tab.card("dusk-2")).to_be_visible()
        tab.prompt.press_sequentially("du")
        expect(tab.completions).to_contain_text(["dusk-1", "dusk-2"])
        tab.prompt.fill("a dusk-2")
        expect(tab.notices.nth(1)).to_contain_text("dusk-2")
        tab.page.reload()
        tab.cards.first.wait_for()
        tab.prompt.press_sequentially("du")
        expect(tab.completions).to_contain_text(["dusk-2", "dusk-1"])
    finally:
        for path in added:
            path.unlink()


def test_what_is_offered_has_small_pictures(tab: Tab, folder: Path) -> None:
    """Names are in line beside them; one that is not for everybody is not shown."""
    previews = [folder / f"{name}.preview.png" for name in ("marc_allante", "styles/watercolour")]
    for path in previews:
        path.write_bytes(picture((8, 8)))
    told = folder / "styles" / "watercolour.civitai.info"
    told.write_text('{"modelId": 1, "id": 2, "nsfwLevel": 8, "files": []}')
    try:
        expect(tab.root.locator(".card[data-veiled] img")).to_have_count(1)
        expect(tab.card("marc_allante").locator("img")).to_have_count(1)
        tab.prompt.press_sequentially("te")
        expect(tab.completions.locator("img")).to_have_count(1)
        offered = tab.completions.filter(has_text="marc_allante")
        expect(offered.locator("img")).to_have_js_property("naturalWidth", 8)
        left = "(all) => all.map((name) => name.getBoundingClientRect().left)"
        assert len(set(tab.completions.locator(".offered").evaluate_all(left))) == 1
    finally:
        for path in (*previews, told):
            path.unlink()


def test_undo_takes_back_a_completion(tab: Tab) -> None:
    """The browser's own undo knows what the list did."""
    tab.prompt.press_sequentially("wat")
    tab.completions.first.wait_for()
    tab.prompt.press("ArrowUp")
    tab.prompt.press("Tab")
    expect(tab.prompt).to_have_value("watercolour")
    expect(tab.prompt).to_be_focused()
    tab.prompt.press("Control+z")
    expect(tab.prompt).to_have_value("wat")


def test_a_click_accepts(tab: Tab) -> None:
    """The field keeps the caret."""
    tab.negative.press_sequentially("ugly, hands")
    tab.completions.filter(has_text="bad-hands-5").click()
    expect(tab.negative).to_have_value("ugly, bad-hands-5")
    expect(tab.negative).to_be_focused()


def test_usable_names_come_first(tab: Tab) -> None:
    """Those of other models are offered too, behind, with what they are."""
    tab.prompt.press_sequentially("whatever")
    expect(tab.completions).to_have_text(
        ["whatever-2002 vectorsSD 1.x", "whatever-2000other modelSD 2.x"]
    )


def test_a_name_with_a_space_takes_the_place_of_both_words(tab: Tab) -> None:
    """It also replaces the prefix that another program writes before it."""
    tab.prompt.press_sequentially("a embedding:bad dr")
    tab.completions.filter(has_text="Bad Dream").click()
    expect(tab.prompt).to_have_value("a Bad Dream")


def test_a_hostile_name_is_text_in_the_list(tab: Tab) -> None:
    """It goes into the prompt so that it works there."""
    tab.prompt.press_sequentially("onerr")
    expect(tab.completions.locator(".offered")).to_have_text(HOSTILE)
    tab.completions.first.click()
    expect(tab.notices.nth(1)).to_have_text(f"{HOSTILE} 2 vectors")


def test_keys_that_mean_nothing_to_the_list_are_the_hosts(tab: Tab) -> None:
    """Enter with nothing chosen breaks the line, Ctrl+Enter passes, Esc closes the list first."""
    tab.page.evaluate(LISTEN_TO_KEYS)
    tab.prompt.press_sequentially("mar")
    tab.completions.first.wait_for()
    tab.prompt.press("Enter")
    expect(tab.prompt).to_have_value("mar\n")
    expect(tab.completions).to_have_count(0)
    tab.prompt.press_sequentially("mar")
    tab.completions.first.wait_for()
    tab.prompt.press("ArrowDown")
    tab.prompt.press("Control+Enter")
    expect(tab.prompt).to_have_value("mar\nmar")
    tab.prompt.press("Escape")
    expect(tab.completions).to_have_count(0)
    tab.prompt.press("Escape")
    tab.prompt.press("Enter")
    keys = tab.page.evaluate("keys.filter((key) => key.length > 1)")
    assert keys == ["Enter", "Control", "Enter", "Escape", "Enter"]


def test_the_list_closes_when_the_caret_leaves_the_word(tab: Tab) -> None:
    """A name is never written elsewhere than where it was asked for."""
    tab.prompt.press_sequentially("a mar")
    tab.completions.first.wait_for()
    tab.prompt.press("Home")
    expect(tab.completions).to_have_count(0)
    tab.prompt.press("End")
    tab.prompt.press_sequentially("c")
    tab.completions.first.wait_for()
    tab.negative.focus()
    expect(tab.completions).to_have_count(0)


def test_a_composition_is_left_alone(tab: Tab) -> None:
    """Names are offered when an input method has finished, and not before."""
    tab.prompt.focus()
    keyboard = tab.page.context.new_cdp_session(tab.page)
    asked = Asked(tab.page, "completions")
    composed = {"text": "mar", "selectionStart": 3, "selectionEnd": 3}
    keyboard.send("Input.imeSetComposition", composed)
    expect(tab.prompt).to_have_value("mar")
    assert asked.requests == []
    keyboard.send("Input.insertText", {"text": "mar"})
    expect(tab.completions).to_have_count(1)


@pytest.mark.parametrize(
    "other",
    [
        "(field) => field.classList.add('autocomplete')",
        "(field) => field.setAttribute('aria-autocomplete', 'list')",
        "(field) => field.insertAdjacentHTML('afterend', '<div class=autocompleteParent></div>')",
        "() => (window.opts = { autocomplete_active: true })",
    ],
    ids=["its class", "its role", "its list", "a setting of the WebUI"],
)
def test_another_completion_has_the_field(tab: Tab, other: str) -> None:
    """Where another extension completes, ours offers nothing and asks nothing."""
    asked = Asked(tab.page, "completions")
    expect(tab.root.locator(".completion-note")).to_be_hidden()
    tab.prompt.evaluate(other)
    tab.prompt.press_sequentially("brush, mar")
    tab.notices.first.wait_for()
    expect(tab.completions).to_have_count(0)
    assert asked.requests == []
    expect(tab.root.locator(".completion-note")).to_have_text("(another extension does)")


@pytest.mark.parametrize("setting", ["tac_active", "tac_useEmbeddings"])
def test_ours_takes_over_where_tagcomplete_completes_no_embeddings(tab: Tab, setting: str) -> None:
    """Its settings are known by name, as they are now."""
    tab.prompt.evaluate("(field) => field.classList.add('autocomplete')")
    tab.page.evaluate("(setting) => (window.opts = { [setting]: false })", setting)
    tab.prompt.press_sequentially("brush, mar")
    expect(tab.completions).to_have_count(1)
    tab.prompt.press("Escape")
    expect(tab.root.locator(".completion-note")).to_be_hidden()


def test_completion_can_be_switched_off(tab: Tab) -> None:
    """The choice holds after the page is loaded again."""
    tab.root.get_by_label("Complete names").uncheck()
    tab.page.reload()
    tab.cards.first.wait_for()
    expect(tab.root.get_by_label("Complete names")).not_to_be_checked()
    asked = Asked(tab.page, "completions")
    tab.prompt.press_sequentially("brush, mar")
    tab.notices.first.wait_for()
    assert asked.requests == []
    tab.root.get_by_label("Complete names").check()
    tab.prompt.press_sequentially("c")
    expect(tab.completions).to_have_count(1)


def test_a_card_that_is_clicked_opens_no_list(tab: Tab) -> None:
    """Only typing does."""
    asked = Asked(tab.page, "completions")
    tab.prompt.focus()
    tab.click("whatever-200")
    tab.notices.first.wait_for()
    assert asked.requests == []
