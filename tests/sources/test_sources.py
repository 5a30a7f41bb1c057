"""All sources together, as a person set them up."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from lib_embeddings.errors import NotFound, SourceError
from lib_embeddings.sources import sources as module
from lib_embeddings.sources.civitai import CIVITAI
from lib_embeddings.sources.huggingface import HUGGING_FACE
from lib_embeddings.sources.references import WebAddress
from lib_embeddings.sources.settings import SourceSettings
from lib_embeddings.sources.source import SearchRequest
from lib_embeddings.sources.sources import PlainAddress, Sources
from lib_embeddings.sources.transport import Transport
from tests.builders import safetensors_file
from tests.sources.conftest import Start
from tests.sources.fakes import FakeCivitai, FakeHub, FakeSite, Names, Reply, Store, digest, serve

GOOD = safetensors_file()


def settings(**environment: str) -> SourceSettings:
    """Return settings that are in no file."""
    return SourceSettings(os.devnull, environment)


@pytest.mark.usefixtures("internet")
def test_the_whole_way_from_civitai(
    start: Start[FakeSite], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link brings the file out of the store, and the key is seen by Civitai alone."""
    civitai, store = FakeCivitai(has_tls=True), Store(has_tls=True)
    start(civitai)
    start(store)
    civitai.store = (store, f"https://b.r2.cloudflarestorage.com:{store.port}")
    civitai.add(92080, ("easynegative.safetensors", GOOD, {"type": "Negative"}))
    address = f"https://civitai.com:{civitai.port}"
    monkeypatch.setattr(module, "CIVITAI", replace(CIVITAI, addresses=(address,)))
    monkeypatch.setattr(module, "Transport", lambda closed: Transport(closed, Names()))
    sources = Sources(settings(CIVITAI_TOKEN=FakeCivitai.key))
    (offer,) = sources.resolve("https://civitai.red/models/9208/easynegative")
    (file,) = offer.files
    download = sources.downloads.add(offer, file, str(folder))
    assert download.place.filename == "easynegative.safetensors"
    assert (folder / "easynegative.safetensors").read_bytes() == GOOD
    assert [each.path for each in civitai.asked] == [
        "/api/v1/models/9208",
        "/api/download/models/92080",
    ]
    assert FakeCivitai.key not in str(store.asked)
    assert FakeCivitai.key not in (folder / "easynegative.json").read_text()
    assert "s3cret" not in (folder / "easynegative.json").read_text()


@pytest.mark.usefixtures("internet")
def test_the_whole_way_from_hugging_face(
    start: Start[FakeSite], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token's name brings the concept with one request for it and one for the file."""
    hub, store = FakeHub(has_tls=True), Store(has_tls=True)
    start(hub)
    start(store)
    hub.token = "hf_0123456789"
    hub.store = (store, f"https://cdn-lfs-us-1.hf.co:{store.port}")
    hub.repos["sd-concepts-library/cat-toy"] = {"learned_embeds.bin": GOOD}
    address = f"https://huggingface.co:{hub.port}"
    monkeypatch.setattr(module, "HUGGING_FACE", replace(HUGGING_FACE, addresses=(address,)))
    monkeypatch.setattr(module, "Transport", lambda closed: Transport(closed, Names()))
    sources = Sources(settings(HF_TOKEN=hub.token))
    (offer,) = sources.resolve("<cat-toy>")
    sources.downloads.add(offer, offer.files[0], str(folder))
    assert sorted(os.listdir(folder)) == ["cat-toy.bin", "cat-toy.json"]
    assert [len(hub.asked), len(store.asked)] == [2, 1]
    assert hub.token not in str(store.asked)


@pytest.mark.usefixtures("internet")
@pytest.mark.parametrize(
    ("path", "disposition", "filename", "n_requests"),
    [
        ("/files/fox%20a.pt?key=s3cret", None, "fox a.pt", 0),
        ("/get?id=5&key=s3cret", 'attachment; filename="fox.pt"', "fox.pt", 1),
        ("/get?id=5", "attachment; filename*=UTF-8''f%C3%B6x.pt", "föx.pt", 1),
        ("/get?id=5", 'attachment; filename="../../fox.pt"', "../../fox.pt", 1),
        ("/get", None, "get", 1),
    ],
)
def test_any_address(
    start: Start[FakeSite], path: str, disposition: str | None, filename: str, n_requests: int
) -> None:
    """A file is called as its address says, or as its site says; nothing of a key is kept."""
    headers = {"Content-Disposition": disposition} if disposition else {}
    site = start(FakeSite(lambda _: Reply(200, GOOD, headers), has_tls=True))
    url = f"https://example.com:{site.port}{path}"
    (offer,) = PlainAddress(Transport(find=Names())).resolve(WebAddress(url)) or ()
    (file,) = offer.files
    assert (file.filename, file.url, len(site.asked)) == (filename, url, n_requests)
    assert "s3cret" not in offer.page + offer.title
    assert repr(file.site.token) == "None"


@pytest.mark.usefixtures("internet")
def test_an_address_that_has_nothing(start: Start[FakeSite]) -> None:
    """A missing file is reported before anything is downloaded."""
    site = start(FakeSite(has_tls=True))
    address = WebAddress(f"https://example.com:{site.port}/get")
    with pytest.raises(NotFound, match=r"example\.com does not have it"):
        PlainAddress(Transport(find=Names())).resolve(address)


def test_an_address_inside_the_network() -> None:
    """Nothing is fetched from inside a person's own network."""
    sources = Sources(settings())
    for url in ("https://127.0.0.1/a.pt", "https://localhost/a.pt", "https://[::1]/a.pt"):
        (offer,) = sources.resolve(url)
        with pytest.raises(SourceError, match="an address inside a private network"):
            sources.downloads.add(offer, offer.files[0], ".")


def test_a_closed_door(tmp_path: Path) -> None:
    """If a person wants no requests, none is made."""
    path = tmp_path / "sources.ini"
    path.write_text("[sources]\noffline = yes\n")
    sources = Sources(SourceSettings(str(path), {}))
    for ask in (
        lambda: sources.resolve("https://civitai.com/models/1"),
        lambda: sources.identify(["0" * 64]),
        lambda: sources.search("concepts", SearchRequest("cat")),
    ):
        with pytest.raises(SourceError, match="says offline = yes: no site is contacted"):
            ask()


def test_several_at_once(start: Start[FakeSite], folder: Path, tmp_path: Path) -> None:
    """Downloads in several threads do not meet; of one file, one gets the name."""
    hub = FakeHub()
    start(hub)
    hub.repos["me/all"] = {f"{number}.pt": GOOD + bytes([number]) for number in range(4)}
    hub.answer, answer = (
        lambda asked: serve(GOOD, asked) if "resolve" in asked.steps else answer(asked),
        hub.answer,
    )
    hub.repos["me/all"] = {f"{number}.pt": GOOD for number in range(4)}
    sources = Sources(settings(HF_ENDPOINT=hub.url), folder=str(tmp_path / "own"))
    (offer,) = sources.resolve("me/all")
    assert {file.sha256 for file in offer.files} == {digest(GOOD)}
    threads = [
        threading.Thread(target=sources.downloads.add, args=(offer, file, str(folder)))
        for file in offer.files
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(os.listdir(folder)) == sorted(
        f"{number}{suffix}" for number in range(4) for suffix in (".pt", ".json")
    )
    assert os.listdir(tmp_path / "own") == []
