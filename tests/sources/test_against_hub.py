"""The reference for Hugging Face: its own library sees the same on the same fake."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lib_embeddings.sources.concepts import ConceptLibrary
from lib_embeddings.sources.download import Downloads
from lib_embeddings.sources.huggingface import HUGGING_FACE, HuggingFace
from lib_embeddings.sources.references import HubPath
from lib_embeddings.sources.source import SearchRequest
from lib_embeddings.sources.transport import Transport
from tests.builders import safetensors_file, vectors
from tests.sources.conftest import Start
from tests.sources.fakes import FakeHub, FakeSite

huggingface_hub = pytest.importorskip("huggingface_hub")

REPO = "sd-concepts-library/cat-toy"


@pytest.fixture
def hub(start: Start[FakeSite]) -> FakeHub:
    """Return a hub with a repository of small and large files, one a page."""
    fake = FakeHub()
    start(fake)
    fake.page_size = 1
    fake.repos[REPO] = {
        "README.md": b"x",
        "learned_embeds.bin": safetensors_file(),
        "more/second one.safetensors": safetensors_file({"emb_params": vectors(2)}),
    }
    fake.repos["sd-concepts-library/cat-dog"] = {"learned_embeds.bin": safetensors_file()}
    return fake


def test_both_see_the_same(hub: FakeHub, folder: Path, tmp_path: Path) -> None:
    """Files, sizes, hashes, bytes and what a search finds are the same."""
    theirs = huggingface_hub.HfApi(endpoint=hub.url, token=False)
    transport = Transport()
    ours = HuggingFace(transport, replace(HUGGING_FACE, addresses=(hub.url,), is_mirror=True))
    listed = [
        (each.path, each.size, each.lfs.sha256)
        for each in theirs.list_repo_tree(REPO, recursive=True, expand=True)
        if each.lfs
    ]
    (offer,) = ours.resolve(HubPath(REPO)) or ()
    paths = ["learned_embeds.bin", "more/second one.safetensors"]
    sizes = [(file.size, file.sha256) for file in offer.files]
    assert listed == [(path, *each) for path, each in zip(paths, sizes, strict=True)]

    for path, file in zip(paths, offer.files, strict=True):
        place = Downloads(transport, str(tmp_path / "own")).add(offer, file, str(folder)).place
        fetched = theirs.hf_hub_download(REPO, path, local_dir=tmp_path / "theirs")
        assert Path(fetched).read_bytes() == Path(place.full_path).read_bytes()

    found = [
        each.id for each in theirs.list_models(author="sd-concepts-library", search="cat", limit=5)
    ]
    library = ConceptLibrary(transport, ours.site)
    assert [offer.page for offer in library.search(SearchRequest("cat", limit=5)).offers] == [
        f"{hub.url}/{repo}" for repo in found
    ]
