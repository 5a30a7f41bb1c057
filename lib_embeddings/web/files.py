"""The routes of files and of what people add to them: pictures, texts, sets, favourites.

Files are added, renamed, moved, deleted and restored, played and shown in their folder.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from tempfile import TemporaryFile
from typing import TypeVar

from fastapi import HTTPException, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from lib_embeddings.entries.place import Place
from lib_embeddings.entries.previews import Picture, Previews, video_kind, video_of
from lib_embeddings.entries.read import open_file
from lib_embeddings.entries.sidecars import write_texts
from lib_embeddings.library.library import Library
from lib_embeddings.limits import LIMITS
from lib_embeddings.stores.choices import (
    putting,
    renaming,
    why_no_name,
    why_not_renamed,
)
from lib_embeddings.views.lens import ViewEntry
from lib_embeddings.views.render import entry_as_json, sets_as_json
from lib_embeddings.web import answers
from lib_embeddings.web.requests import (
    read_body,
    read_marks,
    read_members,
    read_target,
    read_text,
    read_text_edits,
    receive_files,
)
from lib_embeddings.web.route import (
    Route,
    as_json,
    find_entry,
    is_local,
    refusing,
    tag_of,
    unchanged,
)

_Result = TypeVar("_Result")


class OwnRoutes:
    """One method for each route."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._previews = Previews()

    def all(self) -> Iterable[Route]:
        return (
            Route("PUT", "/entries/{id}/preview", self.put_preview, "change_files"),
            Route("POST", "/entries/{id}/preview/undo", self.undo_preview, "change_files"),
            Route("PATCH", "/entries/{id}/texts", self.write_texts, "change_files"),
            Route("PATCH", "/entries", self.mark, "write"),
            Route("GET", "/sets", self.sets),
            Route("PUT", "/sets", self.put_set, "write"),
            Route("PATCH", "/sets", self.rename_set, "write"),
            Route("DELETE", "/sets", self.delete_set, "write"),
        )

    async def put_preview(self, request: Request, id: str) -> Response:  # noqa: A002 - the API's
        seen = find_entry(self._library.catalogue, id)
        data = await read_body(request, LIMITS.preview_bytes)
        word = await self._change(seen, lambda: self._previews.put(seen.entry, data))
        return self._answer(id, undo=word)

    async def undo_preview(self, request: Request, id: str) -> Response:  # noqa: A002 - likewise
        seen = find_entry(self._library.catalogue, id)
        word = await read_text(request, "undo", "the word of the answer")
        await self._change(seen, lambda: self._previews.undo(seen.entry, word))
        return self._answer(id)

    async def write_texts(self, request: Request, id: str) -> Response:  # noqa: A002 - likewise
        seen = find_entry(self._library.catalogue, id)
        edits = await read_text_edits(request)
        await self._change(seen, lambda: write_texts(seen.entry, edits))
        return self._answer(id)

    async def mark(self, request: Request) -> Response:
        asked, favourite = await read_marks(request)
        ids = [id_ for id_ in asked if self._library.find(id_)]
        await run_in_threadpool(lambda: self._library.mark(ids, favourite=favourite))
        return as_json({"generation": self._library.generation})

    def sets(self, request: Request) -> Response:
        catalogue = self._library.catalogue
        tag = tag_of(catalogue.generation)
        content = {"sets": sets_as_json(self._library.sets, catalogue.view)}
        return unchanged(request, tag) or as_json(content, tag)

    async def put_set(self, request: Request, name: str = "") -> Response:
        _check_name(name)
        members = await read_members(request)
        await run_in_threadpool(self._library.change_sets, putting(name, members))
        return self.sets(request)

    async def rename_set(self, request: Request, name: str = "") -> Response:
        self._check_known(name)
        new = await read_text(request, "name", "the new name")
        _check_name(new)
        why = why_not_renamed(name, new, self._library.sets)
        if why:
            raise HTTPException(409, why)
        await run_in_threadpool(self._library.change_sets, renaming(name, new))
        return self.sets(request)

    async def delete_set(self, request: Request, name: str = "") -> Response:
        self._check_known(name)
        await run_in_threadpool(self._library.change_sets, putting(name, ()))
        return self.sets(request)

    async def _change(self, seen: ViewEntry, write: Callable[[], _Result]) -> _Result:
        """Change what lies beside an embedding, and let the library find the change."""

        def run() -> _Result:
            try:
                return write()
            finally:  # also if someone else has written: whoever is refused wants to see that
                self._library.rescan_folders([seen.entry.place.full_folder])

        with refusing():
            return await run_in_threadpool(run)

    def _answer(self, id: str, **more: str) -> Response:  # noqa: A002 - likewise
        catalogue = self._library.catalogue
        return as_json({**entry_as_json(catalogue, find_entry(catalogue, id)), **more})

    def _check_known(self, name: str) -> None:
        if name not in self._library.sets:
            raise HTTPException(404, "there is no such set, or it is gone")


def _check_name(name: str) -> None:
    why = why_no_name(name)
    if why:
        raise HTTPException(422, why)


_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{0,18})")
_PIECE_BYTES = 1 << 18


class FileRoutes:
    """One method for each route."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def all(self) -> Iterable[Route]:
        return (
            Route("GET", "/video/{id}", self.video),
            Route("POST", "/entries/{id}/reveal", self.reveal, "write"),
            Route("POST", "/entries/{id}/rename", self.rename, "change_files"),
            Route("POST", "/entries/{id}/move", self.move, "change_files"),
            Route("DELETE", "/entries/{id}", self.delete, "change_files"),
            Route("POST", "/files", self.add, "change_files"),
            Route("GET", "/trash", self.trash),
            Route("POST", "/trash/{id}/restore", self.restore, "change_files"),
            Route("DELETE", "/trash", self.empty_trash, "change_files"),
        )

    def video(self, request: Request, id: str) -> Response:  # noqa: A002 - the word of the API
        return video(request, video_of(find_entry(self._library.catalogue, id).entry))

    def reveal(self, request: Request, id: str) -> Response:  # noqa: A002 - likewise
        if not is_local(request):
            raise HTTPException(403, "only a page on the same machine may open a folder there")
        try:
            reveal(find_entry(self._library.catalogue, id).entry.place)
        except OSError as error:
            raise HTTPException(409, f"the folder cannot be shown: {error}") from error
        return Response(status_code=204)

    async def rename(self, request: Request, id: str) -> Response:  # noqa: A002 - likewise
        seen = find_entry(self._library.catalogue, id)
        name = await read_text(request, "name", "the new name")
        with refusing():
            files = self._library.files
            return self._entry(await run_in_threadpool(files.rename, seen.entry, name))

    async def move(self, request: Request, id: str) -> Response:  # noqa: A002 - likewise
        seen = find_entry(self._library.catalogue, id)
        target = await read_target(request)
        with refusing():
            files = self._library.files
            return self._entry(await run_in_threadpool(files.move, seen.entry, *target))

    async def add(self, request: Request, folder: str = "") -> Response:
        with refusing(), TemporaryFile() as body:
            listed = await receive_files(request, body)
            arrivals = await run_in_threadpool(self._library.files.add, body, listed, folder)
            return as_json(answers.added(self._library.catalogue, arrivals))

    def delete(self, id: str) -> Response:  # noqa: A002 - likewise
        seen = find_entry(self._library.catalogue, id)
        with refusing():
            return as_json(answers.trashed(self._library.files.delete(seen.entry)))

    def trash(self) -> Response:
        with refusing():
            return as_json(answers.trash(self._library.files.trash))

    def restore(self, id: str) -> Response:  # noqa: A002 - likewise
        with refusing():
            return self._entry(self._library.files.restore(id))

    def empty_trash(self) -> Response:
        with refusing():
            self._library.files.empty_trash()
        return self.trash()

    def _entry(self, id: str) -> Response:  # noqa: A002 - likewise
        catalogue = self._library.catalogue
        return as_json(entry_as_json(catalogue, find_entry(catalogue, id)))


# Sending a video


def video(request: Request, file: Picture | None) -> Response:
    """Return a video, or the part of it that a browser asks for.

    The older releases of Starlette in some hosts do not support ranges.
    """
    kind, size = _kind_and_size(file) if file else (None, 0)
    if file is None or kind is None:
        raise HTTPException(404, "there is no video, or it is something else")
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    first = int(asked[1]) if asked else 0
    end = min(int(asked[2]) + 1, size) if asked and asked[2] else size
    headers = {"Accept-Ranges": "bytes", "X-Content-Type-Options": "nosniff"}
    if first >= end:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    headers["Content-Length"] = str(end - first)
    if asked:
        headers["Content-Range"] = f"bytes {first}-{end - 1}/{size}"
    pieces = _pieces_of(file.path, first, end)
    return StreamingResponse(pieces, 206 if asked else 200, headers, media_type=kind)


def _kind_and_size(file: Picture) -> tuple[str | None, int]:
    try:
        with open_file(file.path) as opened:
            return video_kind(opened.read(12) or b""), os.fstat(opened.fileno()).st_size
    except OSError:
        return None, 0


def _pieces_of(path: str, first: int, end: int) -> Iterator[bytes]:
    with open_file(path) as file:
        file.seek(first)
        while first < end and (piece := file.read(min(_PIECE_BYTES, end - first))):
            first += len(piece)
            yield piece


# Showing a file in its folder


def can_reveal() -> bool:
    """Return whether this machine has a way to show a file in its folder."""
    return _revealing(Place.of_root(".")) is not None


def reveal(place: Place) -> None:
    """Show a file in its folder, in a window of the system.

    Raises:
        OSError: there is no way to do so, or it does not start.
    """
    command = _revealing(place)
    if command is None:
        raise FileNotFoundError("this machine has no way to show a folder")
    nothing = subprocess.DEVNULL
    subprocess.Popen(  # noqa: S603 - a list, with a file of the library at its end
        command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True
    )


def _revealing(place: Place) -> list[str] | None:
    """Return the command that does it; no shell reads it."""
    if sys.platform == "win32":
        return ["explorer", "/select,", place.full_path]
    if sys.platform == "darwin":
        return ["open", "-R", place.full_path]
    has_screen = {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys()
    opener = shutil.which("xdg-open") if has_screen else None
    return [opener, place.full_folder] if opener else None
