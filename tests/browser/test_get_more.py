"""Embeddings from elsewhere in the tab, from sites on this computer."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import SD1, Visit, fill, serving, write
from tests.browser.tab import Tab
from tests.browser.test_access import CUT_MENUS
from tests.builders import safetensors_file
from tests.entries.test_imaging import picture
from tests.sources.fakes import (
    PAGE,
    FakeCivitai,
    FakeHub,
    FakeSite,
    Reply,
    as_json,
    digest,
    redirect,
)

SDXL_FILE = safetensors_file(
    {"clip_l": np.full((2, 768), 0.01, np.float32), "clip_g": np.full((2, 1280), 0.01, np.float32)}
)
GOOD = safetensors_file({"emb_params": np.full((3, 768), 0.02, np.float32)})


CHANGED = GOOD[:-4] + b"\0\0\0\0"


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let nobody write into a folder, root included."""
    is_root = os.geteuid() == 0
    commands = ["chattr", "+i"], ["chattr", "-i"]
    if not is_root:
        commands = ["chmod", "a-w"], ["chmod", "u+w"]
    subprocess.run([*commands[0], folder], check=True)
    try:
        yield
    finally:
        subprocess.run([*commands[1], folder], check=True)


class World(NamedTuple):
    """The app, and the sites that it may ask."""

    address: str
    civitai: FakeCivitai
    hub: FakeHub
    folder: Path


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Yield an app whose person has set the fakes as mirrors."""
    civitai, hub, archive, folder = FakeCivitai(), FakeHub(), FakeSite(), tmp_path / "embeddings"
    folder.mkdir()
    fill(folder)
    for number, (name, level) in enumerate(
        (("easynegative", 1), ("late-harbour", 1), ("red-velvet", 8)), 1
    ):
        path = f"/store/picture-{number}"
        civitai.refusals[path] = Reply(200, picture((64, 64), "JPEG"))
        civitai.add(
            number * 10,
            (f"{name}.safetensors", GOOD + b"", {}),
            trainedWords=[name],
            nsfwLevel=level,
            images=[{"url": civitai.url + path, "type": "image", "nsfwLevel": level}],
            model={"name": name.replace("-", " ").title()},
        )
    hub.repos["sd-concepts-library/cat-toy"] = {
        "concept_images/0.jpeg": picture((64, 64), "JPEG"),
        "learned_embeds.bin": GOOD,
        "token_identifier.txt": b"<cat-toy>",
        "type_of_concept.txt": b"object",
    }
    settings = tmp_path / "home" / "lib_embeddings" / "sources.ini"
    settings.parent.mkdir(parents=True)
    settings.write_text(
        f"[civitai]\ntoken = {civitai.key}\naddress = {civitai.url}\n"
        f"[huggingface]\naddress = {hub.url}\n[civarchive]\naddress = {archive.url}\n"
    )
    settings.chmod(0o600)
    with serving(folder, tmp_path / "home") as address:
        yield World(address, civitai, hub, folder)
    for site in (civitai, hub, archive):
        site.close()


class GetMore:
    """The dialog, as people see it."""

    def __init__(self, page: Page) -> None:
        self.tab = Tab(page)
        self.root = self.tab.root.locator("dialog.get-more")
        self.reference = self.root.get_by_label("Link, hash or name")
        self.jobs = self.root.locator(".jobs > li")
        self.offers = self.root.locator(".offer")

    def open(self) -> None:
        """Open it by its button."""
        self.tab.root.get_by_role("button", name="Get more embeddings").click()

    def get(self, reference: str) -> Locator:
        """Ask for a reference, and return what is shown of it."""
        self.reference.fill(reference)
        self.reference.press("Enter")
        return self.jobs.first


@pytest.fixture
def page(visit: Visit, world: World) -> Page:
    """Return the page of a new visitor."""
    page = visit()
    page.goto(world.address)
    Tab(page).cards.first.wait_for()
    return page


def test_a_link_becomes_a_card(page: Page, world: World) -> None:
    """Nobody is asked before; at the end the card is there, with what the site says."""
    more = GetMore(page)
    more.open()
    expect(more.reference).to_be_focused()
    assert world.civitai.asked == world.hub.asked == []
    job = more.get("https://civitai.com/models/1?modelVersionId=10")
    expect(job).to_contain_text("It is now in your library")
    job.get_by_role("button", name="Show its card").click()
    expect(more.root).to_be_hidden()
    expect(more.tab.card("easynegative")).to_be_visible()
    assert sorted(path.name for path in world.folder.glob("easy*")) == [
        "easynegative.json",
        "easynegative.safetensors",
    ]


def test_a_search_and_one_click(page: Page, world: World) -> None:
    """Results are cards with pictures that come from this server; one click brings one."""
    more = GetMore(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    more.open()
    more.root.get_by_role("button", name="Civitai", exact=True).click()
    expect(more.offers).to_have_count(3)
    first = more.offers.first
    expect(first).to_contain_text("Easynegative v1")
    expect(first.locator(".badge")).to_have_text("SD 1.x")
    expect(first.locator("img")).to_be_visible()
    assert all(url.startswith((world.address, "data:")) for url in asked)
    for width in (1400, 800, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert more.root.evaluate(CUT_MENUS) == []
    first.get_by_role("button", name="Get Easynegative v1").click()
    expect(first.get_by_role("button")).to_have_text("In your library")
    more.root.get_by_role("button", name="Close").click()
    expect(more.tab.card("easynegative")).to_be_visible()


def test_what_is_not_for_everybody_is_veiled(page: Page) -> None:
    """Its picture is shown to who asks for it."""
    more = GetMore(page)
    more.open()
    more.root.get_by_role("button", name="Civitai", exact=True).click()
    veiled = more.offers.nth(2).locator(".picture")
    expect(veiled.locator("img")).to_have_css("filter", "blur(16px)")
    veiled.get_by_role("button", name="Show this picture").click()
    expect(veiled.locator("img")).to_have_css("filter", "none")


def test_concepts(page: Page) -> None:
    """The list has names, pictures and kinds."""
    more = GetMore(page)
    more.open()
    more.root.get_by_label("Search", exact=True).and_(page.locator("input")).fill("cat")
    more.root.get_by_role("button", name="Search", exact=True).click()
    expect(more.offers).to_have_count(1)
    expect(more.offers.locator(".badge")).to_have_text("Object")
    more.offers.get_by_role("button", name="Get cat-toy").click()
    expect(more.jobs.first).to_contain_text("It is now in your library")


def test_questions_and_refusals(page: Page, world: World) -> None:
    """A name that is taken is asked for; what cannot be had says what to do."""
    write(world.folder, "easynegative", SD1)
    more = GetMore(page)
    more.open()
    job = more.get("civitai:1@10")
    expect(job).to_contain_text("The name is already taken by easynegative.safetensors")
    job.get_by_label("New name").fill("easy two")
    job.get_by_role("button", name="Use this name").click()
    expect(job).to_contain_text("It is now in your library")
    assert (world.folder / "easy two.safetensors").exists()
    world.civitai.refusals["/api/v1/models/2"] = as_json(
        {"error": "Early Access", "deadline": "2030-01-01T00:00:00Z"}, 403
    )
    refused = more.get("civitai:2@20")
    expect(refused).to_contain_text("It is in early access on Civitai until 2030-01-01")
    refused.get_by_role("button", name="Hide this").click()
    expect(more.jobs).to_have_count(1)


ONE, TWO = "civitai:1@10", "civitai:2@20"
DOWNLOAD, STORED = "/api/download/models/10", "/store/1"
# What the site answers where, what is asked for, and what people read.
REFUSED: list[tuple[str, Reply | None, str, str]] = [
    (STORED, PAGE, ONE, "Easynegative.safetensors was not kept: this is a web page, not an"),
    (DOWNLOAD, redirect("/login?reason=download-auth"), ONE, "Civitai refuses your key: check"),
    (DOWNLOAD, as_json({"error": "Unauthorized"}, 401), ONE, "Civitai refuses your key: check"),
    (
        DOWNLOAD,
        as_json({"message": "The creator has disabled downloads on this file"}, 401),
        ONE,
        "Its author has switched off downloads on Civitai: ask the author",
    ),
    (
        DOWNLOAD,
        as_json({"error": "Early Access", "deadline": "2030-01-01T00:00:00Z"}, 403),
        ONE,
        "It is in early access on Civitai until 2030-01-01: buy it there, or wait until then",
    ),
    (DOWNLOAD, as_json({"error": "Forbidden"}, 403), ONE, "Civitai does not let you have it"),
    (DOWNLOAD, as_json({"error": "File not found"}, 404), ONE, "CivArchive does not have it"),
    (DOWNLOAD, as_json({"error": "Model archived"}, 410), ONE, "Its author has archived it, and"),
    ("", None, "civitai:4@40", "Civitai does not have it (or not at the moment)"),
    (
        DOWNLOAD,
        as_json({}, 429, Retry_After="90"),
        ONE,
        "Too many requests to Civitai: wait 90 seconds and try again",
    ),
    (STORED, Reply(200, repeat(GOOD)), ONE, "was not kept: expected at most"),
    (DOWNLOAD, redirect(DOWNLOAD), ONE, "Civitai redirects more than"),
    (STORED, Reply(200, GOOD * 2), ONE, "was not kept: expected at most"),
    (STORED, Reply(200, CHANGED), ONE, "is not the file that Civitai names: expected the SHA-256"),
    (STORED, Reply(200, GOOD[:-2000]), ONE, "was not kept: cut short: expected at least"),
    (DOWNLOAD, redirect("https://10.0.0.1/x.pt"), ONE, "which is not one of its hosts"),
    ("", None, "https://10.0.0.1/x.pt", "an address inside a private network"),
    ("", None, "civitai:9@90", "../evil: a file's name cannot have / in it"),
    ("", None, "what is this: ?", "expected a link, a hash, a repository as owner/name"),
]


def test_every_refusal_is_a_sentence(page: Page, world: World, tmp_path: Path) -> None:
    """Each says what is wrong and what to do, and nothing of it is kept."""
    world.civitai.add(90, ("../evil.safetensors", GOOD))
    more = GetMore(page)
    more.open()
    before = sorted(world.folder.rglob("*"))
    known = dict(world.civitai.refusals)

    def refused(reference: str) -> Locator:
        """Ask for a reference, and return what is shown of it."""
        count = more.jobs.count()
        job = more.get(reference)
        expect(more.jobs).to_have_count(count + 1)
        return job

    for path, reply, reference, sentence in REFUSED:
        world.civitai.refusals = {**known, **({path: reply} if reply else {})}
        job = refused(reference)
        expect(job).to_contain_text(sentence, ignore_case=True)
        if job.get_attribute("data-state") == "asking":
            job.get_by_role("button", name="Cancel").click()
        job.get_by_role("button", name="Hide this").click()
        expect(more.jobs).to_have_count(0)
        assert sorted(world.folder.rglob("*")) == before, sentence
    world.civitai.refusals = known
    with read_only(world.folder):
        expect(refused(ONE)).to_contain_text("this program may not write into its folder: allow")
    settings = tmp_path / "home" / "lib_embeddings" / "sources.ini"
    settings.write_text(settings.read_text().replace(f"token = {world.civitai.key}\n", ""))
    expect(refused(ONE)).to_contain_text("make one at https://civitai.com/user/account")
    assert sorted(world.folder.rglob("*")) == before


def test_a_download_is_cancelled(page: Page, world: World) -> None:
    """Its bar goes, and nothing is kept."""

    def endless() -> Iterator[bytes]:
        yield GOOD[:1000]
        page_is_there.wait(30)

    import threading  # noqa: PLC0415

    page_is_there = threading.Event()
    world.civitai.refusals["/store/1"] = Reply(200, endless(), length=len(GOOD))
    more = GetMore(page)
    more.open()
    job = more.get("civitai:1@10")
    expect(job.locator("progress")).to_be_visible()
    job.get_by_role("button", name="Cancel").click()
    page_is_there.set()
    expect(job).to_contain_text("Nothing was kept")
    assert not list(world.folder.glob("easy*"))


def test_a_link_is_dropped(page: Page, world: World) -> None:
    """It goes where pasted links go."""
    data = page.evaluate_handle("""() => {
      const transfer = new DataTransfer();
      transfer.setData("text/uri-list", "https://civitai.com/models/1?modelVersionId=10");
      return transfer;
    }""")
    more = GetMore(page)
    for kind in ("dragover", "drop"):
        more.tab.viewport.dispatch_event(kind, {"dataTransfer": data})
    expect(more.jobs.first).to_contain_text("It is now in your library")
    assert (world.folder / "easynegative.safetensors").exists()


def test_find_it(page: Page, world: World) -> None:
    """A missing embedding is found by its name in a prompt, or by its hash in an infotext."""
    more = GetMore(page)
    more.tab.prompt.fill("a cat, embedding:late-harbour, x")
    more.tab.report.get_by_role("button", name="Find it").click()
    expect(more.offers.first).to_be_visible()
    assert "late-harbour" in [asked.query.get("query") for asked in world.civitai.asked]
    assert not more.jobs.count()
    more.root.get_by_role("button", name="Close").click()
    infotext = f'a\nSteps: 20, TI hashes: "gone: {digest(GOOD)[:12]}", Version: v1.10'
    more.tab.prompt.fill("")
    more.tab.prompt.evaluate(
        """(field, text) => {
          const clipboardData = new DataTransfer();
          clipboardData.setData("text", text);
          field.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
        }""",
        infotext,
    )
    more.tab.prompt.fill("a")
    more.tab.report.get_by_role("button", name="Find it").click()
    expect(more.jobs.first).to_contain_text("It is now in your library")


def test_identify(page: Page, world: World) -> None:
    """It is said before the first time what is sent; then files say where they are from."""
    data = world.folder / "marc_allante.safetensors"
    world.civitai.add(
        90, ("marc.safetensors", data.read_bytes()), model={"name": "Marc"}, baseModel="SDXL 1.0"
    )
    more = GetMore(page)
    more.tab.press("marc_allante", "info")
    more.tab.details.get_by_role("button", name="Ask Civitai about it").click()
    expect(more.root).to_contain_text("The SHA-256 of marc_allante is sent to Civitai")
    assert world.civitai.asked == []
    more.root.get_by_role("button", name="Send", exact=True).click()
    expect(more.jobs.first).to_contain_text("Civitai knows 1 of 1 file")
    expect(more.jobs.first).to_contain_text("Civitai says SDXL 1.0, but the vectors are for SD 1.x")
    bodies = [json.loads(asked.body) for asked in world.civitai.asked]
    assert bodies == [[digest(data.read_bytes()).upper()]] * 2
    more.root.get_by_role("button", name="Close").click()
    more.tab.press("marc_allante", "info")
    expect(more.tab.details).to_contain_text("Marc v1")
    more.tab.details.get_by_role("button", name="Ask Civitai about it").click()
    expect(more.jobs).to_have_count(2)


def test_where_nobody_may(visit: Visit, tmp_path: Path) -> None:
    """Nothing of it is there, and a link that is dropped is left alone."""
    from tests.browser.conftest import running  # noqa: PLC0415

    folder = tmp_path / "embeddings"
    folder.mkdir()
    fill(folder)
    with running(
        "lib_embeddings",
        "serve",
        folder,
        "--model",
        "sd1",
        "--port",
        0,
        "--no-sources",
        home=tmp_path,
    ) as address:
        page = visit()
        page.goto(address)
        tab = Tab(page)
        tab.cards.first.wait_for()
        expect(tab.root.get_by_role("button", name="Get more embeddings")).to_have_count(0)
        tab.press("marc_allante", "info")
        expect(tab.details.get_by_role("button", name="Ask Civitai about it")).to_be_hidden()


def test_pictures_that_are_not_for_everybody(page: Page, world: World) -> None:
    """They are blurred wherever they are shown, until somebody wants to see such."""
    (world.folder / "brush.png").write_bytes(picture((64, 64)))
    write(world.folder, "brush", SD1)
    said = {"modelId": 1, "id": 2, "nsfwLevel": 8, "files": []}
    (world.folder / "brush.civitai.info").write_text(json.dumps(said))
    tab = Tab(page)
    card = tab.root.locator(".card[data-veiled]")
    expect(card.locator("img")).to_have_css("filter", "blur(16px)")
    tab.press("brush", "info")
    expect(tab.details.locator("img")).to_have_css("filter", "blur(16px)")
    tab.details.get_by_role("button", name="Blur or show adult pictures").click()
    expect(tab.details.locator("img")).to_have_css("filter", "none")
    page.reload()
    expect(card.locator("img")).to_have_css("filter", "none")


def test_what_else_an_author_made(page: Page, world: World) -> None:
    """An author, a base model and a tag in the details lead to all that has them."""
    for name in ("brush", "pen"):
        said = {"modelId": 1, "id": 2, "files": [], "baseModel": "Pony"}
        said["model"] = {"name": name, "creator": {"username": "Ann B"}, "tags": ["ink", name]}
        (world.folder / f"{name}.civitai.info").write_text(json.dumps(said))
        write(world.folder, name, SD1)
    tab = Tab(page)
    expect(tab.card("pen")).to_be_visible()
    tab.press("brush", "info")
    tab.details.get_by_role("button", name="Ann B").click()
    expect(tab.details).to_be_hidden()
    expect(tab.search).to_have_value('author:"Ann B"')
    expect(tab.cards).to_have_count(2)
    tab.press("pen", "info")
    expect(tab.details.get_by_role("button", name="Pony")).to_be_visible()
    tab.details.get_by_role("button", name="pen", exact=True).click()
    expect(tab.cards).to_have_count(1)
