"""The library in place of Forge's own loaders.

Forge has a database for each text engine of the checkpoint in memory, and others that only list
names, for its page and its API. The one function of their classes that opens files is replaced,
with the same signature, from start to end:

    load_textual_inversion_embeddings   opens nothing; the database is given what the library has

The reason is that Forge renames what it cannot read. Where the settings let Forge load by itself,
its engines do so when a checkpoint is loaded; the library is then given what they have.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any
from weakref import WeakSet

from backend.text_processing import textual_inversion

from lib_embeddings.entries.entry import Entry
from lib_embeddings.hosts.forge.bundles import is_bundled
from lib_embeddings.hosts.forge.models import HostModel, chosen_model, loaded_model, tokenize
from lib_embeddings.hosts.webui.database import FileEmbedding, withdraw
from lib_embeddings.hosts.webui.extension import Hooks, Undo, replace
from lib_embeddings.hosts.webui.loading import (
    Embeddings,
    Loader,
    files_in,
)
from lib_embeddings.hosts.webui.settings import we_load
from lib_embeddings.library.library import Library

_LOAD = "load_textual_inversion_embeddings"
# The module with the class of databases that only list names; ersatzForge has none, and gives its
# engines' class no tokenizer for that.
_LISTS = "modules.textual_inversion.textual_inversion"


# All databases that asked to be filled, in any run of ours: "Reload UI" need not make them anew.
_databases: WeakSet[Any] = WeakSet()


class ForgeLoader(Loader):
    """Keeps Forge's databases in line with the library, as the models see it."""

    def __init__(
        self,
        library: Library,
        hooks: Hooks,
        rescan: Callable[[], object],
        sha256: Callable[[Entry], str],
        forget_prompts: Callable[[], object],
    ) -> None:
        """Prepare; nothing is replaced before `hook`.

        Args:
            hooks: guards what is done while Forge waits for it.
            rescan: scans all folders now.
            sha256: hashes an entry's file.
            forget_prompts: called when prompts have to be encoded again.
        """
        super().__init__(library, hooks)
        self._rescan = rescan
        self._forget_prompts = forget_prompts
        make = partial(FileEmbedding, sha256=sha256)
        self._loaded = Embeddings(library, make)  # for the checkpoint in memory
        self._listed = Embeddings(library, make)  # for the chosen one

    # What is replaced

    def hook(self) -> Undo:
        with ExitStack() as undo:
            undo.callback(self._replace(textual_inversion.EmbeddingDatabase))
            with suppress(ModuleNotFoundError):
                undo.callback(self._replace(importlib.import_module(_LISTS).EmbeddingDatabase))
            undo.callback(self._end)
            undo.callback(self._library.subscribe(self._on_generation))
            self._is_hooked = True
            return undo.pop_all().close

    def _replace(self, kind: type[Any]) -> Undo:
        own, loader = getattr(kind, _LOAD), self

        def load_textual_inversion_embeddings(self: Any, *args: Any, **kwargs: Any) -> Any:
            is_of_an_engine = getattr(self, "tokenizer", None) is not None
            if not loader._is_hooked or (is_of_an_engine and not loader._loads):
                return own(self, *args, **kwargs)
            return loader._guard(partial(loader.fill, self))

        return replace(kind, _LOAD, load_textual_inversion_embeddings)

    def obey_settings(self) -> None:
        """Fill the engines' databases, or let Forge do it when it next loads a checkpoint."""
        is_ours = we_load() and self._is_hooked
        if is_ours != self._loads:
            self._loads = is_ours
            self._announcements.begin_again()
        super().obey_settings()

    def _end(self) -> None:
        with self._lock:
            self._is_hooked = self._loads = False
            for database in self._all_databases():
                withdraw(database)
        self._forget_prompts()

    def fill(self, database: Any) -> None:
        """Stand in for the function that loads a database; a second call asks for what is new."""
        with self._lock:
            is_new = database not in _databases
            _databases.add(database)
        if not is_new:
            self._rescan()
        self.update()

    # When it acts

    def see_model(self) -> None:
        """Switch to the chosen checkpoint, as when a picture begins."""
        with self._lock:
            chosen = chosen_model()
            if chosen is None:
                self._library.set_model(None, tokenize)
            else:
                self._library.set_model(chosen.family, tokenize, self._own_of(chosen))
        self.update()
        if chosen and self._loads:
            self._announcements.show_all(chosen.family, chosen.path)

    def on_load(self) -> None:
        self._rescan()  # as Forge would have done; the first scan may not have ended yet
        super().on_load()

    def update(self) -> None:
        """Fill each database with what the library has for it now."""
        with self._lock:
            if not self._is_hooked:
                return
            loaded, chosen = loaded_model(), chosen_model()
            engines = {id(engine.embeddings) for engine in loaded.engines} if loaded else set()
            if loaded and self._loads and self._fill_engines(loaded):
                self._forget_prompts()
            self._listed.renew(self._library.view, chosen.encoders if chosen else (), tokenize)
            for database in tuple(_databases):
                if id(database) not in engines:
                    self._fill(database, self._listed)

    # From the library to the databases

    def _prepare(self) -> None:
        """Do what takes time before anybody waits for it."""
        with self._lock:
            loaded = loaded_model()
            if loaded and self._loads:
                self._renew(loaded)

    def _renew(self, loaded: HostModel) -> None:
        library = self._library
        is_chosen = loaded.family == library.model
        view = library.view if is_chosen else library.view_as(loaded.family)
        self._loaded.renew(view, loaded.encoders, tokenize)

    def _fill_engines(self, loaded: HostModel) -> bool:
        """Fill the databases of the checkpoint in memory; return whether anything changed."""
        self._renew(loaded)
        changes = [self._fill(engine.embeddings, self._loaded) for engine in loaded.engines]
        return any(changes)

    def _fill(self, database: Any, ours: Embeddings[FileEmbedding]) -> bool:
        return ours.fill(database, lambda each: is_bundled(each) and each.name in ours.usable)

    def _own_of(self, chosen: HostModel) -> frozenset[str] | None:
        """Return what Forge has loaded by itself; None where it has loaded nothing, or we load."""
        if self._loads or not chosen.engines:
            return None
        return files_in(chosen.engines[0].embeddings.word_embeddings)

    def _all_databases(self) -> Iterator[Any]:
        loaded = loaded_model()
        yield from _databases
        yield from (engine.embeddings for engine in loaded.engines) if loaded else ()
