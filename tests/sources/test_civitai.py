"""Civitai, as its documents describe it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from lib_embeddings.entries.claims import claims_in
from lib_embeddings.errors import NotFound, SourceError
from lib_embeddings.limits import LIMITS
from lib_embeddings.sources.civitai import CIVITAI, Civitai
from lib_embeddings.sources.references import (
    CivitaiModel,
    CivitaiPicture,
    CivitaiVersion,
    Concept,
    FileHash,
    Reference,
)
from lib_embeddings.sources.source import Offer, SearchRequest
from lib_embeddings.sources.transport import Transport
from tests.builders import safetensors_file, vectors
from tests.sources.conftest import Start
from tests.sources.fakes import FakeCivitai, FakeSite, Reply, as_json, digest

GOOD = safetensors_file()
OTHER = safetensors_file({"emb_params": vectors(2)})


@pytest.fixture
def site(start: Start[FakeSite]) -> FakeCivitai:
    """Return a Civitai with one embedding."""
    fake = FakeCivitai()
    start(fake)
    fake.add(92080, ("easynegative.safetensors", GOOD))
    return fake


def civitai(*sites: FakeSite) -> Civitai:
    """Return what asks some fakes, one after the other."""
    addresses = tuple(each.url for each in sites)
    return Civitai(Transport(), replace(CIVITAI, addresses=addresses, is_mirror=True))


def resolve(site: FakeSite, reference: Reference) -> Offer:
    """Return the one offer that a reference means."""
    (offer,) = civitai(site).resolve(reference) or ()
    return offer


@pytest.mark.parametrize(
    "reference",
    [
        CivitaiModel(9208),
        CivitaiModel(9208, 92080),
        CivitaiVersion(92080),
        CivitaiVersion(92080, 1),
        FileHash(digest(GOOD)),
        FileHash(digest(GOOD)[:10]),
        FileHash(digest(GOOD)[:12]),
    ],
    ids=str,
)
def test_every_reference_finds_the_file(site: FakeCivitai, reference: Reference) -> None:
    """A model, a version, a file and a hash lead to the same; no address of an answer is used."""
    offer = resolve(site, reference)
    (file,) = offer.files
    assert (offer.source, offer.title) == ("Civitai", "EasyNegative v1")
    assert offer.page == f"{site.url}/models/9208?modelVersionId=92080"
    assert (offer.trigger_words, offer.base_model) == (("easynegative",), "SD 1.5")
    assert offer.families == ("sd1",)
    assert offer.description == "Use it well"
    assert offer.ids == (("modelId", 9208), ("modelVersionId", 92080))
    assert file.url == f"{site.url}/api/download/models/92080?fileId=1"
    assert file.filename == "easynegative.safetensors"
    assert (file.size, file.sha256) == (len(GOOD), digest(GOOD))
    assert (file.field, file.scan) == (None, "pickle: Success, virus: Success")
    assert len(site.asked) == 1


def test_only_a_model_tells_its_author(site: FakeCivitai) -> None:
    """The author is named where Civitai names one."""
    assert resolve(site, CivitaiModel(9208)).author == "someone"
    assert resolve(site, CivitaiVersion(92080)).author is None


def test_the_newest_version_or_the_wanted_one(site: FakeCivitai) -> None:
    """A model brings its first version, which is the newest, unless one is named."""
    site.add(92081, ("easynegative2.safetensors", OTHER), name="v2")
    site.models[9208]["modelVersions"].reverse()
    assert resolve(site, CivitaiModel(9208)).title == "EasyNegative v2"
    assert resolve(site, CivitaiModel(9208, 92080)).title == "EasyNegative v1"
    with pytest.raises(NotFound, match="Civitai has no version 5 of model 9208"):
        resolve(site, CivitaiModel(9208, 5))
    site.models[9208]["modelVersions"].clear()
    with pytest.raises(NotFound, match="Civitai has no version of model 9208"):
        resolve(site, CivitaiModel(9208))


def test_both_files_of_a_version(site: FakeCivitai) -> None:
    """The positive and the negative embedding of a version come; each in its best container."""
    site.add(
        10,
        ("fox.pt", b"1", {"type": "Model", "primary": True}),
        ("fox.safetensors", b"2", {"type": "Model", "primary": False}),
        ("fox-neg.pt", b"3", {"type": "Negative"}),
        ("fox.zip", b"4", {"type": "Training Data"}),
        ("fox.yaml", b"5", {"type": "Config"}),
    )
    offer = resolve(site, CivitaiVersion(10))
    found = [(file.filename, file.field) for file in offer.files]
    assert found == [("fox.safetensors", None), ("fox-neg.pt", "negative")]


def test_a_hash_brings_its_own_file_only(site: FakeCivitai) -> None:
    """A hash means one file of a version."""
    site.add(10, ("fox.pt", GOOD[:-1]), ("fox-neg.pt", OTHER, {"type": "Negative"}))
    (file,) = resolve(site, FileHash(digest(OTHER)[:12])).files
    assert file.filename == "fox-neg.pt"
    wrong = digest(OTHER)[:10] + ("00" if digest(OTHER)[10:12] != "00" else "11")
    with pytest.raises(NotFound, match=f"Civitai has no file with the hash {wrong}"):
        resolve(site, FileHash(wrong))


def test_a_picture(site: FakeCivitai) -> None:
    """The link of a picture brings the embeddings that it was made with."""
    site.pictures[5] = {
        "id": 5,
        "meta": {
            "civitaiResources": [
                {"type": "checkpoint", "modelVersionId": 1},
                {"type": "embed", "modelVersionId": 92080, "weight": 1},
                {"type": "embed"},
                "embed",
            ]
        },
    }
    assert resolve(site, CivitaiPicture(5)).title == "EasyNegative v1"
    assert site.asked[0].query == {"imageId": "5", "withMeta": "true"}
    site.pictures[6] = {"id": 6, "meta": None}
    for picture in (6, 7):
        with pytest.raises(NotFound, match=f"names no embedding for picture {picture}"):
            resolve(site, CivitaiPicture(picture))


def test_what_is_no_embedding(site: FakeCivitai) -> None:
    """The link of a LoRA is refused before anything is downloaded."""
    site.add(20, ("fox.safetensors", GOOD), model={"type": "LORA", "name": "Fox"})
    for reference in (CivitaiModel(2), CivitaiVersion(20)):
        with pytest.raises(SourceError, match="Civitai calls this a LORA, not an embedding"):
            resolve(site, reference)


def test_a_version_without_files(site: FakeCivitai) -> None:
    """An archived model has no files left."""
    site.add(30)
    with pytest.raises(NotFound, match="Civitai has no file of an embedding in EasyNegative v1"):
        resolve(site, CivitaiVersion(30))


def test_the_other_address(site: FakeCivitai, start: Start[FakeSite]) -> None:
    """A file that the first address lacks comes from the second one."""
    first = start(FakeCivitai())
    (offer,) = civitai(first, site).resolve(CivitaiVersion(92080)) or ()
    assert offer.page.startswith(site.url)
    assert offer.files[0].url.startswith(site.url)
    assert len(first.asked) == len(site.asked) == 1
    with pytest.raises(NotFound):
        civitai(first, site).resolve(CivitaiVersion(5))


def test_a_model_that_hides(site: FakeCivitai) -> None:
    """A model that is not found is found by its version."""
    site.refusals["/api/v1/models/9208"] = as_json({"error": "Not found"}, 404)
    assert resolve(site, CivitaiModel(9208, 92080)).title == "EasyNegative v1"
    with pytest.raises(NotFound):
        resolve(site, CivitaiModel(9208))


def test_others_have_other_references(site: FakeCivitai) -> None:
    """References to other sites are left to others."""
    assert civitai(site).resolve(Concept("cat-toy")) is None
    assert site.asked == []


@pytest.mark.parametrize(
    "document",
    [None, [], 5, "x", {}, {"files": 5}, {"files": [None, {}]}, {"id": "x", "model": []}],
)
def test_answers_of_another_shape(site: FakeCivitai, document: object) -> None:
    """Any other JSON leads to a sentence."""
    site.answer = lambda _: as_json(document)
    for reference in (CivitaiModel(1), CivitaiVersion(1), FileHash("0" * 10), CivitaiPicture(1)):
        with pytest.raises(SourceError):
            resolve(site, reference)
    assert civitai(site).identify(["0" * 64]) == {}
    assert civitai(site).search(SearchRequest("x")).offers == ()


@pytest.mark.parametrize("size", ["NaN", "Infinity", "1e999", "-1", '"5"', "null", "true"])
def test_values_that_are_none(site: FakeCivitai, size: str) -> None:
    """Numbers that count nothing and texts that are none spoil no answer."""
    version = (
        '{"id": 7, "modelId": true, "name": "a\\ud800", "trainedWords": ["\\ud800", 5, ""],'
        f'"files": [{{"id": -1, "name": "a.pt", "sizeKB": {size}, "hashes": null}}]}}'
    )
    site.answer = lambda _: Reply(200, version.encode())
    offer = resolve(site, CivitaiVersion(1))
    assert offer.title == r"a\ud800"
    assert (offer.trigger_words, offer.ids) == ((r"\ud800",), (("modelVersionId", 7),))
    assert (offer.files[0].size or 0) in (0, 1024)
    assert offer.files[0].url == f"{site.url}/api/download/models/7"
    site.answer = lambda _: Reply(200, version.replace('"id": 7', '"id": 7.5').encode())
    with pytest.raises(NotFound):
        resolve(site, CivitaiVersion(1))


@pytest.mark.parametrize("lie", ["../../x", "0" * 63, "0" * 65, "g" * 64, "\u0660" * 64, 5, None])
def test_hashes_that_are_none(site: FakeCivitai, lie: object) -> None:
    """Only a SHA-256 is taken for one, as our files are named after it."""
    site.add(10, ("fox.pt", GOOD, {"hashes": {"SHA256": lie}}))
    assert resolve(site, CivitaiVersion(10)).files[0].sha256 is None


# Identify


def test_many_files_cost_few_requests(site: FakeCivitai) -> None:
    """10,000 unknown files cost one request, and one more for each 100 that are known."""
    known = {digest(bytes([1, number])): bytes([1, number]) for number in range(250)}
    for number, data in enumerate(known.values()):
        site.add(1000 + number * 10, (f"e{number}.pt", data))
    unknown = [digest(b"0%d" % number) for number in range(9_750)]
    found = civitai(site).identify([*unknown, *known])
    assert found.keys() == known.keys()
    assert found[digest(bytes([1, 7]))].page.endswith("?modelVersionId=1070")
    assert site.paths == ["/api/v1/model-versions/by-hash/ids"] + 3 * [
        "/api/v1/model-versions/by-hash"
    ]
    sent = [json.loads(asked.body) for asked in site.asked]
    assert [len(each) for each in sent] == [10_000, 100, 100, 50]
    assert set(sent[0]) == {each.upper() for each in (*unknown, *known)}


def test_more_than_a_request_takes(site: FakeCivitai) -> None:
    """Many files take several requests; twins are asked about once."""
    hashes = [digest(b"%d" % number) for number in range(10_001)]
    assert civitai(site).identify([*hashes, *hashes]) == {}
    assert [len(json.loads(asked.body)) for asked in site.asked] == [10_000, 1]


def test_nothing_to_identify(site: FakeCivitai) -> None:
    """Nobody is asked about nothing."""
    assert civitai(site).identify([]) == {}
    assert site.asked == []


def test_what_was_not_asked_for_is_not_believed(site: FakeCivitai) -> None:
    """A site cannot name files that were not asked for."""
    site.answer = lambda _: as_json([{"hash": digest(OTHER)}])
    assert civitai(site).identify([digest(GOOD)]) == {}
    assert len(site.asked) == 1


# Search


def test_search(site: FakeCivitai) -> None:
    """A search asks for embeddings of a family, and goes on where it ended."""
    site.add(50, ("other.pt", OTHER), model={"name": "Other"})
    first = civitai(site).search(SearchRequest("neg", "sd1", "Newest", 1))
    assert [offer.title for offer in first.offers] == ["EasyNegative v1"]
    assert site.asked[0].query == {
        "types": "TextualInversion",
        "query": "neg",
        "limit": "1",
        "nsfw": "false",
        "baseModels": "SD 1.4,SD 1.5,SD 1.5 LCM,SD 1.5 Hyper",
        "sort": "Newest",
    }
    second = civitai(site).search(SearchRequest("neg", cursor=first.cursor))
    assert [offer.title for offer in second.offers] == ["Other v1"]
    assert second.cursor is None
    with pytest.raises(SourceError, match="no embeddings for sdxl-refiner"):
        civitai(site).search(SearchRequest("neg", "sdxl-refiner"))


def test_what_the_vectors_contradict(site: FakeCivitai) -> None:
    """A contradiction between Civitai and the file is reported; an unknown word is none."""
    offer = resolve(site, CivitaiVersion(92080))
    assert offer.contradiction(["clip_l"]) is None
    assert offer.contradiction(["clip_l", "clip_g"]) == (
        "Civitai says SD 1.5, but the vectors are for SDXL (clip_l 768 + clip_g 1280)"
    )
    assert replace(offer, base_model="Chroma", families=()).contradiction(["clip_l"]) is None


def test_a_description_is_text(site: FakeCivitai) -> None:
    """Nothing of a page but its text is taken."""
    html = "<h2>A&amp;B</h2><p>one<br>two</p><style>x{}</style><SCRIPT>if(a<b)bad()</Script><li>3"
    site.add(11, ("fox.pt", GOOD), description=html)
    assert resolve(site, CivitaiVersion(11)).description == "A&B\none\ntwo\n3"


@pytest.mark.parametrize(
    "version",
    [
        {"modelId": 1, "id": 10, "files": []},
        {
            "id": 10,
            "modelId": 1,
            "name": " v2 ",
            "baseModel": "Pony",
            "trainedWords": ["fox", " red fox ", 5],
            "description": "<p>of the version</p>",
            "nsfwLevel": 1,
            "creator": {"username": "ann"},
            "model": {
                "name": "Fox",
                "description": "of the model",
                "nsfwLevel": 31,
                "tags": ["animal", {"name": "photo"}],
            },
            "files": [
                {
                    "name": "fox.pt",
                    "type": "Negative",
                    "hashes": {"SHA256": "A" * 64},
                    "virusScanResult": "Success",
                }
            ],
        },
        {"modelId": "a sentence", "files": None, "trainedWords": "fox", "model": [], "nsfw": "X"},
    ],
)
def test_an_answer_is_read_as_what_lies_beside_a_file(version: dict[str, Any]) -> None:
    """Programs write Civitai's answers beside files: what it says is the same in both places."""
    offer = civitai().offer(version, "https://civitai.com")
    said = claims_in(version, "fox.pt", None)
    assert said is not None
    assert offer.title == (said.title or f"version {version.get('id')}")
    assert (offer.page, offer.source) == (said.page, said.tool)
    assert (offer.base_model or "", offer.author or "") == (said.base_model, said.author)
    assert ", ".join(offer.trigger_words) == said.trigger_words
    assert (offer.description, offer.tags) == (said.description, said.tags)
    assert (offer.is_general, offer.families) == (said.is_general, said.families)
    for file in offer.files:
        assert (file.sha256, file.field, file.scan or "") == (said.sha256, said.field, said.scan)


def test_long_texts_are_cut(site: FakeCivitai) -> None:
    """A site's texts are taken up to a bound."""
    site.add(10, ("fox.pt", GOOD), description="x" * 1_000_000, trainedWords=["y" * 1_000_000])
    offer = resolve(site, CivitaiVersion(10))
    assert len(offer.description) == len(offer.trigger_words[0]) == LIMITS.text_characters
