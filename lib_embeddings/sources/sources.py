"""All sources together: they find what a person pastes, and say what files that are here are.

    sources = Sources()
    for offer in sources.resolve("https://civitai.com/models/7808"):
        for file in offer.files:
            sources.downloads.add(offer, file, "embeddings")

No site is asked before a method is called, and only what the method needs is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.texts import read_texts
from lib_embeddings.errors import NotFound, SourceError, Unreachable, shown
from lib_embeddings.limits import LIMITS
from lib_embeddings.names import SUFFIXES, split_name
from lib_embeddings.sources.civarchive import CIVARCHIVE, CivArchive
from lib_embeddings.sources.civitai import CIVITAI, Civitai
from lib_embeddings.sources.concepts import ConceptLibrary
from lib_embeddings.sources.download import Downloads
from lib_embeddings.sources.huggingface import HUGGING_FACE, HuggingFace
from lib_embeddings.sources.offline import Dump, UnknownFiles
from lib_embeddings.sources.references import (
    CivitaiVersion,
    FileHash,
    Reference,
    WebAddress,
    read_reference,
    shown_link,
)
from lib_embeddings.sources.settings import SourceSettings
from lib_embeddings.sources.sidecar import keep_beside
from lib_embeddings.sources.source import (
    ANYWHERE,
    Offer,
    RemoteFile,
    RemotePicture,
    Searchable,
    Searching,
    SearchRequest,
    SearchResult,
    Site,
    Source,
)
from lib_embeddings.sources.transport import Transport

# What can be searched, by the word for it.
SEARCHABLE: Mapping[str, Searching] = {
    kind.searching.key: kind.searching for kind in (ConceptLibrary, Civitai)
}


class PlainAddress:
    """Fetches a file whose complete address a person gave."""

    def __init__(self, transport: Transport) -> None:
        """Prepare; nobody is asked yet."""
        self._transport = transport

    def resolve(self, reference: Reference) -> tuple[Offer, ...] | None:
        """Return the file at an address; the site is asked only for a name that is not in it."""
        if not isinstance(reference, WebAddress):
            return None
        url = reference.url
        parts = urlsplit(url)
        # People who share a file may keep it anywhere.
        address = f"{parts.scheme}://{parts.netloc}"
        site = Site("", parts.hostname or "", (address,), stores=(ANYWHERE,))
        filename = unquote(parts.path).rpartition("/")[2]
        if split_name(filename)[1] not in SUFFIXES:
            with self._transport.ask(site, url, LIMITS.answer_seconds) as answer:
                if answer.status != 200:
                    raise answer.refusal()
                filename = answer.filename or filename
        file = RemoteFile(site, url, filename)
        return (Offer(site.title, filename, shown_link(url), (file,)),)


class Sources:
    """The sources as a person configured them. All methods raise `SourceError`.

    Attributes:
        downloads: brings files into folders.
        concepts: the Concept Library.
    """

    def __init__(
        self,
        settings: SourceSettings | None = None,
        *,
        by_token: bool = False,
        folder: str | None = None,
    ) -> None:
        """Read the settings; nobody is asked yet.

        Args:
            by_token: a concept is called by its token, and not by its repository.
            folder: of downloads that are not complete, by default in the user's cache folder.
        """
        settings = settings or SourceSettings()
        transport = Transport(settings.closed)
        self._civitai = Civitai(transport, settings.of(CIVITAI))
        hub = HuggingFace(transport, settings.of(HUGGING_FACE), by_token=by_token)
        self._sources: tuple[Source, ...] = (self._civitai, hub, PlainAddress(transport))
        stores = (hub.site, self._civitai.site)
        self._archive = CivArchive(transport, settings.of(CIVARCHIVE), stores)
        self._dump = Dump(settings.dump, self._civitai.offer) if settings.dump else None
        self._unknown = UnknownFiles()
        self.concepts = ConceptLibrary(transport, hub.site)
        self._searchable: Mapping[str, Searchable] = {
            each.searching.key: each for each in (self.concepts, self._civitai)
        }
        self._transport = transport
        self.downloads = Downloads(transport, folder, copy_of=self._copy_of)

    def resolve(self, text: str) -> tuple[Offer, ...]:
        """Return what a link, a hash or a name means."""
        reference = read_reference(text)
        found = (source.resolve(reference) for source in self._sources)
        try:
            return next(offers for offers in found if offers is not None)
        except NotFound as error:
            return self._archived(reference, error)

    def _archived(self, reference: Reference, error: NotFound) -> tuple[Offer, ...]:
        """Return what CivArchive has of what another site no longer has, as *error* says."""
        with suppress(Unreachable):
            try:
                offers = self._archive.resolve(reference)
            except NotFound:
                raise NotFound(f"{error}; CivArchive does not have it either") from error
            if offers:
                return offers
            if isinstance(reference, FileHash | CivitaiVersion):
                raise NotFound(
                    f"{error}; CivArchive may have it, and is asked with a whole SHA-256 of 64 "
                    "digits or the link of a model: give one of these"
                ) from error
        raise error

    def _copy_of(self, file: RemoteFile, error: NotFound) -> RemoteFile:
        """Return where else the same bytes are; raise *error* if nobody knows."""
        if file.site is not self._civitai.site or file.sha256 is None:
            raise error
        ((copy,),) = (offer.files for offer in self._archived(FileHash(file.sha256), error))
        if copy.site is file.site:
            raise error
        return copy

    def identify(
        self,
        hashes: Sequence[str],
        *,
        is_again: bool = False,
        sending: Callable[[int], object] = lambda _number: None,
    ) -> dict[str, Offer]:
        """Return what Civitai knows about files, by their SHA-256; nothing else is sent.

        Args:
            is_again: ask again about those that it did not know some days ago.
            sending: called before hashes are sent, with their number.
        """
        known = self._dump.identify(hashes) if self._dump else {}
        asked = [each for each in dict.fromkeys(hashes) if each not in known]
        if not is_again:
            asked = self._unknown.left_out(asked)
        if asked:
            sending(len(asked))
            found = self._civitai.identify(asked)
            self._unknown.note(asked, found)
            known |= found
        return known

    def search(self, source: str, query: SearchRequest) -> SearchResult:
        """Return what matches some words in one of `SEARCHABLE`."""
        if source not in self._searchable:
            known = " or ".join(SEARCHABLE)
            raise SourceError(f"source: expected {known}, found {shown(source)}")
        return self._searchable[source].search(query)

    def picture(self, picture: RemotePicture) -> bytes:
        """Return the bytes of a picture, which may be anything."""
        return self._transport.picture(picture)


# Files that are here: asked by their hashes, and what is known is kept beside them


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


def unidentified(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield the embeddings that have nothing beside them that says where they are from."""
    return (entry for entry in sound(entries) if not read_texts(entry).claims.page)


def identify_entries(
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
