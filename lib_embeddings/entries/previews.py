"""Put a picture beside an embedding to show it, and undo that."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.imaging import BYTES_A_PIXEL, in_small
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.writing import not_written, write_beside
from lib_embeddings.errors import BadPicture, WriteError
from lib_embeddings.limits import LIMITS, MIB, at_most
from lib_embeddings.names import PREVIEW, SHOWN_SUFFIXES, fold
from lib_embeddings.our_files import our_path

# Formats that every host shows: such a picture keeps its bytes, under its format's ending.
_ENDINGS = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "GIF": ".gif"}
_WORD = re.compile(r"[0-9a-f]{32}")


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
