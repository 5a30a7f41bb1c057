"""Descriptions that sites write as HTML, as the text that people read of them."""

from __future__ import annotations

import html
import re

from lib_embeddings.limits import LIMITS

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
