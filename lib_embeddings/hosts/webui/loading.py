"""What loaders share: what a loader is, embeddings for a model, when to work, the console."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any, Generic, TypeVar

from modules import call_queue, shared

from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.place import Place, absolute
from lib_embeddings.entries.snapshot import Changes
from lib_embeddings.formats.text_encoders import ModelFamily
from lib_embeddings.hosts.webui.database import (
    Database,
    FileEmbedding,
    HostEmbedding,
    is_file_embedding,
    register,
    skip,
)
from lib_embeddings.hosts.webui.extension import LOADING_PART, Hooks, Undo, print_lines
from lib_embeddings.library.library import Library
from lib_embeddings.prompts.tokens import TokenIds, Tokenize
from lib_embeddings.views.render import change_lines, summary_lines
from lib_embeddings.views.view import View

# The WebUI's record of an embedding, which stands for a file.
_E = TypeVar("_E", bound=FileEmbedding)
_T = TypeVar("_T")

# The texts of a generation, for the batch that begins.
_PROMPTS = ("prompts", "negative_prompts", "hr_prompts", "hr_negative_prompts")

# What the console has listed as not loaded, and why. Neither a switch nor "Reload UI" lists it
# again.
_listed: set[tuple[str, str | None]] = set()


def announce(view: View) -> None:
    """Print what is loaded, and what is not loaded as far as it was not listed before."""
    reasons = {(seen.entry.place.id, seen.reason): seen for seen in view if not seen.may_be_used}
    news = [seen for key, seen in reasons.items() if key not in _listed]
    _listed.update(reasons)
    print_lines(summary_lines(view, news))


class Embeddings(Generic[_E]):
    """All of a library that a model has a name for; only what has changed is made again.

    Attributes:
        usable: name -> what prompts can use.
        unavailable: name -> what the model cannot use.
        token_ids: name -> token ids, of the usable ones.
    """

    def __init__(
        self,
        library: Library,
        make: Callable[[Entry, Sequence[str]], _E],
    ) -> None:
        """Begin with none.

        Args:
            make: returns an embedding that stands for a file, given some text encoders.
        """
        self._library = library
        self._make = make
        self._view: View | None = None
        self._encoders: tuple[str, ...] = ()
        self.usable: dict[str, _E] = {}
        self.unavailable: dict[str, _E] = {}
        self.token_ids: dict[str, TokenIds] = {}

    def renew(self, view: View, encoders: tuple[str, ...], tokenize: Tokenize) -> None:
        """Take all of them from the view of a model with these text encoders."""
        if view is self._view and encoders == self._encoders:
            return
        made = {e.identity: e for e in (*self.usable.values(), *self.unavailable.values())}
        usable: dict[str, _E] = {}
        self.unavailable = {}
        for seen in view.meant:
            entry = seen.entry
            served = encoders if seen.is_loaded else tuple(entry.reading.vectors)
            embedding = self._make(entry, served)
            embedding = made.get(embedding.identity, embedding)
            (usable if seen.is_loaded else self.unavailable)[seen.name] = embedding
        self.token_ids = self._library.token_ids(usable, tokenize) if usable else {}
        self.usable = {name: e for name, e in usable.items() if self.token_ids[name]}
        self._view, self._encoders = view, encoders

    def fill(
        self, database: Database, gives_way: Callable[[HostEmbedding], bool] = lambda _: False
    ) -> bool:
        """Fill a database with all of them; return whether what prompts can use has changed.

        Args:
            gives_way: tells which entries of others leave their names to ours.
        """

        def leaves(embedding: HostEmbedding) -> bool:
            return gives_way(embedding) or self.is_ours(embedding)

        skip(database, self.unavailable, self.is_ours)
        return register(database, self.usable, self.token_ids, leaves)

    def is_ours(self, embedding: HostEmbedding) -> bool:
        """Return whether an entry is ours, or was read from our folders by the WebUI."""
        if is_file_embedding(embedding):
            return True
        path: str | None = getattr(embedding, "filename", None)
        roots = tuple(Place.of_root(root).full_prefix for root in self._library.roots)
        return bool(path and absolute(path).startswith(roots))


def files_in(words: Mapping[str, HostEmbedding]) -> frozenset[str]:
    """Return the files that a WebUI has loaded by itself, under the names that we know."""
    files = ((name, getattr(embedding, "filename", None)) for name, embedding in words.items())
    paths = ((name, absolute(file)) for name, file in files if file)
    return frozenset(path for name, path in paths if Place.of_file(path).name == name)


class Announcements:
    """What the console shows of a library: once per switch all that is loaded, then the changes."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._model: object = None  # the one for which people know what is loaded
        self._known = 0  # the library's generation that they know

    def begin_again(self) -> None:
        """Show everything the next time, whatever was shown."""
        self._model = None

    def show_all(self, family: ModelFamily | None, title: str) -> None:
        """Print what is loaded for a model, if that is known and not printed yet.

        Args:
            title: the name under which people choose the model.
        """
        model = family, title
        if self._library.progress is None and family and model != self._model:
            catalogue = self._library.catalogue
            self._model, self._known = model, catalogue.generation
            announce(catalogue.view)

    def show_changes(self, generation: int, changes: Changes) -> None:
        """Print what has changed since everything was printed."""
        if changes and self._model and generation > self._known:
            print_lines(change_lines(changes, self._library.view))


class WhenIdle:
    """Does some work as soon as nothing is being generated, in a thread of its own."""

    def __init__(self, prepare: Callable[[], object], work: Callable[[], object]) -> None:
        """Begin nothing yet.

        Args:
            prepare: does what takes time, before anybody waits for it.
        """
        self._prepare = prepare
        self._work = work
        self._waiting = threading.Lock()  # held while a thread waits for its time to work

    def ask(self) -> None:
        """Ask for the work; whoever asks before it begins shares it."""
        if self._waiting.acquire(blocking=False):
            threading.Thread(target=self._run, name="embeddings-host", daemon=True).start()

    def _run(self) -> None:
        self._prepare()
        with call_queue.queue_lock:
            self._waiting.release()
            self._work()


class Loader(ABC):
    """Keeps a WebUI's databases in line with the library, as the WebUI's models see it.

    Kinds of WebUIs differ in the functions that load (`hook`), in the model of the next picture
    (`see_model`), and in the databases that there are for it (`update`).
    """

    def __init__(self, library: Library, hooks: Hooks) -> None:
        """Prepare; nothing is replaced before `hook`.

        Args:
            hooks: guards what is done while the WebUI waits for it.
        """
        self._library = library
        self._hooks = hooks
        self._announcements = Announcements(library)
        prepare, act = (partial(self._guard, f) for f in (self._prepare, self._act_when_idle))
        self._when_idle = WhenIdle(prepare, act)
        self._lock = threading.RLock()  # guards all below, and the databases against ourselves
        self._is_hooked = False
        self._loads = False  # in place of the WebUI

    @abstractmethod
    def hook(self) -> Undo:
        """Replace the functions that load, and return what undoes everything.

        Raises:
            AttributeError: there is none of that name; nothing is replaced then.
        """

    def obey_settings(self) -> None:
        """Load embeddings, or let the WebUI do it, as the settings now say."""
        self.see_model_when_idle()

    @abstractmethod
    def see_model(self) -> None:
        """Switch to the model of the next picture, and print what is loaded for it."""

    @abstractmethod
    def update(self) -> None:
        """Fill each database with what the library has for its model now."""

    @abstractmethod
    def _prepare(self) -> object:
        """Do what takes time before anybody waits for it."""

    def on_load(self) -> None:
        """Notice that a model was loaded, perhaps *lent*: for a part of a picture."""
        if is_generating():
            self.update()
        else:
            self.see_model()

    def bring(self, generation: Any) -> None:
        """Let a batch find what its prompts name, even if the current scan has not read it yet."""
        texts = (getattr(generation, name, None) for name in _PROMPTS)
        if self._library.scans.bring(chain.from_iterable(filter(None, texts))):
            self.update()

    def see_model_when_idle(self) -> None:
        """Switch to the right model once nothing is being generated, in a thread of its own."""
        if self._is_hooked:
            self._when_idle.ask()

    def _act_when_idle(self) -> None:
        self.see_model()

    def _guard(self, act: Callable[[], _T]) -> _T | None:
        return self._hooks.guard(LOADING_PART, act)

    def _on_generation(self, generation: int, changes: Changes) -> None:
        self._announcements.show_changes(generation, changes)
        self.see_model_when_idle()


def is_generating() -> bool:
    """Return whether the WebUI has a job: then a checkpoint may be for a part of a picture."""
    return bool(getattr(getattr(shared, "state", None), "job_count", 0))
