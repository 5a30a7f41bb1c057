"""What a text that people paste refers to: a link, a hash, a name. Asks no site."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from lib_embeddings.errors import SourceError, shown
from lib_embeddings.names import is_text

# Both doors of Civitai, and archives that use its numbers.
_CIVITAI = ("civitai.com", "civitai.red", "civitaiarchive.com", "civarchive.com")
_HUB = ("huggingface.co", "hf.co", "hf-mirror.com")
CONCEPTS = "sd-concepts-library"

# AutoV2 has 10 digits, `TI hashes` in an infotext 12, SHA-256 64.
_HASH = re.compile(r"(?:sha256:)?((?:[0-9a-f]{10}|[0-9a-f]{12}|[0-9a-f]{64}))", re.IGNORECASE)
# https://developer.civitai.com/site/guide/air.md
_AIR = re.compile(
    r"(?:urn:air:|air:)?(?:[\w.-]+:){0,2}civitai:(?P<model>\d+)(?:@(?P<version>\d+))?(?:[:.].*)?",
    re.IGNORECASE,
)
_AIR_HUB = re.compile(
    r"urn:air:(?:[\w.-]+:){1,2}huggingface:(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w.-]+))?",
    re.IGNORECASE,
)
_REPO = re.compile(r"[\w][\w.-]*/[\w.-]+", re.ASCII)
_CONCEPT = re.compile(r"<[^<>/]+>|[^<>/:\s][^<>/:]*")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)

_UNREADABLE = "expected a link, a hash, a repository as owner/name, or the name of a concept"
_NOT_ON_CIVITAI = "expected the link of a model, a version, a download or a picture on Civitai"
_NOT_ON_HUB = "expected the link of a model on Hugging Face, or of a folder or file in one"


class CivitaiModel(NamedTuple):
    """A model in one of its versions; None means the newest."""

    model: int
    version: int | None = None


class CivitaiVersion(NamedTuple):
    """A version of a model, or one file of it."""

    version: int
    file: int | None = None


class CivitaiPicture(NamedTuple):
    """A picture, which stands for the embeddings that it was made with."""

    picture: int


class FileHash(NamedTuple):
    """A file by the beginning of its SHA-256, or all of it, in lower case."""

    digits: str


class HubPath(NamedTuple):
    """A repository, or a folder or file in it."""

    repo: str
    path: str = ""
    revision: str = "main"


class Concept(NamedTuple):
    """A concept of the Concept Library, by its repository's name or its token."""

    name: str


class WebAddress(NamedTuple):
    """A file anywhere."""

    url: str


Reference = (
    CivitaiModel | CivitaiVersion | CivitaiPicture | FileHash | HubPath | Concept | WebAddress
)


def read_reference(text: str) -> Reference:
    """Return what a text refers to. Raises `SourceError` if it refers to nothing."""
    if not is_text(text):
        raise SourceError(_UNREADABLE)
    pasted = text.strip().strip("\"'").strip()
    link = pasted[1:-1] if pasted.startswith("<") and "://" in pasted else pasted
    if "://" not in link and link.partition("/")[0].removeprefix("www.") in _CIVITAI + _HUB:
        link = f"https://{link}"
    if _SCHEME.match(link):
        return _of_link(link)
    if found := _HASH.fullmatch(pasted):
        return FileHash(found[1].lower())
    if found := _AIR.fullmatch(pasted):
        return CivitaiModel(int(found["model"]), _number(found["version"]))
    if found := _AIR_HUB.match(pasted):
        return HubPath(found["repo"], revision=found["revision"] or "main")
    if pasted.count("/") and _REPO.match(pasted):
        return _of_repo(pasted.split("/"))
    if _CONCEPT.fullmatch(pasted):
        return Concept(pasted)
    raise SourceError(_UNREADABLE)


def shown_link(link: str) -> str:
    """Return a link fit for a message or a file, without anything that may be a key."""
    address = re.split(r"[?#]", link, maxsplit=1)[0]
    return shown(re.sub(r"(?<=//)[^/]*@", "", address), 255)


def _number(text: str | None) -> int | None:
    """Return a site's number of something; None if it is not a number."""
    is_number = text is not None and text.isascii() and text.isdigit() and len(text) <= 18
    return int(text) if text and is_number else None


def _of_link(link: str) -> Reference:
    try:
        parts = urlsplit(link)
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError as error:
        raise SourceError(_UNREADABLE) from error
    steps = [unquote(step) for step in parts.path.split("/") if step]
    if parts.scheme == "hf":
        return _of_repo([unquote(parts.netloc), *steps])
    if host in _CIVITAI:
        return _of_civitai(steps, parts)
    if host in _HUB:
        return _of_hub(steps)
    return WebAddress(link)


def _of_civitai(steps: list[str], parts: SplitResult) -> Reference:
    asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
    match steps:
        case ["models", model, *_] if number := _number(model):
            return CivitaiModel(number, _number(asked.get("modelVersionId")))
        case ["api", "v1", "models", model] if number := _number(model):
            return CivitaiModel(number)
        case ["api", "download", "models", version] if number := _number(version):
            return CivitaiVersion(number, _number(asked.get("fileId")))
        case ["model-versions", version] | ["api", "v1", "model-versions", version] if (
            number := _number(version)
        ):
            return CivitaiVersion(number)
        case ["images", picture] if number := _number(picture):
            return CivitaiPicture(number)
        case [*_, "by-hash" | "sha256", digits] if found := _HASH.fullmatch(digits):
            return FileHash(found[1].lower())
    raise SourceError(_NOT_ON_CIVITAI)


def _of_hub(steps: list[str]) -> Reference:
    match steps:
        case ["datasets" | "spaces" | "collections" | "docs" | "papers", *_]:
            raise SourceError(_NOT_ON_HUB)
        case ["api", "models", owner, name]:
            return _of_repo([owner, name])
        case [owner, name, "blob" | "resolve" | "raw" | "tree", "refs", kind, number, *path]:
            return HubPath(f"{owner}/{name}", "/".join(path), f"refs/{kind}/{number}")
        case [owner, name, "blob" | "resolve" | "raw" | "tree", revision, *path]:
            return HubPath(f"{owner}/{name}", "/".join(path), revision)
        case [owner, name, *_]:
            return _of_repo([owner, name])
    raise SourceError(_NOT_ON_HUB)


def _of_repo(steps: list[str]) -> Reference:
    owner, name, *path = (*steps, "", "")[: max(2, len(steps))]
    repo, _, revision = f"{owner}/{name}".partition("@")
    if not _REPO.fullmatch(repo) or ".." in (name, *path):
        raise SourceError(_UNREADABLE)
    if owner == CONCEPTS and not path:
        return Concept(name)
    return HubPath(repo, "/".join(path), revision or "main")
