"""The routes that ask sites on the internet: add, identify, search, and the work of their jobs.

No site is asked before a person clicks: such a request is a write, which a page of another site
    cannot send. Only what the cards of results show has plain addresses; each contains a word that
    nobody can guess and that only the answer to a search gives. Pictures come through here, and not
    from their sites into the page: no site learns who looks at what, and no page needs permission
    to show what others have.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from lib_embeddings.entries.imaging import shrink_bytes
from lib_embeddings.entries.previews import Thumbnails
from lib_embeddings.errors import NameRefused, SourceError, WriteError, WrongHash, shown
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.library.library import Library
from lib_embeddings.limits import LIMITS
from lib_embeddings.names import partner_of, split_name
from lib_embeddings.our_files import our_path
from lib_embeddings.sources.references import shown_link
from lib_embeddings.sources.source import Offer, RemoteFile
from lib_embeddings.sources.sources import (
    SEARCHABLE,
    Identified,
    Sources,
    identify_entries,
    sound,
    unidentified,
)
from lib_embeddings.web.job import Answer, Job, Question
from lib_embeddings.web.jobs import Jobs
from lib_embeddings.web.requests import WantedFiles, read_ids, read_search, read_wanted
from lib_embeddings.web.route import Route, as_json, as_picture, caching, refusing

# The width of the picture on a result's card, in pixels.
_WIDTH = 450


class SiteRoutes:
    """One method for each route."""

    def __init__(self, library: Library, jobs: Jobs) -> None:
        self._library = library
        self._jobs = jobs
        self._found = _KnownOffers()

    def all(self) -> Iterable[Route]:
        return (
            Route("POST", "/add", self.add, "ask_sites"),
            Route("POST", "/identify", self.identify, "ask_sites"),
            Route("POST", "/search", self.search, "ask_sites"),
            Route("GET", "/offers/{word}", self.offer, "ask_sites"),
            Route("GET", "/offers/{word}/picture", self.picture, "ask_sites"),
        )

    async def add(self, request: Request) -> Response:
        wanted = await read_wanted(request)
        title = shown_link(wanted.reference)
        work = _Adding(self._library, self._jobs, wanted)
        with refusing():
            return as_json(self._jobs.begin("add", title, work, answer=wanted.answer))

    async def identify(self, request: Request) -> Response:
        work = _Identifying(self._library, await read_ids(request))
        with refusing():
            return as_json(self._jobs.begin("identify", "Civitai", work))

    async def search(self, request: Request) -> Response:
        source, query = await read_search(request, tuple(SEARCHABLE), tuple(MODEL_FAMILIES))
        with refusing():
            result = await run_in_threadpool(lambda: Sources().search(source, query))
        found = [self._found.as_json(source, offer) for offer in result.offers]
        return as_json({"found": found, "cursor": result.cursor})

    def offer(self, word: str) -> Response:
        with refusing():
            return as_json({"kind": self._found.kind(word)})

    def picture(self, word: str) -> Response:
        return as_picture(self._found.picture(word), caching(f'W/"{word}"'))


class _KnownOffers:
    """What searches found, by words that nobody can guess. Any thread may call any method."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(16)
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[str, Offer]] = OrderedDict()
        self._pictures = Thumbnails(str(our_path("offers")))

    def as_json(self, source: str, offer: Offer) -> dict[str, Any]:
        """Return what a page learns about an offer, and the word by which it asks for more."""
        written = offer.page.encode("utf-8", "surrogatepass")
        word = hashlib.blake2b(written, digest_size=16, key=self._secret).hexdigest()
        with self._lock:
            self._known[word] = source, offer
            self._known.move_to_end(word)
            while len(self._known) > LIMITS.known_offers:
                self._known.popitem(last=False)
        return {"word": word, **offer.as_json(), "picture": offer.picture is not None}

    def picture(self, word: str) -> bytes | None:
        """Return the picture of an offer, as WebP; None if it has none that can be shown."""
        _, offer = self._known.get(word, ("", None))
        picture = offer and offer.picture
        if not picture:
            return None
        with suppress(SourceError):
            return self._pictures.made(
                picture.url, lambda: shrink_bytes(Sources().picture(picture), _WIDTH)
            )
        return None

    def kind(self, word: str) -> str | None:
        """Return what a concept is; None for another offer. Raises `SourceError`."""
        source, offer = self._known.get(word, ("", None))
        return Sources().concepts.kind(offer.page) if offer and source == "concepts" else None


class _Adding:
    """Brings what a reference means into a folder; each of several files is a job of its own."""

    def __init__(
        self,
        library: Library,
        jobs: Jobs,
        wanted: WantedFiles,
        found: list[tuple[Offer, RemoteFile]] | None = None,
    ) -> None:
        self._library = library
        self._jobs = jobs
        self._wanted = wanted
        self._found = found

    def __call__(self, job: Job, answer: Answer) -> Mapping[str, Any]:
        folder = self._library.folder(self._wanted.folder)
        sources = Sources(by_token=self._wanted.by_token)
        if self._found is None:
            offers = sources.resolve(self._wanted.reference)
            self._found = [(offer, file) for offer in offers for file in offer.files]
        (offer, file), *others = self._found = _chosen(self._found, answer)
        for each in others:
            work = _Adding(self._library, self._jobs, self._wanted, [each])
            self._jobs.begin("add", shown(each[1].filename, 255), work)
        del self._found[1:]
        job.call(shown(file.filename, 255))
        try:
            download = sources.downloads.add(
                offer,
                file,
                folder.full_path,
                answer.get("name"),
                others=lambda: (seen.entry for seen in self._library.view),
                keep_wrong_hash="keep_wrong_hash" in answer,
                on_progress=job.show,
            )
        except NameRefused as error:
            stem = split_name(file.filename)[0]
            raise Question("name", str(error), {"name": answer.get("name", stem)}) from error
        except WrongHash as error:
            raise Question("keep_wrong_hash", str(error)) from error
        self._library.rescan_folders([folder.full_path])
        seen = self._library.find(folder.inside(download.place.filename).id)
        return {
            "id": seen.entry.place.id if seen else None,
            "name": download.place.name,
            "is_new": download.is_new,
            "warnings": list(download.warnings),
        }


def _chosen(
    found: list[tuple[Offer, RemoteFile]], answer: Answer
) -> list[tuple[Offer, RemoteFile]]:
    """Return the wanted files among those that a reference means.

    An embedding for the prompt and its partner for the negative prompt come together; if there are
    more, somebody has to choose. Raises `Question`.
    """
    if "files" in answer:
        chosen = [each for each in found if each[1].url in answer["files"]]
        if chosen:
            return chosen
    fields = {file.field for _, file in found}
    is_pair = len(found) == 2 and partner_of(found[0][1].filename) == found[1][1].filename
    if is_pair or (len(found) == len(fields) and len({offer.page for offer, _ in found}) == 1):
        return found
    choices = [
        {"file": file.url, "filename": file.filename, "title": offer.title, "bytes": file.size}
        for offer, file in found
    ]
    raise Question("files", f"it has {len(found)} files: choose which you want", *choices)


class _Identifying:
    """Asks Civitai about files, by their hashes, and writes what it knows beside them."""

    def __init__(self, library: Library, ids: Sequence[str] | None) -> None:
        self._library = library
        self._ids = ids

    def __call__(self, job: Job, _answer: Answer) -> Mapping[str, Any]:
        if self._ids is None:
            asked = list(unidentified(seen.entry for seen in self._library.view))
        else:
            found = filter(None, map(self._library.find, self._ids))
            asked = list(sound(seen.entry for seen in found))
        known = identify_entries(
            asked, self._library.sha256, is_again=self._ids is not None, on_progress=job.show
        )
        warnings = [warning for each in known for warning in _keep(each)]
        self._library.rescan_folders({each.entry.place.full_folder for each in known})
        return {"asked": len(asked), "known": len(known), "warnings": warnings}


def _keep(identified: Identified) -> Iterator[str]:
    """Write beside a file what is known about it, and yield warnings."""
    name = shown(identified.entry.place.name, 255)
    try:
        identified.keep()
    except WriteError as error:
        yield f"{name}: {error}"
    if identified.contradiction:
        yield f"{name}: {identified.contradiction}"
