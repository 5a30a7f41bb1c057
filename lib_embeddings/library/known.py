"""The little that prompts and name checks need to know of a library's files."""

from __future__ import annotations

from collections.abc import Iterable

from lib_embeddings.entries.snapshot import FittedEntry
from lib_embeddings.prompts.known import KnownEmbedding
from lib_embeddings.prompts.name_checks import NameChecks
from lib_embeddings.prompts.tokenizer import LookUp, Tokenize


def known_of(fitted: FittedEntry) -> KnownEmbedding:
    """Return the little of an entry that prompts need."""
    return KnownEmbedding(
        fitted.id,
        fitted.name,
        fitted.n_vectors,
        fitted.reason,
        fitted.path.rpartition("/")[0],
        fitted.entry.stored_name,
        fitted.state == "duplicate",
    )


def check_names(
    entries: Iterable[FittedEntry],
    tokenize: Tokenize | None = None,
    look_up: LookUp | None = None,
) -> NameChecks:
    """Compare the names of all entries; see `NameChecks`."""
    return NameChecks(map(known_of, entries), tokenize, look_up)
