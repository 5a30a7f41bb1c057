"""What we add to every WebUI, whatever loads its embeddings: settings, tab, routes, reports."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from modules import script_callbacks, shared

from lib_embeddings.entries.entry import Entry
from lib_embeddings.hosts.webui.extension import REPORT_PART, Hooks, Undo, print_lines, version
from lib_embeddings.hosts.webui.generation import apply_styles, report_on
from lib_embeddings.hosts.webui.server import door_of, serve, unpack_events
from lib_embeddings.hosts.webui.settings import (
    add_settings,
    asks_sites,
    opens_files,
    separator,
    shows_page,
    tries,
)
from lib_embeddings.library.library import Library
from lib_embeddings.library.reports import Brings, PromptReports, brings_none
from lib_embeddings.prompts.infotext import find_fields, named_embeddings
from lib_embeddings.web.answers import HostFacts
from lib_embeddings.web.painting import Studio

# Given a library, what scans all folders now, and what hashes a file; returns what undoes it.
ReplacePage = Callable[[Library, Callable[[], object], Callable[[Entry], str]], Undo]


def on(event: str, callback: Callable[..., object]) -> Undo | None:
    """Let the WebUI call us, and return what ends that."""
    getattr(script_callbacks, f"on_{event}")(callback)
    remove = getattr(script_callbacks, "remove_callbacks_for_function", None)
    return partial(remove, callback) if remove else None


def replace_webui_page(
    library: Library, rescan: Callable[[], object], sha256: Callable[[Entry], str]
) -> Undo:
    """Show our tab in place of the page that most WebUIs have."""
    # A WebUI without such pages goes without ours, and loses nothing else.
    from lib_embeddings.hosts.webui.page import replace_page  # noqa: PLC0415

    return replace_page(library, rescan, sha256)


class Parts:
    """What acts at the WebUI's events, and need not know how it loads embeddings."""

    def __init__(  # noqa: PLR0913 - kinds of WebUIs differ in each of the last five
        self,
        library: Library,
        hooks: Hooks,
        rescan: Callable[[], object],
        name: str,
        *,
        tabs: tuple[str, ...] = ("txt2img", "img2img"),
        replace_page: ReplacePage = replace_webui_page,
        brings: Brings = brings_none,
        open_studio: Callable[[], Studio] | None = None,
    ) -> None:
        """Prepare; nothing is hooked before `hook`.

        Args:
            rescan: scans all folders now.
            name: of the kind of WebUI, for programs.
            tabs: those that have prompt fields.
            replace_page: shows our tab in place of the WebUI's page.
            brings: returns the embeddings that the LoRAs in a positive prompt bring.
            open_studio: returns what paints with the WebUI's model; None where nothing does.
        """
        self._library = library
        self._hooks = hooks
        self._rescan = rescan
        self._name, self._tabs = name, tabs
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

        def show_settings() -> None:
            may_paint = self._open_studio is not None
            add_settings(self._hooks, change_loading, change_folders, may_paint=may_paint)

        for part, event, callback in (
            ("settings", "ui_settings", show_settings),
            ("tab", "before_ui", self._replace_page),
            ("API and page", "app_started", self._serve),
            ("report on pasted infotexts", "infotext_pasted", self._on_paste),
        ):
            self._hooks.add(part, partial(on, event, callback))

    def sha256(self, entry: Entry) -> str:
        """Hash an entry's file, unless the WebUI is set to hash nothing."""
        return "" if getattr(shared.cmd_opts, "no_hashing", False) else self._library.sha256(entry)

    def after_generation(self, generation: Any, processed: Any) -> None:
        """Report what the prompts used."""
        self._hooks.guard(REPORT_PART, partial(report_on, self._reports, generation, processed))

    def _replace_page(self) -> None:
        """Show our tab in place of the WebUI's page, if the setting says so."""
        if shows_page():
            replace = partial(self._page, self._library, self._rescan, self.sha256)
            self._hooks.add("tab", replace)

    def _serve(self, _page: Any, app: Any) -> None:
        """Answer the page and other programs."""

        def facts() -> HostFacts:
            return HostFacts(self._name, version(), self._tabs, separator(), asks_sites())

        def answer() -> Undo:
            door = door_of(app, shared.cmd_opts, opens_files)
            studio = None
            if self._open_studio and tries():
                studio = self._hooks.guard("trying of embeddings", self._open_studio)
            return serve(app, self._library, self._reports, facts, door, studio)

        self._hooks.add("API and page", answer)
        self._hooks.add("news for the page", partial(unpack_events, app))

    def _on_paste(self, infotext: str, fields: dict[str, Any]) -> None:
        """Print which embeddings of a pasted infotext are not here."""

        def report() -> None:
            # The host cuts a field at its first comma unless it is quoted.
            named = named_embeddings({**fields, **find_fields(infotext)})
            prompt = fields.get("Prompt", "")
            print_lines(self._reports.note_pasted(prompt, named).lines())

        self._hooks.guard("report on pasted infotexts", report)
