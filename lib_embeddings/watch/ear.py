"""Which file events are worth a second look."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

from lib_embeddings.watch.tree import is_hidden, is_temporary

# "opened" and "closed_no_write" are missing on purpose: reading a file must not wake its reader.
FILE_HINTS = frozenset({"created", "modified", "attrib", "moved", "deleted", "closed"})
# A folder is "modified" with every file in it, ignored ones included.
FOLDER_HINTS = frozenset({"created", "moved", "deleted"})
# After these a file is whole.
COMPLETIONS = frozenset({"moved", "closed"})


class Event(Protocol):
    """What is used of watchdog's events, of every version."""

    event_type: str
    is_directory: bool
    src_path: str | bytes


class Ear:
    """Hear the events of one watched folder and pass on what they hint at."""

    def __init__(self, folder: str, hear: Callable[[str | None], None]) -> None:
        """Listen to a folder.

        Args:
            folder: the path the observer was given.
            hear: called for each hint, with the path of the file that is now whole, if one is.
        """
        self._folder = folder
        self._hear = hear

    def dispatch(self, event: Event) -> None:
        """Judge one event by its kind and by the names it tells of."""
        kind = event.event_type
        if kind not in (FOLDER_HINTS if event.is_directory else FILE_HINTS):
            return
        # Before version 5 only moves had a dest_path.
        source, goal = os.fsdecode(event.src_path), os.fsdecode(getattr(event, "dest_path", ""))
        goal = goal or source
        is_file = not event.is_directory
        if is_file and kind in COMPLETIONS and not self._ignores(goal, is_file):
            self._hear(goal)
        elif not (self._ignores(source, is_file) and self._ignores(goal, is_file)):
            self._hear(None)

    def _ignores(self, path: str, is_file: bool) -> bool:
        below = path.removeprefix(self._folder)
        return any(map(is_hidden, below.split(os.sep))) or (is_file and is_temporary(below))
