"""Hugging Face, as its documents describe it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from lib_embeddings.errors import NotFound, SourceError
from lib_embeddings.limits import LIMITS
from lib_embeddings.sources.concepts import ConceptLibrary
from lib_embeddings.sources.huggingface import HUGGING_FACE, HuggingFace
from lib_embeddings.sources.references import CivitaiModel, Concept, HubPath, Reference
from lib_embeddings.sources.source import Offer, SearchRequest
from lib_embeddings.sources.transport import Transport
from tests.builders import safetensors_file, vectors
from tests.effort import effort
from tests.sources.conftest import Start
from tests.sources.fakes import FakeHub, FakeSite, Reply, as_json, digest

LEARNED = safetensors_file({"<cat-toy>": vectors()})
SDXL = safetensors_file({"clip_l": vectors(), "clip_g": vectors(1, 1280)})
CAT = "sd-concepts-library/cat-toy"
XL = "gsdf/CounterfeitXL"


@pytest.fixture
def hub(start: Start[FakeSite]) -> FakeHub:
    """Return a hub with a concept and an ordinary repository."""
    fake = FakeHub()
    start(fake)
    fake.repos[CAT] = {
        ".gitattributes": b"x",
        "README.md": b"x",
        "concept_images/0.jpeg": b"x",
        "learned_embeds.bin": LEARNED,
        "token_identifier.txt": b"<Cat Toy>\n",
        "type_of_concept.txt": b"object",
    }
    fake.repos[XL] = {
        "unet/model.safetensors": SDXL,
        "embeddings/negativeXL_A.safetensors": SDXL,
        "embeddings/old/negativeXL_B.safetensors": SDXL,
        "embeddings/notes.txt": b"x",
        "small.pt": b"x",
    }
    return fake


def hugging_face(hub: FakeSite, *, by_token: bool = False) -> HuggingFace:
    """Return what asks a fake."""
    site = replace(HUGGING_FACE, addresses=(hub.url,), is_mirror=True)
    return HuggingFace(Transport(), site, by_token=by_token)


def concepts(hub: FakeSite) -> ConceptLibrary:
    """Return what searches the concepts of a fake."""
    return ConceptLibrary(Transport(), replace(HUGGING_FACE, addresses=(hub.url,), is_mirror=True))


def resolve(hub: FakeSite, reference: Reference, *, by_token: bool = False) -> Offer:
    """Return the one offer that a reference means."""
    (offer,) = hugging_face(hub, by_token=by_token).resolve(reference) or ()
    return offer


@pytest.mark.parametrize("name", ["cat-toy", "<cat-toy>", "Cat Toy", "<Cat Toy>"])
def test_a_concept(hub: FakeHub, name: str) -> None:
    """A concept is called by its repository, and never `learned_embeds`; one request finds it."""
    offer = resolve(hub, Concept(name))
    (file,) = offer.files
    assert (offer.title, offer.page) == ("cat-toy", f"{hub.url}/{CAT}")
    assert file.filename == "cat-toy.bin"
    assert file.url == f"{hub.url}/{CAT}/resolve/main/learned_embeds.bin"
    assert (file.size, file.sha256, file.scan) == (len(LEARNED), digest(LEARNED), "safe")
    assert hub.paths == [f"/api/models/{CAT}/tree/main"]


def test_a_concept_by_its_token(hub: FakeHub) -> None:
    """A person may prefer the token that a concept was taught with."""
    offer = resolve(hub, Concept("cat-toy"), by_token=True)
    assert [file.filename for file in offer.files] == ["Cat Toy.bin"]
    hub.repos[CAT]["token_identifier.txt"] = b"x" * 10_000
    with pytest.raises(SourceError, match="more than 1,024 bytes"):
        resolve(hub, Concept("cat-toy"), by_token=True)


def test_a_pair(hub: FakeHub) -> None:
    """The two files of an SDXL training keep the names that make them a pair."""
    hub.repos["me/fox"] = {
        "learned_embeds.safetensors": LEARNED,
        "learned_embeds_2.safetensors": SDXL,
    }
    offer = resolve(hub, HubPath("me/fox"))
    assert [file.filename for file in offer.files] == ["fox.safetensors", "fox_2.safetensors"]
    assert offer.author == "me"


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        (HubPath(XL), ["model", "negativeXL_A", "negativeXL_B", "small"]),
        (HubPath(XL, "embeddings"), ["negativeXL_A", "negativeXL_B"]),
        (HubPath(XL, "embeddings/negativeXL_A.safetensors"), ["negativeXL_A"]),
        (HubPath(XL, "small.pt"), ["small"]),
    ],
    ids=str,
)
def test_places_in_a_repository(hub: FakeHub, reference: HubPath, found: list[str]) -> None:
    """A repository, a folder and a file bring what may be an embedding there."""
    files = resolve(hub, reference).files
    assert [file.filename.partition(".")[0] for file in files] == found


def test_another_revision(hub: FakeHub) -> None:
    """A link to a branch or a request is followed there, each part written as one step."""
    (file,) = resolve(hub, HubPath(XL, "small.pt", "refs/pr/4")).files
    assert file.url == f"{hub.url}/{XL}/resolve/refs%2Fpr%2F4/small.pt"


def test_many_pages(hub: FakeHub) -> None:
    """A repository of several pages is read to its end, and one without an end is not."""
    hub.page_size = 2
    assert len(resolve(hub, HubPath(XL)).files) == 4
    assert len(hub.asked) == 3
    hub.page_size = 1
    hub.repos[XL] = {f"{number}.txt": b"" for number in range(LIMITS.repository_pages + 1)}
    with pytest.raises(SourceError, match="too many files to look through"):
        resolve(hub, HubPath(XL))


def test_too_many_embeddings(hub: FakeHub) -> None:
    """A collection is not brought whole by mistake, and huge files are no candidates."""
    many = {f"{number}.pt": b"x" for number in range(LIMITS.offered_files + 1)}
    hub.repos["me/all"] = many
    with pytest.raises(SourceError, match=r"me/all has 51 files that may be embeddings: give the"):
        resolve(hub, HubPath("me/all"))
    hub.answer = lambda _: as_json(
        [{"type": "file", "path": "unet.pt", "size": 134, "lfs": {"size": 6 * 1024**2}}]
    )
    with pytest.raises(NotFound, match="has no embedding in me/all"):
        resolve(hub, HubPath("me/all"))
    assert resolve(hub, HubPath("me/all", "unet.pt")).files  # who gives its link means it


@pytest.mark.parametrize(
    "reference", [HubPath("me/none"), HubPath(XL, "none.pt"), HubPath(XL, "none")], ids=str
)
def test_nothing_is_there(hub: FakeHub, reference: HubPath) -> None:
    """The answer says that it is not there."""
    with pytest.raises(NotFound):
        resolve(hub, reference)


def test_no_such_concept(hub: FakeHub) -> None:
    """For a mistyped concept the error says how to search; an empty repository is no concept."""
    hub.repos["sd-concepts-library/jos-de-kat"] = {".gitattributes": b"x"}
    for name in ("cat-tyo", "jos-de-kat"):
        with pytest.raises(NotFound, match=f"has no concept {name}: search for it with "):
            resolve(hub, Concept(name))


def test_a_private_repository(hub: FakeHub) -> None:
    """Without a key there is a sentence, and with it there is the file."""
    hub.token = "hf_s3cret"
    with pytest.raises(SourceError, match=r"make one at https://huggingface\.co/settings/tokens"):
        resolve(hub, HubPath(XL))
    site = replace(HUGGING_FACE, addresses=(hub.url,), is_mirror=True, token=hub.token)
    assert HuggingFace(Transport(), site).resolve(HubPath(XL, "small.pt"))


@pytest.mark.parametrize("document", [None, {}, 5, [5, None, {"type": "file"}], [{"path": 5}]])
def test_answers_of_another_shape(hub: FakeHub, document: object) -> None:
    """Any other JSON leads to a sentence."""
    hub.answer = lambda _: as_json(document)
    for reference in (HubPath(XL), HubPath(XL, "a.pt"), Concept("cat-toy")):
        with pytest.raises(NotFound):
            resolve(hub, reference)
    assert concepts(hub).search(SearchRequest("")).offers == ()


def test_a_hostile_next_page(hub: FakeHub) -> None:
    """A header that says where more is costs nothing however it is written."""
    link = {"Link": "<" * 60_000}
    hub.answer = lambda _: Reply(200, b"[]", link)
    assert effort(lambda: concepts(hub).search(SearchRequest("x"))) < 10


def test_hashes_that_are_none(hub: FakeHub) -> None:
    """Only a SHA-256 is taken for one, as our files are named after it."""
    for oid, found in (("../x", None), ("sha256:" + "A" * 64, "a" * 64)):
        row = {"type": "file", "path": "a.pt", "size": 5, "lfs": {"oid": oid, "size": 5}}
        hub.answer = lambda _, row=row: as_json([row])
        assert resolve(hub, HubPath(XL)).files[0].sha256 == found


def test_others_have_other_references(hub: FakeHub) -> None:
    """References to other sites are left to others."""
    assert hugging_face(hub).resolve(CivitaiModel(1)) is None
    assert hub.asked == []


# The Concept Library


def test_the_whole_library_is_listed_once(hub: FakeHub) -> None:
    """It is searched by name, page by page; others' repositories and empty ones are left out."""
    hub.repos["sd-concepts-library/cat-dog"] = {"learned_embeds.bin": LEARNED}
    hub.repos["sd-concepts-library/empty-cat"] = {".gitattributes": b"x"}
    hub.likes["sd-concepts-library/cat-dog"] = 7
    first = concepts(hub).search(SearchRequest("CAT", limit=1))
    second = concepts(hub).search(SearchRequest("cat", limit=1, cursor=first.cursor))
    assert [each.title for each in (*first.offers, *second.offers)] == ["cat-dog", "cat-toy"]
    assert (first.cursor, second.cursor) == ("1", None)
    by_name = concepts(hub).search(SearchRequest("", sort="name"))
    assert [each.title for each in by_name.offers] == ["cat-dog", "cat-toy"]
    assert concepts(hub).search(SearchRequest("toy dog")).offers == ()
    (asked,) = hub.asked
    assert asked.query["author"] == "sd-concepts-library"
    with pytest.raises(SourceError, match="search without a model"):
        concepts(hub).search(SearchRequest("cat", "sd1"))


def test_pictures_and_kinds_of_concepts(hub: FakeHub) -> None:
    """The first picture that a concept was taught with shows it; its repository says what it is."""
    hub.repos[CAT] |= {"concept_images/10.jpeg": b"x", "concept_images/2.png": b"x"}
    (offer,) = concepts(hub).search(SearchRequest("cat")).offers
    assert offer.picture
    assert offer.picture.url == f"{hub.url}/{CAT}/resolve/main/concept_images/0.jpeg"
    assert concepts(hub).kind(offer.page) == "object"
    hub.repos[CAT]["type_of_concept.txt"] = b"<script>"
    assert concepts(hub).kind(offer.page) is None
    del hub.repos[CAT]["type_of_concept.txt"]
    assert concepts(hub).kind(offer.page) is None


def test_the_list_is_there_offline(hub: FakeHub, tmp_path: Path) -> None:
    """The list can be searched while the site does not answer, and is renewed later."""
    concepts(hub).search(SearchRequest("cat"))
    kept = tmp_path / "cache" / "lib_embeddings" / "concepts.json"
    os.utime(kept, (1, 1))
    hub.answer = lambda _: Reply(503)
    assert concepts(hub).search(SearchRequest("cat")).offers
    kept.write_text("damaged")
    with pytest.raises(SourceError, match="has a problem"):
        concepts(hub).search(SearchRequest("cat"))


def test_the_list_of_another_address_does_not_count(hub: FakeHub, start: Start[FakeSite]) -> None:
    """With another mirror the list is the mirror's own."""
    concepts(hub).search(SearchRequest("cat"))
    other = FakeHub()
    start(other)
    assert concepts(other).search(SearchRequest("cat")).offers == ()
