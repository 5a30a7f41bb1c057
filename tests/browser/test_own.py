"""What people make themselves: pictures, texts and sets of names; and many cards at once."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import SD1, Visit, running, write
from tests.browser.tab import Tab
from tests.browser.test_access import AXE, complaints
from tests.entries.test_imaging import picture

OLD, NEW = picture((8, 8)), picture((64, 64), "JPEG")

# Give files to a part of the page, as the system does when somebody drops or pastes them.
GIVE = """(part, [type, data]) => {
  const transfer = new DataTransfer();
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  transfer.items.add(new File([bytes], "given.jpg", { type: "image/jpeg" }));
  const options = { bubbles: true, cancelable: true };
  Object.assign(options, { dataTransfer: transfer, clipboardData: transfer });
  const Kind = type === "paste" ? ClipboardEvent : DragEvent;
  return part.dispatchEvent(new Kind(type, options));
}"""


def give(part: Locator, kind: str, data: bytes = NEW) -> bool:
    """Drop or paste a picture; return whether the browser would do something itself."""
    is_left: bool = part.evaluate(GIVE, [kind, base64.b64encode(data).decode()])
    return is_left


@pytest.fixture
def cat(tab: Tab, folder: Path) -> Iterator[str]:
    """Return the name of a new embedding; what is beside it is deleted at the end."""
    before = set(folder.iterdir())
    write(folder, "tabby-x", SD1)
    expect(tab.card("tabby-x")).to_be_visible()
    yield "tabby-x"
    for path in set(folder.iterdir()) - before:
        path.unlink()
    expect(tab.cards).to_have_count(6)


@pytest.fixture(autouse=True)
def no_sets(tab: Tab) -> Iterator[None]:
    """Delete what sets a test has left."""
    yield
    tab.page.evaluate("""async () => {
      const { sets } = await (await fetch("lib-embeddings/v1/sets")).json();
      for (const { name } of sets) {
        const query = new URLSearchParams({ name });
        await fetch(`lib-embeddings/v1/sets?${query}`, { method: "DELETE" });
      }
    }""")


# Pictures


def test_choose_a_picture_and_undo_it(tab: Tab, cat: str, folder: Path) -> None:
    """The details show it at once; one click brings back what was there."""
    (folder / f"{cat}.preview.png").write_bytes(OLD)
    tab.press(cat, "info")
    expect(tab.details.locator(".picture img")).to_be_visible()
    before = tab.details.locator(".picture img").get_attribute("src")
    with tab.page.expect_file_chooser() as chooser:
        tab.details.get_by_role("button", name="Choose a picture …").click()
    chooser.value.set_files({"name": "a.jpg", "mimeType": "image/jpeg", "buffer": NEW})
    undo = tab.root.locator(".undo")
    expect(undo).to_contain_text("New picture for tabby-x")
    assert (folder / f"{cat}.preview.jpg").read_bytes() == NEW
    assert not (folder / f"{cat}.preview.png").exists()
    expect(tab.details.locator(".picture img")).not_to_have_attribute("src", before or "")
    tab.page.keyboard.press("Escape")
    expect(tab.details).to_be_hidden()
    undo.get_by_role("button", name="Undo").click()
    expect(undo).to_contain_text("Restored the previous picture of tabby-x")
    assert (folder / f"{cat}.preview.png").read_bytes() == OLD
    tab.press(cat, "info")
    expect(tab.details.locator(".picture img")).to_have_attribute("src", before or "")


def test_drop_a_picture_on_a_card(tab: Tab, cat: str, folder: Path) -> None:
    """The card is marked while the picture is over it, and shows it then."""
    card = tab.card(cat)
    name = card.locator(".name")
    assert not give(name, "dragover")
    expect(card).to_have_class("card drop-target")
    assert not give(name, "drop")
    expect(card.locator("img")).to_be_visible()
    expect(card).not_to_have_class("card drop-target")
    assert (folder / f"{cat}.preview.jpg").read_bytes() == NEW


def test_paste_a_picture(tab: Tab, cat: str, folder: Path) -> None:
    """It is for the card that has the focus, and for the details that are open."""
    tab.card(cat).locator(".main").focus()
    assert not give(tab.card(cat).locator(".main"), "paste")
    expect(tab.card(cat).locator("img")).to_be_visible()
    tab.press(cat, "info")
    give(tab.details, "paste", OLD)
    expect(tab.details.locator(".picture img")).to_be_visible()
    expect(tab.root.locator(".undo")).to_contain_text("New picture for tabby-x")
    tab.page.wait_for_function(
        "document.querySelector('.details .picture img')?.naturalWidth === 8"
    )
    assert (folder / f"{cat}.preview.png").read_bytes() == OLD


def test_what_is_no_picture(tab: Tab, cat: str, folder: Path) -> None:
    """The sentence says what would be one."""
    give(tab.card(cat).locator(".name"), "drop", b"no picture")
    expect(tab.root.locator(".undo")).to_contain_text(
        "No new picture for tabby-x: this picture cannot be shown: expected PNG or GIF of "
        "at most 16 megapixels, WebP of 8 or JPEG of 32, with at most 32 MB"
    )
    expect(tab.root.locator(".undo").get_by_role("button", name="Undo")).to_be_hidden()
    assert not list(folder.glob(f"{cat}.preview.*"))


def test_the_picture_that_was_generated_last(visit: Visit, tmp_path: Path) -> None:
    """In a WebUI the details offer what its gallery shows."""
    write(tmp_path, "cat-x", SD1)
    with running("tests.browser.webui_page", tmp_path, home=tmp_path / "cache") as address:
        page = visit()
        page.goto(address)
        tab = Tab(page)
        tab.press("cat-x", "info")
        take = tab.details.get_by_role("button", name="Use the last generated one")
        expect(take).to_be_hidden()
        page.keyboard.press("Escape")
        page.evaluate(
            """(data) => {
              const gallery = document.createElement("div");
              gallery.id = "txt2img_gallery";
              gallery.innerHTML = `<img src="data:image/jpeg;base64,${data}">`;
              document.body.append(gallery);
            }""",
            base64.b64encode(NEW).decode(),
        )
        tab.press("cat-x", "info")
        take.click()
        expect(tab.details.locator(".picture img")).to_be_visible()
        assert (tmp_path / "cat-x.preview.jpg").read_bytes() == NEW


# Texts


def test_edit_texts_in_place(tab: Tab, cat: str, folder: Path) -> None:
    """They are written into A1111's sidecar, where other keys stay, and found by the search."""
    (folder / f"{cat}.json").write_text('{"theirs": [1.0], "description": "<b>fat</b> cat"}')
    tab.press(cat, "info")
    texts = tab.details.locator(".texts")
    expect(texts).to_contain_text("fat cat")
    texts.get_by_role("button", name="Edit: description").click()
    field = texts.get_by_role("textbox", name="Description")
    expect(field).to_be_focused()
    expect(field).to_have_value("<b>fat</b> cat")
    field.fill("slim cat")
    field.press("Control+Enter")
    expect(field).to_be_hidden()
    expect(texts).to_contain_text("slim cat")
    texts.get_by_role("button", name="Add: trigger words").click()
    texts.get_by_role("textbox", name="Trigger words").fill("zebracat")
    texts.get_by_role("button", name="Save").click()
    expect(texts).to_contain_text("zebracat")
    expect(texts.get_by_role("button", name="Edit: trigger words")).to_be_focused()
    assert (folder / f"{cat}.json").read_text() == (
        '{"theirs": [1.0], "description": "slim cat", "activation text": "zebracat"}'
    )
    tab.page.keyboard.press("Escape")
    tab.search.fill("zebracat")
    expect(tab.cards).to_have_count(1)
    expect(tab.card(cat)).to_be_visible()
    tab.search.fill("")


def test_another_writer(tab: Tab, cat: str, folder: Path) -> None:
    """A person who edited an older text is told so, can see the newer text, and loses nothing."""
    (folder / f"{cat}.json").write_text('{"notes": "old"}')
    tab.press(cat, "info")
    texts = tab.details.locator(".texts")
    texts.get_by_role("button", name="Edit: notes").click()
    texts.get_by_role("textbox", name="Notes").fill("mine")
    (folder / f"{cat}.json").write_text('{"notes": "theirs"}')
    texts.get_by_role("button", name="Save").click()
    expect(texts.get_by_role("status").last).to_contain_text(
        "Not saved: the notes changed elsewhere"
    )
    expect(texts.get_by_role("textbox", name="Notes")).to_have_value("mine")
    texts.get_by_role("textbox", name="Notes").press("Escape")
    expect(texts).to_contain_text("theirs")
    expect(tab.details).to_be_visible()
    assert json.loads((folder / f"{cat}.json").read_text()) == {"notes": "theirs"}


def test_the_arrow_keys_are_the_fields(tab: Tab, cat: str) -> None:
    """Where somebody types they do not lead to the next file."""
    tab.press(cat, "info")
    tab.details.get_by_role("button", name="Add: notes").click()
    tab.details.get_by_role("textbox", name="Notes").press_sequentially("ab")
    tab.details.get_by_role("textbox", name="Notes").press("ArrowLeft")
    expect(tab.details.get_by_role("heading")).to_have_text(cat)


# Many at once


@pytest.fixture
def picks(tab: Tab) -> Locator:
    """Return what can be done with all that is selected."""
    return tab.root.get_by_role("toolbar", name="With the selection")


def picked(tab: Tab) -> set[str]:
    """Return the names on the cards that are selected."""
    return set(tab.root.locator('.card[data-picked="true"] .name').all_inner_texts())


def test_pick_with_the_mouse(tab: Tab, picks: Locator) -> None:
    """Ctrl begins; then a click picks, Shift picks up to there, and Esc ends it."""
    tab.card("bad-hands-5").locator(".name").click(modifiers=["Control"])
    expect(picks).to_contain_text("1 selected")
    tab.click("marc_allante", shift=True)
    expect(picks).to_contain_text("4 selected")
    assert picked(tab) == {"bad-hands-5", "brush", "c++", "marc_allante"}
    tab.click("brush")
    expect(picks).to_contain_text("3 selected")
    expect(tab.prompt).to_have_value("")
    tab.page.keyboard.press("Escape")
    expect(picks).to_be_hidden()
    tab.click("brush", shift=True)
    expect(tab.negative).to_have_value("brush")


def test_pick_with_the_keys(tab: Tab, picks: Locator) -> None:
    """X picks, Enter too once it has begun, Ctrl+A picks all that is found."""
    tab.card("bad-hands-5").locator(".main").focus()
    tab.page.keyboard.press("x")
    tab.page.keyboard.press("ArrowRight")
    tab.page.keyboard.press("Enter")
    expect(picks).to_contain_text("2 selected")
    expect(tab.card("brush").locator(".main")).to_have_attribute("aria-pressed", "true")
    tab.page.keyboard.press("Control+a")
    expect(picks).to_contain_text("6 selected")
    tab.page.keyboard.press("Escape")
    expect(picks).to_be_hidden()
    expect(tab.card("brush").locator(".main")).to_be_focused()


def test_pick_with_a_finger(phone: Page, address: str) -> None:
    """The toolbar's button begins, and a tap picks."""
    phone.goto(address)
    tab = Tab(phone)
    tab.cards.first.wait_for()
    phone.get_by_role("button", name="Filters, order and more").tap()
    tab.root.get_by_role("button", name="Select several").tap()
    phone.keyboard.press("Escape")
    tab.card("brush").locator(".picture").tap()
    expect(tab.root.locator(".picks")).to_contain_text("1 selected")
    right = tab.root.locator(".picks").evaluate("(bar) => bar.getBoundingClientRect().right")
    assert right <= 390
    tab.root.get_by_role("button", name="Insert", exact=True).tap()
    expect(tab.prompt).to_have_value("brush")


def test_what_is_picked_stays_picked(tab: Tab, picks: Locator) -> None:
    """Another search goes on with the same selection."""
    tab.card("c++").locator(".name").click(modifiers=["Control"])
    tab.search.fill("brush")
    expect(tab.cards).to_have_count(1)
    tab.click("brush")
    expect(picks).to_contain_text("2 selected")
    tab.search.fill("")
    expect(tab.cards).to_have_count(6)
    assert picked(tab) == {"brush", "c++"}


def test_insert_all_that_is_picked(tab: Tab, picks: Locator) -> None:
    """All go into the prompt in one step; what is missing is added, and then all is taken out."""
    tab.prompt.fill("a photo")
    for name in ("marc_allante", "brush"):
        tab.card(name).locator(".name").click(modifiers=["Control"])
    insert = picks.get_by_role("button", name="Insert")
    insert.click()
    expect(tab.prompt).to_have_value("a photo, marc_allante, brush")
    expect(tab.status).to_have_text("Added 2 names")
    tab.prompt.focus()
    tab.page.keyboard.press("Control+z")
    expect(tab.prompt).to_have_value("a photo")
    tab.page.keyboard.press("Control+Shift+z")
    tab.click("bad-hands-5")
    insert.click()
    expect(tab.prompt).to_have_value("a photo, marc_allante, brush")
    expect(tab.negative).to_have_value("bad-hands-5")
    insert.click()
    expect(tab.prompt).to_have_value("a photo")
    expect(tab.negative).to_have_value("")


def test_favourites_and_names_of_all(tab: Tab, picks: Locator) -> None:
    """Both are for all that is selected; a second click takes the stars back."""
    tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    for name in ("c++", "brush"):
        tab.card(name).locator(".name").click(modifiers=["Control"])
    picks.get_by_role("button", name="Copy names").click()
    expect(tab.status).to_have_text("Copied 2 names")
    assert tab.page.evaluate("navigator.clipboard.readText()") == "c++, brush"
    picks.get_by_role("button", name="Favourite").click()
    expect(tab.root.locator(".chip[data-value=favourite]")).to_contain_text("2")
    expect(tab.card("brush").locator(".star")).to_have_attribute("aria-pressed", "true")
    picks.get_by_role("button", name="Favourite").click()
    expect(tab.root.locator(".chip[data-value=favourite]")).to_contain_text("0")


# Sets


def open_sets(tab: Tab) -> Locator:
    """Open the dialog of the sets."""
    tab.root.get_by_role("button", name="Make, rename or delete sets").click()
    return tab.root.get_by_role("dialog", name="Sets")


def make_set(tab: Tab, name: str) -> None:
    """Make a set of what the prompts use."""
    open_sets(tab)
    tab.page.get_by_label("Name of the new set").fill(name)
    tab.page.get_by_role("button", name="Make a set", exact=True).click()
    expect(tab.root.locator(".set-list")).to_contain_text(name)
    tab.page.keyboard.press("Escape")


def test_a_set_of_what_the_prompts_use(tab: Tab) -> None:
    """One click puts all in with its weights, and one takes all out."""
    tab.prompt.fill("a (marc_allante:1.2)")
    tab.negative.fill("bad-hands-5")
    make_set(tab, "my usual")
    chip = tab.root.locator(".chip", has_text="my usual")
    expect(chip).to_have_attribute("aria-pressed", "true")
    expect(chip).to_have_attribute(
        "title", "Prompt: (marc_allante:1.2) · Negative prompt: bad-hands-5"
    )
    chip.click()
    expect(tab.prompt).to_have_value("a")
    expect(tab.negative).to_have_value("")
    tab.prompt.fill("a photo,")
    chip.click()
    expect(tab.prompt).to_have_value("a photo, (marc_allante:1.2)")
    expect(tab.negative).to_have_value("bad-hands-5")
    expect(chip).to_have_attribute("aria-pressed", "true")


def test_a_set_takes_no_name_that_a_lora_brings(tab: Tab) -> None:
    """The name means nothing once the LoRA is out of the prompt."""

    def answer(route: Route) -> None:
        response = route.fetch()
        reports = response.json()
        brought = {"id": None, "name": "bundled", "n_vectors": 2, "weights": [1], "caveat": None}
        reports["positive"]["used"].append(brought)
        route.fulfill(response=response, json=reports)

    tab.page.route("**/v1/prompt", answer)
    tab.prompt.fill("a brush, bundled")
    make_set(tab, "mine")
    expect(tab.root.locator(".chip", has_text="mine")).to_have_attribute("title", "Prompt: brush")


def test_a_set_whose_file_is_gone(tab: Tab, cat: str, folder: Path) -> None:
    """It says which, and puts in the others."""
    tab.prompt.fill(f"{cat}, brush")
    make_set(tab, "pair")
    tab.prompt.fill("")
    (folder / f"{cat}.safetensors").unlink()
    chip = tab.root.locator(".chip", has_text="pair")
    expect(chip.locator(".caution")).to_be_visible()
    chip.click()
    expect(tab.prompt).to_have_value("brush")
    expect(tab.root.locator(".undo")).to_contain_text(f"not {cat}: there is no such file")


def test_rename_and_delete_a_set(tab: Tab, visit: Visit, address: str) -> None:
    """Every page sees it at once, and a deleted set comes back with one click."""
    other = Tab(visit())
    other.page.goto(address)
    tab.prompt.fill("brush")
    make_set(tab, "one")
    expect(other.root.locator(".set-chips")).to_have_text("one")
    dialog = open_sets(tab)
    dialog.get_by_role("button", name="Rename one").click()
    dialog.get_by_label("New name of one").fill("two")
    dialog.get_by_label("New name of one").press("Enter")
    expect(other.root.locator(".set-chips")).to_have_text("two")
    dialog.get_by_role("button", name="Delete two").click()
    expect(other.root.locator(".set-chips")).to_have_text("")
    tab.root.locator(".undo").get_by_role("button", name="Undo").click()
    expect(other.root.locator(".set-chips")).to_have_text("two")


def test_what_is_typed_and_focused_outlasts_changes(tab: Tab, cat: str, folder: Path) -> None:
    """A set's form for another name and its button stay, whatever comes, goes or happens to it."""
    tab.prompt.fill(f"{cat}, brush")
    make_set(tab, "pair")
    chip = tab.root.locator(".set-chips .chip")
    chip.focus()
    write(folder, "another", SD1)
    expect(tab.card("another")).to_be_visible()
    expect(chip).to_be_focused()
    dialog = open_sets(tab)
    dialog.get_by_role("button", name="Rename pair").click()
    field = dialog.get_by_label("New name of pair")
    field.fill("better na")
    (folder / f"{cat}.safetensors").unlink()
    expect(dialog.locator(".set-list .warning")).to_contain_text("there is no such file")
    expect(field).to_be_focused()
    tab.page.keyboard.type("me")
    tab.page.keyboard.press("Enter")
    expect(chip).to_have_text("better name!")
    tab.page.keyboard.press("Escape")
    chip.focus()
    write(folder, cat, SD1)
    expect(chip).to_have_text("better name")
    expect(chip).to_be_focused()


def test_cancel_a_new_name_of_a_set(tab: Tab) -> None:
    """The form goes, by its button or a key, and the focus returns to what opened it."""
    tab.prompt.fill("brush")
    make_set(tab, "one")
    dialog = open_sets(tab)
    opener = dialog.get_by_role("button", name="Rename one")
    field = dialog.get_by_label("New name of one")
    for cancel in (
        lambda: dialog.get_by_role("button", name="Cancel").click(),
        lambda: field.press("Escape"),
    ):
        opener.click()
        field.fill("two")
        cancel()
        expect(field).to_be_hidden()
        expect(opener).to_be_focused()
    expect(dialog.locator(".set-list b")).to_have_text("one")


def answer_all(late: list[Route]) -> None:
    """Let requests go on that were held back."""
    while late:
        late.pop().continue_()


def test_a_late_answer_takes_nothing_from_an_open_dialog(tab: Tab, picks: Locator) -> None:
    """What the prompts use may be known only when somebody types, or makes a set of others."""
    tab.prompt.fill("brush")
    make_set(tab, "one")
    late: list[Route] = []

    def hold(route: Route) -> None:
        late.append(route)

    tab.page.route("**/v1/prompt", hold)
    dialog = open_sets(tab)
    dialog.get_by_role("button", name="Rename one").click()
    field = dialog.get_by_label("New name of one")
    expect(field).to_be_focused()
    answer_all(late)
    expect(dialog.locator(".set-names")).to_have_text(
        "From what the prompts use now: Prompt: brush"
    )
    expect(field).to_be_focused()
    field.press("Escape")
    tab.page.keyboard.press("Escape")
    open_sets(tab)
    tab.page.keyboard.press("Escape")
    tab.card("c++").locator(".name").click(modifiers=["Control"])
    picks.get_by_role("button", name="Make a set …").click()
    expect(dialog.locator(".set-names")).to_have_text("From the selection: Prompt: c++")
    with tab.page.expect_response("**/v1/prompt"):
        answer_all(late)
    tab.wait_until_painted()
    expect(dialog.locator(".set-names")).to_have_text("From the selection: Prompt: c++")


def test_a_set_is_completed(tab: Tab) -> None:
    """`set:` offers sets by their names; taking one puts in all of it."""
    tab.prompt.fill("brush")
    tab.negative.fill("bad-hands-5")
    make_set(tab, "my usual")
    tab.prompt.fill("")
    tab.negative.fill("")
    tab.prompt.press_sequentially("a dog, set:us")
    expect(tab.completions).to_have_text(["my usual set of 2 names"], use_inner_text=True)
    tab.page.keyboard.press("ArrowDown")
    tab.page.keyboard.press("Enter")
    expect(tab.prompt).to_have_value("a dog, brush")
    expect(tab.negative).to_have_value("bad-hands-5")
    expect(tab.prompt).to_be_focused()


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_use_it(tab: Tab, picks: Locator, address: str, theme: str) -> None:
    """Nothing of it lacks a name or contrast."""
    tab.page.goto(f"{address}?__theme={theme}")
    tab.card("c++").locator(".name").click(modifiers=["Control"])
    expect(picks).to_be_visible()
    assert complaints(tab) == []
    picks.get_by_role("button", name="Make a set …").click()
    tab.page.get_by_label("Name of the new set").fill("s")
    tab.page.get_by_role("button", name="Make a set", exact=True).click()
    expect(tab.root.locator(".undo")).to_contain_text("Made the set s")
    assert complaints(tab) == []
