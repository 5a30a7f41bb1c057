"""A disk that does what a real one does at bad moments: it gives no answer, or no inodes.

All of it stands in front of the real `os.scandir` and `os.stat`.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


class Item:
    """What `os.scandir` yields, with an error or a fact of its own."""

    def __init__(self, item: os.DirEntry[str], disk: Disk) -> None:
        self.name, self.path = item.name, item.path
        self._item, self._disk = item, disk

    def is_symlink(self) -> bool:
        return self._item.is_symlink()

    def is_dir(self) -> bool:
        # As the real one: only where a link leads is asked of the disk.
        if self.is_symlink():
            self._disk.check(self.path)
        return self._item.is_dir()

    def is_file(self) -> bool:
        if self.is_symlink():
            self._disk.check(self.path)
        return self._item.is_file()

    def stat(self, *, follow_symlinks: bool = True) -> Any:
        if follow_symlinks:
            self._disk.check(self.path)
        elif self.path in self._disk.junctions:
            return Status(self._item.stat(follow_symlinks=False), st_reparse_tag=0xA0000003)
        return self._item.stat(follow_symlinks=follow_symlinks)


class Listing(list[Item]):
    """What `os.scandir` returns."""

    def __enter__(self) -> Iterator[Item]:
        return iter(self)

    def __exit__(self, *_: object) -> None:
        pass

    def __next__(self) -> Item:  # `os.walk` asks so
        if not self:
            raise StopIteration
        return self.pop(0)


class Status:
    """What `os.stat` returns, with some facts of its own."""

    def __init__(self, status: os.stat_result, **facts: int) -> None:
        self._status, self._facts = status, facts

    def __getattr__(self, name: str) -> Any:
        return self._facts[name] if name in self._facts else getattr(self._status, name)


class Disk:
    """The disk that `os` asks from now on.

    Attributes:
        silent: the number of the error that all below a path answers with.
        unlisted: the same for folders that can be asked for, but not listed.
        junctions: folders that are links of Windows' other kind.
        has_inodes: whether folders have numbers.
        listed: how often each folder was listed.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.silent: dict[str, int] = {}
        self.unlisted: dict[str, int] = {}
        self.junctions: set[str] = set()
        self.has_inodes = True
        self.listed: Counter[str] = Counter()
        self._scandir, self._stat = os.scandir, os.stat
        monkeypatch.setattr(os, "scandir", self._list)
        monkeypatch.setattr(os, "stat", self._ask)

    def silence(self, path: Path, number: int = errno.EIO) -> None:
        """Let a folder and all below it answer with an error."""
        self.silent[str(path)] = number

    def check(self, path: str) -> None:
        """Raise the error that a path answers with, where a link leads too."""
        real = os.path.realpath(path)
        for folder, number in self.silent.items():
            if any(f"{each}/".startswith(f"{folder}/") for each in (path, real)):
                raise OSError(number, os.strerror(number), path)

    def _list(self, folder: Any) -> Any:
        if not isinstance(folder, str):  # `shutil` gives numbers of open files
            return self._scandir(folder)
        self.listed[folder] += 1
        self.check(folder)
        if folder in self.unlisted:
            number = self.unlisted[folder]
            raise OSError(number, os.strerror(number), folder)
        with self._scandir(folder) as listing:
            return Listing([Item(item, self) for item in listing])

    def _ask(self, path: Any, **options: Any) -> Any:
        if isinstance(path, str) and options.get("follow_symlinks", True):
            self.check(path)
        status = self._stat(path, **options)
        is_numbered = self.has_inodes or not stat.S_ISDIR(status.st_mode)
        return status if is_numbered else Status(status, st_ino=0)
