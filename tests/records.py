"""Records made by hand, where a test needs no folder: good by default, one field by argument."""

from __future__ import annotations

from collections.abc import Mapping

from lib_embeddings.entries.entry import Companion, Entry, FileState, Reading
from lib_embeddings.entries.place import Place
from lib_embeddings.formats.embedding import VectorsInfo, vectors_info

CLIP_L = {"clip_l": vectors_info(1, 768, "float32")}
CLIP_H = {"clip_h": vectors_info(4, 1024, "float32")}
CLIP_L_AND_G = {
    "clip_l": vectors_info(2, 768, "float16"),
    "clip_g": vectors_info(2, 1280, "float16"),
}


def place(path: str, root: str = "/root") -> Place:
    """Return the place of a file."""
    return Place(root, path, f"{root}/{path}")


def reading(
    vectors: Mapping[str, VectorsInfo] = CLIP_L,
    state: FileState = "ok",
    reason: str | None = None,
    warnings: tuple[str, ...] = (),
) -> Reading:
    """Return what is known of a file that torch wrote; by default an embedding for SD 1.x."""
    return Reading(state, reason, "torch-zip", "tokens", vectors, warnings=warnings)


def entry(  # noqa: PLR0913 - a name for every field
    path: str,
    vectors: Mapping[str, VectorsInfo] = CLIP_L,
    *,
    root: str = "/root",
    state: FileState = "ok",
    reason: str | None = None,
    mtime_ns: int = 0,
    companions: tuple[Companion, ...] = (),
) -> Entry:
    """Return the entry of a file of 100 bytes; by default of an embedding for SD 1.x."""
    return Entry(place(path, root), 100, mtime_ns, companions, reading(vectors, state, reason))
