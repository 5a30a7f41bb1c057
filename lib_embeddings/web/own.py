"""The routes of what people make: pictures and texts beside embeddings, sets, many favourites."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from fastapi import HTTPException, Request, Response
from starlette.concurrency import run_in_threadpool

from lib_embeddings.entries.previews import Previews
from lib_embeddings.entries.sidecars import write_texts
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
from lib_embeddings.web.requests import (
    read_body,
    read_marks,
    read_members,
    read_text,
    read_text_edits,
)
from lib_embeddings.web.route import Route, as_json, find_entry, refusing, tag_of, unchanged

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
