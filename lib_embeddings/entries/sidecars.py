"""Write into the sidecar of an embedding, `<name>.json`.

Only the changed values are rewritten, and no other byte: other programs keep their own things in
it.
"""

from __future__ import annotations

import json
import logging
import os
import re
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from lib_embeddings.entries.entry import Companion, Entry
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.read import open_file
from lib_embeddings.entries.texts import TEXT_KEYS, beside, content, first_text, parse
from lib_embeddings.entries.writing import Move, write_beside
from lib_embeddings.errors import LimitExceeded, WriteError, shown
from lib_embeddings.formats.file_bytes import parse_json
from lib_embeddings.limits import LIMITS, at_most
from lib_embeddings.names import METADATA, SIDECAR_SUFFIX, fold, is_text

log = logging.getLogger(__name__)


class TextEdit(NamedTuple):
    """The text that somebody read, and the one that replaces it."""

    before: str
    after: str


# In one process there is one writer at a time: each has read what the last one wrote.
_writing = threading.Lock()


def written_texts(entry: Entry) -> dict[str, str]:
    """Return the texts that people edit, by the API's words, as they are on the disk now.

    A description is returned as it was written, tags included.
    """
    place = entry.place
    sidecar, *others = (content(place, each) for each in beside(place, entry.companions))
    document = parse(sidecar)
    texts = {word: first_text([document.get(key)]) for word, key in TEXT_KEYS.items()}
    return {**texts, "description": first_text([texts["description"], *others])}


def write_texts(entry: Entry, edits: Mapping[str, TextEdit]) -> None:
    """Write texts into the sidecar of an embedding, all of them or none.

    Args:
        edits: by the API's words; the text that was read must still be there.

    Raises:
        WriteError: it is not, or the sidecar cannot be understood or written.
    """
    with _writing:
        place, others = _sidecar_of(entry)
        found = [content(entry.place, each) for each in others]
        before = _bytes_at(place)
        after = _edited(before, place, edits, first_text(found))
        if after is not None and after != before:
            write_beside(place, after, partial(_check_unchanged, place, before))


def complete_sidecar(entry: Entry, document: Mapping[str, object]) -> None:
    """Add to the sidecar of an embedding what it does not say yet; what it says stays.

    Raises:
        WriteError: the sidecar cannot be understood or written.
    """
    with _writing:
        place, _ = _sidecar_of(entry)
        before = _bytes_at(place)
        if before is None:
            after = _as_json(document, indent=4).encode()
        else:
            text, found = _understood(before, place)
            for key, value in document.items():
                if found.get(key) in (None, "", 0):
                    text = _with(text, key, value)
            after = text.encode(json.detect_encoding(before))
        if after != before:
            write_beside(place, after, partial(_check_unchanged, place, before))


def follow_moves(moves: Sequence[Move]) -> None:
    """Update LoRA Manager's document on the files that have just moved.

    Its keys are those of `py/utils/models.py` there. The document keeps its time, as its claims are
    no newer. One that cannot be understood or written stays as it is: the files have moved, and
    LoRA Manager will notice by itself.
    """
    by_name = {move.source.filename: move for move in moves}
    for _, place in moves:
        if fold(place.filename).endswith(_MANAGER_ENDING):
            try:
                with _writing:
                    _follow_moves(place, by_name)
            except (WriteError, OSError) as error:
                log.warning("%s", error)


# The ending of LoRA Manager's documents, and their keys for facts about files.
_MANAGER_ENDING = f"{METADATA}{SIDECAR_SUFFIX}"
_MANAGER_KEYS = ("file_name", "file_path", "preview_url")


def _follow_moves(place: Place, by_name: Mapping[str, Move]) -> None:
    before = _bytes_at(place) or b""
    text, document = _understood(before, place)
    for key in _MANAGER_KEYS:
        said = document.get(key)
        if isinstance(said, str):
            text = _with(text, key, _followed(said, by_name))
    after = text.encode(json.detect_encoding(before))
    if after != before:
        written = os.stat(place.full_path)
        write_beside(place, after, partial(_check_unchanged, place, before))
        os.utime(place.full_path, ns=(written.st_atime_ns, written.st_mtime_ns))


def _followed(said: str, by_name: Mapping[str, Move]) -> str:
    """Return how some moves change a path, or a name without its ending."""
    folder, slash, filename = said.rpartition("/")
    if not slash:
        names = {source.name: target.name for source, target in by_name.values()}
        return names.get(said, said)
    if filename not in by_name:
        return said
    source, target = by_name[filename]
    if source.full_folder == target.full_folder:
        return f"{folder}/{target.filename}"
    return target.slashed_path


def _sidecar_of(entry: Entry) -> tuple[Place, list[Companion | None]]:
    """Return the present or future place of the sidecar, and what may describe the embedding."""
    sidecar, *others = beside(entry.place, entry.companions)
    if sidecar:
        return entry.place.beside(sidecar.filename), others
    return entry.place.with_ending(SIDECAR_SUFFIX), others


def _check_unchanged(place: Place, before: bytes | None) -> None:
    if _bytes_at(place) != before:
        raise WriteError(f"{shown(place.filename, 255)} has just changed: try again")


def _understood(data: bytes, place: Place) -> tuple[str, dict[str, object]]:
    """Return the text of a sidecar, and the object in it. Raises `WriteError`."""
    encoding = json.detect_encoding(data)
    try:
        text = data.decode(encoding)
        document = parse_json(text.encode(), dict)
    except (ValueError, LimitExceeded) as error:
        raise _not_understood(place) from error
    if not isinstance(document, dict) or text.encode(encoding) != data:
        raise _not_understood(place)
    return text, document


def _bytes_at(place: Place) -> bytes | None:
    """Return the bytes of a sidecar; None where there is none. Raises `WriteError`."""
    try:
        with open_file(place.full_path) as file:
            data = file.read(LIMITS.sidecar_bytes + 1)
            at_most(LIMITS.sidecar_bytes, len(data), "bytes")
            return data
    except FileNotFoundError:
        return None
    except (OSError, LimitExceeded) as error:
        raise _not_understood(place) from error


def _edited(
    data: bytes | None, place: Place, edits: Mapping[str, TextEdit], elsewhere: str
) -> bytes | None:
    """Return a sidecar with its texts changed.

    Args:
        elsewhere: the description in a file beside it.
    """
    text, document = ("", {}) if data is None else _understood(data, place)
    changed: dict[str, str] = {}
    for word, (before, after) in edits.items():
        key = TEXT_KEYS[word]
        now = document.get(key, "")
        if not isinstance(now, str):
            raise _not_understood(place)
        if before != (now or (elsewhere if word == "description" else "")):
            raise WriteError(
                f"the {word.replace('_', ' ')} changed elsewhere: reload and edit again"
            )
        if word == "description" and elsewhere and not after:
            raise WriteError("the description is also in a text file beside it: empty that file")
        if after != before:
            changed[key] = after
    if data is None:
        return _as_json(changed, indent=4).encode() if changed else None
    for key, value in changed.items():
        text = _with(text, key, value)
    return text.encode(json.detect_encoding(data))


def _with(text: str, key: str, value: object) -> str:
    """Return the text of a JSON object with another value for a key, and the rest as it is."""
    at, end, gap = _find(text, key)
    if at:
        return f"{text[:at]}{_as_json(value)}{text[end:]}"
    comma = "," if text[:end].rstrip() != text[: text.index("{") + 1] else ""
    return f"{text[:end]}{comma}{gap}{_as_json(key)}: {_as_json(value)}{text[end:]}"


def _find(text: str, key: str) -> tuple[int, int, str]:
    """Find the last value that a JSON object has for a key.

    Returns:
        where it begins and ends; without one 0, the end of the last of all values, and the text
        between that value and the one before.
    """
    decoder = json.JSONDecoder(parse_int=str)  # no number is needed
    at = end = text.index("{") + 1
    found, gap = (0, 0), ""
    while text[_behind_blanks(text, at)] != "}":
        begin = _behind_blanks(text, at)
        gap = text[at:begin]
        each, at = decoder.raw_decode(text, begin)
        begin = _behind_blanks(text, _behind_blanks(text, at) + len(":"))
        _, end = decoder.raw_decode(text, begin)
        if each == key:
            found = begin, end
        at = _behind_blanks(text, end)
        at += text[at] == ","
    return (*found, gap) if found[0] else (0, end, gap)


def _behind_blanks(text: str, at: int) -> int:
    match = _BLANKS.match(text, at)
    return match.end() if match else at


_BLANKS = re.compile(r"[ \t\n\r]*")


def _as_json(value: object, indent: int | None = None) -> str:
    """Return JSON as A1111 writes it, with characters that no file can hold escaped."""
    written = json.dumps(value, ensure_ascii=False, indent=indent)
    return written if is_text(written) else json.dumps(value, indent=indent)


def _not_understood(place: Place) -> WriteError:
    return WriteError(
        f"{shown(place.filename, 255)} is not JSON that can be edited here: fix it or move it away"
    )
