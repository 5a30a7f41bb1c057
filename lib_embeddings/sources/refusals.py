"""What to say when a site does not give what was asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from lib_embeddings.entries.documents import text_at
from lib_embeddings.errors import NotFound, SourceError, Unreachable, shown
from lib_embeddings.sources.source import Site

# Hugging Face says how long its window still lasts: huggingface.co/docs/hub/rate-limits.
_WINDOW = re.compile(r"\bt=(\d{1,6})")
_REGION = re.compile(r"\b(?:region|country|location|jurisdiction)\b", re.IGNORECASE)


def refusal(site: Site, status: int, headers: Mapping[str, str], body: bytes) -> SourceError:
    """Return the error for an answer that is not a success.

    Args:
        headers: by their names in lower case.
    """
    document = _document(body)
    words = text_at(document, "message") or text_at(document, "error")
    said = f' ("{shown(" ".join(words.split()), 160)}")' if words else ""
    title = site.title
    if status == 451 or (status == 403 and _REGION.search(words)):
        return SourceError(f"{title} does not answer from your country{said}")
    if status == 401 and "disabled downloads" in words:
        return SourceError(f"its author has switched off downloads on {title}: ask the author")
    if status == 401:
        return wants_key(site)
    if status == 403 and (deadline := text_at(document, "deadline")):
        day = shown(deadline.partition("T")[0], 32)
        return SourceError(
            f"it is in early access on {title} until {day}: buy it there, or wait until then"
        )
    if status == 403:
        return SourceError(f"{title} does not let you have it{said}: open its page and see why")
    if status == 404:
        return NotFound(f"{title} does not have it (or not at the moment){said}: check the link")
    if status == 410:
        return NotFound(
            f"its author has archived it, and {title} no longer offers its file: ask the author"
        )
    if status == 429:
        return SourceError(f"too many requests to {title}: {_wait(headers)} and try again")
    if status >= 500:
        return Unreachable(
            f"{title} has a problem ({status}){said}: {_wait(headers)} and try again"
        )
    return SourceError(f"{title} answered {status}{said} instead of sending what was asked for")


def wants_key(site: Site) -> SourceError:
    """Return the error for what a site gives only to people who are logged in."""
    if not site.key_page:
        return SourceError(
            f"{site.title} asks for a login: download the file there with your browser"
        )
    if site.token:
        return SourceError(
            f"{site.title} refuses your key: check that it still exists at {site.key_page}, or "
            "make a new one, and that you may have this file"
        )
    return SourceError(
        f"{site.title} gives this only with a key of your own: make one at {site.key_page} and "
        f"put it into the environment variable {site.key_variables[0]}"
    )


def _document(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _wait(headers: Mapping[str, str]) -> str:
    """Return how long to wait, as the beginning of a sentence."""
    window = _WINDOW.search(headers.get("ratelimit", ""))
    seconds = window[1] if window else headers.get("retry-after", "").strip()
    if seconds.isascii() and seconds.isdigit() and len(seconds) < 7:
        return f"wait {int(seconds):,} seconds"
    return "wait a few minutes"
