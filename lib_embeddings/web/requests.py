"""What clients send, checked.

No pydantic models check it: the releases in hosts agree on little more than text, and here every
    refusal is one sentence.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, BinaryIO, NamedTuple, TypeVar, cast

from fastapi import HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from lib_embeddings.entries.sidecars import TextEdit
from lib_embeddings.entries.texts import TEXT_KEYS
from lib_embeddings.errors import shown
from lib_embeddings.limits import LIMITS
from lib_embeddings.names import FIELDS, is_text
from lib_embeddings.prompts.wishes import PaintSettings
from lib_embeddings.sources.source import SearchRequest
from lib_embeddings.stores.choices import CHOICES, Chosen, Member

_T = TypeVar("_T", bound=str)


class Prompts(NamedTuple):
    """What is in a page's prompt fields.

    Attributes:
        steps: how many steps the picture takes.
        infotext: of another picture, as somebody pasted it into a field.
        styles: names of the host's styles that are selected, each once.
    """

    positive: str
    negative: str
    steps: int
    infotext: str
    styles: tuple[str, ...]


def one_of(parameter: str, value: str, allowed: Sequence[_T]) -> _T:
    """Return *value*, which must be one of *allowed*."""
    for known in allowed:
        if value == known:
            return known
    raise HTTPException(422, f"{parameter}: expected {', '.join(allowed)}, found {shown(value)!r}")


def several_of(parameter: str, values: str, allowed: Sequence[_T]) -> tuple[_T, ...]:
    """Return the *values* between commas, each one of *allowed*, once."""
    several = dict.fromkeys(filter(None, values.split(",")))
    return tuple(one_of(parameter, value, allowed) for value in several)


def number(parameter: str, value: str, least: int, most: int | None = None) -> int:
    """Return *value* as a whole number from *least* to *most*, or of any usual size."""
    is_number = value.isascii() and value.isdigit() and len(value) <= LIMITS.number_digits
    if is_number and least <= int(value) and (most is None or int(value) <= most):
        return int(value)
    bounds = f"from {least} to {most}"
    if most is None:
        bounds = f"of at least {least}, and at most {LIMITS.number_digits} digits"
    raise HTTPException(422, f"{parameter}: expected a number {bounds}, found {shown(value)!r}")


async def read_choices(request: Request) -> Chosen:
    """Return the choices in the body of a PATCH, each with a value that it can have."""
    body = _parse(await read_body(request))
    if not isinstance(body, dict) or not body or not body.keys() <= CHOICES.keys():
        raise HTTPException(422, f"expected any of {', '.join(CHOICES)}")
    for key, value in body.items():
        if type(value) not in (bool, str) or value not in CHOICES[key]:
            allowed = " or ".join(map(json.dumps, CHOICES[key]))
            raise HTTPException(422, f"{key}: expected {allowed}")
    return cast("Chosen", body)


async def read_marks(request: Request) -> tuple[list[str], bool]:
    """Return the ids of some entries, and whether they should be favourites."""
    match _parse(await read_body(request, LIMITS.ids_bytes)):
        case {"ids": list(ids), "favourite": bool(favourite), **rest} if not rest:
            if len(ids) <= LIMITS.ids and _is_texts(ids):
                return ids, favourite
    raise HTTPException(
        422, f'expected {{"ids": […], "favourite": true}} with at most {LIMITS.ids:,} ids'
    )


async def read_text(request: Request, key: str, what: str) -> str:
    """Return the only text in a body, under *key*; *what* describes it for people."""
    body = _parse(await read_body(request))
    if isinstance(body, dict) and body.keys() == {key} and isinstance(body[key], str):
        return str(body[key])
    raise HTTPException(422, f'expected {{"{key}": "{what}"}}')


async def read_target(request: Request) -> tuple[str, str]:
    """Return the id of a folder, and the name of a new one in it or an empty text."""
    match _parse(await read_body(request)):
        case {"folder": str(folder), **rest} if rest.keys() <= {"new_folder"}:
            new_folder = rest.get("new_folder", "")
            if isinstance(new_folder, str):
                return folder, new_folder
    raise HTTPException(
        422, 'expected {"folder": "the id of a folder", "new_folder": "the name of one in it"}'
    )


async def read_text_edits(request: Request) -> dict[str, TextEdit]:
    """Return the edits of texts in a body, which may be as long as a sidecar."""
    body = _parse(await read_body(request, LIMITS.sidecar_bytes))
    if not isinstance(body, dict) or not body or not body.keys() <= TEXT_KEYS.keys():
        raise HTTPException(422, f"expected any of {', '.join(TEXT_KEYS)}")
    for word, edit in body.items():
        is_edit = isinstance(edit, dict) and edit.keys() == {"before", "after"}
        if not is_edit or not all(isinstance(text, str) for text in edit.values()):
            raise HTTPException(422, f'{word}: expected {{"before": "…", "after": "…"}}')
        if len(edit["after"]) > LIMITS.text_characters:
            raise HTTPException(
                422, f"{word}: expected at most {LIMITS.text_characters:,} characters"
            )
    return {word: TextEdit(edit["before"], edit["after"]) for word, edit in body.items()}


async def read_members(request: Request) -> list[Member]:
    """Return the members for a set."""
    body = _parse(await read_body(request, LIMITS.set_bytes))
    members = body.get("members") if isinstance(body, dict) and len(body) == 1 else None
    if not isinstance(members, list) or not 0 < len(members) <= LIMITS.set_members:
        raise HTTPException(
            422, f'expected {{"members": […]}} with 1 to {LIMITS.set_members} members'
        )
    return [_read_member(each) for each in members]


def _read_member(member: object) -> Member:
    match member:
        case {
            "name": str(name),
            "field": "positive" | "negative" as field,
            "weight": int(weight) | float(weight),
            **rest,
        } if not rest and name and is_text(name) and type(weight) is not bool:
            if len(name) <= LIMITS.filename_bytes and abs(weight) <= LIMITS.set_weight:
                return Member(name, field, float(weight))
    raise HTTPException(
        422, 'members: expected {"name": "…", "field": "positive" or "negative", "weight": 1.0}'
    )


class WantedFiles(NamedTuple):
    """What to bring from elsewhere.

    Attributes:
        folder: the id of a folder.
        by_token: a concept is called by its token, and not by its repository.
        answer: to the questions that this may raise.
    """

    reference: str
    folder: str
    by_token: bool
    answer: Mapping[str, Any]


async def read_wanted(request: Request) -> WantedFiles:
    """Return what somebody wants to bring."""
    body = _parse(await read_body(request, LIMITS.ids_bytes))
    match body:
        case {"reference": str(reference), "folder": str(folder), **rest}:
            by_token = rest.pop("by_token", False)
            if len(reference) > LIMITS.reference_characters:
                most = LIMITS.reference_characters
                raise HTTPException(422, f"reference: expected at most {most:,} characters")
            if type(by_token) is bool:
                return WantedFiles(
                    reference,
                    folder,
                    by_token,
                    _answer_in({str(key): each for key, each in rest.items()}),
                )
    raise HTTPException(422, 'expected {"reference": "…", "folder": "the id of a folder"}')


async def read_reply(request: Request, signals: Sequence[_T]) -> _T | Mapping[str, Any]:
    """Return a signal to a job, or what a person answered to its question."""
    body = _parse(await read_body(request, LIMITS.ids_bytes))
    if isinstance(body, dict) and body:
        signal = next((each for each in signals if body == {each: True}), None)
        return signal or _answer_in(body)
    raise HTTPException(422, f"expected any of {', '.join((*_ANSWERS, *signals))}")


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


# For each question of a job: what an answer has to be, and what people read if it is not.
_ANSWERS: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "name": (lambda value: isinstance(value, str), "expected text"),
    "keep_wrong_hash": (lambda value: value is True, "expected true"),
    "files": (_is_texts, "expected a list of file names"),
    "go_on": (lambda value: value is True, "expected true"),
}


def _answer_in(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the answers in a body, each checked."""
    for key, value in body.items():
        if key not in _ANSWERS:
            raise HTTPException(422, f"{shown(key)}: unknown key")
        is_answer, expected = _ANSWERS[key]
        if not is_answer(value):
            raise HTTPException(422, f"{shown(key)}: {expected}")
    return body


async def read_ids(request: Request) -> list[str] | None:
    """Return the ids of the entries in question; None for all."""
    match _parse(await read_body(request, LIMITS.ids_bytes)):
        case {"ids": list(ids), **rest} if not rest:
            if len(ids) <= LIMITS.ids and _is_texts(ids):
                return ids
        case {**rest} if not rest:
            return None
    raise HTTPException(422, f'expected {{"ids": […]}} with at most {LIMITS.ids:,} ids, or {{}}')


async def read_search(
    request: Request, sources: Sequence[str], families: Sequence[str]
) -> tuple[str, SearchRequest]:
    """Return where to search, and for what."""
    body = await read_object(request)
    texts = {key: body.get(key, "") for key in ("source", "text", "family", "sort", "cursor")}
    for key, text in texts.items():
        if not isinstance(text, str) or not is_text(text):
            raise HTTPException(422, f"{key}: expected text")
    is_general = body.get("general", True)
    if type(is_general) is not bool:
        raise HTTPException(422, "general: expected true or false")
    return one_of("source", texts["source"], sources), SearchRequest(
        texts["text"],
        one_of("family", texts["family"], families) if texts["family"] else None,
        texts["sort"] or None,
        cursor=texts["cursor"] or None,
        is_general=is_general,
    )


async def receive_files(request: Request, body: BinaryIO) -> list[tuple[str, int]]:
    """Write the body to a file of ours as it arrives, and return what it claims to contain.

    Its first line is JSON, `[{"path": "…", "bytes": 0}, …]`, and the files follow one after the
    other. Raises `OSError`.

    Returns:
        The path and the size of each.
    """
    size, most = 0, LIMITS.arrival_bytes
    async for piece in _pieces_of(request):
        size += len(piece)
        if size > most:
            raise HTTPException(413, f"files too large together: expected at most {most:,} bytes")
        await run_in_threadpool(body.write, piece)
    body.seek(0)
    line = body.readline(LIMITS.ids_bytes)
    listed = _listed(_parse(line))
    if len(line) + sum(bytes_ for _, bytes_ in listed) != size:
        raise HTTPException(400, "the files are not complete: send them again")
    return listed


def _listed(files: object) -> list[tuple[str, int]]:
    return [_file_in(each) for each in (files if isinstance(files, list) else [None])]


def _file_in(listed: object) -> tuple[str, int]:
    match listed:
        case {"path": str(path), "bytes": int(size), **rest} if not rest:
            if is_text(path) and type(size) is int and size >= 0:
                return path, size
    raise HTTPException(422, 'expected a first line as [{"path": "…", "bytes": 0}]')


async def read_prompts(request: Request) -> Prompts:
    """Return the prompts that a page asks about."""
    body = await read_object(request, LIMITS.prompts_bytes)
    positive, negative = (body.get(field, "") for field in FIELDS)
    for field, text in zip(FIELDS, (positive, negative), strict=True):
        if not isinstance(text, str) or len(text) > LIMITS.prompt_characters:
            raise HTTPException(
                422, f"{field}: expected text of at most {LIMITS.prompt_characters:,} characters"
            )
    steps = body.get("steps", PaintSettings.steps)
    if type(steps) is not int or not 1 <= steps <= LIMITS.prompt_steps:
        raise HTTPException(422, f"steps: expected a number from 1 to {LIMITS.prompt_steps}")
    infotext = body.get("infotext", "")
    if not isinstance(infotext, str):
        raise HTTPException(422, "infotext: expected text")
    styles = body.get("styles", [])
    if not _is_texts(styles):
        raise HTTPException(422, "styles: expected a list of names")
    return Prompts(positive, negative, steps, infotext, tuple(dict.fromkeys(styles)))


async def read_object(request: Request, most: int = LIMITS.body_bytes) -> dict[str, Any]:
    """Return the JSON object in a body of at most so many bytes."""
    body = _parse(await read_body(request, most))
    if isinstance(body, dict):
        return body
    raise HTTPException(422, "expected a JSON object")


async def read_body(request: Request, most: int = LIMITS.body_bytes) -> bytes:
    """Return a body. Raises 413 for one with more bytes, 400 if the client disconnects."""
    text = bytearray()
    async for piece in _pieces_of(request):
        text += piece
        if len(text) > most:
            raise HTTPException(413, f"the body is too long: expected at most {most:,} bytes")
    return bytes(text)


async def _pieces_of(request: Request) -> AsyncIterator[bytes]:
    try:
        async for piece in request.stream():
            yield piece
    except ClientDisconnect as error:  # servers would write a traceback for each page that leaves
        raise HTTPException(400, "the client went away") from error


def _parse(text: bytes) -> object:
    """Return the value of JSON; None for anything else, as who asks says what is expected."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
