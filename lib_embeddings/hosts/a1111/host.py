"""AUTOMATIC1111's WebUI, and those that kept its database: known by what it has, not by version."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

from modules import launch_utils, script_callbacks, scripts, sd_hijack, shared

from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.place import absolute
from lib_embeddings.errors import HostError
from lib_embeddings.hosts.a1111.infotext import PART as TI_HASHES_PART
from lib_embeddings.hosts.a1111.infotext import HashWriter
from lib_embeddings.hosts.a1111.loader import Loader
from lib_embeddings.hosts.a1111.model import ActiveModel, active_model, tokenize
from lib_embeddings.hosts.living import Living
from lib_embeddings.hosts.webui.hooks import Hooks, Undo, print_lines
from lib_embeddings.hosts.webui.login import door_of
from lib_embeddings.hosts.webui.reports import report_on
from lib_embeddings.library.reports import PromptReports
from lib_embeddings.prompts.infotext import named_embeddings
from lib_embeddings.web.answers import HostFacts
from lib_embeddings.web.routes import PREFIX, add_routes
from lib_embeddings.web.tab import Unpacked

TAKE_OVER = "lib_embeddings_take_over"
PAGE = "lib_embeddings_page"
FOLDERS = "lib_embeddings_folders"

_SECTION = ("lib_embeddings", "Textual Inversion")


def check() -> None:
    """See that this is such a WebUI.

    Raises:
        HostError: it has no database of embeddings that we know.
    """
    _require(sd_hijack, "model_hijack")
    _require(sd_hijack.model_hijack, "embedding_db")
    _require(scripts, "Script", "AlwaysVisible")
    _require(sd_hijack.model_hijack.embedding_db, "embedding_dirs", "word_embeddings", "ids_lookup")


def folders() -> list[str]:
    """Return the folders of the command line, of other extensions, and of our setting."""
    return [*sd_hijack.model_hijack.embedding_db.embedding_dirs, *_more_folders()]


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
        ("settings", lambda: _on("ui_settings", host.add_settings)),
        ("loading of embeddings", host.hook_loader),
        (TI_HASHES_PART, host.hook_hashes),
        ("tab", lambda: _on("before_ui", host.replace_page)),
        ("notice of loaded models", lambda: _on("model_loaded", host.on_model_loaded)),
        ("API and page", lambda: _on("app_started", host.add_routes)),
        ("report on pasted infotexts", lambda: _on("infotext_pasted", host.on_paste)),
        ("end of the extension", lambda: _on("script_unloaded", stop)),
    ):
        hooks.add(part, hook)
    return _script_class(host)


class _Host:
    """What acts at the WebUI's events."""

    def __init__(self, living: Living, hooks: Hooks) -> None:
        self._living = living
        self._library = living.library
        self._hooks = hooks
        self._database = sd_hijack.model_hijack.embedding_db
        self._added: list[str] = []
        self._reports = PromptReports(self._library)
        self._hashes = HashWriter(hooks)
        self._loader = Loader(self._library, self.rescan, self.sha256, self.active_model)

    # What happens at each generation

    def before_generation(self) -> None:
        """Let the next prompt find what there is now."""
        self._hooks.guard("loading of embeddings", self._loader.before_generation)

    def before_batch(self, generation: Any) -> None:
        """Let the infotext name what this batch uses."""
        self._hooks.guard(TI_HASHES_PART, partial(self._hashes.begin, generation))

    def after_generation(self, generation: Any, processed: Any) -> None:
        """Report what the prompts used."""
        self._hooks.guard("prompt report", partial(report_on, self._reports, generation, processed))

    def on_model_loaded(self, _model: Any) -> None:
        """Let the next prompt find what the new model can use."""
        self.before_generation()

    def on_paste(self, _infotext: str, fields: dict[str, Any]) -> None:
        """Print which embeddings of a pasted infotext are not here."""

        def report() -> None:
            prompt, named = fields.get("Prompt", ""), named_embeddings(fields)
            print_lines(self._reports.note_pasted(prompt, named).lines())

        self._hooks.guard("report on pasted infotexts", report)

    # The loader

    def hook_loader(self) -> Undo:
        """Load embeddings in the place of the WebUI, if the setting says so."""
        self._follow_setting()
        return self._loader.release

    def hook_hashes(self) -> Undo:
        """Write `TI hashes` into every infotext."""
        return self._hashes.hook()

    def active_model(self) -> ActiveModel | None:
        """Return which model is loaded now, and let the library see with it."""
        active = active_model()
        if active is not None:
            self._library.set_model(active.family, tokenize)
        return active

    def sha256(self, entry: Entry) -> str:
        """Hash an entry's file, unless the WebUI was told to hash nothing."""
        return "" if getattr(shared.cmd_opts, "no_hashing", False) else self._library.sha256(entry)

    def _follow_setting(self) -> None:
        if _setting(TAKE_OVER, default=True):
            self._loader.take_over()
        else:
            self._loader.release()

    def _change_loader(self) -> None:
        self._follow_setting()
        self._loader.update_when_idle()

    # The folders

    def rescan(self) -> None:
        """Scan all folders now, which may have become others."""
        own = [path for path in self._database.embedding_dirs if path not in self._added]
        roots = list(dict.fromkeys(map(absolute, [*own, *_more_folders()])))
        if roots == list(self._library.roots):
            self._library.rescan()
        else:
            self._living.set_roots(roots)

    def add_folders(self) -> Undo:
        """Tell the database of our folders, so that whoever asks it for folders hears of them."""
        known = self._database.embedding_dirs
        self._added = [path for path in _more_folders() if path not in known]
        for path in self._added:
            self._database.add_embedding_dir(path)
        return self._remove_folders

    def _remove_folders(self) -> None:
        for path in self._added:
            self._database.embedding_dirs.pop(path, None)
        self._added = []

    def _change_folders(self) -> None:
        self._remove_folders()
        self.add_folders()
        self.rescan()

    # The page

    def replace_page(self) -> None:
        """Show our tab in the place of the WebUI's page, if the setting says so."""

        def replace() -> Undo:
            # A WebUI without such pages loses this one, and nothing else.
            from lib_embeddings.hosts.webui.page import replace_page  # noqa: PLC0415

            return replace_page(self._library, self.rescan, self.sha256)

        if _setting(PAGE, default=True):
            self._hooks.add("tab", replace)

    def add_settings(self) -> None:
        """Add our settings to the WebUI's."""
        guard = self._hooks.guard
        take_over = shared.OptionInfo(
            True,
            "Load embeddings with this extension. When off, the WebUI loads them itself",
            section=_SECTION,
            onchange=lambda: guard("loading of embeddings", self._change_loader),
        )
        page = shared.OptionInfo(
            True,
            "Show this extension's tab. When off, the WebUI shows its own Textual Inversion page",
            section=_SECTION,
        ).needs_reload_ui()
        more_folders = shared.OptionInfo(
            "",
            "More folders to look for embeddings in, one on each line",
            component_args={"lines": 3},
            section=_SECTION,
            onchange=lambda: guard("folders", self._change_folders),
        )
        for key, info in ((TAKE_OVER, take_over), (PAGE, page), (FOLDERS, more_folders)):
            self._hooks.add("settings", partial(_add_option, key, info))

    def add_routes(self, _page: Any, app: Any) -> None:
        """Answer the page and other programs."""

        def add() -> Undo:
            before = list(app.router.routes)
            add_routes(app, self._library, _facts, door_of(app, shared.cmd_opts), self._reports)
            ours = [route for route in app.router.routes if route not in before]

            def remove() -> None:
                app.router.routes[:] = [r for r in app.router.routes if r not in ours]

            return remove

        self._hooks.add("API and page", add)
        self._hooks.add("news for the page", partial(_unpack_events, app))


def _on(event: str, callback: Callable[..., object]) -> Undo | None:
    """Let the WebUI call us, and return what ends that."""
    getattr(script_callbacks, f"on_{event}")(callback)
    remove = getattr(script_callbacks, "remove_callbacks_for_function", None)
    return partial(remove, callback) if remove else None


def _add_option(key: str, info: Any) -> Undo:
    shared.opts.add_option(key, info)
    # The WebUI makes the table of settings anew while it builds its page of them.
    return lambda: shared.opts.data_labels.pop(key, None)


def _unpack_events(app: Any) -> Undo:
    """Put ourselves before what packs the WebUI's answers."""
    app.middleware_stack = None  # made again at the next request; until then one may be added
    app.add_middleware(Unpacked, path=f"{PREFIX}/events")
    added = app.user_middleware[0]

    def remove() -> None:
        app.user_middleware.remove(added)
        app.middleware_stack = None

    return remove


def _more_folders() -> list[str]:
    lines = str(_setting(FOLDERS, "")).splitlines()
    return [os.path.abspath(os.path.expanduser(line.strip())) for line in lines if line.strip()]


def _require(owner: object, *names: str) -> None:
    for name in names:
        if not hasattr(owner, name):
            raise HostError("this WebUI", _version(), f"{_name_of(owner)}.{name}")


def _name_of(owner: object) -> str:
    return getattr(owner, "__name__", type(owner).__name__)


def _facts() -> HostFacts:
    """Return what the tab needs to know of the WebUI, as its settings are now."""
    separator = _setting("extra_networks_add_text_separator", ", ")
    return HostFacts("a1111", _version(), ("txt2img", "img2img"), str(separator))


def _version() -> str | None:
    """Return the WebUI's version, for messages only."""
    tag = getattr(launch_utils, "git_tag", None)
    return tag() if tag else None


def _setting(key: str, default: Any) -> Any:
    """Return a setting, also before the WebUI knows that there is one."""
    return shared.opts.data.get(key, default)


def _script_class(host: _Host) -> type[Any]:
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
            host.after_generation(p, processed)

    return TextualInversionScript
