"""What the API tells of the library and of its files, as plain values."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict
from typing import Any

from lib_embeddings.entries.notes import read_texts
from lib_embeddings.entries.previews import preview_of
from lib_embeddings.entries.snapshot import FittedEntry
from lib_embeddings.library.inspect import Inspection, inspect
from lib_embeddings.library.library import Library
from lib_embeddings.library.render import entry_as_json
from lib_embeddings.library.search import Filters, Listing


def describe_library(listing: Listing, *, shows_paths: bool) -> dict[str, Any]:
    """Return what is true of all entries together.

    Args:
        shows_paths: whether the client may learn where the folders lie.
    """
    view = listing.view
    favourites = listing.select(Filters(favourite=True), limit=1)
    return {
        "generation": listing.generation,
        "model": view.model.key if view.model else None,
        "model_title": view.model.title if view.model else None,
        "roots": [root if shows_paths else os.path.basename(root) for root in view.roots],
        "counts": {**view.counts, "favourite": favourites.total},
        "folders": [asdict(folder) for folder in listing.folders],
    }


def card(listing: Listing, fitted: FittedEntry, prefix: str) -> dict[str, Any]:
    """Return what a card shows of one file."""
    texts, choice = read_texts(fitted.entry), listing.choice_of(fitted)
    return {
        **entry_as_json(fitted, listing.name_checks.of(fitted)),
        "id": fitted.id,
        "n_vectors": max((info.n_vectors for info in fitted.vectors.values()), default=0),
        "mtime": fitted.entry.mtime_ns / 1e9,
        "folder": listing.folder_of(fitted),
        "preview": _preview_address(fitted, prefix),
        "notes": texts.notes,
        "description": texts.description,
        "favourite": choice.favourite,
        "use_partial": choice.use_partial,
        "field": listing.field_of(fitted),
        "chosen_field": listing.chosen_field(fitted),
    }


def details(
    library: Library, fitted: FittedEntry, prefix: str, *, shows_paths: bool
) -> dict[str, Any]:
    """Return all there is to know about one file, which is opened for it.

    Raises:
        OSError: it is gone.
    """
    inside = _look_into(fitted).as_json()
    if inside["sha256"]:
        inside["sha256"] = library.sha256(fitted.entry)  # remembered, and found by searches then
    told = {key: inside[key] for key in ("sha256", "metadata", "tensors", "values", "bundled")}
    path = {"full_path": fitted.entry.full_path} if shows_paths else {}
    return {**card(library.listing, fitted, prefix), **told, **path}


def _look_into(fitted: FittedEntry) -> Inspection:
    try:
        return inspect(fitted.entry.full_path)
    except OSError:
        if fitted.state != "broken":
            raise
        return Inspection(fitted.entry)  # that it cannot be opened is what there is to know


def _preview_address(fitted: FittedEntry, prefix: str) -> str | None:
    """Return where the preview is; the address changes when the picture does."""
    picture = preview_of(fitted.entry)
    if picture is None:
        return None
    version = hashlib.blake2b(f"{picture}".encode("utf-8", "surrogatepass"), digest_size=4)
    return f"{prefix}/preview/{fitted.id}?v={version.hexdigest()}"
