"""Token ids are remembered, for each tokenizer."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib_embeddings.library.token_ids import TokenIds, TokenIdStore


class Tokenizer:
    """Every letter is a token; remembers what it was given."""

    def __init__(self, first: int = 0) -> None:
        self.given: list[str] = []
        self._first = first

    def __call__(self, texts: list[str]) -> list[TokenIds]:
        self.given += texts
        return [[self._first + ord(letter) for letter in text] for text in texts]


def test_a_name_is_tokenized_once_for_ever(tmp_path: Path) -> None:
    """A later process gives the tokenizer only names it has not met."""
    path = str(tmp_path / "cache" / "ids.json")
    TokenIdStore(path).look_up(["a", "b"], Tokenizer())
    later = Tokenizer()
    assert TokenIdStore(path).look_up(["b", "c"], later) == {"b": [98], "c": [99]}
    assert "b" not in later.given
    assert "c" in later.given


def test_tokenizers_are_told_apart(tmp_path: Path) -> None:
    """Another tokenizer gets ids of its own, whatever it is called."""
    store = TokenIdStore(str(tmp_path / "ids.json"))
    assert store.look_up(["a"], Tokenizer()) == {"a": [97]}
    assert store.look_up(["a"], Tokenizer(first=1000)) == {"a": [1097]}
    assert store.look_up(["a"], Tokenizer()) == {"a": [97]}


@pytest.mark.parametrize("damage", [b"", b"[]", b'{"x": 1}', b'{"x": {"a": ["1"]}}', b"\xff"])
def test_a_damaged_file_is_made_anew(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever stands in the file, ids are right, and the file is sound after."""
    path = tmp_path / "ids.json"
    path.write_bytes(damage)
    assert TokenIdStore(str(path)).look_up(["a"], Tokenizer()) == {"a": [97]}
    assert "made anew" in caplog.text
    again = Tokenizer()
    TokenIdStore(str(path)).look_up(["a"], again)
    assert "a" not in again.given


def test_a_full_disk_costs_only_the_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Ids that cannot be kept are made all the same."""
    (tmp_path / "file").touch()
    store = TokenIdStore(str(tmp_path / "file" / "ids.json"))
    assert store.look_up(["a"], Tokenizer()) == {"a": [97]}
    assert "could not be saved" in caplog.text
