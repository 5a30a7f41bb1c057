"""Our settings among the WebUI's. They may be read before the WebUI knows them."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from modules import shared

from lib_embeddings.hosts.webui.extension import LOADING_PART, Hooks, Undo

_SECTION = ("lib_embeddings", "Textual Inversion")
_LOADS = "lib_embeddings_take_over"
_PAGE = "lib_embeddings_page"
_FOLDERS = "lib_embeddings_folders"
_NETWORK = "lib_embeddings_network"
_SITES = "lib_embeddings_sites"
_TRIES = "lib_embeddings_try"

_RENAMES = ", and renames those that it cannot read to NAME.corrupted"


def we_load() -> bool:
    """Return whether we load embeddings in place of the WebUI."""
    return bool(_setting(_LOADS, default=True))


def shows_page() -> bool:
    """Return whether our tab is shown in place of the WebUI's page."""
    return bool(_setting(_PAGE, default=True))


def more_folders() -> list[str]:
    """Return the folders that are scanned besides the WebUI's own."""
    lines = str(_setting(_FOLDERS, "")).splitlines()
    return [os.path.abspath(os.path.expanduser(line.strip())) for line in lines if line.strip()]


def opens_files() -> bool:
    """Return whether other machines may change files without a login."""
    return bool(_setting(_NETWORK, default=False))


def asks_sites() -> bool:
    """Return whether people may get embeddings from the internet."""
    return bool(_setting(_SITES, default=True))


def tries() -> bool:
    """Return whether embeddings may be tried with the WebUI's model."""
    return bool(_setting(_TRIES, default=True))


def separator() -> str:
    """Return what the WebUI puts between a name and the text before it."""
    return str(_setting("extra_networks_add_text_separator", ", "))


def renames_files() -> bool:
    """Return whether the WebUI renames what it cannot read, as Forge's `torch.load` does."""
    return hasattr(torch, "load_origin")


def add_settings(
    hooks: Hooks,
    change_loading: Callable[[], object] | None,
    change_folders: Callable[[], object],
    *,
    may_paint: bool,
) -> None:
    """Add the settings that the WebUI's settings page should show.

    Args:
        change_loading: called when the setting that lets us load embeddings was changed; None
            where we never load.
        change_folders: called when the setting that names folders was changed.
        may_paint: whether there is a way to try embeddings.
    """
    option = partial(shared.OptionInfo, section=_SECTION)
    options: dict[str, Any] = {}
    if change_loading is not None:
        options[_LOADS] = option(
            True,
            "Load embeddings with this extension. When off, the WebUI loads them itself"
            + (_RENAMES if renames_files() else ""),
            onchange=partial(hooks.guard, LOADING_PART, change_loading),
        )
    options |= {
        _PAGE: option(
            True,
            "Show this extension's tab. When off, the WebUI shows its own Textual Inversion page",
        ).needs_reload_ui(),
        _FOLDERS: option(
            "",
            "More embedding folders, one per line",
            component_args={"lines": 3},
            onchange=partial(hooks.guard, "folders", change_folders),
        ),
        _NETWORK: option(
            False,
            "Let other machines change files here (rename, move, delete) when the WebUI has no "
            "login",
        ),
        _SITES: option(
            True,
            "Allow finding and downloading embeddings from Civitai and Hugging Face in the tab",
        ).needs_reload_ui(),
    }
    if may_paint:
        options[_TRIES] = option(
            True,
            "Allow trying embeddings and making previews with the WebUI's model in the tab",
        ).needs_reload_ui()
    for key, info in options.items():
        hooks.add("settings", partial(_add_option, key, info))


def _add_option(key: str, info: Any) -> Undo:
    shared.opts.add_option(key, info)
    # The WebUI creates its table of settings again while it builds its settings page.
    return lambda: shared.opts.data_labels.pop(key, None)


def _setting(key: str, default: Any) -> Any:
    return shared.opts.data.get(key, default)
