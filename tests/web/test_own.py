"""What people make themselves, over HTTP: pictures and texts beside embeddings, and sets."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lib_embeddings.limits import LIMITS
from tests.entries.test_imaging import picture
from tests.web import ELSEWHERE, SDXL, Site, open_site


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with open_site(tmp_path, monkeypatch) as opened:
        yield opened


# Pictures


def test_a_preview_and_its_undo(site: Site) -> None:
    """The answer has the new picture's word; undone, the one before is shown again."""
    site.write("cat.preview.png", picture((8, 8)))
    id_ = site.add("cat.pt")
    before = site.get(f"/entries/{id_}")["preview"]
    put = site.client.put(f"/entries/{id_}/preview", content=picture((16, 16), "JPEG")).json()
    assert put["preview"] not in (before, None)
    assert sorted(os.listdir(site.root)) == ["cat.preview.jpg", "cat.pt"]
    response = site.client.post(f"/entries/{id_}/preview/undo", json={"undo": put["undo"]})
    assert (response.status_code, "undo" in response.json()) == (200, False)
    assert sorted(os.listdir(site.root)) == ["cat.preview.png", "cat.pt"]
    again = site.client.post(f"/entries/{id_}/preview/undo", json={"undo": put["undo"]})
    assert (again.status_code, again.json()) == (
        409,
        {"detail": "the previous picture is no longer available"},
    )


@pytest.mark.parametrize(
    ("data", "status"), [(b"no picture", 422), (bytes(LIMITS.preview_bytes + 1), 413)]
)
def test_no_picture(site: Site, data: bytes, status: int) -> None:
    """A file that is no picture is refused, and a body that is too long is not read to its end."""
    response = site.client.put(f"/entries/{site.add('cat.pt')}/preview", content=data)
    assert response.status_code == status
    assert os.listdir(site.root) == ["cat.pt"]


# Texts


def test_texts(site: Site) -> None:
    """They are shown, found, and written where A1111 has them."""
    site.write("cat.json", '{"sd version": "SD1", "description": "<b>bold</b>"}')
    id_ = site.add("cat.pt")
    texts = site.get(f"/entries/{id_}")["texts"]
    assert texts == {"notes": "", "description": "<b>bold</b>", "trigger_words": ""}
    edits = {
        "description": {"before": "<b>bold</b>", "after": "<i>slim</i>"},
        "trigger_words": {"before": "", "after": "tabby cat"},
    }
    entry = site.client.patch(f"/entries/{id_}/texts", json=edits).json()
    assert (entry["description"], entry["trigger_words"]) == ("slim", "tabby cat")
    assert site.names(query="tabby slim") == ["cat"]
    assert json.loads((site.root / "cat.json").read_text()) == {
        "sd version": "SD1",
        "description": "<i>slim</i>",
        "activation text": "tabby cat",
    }
    response = site.client.patch(f"/entries/{id_}/texts", json=edits)
    assert response.status_code == 409
    assert response.json()["detail"].startswith("the description changed elsewhere")


@pytest.mark.parametrize(
    ("method", "address", "sent"),
    [
        ("PATCH", "texts", {"json": {"notes": {"before": "", "after": "mine"}}}),
        ("PUT", "preview", {"content": picture()}),
    ],
)
def test_what_is_made_costs_one_folder(site: Site, method: str, address: str, sent: Any) -> None:
    """Nothing but the folder of the embedding is scanned for it."""
    id_ = site.add("sub/cat.pt")
    site.write("dog.pt")
    answer = site.client.request(method, f"/entries/{id_}/{address}", **sent).json()
    assert answer["notes"] or answer["preview"]
    assert site.names() == ["cat"]


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"name": {"before": "", "after": ""}},
        {"notes": "n"},
        {"notes": {"after": "n"}},
        {"notes": {"before": "", "after": None}},
        {"notes": {"before": "", "after": "n" * (LIMITS.text_characters + 1)}},
    ],
)
def test_wrong_texts(site: Site, body: Any) -> None:
    """A body that is not understood changes nothing."""
    response = site.client.patch(f"/entries/{site.add('cat.pt')}/texts", json=body)
    assert response.status_code == 422
    assert "expected" in response.json()["detail"]
    assert os.listdir(site.root) == ["cat.pt"]


@pytest.mark.parametrize(
    ("method", "address"), [("PUT", "preview"), ("POST", "preview/undo"), ("PATCH", "texts")]
)
def test_a_file_that_is_gone(site: Site, method: str, address: str) -> None:
    """It has no picture and no texts."""
    assert site.client.request(method, f"/entries/0/{address}").status_code == 404


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("PUT", "/entries/{}/preview"),
        ("POST", "/entries/{}/preview/undo"),
        ("PATCH", "/entries/{}/texts"),
        ("PUT", "/sets?name=s"),
        ("PATCH", "/sets?name=s"),
        ("DELETE", "/sets?name=s"),
    ],
)
def test_another_page_changes_nothing(site: Site, method: str, address: str) -> None:
    """A page of another site can do none of it."""
    headers = {"Origin": "http://evil.example"}
    address = address.format(site.add("cat.pt"))
    assert site.client.request(method, address, headers=headers).status_code == 403


# Favourites


def test_many_favourites_at_once(site: Site) -> None:
    """They are one change, whatever was chosen before; ids that are gone leave nothing behind."""
    ids = [site.add(f"{name}.pt") for name in ("a", "b", "c")]
    site.client.patch(f"/entries/{ids[0]}", json={"field": "negative"})
    before = site.library.generation
    body = {"ids": [*ids[:2], "gone"], "favourite": True}
    answer = site.client.patch("/entries", json=body).json()
    assert answer == {"generation": before + 1}
    assert site.names(favourite="true") == ["a", "b"]
    assert set(site.library.catalogue.choices) == set(ids[:2])
    site.client.patch("/entries", json={"ids": ids, "favourite": False})
    assert site.names(favourite="true") == []
    assert site.get("/entries", query="a.pt")["entries"][0]["chosen_field"] == "negative"


@pytest.mark.parametrize(
    "body",
    [
        {"ids": [], "favourite": 1},
        {"ids": [1], "favourite": True},
        {"ids": "ab", "favourite": True},
        {"ids": [""] * (LIMITS.ids + 1), "favourite": True},
        {"ids": [], "favourite": True, "field": "auto"},
    ],
)
def test_wrong_favourites(site: Site, body: Any) -> None:
    """A body that is not understood is refused with what would be."""
    response = site.client.patch("/entries", json=body)
    assert response.status_code == 422
    assert "with at most 10,000 ids" in response.json()["detail"]


# Sets

MEMBERS = [
    {"name": "bad", "field": "negative", "weight": 1.2},
    {"name": "gone", "field": "negative", "weight": 1},
    {"name": "xl", "field": "positive", "weight": 1.0},
]


def test_sets(site: Site) -> None:
    """A set names names: each answer says whose file one is, and why one is not used."""
    site.add("xl.safetensors", SDXL)
    id_ = site.add("Bad.pt")
    made = site.client.put("/sets?name=my negatives", json={"members": MEMBERS}).json()
    assert made == site.get("/sets")
    (members,) = [each["members"] for each in made["sets"] if each["name"] == "my negatives"]
    assert [(each["name"], each["weight"], each["reason"]) for each in members] == [
        ("xl", 1.0, None),
        ("bad", 1.2, None),
        ("gone", 1.0, "there is no such file"),
    ]
    assert [each["id"] for each in members][1:] == [id_, None]
    renamed = site.client.patch("/sets?name=my negatives", json={"name": "a/b ?&"}).json()
    assert [each["name"] for each in renamed["sets"]] == ["a/b ?&"]
    response = site.client.request("DELETE", "/sets", params={"name": "a/b ?&"})
    assert response.json() == {"sets": []}


def test_sets_of_others_are_news(site: Site) -> None:
    """A change of sets begins a generation, so that every page asks again."""
    before = site.library.generation
    tag = site.client.get("/sets").headers["etag"]
    site.client.put("/sets?name=s", json={"members": MEMBERS})
    assert site.library.generation > before
    new = site.client.get("/sets", headers={"If-None-Match": tag})
    assert new.status_code == 200
    known = site.client.get("/sets", headers={"If-None-Match": new.headers["etag"]})
    assert known.status_code == 304


@pytest.mark.parametrize(
    ("method", "name", "body", "refusal"),
    [
        ("PUT", " ", {"members": MEMBERS}, (422, "the set has no name: type one")),
        ("PUT", "a\n", {"members": MEMBERS}, (422, "a\\n: it contains an invisible character")),
        ("PUT", "a" * 61, {"members": MEMBERS}, (422, "expected at most 60 characters")),
        ("PUT", "s", {"members": []}, (422, "with 1 to 256 members")),
        ("PUT", "s", {"members": MEMBERS * 100}, (422, "with 1 to 256 members")),
        ("PUT", "s", {"members": [{"name": "x"}]}, (422, "members: expected")),
        ("PUT", "s", {"members": [{**MEMBERS[0], "weight": True}]}, (422, "members: expected")),
        ("PUT", "s", {"members": [{**MEMBERS[0], "weight": 1e9}]}, (422, "members: expected")),
        ("PUT", "s", {"members": [{**MEMBERS[0], "field": "x"}]}, (422, "members: expected")),
        ("PATCH", "s", {"name": "t"}, (404, "there is no such set, or it is gone")),
        ("PATCH", "known", {"name": ""}, (422, "the set has no name: type one")),
        ("PATCH", "known", {"name": "other"}, (409, "a set named other already exists")),
        ("DELETE", "s", None, (404, "there is no such set, or it is gone")),
    ],
)
def test_wrong_sets(
    site: Site, method: str, name: str, body: Any, refusal: tuple[int, str]
) -> None:
    """Each refusal is one sentence, and changes nothing."""
    for known in ("known", "other"):
        site.client.put(f"/sets?name={known}", json={"members": MEMBERS})
    before = site.get("/sets")
    response = site.client.request(method, "/sets", params={"name": name}, json=body)
    status, why = refusal
    assert response.status_code == status
    assert why in response.json()["detail"]
    assert site.get("/sets") == before


def test_other_machines_may_use_sets(site: Site) -> None:
    """They are choices, not files."""
    client = site.client_from(ELSEWHERE)
    assert client.put("/sets?name=s", json={"members": MEMBERS}).status_code == 200
