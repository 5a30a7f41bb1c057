"""What is written beside a file that a source knows: what A1111 reads, and the file's origin."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timezone
from typing import Literal

from lib_embeddings.entries.claims import OUR_KEYS
from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.sidecars import complete_sidecar
from lib_embeddings.entries.texts import FIELD_KEY, TEXT_KEYS
from lib_embeddings.formats.text_encoders import families_for
from lib_embeddings.limits import LIMITS
from lib_embeddings.sources.source import Offer, RemoteFile

# `sd version` as A1111 writes it.
_VERSIONS = {"sd1": "SD1", "sd2": "SD2", "sdxl": "SDXL"}


def keep_beside(entry: Entry, offer: Offer, digest: str) -> None:
    """Write beside a file what a source knows about it, as far as it is not there yet.

    Raises:
        WriteError: the sidecar cannot be understood or written.
    """
    file = next((each for each in offer.files if each.sha256 == digest), None)
    document = sidecar(offer, file, entry.reading.vectors.keys(), digest, "identified")
    complete_sidecar(entry, document)


def sidecar(
    offer: Offer,
    file: RemoteFile | None,
    encoders: Collection[str],
    digest: str,
    deed: Literal["downloaded", "identified"] = "downloaded",
) -> dict[str, object]:
    """Return the content of `<name>.json`, which has no key and no signed address.

    The model is what our reader says. `modelId`, `modelVersionId` and `sha256` are where
    civitai-browser-plus has them.

    Args:
        file: the one in the offer; None if the offer lists only others of its version.
        encoders: text encoder keys of its vectors.
        deed: what has just happened to it.
    """
    families = [family.key for family in families_for(encoders)]
    said = {
        "tool": offer.source,
        "title": offer.title,
        "page": offer.page,
        "author": offer.author,
        "base_model": offer.base_model,
        "is_general": offer.is_general,
        "tags": list(offer.tags),
        "scan": file.scan if file else None,
        "sha256": file.sha256 if file else digest,
    }
    document: dict[str, object] = {
        TEXT_KEYS["description"]: offer.description,
        "sd version": next((_VERSIONS[key] for key in families if key in _VERSIONS), "Unknown"),
        TEXT_KEYS["trigger_words"]: ", ".join(offer.trigger_words)[: LIMITS.text_characters],
        "preferred weight": 0,
        "negative text": "",
        TEXT_KEYS["notes"]: "",
        **dict(offer.ids),
        "sha256": digest,
        "source": {
            **{OUR_KEYS[claim]: value for claim, value in said.items()},
            "file": file.filename if file else None,
            deed: datetime.now(timezone.utc).isoformat(timespec="seconds"),
        },
    }
    if file and file.field:
        document[FIELD_KEY] = file.field
    return document
