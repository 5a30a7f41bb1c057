"""What lies beside an embedding: its picture, in small, and the texts that were written about it.

`<name>.preview.png` comes before `<name>.png`; other kinds and any letter case will do. A picture
that is itself the embedding shows itself. What the files are called says nothing of what they are:
Pillow looks at their first bytes.

A1111 keeps what users write about a file in a sidecar, `<name>.json`. A description may also lie in
`<name>.txt` or `<name>.description.txt`. Nothing here writes any of them.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from platformdirs import user_cache_path

from lib_embeddings.entries.entry import Companion, Entry
from lib_embeddings.entries.place import Place
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

# Pictures

# A photograph of 50 megapixels is decoded; more is no preview, and could be a bomb.
_MOST_PIXELS = 50_000_000
# A tall strip of a picture is cut to a card's shape by the page anyway.
_TALLEST = 3
# 10,000 thumbnails of 256 pixels are about 100 MB.
_MOST_CACHED = 256 * 1024 * 1024
_QUALITY = 80


class Picture(NamedTuple):
    """A file that shows an embedding."""

    path: str
    mtime_ns: int


def preview_of(entry: Entry) -> Picture | None:
    """Return the picture that shows an embedding, if there is one. Asks no disk."""
    if not entry.companions:
        return None
    stem = fold(entry.place.name)
    by_name = {fold(each.filename): each for each in entry.companions}
    for word in (PREVIEW, ""):
        for suffix in SHOWN_SUFFIXES:
            found = by_name.get(f"{stem}{word}{suffix}")
            if found:
                return Picture(entry.place.beside(found.filename).full_path, found.mtime_ns)
    return None


class Thumbnails:
    """Small pictures, kept in a folder of ours until there are too many."""

    def __init__(self, folder: str | None = None, most_bytes: int = _MOST_CACHED) -> None:
        """Keep them in *folder*, by default in the user's cache folder; none is made yet."""
        self._folder = Path(folder) if folder else user_cache_path("lib_embeddings") / "thumbnails"
        self._most_bytes = most_bytes
        self._bytes: int | None = None

    def get(self, picture: Picture, width: int) -> bytes | None:
        """Return a picture as WebP, at most *width* pixels wide; None where it is damaged."""
        key = f"{picture.path}\0{picture.mtime_ns}\0{width}".encode("utf-8", "surrogatepass")
        kept = self._folder / f"{hashlib.blake2b(key, digest_size=16).hexdigest()}.webp"
        with suppress(OSError):
            return kept.read_bytes()
        data = shrink(picture.path, width)
        if data is not None:
            self._keep(kept, data)
        return data

    def _keep(self, path: Path, data: bytes) -> None:
        """Write a thumbnail. A full or read-only disk costs only its memory."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_atomically(str(path), data)
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


def write_atomically(path: str, data: bytes) -> None:
    """Replace what a file holds, all at once. Raises `OSError`, and then nothing has changed.

    Whoever reads the file, whenever, finds the old content or the new one. The file keeps its
    permissions; if it is a link, what it leads to is replaced.
    """
    target = Path(os.path.realpath(path))
    # Hidden and temporary by name, so that no watcher cares about it.
    draft = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            shutil.copymode(target, draft)
        os.replace(draft, target)
    finally:
        with suppress(OSError):
            draft.unlink()


def shrink(path: str, width: int) -> bytes | None:
    """Return a picture's first frame as WebP, upright and at most *width* pixels wide."""
    from PIL import Image, ImageOps  # noqa: PLC0415 - a scan needs none of it

    try:
        with Image.open(path) as image:
            if image.width * image.height > _MOST_PIXELS:
                return None
            image.draft("RGB", (2 * width, 2 * width * _TALLEST))  # lets JPEG skip detail
            upright = ImageOps.exif_transpose(image)
            upright.thumbnail((width, width * _TALLEST))
            has_alpha = "A" in upright.mode or "transparency" in upright.info
            data = io.BytesIO()
            upright.convert("RGBA" if has_alpha else "RGB").save(data, "WEBP", quality=_QUALITY)
            return data.getvalue()
    except Exception as error:  # noqa: BLE001 Pillow raises errors of every kind on damaged pictures
        log.debug("the picture %s cannot be shown: %s", path, error)
        return None


# Texts

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
        for ending in (SIDECAR_SUFFIX, TEXT_SUFFIX, f"{DESCRIPTION}{TEXT_SUFFIX}")
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
