"""Walk folders: which files may be embeddings, what belongs to each, and what has changed since.

Opens no file.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from lib_embeddings.entries.entry import Companion, Found
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.slow_disk import Width, ask_ahead, wide
from lib_embeddings.limits import LIMITS
from lib_embeddings.names import (
    COMPANION_SUFFIXES,
    COMPANION_WORDS,
    WEIGHT_SUFFIXES,
    fold,
    is_hidden,
    is_text,
    may_be_embedding,
    may_be_misnamed,
    split_name,
    was_embedding,
)

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


# Walks

# As they stand after the last dot of a name.
_WORDS = frozenset(word.removeprefix(".") for word in COMPANION_WORDS)
_FILE_SUFFIXES = COMPANION_SUFFIXES.union(WEIGHT_SUFFIXES)

# The system's errors for a link that leads nowhere; the last, for one that leads to itself.
_NOWHERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
_DANGLING = "this link leads to a file or folder that does not exist: delete or fix the link"
NO_FILE = "this is a pipe, a socket or a device, not a file"

# Only Windows has links that are not symbolic: junctions.
_HAS_JUNCTIONS = hasattr(os.stat_result, "st_reparse_tag")

_Named = tuple["_Item", str]
Wanted = Callable[[str], bool]


def _any_file(_name: str) -> bool:
    return True


class _Asked:
    """An item of a folder whose disk has been asked where it leads, how large it is, and its time.

    An `os.DirEntry` would do, but Python 3.10's keeps all threads waiting for the disk's answer.
    """

    __slots__ = ("_is_link", "_item", "_status", "name", "path")

    def __init__(self, item: os.DirEntry[str]) -> None:
        self._item, self.name, self.path = item, item.name, item.path
        self._is_link = item.is_symlink()  # a few disks do not say so in their lists
        try:
            self._status: os.stat_result | OSError = os.stat(item.path)
        except OSError as error:
            self._status = error

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        if not follow_symlinks:
            return self._item.stat(follow_symlinks=False)
        if isinstance(self._status, OSError):
            raise self._status
        return self._status

    def is_symlink(self) -> bool:
        return self._is_link

    def is_file(self) -> bool:
        return self._leads_to(stat.S_ISREG) if self._is_link else self._item.is_file()

    def is_dir(self) -> bool:
        return self._leads_to(stat.S_ISDIR) if self._is_link else self._item.is_dir()

    def _leads_to(self, kind: Callable[[int], bool]) -> bool:
        try:
            return kind(self.stat().st_mode)
        except FileNotFoundError:
            return False


_Item = os.DirEntry[str] | _Asked


def walk(
    roots: Iterable[str],
    seen: set[Identity] | None = None,
    is_wanted: Wanted = _any_file,
    width: Width = wide,
) -> Iterator[Folder]:
    """Yield every folder in and below *roots* once, however many links and roots lead to it.

    Links are followed last, so that a folder goes by its own path where it has one. A root that is
    missing is left out.

    Args:
        seen: folders to pass by; new ones are added.
        is_wanted: returns from a file's name whether to ask the disk about the file.
        width: of a slow disk.
    """
    seen = set() if seen is None else seen
    for root in map(Place.of_root, roots):
        links = [(root, True)]
        for link in links:  # grows as links are found, as does the list below it
            pending = [link]
            for place, is_linked in pending:
                folder = read_folder(place, seen, is_wanted, width, is_linked=is_linked)
                if folder and (place is root or not folder.is_elsewhere):
                    for child in folder.folders:
                        (links if child[1] else pending).append(child)
                    yield folder


def read_folder(
    place: Place,
    seen: set[Identity] | None = None,
    is_wanted: Wanted = _any_file,
    width: Width = wide,
    *,
    is_linked: bool = False,
) -> Folder | None:
    """Return a folder as it is now; None where it is gone.

    Args:
        seen: folders that another path led to; this one is added.
        is_wanted, width: as in `walk`.
    """
    try:
        identity, mtime_ns = identify(place.full_path)
        if seen is not None:
            if identity in seen:
                return Folder(place, identity, is_linked=is_linked, is_elsewhere=True)
            seen.add(identity)
        with os.scandir(place.full_path) as inside:
            listed = [
                item
                for item in inside
                if not is_hidden(item.name) and (is_wanted(item.name) or _is_folder(item))
            ]
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        found = _silent(place, "folder", error)
        return Folder(place, None, is_linked=is_linked, files=(found,), problem=found.problem)
    asked = ask_ahead(_Asked, listed, width)
    items: list[_Item] = [*asked, *listed[len(asked) :]]
    folders = sorted(filter(_is_folder, items), key=lambda item: item.name)
    return Folder(
        place,
        identity,
        mtime_ns,
        is_linked,
        tuple(_files(place, items)),
        tuple((place.inside(item.name), _is_link(item)) for item in folders),
    )


def find_file(place: Place) -> Found:
    """Return one file as a walk through its folder would, without companions.

    Raises:
        OSError: it is gone.
    """
    status = os.stat(place.full_path)
    problem = _why_not_typed(place)
    return Found(place, status.st_size, status.st_mtime_ns, problem=problem)


def _silent(place: Place, kind: str, error: OSError) -> Found:
    problem = f"this {kind} cannot be read: {error.strerror or error}"
    return Found(place, problem=problem, is_transient=error.errno != errno.ELOOP)


def _is_folder(item: _Item) -> bool:
    """Return whether an item is, or may be, a folder: for some links the disk does not answer."""
    try:
        return item.is_dir()
    except OSError as error:
        suffix = split_name(item.name)[1]
        return error.errno not in _NOWHERE and suffix not in _FILE_SUFFIXES


def _is_link(item: _Item) -> bool:
    if item.is_symlink():
        return True
    return _HAS_JUNCTIONS and bool(getattr(item.stat(follow_symlinks=False), "st_reparse_tag", 0))


def _files(folder: Place, items: Iterable[_Item]) -> Iterator[Found]:
    """Yield a folder's files that may be embeddings."""
    candidates, companions = _sort_out(items)
    root, prefix = folder.root, f"{folder.path}/" if folder.path else ""
    is_plain = folder.full_path[len(root) :].isascii()
    for item, stem in candidates:
        # Made without `inside`, for speed: there may be ten thousand of them.
        place = Place(root, prefix + item.name, item.path)
        try:
            if item.is_file():
                status = item.stat()
                problem = None
                if not (is_plain and item.name.isascii()) or stem.isspace():
                    place = folder.inside(item.name)
                    problem = _why_not_typed(place)
                beside = companions.get(fold(stem), ()) if companions else ()
                yield Found(place, status.st_size, status.st_mtime_ns, beside, problem)
            elif not item.is_dir():
                yield Found(folder.inside(item.name), problem=_why_no_file(item))
        except NotADirectoryError:
            yield Found(folder.inside(item.name), problem=_DANGLING)
        except OSError as error:
            yield _silent(folder.inside(item.name), "file", error)


def _why_not_typed(place: Place) -> str | None:
    if not is_text(place.full_path[len(place.root) :]):
        return "its name is not UTF-8 text and cannot be typed: rename it"
    return None if place.name.strip() else "its name is blank and cannot be typed: rename it"


def _why_no_file(item: _Item) -> str:
    if _is_dangling(item):
        return _DANGLING
    return NO_FILE


def _is_dangling(item: _Item) -> bool:
    """Return whether an item is a link that leads nowhere."""
    if item.is_symlink():
        try:
            item.stat()
        except OSError as error:
            return error.errno in _NOWHERE
    return False


def _sort_out(items: Iterable[_Item]) -> tuple[list[_Named], dict[str, tuple[Companion, ...]]]:
    """Return a folder's files that may be embeddings, and their companions by folded name.

    A picture that may be an embedding is one of its own companions: it shows itself. A link that
    leads nowhere may have led to a folder of embeddings.
    """
    candidates: list[_Named] = []
    misnamed: list[_Named] = []
    others: list[tuple[_Item, str, str]] = []
    for item in items:
        stem, suffix = split_name(item.name)
        if suffix in WEIGHT_SUFFIXES:
            candidates.append((item, stem))
        elif may_be_misnamed(stem, suffix) and _is_small_file(item):
            misnamed.append((item, stem))
        elif suffix in COMPANION_SUFFIXES:
            others.append((item, stem, suffix))
        elif _is_dangling(item):
            candidates.append((item, stem))
    weights = frozenset(fold(stem) for _, stem in candidates) if others else frozenset[str]()
    candidates += misnamed
    if not others:
        return candidates, {}
    candidates += [
        (item, stem) for item, stem, suffix in others if may_be_embedding(stem, suffix, weights)
    ]
    owners = frozenset(fold(stem) for _, stem in candidates)
    return candidates, _companions(owners, ((item, stem) for item, stem, _ in others))


def _is_small_file(item: _Item) -> bool:
    """Return whether an item is a file as small as an embedding."""
    smallest, largest = LIMITS.misnamed_bytes
    if was_embedding(item.name):
        smallest = 0  # a message in its place may be one line
    try:
        return item.is_file() and smallest <= item.stat().st_size <= largest
    except OSError:
        return False


def _companions(
    owners: frozenset[str], others: Iterable[_Named]
) -> dict[str, tuple[Companion, ...]]:
    companions: dict[str, list[Companion]] = defaultdict(list)
    for item, stem in others:
        folded = fold(stem)
        head, _, word = folded.rpartition(".")
        for owner in owners.intersection((folded, head) if word in _WORDS else (folded,)):
            companion = _companion(item)
            if companion:
                companions[owner].append(companion)
    return {owner: tuple(sorted(beside)) for owner, beside in companions.items()}


def _companion(item: _Item) -> Companion | None:
    try:
        status = item.stat()
        return Companion(item.name, status.st_size, status.st_mtime_ns) if item.is_file() else None
    except OSError:
        return None
