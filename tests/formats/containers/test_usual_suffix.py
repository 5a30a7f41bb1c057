"""What files of any name could be, by their first bytes."""

from __future__ import annotations

import pytest

from lib_embeddings.formats.containers import usual_suffix
from tests.builders import (
    Member,
    good_files,
    pickle_of,
    png,
    safetensors_file,
    torch_legacy,
    torch_zip,
    zip_file,
)

HEAD = 512


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (safetensors_file(), ".safetensors"),
        (torch_zip(), ".pt"),
        (torch_legacy(), ".pt"),
        (zip_file([Member("cat.safetensors", safetensors_file())]), ".zip"),
        (zip_file([Member("my/Cat.PT", torch_zip())]), ".zip"),
        (zip_file([Member("notes.txt", b"text")]), None),
        (png(), None),
        (pickle_of({"a": 1}), None),
        (b"PK\3\4", None),
        (b"text", None),
        (b"", None),
    ],
)
def test_first_bytes_say_what_a_file_could_be(data: bytes, suffix: str | None) -> None:
    """The suffix is that of the format whose file begins so."""
    assert usual_suffix(data[:HEAD]) == suffix


def test_every_good_file_but_pictures_is_found() -> None:
    """No embedding that is stored as tensors is passed over."""
    suffixes = {name: usual_suffix(data[:HEAD]) for name, data in good_files().items()}
    assert {name for name, suffix in suffixes.items() if suffix is None} == {
        "png text",
        "png packed text",
        "picture pixels",
    }
