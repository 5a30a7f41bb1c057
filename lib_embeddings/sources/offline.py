"""What is known about files without a network: from a dump of Civitai, and what it did not know.

The dump is the SQLite file of github.com/willmiao/civitai-metadata-archive-db, if a person has
downloaded it and named it in the settings. Its tables are those that its author's LoRA Manager
reads (`py/services/model_metadata_provider.py`). No real one was ever read here.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from lib_embeddings.entries.writing import write_at_once
from lib_embeddings.errors import SourceError, shown
from lib_embeddings.limits import LIMITS
from lib_embeddings.our_files import our_path
from lib_embeddings.sources.source import Offer

_QUERY = """
    SELECT files.sha256, versions.id, versions.model_id, versions.name, versions.base_model,
           versions.data, models.name, models.type, models.data, models.username
    FROM model_files AS files
    JOIN model_versions AS versions ON versions.id = files.version_id
    JOIN models ON models.id = versions.model_id
    WHERE files.sha256 IN ({})
"""
# Every SQLite accepts this many values in one query.
_VALUES = 900


class Dump:
    """A dump of Civitai on this computer."""

    def __init__(self, path: str, offer_of: Callable[[dict[str, Any]], Offer]) -> None:
        """Read nothing yet.

        Args:
            offer_of: makes an offer from a version as Civitai returns it.
        """
        self._path = path
        self._offer_of = offer_of

    def identify(self, hashes: Sequence[str]) -> dict[str, Offer]:
        """Return what it knows about files, by their SHA-256.

        Raises:
            SourceError: it cannot be read.
        """
        try:
            with closing(sqlite3.connect(f"{Path(self._path).as_uri()}?mode=ro", uri=True)) as dump:
                rows = [row for part in _parts(hashes) for row in dump.execute(*_asking(part))]
        except (sqlite3.Error, ValueError) as error:
            raise SourceError(
                f"{shown(self._path, 255)} cannot be read as a dump of Civitai: {error}; download "
                "it again, or take it out of the settings"
            ) from error
        return {str(row[0]).lower(): self._offer_of(_version(*row[1:])) for row in rows}


def _parts(hashes: Sequence[str]) -> Iterator[Sequence[str]]:
    return (hashes[first : first + _VALUES] for first in range(0, len(hashes), _VALUES))


def _asking(hashes: Sequence[str]) -> tuple[str, list[str]]:
    # Its digits are upper-case ones.
    return _QUERY.format(",".join("?" * len(hashes))), [each.upper() for each in hashes]


def _version(  # noqa: PLR0913, PLR0917 - the columns of a row
    version: object,
    model: object,
    name: object,
    base_model: object,
    data: object,
    model_name: object,
    kind: object,
    model_data: object,
    username: object,
) -> dict[str, Any]:
    """Return a version including its model, as Civitai returns it."""
    of_model = {"creator": {"username": username}, **_document(model_data)}
    return {
        **_document(data),
        "id": version,
        "modelId": model,
        "name": name,
        "baseModel": base_model,
        "model": {**of_model, "name": model_name, "type": kind},
    }


def _document(text: object) -> dict[str, Any]:
    with suppress(ValueError, TypeError, RecursionError):
        found = json.loads(text)  # type: ignore[arg-type]
        return found if isinstance(found, dict) else {}
    return {}


class UnknownFiles:
    """The files that Civitai did not know when it was asked, for some weeks."""

    def __init__(self, path: str | None = None) -> None:
        """Keep them at *path*, by default in the user's cache folder."""
        self._file = Path(path) if path else our_path("unknown.json")

    def left_out(self, hashes: Iterable[str]) -> list[str]:
        """Return the hashes that are worth asking for."""
        kept = self._kept()
        return [each for each in hashes if each not in kept]

    def note(self, asked: Collection[str], known: Collection[str]) -> None:
        """Remember what was just asked for, and which of that is known."""
        unknown = {each: time.time() for each in asked if each not in known}
        kept = {each: when for each, when in self._kept().items() if each not in asked}
        newest = list({**kept, **unknown}.items())[-LIMITS.unknown_files :]
        with suppress(OSError):  # a full or read-only disk costs another request the next time
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_at_once(self._file, json.dumps(dict(newest)).encode())

    def _kept(self) -> dict[str, float]:
        oldest = time.time() - LIMITS.unknown_seconds
        try:
            kept = _document(self._file.read_bytes())
        except OSError:
            return {}
        return {each: when for each, when in kept.items() if type(when) is float and when > oldest}
