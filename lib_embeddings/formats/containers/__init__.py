"""From bytes to named tensors: one module for each way a file holds tensors.

    safetensors     safetensors.py
    torch-zip       torch_zip.py → zip_directory.py ┐
    torch-legacy    torch_legacy.py                 ┴ pickle_opcodes.py → pickle_stack.py
                        → torch_globals.py → storage.py
    png-text        picture_text.py
    picture-pixels  picture_pixels.py → picture_text.py
    none of them    unrecognised.py

`CONTAINERS` lists them in reading order. A container *accepts* by the file's first bytes, never by
its name; it may still find nothing (a picture without an embedding), and then the next one tries.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from lib_embeddings.formats.containers import (
    picture_pixels,
    picture_text,
    safetensors,
    torch_legacy,
    torch_zip,
)
from lib_embeddings.formats.containers.unrecognised import identify
from lib_embeddings.formats.embedding import Contents
from lib_embeddings.formats.file_bytes import FileBytes

__all__ = ["CONTAINERS", "Container", "FileBytes", "read_contents"]


class Container(NamedTuple):
    """One way of holding tensors.

    Attributes:
        name: the word for it in JSON and messages.
        accepts: returns whether a file is of this kind, by its first bytes.
        read: returns what the file holds, None if it turns out to hold nothing.
    """

    name: str
    accepts: Callable[[bytes], bool]
    read: Callable[[FileBytes], Contents | None]


CONTAINERS = tuple(
    Container(module.NAME, module.accepts, module.read)
    for module in (safetensors, torch_zip, torch_legacy, picture_text, picture_pixels)
)


def read_contents(file: FileBytes) -> Contents:
    """Return what a file holds.

    Raises:
        BrokenFile: it is damaged.
        UnsafeFile: it is a pickle that asks for more than values.
        NotAnEmbedding: it is not a tensor container.
    """
    for container in CONTAINERS:
        if container.accepts(file.head):
            contents = container.read(file)
            if contents is not None:
                return contents
    raise torch_legacy.old_pickle(file.head) or identify(file.head, file.size)
