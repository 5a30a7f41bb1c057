"""CivArchive: finds files that Civitai once had, by their SHA-256 or the number of their model.

The interface is the one that LoRA Manager speaks (`py/services/civarchive_client.py`). It was never
run against the real site here. The site keeps no files: they come from Civitai or Hugging Face.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from lib_embeddings.entries.documents import (
    number_at,
    object_at,
    objects_at,
    sha256_at,
    text_at,
    texts_at,
    value_at,
    without_tags,
)
from lib_embeddings.errors import SourceError
from lib_embeddings.formats.text_encoders import families_named
from lib_embeddings.names import split_name
from lib_embeddings.sources.references import CivitaiModel, FileHash, Reference
from lib_embeddings.sources.source import (
    Offer,
    RemoteFile,
    Site,
    nothing_at,
)
from lib_embeddings.sources.transport import Transport

CIVARCHIVE = Site(key="civarchive", title="CivArchive", addresses=("https://civarchive.com",))

_DIGITS = 64


class CivArchive:
    """Asks CivArchive."""

    def __init__(self, transport: Transport, site: Site, stores: Sequence[Site]) -> None:
        """Prepare; nobody is asked yet.

        Args:
            stores: the sites that its files may come from, the best first.
        """
        self._transport = transport
        self._site = site
        self._stores = stores

    def resolve(self, reference: Reference) -> tuple[Offer, ...] | None:
        """Return the version that a complete SHA-256 or a model's number means; None for all else.

        It contains only files whose hash is known.
        """
        match reference:
            case FileHash(digits) if len(digits) == _DIGITS:
                what = f"file with the hash {digits}"
                return (self._offer(f"sha256/{digits}", what, None, digits),)
            case CivitaiModel(model, version):
                what = f"file of model {model}"
                return (self._offer(f"models/{model}", what, version, None),)
        return None

    def _offer(self, path: str, what: str, number: int | None, digest: str | None) -> Offer:
        """Return what is answered at a path.

        Args:
            number: of the version that is wanted; None for any.
            digest: the SHA-256 of the file that is wanted; None for all.
        """
        address = self._site.addresses[0]
        asked = {"modelVersionId": number} if number else None
        answer = self._transport.document(self._site, f"{address}/api/{path}", asked)[0]
        said = object_at(answer, "data") or object_at(answer)
        model = {**object_at(said, "model"), **said}
        version = object_at(model, "version")
        hashed = [
            (file, sha256)
            for file in objects_at(version, "files") or objects_at(model, "files")
            if (sha256 := sha256_at(file, "sha256")) and digest in (None, sha256)
        ]
        if not hashed or number not in (None, number_at(version, "id")):
            raise nothing_at(self._site, what)
        page = f"{address}/{path}"
        files = tuple(filter(None, (self._file(*each) for each in hashed)))
        if not files:
            raise SourceError(
                f"{self._site.title} knows it, but lists no site that we can download from: open "
                f"{page} and download it with your browser"
            )
        ids = (("modelId", number_at(model, "id")), ("modelVersionId", number_at(version, "id")))
        base_model = text_at(version, "baseModel")
        description = text_at(version, "description") or text_at(model, "description")
        titles = (text_at(model, "name"), text_at(version, "name"))
        return Offer(
            source=self._site.title,
            title=" ".join(filter(None, titles)) or what,
            page=page,
            files=files,
            trigger_words=texts_at(version, "trigger"),
            base_model=base_model or None,
            families=families_named(base_model),
            author=text_at(model, "creator_username") or text_at(model, "username") or None,
            description=without_tags(description),
            ids=tuple((name, value) for name, value in ids if value is not None),
            is_general=value_at(model, "is_nsfw") is not True,
            tags=texts_at(model, "tags"),
            reference=hashed[0][1],
        )

    def _file(self, file: dict[str, Any], digest: str) -> RemoteFile | None:
        """Return a file from the best place that we may ask; None where there is none."""
        places = list(_places(file))
        for site in self._stores:
            for url, name in places:
                if any(url.startswith(f"{address}/") for address in site.addresses):
                    return RemoteFile(site, url, name, sha256=digest)
        return None


def _places(file: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the places where a file is said to be, each with its name there."""
    name = text_at(file, "name")
    mirrors = [each for each in objects_at(file, "mirrors") if each.get("deletedAt") is None]
    found = [(text_at(file, "downloadUrl"), name)]
    found += [(text_at(each, "url"), text_at(each, "filename") or name) for each in mirrors]
    # Some places list a file under a number, with its name beside it.
    yield from ((url, each if split_name(each)[1] else name) for url, each in found if url)
