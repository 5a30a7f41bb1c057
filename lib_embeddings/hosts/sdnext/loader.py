"""The library in place of SD.Next's own loader.

Each pipeline has a database, made and filled when its checkpoint is loaded. The class's one
function that opens files is replaced, with the same signature:

    load_textual_inversion_embeddings   opens nothing; the database lists what the library has

Where the settings let SD.Next load by itself, the function is its own, it is called at once, and
the library is given what it has loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

from modules import shared, textual_inversion

from lib_embeddings.entries.entry import Entry
from lib_embeddings.hosts.sdnext.models import (
    ModelEmbedding,
    family_of,
    loaded_database,
    loaded_pipe,
    text_encoders,
    tokenize,
)
from lib_embeddings.hosts.sdnext.prompts import PromptHooks, forget_prompts
from lib_embeddings.hosts.webui.database import withdraw
from lib_embeddings.hosts.webui.extension import Hooks, Undo, replace
from lib_embeddings.hosts.webui.loading import (
    Embeddings,
    Loader,
    files_in,
    is_generating,
)
from lib_embeddings.hosts.webui.settings import we_load
from lib_embeddings.library.library import Library

_LOAD = "load_textual_inversion_embeddings"


class SdnextLoader(Loader):
    """Keeps database and prompts in line with the library, as the model in memory sees it."""

    def __init__(
        self,
        library: Library,
        hooks: Hooks,
        rescan: Callable[[], object],
        sha256: Callable[[Entry], str],
        prompts: PromptHooks,
    ) -> None:
        """Prepare; nothing is replaced before `hook`.

        Args:
            hooks: guards what is done while SD.Next waits for it.
            rescan: scans all folders now.
            sha256: hashes an entry's file.
            prompts: is told what prompts can use.
        """
        super().__init__(library, hooks)
        self._rescan = rescan
        self._prompts = prompts
        self._embeddings = Embeddings(library, partial(ModelEmbedding, sha256=sha256))

    # What is replaced

    def hook(self) -> Undo:
        kind, loader = textual_inversion.EmbeddingDatabase, self
        own = getattr(kind, _LOAD)

        def load_textual_inversion_embeddings(self: Any, force_reload: bool = False) -> None:
            if loader._loads:
                loader._guard(loader.load)
            else:
                own(self, force_reload)
                loader._guard(loader.update)

        with ExitStack() as undo:
            undo.callback(replace(kind, _LOAD, load_textual_inversion_embeddings))
            undo.callback(self._end)
            undo.callback(self._library.subscribe(self._on_generation))
            self._is_hooked = True
            self._loads = _may_load()
            return undo.pop_all().close

    def _end(self) -> None:
        with self._lock:
            self._is_hooked = self._loads = False
            self._withdraw()

    def _switch(self) -> None:
        database = loaded_database()
        self._loads = not self._loads
        self._announcements.begin_again()
        self._withdraw()
        if database is not None:
            database.skipped_embeddings = {}  # it is about what the other loader found
            if not self._loads:
                getattr(database, _LOAD)(force_reload=True)

    def _withdraw(self) -> None:
        """Take all that is ours from the database and from prompts."""
        database = loaded_database()
        if database is not None:
            withdraw(database)
        self._prompts.use({})
        forget_prompts()

    # When it acts

    def load(self) -> None:
        """Stand in for the function that fills a database.

        One that asks while pictures are made gets the news after them, or when its model is loaded.
        """
        self._rescan()
        if not is_generating():
            self.update()

    def see_model(self) -> None:
        """Obey the settings, and switch to the model in memory."""
        with self._lock:
            if self._is_hooked and self._loads != _may_load():
                self._switch()
        self.update()
        if self._loads and loaded_database() is not None:
            title = getattr(getattr(loaded_pipe(), "sd_checkpoint_info", None), "title", "")
            self._announcements.show_all(self._library.model, title)

    def on_load(self) -> None:
        self.see_model()

    def update(self) -> None:
        """Bring database and prompts in line with the library, as the model in memory sees it."""
        with self._lock:
            database = self._prepare()
            if database is not None and self._loads:
                self._embeddings.fill(database)
                self._prompts.use(self._embeddings.usable)

    def _prepare(self) -> Any:
        """Make the model in memory the active one, and return its database; None without one.

        Embeddings of unchanged files are reused.
        """
        with self._lock:
            database = loaded_database()
            if database is None or not self._is_hooked:
                return None
            encoders = text_encoders(loaded_pipe())
            own = None if self._loads else files_in(database.word_embeddings)
            self._library.set_model(family_of(encoders), tokenize if encoders else None, own)
            if self._loads:
                keys = tuple(encoder.key for encoder in encoders)
                self._embeddings.renew(self._library.view, keys, tokenize)
            return database


def _may_load() -> bool:
    """Return whether the settings let us load; SD.Next has one of its own, for all embeddings."""
    return we_load() and bool(getattr(shared.opts, "diffusers_enable_embed", True))
