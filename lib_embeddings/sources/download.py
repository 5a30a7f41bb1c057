"""Bring a file into a folder: all of it, once it is checked, or nothing.

It is streamed to a place of our own, hashed, and read by our reader; what has come of it before is
not fetched again. Only then does it get its name in the folder, in one step that replaces nothing,
and a sidecar beside it. Whenever the process is ended, the folder has either nothing new or the
complete embedding.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.imaging import side_by_side
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.plans import FolderNames, check_name, name_taken
from lib_embeddings.entries.previews import EXAMPLES_SUFFIX
from lib_embeddings.entries.read import read_embedding, sha256
from lib_embeddings.entries.writing import advice_on, forget_old, move_file, sweep, unfinished_name
from lib_embeddings.errors import (
    EmbeddingError,
    MoveError,
    NameRefused,
    NotFound,
    SourceError,
    Unreachable,
    WrongHash,
    shown,
)
from lib_embeddings.formats.embedding import Embedding
from lib_embeddings.limits import LIMITS, Limits
from lib_embeddings.names import (
    EXAMPLES,
    SIDECAR_SUFFIX,
    SUFFIXES,
    split_name,
    why_no_filename,
)
from lib_embeddings.our_files import our_path
from lib_embeddings.sources.sidecar import sidecar
from lib_embeddings.sources.source import Offer, RemoteFile
from lib_embeddings.sources.transport import Response, Transport, wants_key

# The number of bytes that are here, and of all; None where nobody knows.
OnProgress = Callable[[int, int | None], None]

_NUMBER = re.compile(r"[0-9]{1,18}")


class Transfer:
    """A file on its way, of which any part may already be here."""

    def __init__(
        self,
        transport: Transport,
        file: RemoteFile,
        unfinished: Path,
        limits: Limits,
        on_progress: OnProgress,
    ) -> None:
        """Fetch nothing yet; *unfinished* may contain its beginning."""
        self._transport = transport
        self._file = file
        self._unfinished = unfinished
        self._limits = limits
        self._on_progress = on_progress
        self._etag: str | None = None
        self._deadline = time.monotonic() + limits.download_seconds
        named = limits.download_bytes if file.size is None else file.size + limits.size_tolerance
        self._most = min(limits.download_bytes, named)

    @property
    def size(self) -> int:
        """The number of bytes that are here."""
        try:
            return self._unfinished.stat().st_size
        except FileNotFoundError:
            return 0

    def complete(self) -> None:
        """Fetch what is missing. A connection that brought something and broke is made again."""
        for _ in range(self._limits.download_tries - 1):
            had = self.size
            try:
                return self._go_on()
            except Unreachable:
                if self.size == had:
                    raise
        return self._go_on()

    def _go_on(self) -> None:
        file, had = self._file, self.size
        headers = {"Range": f"bytes={had}-"} if had and (self._etag or file.sha256) else {}
        if headers and self._etag:
            headers["If-Range"] = self._etag
        seconds = self._deadline - time.monotonic()
        with self._transport.ask(file.site, file.url, seconds, headers=headers) as answer:
            is_rest = answer.status == 206 and answer.headers.get("content-range", "").startswith(
                f"bytes {had}-"
            )
            if answer.status == 416 or (answer.status == 206 and not is_rest):
                self._unfinished.unlink(missing_ok=True)
                raise Unreachable(f"{file.site.title} sent another part of the file: try again")
            if answer.status not in (200, 206):
                raise answer.refusal()
            etag = answer.headers.get("etag", "")
            self._etag = None if etag.startswith("W/") else etag or None
            self._write(answer, had if is_rest else 0)

    def _write(self, answer: Response, done: int) -> None:
        """Write what follows the first *done* bytes."""
        length = _NUMBER.fullmatch(answer.headers.get("content-length", ""))
        total = done + int(length[0]) if length else None
        self._refuse_more_than_most(total or 0)
        with self._unfinished.open("ab" if done else "wb") as out:
            for block in answer.blocks():
                done += len(block)
                self._refuse_more_than_most(done)
                out.write(block)
                self._on_progress(done, total)
            out.flush()
            os.fsync(out.fileno())

    def _refuse_more_than_most(self, size: int) -> None:
        if size > self._most:
            raise SourceError(
                f"{shown(self._file.filename, 255)} was not kept: expected at most "
                f"{self._most:,} bytes, found more"
            )


class Download(NamedTuple):
    """A file that is in its folder now.

    Attributes:
        embedding: what our reader found in it.
        is_new: whether it was not there before.
        warnings: sentences about where the source and the file disagree.
    """

    place: Place
    embedding: Embedding
    is_new: bool
    warnings: tuple[str, ...]


class Downloads:
    """Brings files into folders. Any thread may call any method."""

    def __init__(
        self,
        transport: Transport,
        folder: str | None = None,
        limits: Limits = LIMITS,
        copy_of: Callable[[RemoteFile, NotFound], RemoteFile] | None = None,
    ) -> None:
        """Prepare.

        Args:
            folder: keeps downloads that are not complete, by default in the user's cache folder.
            copy_of: returns where else a file with the same SHA-256 is, or raises the error with
                which its site said that it no longer has the file.
        """
        self._transport = transport
        self._copy_of = copy_of
        self._folder = Path(folder) if folder else our_path("downloads")
        self._limits = limits

    def add(  # noqa: PLR0913 - each is a choice of its own
        self,
        offer: Offer,
        file: RemoteFile,
        folder: str,
        name: str | None = None,
        *,
        others: Callable[[], Iterable[Entry]] = tuple,
        keep_wrong_hash: bool = False,
        on_progress: OnProgress = lambda _done, _total: None,
    ) -> Download:
        """Bring a file of an offer into a folder.

        Args:
            name: what to call it; None for the source's name.
            others: returns all that are in the library: none that serves the same models may have
                the name.
            keep_wrong_hash: keep it even if the source names another SHA-256.

        Raises:
            NameRefused: the name is taken, or is not one that a file should have.
            WrongHash: the source names another SHA-256, and *keep_wrong_hash* is not set.
            SourceError: it did not arrive complete, or is not an embedding, or cannot be kept.
        """
        place = Place.of_root(folder).inside(_filename(file, name))
        try:
            if file.sha256 and _is_there(place, file.sha256):
                embedding = _judge(place.full_path, place)
                self._put_sidecar(
                    place, sidecar(offer, file, embedding.vectors.keys(), file.sha256)
                )
                return Download(place, embedding, is_new=False, warnings=())
            filenames = os.listdir(place.full_folder)
            with _as_refusal():
                FolderNames(filenames).check_free([("", place.filename)])
            if file.site.needs_key and not file.site.token:
                raise wants_key(file.site)
            with self._unfinished(file) as unfinished:
                digest, gone = self._fetch_anywhere(file, unfinished, on_progress)
                embedding = _judge(str(unfinished), place)  # says best what came instead of a file
                different = _differences(file, unfinished, digest, is_allowed=keep_wrong_hash)
                warnings = (*gone, *different)
                with _as_refusal():
                    check_name(place.name, embedding.vectors.keys(), others())
                _put(unfinished, place)
                self._put_sidecar(place, sidecar(offer, file, embedding.vectors.keys(), digest))
            self._put_examples(place, offer)
        except OSError as error:
            why = f"{error.strerror or error}{advice_on(error)}"
            raise SourceError(f"{shown(place.full_path, 255)} cannot be written: {why}") from error
        contradiction = offer.contradiction(embedding.vectors.keys())
        return Download(
            place, embedding, is_new=True, warnings=(*warnings, *filter(None, (contradiction,)))
        )

    @contextmanager
    def _unfinished(self, file: RemoteFile) -> Iterator[Path]:
        """Yield a file of our own to write into.

        Where the source names a hash, what has arrived is kept when the connection breaks, and the
        next unfinished file begins with it.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        forget_old(self._folder, "*.tmp", self._limits.download_seconds)
        forget_old(self._folder, "*.part", self._limits.kept_seconds)
        unfinished = self._folder / unfinished_name()
        kept = self._folder / f"{file.sha256}.part" if file.sha256 else None
        with suppress(OSError):  # only one of several processes gets it
            if kept:
                os.replace(kept, unfinished)
                os.utime(unfinished)  # nobody else mistakes it for an abandoned one
        try:
            yield unfinished
        except (Unreachable, KeyboardInterrupt):
            with suppress(OSError):
                if kept:
                    os.replace(unfinished, kept)
            raise
        finally:
            unfinished.unlink(missing_ok=True)

    def _fetch_anywhere(
        self, file: RemoteFile, unfinished: Path, on_progress: OnProgress
    ) -> tuple[str, tuple[str, ...]]:
        """Write the complete file, and return its SHA-256 and a remark on where it came from."""
        try:
            return self._fetch(file, unfinished, on_progress), ()
        except NotFound as error:
            if self._copy_of is None:
                raise
            copy = self._copy_of(file, error)
            note = f"{file.site.title} no longer has it: it came from {copy.site.title}"
            return self._fetch(copy, unfinished, on_progress), (note,)

    def _fetch(self, file: RemoteFile, unfinished: Path, on_progress: OnProgress) -> str:
        """Write the complete file, and return its SHA-256."""
        transfer = Transfer(self._transport, file, unfinished, self._limits, on_progress)
        had = transfer.size
        transfer.complete()
        digest = sha256(str(unfinished))
        if had and digest != file.sha256:
            # What an earlier attempt has kept may be of another file.
            unfinished.unlink()
            transfer.complete()
            digest = sha256(str(unfinished))
        return digest

    def _put_sidecar(self, place: Place, document: dict[str, object]) -> None:
        """Write the sidecar if there is none; an existing one has a person's own words."""
        written = json.dumps(document, indent=4, ensure_ascii=False).encode()
        self._put_beside(place.with_ending(SIDECAR_SUFFIX), written)

    def _put_examples(self, place: Place, offer: Offer) -> None:
        """Write the pictures that it was learned from in one row, as many as arrive."""
        pictures = []
        for picture in offer.examples[: self._limits.examples]:
            with suppress(SourceError):  # the embedding works without
                pictures.append(self._transport.picture(picture))
        row = side_by_side(pictures, self._limits.example_pixels)
        if row:
            self._put_beside(place.with_ending(f"{EXAMPLES}{EXAMPLES_SUFFIX}"), row)

    def _put_beside(self, place: Place, data: bytes) -> None:
        """Write a file unless there is one of its name."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = self._folder / unfinished_name()
        try:
            unfinished.write_bytes(data)
            with suppress(NameRefused):
                _put(unfinished, place)
        finally:
            unfinished.unlink(missing_ok=True)


def _filename(file: RemoteFile, name: str | None) -> str:
    """Return the name of a file in a folder: a person's choice, or the source's name."""
    stem, suffix = split_name(file.filename)
    if suffix not in SUFFIXES:
        raise SourceError(
            f"{shown(file.filename, 255) or 'the file'}: expected a name that ends in one of "
            f"{', '.join(SUFFIXES)}"
        )
    chosen = stem if name is None else name
    problem = why_no_filename(chosen)
    if problem:
        raise NameRefused(problem)
    return chosen + suffix


def _is_there(place: Place, digest: str) -> bool:
    """Return whether there is a file with this hash. Raises `OSError`."""
    return place.filename in os.listdir(place.full_folder) and sha256(place.full_path) == digest


@contextmanager
def _as_refusal() -> Iterator[None]:
    """Refuse a name under the same rules as for moved files. Raises `NameRefused`."""
    try:
        yield
    except MoveError as error:
        raise NameRefused(str(error)) from error


def _differences(
    file: RemoteFile, unfinished: Path, digest: str, *, is_allowed: bool
) -> tuple[str, ...]:
    """Return what to say about a hash that is not the one that a source names.

    Raises:
        WrongHash: *is_allowed* is not set.
        SourceError: the file has another size as well.
    """
    if file.sha256 == digest:
        return ()
    named, found = file.size, unfinished.stat().st_size
    if named is not None and abs(named - found) > LIMITS.size_tolerance:
        raise SourceError(
            f"{shown(file.filename, 255)} was not kept: expected {named:,} bytes, found "
            f"{found:,}; try again, or download it with your browser"
        )
    if file.sha256 is None:
        return ()
    sentence = (
        f"{shown(file.filename, 255)} is not the file that {file.site.title} names: expected the "
        f"SHA-256 {file.sha256}, found {digest}"
    )
    if is_allowed:
        return (sentence,)
    raise WrongHash(f"{sentence}; it was not kept")


def _judge(path: str, place: Place) -> Embedding:
    """Return what our reader finds in a file."""
    try:
        return read_embedding(path)
    except EmbeddingError as error:
        raise SourceError(f"{shown(place.filename, 255)} was not kept: {error}") from error


def _put(unfinished: Path, place: Place) -> None:
    """Give a file of ours its name in a folder, in one step. Raises `NameRefused`, `OSError`."""
    sweep(place.full_folder)
    try:
        move_file(Place.of_file(unfinished), place)
    except FileExistsError as error:
        raise NameRefused(name_taken(place.filename)) from error
