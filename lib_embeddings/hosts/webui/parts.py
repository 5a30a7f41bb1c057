"""What every WebUI gets of ours, whatever loads its embeddings: settings, tab, routes, reports."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from modules import script_callbacks, scripts, shared

from lib_embeddings.entries.entry import Entry
from lib_embeddings.hosts.webui.extension import LOADING_PART, REPORT_PART, Hooks, Undo, print_lines
from lib_embeddings.hosts.webui.generation import apply_styles, report_on
from lib_embeddings.hosts.webui.loading import renames_files
from lib_embeddings.hosts.webui.server import door_of, serve, unpack_events
from lib_embeddings.library.library import Library
from lib_embeddings.library.reports import Brings, PromptReports, brings_none
from lib_embeddings.prompts.infotext import find_fields, named_embeddings
from lib_embeddings.web.answers import HostFacts
from lib_embeddings.web.painting import Studio

# Given a library, what scans all folders now, and what hashes a file; returns what undoes it.
ReplacePage = Callable[[Library, Callable[[], object], Callable[[Entry], str]], Undo]

_SECTION = ("lib_embeddings", "Textual Inversion")
_LOADS = "lib_embeddings_take_over"
_PAGE = "lib_embeddings_page"
_FOLDERS = "lib_embeddings_folders"
_NETWORK = "lib_embeddings_network"
_SITES = "lib_embeddings_sites"
_TRIES = "lib_embeddings_try"

_RENAMES = ", and renames those that it cannot read to NAME.corrupted"


class Host(Protocol):
    """What a kind of WebUI needs, at its events; each adapter has one."""

    parts: Parts

    def hook(self) -> None:
        """Act in the WebUI's own places."""

    def before_generation(self) -> None:
        """Let the next prompt find what there is now."""

    def before_batch(self, generation: Any) -> None:
        """Let the infotext name what this batch uses.

        Args:
            generation: the WebUI's record of what was asked for.
        """

    def on_model_loaded(self, model: Any, /) -> None:
        """Let the next prompt find what the new model can use."""

    @property
    def change_loading(self) -> Callable[[], object] | None:
        """Loads embeddings, or lets the WebUI do it, as the setting now says; None without one."""

    def change_folders(self) -> None:
        """Scan the folders that the setting now names."""


def attach(host: Host, hooks: Hooks, stop: Callable[[], object]) -> type[Any]:
    """Let the WebUI use, list and show a library's embeddings.

    Args:
        stop: ends the extension; called when the WebUI unloads its scripts.

    Returns:
        The script that the WebUI runs at each generation.
    """
    host.hook()
    hooks.add("notice of loaded models", lambda: on("model_loaded", host.on_model_loaded))
    hooks.add("end of the extension", lambda: on("script_unloaded", stop))
    host.parts.hook(host.change_loading, host.change_folders)
    return script_class(host)


def script_class(host: Host) -> type[Any]:
    """Return what the WebUI runs at each generation."""

    class TextualInversionScript(scripts.Script):  # type: ignore[misc] # the WebUI is not typed
        """What the WebUI runs at each generation."""

        def title(self) -> str:
            return "Textual Inversion"

        def show(self, _is_img2img: bool) -> object:
            return scripts.AlwaysVisible

        def process(self, _p: Any, *_args: Any) -> None:
            host.before_generation()

        def process_batch(self, p: Any, *_args: Any, **_kwargs: Any) -> None:
            host.before_batch(p)

        def postprocess(self, p: Any, processed: Any, *_args: Any) -> None:
            host.parts.after_generation(p, processed)

    return TextualInversionScript


def on(event: str, callback: Callable[..., object]) -> Undo | None:
    """Let the WebUI call us, and return what ends that."""
    getattr(script_callbacks, f"on_{event}")(callback)
    remove = getattr(script_callbacks, "remove_callbacks_for_function", None)
    return partial(remove, callback) if remove else None


def we_load() -> bool:
    """Return whether the settings let us load embeddings in the place of the WebUI."""
    return bool(_setting(_LOADS, default=True))


def more_folders() -> list[str]:
    """Return the folders that our setting names."""
    lines = str(_setting(_FOLDERS, "")).splitlines()
    return [os.path.abspath(os.path.expanduser(line.strip())) for line in lines if line.strip()]


def _setting(key: str, default: Any) -> Any:
    """Return a setting, also before the WebUI knows that there is one."""
    return shared.opts.data.get(key, default)


def replace_webui_page(
    library: Library, rescan: Callable[[], object], sha256: Callable[[Entry], str]
) -> Undo:
    """Show our tab in the place of the page that most WebUIs have."""
    # A WebUI without such pages loses this one, and nothing else.
    from lib_embeddings.hosts.webui.page import replace_page  # noqa: PLC0415

    return replace_page(library, rescan, sha256)


class Parts:
    """What acts at the WebUI's events, and needs to know nothing of how it loads embeddings."""

    def __init__(  # noqa: PLR0913 - kinds of WebUIs differ in each of the last three
        self,
        library: Library,
        hooks: Hooks,
        rescan: Callable[[], object],
        facts: Callable[[str], HostFacts],
        *,
        replace_page: ReplacePage = replace_webui_page,
        brings: Brings = brings_none,
        open_studio: Callable[[], Studio] | None = None,
    ) -> None:
        """Prepare; nothing is hooked before `hook`.

        Args:
            rescan: scans all folders now.
            facts: returns what the tab needs to know of the WebUI; given its separator of names.
            replace_page: shows our tab in the place of the WebUI's page.
            brings: returns the embeddings that the LoRAs in a positive prompt bring.
            open_studio: returns what paints with the WebUI's model; None where nothing does.
        """
        self._library = library
        self._hooks = hooks
        self._rescan = rescan
        self._facts = facts
        self._page = replace_page
        self._open_studio = open_studio
        self._reports = PromptReports(library, apply_styles, brings)

    def hook(
        self, change_loading: Callable[[], object] | None, change_folders: Callable[[], object]
    ) -> None:
        """Let the WebUI call us.

        Args:
            change_loading: called when the setting that lets us load embeddings was changed; None
                where we never load.
            change_folders: called when the setting that names folders was changed.
        """
        add_settings = partial(self._add_settings, change_loading, change_folders)
        for part, event, callback in (
            ("settings", "ui_settings", add_settings),
            ("tab", "before_ui", self._replace_page),
            ("API and page", "app_started", self._serve),
            ("report on pasted infotexts", "infotext_pasted", self._on_paste),
        ):
            self._hooks.add(part, partial(on, event, callback))

    def sha256(self, entry: Entry) -> str:
        """Hash an entry's file, unless the WebUI was told to hash nothing."""
        return "" if getattr(shared.cmd_opts, "no_hashing", False) else self._library.sha256(entry)

    def after_generation(self, generation: Any, processed: Any) -> None:
        """Report what the prompts used."""
        self._hooks.guard(REPORT_PART, partial(report_on, self._reports, generation, processed))

    def _add_settings(
        self, change_loading: Callable[[], object] | None, change_folders: Callable[[], object]
    ) -> None:
        guard, option = self._hooks.guard, partial(shared.OptionInfo, section=_SECTION)
        options: dict[str, Any] = {}
        if change_loading is not None:
            options[_LOADS] = option(
                True,
                "Load embeddings with this extension. When off, the WebUI loads them itself"
                + (_RENAMES if renames_files() else ""),
                onchange=partial(guard, LOADING_PART, change_loading),
            )
        options |= {
            _PAGE: option(
                True,
                "Show this extension's tab. When off, the WebUI shows its own Textual Inversion "
                "page",
            ).needs_reload_ui(),
            _FOLDERS: option(
                "",
                "More embedding folders, one per line",
                component_args={"lines": 3},
                onchange=partial(guard, "folders", change_folders),
            ),
            _NETWORK: option(
                False,
                "Let other machines change files here (rename, move, delete) when the WebUI "
                "has no login",
            ),
            _SITES: option(
                True,
                "Allow finding and downloading embeddings from Civitai and Hugging Face in the tab",
            ).needs_reload_ui(),
        }
        if self._open_studio:
            options[_TRIES] = option(
                True,
                "Allow trying embeddings and making previews with the WebUI's model in the tab",
            ).needs_reload_ui()
        for key, info in options.items():
            self._hooks.add("settings", partial(_add_option, key, info))

    def _replace_page(self) -> None:
        """Show our tab in the place of the WebUI's page, if the setting says so."""
        if _setting(_PAGE, default=True):
            replace = partial(self._page, self._library, self._rescan, self.sha256)
            self._hooks.add("tab", replace)

    def _serve(self, _page: Any, app: Any) -> None:
        """Answer the page and other programs."""

        def facts() -> HostFacts:
            separator = str(_setting("extra_networks_add_text_separator", ", "))
            asks_sites = bool(_setting(_SITES, default=True))
            return self._facts(separator)._replace(asks_sites=asks_sites)

        def opens_files() -> bool:
            return bool(_setting(_NETWORK, default=False))

        def answer() -> Undo:
            door = door_of(app, shared.cmd_opts, opens_files)
            studio = None
            if self._open_studio and _setting(_TRIES, default=True):
                studio = self._hooks.guard("trying of embeddings", self._open_studio)
            return serve(app, self._library, self._reports, facts, door, studio)

        self._hooks.add("API and page", answer)
        self._hooks.add("news for the page", partial(unpack_events, app))

    def _on_paste(self, infotext: str, fields: dict[str, Any]) -> None:
        """Print which embeddings of a pasted infotext are not here."""

        def report() -> None:
            # The host cuts a field at its first comma, where it is not quoted.
            named = named_embeddings({**fields, **find_fields(infotext)})
            prompt = fields.get("Prompt", "")
            print_lines(self._reports.note_pasted(prompt, named).lines())

        self._hooks.guard("report on pasted infotexts", report)


def _add_option(key: str, info: Any) -> Undo:
    shared.opts.add_option(key, info)
    # The WebUI makes the table of settings anew while it builds its page of them.
    return lambda: shared.opts.data_labels.pop(key, None)
