"""A view for others: as JSON for programs, and as lines for a console or a log.

`EntryJson` is the one table of what programs learn about a file. The command line, the HTTP API,
the page's types and docs/api.md follow it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypedDict

from lib_embeddings.entries.claims import Claims
from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.plans import mended_filename
from lib_embeddings.entries.previews import examples_of, pictures_of, video_of
from lib_embeddings.entries.snapshot import Changes
from lib_embeddings.entries.texts import read_texts
from lib_embeddings.errors import shown
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.names import fold, split_name
from lib_embeddings.stores.choices import Member, Sets
from lib_embeddings.views.catalogue import Catalogue
from lib_embeddings.views.lens import Kind, ViewEntry, check
from lib_embeddings.views.view import View


class VectorsJson(TypedDict):
    """What programs learn about the vectors for one text encoder."""

    n_vectors: int
    hidden_size: int
    dtype: str


class TwinJson(TypedDict):
    """What programs learn about another file with the same name.

    `same_bytes` is null until both files are hashed. `is_grouped`: it is a duplicate of
    this one, which stands for it in lists.
    """

    id: str
    path: str
    same_bytes: bool | None
    is_grouped: bool


class ClaimsJson(TypedDict):
    """What programs learn about the claims of other tools and sites."""

    tool: str
    time: float | None
    title: str
    author: str
    page: str
    licence: str
    base_model: str
    tags: list[str]
    weight: float | None
    general: bool
    scan: str


class EntryJson(TypedDict):
    """What programs learn about one file.

    id: a word for it that stays the same while the file keeps its place.
    name: what the prompt calls it.
    path: below its root, with `/`.
    folder: id of its folder.
    state: ok, duplicate, broken, unsafe or foreign.
    fit: usable, partial, incompatible or unknown; null if it is not ok.
    reason: why it is not loaded; null if it is.
    families: keys of the model families that can use it.
    vectors: by text encoder key.
    n_vectors: how many tokens it takes in a prompt.
    bytes: size of the file; of a pair, of both.
    mtime: when it was written, in seconds.
    proposal: a better name; null if nothing is wrong with its own.
    preview: a word that changes when its picture does; null without one.
    video, examples: the same for its video, and for the pictures that it was learned from.
    field: the prompt field for the name.
    chosen_field: the same if a person chose it; null if it is guessed.
    claims: those of other tools and sites; null where there are none.
    twins: the other embeddings of this name.
    """

    id: str
    name: str
    path: str
    folder: str
    state: str
    fit: str | None
    reason: str | None
    container: str | None
    layout: str | None
    stored_name: str | None
    families: list[str]
    vectors: dict[str, VectorsJson]
    n_vectors: int
    bytes: int
    mtime: float
    warnings: list[str]
    proposal: str | None
    preview: str | None
    video: str | None
    examples: str | None
    notes: str
    description: str
    trigger_words: str
    favourite: bool
    use_partial: bool
    hidden: bool
    field: str
    chosen_field: str | None
    claims: ClaimsJson | None
    twins: list[TwinJson]


def entry_as_json(catalogue: Catalogue, seen: ViewEntry) -> EntryJson:
    """Return what programs learn about one file of a generation."""
    entry, choice, texts = seen.entry, catalogue.choice_of(seen), read_texts(seen.entry)
    reading, advice, view = entry.reading, catalogue.advice_on(seen), catalogue.view
    return {
        "id": entry.place.id,
        "name": seen.name,
        "path": entry.place.path,
        "folder": catalogue.folder_of(seen),
        "state": seen.state,
        "fit": seen.fit,
        "reason": seen.reason,
        "container": reading.container,
        "layout": reading.layout,
        "stored_name": entry.stored_name,
        "families": list(seen.families),
        "vectors": {key: _vectors_as_json(*info) for key, info in reading.vectors.items()},
        "n_vectors": reading.n_vectors,
        "bytes": entry.size,
        "mtime": entry.mtime_ns / 1e9,
        "warnings": [
            *entry.warnings,
            *_partial_warning(catalogue, seen),
            *advice.warnings,
            *filter(None, [texts.claims.contradiction(reading.vectors.keys())]),
        ],
        "proposal": advice.proposal or _mended_name(entry),
        "preview": preview_of(entry),
        "video": _version_of(video_of(entry)),
        "examples": _version_of(examples_of(entry)),
        "notes": texts.notes,
        "description": texts.description,
        "trigger_words": texts.trigger_words,
        "favourite": choice.favourite,
        "use_partial": choice.use_partial,
        "hidden": choice.hidden,
        "field": catalogue.field_of(seen),
        "chosen_field": catalogue.chosen_field_of(seen),
        "claims": _claims_as_json(texts.claims),
        "twins": [
            {
                "id": twin.entry.place.id,
                "path": twin.entry.place.path,
                "same_bytes": catalogue.has_same_bytes(entry, twin.entry),
                "is_grouped": view.stand_ins.get(twin.entry.place.id) == entry.place.id,
            }
            for twin in view.twins(seen)
        ],
    }


def view_as_json(catalogue: Catalogue) -> dict[str, Any]:
    """Return the whole view, as `scan --json` prints it."""
    view = catalogue.view
    return {
        "model": view.model.key if view.model else None,
        "roots": list(view.roots),
        "counts": dict(catalogue.counts),
        "entries": [entry_as_json(catalogue, seen) for seen in view],
    }


def _partial_warning(catalogue: Catalogue, seen: ViewEntry) -> Iterator[str]:
    """Yield how the model treats a partial embedding that counts as usable."""
    if seen.is_loaded and catalogue.choice_of(seen).use_partial:
        fit = check(seen.entry.reading.vectors, catalogue.view.model)
        if fit.kind == "partial":
            yield f"switched on, but fits only in part: {fit.reason}"


def _claims_as_json(claims: Claims) -> ClaimsJson | None:
    if not claims.tool:
        return None
    return {
        "tool": claims.tool,
        "time": claims.time,
        "title": claims.title,
        "author": claims.author,
        "page": claims.page,
        "licence": claims.licence,
        "base_model": claims.base_model,
        "tags": list(claims.tags),
        "weight": claims.weight,
        "general": claims.is_general,
        "scan": claims.scan,
    }


def _vectors_as_json(n_vectors: int, hidden_size: int, dtype: str) -> VectorsJson:
    return {"n_vectors": n_vectors, "hidden_size": hidden_size, "dtype": dtype}


def _mended_name(entry: Entry) -> str | None:
    filename = mended_filename(entry)
    return filename and split_name(filename)[0]


def preview_of(entry: Entry) -> str | None:
    """Return a word that changes when the picture of an entry does; None without one."""
    return _version_of(pictures_of(entry))


def _version_of(shown_by: object) -> str | None:
    if not shown_by:
        return None
    identity = f"{shown_by}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(identity, digest_size=4).hexdigest()


def sets_as_json(sets: Sets, view: View) -> list[dict[str, Any]]:
    """Return what programs learn about sets: also each member's file, and why it is not used."""
    return [
        {"name": name, "members": [_member_as_json(member, view) for member in members]}
        for name, members in sets.items()
    ]


def _member_as_json(member: Member, view: View) -> dict[str, Any]:
    seen = view.named.get(fold(member.name))
    reason = None if seen and seen.may_be_used else seen.reason if seen else "there is no such file"
    return {**member._asdict(), "id": seen.entry.place.id if seen else None, "reason": reason}


# Lines

# A burst of changes is one line, which names this many files and counts the others.
_NAMED = 10
# A host's console names this many loaded embeddings, and counts the others.
_NAMED_LOADED = 100
# It lists up to this many files that were not loaded; of more it gives examples of each kind.
_LISTED = 20
_EXAMPLES = 3


def log_lines(view: View) -> Iterator[str]:
    """Yield lines on what was loaded, then one for each file that was not, with its reason.

    Without an active model, *loaded* means what some model could load.
    """
    names = _names(view)
    yield from _total_lines(view)
    if names:
        yield f"Embeddings: {', '.join(names)}"
    others = [seen for seen in view if not seen.may_be_used]
    if others:
        yield f"Not loaded: {len(others)}"
    yield from _reasons(others)


def summary_lines(view: View, news: Sequence[ViewEntry]) -> Iterator[str]:
    """Yield the same in few lines, for a console that others write to.

    Args:
        news: the files to list among those that were not loaded.
    """
    names = _names(view)
    rest = len(names) - _NAMED_LOADED
    more = f" and {rest:,} more" if rest > 0 else ""
    yield from _total_lines(view)
    if names:
        yield f"Embeddings: {', '.join(names[:_NAMED_LOADED])}{more}"
    n_others = sum(not seen.may_be_used for seen in view.every)
    if news:
        are_all = len(news) == n_others
        yield f"Not loaded: {n_others:,}" + (
            "" if are_all else f", {len(news):,} not listed before:"
        )
    yield from _reasons(news) if len(news) <= _LISTED else _reasons_by_kind(news)


def name_lines(catalogue: Catalogue) -> Iterator[str]:
    """Yield the number of names with warnings, then a line for each warning."""
    advice = ((shown(seen.name, 255), catalogue.advice_on(seen)) for seen in catalogue.view)
    warned = [(name, about.warnings) for name, about in advice if about.warnings]
    if warned:
        yield f"Names that need attention: {len(warned)}"
    yield from _in_columns((name, warning) for name, warnings in warned for warning in warnings)


def change_lines(changes: Changes, view: View) -> Iterator[str]:
    """Yield a line for each kind of change, whatever the number of files, and the new total."""
    others = (seen for seen in view.every if not seen.may_be_used)
    kinds = {seen.entry.place: f" ({_kind(seen)})" for seen in others}
    for word, entries in zip(("added", "modified", "deleted"), changes, strict=True):
        if not entries:
            continue
        names = [
            shown(entry.place.name, 255) + kinds.get(entry.place, "") for entry in entries[:_NAMED]
        ]
        more = f" and {len(entries) - _NAMED} more" if len(entries) > _NAMED else ""
        yield f"Embeddings {word}: {', '.join(names)}{more}"
    yield from _total_lines(view)


def _total_lines(view: View) -> Iterator[str]:
    names = {seen.name for seen in view.every if seen.may_be_used}
    yield f"Loaded a total of {len(names)} textual inversion embeddings."
    families = by_family(view.tally, view.advice)
    if families:
        yield f"{families}."


def by_family(tally: Mapping[Kind, int], advice: str) -> str | None:
    """Return how many embeddings each family has; None if a model is active or none is here.

    An embedding for several families counts for the first. The view's advice follows.
    """
    found = Counter[tuple[str, ...]]()
    for kind, count in tally.items():
        if kind.fit == "unknown":
            found[kind.families[:1]] += count
    if not found:
        return None
    known = [
        f"{found[key,]} for {family.title}" for key, family in MODEL_FAMILIES.items() if found[key,]
    ]
    others = [f"{found[()]} for other models"] if found[()] else []
    return f"{', '.join(known + others)}; {advice}"


def _names(view: View) -> list[str]:
    names = {shown(seen.name, 255) for seen in view.every if seen.may_be_used}
    return sorted(names, key=str.lower)


def _reasons(several: Iterable[ViewEntry]) -> Iterator[str]:
    return _in_columns(
        (shown(seen.entry.place.path, 255), f"{_kind(seen):<12}  {_why(seen)}") for seen in several
    )


def _reasons_by_kind(several: Iterable[ViewEntry]) -> Iterator[str]:
    """Yield how many there are of each kind, with a few examples."""
    kinds: dict[str, list[ViewEntry]] = {}
    for seen in several:
        kinds.setdefault(_kind(seen), []).append(seen)
    for kind, of_kind in kinds.items():
        yield f"  {kind}: {len(of_kind):,}"
        examples = ((shown(seen.entry.place.path, 255), _why(seen)) for seen in of_kind[:_EXAMPLES])
        yield from (f"  {line}" for line in _in_columns(examples))
        if len(of_kind) > _EXAMPLES:
            yield f"    and {len(of_kind) - _EXAMPLES:,} more"


def _kind(seen: ViewEntry) -> str:
    return seen.fit or seen.state


def _why(seen: ViewEntry) -> str:
    return shown(seen.reason or "", 1000)


def _in_columns(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield lines of two columns, indented."""
    listed = list(pairs)
    width = min(max((len(first) for first, _ in listed), default=0), 48)
    return (f"  {first:<{width}}  {second}" for first, second in listed)
