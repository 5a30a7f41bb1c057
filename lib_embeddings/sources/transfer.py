"""A file on its way here: what is missing is fetched, within bounds of size and time."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

from lib_embeddings.errors import SourceError, Unreachable, shown
from lib_embeddings.limits import Limits
from lib_embeddings.sources.source import RemoteFile
from lib_embeddings.sources.transport import Response, Transport

# The number of bytes that are here, and of all; None where nobody knows.
OnProgress = Callable[[int, int | None], None]

_NUMBER = re.compile(r"[0-9]{1,18}")


class Transfer:
    """A file on its way, of which any part may already be here."""

    def __init__(
        self,
        transport: Transport,
        file: RemoteFile,
        unfinished: Path,
        limits: Limits,
        on_progress: OnProgress,
    ) -> None:
        """Fetch nothing yet; *unfinished* may contain its beginning."""
        self._transport = transport
        self._file = file
        self._unfinished = unfinished
        self._limits = limits
        self._on_progress = on_progress
        self._etag: str | None = None
        self._deadline = time.monotonic() + limits.download_seconds
        named = limits.download_bytes if file.size is None else file.size + limits.size_tolerance
        self._most = min(limits.download_bytes, named)

    @property
    def size(self) -> int:
        """The number of bytes that are here."""
        try:
            return self._unfinished.stat().st_size
        except FileNotFoundError:
            return 0

    def complete(self) -> None:
        """Fetch what is missing. A connection that brought something and broke is made again."""
        for _ in range(self._limits.download_tries - 1):
            had = self.size
            try:
                return self._go_on()
            except Unreachable:
                if self.size == had:
                    raise
        return self._go_on()

    def _go_on(self) -> None:
        file, had = self._file, self.size
        headers = {"Range": f"bytes={had}-"} if had and (self._etag or file.sha256) else {}
        if headers and self._etag:
            headers["If-Range"] = self._etag
        seconds = self._deadline - time.monotonic()
        with self._transport.ask(file.site, file.url, seconds, headers=headers) as answer:
            is_rest = answer.status == 206 and answer.headers.get("content-range", "").startswith(
                f"bytes {had}-"
            )
            if answer.status == 416 or (answer.status == 206 and not is_rest):
                self._unfinished.unlink(missing_ok=True)
                raise Unreachable(f"{file.site.title} sent another part of the file: try again")
            if answer.status not in (200, 206):
                raise answer.refusal()
            etag = answer.headers.get("etag", "")
            self._etag = None if etag.startswith("W/") else etag or None
            self._write(answer, had if is_rest else 0)

    def _write(self, answer: Response, done: int) -> None:
        """Write what follows the first *done* bytes."""
        length = _NUMBER.fullmatch(answer.headers.get("content-length", ""))
        total = done + int(length[0]) if length else None
        self._refuse_more_than_most(total or 0)
        with self._unfinished.open("ab" if done else "wb") as out:
            for block in answer.blocks():
                done += len(block)
                self._refuse_more_than_most(done)
                out.write(block)
                self._on_progress(done, total)
            out.flush()
            os.fsync(out.fileno())

    def _refuse_more_than_most(self, size: int) -> None:
        if size > self._most:
            raise SourceError(
                f"{shown(self._file.filename, 255)} was not kept: expected at most "
                f"{self._most:,} bytes, found more"
            )
