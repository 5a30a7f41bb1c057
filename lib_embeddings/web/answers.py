"""What clients get: plain values, which docs/api.md describes, and the news as they come."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from typing import Any, NamedTuple

from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.sidecars import written_texts
from lib_embeddings.entries.snapshot import Changes
from lib_embeddings.entries.texts import read_texts
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.library.file_reader import Progress
from lib_embeddings.library.files import Outcome
from lib_embeddings.library.journal import Trashed
from lib_embeddings.library.library import Library
from lib_embeddings.library.reports import PromptReports
from lib_embeddings.limits import LIMITS
from lib_embeddings.names import COMPANION_SUFFIXES, SUFFIXES
from lib_embeddings.prompts.grammar import typed
from lib_embeddings.prompts.tokens import CHUNK_TOKENS
from lib_embeddings.prompts.wishes import Purpose, kind_of
from lib_embeddings.sources.sources import SEARCHABLE
from lib_embeddings.views.catalogue import Catalogue
from lib_embeddings.views.folders import FolderCount, folder_id
from lib_embeddings.views.inspect import Inspection, details_as_json, inspect
from lib_embeddings.views.lens import ViewEntry
from lib_embeddings.views.render import by_family, entry_as_json, preview_of
from lib_embeddings.views.search import Filters
from lib_embeddings.web.jobs import Jobs
from lib_embeddings.web.requests import Prompts

# A stream ends by itself and browsers connect again, so a server that stops waits for none.
LONGEST_SECONDS = 30.0
# How often a stream checks whether its client is still there.
PULSE_SECONDS = 1.0


class HostFacts(NamedTuple):
    """What the tab needs to know of the program around it.

    Attributes:
        version: None where it is not known.
        tabs: those that have prompt fields, `{tab}_prompt` and `{tab}_neg_prompt`.
        separator: what goes between a name and the text before it.
        asks_sites: whether people may get embeddings from the internet with it.
    """

    name: str
    version: str | None
    tabs: tuple[str, ...]
    separator: str
    asks_sites: bool = True


def host(facts: HostFacts, *, may_change_files: bool, may_reveal: bool) -> dict[str, Any]:
    """Return what a page needs to know of the host, of models and of bounds."""
    may_ask = facts.asks_sites and may_change_files
    return {
        "host": facts.name,
        "version": facts.version,
        "tabs": list(facts.tabs),
        "separator": facts.separator,
        "may_change_files": may_change_files,
        "may_reveal": may_reveal,
        "endings": list(SUFFIXES),
        "endings_beside": sorted(COMPANION_SUFFIXES),
        "searchable": [
            {"key": key, "title": title, "sorts": list(sorts), "families": has_families}
            for key, title, sorts, has_families in (SEARCHABLE.values() if may_ask else ())
        ],
        "families": [
            {"key": family.key, "title": family.title} for family in MODEL_FAMILIES.values()
        ],
        "limits": {
            "prompt_characters": LIMITS.prompt_characters,
            "chunk_tokens": CHUNK_TOKENS,
            "steps": LIMITS.prompt_steps,
            "page": LIMITS.page_entries,
            "completions": LIMITS.completions,
            "ids": LIMITS.ids,
            "file_bytes": LIMITS.download_bytes,
        },
    }


def summary(
    library: Library,
    catalogue: Catalogue,
    progress: Progress | None,
    folder: str | None,
    *,
    shows_paths: bool,
) -> dict[str, Any]:
    """Return what is true of the whole library.

    Args:
        progress: the library's when the client asked, as the entity tag has it.
        folder: the id of one to tell of; None for the first root.
        shows_paths: whether the client may learn where the folders are.
    """
    view = catalogue.view

    def name_of(root: str) -> str:
        return root if shows_paths else Place.of_root(root).filename

    return {
        "generation": catalogue.generation,
        "progress": progress._asdict() if progress else None,
        "model": view.model.key if view.model else None,
        "model_title": view.model.title if view.model else None,
        "by_family": by_family(catalogue.tally, catalogue.view.advice),
        "roots": [name_of(root) for root in view.roots],
        "missing_roots": [name_of(root) for root in library.missing_roots],
        "counts": dict(catalogue.counts),
        "families": dict(catalogue.families),
        "folder": _folder(catalogue, folder or folder_id(0, "")),
    }


def folders(catalogue: Catalogue, filters: Filters) -> dict[str, Any]:
    """Return all folders, each with how many entries pass the filters in it and below."""
    found = catalogue.found_in_folders(filters)
    return {
        "folders": [
            {**_folder_as_json(folder), "found": found.get(id_, 0)}
            for id_, folder in catalogue.folders.items()
        ]
    }


def details(
    catalogue: Catalogue, seen: ViewEntry, sha256: Callable[[Entry], str], *, shows_paths: bool
) -> dict[str, Any]:
    """Return everything about one file, which is opened for it.

    Args:
        sha256: hashes an entry's file.

    Raises:
        EmbeddingError: it has changed since the last scan.
        OSError: it is gone.
    """
    found = {
        "kind": kind_in(catalogue, seen),
        "texts": written_texts(seen.entry),
        **details_as_json(catalogue, seen, _look_into(seen), sha256),
    }
    return {**found, "full_path": seen.entry.place.full_path} if shows_paths else found


def kind_in(catalogue: Catalogue, seen: ViewEntry) -> Purpose:
    """Return what an embedding is for."""
    return kind_of(seen.entry.reading.metadata, catalogue.field_of(seen))


def added(catalogue: Catalogue, arrivals: Iterable[Outcome]) -> dict[str, Any]:
    """Return what became of files that were sent."""
    files = []
    for path, id_, reason in arrivals:
        seen = catalogue.find(id_) if id_ else None
        entry = entry_as_json(catalogue, seen) if seen else None
        files.append({"path": path, "entry": entry, "reason": reason})
    return {"files": files}


def trashed(item: Trashed) -> dict[str, Any]:
    """Return what clients learn of a file in the trash."""
    place = item.place
    return {
        "id": item.id,
        "name": place.name,
        "path": place.path,
        "deleted": item.time,
        "bytes": item.size,
    }


def trash(items: Sequence[Trashed]) -> dict[str, Any]:
    """Return how much is in the trash, and as many of its items as one answer has."""
    return {
        "total": len(items),
        "bytes": sum(item.size for item in items),
        "items": [trashed(item) for item in items[: LIMITS.page_entries]],
    }


def completion(catalogue: Catalogue, seen: ViewEntry) -> dict[str, Any]:
    """Return what a list of completions shows of an embedding, and what it inserts."""
    preview = preview_of(seen.entry)
    if preview and not read_texts(seen.entry).claims.is_general:
        preview = None
    return {
        "id": seen.entry.place.id,
        "name": seen.name,
        "n_vectors": seen.entry.reading.n_vectors,
        "families": list(seen.families),
        "fit": seen.fit,
        "field": catalogue.field_of(seen),
        "insert": typed(seen.name),
        "preview": preview,
    }


def prompts(reports: PromptReports, asked: Prompts) -> dict[str, Any] | None:
    """Return the reports of both prompts; None without a tokenizer."""
    ready = reports.ready()
    if ready is None:
        return None
    model, steps, styles = ready.view.model, asked.steps, asked.styles
    try:
        ready = ready.beside(asked.positive, styles)
        answer = {
            "generation": ready.generation,
            "model": model.key if model else None,
            "positive": ready.read(asked.positive, "positive", steps, styles).as_json(),
            "negative": ready.read(asked.negative, "negative", steps, styles).as_json(),
        }
    except LookupError:  # the host has unloaded its model, and its tokenizer with it
        return None
    if provenance := reports.provenance(asked.positive, asked.infotext):
        answer["infotext"] = provenance.as_json()
    return answer


def _folder(catalogue: Catalogue, id_: str) -> dict[str, Any] | None:
    folder = catalogue.folders.get(id_)
    return _folder_as_json(folder) if folder else None


def _folder_as_json(folder: FolderCount) -> dict[str, Any]:
    return {
        "id": folder.id,
        "title": folder.title,
        "depth": folder.depth,
        "count": folder.n_entries,
    }


def _look_into(seen: ViewEntry) -> Inspection:
    try:
        return inspect(seen.entry)
    except OSError:
        if seen.state != "broken":
            raise
        return Inspection()  # its reason already says that it cannot be opened


# News: one line for every generation of the library


async def stream(
    library: Library, jobs: Jobs, is_disconnected: Callable[[], Awaitable[bool]]
) -> AsyncGenerator[str, None]:
    """Yield the current jobs and generation, then what is new, as server-sent events."""
    news: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def send(generation: int, changes: Changes) -> None:
        loop.call_soon_threadsafe(news.put_nowait, _event(generation, changes))

    def send_job(job: Mapping[str, Any]) -> None:
        loop.call_soon_threadsafe(news.put_nowait, _job_event(job))

    unsubscribe, unsubscribe_jobs = library.subscribe(send), jobs.subscribe(send_job)
    end = time.monotonic() + LONGEST_SECONDS
    try:
        begun = "".join(map(_job_event, jobs.all()))
        yield f"retry: 1000\n\n{begun}{_event(library.generation, Changes())}"
        while time.monotonic() < end and not await is_disconnected():
            try:
                yield await asyncio.wait_for(news.get(), PULSE_SECONDS)
            except asyncio.TimeoutError:  # a class of its own before Python 3.11
                continue
    finally:
        unsubscribe()
        unsubscribe_jobs()


def _job_event(job: Mapping[str, Any]) -> str:
    return f"event: job\ndata: {json.dumps(job)}\n\n"


def _event(generation: int, changes: Changes) -> str:
    counts = {kind: len(entries) for kind, entries in changes._asdict().items()}
    return f"event: generation\ndata: {json.dumps({'generation': generation, **counts})}\n\n"
