"""The living library: what is in the folders now, for any number of readers and one scanner.

    rescan: find -> read what is new -> snapshot -> diff -> apply -> tell the subscribers

Watcher, refresh button and API all call `rescan`. It looks at the disk outside the lock that
readers take, so nobody waits for a disk but the one who asked for the look.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import final

from lib_embeddings.entries.read import read_file
from lib_embeddings.entries.rename import rename
from lib_embeddings.entries.scan import entry_of, snapshot_of
from lib_embeddings.entries.snapshot import Changes, Entry, FittedEntry, Snapshot, Told, View, diff
from lib_embeddings.entries.walk import Found, walk
from lib_embeddings.formats.text_encoders import ModelFamily
from lib_embeddings.library.bulk import no_collecting
from lib_embeddings.library.choices import Choices, FieldChoice
from lib_embeddings.library.index import Index
from lib_embeddings.library.search import Listing
from lib_embeddings.prompts.name_checks import NameChecks
from lib_embeddings.prompts.tokenizer import TokenIds, Tokenize

log = logging.getLogger(__name__)

IsWhole = Callable[[str, int, int], bool]
Subscriber = Callable[[int, Changes], object]


@final
class Library:
    """One snapshot of some folders, seen with the active model and the user's choices.

    Attributes:
        is_whole: tells of a new or changed file, from path, size and mtime_ns, whether it is
            written to its end; until then its former entry stays, or none is made. Given by
            whoever watches the folders; without it every file counts as whole.
        tokenize: returns token ids, as the active model has them. Given by whoever knows its
            tokenizer, before that model is made active.
    """

    def __init__(
        self,
        roots: Iterable[str | os.PathLike[str]],
        index: Index,
        choices: Choices,
        *,
        read: Callable[[str], Told] = read_file,
    ) -> None:
        """Begin with no entries; `rescan` finds them.

        Args:
            roots: the folders; one that is missing is looked for at every rescan.
            read: says what one file is; called for new and changed files only.
        """
        self.is_whole: IsWhole | None = None
        self.tokenize: Tokenize | None = None
        self._index = index
        self._read = index.reader(read)
        self._choices = choices
        self._scanning = threading.Lock()  # one look at the disk at a time; guards the next
        self._files: dict[str, Entry] = {}  # by full path, before they are compared
        self._lock = threading.Lock()  # guards all below, and is never held while a disk is asked
        self._roots = _absolute(roots)
        self._unreachable: tuple[str, ...] = ()
        self._snapshot = Snapshot(self._roots, ())
        self._model: ModelFamily | None = None
        # Pages outlive the process that they know a generation of: none may come twice.
        self._generation = time.time_ns() // 1_000_000
        self._listing: Listing | None = None
        self._subscribers: list[Subscriber] = []
        self._news: deque[tuple[int, Changes]] = deque()
        self._is_telling = False

    # What readers see

    @property
    def generation(self) -> int:
        """A number that rises by one with every change of entries, model or choices."""
        return self._generation

    @property
    def listing(self) -> Listing:
        """All entries of the current generation, to be searched and sorted."""
        with self._lock:
            if self._listing is None:
                choices = self._choices.all()
                partials = {id_ for id_, choice in choices.items() if choice.use_partial}
                self._listing = Listing(
                    self._generation,
                    self._snapshot.seen_with(self._model, partials),
                    choices,
                    self._index.hashes,
                    partial(NameChecks, tokenize=self.tokenize, look_up=self._index.token_ids),
                )
            return self._listing

    @property
    def view(self) -> View:
        """All entries of the current generation, fits included."""
        return self.listing.view

    @property
    def model(self) -> ModelFamily | None:
        """The active model."""
        return self._model

    @property
    def roots(self) -> tuple[str, ...]:
        """The folders, as absolute paths."""
        return self._roots

    @property
    def unreachable_roots(self) -> tuple[str, ...]:
        """Roots that were missing at the last look; their entries come back with them."""
        return self._unreachable

    def find(self, id: str) -> FittedEntry | None:  # noqa: A002 the word of the API
        """Return the entry with this id now, if there is one."""
        return self.listing.find(id)

    def sha256(self, entry: Entry) -> str:
        """Return the SHA-256 of an entry's file, computed once. Raises `OSError`."""
        return self._index.sha256(entry.full_path)

    def token_ids(self, names: Iterable[str], tokenize: Tokenize) -> dict[str, TokenIds]:
        """Return what a tokenizer makes of each name; it is asked once for each, ever."""
        return self._index.token_ids(names, tokenize)

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call *subscriber* with each new generation and its changes; return how to stop that.

        It is called in the order of generations, outside all locks, in the thread that made the
        change or in one that makes another.
        """
        with self._lock:
            self._subscribers.append(subscriber)

        def unsubscribe() -> None:
            with self._lock, suppress(ValueError):
                self._subscribers.remove(subscriber)

        return unsubscribe

    # What changes it

    def set_model(self, model: ModelFamily | None) -> None:
        """Make *model* the active one. Opens no file."""
        with self._lock:
            if model == self._model:
                return
            self._model = model
            self._begin_generation(Changes())
        self._tell()

    def choose(
        self,
        id: str,  # noqa: A002 the word of the API
        *,
        favourite: bool | None = None,
        use_partial: bool | None = None,
        field: FieldChoice | None = None,
    ) -> None:
        """Remember what the user chose for an entry; None leaves a choice as it is."""
        if self._choices.choose(id, favourite=favourite, use_partial=use_partial, field=field):
            with self._lock:
                self._begin_generation(Changes())
            self._tell()

    def rename(self, entry: Entry, name: str) -> str:
        """Give an embedding another name, and return the new id. Raises `RenameError`."""
        with self._scanning:
            renaming = rename(entry, name, self.view)
            for move in renaming.moves:
                self._index.move(*move)
            self._choices.move(entry.id, renaming.new_id)
        self.rescan()
        return renaming.new_id

    def set_roots(self, roots: Iterable[str | os.PathLike[str]]) -> Changes:
        """Look at these folders from now on, beginning with a rescan."""
        self._roots = _absolute(roots)
        return self.rescan()

    def rescan(self) -> Changes:
        """Look at all folders now, and return what has changed since the last look.

        What other processes chose meanwhile is taken in too.
        """
        with self._scanning, no_collecting():
            roots = self._roots
            reachable = tuple(filter(os.path.isdir, roots))
            self._files = self._look(reachable)
            snapshot = snapshot_of(reachable, self._files.values())
            self._index.forget_missing(self._files)
            self._index.save()
            changes = self._apply(replace(snapshot, roots=roots), set(roots) - set(reachable))
        self._tell()
        return changes

    def _look(self, roots: Iterable[str]) -> dict[str, Entry]:
        """Return by full path the entry of each file; of one that is not whole, the former."""
        files = {}
        is_whole = self.is_whole
        for file in walk(roots):
            former = self._files.get(file.full_path)
            if former and former.root != file.root:  # the roots were changed
                former = None
            if former and not _differs(file, former):
                files[file.full_path] = former
            elif is_whole is None or self._may_be_read(file, former, is_whole):
                files[file.full_path] = entry_of(file, self._read)
            elif former:
                files[file.full_path] = former
        return files

    def _may_be_read(self, file: Found, former: Entry | None, is_whole: IsWhole) -> bool:
        signature = file.size, file.mtime_ns
        return (
            file.problem is not None
            or (former is not None and (former.bytes, former.mtime_ns) == signature)
            or self._index.remembers(file)
            or is_whole(file.full_path, *signature)
        )

    def _apply(self, snapshot: Snapshot, unreachable: Collection[str]) -> Changes:
        changes = diff(self._snapshot, snapshot)
        missing = tuple(root for root in snapshot.roots if root in unreachable)
        for root in missing:
            if root not in self._unreachable:
                log.warning("the folder %s is missing: its embeddings come back with it", root)
        is_same = (snapshot.roots, missing) == (self._snapshot.roots, self._unreachable)
        if self._choices.refresh() or changes or not is_same:
            with self._lock:
                self._snapshot = snapshot
                self._unreachable = missing
                self._begin_generation(changes)
        return changes

    def _begin_generation(self, changes: Changes) -> None:
        self._generation += 1
        self._listing = None
        self._news.append((self._generation, changes))

    def _tell(self) -> None:
        """Tell the subscribers all news, unless another thread is at it; it goes on to ours."""
        while True:
            with self._lock:
                if self._is_telling or not self._news:
                    return
                self._is_telling = True
                news = self._news.popleft()
                subscribers = tuple(self._subscribers)
            for subscriber in subscribers:
                _call(subscriber, *news)
            with self._lock:
                self._is_telling = False


def _differs(file: Found, former: Entry) -> bool:
    """Tell whether a file is to be read anew."""
    known = former.bytes, former.mtime_ns, former.companions
    found = file.size, file.mtime_ns, file.companions
    return known != found or file.problem is not None or former.reading.is_passing


def _absolute(roots: Iterable[str | os.PathLike[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(os.path.abspath(os.fspath(root)) for root in roots))


def _call(subscriber: Subscriber, generation: int, changes: Changes) -> None:
    try:
        subscriber(generation, changes)
    except Exception:  # theirs; it must not cost the others their news
        log.exception("telling a subscriber of generation %d failed", generation)
