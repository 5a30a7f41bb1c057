"""The little that prompts and name checks need to know of a library's files."""

from __future__ import annotations

from lib_embeddings.library.view import View, ViewEntry
from lib_embeddings.prompts.known import KnownEmbedding
from lib_embeddings.prompts.name_checks import NameChecks
from lib_embeddings.prompts.tokenizer import LookUp, Tokenize


def known_of(seen: ViewEntry) -> KnownEmbedding:
    """Return what prompts need of an entry."""
    entry = seen.entry
    return KnownEmbedding(
        entry.place.id,
        seen.name,
        entry.reading.n_vectors,
        None if seen.may_be_used else seen.reason,
        entry.place.folder,
        entry.reading.stored_name,
        seen.state == "duplicate",
        seen.reason if seen.may_be_used else None,
    )


def check_names(
    view: View, tokenize: Tokenize | None = None, look_up: LookUp | None = None
) -> NameChecks:
    """Compare the names of all entries; see `NameChecks`."""
    return NameChecks(map(known_of, view), tokenize, look_up)
