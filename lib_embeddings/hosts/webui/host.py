"""What acts at a WebUI's events. An adapter's `Host` adds what is special to its WebUI."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from modules import scripts

from lib_embeddings.hosts.living import Living
from lib_embeddings.hosts.webui.extension import INFOTEXT_PART, LOADING_PART, Hooks, Undo
from lib_embeddings.hosts.webui.loading import Loader
from lib_embeddings.hosts.webui.parts import Parts, on


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
