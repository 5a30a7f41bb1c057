"""Embeddings from elsewhere over HTTP: jobs, their questions, searches, and who may ask."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException, Request
from PIL import Image

from lib_embeddings.errors import SourceError
from lib_embeddings.library.library import Library
from lib_embeddings.limits import LIMITS
from lib_embeddings.sources.sources import Sources
from lib_embeddings.stores.index import Index
from lib_embeddings.web import answers, sites
from lib_embeddings.web.job import Job, Pictures
from lib_embeddings.web.jobs import Jobs
from lib_embeddings.web.requests import WantedFiles
from lib_embeddings.web.route import Door
from lib_embeddings.web.routes import add_routes
from tests.builders import safetensors_file, vectors
from tests.entries.test_imaging import picture
from tests.killing import calls_of, kill_at
from tests.sources.conftest import Start
from tests.sources.fakes import FakeCivitai, FakeHub, FakeSite, Reply, as_json, digest
from tests.web import FACTS, HERE, SD1, SDXL, Client, From, Site, open_site

SD1_OF_ITS_OWN = safetensors_file({"emb_params": vectors(3)})
KEY = FakeCivitai.key
ENDED = ("asking", "done", "failed", "cancelled")


@pytest.fixture
def civitai(start: Start[FakeSite]) -> FakeCivitai:
    """Return a Civitai with one embedding."""
    fake = FakeCivitai()
    start(fake)
    image = {"url": f"{fake.url}/store/picture", "type": "image", "nsfwLevel": 1}
    fake.add(92080, ("easynegative.safetensors", SD1), images=[image])
    return fake


@pytest.fixture
def hub(start: Start[FakeSite]) -> FakeHub:
    """Return a hub with one concept."""
    fake = FakeHub()
    start(fake)
    fake.repos["sd-concepts-library/cat-toy"] = {
        "concept_images/0.jpeg": picture((64, 64), "JPEG"),
        "learned_embeds.bin": SD1,
        "type_of_concept.txt": b"object",
    }
    return fake


@pytest.fixture
def site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, civitai: FakeCivitai, hub: FakeHub
) -> Iterator[Site]:
    """Return a site whose person has set the fakes as mirrors."""
    settings = tmp_path / "config" / "lib_embeddings" / "sources.ini"
    settings.parent.mkdir(parents=True)
    settings.write_text(
        f"[civitai]\ntoken = {KEY}\naddress = {civitai.url}\n[huggingface]\naddress = {hub.url}\n"
    )
    settings.chmod(0o600)
    with open_site(tmp_path, monkeypatch) as opened:
        yield opened


def post(site: Site, path: str, **body: object) -> dict[str, Any]:
    """Send a body, which must be taken."""
    response = site.client.post(path, json=body)
    assert response.status_code == 200, response.text
    return response.json()


def job(site: Site, id_: str) -> dict[str, Any]:
    """Return a job as it is now."""
    return next(each for each in site.get("/jobs")["jobs"] if each["id"] == id_)


def ended(site: Site, id_: str) -> dict[str, Any]:
    """Wait until a job goes on no more by itself, and return it."""
    while True:
        found = job(site, id_)
        if found["state"] in ENDED:
            return found
        time.sleep(0.01)


def add(site: Site, reference: str, **more: object) -> dict[str, Any]:
    """Bring what a reference means into the first folder, and wait for the end."""
    return ended(site, post(site, "/add", reference=reference, folder="0:", **more)["id"])


# Adding


def test_what_a_concept_was_learned_from(site: Site, hub: FakeHub) -> None:
    """Its pictures come with it in one row, and are no preview; what is no picture is left out."""
    files = hub.repos["sd-concepts-library/cat-toy"]
    files |= {f"concept_images/{number}.jpeg": files["concept_images/0.jpeg"] for number in (2, 10)}
    files["concept_images/1.jpeg"] = b"no picture"
    found = add(site, "cat-toy")
    assert sorted(os.listdir(site.root)) == ["cat-toy.bin", "cat-toy.examples.jpg", "cat-toy.json"]
    entry = site.get(f"/entries/{found['result']['id']}")
    assert entry["preview"] is None
    assert entry["examples"]
    address = f"/examples/{entry['id']}?width=1024"
    with Image.open(io.BytesIO(site.client.get(address).content)) as row:
        assert (row.format, row.size) == ("WEBP", (3 * 256, 256))
    id_ = site.client.post(f"/entries/{entry['id']}/rename", json={"name": "fox"}).json()["id"]
    assert (site.root / "fox.examples.jpg").exists()
    assert site.get(f"/entries/{id_}")["examples"]
    other = site.add("other.pt")
    assert site.get(f"/entries/{other}")["examples"] is None
    assert site.client.get(f"/examples/{other}").status_code == 404


def test_pictures_that_do_not_come(site: Site, hub: FakeHub) -> None:
    """The embedding comes without them."""
    hub.repos["sd-concepts-library/cat-toy"]["concept_images/0.jpeg"] = b"<html>"
    assert add(site, "cat-toy")["state"] == "done"
    assert sorted(os.listdir(site.root)) == ["cat-toy.bin", "cat-toy.json"]


def test_a_link_becomes_an_embedding(site: Site, civitai: FakeCivitai) -> None:
    """At the end the library has it, with what the site says of it."""
    found = add(site, "civitai:9208@92080")
    assert (found["state"], found["title"]) == ("done", "easynegative.safetensors")
    assert found["total"] == found["done"] == len(SD1)
    result = found["result"]
    assert (result["name"], result["is_new"], result["warnings"]) == ("easynegative", True, [])
    entry = site.get(f"/entries/{result['id']}")
    assert entry["trigger_words"] == "easynegative"
    assert entry["claims"]["page"] == f"{civitai.url}/models/9208?modelVersionId=92080"
    assert entry["claims"]["author"] == "someone"


def test_both_files_of_a_version_come(site: Site, civitai: FakeCivitai) -> None:
    """The one for the negative prompt is a job of its own, and has its field."""
    civitai.add(10, ("cat.safetensors", SD1), ("cat-neg.safetensors", SDXL, {"type": "Negative"}))
    assert add(site, "civitai:1@10")["state"] == "done"
    (other,) = [each for each in site.get("/jobs")["jobs"] if "neg" in each["title"]]
    assert ended(site, other["id"])["state"] == "done"
    assert sorted(site.names()) == ["cat", "cat-neg"]
    fields = {entry["name"]: entry["field"] for entry in site.get("/entries")["entries"]}
    assert fields == {"cat": "positive", "cat-neg": "negative"}


def test_several_files_are_a_question(site: Site, hub: FakeHub) -> None:
    """If several files fit, a person chooses, and these come."""
    files = {"a.pt": SD1, "b.pt": SD1, "c.pt": SD1}
    hub.repos["someone/many"] = files
    asked = add(site, "someone/many")
    assert (asked["state"], asked["question"]["kind"]) == ("asking", "files")
    assert [each["filename"] for each in asked["question"]["choices"]] == list(files)
    wanted = [each["file"] for each in asked["question"]["choices"][:2]]
    site.client.patch(f"/jobs/{asked['id']}", json={"files": wanted})
    assert ended(site, asked["id"])["state"] == "done"
    for each in site.get("/jobs")["jobs"]:
        ended(site, each["id"])
    assert sorted(site.names()) == ["a", "b"]


def test_a_name_that_is_taken_is_a_question(site: Site) -> None:
    """Nothing is replaced; with another name it comes, and nobody is asked again."""
    site.add("easynegative.pt", SDXL)
    asked = add(site, "civitai:9208@92080")
    assert (asked["state"], asked["question"]) == (
        "asking",
        {"kind": "name", "choices": [{"name": "easynegative"}]},
    )
    assert asked["reason"].startswith("the name is already taken by easynegative.pt")
    wrong = site.client.patch(f"/jobs/{asked['id']}", json={"keep_wrong_hash": True})
    assert wrong.status_code == 404
    site.client.patch(f"/jobs/{asked['id']}", json={"name": "easy 2"})
    assert ended(site, asked["id"])["result"]["name"] == "easy 2"


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("other/easynegative.safetensors", SD1),
        ("other/EasyNegative.pt", SD1_OF_ITS_OWN),
        ("other/easynegative.pt", SDXL),
        ("other/easynegative.pt", b"damaged"),
        ("easynegative.pt", SDXL),
        ("easynegative.png", b"a picture of what is to come"),
        ("easynegative.pt", b"damaged"),
        ("other/unlike.pt", SD1),
    ],
)
def test_a_download_needs_the_same_name_as_a_drop(site: Site, path: str, data: bytes) -> None:
    """Both are accepted, or refused with the same sentence."""
    name = "easynegative.safetensors"
    site.write(path, data)
    site.library.rescan()
    before = sorted(site.root.rglob("*"))
    found = add(site, "civitai:9208@92080")
    for new in set(site.root.rglob("*")).difference(before):
        new.unlink()
    site.library.rescan()
    listed = json.dumps([{"path": name, "bytes": len(SD1)}]).encode()
    answer = site.client.post("/files", params={"folder": "0:"}, content=listed + b"\n" + SD1)
    assert found["reason"] == answer.json()["files"][0]["reason"]
    assert found["state"] == ("asking" if found["reason"] else "done")


def test_a_wrong_hash_is_kept_only_if_a_person_says_so(site: Site, civitai: FakeCivitai) -> None:
    """The sentence names both hashes; without the answer nothing is in the folder."""
    civitai.files[1] = SDXL
    asked = add(site, "civitai:9208@92080")
    if asked["state"] == "failed":  # the size differs, too, which is said first
        civitai.models[9208]["modelVersions"][0]["files"][0]["sizeKB"] = len(SDXL) / 1024
        asked = add(site, "civitai:9208@92080")
    assert (asked["state"], asked["question"]["kind"]) == ("asking", "keep_wrong_hash")
    assert digest(SD1) in asked["reason"]
    assert digest(SDXL) in asked["reason"]
    assert os.listdir(site.root) == []
    site.client.patch(f"/jobs/{asked['id']}", json={"keep_wrong_hash": True})
    kept = ended(site, asked["id"])
    assert kept["state"] == "done"
    assert any(digest(SDXL) in warning for warning in kept["result"]["warnings"])


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("", "expected"),
        ("civitai:404@4040", "Civitai does not have it"),
        ("nobody/nothing", "does not have it"),
        ("https://127.0.0.1:1/x.pt", "an address inside a private network"),
    ],
)
def test_refusals_are_sentences(site: Site, reference: str, reason: str) -> None:
    """A failed download says why, and leaves nothing."""
    found = add(site, reference)
    assert found["state"] == "failed"
    assert reason in found["reason"]
    assert os.listdir(site.root) == []


def test_without_a_key(site: Site, tmp_path: Path, civitai: FakeCivitai) -> None:
    """Without a key the answer says where to make one."""
    settings = tmp_path / "config" / "lib_embeddings" / "sources.ini"
    settings.write_text(f"[civitai]\naddress = {civitai.url}\n")
    found = add(site, "civitai:9208@92080")
    assert "make one at https://civitai.com/user/account" in found["reason"]


def test_a_key_is_in_no_answer(site: Site) -> None:
    """Neither the person's key nor one in a link that was pasted."""
    add(site, "https://civitai.com/api/download/models/92080?token=pasted-s3cret")
    told = site.client.get("/jobs").text + site.client.get("/entries").text
    assert "s3cret" not in told
    assert KEY not in told


def test_a_folder_that_is_not_there(site: Site, civitai: FakeCivitai) -> None:
    """No site is asked."""
    begun = post(site, "/add", reference="civitai:9208@92080", folder="0:gone")
    assert ended(site, begun["id"])["reason"].startswith("this folder no longer exists")
    assert civitai.asked == []


# Many at once


class Gate:
    """Lets a site answer downloads only when told."""

    def __init__(self, site: FakeCivitai) -> None:
        self.at_once = self.most = 0
        self.opened = threading.Event()
        self._lock = threading.Lock()
        self._answer = site.answer
        site.answer = self.answer

    def answer(self, asked: Any) -> Reply:
        if asked.steps[0] != "store":
            return self._answer(asked)
        reply = self._answer(asked)
        return replace(reply, body=self.blocks(reply.body), length=len(reply.body))

    def blocks(self, data: bytes) -> Iterator[bytes]:
        with self._lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        yield data[:100]
        self.opened.wait()
        yield data[100:]
        with self._lock:
            self.at_once -= 1


def test_three_at_once(site: Site, civitai: FakeCivitai) -> None:
    """The others wait for their turn, and one that waits can be cancelled."""
    for number in range(1, 7):
        civitai.add(number * 10, (f"e{number}.safetensors", SD1 if number % 2 else SDXL))
    gate = Gate(civitai)
    begun = [
        post(site, "/add", reference=f"civitai:{number}@{number}0", folder="0:")["id"]
        for number in range(1, 7)
    ]
    while gate.at_once < LIMITS.jobs_at_once:
        time.sleep(0.01)
    states = [job(site, id_)["state"] for id_ in begun]
    assert states == ["working"] * 3 + ["waiting"] * 3
    assert site.client.delete(f"/jobs/{begun[5]}").json()["state"] == "cancelled"
    gate.opened.set()
    assert [ended(site, id_)["state"] for id_ in begun] == ["done"] * 5 + ["cancelled"]
    assert gate.most == LIMITS.jobs_at_once


def test_a_download_is_cancelled(site: Site, civitai: FakeCivitai, tmp_path: Path) -> None:
    """It leaves nothing behind, and a job that has ended can be forgotten."""
    gate = Gate(civitai)
    begun = post(site, "/add", reference="civitai:9208@92080", folder="0:")["id"]
    while not gate.at_once:
        time.sleep(0.01)
    site.client.delete(f"/jobs/{begun}")
    gate.opened.set()
    assert ended(site, begun)["state"] == "cancelled"
    assert os.listdir(site.root) == []
    assert os.listdir(tmp_path / "cache" / "lib_embeddings" / "downloads") == []
    assert site.client.delete(f"/jobs/{begun}").status_code == 200
    assert site.get("/jobs")["jobs"] == []
    assert site.client.delete(f"/jobs/{begun}").status_code == 404


def test_a_job_that_fails_when_nobody_wants_it_any_more() -> None:
    """Is cancelled, and says nothing of what went wrong meanwhile."""
    jobs, begun, hold = Jobs(), threading.Event(), threading.Event()

    def work(_job: Job, _answer: object) -> dict[str, object]:
        begun.set()
        hold.wait()
        raise SourceError("the connection broke off")

    id_ = jobs.begin("add", "x", work)["id"]
    begun.wait()
    jobs.signal(id_, "cancel")
    hold.set()
    while jobs.all()[0]["state"] == "working":
        time.sleep(0.01)
    assert (jobs.all()[0]["state"], jobs.all()[0]["reason"]) == ("cancelled", None)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_the_server_ends_at_any_moment(site: Site) -> None:
    """A job that is cut off leaves nothing or everything in the folder; other files stay."""
    site.write("before.pt", SDXL)
    wanted = WantedFiles("civitai:9208@92080", "0:", False, {})

    def work() -> None:
        library = Library([site.root], Index.nowhere())
        library.rescan()
        adding = sites._Adding(library, Jobs(), wanted)
        adding(Job("add", "", adding, lambda _job: None, Pictures()), {})

    def brought() -> list[str]:
        return sorted(set(os.listdir(site.root)) - {"before.pt"})

    whole = ["easynegative.json", "easynegative.safetensors"]
    moments = random.Random(13).sample(range(1, calls_of(work)), 100)
    outcomes = set()
    for moment in moments:
        for name in brought():
            (site.root / name).unlink()
        kill_at(moment, work)
        assert brought() in ([], whole[1:], whole)
        outcomes.add(len(brought()))
        assert all((site.root / name).read_bytes() == SD1 for name in brought()[-1:])
        work()
        assert brought() == whole
        assert (site.root / "before.pt").read_bytes() == SDXL
    assert {0, 2} <= outcomes
    assert all(KEY not in str(path.read_bytes()) for path in site.root.iterdir())


def test_no_site_sees_the_key_of_another(site: Site, civitai: FakeCivitai, hub: FakeHub) -> None:
    """Whatever is asked for, and no answer of ours has it either."""
    site.add("mine.safetensors", SD1)
    told = [
        add(site, "civitai:9208@92080"),
        add(site, "cat-toy"),
        ended(site, post(site, "/identify")["id"]),
        post(site, "/search", source="civitai", text="easy"),
        post(site, "/search", source="concepts", text="cat"),
        site.get("/jobs"),
        site.get("/host"),
    ]
    assert "authorization" in civitai.asked[-1].headers
    assert all("authorization" not in each.headers for each in hub.asked)
    assert KEY not in f"{hub.asked}{told}"
    assert all(KEY not in f"{each.path}{each.query}{each.body!r}" for each in civitai.asked)


# Identifying


def test_unknown_files_are_identified(site: Site, civitai: FakeCivitai) -> None:
    """Only hashes are sent, and only of unknown files; what is known is kept beside them."""
    site.write("known.pt", SDXL)
    site.write("known.civitai.info", json.dumps({"id": 1, "modelId": 2, "files": []}))
    site.write("mine.json", json.dumps({"notes": "my words", "activation text": "w"}))
    id_ = site.add("mine.safetensors", SD1)
    found = ended(site, post(site, "/identify")["id"])
    assert found["result"] == {"asked": 1, "known": 1, "warnings": []}
    sent = [json.loads(asked.body) for asked in civitai.asked]
    assert sent == [[digest(SD1).upper()]] * 2
    entry = site.get(f"/entries/{id_}")
    assert (entry["notes"], entry["trigger_words"]) == ("my words", "w")
    assert entry["claims"]["title"] == "EasyNegative v1"
    again = ended(site, post(site, "/identify")["id"])
    assert again["result"]["asked"] == 0
    assert len(civitai.asked) == 2


def test_one_file_is_identified(site: Site, civitai: FakeCivitai) -> None:
    """Only one hash is sent, and the answer says where the site is wrong about the model."""
    site.write("other.pt", SDXL)
    civitai.add(20, ("mine.pt", SDXL))
    id_ = site.add("mine.pt", SDXL)
    found = ended(site, post(site, "/identify", ids=[id_])["id"])
    assert found["result"]["asked"] == 1
    (warning,) = found["result"]["warnings"]
    assert warning.startswith("mine: Civitai says SD 1.5, but the vectors are for SDXL")
    assert warning.removeprefix("mine: ") in site.get(f"/entries/{id_}")["warnings"]


# Searching


def test_a_search_and_its_pictures(site: Site, civitai: FakeCivitai) -> None:
    """Results have words by which their pictures come through us, and nobody can guess others."""
    civitai.refusals["/store/picture"] = Reply(200, picture((64, 64), "JPEG"))
    answer = post(site, "/search", source="civitai", text="neg", family="sd1", sort="Newest")
    (found,) = answer["found"]
    assert (found["title"], found["picture"], found["general"]) == ("EasyNegative v1", True, True)
    assert civitai.asked[0].query["nsfw"] == "false"
    shown = site.client.get(f"/offers/{found['word']}/picture")
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/webp")
    assert shown.content[8:12] == b"WEBP"
    before = len(civitai.asked)
    assert site.client.get(f"/offers/{found['word']}/picture").content == shown.content
    assert site.client.get(f"/offers/{'0' * 32}/picture").status_code == 404
    assert len(civitai.asked) == before


def test_concepts_are_searched(site: Site) -> None:
    """The details of a concept are fetched when a card asks for them."""
    (found,) = post(site, "/search", source="concepts", text="cat")["found"]
    assert site.get(f"/offers/{found['word']}") == {"kind": "object"}
    assert site.client.get(f"/offers/{found['word']}/picture").status_code == 200
    assert site.get(f"/offers/{'0' * 32}") == {"kind": None}


def test_a_picture_of_another_host_is_not_fetched(site: Site, civitai: FakeCivitai) -> None:
    """A site leads only to hosts of its own."""
    civitai.models[9208]["modelVersions"][0]["images"][0]["url"] = "https://evil.example/x.jpeg"
    (found,) = post(site, "/search", source="civitai", text="neg")["found"]
    assert site.client.get(f"/offers/{found['word']}/picture").status_code == 404


def test_what_is_not_for_everybody(site: Site, civitai: FakeCivitai) -> None:
    """It is marked, and asked for only where a person says so."""
    civitai.models[9208]["modelVersions"][0]["nsfwLevel"] = 8
    (found,) = post(site, "/search", source="civitai", text="neg", general=False)["found"]
    assert found["general"] is False
    assert civitai.asked[0].query["nsfw"] == "true"


def test_a_search_that_is_refused(site: Site, civitai: FakeCivitai) -> None:
    """The site's reason is the answer's."""
    civitai.refusals["/api/v1/models"] = as_json({"error": "busy"}, 503, Retry_After="2")
    response = site.client.post("/search", json={"source": "civitai", "text": "x"})
    assert (response.status_code, response.json()["detail"]) == (
        502,
        'Civitai has a problem (503) ("busy"): wait 2 seconds and try again',
    )


# Who may


WRITES: tuple[tuple[str, str, dict[str, Any] | None], ...] = (
    ("POST", "/add", {"reference": "civitai:9208@92080", "folder": "0:"}),
    ("POST", "/identify", {}),
    ("POST", "/search", {"source": "concepts", "text": ""}),
    ("GET", "/offers/0/picture", None),
)


@pytest.mark.parametrize(("method", "path", "body"), WRITES, ids=[path for _, path, _ in WRITES])
def test_pages_of_other_sites_ask_for_nothing(
    site: Site, civitai: FakeCivitai, method: str, path: str, body: object
) -> None:
    """No site can let this server ask another."""
    headers = {"Origin": "https://evil.example"}
    assert site.client.request(method, path, json=body, headers=headers).status_code == 403
    assert civitai.asked == []


@pytest.mark.parametrize(("method", "path", "body"), WRITES, ids=[path for _, path, _ in WRITES])
def test_a_setting_switches_it_off(
    site: Site, monkeypatch: pytest.MonkeyPatch, method: str, path: str, body: object
) -> None:
    """Then nobody is asked, and the page offers nothing of it."""
    assert [each["key"] for each in site.get("/host")["searchable"]] == ["concepts", "civitai"]
    monkeypatch.setattr("tests.web.FACTS", FACTS._replace(asks_sites=False))
    assert site.get("/host")["searchable"] == []
    response = site.client.request(method, path, json=body)
    assert (response.status_code, response.json()["detail"]) == (
        403,
        "asking other sites is switched off in the settings of this server",
    )


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/add", {"reference": "x"}),
        ("/add", {"reference": "x", "folder": 5}),
        ("/add", {"reference": "x" * 2_001, "folder": "0:"}),
        ("/add", {"reference": "x", "folder": "0:", "name": 5}),
        ("/add", {"reference": "x", "folder": "0:", "keep_wrong_hash": False}),
        ("/add", {"reference": "x", "folder": "0:", "by_token": "yes"}),
        ("/add", {"reference": "x", "folder": "0:", "more": 1}),
        ("/identify", {"ids": "x"}),
        ("/identify", {"ids": [5]}),
        ("/search", []),
        ("/search", {"source": "elsewhere", "text": "x"}),
        ("/search", {"source": "civitai", "text": 5}),
        ("/search", {"source": "civitai", "family": "sd9"}),
        ("/search", {"source": "civitai", "general": "yes"}),
    ],
    ids=str,
)
def test_wrong_bodies(site: Site, path: str, body: object) -> None:
    """Each gets one sentence."""
    response = site.client.post(path, json=body)
    assert response.status_code == 422
    assert isinstance(response.json()["detail"], str)


@pytest.mark.parametrize(("method", "path", "body"), WRITES, ids=[path for _, path, _ in WRITES])
def test_who_may_not_change_files(site: Site, method: str, path: str, body: object) -> None:
    """Such a client is refused with a reason, and no site is asked."""

    def refuse(_request: Request) -> None:
        raise HTTPException(403, "not from here")

    app = FastAPI()
    add_routes(app, site.library, lambda: FACTS, Door(check_may_change_files=refuse))
    client = Client(From(app, HERE), {})
    response = client.request(method, path, json=body)
    assert (response.status_code, response.json()["detail"]) == (403, "not from here")
    assert client.get("/host").json()["searchable"] == []


def test_jobs_are_among_the_events(site: Site) -> None:
    """A page that listens learns of every job that there is, and how far it comes."""
    jobs = Jobs()
    hold = threading.Event()

    def work(job: Job, _answer: object) -> dict[str, object]:
        hold.wait()
        job.show(5, 10)
        return {"id": None}

    async def stays() -> bool:
        return False

    async def listen() -> list[str]:
        stream = answers.stream(site.library, jobs, stays)
        async with contextlib.aclosing(stream):
            told = [await anext(stream)]
            hold.set()
            while '"done"' not in told[-1].split('"state": ')[-1][:8]:
                told.append(await anext(stream))
        return told

    jobs.begin("add", "x", work)
    first, *others = asyncio.run(listen())
    assert first.startswith("retry: ")
    assert "event: job\n" in first
    assert "event: generation\n" in first
    assert any('"done": 5, "total": 10' in each for each in others)


@pytest.mark.parametrize("may_change_files", [True, False])
def test_who_follows_jobs(
    site: Site, monkeypatch: pytest.MonkeyPatch, *, may_change_files: bool
) -> None:
    """A client that may not begin jobs cannot see any."""
    monkeypatch.setattr(answers, "LONGEST_SECONDS", 0.0)

    is_open = True

    def check(_request: Request) -> None:
        if not is_open:
            raise HTTPException(403, "not from here")

    app = FastAPI()
    add_routes(app, site.library, lambda: FACTS, Door(check_may_change_files=check))
    client = Client(From(app, HERE), {})
    client.post("/add", json={"reference": "secret/secret", "folder": "0:"})
    is_open = may_change_files
    assert ("secret" in client.get("/events").text) is may_change_files


def test_a_defect_of_ours_ends_one_job(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others go on, and the log says what was wrong."""
    monkeypatch.setattr(Sources, "resolve", lambda *_: 1 / 0)
    found = add(site, "civitai:9208@92080")
    assert (found["state"], found["reason"]) == ("failed", "unexpected error, see the log")


def test_too_many_jobs(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is an end to what one server takes on, and those that ended are forgotten."""
    monkeypatch.setattr(
        "lib_embeddings.web.jobs.LIMITS", replace(LIMITS, open_jobs=1, ended_jobs=2)
    )
    for _ in range(4):
        add(site, "")
    assert len(site.get("/jobs")["jobs"]) == 2
    site.add("easynegative.pt", SDXL)
    assert add(site, "civitai:9208@92080")["state"] == "asking"
    response = site.client.post("/add", json={"reference": "x", "folder": "0:"})
    assert (response.status_code, response.json()["detail"]) == (
        429,
        "1 jobs are already in progress: wait until one has ended",
    )
