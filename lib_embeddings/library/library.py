"""The living library: what is in the folders now, for any number of readers and one scanner.

    rescan: walk -> read what is new -> snapshot -> diff -> publish -> inform the subscribers

Watcher, refresh button and API all call `rescan`. It works outside the lock that readers take, so
nobody waits for a disk but those who asked for a scan. Who asks during a scan shares the next one.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from functools import cached_property, partial
from itertools import chain
from typing import NamedTuple, final

from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.moves import Move
from lib_embeddings.entries.place import Place, absolute
from lib_embeddings.entries.read import read_file
from lib_embeddings.entries.snapshot import Changes, Snapshot, diff
from lib_embeddings.entries.walk import Folder, Found, walk
from lib_embeddings.errors import MoveError
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES, ModelFamily
from lib_embeddings.library.files import Files
from lib_embeddings.library.journal import Journal
from lib_embeddings.library.news import News, Subscriber
from lib_embeddings.library.progress import Progress, Stop, Stopped
from lib_embeddings.library.scanner import Publish, Scan, Scanner, Wait
from lib_embeddings.names import fold, split_name
from lib_embeddings.prompts.tokenizer import TokenIds, Tokenize
from lib_embeddings.stores.choices import Choice, Choices, FieldChoice
from lib_embeddings.stores.choices_file import Edit
from lib_embeddings.stores.index import Index, no_collecting
from lib_embeddings.stores.sets import Sets
from lib_embeddings.stores.token_ids import TokenIdStore
from lib_embeddings.views.catalogue import Catalogue
from lib_embeddings.views.folders import folder_id
from lib_embeddings.views.lens import ViewEntry
from lib_embeddings.views.prepared import Prepared
from lib_embeddings.views.view import View

log = logging.getLogger(__name__)


class Rescan(NamedTuple):
    """What a scan gave.

    Attributes:
        changes: since the scan before.
        again_in: seconds after which to call `Library.retry`, because a file was incomplete or
            could not be read, or a folder did not answer; None where nothing is left to do.
        folders: all folders there are now, without their files, for whoever watches them.
        cost: seconds that the same scan takes once more: what was new is read once.
        calls: how often it asks the disk.
    """

    changes: Changes
    again_in: float | None
    folders: tuple[Folder, ...]
    cost: float = 0.0
    calls: int = 0


def _complete(_path: str, _size: int, _mtime_ns: int) -> float:
    """Take every file as it is, where nobody watches writers."""
    return 0.0


@final
class Library:
    """Some folders, seen with the active model and with what people chose.

    Subscribers must not scan: they are called while a scan goes on.
    """

    def __init__(  # noqa: PLR0913 - all that it needs is given here
        self,
        roots: Iterable[str | os.PathLike[str]],
        index: Index,
        choices: Choices | None = None,
        *,
        tokenize: Tokenize | None = None,
        wait: Wait = _complete,
        stop: Stop | None = None,
        read: Callable[[Found], Entry] = read_file,
        on_progress: Callable[[int, int], object] | None = None,
        on_scan: Callable[[Rescan], object] | None = None,
    ) -> None:
        """Begin with no entries; `rescan` finds them.

        Args:
            roots: the folders; one that is missing may come with any later scan.
            choices: what people chose; beside it lies the trash. Without it nobody can choose,
                rename, move or delete.
            tokenize: returns token ids while no model is active.
            wait: from path, size and mtime_ns of a new or changed file, returns the seconds until
                its writer will be done, 0 if he is. Until then its former entry stays, or none is
                made. The first scan takes all files as they are.
            stop: ends a scan, which then waits for one file at the most.
            read: says what one file is; called for new and changed files only.
            on_progress: called after each file that is read, with the numbers of `Progress`.
            on_scan: called with what each scan gave, in the thread that ran it.
        """
        self._index = index
        self._choices = choices
        self._journal = Journal(choices, self._keep_reading) if choices else None
        self._token_ids = TokenIdStore(index.path)
        self._no_model = tokenize
        self._roots = _absolute(roots)
        self._scanning = threading.Lock()  # one scan at a time; guards all down to `_progress`
        self._read = read
        self._stop = stop or threading.Event()
        self._scanner = Scanner(
            self._roots,
            index,
            read=read,
            wait=wait,
            stop=self._stop,
            on_progress=self._note_progress,
        )
        self._last: tuple[int, Rescan] | None = None
        self._begun = 0  # scans
        self._has_scanned = self._is_published = False  # once; all that the scanner knows
        self._reported = Snapshot(self._roots, {})  # up to which subscribers know all changes
        self._on_progress, self._on_scan = on_progress, on_scan
        self._progress: Progress | None = Progress(0, 0)
        self._unreachable: tuple[str, ...] = ()
        self._lock = threading.Lock()  # guards all below, and is never held while a disk is asked
        self._snapshot = Snapshot(self._roots, {})
        self._ahead = self._snapshot  # what was read before the scan that goes on came to it
        self._model: ModelFamily | None = None
        self._loaded: frozenset[str] | None = None
        self._tokenize = tokenize
        # Pages outlive the process that they know a generation of: none may come twice.
        self._generation = time.time_ns() // 1_000_000
        self._catalogue: Catalogue | None = None
        self._prepared = Prepared(
            View.of(self._snapshot, None), tokenize, self._token_ids.look_up
        )  # of the last catalogue
        self._news = News()

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
    def tokenize(self) -> Tokenize | None:
        """Return token ids as the active model has them; None where nothing can."""
        return self._tokenize

    @property
    def roots(self) -> tuple[str, ...]:
        """The folders, as absolute paths."""
        return self._roots

    @property
    def unreachable_roots(self) -> tuple[str, ...]:
        """Roots that were missing at the last scan; their entries come back with them."""
        return self._unreachable

    @property
    def progress(self) -> Progress | None:
        """How far the scan is that reads files now; None where none does.

        Until the first scan has ended it is never None.
        """
        return self._progress

    @property
    def is_scanning(self) -> bool:
        """Whether folders are looked at now."""
        return self._scanning.locked()

    def wait_for_scan(self, seconds: float) -> bool:
        """Wait for the scan that goes on, if one does; tell whether it has ended."""
        has_ended = self._scanning.acquire(timeout=seconds)
        if has_ended:
            self._scanning.release()
        return has_ended

    def find(self, id: str) -> ViewEntry | None:  # noqa: A002 the word of the API
        """Return the entry with this id now, if there is one."""
        return self.catalogue.find(id)

    def sha256(self, entry: Entry) -> str:
        """Return the SHA-256 of an entry's file, computed once. Raises `OSError`."""
        return self._index.sha256(entry.place.full_path)

    def hash_twins(self) -> None:
        """Hash all files of one name and one size, so that lists can say which are the same."""
        known = self._index.hashes()
        for entry in self.view.same_sizes:
            if self._stop.is_set():
                return
            if entry.place.full_path not in known:
                with suppress(OSError):  # it is gone, or tried again in the next generation
                    self.sha256(entry)
        if self._index.hashes().keys() - known:
            self._renew()

    def token_ids(self, names: Iterable[str], tokenize: Tokenize) -> dict[str, TokenIds]:
        """Return what a tokenizer makes of each name; it is asked once for each, ever."""
        return self._token_ids.look_up(names, tokenize)

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call *subscriber* with each new generation and its changes; return how to stop that.

        It is called in the order of generations, outside the lock of readers, in the thread that
        made the change or in one that makes another. While a scan reads many files there are
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
            loaded: full paths of the files that a host's own loader has loaded; None where the host
                has what is usable.
        """
        tokenize = tokenize or self._no_model
        with self._lock:
            if (model, tokenize, loaded) == (self._model, self._tokenize, self._loaded):
                return
            self._model, self._tokenize, self._loaded = model, tokenize, loaded
            self._begin_generation(Changes())
        self._news.deliver()

    def choose(
        self,
        id: str,  # noqa: A002 the word of the API
        *,
        favourite: bool | None = None,
        use_partial: bool | None = None,
        hidden: bool | None = None,
        field: FieldChoice | None = None,
    ) -> None:
        """Remember what people chose for an entry; None leaves a choice as it is."""
        if self._choices and self._choices.choose(
            id, favourite=favourite, use_partial=use_partial, hidden=hidden, field=field
        ):
            self._renew()

    def mark(self, ids: Collection[str], *, favourite: bool) -> None:
        """Remember for many entries at once whether they are favourites."""
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

    @cached_property
    def files(self) -> Files:
        """Its files, for those who may change them."""
        return Files(
            self._journal,
            self._scanning,
            lambda: self._snapshot.entries,
            self.folder,
            self.rescan_folders,
            self._index.keep,
        )

    def _keep_reading(self, move: Move) -> None:
        old, new = move
        if new.suffix == old.suffix:  # with another ending it is read as another file
            self._index.move(old.full_path, new.full_path)

    def folder(self, id: str) -> Place:  # noqa: A002 likewise
        """Return the place of a folder by its id. Raises `MoveError` where there is none."""
        numbers = {root: number for number, root in enumerate(self._scanner.roots)}
        for folder in self._scanner.folders:
            if folder_id(numbers[folder.place.root], folder.place.path) == id:
                return folder.place
        raise MoveError("this folder no longer exists: choose another")

    def set_roots(self, roots: Iterable[str | os.PathLike[str]]) -> Rescan:
        """Scan these folders from now on, beginning at once."""
        self._roots = _absolute(roots)
        return self.rescan()

    def rescan(self) -> Rescan:
        """Scan all folders, and return what has changed.

        Who calls while a scan goes on gets the result of the next one, whoever runs it: it begins
        after the call.
        """
        wanted = self._begun + 1
        with self._scanning:
            if self._last is None or self._last[0] < wanted:
                self._begun += 1
                self._last = self._begun, self._scan(self._scan_all)
            result = self._last[1]
        self._news.deliver()
        return result

    def rescan_folders(self, paths: Collection[str]) -> Rescan:
        """Scan some folders alone, or all where one of them is not known.

        Args:
            paths: full paths, as a folder's place has them.
        """
        return self._scan_now(partial(self._scanner.scan_folders, paths))

    def rescan_changed(self) -> Rescan:
        """Scan the folders in which something came, went or got another name.

        It costs one call to the disk for each folder; what was written in place is not found.
        """
        return self._scan_now(self._scanner.scan_changed)

    def bring(self, texts: Iterable[str]) -> bool:
        """Read at once, and alone, what texts may name, while a scan is on its way to it.

        Returns:
            Whether anything was read.
        """
        if not self.is_scanning:
            return False
        written = _unspaced("\n".join(texts))

        def is_wanted(filename: str) -> bool:
            stem = _unspaced(split_name(filename)[0])
            return stem in written or stem.replace("_2", "") in written  # the half of a pair

        folders = walk(self._roots, is_wanted=is_wanted)
        known = self._snapshot.folders
        entries = [
            self._read(found)
            for found in chain.from_iterable(folder.files for folder in folders)
            if not (found.problem or _is_known(found, known.get(found.place.full_folder, ())))
        ]
        if entries:
            with self._lock:
                self._ahead = self._ahead.with_others(Snapshot.of(self._roots, entries))
                self._snapshot = self._snapshot.with_others(self._ahead)
                self._begin_generation(Changes())
            self._news.deliver()
        return bool(entries)

    def retry(self) -> Rescan:
        """Scan again what was incomplete, could not be read, or did not answer."""
        return self._scan_now(self._scanner.retry)

    def _scan_now(self, run: Callable[[Publish], Scan]) -> Rescan:
        with self._scanning:
            result = self._scan(run)
        self._news.deliver()
        return result

    def _scan_all(self, publish: Publish) -> Scan:
        has_other_roots = self._scanner.roots != self._roots
        if has_other_roots:
            self._scanner.set_roots(self._roots)
        scan = self._scanner.scan(publish)
        return scan._replace(is_changed=scan.is_changed or has_other_roots)

    def _scan(self, run: Callable[[Publish], Scan]) -> Rescan:
        changes = Changes()
        was_published, self._is_published = self._is_published, False
        try:
            with no_collecting():
                scan = run(self._publish_batch)
                if scan.is_changed or not was_published:
                    changes = self._publish(scan.answered)
            self._is_published = True
        except Stopped:
            return Rescan(Changes(), None, ())
        finally:
            self._index.save()
            if self._has_scanned:
                self._progress = None
        if self._choices and self._choices.refresh():
            self._renew()
        folders = tuple(self._scanner.folders)
        result = Rescan(changes, scan.again_in, folders, scan.cost, scan.calls)
        if self._on_scan:
            self._on_scan(result)
        return result

    def _publish_batch(self) -> None:
        """Show what a scan has read so far."""
        snapshot = self._scanner.snapshot
        with self._lock:
            self._snapshot = snapshot.with_others(self._ahead)
            self._begin_generation(Changes())
        self._news.deliver()

    def _publish(self, answered: Collection[str]) -> Changes:
        """Show what a scan found; the first one is shown also where it found nothing."""
        roots = self._scanner.roots
        snapshot = self._scanner.snapshot
        changes = diff(self._reported, snapshot)
        missing = tuple(root for root in roots if root not in answered)
        for root in missing:
            if root not in self._unreachable:
                log.warning("the folder %s is missing: its embeddings come back with it", root)
        is_news = changes or snapshot != self._snapshot or missing != self._unreachable
        self._unreachable, self._reported = missing, snapshot
        if is_news or not self._has_scanned:
            with self._lock:
                self._snapshot, self._progress = snapshot, None
                self._ahead = Snapshot(self._roots, {})
                self._has_scanned = True
                self._begin_generation(changes)
        return changes

    def _note_progress(self, progress: Progress) -> None:
        self._progress = progress
        if self._on_progress:
            self._on_progress(*progress)

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


def _unspaced(text: str) -> str:
    """Return a text as names in prompts are compared here: blanks and escapes may be missing."""
    return "".join(fold(text).replace("\\", "").split())


def _is_known(found: Found, entries: Iterable[Entry]) -> bool:
    now = found.place, found.size, found.mtime_ns
    return any((each.place, each.size, each.mtime_ns) == now for each in entries)


def _absolute(roots: Iterable[str | os.PathLike[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(absolute, roots)))


def scan(roots: Iterable[str | os.PathLike[str]], model: str | ModelFamily | None = None) -> View:
    """Say what every file in some folders is, and whether a model can use it.

    Nothing is remembered from before or for later.

    Args:
        roots: the folders; sub-folders are scanned too, and links are followed.
        model: a model family, or its key: `sd1`, `sd2`, `sdxl`, `sd3`, `flux` …

    Raises:
        NotADirectoryError: a root is no folder.
        ValueError: there is no such model family.
    """
    folders = [os.fspath(root) for root in roots]
    for folder in folders:
        if not os.path.isdir(folder):
            raise NotADirectoryError(folder)
    if isinstance(model, str) and model not in MODEL_FAMILIES:
        raise ValueError(f"model: expected one of {', '.join(MODEL_FAMILIES)}, found {model!r}")
    library = Library(folders, Index.nowhere())
    library.set_model(MODEL_FAMILIES[model] if isinstance(model, str) else model)
    library.rescan()
    return library.view
