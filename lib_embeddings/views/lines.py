"""A view as lines for a console or a log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from lib_embeddings.entries.snapshot import Changes
from lib_embeddings.errors import shown
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.views.catalogue import Catalogue
from lib_embeddings.views.lens import Kind, ViewEntry
from lib_embeddings.views.view import View

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
