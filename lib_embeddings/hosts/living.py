"""The composition root inside a WebUI: a library, the watch over its folders, and the host."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from lib_embeddings.entries.read import read_file
from lib_embeddings.hosts.port import Host
from lib_embeddings.library.choices import Choices
from lib_embeddings.library.index import Index
from lib_embeddings.library.library import Library
from lib_embeddings.watch.watcher import Watcher


@contextmanager
def living_in(host: Host) -> Iterator[Library]:
    """Let a host use a library that follows its folders by itself, until the block ends.

    The first look at the folders is the watch's own, so that nobody waits for it.
    """
    with Index.open() as index, closing(Choices()) as choices:
        library = Library(host.folders(), index, choices)

        def is_whole(path: str, size: int, mtime_ns: int) -> bool:
            # A host that has just written a file asks for it before its events arrive; what reads
            # as an embedding to its end is whole.
            return watcher.is_whole(path, size, mtime_ns) or read_file(path)[0].state == "ok"

        def look() -> None:
            library.rescan()
            library.is_whole = is_whole  # what lay there at the start counts as whole

        watcher = Watcher(library.roots, look)

        def follow(folders: list[str]) -> None:
            watcher.set_roots(folders)
            library.set_roots(folders)

        try:
            host.attach(library, follow)
            with watcher:
                yield library
        finally:
            host.detach()
