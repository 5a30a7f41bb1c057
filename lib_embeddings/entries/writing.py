"""Write and move files in folders of embeddings: completely or not at all.

A file that is written has another name until it is complete. A process that is killed leaves a file
of that name, and the next one that writes into the folder removes it.

Files move to other places, on this disk or another: either a whole list moves or none of it. No
file is ever replaced. If the process ends at any moment, `take_back` puts its files where they
were.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from lib_embeddings.entries.place import Place
from lib_embeddings.entries.read import open_file
from lib_embeddings.errors import MoveError, WriteError, shown
from lib_embeddings.limits import LIMITS
from lib_embeddings.names import fold

# Not files that moves put aside: such a file is somebody's only copy.
_UNFINISHED = re.compile(r"\.lib-embeddings-[0-9a-f]{16}\.tmp")
# This program may not write to the folder, or its disk.
_REFUSALS = (errno.EROFS, errno.EACCES, errno.EPERM)


def unfinished_name(id_: str | None = None) -> str:
    """Return the name of an unfinished file, which neither scans nor watchers look at.

    Args:
        id_: of its future place, if others have to find it; sixteen digits.
    """
    return f".lib-embeddings-{id_ or secrets.token_hex(8)}.tmp"


def sweep(folder: str | os.PathLike[str]) -> None:
    """Delete the unfinished files that ended processes left in a folder."""
    with suppress(OSError), os.scandir(folder) as inside:
        for item in inside:
            if _UNFINISHED.fullmatch(item.name):
                with suppress(OSError):
                    # Its modification time may be that of its original; this time is its own.
                    changed = item.stat(follow_symlinks=False).st_ctime
                    if time.time() - changed > LIMITS.unfinished_seconds:
                        os.remove(item.path)


def forget_old(folder: Path, pattern: str, seconds: float) -> None:
    """Delete files that ended processes left: nobody writes to a file for so long."""
    for left in folder.glob(pattern):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > seconds:
                left.unlink()


def write_at_once(path: Path, data: bytes, check: Callable[[], object] = lambda: None) -> None:
    """Write a file that is there completely or not at all. Raises `OSError`.

    Args:
        check: called at the last moment; if it raises, nothing is written.
    """
    unfinished = path.with_name(unfinished_name())
    try:
        with unfinished.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with suppress(OSError):
            shutil.copymode(path, unfinished)
        check()
        os.replace(unfinished, path)
    finally:
        with suppress(OSError):
            unfinished.unlink()


def write_new(place: Place, pieces: Iterable[bytes]) -> None:
    """Write a file of ours where there is none, and make its folders. Raises `OSError`."""
    path = Path(place.full_path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as out:
        out.writelines(pieces)


def write_beside(place: Place, data: bytes, check: Callable[[], object] = lambda: None) -> None:
    """Write a file in a folder of embeddings in one step; a link stays one.

    Raises:
        WriteError: the disk refuses.
    """
    path = Path(os.path.realpath(place.full_path))
    sweep(path.parent)
    try:
        write_at_once(path, data, check)
    except OSError as error:
        raise not_written(place, error) from error


def not_written(place: Place, error: OSError) -> WriteError:
    """Return the error for a file beside an embedding that cannot be written."""
    why = f"{shown(place.filename, 255)} cannot be written: {error.strerror}"
    return WriteError(why + advice_on(error))


def advice_on(error: OSError) -> str:
    """Return advice to add to a sentence about a disk's refusal, if any helps."""
    if error.errno in _REFUSALS:
        return "; this program may not write into its folder: allow that, or use another one"
    return ""


# Moves

# From the headers of Linux and macOS: rename without replacing, relative to the current folder.
_AT_FDCWD, _RENAME_NOREPLACE, _RENAME_EXCL = -100, 1, 4
_UNSUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)


class Move(NamedTuple):
    """A file, and where it goes."""

    source: Place
    target: Place


class MadeFolders:
    """Folders that were made for files, and are removed again once they are empty."""

    def __init__(self) -> None:
        self._made = set[str]()

    @contextmanager
    def made(self, place: Place) -> Iterator[Place]:
        """Make a folder and those above it, but not its root; remove again what stays empty.

        Raises:
            MoveError: the disk refuses.
        """
        try:
            self._make(place)
            yield place
        finally:
            self.remove_empty(place)

    def _make(self, place: Place) -> None:
        if os.path.lexists(place.full_path):
            return
        if place.folder:
            self._make(place.parent)
        try:
            os.mkdir(place.full_path)
        except OSError as error:
            raise MoveError(
                f"the folder {shown(place.filename, 255)} cannot be made: {error.strerror}"
            ) from error
        self._made.add(place.full_path)

    def remove_empty(self, place: Place) -> None:
        """Remove a folder and those above it that were made here, as far as they are empty."""
        while place.path:
            if place.full_path in self._made:
                try:
                    os.rmdir(place.full_path)
                except OSError:  # it is not empty
                    return
                self._made.remove(place.full_path)
            place = place.parent


def carry_out(moves: Sequence[Move]) -> None:
    """Move files, in their order.

    Raises:
        MoveError: one cannot be moved, and all are back where they were.
    """
    for done, move in enumerate(moves):
        try:
            move_file(*move)
        except OSError as error:
            left = take_back(moves[:done])
            names = ", ".join(shown(each.target.filename, 255) for each in left)
            note = f"; could not be moved back: {names}" if left else ""
            raise MoveError(_why_failed(move, error) + note) from error


def take_back(moves: Sequence[Move]) -> list[Move]:
    """Put files back after moves that were made, cut off, or never begun.

    Returns:
        moves that cannot be undone now.
    """
    left = []
    for move in reversed(moves):
        try:
            _put_back(move)
        except OSError:
            left.append(move)
    return left


def _put_back(move: Move) -> None:
    source, target = move
    for place in move:
        os.stat(place.full_folder)  # a disk that is not there now may have it
    _finish_between_disks(source, target)
    _finish_between_disks(target, source)  # it was on its way back
    # If its old name is there, it was never moved, and the new name is another file's.
    old, new = source.full_path, target.full_path
    if os.path.lexists(new) and (_is_same_name(old, new) or not os.path.lexists(old)):
        move_file(target, source)


def move_file(source: Place, target: Place) -> None:
    """Move a file, or a link itself, to a name that is free. Raises `OSError`.

    On one disk it has the old name or the new one at every moment, even when this process is
    killed. Between two disks it briefly has neither, and `take_back` finds it.
    """
    try:
        _rename(source.full_path, target.full_path)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _move_between_disks(source, target)


def _rename(source: str, target: str) -> None:
    try:
        _rename_exclusively(source, target)
    except FileExistsError:
        # Where letter case does not count, a file blocks its own new name.
        if not (_is_same_name(source, target) and os.path.samefile(source, target)):
            raise
        os.rename(source, target)
    except NotImplementedError:
        # A program that takes the new name between these two lines would lose its file.
        if os.path.lexists(target) and not _is_same_name(source, target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        os.rename(source, target)


def _rename_exclusively(source: str, target: str) -> None:
    """Rename a file with the system call that never replaces a file. Raises `OSError`.

    Raises:
        NotImplementedError: this system or this disk has no such call.
    """
    if sys.platform == "win32":
        os.rename(source, target)
        return
    try:
        library = ctypes.CDLL(None, use_errno=True)
        old, new = os.fsencode(source), os.fsencode(target)
        if sys.platform == "darwin":
            failed = library.renamex_np(old, new, _RENAME_EXCL)
        else:
            failed = library.renameat2(_AT_FDCWD, old, _AT_FDCWD, new, _RENAME_NOREPLACE)
    except (OSError, AttributeError) as error:
        raise NotImplementedError from error
    if failed:
        code = ctypes.get_errno()
        if code in _UNSUPPORTED:
            raise NotImplementedError
        raise OSError(code, os.strerror(code))


def _is_same_name(source: str, target: str) -> bool:
    return fold(source) == fold(target)


def _move_between_disks(source: Place, target: Place) -> None:
    """Copy a file, and delete the original.

    Its old name goes before the new one comes, so that it is never there twice, and so that a later
    process knows how far this came: an unfinished file alone is worthless; beside a file that was
    put aside it is complete.
    """
    sweep(target.full_folder)
    unfinished, aside = _unfinished(target), _aside(source)
    try:
        _copy(source.full_path, unfinished)
        _sync_folder(target.full_folder)
        _rename(source.full_path, aside)
    except OSError:
        with suppress(OSError):
            os.remove(unfinished)
        raise
    _finish_between_disks(source, target)


def _finish_between_disks(source: Place, target: Place) -> None:
    """Finish a move between two disks that was begun, if any; half a copy is deleted."""
    unfinished, aside = _unfinished(target), _aside(source)
    is_copied, is_aside = os.path.lexists(unfinished), os.path.lexists(aside)
    if is_copied and is_aside:
        try:
            _rename(unfinished, target.full_path)
        except OSError:
            _rename(aside, source.full_path)
            os.remove(unfinished)
            raise
        _sync_folder(target.full_folder)
    elif is_copied:
        os.remove(unfinished)
    if is_aside and os.path.lexists(target.full_path):
        os.remove(aside)
    elif is_aside:
        _rename(aside, source.full_path)


def _unfinished(target: Place) -> str:
    """Return where a copy is made."""
    return target.beside(unfinished_name(target.id)).full_path


def _aside(source: Place) -> str:
    """Return a file's name between its copying and its deletion; hidden too."""
    return source.beside(f".lib-embeddings-{source.id}.old.tmp").full_path


def _copy(source: str, unfinished: str) -> None:
    """Make a copy that survives a power cut, with the file's time and permissions."""
    if os.path.islink(source):
        os.symlink(os.readlink(source), unfinished)
        return
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
    with open_file(source) as file, os.fdopen(os.open(unfinished, flags, 0o600), "wb") as copy:
        shutil.copyfileobj(file, copy)
        copy.flush()
        os.fsync(copy.fileno())
    shutil.copystat(source, unfinished)


def _sync_folder(folder: str) -> None:
    if sys.platform != "win32":  # which opens no folders, and keeps the order by itself
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def _why_failed(move: Move, error: OSError) -> str:
    source, target = move
    is_renamed = source.full_folder == target.full_folder
    done = f"renamed to {shown(target.filename, 255)}" if is_renamed else "moved"
    why = error.strerror or error
    return f"{shown(source.filename, 255)} cannot be {done}: {why}{advice_on(error)}"
