"""The routes of what people make: pictures and texts beside embeddings, sets, many favourites."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.params import Depends
from starlette.concurrency import run_in_threadpool

from lib_embeddings.entries.previews import Previews
from lib_embeddings.entries.sidecars import write_texts
from lib_embeddings.errors import BadPicture, WriteError
from lib_embeddings.library.library import Library
from lib_embeddings.limits import LIMITS
from lib_embeddings.stores.sets import (
    putting,
    renaming,
    why_no_name,
    why_not_renamed,
)
from lib_embeddings.views.lens import ViewEntry
from lib_embeddings.views.render import entry_as_json, sets_as_json
from lib_embeddings.web.answers import as_json, tag_of, unchanged
from lib_embeddings.web.requests import (
    read_body,
    read_marks,
    read_members,
    read_text,
    read_text_edits,
)

_Result = TypeVar("_Result")


def add_own_routes(
    router: APIRouter,
    library: Library,
    may_write: Sequence[Depends],
    may_change_files: Sequence[Depends],
) -> None:
    """Add them to *router*.

    Args:
        may_write: lets in who may choose.
        may_change_files: lets in who may change files.
    """
    routes = _Routes(library)
    for method, path, endpoint, dependencies in (
        ("PUT", "/entries/{id}/preview", routes.put_preview, may_change_files),
        ("POST", "/entries/{id}/preview/undo", routes.undo_preview, may_change_files),
        ("PATCH", "/entries/{id}/texts", routes.write_texts, may_change_files),
        ("PATCH", "/entries", routes.mark, may_write),
        ("GET", "/sets", routes.sets, None),
        ("PUT", "/sets", routes.put_set, may_write),
        ("PATCH", "/sets", routes.rename_set, may_write),
        ("DELETE", "/sets", routes.delete_set, may_write),
    ):
        router.add_api_route(
            path, endpoint, methods=[method], dependencies=dependencies, response_model=None
        )


class _Routes:
    """One method for each route."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._previews = Previews()

    async def put_preview(self, request: Request, id: str) -> Response:  # noqa: A002 - the API's
        seen = self._find(id)
        data = await read_body(request, LIMITS.preview_bytes)
        word = await self._change(seen, lambda: self._previews.put(seen.entry, data))
        return self._answer(id, undo=word)

    async def undo_preview(self, request: Request, id: str) -> Response:  # noqa: A002 - likewise
        seen = self._find(id)
        word = await read_text(request, "undo", "the word of the answer")
        await self._change(seen, lambda: self._previews.undo(seen.entry, word))
        return self._answer(id)

    async def write_texts(self, request: Request, id: str) -> Response:  # noqa: A002 - likewise
        seen = self._find(id)
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
        """Change what lies beside an embedding, and let the library see it."""

        def run() -> _Result:
            try:
                return write()
            finally:  # also where another has written: who is refused wants to see that
                self._library.rescan_folders([seen.entry.place.full_folder])

        try:
            return await run_in_threadpool(run)
        except WriteError as error:
            status = 422 if isinstance(error, BadPicture) else 409
            raise HTTPException(status, str(error)) from error

    def _answer(self, id: str, **more: str) -> Response:  # noqa: A002 - likewise
        return as_json({**entry_as_json(self._library.catalogue, self._find(id)), **more})

    def _find(self, id: str) -> ViewEntry:  # noqa: A002 - likewise
        seen = self._library.find(id)
        if seen is None:
            raise HTTPException(404, "there is no such file, or it is gone")
        return seen

    def _check_known(self, name: str) -> None:
        if name not in self._library.sets:
            raise HTTPException(404, "there is no such set, or it is gone")


def _check_name(name: str) -> None:
    why = why_no_name(name)
    if why:
        raise HTTPException(422, why)
