"""What a prompt uses of a library: as records, as lines for the console and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from lib_embeddings.errors import counted
from lib_embeddings.prompts.foreign_syntax import ForeignSyntax
from lib_embeddings.prompts.tokens import CHUNK_TOKENS


class KnownEmbedding(NamedTuple):
    """A file that a prompt may mean by its name.

    Attributes:
        id: the library's; empty if it is not in the library.
        n_vectors: number of tokens it takes; 0 for a file that is not an embedding.
        reason: why no prompt can use it now; None when one can.
        folder: where the file is below the library's folder, with `/`.
        stored_name: the name inside the file, which no prompt uses.
        is_duplicate: whether another file with its name is used in its place.
        caveat: a warning although a prompt can use it; None where there is none.
        is_partial: whether people may let the model use it in part.
    """

    id: str
    name: str
    n_vectors: int
    reason: str | None = None
    folder: str = ""
    stored_name: str | None = None
    is_duplicate: bool = False
    caveat: str | None = None
    is_partial: bool = False


class Used(NamedTuple):
    """An embedding that the prompt uses, with the weight of each use."""

    known: KnownEmbedding
    weights: tuple[float, ...]


class Unavailable(NamedTuple):
    """An embedding that the prompt names and cannot use.

    Attributes:
        shadowed_by: the name that is used in its place, if there is one.
        is_read: whether the model reads its text; hosts remove extra networks such as
            `<embed:name>` from a prompt.
    """

    known: KnownEmbedding
    shadowed_by: str | None
    is_read: bool = True


class NearMiss(NamedTuple):
    """A word that is nearly a name."""

    text: str
    known: KnownEmbedding


class ChunkUsage(NamedTuple):
    """How many tokens of a chunk are taken, and how many of these by vectors."""

    tokens: int
    vectors: int


@dataclass(frozen=True, slots=True)
class PromptReport:
    """What one prompt uses, in the prompt's order.

    Attributes:
        unread: why not all of the prompt was read; None where it was.
    """

    prompt: str
    used: tuple[Used, ...] = ()
    unavailable: tuple[Unavailable, ...] = ()
    near_misses: tuple[NearMiss, ...] = ()
    foreign_syntax: tuple[ForeignSyntax, ...] = ()
    chunks: tuple[ChunkUsage, ...] = ()
    unread: str | None = None

    @property
    def is_all_used(self) -> bool:
        """Return whether the prompt uses every embedding that it names."""
        used = {use.known.name for use in self.used}
        are_used = all(found.name in used for found in self.foreign_syntax)
        return are_used and not self.unavailable and self.unread is None

    def warnings(self) -> Iterator[str]:
        """Yield a line for each embedding that the prompt names and cannot use, or only in part.

        The page says the same (`notices.mjs`), with buttons for what to do.
        """
        for known, shadowed_by, is_read in self.unavailable:
            if shadowed_by:
                instead = f"{shadowed_by} is used instead"
            elif is_read:
                instead = "the model reads its name as words"
            else:
                instead = "the prompt is read without it"
            yield f"{known.name} is not used: {known.reason}; {instead}"
        for known, _ in self.used:
            if known.n_vectors > CHUNK_TOKENS:
                vectors = counted(known.n_vectors, "vector")
                yield (
                    f"{known.name} has {vectors}, which do not fit into a chunk of "
                    f"{CHUNK_TOKENS} tokens"
                )

    def lines(self) -> Iterator[str]:
        """Yield the whole report for people, line by line."""
        for known, weights in self.used:
            use = f"{known.name} ({counted(known.n_vectors, 'vector')}, {_shown(weights)})"
            yield f"used if it fits: {use}: {known.caveat}" if known.caveat else f"used: {use}"
        yield from self.warnings()
        for text, known in self.near_misses:
            yield f"{text}: did you mean {known.name}?"
        for found in self.foreign_syntax:
            yield f"{found.program} syntax: {found.text}: type {found.replacement}"
        yield from self._usage_lines()
        if self.unread:
            yield self.unread

    def _usage_lines(self) -> Iterator[str]:
        """Yield a line about the chunks that hold vectors."""
        of = f"of {CHUNK_TOKENS} tokens"
        taken = [
            f"{chunk.vectors} {of}" + (f" in chunk {number}" if len(self.chunks) > 1 else "")
            for number, chunk in enumerate(self.chunks, start=1)
            if chunk.vectors
        ]
        if taken:
            yield f"embeddings take {', '.join(taken)}"

    def as_json(self) -> dict[str, Any]:
        """Return the HTTP API's answer; offsets count UTF-16 code units, as browsers do."""
        return {
            "used": [
                {
                    **_named(known),
                    "n_vectors": known.n_vectors,
                    "weights": [round(weight, 4) for weight in weights],
                    "caveat": known.caveat,
                }
                for known, weights in self.used
            ],
            "unavailable": [
                {
                    **_named(known),
                    "reason": known.reason,
                    "partial": known.is_partial,
                    "shadowed_by": shadowed_by,
                }
                for known, shadowed_by, _ in self.unavailable
            ],
            "near_misses": [{"text": text, **_named(known)} for text, known in self.near_misses],
            "foreign_syntax": list(self._syntax_as_json()),
            "chunks": [chunk._asdict() for chunk in self.chunks],
            "unread": self.unread,
        }

    def _syntax_as_json(self) -> Iterator[dict[str, Any]]:
        offset = counted = 0
        for found in self.foreign_syntax:
            start = counted + _utf16_length(self.prompt[offset : found.start])
            offset, counted = found.end, start + _utf16_length(found.text)
            yield {**found._asdict(), "start": start, "end": counted}


def _named(known: KnownEmbedding) -> dict[str, str | None]:
    return {"id": known.id or None, "name": known.name}


def _shown(weights: Sequence[float]) -> str:
    word = "weight" if len(weights) == 1 else "weights"
    return f"{word} {', '.join(f'{weight:.3g}' for weight in weights)}"


def _utf16_length(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text)
