"""What acts at a WebUI's events: the parts of every WebUI, and the hosts that have them.

An adapter's `Host` adds what is special to its WebUI.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from modules import script_callbacks, scripts, shared

from lib_embeddings.entries.entry import Entry
from lib_embeddings.hosts.living import Living
from lib_embeddings.hosts.webui.extension import (
    INFOTEXT_PART,
    LOADING_PART,
    REPORT_PART,
    Hooks,
    Undo,
    print_lines,
    version,
)
from lib_embeddings.hosts.webui.loading import Loader
from lib_embeddings.hosts.webui.prompts import apply_styles, report_on
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


class Host:
    """What we add to a WebUI that loads embeddings by itself: a tab, and nothing else.

    Attributes:
        parts: what every WebUI gets.
        change_loading: loads embeddings, or lets the WebUI do it, as the setting now says; None
            where we never load.
    """

    parts: Parts
    change_loading: Callable[[], object] | None = None

    def __init__(self, living: Living, hooks: Hooks, folders: Callable[[], list[str]]) -> None:
        """Prepare; nothing is hooked before `begin`.

        Args:
            folders: returns the folders to scan.
        """
        self._living = living
        self._library = living.library
        self._hooks = hooks
        self._folders = folders

    def begin(self, stop: Callable[[], object]) -> type[Any]:
        """Let the WebUI use, list and show a library's embeddings.

        Args:
            stop: ends the extension; called when the WebUI unloads its scripts.

        Returns:
            The script that the WebUI runs at each generation.
        """
        self.hook()
        self._hooks.add("notice of loaded models", lambda: on("model_loaded", self.on_model_loaded))
        self._hooks.add("end of the extension", lambda: on("script_unloaded", stop))
        self.parts.hook(self.change_loading, self.change_folders)
        return script_class(self)

    def hook(self) -> None:
        """Wrap the WebUI's own functions; here none, so nobody knows what is loaded."""
        self._library.set_model(None, loaded=frozenset())

    # What happens at each generation

    def before_generation(self) -> None:
        """Let the next prompt find what there is now."""

    def before_batch(self, generation: Any) -> None:
        """Make sure that this batch finds what it names, and that the infotext names what it uses.

        Args:
            generation: the WebUI's record of what was asked for.
        """

    def on_model_loaded(self, model: Any, /) -> None:
        """Let the next prompt find what the new model can use."""

    # The folders

    def rescan(self) -> None:
        """Scan all folders now; they may not be those from before."""
        self._living.scan(self._folders())

    def catch_up(self) -> None:
        """Find what was added or removed, while a picture waits."""
        self._living.catch_up(self._folders())

    def change_folders(self) -> None:
        """Scan the folders that the setting now names."""
        self.rescan()


class LoadingHost(Host):
    """What we add to a WebUI in whose place we load embeddings.

    Attributes:
        loader: keeps its databases and the library equal.
        places: what is hooked, in this order: the part, for people, and what hooks it.
        begin_infotext: forgets what an earlier batch of a generation used.
    """

    loader: Loader
    places: tuple[tuple[str, Callable[[], Undo]], ...]
    begin_infotext: Callable[[Any], object]

    def hook(self) -> None:
        for part, hook in self.places:
            self._hooks.add(part, hook)

    def hook_loader(self) -> Undo:
        """Load embeddings in place of the WebUI, if the setting says so."""
        undo = self.loader.hook()
        self.change_loading()
        return undo

    def change_loading(self) -> None:
        self.loader.obey_settings()

    def before_generation(self) -> None:
        self._hooks.guard(LOADING_PART, self.catch_up)
        self._hooks.guard(LOADING_PART, self.loader.see_model)

    def before_batch(self, generation: Any) -> None:
        self._hooks.guard(LOADING_PART, partial(self.loader.bring, generation))
        self._hooks.guard(INFOTEXT_PART, partial(self.begin_infotext, generation))

    def on_model_loaded(self, _model: Any, /) -> None:
        self._hooks.guard(LOADING_PART, self.loader.on_load)


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
