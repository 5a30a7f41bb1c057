"""A view and its changes as words: the lines for a console or log, and the JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lib_embeddings.entries.snapshot import Changes, FittedEntry, View
from lib_embeddings.errors import shown
from lib_embeddings.library.known import known_of
from lib_embeddings.prompts.name_checks import NO_ADVICE, Advice, NameChecks

# A burst of changes is one line: it names so many files and counts the others.
_NAMED = 10


def log_lines(view: View) -> Iterator[str]:
    """Yield what was loaded, then one line for each file that was not, with its reason."""
    loaded = sorted({shown(entry.name, 255) for entry in view if entry.is_loaded}, key=str.lower)
    yield f"Loaded a total of {len(loaded)} textual inversion embeddings."
    yield f"Embeddings: {', '.join(loaded)}".rstrip()
    others = [entry for entry in view if not entry.is_loaded]
    if others:
        yield f"Not loaded: {len(others)}"
    rows = [(shown(e.path, 255), e.fit or e.state, shown(e.reason or "", 1000)) for e in others]
    path_width = min(max((len(path) for path, _, _ in rows), default=0), 48)
    for path, kind, reason in rows:
        yield f"  {path:<{path_width}}  {kind:<12}  {reason}"


def name_lines(view: View, checks: NameChecks) -> Iterator[str]:
    """Yield a line for each warning about a name, below the number of such names."""
    warned = [(shown(entry.name, 255), checks.of(known_of(entry)).warnings) for entry in view]
    warned = [(name, warnings) for name, warnings in warned if warnings]
    if warned:
        yield f"Names that need attention: {len(warned)}"
    width = min(max((len(name) for name, _ in warned), default=0), 48)
    for name, warnings in warned:
        for warning in warnings:
            yield f"  {name:<{width}}  {warning}"


def change_lines(changes: Changes, view: View) -> Iterator[str]:
    """Yield a line for each kind of change, however many files it is about, and the new total."""
    kinds = {
        (fitted.entry.root, fitted.path): fitted.fit or fitted.state
        for fitted in view
        if not fitted.is_loaded
    }
    for word, entries in zip(("added", "modified", "deleted"), changes, strict=True):
        if not entries:
            continue
        names = [
            shown(entry.name, 255) + (f" ({kind})" if kind else "")
            for entry in entries[:_NAMED]
            for kind in [kinds.get((entry.root, entry.path))]
        ]
        more = f" and {len(entries) - _NAMED} more" if len(entries) > _NAMED else ""
        yield f"Embeddings {word}: {', '.join(names)}{more}"
    loaded = {entry.name for entry in view if entry.is_loaded}
    yield f"Loaded a total of {len(loaded)} textual inversion embeddings."


def view_as_json(view: View, checks: NameChecks) -> dict[str, Any]:
    """Return the whole view, as `scan --json` prints it."""
    return {
        "model": view.model.key if view.model else None,
        "roots": list(view.roots),
        "counts": view.counts,
        "entries": [entry_as_json(entry, checks.of(known_of(entry))) for entry in view],
    }


def entry_as_json(fitted: FittedEntry, advice: Advice = NO_ADVICE) -> dict[str, Any]:
    """Return what is known of one file and whether the model can use it."""
    reading = fitted.entry.reading
    return {
        "name": fitted.name,
        "path": fitted.path,
        "state": fitted.state,
        "fit": fitted.fit,
        "reason": fitted.reason,
        "container": reading.container,
        "layout": reading.layout,
        "stored_name": fitted.entry.stored_name,
        "families": list(fitted.families),
        "vectors": {key: info._asdict() for key, info in reading.vectors.items()},
        "bytes": fitted.entry.bytes,
        "warnings": [*fitted.warnings, *advice.warnings],
        "proposal": advice.proposal,
    }
