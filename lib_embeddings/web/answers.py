"""What the routes answer, as plain values; docs/api.md describes it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from lib_embeddings.entries.place import Place
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES, TEXT_ENCODERS
from lib_embeddings.library.inspect import Inspection, inspect
from lib_embeddings.library.library import Library
from lib_embeddings.library.render import entry_as_json
from lib_embeddings.library.reports import PromptReports
from lib_embeddings.library.search import SearchIndex
from lib_embeddings.library.view import ViewEntry
from lib_embeddings.prompts.chunks import CHUNK_TOKENS
from lib_embeddings.prompts.grammar import escape
from lib_embeddings.prompts.schedules import MOST_STEPS
from lib_embeddings.web.requests import LARGEST_PAGE, LONGEST_PROMPT, MOST_COMPLETIONS, Prompts


def host(name: str, version: str | None) -> dict[str, Any]:
    """Return what a page needs to know of the host, of models and of bounds."""
    return {
        "host": name,
        "version": version,
        "families": [
            {"key": family.key, "title": family.title, "encoders": list(family.encoders)}
            for family in MODEL_FAMILIES.values()
        ],
        "encoders": {
            key: {"hidden_size": encoder.hidden_size} for key, encoder in TEXT_ENCODERS.items()
        },
        "limits": {
            "prompt_characters": LONGEST_PROMPT,
            "chunk_tokens": CHUNK_TOKENS,
            "steps": MOST_STEPS,
            "page": LARGEST_PAGE,
            "completions": MOST_COMPLETIONS,
        },
    }


def summary(library: Library, index: SearchIndex, *, shows_paths: bool) -> dict[str, Any]:
    """Return what is true of all entries together.

    Args:
        shows_paths: whether the client may learn where the folders are.
    """
    view, progress = index.view, library.progress
    return {
        "generation": index.generation,
        "scanning": progress._asdict() if progress else None,
        "model": view.model.key if view.model else None,
        "model_title": view.model.title if view.model else None,
        "roots": [root if shows_paths else Place.of_root(root).filename for root in view.roots],
        "counts": dict(index.counts),
        "folders": [asdict(folder) for folder in index.folders],
    }


def details(library: Library, seen: ViewEntry, *, shows_paths: bool) -> dict[str, Any]:
    """Return all there is to know about one file, which is opened for it.

    Raises:
        EmbeddingError: it is another file than a moment ago.
        OSError: it is gone.
    """
    entry = seen.entry
    inside = _look_into(seen).as_json()
    # Only of embeddings, as other files may be huge.
    sha256 = library.sha256(entry) if seen.state in ("ok", "duplicate") else None
    path = {"full_path": entry.place.full_path} if shows_paths else {}
    return {**entry_as_json(library.search_index, seen), "sha256": sha256, **inside, **path}


def completion(index: SearchIndex, seen: ViewEntry) -> dict[str, Any]:
    """Return what a list of completions shows of an embedding, and what it inserts."""
    told = entry_as_json(index, seen)
    shown = ("id", "name", "n_vectors", "families", "fit", "field")
    return {**{key: told[key] for key in shown}, "insert": escape(seen.name)}  # type: ignore[literal-required]


def prompts(reports: PromptReports, asked: Prompts) -> dict[str, Any] | None:
    """Return the reports of both prompts; None where nothing can tell tokens."""
    ready = reports.ready()
    if ready is None:
        return None
    model, read = ready.view.model, ready.reader.read
    try:
        told = {
            "generation": ready.generation,
            "model": model.key if model else None,
            "positive": read(asked.positive, asked.steps).as_json(),
            "negative": read(asked.negative, asked.steps, is_negative=True).as_json(),
        }
    except LookupError:  # the host has put its model away, and its tokenizer with it
        return None
    if provenance := reports.provenance(asked.positive, asked.infotext):
        told["infotext"] = provenance.as_json()
    return told


def _look_into(seen: ViewEntry) -> Inspection:
    try:
        return inspect(seen.entry)
    except OSError:
        if seen.state != "broken":
            raise
        return Inspection()  # that it cannot be opened is what there is to know
