"""Pictures and videos that lie beside an embedding and show it. Nothing here asks a disk.

`<name>.preview.png` comes before `<name>.png`; other kinds and any letter case will do. A picture
that is itself the embedding shows itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from lib_embeddings.entries.entry import Companion, Entry
from lib_embeddings.names import EXAMPLES, PREVIEW, SHOWN_SUFFIXES, THUMB, VIDEO_SUFFIXES, fold


def by_name(companions: Iterable[Companion]) -> dict[str, Companion]:
    """Return companions by their folded names."""
    return {fold(each.filename): each for each in companions}


# No WebUI takes a file with this ending for an embedding, or one with that word for its picture.
EXAMPLES_SUFFIX = ".jpg"


# How videos begin: an offset, and the bytes there.
_VIDEO_KINDS = {"video/mp4": (4, b"ftyp"), "video/webm": (0, b"\x1a\x45\xdf\xa3")}


def video_kind(beginning: bytes) -> str | None:
    """Return the media type of a video by its first bytes; None if it is not a video."""
    return next(
        (kind for kind, (at, mark) in _VIDEO_KINDS.items() if beginning.startswith(mark, at)), None
    )


class Picture(NamedTuple):
    """A file that shows an embedding: a picture, or a video."""

    path: str
    mtime_ns: int


def pictures_of(entry: Entry) -> tuple[Picture, ...]:
    """Return the pictures that may show an embedding, the best first. Asks no disk."""
    return _shown_by(entry, SHOWN_SUFFIXES)


def video_of(entry: Entry) -> Picture | None:
    """Return the video beside an embedding, if there is one. Asks no disk."""
    return next(iter(_shown_by(entry, VIDEO_SUFFIXES)), None)


def examples_of(entry: Entry) -> tuple[Picture, ...]:
    """Return the picture of what an embedding was learned from, if there is one. Asks no disk."""
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
