"""How far something is that takes long, and what ends it."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Progress(NamedTuple):
    """How many of the files that a scan has to read are read."""

    read: int
    total: int


class Stop(Protocol):
    """Ends a scan; a `threading.Event` is one."""

    def is_set(self) -> bool:
        """Tell whether to end."""


class Stopped(Exception):
    """The scan was stopped; what it read is in the index."""
