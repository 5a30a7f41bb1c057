"""Our tab in the place of the WebUI's page: shown, asked for items, edited, and undone."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from fastapi import FastAPI  # noqa: E402
from starlette.middleware.gzip import GZipMiddleware  # noqa: E402

from lib_embeddings.hosts.webui import extension  # noqa: E402
from lib_embeddings.web.routes import PREFIX  # noqa: E402
from tests.hosts.fake_webui import Checkpoint  # noqa: E402
from tests.hosts.fake_webui_pages import ExtraNetworksPage, UserMetadataEditor  # noqa: E402
from tests.hosts.running import Run, eventually  # noqa: E402
from tests.web import SD2, TestClient  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # fastapi of two times

PAGE = "lib_embeddings_page"
OWN = "ExtraNetworksPageTextualInversion"


def host_pages() -> Any:
    """Return the WebUI's module of pages."""
    return sys.modules["modules.ui_extra_networks"]


def page_of(run: Run) -> Any:
    """Build the interface, and return the page of embeddings."""
    (page,) = [page for page in run.webui.build_ui() if page.title == "Textual Inversion"]
    return page


def started(run: Run, *paths: str) -> Any:
    """Start with some embeddings and a model, and return the page of embeddings."""
    for path in paths:
        run.write(path)
    run.start()
    run.webui.load(Checkpoint(768))
    return page_of(run)


def is_own(page: ExtraNetworksPage) -> bool:
    """Return whether this is the WebUI's own page."""
    return type(page).__name__ == OWN


@pytest.mark.parametrize("tabname", ["txt2img", "img2img"])
def test_the_pane_is_ours(run: Run, tabname: str) -> None:
    """The tab grows in the pane, by the ids that others look for, and no file is listed in it."""
    page = started(run, "cat.safetensors")
    shown = page.create_html(tabname)
    assert f'id="{tabname}_textual_inversion_pane"' in shown
    assert f'id="{tabname}_textual_inversion_cards"' in shown
    assert f'data-tabname="{tabname}" data-page="textual_inversion"' in shown
    assert "cat" not in shown
    assert page.create_html(tabname, empty=True) == shown  # the browser has no reason to begin anew


def test_the_hosts_script_can_count_the_page_and_leaves_its_cards_alone(run: Run) -> None:
    """There is a search field, as in every page, and not all that sorting needs."""
    shown = started(run).create_html("txt2img")
    assert 'id="txt2img_textual_inversion_extra_search"' in shown
    assert "extra_sort_dir" not in shown


def test_the_page_keeps_name_and_place(run: Run) -> None:
    """Others find the page where it was, by its title and names, and as a page of the WebUI."""
    page = started(run)
    assert [each.title for each in host_pages().extra_pages] == ["Checkpoints", "Textual Inversion"]
    assert (page.name, page.extra_networks_tabname) == ("textual inversion", "textual_inversion")
    assert page.allow_negative_prompt
    assert isinstance(page, ExtraNetworksPage)
    assert not is_own(page)


def test_items_are_listed_for_whoever_asks(run: Run) -> None:
    """Every embedding is an item, usable or not; what is no embedding is none."""
    run.write("dog.safetensors", SD2)
    run.write("page.pt", b"<!DOCTYPE html>")
    page = started(run, "sub/cat.safetensors")
    items = {item["name"]: item for item in page.list_items()}
    assert sorted(items) == ["cat", "dog"]
    cat = items["cat"]
    assert cat["filename"] == str(run.folder / "sub/cat.safetensors")
    assert cat["shorthash"] == run.database.word_embeddings["cat"].shorthash
    assert cat["local_preview"] == str(run.folder / "sub/cat.preview.png")
    assert json.loads(cat["prompt"]) == "cat"
    assert cat["sort_keys"]["name"] == "cat.safetensors"


def test_a_file_that_is_gone_is_no_item(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file deleted a moment ago is left out, and nobody else suffers."""
    page = started(run, "cat.safetensors", "dog.safetensors")
    monkeypatch.setattr(
        page, "_sha256", lambda entry: Path(entry.place.full_path).read_bytes().hex()
    )
    (run.folder / "cat.safetensors").unlink()
    assert [item["name"] for item in page.list_items()] == ["dog"]
    assert page.create_item("cat") is None
    assert page.create_item("no such name") is None


def test_the_single_card_route_answers_with_nothing(run: Run) -> None:
    """The WebUI puts no card of its own among ours."""
    started(run, "cat.safetensors")
    assert host_pages().get_single_card("textual inversion", "txt2img", "cat") == {"html": ""}


def test_refresh_looks_at_the_folders(run: Run) -> None:
    """The WebUI's refresh finds what changed, whoever loads embeddings."""
    page = started(run)
    run.webui.callbacks.fire("ui_settings")
    for name in ("cat", "dog"):
        run.write(f"{name}.safetensors")
        page.refresh()
        assert page.create_item(name) is not None
        run.webui.options.set("lib_embeddings_take_over", False)


def test_the_hosts_editor_edits_our_files(run: Run) -> None:
    """Description and notes are read from the sidecar, and saved there beside all other keys."""
    page = started(run, "cat.safetensors")
    sidecar = run.folder / "cat.json"
    editor: UserMetadataEditor = page.create_user_metadata_editor(object(), "txt2img")
    editor.save_user_metadata("cat", "a cat", "purrs")
    # An older version of ours, or another program, writes while the editor is open.
    sidecar.write_text(json.dumps({**json.loads(sidecar.read_text()), "prompt box": "negative"}))
    assert editor.put_values_into_components("cat")[::4] == ("cat", "purrs")
    editor.save_user_metadata("cat", "my cat", "purrs")
    wanted = {"description": "my cat", "notes": "purrs", "prompt box": "negative"}
    assert json.loads(sidecar.read_text()) == wanted


def test_a_description_in_a_text_file_is_offered(run: Run) -> None:
    """Without a sidecar the editor begins with what lies in `<stem>.txt`."""
    page = started(run, "cat.safetensors")
    (run.folder / "cat.txt").write_text("a cat")
    editor = page.create_user_metadata_editor(object(), "txt2img")
    assert editor.put_values_into_components("cat")[1] == "a cat"


def test_what_is_no_file_is_not_opened_beside_an_embedding(run: Run) -> None:
    """A pipe or a device is no sidecar, no description and no preview: it may never answer."""
    page = started(run, "cat.safetensors")
    for ending in (".json", ".txt", ".preview.png"):
        (run.folder / f"cat{ending}").symlink_to(os.devnull)
    editor = page.create_user_metadata_editor(object(), "txt2img")
    assert editor.put_values_into_components("cat")[1:4:2] == (None, None)
    host_pages().get_single_card("textual inversion", "txt2img", "cat")


def test_a_replaced_preview_is_shown_at_once(run: Run, tmp_path: Path) -> None:
    """It also works in a folder that came later, from which the WebUI may then read pictures."""
    page = started(run, "cat.safetensors")
    run.webui.callbacks.fire("ui_settings")
    editor = page.create_user_metadata_editor(object(), "txt2img")
    assert editor.put_values_into_components("cat")[3] is None
    assert editor.save_preview("cat", b"a picture").endswith("cat.preview.png")
    later = tmp_path / "later"
    later.mkdir()
    run.write("../later/dog.safetensors")
    run.webui.options.set("lib_embeddings_folders", str(later))
    assert editor.save_preview("dog", b"a picture").endswith("later/dog.preview.png")
    assert str(later) in host_pages().allowed_dirs


def test_the_editor_shows_file_names_as_text(run: Run) -> None:
    """A file name cannot become markup of the WebUI's page."""
    page = started(run, "<img src=x onerror=alert(1)>.safetensors")
    editor = page.create_user_metadata_editor(object(), "txt2img")
    shown = editor.put_values_into_components("<img src=x onerror=alert(1)>")
    assert "<img" not in "".join(str(each) for each in shown[:3])


def test_reload_ui_takes_the_place_again(run: Run) -> None:
    """At every "Reload UI" the WebUI makes its page anew, and ours replaces that one."""
    first = started(run, "cat.safetensors")
    extension.stop()
    second = started(run)
    third = page_of(run)
    assert len({type(page) for page in (first, second, third)}) == 3
    assert not any(map(is_own, (first, second, third)))


def test_unloading_puts_the_hosts_page_back(run: Run) -> None:
    """The WebUI's own page is where it was."""
    started(run, "cat.safetensors")
    extension.stop()
    assert [is_own(page) for page in host_pages().extra_pages] == [False, True]


def test_unloading_leaves_a_page_that_replaced_ours(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    """Another extension's page stays, and nothing is said to have failed."""
    started(run, "cat.safetensors")
    pages = host_pages().extra_pages
    pages[:] = theirs = [object(), object()]
    caplog.clear()
    extension.stop()
    assert (pages, caplog.text) == (theirs, "")


def test_the_page_can_be_switched_off(run: Run) -> None:
    """Switched off in the settings, the WebUI shows its own page; our loader and routes go on."""
    run.webui.options.data[PAGE] = False
    page = started(run, "cat.safetensors")
    assert is_own(page)
    assert 'data-name="cat"' in page.create_html("txt2img")
    assert run.database.own_loads == 0


def test_the_setting_says_when_it_applies(run: Run) -> None:
    """A page is replaced when the interface is built: the setting asks for that."""
    run.start()
    run.webui.callbacks.fire("ui_settings")
    assert "Reload UI" in run.webui.options.data_labels[PAGE].comment_after
    extension.stop()
    assert PAGE not in run.webui.options.data_labels


@pytest.mark.parametrize(
    ("owner", "missing"),
    [
        (ExtraNetworksPage, "create_user_metadata_editor"),
        (UserMetadataEditor, "relative_path"),
    ],
)
def test_a_page_of_another_kind_stays(
    run: Run,
    owner: type[Any],
    missing: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Where the WebUI lacks what ours needs, its own page stays and everything else works."""
    run.write("cat.safetensors")
    run.start()
    run.webui.load(Checkpoint(768))
    with monkeypatch.context() as patch:
        patch.delattr(owner, missing)
        page = page_of(run)
    assert is_own(page)
    assert run.words == ["cat"]
    (record,) = [r for r in caplog.records if "the tab does not work in this WebUI" in r.message]
    assert missing in record.message


def test_a_webui_without_such_a_page_loses_nothing(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a page to replace there is one line, and the other pages stay."""
    run.start()
    host_pages().register_page(ExtraNetworksPage("Checkpoints"))
    run.webui.callbacks.fire("before_ui")
    assert [page.title for page in host_pages().extra_pages] == ["Checkpoints"]
    (record,) = [r for r in caplog.records if "the tab does not work in this WebUI" in r.message]
    assert "has no Textual Inversion page" in record.message


def test_a_webui_without_pages_loses_nothing_else(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the module of pages there is one line, and embeddings are loaded as ever."""
    monkeypatch.delattr(sys.modules["modules"], "ui_extra_networks")
    monkeypatch.delitem(sys.modules, "modules.ui_extra_networks")
    run.write("cat.safetensors")
    run.start()
    run.webui.load(Checkpoint(768))
    run.webui.callbacks.fire("before_ui")
    assert run.words == ["cat"]
    (record,) = [r for r in caplog.records if "the tab does not work in this WebUI" in r.message]
    assert "ui_extra_networks" in record.message


def test_events_are_not_packed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The WebUI packs its answers, which would hold back our events until their stream ends."""
    monkeypatch.setattr("lib_embeddings.web.answers.LONGEST_SECONDS", 0.0)
    run.start()
    app = FastAPI()
    app.add_middleware(GZipMiddleware, minimum_size=0)
    client = TestClient(app, "http://localhost")
    client.get("/")  # from here on the application may not be added to
    run.webui.callbacks.fire("app_started", None, app)
    packing = {"Accept-Encoding": "gzip"}
    events = client.get(f"{PREFIX}/events", headers=packing)
    entries = client.get(f"{PREFIX}/entries", headers=packing)
    assert "content-encoding" not in events.headers
    assert "event: generation" in events.text
    assert entries.headers["content-encoding"] == "gzip"


def test_the_page_learns_about_the_webui(run: Run) -> None:
    """It has two tabs with prompts, and its setting for the separator counts as it is now."""
    run.start()
    app = FastAPI()
    run.webui.callbacks.fire("app_started", None, app)
    client = TestClient(app, "http://localhost")
    told = client.get(f"{PREFIX}/host").json()
    assert (told["host"], told["version"]) == ("a1111", "v1.10.1")
    assert (told["tabs"], told["separator"]) == (["txt2img", "img2img"], ", ")
    run.webui.options.data["extra_networks_add_text_separator"] = " "
    assert client.get(f"{PREFIX}/host").json()["separator"] == " "


def test_a_change_is_a_new_item(run: Run) -> None:
    """A file that is added later can be edited without a refresh."""
    page = started(run)
    run.write("cat.safetensors")
    assert eventually(lambda: page.items.get("cat") is not None)
