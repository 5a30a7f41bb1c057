"""AUTOMATIC1111's WebUI, and those that kept its database: told by what it has, not by version."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from modules import launch_utils, script_callbacks, scripts, sd_hijack, shared

from lib_embeddings.entries.snapshot import Entry
from lib_embeddings.errors import HostError
from lib_embeddings.hosts.a1111.hashes import HashWriter
from lib_embeddings.hosts.a1111.loader import Loader
from lib_embeddings.hosts.webui.console import say
from lib_embeddings.hosts.webui.guard import guarded
from lib_embeddings.hosts.webui.login import login, passwords_of
from lib_embeddings.hosts.webui.reports import tell
from lib_embeddings.library.library import Library
from lib_embeddings.library.reports import PromptReports
from lib_embeddings.prompts.infotext import named_embeddings
from lib_embeddings.web.api import PREFIX, add_routes
from lib_embeddings.web.events import Unpacked

TAKE_OVER = "lib_embeddings_take_over"
PAGE = "lib_embeddings_page"
FOLDERS = "lib_embeddings_folders"

_SECTION = ("lib_embeddings", "Textual Inversion")


class Webui:
    """Touches what has to be touched, each thing for itself, and undoes all of it."""

    def __init__(self, stop: Callable[[], object]) -> None:
        """Look whether this is such a WebUI.

        Args:
            stop: ends the extension; called when the WebUI unloads its scripts.

        Raises:
            HostError: it has no database of embeddings that we know.
        """
        self._stop = stop
        _require(sd_hijack, "model_hijack")
        _require(sd_hijack.model_hijack, "embedding_db")
        _require(scripts, "Script", "AlwaysVisible")
        self._database = sd_hijack.model_hijack.embedding_db
        _require(self._database, "embedding_dirs", "word_embeddings", "ids_lookup")
        self._undo = ExitStack()
        self._added: list[str] = []
        self.script: type[Any] = _script_class(self)
        self._hashes = HashWriter()
        self._library: Library
        self._reports: PromptReports
        self._follow: Callable[[list[str]], object]
        self._loader: Loader

    def folders(self) -> list[str]:
        """Return the folders of the command line, of other extensions, and of our setting."""
        own = [path for path in self._database.embedding_dirs if path not in self._added]
        lines = str(_setting(FOLDERS, "")).splitlines()
        more = [os.path.abspath(os.path.expanduser(line.strip())) for line in lines if line.strip()]
        return [*own, *more]

    def attach(self, library: Library, follow: Callable[[list[str]], object]) -> None:
        """Let the WebUI use, list and show a library's embeddings."""
        self._library, self._follow = library, follow
        self._loader = Loader(library, self._look, self._sha256)
        self._reports = PromptReports(library)
        self._undo.callback(self._remove_folders)
        self._undo.callback(self._loader.release)
        self._undo.callback(self._hashes.release)
        for touch in (
            lambda: script_callbacks.on_script_unloaded(self._stop),
            lambda: script_callbacks.on_ui_settings(self._add_settings),
            lambda: script_callbacks.on_before_ui(lambda: guarded(self._replace_page)),
            lambda: script_callbacks.on_model_loaded(lambda _model: self.before_generation()),
            lambda: script_callbacks.on_app_started(self._add_routes),
            lambda: script_callbacks.on_infotext_pasted(self._hear_of_paste),
            self._add_folders,
            self._follow_setting,
            self._hashes.take_over,
        ):
            guarded(touch)

    def detach(self) -> None:
        """Leave the WebUI as it was; safe to call again."""
        self._undo.close()

    # What happens at each generation

    def before_generation(self) -> None:
        """Let the next prompt find what there is now."""
        guarded(self._loader.before_generation)

    def before_batch(self, generation: Any) -> None:
        """Let the infotext name what this batch uses."""
        guarded(lambda: self._hashes.begin(generation))

    def after_generation(self, generation: Any, processed: Any) -> None:
        """Say what the prompts used."""
        guarded(lambda: tell(self._reports, generation, processed))

    def _hear_of_paste(self, _infotext: str, fields: dict[str, Any]) -> None:
        """Say which embeddings of a pasted infotext are not here."""
        prompt, named = fields.get("Prompt", ""), named_embeddings(fields)
        guarded(lambda: say(self._reports.note_pasted(prompt, named).lines()))

    # The loader

    def _follow_setting(self) -> None:
        if _setting(TAKE_OVER, default=True):
            self._loader.take_over()
        else:
            self._loader.release()

    def _change_loader(self) -> None:
        self._follow_setting()
        self._loader.update_when_idle()

    def _sha256(self, entry: Entry) -> str:
        """Hash an entry's file, unless the WebUI was told to hash nothing."""
        return "" if getattr(shared.cmd_opts, "no_hashing", False) else self._library.sha256(entry)

    # The folders

    def _look(self) -> None:
        """Look at all folders now, which may have become others."""
        folders = list(dict.fromkeys(map(os.path.abspath, self.folders())))
        if folders == list(self._library.roots):
            self._library.rescan()
        else:
            self._follow(folders)

    def _follow_folders(self) -> None:
        self._remove_folders()
        self._add_folders()
        self._look()

    def _add_folders(self) -> None:
        """Tell the database of our folders, so that whoever asks it for folders hears of them."""
        known = self._database.embedding_dirs
        self._added = [path for path in self.folders() if path not in known]
        for path in self._added:
            self._database.add_embedding_dir(path)

    def _remove_folders(self) -> None:
        for path in self._added:
            self._database.embedding_dirs.pop(path, None)
        self._added = []

    # The page

    def _replace_page(self) -> None:
        if not _setting(PAGE, default=True):
            return
        # A WebUI without such pages loses this one, and nothing else.
        from lib_embeddings.hosts.webui.page import replace_page  # noqa: PLC0415

        self._undo.callback(replace_page(self._library, self._look, self._sha256))

    def _add_settings(self) -> None:
        take_over = shared.OptionInfo(
            True,
            "Load embeddings with this extension; when off, the WebUI loads them as it always did",
            section=_SECTION,
            onchange=lambda: guarded(self._change_loader),
        )
        page = shared.OptionInfo(
            True,
            "Show this extension's tab; when off, the WebUI shows its own Textual Inversion page",
            section=_SECTION,
        ).needs_reload_ui()
        folders = shared.OptionInfo(
            "",
            "More folders to look for embeddings in, one on each line",
            component_args={"lines": 3},
            section=_SECTION,
            onchange=lambda: guarded(self._follow_folders),
        )
        for key, info in ((TAKE_OVER, take_over), (PAGE, page), (FOLDERS, folders)):
            shared.opts.add_option(key, info)
            self._undo.callback(shared.opts.data_labels.pop, key, None)

    def _add_routes(self, _page: Any, app: Any) -> None:
        passwords = passwords_of(getattr(shared.cmd_opts, "api_auth", None))
        guarded(lambda: add_routes(app, self._library, login(app, passwords), self._reports))
        guarded(lambda: _unpack_events(app))


def _unpack_events(app: Any) -> None:
    """Put ourselves before what packs the WebUI's answers."""
    app.middleware_stack = None  # made anew at the next request; until then one more may be added
    app.add_middleware(Unpacked, path=f"{PREFIX}/events")


def _require(owner: object, *names: str) -> None:
    for name in names:
        if not hasattr(owner, name):
            raise HostError("this WebUI", _version(), f"{_name_of(owner)}.{name}")


def _name_of(owner: object) -> str:
    return getattr(owner, "__name__", type(owner).__name__)


def _version() -> str | None:
    """Return the WebUI's version, for a message only."""
    tag = getattr(launch_utils, "git_tag", None)
    return tag() if tag else None


def _setting(key: str, default: Any) -> Any:
    """Return a setting, also before the WebUI knows that there is one."""
    return shared.opts.data.get(key, default)


def _script_class(webui: Webui) -> type[Any]:
    class TextualInversionScript(scripts.Script):  # type: ignore[misc] # the WebUI is not typed
        """What the WebUI runs at each generation."""

        def title(self) -> str:
            return "Textual Inversion"

        def show(self, _is_img2img: bool) -> object:
            return scripts.AlwaysVisible

        def process(self, _p: Any, *_args: Any) -> None:
            webui.before_generation()

        def process_batch(self, p: Any, *_args: Any, **_kwargs: Any) -> None:
            webui.before_batch(p)

        def postprocess(self, p: Any, processed: Any, *_args: Any) -> None:
            webui.after_generation(p, processed)

    return TextualInversionScript
