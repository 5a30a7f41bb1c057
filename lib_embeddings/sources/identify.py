"""What Civitai knows about files that are here: asked by their hashes, kept beside them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.texts import read_texts
from lib_embeddings.sources.sidecar import keep_beside
from lib_embeddings.sources.source import Offer
from lib_embeddings.sources.sources import Sources


class Identified(NamedTuple):
    """An embedding, and what Civitai has under its hash."""

    entry: Entry
    sha256: str
    offer: Offer

    @property
    def contradiction(self) -> str | None:
        """What to say if the vectors are not for the models that Civitai says."""
        return self.offer.contradiction(self.entry.reading.vectors.keys())

    def keep(self) -> None:
        """Write beside the file what is not there yet. Raises `WriteError`."""
        keep_beside(self.entry, self.offer, self.sha256)


def sound(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield the embeddings among some files."""
    return (entry for entry in entries if entry.reading.state == "ok")


def unknown(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield the embeddings that have nothing beside them that says where they are from."""
    return (entry for entry in sound(entries) if not read_texts(entry).claims.page)


def identify(
    entries: Collection[Entry],
    sha256: Callable[[Entry], str],
    *,
    is_again: bool,
    sending: Callable[[int], object] = lambda _number: None,
    on_progress: Callable[[int, int], object] = lambda _done, _total: None,
) -> list[Identified]:
    """Return the embeddings that Civitai knows, in their order; only hashes are sent.

    Args:
        sha256: hashes an entry's file; if it raises `OSError`, the file is left out.
        is_again: ask again about those that it did not know some days ago.
        sending: called before hashes are sent, with their number.
        on_progress: called with the number of files that are hashed, and of all.

    Raises:
        SourceError: Civitai cannot be asked.
    """
    hashed: list[tuple[Entry, str]] = []
    for number, entry in enumerate(entries):
        on_progress(number, len(entries))
        with suppress(OSError):  # it is gone
            hashed.append((entry, sha256(entry)))
    digests = list(dict.fromkeys(digest for _, digest in hashed))
    offers = Sources().identify(digests, is_again=is_again, sending=sending)
    on_progress(len(entries), len(entries))
    return [Identified(*each, offers[each[1]]) for each in hashed if each[1] in offers]
