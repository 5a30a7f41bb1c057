"""What the API tells of the library and its files, hostile ones included; and their pictures."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest
from PIL import Image

from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.library.library import Library
from lib_embeddings.stores.choices import CHOICES, Choice, Chosen
from lib_embeddings.stores.index import Index
from lib_embeddings.views.render import EntryJson
from lib_embeddings.web.route import allow
from tests.builders import (
    Raw,
    a1111,
    counted,
    pickle_of,
    png_text,
    safetensors_file,
    storage_id,
    tensor,
    torch_zip,
    vectors,
)
from tests.web import ELSEWHERE, HERE, PREFIX, SDXL, TUNNEL, Site, open_site
from tests.web.test_learning import FakeLearner
from tests.web.test_painting import FakeStudio

PROJECT = Path(__file__).parents[2]
DOC = (PROJECT / "docs" / "api.md").read_text(encoding="utf-8")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Return a site without embeddings."""
    with open_site(tmp_path, monkeypatch) as site:
        yield site


# docs/api.md


def section(heading: str) -> str:
    """Return the part of docs/api.md below a heading."""
    return DOC.partition(f"## `{heading}`")[2].partition("\n## ")[0]


def keys_of(value: Any) -> Any:
    """Return the keys of an object and of all in it; of a list, those of its first item.

    Where keys are those of families or folders, it depends on the library which there are.
    """
    if isinstance(value, dict):
        free = ("families", "folders")
        return {key: None if key in free else keys_of(inner) for key, inner in value.items()}
    return [keys_of(value[0])] if isinstance(value, list) and value else None


def columns(heading: str, below: str) -> Iterator[str]:
    """Yield the first column of a table in docs/api.md, whose first row is *heading*."""
    for row in below.partition(f"| {heading} |")[2].splitlines()[2:]:
        if not row.startswith("|"):
            return
        yield row.split("|")[1]


def documented_fields(below: str) -> list[str]:
    """Return the fields that the first table of fields describes."""
    return re.findall(r"`(\w+)`", " ".join(columns("field", below)))


@pytest.mark.parametrize("route", ["/entries", "/host"])
def test_the_documented_answer_is_the_real_one(site: Site, route: str) -> None:
    """The example in docs/api.md has the keys of an answer, none more and none less."""
    (example,) = re.findall(r"```json\n(.*?)```", section(f"GET {route}"), re.DOTALL)
    site.write("anime/marc_allante.pt")
    site.add("old/marc_allante.pt")
    expected, told = (keys_of(value) for value in (json.loads(example), site.get(route)))
    assert expected == told


def test_the_documented_entry_is_the_table_of_fields() -> None:
    """Example and table in docs/api.md have exactly the fields that the one table has, in order."""
    described = list(get_type_hints(EntryJson))
    (example,) = re.findall(r"```json\n(.*?)```", section("GET /entries"), re.DOTALL)
    (entry,) = json.loads(example)["entries"]
    assert list(entry) == described
    assert documented_fields(section("GET /entries").partition("### An entry")[2]) == described


def test_the_documented_choices_are_the_real_ones() -> None:
    """One table has all choices; every place that names choices has the same, with their values."""
    below = section("PATCH /entries/{id}")
    (example,) = re.findall(r"any of `({.*?})`", below)
    documented = json.loads(example)
    assert list(documented) == list(CHOICES) == list(get_type_hints(Chosen))
    assert list(CHOICES) == [field.name for field in fields(Choice)]
    assert all(documented[key] in CHOICES[key] for key in CHOICES)
    (words,) = re.findall(r"`field` is (.*?), which", below)
    assert re.findall(r"`(\w+)`", words) == list(CHOICES["field"])
    assert get_type_hints(EntryJson).keys() >= CHOICES.keys()


def test_the_documented_details_are_the_real_ones(site: Site) -> None:
    """The table has what the answer about one file has besides the entry, in order."""
    told = site.get(f"/entries/{site.add('cat.pt')}")
    (entry,) = site.get("/entries")["entries"]
    assert documented_fields(section("GET /entries/{id}")) == [
        key for key in told if key not in entry
    ]
    assert {key: told[key] for key in entry} == entry


def test_the_documented_host_is_the_real_one(site: Site) -> None:
    """The table has every field, and names what is in each."""
    below, host = section("GET /host"), site.get("/host")
    assert documented_fields(below) == list(host)
    for key in (*host["families"][0], *host["limits"]):
        assert f"`{key}`" in below, key


def test_the_documented_summary_is_the_example() -> None:
    """The table about the whole answer has the fields of the example, in order."""
    (example,) = re.findall(r"```json\n(.*?)```", section("GET /entries"), re.DOTALL)
    before_entries = section("GET /entries").partition("### An entry")[0]
    assert documented_fields(before_entries) == list(json.loads(example))


def test_the_documented_parameters_are_the_real_ones(site: Site) -> None:
    """The table in docs/api.md names every parameter, and folders have those that filter."""
    rows = columns("parameter", section("GET /entries"))
    documented = re.findall(r"`(\w+)`", " ".join(rows))
    filters = re.findall(r"`(\w+)`", section("GET /folders").partition(":")[2].partition(".")[0])
    paths = site.app.openapi()["paths"]
    for path, names in (("/entries", documented), ("/folders", filters)):
        parameters = paths[PREFIX + path]["get"]["parameters"]
        assert sorted(names) == sorted(parameter["name"] for parameter in parameters)


def test_the_documented_routes_are_the_real_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every route has its section in docs/api.md, or a point in the section of another."""
    documented = re.findall(r"^(?:## |- )`(\w+) (/[\w/{}]+)", DOC, re.MULTILINE)
    studio, learner = FakeStudio(), FakeLearner(tmp_path)
    with open_site(tmp_path, monkeypatch, studio=studio, learner=learner) as site:
        paths = site.app.openapi()["paths"]
    told = {(method.upper(), path) for path in paths for method in paths[path]}
    assert {(method, PREFIX + path) for method, path in documented} == told


@pytest.mark.parametrize(
    ("parameter", "words"),
    [("sort", r"`sort` \| (.*?);"), ("order", r"`order` \| (.*?) \|"),
     ("state", r"one or more of `(ok .*?)`"), ("fit", r"one or more of `(usable .*?)`")],
)  # fmt: skip
def test_documented_words_are_understood(site: Site, parameter: str, words: str) -> None:
    """Every word that docs/api.md offers for a parameter is taken, alone."""
    (documented,) = re.findall(words, DOC)
    offered = re.findall(r"\w+", documented.replace(" or ", " "))
    assert len(offered) > 1
    for word in offered:
        site.get("/entries", **{parameter: word})


# Cards


def test_a_name_that_needs_attention(site: Site) -> None:
    """The list and the details have the warning about a name, and a better one."""
    site.library.set_model(None, lambda texts: [[*map(ord, text)] for text in texts])
    id_ = site.add("100.pt")
    (shown,) = site.get("/entries")["entries"]
    assert shown["warnings"] == [
        (
            'the model already knows this word: every "100" in a prompt becomes this embedding: '
            "rename it to 100-ti"
        )
    ]
    assert shown["proposal"] == "100-ti"
    details = site.get(f"/entries/{id_}")
    assert {key: details[key] for key in shown} == shown


@pytest.mark.parametrize(
    "path", ["cat.safetensors.1", "sub/cat.safetensors.txt", "cat.pti", "v1.5", "20068"]
)
def test_a_misnamed_embedding_can_have_the_name_that_is_proposed(site: Site, path: str) -> None:
    """It is then called as its reason says, and is as good as any other."""
    site.add(path)
    (before,) = site.get("/entries")["entries"]
    asked = {"name": before["proposal"]}
    after = site.client.post(f"/entries/{before['id']}/rename", json=asked).json()
    assert before["reason"].endswith(f"rename it to {after['path'].rpartition('/')[2]}")
    assert (after["state"], after["proposal"]) == ("ok", None)


def test_a_card(site: Site) -> None:
    """A card has the reading, the facts beside the file, and the person's choices."""
    site.write("anime/bad hands.json", '{"notes": "n", "description": "d"}')
    id_ = site.add("anime/bad hands.safetensors", SDXL)
    site.library.set_model(MODEL_FAMILIES["sdxl"])
    assert site.get("/entries")["entries"] == [
        {
            "id": id_,
            "name": "bad hands",
            "path": "anime/bad hands.safetensors",
            "folder": "0:anime",
            "state": "ok",
            "fit": "usable",
            "reason": None,
            "container": "safetensors",
            "layout": "encoder_keys",
            "stored_name": None,
            "families": ["sdxl", "sd3"],
            "vectors": {
                "clip_l": {"n_vectors": 2, "hidden_size": 768, "dtype": "float32"},
                "clip_g": {"n_vectors": 2, "hidden_size": 1280, "dtype": "float32"},
            },
            "n_vectors": 2,
            "bytes": len(SDXL),
            "mtime": 0,
            "warnings": [],
            "proposal": None,
            "preview": None,
            "video": None,
            "examples": None,
            "notes": "n",
            "description": "d",
            "trigger_words": "",
            "favourite": False,
            "use_partial": False,
            "hidden": False,
            "field": "negative",
            "chosen_field": None,
            "claims": None,
            "twins": [],
        }
    ]


def test_the_library_as_a_whole(site: Site) -> None:
    """Model, counts and folders are those of the library; without a model there is none."""
    site.add("anime/cat.pt")
    page = site.get("/entries")
    assert (page["model"], page["model_title"]) == (None, None)
    assert page["by_family"] == "1 for SD 1.x; choose a model to see what fits"
    site.add("page.bin", b"<!DOCTYPE html><html></html>")
    site.library.set_model(MODEL_FAMILIES["sd1"])
    page = site.get("/entries")
    assert (page["model"], page["model_title"], page["by_family"]) == ("sd1", "SD 1.x", None)
    assert {kind: count for kind, count in page["counts"].items() if count} == {
        "ok": 1, "usable": 1, "broken": 1, "all": 2,
    }  # fmt: skip
    assert page["folder"] == {"id": "0:", "title": "embeddings", "depth": 0, "count": 2}


# Details


LONG = (10**5000).to_bytes(2100, "little")
LONG_STEP = {**a1111(tensor(storage_id(768))), "step": Raw(counted("LONG4", LONG, "<i"))}
LARGE = np.full((2, 768), 3e38, np.float32)
DETAILED = {
    "unsafe.pt": b"cposix\nsystem\n(S'true'\ntR.",
    "page.bin": b"<!DOCTYPE html><html></html>",
    "empty.pt": b"",
    "lora.safetensors": safetensors_file({"lora_te_x.lora_down.weight": vectors(4)}),
    "large.safetensors": safetensors_file({"emb_params": LARGE}),
    "surrogate.safetensors": safetensors_file(metadata={"modelspec.title": "\ud800"}),
    "number.pt": torch_zip(pickle_of(LONG_STEP)),
    "caf\udce9.pt": safetensors_file(),
    " .pt": safetensors_file(),
}


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.parametrize("filename", DETAILED)
def test_details_of_every_kind_of_file(site: Site, filename: str) -> None:
    """The card of every kind of file opens, with its entry and all other facts."""
    file = Path(os.fsdecode(os.fsencode(site.root) + b"/" + os.fsencode(filename)))
    file.write_bytes(DETAILED[filename])
    site.library.rescan()
    (entry,) = site.get("/entries")["entries"]
    told = site.get(f"/entries/{entry['id']}")
    assert {key: told[key] for key in entry} == entry


def test_details_of_what_is_no_regular_file(site: Site) -> None:
    """A pipe is listed and its details come, though nobody writes into it."""
    os.mkfifo(site.root / "pipe.pt")
    (site.root / "link.pt").symlink_to("nowhere")
    site.library.rescan()
    for entry in site.get("/entries")["entries"]:
        assert site.get(f"/entries/{entry['id']}")["reason"] == entry["reason"]


def test_details_of_a_file_that_is_gone(site: Site) -> None:
    """A file that went since the last scan is not there."""
    id_ = site.add("cat.pt")
    (site.root / "cat.pt").unlink()
    response = site.client.get(f"/entries/{id_}")
    assert response.status_code == 404
    assert response.json() == {"detail": "this file is gone or has just changed: try again"}


# Hostile names and texts

HOSTILE_NAMES = (
    "<img src=x onerror=alert(1)>", "');alert(1)--", '"quotes"', "new\nline", "tab\tand\x07bell",
    "\u202egnp.exe", "שלום", "zero\u200bwidth", "{{constructor}}", "a&amp;b", "a\\..\\x",
    "%2e%2e%2f", "x" * 200, "名前", "e\u0301", "null", "-rf", "~", "$(id)",
)  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_hostile_names_are_text(site: Site, name: str) -> None:
    """Any name of a file comes as JSON text, and its id leads to the file."""
    id_ = site.add(f"{name}.pt")
    response = site.client.get("/entries")
    assert response.headers["content-type"] == "application/json"
    assert [entry["name"] for entry in response.json()["entries"]] == [name]
    assert site.get(f"/entries/{id_}")["name"] == name
    # A term with a minus in front asks for what does not have it.
    assert site.names(query=name.strip().lstrip("-")) == [name]


HOSTILE_TEXTS = {
    "script": "<script>alert(1)</script>",
    "quotes": """'"`</textarea>""",
    "lines": "one\r\ntwo\u2028three\0",
    "right to left": "\u202e\u2066",
    "lone surrogate": "\ud800",
    "long": "x" * 100_000,
}


@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS)
def test_hostile_notes_are_text(site: Site, text: str) -> None:
    """Notes come as they were written, and none spoils the list."""
    site.write("cat.json", json.dumps({"notes": text}))
    site.add("cat.pt")
    (entry,) = site.get("/entries")["entries"]
    assert entry["notes"] == text


def test_a_description_comes_without_tags(site: Site) -> None:
    """A site's HTML is plain text in the list and in the details."""
    text = "<p>Use <b>at 0.8</b></p><script>alert(1)</script>"
    site.write("cat.json", json.dumps({"description": text}))
    id_ = site.add("cat.pt")
    assert site.get("/entries")["entries"][0]["description"] == "Use at 0.8"
    assert site.get(f"/entries/{id_}")["description"] == "Use at 0.8"


@pytest.mark.parametrize(
    ("notes", "shown"),
    [("5", ""), ("null", ""), ('["a"]', ""), ('{"a": 1}', ""), ('"' + "x" * 4_200_000 + '"', "")],
)
def test_notes_that_are_no_text(site: Site, notes: str, shown: str) -> None:
    """Notes of another kind, or of a size no hand wrote, count as none."""
    site.write("cat.json", f'{{"notes": {notes}}}')
    site.add("cat.pt")
    assert site.get("/entries")["entries"][0]["notes"] == shown


def test_a_root_whose_name_is_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A root that is called in bytes of another time is shown, and its files are listed."""
    with open_site(tmp_path, monkeypatch) as site:
        root = tmp_path / "caf\udce9"
        root.mkdir()
        (root / "cat.pt").write_bytes(SDXL)
        library = Library([root], Index.nowhere())
        library.rescan()
        latin = Site(root, library, allow)
        page = latin.get("/entries")
        assert [entry["name"] for entry in page["entries"]] == ["cat"]
        assert page["folder"]["title"] == "caf\\udce9"
        assert latin.get(f"/entries/{page['entries'][0]['id']}")["name"] == "cat"
        assert site.names() == []


# Pictures


def picture(width: int = 512, height: int = 512, kind: str = "PNG", **options: Any) -> bytes:
    """Return a picture."""
    data = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(data, kind, **options)
    return data.getvalue()


def animation() -> bytes:
    """Return a GIF of two frames, the first one teal."""
    second = Image.new("RGB", (64, 64), "red")
    return picture(64, 64, "GIF", save_all=True, append_images=[second], duration=50)


SHOWN = {
    "cat.png": picture(),
    "cat.preview.png": picture(),
    "cat.PREVIEW.JPG": picture(kind="JPEG"),
    "cat.jpeg": picture(kind="JPEG"),
    "cat.webp": picture(kind="WEBP"),
    "Cat.png": picture(kind="JPEG"),
    "cat.gif": animation(),
    "cat.preview.webp": picture(1, 1),
}


@pytest.mark.parametrize("filename", SHOWN)
def test_a_preview(site: Site, filename: str) -> None:
    """A picture beside the file is shown as WebP, whatever it is called and whatever it is."""
    site.write(filename, SHOWN[filename])
    id_ = site.add("cat.pt")
    version = site.get("/entries")["entries"][0]["preview"]
    assert re.fullmatch(r"\w+", version)
    response = site.client.get(f"/preview/{id_}?v={version}")
    assert response.status_code == 200
    assert response.headers["content-type"] == "image/webp"
    with Image.open(io.BytesIO(response.content)) as image:
        assert (image.format, getattr(image, "n_frames", 1)) == ("WEBP", 1)
        red, green, blue = image.convert("RGB").getpixel((0, 0))
        assert (red < 20, 110 < green < 150, 110 < blue < 150) == (True, True, True)


@pytest.mark.parametrize(
    ("whole", "width", "shown"),
    [
        (1200, None, (1024, 512)),
        (1200, 9999, (1024, 512)),
        (1200, 1000, (1000, 500)),
        (1000, 32, (32, 16)),
        (1000, 1024, (1000, 500)),
    ],
)
def test_the_width_of_a_preview(
    site: Site, whole: int, width: int | None, shown: tuple[int, int]
) -> None:
    """A picture is as wide as asked for, up to what pages show, but never made larger."""
    site.write("cat.png", picture(whole, whole // 2))
    id_ = site.add("cat.pt")
    parameters = {} if width is None else {"width": width}
    response = site.client.get(f"/preview/{id_}", params=parameters)
    with Image.open(io.BytesIO(response.content)) as image:
        assert image.size == shown


def test_an_embedding_that_is_a_picture_shows_itself(site: Site) -> None:
    """A picture that holds an embedding is its own preview."""
    id_ = site.add("cat.png", png_text())
    assert site.client.get(f"/preview/{id_}").headers["content-type"] == "image/webp"


UNSHOWN = {
    "cat.preview.png": b"",
    "cat.png": picture()[:100],
    "cat.gif": b"GIF89a\xff\xff\xff\xff",
    "cat.webp": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "cat.jpeg": picture(8000, 8000),
    "cat.jpg": b"<html><script>alert(1)</script></html>",
}


@pytest.mark.parametrize("filename", UNSHOWN)
def test_a_picture_that_cannot_be_shown(site: Site, filename: str) -> None:
    """A damaged picture, a bomb, or none at all is not found; the list does not mind."""
    site.write(filename, UNSHOWN[filename])
    id_ = site.add("cat.pt")
    response = site.client.get(f"/preview/{id_}")
    assert response.status_code == 404
    assert response.json() == {"detail": "there is no picture, or it cannot be shown"}
    assert site.names() == ["cat"]


def test_no_preview(site: Site) -> None:
    """An embedding alone in its folder has no version of a preview, and none is found."""
    id_ = site.add("cat.pt")
    assert site.get("/entries")["entries"][0]["preview"] is None
    assert site.client.get(f"/preview/{id_}").status_code == 404


VIDEO = b"\0\0\0 ftypisom" + bytes(range(200))


def test_a_video_is_sent_piece_by_piece(site: Site) -> None:
    """A browser asks for parts of it, behind the end too; what is no video is not sent."""
    site.write("cat.mp4", VIDEO)
    id_ = site.add("cat.pt")
    assert site.get("/entries")["entries"][0]["video"]
    address = f"/video/{id_}"
    whole = site.client.get(address)
    assert (whole.status_code, whole.content) == (200, VIDEO)
    assert (whole.headers["content-type"], whole.headers["accept-ranges"]) == (
        *("video/mp4", "bytes"),
    )
    n = len(VIDEO)
    for asked, status, part, told in (
        ("bytes=0-", 206, VIDEO, f"bytes 0-{n - 1}/{n}"),
        ("bytes=4-7", 206, b"ftyp", f"bytes 4-7/{n}"),
        (f"bytes=9-{10**17}", 206, VIDEO[9:], f"bytes 9-{n - 1}/{n}"),
        (f"bytes={n}-", 416, b"", f"bytes */{n}"),
        ("bytes=5-4", 416, b"", f"bytes */{n}"),
        ("lines=1-2", 200, VIDEO, None),
    ):
        response = site.client.get(address, headers={"Range": asked})
        assert (response.status_code, response.content) == (status, part), asked
        assert response.headers.get("content-range") == told
    site.write("cat.mp4", b"<html><script>alert(1)</script></html>")
    assert site.client.get(address).status_code == 404


def test_a_file_is_shown_in_its_folder_on_this_machine_only(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's own way is started with the folder as one argument, whatever is in its name."""
    started: list[list[str]] = []
    monkeypatch.setattr(subprocess, "Popen", lambda command, **_: started.append(command))
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("DISPLAY", ":0")
    id_ = site.add("$(touch x); a/cat.pt")
    here = site.client_from(HERE)
    assert here.get("/host").json()["may_reveal"]
    assert here.post(f"/entries/{id_}/reveal").status_code == 204
    assert started == [["/usr/bin/xdg-open", str(site.root / "$(touch x); a")]]
    for elsewhere in (ELSEWHERE, TUNNEL):
        client = site.client_from(elsewhere)
        assert not client.get("/host").json()["may_reveal"]
        assert client.post(f"/entries/{id_}/reveal").status_code == 403
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not here.get("/host").json()["may_reveal"]
    assert here.post(f"/entries/{id_}/reveal").status_code == 409
    assert len(started) == 1


def test_a_preview_is_sent_once(site: Site) -> None:
    """A client that has the picture gets 304; a new picture or another width is sent."""
    file = site.write("cat.png", picture())
    id_ = site.add("cat.pt")
    version = site.get("/entries")["entries"][0]["preview"]
    tag = site.client.get(f"/preview/{id_}").headers["etag"]
    known = {"If-None-Match": tag}
    again = site.client.get(f"/preview/{id_}", headers=known)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert site.client.get(f"/preview/{id_}?width=64", headers=known).status_code == 200
    file.write_bytes(picture(kind="JPEG"))
    site.library.rescan()
    assert site.client.get(f"/preview/{id_}", headers=known).status_code == 200
    assert site.get("/entries")["entries"][0]["preview"] != version


def test_a_preview_that_is_gone(site: Site) -> None:
    """A picture that was deleted since the last scan is not found."""
    file = site.write("cat.png", picture())
    id_ = site.add("cat.pt")
    file.unlink()
    assert site.client.get(f"/preview/{id_}").status_code == 404
