"""What is written beside a download: what A1111 reads, and where the file came from."""

from __future__ import annotations

from datetime import datetime, timezone

from lib_embeddings.entries.texts import FIELD_KEY
from lib_embeddings.formats.embedding import Embedding
from lib_embeddings.formats.text_encoders import families_for
from lib_embeddings.limits import LIMITS
from lib_embeddings.sources.source import Offer, RemoteFile

# `sd version` as A1111 writes it.
_VERSIONS = {"sd1": "SD1", "sd2": "SD2", "sdxl": "SDXL"}


def sidecar(offer: Offer, file: RemoteFile, embedding: Embedding, digest: str) -> dict[str, object]:
    """Return what `<name>.json` shall hold; no key and no signed address is in it.

    The model is what our reader says. `modelId`, `modelVersionId` and `sha256` are where
    civitai-browser-plus has them.
    """
    families = [family.key for family in families_for(embedding.vectors.keys())]
    document: dict[str, object] = {
        "description": offer.description,
        "sd version": next((_VERSIONS[key] for key in families if key in _VERSIONS), "Unknown"),
        "activation text": ", ".join(offer.trigger_words)[: LIMITS.site_characters],
        "preferred weight": 0,
        "negative text": "",
        "notes": "",
        **dict(offer.ids),
        "sha256": digest,
        "source": {
            "site": offer.source,
            "title": offer.title,
            "page": offer.page,
            "file": file.filename,
            "author": offer.author,
            "base model": offer.base_model,
            "scan": file.scan,
            "sha256": file.sha256,
            "downloaded": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        },
    }
    if file.field:
        document[FIELD_KEY] = file.field
    return document
