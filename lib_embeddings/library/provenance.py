"""Whether the embeddings that an infotext names are here."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from lib_embeddings.entries.snapshot import Entry
from lib_embeddings.library.library import Library
from lib_embeddings.names import fold
from lib_embeddings.prompts.infotext import Provenance, compare, name_in_infotext


def provenance(library: Library, hashes: Mapping[str, str]) -> Provenance:
    """Compare the embeddings of an infotext with those of a library, whatever the active model.

    Args:
        hashes: name -> hash, from `split_hashes`.
    """
    here: dict[str, Entry] = {}
    for fitted in library.view:
        if fitted.state == "ok":
            here.setdefault(fold(name_in_infotext(fitted.name)), fitted.entry)

    def sha256_of(name: str) -> str | None:
        entry = here.get(fold(name))
        if entry is None:
            return None
        with suppress(OSError):
            return library.sha256(entry)
        return ""  # it is here, and cannot be read now

    def name_of(beginning: str) -> str | None:
        known = library.listing.hashes()
        named = (e.name for e in here.values() if known.get(e.full_path, "").startswith(beginning))
        return next(named, None)

    return compare(hashes, sha256_of, name_of)
