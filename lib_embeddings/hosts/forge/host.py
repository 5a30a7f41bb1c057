"""Forge, Forge Neo and ersatzForge: known by their text engines' database, not by version."""

from __future__ import annotations

from functools import partial
from typing import Any

import backend.text_processing.textual_inversion
import modules
from modules import shared

from lib_embeddings.hosts.forge.bundles import BUNDLES_PART, Bundles
from lib_embeddings.hosts.forge.infotexts import InfotextWriter
from lib_embeddings.hosts.forge.loader import ForgeLoader
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


def check() -> None:
    """See that this is such a WebUI.

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


class Host:
    """What acts at the WebUI's events."""

    def __init__(self, living: Living, hooks: Hooks) -> None:
        self._living = living
        self._library = living.library
        self._hooks = hooks
        self._infotexts = InfotextWriter(hooks)
        self._bundles = Bundles(hooks, self._infotexts.forget_prompts)
        brings = self._bundles.brought_by
        studio = partial(WebuiStudio, self._library, self.before_generation)
        self.parts = Parts(
            self._library, hooks, self.rescan, _facts, brings=brings, open_studio=studio
        )
        self._loader = ForgeLoader(
            self._library, hooks, self.rescan, self.parts.sha256, self._infotexts.forget_prompts
        )

    def hook(self) -> None:
        """Act in the WebUI's own places."""
        for part, hook in (
            (LOADING_PART, self.hook_loader),
            (INFOTEXT_PART, self._infotexts.hook),
            (BUNDLES_PART, self._bundles.hook),
            (CHOICES_PART, self.hook_choices),
        ):
            self._hooks.add(part, hook)

    # What happens at each generation

    def before_generation(self) -> None:
        """Let the next prompt find what there is now."""
        self._hooks.guard(LOADING_PART, lambda: self._living.catch_up(folders()))
        self._hooks.guard(LOADING_PART, self._loader.follow)

    def before_batch(self, generation: Any) -> None:
        """Let this batch find what it names, and the infotext name what it uses."""
        self._hooks.guard(LOADING_PART, partial(self._loader.bring, generation))
        self._hooks.guard(INFOTEXT_PART, partial(self._infotexts.begin, generation))

    def on_model_loaded(self, _model: Any) -> None:
        """Let the next prompt find what the new model can use."""
        self._hooks.guard(LOADING_PART, self._loader.on_load)

    # The hooks

    def hook_loader(self) -> Undo:
        """Load embeddings in the place of the WebUI, as the setting says."""
        undo = self._loader.hook()
        self._loader.set_loading(we_load())
        self._loader.follow_when_idle()
        return undo

    def hook_choices(self) -> Undo:
        """Hear of each checkpoint that is chosen, long before it is loaded."""
        from modules_forge import main_entry  # noqa: PLC0415 - where it is missing, only this is

        own, loader = main_entry.refresh_model_loading_parameters, self._loader

        def refresh_model_loading_parameters(*args: Any, **kwargs: Any) -> Any:
            result = own(*args, **kwargs)
            loader.follow_when_idle()
            return result

        name = "refresh_model_loading_parameters"
        return replace(main_entry, name, refresh_model_loading_parameters)

    def change_loading(self) -> None:
        """Load embeddings, or let the WebUI do it, as the setting now says."""
        self._loader.set_loading(we_load())
        self._loader.follow_when_idle()

    def change_folders(self) -> None:
        """Scan the folders that the setting now names."""
        self.rescan()

    def rescan(self) -> None:
        """Scan all folders now, which may have become others."""
        self._living.scan(folders())


def _facts(separator: str) -> HostFacts:
    """Return what the tab needs to know of the WebUI."""
    return HostFacts("forge", version(), ("txt2img", "img2img"), separator)
