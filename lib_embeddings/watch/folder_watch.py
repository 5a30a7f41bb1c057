"""One watched root: its observer, and whether events report its changes."""

from __future__ import annotations

import errno
import logging
import math
import os
import random
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from inspect import signature
from typing import Any, Protocol

import watchdog.events
import watchdog.observers

from lib_embeddings.entries.walk import Folder, Identity
from lib_embeddings.limits import REST
from lib_embeddings.names import is_hidden, is_temporary

log = logging.getLogger(__name__)

# Without "opened" and "closed_no_write", on purpose: reading a file must not wake its reader.
FILE_EVENTS = frozenset({"created", "modified", "attrib", "moved", "deleted", "closed"})
# A folder is "modified" with every file in it, ignored ones included.
FOLDER_EVENTS = frozenset({"created", "moved", "deleted"})
# Events after which a file is complete.
COMPLETIONS = frozenset({"moved", "closed"})
# Events that an `EventFilter` would drop anyway need not be reported.
_EVENTS = [
    kind
    for kind in vars(watchdog.events).values()
    if getattr(kind, "event_type", "")
    in (FOLDER_EVENTS if getattr(kind, "is_directory", False) else FILE_EVENTS)
]
# Watchdog 7 reports an error if an observer still holds an event when it ends.
logging.getLogger("watchdog.observers.inotify").addFilter(
    lambda record: "thread is inactive" not in record.getMessage()
)

# Linux's error when it can watch no more folders, and the remedy.
_LIMITS = {
    errno.ENOSPC: "; raise the limit with: sudo sysctl fs.inotify.max_user_watches=524288",
    errno.EMFILE: "; raise the limit with: sudo sysctl fs.inotify.max_user_instances=1024",
}

# After one change without an event, the event may still come; after two in a row it will not.
MISSES = 2
# With events, scanning takes at most half a percent of the time.
REST_WITH_EVENTS = 200
# Seconds that an observer gets to end. Watchdog before 2.1.8 hangs if its folder is unmounted.
PATIENCE = 2.0


@dataclass(frozen=True, slots=True)
class Pace:
    """The times of a watch in seconds, each with its reason."""

    # The silence that ends a burst: two files of one copy are milliseconds apart.
    quiet: float = 0.1
    # The longest that a burst is held, so that a steady stream cannot delay a scan for ever.
    ceiling: float = 1.0
    # The safety net below the events: scanning 1,000 files takes about 7 ms.
    poll: float = 10.0
    # The same where no events arrive.
    poll_alone: float = 2.0
    # The same for a missing root: asking for it costs microseconds.
    poll_missing: float = 0.25
    # The most calls a second to a share for scans, and as many again for the times of folders.
    calls: float = 25.0
    # Up to this part of a pause is added to it at random.
    jitter: float = 0.25


PACE = Pace()


@dataclass(frozen=True, slots=True)
class Hint:
    """The content of an event that matters.

    Attributes:
        folders: full paths of the folders in which files changed; none where these are not known.
        complete: the path of a file that is now complete, in its real folder, if there is one.
    """

    folders: tuple[str, ...] = ()
    complete: str | None = None


OnEvent = Callable[[Hint], None]


class Event(Protocol):
    """The part of watchdog's events that is used, in every version."""

    event_type: str
    is_directory: bool
    src_path: str | bytes


class Observer(Protocol):
    """The part of watchdog's observers that is used, in every version."""

    def start(self) -> None:
        """Start the observer's threads."""

    # Any: watchdog names its own base class, but only calls `dispatch`.
    def schedule(self, event_handler: Any, path: str, *, recursive: bool) -> object:
        """Watch a folder; raise OSError where that is impossible."""

    def stop(self) -> None:
        """Ask the observer's threads to end."""

    def join(self) -> None:
        """Wait for the observer's threads to end."""


def observe() -> Observer:
    """Return an observer that does not report the reading of files.

    Reading ten thousand files takes twice as long if each reading is reported.
    """
    observer: Any = watchdog.observers.Observer()
    if "event_filter" in signature(observer.schedule).parameters:  # from watchdog 4 on
        observer.schedule = partial(observer.schedule, event_filter=_EVENTS)
    return observer  # type: ignore[no-any-return]


class EventFilter:
    """Pass on the events below one watched folder that are a reason to scan."""

    def __init__(self, folder: str, full_path: str, on_event: OnEvent) -> None:
        """Filter the events of a folder.

        Args:
            folder: the path given to the observer.
            full_path: the path by which it is scanned.
        """
        self._folder = folder
        self._full_path = full_path
        self._on_event = on_event

    def dispatch(self, event: Event) -> None:
        """Judge one event by its kind and by the names in it."""
        kind = event.event_type
        if kind not in (FOLDER_EVENTS if event.is_directory else FILE_EVENTS):
            return
        # Before version 5 only moves had a dest_path.
        source, goal = os.fsdecode(event.src_path), os.fsdecode(getattr(event, "dest_path", ""))
        goal = goal or source
        is_file = not event.is_directory
        folders = tuple({self._folder_of(source), self._folder_of(goal)}) if is_file else ()
        if is_file and kind in COMPLETIONS and not self._ignores(goal, is_file):
            self._on_event(Hint(folders, goal))
        elif not (self._ignores(source, is_file) and self._ignores(goal, is_file)):
            self._on_event(Hint(folders))

    def _folder_of(self, path: str) -> str:
        return self._full_path + os.path.dirname(path).removeprefix(self._folder)

    def _ignores(self, path: str, is_file: bool) -> bool:
        below = path.removeprefix(self._folder)
        return any(map(is_hidden, below.split(os.sep))) or (is_file and is_temporary(below))


class FolderWatch:
    """A root, the observer of its folders, and the time of its next scan.

    Where events do not arrive (network shares, containers, no inotify watches left), the root is
    polled every few seconds. Belongs to one thread.
    """

    def __init__(
        self,
        path: str,
        on_event: OnEvent,
        pace: Pace,
        observer_factory: Callable[[], Observer],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin without an observer; the first scan is due.

        Args:
            path: the root; it may be missing now.
            on_event: the only thing that other threads call.
        """
        self.path = path
        self.next_scan = -math.inf
        self.next_peek = math.inf
        self._peeks, self._peek_rest = False, pace.poll
        self._n_folders = 0
        self._on_event = on_event
        self._pace = pace
        self._clock = clock
        self._observer_factory = observer_factory
        self._observer: Observer | None = None
        self._laid: object = None
        self._is_missing = False
        self._identity: Identity | None = None
        self._expects_events = False
        self._misses = 0
        self._is_polling = False

    def is_due(self) -> bool:
        """Return whether to scan now, without an event; a missing root is due once it is there."""
        if self._clock() < self.next_scan:
            return False
        if self._is_missing and not os.path.isdir(self.path):
            self.plan()
            return False
        return True

    def plan(self, cost: float = 0.0, calls: int = 0) -> None:
        """Set the time of the next scan without an event.

        Args:
            cost: seconds that it takes.
            calls: how often it asks the disk.
        """
        pace = self._pace
        if self._is_missing:
            rest = self._peek_rest = pace.poll_missing
        elif self._observer and not self._misses and not self._is_polling:
            self._peek_rest = pace.poll
            rest = max(pace.poll, REST_WITH_EVENTS * cost)
        else:
            self._peek_rest = pace.poll_alone
            rest = max(pace.poll_alone, REST * cost)
            if rest > pace.poll_alone:  # the disk is slow, and others use it too
                rest = max(rest, calls / pace.calls)
        self._peeks = rest > self._peek_rest
        self.next_scan = self._in(rest)
        self.plan_peek()

    def plan_peek(self) -> None:
        """Set the time to ask the folders for their times, where a scan has to wait for long."""
        rest = max(self._peek_rest, self._n_folders / self._pace.calls)
        self.next_peek = self._in(rest) if self._peeks else math.inf

    def _in(self, seconds: float) -> float:
        """Return the time in some seconds or a little more, so that programs do not coincide."""
        return self._clock() + seconds * (1 + self._pace.jitter * random.random())  # noqa: S311

    def take_in(self, folders: Collection[Folder], *, is_changed: bool, had_event: bool) -> bool:
        """Take in the result of a scan, and lay the watch again if folders came or went.

        Args:
            folders: all folders of the root now, none where it is missing.
            had_event: whether an event came since the last scan.

        Returns:
            Whether to scan once more, for files that came before the watch was there.
        """
        identity = next((each.identity for each in folders if not each.place.path), None)
        is_silent = any(each.problem for each in folders)
        if had_event:
            self._misses = 0
        # No event is due when a root goes or is replaced, or when a folder falls silent.
        elif self._expects_events and identity == self._identity and is_changed and not is_silent:
            self._count_miss()
        self._identity = identity
        self._is_missing, self._n_folders = not folders, len(folders)
        is_laid = self._lay(folders)
        # Files that came before the watch, or while a folder was silent, had no event.
        is_blind = self._observer is None or is_laid or is_silent or self._is_polling
        self._expects_events = not is_blind
        return is_laid

    def close(self) -> None:
        """End the observer's threads."""
        self._replace(None)

    def _lay(self, folders: Collection[Folder]) -> bool:
        """Watch the folders if others are watched now; return whether a watch was laid."""
        span = frozenset((folder.place.full_path, folder.identity) for folder in folders)
        if span == self._laid or self._is_polling:
            return False
        self._laid = None
        tops = {
            os.path.realpath(each.place.full_path): each.place.full_path
            for each in folders
            if each.is_linked and not each.problem
        }
        try:
            self._replace(self._observe(tops) if tops else None)
            self._laid = span
        except (FileNotFoundError, NotADirectoryError):
            self._replace(None)  # a folder went away: the next scan lays it again
        except (OSError, RuntimeError) as error:
            self._replace(None)
            limit = _LIMITS.get(getattr(error, "errno", None) or 0, "")
            self._poll_from_now_on(f"the system gives no file events ({error}{limit})")
        return self._observer is not None

    def _observe(self, tops: Mapping[str, str]) -> Observer:
        with ExitStack() as undo:
            observer = self._observer_factory()
            observer.start()
            undo.callback(_end, observer)
            for top, full_path in sorted(tops.items()):
                event_filter = EventFilter(top, full_path, self._on_event)
                observer.schedule(event_filter, top, recursive=True)
            undo.pop_all()
        return observer

    def _replace(self, observer: Observer | None) -> None:
        former, self._observer = self._observer, observer
        if former is not None:
            _end(former)

    def _count_miss(self) -> None:
        """Count a change without an event; after some in a row, events are no longer relied on."""
        self._misses += 1
        self._laid = None  # in case the observer died: lay the watch again
        if self._misses == MISSES:
            self._poll_from_now_on("changes come without file events")

    def _poll_from_now_on(self, reason: str) -> None:
        self._is_polling = True
        log.warning(
            "watching %s: %s; it is scanned every %g s instead",
            self.path,
            reason,
            self._pace.poll_alone,
        )


def _end(observer: Observer) -> None:
    """End an observer's threads, or leave them behind if they hang or fail."""

    def end() -> None:
        try:
            observer.stop()
            observer.join()
        except Exception:
            log.exception("an observer of file events did not end")

    ending = threading.Thread(target=end, name="embeddings-watcher-end", daemon=True)
    ending.start()
    ending.join(PATIENCE)
