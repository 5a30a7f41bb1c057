"""Which file events are worth a second look."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

from lib_embeddings.watch.tree import is_ignored

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
        if kind in COMPLETIONS and not event.is_directory and not self._ignores(goal):
            self._hear(goal)
        elif not (self._ignores(source) and self._ignores(goal)):
            self._hear(None)

    def _ignores(self, path: str) -> bool:
        return any(map(is_ignored, path.removeprefix(self._folder).split(os.sep)))
