"""A library's names are prepared for prompts once for each generation."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.library.choices import Choices
from lib_embeddings.library.index import Index
from lib_embeddings.library.library import Library
from lib_embeddings.library.reports import PromptReports
from tests.builders import safetensors_file, vectors

SD1 = safetensors_file()
SD2 = safetensors_file({"emb_params": vectors(4, 1024)})


class Letters:
    """Every letter is a token."""

    def __call__(self, texts: list[str]) -> list[list[int]]:
        return [[ord(letter) for letter in text] for text in texts]


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """Return a library of three embeddings and a file that is none."""
    root = tmp_path / "embeddings"
    root.mkdir()
    for name, data in {"ab": SD1, "abc": SD2, "x": SD1, "page": b"<html></html>"}.items():
        (root / f"{name}.pt").write_bytes(data)
    with Index.nowhere() as index:
        library = Library([root], index, Choices(str(tmp_path / "choices.sqlite")))
        library.tokenize = Letters()
        library.set_model(MODEL_FAMILIES["sd1"])
        library.rescan()
        yield library


def test_all_embeddings_are_known(library: Library) -> None:
    """What the model cannot use is known with its reason, and so is a file that is no embedding."""
    ready = PromptReports(library).ready()
    assert ready
    report = ready.reader.read("abc page", 20)
    assert [use.known.name for use in report.used] == ["ab"]
    (known, shadowed_by), (page, _) = report.unavailable
    assert page.name == "page"
    assert page.reason
    assert "web page" in page.reason
    assert (known.name, known.n_vectors, shadowed_by) == ("abc", 4, "ab")
    assert known.reason
    assert "SD 2.x" in known.reason
    assert known.id in {fitted.id for fitted in library.view}


def test_a_generation_is_prepared_once(library: Library) -> None:
    """Until the library changes, all threads share one reader."""
    reports = PromptReports(library)
    with ThreadPoolExecutor(4) as threads:
        readers = {id(ready) for ready in threads.map(lambda _: reports.ready(), range(20))}
    assert len(readers) == 1


def test_changes_are_followed(library: Library) -> None:
    """Another model, or another tokenizer, has its own reader."""
    reports = PromptReports(library)
    before = reports.ready()
    library.set_model(MODEL_FAMILIES["sd2"])
    after = reports.ready()
    assert before and after  # noqa: PT018 - both are there
    assert after.generation > before.generation
    assert [use.known.name for use in after.reader.read("abc", 20).used] == ["abc"]
    library.tokenize = Letters()
    other = reports.ready()
    assert other
    assert other.tokenize is library.tokenize


def test_without_a_tokenizer(library: Library) -> None:
    """There is no reader where nothing can tell tokens."""
    library.tokenize = None
    assert PromptReports(library).ready() is None
