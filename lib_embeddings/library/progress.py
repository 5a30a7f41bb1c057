"""How far a scan is with the files that it has to read."""

from __future__ import annotations

from typing import NamedTuple

from tqdm import tqdm


class Progress(NamedTuple):
    """How many of the files that a scan has to read are read."""

    read: int
    total: int


class ReadingBar:
    """Shows on a terminal how far a scan is; elsewhere it shows nothing."""

    def __init__(self, delay: float = 1.0) -> None:
        """Prepare; nothing is shown in the first *delay* seconds."""
        self._bar = tqdm(desc="Reading", unit=" files", delay=delay, disable=None, leave=False)

    def show(self, progress: Progress) -> None:
        """Show how far the scan is now; with the last file the bar goes away."""
        self._bar.total = progress.total
        self._bar.update(progress.read - self._bar.n)
        if progress.read == progress.total:
            self.close()

    def close(self) -> None:
        """Take the bar away, also in the middle of a scan."""
        self._bar.close()
