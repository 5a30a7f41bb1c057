"""What a page asks to have painted, read from the body of its request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from fastapi import HTTPException

from lib_embeddings.errors import shown
from lib_embeddings.limits import LIMITS
from lib_embeddings.names import is_text
from lib_embeddings.prompts.wishes import KINDS, PaintSettings, Purpose
from lib_embeddings.web.requests import one_of

_KEYS = ("ids", "prompt", "negative", "kind", "seeds", "weights", "steps", "guidance", "side")


class Trial(NamedTuple):
    """What somebody wants to see.

    Attributes:
        prompt, negative, kind: None for what suits the embedding.
        weights: of its name, one for each column; 0 is without it.
    """

    ids: list[str]
    prompt: str | None
    negative: str | None
    kind: Purpose | None
    seeds: list[int]
    weights: list[float]
    settings: PaintSettings


def read_trial(body: Mapping[str, Any]) -> Trial:
    """Return what somebody wants to try."""
    if not body.keys() <= set(_KEYS):
        raise HTTPException(422, f"expected any of {', '.join(_KEYS)}")
    ids = _list_of("ids", body.get("ids"), Check(lambda each: isinstance(each, str), "an id"))
    seeds = _list_of("seeds", body.get("seeds", [1, 2, 3, 4]), _is_integer(0, (1 << 32) - 1))
    most = LIMITS.compared_weight
    weights = _list_of("weights", body.get("weights", [0, 1]), _is_number(-most, most))
    if len(ids) * len(seeds) * len(weights) > LIMITS.tried_pictures:
        raise HTTPException(422, f"more than {LIMITS.tried_pictures} pictures: ask for fewer")
    prompt, negative = (_text(key, body.get(key)) for key in ("prompt", "negative"))
    kind = body.get("kind")
    settings = PaintSettings(
        _one("steps", body.get("steps", PaintSettings.steps), _is_integer(1, LIMITS.prompt_steps)),
        _one("guidance", body.get("guidance"), _or_none(_is_number(1, 100))),
        _one("side", body.get("side"), _or_none(_is_integer(*LIMITS.painted_sides, step=8))),
    )
    return Trial(
        ids,
        prompt,
        negative,
        one_of("kind", kind, KINDS) if kind else None,
        seeds,
        weights,
        settings,
    )


class Check(NamedTuple):
    """Tells whether a value is right, and tells people what is expected."""

    is_right: Callable[[Any], bool]
    expected: str


def _one(key: str, value: Any, check: Check) -> Any:
    if not check.is_right(value):
        raise HTTPException(422, f"{key}: expected {check.expected}, found {shown(repr(value))}")
    return value


def _list_of(key: str, values: Any, check: Check) -> list[Any]:
    """Return values, each once. There must be at least one."""
    if not isinstance(values, list) or not values or not all(map(check.is_right, values)):
        found = shown(repr(values))
        raise HTTPException(422, f"{key}: expected a list, each {check.expected}, found {found}")
    return list(dict.fromkeys(values))


def _text(key: str, value: Any) -> str | None:
    most = LIMITS.prompt_characters
    is_right = value is None or (isinstance(value, str) and is_text(value) and len(value) <= most)
    if not is_right:
        raise HTTPException(422, f"{key}: expected text of at most {most:,} characters")
    return None if value is None else str(value)


def _is_integer(least: int, most: int, step: int = 1) -> Check:
    steps = f" in steps of {step}" if step > 1 else ""
    return Check(
        lambda value: type(value) is int and value in range(least, most + 1, step),
        f"a whole number from {least} to {most:,}{steps}",
    )


def _is_number(least: float, most: float) -> Check:
    return Check(
        lambda value: type(value) in (int, float) and least <= value <= most,
        f"a number from {least} to {most}",
    )


def _or_none(check: Check) -> Check:
    return check._replace(is_right=lambda value: value is None or check.is_right(value))
