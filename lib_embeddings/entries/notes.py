"""The texts beside an embedding: notes, a description, and a prompt field.

A1111 keeps what users write about a file in a sidecar, `<stem>.json`. A description may also lie in
`<stem>.txt` or `<stem>.description.txt`. Nothing here writes any of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from lib_embeddings.entries.entry import Companion, Entry
from lib_embeddings.entries.place import Place
from lib_embeddings.fields import FIELDS, Field
from lib_embeddings.names import fold

# Older versions wrote it into the sidecar.
_FIELD_KEY = "prompt box"
# Sidecars are a few KB, but anything may be called so.
_MOST_BYTES = 256 * 1024


class Texts(NamedTuple):
    """What was written about an embedding; *field* is None where nobody chose a prompt field."""

    notes: str = ""
    description: str = ""
    field: Field | None = None


def read_texts(entry: Entry) -> Texts:
    """Return what is written beside an embedding; what is damaged or huge counts as empty."""
    if not entry.companions:
        return _NO_TEXTS
    return _read_texts(entry.place, entry.companions)


_NO_TEXTS = Texts()


# Companions carry their modification time, so that a text is read again when it has changed.
@lru_cache(maxsize=20_000)
def _read_texts(place: Place, companions: tuple[Companion, ...]) -> Texts:
    json_text, *descriptions = (
        _content(place, _named(f"{place.name}{ending}", companions))
        for ending in (".json", ".txt", ".description.txt")
    )
    try:
        document = _parse(json_text or b"{}")
    except ValueError:
        document = {}
    notes, description, field = (document.get(key) for key in ("notes", "description", _FIELD_KEY))
    return Texts(
        notes if isinstance(notes, str) else "",
        description if isinstance(description, str) and description else _first(descriptions),
        field if field in FIELDS else None,
    )


def _named(filename: str, companions: Iterable[Companion]) -> Companion | None:
    wanted = fold(filename)
    return next((each for each in companions if fold(each.filename) == wanted), None)


def _content(place: Place, companion: Companion | None) -> bytes:
    if companion is None or companion.size > _MOST_BYTES:
        return b""
    try:
        return Path(place.beside(companion.filename).full_path).read_bytes()
    except OSError:
        return b""


def _parse(text: bytes) -> dict[str, Any]:
    """Return the object that a sidecar holds. Raises `ValueError`."""
    try:
        document = json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    if not isinstance(document, dict):
        raise ValueError("it holds no object")  # noqa: TRY004 any damage is one kind of error
    return document


def _first(texts: Iterable[bytes]) -> str:
    return next((text.decode("utf-8-sig", "replace").strip() for text in texts if text), "")
