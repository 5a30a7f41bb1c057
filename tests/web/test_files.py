"""Routes that move files: to other folders, to the trash and back, and from a page to a folder."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import HTTPException

from lib_embeddings.entries import moves
from lib_embeddings.library.choices import Choices
from lib_embeddings.library.index import Index
from lib_embeddings.library.library import Library
from lib_embeddings.limits import LIMITS
from lib_embeddings.web.clients import Door, allow
from lib_embeddings.web.routes import add_routes
from tests.builders import png
from tests.web import FACTS, HERE, SD1, SDXL, Client, FastAPI, From, Request, Site, open_site


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Return a site with an empty folder."""
    with open_site(tmp_path, monkeypatch) as site:
        yield site


def paths(site: Site) -> list[str]:
    """Return the paths of all files in the folder."""
    found = (path for path in site.root.rglob("*") if path.is_file())
    return sorted(path.relative_to(site.root).as_posix() for path in found)


# POST /entries/{id}/move


def test_move(site: Site) -> None:
    """A file and its picture get into another folder; what was chosen stays."""
    site.write("cat.png", png())
    site.write("sub/dog.pt")
    id_ = site.add("cat.pt")
    site.client.patch(f"/entries/{id_}", json={"favourite": True})
    folder = site.get("/folders")["folders"][1]["id"]
    moved = site.client.post(f"/entries/{id_}/move", json={"folder": folder}).json()
    assert (moved["path"], moved["favourite"], moved["folder"]) == ("sub/cat.pt", True, folder)
    assert paths(site) == ["sub/cat.png", "sub/cat.pt", "sub/dog.pt"]
    back = site.client.post(f"/entries/{moved['id']}/move", json={"folder": "0:"}).json()
    assert (back["id"], back["path"]) == (id_, "cat.pt")


def test_move_into_a_new_folder(site: Site) -> None:
    """It is made in the one that was chosen; where the file cannot move, no folder stays."""
    id_ = site.add("cat.pt")
    body = {"folder": "0:", "new_folder": "Ünder"}
    moved = site.client.post(f"/entries/{id_}/move", json=body).json()
    assert (moved["path"], moved["folder"]) == ("Ünder/cat.pt", "0:Ünder")
    other = site.add("dog.pt")
    assert site.client.post(f"/entries/{other}/move", json=body).json()["path"] == "Ünder/dog.pt"
    (site.root / "dog.pt").symlink_to("Ünder/dog.pt")
    site.library.rescan()
    link = next(each for each in site.library.view if each.entry.place.path == "dog.pt")
    body = {"folder": "0:", "new_folder": "empty"}
    assert site.client.post(f"/entries/{link.entry.place.id}/move", json=body).status_code == 409
    assert not (site.root / "empty").exists()


TARGET = 'expected {"folder": "the id of a folder", "new_folder": "the name of one in it"}'


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ({"folder": "0:gone"}, 409, "there is no such folder any more: choose another"),
        ({"folder": "0:../data"}, 409, "there is no such folder any more: choose another"),
        ({"folder": "0:"}, 409, "cat.pt lies in this folder: choose another"),
        ({"folder": "0:sub"}, 409, "the name is already taken by cat.png: give another name"),
        ({"folder": 0}, 422, TARGET),
        ({"folder": "0:", "new_folder": 1}, 422, TARGET),
        (
            {"folder": "0:", "new_folder": "../data"},
            422,
            "../data: a file's name cannot have / in it",
        ),
        (
            {"folder": "0:gone", "new_folder": "x"},
            409,
            "there is no such folder any more: choose another",
        ),
    ],
)
def test_move_refused(site: Site, body: object, status: int, detail: str) -> None:
    """What cannot be is one sentence, and nothing moves."""
    site.write("cat.png", png())
    site.write("sub/cat.png", png())
    site.write("sub/dog.pt")
    id_ = site.add("cat.pt")
    before = paths(site)
    response = site.client.post(f"/entries/{id_}/move", json=body)
    assert (response.status_code, response.json()) == (status, {"detail": detail})
    assert paths(site) == before


# DELETE /entries/{id}, /trash


def test_delete_and_restore(site: Site) -> None:
    """A deleted file is in the trash with its size, and comes back under its id."""
    site.write("cat.json", '{"notes": "n"}')
    id_ = site.add("cat.pt")
    site.client.patch(f"/entries/{id_}", json={"favourite": True})
    before = site.get(f"/entries/{id_}")
    item = site.client.delete(f"/entries/{id_}").json()
    assert (item["name"], item["path"], item["bytes"]) == ("cat", "cat.pt", len(SD1) + 14)
    assert (paths(site), site.names()) == ([], [])
    assert site.get("/trash") == {"total": 1, "bytes": item["bytes"], "items": [item]}
    restored = site.client.post(f"/trash/{item['id']}/restore").json()
    assert restored["id"] == id_
    assert site.get(f"/entries/{id_}") == before
    assert site.get("/trash") == {"total": 0, "bytes": 0, "items": []}


def test_a_file_of_any_state_can_be_deleted(site: Site) -> None:
    """What is damaged, or no embedding at all, is what people want to be rid of."""
    for path, data in (("cut.safetensors", SD1[:50]), ("page.pt", b"<!DOCTYPE html>")):
        assert site.client.delete(f"/entries/{site.add(path, data)}").status_code == 200
    assert paths(site) == []


def test_what_is_restored_is_not_waited_for(site: Site) -> None:
    """A damaged file that came a moment ago is as complete as it was before it was deleted."""
    (site.root / "cut.safetensors").write_bytes(SD1[:50])
    library = Library([site.root], Index.nowhere(), Choices(), wait=lambda *_: 60.0)
    library.rescan()
    waiting = Site(site.root, library, allow)
    (entry,) = waiting.get("/entries")["entries"]
    item = waiting.client.delete(f"/entries/{entry['id']}").json()
    assert waiting.client.post(f"/trash/{item['id']}/restore").json() == entry


def test_what_is_restored_needs_its_place(site: Site) -> None:
    """Another file of the name keeps it, and the trash what it has."""
    item = site.client.delete(f"/entries/{site.add('cat.pt')}").json()
    site.add("cat.pt", SDXL)
    response = site.client.post(f"/trash/{item['id']}/restore")
    assert (response.status_code, response.json()["detail"]) == (
        *(409, "cat.pt is there again: rename it first"),
    )
    assert (site.root / "cat.pt").read_bytes() == SDXL
    assert site.get("/trash")["items"] == [item]
    response = site.client.post("/trash/..%2f..%2fchoices/restore")
    assert response.status_code in (404, 409)


def test_an_empty_trash(site: Site) -> None:
    """It is empty afterwards, and says so."""
    site.client.delete(f"/entries/{site.add('cat.pt')}")
    assert site.client.delete("/trash").json() == {"total": 0, "bytes": 0, "items": []}
    assert site.get("/trash")["total"] == 0


# POST /files


def send(client: Client, name: str, data: bytes = SD1, folder: str = "0:") -> Any:
    """Send a file to a folder."""
    return client.post("/files", params={"folder": folder, "name": name}, content=data)


def test_a_file_is_added(site: Site) -> None:
    """It is in the folder and in the list, and nothing else is left of it."""
    site.add("sub/dog.pt")
    added = send(site.client, "my cat (1).safetensors", folder="0:sub").json()
    assert (added["name"], added["path"]) == ("my cat (1)", "sub/my cat (1).safetensors")
    assert paths(site) == ["sub/dog.pt", "sub/my cat (1).safetensors"]
    assert (site.root / added["path"]).read_bytes() == SD1
    assert site.names() == ["dog", "my cat (1)"]


@pytest.mark.parametrize(
    ("name", "data", "status", "detail"),
    [
        ("page.pt", b"<!DOCTYPE html>", 409, "it was not kept: this is a web page, not an"),
        ("cut.safetensors", SD1[:1000], 409, "it was not kept: cut short: expected"),
        ("empty.pt", b"", 409, "it was not kept: "),
        ("dog.pt", SD1, 409, "the name is already taken by sub/dog.safetensors: give another name"),
        ("fox.pt", SD1, 409, "the name is already taken by fox.png: give another name"),
        ("../cat.pt", SD1, 422, "../cat: a file's name cannot have / in it"),
        ("cat.pt/../../x.pt", SD1, 422, "cat.pt/../../x: a file's name cannot have / in it"),
        ("a.b/c", SD1, 422, "expected a name that ends in one of .safetensors"),
        ("cat.exe", SD1, 422, "expected a name that ends in one of .safetensors"),
        ("", SD1, 422, "expected a name that ends in one of .safetensors"),
        (".pt", SD1, 422, "expected a name that ends in one of .safetensors"),
        ("nul.pt", SD1, 422, "nul: Windows keeps this name for a device: choose another"),
    ],
)
def test_files_that_are_not_kept(
    site: Site, name: str, data: bytes, status: int, detail: str
) -> None:
    """What is no sound embedding, or has no name of its own, is refused with its sentence."""
    site.write("fox.png", b"a picture")
    site.add("sub/dog.safetensors")
    before = paths(site)
    response = send(site.client, name, data)
    assert response.status_code == status
    assert response.json()["detail"].startswith(detail)
    assert paths(site) == before


def test_a_file_that_is_too_long(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more is taken than the reader would read."""
    monkeypatch.setattr("lib_embeddings.web.requests.LIMITS", LIMITS.__class__(download_bytes=999))
    response = send(site.client, "cat.safetensors")
    assert (response.status_code, response.json()) == (
        *(413, {"detail": "the file is too long: expected at most 999 bytes"}),
    )
    assert paths(site) == []


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_a_folder_that_takes_no_file(
    site: Site, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """It is said, with what to do where that is known, and nothing is left."""

    def refuse(_source: str, _target: str) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(moves, "_rename_exclusively", refuse)
    response = send(site.client, "cat.safetensors")
    may_not = "; this program may not write into its folder: allow that, or move the file"
    advice = "" if code == errno.ENOSPC else may_not
    assert (response.status_code, response.json()["detail"]) == (
        *(409, f"cat.safetensors cannot be moved: {os.strerror(code)}{advice}"),
    )
    assert paths(site) == []


def test_no_such_folder(site: Site) -> None:
    """A file for a folder that is not there goes nowhere."""
    assert send(site.client, "cat.pt", folder="0:gone").status_code == 409
    assert send(site.client, "cat.pt", folder="").status_code == 409
    assert paths(site) == []


# Who may


def test_another_page_deletes_nothing(site: Site) -> None:
    """A page of another site cannot move files, and sends none."""
    address = f"/entries/{site.add('cat.pt')}"
    client = site.client_from(HERE, Origin="http://evil.example")
    assert client.delete(address).status_code == 403
    assert send(client, "dog.pt").status_code == 403
    assert paths(site) == ["cat.pt"]


def test_who_may_not_change_files(site: Site) -> None:
    """Every route that moves files is behind the same door, and the page knows before it asks."""

    def refuse(_request: Request) -> None:
        raise HTTPException(403, "not you")

    app = FastAPI()
    add_routes(app, site.library, lambda: FACTS, Door(change_files=refuse))
    client = Client(From(app, HERE), {})
    id_ = site.add("cat.pt")
    for method, address in (
        *(("POST", f"/entries/{id_}/rename"), ("POST", f"/entries/{id_}/move")),
        *(("DELETE", f"/entries/{id_}"), ("POST", "/files?folder=0:&name=dog.pt")),
        *(("POST", "/trash/0/restore"), ("DELETE", "/trash")),
    ):
        response = client.request(method, address, content=SD1)
        assert (response.status_code, response.json()) == (403, {"detail": "not you"})
    assert paths(site) == ["cat.pt"]
    assert client.get("/trash").status_code == 200
    assert client.get("/host").json()["may_change_files"] is False
