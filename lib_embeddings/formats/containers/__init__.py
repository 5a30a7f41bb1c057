"""From bytes to named tensors: one module for each way a file holds tensors.

`CONTAINERS` lists them in reading order. A container *accepts* by the file's first bytes, never by
its name; it may still find nothing (a picture without an embedding), and then the next is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from lib_embeddings.formats.containers import (
    picture_pixels,
    png_text,
    safetensors,
    torch_legacy,
    torch_zip,
)
from lib_embeddings.formats.containers.mistaken import identify
from lib_embeddings.formats.containers.source import Source
from lib_embeddings.formats.embedding import Contents

__all__ = ["CONTAINERS", "Container", "Source", "read_contents"]


class Container(NamedTuple):
    """One way of holding tensors.

    Attributes:
        name: the word for it in JSON and messages.
        accepts: tells by the first bytes whether a file is of this kind.
        read: returns what the file holds, None if it turns out to hold nothing.
    """

    name: str
    accepts: Callable[[bytes], bool]
    read: Callable[[Source], Contents | None]


CONTAINERS = tuple(
    Container(module.NAME, module.accepts, module.read)
    for module in (safetensors, torch_zip, torch_legacy, png_text, picture_pixels)
)


def read_contents(source: Source) -> Contents:
    """Return what a file holds.

    Raises:
        BrokenFile: it is damaged.
        UnsafeFile: it is a pickle that asks for more than values.
        NotAnEmbedding: it is no tensor container.
    """
    for container in CONTAINERS:
        if container.accepts(source.head):
            contents = container.read(source)
            if contents is not None:
                return contents
    raise identify(source.head)
