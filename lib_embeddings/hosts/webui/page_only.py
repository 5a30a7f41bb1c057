"""A WebUI whose way with embeddings nobody here knows: it loads them, and our tab shows them."""

from __future__ import annotations

from typing import Any

import modules
from modules import scripts, shared  # noqa: F401 - `check` looks at what was imported

from lib_embeddings.hosts.living import Living
from lib_embeddings.hosts.webui.extension import Hooks, refusal, require, version
from lib_embeddings.hosts.webui.parts import Parts, more_folders
from lib_embeddings.web.answers import HostFacts


def check() -> None:
    """See that there is a place for us.

    Raises:
        HostError: it runs no scripts, or names no folder of embeddings.
    """
    require(modules, "scripts.AlwaysVisible", "scripts.Script")
    if not _own_folder():
        raise refusal("folder of embeddings that we know")


def folders() -> list[str]:
    """Return the WebUI's folder, and those of our setting."""
    return [_own_folder(), *more_folders()]


def _own_folder() -> str:
    named = (getattr(place, "embeddings_dir", None) for place in (shared.cmd_opts, shared.opts))
    return str(next(filter(None, named), ""))


class Host:
    """What acts at the WebUI's events: of those that have to do with loading, nothing."""

    change_loading = None

    def __init__(self, living: Living, hooks: Hooks) -> None:
        self._living = living
        self._library = living.library
        self.parts = Parts(self._library, hooks, self.change_folders, _facts)

    def hook(self) -> None:
        """Let it be seen that the WebUI loads, and tells nobody what or for which model."""
        self._library.set_model(None, loaded=frozenset())

    def before_generation(self) -> None:
        """Leave the WebUI to it."""

    def before_batch(self, generation: Any) -> None:
        """Leave the infotext to the WebUI."""

    def on_model_loaded(self, _model: Any) -> None:
        """Leave the model to the WebUI."""

    def change_folders(self) -> None:
        """Scan all folders now, which may have become others."""
        self._living.scan(folders())


def _facts(separator: str) -> HostFacts:
    """Return what the tab needs to know of the WebUI."""
    return HostFacts("webui", version(), ("txt2img", "img2img"), separator)
