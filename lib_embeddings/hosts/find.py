"""Which WebUI this is, known by what it has and not by its version."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Protocol

from lib_embeddings.errors import HostError
from lib_embeddings.hosts.living import Living
from lib_embeddings.hosts.webui.hooks import Hooks

# The adapters, in the order in which they are asked.
_ADAPTERS = ("lib_embeddings.hosts.a1111.host",)


class Adapter(Protocol):
    """A module that knows a kind of WebUI.

    Its `check` raises `HostError` where the WebUI is of another kind.
    """

    def check(self) -> None:
        """See that this is such a WebUI. Raises `HostError`."""

    def folders(self) -> list[str]:
        """Return the folders that the WebUI and its settings name."""

    def attach(self, living: Living, hooks: Hooks, stop: Callable[[], object]) -> type[Any]:
        """Let the WebUI use, list and show a library's embeddings.

        Args:
            stop: ends the extension; called when the WebUI unloads its scripts.

        Returns:
            What the WebUI runs at each generation, in its own terms.
        """


def find() -> Adapter:
    """Return what knows this WebUI.

    Raises:
        HostError: nothing does; it names what the WebUI lacks.
    """
    refusals: list[HostError] = []
    for name in _ADAPTERS:
        try:
            adapter: Any = importlib.import_module(name)
            adapter.check()
        except ImportError as error:
            refusals.append(HostError("this WebUI", None, f"module {error.name or error}"))
        except HostError as error:
            refusals.append(error)
        else:
            return adapter  # type: ignore[no-any-return]
    raise refusals[0]
