"""A WebUI whose handling of embeddings we do not know: it loads them, and our tab shows them."""

from __future__ import annotations

import modules
from modules import scripts, shared  # noqa: F401 - `check` looks at what was imported

from lib_embeddings.hosts.living import Living
from lib_embeddings.hosts.webui import host
from lib_embeddings.hosts.webui.extension import Hooks, refusal, require
from lib_embeddings.hosts.webui.loading import is_generating
from lib_embeddings.hosts.webui.settings import more_folders


def check() -> None:
    """Check that there is a place for us.

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


is_busy = is_generating


class Host(host.Host):
    """Nothing differs."""

    def __init__(self, living: Living, hooks: Hooks) -> None:
        super().__init__(living, hooks, folders)
        self.parts = host.Parts(self._library, hooks, self.rescan, "webui")
