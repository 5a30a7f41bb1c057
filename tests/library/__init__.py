"""A library of a folder in which files come and go, and what it reads them with."""

from __future__ import annotations

from collections.abc import Callable

from lib_embeddings.entries.entry import Entry, Found
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.read import read_file
from lib_embeddings.entries.snapshot import Changes
from lib_embeddings.library.library import Library
from tests.builders import safetensors_file, vectors

SD1 = safetensors_file()
SDXL = safetensors_file({"clip_l": vectors(), "clip_g": vectors(1, 1280)})


class Reader:
    """Reads files and remembers which."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.before_each: Callable[[], object] = lambda: None

    def __call__(self, found: Found) -> Entry:
        self.before_each()
        self.paths.append(found.place.filename)
        return read_file(found)

    def take(self) -> list[str]:
        """Return what was read since the last call."""
        paths, self.paths = self.paths, []
        return paths


class Writers:
    """Says how long the writers of some files will need."""

    def __init__(self) -> None:
        self.seconds_left: dict[str, float] = {}
        self.asked: list[tuple[str, int, int]] = []

    def __call__(self, path: str, size: int, mtime_ns: int) -> float:
        self.asked.append((path, size, mtime_ns))
        return self.seconds_left.get(Place.of_file(path).filename, 0.0)


def names(library: Library) -> list[str]:
    """Return the names in the current view."""
    return [seen.name for seen in library.view]


def names_of(changes: Changes) -> list[list[str]]:
    """Return the names of what was added, modified and deleted."""
    return [[entry.place.name for entry in entries] for entries in changes]
