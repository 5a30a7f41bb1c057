"""What people write about an embedding: notes, a description, trigger words.

A1111 keeps it in a sidecar, `<name>.json`. A description may also lie in `<name>.txt` or
`<name>.description.txt`, and other tools keep in `<name>.civitai.info` and `<name>.metadata.json`
what a site says; these are only read. Where a text is edited, every other byte of the
sidecar stays as it is: other programs keep things of their own in it.
"""

from __future__ import annotations

import html
import json
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

from lib_embeddings.entries.companions import by_name, write_beside
from lib_embeddings.entries.entry import Companion, Entry
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.read import open_file
from lib_embeddings.errors import LimitExceeded, WriteError, shown
from lib_embeddings.formats.file_bytes import parse_json
from lib_embeddings.limits import LIMITS, at_most
from lib_embeddings.names import (
    CIVITAI,
    DESCRIPTION,
    FIELDS,
    INFO_SUFFIX,
    METADATA,
    SIDECAR_SUFFIX,
    TEXT_SUFFIX,
    Field,
    fold,
    is_text,
)

# Where a sidecar has the prompt field; downloads write it, as versions before 0.1.0 did.
FIELD_KEY = "prompt box"
_TEXT_ENDINGS = (SIDECAR_SUFFIX, TEXT_SUFFIX, f"{DESCRIPTION}{TEXT_SUFFIX}")
_SITE_ENDINGS = (f"{CIVITAI}{INFO_SUFFIX}", f"{METADATA}{SIDECAR_SUFFIX}")

# What sites write their descriptions with. Other words in angle brackets are what they say, as
# `<lora:x:1>` and `<s1>` are.
_TAGS = (
    "a|abbr|article|aside|audio|b|big|blockquote|br|button|canvas|center|code|dd|del|details|div"
    "|dl|dt|em|embed|figcaption|figure|font|footer|form|h[1-6]|header|hr|i|iframe|img|input|ins|kbd"
    "|label|li|link|main|mark|marquee|math|meta|nav|object|ol|option|p|param|picture|pre|q|s|samp"
    "|section|select|small|source|span|strike|strong|sub|summary|sup|svg|table|tbody|td|textarea"
    "|tfoot|th|thead|tr|tt|u|ul|var|video|wbr"
)
_UNSEEN = re.compile(
    r"<(script|style)\b.*?(?:</\1\s*>|$)|<!--.*?(?:-->|$)", re.DOTALL | re.IGNORECASE
)
_LINE_END = re.compile(r"<br\b[^<>]*>|</(?:p|div|li|h[1-6]|tr|blockquote)\s*>", re.IGNORECASE)
_TAG = re.compile(rf"</?(?:{_TAGS})(?:[\s/][^<>]*)?>", re.IGNORECASE)


# Texts that people edit, by the words of the API, with their keys in a sidecar.
TEXT_KEYS = {
    "notes": "notes",
    "description": "description",
    "trigger_words": "activation text",
}


class Texts(NamedTuple):
    """What was written about an embedding.

    Attributes:
        field: the prompt field that somebody chose; None where nobody did.
        site_field: the prompt field that a site says it is for; None where none says so.
    """

    notes: str = ""
    description: str = ""
    field: Field | None = None
    trigger_words: str = ""
    site_field: Field | None = None


def read_texts(entry: Entry) -> Texts:
    """Return what is written beside an embedding; what is damaged or huge counts as empty."""
    if not entry.companions:
        return _NO_TEXTS
    return _read_texts(entry.place, entry.companions)


_NO_TEXTS = Texts()


# Companions carry their modification time, so that a text is read again when it has changed.
@lru_cache(maxsize=LIMITS.remembered_texts)
def _read_texts(place: Place, companions: tuple[Companion, ...]) -> Texts:
    sidecar, *others = (_content(place, each) for each in _beside(place, companions))
    document = _parse(sidecar)
    texts = {word: _first_text([document.get(key)]) for word, key in TEXT_KEYS.items()}
    field = document.get(FIELD_KEY)
    of_site = (_parse(_content(place, each)) for each in _beside(place, companions, _SITE_ENDINGS))
    is_negative = any(_is_negative(each, place.filename) for each in (document, *of_site))
    return Texts(
        texts["notes"][: LIMITS.text_characters],
        without_tags(_first_text([texts["description"], *others])),
        field if field in FIELDS else None,
        texts["trigger_words"][: LIMITS.text_characters],
        "negative" if is_negative else None,
    )


def _is_negative(document: Mapping[str, object], filename: str) -> bool:
    """Tell whether a document of Civitai's says that a file is for negative prompts.

    It is that of a version or of a model with its versions; LoRA Manager has it under `civitai`.
    """
    versions: list[object] = [document, document.get("civitai")]
    versions += _list(document.get("modelVersions"))
    found = [_list(each.get("files")) for each in versions if isinstance(each, dict)]
    files = [file for listed in found for file in listed if isinstance(file, dict)]
    named = [file for file in files if fold(str(file.get("name"))) == fold(filename)]
    meant: Sequence[Mapping[str, object]]
    meant = named or (files if len(files) == 1 else [document] if not files else [])
    return any(each.get("type") == "Negative" for each in meant)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _beside(
    place: Place, companions: Iterable[Companion], endings: Sequence[str] = _TEXT_ENDINGS
) -> list[Companion | None]:
    """Return the sidecar of an embedding and what else may describe it, where there is one."""
    known = by_name(companions)
    return [known.get(fold(f"{place.name}{ending}")) for ending in endings]


def _first_text(values: Iterable[object]) -> str:
    return next((value for value in values if isinstance(value, str) and value), "")


def _content(place: Place, companion: Companion | None) -> str:
    if companion is None or companion.size > LIMITS.sidecar_bytes:
        return ""
    try:
        with open_file(place.beside(companion.filename).full_path) as file:
            return _decode(file.read(LIMITS.sidecar_bytes))
    except OSError:
        return ""


def _decode(data: bytes) -> str:
    """Return the text that some editor wrote, in whatever encoding.

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


def _parse(text: str) -> dict[str, object]:
    """Return the object that a sidecar holds; what is none counts as empty."""
    try:
        document = parse_json(text.encode("utf-8", "replace"), dict)
    except (ValueError, LimitExceeded):
        return {}
    return document if isinstance(document, dict) else {}


def without_tags(text: str) -> str:
    """Return what a browser would show of a description that is HTML, line by line.

    It is cut at its tags and not parsed: Python's own parser takes seconds for a few hostile KB.
    """
    text = text[: LIMITS.text_characters]
    if not (_TAG.search(text) or _UNSEEN.search(text)):
        return text.strip()
    text = _TAG.sub("", _LINE_END.sub("\n", _UNSEEN.sub("", text)))
    lines = map(str.strip, html.unescape(text).splitlines())
    return "\n".join(filter(None, lines))


# Texts that people edit


class TextEdit(NamedTuple):
    """What somebody read, and what shall be there in its place."""

    before: str
    after: str


# Of one process only one writer at a time: each has read what the one before wrote.
_writing = threading.Lock()


def written_texts(entry: Entry) -> dict[str, str]:
    """Return what is to be edited, by the words of the API, as it is on the disk now.

    A description is as it was written, tags included.
    """
    place = entry.place
    sidecar, *others = (_content(place, each) for each in _beside(place, entry.companions))
    document = _parse(sidecar)
    texts = {word: _first_text([document.get(key)]) for word, key in TEXT_KEYS.items()}
    return {**texts, "description": _first_text([texts["description"], *others])}


def write_texts(entry: Entry, edits: Mapping[str, TextEdit]) -> None:
    """Write texts into the sidecar of an embedding, all of them or none.

    Args:
        edits: by the words of the API; what was read must still be there.

    Raises:
        WriteError: it is not, or the sidecar cannot be understood or written.
    """
    with _writing:
        sidecar, *others = _beside(entry.place, entry.companions)
        place = entry.place.with_ending(SIDECAR_SUFFIX)
        if sidecar:
            place = entry.place.beside(sidecar.filename)
        found = [_content(entry.place, each) for each in others]
        before = _bytes_at(place)
        after = _edited(before, place, edits, _first_text(found))

        def check() -> None:
            if _bytes_at(place) != before:
                raise WriteError(f"{shown(place.filename, 255)} has just changed: try again")

        if after is not None and after != before:
            write_beside(place, after, check)


def _bytes_at(place: Place) -> bytes | None:
    """Return what a sidecar holds; None where there is none."""
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
    """Return a sidecar with other texts in it.

    Args:
        elsewhere: the description that lies beside it.
    """
    encoding = json.detect_encoding(data or b"")
    try:
        text = (data or b"").decode(encoding)
        document = parse_json(text.encode(), dict) if data is not None else {}
    except (ValueError, LimitExceeded) as error:
        raise _not_understood(place) from error
    if not isinstance(document, dict) or text.encode(encoding) != (data or b""):
        raise _not_understood(place)
    changed: dict[str, str] = {}
    for word, (before, after) in edits.items():
        key = TEXT_KEYS[word]
        now = document.get(key, "")
        if not isinstance(now, str):
            raise _not_understood(place)
        if before != (now or (elsewhere if word == "description" else "")):
            raise WriteError(
                f"somebody else has changed the {word.replace('_', ' ')} meanwhile: read the new "
                "ones, and write yours again"
            )
        if word == "description" and elsewhere and not after:
            raise WriteError("the description lies in a text file beside it, too: empty that file")
        if after != before:
            changed[key] = after
    if data is None:
        return _as_json(changed, indent=4).encode() if changed else None
    for key, value in changed.items():
        text = _with(text, key, value)
    return text.encode(encoding)


def _with(text: str, key: str, value: str) -> str:
    """Return the text of a JSON object with another value for a key, and the rest as it is."""
    at, end, gap = _find(text, key)
    if at:
        return f"{text[:at]}{_as_json(value)}{text[end:]}"
    comma = "," if text[:end].rstrip() != text[: text.index("{") + 1] else ""
    return f"{text[:end]}{comma}{gap}{_as_json(key)}: {_as_json(value)}{text[end:]}"


def _find(text: str, key: str) -> tuple[int, int, str]:
    """Find the last value that a JSON object has for a key.

    Returns:
        where it begins and ends; else 0, where the last of all values ends, and what is between it
        and the one before.
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
    """Return JSON as A1111 writes it; what no file can hold is written out."""
    written = json.dumps(value, ensure_ascii=False, indent=indent)
    return written if is_text(written) else json.dumps(value, indent=indent)


def _not_understood(place: Place) -> WriteError:
    return WriteError(
        f"{shown(place.filename, 255)} is no JSON that can be edited here: mend it, or move it away"
    )
