"""The library in the place of the WebUI's own loader.

The WebUI's database stays the object it is, as others hold on to it; two of its functions are
replaced, with the same signature and meaning:

    load_textual_inversion_embeddings   scans the folders, opens nothing that is known
    find_embedding_at_position          compares the model first: a refiner comes without notice

The loader only reads the library. Which model is active the library learns from `host.py`.
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

from modules import call_queue, sd_hijack

from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.place import Place, absolute
from lib_embeddings.entries.snapshot import Changes
from lib_embeddings.formats.text_encoders import ModelFamily
from lib_embeddings.hosts.a1111.encoding import ActiveModel, forget_prompts, loaded_checkpoint
from lib_embeddings.hosts.webui.database import FileEmbedding, register, skip
from lib_embeddings.hosts.webui.extension import print_lines
from lib_embeddings.library.library import Library
from lib_embeddings.library.render import change_lines, log_lines
from lib_embeddings.library.view import View
from lib_embeddings.prompts.tokenizer import TokenIds

log = logging.getLogger(__name__)


class Loader:
    """Keeps the WebUI's database equal to the library, as the loaded model sees it."""

    def __init__(
        self,
        library: Library,
        rescan: Callable[[], object],
        sha256: Callable[[Entry], str],
        active_model: Callable[[], ActiveModel | None],
    ) -> None:
        """Prepare; nothing is replaced before `take_over`.

        Args:
            rescan: scans all folders now.
            sha256: hashes an entry's file.
            active_model: returns what is loaded now, and lets the library see with it.
        """
        self._library = library
        self._rescan = rescan
        self._sha256 = sha256
        self._active_model = active_model
        self._database = sd_hijack.model_hijack.embedding_db
        self._own_load: Callable[..., None]  # from `take_over` on, as the next
        self._own_find: Callable[..., Any]
        self._replaced = ExitStack()
        self._checkpoint: Callable[[], Any] = lambda: None  # a weak reference
        self._announced: ModelFamily | None = None
        self._waiting = threading.Lock()  # held while a thread waits to update
        self._lock = threading.Lock()  # guards all below, and the database against ourselves
        self._is_in_place = False
        self._view: View | None = None
        self._encoders: tuple[str, ...] = ()
        self._usable: dict[str, FileEmbedding] = {}
        self._unavailable: dict[str, FileEmbedding] = {}
        self._ids: dict[str, TokenIds] = {}

    # What is replaced

    def take_over(self) -> None:
        """Put our functions in the place of the database's own.

        Raises:
            AttributeError: it has none of that name; nothing is replaced then.
        """
        if self._is_in_place:
            return
        self._own_load = self._database.load_textual_inversion_embeddings
        self._own_find = self._database.find_embedding_at_position
        self._announced = None
        self._is_in_place = True
        self._replaced.callback(self._library.subscribe(self._on_generation))
        self._replace("load_textual_inversion_embeddings", self.load)
        self._replace("find_embedding_at_position", self.find)

    def release(self) -> None:
        """Put the database's own functions back, and let them load at the next generation."""
        with self._lock:
            if not self._is_in_place:
                return
            self._is_in_place = False
            self._replaced.close()
            register(self._database, {}, {}, _is_file_embedding)
            skip(self._database, {}, _is_file_embedding)
        for folder in self._database.embedding_dirs.values():
            folder.mtime = None
        forget_prompts()

    def load(self, force_reload: bool = False) -> None:
        """Stand in for the database's function of this name."""
        if self._is_in_place:
            error = self._try(partial(self._load, force_reload))
            if error is not None:
                log.warning("loading embeddings failed, the WebUI's own loader goes on: %s", error)
                self.release()
        if not self._is_in_place:
            self._own_load(force_reload)

    def find(self, tokens: list[int], offset: int) -> tuple[Any, int] | tuple[None, None]:
        """Stand in for the database's function of this name."""
        if self._is_in_place and self._checkpoint() is not loaded_checkpoint():
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
        if force_reload:
            self._announce()

    def _try(self, work: Callable[[], None]) -> Exception | None:
        """Do what must not cost the user a picture; return why it could not be done."""
        try:
            work()
        except Exception as error:  # a defect of ours, or a model that is being put together
            log.debug("updating the WebUI's database failed", exc_info=True)
            return error
        return None

    def _replace(self, name: str, ours: Callable[..., Any]) -> None:
        own = vars(self._database)
        former = own.get(name)
        setattr(self._database, name, ours)

        def put_back() -> None:
            if own.get(name) != ours:  # somebody wrapped ours, which now passes calls on
                return
            if former is None:
                delattr(self._database, name)
            else:
                setattr(self._database, name, former)

        self._replaced.callback(put_back)

    # From the library to the database

    def update(self) -> None:
        """Make the database equal to the library, as the model that is loaded now sees it."""
        with self._lock:
            active = self._prepare()
            if active and self._is_in_place:
                self._apply(active)
                self._checkpoint = weakref.ref(active.checkpoint)

    def update_when_idle(self) -> None:
        """Do the same as soon as nothing is generated, in a thread of its own."""
        if self._waiting.acquire(blocking=False):
            threading.Thread(
                target=self._wait_and_update, name="embeddings-host", daemon=True
            ).start()

    def before_generation(self) -> None:
        """Do the same now, and print what is loaded where the model is of another kind."""
        self.update()
        if self._announced and self._announced != self._library.model:
            self._announce()

    def _wait_and_update(self) -> None:
        self._try(self._prepare_early)
        with call_queue.queue_lock:
            self._waiting.release()
            self._try(self.update)
        if self._is_in_place and self._announced is None:
            self._announce()

    def _prepare_early(self) -> None:
        """Do what takes time before anybody waits for it."""
        with self._lock:
            self._prepare()

    def _prepare(self) -> ActiveModel | None:
        """Make embeddings of the entries, those of unchanged files being the ones we have."""
        active = self._active_model()
        if active is None:
            return None
        view = self._library.view
        if view is self._view and active.encoders == self._encoders:
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

    def _on_generation(self, _generation: int, changes: Changes) -> None:
        if changes and self._announced:
            print_lines(change_lines(changes, self._library.view))
        self.update_when_idle()

    def _announce(self) -> None:
        """Print what is loaded, once all folders were scanned and there is a model."""
        if self._library.model and self._library.progress is None:
            self._announced = self._library.model
            print_lines(log_lines(self._library.view))


def _is_file_embedding(embedding: Any) -> bool:
    return isinstance(embedding, FileEmbedding)
