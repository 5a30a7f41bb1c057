"""Read the new files of a scan; now and then save and show those that are read."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import NamedTuple, Protocol

from lib_embeddings.entries.entry import Entry, Found
from lib_embeddings.entries.slow_disk import Width, ask_each, wide
from lib_embeddings.entries.snapshot import FolderEntries
from lib_embeddings.limits import REST
from lib_embeddings.stores.index import Index

# Seconds between two moments at which the files read so far are saved and shown.
_BATCH = 0.5


class Progress(NamedTuple):
    """How many of the files that a scan must read have been read."""

    read: int
    total: int


class Stop(Protocol):
    """Ends a scan; a `threading.Event` is one."""

    def is_set(self) -> bool:
        """Return whether to end."""


class Stopped(Exception):
    """The scan was stopped; the files that it read are in the index."""


class Unread(NamedTuple):
    """A file to read, its folder's full path, and the place for its entry."""

    found: Found
    folder: str
    entries: FolderEntries


class FileReader:
    """Reads files, and lets the index remember the result.

    Every method raises `Stopped` once it is stopped.

    Attributes:
        read: says what one file is.
        width: returns how many things a slow disk may be asked for at once.
        clock: returns seconds.
    """

    def __init__(  # noqa: PLR0913 - all that it needs
        self,
        read: Callable[[Found], Entry],
        index: Index,
        *,
        stop: Stop,
        on_progress: Callable[[Progress], object],
        width: Width = wide,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the arguments, which `library.scans.Scans` describes."""
        self.read = read
        self.index = index
        self.stop = stop
        self.on_progress = on_progress
        self.width = width
        self.clock = clock

    def check_stop(self) -> None:
        """Raise `Stopped` if it is stopped."""
        if self.stop.is_set():
            raise Stopped

    def read_all(
        self, unread: Sequence[Unread], publish: Callable[[], None]
    ) -> tuple[float, dict[str, float]]:
        """Read files into the entries of their folders.

        Args:
            publish: shows the files read so far.

        Returns:
            The seconds spent on files that must be read again, and for each of their folders the
            time at which the first of these was read.
        """
        lost, again, began = 0.0, dict[str, float](), self.clock()
        due = began + _BATCH
        files = (file.found for file in unread)
        with closing(ask_each(self._read_one, files, self.width)) as read:
            for number, (entry, file) in enumerate(zip(read, unread, strict=True), 1):
                file.entries.put(self.index.keep(entry))
                if entry.reading.is_transient:
                    lost += self.clock() - began
                    again.setdefault(file.folder, self.clock())
                self.on_progress(Progress(number, len(unread)))
                began = self.clock()
                if began >= due:
                    self.index.save()
                    publish()
                    due = self.clock() + max(_BATCH, REST * (self.clock() - began))
                    began = self.clock()
        return lost, again

    def _read_one(self, found: Found) -> Entry:
        self.check_stop()
        return self.read(found)
