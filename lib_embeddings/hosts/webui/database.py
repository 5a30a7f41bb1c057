"""The WebUI's database of embeddings. Each of its tables is replaced by a new one at once.

So whoever reads it meanwhile, in another thread, sees the state before or the one after.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

from lib_embeddings.prompts.tokenizer import TokenIds

# Any: the WebUI's class, which is not typed.
Embedding = Any
Lookup = dict[int, list[tuple[TokenIds, Embedding]]]


class Database(Protocol):
    """What is used of the WebUI's database.

    Attributes:
        ids_lookup: first token id -> what may begin there, longest first.
        word_embeddings: name -> what prompts can use, sorted by name.
        skipped_embeddings: name -> what the model cannot use.
    """

    ids_lookup: Lookup
    word_embeddings: dict[str, Embedding]
    skipped_embeddings: dict[str, Embedding]


def register(
    database: Database,
    wanted: Mapping[str, Embedding],
    token_ids: Mapping[str, TokenIds],
    is_ours: Callable[[Embedding], bool],
) -> bool:
    """Make *wanted* the entries of ours that prompts can use; tell whether anything changed.

    Entries that others registered are kept, and keep their names.
    """
    words = database.word_embeddings
    present = {name: embedding for name, embedding in words.items() if is_ours(embedding)}
    theirs = {name: embedding for name, embedding in words.items() if name not in present}
    gone = [e for name, e in present.items() if wanted.get(name) is not e]
    new = [e for name, e in wanted.items() if present.get(name) is not e and name not in theirs]
    if not gone and not new:
        return False
    database.ids_lookup = _changed_lookup(database.ids_lookup, gone, new, token_ids)
    all_words = {**wanted, **theirs}
    database.word_embeddings = {name: all_words[name] for name in sorted(all_words, key=str.lower)}
    return True


def skip(
    database: Database, unavailable: Mapping[str, Embedding], is_ours: Callable[[Embedding], bool]
) -> None:
    """Make *unavailable* the entries of ours that the model cannot use."""
    skipped = database.skipped_embeddings
    theirs = {name: embedding for name, embedding in skipped.items() if not is_ours(embedding)}
    database.skipped_embeddings = {**theirs, **unavailable}


def _changed_lookup(
    lookup: Lookup,
    gone: Collection[Embedding],
    new: Collection[Embedding],
    token_ids: Mapping[str, TokenIds],
) -> Lookup:
    leaving = set(map(id, gone))
    arriving: Lookup = defaultdict(list)
    for embedding in new:
        ids = token_ids[embedding.name]
        arriving[ids[0]].append((ids, embedding))
    left = {first for first, rows in lookup.items() if any(id(e) in leaving for _, e in rows)}
    changed = dict(lookup)
    for first in left.union(arriving):
        rows = [row for row in lookup.get(first, ()) if id(row[1]) not in leaving]
        rows += arriving.get(first, ())
        changed[first] = sorted(rows, key=lambda row: len(row[0]), reverse=True)
        if not rows:
            del changed[first]
    return changed
