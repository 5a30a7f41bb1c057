"""A clock that is turned by hand, observers that say what they are told to, and an owner."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lib_embeddings.watch.tree import read_tree

from lib_embeddings.watch.watcher import Watcher


class Clock:
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Event:
    """The fields of watchdog's events that every version has; a path may be bytes."""

    event_type: str
    src_path: str | bytes
    dest_path: str | bytes = ""
    is_directory: bool = False


class ScriptedObserver:
    """An observer with the signatures of watchdog's, whose events are said by the test."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self.refusal = refusal
        self.handlers: dict[str, Any] = {}
        self.state = "new"

    def start(self) -> None:
        assert self.state == "new"
        self.state = "started"

    def schedule(self, event_handler: Any, path: str, *, recursive: bool = False) -> object:
        assert recursive
        if self.refusal is not None:
            raise self.refusal
        self.handlers[path] = event_handler
        return path

    def stop(self) -> None:
        self.state = "stopped"

    def join(self) -> None:
        assert self.state == "stopped"
        self.state = "ended"

    def say(self, event: Event) -> None:
        """Dispatch an event to the handlers of the folders that its path is in."""
        assert self.state == "started"
        for folder, handler in self.handlers.items():
            if str(event.src_path).startswith(folder):
                handler.dispatch(event)


@dataclass
class Observers:
    """A factory that keeps the observers it made, and refuses to watch when told why."""

    refusal: Exception | None = None
    made: list[ScriptedObserver] = field(default_factory=list)

    def __call__(self) -> ScriptedObserver:
        self.made.append(ScriptedObserver(self.refusal))
        return self.made[-1]

    @property
    def listening(self) -> list[ScriptedObserver]:
        return [observer for observer in self.made if observer.state == "started"]

    def folders(self) -> set[str]:
        """Return the folders that are watched now."""
        return {folder for observer in self.listening for folder in observer.handlers}


class Calls:
    """A callback that counts, and that a test can wait for."""

    def __init__(self) -> None:
        self.count = 0
        self.counted = threading.Condition()

    def __call__(self) -> None:
        with self.counted:
            self.count += 1
            self.counted.notify_all()

    def reach(self, count: int, within: float | None = None) -> bool:
        """Wait for so many calls, or for some seconds; tell whether they came."""
        with self.counted:
            return self.counted.wait_for(lambda: self.count >= count, within)


class Owner(Calls):
    """One who scans when called, and reads each file once it is whole."""

    def __init__(self, *roots: os.PathLike[str]) -> None:
        super().__init__()
        self.roots = roots
        self.contents: dict[str, bytes] = {}
        self.unfinished: set[str] = set()
        self._read: dict[str, tuple[int, int]] = {}

    def scan(self, watcher: Watcher) -> None:
        """Read what is new and whole, forget what is gone, keep the rest."""
        found = [file for root in self.roots for file in read_tree(os.fspath(root)).files]
        unfinished = set()
        for path, *signature in found:
            size, mtime_ns = signature
            if self._read.get(path) == (size, mtime_ns):
                continue
            if not watcher.is_whole(path, size, mtime_ns):
                unfinished.add(path)
                continue
            with open(path, "rb") as file:
                self.contents[path] = file.read()
            self._read[path] = (size, mtime_ns)
        paths = {path for path, _, _ in found}
        with self.counted:
            self.contents = {path: self.contents[path] for path in self.contents if path in paths}
            self._read = {path: self._read[path] for path in self.contents}
            self.unfinished = unfinished
        self()

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the scans have made a condition true."""
        with self.counted:
            self.counted.wait_for(condition)
