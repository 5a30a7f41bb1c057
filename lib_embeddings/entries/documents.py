"""Values in documents that other programs and sites wrote.

Any may be missing or have the wrong type. Texts may contain characters that cannot be written to a
file, and descriptions may be HTML.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from lib_embeddings.limits import LIMITS
from lib_embeddings.names import as_text

_SHA256 = re.compile(r"(?:sha256:|0x)?([0-9a-f]{64})", re.IGNORECASE)
# Nobody has so many of anything.
_NUMBERS = 2**53


def value_at(document: Any, *keys: str) -> Any:
    """Return the value under keys, one inside the other; None where there is none."""
    for key in keys:
        document = document.get(key) if isinstance(document, Mapping) else None
    return document


def text_at(document: Any, *keys: str) -> str:
    """Return the text under some keys; empty where there is none."""
    return _text(value_at(document, *keys))


def number_at(document: Any, *keys: str) -> int | None:
    """Return the whole number under some keys; None where there is none that can be a count."""
    found = value_at(document, *keys)
    return found if type(found) is int and 0 <= found < _NUMBERS else None


def sha256_at(document: Any, *keys: str) -> str | None:
    """Return the SHA-256 under some keys, in lower case, as it names files; None without one."""
    found = _SHA256.fullmatch(text_at(document, *keys))
    return found[1].lower() if found else None


def object_at(document: Any, *keys: str) -> dict[str, Any]:
    """Return the object under some keys; empty where there is none."""
    found = value_at(document, *keys)
    return found if isinstance(found, dict) else {}


def objects_at(document: Any, *keys: str) -> list[dict[str, Any]]:
    """Return the objects in the list under some keys; all else in it is left out."""
    return [each for each in _list_at(document, keys) if isinstance(each, dict)]


def texts_at(document: Any, *keys: str) -> tuple[str, ...]:
    """Return the texts in the list under some keys; some programs write objects with a name."""
    listed = _list_at(document, keys)[: LIMITS.claimed_tags]
    texts = (_text(each.get("name") if isinstance(each, dict) else each) for each in listed)
    return tuple(filter(None, map(str.strip, texts)))


def _text(found: object) -> str:
    return as_text(found[: LIMITS.text_characters]) if isinstance(found, str) else ""


def _list_at(document: Any, keys: tuple[str, ...]) -> list[Any]:
    found = value_at(document, *keys)
    return found if isinstance(found, list) else []


# Descriptions

# The tags in sites' descriptions. Other words in angle brackets are text, like `<lora:x:1>` and
# `<s1>`.
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
