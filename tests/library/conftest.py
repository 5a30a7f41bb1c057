"""What most tests of a library begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib_embeddings.library.library import Library
from lib_embeddings.stores.choices import Choices
from lib_embeddings.stores.index import Index
from tests.library import Reader, Writers


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder for embeddings."""
    root = tmp_path / "embeddings"
    root.mkdir()
    return root


@pytest.fixture
def reader() -> Reader:
    """Return what the library reads files with."""
    return Reader()


@pytest.fixture
def writers() -> Writers:
    """Return the writers of files; at first all are done."""
    return Writers()


@pytest.fixture
def library(root: Path, reader: Reader, writers: Writers, tmp_path: Path) -> Library:
    """Return a library that has not scanned yet."""
    choices = Choices(str(tmp_path / "choices.sqlite"))
    library = Library([root], Index.nowhere(), choices, read=reader, wait=writers)
    library._generation = 0  # it begins at the time of day
    return library
