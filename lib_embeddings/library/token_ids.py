"""What tokenizers make of names, remembered: a WebUI's own takes seconds for ten thousand.

A small JSON file beside the index. Tokenizers are told apart by what they make of a probe, so no
name or version of theirs has to be known.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from lib_embeddings.library.atomic import write_atomically
from lib_embeddings.library.index import default_path as index_path

log = logging.getLogger(__name__)

TokenIds = list[int]
Tokenize = Callable[[list[str]], list[TokenIds]]

# Letter case, digits, marks, an accent and an entity: where tokenizers of one vocabulary differ.
_PROBE = "A photo of <Easy-Negative_v2.5>, (Å) &amp; 猫"


class TokenIdStore:
    """Token ids by name, for each tokenizer met."""

    def __init__(self, path: str | None = None) -> None:
        """Read what is kept at *path*, by default in the user's cache folder."""
        self._path = path or default_path()
        self._lock = threading.Lock()
        self._known = _read(self._path)

    def look_up(self, names: Iterable[str], tokenize: Tokenize) -> dict[str, TokenIds]:
        """Return the ids of each name; only names that are new to the tokenizer are given to it."""
        wanted = list(names)
        with self._lock:
            known = self._known.setdefault(_fingerprint(tokenize), {})
            new = [name for name in wanted if name not in known]
            if new:
                known.update(zip(new, tokenize(new), strict=True))
                self._save()
            return {name: known[name] for name in wanted}

    def _save(self) -> None:
        """Write everything. A full or read-only disk costs only the memory of it."""
        kept = json.dumps(self._known, separators=(",", ":"))
        try:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            write_atomically(self._path, kept.encode())
        except OSError as error:
            log.warning("the token ids %s could not be saved: %s", self._path, error)


def default_path() -> str:
    """Return where token ids are kept: beside the index."""
    return os.path.join(os.path.dirname(index_path()), "token_ids.json")


def _fingerprint(tokenize: Tokenize) -> str:
    (ids,) = tokenize([_PROBE])
    return hashlib.blake2b(json.dumps(ids).encode(), digest_size=8).hexdigest()


def _read(path: str) -> dict[str, dict[str, TokenIds]]:
    try:
        kept = json.loads(Path(path).read_bytes())
        return {
            tokenizer: {name: _checked(ids) for name, ids in names.items()}
            for tokenizer, names in kept.items()
        }
    except FileNotFoundError:
        pass
    except (OSError, ValueError, TypeError, AttributeError) as error:
        log.warning("the token ids %s are damaged and are made anew: %s", path, error)
    return {}


def _checked(ids: object) -> TokenIds:
    if isinstance(ids, list) and all(type(i) is int for i in ids):
        return ids
    raise ValueError(f"expected a list of numbers, found {ids!r:.40}")
