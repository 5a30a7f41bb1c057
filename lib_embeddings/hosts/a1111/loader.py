"""The library in the place of the WebUI's own loader.

The WebUI's database stays the object it is, as others hold on to it; two of its functions are
wrapped, with the same signature and meaning:

    load_textual_inversion_embeddings   scans the folders, opens nothing that is known
    find_embedding_at_position          compares the model first: a refiner comes without notice

Where the settings let the WebUI load by itself, both are its own, and the library is given what it
has loaded.

A checkpoint that comes while a picture is made (a refiner, one for hires fix) is *lent*: prompts
find what it can use, and nobody else hears of it.
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

from modules import call_queue, sd_hijack, shared

from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.place import Place, absolute
from lib_embeddings.entries.snapshot import Changes
from lib_embeddings.hosts.a1111.encoding import (
    ActiveModel,
    active_model,
    forget_prompts,
    loaded_checkpoint,
    tokenize,
)
from lib_embeddings.hosts.webui.database import FileEmbedding, register, skip
from lib_embeddings.hosts.webui.extension import Undo, print_lines, replace
from lib_embeddings.hosts.webui.parts import announce
from lib_embeddings.library.library import Library
from lib_embeddings.library.render import change_lines
from lib_embeddings.library.view import View
from lib_embeddings.prompts.tokenizer import TokenIds

log = logging.getLogger(__name__)

_Weak = Callable[[], Any]


class Loader:
    """Keeps the WebUI's database and the library equal, as the loaded model sees them."""

    def __init__(
        self, library: Library, rescan: Callable[[], object], sha256: Callable[[Entry], str]
    ) -> None:
        """Prepare; nothing is wrapped before `hook`, and nothing loaded before `set_loading`.

        Args:
            rescan: scans all folders now.
            sha256: hashes an entry's file.
        """
        self._library = library
        self._rescan = rescan
        self._sha256 = sha256
        self._database = sd_hijack.model_hijack.embedding_db
        self._own_load: Callable[..., None]  # from `hook` on, as the next
        self._own_find: Callable[..., Any]
        self._loading = threading.RLock()  # held while the WebUI loads by itself
        self._is_hooked = False
        self._announced: object = None  # the model of which people know what is loaded
        self._known = 0  # the library's generation that they know
        self._waiting = threading.Lock()  # held while a thread waits to update
        self._lock = threading.Lock()  # guards all below, and the database against ourselves
        self._loads = False
        self._main: _Weak | None = None  # the checkpoint that people see with; it may be gone
        self._lent: _Weak = _nothing
        self._registered: _Weak = _nothing  # the one that the database is for
        self._view: View | None = None
        self._encoders: tuple[str, ...] = ()
        self._usable: dict[str, FileEmbedding] = {}
        self._unavailable: dict[str, FileEmbedding] = {}
        self._ids: dict[str, TokenIds] = {}

    # What is wrapped

    def hook(self) -> Undo:
        """Wrap the database's functions, and return what ends all that we do to it.

        Raises:
            AttributeError: it has none of that name; nothing is wrapped then.
        """
        self._own_load = self._database.load_textual_inversion_embeddings
        self._own_find = self._database.find_embedding_at_position
        undo = ExitStack()
        undo.callback(self._library.subscribe(self._on_generation))
        undo.callback(replace(self._database, "load_textual_inversion_embeddings", self.load))
        undo.callback(replace(self._database, "find_embedding_at_position", self.find))
        undo.callback(self._end)
        self._is_hooked = True
        return undo.close

    def set_loading(self, is_ours: bool) -> None:
        """Load in the place of the WebUI from now on, or let it load by itself."""
        is_ours = is_ours and self._is_hooked
        with self._lock:
            if is_ours == self._loads:
                return
            self._loads, self._announced = is_ours, None
            if is_ours:
                return
            register(self._database, {}, {}, _is_file_embedding)
            skip(self._database, {}, _is_file_embedding)
        for folder in self._database.embedding_dirs.values():
            folder.mtime = None
        forget_prompts()

    def _end(self) -> None:
        self.set_loading(False)
        self._is_hooked = False

    def load(self, force_reload: bool = False) -> None:
        """Stand in for the database's function of this name."""
        if self._loads:
            error = self._try(partial(self._load, force_reload))
            if error is not None:
                log.warning("loading embeddings failed, the WebUI's own loader goes on: %s", error)
                self.set_loading(False)
        if not self._loads:
            with self._loading:
                self._own_load(force_reload)
            if self._is_hooked:
                self._try(self.update)

    def find(self, tokens: list[int], offset: int) -> tuple[Any, int] | tuple[None, None]:
        """Stand in for the database's function of this name."""
        if self._loads and self._registered() is not loaded_checkpoint():
            self._try(self.update)
        found: tuple[Any, int] | tuple[None, None] = self._own_find(tokens, offset)
        return found

    def _load(self, force_reload: bool) -> None:
        folders = tuple(self._database.embedding_dirs.values())
        if force_reload or any(folder.has_changed() for folder in folders):
            self._rescan()
            for folder in folders:
                folder.update()
        self.update()
        self._announce()

    def _try(self, work: Callable[[], None]) -> Exception | None:
        """Do what must not cost the user a picture; return why it could not be done."""
        try:
            work()
        except Exception as error:  # a defect of ours, or a model that is being put together
            log.debug("updating the WebUI's database failed", exc_info=True)
            return error
        return None

    # When it acts

    def follow(self) -> None:
        """See with the checkpoint that is loaded now, as when a picture begins."""
        with self._lock:
            self._main, self._lent = None, _nothing
        self.update()
        self._announce()

    def on_switch(self) -> None:
        """Hear that another checkpoint has become the loaded one."""
        self._try(self.update if _is_generating() else self.follow)

    def update(self) -> None:
        """Make database and library equal, as the model that is loaded now sees them."""
        with self._lock:
            active = self._prepare()
            if active and self._loads:
                self._apply(active)
                self._registered = weakref.ref(active.checkpoint)

    def update_when_idle(self) -> None:
        """Do the same as soon as nothing is generated, in a thread of its own."""
        if self._is_hooked and self._waiting.acquire(blocking=False):
            threading.Thread(
                target=self._wait_and_update, name="embeddings-host", daemon=True
            ).start()

    def _wait_and_update(self) -> None:
        self._try(self._prepare_early)
        with call_queue.queue_lock:
            self._waiting.release()
            if not self._loads and self._is_hooked and active_model():
                self._try(self.load)  # as the WebUI would before the next picture
            else:
                self._try(self.update)
        self._announce()

    # From the library to the database

    def _see(self, active: ActiveModel) -> View:
        """Return what the model can use; let the library see with it unless it is lent."""
        checkpoint = active.checkpoint
        if _is_generating() and self._main and self._main() is not checkpoint:
            self._lent = weakref.ref(checkpoint)
        if checkpoint is self._lent():
            return self._library.view_as(active.family)
        self._main = weakref.ref(checkpoint)
        self._library.set_model(active.family, tokenize, None if self._loads else self._hosts_own())
        return self._library.view

    def _hosts_own(self) -> frozenset[str]:
        """Return the files that the WebUI has loaded by itself, under the names that we know."""
        words = self._database.word_embeddings.items()
        files = ((name, getattr(embedding, "filename", None)) for name, embedding in words)
        paths = ((name, absolute(file)) for name, file in files if file)
        return frozenset(path for name, path in paths if Place.of_file(path).name == name)

    def _prepare_early(self) -> None:
        """Do what takes time before anybody waits for it."""
        with self._lock:
            self._prepare()

    def _prepare(self) -> ActiveModel | None:
        """Make embeddings of the entries, those of unchanged files being the ones we have."""
        active = active_model()
        if active is None:
            return None
        view = self._see(active)
        if not self._loads or (view is self._view and active.encoders == self._encoders):
            return active
        made = {e.identity: e for e in (*self._usable.values(), *self._unavailable.values())}
        self._usable, self._unavailable = {}, {}
        for seen in view.named.values():
            entry = seen.entry
            encoders = active.encoders if seen.is_loaded else tuple(entry.reading.vectors)
            embedding = FileEmbedding(entry, encoders, self._sha256)
            embedding = made.get(embedding.identity, embedding)
            (self._usable if seen.is_loaded else self._unavailable)[seen.name] = embedding
        self._ids = self._library.token_ids(self._usable, active.tokenize)
        self._usable = {name: e for name, e in self._usable.items() if self._ids[name]}
        self._view, self._encoders = view, active.encoders
        return active

    def _apply(self, active: ActiveModel) -> None:
        self._database.expected_shape = active.shape
        skip(self._database, self._unavailable, self._is_ours)
        if register(self._database, self._usable, self._ids, self._is_ours):
            forget_prompts()

    def _is_ours(self, embedding: Any) -> bool:
        """Tell our entries, and those that the WebUI read from our folders, from others'."""
        if isinstance(embedding, FileEmbedding):
            return True
        path: str | None = getattr(embedding, "filename", None)
        roots = tuple(Place.of_root(root).inside("").full_path for root in self._library.roots)
        return bool(path and absolute(path).startswith(roots))

    # What the console shows

    def _on_generation(self, generation: int, changes: Changes) -> None:
        if changes and self._announced and generation > self._known:
            print_lines(change_lines(changes, self._library.view))
        self.update_when_idle()

    def _announce(self) -> None:
        """Print what is loaded, once for each switch, when there is a model and all is scanned."""
        active, library = active_model(), self._library
        if not self._loads or active is None or active.checkpoint is self._lent():
            return
        model = active.family, active.title
        if library.progress is None and active.family and model != self._announced:
            catalogue = library.catalogue
            self._announced, self._known = model, catalogue.generation
            announce(catalogue.view)


def _nothing() -> None:
    """Stand for a weak reference to nothing."""


def _is_file_embedding(embedding: Any) -> bool:
    return isinstance(embedding, FileEmbedding)


def _is_generating() -> bool:
    """Tell whether the WebUI works on a job: then a checkpoint may come for a part of a picture."""
    return bool(getattr(getattr(shared, "state", None), "job_count", 0))
