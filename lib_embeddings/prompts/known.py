"""What a library tells of its files to those who read prompts and names."""

from __future__ import annotations

from typing import NamedTuple


class KnownEmbedding(NamedTuple):
    """A file that a prompt may mean by its name.

    Attributes:
        id: the library's; empty for a file that is not here.
        n_vectors: how many tokens it takes; 0 for a file that is no embedding.
        reason: why no prompt can use it now; None when one can.
        folder: where the file is below the library's folder, with `/`.
        stored_name: the name inside the file, which no prompt uses.
        is_duplicate: whether another file of its name is used in its place.
        caveat: what to know where a prompt can use it; None where there is nothing.
    """

    id: str
    name: str
    n_vectors: int
    reason: str | None = None
    folder: str = ""
    stored_name: str | None = None
    is_duplicate: bool = False
    caveat: str | None = None
