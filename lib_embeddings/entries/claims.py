"""What other programs and sites say of an embedding, as they have left it beside the file or in it.

Several programs call their files alike, so each is told by its shape and not by its name. The keys
are those of civitai-helper, civitai-browser-plus, SD.Next, LoRA Manager, Stability Matrix, SwarmUI,
kohya's and OneTrainer's trainers, as their sources have them. None of it is believed over the
vectors, and no value is trusted to be of the kind that it should be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from lib_embeddings.entries.plain_text import without_tags
from lib_embeddings.formats.text_encoders import families_for, made_for
from lib_embeddings.limits import LIMITS
from lib_embeddings.names import Field, as_text, fold

Document = Mapping[str, object]

# Which model families Civitai's names of base models mean: civitai/civitai,
# `packages/civitai-shared/src/basemodel.constants.ts`. What is not here is shown as it is.
BASE_MODELS = {
    "sd1": ("SD 1.4", "SD 1.5", "SD 1.5 LCM", "SD 1.5 Hyper"),
    "sd2": ("SD 2.0", "SD 2.0 768", "SD 2.1", "SD 2.1 768", "SD 2.1 Unclip"),
    "sdxl": (
        *("SDXL 0.9", "SDXL 1.0", "SDXL 1.0 LCM", "SDXL Lightning", "SDXL Hyper", "SDXL Turbo"),
        *("SDXL Distilled", "Pony", "Illustrious", "NoobAI"),
    ),
    "sd3": ("SD 3", "SD 3.5", "SD 3.5 Large", "SD 3.5 Large Turbo", "SD 3.5 Medium"),
    "flux": ("Flux.1 S", "Flux.1 D", "Flux.1 Krea", "Flux.1 Kontext"),
}
# Those of ModelSpec's `architecture`, as far as it is not about a size of pictures.
_ARCHITECTURES = {
    "sd1": ("stable-diffusion-v1",),
    "sd2": ("stable-diffusion-v2-512", "stable-diffusion-v2-768-v"),
    "sdxl": ("stable-diffusion-xl-v1-base",),
    "sd3": ("stable-diffusion-v3-medium", "stable-diffusion-v3.5-large"),
    "flux": ("flux-1-dev",),
}

# What our own sidecars have under `source`: by what is claimed, its key.
OUR_KEYS = {
    "tool": "site",
    "title": "title",
    "page": "page",
    "author": "author",
    "base_model": "base model",
    "is_general": "general",
    "tags": "tags",
    "sha256": "sha256",
}

_SHA256 = re.compile(r"(?:0x)?([0-9a-f]{64})", re.IGNORECASE)


class Claims(NamedTuple):
    """What is said of an embedding; empty where nobody says anything.

    Attributes:
        tool: the program that says it.
        time: when it did, in seconds since 1970; None where the file itself says it.
        page: where people read about it.
        base_model: as it is spelled.
        tags: what it is about.
        weight: the one that its author recommends.
        is_general: whether it is for everybody.
        field: the prompt field that it is for.
        sha256: of the file that is spoken of.
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
    sha256: str | None = None

    @property
    def families(self) -> tuple[str, ...]:
        """Keys of the model families that the base model belongs to; none if unknown."""
        return families_named(self.base_model)

    def contradiction(self, encoders: Collection[str]) -> str | None:
        """Return what to say where the vectors are for other models than is said."""
        return contradiction(self.tool, self.base_model, encoders)


NO_CLAIMS = Claims()


def families_named(base_model: str | None) -> tuple[str, ...]:
    """Return the keys of the model families that the name of a base model means."""
    return tuple(
        key
        for key, names in BASE_MODELS.items()
        if base_model in names or base_model in _ARCHITECTURES[key]
    )


def contradiction(who: str, base_model: str | None, encoders: Collection[str]) -> str | None:
    """Return what to say where vectors are for other models than somebody says.

    Args:
        encoders: text encoder keys of the vectors.
    """
    fitting = {family.key for family in families_for(encoders)}
    claimed = families_named(base_model)
    if not fitting or not claimed or fitting.intersection(claimed):
        return None
    return f"{who} says {base_model}, but the vectors are for {made_for(encoders)}"


def claims_in(document: Document, filename: str, time: float | None) -> Claims | None:
    """Return what a document says; None where it is none of a program that is known.

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
    """Return what is said, each thing by who said it last; what files say themselves comes last."""
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


# One function for each shape


def _of_ours(document: Document, _filename: str) -> Claims:
    source = _object(document, "source")
    said = {claim: source.get(key) for claim, key in OUR_KEYS.items()}
    page = _text(said, "page")
    return Claims(
        _text(said, "tool") or "a download",
        title=_text(said, "title"),
        author=_text(said, "author"),
        page=page if page.startswith(("https://", "http://")) else "",
        base_model=_text(said, "base_model"),
        tags=_texts(said, "tags"),
        is_general=said["is_general"] is not False,
        sha256=_sha256(said["sha256"]),
    )


def _of_matrix(document: Document, _filename: str) -> Claims:
    texts = (_text(document, key) for key in ("ModelDescription", "VersionDescription"))
    titles = (_text(document, key) for key in ("ModelName", "VersionName"))
    return Claims(
        "Stability Matrix",
        title=_text(document, "UserTitle") or " ".join(filter(None, titles)),
        author=_text(document, "AuthorUsername"),
        page=_page(document.get("ModelId"), document.get("VersionId")),
        base_model=_text(document, "BaseModel"),
        tags=_texts(document, "Tags"),
        trigger_words=", ".join(_texts(document, "TrainedWords")),
        description=without_tags("\n".join(filter(None, texts))),
        is_general=document.get("Nsfw") is not True,
        sha256=_sha256(_object(document, "Hashes").get("SHA256")),
    )


def _of_manager(document: Document, filename: str) -> Claims:
    said = _of_version(_object(document, "civitai"), filename)
    return said._replace(
        tool="LoRA Manager",
        title=_text(document, "model_name") or said.title,
        base_model=_text(document, "base_model") or said.base_model,
        tags=_texts(document, "tags") or said.tags,
        trigger_words=", ".join(_texts(document, "trainedWords")) or said.trigger_words,
        description=without_tags(_text(document, "modelDescription")) or said.description,
        is_general=said.is_general and is_for_everybody(document.get("preview_nsfw_level")),
        sha256=_sha256(document.get("sha256")) or said.sha256,
    )


def _of_model(document: Document, filename: str) -> Claims:
    versions = _objects(document, "modelVersions")
    named = [each for each in versions if _files_named(each, filename)]
    version = next(iter([*named, *versions]), {})
    return _of_version({**version, "model": document, "modelId": document.get("id")}, filename)


def _of_version(document: Document, filename: str) -> Claims:
    model = _object(document, "model")
    titles = (_text(model, "name"), _text(document, "name"))
    files = _objects(document, "files")
    meant: Sequence[Document] = _files_named(document, filename)
    if not meant:
        meant = files if len(files) == 1 else [document] if not files else []
    hashes = [_sha256(_object(each, "hashes").get("SHA256")) for each in meant]
    texts = (_text(document, "description"), _text(model, "description"))
    return Claims(
        "Civitai",
        title=" ".join(filter(None, titles)),
        author=_text(_object(model, "creator"), "username")
        or _text(_object(document, "creator"), "username"),
        page=_page(document.get("modelId"), document.get("id")),
        licence=_text(model, "license"),
        base_model=_text(document, "baseModel"),
        tags=_texts(model, "tags"),
        trigger_words=", ".join(_texts(document, "trainedWords")),
        description=without_tags("\n".join(filter(None, texts))),
        is_general=is_for_everybody(document.get("nsfwLevel"))
        and is_for_everybody(model.get("nsfw")),
        field="negative" if any(each.get("type") == "Negative" for each in meant) else None,
        sha256=next(filter(None, hashes), None) if len(meant) == 1 else None,
    )


def _of_browser(document: Document, _filename: str) -> Claims:
    return Claims(
        "civitai-browser-plus",
        page=_page(document.get("modelId"), document.get("modelVersionId")),
        sha256=_sha256(document.get("sha256")),
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
    return Claims(field=_of_version(document, filename).field)


def _has(*keys: str) -> Callable[[Document], bool]:
    return lambda document: all(key in document for key in keys)


# The first that fits: a document of our own also has the keys of civitai-browser-plus.
_SHAPES: tuple[tuple[Callable[[Document], bool], Callable[[Document, str], Claims]], ...] = (
    (lambda document: bool(_object(document, "source").get(OUR_KEYS["tool"])), _of_ours),
    (_has("ModelId", "ModelName"), _of_matrix),
    (_has("file_path"), _of_manager),
    (_has("civitai"), _of_manager),
    (_has("modelVersions"), _of_model),
    (_has("modelId", "files"), _of_version),
    (_has("modelId"), _of_browser),
    (lambda document: any(key.startswith(("modelspec.", "ss_")) for key in document), _of_header),
    (_has("files"), _of_files_alone),
    (_has("type"), _of_files_alone),
)


# Reading values


def _files_named(version: Document, filename: str) -> list[Document]:
    files = _objects(version, "files")
    return [each for each in files if fold(_text(each, "name")) == fold(filename)]


def _object(document: Document, key: str) -> Mapping[str, Any]:
    found = document.get(key)
    return found if isinstance(found, dict) else {}


def _objects(document: Document, key: str) -> list[Mapping[str, Any]]:
    found = document.get(key)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _text(document: Document, key: str) -> str:
    found = document.get(key)
    return as_text(found[: LIMITS.text_characters]).strip() if isinstance(found, str) else ""


def _texts(document: Document, key: str) -> tuple[str, ...]:
    """Return the texts in a list, of which some programs write objects with a name."""
    found = document.get(key)
    listed = found[: LIMITS.claimed_tags] if isinstance(found, list) else []
    texts = (_text(each, "name") if isinstance(each, dict) else each for each in listed)
    return tuple(as_text(each.strip()) for each in texts if isinstance(each, str) and each.strip())


def _page(model: object, version: object) -> str:
    """Return the page of a version on Civitai; some programs write a sentence for a number."""
    if type(model) is not int or model <= 0:
        return ""
    which = f"?modelVersionId={version}" if type(version) is int and version > 0 else ""
    return f"https://civitai.com/models/{model}{which}"


def _weight(document: Document) -> float | None:
    """Return the weight in A1111's sidecar, into which others write; 0 stands for none."""
    found = document.get("preferred weight")
    is_weight = type(found) in (int, float) and 0 < abs(float(found)) <= LIMITS.set_weight  # type: ignore[arg-type]
    return float(found) if is_weight else None  # type: ignore[arg-type]


def _sha256(value: object) -> str | None:
    found = _SHA256.fullmatch(value) if isinstance(value, str) else None
    return found[1].lower() if found else None


def is_for_everybody(level: object) -> bool:
    """Tell whether a level of Civitai's is for everybody: a set of bits, or a word in old files."""
    if type(level) is int:
        return level <= 1
    return level in (None, False, "None")
