"""Token ids are remembered, for each tokenizer."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lib_embeddings.prompts.tokens import TokenIds
from lib_embeddings.stores.token_ids import TokenIdStore


class Tokenizer:
    """Every letter is a token; remembers what it was given."""

    def __init__(self, first: int = 0) -> None:
        self.given: list[str] = []
        self._first = first

    def __call__(self, texts: list[str]) -> list[TokenIds]:
        self.given += texts
        return [[self._first + ord(letter) for letter in text] for text in texts]


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Return where an index will lie."""
    return str(tmp_path / "cache" / "index.sqlite")


def look_up(path: str, names: list[str], tokenizer: Tokenizer) -> dict[str, TokenIds]:
    """Look names up as a new process would."""
    return TokenIdStore(path).look_up(names, tokenizer)


def test_a_name_is_tokenized_once_for_ever(path: str) -> None:
    """A later process gives the tokenizer only names it has not met."""
    look_up(path, ["a", "b"], Tokenizer())
    later = Tokenizer()
    assert look_up(path, ["b", "猫", "b"], later) == {"b": [98], "猫": [0x732B]}
    assert "b" not in later.given
    assert later.given.count("猫") == 1


def test_tokenizers_are_told_apart(path: str) -> None:
    """Another tokenizer gets ids of its own, whatever it is called."""
    store = TokenIdStore(path)
    assert store.look_up(["a"], Tokenizer()) == {"a": [97]}
    assert store.look_up(["a"], Tokenizer(first=1000)) == {"a": [1097]}
    assert store.look_up(["a"], Tokenizer()) == {"a": [97]}


def test_a_name_without_ids_is_known_too(path: str) -> None:
    """A name that a tokenizer makes nothing of is not given to it again."""
    look_up(path, [""], Tokenizer())
    later = Tokenizer()
    assert look_up(path, [""], later) == {"": []}
    assert "" not in later.given


def test_a_name_that_is_no_text(path: str) -> None:
    """A name that cannot be kept has its ids all the same, and keeps no other from its own."""
    names = ["caf\udce9", "b"]
    for _ in range(2):
        assert look_up(path, names, Tokenizer())["caf\udce9"][-1] == 0xDCE9
    later = Tokenizer()
    look_up(path, names, later)
    assert "b" not in later.given


@pytest.mark.parametrize("damage", [b"odd", "text", 1, b"\0\0\0\0\0"])
def test_a_damaged_row_is_made_anew(path: str, damage: object) -> None:
    """Ids that make no sense are forgotten, and others are not."""
    look_up(path, ["a", "b"], Tokenizer())
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE token_ids SET ids = ? WHERE name = 'a'", (damage,))
    later = Tokenizer()
    assert look_up(path, ["a", "b"], later) == {"a": [97], "b": [98]}
    assert "b" not in later.given
    assert look_up(path, ["a"], Tokenizer()) == {"a": [97]}


def test_an_index_without_its_table(path: str, caplog: pytest.LogCaptureFixture) -> None:
    """A table that cannot be read or written costs only the memory."""
    look_up(path, ["a"], Tokenizer())
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE token_ids")
    assert look_up(path, ["a"], Tokenizer()) == {"a": [97]}
    assert "could not be read" in caplog.text
    assert "could not be saved" in caplog.text


def test_an_index_that_is_locked_later(path: str, caplog: pytest.LogCaptureFixture) -> None:
    """While another program holds the index, ids are made, and are known in this process."""
    tokenizer, store = Tokenizer(), TokenIdStore(path)
    store.look_up(["b"], tokenizer)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert store.look_up(["a"], tokenizer) == {"a": [97]}
        assert store.look_up(["a"], tokenizer) == {"a": [97]}
    assert tokenizer.given.count("a") == 1
    assert "could not be saved" in caplog.text


def test_nothing_is_remembered_nowhere() -> None:
    """A store that lies nowhere tokenizes once for each process."""
    tokenizer, store = Tokenizer(), TokenIdStore(None)
    for _ in range(2):
        assert store.look_up(["a"], tokenizer) == {"a": [97]}
    assert tokenizer.given.count("a") == 1
