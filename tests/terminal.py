"""A console that a person looks at."""

from __future__ import annotations

import io


class Terminal(io.StringIO):
    """Keeps all that is printed; it says that a person looks at it, as a file does not."""

    def isatty(self) -> bool:
        return True
