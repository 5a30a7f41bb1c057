"""How far something is that takes long, and what ends it."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from tqdm import tqdm


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


class ProgressBar:
    """Shows on a terminal how far something is; elsewhere it shows nothing."""

    def __init__(self, title: str, unit: str, delay: float = 1.0) -> None:
        """Prepare; nothing is shown in the first *delay* seconds.

        Args:
            unit: what is counted; `B` for bytes, of which the large numbers are rounded.
        """
        self._bar = tqdm(
            desc=title, unit=unit, unit_scale=unit == "B", delay=delay, disable=None, leave=False
        )

    def show(self, done: int, total: int | None) -> None:
        """Show how far it is now, at the end not any more; *total* is None where nobody knows."""
        self._bar.total = total
        self._bar.update(done - self._bar.n)
        if done == total:
            self.close()

    def close(self) -> None:
        """Take the bar away, also before the end."""
        self._bar.close()


def reading_bar(delay: float = 1.0) -> ProgressBar:
    """Return what shows how far a scan is, after *delay* seconds."""
    return ProgressBar("Reading", " files", delay)
