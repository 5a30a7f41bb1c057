"""The texts beside an embedding: notes, a description, and a prompt field.

A1111 keeps what users write about a file in a sidecar, `<stem>.json`. A description may also lie in
`<stem>.txt` or `<stem>.description.txt`. Nothing here writes any of them.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from lib_embeddings.entries.snapshot import Companion, Entry
from lib_embeddings.names import fold

Field = Literal["positive", "negative"]
FIELDS: tuple[Field, ...] = get_args(Field)

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
    folder, filename = os.path.split(entry.full_path)
    return _read_texts(folder, os.path.splitext(filename)[0], entry.companions)


_NO_TEXTS = Texts()


# Companions carry their modification time, so that a text is read again when it has changed.
@lru_cache(maxsize=20_000)
def _read_texts(folder: str, stem: str, companions: tuple[Companion, ...]) -> Texts:
    json_text, *descriptions = (
        _content(folder, _named(f"{stem}{ending}", companions))
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


def _content(folder: str, companion: Companion | None) -> bytes:
    if companion is None or companion.size > _MOST_BYTES:
        return b""
    try:
        return Path(folder, companion.filename).read_bytes()
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


# Guessing

_NEGATIVE = re.compile(
    r"negative"
    r"|(?<![a-z])(?:bad|neg|ng|worst|ugly)"
    r"(?:(?![a-z])|anatom|artist|bod|dream|fac|feet|finger|hand|image|neg|pic|prompt|quality)"
)


def guess_field(name: str) -> Field:
    """Guess the prompt field from a name.

    Negative are names with *negative* anywhere, and names with a word that is one of *bad*, *neg*,
    *ng*, *worst* and *ugly*, or is made of one and what usually follows (*badhand*, *badprompt*). A
    word begins after anything but a letter, and at a capital after a small letter.
    """
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return "negative" if _NEGATIVE.search(words.lower()) else "positive"
