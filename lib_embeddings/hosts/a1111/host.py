"""AUTOMATIC1111's WebUI, and those that kept its database: known by what it has, not by version."""

from __future__ import annotations

from functools import partial
from typing import Any

import modules
from modules import sd_hijack, sd_models

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
)
from lib_embeddings.hosts.webui.host import LoadingHost, Parts
from lib_embeddings.hosts.webui.loading import is_generating
from lib_embeddings.hosts.webui.prompts import InfotextWriter
from lib_embeddings.hosts.webui.settings import more_folders
from lib_embeddings.hosts.webui.studio import WebuiStudio

# What we cannot do without, as the WebUI calls it.
_NEEDED = (
    "scripts.Script",
    "scripts.AlwaysVisible",
    "sd_hijack.model_hijack.embedding_db.embedding_dirs",
    "sd_hijack.model_hijack.embedding_db.ids_lookup",
    "sd_hijack.model_hijack.embedding_db.word_embeddings",
)


def check() -> None:
    """Check that this is such a WebUI.

    Raises:
        HostError: it has no database of embeddings that we know.
    """
    require(modules, *_NEEDED)


def folders() -> list[str]:
    """Return the folders of the command line, of other extensions, and of our setting."""
    return [*sd_hijack.model_hijack.embedding_db.embedding_dirs, *more_folders()]


def is_busy() -> bool:
    """Return whether it is making a picture, or loading the checkpoint for the first one."""
    lock = getattr(sd_models.model_data, "lock", None)
    return is_generating() or (lock is not None and lock.locked())


class Host(LoadingHost):
    """What differs: the database has a list of folders, and fills itself before each picture."""

    def __init__(self, living: Living, hooks: Hooks) -> None:
        super().__init__(living, hooks, self._folders_now)
        self._database = sd_hijack.model_hijack.embedding_db
        self._added: list[str] = []
        studio = partial(WebuiStudio, self._library, self.before_generation)
        self.parts = Parts(self._library, hooks, self.rescan, "a1111", open_studio=studio)
        infotexts = InfotextWriter(hooks, self._database, _noted_of_prompts)
        self.begin_infotext = infotexts.begin
        self.loader = A1111Loader(
            self._library,
            hooks,
            self.rescan,
            self.catch_up,
            self.parts.sha256,
            infotexts.forget_prompts,
        )
        self.places = (
            ("folders", self.add_folders),
            (LOADING_PART, self.hook_loader),
            (INFOTEXT_PART, infotexts.hook),
            (CHOICES_PART, self.hook_choices),
        )

    def before_generation(self) -> None:
        self._hooks.guard(LOADING_PART, self.loader.see_model)

    def hook_choices(self) -> Undo:
        """Notice each checkpoint that is chosen, even one that is already in memory."""
        own, on_load = sd_models.reload_model_weights, self.on_model_loaded

        def reload_model_weights(*args: Any, **kwargs: Any) -> Any:
            checkpoint = own(*args, **kwargs)
            on_load(checkpoint)
            return checkpoint

        return replace(sd_models, "reload_model_weights", reload_model_weights)

    # The folders

    def _folders_now(self) -> list[str]:
        own = [path for path in self._database.embedding_dirs if path not in self._added]
        return [*own, *more_folders()]

    def add_folders(self) -> Undo:
        """Add our folders to the database's, so that whoever asks it for folders gets them too."""
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


def _noted_of_prompts() -> dict[str, Any]:
    noted: dict[str, Any] = sd_hijack.model_hijack.extra_generation_params
    return noted
