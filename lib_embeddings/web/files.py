"""Files as they are on the disk: a video, sent piece by piece, and a file shown in its folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

from fastapi import HTTPException, Request, Response
from starlette.responses import StreamingResponse

from lib_embeddings.entries.companions import Picture, video_kind
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.read import open_file

_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{0,18})")
_PIECE_BYTES = 1 << 18


def video(request: Request, file: Picture | None) -> Response:
    """Return a video, or the part of it that a browser asks for.

    The hosts' older releases of Starlette know no ranges.
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
    """Tell whether this machine has a way to show a file in its folder."""
    return _revealing(Place.of_root(".")) is not None


def reveal(place: Place) -> None:
    """Show a file in its folder, in a window of the system that a person sits at.

    Raises:
        OSError: there is no way to, or it does not start.
    """
    command = _revealing(place)
    if command is None:
        raise FileNotFoundError("this machine has no way to show a folder")
    nothing = subprocess.DEVNULL
    subprocess.Popen(  # noqa: S603 - a list, with a file of the library at its end
        command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True
    )


def _revealing(place: Place) -> list[str] | None:
    """Return the command that does it, of which no part is read as a shell would."""
    if sys.platform == "win32":
        return ["explorer", "/select,", place.full_path]
    if sys.platform == "darwin":
        return ["open", "-R", place.full_path]
    has_screen = {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys()
    opener = shutil.which("xdg-open") if has_screen else None
    return [opener, place.full_folder] if opener else None
