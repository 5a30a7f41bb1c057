"""Write a file so that whoever reads it, whenever, finds the old content or the new one."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path


def write_atomically(path: str, data: bytes) -> None:
    """Replace what a file holds, all at once. Raises `OSError`, and then nothing has changed.

    The file keeps its permissions; where it is a link, what it leads to is replaced.
    """
    target = Path(os.path.realpath(path))
    # Hidden and temporary by name, so that no watcher looks at it.
    draft = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            shutil.copymode(target, draft)
        os.replace(draft, target)
    finally:
        with suppress(OSError):
            draft.unlink()
