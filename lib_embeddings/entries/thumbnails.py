"""Thumbnails: small pictures, kept in a folder of ours until there are too many."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from lib_embeddings.entries.companions import Picture
from lib_embeddings.entries.imaging import shrink
from lib_embeddings.entries.writing import write_at_once
from lib_embeddings.limits import LIMITS
from lib_embeddings.our_files import our_path

log = logging.getLogger(__name__)


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
        written = key.encode("utf-8", "surrogatepass")
        kept = self._folder / f"{hashlib.blake2b(written, digest_size=16).hexdigest()}.webp"
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
