"""A file's bytes, given out in bounded ranges."""

from __future__ import annotations

from typing import BinaryIO

from lib_embeddings.errors import BrokenFile
from lib_embeddings.limits import LIMITS


class Source:
    """An open file whose beginning is read once and whose rest is read on demand.

    Attributes:
        head: the first bytes: all of a usual embedding, the beginning of anything larger.
        size: length of the whole file, in bytes.
    """

    __slots__ = ("_file", "head", "size")

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self.size = size
        self.head = file.read(min(size, LIMITS.head_bytes))

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly *length* bytes from *offset*.

        Raises:
            BrokenFile: the file ends before that.
        """
        end = offset + length
        return self.head[offset:end] if end <= len(self.head) else bytes(self.view(offset, length))

    def view(self, offset: int, length: int) -> memoryview:
        """Return exactly *length* bytes from *offset*, without a copy where they are in the head.

        Raises:
            BrokenFile: the file ends before that.
        """
        end = offset + length
        if end <= len(self.head):
            return memoryview(self.head)[offset:end]
        if end > self.size:
            raise cut_short(end, self.size)
        self._file.seek(offset)
        data = self._file.read(length)
        if len(data) < length:
            raise cut_short(end, offset + len(data))
        return memoryview(data)

    def read_up_to(self, offset: int, length: int) -> bytes:
        """Return the bytes from *offset*, fewer than *length* where the file ends."""
        return self.read(offset, max(0, min(length, self.size - offset)))


def cut_short(expected: int, found: int) -> BrokenFile:
    """Return the error for a file that ends too early; both counts are in bytes."""
    return BrokenFile(
        f"cut short: expected at least {expected:,} bytes, found {found:,}; download it again"
    )
