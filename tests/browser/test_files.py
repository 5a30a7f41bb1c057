"""Files that are moved, deleted, restored, hidden and dropped, as people do it."""

from __future__ import annotations

import base64
import io
import mimetypes
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import APIResponse, Locator, Response, Route, expect

from tests.browser.conftest import SD1, SDXL, Visit, serving, write
from tests.browser.tab import Tab, change_host, hold
from tests.browser.test_access import AXE, complaints
from tests.builders import png, png_text, safetensors_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of three embeddings, of which one has a picture and notes."""
    folder = tmp_path / "embeddings"
    for name in ("cat", "dog", "styles/ink"):
        write(folder, name, SD1)
    (folder / "cat.json").write_text('{"notes": "mine"}')
    return folder


@pytest.fixture
def address(folder: Path, tmp_path: Path) -> Iterator[str]:
    with serving(folder, tmp_path / "home") as address:
        yield address


def files_in(folder: Path) -> list[str]:
    """Return the paths of all files in a folder."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in found)


ALL = ["cat.json", "cat.safetensors", "dog.safetensors", "styles/ink.safetensors"]


def delete(tab: Tab, name: str) -> None:
    """Delete a file with the key on its card, and wait until its card is gone."""
    tab.card(name).locator(".main").focus()
    tab.page.keyboard.press("Delete")
    expect(tab.card(name)).to_have_count(0)


def undo_line(tab: Tab) -> Locator:
    return tab.root.locator(".undo")


def test_a_name_that_begins_a_sentence_keeps_its_letters(tab: Tab) -> None:
    """It is hidden under the name that it has."""
    tab.card("cat").locator(".main").focus()
    tab.page.keyboard.press("h")
    expect(undo_line(tab)).to_contain_text("cat hidden", use_inner_text=True)
    assert "Cat" not in undo_line(tab).inner_text()


def test_delete_and_undo_with_the_keyboard(tab: Tab, folder: Path) -> None:
    """The key moves a file to the trash, and Undo brings it back; the focus stays on cards."""
    delete(tab, "cat")
    assert files_in(folder) == ["dog.safetensors", "styles/ink.safetensors"]
    expect(undo_line(tab)).to_contain_text("Deleted cat")
    expect(tab.card("dog").locator(".main")).to_be_focused()
    delete(tab, "dog")
    expect(undo_line(tab)).to_contain_text("Deleted dog")
    undo = undo_line(tab).get_by_role("button", name="Undo")
    undo.click()
    expect(tab.card("dog").locator(".main")).to_be_focused()
    expect(undo_line(tab)).to_contain_text("Deleted cat")
    undo.press("Enter")
    expect(tab.card("cat").locator(".main")).to_be_focused()
    expect(undo_line(tab)).to_contain_text("Restored cat")
    expect(undo).to_be_hidden()
    assert files_in(folder) == ALL


def test_a_late_undo_leaves_the_focus_where_somebody_is(tab: Tab) -> None:
    """Letters go on into the prompt; on a card they would be keys."""
    delete(tab, "cat")
    expect(undo_line(tab)).to_contain_text("Deleted cat")
    kept = hold(tab.page, "**/restore")
    with tab.page.expect_request("**/restore"):
        undo_line(tab).get_by_role("button", name="Undo").click()
    tab.prompt.click()
    with tab.page.expect_response("**/restore"):
        kept[0].continue_()
    expect(tab.card("cat")).to_be_visible()
    tab.wait_until_painted()
    tab.page.keyboard.type("ha")
    expect(tab.prompt).to_have_value("ha")


def test_delete_from_the_details(tab: Tab, folder: Path) -> None:
    """The details close, and what was next has the focus."""
    tab.press("cat", "info")
    tab.details.get_by_role("button", name="Delete", exact=True).click()
    expect(tab.details).to_be_hidden()
    expect(tab.card("cat")).to_have_count(0)
    expect(tab.card("dog").locator(".main")).to_be_focused()
    assert "cat.json" not in files_in(folder)


def change(tab: Tab, way: str) -> None:
    """Delete, move or rename the file whose details are shown."""
    details = tab.details
    if way == "move":
        details.get_by_role("button", name="Move to …").click()
        details.get_by_role("combobox", name="Folder").select_option(label="\u2003styles")
        details.get_by_role("button", name="Move", exact=True).click()
    elif way == "rename":
        details.get_by_role("button", name="Rename", exact=True).first.click()
        details.get_by_label("New name").fill("kitten")
        tab.page.keyboard.press("Enter")
    else:
        details.get_by_role("button", name="Delete", exact=True).click()


def keep_changes(tab: Tab) -> list[tuple[Route, APIResponse]]:
    """Keep the answers to changes of files, which have been made by then, from the page."""
    kept: list[tuple[Route, APIResponse]] = []

    def keep(route: Route) -> None:
        if route.request.method == "GET":
            route.continue_()
        else:
            kept.append((route, route.fetch()))

    tab.page.route("**/v1/entries/**", keep)
    return kept


@pytest.mark.parametrize("way", ["delete", "move", "rename"])
@pytest.mark.parametrize("button", ["Close", "Next"])
def test_who_goes_on_while_a_file_moves_is_left_there(tab: Tab, way: str, button: str) -> None:
    """The answer of a slow disk brings back nothing that somebody has left."""
    tab.press("cat", "info")
    tab.details.get_by_text("SHA-256").wait_for()
    kept = keep_changes(tab)
    change(tab, way)
    tab.details.get_by_role("button", name=button).click()
    heading = tab.details.get_by_role("heading")
    if button == "Next":
        expect(heading).not_to_have_text("cat")
    gone_on = heading.all_inner_texts()
    while not kept:
        tab.page.wait_for_timeout(10)
    ((route, response),) = kept
    route.fulfill(response=response)
    if way == "delete":
        expect(undo_line(tab)).to_contain_text("Deleted cat")
    elif way == "move":
        expect(undo_line(tab)).to_contain_text("Moved cat to styles")
    else:
        expect(tab.card("kitten")).to_be_visible()
    tab.wait_until_painted()
    expect(tab.details).to_be_visible(visible=button == "Next")
    if button == "Next":
        assert heading.all_inner_texts() == gone_on


def test_facts_that_come_while_a_file_moves_are_of_the_file_that_is_shown(tab: Tab) -> None:
    """An answer about the file before is dropped, though nothing is asked while that one moves."""
    kept: list[Route] = []
    tab.page.route("**/v1/entries/**", lambda route: kept.append(route))  # noqa: PLW0108 - Playwright marks it
    tab.press("cat", "info")
    change(tab, "rename")
    tab.details.get_by_role("button", name="Next").click()
    expect(tab.details.get_by_role("heading")).to_have_text("dog")
    asked = next(route for route in kept if route.request.method == "GET")
    asked.continue_()
    tab.page.wait_for_event("requestfinished", lambda request: request == asked.request)
    tab.wait_until_painted()
    expect(tab.details.get_by_role("heading")).to_have_text("dog")


@pytest.mark.parametrize("way", ["delete", "move", "rename"])
def test_an_answer_that_comes_after_the_news(tab: Tab, way: str) -> None:
    """A page that hears of its own change early asks for no file by the id that it had."""
    missing: list[str] = []
    page, details = tab.page, tab.details

    def note(answer: Response) -> None:
        if answer.status == 404:
            missing.append(answer.url)

    tab.press("cat", "info")
    details.get_by_text("SHA-256").wait_for()
    page.on("response", note)
    kept = keep_changes(tab)
    change(tab, way)
    if way == "move":
        expect(tab.root.get_by_role("treeitem").filter(has_text="styles")).to_contain_text("2")
    else:
        expect(tab.card("cat")).to_have_count(0)
    ((route, response),) = kept
    route.fulfill(response=response)
    if way == "delete":
        expect(details).to_be_hidden()
    else:
        shown = "styles/cat.safetensors" if way == "move" else "kitten.safetensors"
        expect(details.get_by_text(shown, exact=True)).to_be_visible()
    assert missing == []


def test_a_move_from_the_details(tab: Tab, folder: Path) -> None:
    """A file goes to the folder that is chosen; Esc in the form gives up and closes nothing."""
    tab.press("cat", "star")
    tab.press("cat", "info")
    opener = tab.details.get_by_role("button", name="Move to …")
    menu = tab.details.get_by_role("combobox", name="Folder")
    opener.click()
    expect(menu).to_be_focused()
    menu.press("Escape")
    expect(menu).to_be_hidden()
    expect(opener).to_be_focused()
    opener.click()
    expect(menu).not_to_have_value("0:")  # where it is
    menu.select_option(label="\u2003styles")
    tab.details.get_by_role("button", name="Move", exact=True).click()
    expect(undo_line(tab)).to_contain_text("Moved cat to styles")
    expect(opener).to_be_focused()
    expect(tab.details.get_by_text("styles/cat.safetensors", exact=True)).to_be_visible()
    expect(tab.details.get_by_role("switch", name="Favourite")).to_be_checked()
    assert files_in(folder) == [
        *("dog.safetensors", "styles/cat.json", "styles/cat.safetensors"),
        "styles/ink.safetensors",
    ]


def test_an_arrow_key_chooses_a_folder_of_the_same_file(tab: Tab) -> None:
    """It leads to no other file, which would then be moved."""
    tab.press("cat", "info")
    tab.details.get_by_text("SHA-256").wait_for()
    tab.details.get_by_role("button", name="Move to …").click()
    tab.details.get_by_role("combobox", name="Folder").press("ArrowRight")
    tab.wait_until_painted()
    expect(tab.details.get_by_role("heading")).to_have_text("cat")


# The forms in the details: what opens each, a field of it, and what sends it.
FORMS = {
    "move": ("Move to …", "New subfolder", "Move"),
    "rename": ("Rename", "New name", "Rename"),
    "notes": ("Add: Notes", "Notes", "Save"),
}


def open_form(tab: Tab, form: str) -> Locator:
    """Open a form in the details, and return a field of it."""
    opener, label, _ = FORMS[form]
    tab.details.get_by_role("button", name=opener, exact=True).first.click()
    field = tab.details.get_by_role("textbox", name=label, exact=True)
    expect(field).to_be_visible()
    return field


def send_late(tab: Tab, form: str) -> tuple[Locator, Callable[[], None]]:
    """Send a form of dog's details; return its field, and what lets the answer come."""
    tab.press("dog", "info")
    tab.details.get_by_text("SHA-256").wait_for()
    field = open_form(tab, form)
    field.fill("first")
    kept = keep_changes(tab)
    tab.details.get_by_role("button", name=FORMS[form][2], exact=True).last.click()
    while not kept:
        tab.page.wait_for_timeout(10)

    def answer() -> None:
        ((route, response),) = kept
        with tab.page.expect_response(lambda other: other.request.method == "GET"):
            route.fulfill(response=response)
        tab.wait_until_painted()

    return field, answer


@pytest.mark.parametrize("form", FORMS)
def test_a_late_answer_leaves_what_is_typed_meanwhile(tab: Tab, form: str) -> None:
    """The form stays open, with the focus and every letter, and can be sent again."""
    field, answer = send_late(tab, form)
    field.press("End")
    field.press_sequentially(" and")
    answer()
    expect(field).to_be_focused()
    field.press_sequentially(" more")
    expect(field).to_have_value("first and more")
    tab.page.unroute_all()
    tab.details.get_by_role("button", name=FORMS[form][2], exact=True).last.click()
    expect(field).to_be_hidden()


@pytest.mark.parametrize(
    ("form", "other"),  # the texts of the next file come only once this one has moved
    [(form, other) for form in FORMS for other in FORMS if other != "notes" or form == "notes"],
)
def test_a_late_answer_leaves_what_is_typed_at_the_next_file(
    tab: Tab, form: str, other: str
) -> None:
    """It closes no form but the one that was sent, which is closed by then."""
    _, answer = send_late(tab, form)
    tab.details.get_by_role("button", name="Next").click()
    field = open_form(tab, other)
    field.fill("mine")
    answer()
    expect(field).to_be_focused()
    expect(field).to_have_value("mine")


@pytest.mark.parametrize("form", ["move", "rename"])
def test_a_late_answer_leaves_another_form_of_the_same_file(tab: Tab, form: str) -> None:
    """A file that has moved is the same file."""
    _, answer = send_late(tab, form)
    field = open_form(tab, "notes")
    field.fill("mine")
    answer()
    expect(field).to_be_focused()
    expect(field).to_have_value("mine")


@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_about_the_file_that_is_shown(tab: Tab, form: str) -> None:
    """Who leads on to the next file has closed it."""
    tab.press("cat" if form != "notes" else "dog", "info")
    tab.details.get_by_text("SHA-256").wait_for()
    field = open_form(tab, form)
    tab.details.get_by_role("button", name="Next").click()
    expect(field).to_be_hidden()


def test_a_move_that_is_refused(tab: Tab, folder: Path) -> None:
    """A name that is taken there is a sentence, and the form stays."""
    (folder / "styles" / "cat.json").write_text("{}")
    tab.press("cat", "info")
    tab.details.get_by_role("button", name="Move to …").click()
    tab.details.get_by_role("button", name="Move", exact=True).click()
    expect(undo_line(tab)).to_contain_text(
        "Not moved: the name is already taken by cat.json: choose another name"
    )
    expect(tab.details.get_by_role("combobox", name="Folder")).to_be_visible()
    assert "cat.safetensors" in files_in(folder)


def test_several_at_once(tab: Tab, folder: Path) -> None:
    """Selected files are moved, hidden and deleted together, and each action can be undone."""
    undo = undo_line(tab).get_by_role("button", name="Undo")
    bar = tab.root.get_by_role("toolbar", name="With the selection")

    def select() -> None:
        tab.root.get_by_role("button", name="Select").click()
        tab.click("cat")
        tab.click("dog")
        expect(bar).to_contain_text("2 selected")

    select()
    bar.get_by_role("button", name="Move to …").click()
    bar.get_by_role("combobox", name="Folder").select_option(label="\u2003styles")
    bar.get_by_role("button", name="Move", exact=True).click()
    expect(undo_line(tab)).to_contain_text("Moved 2 files to styles")
    expect(bar).to_be_hidden()
    assert "styles/dog.safetensors" in files_in(folder)
    undo.click()
    expect(undo_line(tab)).to_contain_text("Moved 2 files back")
    assert files_in(folder) == ALL
    select()
    bar.get_by_role("button", name="Hide").click()
    expect(tab.card("cat")).to_have_count(0)
    undo.click()
    expect(tab.card("cat")).to_be_visible()
    select()
    bar.get_by_role("button", name="Delete").click()
    expect(undo_line(tab)).to_contain_text("Deleted 2 files")
    expect(tab.card("cat")).to_have_count(0)
    undo.click()
    expect(undo_line(tab)).to_contain_text("Restored 2 files")
    expect(tab.card("cat")).to_be_visible()
    assert files_in(folder) == ALL


def test_a_new_folder_is_made_where_a_file_moves_to(tab: Tab) -> None:
    """It is named beside the folder that it comes into, and is in the tree at once."""
    tab.press("cat", "info")
    tab.details.get_by_role("button", name="Move to …").click()
    tab.details.get_by_role("combobox", name="Folder").select_option(label="embeddings")
    tab.details.get_by_role("textbox", name="New subfolder").fill("nul")
    tab.page.keyboard.press("Enter")
    expect(tab.root.locator(".undo")).to_contain_text("Windows keeps this name for a device")
    tab.details.get_by_role("textbox", name="New subfolder").fill("animals")
    tab.page.keyboard.press("Enter")
    expect(tab.root.locator(".undo")).to_contain_text("Moved cat to animals")
    expect(tab.root.locator(".tree li").filter(has_text="animals")).to_have_count(1)
    tab.root.locator(".undo").get_by_role("button", name="Undo").click()
    expect(tab.root.locator(".undo")).to_contain_text("Moved 1 file back")


def test_a_key_hides_a_card(tab: Tab) -> None:
    """It can be taken back, as with the button."""
    tab.card("cat").locator(".main").focus()
    tab.page.keyboard.press("h")
    expect(tab.card("cat")).to_have_count(0)
    tab.root.locator(".undo").get_by_role("button", name="Undo").click()
    expect(tab.card("cat")).to_be_visible()


def test_hidden_ones(tab: Tab) -> None:
    """A hidden one is not among the others, completes nothing, works, and has a filter."""
    expect(tab.root.locator(".chip", has_text="Hidden")).to_be_hidden()
    tab.press("cat", "info")
    switch = tab.details.get_by_role("switch", name="Hidden")
    switch.check()
    expect(tab.card("cat")).to_have_count(0)
    expect(switch).to_be_focused()
    tab.page.keyboard.press("Escape")
    expect(tab.card("dog").locator(".main")).to_be_focused()
    tab.prompt.fill("cat")
    expect(tab.notices.filter(has_text="cat")).to_be_visible()
    tab.show("Hidden")
    expect(tab.card("cat")).to_be_visible()
    assert tab.names() == ["cat"]
    tab.press("cat", "info")
    switch.uncheck()
    tab.page.keyboard.press("Escape")
    expect(tab.empty).to_contain_text("Nothing to show")
    tab.show("All")
    expect(tab.card("cat")).to_be_visible()


def open_trash(tab: Tab) -> Locator:
    tab.root.get_by_role("button", name="Show the trash").click()
    trash = tab.page.get_by_role("dialog", name="Trash")
    expect(trash).to_be_visible()
    return trash


def test_the_trash(tab: Tab, folder: Path) -> None:
    """It lists files and their size; after Restore the focus goes to the next, and Undo follows."""
    delete(tab, "cat")
    delete(tab, "dog")
    trash = open_trash(tab)
    expect(trash.locator(".summary")).to_contain_text("2 files")
    rows = trash.get_by_role("listitem")
    assert rows.locator(".what").all_inner_texts() == ["dog", "cat"]
    trash.get_by_role("button", name="Restore dog").click()
    expect(trash.locator(".outcome")).to_have_text("Restored dog to dog.safetensors.")
    expect(trash.get_by_role("button", name="Restore cat")).to_be_focused()
    trash.get_by_role("button", name="Restore cat").click()
    expect(trash.locator(".summary")).to_have_text("The trash is empty.")
    expect(trash.get_by_role("button", name="Close (Esc)")).to_be_focused()
    tab.page.keyboard.press("Escape")
    expect(undo_line(tab)).to_be_hidden()
    expect(tab.card("cat")).to_be_visible()
    assert files_in(folder) == ALL


def test_the_trash_is_emptied_after_a_question(tab: Tab, folder: Path, tmp_path: Path) -> None:
    """Keep keeps; only the second answer deletes for good."""
    delete(tab, "cat")
    trash = open_trash(tab)
    emptier = trash.get_by_role("button", name="Empty the trash …")
    emptier.click()
    keep = trash.get_by_role("button", name="Keep")
    expect(keep).to_be_focused()
    expect(trash.locator(".question")).to_contain_text("Delete 1 file")
    keep.click()
    expect(emptier).to_be_focused()
    assert len(files_in(tmp_path / "home" / "lib_embeddings" / "trash")) == 3
    emptier.click()
    trash.get_by_role("button", name="Delete for good").click()
    expect(trash.locator(".summary")).to_have_text("The trash is empty.")
    expect(trash.get_by_role("button", name="Close (Esc)")).to_be_focused()
    assert files_in(tmp_path / "home" / "lib_embeddings" / "trash") == []
    expect(undo_line(tab)).to_be_hidden()
    assert "cat.safetensors" not in files_in(folder)


def test_a_place_that_is_taken(tab: Tab, folder: Path) -> None:
    """A file that cannot be restored says why, and can be restored later."""
    delete(tab, "cat")
    write(folder, "cat", SDXL)
    expect(tab.root.locator(".chip", has_text="Partially")).to_be_visible()
    undo_line(tab).get_by_role("button", name="Undo").click()
    expect(undo_line(tab)).to_be_visible()
    trash = open_trash(tab)
    trash.get_by_role("button", name="Restore cat").click()
    expect(trash.locator(".outcome")).to_have_text(
        "Not restored: cat.safetensors already exists again: rename it first"
    )


# Drops

# Null if the target has just been replaced: people drop at a place, where its successor is.
DROP = """(target, files) => {
  if (!target.isConnected) return null;
  const transfer = new DataTransfer();
  for (const { name, data, type } of files) {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    transfer.items.add(new File([bytes], name, { type }));
  }
  const options = { dataTransfer: transfer, bubbles: true, cancelable: true };
  const over = !target.dispatchEvent(new DragEvent("dragover", options));
  const hint = document.querySelector(".lib-embeddings").dataset.drop;
  const dropped = !target.dispatchEvent(new DragEvent("drop", options));
  return [over, dropped, hint];
}"""


def drop(target: Locator, **files: bytes) -> object:
    """Drop files; return whether the browser was kept from opening them, twice, and the hint."""
    encoded = [
        {
            "name": name,
            "data": base64.b64encode(data).decode(),
            "type": mimetypes.guess_type(name)[0] or "",
        }
        for name, data in files.items()
    ]
    while (done := target.evaluate(DROP, encoded)) is None:
        pass
    return done


GOOD = safetensors_file({"emb_params": np.full((2, 768), 0.01, np.float32)})
PICTURE = png()


def zipped(**files: bytes) -> bytes:
    """Return a zip, packed as people do it."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def dropped_dialog(tab: Tab) -> Locator:
    return tab.page.get_by_role("dialog", name="Add files")


def test_files_are_dropped(tab: Tab, folder: Path) -> None:
    """Each is judged, and added to the folder that is chosen in the tree, or refused; bad first."""
    tab.root.get_by_role("treeitem", name="styles").click()
    expect(tab.card("dog")).to_have_count(0)
    files = {
        "fox.safetensors": GOOD,
        "page.pt": b"<!DOCTYPE html><html>",
        "dog.safetensors": GOOD,
        "notes.docx": b"text",
        "photo.jpg": b"a picture",
        "plain.png": PICTURE,
    }
    assert drop(tab.viewport, **files) == [True, True, "Add to styles"]
    dialog = dropped_dialog(tab)
    expect(dialog.locator(".summary")).to_have_text("Added 1 of 6 files to styles.")
    sentences = dialog.get_by_role("listitem").all_inner_texts()
    to_show = "; to show it on a card, drop it there."
    assert sentences[0].startswith("page.pt\nIt was not kept: this is a web page")
    assert sentences[1].startswith("dog.safetensors\nThe name is already taken by dog")
    assert sentences[2:] == [
        "notes.docx\nEmbedding files do not end in .docx.",
        f"photo.jpg\nThis kind of picture cannot hold an embedding{to_show}",
        "plain.png\nIt was not kept: this is a PNG picture with no embedding in it" + to_show,
        "fox.safetensors\nIt was added.",
    ]
    tab.page.keyboard.press("Escape")
    expect(tab.card("fox")).to_be_visible()
    assert files_in(folder) == sorted([*ALL, "styles/fox.safetensors"])


def test_all_that_was_dropped_is_taken_back_at_once(tab: Tab, folder: Path) -> None:
    """200 files and a zip come in one drop; Undo moves them to the trash."""
    sound = {f"e{number}.safetensors": GOOD for number in range(60)}
    others = {f"x{number}.pt": b"<html>" for number in range(139)}
    archive = zipped(**{"a/in.safetensors": GOOD, "../out.safetensors": GOOD, "bad.pt": b"<html>"})
    drop(tab.viewport, **sound, **others, **{"pack.zip": archive})
    dialog = dropped_dialog(tab)
    expect(dialog.locator(".summary")).to_have_text("Added 62 of 202 files to embeddings.")
    assert "pack.zip: bad.pt" in dialog.get_by_role("listitem").nth(139).inner_text()
    added = {"a/in.safetensors", "out.safetensors", *sound}
    assert files_in(folder) == sorted([*ALL, *added])
    assert not (folder.parent / "out.safetensors").exists()
    undo_line(tab).get_by_role("button", name="Undo").click()
    expect(undo_line(tab)).to_contain_text("Moved 62 files to the trash")
    assert files_in(folder) == ALL


def test_a_drop_on_a_folder_of_the_tree(tab: Tab, folder: Path) -> None:
    """It goes into that folder, whichever is looked at."""
    row = tab.root.get_by_role("treeitem", name="styles")
    assert drop(row, **{"fox.safetensors": GOOD}) == [True, True, "Add to styles"]
    expect(dropped_dialog(tab).locator(".summary")).to_have_text("Added 1 of 1 file to styles.")
    assert "styles/fox.safetensors" in files_in(folder)


def test_a_dialog_that_is_opened_early_gets_its_folders(tab: Tab) -> None:
    """The folders may come after the page, or become others, while somebody looks at them."""
    held: list[Route] = []
    tab.page.route("**/folders*", lambda route: held.append(route))  # noqa: PLW0108 - it wants a function
    with tab.page.expect_request("**/folders*"):
        tab.page.reload()
    tab.root.get_by_role("button", name="Add files from this computer").click()
    folders = dropped_dialog(tab).get_by_role("combobox", name="Folder to put them in")
    expect(folders.get_by_role("option")).to_have_count(0)
    for route in held:
        route.continue_()
    expect(folders.get_by_role("option")).not_to_have_count(0)
    expect(folders).not_to_have_value("")


def test_a_folder_is_chosen(tab: Tab, folder: Path) -> None:
    """It keeps its folders, what lies beside a file comes with it, and Undo takes back all."""
    chosen = folder.parent / "chosen"
    write(chosen, "deep/fox", SD1)
    for name, data in (("fox.preview.png", PICTURE), ("fox.json", b"{}"), ("read.json", b"{}")):
        (chosen / "deep" / name).write_bytes(data)
    tab.root.get_by_role("button", name="Add files from this computer").click()
    dialog = dropped_dialog(tab)
    dialog.get_by_role("combobox", name="Folder to put them in").select_option(label="\u2003styles")
    with tab.page.expect_file_chooser() as choosing:
        dialog.get_by_role("button", name="Choose a folder …").click()
    choosing.value.set_files(chosen)
    expect(dialog.locator(".summary")).to_have_text("Added 3 of 4 files to styles.")
    assert sorted(dialog.get_by_role("listitem").all_inner_texts()) == [
        "chosen/deep/fox.json\nIt was added beside its embedding.",
        "chosen/deep/fox.preview.png\nIt was added beside its embedding.",
        "chosen/deep/fox.safetensors\nIt was added.",
        "chosen/deep/read.json\nEmbedding files do not end in .json.",
    ]
    names = ("fox.json", "fox.preview.png", "fox.safetensors")
    assert files_in(folder) == sorted([*ALL, *(f"styles/chosen/deep/{name}" for name in names)])
    tab.page.keyboard.press("Escape")
    expect(tab.card("fox").locator("img")).to_be_visible()
    undo_line(tab).get_by_role("button", name="Undo").click()
    expect(undo_line(tab)).to_contain_text("to the trash")
    assert files_in(folder) == ALL


def test_files_are_chosen(tab: Tab, folder: Path) -> None:
    """Files can also be chosen without a drag, and one that is already there says so."""
    write(folder.parent, "fox", SD1)
    tab.root.get_by_role("button", name="Add files from this computer").click()
    dialog = dropped_dialog(tab)
    for sentence in ("It was added.", "The name is already taken"):
        with tab.page.expect_file_chooser() as choosing:
            dialog.get_by_role("button", name="Choose files …").click()
        choosing.value.set_files([folder.parent / "fox.safetensors"])
        expect(dialog.get_by_role("listitem")).to_contain_text(sentence)
    assert files_in(folder) == sorted([*ALL, "fox.safetensors"])


def test_pictures_that_are_dropped_on_a_card(tab: Tab, folder: Path) -> None:
    """An ordinary one shows the card; one with an embedding inside is added as that."""
    drop(tab.card("cat"), **{"plain.png": PICTURE})
    expect(undo_line(tab)).to_contain_text("New picture for cat")
    assert "cat.preview.png" in files_in(folder)
    drop(tab.card("cat"), **{"fox.png": png_text()})
    expect(undo_line(tab)).to_contain_text("Added fox to embeddings")
    expect(tab.card("fox")).to_be_visible()
    drop(tab.card("cat"), **{"wolf.png": PICTURE, "dingo.safetensors": GOOD})
    expect(dropped_dialog(tab).locator(".summary")).to_have_text(
        "Added 1 of 2 files to embeddings."
    )


def test_sending_can_be_stopped(tab: Tab, folder: Path) -> None:
    """Files that were not sent by then are not sent, and say so."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    tab.page.route("**/v1/files?*", hold)
    drop(tab.viewport, **{f"e{number}.safetensors": GOOD for number in range(9)})
    dialog = dropped_dialog(tab)
    expect(dialog.get_by_role("progressbar")).to_have_count(10)  # each file, and all of them
    assert len(held) == 1
    dialog.get_by_role("button", name="Stop").click()
    expect(dialog.locator(".summary")).to_have_text("Added 0 of 9 files to embeddings.")
    expect(dialog.get_by_role("listitem").filter(has_text="It was not sent.")).to_have_count(9)
    assert files_in(folder) == ALL


def test_a_drop_elsewhere_opens_nothing(tab: Tab, folder: Path) -> None:
    """A file that misses the cards is not opened in place of the page, and goes nowhere."""
    assert drop(tab.prompt, **{"fox.safetensors": GOOD}) == [True, True, None]
    assert drop(tab.page.locator("body"), **{"fox.safetensors": GOOD}) == [True, True, None]
    expect(tab.page.get_by_role("dialog")).to_have_count(0)
    assert files_in(folder) == ALL


def test_where_files_may_not_be_changed(tab: Tab, folder: Path) -> None:
    """Nothing is offered that would be refused, and a drop changes nothing."""
    change_host(tab.page, may_change_files=False)
    expect(tab.root.get_by_role("button", name="Show the trash")).to_have_count(0)
    tab.press("cat", "info")
    for name in ("Rename", "Delete", "Move to …"):
        expect(tab.details.get_by_role("button", name=name)).to_have_count(0)
    expect(tab.details.get_by_role("switch", name="Hidden")).to_be_visible()
    tab.page.keyboard.press("Escape")
    assert drop(tab.viewport, **{"fox.safetensors": GOOD}) == [True, True, None]
    assert files_in(folder) == ALL


# Everyone


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed")
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_everyone(visit: Visit, address: str, theme: str, width: int) -> None:
    """Nothing is cut or out of reach, in the trash, in the details, and among dropped files."""
    tab = Tab(visit(viewport={"width": width, "height": 844}))
    tab.page.goto(f"{address}?__theme={theme}")
    tab.cards.first.wait_for()
    delete(tab, "cat")
    assert complaints(tab) == []
    if width < 800:
        tab.root.get_by_role("button", name="Filters, order and more").click()
    trash = open_trash(tab)
    trash.get_by_role("button", name="Empty the trash …").click()
    expect(trash.locator(".question")).to_be_visible()
    assert complaints(tab) == []
    assert trash.evaluate("(dialog) => dialog.scrollWidth <= dialog.clientWidth")
    tab.page.keyboard.press("Escape")
    tab.page.keyboard.press("Escape")
    tab.press("dog", "info")
    tab.details.get_by_role("button", name="Move to …").click()
    assert complaints(tab) == []
    tab.page.keyboard.press("Escape")
    tab.page.keyboard.press("Escape")
    drop(tab.viewport, **{"fox.safetensors": GOOD, "page.pt": b"<!DOCTYPE html><html>"})
    dropped = dropped_dialog(tab)
    expect(dropped.locator(".summary[role=status]")).to_contain_text("Added 1 of 2")
    assert complaints(tab) == []
