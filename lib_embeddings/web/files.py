"""The routes of files: add, rename, move, delete and restore them, play and reveal them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from tempfile import TemporaryFile

from fastapi import HTTPException, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from lib_embeddings.entries.place import Place
from lib_embeddings.entries.previews import Picture, video_kind, video_of
from lib_embeddings.entries.read import open_file
from lib_embeddings.library.library import Library
from lib_embeddings.views.render import entry_as_json
from lib_embeddings.web import answers
from lib_embeddings.web.clients import is_local
from lib_embeddings.web.requests import read_target, read_text, receive_files
from lib_embeddings.web.route import Route, as_json, find_entry, refusing

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
