"""The route that completes names while someone types a prompt."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from lib_embeddings.entries.notes import box_of
from lib_embeddings.entries.snapshot import FittedEntry
from lib_embeddings.library.completion import Completer
from lib_embeddings.library.library import Library
from lib_embeddings.prompts.grammar import typed
from lib_embeddings.web.requests import number
from lib_embeddings.web.responses import as_json

MOST_COMPLETIONS = 100


def add_completion_route(router: APIRouter, library: Library) -> None:
    """Add `GET /completions` to the other routes."""
    completer: Completer | None = None

    def completions(text: str = "", limit: str = "10") -> Response:
        nonlocal completer
        most, listing = number("limit", limit, 1, MOST_COMPLETIONS), library.listing
        if completer is None or completer.generation != listing.generation:
            completer = Completer(listing)
        told = [_completion(fitted) for fitted in completer.complete(text, most)]
        return as_json({"completions": told})

    router.add_api_route("/completions", completions, methods=["GET"], response_model=None)


def _completion(fitted: FittedEntry) -> dict[str, Any]:
    return {
        "id": fitted.id,
        "name": fitted.name,
        "n_vectors": fitted.n_vectors,
        "families": list(fitted.families),
        "fit": fitted.fit,
        "box": box_of(fitted.entry),
        "insert": typed(fitted.name),
    }
