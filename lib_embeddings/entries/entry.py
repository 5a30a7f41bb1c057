"""What a scan finds: an entry for every file that may be an embedding.

Place       where it lies
Reading     what its bytes tell
Companion   what lies beside it and belongs to it
Found       a place, size and time, and companions, before the file is opened
Entry       all of these, and its size and time
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from lib_embeddings.entries.place import Place
from lib_embeddings.formats.embedding import NOTHING, VectorsInfo, tokens_taken
from lib_embeddings.names import WEIGHT_SUFFIXES, fold

FileState = Literal["ok", "broken", "unsafe", "foreign"]

# The layout of an embedding whose halves lie in two files.
PAIR = "learned_embeds_pair"


class Reading(NamedTuple):
    """What a file's bytes tell, except the name inside; files that tell the same share it.

    Attributes:
        state: what the file is.
        reason: one sentence; None when it is ok.
        vectors: text encoder key -> number, size and type of its vectors; the vectors are not kept.
            Files of one shape share this mapping.
        warnings: sentences about things that work but are odd.
        is_transient: decided by the disk or by a defect of ours, not by the bytes; it may be
            different next time.
    """

    state: FileState
    reason: str | None = None
    container: str | None = None
    layout: str | None = None
    vectors: Mapping[str, VectorsInfo] = NOTHING
    metadata: Mapping[str, str | int] = NOTHING
    warnings: tuple[str, ...] = ()
    is_transient: bool = False

    @property
    def n_vectors(self) -> int:
        """How many tokens it stands for in a prompt; 0 for anything but an embedding."""
        return tokens_taken({key: info.n_vectors for key, info in self.vectors.items()})


class Companion(NamedTuple):
    """A file that belongs to an embedding: the picture, notes or settings beside it."""

    filename: str
    size: int
    mtime_ns: int


def by_name(companions: Iterable[Companion]) -> dict[str, Companion]:
    """Return companions by their folded names."""
    return {fold(each.filename): each for each in companions}


class Entry(NamedTuple):
    """A file found in a folder.

    Attributes:
        size: in bytes; of a pair, both files together.
        mtime_ns: when it was last written, in nanoseconds; of a pair, the later time.
        companions: what lies beside it and belongs to it.
        stored_name: the name written inside the file. It is shown, and never used.
        stale: why the last scan could not look at it, so that all this is from an earlier one; None
            where it did look.
    """

    place: Place
    size: int
    mtime_ns: int
    companions: tuple[Companion, ...]
    reading: Reading
    stored_name: str | None = None
    stale: str | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences about things that work but are odd."""
        warnings = self.reading.warnings
        return (*warnings, self.stale) if self.stale else warnings

    @property
    def is_listed(self) -> bool:
        """Whether lists have it: not if it is no embedding and lacks the ending of a model.

        Mere pictures are such files.
        """
        is_foreign = self.reading.state == "foreign"
        return not is_foreign or self.place.path.lower().endswith(WEIGHT_SUFFIXES)


class Found(NamedTuple):
    """A file or folder met on the way, before it is opened.

    Attributes:
        size: in bytes.
        mtime_ns: when it was last written, in nanoseconds.
        companions: what lies beside the file and belongs to it.
        problem: why it is not opened, for a file or folder that is not.
        is_transient: the disk did not answer; it may next time.
    """

    place: Place
    size: int = 0
    mtime_ns: int = 0
    companions: tuple[Companion, ...] = ()
    problem: str | None = None
    is_transient: bool = False


def entry_of(found: Found, reading: Reading, stored_name: str | None = None) -> Entry:
    """Return the entry of one file, before it is joined with another."""
    place, size, mtime_ns, companions, _, _ = found
    return Entry(place, size, mtime_ns, companions, reading, stored_name)


def unopened(found: Found) -> Entry:
    """Return the entry of a file or folder that has a problem."""
    return entry_of(found, Reading("broken", found.problem, is_transient=found.is_transient))
