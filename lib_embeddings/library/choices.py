"""What the user chose for single embeddings: favourites, and partial ones to be used anyway.

A small JSON file in the user's data folder, never in a folder of embeddings. It speaks of entries
by their ids.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from contextlib import suppress
from pathlib import Path

from platformdirs import user_data_path

from lib_embeddings.entries.atomic import write_atomically
from lib_embeddings.entries.snapshot import id_of

log = logging.getLogger(__name__)


class Preferences:
    """Choices by id. Every change is written at once.

    Attributes:
        favourites: ids of the entries the user likes best.
        use_partial: ids of the entries that count as usable where they are partial.
    """

    def __init__(self, path: str | None = None) -> None:
        """Read the choices kept at *path*, by default in the user's data folder.

        A file that is damaged is put aside and begun anew.
        """
        self._path = path or default_path()
        self._lock = threading.Lock()
        self.favourites, self.use_partial = _read(self._path)

    def set(
        self,
        id: str,  # noqa: A002 the word of the API
        *,
        favourite: bool | None = None,
        use_partial: bool | None = None,
    ) -> bool:
        """Remember choices for an entry; None leaves one as it is. Tell whether any is new."""
        with self._lock:
            before = self.favourites, self.use_partial
            self.favourites = _with(self.favourites, id, favourite)
            self.use_partial = _with(self.use_partial, id, use_partial)
            is_new = before != (self.favourites, self.use_partial)
            if is_new:
                self._save()
        return is_new

    def move(self, old: str, new: str) -> None:
        """Let what was chosen for one id be chosen for another, as a file was renamed."""
        favourite, use_partial = old in self.favourites, old in self.use_partial
        if favourite or use_partial:
            self.set(old, favourite=False, use_partial=False)
            self.set(new, favourite=favourite, use_partial=use_partial)

    def move_file(self, source: str, target: str) -> None:
        """Let choices follow a file, given by full paths: any folder above may be its root."""
        root = os.path.dirname(source)
        while True:
            old, new = (
                os.path.relpath(path, root).replace(os.sep, "/") for path in (source, target)
            )
            self.move(id_of(root, old), id_of(root, new))
            if root == os.path.dirname(root):
                break
            root = os.path.dirname(root)

    def _save(self) -> None:
        """Write all choices. A full or read-only disk costs only their memory."""
        kept = {"favourites": sorted(self.favourites), "use_partial": sorted(self.use_partial)}
        try:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            write_atomically(self._path, json.dumps(kept, indent=1).encode())
        except OSError as error:
            log.warning("the preferences %s could not be saved: %s", self._path, error)


def default_path() -> str:
    """Return where preferences are kept: in the user's data folder."""
    return str(user_data_path("lib_embeddings") / "preferences.json")


def _with(ids: frozenset[str], id: str, chosen: bool | None) -> frozenset[str]:  # noqa: A002
    if chosen is None:
        return ids
    return ids | {id} if chosen else ids - {id}


def _read(path: str) -> tuple[frozenset[str], frozenset[str]]:
    try:
        kept = json.loads(Path(path).read_bytes())
        return frozenset(map(str, kept["favourites"])), frozenset(map(str, kept["use_partial"]))
    except FileNotFoundError:
        pass
    except OSError as error:
        log.warning("the preferences %s could not be read, going on without: %s", path, error)
    except (ValueError, TypeError, LookupError) as error:
        aside = f"{path}.damaged"
        log.warning("the preferences %s are damaged, put aside as %s: %s", path, aside, error)
        with suppress(OSError):
            os.replace(path, aside)
    return frozenset(), frozenset()
