"""Lines for the WebUI's console."""

from __future__ import annotations

import sys
from collections.abc import Iterable


def say(lines: Iterable[str]) -> None:
    """Print lines at once; a console that cannot show a name must not end a generation."""
    encoding = sys.stdout.encoding or "utf-8"
    text = "\n".join(lines)
    if text:
        print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)
