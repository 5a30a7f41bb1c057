"""Forge, Forge Neo and ersatzForge: known by their text engines' database, not by version."""

from __future__ import annotations

from functools import partial
from typing import Any

import backend
import modules
from backend.text_processing import textual_inversion
from modules import shared

from lib_embeddings.hosts.forge.bundles import BUNDLES_PART, Bundles
from lib_embeddings.hosts.forge.loader import ForgeLoader
from lib_embeddings.hosts.forge.models import noted_of_prompts
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


def check() -> None:
    """Check that this is such a WebUI.

    Raises:
        HostError: it has no text engines' database that we know.
    """
    database = "text_processing.textual_inversion.EmbeddingDatabase"
    for name in ("find_embedding_at_position", "load_textual_inversion_embeddings"):
        require(backend, f"{database}.{name}")
    require(
        modules,
        "scripts.Script",
        "scripts.AlwaysVisible",
        "sd_models.model_data.forge_loading_parameters",
        "shared.cmd_opts.embeddings_dir",
    )


def folders() -> list[str]:
    """Return the folders of the command line, and of our setting."""
    return [shared.cmd_opts.embeddings_dir, *more_folders()]


is_busy = is_generating


class Host(LoadingHost):
    """What differs: a checkpoint is chosen long before it is loaded, and LoRAs bring embeddings."""

    def __init__(self, living: Living, hooks: Hooks) -> None:
        super().__init__(living, hooks, folders)
        databases = textual_inversion.EmbeddingDatabase
        infotexts = InfotextWriter(hooks, databases, noted_of_prompts, names_field="TI")
        self.begin_infotext = infotexts.begin
        bundles = Bundles(hooks, infotexts.forget_prompts)
        self.parts = Parts(
            self._library,
            hooks,
            self.rescan,
            "forge",
            brings=bundles.brought_by,
            open_studio=partial(WebuiStudio, self._library, self.before_generation),
        )
        self.loader = ForgeLoader(
            self._library, hooks, self.rescan, self.parts.sha256, infotexts.forget_prompts
        )
        self.places = (
            (LOADING_PART, self.hook_loader),
            (INFOTEXT_PART, infotexts.hook),
            (BUNDLES_PART, bundles.hook),
            (CHOICES_PART, self.hook_choices),
        )

    def hook_choices(self) -> Undo:
        """Notice each checkpoint that is chosen, long before it is loaded."""
        from modules_forge import main_entry  # noqa: PLC0415 - where it is missing, only this is

        own, loader = main_entry.refresh_model_loading_parameters, self.loader

        def refresh_model_loading_parameters(*args: Any, **kwargs: Any) -> Any:
            result = own(*args, **kwargs)
            loader.see_model_when_idle()
            return result

        name = "refresh_model_loading_parameters"
        return replace(main_entry, name, refresh_model_loading_parameters)
