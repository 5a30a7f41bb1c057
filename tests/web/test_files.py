"""Routes that move files: to other folders, to the trash and back, and from a page to a folder."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from fastapi import HTTPException

from lib_embeddings.entries import writing
from lib_embeddings.library.library import Library
from lib_embeddings.limits import LIMITS
from lib_embeddings.stores.choices import Choices
from lib_embeddings.stores.index import Index
from lib_embeddings.web.route import Door, allow
from lib_embeddings.web.routes import add_routes
from tests.builders import png, safetensors_file, vectors
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
        ({"folder": "0:gone"}, 409, "this folder no longer exists: choose another"),
        ({"folder": "0:../data"}, 409, "this folder no longer exists: choose another"),
        ({"folder": "0:"}, 409, "cat.pt lies in this folder: choose another"),
        ({"folder": "0:sub"}, 409, "the name is already taken by cat.png: choose another name"),
        ({"folder": 0}, 422, TARGET),
        ({"folder": "0:", "new_folder": 1}, 422, TARGET),
        (
            {"folder": "0:", "new_folder": "../data"},
            422,
            "..: a file's name should not begin or end with a dot or space",
        ),
        (
            {"folder": "0:gone", "new_folder": "x"},
            409,
            "this folder no longer exists: choose another",
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
    """Damaged files and files that are no embeddings can be deleted, too."""
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
        *(409, "cat.pt already exists again: rename it first"),
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


def test_a_trash_that_cannot_be_read(site: Site) -> None:
    """It is not shown as an empty one."""
    item = site.client.delete(f"/entries/{site.add('cat.pt')}").json()
    trash = Path(site.library._choices.folder) / "trash"
    trash.rename(trash.with_name("elsewhere"))
    trash.write_text("a file where the folder should be")
    for response in (site.client.get("/trash"), site.client.post(f"/trash/{item['id']}/restore")):
        assert response.status_code == 409
        assert response.json()["detail"].startswith("the trash cannot be read: ")


# POST /files

LISTED = 'expected a first line as [{"path": "…", "bytes": 0}]'
LONELY = "it was not kept: no embedding was added with it"
HALVES = {
    "learned_embeds.safetensors": safetensors_file({"<cat>": vectors(1)}),
    "learned_embeds_2.safetensors": safetensors_file({"<cat>": vectors(1, 1280)}),
}


def send(client: Client, files: Mapping[str, bytes], folder: str = "0:") -> Any:
    """Send files to a folder."""
    listed = [{"path": path, "bytes": len(data)} for path, data in files.items()]
    body = json.dumps(listed).encode() + b"\n" + b"".join(files.values())
    return client.post("/files", params={"folder": folder}, content=body)


def sent(site: Site, folder: str = "0:", **files: bytes) -> dict[str, str | None]:
    """Send files, and return by path where each is in the library, or why it is not kept."""
    outcomes = send(site.client, files, folder).json()["files"]
    assert [each["path"] for each in outcomes] == list(files)
    return {
        each["path"]: each["entry"]["path"] if each["entry"] else each["reason"]
        for each in outcomes
    }


def test_a_file_is_added(site: Site) -> None:
    """It is in the folder and in the list, and nothing else is left of it."""
    site.add("sub/dog.pt")
    path = "my cat (1).safetensors"
    assert sent(site, "0:sub", **{path: SD1}) == {path: f"sub/{path}"}
    assert paths(site) == ["sub/dog.pt", f"sub/{path}"]
    assert (site.root / "sub" / path).read_bytes() == SD1
    assert site.names() == ["dog", "my cat (1)"]


def test_what_lies_beside_a_file_comes_with_it(site: Site) -> None:
    """Folders and pairs come, too; each companion is judged, and those of no file are left out."""
    note = json.dumps({"activation text": "a cat", "modelId": 7}).encode()
    files = {
        "pack/deep/cat.pt": SD1,
        "pack/deep/cat.json": note,
        "pack/deep/cat.preview.png": png(),
        "pack/deep/cat.mp4": b"\0\0\0\x18ftypmp42",
        **{f"pack/{name}": data for name, data in HALVES.items()},
        "fox.safetensors": SD1,
        "fox.civitai.info": b"{}",
        "fox.txt": b"what it is for",
    }
    outcomes = sent(site, **files)
    assert {path for path, outcome in outcomes.items() if outcome is None} == {
        *("pack/deep/cat.json", "pack/deep/cat.preview.png", "pack/deep/cat.mp4"),
        *("pack/learned_embeds_2.safetensors", "fox.civitai.info", "fox.txt"),
    }
    assert paths(site) == sorted(files)
    id_ = send(site.client, {"other/owl.pt": SD1}).json()["files"][0]["entry"]["id"]
    cat = next(each for each in site.get("/entries")["entries"] if each["name"] == "cat")
    assert (cat["trigger_words"], bool(cat["preview"]), bool(cat["video"])) == ("a cat", True, True)
    for each in site.get("/entries")["entries"]:
        assert site.client.delete(f"/entries/{each['id']}").status_code == 200
    assert (paths(site), id_ in site.names()) == ([], False)


def folders(site: Site) -> list[str]:
    """Return the folders on the disk; the library has no others."""
    found = (path for path in site.root.rglob("*") if path.is_dir())
    on_disk = sorted(path.relative_to(site.root).as_posix() for path in found)
    listed = {each["id"] for each in site.get("/folders")["folders"]}
    assert listed <= {f"0:{path}" for path in ["", *on_disk]}
    return on_disk


def test_an_undo_leaves_no_folder_of_a_drop(site: Site) -> None:
    """Those that it has made go with the last file in them; what was there before stays."""
    site.write("old/deep/dog.pt")
    site.library.rescan()
    files = {"new/deep/a.pt": SD1, "new/b.pt": SD1, "old/deep/c.pt": SD1, "old/own/d.pt": SD1}
    added = [each["entry"] for each in send(site.client, files).json()["files"]]
    (site.root / "old" / "own" / "notes.md").write_text("mine")
    assert folders(site) == ["new", "new/deep", "old", "old/deep", "old/own"]
    for entry in added[:2]:
        site.client.delete(f"/entries/{entry['id']}")
    assert folders(site) == ["old", "old/deep", "old/own"]
    for entry in added[2:]:
        site.client.delete(f"/entries/{entry['id']}")
    dog = next(each for each in site.get("/entries")["entries"] if each["name"] == "dog")
    site.client.delete(f"/entries/{dog['id']}")
    assert folders(site) == ["old", "old/deep", "old/own"]
    for item in site.get("/trash")["items"]:
        assert site.client.post(f"/trash/{item['id']}/restore").status_code == 200
    assert paths(site) == sorted([*files, "old/deep/dog.pt", "old/own/notes.md"])


def test_an_undo_leaves_no_folder_of_a_move(site: Site) -> None:
    """A folder that was made for a file is removed when the file goes back, or on."""
    id_ = site.add("cat.pt")
    for name, made in (("one", ["one"]), ("two/deep", ["two", "two/deep"])):
        body = {"folder": "0:", "new_folder": name}
        id_ = site.client.post(f"/entries/{id_}/move", json=body).json()["id"]
        assert folders(site) == made
    site.client.post(f"/entries/{id_}/move", json={"folder": "0:"})
    assert folders(site) == []


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("cat.preview.png", b"a picture", "it was not kept: it is not a picture that can be shown"),
        ("cat.mp4", b"<html>", "it was not kept: it is not a video"),
        ("cat.json", b"<html>", "it was not kept: it is damaged or not JSON"),
        ("cat.metadata.json", b"[1]", "it was not kept: it is damaged or not JSON"),
        (
            "cat.txt",
            b"x" * (LIMITS.sidecar_bytes + 1),
            "it was not kept: expected at most 4,194,304 bytes, found 4,194,305",
        ),
        ("cats.json", b"{}", LONELY),
        ("sub/cat.json", b"{}", LONELY),
        ("photo.jpg", png(), LONELY),
    ],
)
def test_what_does_not_come_with_a_file(site: Site, name: str, data: bytes, reason: str) -> None:
    """A companion that is not what its name says is refused; the embedding comes all the same."""
    assert sent(site, **{"cat.pt": SD1, name: data}) == {"cat.pt": "cat.pt", name: reason}
    assert paths(site) == ["cat.pt"]


def test_nothing_comes_with_a_file_that_is_refused(site: Site) -> None:
    """Neither its picture nor the folder that it was to lie in."""
    outcomes = sent(site, **{"new/cat.pt": b"<!DOCTYPE html>", "new/cat.preview.png": png()})
    assert outcomes["new/cat.preview.png"] == LONELY
    assert list(site.root.iterdir()) == []


def test_one_look_at_a_folder(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many files at once make their folder be scanned and listed once."""
    for number in range(3):
        site.add(f"old-{number}.pt")
    looks: list[str] = []
    listing = os.listdir

    def look(folder: str) -> list[str]:
        looks.append(folder)
        return listing(folder)

    monkeypatch.setattr("lib_embeddings.entries.plans.os.listdir", look)
    scans: list[object] = []
    rescan_folders = site.library.scans.rescan_folders
    monkeypatch.setattr(
        site.library.scans,
        "rescan_folders",
        lambda folders: (scans.append(folders), rescan_folders(folders)),
    )
    outcomes = sent(site, **{f"new-{number}.pt": SD1 for number in range(9)})
    assert list(outcomes) == list(outcomes.values())
    assert looks.count(str(site.root)) == 1
    assert scans == [{str(site.root)}]


REFUSED = "expected a name that ends in one of .safetensors"


@pytest.mark.parametrize(
    ("path", "data", "reason"),
    [
        ("page.pt", b"<!DOCTYPE html>", "it was not kept: this is a web page, not an"),
        ("cut.safetensors", SD1[:1000], "it was not kept: cut short: expected"),
        ("empty.pt", b"", "it was not kept: "),
        ("dog.pt", SD1, "the name is already taken by sub/dog.safetensors: choose another name"),
        ("fox.pt", SD1, "the name is already taken by fox.png: choose another name"),
        ("../cat.pt", SD1, "..: a file's name should not begin or end with a dot or space"),
        ("/cat.pt", SD1, "the name is empty: type one"),
        ("a\\cat.pt", SD1, "a\\cat: a file's name cannot have \\ in it"),
        ("con/cat.pt", SD1, "con: Windows keeps this name for a device: choose another"),
        ("a.b/c", SD1, REFUSED),
        ("cat.exe", SD1, REFUSED),
        ("", SD1, REFUSED),
        (".pt", SD1, REFUSED),
        ("nul.pt", SD1, "nul: Windows keeps this name for a device: choose another"),
        ("cat.preview.pt", SD1, "cat.preview: type the name without .preview at its end"),
        (f"{'x' * 300}.pt", SD1, "it was not kept: File name too long"),
        ("good.pt", SD1, "it was not kept: another file of this name came with it"),
    ],
)
def test_files_that_are_not_kept(site: Site, path: str, data: bytes, reason: str) -> None:
    """A file that is damaged, or whose name is taken, says why; the others are kept."""
    site.write("fox.png", b"a picture")
    site.add("sub/dog.safetensors")
    before = paths(site)
    sizes = [("good.pt", len(SD1)), (path, len(data))]
    listed = [{"path": each, "bytes": size} for each, size in sizes]
    body = json.dumps(listed).encode() + b"\n" + SD1 + data
    answer = site.client.post("/files", params={"folder": "0:"}, content=body).json()
    assert answer["files"][1]["reason"].startswith(reason)
    assert paths(site) == sorted([*before, "good.pt"])


def test_two_of_one_name(site: Site) -> None:
    """Even in one request no two embeddings for the same models get one name."""
    outcomes = sent(site, **{"a/cat.pt": SD1, "b/cat.pt": SD1, "c/cat.safetensors": SDXL})
    assert outcomes == {
        "a/cat.pt": "a/cat.pt",
        "b/cat.pt": "the name is already taken by a/cat.pt: choose another name",
        "c/cat.safetensors": "c/cat.safetensors",
    }
    assert paths(site) == ["a/cat.pt", "c/cat.safetensors"]


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        (b"", 422, LISTED),
        (b"{}\n", 422, LISTED),
        (b'[{"path": 1, "bytes": 0}]\n', 422, LISTED),
        (b'[{"path": "cat.pt", "bytes": -1}]\n', 422, LISTED),
        (b'[{"path": "cat.pt", "bytes": true}]\n', 422, LISTED),
        (
            b'[{"path": "cat.pt", "bytes": 2}]\nx',
            400,
            "the files are not complete: send them again",
        ),
        (
            b'[{"path": "cat.pt", "bytes": 0}]\nx',
            400,
            "the files are not complete: send them again",
        ),
    ],
)
def test_bodies_that_are_none(site: Site, body: bytes, status: int, detail: str) -> None:
    """A body without a list of its files is refused."""
    response = site.client.post("/files", params={"folder": "0:"}, content=body)
    assert (response.status_code, response.json()) == (status, {"detail": detail})
    assert paths(site) == []


def test_files_that_are_too_much(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more is taken than the reader would read, of one and of all."""
    limits = LIMITS.__class__(download_bytes=999)
    monkeypatch.setattr("lib_embeddings.library.files.LIMITS", limits)
    reason = f"it was not kept: expected at most 999 bytes, found {len(SD1):,}"
    assert sent(site, **{"cat.safetensors": SD1}) == {"cat.safetensors": reason}
    monkeypatch.setattr("lib_embeddings.web.requests.LIMITS", LIMITS.__class__(arrival_bytes=999))
    response = send(site.client, {"cat.safetensors": SD1})
    assert (response.status_code, response.json()) == (
        *(413, {"detail": "files too large together: expected at most 999 bytes"}),
    )
    assert paths(site) == []


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_a_folder_that_takes_no_file(
    site: Site, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """It is said, with what to do where that is known, and nothing is left."""

    def refuse(_source: str, _target: str) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(writing, "_rename_exclusively", refuse)
    may_not = "; this program may not write into its folder: allow that, or use another one"
    advice = "" if code == errno.ENOSPC else may_not
    reason = f"cat.safetensors cannot be moved: {os.strerror(code)}{advice}"
    outcomes = sent(site, **{"cat.safetensors": SD1, "cat.json": b"{}"})
    assert outcomes == {"cat.safetensors": reason, "cat.json": LONELY}
    assert paths(site) == []


def test_no_such_folder(site: Site) -> None:
    """A file for a folder that is not there goes nowhere."""
    assert send(site.client, {"cat.pt": SD1}, "0:gone").status_code == 409
    assert paths(site) == []


def test_no_folder_is_the_first_root(site: Site) -> None:
    """A page may be asked to add a file before it knows any folder."""
    assert send(site.client, {"cat.pt": SD1}, "").status_code == 200
    assert paths(site) == ["cat.pt"]


# Who may


def test_another_page_deletes_nothing(site: Site) -> None:
    """A page of another site cannot move files, and sends none."""
    address = f"/entries/{site.add('cat.pt')}"
    client = site.client_from(HERE, Origin="http://evil.example")
    assert client.delete(address).status_code == 403
    assert send(client, {"dog.pt": SD1}).status_code == 403
    assert paths(site) == ["cat.pt"]


def test_who_may_not_change_files(site: Site) -> None:
    """Every route that moves files is behind the same door, and the page knows before it asks."""

    def refuse(_request: Request) -> None:
        raise HTTPException(403, "not you")

    app = FastAPI()
    add_routes(app, site.library, lambda: FACTS, Door(check_may_change_files=refuse))
    client = Client(From(app, HERE), {})
    id_ = site.add("cat.pt")
    for method, address in (
        *(("POST", f"/entries/{id_}/rename"), ("POST", f"/entries/{id_}/move")),
        *(("DELETE", f"/entries/{id_}"), ("POST", "/files?folder=0:")),
        *(("POST", "/trash/0/restore"), ("DELETE", "/trash")),
    ):
        response = client.request(method, address, content=SD1)
        assert (response.status_code, response.json()) == (403, {"detail": "not you"})
    assert paths(site) == ["cat.pt"]
    assert client.get("/trash").status_code == 200
    assert client.get("/host").json()["may_change_files"] is False
