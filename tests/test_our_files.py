"""Where our own files lie: people have data there, so that it stays where it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from platformdirs import user_cache_path, user_config_path, user_data_path

from lib_embeddings.our_files import our_path


@pytest.mark.parametrize(
    ("folder", "names"),
    [
        (user_cache_path, "index.sqlite thumbnails offers downloads concepts.json unknown.json"),
        (user_data_path, "choices.sqlite previews learning model.txt"),
        (user_config_path, "sources.ini"),
    ],
)
def test_each_lies_where_it_always_did(folder: Callable[[str], Path], names: str) -> None:
    """Only files that may be lost are in the cache folder; people's own are not."""
    for name in names.split():
        assert our_path(name) == folder("lib_embeddings") / name


def test_others_have_no_place() -> None:
    """Nothing is kept that the list does not have."""
    with pytest.raises(KeyError):
        our_path("another.txt")
