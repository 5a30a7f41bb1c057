"""The routes: parameters, pages, tags, ids, who may read, and who may write."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI, HTTPException, Request
from fastapi.testclient import TestClient
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from lib_embeddings.entries import writing
from lib_embeddings.entries.entry import Entry, Found
from lib_embeddings.entries.read import read_file
from lib_embeddings.entries.sidecars import written_texts
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.library.file_reader import Progress
from lib_embeddings.library.library import Library
from lib_embeddings.stores.choices import Choice, Choices
from lib_embeddings.stores.index import Index
from lib_embeddings.views.lens import STATES
from lib_embeddings.web import answers
from lib_embeddings.web.answers import HostFacts
from lib_embeddings.web.requests import several_of
from lib_embeddings.web.route import Door, allow
from lib_embeddings.web.routes import PREFIX, add_routes
from tests.web import ELSEWHERE, HERE, SD1, SD2, SDXL, TUNNEL, Client, From, Site, open_site

HUGE = 10_000_000


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Return a site without embeddings."""
    with open_site(tmp_path, monkeypatch) as site:
        yield site


@pytest.fixture
def full_site(site: Site) -> Site:
    """Return a site for SD 1.x with embeddings of several states and fits."""
    site.write("a2.safetensors")
    site.write("a10.pt", SDXL)
    site.write("anime/cat.pt", SD2)
    site.write("anime/old/a2.pt")
    site.write("anime/page.bin", b"<!DOCTYPE html><html></html>")
    site.write("cat.txt", "beside nothing")
    site.write("a2.json", json.dumps({"notes": "Mind the PAWS", "description": "grey"}))
    site.library.set_model(MODEL_FAMILIES["sd1"])
    site.library.rescan()
    return site


# GET /entries


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        pytest.param({}, ["a2", "a10", "cat", "page"], id="all"),
        pytest.param({"query": ""}, ["a2", "a10", "cat", "page"], id="no words"),
        pytest.param({"query": "paws MIND"}, ["a2"], id="words in any order"),
        pytest.param({"query": "anime"}, ["a2", "cat", "page"], id="word of a folder"),
        pytest.param({"query": "nowhere"}, [], id="word of none"),
        pytest.param({"sort": "vectors"}, ["page", "a2", "a10", "cat"], id="by vectors"),
        pytest.param({"sort": "folder"}, ["a2", "a10", "cat", "page"], id="by folder"),
        pytest.param({"sort": "name", "order": "desc"}, ["page", "cat", "a10", "a2"]),
        pytest.param({"folder": "0:anime"}, ["a2", "cat", "page"], id="folder and below"),
        pytest.param({"folder": "0:anime/old"}, ["a2"], id="deeper folder"),
        pytest.param({"folder": "0:"}, ["a2", "a10", "cat", "page"], id="root"),
        pytest.param({"folder": "0:ani"}, [], id="beginning of a folder"),
        pytest.param({"folder": "1:"}, [], id="no such root"),
        pytest.param({"folder": "0:../../etc"}, [], id="folder out of the root"),
        pytest.param({"folder": "/etc\0"}, [], id="path for a folder"),
        pytest.param({"state": "broken"}, ["page"], id="state"),
        pytest.param({"state": "broken,duplicate"}, ["a2", "page"], id="two states"),
        pytest.param({"fit": "usable"}, ["a2"], id="fit"),
        pytest.param({"fit": "partial,incompatible"}, ["a10", "cat"], id="two fits"),
        pytest.param({"state": "ok", "fit": "usable", "query": "a2"}, ["a2"], id="together"),
        pytest.param({"family": "sd1"}, ["a2"], id="family"),
        pytest.param({"favourite": "true"}, [], id="no favourites"),
        pytest.param({"favourite": "false"}, ["a2", "a10", "cat", "page"], id="not only"),
        pytest.param({"limit": 2}, ["a2", "a10"], id="first page"),
        pytest.param({"limit": 2, "offset": 3}, ["page"], id="last page"),
        pytest.param({"offset": 4}, [], id="beyond the end"),
        pytest.param({"offset": 10**30, "limit": 1000}, [], id="far beyond the end"),
    ],
)
def test_entries(full_site: Site, parameters: dict[str, str], names: list[str]) -> None:
    """Every parameter selects and sorts as docs/api.md says."""
    assert full_site.names(**parameters) == names


def test_pages_make_the_whole(full_site: Site) -> None:
    """The pages together hold every entry once, and each has the total."""
    pages = [full_site.get("/entries", offset=offset, limit=2) for offset in range(0, 4, 2)]
    assert [page["total"] for page in pages] == [4, 4]
    ids = [entry["id"] for page in pages for entry in page["entries"]]
    assert ids == [entry["id"] for entry in full_site.get("/entries")["entries"]]
    assert len(set(ids)) == 4


def test_counts_are_of_the_whole_library(full_site: Site) -> None:
    """Filters change the total, never the counts."""
    filtered, whole = full_site.get("/entries", fit="usable"), full_site.get("/entries")
    assert (filtered["total"], whole["total"]) == (1, 4)
    assert filtered["counts"] == whole["counts"]


def test_counts_of_what_was_found(full_site: Site) -> None:
    """Those of states and fits are whatever state and fit were asked for."""
    found = full_site.get("/entries", family="sd1", fit="incompatible")["found"]
    assert (found["usable"], found["broken"]) == (1, 0)


def test_folders_have_a_route_of_their_own(full_site: Site) -> None:
    """It has all of them, each counted with all filters but that of folders."""
    asked = {"query": "a", "family": "sd1", "folder": "0:anime/old"}
    folders = full_site.get("/folders", **asked)["folders"]
    assert folders == [
        {"id": "0:", "title": "embeddings", "depth": 0, "count": 4, "found": 1},
        {"id": "0:anime", "title": "anime", "depth": 1, "count": 3, "found": 1},
        {"id": "0:anime/old", "title": "old", "depth": 2, "count": 1, "found": 1},
    ]
    page = full_site.get("/entries", **asked)
    assert "folders" not in page
    assert page["folder"] == {"id": "0:anime/old", "title": "old", "depth": 2, "count": 1}
    assert full_site.get("/entries")["folder"]["id"] == "0:"
    assert full_site.get("/entries", folder="0:gone")["folder"] is None


def test_folders_are_sent_again_only_where_they_changed(full_site: Site) -> None:
    """A favourite changes a library and none of its folders."""
    id_ = full_site.get("/entries")["entries"][0]["id"]
    client, address = full_site.client, "/folders"
    tag = client.get(address).headers["etag"]
    client.patch(f"/entries/{id_}", json={"favourite": True})
    assert client.get(address, headers={"If-None-Match": tag}).status_code == 304
    narrower = client.get(address, params={"query": "a10"}, headers={"If-None-Match": tag})
    assert narrower.status_code == 200


@pytest.mark.parametrize(
    ("address", "parameters"),
    [
        ("/entries", {"sort": "colour"}),
        ("/entries", {"sort": "name\0"}),
        ("/entries", {"order": "up"}),
        ("/entries", {"state": "ok,usable"}),
        ("/entries", {"fit": "all"}),
        ("/entries", {"family": "sd1,sd9"}),
        ("/entries", {"favourite": "maybe"}),
        ("/entries", {"limit": "0"}),
        ("/entries", {"limit": "1001"}),
        ("/entries", {"limit": "abc"}),
        ("/entries", {"limit": "9" * 5000}),
        ("/entries", {"offset": "-1"}),
        ("/entries", {"offset": "1.5"}),
        ("/preview", {"width": "31"}),
        ("/preview", {"width": "wide"}),
        ("/preview", {"width": "-256"}),
    ],
)
def test_wrong_parameters(site: Site, address: str, parameters: dict[str, str]) -> None:
    """A wrong parameter is refused with one short sentence that names it."""
    id_ = site.add("cat.pt")
    response = site.client.get(
        address if address == "/entries" else f"{address}/{id_}", params=parameters
    )
    (parameter,) = parameters
    detail = response.json()["detail"]
    assert response.status_code == 422
    assert isinstance(detail, str), detail
    assert detail.startswith(f"{parameter}: ")
    assert "\n" not in detail
    assert len(detail) < 200


def test_a_word_that_is_repeated_counts_once() -> None:
    """A list of thousands would be gone through for every file."""
    assert several_of("state", ",".join(["ok", "broken"] * 9000), STATES) == ("ok", "broken")


def test_an_odd_tag(site: Site) -> None:
    """A tag that makes no sense costs nobody the answer."""
    response = site.client.get("/entries", headers={"If-None-Match": "["})
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("parameters", "detail"),
    [
        ({"order": "up"}, "order: expected asc, desc, found 'up'"),
        ({"limit": "0"}, "limit: expected a number from 1 to 1000, found '0'"),
        (
            {"offset": "-1"},
            "offset: expected a number of at least 0, and at most 39 digits, found '-1'",
        ),
    ],
)
def test_a_refusal_says_what_is_right(site: Site, parameters: dict[str, str], detail: str) -> None:
    """It names what was expected and what was found."""
    response = site.client.get("/entries", params=parameters)
    assert response.json() == {"detail": detail}


def test_a_query_of_bytes(site: Site) -> None:
    """A query that is no text finds nothing."""
    site.add("cat.pt")
    assert site.client.get("/entries?query=%ff%fe").json()["entries"] == []


# Tags


def tag_of(client: Client, address: str = "/entries") -> str:
    """Return the tag of an answer that comes with a body."""
    response = client.get(address)
    assert response.status_code == 200
    return response.headers["etag"]


CHANGES: dict[str, Callable[[Site], object]] = {
    "file added": lambda site: site.add("dog.pt"),
    "file modified": lambda site: site.add("cat.pt", SDXL),
    "notes": lambda site: (site.write("cat.json", '{"notes": "n"}'), site.library.rescan()),
    "file deleted": lambda site: (os.remove(site.root / "cat.pt"), site.library.rescan()),
    "model": lambda site: site.library.set_model(MODEL_FAMILIES["sdxl"]),
    "favourite": lambda site: site.library.choose(site.add("cat.pt"), favourite=True),
    "use anyway": lambda site: site.library.choose(site.add("cat.pt"), use_partial=True),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_list_is_sent_once(site: Site, change: Callable[[Site], object]) -> None:
    """A client that has the list gets 304 without a body until anything in it may differ."""
    address = "/entries"
    site.add("cat.pt")
    tag = tag_of(site.client, address)
    again = site.client.get(address, headers={"If-None-Match": f'"other", {tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    change(site)
    changed = site.client.get(address, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


def test_names_are_sent_when_they_change(site: Site) -> None:
    """There may be a hundred thousand, and a favourite is as common as a new file is not."""
    id_ = site.add("cat.pt")
    tag = tag_of(site.client, "/names")
    site.client.patch(f"/entries/{id_}", json={"favourite": True})
    assert site.client.get("/names", headers={"If-None-Match": tag}).status_code == 304
    site.add("dog.pt")
    changed = site.client.get("/names", headers={"If-None-Match": tag})
    assert changed.json() == {"names": ["cat", "dog"]}


def test_every_question_has_its_tag(site: Site) -> None:
    """Other parameters, or a client that may see less, are another answer."""
    addresses = ("/entries", "/entries?limit=1", "/entries?query=a")
    tags = {tag_of(site.client, address) for address in addresses}
    assert len(tags | {tag_of(site.client_from(ELSEWHERE))}) == 4


def test_a_tag_has_the_progress_of_its_answer(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """No scan that begins meanwhile is in an answer that a client keeps for a library at rest."""
    known = iter((None, Progress(1, 1)))
    monkeypatch.setattr(Library, "progress", property(lambda _library: next(known)))
    assert site.get("/entries")["progress"] is None


@pytest.mark.parametrize("address", ["/entries", "/names"])
def test_tags_do_not_outlive_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """Generations begin anew with every start, so a list from before it counts for nothing."""
    with open_site(tmp_path, monkeypatch) as site:
        site.write("cat.pt")
        site.library.rescan()
        tag = tag_of(site.client, address)
    (site.root / "cat.pt").rename(site.root / "dog.pt")
    with open_site(tmp_path, monkeypatch) as site:
        response = site.client.get(address, headers={"If-None-Match": tag})
        assert response.status_code == 200
        assert "dog" in response.text


def test_a_hash_is_found_once_it_was_shown(site: Site) -> None:
    """Once details had a hash, its first eight letters find the entry; the old answer is void."""
    id_ = site.add("cat.pt")
    address = f"/entries?query={sha256(SD1).hexdigest()[:8]}"
    tag = tag_of(site.client, address)
    site.get(f"/entries/{id_}")
    response = site.client.get(address, headers={"If-None-Match": tag})
    assert response.status_code == 200
    assert response.json()["total"] == 1


# While the first scan runs


def test_the_api_answers_while_the_first_scan_runs(site: Site) -> None:
    """Every list comes at once, with the progress of the scan until it has ended."""
    for name in ("a.pt", "b.pt", "c.pt"):
        site.write(name)
    may_read, has_begun = threading.Semaphore(0), threading.Semaphore(0)

    def read(found: Found) -> Entry:
        has_begun.release()
        may_read.acquire()
        return read_file(found)

    library = Library([site.root], Index.nowhere(), read=read)
    starting = Site(site.root, library, allow)
    told = [starting.get("/entries")["progress"]]
    tags = {tag_of(starting.client)}
    scan = threading.Thread(target=library.rescan)
    scan.start()
    for _ in range(3):
        has_begun.acquire()
        told.append(starting.get("/entries")["progress"])
        tags.add(tag_of(starting.client))
        starting.get("/names")
        may_read.release()
    scan.join()
    assert [(progress["read"], progress["total"]) for progress in told] == [
        (0, 0), (0, 0), (1, 3), (2, 3),
    ]  # fmt: skip
    assert len(tags) == 3
    after = starting.get("/entries")
    assert (after["progress"], after["total"]) == (None, 3)


# GET /host


def test_host(site: Site) -> None:
    """A page learns once where it runs, which models there are, and what is too much."""
    told = site.get("/host")
    facts = {"host": "a host", "version": "1.2", "tabs": ["txt2img", "img2img"], "separator": " "}
    assert {key: told[key] for key in facts} == facts
    assert [family["key"] for family in told["families"]] == list(MODEL_FAMILIES)
    assert told["may_change_files"]
    assert told["limits"] == {
        "prompt_characters": 20_000,
        "chunk_tokens": 75,
        "steps": 1000,
        "page": 1000,
        "completions": 100,
        "ids": 10_000,
        "file_bytes": 64 * 1024 * 1024,
    }


def test_the_host_is_asked_each_time(site: Site) -> None:
    """A setting of the host that changes while it runs is there at the next question."""
    separators = iter((", ", " "))
    app = FastAPI()
    add_routes(app, site.library, lambda: HostFacts("a host", None, (), next(separators)), Door())
    client = Client(app, {})
    assert [client.get("/host").json()["separator"] for _ in range(2)] == [", ", " "]


# GET /names


def test_names(full_site: Site) -> None:
    """The names of all embeddings come once each, whatever the model; of other files, none."""
    assert full_site.get("/names") == {"names": ["a10", "a2", "cat"]}


# Ids

NO_IDS = (
    "0" * 16, "cat", "cat.pt", "../cat.pt", "..", "../../../../etc/passwd", "/etc/passwd",
    "..\\..\\cat.pt", "%2e%2e%2f", "\0", "cat.pt\0", "é" * 100, "a" * 30_000, "' OR 1=1", "{id}",
)  # fmt: skip


@pytest.mark.parametrize(
    "method_and_room",
    ["GET /entries", "GET /preview", "PATCH /entries", "POST /entries", "DELETE /entries"],
)
@pytest.mark.parametrize("id_", NO_IDS, ids=range(len(NO_IDS)))
def test_what_is_no_id_leads_nowhere(site: Site, method_and_room: str, id_: str) -> None:
    """Anything but an id, such as a path, gets 404, and nothing is opened."""
    site.add("cat.pt")
    method, room = method_and_room.split()
    address = f"{room}/{quote(id_, safe='')}{'/rename' if method == 'POST' else ''}"
    response = site.client.request(method, address, content=b"{}")
    assert response.status_code == 404
    assert isinstance(response.json()["detail"], str)


def test_details_while_the_folders_change(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was found is shown as it was: the folders of a later moment are not its own."""
    id_ = site.add("cat.pt")
    (tmp_path / "elsewhere").mkdir()

    def texts_later(entry: Entry) -> dict[str, str]:
        site.library.scans.set_roots([tmp_path / "elsewhere"])
        return written_texts(entry)

    monkeypatch.setattr(answers, "written_texts", texts_later)
    assert site.get(f"/entries/{id_}")["folder"] == "0:"


def test_an_id_ends_with_its_file(site: Site) -> None:
    """An id is good while the file is there, and again when it is back."""
    id_ = site.add("cat.pt")
    (site.root / "cat.pt").unlink()
    site.library.rescan()
    response = site.client.get(f"/entries/{id_}")
    assert response.status_code == 404
    assert response.json() == {"detail": "there is no such file, or it is gone"}
    assert site.add("cat.pt") == id_


def test_no_parameter_takes_a_path(site: Site) -> None:
    """Nothing that a client can say has a place for a path of a file."""
    told = {
        parameter["name"]
        for path in site.app.openapi()["paths"].values()
        for operation in path.values()
        for parameter in operation.get("parameters", ())
    }
    assert not {name for name in told if "path" in name or "file" in name or "root" in name}


# Who may see absolute paths


def shows_paths(client: Client, id_: str, root: Path) -> list[bool]:
    """Return whether list and details tell where the folders lie."""
    page, inside = client.get("/entries").json(), client.get(f"/entries/{id_}").json()
    assert [os.path.basename(path) for path in page["roots"]] == [root.name]
    return [page["roots"] == [str(root)], inside.get("full_path") == str(root / "cat.pt")]


@pytest.mark.parametrize(
    ("address", "headers", "shown"),
    [
        pytest.param(HERE, {}, True, id="this machine"),
        pytest.param("::1", {}, True, id="this machine by IPv6"),
        pytest.param(ELSEWHERE, {}, False, id="another machine"),
        pytest.param(ELSEWHERE, {"X-Forwarded-For": HERE}, False, id="lying about its address"),
        pytest.param(ELSEWHERE, {"Forwarded": f"for={HERE}"}, False, id="lying another way"),
        pytest.param(ELSEWHERE, {"X-Real-IP": HERE}, False, id="lying a third way"),
        pytest.param(ELSEWHERE, {"Host": "localhost"}, False, id="calling it localhost"),
        pytest.param(HERE, {"X-Forwarded-For": ELSEWHERE}, False, id="behind a proxy"),
        pytest.param(HERE, {"Host": TUNNEL}, False, id="through a tunnel"),
        pytest.param(HERE, {"X-Forwarded-Host": TUNNEL}, False, id="behind one that says so"),
    ],
)
def test_absolute_paths(site: Site, address: str, headers: dict[str, str], shown: bool) -> None:
    """Only a client on this machine gets the paths of folders, whatever others claim."""
    id_ = site.add("cat.pt")
    behind_uvicorn = From(ProxyHeadersMiddleware(site.app, "127.0.0.1"), address)
    client = Client(behind_uvicorn, headers)
    assert shows_paths(client, id_, site.root) == [shown, shown]


# Logins


def ask_for_a_key(request: Request) -> None:
    """Let in who sends a key."""
    if request.headers.get("x-key") != "right":
        raise HTTPException(401, "log in first")


ROUTES = ("GET /host", "GET /entries", "GET /folders", "GET /names", "GET /entries/{id}",
          "GET /preview/{id}", "GET /video/{id}", "POST /entries/{id}/reveal",
          "GET /events", "PATCH /entries/{id}", "POST /entries/{id}/rename", "POST /rescan",
          "POST /prompt", "GET /completions", "PUT /entries/{id}/preview",
          "POST /entries/{id}/preview/undo", "PATCH /entries/{id}/texts", "PATCH /entries",
          "GET /sets", "PUT /sets", "PATCH /sets", "DELETE /sets",
          "GET /scripts", "GET /examples/{id}", "POST /entries/{id}/move", "DELETE /entries/{id}",
          "POST /files", "GET /trash", "POST /trash/{id}/restore", "DELETE /trash",
          "POST /add", "POST /identify", "POST /search", "GET /offers/{word}",
          "GET /offers/{word}/picture", "GET /jobs", "PATCH /jobs/{id}",
          "DELETE /jobs/{id}", "GET /jobs/{id}/pictures/{n}")  # fmt: skip


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_asks_for_the_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, route: str
) -> None:
    """Without the login nothing is sent and nothing changes."""
    with open_site(tmp_path, monkeypatch, ask_for_a_key) as site:
        id_ = site.add("cat.pt")
        site.write("dog.pt")
        method, address = route.format(id=id_, word=0, n=0).split()
        response = site.client.request(method, address, json={"favourite": True})
        assert (response.status_code, response.json()) == (401, {"detail": "log in first"})
        assert len(site.library.view) == 1
        assert not site.library.catalogue.choices
        client = site.client_from(HERE, **{"X-Key": "right"})
        assert client.get("/entries").status_code == 200


def test_the_routes_are_those(site: Site) -> None:
    """No route is left out of the table above."""
    paths = site.app.openapi()["paths"]
    told = {f"{method.upper()} {path}" for path in paths for method in paths[path]}
    assert told == {route.replace(" ", " /lib-embeddings/v1") for route in ROUTES}


# Writing


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"favourite=true", id="no JSON"),
        pytest.param(b"\xff\xfe", id="no text"),
        pytest.param(b'{"favourite": tru', id="cut"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b"[]", id="list"),
        pytest.param(b"null", id="null"),
        pytest.param(b"{}", id="nothing asked"),
        pytest.param(b'{"notes": "x"}', id="unknown key"),
        pytest.param(b'{"favourite": true, "notes": "x"}', id="known and unknown"),
        pytest.param(b'{"favourite": 1}', id="number"),
        pytest.param(b'{"favourite": "true"}', id="text for a boolean"),
        pytest.param(b'{"favourite": null}', id="null for a boolean"),
        pytest.param(b'{"use_partial": [true]}', id="list for a boolean"),
        pytest.param(b'{"field": true}', id="boolean for a field"),
        pytest.param(b'{"field": "left"}', id="no field"),
        pytest.param(b'{"field": null}', id="null for a field"),
        pytest.param(b'{"field": {"a": 1}}', id="object for a field"),
        pytest.param(b'{"favourite": true, "x": "' + b"x" * HUGE + b'"}', id="huge"),
        pytest.param(b'{"favourite": true}' + b" " * HUGE, id="huge and right"),
        pytest.param(b'{"favourite": ' + b"9" * 10_000 + b"}", id="long number"),
    ],
)
def test_wrong_bodies(site: Site, body: bytes) -> None:
    """A body that is not understood is refused with one sentence, and changes nothing."""
    id_ = site.add("cat.pt")
    before = site.library.generation
    response = site.client.patch(f"/entries/{id_}", content=body)
    assert response.status_code in {413, 422}
    assert isinstance(response.json()["detail"], str)
    assert len(response.json()["detail"]) < 200
    assert site.library.generation == before


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ([], "expected any of favourite, use_partial, hidden, field"),
        ({"favourite": 1}, "favourite: expected true or false"),
        ({"field": "left"}, 'field: expected "positive" or "negative" or "auto"'),
    ],
)
def test_wrong_choices(site: Site, body: object, detail: str) -> None:
    """A refusal says what could be chosen."""
    response = site.client.patch(f"/entries/{site.add('cat.pt')}", json=body)
    assert response.json() == {"detail": detail}


def test_choices_survive_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Favourites and partial embeddings to use anyway are there after the next start."""
    with open_site(tmp_path, monkeypatch) as site:
        id_ = site.add("cat.pt")
        changed = site.client.patch(
            f"/entries/{id_}", json={"favourite": True, "use_partial": True}
        )
        assert changed.json() == site.get("/entries")["entries"][0]
    assert os.listdir(site.root) == ["cat.pt"]
    with open_site(tmp_path, monkeypatch) as site:
        (entry,) = site.get("/entries", favourite="true")["entries"]
        assert (entry["id"], entry["favourite"], entry["use_partial"]) == (id_, True, True)
        site.client.patch(f"/entries/{id_}", json={"favourite": False})
        assert site.names(favourite="true") == []
        assert site.get("/entries")["counts"]["favourite"] == 0


def test_a_partial_embedding_is_switched_on(full_site: Site) -> None:
    """A partial embedding that is to be used anyway is usable, in entry, counts and generation."""
    (partial,) = full_site.get("/entries", fit="partial")["entries"]
    before = full_site.get("/entries")
    changed = full_site.client.patch(f"/entries/{partial['id']}", json={"use_partial": True}).json()
    after = full_site.get("/entries")
    assert (changed["fit"], changed["reason"]) == ("usable", None)
    assert changed["warnings"] == [f"switched on, but fits only in part: {partial['reason']}"]
    assert after["generation"] == before["generation"] + 1
    assert [page["counts"]["usable"] for page in (before, after)] == [1, 2]
    assert [page["counts"]["partial"] for page in (before, after)] == [1, 0]
    back = full_site.client.patch(f"/entries/{partial['id']}", json={"use_partial": False}).json()
    assert back == partial


@pytest.mark.parametrize(
    ("entry", "reason"),
    [({"fit": "incompatible"}, "made for SD 2.x"), ({"state": "broken"}, "web page")],
    ids=["another model's", "broken"],
)
def test_what_cannot_work_is_not_switched_on(
    full_site: Site, entry: dict[str, str], reason: str
) -> None:
    """A choice that would do nothing is refused with the reason, and can be taken back."""
    (found, *_) = full_site.get("/entries", **entry)["entries"]
    refused = full_site.client.patch(f"/entries/{found['id']}", json={"use_partial": True})
    assert refused.status_code == 409
    assert refused.json()["detail"] == f"it cannot be used: {found['reason']}"
    assert reason in found["reason"]
    back = full_site.client.patch(f"/entries/{found['id']}", json={"use_partial": False})
    assert back.json() == found


def test_a_prompt_field_is_chosen(site: Site) -> None:
    """A choice goes before one in the sidecar, `auto` back to the name; no file is written."""
    sidecar = '{"notes": "n", "prompt box": "positive"}'
    site.write("bad-hands.json", sidecar)
    id_ = site.add("bad-hands.pt")
    (entry,) = site.get("/entries")["entries"]
    assert (entry["field"], entry["chosen_field"]) == ("positive", "positive")
    for asked, field, chosen in (
        ("negative", "negative", "negative"),
        ("positive", "positive", "positive"),
        ("auto", "negative", None),
    ):
        changed = site.client.patch(f"/entries/{id_}", json={"field": asked}).json()
        assert (changed["field"], changed["chosen_field"]) == (field, chosen)
        assert [changed] == site.get("/entries")["entries"]
        assert site.get("/completions", text="bad")["completions"][0]["field"] == field
    assert sorted(os.listdir(site.root)) == ["bad-hands.json", "bad-hands.pt"]
    assert (site.root / "bad-hands.json").read_text() == sidecar


def test_a_client_that_goes_away_costs_no_traceback(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """A page that is closed while it sends its question is nobody's error."""
    sent: list[int] = []

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message.get("status", 0))

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": f"{PREFIX}/prompt",
        "raw_path": f"{PREFIX}/prompt".encode(),
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "client": (HERE, 50_000),
        "server": ("localhost", 80),
        "scheme": "http",
    }
    asyncio.run(site.app(scope, receive, send))
    assert sent[0] == 400
    assert not caplog.records


# POST /entries/{id}/rename


def test_rename(site: Site) -> None:
    """The list follows at once: the entry has a new id, and what belongs to it came along."""
    site.write("sub/cat.json", '{"notes": "n", "prompt box": "negative"}')
    id_ = site.add("sub/cat.pt")
    site.client.patch(f"/entries/{id_}", json={"favourite": True})
    hash_ = site.get(f"/entries/{id_}")["sha256"]
    renamed = site.client.post(f"/entries/{id_}/rename", json={"name": "a (b) 猫"}).json()
    assert (renamed["name"], renamed["path"]) == ("a (b) 猫", "sub/a (b) 猫.pt")
    assert (renamed["favourite"], renamed["field"], renamed["notes"]) == (True, "negative", "n")
    assert site.get("/entries")["entries"] == [renamed]
    assert site.get("/entries", query=hash_)["total"] == 1  # nothing is hashed again
    assert site.client.get(f"/entries/{id_}").status_code == 404
    assert site.library.catalogue.choices == {renamed["id"]: Choice(favourite=True)}


def test_another_page_renames_nothing(site: Site) -> None:
    """A page of another site cannot rename files."""
    address = f"/entries/{site.add('cat.pt')}/rename"
    headers = {"Origin": "http://evil.example"}
    response = site.client.post(address, json={"name": "dog"}, headers=headers)
    assert (response.status_code, os.listdir(site.root)) == (403, ["cat.pt"])


def test_rename_waits_for_no_writer(site: Site) -> None:
    """A renamed file is as complete as it was: it is neither read again nor waited for."""
    site.write("cat.pt")
    paths: list[str] = []

    def read(found: Found) -> Entry:
        paths.append(found.place.path)
        return read_file(found)

    library = Library([site.root], Index.nowhere(), Choices(), wait=lambda *_: 60.0, read=read)
    library.rescan()
    waiting = Site(site.root, library, allow)
    (entry,) = waiting.get("/entries")["entries"]
    response = waiting.client.post(f"/entries/{entry['id']}/rename", json={"name": "dog"})
    assert (response.status_code, waiting.names(), paths) == (200, ["dog"], ["cat.pt"])


@pytest.mark.parametrize(
    ("name", "status", "detail"),
    [
        ("../dog", 422, "../dog: a file's name cannot have / in it"),
        ("", 422, "the name is empty: type one"),
        ("con", 422, "con: Windows keeps this name for a device: choose another"),
        ("DOG", 409, "the name is already taken by sub/dog.pt: choose another name"),
        ("cow", 409, "the name is already taken by cow.pt: choose another name"),
        ("cat", 409, "cat.pt already has this name: choose another name"),
    ],
)
def test_rename_refused(site: Site, name: str, status: int, detail: str) -> None:
    """A bad name and a taken one have different errors; both change nothing."""
    site.write("sub/dog.pt")
    site.write("cow.pt", b"<!DOCTYPE html><html></html>")
    id_ = site.add("cat.pt")
    before = site.library.generation
    response = site.client.post(f"/entries/{id_}/rename", json={"name": name})
    assert (response.status_code, response.json()) == (status, {"detail": detail})
    assert (site.library.generation, site.root.joinpath("cat.pt").exists()) == (before, True)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'"dog"', b'{"name": 1}', b'{"name": null}', b'{"name": "dog", "x": 1}'],
)
def test_wrong_bodies_of_a_rename(site: Site, body: bytes) -> None:
    """A body that is not understood is refused with one sentence."""
    response = site.client.post(f"/entries/{site.add('cat.pt')}/rename", content=body)
    assert response.status_code == 422
    assert response.json()["detail"] == 'expected {"name": "the new name"}'
    assert os.listdir(site.root) == ["cat.pt"]


def test_a_refused_rename_names_no_path(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk's reason is sent without the paths of folders."""
    id_ = site.add("cat.pt")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(site.root / "cat.pt"))

    monkeypatch.setattr(writing, "_rename_exclusively", refuse)
    response = site.client_from(ELSEWHERE).post(f"/entries/{id_}/rename", json={"name": "dog"})
    detail = (
        "cat.pt cannot be renamed to dog.pt: Permission denied; this program may not write into "
        "its folder: allow that, or use another one"
    )
    assert (response.status_code, response.json()) == (409, {"detail": detail})


# Anything else


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_what_is_no_route(site: Site, method: str) -> None:
    """It is refused as all else is, and what the host has beside our prefix stays its own."""
    site.app.add_api_route("/{path:path}", lambda: "the host's", methods=[method])
    for path in ("/", "/nothing", "/entries/a/b"):
        response = site.client.request(method, path)
        assert (response.status_code, response.json()) == (404, {"detail": "there is nothing here"})
    client = TestClient(site.app, "http://localhost")
    for path in ("/nothing", "/lib-embeddings", f"{PREFIX}0/entries"):
        assert client.request(method, path).json() == "the host's"


def test_a_wrong_method(site: Site) -> None:
    """It is refused with those that the route has."""
    for path, allowed in (("/rescan", ["POST"]), ("/entries", ["GET", "PATCH"])):
        response = site.client.delete(path)
        assert response.status_code == 405
        assert response.json() == {"detail": f"expected {' or '.join(allowed)}"}
        assert response.headers["allow"] == ", ".join(allowed)


# POST /rescan


def test_rescan(site: Site) -> None:
    """A rescan scans at once, and answers with the new generation and the changes."""
    site.add("cat.pt")
    before = site.library.generation
    site.write("dog.pt")
    site.write("cat.pt", SDXL)
    first, second = (site.client.post("/rescan").json() for _ in range(2))
    assert first == {"generation": before + 1, "added": 1, "modified": 1, "deleted": 0}
    assert second == {"generation": before + 1, "added": 0, "modified": 0, "deleted": 0}
    assert site.client.get("/rescan").status_code == 405


def test_a_missing_root_is_no_error(site: Site) -> None:
    """A root that is unplugged leaves an empty list and its name."""
    site.add("cat.pt", SD1)
    site.root.rename(site.root.with_name("unplugged"))
    assert site.client.post("/rescan").json()["deleted"] == 1
    page = site.get("/entries")
    assert (page["total"], page["roots"]) == (0, [str(site.root)])
