"""AUTOMATIC1111's WebUI, and those that kept its database: known by what it has, not by version."""

from __future__ import annotations

from functools import partial
from typing import Any

import modules
from modules import sd_hijack, sd_models

from lib_embeddings.hosts.a1111.encoding import HashWriter
from lib_embeddings.hosts.a1111.loader import A1111Loader
from lib_embeddings.hosts.living import Living
from lib_embeddings.hosts.webui.extension import (
    CHOICES_PART,
    INFOTEXT_PART,
    LOADING_PART,
    Hooks,
    Undo,
    replace,
    require,
    version,
)
from lib_embeddings.hosts.webui.parts import Parts, more_folders, we_load
from lib_embeddings.hosts.webui.studio import WebuiStudio
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


class Host:
    """What acts at the WebUI's events."""

    def __init__(self, living: Living, hooks: Hooks) -> None:
        self._living = living
        self._library = living.library
        self._hooks = hooks
        self._database = sd_hijack.model_hijack.embedding_db
        self._added: list[str] = []
        self._hashes = HashWriter(hooks)
        studio = partial(WebuiStudio, self._library, self.before_generation)
        self.parts = Parts(self._library, hooks, self.rescan, _facts, open_studio=studio)
        self._loader = A1111Loader(
            self._library, hooks, self.rescan, self.catch_up, self.parts.sha256
        )

    def hook(self) -> None:
        """Act in the WebUI's own places."""
        for part, hook in (
            ("folders", self.add_folders),
            (LOADING_PART, self.hook_loader),
            (INFOTEXT_PART, self._hashes.hook),
            (CHOICES_PART, self.hook_choices),
        ):
            self._hooks.add(part, hook)

    # What happens at each generation

    def before_generation(self) -> None:
        """Let the next prompt find what there is now."""
        self._hooks.guard(LOADING_PART, self._loader.follow)

    def before_batch(self, generation: Any) -> None:
        """Let this batch find what it names, and the infotext name what it uses."""
        self._hooks.guard(LOADING_PART, partial(self._loader.bring, generation))
        self._hooks.guard(INFOTEXT_PART, partial(self._hashes.begin, generation))

    def on_model_loaded(self, _model: Any) -> None:
        """Let the next prompt find what the new model can use."""
        self._hooks.guard(LOADING_PART, self._loader.on_load)

    # The loader

    def hook_loader(self) -> Undo:
        """Load embeddings in the place of the WebUI, if the setting says so."""
        undo = self._loader.hook()
        self._loader.set_loading(we_load())
        return undo

    def hook_choices(self) -> Undo:
        """Hear of each checkpoint that is chosen, also of one that is in memory already."""
        own, on_load = sd_models.reload_model_weights, self.on_model_loaded

        def reload_model_weights(*args: Any, **kwargs: Any) -> Any:
            checkpoint = own(*args, **kwargs)
            on_load(checkpoint)
            return checkpoint

        return replace(sd_models, "reload_model_weights", reload_model_weights)

    def change_loading(self) -> None:
        """Load embeddings, or let the WebUI do it, as the setting now says."""
        self._loader.set_loading(we_load())
        self._loader.follow_when_idle()

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
