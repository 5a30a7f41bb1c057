"""Files that look like embeddings and are none, by the names of other programs' tensors.

`lookalikes.txt` has one file a line: what it is, then its tensors' names. A tensor is 4 x 768, as
vectors for clip_l would be, unless its shape follows its name. Above the files stands the clause
that has to name them: `{}` is the number of tensors, `*` is anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from lib_embeddings.errors import NotAnEmbedding
from tests.formats.test_layouts import embedding_of, stored

TABLE = Path(__file__).with_name("lookalikes.txt")


class Lookalike(NamedTuple):
    """A file's name, the shapes of its tensors by name, and the clause that has to name it."""

    id: str
    shapes: dict[str, tuple[int, ...]]
    clause: str


def lookalikes() -> Iterator[Lookalike]:
    """Yield the files of the table."""
    clause = ""
    for line in filter(None, TABLE.read_text(encoding="utf-8").splitlines()):
        if line.startswith("= "):
            clause = line[2:]
            continue
        identity, _, names = line.partition(" | ")
        yield Lookalike(identity, dict(map(_shape, names.split(" "))), clause)


def _shape(text: str) -> tuple[str, tuple[int, ...]]:
    match = re.fullmatch(r"(.+?)(?:\[([\dx]*)\])?", text)
    assert match is not None
    shape = "4x768" if match[2] is None else match[2]
    return match[1], tuple(int(size) for size in shape.split("x") if size)


LOOKALIKES = tuple(lookalikes())


@pytest.mark.parametrize("file", LOOKALIKES, ids=[file.id for file in LOOKALIKES])
def test_what_looks_like_an_embedding_is_named(file: Lookalike) -> None:
    """A file of another program is no embedding, and is named with the folder it belongs in."""
    count = f"{len(file.shapes)} tensor{'s' * (len(file.shapes) != 1)}"
    clause = re.escape(file.clause.replace("{}", count)).replace(r"\*", ".+")
    with pytest.raises(NotAnEmbedding, match=f"^this is {clause}$"):
        embedding_of({name: stored(*shape) for name, shape in file.shapes.items()})


def test_there_are_many_and_no_two_are_called_alike() -> None:
    """The table is as long as it has to be to mean something."""
    assert len({file.id for file in LOOKALIKES}) == len(LOOKALIKES) >= 210
