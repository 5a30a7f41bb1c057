"""The pictures and videos that show an embedding: found beside it, put there, and kept small.

`<name>.preview.png` comes before `<name>.png`; other kinds and any letter case will do. A picture
that is itself the embedding shows itself.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from lib_embeddings.entries.entry import Entry, by_name
from lib_embeddings.entries.imaging import BYTES_A_PIXEL, in_small, shrink
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.writing import not_written, write_at_once, write_beside
from lib_embeddings.errors import BadPicture, WriteError
from lib_embeddings.limits import LIMITS, MIB, at_most
from lib_embeddings.names import EXAMPLES, PREVIEW, SHOWN_SUFFIXES, THUMB, VIDEO_SUFFIXES, fold
from lib_embeddings.our_files import our_path

log = logging.getLogger(__name__)

# No WebUI takes a file with this ending for an embedding, or one with that word for its picture.
EXAMPLES_SUFFIX = ".jpg"
# How videos begin: an offset, and the bytes there.
_VIDEO_KINDS = {"video/mp4": (4, b"ftyp"), "video/webm": (0, b"\x1a\x45\xdf\xa3")}

# Formats that every host shows: such a picture keeps its bytes, under its format's ending.
_ENDINGS = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "GIF": ".gif"}
_WORD = re.compile(r"[0-9a-f]{32}")


# What lies there; nothing here asks a disk


class Picture(NamedTuple):
    """A file that shows an embedding: a picture, or a video."""

    path: str
    mtime_ns: int


def pictures_of(entry: Entry) -> tuple[Picture, ...]:
    """Return the pictures that may show an embedding, the best first."""
    return _shown_by(entry, SHOWN_SUFFIXES)


def video_of(entry: Entry) -> Picture | None:
    """Return the video beside an embedding, if there is one."""
    return next(iter(_shown_by(entry, VIDEO_SUFFIXES)), None)


def examples_of(entry: Entry) -> tuple[Picture, ...]:
    """Return the picture of what an embedding was learned from, if there is one."""
    return _shown_by(entry, (EXAMPLES_SUFFIX,), (EXAMPLES,))


def _shown_by(
    entry: Entry, suffixes: tuple[str, ...], words: tuple[str, ...] = (PREVIEW, "", THUMB)
) -> tuple[Picture, ...]:
    if not entry.companions:
        return ()
    stem, known = fold(entry.place.name), by_name(entry.companions)
    names = (f"{stem}{word}{suffix}" for word in words for suffix in suffixes)
    found = (known[name] for name in names if name in known)
    beside = entry.place.beside
    return tuple(Picture(beside(each.filename).full_path, each.mtime_ns) for each in found)


def video_kind(beginning: bytes) -> str | None:
    """Return the media type of a video by its first bytes; None if it is not a video."""
    return next(
        (kind for kind, (at, mark) in _VIDEO_KINDS.items() if beginning.startswith(mark, at)), None
    )


# What a person puts there


class Previews:
    """Puts pictures beside embeddings. Replaced ones are kept for a day, in a folder of ours."""

    def __init__(self, folder: str | None = None) -> None:
        """Keep replaced pictures in *folder*, by default in the user's data folder."""
        self._folder = Path(folder) if folder else our_path("previews")
        self._writing = threading.Lock()

    def put(self, entry: Entry, data: bytes) -> str:
        """Make a picture the preview of an embedding, and return the word that undoes it.

        Raises:
            BadPicture: it cannot be shown.
            WriteError: the disk refuses; the former pictures are still there.
        """
        suffix, data = _judged(data)
        place = entry.place.with_ending(PREVIEW + suffix)
        with self._writing:
            word = _digest(data)
            before = _previews_of(entry)
            try:
                self._forget_old()
                kept = self._kept(entry, word)
                shutil.rmtree(kept, ignore_errors=True)
                kept.mkdir(parents=True)
                for each in before:
                    shutil.copy2(each.full_path, kept)
            except OSError as error:
                raise not_written(place, error) from error
            write_beside(place, data)
            _remove(each for each in before if each.full_path != place.full_path)
        return word

    def undo(self, entry: Entry, word: str) -> None:
        """Put back what a new picture replaced.

        Raises:
            WriteError: nothing is kept, or another picture is there now, or the disk refuses.
        """
        try:
            self._undo(entry, word)
        except OSError as error:
            raise not_written(entry.place.with_ending(PREVIEW), error) from error

    def _undo(self, entry: Entry, word: str) -> None:
        with self._writing:
            kept, now = self._kept(entry, word), _previews_of(entry)
            if not (_WORD.fullmatch(word) and kept.is_dir()):
                raise WriteError("the previous picture is no longer available")
            if [_digest(Path(place.full_path).read_bytes()) for place in now] != [word]:
                raise WriteError("another picture has taken its place: it stays")
            back = [(entry.place.beside(path.name), path) for path in kept.iterdir()]
            for place, path in back:
                write_beside(place, path.read_bytes())
                shutil.copystat(path, place.full_path)  # a thumbnail of it may still be kept
            names = {place.full_path for place, _ in back}
            _remove(place for place in now if place.full_path not in names)
            shutil.rmtree(kept, ignore_errors=True)

    def _kept(self, entry: Entry, word: str) -> Path:
        return self._folder / f"{entry.place.id}-{word}"

    def _forget_old(self) -> None:
        for kept in self._folder.glob("*-*"):
            if time.time() - kept.stat().st_mtime > LIMITS.undo_seconds:
                shutil.rmtree(kept, ignore_errors=True)


def _judged(data: bytes) -> tuple[str, bytes]:
    """Return the ending of a picture, and its bytes as every host shows them."""
    try:
        at_most(LIMITS.preview_bytes, len(data), "bytes of picture")
        kind, small = in_small(io.BytesIO(data), LIMITS.preview_widths[1])
    except Exception as error:
        png, webp = (LIMITS.preview_memory // BYTES_A_PIXEL[k] // MIB for k in ("PNG", "WEBP"))
        raise BadPicture(
            f"this picture cannot be shown: expected PNG or GIF of at most {png} "
            f"megapixels, WebP of {webp} or JPEG of {LIMITS.photo_pixels // MIB}, with at most "
            f"{LIMITS.preview_bytes // MIB} MB"
        ) from error
    return (_ENDINGS[kind], data) if kind in _ENDINGS else (".webp", small)


def _previews_of(entry: Entry) -> list[Place]:
    """Return the pictures that `put` replaces, as found on the disk now."""
    place = entry.place
    names = {fold(f"{place.name}{PREVIEW}{suffix}") for suffix in SHOWN_SUFFIXES}
    try:
        filenames = os.listdir(place.full_folder)
    except OSError as error:
        raise not_written(place, error) from error
    return [place.beside(each) for each in sorted(filenames) if fold(each) in names]


def _remove(places: Iterable[Place]) -> None:
    for place in places:
        with suppress(OSError):
            os.remove(place.full_path)


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


# Small copies, for cards


class Thumbnails:
    """Small pictures, made once. Any thread may call any method."""

    def __init__(self, folder: str | None = None, most_bytes: int = LIMITS.thumbnail_bytes) -> None:
        """Keep them in *folder*, by default in the user's cache folder; none is made yet."""
        self._folder = Path(folder) if folder else our_path("thumbnails")
        self._most_bytes = most_bytes
        self._bytes: int | None = None
        # A caller that wants what another is making waits in the queue, and finds it made.
        self._makers = ThreadPoolExecutor(LIMITS.previews_at_once, "embeddings-thumbnails")

    def get(self, pictures: Iterable[Picture], width: int) -> bytes | None:
        """Return the first picture that can be shown, as WebP, at most *width* pixels wide."""
        return next(filter(None, (self._get(picture, width) for picture in pictures)), None)

    def made(self, key: str, make: Callable[[], bytes | None]) -> bytes | None:
        """Return the small picture that is kept under a key, or let *make* make it."""
        kept = self._folder / f"{_digest(key.encode('utf-8', 'surrogatepass'))}.webp"
        with suppress(OSError):
            return kept.read_bytes()
        return self._makers.submit(self._make, make, kept).result()

    def _get(self, picture: Picture, width: int) -> bytes | None:
        key = f"{picture.path}\0{picture.mtime_ns}\0{width}"
        return self.made(key, lambda: shrink(picture.path, width))

    def _make(self, make: Callable[[], bytes | None], kept: Path) -> bytes | None:
        with suppress(OSError):  # other callers may have made it meanwhile
            return kept.read_bytes()
        data = make()
        if data is not None:
            self._keep(kept, data)
        return data

    def _keep(self, path: Path, data: bytes) -> None:
        """Write a thumbnail. On a full or read-only disk it is just not kept."""
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
