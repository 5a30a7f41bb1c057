"""The living library: what is in the folders now, for any number of readers.

    a scan, a model, a choice -> generation -> view -> catalogue, for whoever asks

Each change begins a generation, of which subscribers are notified.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, final

from lib_embeddings.entries.entry import Entry, Found
from lib_embeddings.entries.place import Place
from lib_embeddings.entries.read import read_file
from lib_embeddings.entries.slow_disk import Width, wide
from lib_embeddings.entries.snapshot import Changes, Snapshot
from lib_embeddings.entries.writing import Move
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES, ModelFamily
from lib_embeddings.library.file_reader import Progress, Stop
from lib_embeddings.library.files import Files
from lib_embeddings.library.journal import Journal
from lib_embeddings.library.scanner import Wait
from lib_embeddings.library.scans import Rescan, Scans, complete
from lib_embeddings.prompts.tokens import TokenIds, Tokenize
from lib_embeddings.stores.choices import Choice, Choices, Chosen, Sets
from lib_embeddings.stores.choices_file import Edit
from lib_embeddings.stores.index import Index, no_collecting
from lib_embeddings.stores.token_ids import TokenIdStore
from lib_embeddings.views.catalogue import Catalogue
from lib_embeddings.views.lens import ViewEntry
from lib_embeddings.views.prepared import Prepared
from lib_embeddings.views.view import View

if TYPE_CHECKING:
    from typing_extensions import Unpack

log = logging.getLogger(__name__)

# Called with a generation and its changes.
Subscriber = Callable[[int, Changes], object]


class News:
    """Calls all subscribers with one generation after another, in the order of `add`.

    Any thread may call any method.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards all below, and is not held while anybody is called
        self._subscribers: list[Subscriber] = []
        self._waiting: deque[tuple[int, Changes]] = deque()
        self._is_calling = False

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call *subscriber* from now on; return how to stop that."""
        with self._lock:
            self._subscribers.append(subscriber)

        def unsubscribe() -> None:
            with self._lock, suppress(ValueError):
                self._subscribers.remove(subscriber)

        return unsubscribe

    def add(self, generation: int, changes: Changes) -> None:
        """Note a generation; nobody is called yet."""
        with self._lock:
            self._waiting.append((generation, changes))

    def deliver(self) -> None:
        """Call the subscribers, unless another thread does, which goes on with what is new."""
        while True:
            with self._lock:
                if self._is_calling or not self._waiting:
                    return
                self._is_calling = True
                generation, changes = self._waiting.popleft()
                subscribers = tuple(self._subscribers)
            for subscriber in subscribers:
                _call(subscriber, generation, changes)
            with self._lock:
                self._is_calling = False


def _call(subscriber: Subscriber, generation: int, changes: Changes) -> None:
    try:
        subscriber(generation, changes)
    except Exception:  # theirs; it must not cost the others their news
        log.exception("a subscriber of generation %d failed", generation)


@final
class Library:
    """Some folders, as the active model sees them, with what people chose.

    Subscribers must not scan: they are called while a scan goes on.

    Attributes:
        scans: for hosts, which keep a library up to date; others ask for `rescan`.
        files: its files, for those who may change them.
    """

    def __init__(  # noqa: PLR0913 - all that it needs is given here
        self,
        roots: Iterable[str | os.PathLike[str]],
        index: Index,
        choices: Choices | None = None,
        *,
        tokenize: Tokenize | None = None,
        wait: Wait = complete,
        stop: Stop | None = None,
        read: Callable[[Found], Entry] = read_file,
        width: Width = wide,
        on_progress: Callable[[int, int], object] | None = None,
        on_scan: Callable[[Rescan], object] | None = None,
    ) -> None:
        """Begin with no entries; `rescan` finds them.

        Args:
            roots: the folders; a missing one may appear at any later scan.
            choices: what people chose; the trash lies beside it. Without it nobody can choose,
                rename, move or delete.
            tokenize: returns token ids while no model is active.
            wait: from path, size and mtime_ns of a new or changed file, returns the seconds until
                its writer will be done; 0 if it is. Until then its former entry stays, or none is
                made. The first scan takes all files as they are.
            stop: ends a scan, which then waits for one file at most.
            read: says what one file is; called for new and changed files only.
            width: tells how many things a slow disk may be asked for at once.
            on_progress: called after each file that is read, with the numbers of `Progress`.
            on_scan: called with what each scan gave, in the thread that ran it.
        """
        self._index = index
        self._choices = choices
        self._journal = Journal(choices, self._keep_reading) if choices else None
        self._token_ids = TokenIdStore(index.path)
        self._no_model = tokenize
        self._stop = stop or threading.Event()
        self._on_scan = on_scan
        self._news = News()
        self.scans = Scans(
            roots,
            index,
            self._show,
            self._news.deliver,
            wait=wait,
            stop=self._stop,
            read=read,
            width=width,
            on_progress=on_progress,
            on_scan=self._note_scan,
        )
        self.files = Files(self._journal, self.scans, lambda: self._snapshot.entries, index.keep)
        self._lock = threading.Lock()  # guards all below, and is never held while a disk is asked
        self._snapshot = Snapshot(self.scans.roots, {})
        self._has_scanned = False  # once
        self._model: ModelFamily | None = None
        self._loaded: frozenset[str] | None = None
        self._tokenize = tokenize
        # A page may outlive the process whose generation it knows: no number may come twice.
        self._generation = time.time_ns() // 1_000_000
        self._catalogue: Catalogue | None = None
        self._prepared = Prepared(
            View.of(self._snapshot, None), tokenize, self._token_ids.look_up
        )  # of the last catalogue

    # What readers see

    @property
    def generation(self) -> int:
        """A number that rises by one with every change of entries, model or choices."""
        return self._generation

    @property
    def catalogue(self) -> Catalogue:
        """All entries of the current generation, to be searched and sorted."""
        with self._lock:
            if self._catalogue is None:
                choices = self._choices.all() if self._choices else {}
                with no_collecting():
                    view = self._see(self._model, choices, self._loaded, self._prepared.view)
                    self._prepared = self._prepared.followed_by(view, self._tokenize)
                self._catalogue = Catalogue(
                    self._generation, self._prepared, choices, self._index.hashes
                )
            return self._catalogue

    @property
    def view(self) -> View:
        """All entries of the current generation, as the active model sees them."""
        return self.catalogue.view

    def view_as(self, model: ModelFamily | None) -> View:
        """Return all entries as another model sees them, while the active one stays."""
        with self._lock:
            return self._see(model, self._choices.all() if self._choices else {})

    @property
    def model(self) -> ModelFamily | None:
        """The active model."""
        return self._model

    @property
    def roots(self) -> tuple[str, ...]:
        """The folders, as absolute paths."""
        return self.scans.roots

    @property
    def missing_roots(self) -> tuple[str, ...]:
        """Roots that were missing at the last scan; their entries come back with them."""
        return self.scans.missing_roots

    @property
    def progress(self) -> Progress | None:
        """How far the scan that is reading files is; None if none is.

        Until the first scan has ended it is never None.
        """
        with self._lock:
            return self.scans.progress or (None if self._has_scanned else Progress(0, 0))

    def find(self, id: str) -> ViewEntry | None:  # noqa: A002 the word of the API
        """Return the entry with this id now, if there is one."""
        return self.catalogue.find(id)

    def sha256(self, entry: Entry) -> str:
        """Return the SHA-256 of an entry's file, which is computed once. Raises `OSError`."""
        return self._index.sha256(entry.place.full_path)

    def hash_twins(self) -> None:
        """Hash all files that share a name and a size, so that lists can say which are the same."""
        known = self._index.hashes()
        new = [entry for entry in self.view.same_sizes if entry.place.full_path not in known]
        for entry in new:
            if self._stop.is_set():
                return
            with suppress(OSError):  # it is gone, or tried again after the next change
                self.sha256(entry)
        if self._index.hashes().keys() - known:
            self._renew()

    def token_ids(self, names: Iterable[str], tokenize: Tokenize) -> dict[str, TokenIds]:
        """Return what a tokenizer makes of each name; it is asked only once for each."""
        return self._token_ids.look_up(names, tokenize)

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call *subscriber* with each new generation and its changes; return how to stop that.

        It is called in the order of generations, without the lock of readers, in the thread that
        made the change or in one that makes another. While a scan reads many files, there are
        generations without changes; its last one has all of them.
        """
        return self._news.subscribe(subscriber)

    # What changes it

    def set_model(
        self,
        model: ModelFamily | None,
        tokenize: Tokenize | None = None,
        loaded: frozenset[str] | None = None,
    ) -> None:
        """Make *model* the active one. Opens no file.

        Args:
            tokenize: returns token ids as that model has them; without it, the library's own.
            loaded: full paths of the files that a host's own loader has loaded; None if the host
                has whatever is usable.
        """
        tokenize = tokenize or self._no_model
        with self._lock:
            if (model, tokenize, loaded) == (self._model, self._tokenize, self._loaded):
                return
            self._model, self._tokenize, self._loaded = model, tokenize, loaded
            self._begin_generation(Changes())
        self._news.deliver()

    def choose(self, id_: str, /, **chosen: Unpack[Chosen]) -> None:
        """Remember what people chose for an entry."""
        if self._choices and self._choices.choose(id_, **chosen):
            self._renew()

    def mark(self, ids: Collection[str], *, favourite: bool) -> None:
        """Remember of many entries at once whether they are favourites."""
        if self._choices and self._choices.mark(ids, favourite=favourite):
            self._renew()

    @property
    def sets(self) -> Sets:
        """The sets that people have made, as they are now."""
        return self._choices.sets() if self._choices else {}

    def change_sets(self, edit: Edit) -> None:
        """Change the sets; `library.sets` has the edits."""
        if self._choices and self._choices.change(edit):
            self._renew()

    def _keep_reading(self, move: Move) -> None:
        old, new = move
        if new.suffix == old.suffix:  # with another ending it is read as another file
            self._index.move(old.full_path, new.full_path)

    def folder(self, id: str) -> Place:  # noqa: A002 likewise
        """Return the place of a folder by its id. Raises `MoveError` if there is none."""
        return self.scans.folder(id)

    def rescan(self) -> Rescan:
        """Scan all folders, and return what has changed."""
        return self.scans.rescan()

    def rescan_folders(self, paths: Collection[str]) -> Rescan:
        """Scan some folders alone, by their full paths, and return what has changed."""
        return self.scans.rescan_folders(paths)

    def _show(self, snapshot: Snapshot, changes: Changes | None = None) -> None:
        with self._lock:
            self._snapshot = snapshot
            self._has_scanned |= changes is not None
            self._begin_generation(changes or Changes())

    def _note_scan(self, result: Rescan) -> None:
        if self._choices and self._choices.refresh():
            self._renew()
        if self._on_scan:
            self._on_scan(result)

    def _renew(self) -> None:
        with self._lock:
            self._begin_generation(Changes())
        self._news.deliver()

    def _see(
        self,
        model: ModelFamily | None,
        choices: Mapping[str, Choice],
        loaded: frozenset[str] | None = None,
        former: View | None = None,
    ) -> View:
        use_partial = {id_ for id_, choice in choices.items() if choice.use_partial}
        with no_collecting():
            return View.of(self._snapshot, model, use_partial, loaded, former)

    def _begin_generation(self, changes: Changes) -> None:
        self._generation += 1
        self._catalogue = None
        self._news.add(self._generation, changes)


def scan(
    roots: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    model: str | ModelFamily | None = None,
) -> View:
    """Return what every file in some folders is, and whether a model can use it.

    Nothing is remembered from before or for later.

    Args:
        roots: one folder or several; sub-folders are scanned too, and links are followed.
        model: a model family, or its key: `sd1`, `sd2`, `sdxl`, `sd3`, `flux` …

    Raises:
        NotADirectoryError: a root is not a folder.
        ValueError: there is no such model family.
    """
    several = [roots] if isinstance(roots, str | os.PathLike) else roots
    folders = [os.fspath(root) for root in several]
    for folder in folders:
        if not os.path.isdir(folder):
            raise NotADirectoryError(folder)
    if isinstance(model, str) and model not in MODEL_FAMILIES:
        raise ValueError(f"model: expected one of {', '.join(MODEL_FAMILIES)}, found {model!r}")
    library = Library(folders, Index.nowhere())
    library.set_model(MODEL_FAMILIES[model] if isinstance(model, str) else model)
    library.rescan()
    return library.view
