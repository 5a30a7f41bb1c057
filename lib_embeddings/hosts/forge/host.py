"""Forge and Forge Neo: known by their text engines' database, not by version."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import backend.text_processing.textual_inversion
import modules
from modules import shared

from lib_embeddings.hosts.forge.infotexts import INFOTEXT_PART, InfotextWriter
from lib_embeddings.hosts.forge.loader import LOADING_PART, Loader
from lib_embeddings.hosts.living import Living
from lib_embeddings.hosts.webui.extension import Hooks, Undo, replace, require, version
from lib_embeddings.hosts.webui.parts import Parts, more_folders, on, script_class, we_load
from lib_embeddings.web.answers import HostFacts


def check() -> None:
    """See that this is such a WebUI.

    Raises:
        HostError: it has no text engines' database that we know.
    """
    require(backend, "text_processing.textual_inversion.EmbeddingDatabase.register_embedding")
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


def attach(living: Living, hooks: Hooks, stop: Callable[[], object]) -> type[Any]:
    """Let the WebUI use, list and show a library's embeddings.

    Args:
        stop: ends the extension; called when the WebUI unloads its scripts.

    Returns:
        The script that the WebUI runs at each generation.
    """
    host = _Host(living, hooks)
    for part, hook in (
        (LOADING_PART, host.hook_loader),
        (INFOTEXT_PART, host.hook_infotexts),
        ("notice of loaded models", lambda: on("model_loaded", host.on_model_loaded)),
        ("notice of chosen models", host.hook_choices),
        ("end of the extension", lambda: on("script_unloaded", stop)),
    ):
        hooks.add(part, hook)
    host.parts.hook(host.change_loading, host.rescan)
    return script_class(host)


class _Host:
    """What acts at the WebUI's events."""

    def __init__(self, living: Living, hooks: Hooks) -> None:
        self._living = living
        self._library = living.library
        self._hooks = hooks
        self.parts = Parts(self._library, hooks, self.rescan, _facts)
        self._infotexts = InfotextWriter(hooks)
        self._loader = Loader(
            self._library, hooks, self.rescan, self.parts.sha256, self._infotexts.forget_prompts
        )

    # What happens at each generation

    def before_generation(self) -> None:
        """Let the next prompt find what there is now."""
        self._hooks.guard(LOADING_PART, self._loader.follow)

    def before_batch(self, generation: Any) -> None:
        """Let the infotext name what this batch uses."""
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

    def hook_infotexts(self) -> Undo:
        """Write all embeddings and their hashes into every infotext."""
        return self._infotexts.hook()

    def change_loading(self) -> None:
        """Load embeddings, or let the WebUI do it, as the setting now says."""
        self._loader.set_loading(we_load())
        self._loader.follow_when_idle()

    def rescan(self) -> None:
        """Scan all folders now, which may have become others."""
        self._living.scan(folders())


def _facts(separator: str) -> HostFacts:
    """Return what the tab needs to know of the WebUI."""
    return HostFacts("forge", version(), ("txt2img", "img2img"), separator)
