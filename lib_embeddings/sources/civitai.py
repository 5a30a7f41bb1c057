"""Civitai: finds files by their hashes, and brings what links and hashes refer to.

The interface is the one of developer.civitai.com/site/reference and of the server's source
(github.com/civitai/civitai, `src/pages/api/v1`). It was never run against the real site here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from lib_embeddings.entries.claims import (
    field_of,
    in_model,
    is_general,
    of_civitai,
    scan_of,
    sha256_of,
    trained_words,
)
from lib_embeddings.entries.documents import number_at, objects_at, sha256_at, text_at
from lib_embeddings.errors import NotFound, SourceError, shown
from lib_embeddings.formats.text_encoders import BASE_MODELS
from lib_embeddings.limits import LIMITS
from lib_embeddings.names import WEIGHT_SUFFIXES, split_name
from lib_embeddings.sources.references import (
    CivitaiModel,
    CivitaiPicture,
    CivitaiVersion,
    FileHash,
    Reference,
)
from lib_embeddings.sources.source import (
    Offer,
    RemoteFile,
    RemotePicture,
    Searching,
    SearchRequest,
    SearchResult,
    Site,
    nothing_at,
)
from lib_embeddings.sources.transport import Transport

# One database behind two addresses; the first shows what is for everybody.
CIVITAI = Site(
    key="civitai",
    title="Civitai",
    addresses=("https://civitai.com", "https://civitai.red"),
    # Signed addresses at Cloudflare R2, and at Backblaze before: `delivery-worker`.
    stores=(".r2.cloudflarestorage.com", ".backblazeb2.com", ".civitai.com", ".civitai.red"),
    key_page="https://civitai.com/user/account",
    key_variables=("CIVITAI_TOKEN", "CIVITAI_API_KEY"),
    needs_key=True,  # its terms, 11.4
)

_KIND = "TextualInversion"
# The `type` of files that hold vectors; others are archives, training data, settings.
_FILE_KINDS = ("Model", "Pruned Model", "Negative")


class Civitai:
    """Asks Civitai, at each of its addresses in turn until one has something."""

    # The orders are those of `ModelSort` in the server's source that its interface takes.
    searching = Searching(
        "civitai", "Civitai", ("Highest Rated", "Most Downloaded", "Newest"), has_families=True
    )

    def __init__(self, transport: Transport, site: Site = CIVITAI) -> None:
        """Prepare; nobody is asked yet."""
        self._transport = transport
        self.site = site

    def resolve(self, reference: Reference) -> tuple[Offer, ...] | None:
        """Return the versions that a reference means, with the files that hold vectors."""
        match reference:
            case CivitaiModel(model, version):
                return (self._model(model, version),)
            case CivitaiVersion(version, file):
                return (self._version(version, file),)
            case FileHash(digits):
                return (self._by_hash(digits),)
            case CivitaiPicture(picture):
                return tuple(self._of_picture(picture))
        return None

    def identify(self, hashes: Sequence[str]) -> dict[str, Offer]:
        """Return what Civitai knows about files, by their SHA-256; files unknown to it are missing.

        It takes a request for each 10,000 hashes, and one more for each 100 that are known.

        Args:
            hashes: in lower-case hexadecimal digits. Nothing else is sent.
        """
        known: list[str] = []
        for part in _parts(list(dict.fromkeys(hashes)), LIMITS.hashes_a_request):
            answer = self._post("model-versions/by-hash/ids", part)
            matched = {sha256_at(each, "hash") for each in answer}
            known += [each for each in part if each in matched]
        offers: dict[str, Offer] = {}
        for part in _parts(known, LIMITS.versions_a_request):
            wanted = frozenset(part)
            for version in self._post("model-versions/by-hash", part):
                of_version = {sha256_of(file) for file in objects_at(version, "files")}
                offer = self.offer(version)
                offers |= dict.fromkeys(wanted & of_version, offer)
        return offers

    def search(self, query: SearchRequest) -> SearchResult:
        """Return the newest version of each model that matches some words."""
        asked: dict[str, str | int] = {
            "types": _KIND,
            "limit": min(query.limit, LIMITS.found_at_once),
            "nsfw": "false" if query.is_general else "true",
        }
        if query.text:
            asked["query"] = query.text
        if query.family:
            models = BASE_MODELS.get(query.family)
            if not models:
                raise SourceError(f"{self.site.title} has no embeddings for {query.family}")
            asked["baseModels"] = ",".join(models)
        if query.sort:
            asked["sort"] = query.sort
        if query.cursor:
            asked["cursor"] = query.cursor
        answer, address = self._get("models", asked)
        found = [
            self.offer(in_model(version, model), address)
            for model in objects_at(answer, "items")
            for version in objects_at(model, "modelVersions")[:1]
        ]
        return SearchResult(tuple(found), text_at(answer, "metadata", "nextCursor") or None)

    # What references mean

    def _model(self, number: int, version: int | None) -> Offer:
        try:
            model, address = self._get(f"models/{number}")
        except NotFound:
            # Some models are not found although their versions are: civitai/civitai#3202.
            if version is None:
                raise
            return self._version(version)
        self._check_kind(text_at(model, "type"))
        versions = objects_at(model, "modelVersions")
        wanted = [each for each in versions if version in (None, number_at(each, "id"))]
        if not wanted:
            which = "version" if version is None else f"version {version}"
            raise nothing_at(self.site, f"{which} of model {number}")
        return self._with_files(self.offer(in_model(wanted[0], model), address))

    def _version(self, number: int, file: int | None = None) -> Offer:
        version, address = self._get(f"model-versions/{number}")
        self._check_kind(text_at(version, "model", "type"))
        if file is None:
            return self._with_files(self.offer(version, address))
        wanted = [each for each in _files(version) if number_at(each, "id") == file]
        return self._with_files(self.offer(version, address, wanted))

    def _by_hash(self, digits: str) -> Offer:
        # 12 digits are of SHA-256 as in `TI hashes`; Civitai keeps 10 of them, or all.
        kept = digits if len(digits) == 64 else digits[:10]
        version, address = self._get(f"model-versions/by-hash/{kept}")
        self._check_kind(text_at(version, "model", "type"))
        wanted = [each for each in _files(version) if (sha256_of(each) or "").startswith(digits)]
        if not wanted:
            raise nothing_at(self.site, f"file with the hash {digits}")
        return self.offer(version, address, wanted)

    def _of_picture(self, number: int) -> Iterator[Offer]:
        """Yield the embeddings named in a picture's settings."""
        asked: dict[str, str | int] = {"imageId": number, "withMeta": "true"}
        answer, _ = self._get("images", asked)
        used = [
            number_at(each, "modelVersionId")
            for picture in objects_at(answer, "items")
            if number_at(picture, "id") == number
            for each in objects_at(picture, "meta", "civitaiResources")
            if text_at(each, "type") == "embed"
        ]
        versions = list(dict.fromkeys(filter(None, used)))[: LIMITS.picture_embeddings]
        if not versions:
            raise NotFound(
                f"{self.site.title} names no embedding for picture {number}: open its page and "
                "give the link of the embedding"
            )
        for version in versions:
            yield self._version(version)

    def _check_kind(self, kind: str) -> None:
        if kind not in ("", _KIND):
            raise SourceError(
                f"{self.site.title} calls this a {shown(kind)}, not an embedding: give the "
                "link of an embedding"
            )

    def _with_files(self, offer: Offer) -> Offer:
        if not offer.files:
            raise nothing_at(self.site, f"file of an embedding in {offer.title}")
        return offer

    # Reading answers

    def offer(
        self, version: dict[str, Any], address: str = "", files: list[dict[str, Any]] | None = None
    ) -> Offer:
        """Return what a version is.

        Args:
            version: including its model, as the server writes a version that is asked for alone.
            address: the address of Civitai that knows it, by default the first.
            files: those that are wanted; by default the best positive and the best negative one.
        """
        address = address or self.site.addresses[0]
        number, model = number_at(version, "id"), number_at(version, "modelId")
        said = of_civitai(version, address=address)
        ids = (("modelId", model), ("modelVersionId", number))
        url = f"{address}/api/download/models/{number}"
        return Offer(
            source=self.site.title,
            title=said.title or f"version {number}",
            page=said.page,
            files=tuple(
                self._file(each, url)
                for each in (_best(_files(version)) if files is None else files)
            ),
            trigger_words=trained_words(version),
            base_model=said.base_model or None,
            families=said.families,
            author=said.author or None,
            description=said.description,
            ids=tuple((name, value) for name, value in ids if value is not None),
            picture=self._picture(version),
            is_general=said.is_general,
            tags=said.tags,
            reference=f"civitai:{model}@{number}",
        )

    def _picture(self, version: dict[str, Any]) -> RemotePicture | None:
        """Return the first picture that everybody may see; otherwise the first."""
        pictures = [
            RemotePicture(self.site, _in_small(url), is_general(each))
            for each in objects_at(version, "images")
            if (url := text_at(each, "url")) and text_at(each, "type") in ("", "image")
        ]
        general = (each for each in pictures if each.is_general)
        return next(general, pictures[0] if pictures else None)

    def _file(self, file: dict[str, Any], url: str) -> RemoteFile:
        # The address in an answer may not work, as it is made from the request's own headers.
        number = number_at(file, "id")
        return RemoteFile(
            self.site,
            f"{url}?fileId={number}" if number is not None else url,
            text_at(file, "name"),
            size=_bytes(file.get("sizeKB")),
            sha256=sha256_of(file),
            field=field_of(file),
            scan=scan_of(file) or None,
        )

    # Asking

    def _get(self, path: str, query: dict[str, str | int] | None = None) -> tuple[Any, str]:
        """Return the answer of the first address that has something, and that address."""
        *firsts, last = self.site.addresses
        for address in firsts:
            with suppress(NotFound):
                return self._ask(address, path, query), address
        return self._ask(last, path, query), last

    def _ask(self, address: str, path: str, query: dict[str, str | int] | None) -> Any:
        return self._transport.document(self.site, f"{address}/api/v1/{path}", query)[0]

    def _post(self, path: str, hashes: Sequence[str]) -> list[dict[str, Any]]:
        sent = [each.upper() for each in hashes]  # as Civitai writes them
        url = f"{self.site.addresses[0]}/api/v1/{path}"
        answer, _ = self._transport.document(self.site, url, send=sent)
        return objects_at({"found": answer}, "found")


def _parts(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for first in range(0, len(items), size):
        yield items[first : first + size]


def _bytes(kilobytes: Any) -> int | None:
    is_size = isinstance(kilobytes, int | float) and 0 < kilobytes < LIMITS.download_bytes
    return round(kilobytes * 1024) if is_size else None


def _in_small(url: str) -> str:
    """Return the address of a picture in the size of a card: Civitai's store offers any size."""
    return url.replace("/original=true/", "/width=450/")


def _files(version: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the files of a version that may hold vectors and can be requested."""
    return [
        each
        for each in objects_at(version, "files")
        if number_at(version, "id") is not None
        and text_at(each, "type") in ("", *_FILE_KINDS)
        and split_name(text_at(each, "name"))[1] in WEIGHT_SUFFIXES
    ]


def _best(files: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one file for the prompt and one for the negative one, each in its best container."""

    def rank(file: dict[str, Any]) -> tuple[bool, bool]:
        is_safetensors = split_name(text_at(file, "name"))[1] == ".safetensors"
        return not is_safetensors, file.get("primary") is not True

    best: dict[str, dict[str, Any]] = {}
    for file in sorted(files, key=rank):
        best.setdefault(field_of(file) or "", file)
    return [best[field] for field in sorted(best)]
