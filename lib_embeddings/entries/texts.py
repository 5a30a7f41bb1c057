"""What people write about an embedding: notes, a description, trigger words.

A1111 keeps them in a sidecar, `<name>.json`. A description may also lie in `<name>.txt` or
`<name>.description.txt`, and other tools keep more there, which `claims` understands; these are
only read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

from lib_embeddings.entries.claims import NO_CLAIMS, Claims, claims_in, merged
from lib_embeddings.entries.documents import without_tags
from lib_embeddings.entries.entry import Companion, Entry, by_name
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.read import open_file
from lib_embeddings.errors import LimitExceeded
from lib_embeddings.formats.file_bytes import parse_json
from lib_embeddings.limits import LIMITS
from lib_embeddings.names import (
    BROWSER,
    CIVITAI,
    DESCRIPTION,
    FIELDS,
    INFO_SUFFIX,
    MATRIX,
    METADATA,
    SIDECAR_SUFFIX,
    SWARM,
    TEXT_SUFFIX,
    Field,
    fold,
)

# A sidecar's key for the prompt field; downloads write it, as versions before 0.1.0 did.
FIELD_KEY = "prompt box"
_TEXT_ENDINGS = (SIDECAR_SUFFIX, TEXT_SUFFIX, f"{DESCRIPTION}{TEXT_SUFFIX}")
_TOOL_ENDINGS = (
    SIDECAR_SUFFIX,
    f"{CIVITAI}{INFO_SUFFIX}",
    *(f"{word}{SIDECAR_SUFFIX}" for word in (METADATA, MATRIX, SWARM, BROWSER)),
)

# Texts that people edit: the API's words, and the keys in a sidecar.
TEXT_KEYS = {
    "notes": "notes",
    "description": "description",
    "trigger_words": "activation text",
}


class Texts(NamedTuple):
    """The texts about an embedding.

    Attributes:
        description, trigger_words: a person's own, otherwise those that are claimed.
        field: the prompt field that somebody chose; None where nobody did.
        claims: what other tools and sites say.
    """

    notes: str = ""
    description: str = ""
    field: Field | None = None
    trigger_words: str = ""
    claims: Claims = NO_CLAIMS


def read_texts(entry: Entry) -> Texts:
    """Return the texts about an embedding; a damaged or huge file counts as empty."""
    place, companions, metadata = entry.place, entry.companions, entry.reading.metadata
    if not companions and not metadata:
        return _NO_TEXTS
    said = tuple(metadata.items())
    try:
        return _known_texts(place, companions, said)
    except _Incomplete as incomplete:
        return incomplete.texts


_NO_TEXTS = Texts()
# What the file itself has about it.
_Metadata = tuple[tuple[str, str | int], ...]


class _Incomplete(Exception):
    """A file could not be read: locked, or on its way elsewhere, and maybe back with its time."""

    def __init__(self, texts: Texts) -> None:
        super().__init__()
        self.texts = texts


# Companions carry their modification times, so a text is read again when it has changed.
@lru_cache(maxsize=LIMITS.remembered_texts)
def _known_texts(place: Place, companions: tuple[Companion, ...], said: _Metadata) -> Texts:
    """Read each file once. Raises `_Incomplete`: what the disk decided is never kept."""
    own, tools = (beside(place, companions, some) for some in (_TEXT_ENDINGS, _TOOL_ENDINGS))
    contents, is_complete = dict.fromkeys((*own, *tools), ""), True
    for each in contents:
        try:
            contents[each] = _content(place, each)
        except OSError:
            is_complete = False
    sidecar, *others = (contents[each] for each in own)
    document = parse(sidecar)
    texts = {word: first_text([document.get(key)]) for word, key in TEXT_KEYS.items()}
    field = document.get(FIELD_KEY)
    is_of_model = "modelVersions" in document  # SD.Next's, whose description is a site's
    description = without_tags(first_text(["" if is_of_model else texts["description"], *others]))
    trigger_words = texts["trigger_words"][: LIMITS.text_characters]
    claims = merged(_claims(place, {each: contents[each] for each in tools if each}, said))
    read = Texts(
        texts["notes"][: LIMITS.text_characters],
        description or claims.description,
        field if field in FIELDS else None,
        trigger_words or claims.trigger_words,
        claims,
    )
    if not is_complete:
        raise _Incomplete(read)
    return read


def _claims(place: Place, contents: Mapping[Companion, str], said: _Metadata) -> Iterator[Claims]:
    for each, text in contents.items():
        claims = claims_in(parse(text), place.filename, each.mtime_ns / 1e9)
        if claims:
            yield claims
    in_file = claims_in(dict(said), place.filename, None)
    if in_file:
        yield in_file


def beside(
    place: Place, companions: Iterable[Companion], endings: Sequence[str] = _TEXT_ENDINGS
) -> list[Companion | None]:
    """Return an embedding's sidecar and the other files that may describe it, if there are any."""
    known = by_name(companions)
    return [known.get(fold(f"{place.name}{ending}")) for ending in endings]


def first_text(values: Iterable[object]) -> str:
    """Return the first of some values that is a text with anything in it; empty where none is."""
    return next((value for value in values if isinstance(value, str) and value), "")


def content(place: Place, companion: Companion | None) -> str:
    """Return the text of a companion; empty where there is none, or it is huge or unreadable."""
    with suppress(OSError):
        return _content(place, companion)
    return ""


def _content(place: Place, companion: Companion | None) -> str:
    """Return the same. Raises `OSError` for one that is unreadable."""
    if companion is None or companion.size > LIMITS.sidecar_bytes:
        return ""
    with open_file(place.beside(companion.filename).full_path) as file:
        return _decode(file.read(LIMITS.sidecar_bytes))


def _decode(data: bytes) -> str:
    """Return the text that some editor wrote, in any encoding.

    In Chinese text of GBK most characters are two bytes beyond ASCII; those of Latin-1 stand alone
    among letters.
    """
    encoding = json.detect_encoding(data)
    with suppress(UnicodeDecodeError):
        return data.decode(encoding)
    with suppress(UnicodeDecodeError):
        text = data.decode("gb18030")
        n_bytes = sum(byte > 0x7F for byte in data)
        if 2 * n_bytes > 3 * sum(not character.isascii() for character in text):
            return text
    return data.decode("cp1252", "replace")


def parse(text: str) -> dict[str, object]:
    """Return the object in a sidecar; anything else counts as empty."""
    return parsed(text) or {}


def parsed(text: str) -> dict[str, object] | None:
    """Return the object in a sidecar; None for anything else."""
    try:
        document = parse_json(text.encode("utf-8", "replace"), dict)
    except (ValueError, LimitExceeded):
        return None
    return document if isinstance(document, dict) else None
