"""What the extension needs of a WebUI."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from lib_embeddings.library.library import Library


class Host(Protocol):
    """A WebUI that generates pictures with a library's embeddings.

    Attributes:
        script: what the WebUI runs at each generation, in its own terms.
    """

    script: type[Any]

    def folders(self) -> list[str]:
        """Return the folders the WebUI and its settings name."""

    def attach(self, library: Library, follow: Callable[[list[str]], object]) -> None:
        """Let the WebUI use, list and show a library's embeddings.

        Args:
            follow: called with all folders when the settings name others.
        """

    def detach(self) -> None:
        """Leave the WebUI as it was; safe to call again."""
