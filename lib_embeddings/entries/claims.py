"""What other programs and sites say of an embedding, beside its file or in it.

Several programs use the same file names, so each document is recognised by its shape. The keys
are those of civitai-helper, civitai-browser-plus, SD.Next, LoRA Manager, Stability Matrix, SwarmUI,
kohya's and OneTrainer's trainers, as their sources have them. None of it is believed over the
vectors, and no value is trusted to have the right type.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

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
from lib_embeddings.formats.text_encoders import contradiction, families_named
from lib_embeddings.limits import LIMITS
from lib_embeddings.names import Field, fold

Document = Mapping[str, object]

_CIVITAI = "https://civitai.com"

# The keys that our own sidecars have under `source`, by what is claimed.
OUR_KEYS = {
    "tool": "site",
    "title": "title",
    "page": "page",
    "author": "author",
    "base_model": "base model",
    "is_general": "general",
    "tags": "tags",
    "scan": "scan",
    "sha256": "sha256",
}


class Claims(NamedTuple):
    """What is said of an embedding; empty where nobody says anything.

    Attributes:
        tool: the program that says so.
        time: when it said so, in seconds since 1970; None where the file itself does.
        page: where people read about it.
        base_model: as spelled there.
        tags: its subjects.
        weight: recommended by its author.
        is_general: whether it is suitable for everybody.
        field: the prompt field that it is for.
        scan: the result of a site's own scanners.
        sha256: of the file that all this is about.
    """

    tool: str = ""
    time: float | None = None
    title: str = ""
    author: str = ""
    page: str = ""
    licence: str = ""
    base_model: str = ""
    tags: tuple[str, ...] = ()
    trigger_words: str = ""
    description: str = ""
    weight: float | None = None
    is_general: bool = True
    field: Field | None = None
    scan: str = ""
    sha256: str | None = None

    @property
    def families(self) -> tuple[str, ...]:
        """Keys of the model families that the base model belongs to; none if unknown."""
        return families_named(self.base_model)

    def contradiction(self, encoders: Collection[str]) -> str | None:
        """Return a sentence for vectors that are for other models than is claimed."""
        return contradiction(self.tool, self.base_model, encoders)


NO_CLAIMS = Claims()


def claims_in(document: Document, filename: str, time: float | None) -> Claims | None:
    """Return what a document says; None where no known program wrote it.

    Args:
        filename: of the embedding, to find it among the files of a model.
        time: when the document was written, in seconds since 1970.
    """
    weight = _weight(document)
    for is_shape, read in _SHAPES:
        if is_shape(document):
            return read(document, filename)._replace(time=time, weight=weight)
    return Claims("AUTOMATIC1111", time, weight=weight) if weight else None


def merged(all_claims: Iterable[Claims]) -> Claims:
    """Join claims: the latest counts for each subject, and those of the file itself come last."""
    newest = sorted(all_claims, key=lambda claims: claims.time or 0.0, reverse=True)
    found = NO_CLAIMS
    for claims in newest:
        said = {
            key: theirs
            for key, theirs in claims._asdict().items()
            if getattr(found, key) == getattr(NO_CLAIMS, key)
        }
        found = found._replace(**said)
    return found


# Civitai's own document of a version, as it sends it and as programs write it beside files


def of_civitai(version: Document, filename: str = "", address: str = _CIVITAI) -> Claims:
    """Return what Civitai says of a version.

    Args:
        version: with its model in it, as the server sends a single version.
        filename: of the embedding, to find it among the files.
        address: the Civitai site that has it.
    """
    files = objects_at(version, "files")
    meant: Sequence[Document] = _files_named(version, filename)
    if not meant:
        meant = files if len(files) == 1 else [version] if not files else []
    titles = (_text(version, "model", "name"), _text(version, "name"))
    texts = (_text(version, "description"), _text(version, "model", "description"))
    return Claims(
        "Civitai",
        title=" ".join(filter(None, titles)),
        author=_text(version, "model", "creator", "username")
        or _text(version, "creator", "username"),
        page=_page(version, "modelId", "id", address),
        licence=_text(version, "model", "license"),
        base_model=_text(version, "baseModel"),
        tags=texts_at(version, "model", "tags"),
        trigger_words=", ".join(trained_words(version)),
        description=without_tags("\n".join(filter(None, texts))),
        is_general=is_general(version) and is_general(object_at(version, "model")),
        field=next(filter(None, map(field_of, meant)), None),
        scan=scan_of(meant[0]) if len(meant) == 1 else "",
        sha256=sha256_of(meant[0]) if len(meant) == 1 else None,
    )


def trained_words(version: Document) -> tuple[str, ...]:
    """Return the trigger words of a version on Civitai."""
    return texts_at(version, "trainedWords")


def in_model(version: Document, model: Document) -> dict[str, Any]:
    """Return a version from a model's list in the form of a single version."""
    return {**version, "model": model, "modelId": model.get("id")}


def sha256_of(file: Document) -> str | None:
    """Return the SHA-256 of a file on Civitai; None where nobody says."""
    return sha256_at(file, "hashes", "SHA256")


def field_of(file: Document) -> Field | None:
    """Return the prompt field that a file on Civitai is for; None where nobody says."""
    return "negative" if value_at(file, "type") == "Negative" else None


def scan_of(file: Document) -> str:
    """Return what Civitai's scanners found in a file; empty where nobody says."""
    found = {what: _text(file, f"{what}ScanResult") for what in ("pickle", "virus")}
    return ", ".join(f"{what}: {result}" for what, result in found.items() if result)


def is_general(document: Document) -> bool:
    """Return whether Civitai says that everybody may see a model, a version or a picture."""
    return all(is_for_everybody(value_at(document, key)) for key in ("nsfwLevel", "nsfw"))


def is_for_everybody(level: object) -> bool:
    """Return whether a Civitai level is for everybody: a set of bits, or a word in old files."""
    if type(level) is int:
        return level <= 1
    return level in (None, False, "None")


# One function for each shape


def _of_ours(document: Document, _filename: str) -> Claims:
    source = object_at(document, "source")
    said = {claim: source.get(key) for claim, key in OUR_KEYS.items()}
    page = _text(said, "page")
    return Claims(
        _text(said, "tool") or "a download",
        title=_text(said, "title"),
        author=_text(said, "author"),
        page=page if page.startswith(("https://", "http://")) else "",
        base_model=_text(said, "base_model"),
        tags=texts_at(said, "tags"),
        is_general=said["is_general"] is not False,
        scan=_text(said, "scan"),
        sha256=sha256_at(said, "sha256"),
    )


def _of_matrix(document: Document, _filename: str) -> Claims:
    texts = (_text(document, key) for key in ("ModelDescription", "VersionDescription"))
    titles = (_text(document, key) for key in ("ModelName", "VersionName"))
    return Claims(
        "Stability Matrix",
        title=_text(document, "UserTitle") or " ".join(filter(None, titles)),
        author=_text(document, "AuthorUsername"),
        page=_page(document, "ModelId", "VersionId"),
        base_model=_text(document, "BaseModel"),
        tags=texts_at(document, "Tags"),
        trigger_words=", ".join(texts_at(document, "TrainedWords")),
        description=without_tags("\n".join(filter(None, texts))),
        is_general=document.get("Nsfw") is not True,
        sha256=sha256_at(document, "Hashes", "SHA256"),
    )


def _of_manager(document: Document, filename: str) -> Claims:
    said = of_civitai(object_at(document, "civitai"), filename)
    return said._replace(
        tool="LoRA Manager",
        title=_text(document, "model_name") or said.title,
        base_model=_text(document, "base_model") or said.base_model,
        tags=texts_at(document, "tags") or said.tags,
        trigger_words=", ".join(texts_at(document, "trainedWords")) or said.trigger_words,
        description=without_tags(_text(document, "modelDescription")) or said.description,
        is_general=said.is_general and is_for_everybody(document.get("preview_nsfw_level")),
        sha256=sha256_at(document, "sha256") or said.sha256,
    )


def _of_model(document: Document, filename: str) -> Claims:
    versions = objects_at(document, "modelVersions")
    named = [each for each in versions if _files_named(each, filename)]
    version = next(iter([*named, *versions]), {})
    return of_civitai(in_model(version, document), filename)


def _of_browser(document: Document, _filename: str) -> Claims:
    return Claims(
        "civitai-browser-plus",
        page=_page(document, "modelId", "modelVersionId"),
        sha256=sha256_at(document, "sha256"),
    )


def _of_header(document: Document, _filename: str) -> Claims:
    def said(key: str) -> str:
        return _text(document, f"modelspec.{key}")

    architecture = said("architecture").partition("/")[0]
    return Claims(
        said("implementation") or "The file",
        title=said("title"),
        author=said("author"),
        licence=said("license"),
        base_model=architecture or _text(document, "ss_base_model_version"),
        tags=tuple(filter(None, map(str.strip, said("tags").split(","))))[: LIMITS.claimed_tags],
        trigger_words=said("trigger_phrase"),
        description=without_tags(said("description") or said("usage_hint")),
    )


def _of_files_alone(document: Document, filename: str) -> Claims:
    return Claims(field=of_civitai(document, filename).field)


def _has(*keys: str) -> Callable[[Document], bool]:
    return lambda document: all(key in document for key in keys)


# The first match counts: our own documents also have the keys of civitai-browser-plus.
_SHAPES: tuple[tuple[Callable[[Document], bool], Callable[[Document, str], Claims]], ...] = (
    (lambda document: bool(value_at(document, "source", OUR_KEYS["tool"])), _of_ours),
    (_has("ModelId", "ModelName"), _of_matrix),
    (_has("file_path"), _of_manager),
    (_has("civitai"), _of_manager),
    (_has("modelVersions"), _of_model),
    (_has("modelId", "files"), of_civitai),
    (_has("modelId"), _of_browser),
    (lambda document: any(key.startswith(("modelspec.", "ss_")) for key in document), _of_header),
    (_has("files"), _of_files_alone),
    (_has("type"), _of_files_alone),
)


# Reading values


def _files_named(version: Document, filename: str) -> list[dict[str, Any]]:
    files = objects_at(version, "files")
    return [each for each in files if fold(_text(each, "name")) == fold(filename)]


def _text(document: Document, *keys: str) -> str:
    """Return a text as people read it."""
    return text_at(document, *keys).strip()


def _page(document: Document, model: str, version: str, address: str = _CIVITAI) -> str:
    """Return the page of a version on Civitai, given the keys of its numbers."""
    number, which = number_at(document, model), number_at(document, version)
    # Some programs write a sentence in place of a number, or 0.
    page = f"{address}/models/{number}" if number else ""
    return f"{page}?modelVersionId={which}" if page and which else page


def _weight(document: Document) -> float | None:
    """Return the weight in A1111's sidecar, where other programs write too; 0 means none."""
    found = document.get("preferred weight")
    is_weight = type(found) in (int, float) and 0 < abs(float(found)) <= LIMITS.set_weight  # type: ignore[arg-type]
    return float(found) if is_weight else None  # type: ignore[arg-type]
