"""Where a file lies: the only module that joins and cuts the paths of files in folders.

A path's spelling for the system and its spelling for people are kept side by side, so that neither
is made from the other.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from lib_embeddings.names import as_text, split_name

# The rules of this system; tests replace them with those of Windows.
rules = os.path


class Place(NamedTuple):
    """The place of a file or folder below a root.

    Attributes:
        root: the folder that is scanned, as `absolute` spells it.
        path: relative to the root, as people see it: with `/`, and bytes that are not text written
            out. Empty for the root itself.
        full_path: the path as the system spells it.
    """

    root: str
    path: str
    full_path: str

    @classmethod
    def of_root(cls, root: str | os.PathLike[str]) -> Place:
        """Return the place of a root."""
        full_path = absolute(root)
        return cls(full_path, "", full_path)

    @classmethod
    def of_file(cls, path: str | os.PathLike[str]) -> Place:
        """Return the place of a single file: its folder is the root."""
        full_path = absolute(path)
        folder, filename = rules.split(full_path)
        return cls(folder, as_text(filename), full_path)

    @property
    def id(self) -> str:
        """A short, permanent word for it that reveals nothing about it."""
        place = f"{self.root}\0{self.path}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(place, digest_size=8).hexdigest()

    @property
    def filename(self) -> str:
        """The last part of its path, as people see it."""
        return self.path.rpartition("/")[2] or as_text(rules.basename(self.full_path))

    @property
    def folder(self) -> str:
        """The folder that it lies in, relative to the root, with `/`; empty for the root."""
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """The name of the embedding in this file."""
        # A view asks for ten thousand names: `filename` is left for the root alone.
        return split_name(self.path.rpartition("/")[2] or self.filename)[0]

    @property
    def suffix(self) -> str:
        """The ending of the file's name, in lower case."""
        return split_name(self.filename)[1]

    @property
    def full_folder(self) -> str:
        """The folder that it lies in, as the system spells it."""
        return rules.dirname(self.full_path)

    @property
    def parent(self) -> Place:
        """The folder that it lies in."""
        return Place(self.root, self.folder, self.full_folder)

    @property
    def slashed_path(self) -> str:
        """Its full path with `/`, as some programs write it on every system."""
        return self.full_path.replace(rules.sep, "/")

    @property
    def full_prefix(self) -> str:
        """The beginning of the full paths of all that is in this folder."""
        return rules.join(self.full_path, "")

    def beside(self, filename: str) -> Place:
        """Return the place of another file in the same folder.

        Args:
            filename: as the system spells it.
        """
        head, slash, _ = self.path.rpartition("/")
        path = f"{head}{slash}{as_text(filename)}"
        return Place(self.root, path, rules.join(self.full_folder, filename))

    def with_ending(self, ending: str) -> Place:
        """Return the place of a file named after this one, with another ending."""
        return self.beside(split_name(rules.basename(self.full_path))[0] + ending)

    def inside(self, filename: str) -> Place:
        """Return the place of something in this folder.

        Args:
            filename: as the system spells it.
        """
        path = f"{self.path}/{as_text(filename)}" if self.path else as_text(filename)
        return Place(self.root, path, rules.join(self.full_path, filename))

    def each_below(self, full_paths: Iterable[str]) -> Iterator[Place]:
        """Yield the places of files below this folder, given by full paths that are all text."""
        prefix = f"{self.path}/" if self.path else ""
        begin = len(self.full_prefix)
        for full_path in full_paths:
            path = full_path[begin:].replace(rules.sep, "/")
            yield Place(self.root, prefix + path, full_path)

    def from_each_root(self) -> Iterator[Place]:
        """Yield the same file as seen from every folder above it, the nearest first."""
        parts: list[str] = []
        above = self.full_path
        while True:
            folder, part = rules.split(above)
            if folder == above or not part:
                return
            parts.insert(0, as_text(part))
            yield Place(folder, "/".join(parts), self.full_path)
            above = folder


def by_folder(full_paths: Iterable[str]) -> Mapping[str, Sequence[str]]:
    """Return the files in each folder, all by their full paths."""
    folders = defaultdict[str, list[str]](list)
    for full_path in full_paths:
        folders[full_path.rpartition(rules.sep)[0]].append(full_path)
    return folders


def absolute(path: str | os.PathLike[str]) -> str:
    """Return the one absolute spelling of a path, whatever the case of a drive's letter."""
    full_path: str = rules.abspath(os.fspath(path))
    drive, rest = rules.splitdrive(full_path)
    return drive.upper() + rest if len(drive) == 2 else full_path
