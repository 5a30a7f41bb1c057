"""The places where we act inside a WebUI: each has a name, is guarded, and is undone at the end.

A WebUI may be another than we know. What fails there costs one line and that part, never a picture
and nothing of the WebUI's own.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from types import TracebackType
from typing import TypeVar, final

log = logging.getLogger(__name__)

Undo = Callable[[], object]
_T = TypeVar("_T")


@final
class Hooks:
    """All parts that are hooked in. Ends with the block that it is used in, or with `close`."""

    def __init__(self) -> None:
        self._undo = ExitStack()
        self._reported: set[tuple[str, str]] = set()

    def __enter__(self) -> Hooks:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def add(self, part: str, hook: Callable[[], Undo | None]) -> None:
        """Let a part begin. Where that fails, the WebUI's own stays as it is.

        Args:
            part: its name, for people.
            hook: returns what undoes it; None where there is nothing to undo.
        """
        undo = self.guard(part, hook)
        if undo is not None:
            self._undo.callback(self.guard, part, undo)

    def guard(self, part: str, act: Callable[[], _T]) -> _T | None:
        """Let a part act, and return what it returns; None where it fails, which is logged once."""
        try:
            return act()
        except Exception as error:  # the WebUI may be another than we know
            log.debug("the part %r failed", part, exc_info=True)
            if (part, str(error)) not in self._reported:
                self._reported.add((part, str(error)))
                reason = f"{type(error).__name__}: {error}"
                log.warning(
                    "Textual Inversion: the %s does not work in this WebUI; all else does (%s)",
                    part,
                    reason,
                )
            return None

    def close(self) -> None:
        """Undo all parts, the last one first; safe to call again."""
        self._undo.close()


def print_lines(lines: Iterable[str]) -> None:
    """Print lines at once; a console that cannot show a name must not end a generation."""
    encoding = sys.stdout.encoding or "utf-8"
    text = "\n".join(lines)
    if text:
        print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)
