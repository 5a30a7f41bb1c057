"""What prompts use of a library: its names are prepared once for each generation."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from lib_embeddings.entries.snapshot import FittedEntry, View
from lib_embeddings.library.known import known_of
from lib_embeddings.library.library import Library
from lib_embeddings.library.provenance import provenance
from lib_embeddings.limits import LIMITS
from lib_embeddings.names import PICTURE_SUFFIXES
from lib_embeddings.prompts.infotext import Provenance, find_fields, named_embeddings
from lib_embeddings.prompts.reader import Near, PromptReader
from lib_embeddings.prompts.tokenizer import LookUp, Tokenize


class ReadyReader(NamedTuple):
    """What reads prompts with the names of one generation."""

    generation: int
    view: View
    tokenize: Tokenize
    reader: PromptReader


class PromptReports:
    """Reads prompts with a library's names, in any number of threads."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._lock = threading.Lock()
        self._ready: ReadyReader | None = None
        # prompt -> name -> hash, of the infotext that it came from
        self._pasted: OrderedDict[str, Mapping[str, str]] = OrderedDict()

    def ready(self) -> ReadyReader | None:
        """Return a reader with the names of now; None where no tokenizer is at hand."""
        with self._lock:
            listing, tokenize = self._library.listing, self._library.tokenize
            if tokenize is None:
                return None
            now, ready = (listing.generation, tokenize), self._ready
            if ready is None or (ready.generation, ready.tokenize) != now:
                try:
                    reader = reader_of(listing.view, tokenize, self._library.token_ids)
                except LookupError:  # the host's tokenizer, while it has no model
                    return None
                ready = ReadyReader(listing.generation, listing.view, tokenize, reader)
                self._ready = ready
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
        return provenance(self._library, named)

    def provenance(self, prompt: str, infotext: str) -> Provenance | None:
        """Compare the embeddings of an infotext with those that are here; None without any.

        Args:
            prompt: what is in the prompt field: maybe what a host took from an infotext.
            infotext: what was pasted into the field, or nothing.
        """
        pasted = named_embeddings(find_fields(infotext)) or self._pasted.get(prompt, {})
        return provenance(self._library, pasted) if pasted else None


def reader_of(view: View, tokenize: Tokenize, look_up: LookUp) -> PromptReader:
    """Prepare the names of all files, those that cannot be used among them.

    Args:
        look_up: returns the token ids of names, which may be remembered.
    """
    embeddings = [known_of(fitted) for fitted in view if fitted.state == "ok"]
    others = [known_of(fitted) for fitted in view if _may_be_asked_for(fitted)]
    tokens = look_up((known.name for known in (*embeddings, *others)), tokenize)
    # A file that is no embedding asks for no word that is an ordinary one, of one token.
    asked_for = (known for known in others if len(tokens[known.name]) > 1)
    return PromptReader((*embeddings, *asked_for), tokens, tokenize, _near())


def _may_be_asked_for(fitted: FittedEntry) -> bool:
    """Tell whether somebody may take a file for an embedding that is none."""
    is_picture = fitted.path.lower().endswith(PICTURE_SUFFIXES)
    return fitted.state in ("broken", "unsafe", "foreign") and not is_picture


def _near() -> Callable[[Iterable[str], Tokenize], Near] | None:
    """Return what finds near misses; None where its package is not installed."""
    try:
        from lib_embeddings.prompts.near import NearNames  # noqa: PLC0415
    except ImportError:
        return None
    return NearNames
