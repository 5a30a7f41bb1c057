"""What prompts use of a library, whose names are prepared once for each generation."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from typing import NamedTuple

from lib_embeddings.library.library import Library
from lib_embeddings.limits import LIMITS
from lib_embeddings.names import PICTURE_SUFFIXES, Field, fold
from lib_embeddings.prompts.infotext import (
    Provenance,
    compare,
    find_fields,
    name_in_infotext,
    named_embeddings,
)
from lib_embeddings.prompts.reader import Near, PromptReader
from lib_embeddings.prompts.report import KnownEmbedding, PromptReport
from lib_embeddings.prompts.tokens import LookUp, Tokenize
from lib_embeddings.views.lens import ViewEntry
from lib_embeddings.views.view import View, known_of

# From a prompt, names of styles and the prompt's field, returns the prompt with the styles in it.
ApplyStyles = Callable[[str, Sequence[str], Field], str]
# From a positive prompt, returns the embeddings that its LoRAs bring, of whichever field.
Brings = Callable[[str], Sequence[KnownEmbedding]]

_LONG_STYLES = "the styles are not checked: with them the prompt is too long"


def without_styles(prompt: str, _styles: Sequence[str], _field: Field) -> str:
    """Return a prompt as it is, for hosts without styles."""
    return prompt


def brings_none(_prompt: str) -> Sequence[KnownEmbedding]:
    """Return nothing, for hosts that have no LoRAs, or whose LoRAs bring no embeddings."""
    return ()


class ReadyReader(NamedTuple):
    """Reads prompts with the names of one generation."""

    generation: int
    view: View
    tokenize: Tokenize
    reader: PromptReader
    apply_styles: ApplyStyles
    brings: Brings

    def beside(self, positive: str, styles: Sequence[str] = ()) -> ReadyReader:
        """Return what reads a positive prompt and the negative one of the same picture."""
        brought = self.brings(self.apply_styles(positive, styles, "positive"))
        return self._replace(reader=self.reader.with_more(brought)) if brought else self

    def read(
        self, prompt: str, field: Field, steps: int, styles: Sequence[str] = ()
    ) -> PromptReport:
        """Return what a prompt uses, with some of the host's styles in it.

        Everything that the report offers to mend is in the prompt itself.
        """
        read = partial(self.reader.read, steps=steps, is_negative=field == "negative")
        typed = read(prompt)
        styled = self.apply_styles(prompt, styles, field)
        if styled == prompt:
            return typed
        if len(styled) > LIMITS.prompt_characters:
            return replace(typed, unread=_LONG_STYLES)
        return replace(
            read(styled),
            prompt=prompt,
            near_misses=typed.near_misses,
            foreign_syntax=typed.foreign_syntax,
        )


class PromptReports:
    """Reads prompts with a library's names, in any number of threads."""

    def __init__(
        self,
        library: Library,
        apply_styles: ApplyStyles = without_styles,
        brings: Brings = brings_none,
    ) -> None:
        self._library = library
        self._apply_styles = apply_styles
        self._brings = brings
        self._lock = threading.Lock()
        self._ready: ReadyReader | None = None
        # prompt -> name -> hash, of the infotext that it came from
        self._pasted: OrderedDict[str, Mapping[str, str]] = OrderedDict()

    def ready(self) -> ReadyReader | None:
        """Return a reader with the current names; None where no tokenizer is at hand."""
        with self._lock:
            catalogue, ready = self._library.catalogue, self._ready
            tokenize = catalogue.prepared.tokenize
            if tokenize is None:
                return None
            if ready is None or ready.generation != catalogue.generation:
                try:
                    reader = reader_of(catalogue.view, tokenize, self._library.token_ids)
                except LookupError:  # the host's tokenizer, while it has no model
                    return None
                ready = self._ready = ReadyReader(
                    catalogue.generation,
                    catalogue.view,
                    tokenize,
                    reader,
                    self._apply_styles,
                    self._brings,
                )
            return ready

    def note_pasted(self, prompt: str, named: Mapping[str, str]) -> Provenance:
        """Remember the embeddings of an infotext that a host took apart, and compare them.

        Args:
            named: name -> hash, from `named_embeddings`.
        """
        with self._lock:
            self._pasted[prompt] = named
            if len(self._pasted) > LIMITS.remembered_infotexts:
                self._pasted.popitem(last=False)
        return _provenance(self._library, named)

    def provenance(self, prompt: str, infotext: str) -> Provenance | None:
        """Compare the embeddings of an infotext with those that are here; None if it has none.

        Args:
            prompt: what is in the prompt field: perhaps what a host took from an infotext.
            infotext: what was pasted into the field, or nothing.
        """
        pasted = named_embeddings(find_fields(infotext)) or self._pasted.get(prompt, {})
        return _provenance(self._library, pasted) if pasted else None


def reader_of(view: View, tokenize: Tokenize, look_up: LookUp) -> PromptReader:
    """Prepare the names of all files, those that cannot be used among them.

    Args:
        look_up: returns the token ids of names, which may be remembered.
    """
    embeddings = [known_of(seen, view.model) for seen in view.meant]
    others = [known_of(seen, view.model) for seen in view if _may_be_asked_for(seen)]
    tokens = look_up((known.name for known in (*embeddings, *others)), tokenize)
    # A file that is not an embedding does not claim an ordinary word, one of a single token.
    asked_for = (known for known in others if len(tokens[known.name]) > 1)
    return PromptReader((*embeddings, *asked_for), tokens, tokenize, _near())


def _may_be_asked_for(seen: ViewEntry) -> bool:
    """Return whether somebody may mistake a file for an embedding."""
    is_picture = seen.entry.place.suffix in PICTURE_SUFFIXES
    return seen.state in ("broken", "unsafe", "foreign") and not is_picture


def _near() -> Callable[[Iterable[str], Tokenize], Near] | None:
    """Return what finds near misses; None if its package is not installed."""
    try:
        from lib_embeddings.prompts.near import NearNames  # noqa: PLC0415
    except ImportError:
        return None
    return NearNames


def _provenance(library: Library, named: Mapping[str, str]) -> Provenance:
    """Compare the embeddings of an infotext with those of a library, whatever the active model.

    Args:
        named: name -> hash, from `named_embeddings`.
    """
    catalogue = library.catalogue
    here: dict[str, ViewEntry] = {}
    for seen in catalogue.view.meant:
        here.setdefault(fold(name_in_infotext(seen.name)), seen)

    def sha256_of(name: str) -> str | None:
        seen = here.get(fold(name_in_infotext(name)))
        if seen is None:
            return None
        with suppress(OSError):
            return library.sha256(seen.entry)
        return ""  # it is here, and cannot be read now

    @cache
    def by_hash() -> list[tuple[str, str]]:
        hashes = catalogue.hashes()
        return sorted(
            (hashes.get(seen.entry.place.full_path, ""), seen.name) for seen in here.values()
        )

    def name_of(beginning: str) -> str | None:
        at = bisect_left(by_hash(), (beginning, ""))
        found = by_hash()[at : at + 1]
        return next((name for hash_, name in found if hash_.startswith(beginning)), None)

    return compare(named, sha256_of, name_of)
