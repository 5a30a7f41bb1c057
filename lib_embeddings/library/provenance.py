"""Whether the embeddings that an infotext names are here."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from contextlib import suppress
from functools import cache

from lib_embeddings.entries.snapshot import Entry
from lib_embeddings.library.library import Library
from lib_embeddings.names import fold
from lib_embeddings.prompts.infotext import Provenance, compare, name_in_infotext


def provenance(library: Library, named: Mapping[str, str]) -> Provenance:
    """Compare the embeddings of an infotext with those of a library, whatever the active model.

    Args:
        named: name -> hash, from `named_embeddings`.
    """
    here: dict[str, Entry] = {}
    for fitted in library.view:
        if fitted.state == "ok":
            here.setdefault(fold(name_in_infotext(fitted.name)), fitted.entry)

    def sha256_of(name: str) -> str | None:
        entry = here.get(fold(name_in_infotext(name)))
        if entry is None:
            return None
        with suppress(OSError):
            return library.sha256(entry)
        return ""  # it is here, and cannot be read now

    @cache
    def by_hash() -> list[tuple[str, str]]:
        hashes = library.listing.hashes()
        return sorted((hashes.get(e.full_path, ""), e.name) for e in here.values())

    def name_of(beginning: str) -> str | None:
        at = bisect_left(by_hash(), (beginning, ""))
        found = by_hash()[at : at + 1]
        return next((name for hash_, name in found if hash_.startswith(beginning)), None)

    return compare(named, sha256_of, name_of)
