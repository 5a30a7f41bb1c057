"""What clients get: JSON, and entity tags by which they know what they have already."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response


def as_json(content: Mapping[str, Any], tag: str | None = None) -> Response:
    """Return *content* as ASCII: text from files and prompts may hold what UTF-8 cannot."""
    headers = caching(tag) if tag else None
    return Response(json.dumps(content), media_type="application/json", headers=headers)


def tag_of(*parts: object) -> str:
    """Return a weak entity tag for everything a response depends on."""
    told = repr(parts).encode("utf-8", "surrogatepass")
    return f'W/"{hashlib.blake2b(told, digest_size=12).hexdigest()}"'


def caching(tag: str) -> dict[str, str]:
    """Return the headers of a response that a client may keep, and asks again about."""
    return {"ETag": tag, "Cache-Control": "private, no-cache"}


def unchanged(request: Request, tag: str) -> Response | None:
    """Return the answer for a client that has the response already."""
    known = request.headers.get("if-none-match", "")
    if tag not in known:
        return None
    return Response(status_code=304, headers=caching(tag))
