"""What is known of files that Civitai has no longer, or is not asked about."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lib_embeddings.errors import NotFound, SourceError
from lib_embeddings.limits import Limits
from lib_embeddings.sources import offline
from lib_embeddings.sources.offline import UnknownFiles
from lib_embeddings.sources.settings import SourceSettings
from lib_embeddings.sources.sources import Sources
from tests.builders import safetensors_file
from tests.sources.conftest import Start
from tests.sources.fakes import FakeCivitai, FakeHub, FakeSite, Reply, as_json, digest

GOOD = safetensors_file()
DIGEST = digest(GOOD)
MIRROR = "someone/mirror/resolve/main/fox.safetensors"


@pytest.fixture
def civitai(start: Start[FakeSite]) -> FakeCivitai:
    """Return a Civitai that has nothing."""
    fake = FakeCivitai()
    start(fake)
    return fake


@pytest.fixture
def hub(start: Start[FakeSite]) -> FakeHub:
    """Return a hub on which somebody keeps a copy."""
    fake = FakeHub()
    start(fake)
    fake.repos["someone/mirror"] = {"fox.safetensors": GOOD}
    return fake


@pytest.fixture
def archive(start: Start[FakeSite]) -> FakeSite:
    """Return a CivArchive that has nothing."""
    return start(FakeSite())


Open = Callable[..., Sources]


@pytest.fixture
def opened(tmp_path: Path, civitai: FakeCivitai, hub: FakeHub, archive: FakeSite) -> Open:
    """Return what opens the sources of a person with some settings."""

    def sources(more: str = "") -> Sources:
        path = tmp_path / "sources.ini"
        path.write_text(
            f"[civitai]\naddress = {civitai.url}\n{more}\n[huggingface]\naddress = {hub.url}\n"
            f"[civarchive]\naddress = {archive.url}\n"
        )
        path.chmod(0o600)
        return Sources(SourceSettings(str(path), {}))

    return sources


# CivArchive


def answer(url: str, **fields: Any) -> dict[str, Any]:
    """Return what CivArchive answers, as LoRA Manager's client reads it."""
    gone = {"url": "https://civitai.com/x", "filename": "x.pt", "deletedAt": "2025-01-01"}
    copy = {"url": url, "filename": "fox.safetensors", "deletedAt": None}
    file = {"id": 1, "name": "fox", "type": "Model", "sizeKB": 3.1, "sha256": DIGEST}
    version = {
        "id": 770,
        "name": "v2",
        "baseModel": "SD 1.5",
        "trigger": ["fox"],
        "files": [{**file, "downloadUrl": None, "mirrors": [gone, copy]}],
    }
    model = {"id": 77, "name": "Fox", "type": "TextualInversion", "tags": ["animal"]}
    return {**model, "is_nsfw": False, "creator_username": "ann", "version": version, **fields}


@pytest.mark.parametrize("wrap", [dict, lambda told: {"data": told}, lambda told: {"model": told}])
def test_a_file_that_civitai_has_no_longer(
    opened: Open,
    archive: FakeSite,
    hub: FakeHub,
    folder: Path,
    wrap: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    """Its hash leads to where a copy is, and what was said of it comes along."""
    archive.answer = lambda _asked: as_json(wrap(answer(f"{hub.url}/{MIRROR}")))
    sources = opened()
    (offer,) = sources.resolve(DIGEST)
    assert [each.path for each in archive.asked] == [f"/api/sha256/{DIGEST}"]
    assert (offer.source, offer.title, offer.author) == ("CivArchive", "Fox v2", "ann")
    assert (offer.base_model, offer.families, offer.trigger_words, offer.tags) == (
        *("SD 1.5", ("sd1",)),
        *(("fox",), ("animal",)),
    )
    sources.downloads.add(offer, offer.files[0], str(folder))
    assert (folder / "fox.safetensors").read_bytes() == GOOD
    written = json.loads((folder / "fox.json").read_text())
    assert (written["modelId"], written["modelVersionId"]) == (77, 770)
    assert written["source"]["page"].endswith(f"/sha256/{DIGEST}")


@pytest.mark.parametrize("url", ["http://10.0.0.1/fox.pt", "https://elsewhere.example/fox.pt", 7])
def test_a_copy_that_is_elsewhere(opened: Open, archive: FakeSite, url: Any) -> None:
    """No other site is asked for it; a person may open its page."""
    archive.answer = lambda _asked: as_json(answer(url))
    with pytest.raises(SourceError, match="lists no site that we can download from: open http"):
        opened().resolve(DIGEST)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(404),
        Reply(503),
        as_json({}),
        as_json([1]),
        as_json({"version": {"files": [{"sha256": "ab" * 32}]}}),
    ],
)
def test_what_nobody_knows(opened: Open, archive: FakeSite, reply: Reply) -> None:
    """The sentence is Civitai's, whatever CivArchive says."""
    archive.answer = lambda _asked: reply
    with pytest.raises(NotFound, match="Civitai does not have it"):
        opened().resolve(DIGEST)


def test_a_model_that_civitai_has_no_longer(
    opened: Open, archive: FakeSite, hub: FakeHub, folder: Path
) -> None:
    """Its number leads to a copy; another version is none of it."""
    archive.answer = lambda _asked: as_json(answer(f"{hub.url}/{MIRROR}"))
    sources = opened()
    (offer,) = sources.resolve("civitai:77@770")
    assert [(each.path, each.query) for each in archive.asked] == [
        ("/api/models/77", {"modelVersionId": "770"})
    ]
    sources.downloads.add(offer, offer.files[0], str(folder))
    assert (folder / "fox.safetensors").read_bytes() == GOOD
    with pytest.raises(NotFound, match=r"Civitai does not have it.*; CivArchive does not have it"):
        sources.resolve("civitai:77@771")


@pytest.mark.parametrize("status", [404, 410])
def test_a_file_that_civitai_gives_no_longer(  # noqa: PLR0913, PLR0917 - all who take part
    opened: Open,
    civitai: FakeCivitai,
    archive: FakeSite,
    hub: FakeHub,
    folder: Path,
    status: int,
) -> None:
    """The same bytes come from where CivArchive knows them, which is said."""
    civitai.add(770, ("fox.safetensors", GOOD))
    civitai.refusals["/api/download/models/770"] = as_json({"error": "Model archived"}, status)
    archive.answer = lambda _asked: as_json(answer(f"{hub.url}/{MIRROR}"))
    sources = opened(f"token = {civitai.key}")
    (offer,) = sources.resolve("civitai:77@770")
    download = sources.downloads.add(offer, offer.files[0], str(folder))
    assert download.warnings == ("Civitai no longer has it: it came from Hugging Face",)
    assert (folder / "fox.safetensors").read_bytes() == GOOD
    assert json.loads((folder / "fox.json").read_text())["modelVersionId"] == 770


@pytest.mark.parametrize(
    ("reply", "end"),
    [
        (Reply(404), "; CivArchive does not have it either"),
        (Reply(503), ": ask the author"),
        (as_json(answer("https://elsewhere.example/x.pt")), "with your browser"),
        (as_json(answer("{civitai}/api/download/models/770")), ": ask the author"),
    ],
)
def test_a_file_that_nobody_gives(  # noqa: PLR0913, PLR0917 - likewise
    opened: Open, civitai: FakeCivitai, archive: FakeSite, folder: Path, reply: Reply, end: str
) -> None:
    """It is said who was asked, and what to do; nothing is kept."""
    body = reply.body if isinstance(reply.body, bytes) else b""
    reply = replace(reply, body=body.replace(b"{civitai}", civitai.url.encode()))
    civitai.add(770, ("fox.safetensors", GOOD))
    civitai.refusals["/api/download/models/770"] = as_json({"error": "Model archived"}, 410)
    archive.answer = lambda _asked: reply
    sources = opened(f"token = {civitai.key}")
    (offer,) = sources.resolve("civitai:77@770")
    with pytest.raises(SourceError) as caught:
        sources.downloads.add(offer, offer.files[0], str(folder))
    assert str(caught.value).endswith(end)
    assert list(folder.iterdir()) == []


def test_only_whole_hashes_are_asked_there(opened: Open, archive: FakeSite) -> None:
    """The beginning of one is no address of it, nor is a version alone; it is said what is."""
    for reference in (DIGEST[:10], DIGEST[:12], "https://civitai.com/api/download/models/1"):
        with pytest.raises(NotFound) as caught:
            opened().resolve(reference)
        assert "Civitai does not have it" in str(caught.value)
        assert str(caught.value).endswith(
            "; CivArchive may have it, and is asked with a whole SHA-256 of 64 digits or the link "
            "of a model: give one of these"
        )
    for reference in ("nobody/nothing", "<cat-toy>"):
        with pytest.raises(NotFound, match=r"^(?!.*CivArchive)"):
            opened().resolve(reference)
    assert archive.asked == []


# A dump


def write_dump(path: Path, *hashes: str) -> None:
    """Write a dump of Civitai with a version for each hash, as LoRA Manager reads one."""
    with closing(sqlite3.connect(path)) as dump, dump:
        dump.executescript("""
            CREATE TABLE models(id INTEGER, name, type, data, username);
            CREATE TABLE model_versions(
                id, model_id, name, base_model, data, position, published_at
            );
            CREATE TABLE model_files(sha256, model_id, version_id, type, data);
        """)
        for number, known in enumerate(hashes, 1):
            told = json.dumps({"trainedWords": [f"w{number}"], "description": "<p>old</p>"})
            model = (number, f"Fox {number}", "TextualInversion", '{"tags": ["animal"]}', "ann")
            dump.execute("INSERT INTO models VALUES (?, ?, ?, ?, ?)", model)
            version = (10 * number, number, "v1", "SD 1.5", told, 0, None)
            dump.execute("INSERT INTO model_versions VALUES (?, ?, ?, ?, ?, ?, ?)", version)
            file = (known.upper(), number, 10 * number, "Model", "not JSON")
            dump.execute("INSERT INTO model_files VALUES (?, ?, ?, ?, ?)", file)


def fake_hashes(count: int) -> Sequence[str]:
    return [f"{number:064x}" for number in range(count)]


def test_a_dump_is_asked_before_civitai(opened: Open, civitai: FakeCivitai, tmp_path: Path) -> None:
    """Files in the dump cost no request; the others are asked for as before."""
    path, hashes = tmp_path / "civitai.sqlite", fake_hashes(2_000)
    write_dump(path, *hashes)
    sources = opened(f"dump = {path}")
    found = sources.identify(hashes)
    assert civitai.asked == []
    assert list(found) == hashes
    offer = found[hashes[6]]
    assert (offer.title, offer.author, offer.trigger_words) == ("Fox 7 v1", "ann", ("w7",))
    assert (offer.base_model, offer.description, offer.tags) == ("SD 1.5", "old", ("animal",))
    assert offer.page == f"{civitai.url}/models/7?modelVersionId=70"
    civitai.add(10, ("cat.safetensors", GOOD))
    assert list(sources.identify([hashes[0], DIGEST])) == [hashes[0], DIGEST]
    assert [json.loads(each.body) for each in civitai.asked] == [[DIGEST.upper()]] * 2


@pytest.mark.parametrize("content", [b"", b"no database", None])
def test_a_dump_that_is_none(opened: Open, tmp_path: Path, content: bytes | None) -> None:
    """It is said, and it is not made."""
    path = tmp_path / "civitai.sqlite"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError, match="cannot be read as a dump of Civitai"):
        opened(f"dump = {path}").identify([DIGEST])
    assert path.exists() is (content is not None)
    with pytest.raises(SourceError, match="cannot be read as a dump of Civitai"):
        opened("dump = relative/path").identify([DIGEST])


# What Civitai did not know


def test_what_is_unknown_is_not_asked_for_again(opened: Open, civitai: FakeCivitai) -> None:
    """Not before some weeks have passed, or somebody says so; what is sent is said before."""
    sent: list[int] = []
    hashes = fake_hashes(10_000)
    assert opened().identify(hashes, sending=sent.append) == {}
    assert opened().identify(hashes, sending=sent.append) == {}
    assert (len(civitai.asked), sent) == (1, [10_000])
    assert opened().identify(hashes[:5], is_again=True, sending=sent.append) == {}
    assert (len(civitai.asked), sent) == (2, [10_000, 5])


def test_what_was_unknown_long_ago(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is forgotten after some weeks, and the oldest where there are too many."""
    unknown, hashes = UnknownFiles(str(tmp_path / "unknown.json")), fake_hashes(4)
    monkeypatch.setattr(offline, "LIMITS", Limits(unknown_files=2))
    unknown.note(hashes[:3], {})
    assert unknown.left_out(hashes) == [hashes[0], hashes[3]]
    unknown.note(hashes[1:2], hashes[1:2])
    assert unknown.left_out(hashes) == [hashes[0], hashes[1], hashes[3]]
    later = time.time() + 31 * 86_400
    monkeypatch.setattr(time, "time", lambda: later)
    assert unknown.left_out(hashes) == hashes


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": null}', "7"])
def test_a_damaged_list_of_them(tmp_path: Path, content: str) -> None:
    """It counts as empty, and is written anew."""
    (tmp_path / "unknown.json").write_text(content)
    unknown = UnknownFiles(str(tmp_path / "unknown.json"))
    assert unknown.left_out(["a"]) == ["a"]
    unknown.note(["a"], {})
    assert unknown.left_out(["a", "b"]) == ["b"]
    assert os.listdir(tmp_path) == ["unknown.json"]
