"""The texts beside an embedding: notes, a description, and the prompt box it belongs to.

A1111 keeps what users write about a file in a sidecar, `<stem>.json`. One key of ours goes there
too; all others stay as they are. A description may also lie in `<stem>.txt` or
`<stem>.description.txt`.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from lib_embeddings.entries.atomic import write_atomically
from lib_embeddings.entries.snapshot import Companion, Entry
from lib_embeddings.names import fold
from lib_embeddings.prompts.fields import FIELDS, Field, guess_field

Box = Field
BOXES = FIELDS

_BOX_KEY = "prompt box"
# Sidecars are a few KB, but anything may be called so.
_MOST_BYTES = 256 * 1024
# Two changes to one sidecar must not both start from the same old content.
_WRITING = threading.Lock()


class Texts(NamedTuple):
    """What was written about an embedding; *box* is None where nobody chose."""

    notes: str = ""
    description: str = ""
    box: Box | None = None


class SidecarError(Exception):
    """A sidecar cannot be changed; `str()` is the sentence for the user."""


def read_texts(entry: Entry) -> Texts:
    """Return what is written beside an embedding; what is damaged or huge counts as empty."""
    if not entry.companions:
        return _NO_TEXTS
    folder, filename = os.path.split(entry.full_path)
    return _read_texts(folder, os.path.splitext(filename)[0], entry.companions)


def box_of(entry: Entry) -> Box:
    """Return the prompt box an embedding's name belongs to: the chosen one, else a guess."""
    return read_texts(entry).box or guess_field(entry.name)


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
    notes, description, box = (document.get(key) for key in ("notes", "description", _BOX_KEY))
    return Texts(
        notes if isinstance(notes, str) else "",
        description if isinstance(description, str) and description else _first(descriptions),
        box if box in BOXES else None,
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


# Changing it


def write_box(entry: Entry, box: Box) -> None:
    """Keep the chosen box in the sidecar beside an embedding. Raises `SidecarError`."""
    folder, filename = os.path.split(entry.full_path)
    name = f"{os.path.splitext(filename)[0]}.json"
    existing = _named(name, entry.companions)
    path = os.path.join(folder, existing.filename if existing else name)
    with _WRITING:
        document = _read_whole(path)
        document[_BOX_KEY] = box
        text = json.dumps(document, indent=4, ensure_ascii=False)
        try:
            write_atomically(path, text.encode("utf-8", "surrogatepass"))
        except OSError as error:
            raise SidecarError(
                f"{os.path.basename(path)} cannot be written: {error.strerror}"
            ) from error


def _read_whole(path: str) -> dict[str, Any]:
    try:
        return _parse(Path(path).read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SidecarError(f"{os.path.basename(path)} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise SidecarError(
            f"{os.path.basename(path)} is damaged: repair or delete it first ({error})"
        ) from error
