"""What people paste."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib_embeddings.errors import SourceError
from lib_embeddings.sources.references import (
    CivitaiModel,
    CivitaiPicture,
    CivitaiVersion,
    Concept,
    FileHash,
    HubPath,
    Reference,
    WebAddress,
    read_reference,
    shown_link,
)

SHA256 = "C74B4E810B030F6B75FDE959E2DB678C2D07115B85356D3C0138BA5EB42340FB"
FILE = "gsdf/CounterfeitXL"
NEGATIVE = "embeddings/negativeXL_D.safetensors"

FORMS: list[tuple[str, Reference]] = [
    ("https://civitai.com/models/7808", CivitaiModel(7808)),
    ("https://civitai.com/models/7808/easynegative", CivitaiModel(7808)),
    ("https://civitai.com/models/7808?modelVersionId=9208", CivitaiModel(7808, 9208)),
    (
        "https://civitai.com/models/7808/easynegative?modelVersionId=9208#a",
        CivitaiModel(7808, 9208),
    ),
    ("https://civitai.red/models/7808?modelVersionId=9208", CivitaiModel(7808, 9208)),
    ("https://www.civitai.com/models/7808", CivitaiModel(7808)),
    ("http://civitai.com/models/7808", CivitaiModel(7808)),
    ("civitai.com/models/7808", CivitaiModel(7808)),
    ("  <https://civitai.com/models/7808>\n", CivitaiModel(7808)),
    ('"https://civitai.com/models/7808"', CivitaiModel(7808)),
    ("https://civarchive.com/models/7808?modelVersionId=9208", CivitaiModel(7808, 9208)),
    ("https://civitaiarchive.com/models/7808", CivitaiModel(7808)),
    ("https://civitai.com/api/v1/models/7808", CivitaiModel(7808)),
    ("https://civitai.com/model-versions/9208", CivitaiVersion(9208)),
    ("https://civitai.com/api/v1/model-versions/9208", CivitaiVersion(9208)),
    ("https://civitai.com/api/download/models/9208", CivitaiVersion(9208)),
    ("https://civitai.com/api/download/models/9208?fileId=5&token=s3cret", CivitaiVersion(9208, 5)),
    (
        "https://civitai.red/api/download/models/9208?type=Model&format=SafeTensor",
        CivitaiVersion(9208),
    ),
    ("https://civitai.com/images/1234567", CivitaiPicture(1234567)),
    (f"https://civitai.com/api/v1/model-versions/by-hash/{SHA256}", FileHash(SHA256.lower())),
    (f"https://civarchive.com/sha256/{SHA256}", FileHash(SHA256.lower())),
    ("urn:air:sd1:embedding:civitai:7808@9208", CivitaiModel(7808, 9208)),
    ("urn:air:sdxl:embedding:civitai:7808@9208.safetensors", CivitaiModel(7808, 9208)),
    ("air:sd1:embedding:civitai:7808", CivitaiModel(7808)),
    ("civitai:7808@9208", CivitaiModel(7808, 9208)),
    (SHA256, FileHash(SHA256.lower())),
    (f"sha256:{SHA256}", FileHash(SHA256.lower())),
    ("C74B4E810B", FileHash("c74b4e810b")),
    ("c74b4e810b03", FileHash("c74b4e810b03")),
    (FILE, HubPath(FILE)),
    (f"{FILE}@v2", HubPath(FILE, revision="v2")),
    (f"{FILE}/{NEGATIVE}", HubPath(FILE, NEGATIVE)),
    (f"https://huggingface.co/{FILE}", HubPath(FILE)),
    (f"huggingface.co/{FILE}", HubPath(FILE)),
    (f"https://hf.co/{FILE}", HubPath(FILE)),
    (f"https://hf-mirror.com/{FILE}", HubPath(FILE)),
    (f"hf://{FILE}/{NEGATIVE}", HubPath(FILE, NEGATIVE)),
    (f"https://huggingface.co/{FILE}/tree/main", HubPath(FILE)),
    (f"https://huggingface.co/{FILE}/tree/main/embeddings", HubPath(FILE, "embeddings")),
    (f"https://huggingface.co/{FILE}/blob/main/{NEGATIVE}", HubPath(FILE, NEGATIVE)),
    (
        f"https://huggingface.co/{FILE}/resolve/main/{NEGATIVE}?download=true",
        HubPath(FILE, NEGATIVE),
    ),
    (f"https://huggingface.co/{FILE}/raw/v2/a%20b.pt", HubPath(FILE, "a b.pt", "v2")),
    (f"https://huggingface.co/{FILE}/blob/refs%2Fpr%2F4/a.pt", HubPath(FILE, "a.pt", "refs/pr/4")),
    (f"https://huggingface.co/{FILE}/blob/refs/pr/4/a.pt", HubPath(FILE, "a.pt", "refs/pr/4")),
    (f"https://huggingface.co/api/models/{FILE}", HubPath(FILE)),
    ("https://huggingface.co/sd-concepts-library/cat-toy", Concept("cat-toy")),
    ("sd-concepts-library/cat-toy", Concept("cat-toy")),
    ("urn:air:sdxl:embedding:huggingface:gsdf/CounterfeitXL@main", HubPath(FILE)),
    ("<cat-toy>", Concept("<cat-toy>")),
    ("cat-toy", Concept("cat-toy")),
    ("Midjourney style", Concept("Midjourney style")),
    (
        "https://example.com/files/a.safetensors",
        WebAddress("https://example.com/files/a.safetensors"),
    ),
]


@pytest.mark.parametrize(("text", "reference"), FORMS, ids=[text.strip() for text, _ in FORMS])
def test_what_a_text_refers_to(text: str, reference: Reference) -> None:
    """Every form in which people name an embedding is understood."""
    assert read_reference(text) == reference
    assert type(read_reference(text)) is type(reference)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "<>",
        "a:b",
        "https://civitai.com/",
        "https://civitai.com/articles/5",
        "https://civitai.com/models/²",
        "https://civitai.com/models/99999999999999999999",
        "https://huggingface.co/datasets/a/b",
        "https://huggingface.co/gsdf",
        "gsdf/../../etc/passwd",
        "https://[::1",
        "https://example.com/\udcff.pt",
        "gsdf/\udcff",
    ],
)
def test_what_refers_to_nothing(text: str) -> None:
    """A text that refers to nothing is refused, with what is expected."""
    with pytest.raises(SourceError, match="expected"):
        read_reference(text)


def test_a_link_is_shown_without_its_keys() -> None:
    """Messages and files never have what may be a key in a link."""
    link = "https://me:s3cret@example.com/a?token=s3cret#s3cret"
    assert shown_link(link) == "https://example.com/a"


@given(st.sampled_from([text for text, _ in FORMS]), st.text(), st.integers(0, 80))
def test_any_text(form: str, noise: str, place: int) -> None:
    """Any pasted text is a reference or is refused, and never breaks anything."""
    for text in (noise, form[:place] + noise + form[place:]):
        with suppress(SourceError):
            read_reference(text)
