"""Write files in folders of embeddings: each is there completely or not at all.

A file has another name until it is complete. A process that is killed leaves a file of that name,
and the next one that writes into the folder removes it.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from lib_embeddings.entries.place import Place
from lib_embeddings.errors import WriteError, shown
from lib_embeddings.limits import LIMITS

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
