"""The library in place of the WebUI's own loader.

The WebUI's database stays the same object, as others keep references to it. Two of its functions
are wrapped, with the same signature and meaning:

    load_textual_inversion_embeddings   scans the folders, opens nothing that is known
    find_embedding_at_position          compares the model first: a refiner comes without notice

Where the settings let the WebUI load by itself, both functions are its own, and the library is
given what it has loaded.

A checkpoint that comes while a picture is made (a refiner, one for hires fix) is *lent*: prompts
find what it can use, and nobody else notices.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from modules import sd_hijack
from modules.textual_inversion import textual_inversion

from lib_embeddings.entries.entry import Entry
from lib_embeddings.hosts.a1111.models import (
    ActiveModel,
    active_model,
    loaded_checkpoint,
    tokenize,
)
from lib_embeddings.hosts.webui.database import FileEmbedding, withdraw
from lib_embeddings.hosts.webui.extension import Hooks, Undo, replace
from lib_embeddings.hosts.webui.loading import (
    Embeddings,
    Loader,
    files_in,
    is_generating,
)
from lib_embeddings.hosts.webui.settings import renames_files, we_load
from lib_embeddings.library.library import Library
from lib_embeddings.views.view import View

_Weak = Callable[[], Any]


class _Embedding(FileEmbedding, textual_inversion.Embedding):  # type: ignore[misc] # not typed
    """An embedding with every attribute of the WebUI's own."""

    def __init__(
        self, entry: Entry, encoders: Sequence[str], sha256: Callable[[Entry], str]
    ) -> None:
        textual_inversion.Embedding.__init__(self, None, entry.place.name)
        super().__init__(entry, encoders, sha256)


class A1111Loader(Loader):
    """Keeps the WebUI's database in line with the library, as the loaded model sees it."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it acts through
        self,
        library: Library,
        hooks: Hooks,
        rescan: Callable[[], object],
        catch_up: Callable[[], object],
        sha256: Callable[[Entry], str],
        forget_prompts: Callable[[], object],
    ) -> None:
        """Prepare; nothing is wrapped before `hook`, and nothing loaded before `set_loading`.

        Args:
            hooks: guards what is done while the WebUI waits for it.
            rescan: scans all folders now.
            catch_up: finds what was added or removed, while a picture waits.
            sha256: hashes an entry's file.
            forget_prompts: called when prompts have to be encoded again.
        """
        super().__init__(library, hooks)
        self._rescan = rescan
        self._catch_up = catch_up
        self._forget_prompts = forget_prompts
        self._database = sd_hijack.model_hijack.embedding_db
        self._own_load: Callable[..., None]  # from `hook` on, as the next
        self._own_find: Callable[..., Any]
        self._loading = threading.RLock()  # held while the WebUI loads by itself
        self._main: _Weak | None = None  # the checkpoint whose view people see; it may be gone
        self._lent: _Weak = _nothing
        self._registered: _Weak = _nothing  # the one that the database is for
        self._embeddings = Embeddings(library, partial(_Embedding, sha256=sha256))

    # What is wrapped

    def hook(self) -> Undo:
        self._own_load = self._database.load_textual_inversion_embeddings
        self._own_find = self._database.find_embedding_at_position
        undo = ExitStack()
        undo.callback(self._library.subscribe(self._on_generation))
        undo.callback(replace(self._database, "load_textual_inversion_embeddings", self.load))
        undo.callback(replace(self._database, "find_embedding_at_position", self.find))
        undo.callback(self._end)
        self._is_hooked = True
        return undo.close

    def obey_settings(self) -> None:
        self.set_loading(we_load())
        super().obey_settings()

    def set_loading(self, is_ours: bool) -> None:
        """Load in place of the WebUI from now on, or let it load by itself."""
        is_ours = is_ours and self._is_hooked
        with self._lock:
            if is_ours == self._loads:
                return
            self._loads = is_ours
            self._announcements.begin_again()
        if not is_ours:  # then everything has to be loaded, replacing what is there
            for folder in self._database.embedding_dirs.values():
                folder.mtime = None
            self._forget_prompts()

    def _end(self) -> None:
        self.set_loading(False)
        with self._lock:
            self._is_hooked = False
            withdraw(self._database)

    def load(self, force_reload: bool = False) -> None:
        """Stand in for the database's function of this name."""
        if self._loads and not self._guard(partial(self._load, force_reload)):
            self.set_loading(False)  # the WebUI's own goes on
        if not self._loads:
            with self._loading:
                self._own_load(force_reload)
            if self._is_hooked:
                self._guard(self.update)

    def find(self, tokens: list[int], offset: int) -> tuple[Any, int] | tuple[None, None]:
        """Stand in for the database's function of this name."""
        if self._loads and self._registered() is not loaded_checkpoint():
            self._guard(self.update)
        found: tuple[Any, int] | tuple[None, None] = self._own_find(tokens, offset)
        return found

    def _load(self, force_reload: bool) -> bool:
        folders = tuple(self._database.embedding_dirs.values())
        if force_reload or any(folder.has_changed() for folder in folders):
            self._rescan() if force_reload else self._catch_up()
            if not self._library.scans.is_scanning:  # the scan may have missed it: ask again
                for folder in folders:
                    folder.update()
        self.update()
        self._announce()
        return True

    # When it acts

    def see_model(self) -> None:
        """Switch to the checkpoint that is loaded now, as when a picture begins."""
        with self._lock:
            self._main, self._lent = None, _nothing
        self.update()
        self._announce()

    def update(self) -> None:
        """Bring the database in line with the library, as the model that is loaded now sees it."""
        with self._lock:
            active = self._prepare()
            if active and self._loads:
                self._apply(active)
                self._registered = weakref.ref(active.checkpoint)

    def _act_when_idle(self) -> None:
        if not (self._loads or renames_files()) and self._is_hooked and active_model():
            self.load()  # as the WebUI would before the next picture
        else:
            self.update()
        self._announce()

    # From the library to the database

    def _see(self, active: ActiveModel) -> View:
        """Return what the model can use, and make it the library's active one unless it is lent."""
        checkpoint = active.checkpoint
        if is_generating() and self._main and self._main() is not checkpoint:
            self._lent = weakref.ref(checkpoint)
        if checkpoint is self._lent():
            return self._library.view_as(active.family)
        self._main = weakref.ref(checkpoint)
        own = None if self._loads else files_in(self._database.word_embeddings)
        self._library.set_model(active.family, tokenize, own)
        return self._library.view

    def _prepare(self) -> ActiveModel | None:
        """Make embeddings from the entries; those of unchanged files are reused."""
        with self._lock:
            active = active_model()
            if active is None:
                return None
            view = self._see(active)
            if self._loads:
                self._embeddings.renew(view, active.encoders, active.tokenize)
            return active

    def _apply(self, active: ActiveModel) -> None:
        self._database.expected_shape = active.shape
        if self._embeddings.fill(self._database):
            self._forget_prompts()

    def _announce(self) -> None:
        active = active_model()
        if self._loads and active is not None and active.checkpoint is not self._lent():
            self._announcements.show_all(active.family, active.title)


def _nothing() -> None:
    """Stand in for a weak reference to nothing."""
