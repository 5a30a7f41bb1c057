"""The SQLite file that the index lies in: in the user's cache folder, never among embeddings."""

from __future__ import annotations

import os
import sqlite3

from platformdirs import user_cache_path

# Raise it when a table changes, or when a reader's answer to the same bytes does.
VERSION = 4

# What goes wrong with a file that is damaged, locked, or on a full disk.
FAILURES = (sqlite3.Error, OSError)

# Thousands of files have the same reading.
_SCHEMA = """
DROP TABLE IF EXISTS files;
DROP TABLE IF EXISTS readings;
DROP TABLE IF EXISTS token_ids;
CREATE TABLE files (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    reading INTEGER NOT NULL, stored_name TEXT, sha256 TEXT
) WITHOUT ROWID;
CREATE TABLE readings (id INTEGER PRIMARY KEY, reading TEXT NOT NULL);
CREATE TABLE token_ids (
    tokenizer TEXT, name TEXT, ids BLOB NOT NULL, PRIMARY KEY (tokenizer, name)
) WITHOUT ROWID;
"""


def default_path() -> str:
    """Return where the index lies."""
    return str(user_cache_path("lib_embeddings") / "index.sqlite")


def connect(path: str) -> sqlite3.Connection:
    """Open the file, which is emptied first when another version made it.

    Raises:
        sqlite3.OperationalError: it is locked, or cannot be opened.
        sqlite3.DatabaseError: it is damaged.
        OSError: its folder cannot be made.
    """
    os.makedirs(os.path.dirname(path), exist_ok=True)
    connection = sqlite3.connect(path, timeout=1)
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != VERSION:
            with connection:
                connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {VERSION};")
    except sqlite3.Error:
        connection.close()
        raise
    return connection
