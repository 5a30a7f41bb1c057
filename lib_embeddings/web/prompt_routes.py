"""The route that tells what the prompts in a page's fields use."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from starlette.concurrency import run_in_threadpool

from lib_embeddings.library.reports import PromptReports
from lib_embeddings.web.requests import Prompts, read_prompts, refuse_other_origins
from lib_embeddings.web.responses import as_json


def add_prompt_route(router: APIRouter, reports: PromptReports) -> None:
    """Add `POST /prompt` to the other routes."""

    async def prompt(request: Request) -> Response:
        prompts = await read_prompts(request)
        answer = await run_in_threadpool(_read, reports, prompts)
        if answer is None:
            raise HTTPException(
                503, "there is no tokenizer: load a model, or install lib-embeddings[prompt]"
            )
        return as_json(answer)

    router.add_api_route(
        "/prompt",
        prompt,
        methods=["POST"],
        dependencies=[Depends(refuse_other_origins)],
        response_model=None,
    )


def _read(reports: PromptReports, prompts: Prompts) -> dict[str, Any] | None:
    """Return the reports of both prompts; None where nothing can tell tokens."""
    ready = reports.ready()
    if ready is None:
        return None
    model, read = ready.view.model, ready.reader.read
    try:
        answer = {
            "generation": ready.generation,
            "model": model.key if model else None,
            "positive": read(prompts.positive, prompts.steps).as_json(),
            "negative": read(prompts.negative, prompts.steps, is_negative=True).as_json(),
        }
    except LookupError:  # the host has put its model away, and its tokenizer with it
        return None
    if provenance := reports.provenance(prompts.positive, prompts.infotext):
        answer["infotext"] = provenance.as_json()
    return answer
