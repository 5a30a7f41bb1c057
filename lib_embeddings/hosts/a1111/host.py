"""AUTOMATIC1111's WebUI, and those that kept its database: known by what it has, not by version."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import modules
from modules import sd_hijack, sd_models

from lib_embeddings.hosts.a1111.encoding import HASHES_PART, HashWriter
from lib_embeddings.hosts.a1111.loader import Loader
from lib_embeddings.hosts.living import Living
from lib_embeddings.hosts.webui.extension import Hooks, Undo, replace, require, version
from lib_embeddings.hosts.webui.parts import Parts, more_folders, on, script_class, we_load
from lib_embeddings.web.answers import HostFacts

# What we cannot do without, as the WebUI calls it.
_NEEDED = (
    "scripts.Script",
    "scripts.AlwaysVisible",
    "sd_hijack.model_hijack.embedding_db.embedding_dirs",
    "sd_hijack.model_hijack.embedding_db.ids_lookup",
    "sd_hijack.model_hijack.embedding_db.word_embeddings",
)


def check() -> None:
    """See that this is such a WebUI.

    Raises:
        HostError: it has no database of embeddings that we know.
    """
    require(modules, *_NEEDED)


def folders() -> list[str]:
    """Return the folders of the command line, of other extensions, and of our setting."""
    return [*sd_hijack.model_hijack.embedding_db.embedding_dirs, *more_folders()]


def attach(living: Living, hooks: Hooks, stop: Callable[[], object]) -> type[Any]:
    """Let the WebUI use, list and show a library's embeddings.

    Args:
        stop: ends the extension; called when the WebUI unloads its scripts.

    Returns:
        The script that the WebUI runs at each generation.
    """
    host = _Host(living, hooks)
    for part, hook in (
        ("folders", host.add_folders),
        ("loading of embeddings", host.hook_loader),
        (HASHES_PART, host.hook_hashes),
        ("notice of loaded models", lambda: on("model_loaded", host.on_model_loaded)),
        ("notice of models kept in memory", host.hook_switches),
        ("end of the extension", lambda: on("script_unloaded", stop)),
    ):
        hooks.add(part, hook)
    host.parts.hook(host.change_loading, host.change_folders)
    return script_class(host)


class _Host:
    """What acts at the WebUI's events."""

    def __init__(self, living: Living, hooks: Hooks) -> None:
        self._living = living
        self._library = living.library
        self._hooks = hooks
        self._database = sd_hijack.model_hijack.embedding_db
        self._added: list[str] = []
        self._hashes = HashWriter(hooks)
        self.parts = Parts(self._library, hooks, self.rescan, _facts)
        self._loader = Loader(self._library, self.rescan, self.catch_up, self.parts.sha256)

    # What happens at each generation

    def before_generation(self) -> None:
        """Let the next prompt find what there is now."""
        self._hooks.guard("loading of embeddings", self._loader.follow)

    def before_batch(self, generation: Any) -> None:
        """Let the infotext name what this batch uses."""
        self._hooks.guard(HASHES_PART, partial(self._hashes.begin, generation))

    def on_model_loaded(self, _model: Any) -> None:
        """Let the next prompt find what the new model can use."""
        self._loader.on_switch()

    # The loader

    def hook_loader(self) -> Undo:
        """Load embeddings in the place of the WebUI, if the setting says so."""
        undo = self._loader.hook()
        self._loader.set_loading(we_load())
        return undo

    def hook_switches(self) -> Undo:
        """Hear of each checkpoint that becomes the loaded one, also of those kept in memory."""
        kind, loader = type(sd_models.model_data), self._loader
        own = kind.set_sd_model

        def set_sd_model(self: Any, *args: Any, **kwargs: Any) -> Any:
            result = own(self, *args, **kwargs)
            loader.on_switch()
            return result

        return replace(kind, "set_sd_model", set_sd_model)

    def hook_hashes(self) -> Undo:
        """Write `TI hashes` into every infotext."""
        return self._hashes.hook()

    def change_loading(self) -> None:
        """Load embeddings, or let the WebUI do it, as the setting now says."""
        self._loader.set_loading(we_load())
        self._loader.update_when_idle()

    # The folders

    def rescan(self) -> None:
        """Scan all folders now, which may have become others."""
        self._living.scan(self._folders())

    def catch_up(self) -> None:
        """Find what came or went, while a picture waits."""
        self._living.catch_up(self._folders())

    def _folders(self) -> list[str]:
        own = [path for path in self._database.embedding_dirs if path not in self._added]
        return [*own, *more_folders()]

    def add_folders(self) -> Undo:
        """Tell the database of our folders, so that whoever asks it for folders hears of them."""
        known = self._database.embedding_dirs
        self._added = [path for path in more_folders() if path not in known]
        for path in self._added:
            self._database.add_embedding_dir(path)
        return self._remove_folders

    def change_folders(self) -> None:
        """Scan the folders that the setting now names."""
        self._remove_folders()
        self.add_folders()
        self.rescan()

    def _remove_folders(self) -> None:
        for path in self._added:
            self._database.embedding_dirs.pop(path, None)
        self._added = []


def _facts(separator: str) -> HostFacts:
    """Return what the tab needs to know of the WebUI."""
    return HostFacts("a1111", version(), ("txt2img", "img2img"), separator)
