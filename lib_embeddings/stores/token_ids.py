"""Remembered token ids of names: a WebUI's own tokenizer takes seconds for ten thousand.

Tokenizers are told apart by the token ids of a probe, so their names and versions need not be
known.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from array import array
from collections.abc import Iterable, Mapping
from contextlib import closing

from lib_embeddings.names import is_text
from lib_embeddings.prompts.tokens import TokenIds, Tokenize, tokenize_names
from lib_embeddings.stores.index_file import FAILURES, connect

log = logging.getLogger(__name__)

# Letter case, digits, marks, an accent and an entity: here tokenizers of one vocabulary differ.
_PROBE = "A photo of <Easy-Negative_v2.5>, (Å) &amp; 猫"


class TokenIdStore:
    """Token ids by name for each known tokenizer, in a table of the index."""

    def __init__(self, path: str | None) -> None:
        """Prepare; a tokenizer's table is read on first use.

        Args:
            path: the index's file; None to remember for this process alone.
        """
        self._path = path
        self._lock = threading.Lock()
        self._known: dict[str, dict[str, TokenIds]] = {}

    def look_up(self, names: Iterable[str], tokenize: Tokenize) -> dict[str, TokenIds]:
        """Return the ids of each name; the tokenizer only gets new names."""
        wanted = list(names)
        with self._lock:
            tokenizer = _fingerprint(tokenize)
            if tokenizer not in self._known:
                self._known[tokenizer] = self._load(tokenizer)
            known = self._known[tokenizer]
            new = list(dict.fromkeys(name for name in wanted if name not in known))
            if new:
                made = dict(zip(new, tokenize_names(new, tokenize), strict=True))
                known.update(made)
                self._save(tokenizer, made)
            return {name: known[name] for name in wanted}

    def _load(self, tokenizer: str) -> dict[str, TokenIds]:
        """Read a tokenizer's table. If it cannot be read, names are tokenized again."""
        if self._path is None:
            return {}
        try:
            with closing(connect(self._path)) as connection:
                found = connection.execute(
                    "SELECT name, ids FROM token_ids WHERE tokenizer = ?", (tokenizer,)
                )
                return {name: _unpack(ids) for name, ids in found if _is_packed(ids)}
        except FAILURES as error:
            log.warning("the token ids in %s could not be read: %s", self._path, error)
            return {}

    def _save(self, tokenizer: str, made: Mapping[str, TokenIds]) -> None:
        """Write new ids. With a full disk or a lock they are just not remembered."""
        if self._path is None:
            return
        packed = [
            (tokenizer, name, _pack(ids))
            for name, ids in made.items()
            if is_text(name)  # SQLite stores nothing else
        ]
        try:
            with closing(connect(self._path)) as connection, connection:
                connection.executemany("INSERT OR REPLACE INTO token_ids VALUES (?, ?, ?)", packed)
        except FAILURES as error:
            log.warning("the token ids in %s could not be saved: %s", self._path, error)


# Ids are stored as 32-bit numbers: JSON would take several times as long to read.


def _pack(ids: TokenIds) -> bytes:
    return array("i", ids).tobytes()


def _unpack(packed: bytes) -> TokenIds:
    return array("i", packed).tolist()


def _is_packed(value: object) -> bool:
    return type(value) is bytes and len(value) % 4 == 0


def _fingerprint(tokenize: Tokenize) -> str:
    (ids,) = tokenize([_PROBE])
    return hashlib.blake2b(json.dumps(ids).encode(), digest_size=8).hexdigest()
