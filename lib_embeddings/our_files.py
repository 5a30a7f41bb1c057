"""Where our own files lie: the one list of them. Nothing of it is in a folder of embeddings.

The trash and what moves lie beside the choices, wherever those are.
"""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_cache_path, user_config_path, user_data_path

_FOLDER = "lib_embeddings"

# What may be lost: it is made again.
_CACHE = (
    "index.sqlite",
    "thumbnails",
    "offers",
    "downloads",
    "concepts.json",
    "unknown.json",
)
# What people made or chose.
_DATA = ("choices.sqlite", "previews", "learning", "model.txt")
# What people write themselves.
_CONFIG = ("sources.ini",)

_PLACES = {
    **dict.fromkeys(_CACHE, user_cache_path),
    **dict.fromkeys(_DATA, user_data_path),
    **dict.fromkeys(_CONFIG, user_config_path),
}


def our_path(name: str) -> Path:
    """Return where a file or folder of ours lies, by the name that it has on the disk.

    Raises:
        KeyError: it is not one of ours.
    """
    return _PLACES[name](_FOLDER) / name
