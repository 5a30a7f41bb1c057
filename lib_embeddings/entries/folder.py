"""A folder as a walk finds it, and whether it has changed since."""

from __future__ import annotations

import os
import stat
import time
from typing import NamedTuple

from lib_embeddings.entries.entry import Found
from lib_embeddings.entries.place import Place

# The coarsest clock of any file system, FAT's: a later change may give a younger file or folder the
# same time again.
CLOCK_GRAIN_NS = 2 * 10**9

# Device and inode; the real path where a file system has no inodes.
Identity = tuple[int, int] | str


class Folder(NamedTuple):
    """A folder as it is now.

    Attributes:
        identity: the same by every path that leads to it; None where it does not answer.
        mtime_ns: when something last came, went or was renamed in it, in nanoseconds; None where
            that is so recent that the next change may have the same time.
        is_linked: it is a root or a link, so a watch of the folder above does not reach it.
        files: those that may be embeddings.
        folders: those in it, and whether each is a link.
        problem: why it does not answer; its files are then unknown.
        is_elsewhere: another path led here first, and everything in it goes by that path.
    """

    place: Place
    identity: Identity | None
    mtime_ns: int | None = None
    is_linked: bool = False
    files: tuple[Found, ...] = ()
    folders: tuple[tuple[Place, bool], ...] = ()
    problem: str | None = None
    is_elsewhere: bool = False

    @property
    def below(self) -> object:
        """A value that differs if it is no longer known what is below the folder."""
        return self.identity, self.folders


def has_changed(folder: Folder) -> bool:
    """Return whether anything came, went or was renamed in a folder since it was read.

    It takes one call to the disk. A file that was written in place shows only when the folder is
    read.
    """
    try:
        now = identify(folder.place.full_path)
    except OSError:
        return True
    return folder.mtime_ns is None or now != (folder.identity, folder.mtime_ns)


def recognised(folder: Folder) -> Folder:
    """Return a folder that an earlier process has read, with its present identity.

    Its `mtime_ns` is None where it has changed since.
    """
    try:
        identity, mtime_ns = identify(folder.place.full_path)
    except OSError:
        return folder._replace(identity=None, mtime_ns=None)
    former = folder.identity
    is_same = former and inode_of(former) == inode_of(identity) and folder.mtime_ns == mtime_ns
    return folder._replace(identity=identity, mtime_ns=mtime_ns if is_same else None)


def inode_of(identity: Identity) -> int | str:
    """Return the part that stays the same when a disk gets another number, as at a restart."""
    return identity[1] if isinstance(identity, tuple) else identity


def identify(folder: str) -> tuple[Identity, int | None]:
    """Return a folder's identity, and its time in nanoseconds. Raises `OSError`."""
    status = os.stat(folder)
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(folder)
    mtime_ns = status.st_mtime_ns if time.time_ns() - status.st_mtime_ns > CLOCK_GRAIN_NS else None
    # Network drives of Windows, WebDAV and others give every folder the inode 0.
    inode = (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(folder)
    return inode, mtime_ns
