"""What a click does to the prompts."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import HOSTILE, SD1, SD2, write
from tests.browser.tab import Tab, change_host


def test_a_click_inserts_and_a_second_takes_out_again(tab: Tab) -> None:
    """A name goes to the caret of the field that was focused last, and leaves without a trace."""
    tab.prompt.fill("a cat, a dog")
    for _ in ", a dog":
        tab.prompt.press("ArrowLeft")
    tab.click("marc_allante")
    expect(tab.prompt).to_have_value("a cat, marc_allante, a dog")
    expect(tab.status).to_have_text("Added marc_allante to the prompt")
    expect(tab.total).to_have_text("6 embeddings")
    expect(tab.card("marc_allante")).to_have_attribute("data-in", "Prompt")
    tab.click("marc_allante")
    expect(tab.prompt).to_have_value("a cat, a dog")
    expect(tab.status).to_have_text("Removed marc_allante from the prompt")
    expect(tab.card("marc_allante")).not_to_have_attribute("data-in", "Prompt")


def test_the_caret_stays_in_the_field(tab: Tab) -> None:
    """After a click a person can go on typing behind the name."""
    tab.prompt.fill("a cat")
    tab.click("marc_allante")
    tab.page.keyboard.type(" at night")
    expect(tab.prompt).to_have_value("a cat, marc_allante at night")


def test_the_separator_is_the_hosts(tab: Tab) -> None:
    """Names are parted as the host is set to part them."""
    change_host(tab.page, separator=" ")
    tab.prompt.fill("a photo of")
    tab.click("marc_allante")
    expect(tab.prompt).to_have_value("a photo of marc_allante")


def test_undo_takes_back_one_insertion(tab: Tab) -> None:
    """The browser's own undo knows what a click did, and redo does it again."""
    tab.prompt.fill("")
    tab.page.keyboard.type("a cat")
    tab.click("marc_allante")
    tab.page.keyboard.press("Control+z")
    expect(tab.prompt).to_have_value("a cat")
    tab.page.keyboard.press("Control+Shift+z")
    expect(tab.prompt).to_have_value("a cat, marc_allante")


def test_before_a_field_is_focused_each_name_goes_to_its_own(tab: Tab) -> None:
    """A name that is meant for the negative prompt goes there."""
    tab.click("bad-hands-5")
    tab.click("marc_allante")
    expect(tab.negative).to_have_value("bad-hands-5")
    expect(tab.prompt).to_have_value("marc_allante")


def test_the_target_is_marked_and_can_be_chosen(tab: Tab) -> None:
    """The field that names go to has an outline, and the switch above the cards shows the same."""
    tab.negative.click()
    expect(tab.page.locator("#txt2img_neg_prompt")).to_contain_class("lib-embeddings-target")
    tab.root.get_by_role("button", name="Prompt", exact=True).click()
    expect(tab.page.locator("#txt2img_prompt")).to_contain_class("lib-embeddings-target")
    expect(tab.page.locator("#txt2img_neg_prompt")).not_to_contain_class("lib-embeddings-target")
    tab.click("bad-hands-5")
    expect(tab.prompt).to_have_value("bad-hands-5")


def test_a_click_goes_where_the_person_means(tab: Tab) -> None:
    """Its own choice, then the toolbar's, then a sure guess, then the field used last."""
    tab.negative.click()
    expect(tab.card("marc_allante").locator(".pill")).to_have_text("Negative")
    expect(tab.card("bad-hands-5").locator(".pill")).to_have_text("Negative")
    tab.prompt.click()
    tab.card("marc_allante").hover()
    expect(tab.card("marc_allante").locator(".pill")).to_have_text("Prompt")
    expect(tab.card("bad-hands-5").locator(".pill")).to_have_text("Negative")
    tab.root.get_by_role("button", name="Prompt", exact=True).click()
    tab.card("bad-hands-5").hover()
    expect(tab.card("bad-hands-5").locator(".pill")).to_have_text("Prompt")
    tab.press("marc_allante", "info")
    with tab.page.expect_response(lambda answer: "negative" in (answer.request.post_data or "")):
        tab.details.get_by_label("Negative prompt", exact=True).check()
    expect(tab.card("marc_allante").locator(".pill")).to_have_text("Negative")
    tab.details.get_by_label("Auto").check()
    expect(tab.card("marc_allante")).to_have_attribute("data-target", "positive")


def test_passing_through_a_field_is_no_choice(tab: Tab) -> None:
    """Somebody who goes to the cards with Tab still means the prompt they typed into."""
    tab.prompt.click()
    tab.page.keyboard.type("a cat")
    tab.page.keyboard.press("Tab")
    expect(tab.negative).to_be_focused()
    tab.page.keyboard.press("Tab")
    tab.click("marc_allante")
    expect(tab.prompt).to_have_value("a cat, marc_allante")
    tab.negative.evaluate("(field) => (field.value = 'a blur')")
    tab.press("marc_allante", "minus")
    expect(tab.negative).to_have_value("a blur, marc_allante")


def test_a_name_goes_into_the_phrase_that_the_caret_is_in(tab: Tab) -> None:
    """It is where a person would have typed it."""
    tab.prompt.fill("a photo of in the rain")
    tab.prompt.evaluate("(field) => field.setSelectionRange(10, 10)")
    tab.click("marc_allante")
    expect(tab.prompt).to_have_value("a photo of marc_allante in the rain")
    tab.click("marc_allante")
    expect(tab.prompt).to_have_value("a photo of in the rain")


def test_what_is_selected_is_replaced(tab: Tab) -> None:
    """Undo brings it back, and so does a second click, selected as it was."""
    tab.prompt.fill("")
    tab.page.keyboard.type("a big cat at night")
    select = "(field) => field.setSelectionRange(2, 9)"
    tab.prompt.evaluate(select)
    tab.click("marc_allante")
    expect(tab.prompt).to_have_value("a marc_allante at night")
    tab.page.keyboard.press("Control+z")
    expect(tab.prompt).to_have_value("a big cat at night")
    tab.prompt.evaluate(select)
    tab.click("marc_allante")
    tab.click("marc_allante")
    expect(tab.prompt).to_have_value("a big cat at night")
    assert tab.prompt.evaluate("(field) => [field.selectionStart, field.selectionEnd]") == [2, 9]


def test_the_page_does_not_move_under_the_pointer(tab: Tab) -> None:
    """The line under a prompt has its room before anything is in it."""
    before = tab.top("marc_allante")
    tab.click("marc_allante")
    expect(tab.notices.filter(has_text="marc_allante")).to_be_visible()
    assert tab.top("marc_allante") == before


def test_plus_minus_and_shift_name_the_field(tab: Tab) -> None:
    """The small buttons go to one field each, and Shift to the negative prompt."""
    tab.prompt.click()
    tab.press("marc_allante", "minus")
    expect(tab.negative).to_have_value("marc_allante")
    tab.press("marc_allante", "plus")
    expect(tab.prompt).to_have_value("marc_allante")
    expect(tab.card("marc_allante")).to_have_attribute("data-in", "Both prompts")
    tab.click("c++", shift=True)
    expect(tab.negative).to_have_value("marc_allante, c++")
    expect(tab.page.locator("#txt2img_prompt")).to_contain_class("lib-embeddings-target")


@pytest.mark.parametrize("name", [HOSTILE, "c++", "watercolour"])
def test_any_name_can_go_in_and_out(tab: Tab, name: str) -> None:
    """Two clicks leave the prompt as it was, with any characters in the name."""
    tab.prompt.fill("a photo (of a cat:1.2)")
    tab.click(name)
    expect(tab.prompt).not_to_have_value("a photo (of a cat:1.2)")
    expect(tab.card(name)).to_have_attribute("data-in", "Prompt")
    tab.click(name)
    expect(tab.prompt).to_have_value("a photo (of a cat:1.2)")


def test_a_name_that_would_begin_a_comment_is_not_inserted(tab: Tab, folder: Path) -> None:
    """The rest of the line would be lost, so a sentence asks for another name."""
    write(folder, "c# style", SD1)
    tab.prompt.fill("a cat")
    tab.click("c# style")
    expect(tab.status).to_contain_text("a # begins a comment. Rename c# style to use it")
    expect(tab.prompt).to_have_value("a cat")
    (folder / "c# style.safetensors").unlink()
    expect(tab.card("c# style")).to_have_count(0)


def test_typing_marks_the_cards(tab: Tab) -> None:
    """A card knows when its name is typed, and when it is no longer a word of its own."""
    tab.prompt.focus()
    tab.page.keyboard.type("a (marc_allante:1.2)")
    expect(tab.card("marc_allante")).to_have_attribute("data-in", "Prompt")
    tab.prompt.fill("marc_allantes")
    expect(tab.card("marc_allante")).not_to_have_attribute("data-in", "Prompt")


def test_a_longer_name_out_of_sight_protects_itself(tab: Tab, folder: Path) -> None:
    """A longer name is neither marked nor cut for a shorter one, even if no card shows it."""
    tab.prompt.fill("marc_allante at night")
    expect(tab.card("marc_allante")).to_have_attribute("data-in", "Prompt")
    write(folder, "marc_allante at night", SD2)
    expect(tab.card("marc_allante")).not_to_have_attribute("data-in", "Prompt")
    tab.click("marc_allante")
    expect(tab.prompt).to_have_value("marc_allante at night, marc_allante")
    tab.click("marc_allante")
    expect(tab.prompt).to_have_value("marc_allante at night")
    (folder / "marc_allante at night.safetensors").unlink()
    expect(tab.card("marc_allante")).to_have_attribute("data-in", "Prompt")


def test_a_prompt_that_the_host_sets_marks_the_cards(tab: Tab) -> None:
    """A host that fills a field without an event reports that its page has changed."""
    tab.page.add_init_script("window.onAfterUiUpdate = (callback) => (window.updated = callback)")
    tab.page.reload()
    tab.cards.first.wait_for()
    tab.prompt.evaluate("(field) => (field.value = 'a (marc_allante:1.2)')")
    tab.page.evaluate("updated()")
    expect(tab.card("marc_allante")).to_have_attribute("data-in", "Prompt")


def test_the_page_gets_an_event_for_every_edit(tab: Tab) -> None:
    """An edit fires `input` as typing does, or the app would not send the new prompt."""
    tab.page.evaluate("addEventListener('input', ({ target }) => (window.received = target.value))")
    tab.prompt.focus()
    tab.click("marc_allante")
    assert tab.page.evaluate("window.received") == "marc_allante"
