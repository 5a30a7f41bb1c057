"""What a folder holds at one moment, to be compared with the next."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass, field

# Names under which downloaders, browsers and editors write; the real name comes by a rename.
TEMPORARY = (".part", ".crdownload", ".tmp", ".download", "~")


def is_hidden(name: str) -> bool:
    """Tell whether a file or folder of this name is not looked at."""
    return name.startswith(".")


def is_temporary(name: str) -> bool:
    """Tell whether a file of this name is not looked at until it is renamed."""
    return name.lower().endswith(TEMPORARY)


@dataclass(frozen=True, slots=True)
class Tree:
    """A folder's content; two trees are equal when no file or folder differs.

    A folder's mtime is left out: it changes with every ignored file too.
    """

    # Path, size and mtime_ns of each.
    files: frozenset[tuple[str, int, int]]
    folders: frozenset[str]
    # Real path, device and inode of the root and of each linked folder: where a recursive watch
    # has to be laid to reach all.
    tops: frozenset[tuple[str, int, int]] = field(compare=False)

    @property
    def span(self) -> object:
        """Return what a watch reaches; when it differs, the watch is to be laid anew."""
        return self.tops, self.folders


def read_tree(root: str) -> Tree:
    """List a folder and all below it, each folder once however many links lead to it.

    Links are followed last, so that a folder goes by its own path where it has one. What cannot
    be read is left out; a root that is missing gives an empty tree.
    """
    files: set[tuple[str, int, int]] = set()
    folders: dict[tuple[int, int], str] = {}
    tops: set[tuple[str, int, int]] = set()
    links = [root]
    for link in links:  # grows as links are found, as does the list below it
        unread = [link]
        for folder in unread:
            identity = _identity(folder)
            if identity is None or identity in folders:
                continue
            folders[identity] = folder
            if folder == link:
                tops.add((os.path.realpath(link), *identity))
            for entry in _entries(folder):
                with suppress(OSError):  # it went away meanwhile
                    if entry.is_dir():
                        (links if _is_link(entry) else unread).append(entry.path)
                    elif not is_temporary(entry.name):
                        status = entry.stat()
                        files.add((entry.path, status.st_size, status.st_mtime_ns))
    return Tree(frozenset(files), frozenset(folders.values()), frozenset(tops))


def _identity(folder: str) -> tuple[int, int] | None:
    try:
        status = os.stat(folder)
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not is_hidden(entry.name)]
    except OSError:
        return []


def _is_link(entry: os.DirEntry[str]) -> bool:
    # A junction of Windows is no symbolic link; both carry a reparse tag.
    if entry.is_symlink():
        return True
    return getattr(entry.stat(follow_symlinks=False), "st_reparse_tag", 0) != 0
