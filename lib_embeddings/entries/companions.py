"""What lies beside an embedding: its picture, in small, and the texts that were written about it.

`<name>.preview.png` comes before `<name>.png`; other kinds and any letter case will do. A picture
that is itself the embedding shows itself. What the files are called says nothing of what they are:
Pillow looks at their first bytes, and where it cannot show one (a damaged picture, a video), the
next one is shown.

A1111 keeps what users write about a file in a sidecar, `<name>.json`. A description may also lie in
`<name>.txt` or `<name>.description.txt`. Nothing here writes any of them.
"""

from __future__ import annotations

import hashlib
import html
import io
import json
import logging
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, NamedTuple

from platformdirs import user_cache_path

from lib_embeddings.entries.entry import Companion, Entry
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.read import open_file
from lib_embeddings.errors import LimitExceeded
from lib_embeddings.formats.containers.picture_pixels import open_picture
from lib_embeddings.formats.file_bytes import parse_json
from lib_embeddings.limits import LIMITS, at_most
from lib_embeddings.names import (
    DESCRIPTION,
    FIELDS,
    PREVIEW,
    SHOWN_SUFFIXES,
    SIDECAR_SUFFIX,
    TEXT_SUFFIX,
    Field,
    fold,
)

log = logging.getLogger(__name__)


def _by_name(companions: Iterable[Companion]) -> dict[str, Companion]:
    return {fold(each.filename): each for each in companions}


# Pictures

# Pillow's names of what browsers show. It knows others, and starts Ghostscript for one of them.
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF", "BMP")
# A tall strip of a picture is cut to a card's shape by the page anyway.
_TALLEST = 3
_QUALITY = 80
# Where cameras write how a picture is to be turned, and the turns that swap width and height.
_ORIENTATION, _QUARTER_TURNS = 0x0112, range(5, 9)


class Picture(NamedTuple):
    """A file that shows an embedding."""

    path: str
    mtime_ns: int


def pictures_of(entry: Entry) -> tuple[Picture, ...]:
    """Return the pictures that may show an embedding, the best first. Asks no disk."""
    if not entry.companions:
        return ()
    stem, by_name = fold(entry.place.name), _by_name(entry.companions)
    names = (f"{stem}{word}{suffix}" for word in (PREVIEW, "") for suffix in SHOWN_SUFFIXES)
    found = (by_name[name] for name in names if name in by_name)
    beside = entry.place.beside
    return tuple(Picture(beside(each.filename).full_path, each.mtime_ns) for each in found)


class Thumbnails:
    """Small pictures, kept in a folder of ours until there are too many."""

    def __init__(self, folder: str | None = None, most_bytes: int = LIMITS.thumbnail_bytes) -> None:
        """Keep them in *folder*, by default in the user's cache folder; none is made yet."""
        self._folder = Path(folder) if folder else user_cache_path("lib_embeddings") / "thumbnails"
        self._most_bytes = most_bytes
        self._bytes: int | None = None
        # Memory of a large picture stays with the thread that decoded it, and servers have many.
        self._decoders = ThreadPoolExecutor(LIMITS.previews_at_once, "embeddings-previews")

    def get(self, pictures: Iterable[Picture], width: int) -> bytes | None:
        """Return the first picture that can be shown, as WebP, at most *width* pixels wide."""
        return next(filter(None, (self._get(picture, width) for picture in pictures)), None)

    def _get(self, picture: Picture, width: int) -> bytes | None:
        key = f"{picture.path}\0{picture.mtime_ns}\0{width}".encode("utf-8", "surrogatepass")
        kept = self._folder / f"{hashlib.blake2b(key, digest_size=16).hexdigest()}.webp"
        with suppress(OSError):
            return kept.read_bytes()
        return self._decoders.submit(self._make, picture, width, kept).result()

    def _make(self, picture: Picture, width: int, kept: Path) -> bytes | None:
        with suppress(OSError):  # others who asked for it may have made it meanwhile
            return kept.read_bytes()
        data = shrink(picture.path, width)
        if data is not None:
            self._keep(kept, data)
        return data

    def _keep(self, path: Path, data: bytes) -> None:
        """Write a thumbnail. A full or read-only disk costs only its memory."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_at_once(path, data)
            if self._bytes is None:
                self._bytes = sum(size for _, size, _ in self._kept())
            else:
                self._bytes += len(data)
            if self._bytes > self._most_bytes:
                self._make_room()
        except OSError as error:
            log.debug("the thumbnail %s could not be kept: %s", path, error)

    def _make_room(self) -> None:
        """Delete the oldest thumbnails until half of the room is free."""
        kept = sorted(self._kept())
        self._bytes = sum(size for _, size, _ in kept)
        for _, size, path in kept:
            if self._bytes <= self._most_bytes // 2:
                break
            with suppress(OSError):
                os.remove(path)
                self._bytes -= size

    def _kept(self) -> Iterator[tuple[int, int, str]]:
        with os.scandir(self._folder) as inside:
            for item in inside:
                with suppress(OSError):
                    status = item.stat()
                    yield status.st_mtime_ns, status.st_size, item.path


def write_at_once(path: Path, data: bytes) -> None:
    """Write a file that is there as a whole or not at all. Raises `OSError`."""
    draft = path.with_name(f"{secrets.token_hex(8)}.tmp")
    try:
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        with suppress(OSError):
            draft.unlink()


def shrink(path: str, width: int) -> bytes | None:
    """Return a picture's first frame as WebP, upright and at most *width* pixels wide.

    None where the file is no picture, is damaged, or is larger than previews are.
    """
    from PIL import ImageOps  # noqa: PLC0415 - a scan needs none of it

    try:
        with open_file(path) as file, io.BufferedReader(file) as buffered:
            at_most(LIMITS.preview_bytes, os.fstat(file.fileno()).st_size, "bytes of picture")
            with open_picture(buffered, _FORMATS) as image:
                at_most(LIMITS.photo_pixels, image.width * image.height, "pixels")
                if image.format == "JPEG":
                    at_most(LIMITS.photo_scans, _count_scans(buffered), "scans")
                image.draft("RGB", (width, width))  # lets a JPEG skip detail
                at_most(LIMITS.preview_pixels, image.width * image.height, "pixels")
                bounds = (width, width * _TALLEST)
                is_turned = image.getexif().get(_ORIENTATION) in _QUARTER_TURNS
                image.thumbnail(bounds[::-1] if is_turned else bounds)
                upright = ImageOps.exif_transpose(image)
            has_alpha = "A" in upright.mode or "transparency" in upright.info
            data = io.BytesIO()
            upright.convert("RGBA" if has_alpha else "RGB").save(data, "WEBP", quality=_QUALITY)
            return data.getvalue()
    except Exception as error:  # noqa: BLE001 Pillow raises errors of every kind on damaged pictures
        log.debug("the picture %s cannot be shown: %s", path, error)
        return None


def _count_scans(file: BinaryIO) -> int:
    """Return how often a JPEG goes over its pixels; Pillow finds its own place in it again."""
    file.seek(0)
    return file.read().count(b"\xff\xda")


# Texts

# Where a sidecar has the prompt field; downloads write it, as versions before 0.1.0 did.
FIELD_KEY = "prompt box"
_TEXT_ENDINGS = (SIDECAR_SUFFIX, TEXT_SUFFIX, f"{DESCRIPTION}{TEXT_SUFFIX}")

# What sites write their descriptions with. Other words in angle brackets are what they say, as
# `<lora:x:1>` and `<s1>` are.
_TAGS = (
    "a|abbr|article|b|big|blockquote|br|center|code|del|details|div|em|figure|font|form|h[1-6]|hr"
    "|i|iframe|img|ins|kbd|li|link|mark|meta|object|ol|p|picture|pre|q|section|small|source|span"
    "|strike|strong|sub|summary|sup|svg|table|tbody|td|th|thead|tr|tt|u|ul|video"
)
_UNSEEN = re.compile(
    r"<(script|style)\b.*?(?:</\1\s*>|$)|<!--.*?(?:-->|$)", re.DOTALL | re.IGNORECASE
)
_LINE_END = re.compile(r"<br\b[^<>]*>|</(?:p|div|li|h[1-6]|tr|blockquote)\s*>", re.IGNORECASE)
_TAG = re.compile(rf"</?(?:{_TAGS})(?:[\s/][^<>]*)?>", re.IGNORECASE)


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
@lru_cache(maxsize=LIMITS.remembered_texts)
def _read_texts(place: Place, companions: tuple[Companion, ...]) -> Texts:
    by_name = _by_name(companions)
    beside = (by_name.get(fold(f"{place.name}{ending}")) for ending in _TEXT_ENDINGS)
    sidecar, *others = (_content(place, each) for each in beside)
    document = _parse(sidecar)
    notes, description, field = (document.get(key) for key in ("notes", "description", FIELD_KEY))
    return Texts(
        _first_text([notes])[: LIMITS.text_characters],
        without_tags(_first_text([description, *others])),
        field if field in FIELDS else None,
    )


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
