"""CLIP's tokenizer gives the ids that a WebUI's own gives, and is given names that are plain."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from lib_embeddings.limits import LIMITS
from lib_embeddings.prompts import tokens
from lib_embeddings.prompts.tokens import TokenIds, own_tokenizer, tokenize, tokenize_names

IDS = json.loads((Path(__file__).parents[1] / "data" / "clip_token_ids.json").read_text())

CODE, VOCABULARY = "simple_tokenizer.py", "bpe_simple_vocab_16e6.txt.gz"

PLAIN = ["EasyNegative", "v1.5 (a)", "it's"]
OTHER = ["猫", "a&amp;b", "tom & jerry", "<|endoftext|>", "é", "a\tb", ""]


@pytest.mark.parametrize("text", IDS, ids=ascii)
def test_ids(text: str) -> None:
    """Each text has the ids that transformers gives it."""
    assert tokenize([text]) == [IDS[text]]


def test_texts_do_not_touch_each_other() -> None:
    """Many texts have the ids that each has alone."""
    assert tokenize(list(IDS)) == list(IDS.values())


@pytest.mark.parametrize("letters", ["ab", "éß"])
def test_a_word_that_nobody_typed_is_cut(letters: str) -> None:
    """Its cost would grow with the square of its length; a word of any name is whole."""
    word, rest = letters * (LIMITS.word_bytes // len(letters.encode())), letters * 10
    pieces = [*tokenize([word])[0], *tokenize([word])[0], *tokenize([rest])[0]]
    assert tokenize([word + word + rest]) == [pieces]
    middle = len(word) // 2
    assert tokenize([word]) != [tokenize([word[:middle]])[0] + tokenize([word[middle:]])[0]]


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a package `clip` that cannot be imported, found before any other."""
    package = tmp_path / "clip"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('no torch')")
    (package / CODE).write_text("class SimpleTokenizer: ...")
    (package / VOCABULARY).touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(tokens, "_load_class", tokens._load_class.__wrapped__)  # uncached
    return package


@pytest.mark.usefixtures("clip")
def test_the_package_is_not_imported() -> None:
    """The tokenizer is found where what its package imports is missing."""
    assert own_tokenizer() is not None


@pytest.mark.parametrize("lacking", [CODE, VOCABULARY])
def test_another_package_of_the_name(clip: Path, lacking: str) -> None:
    """A package `clip` without the tokenizer or its vocabulary is as good as none."""
    (clip / lacking).unlink()
    assert own_tokenizer() is None


@pytest.mark.usefixtures("clip")
def test_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package there is no tokenizer."""
    monkeypatch.setitem(sys.modules, "clip", None)
    assert own_tokenizer() is None


# Names


class Host:
    """A host's tokenizer, which remembers what it was given; it fails without texts, as A1111's."""

    def __init__(self, first: int = 0) -> None:
        self.given: list[str] = []
        self._first = first

    def __call__(self, texts: list[str]) -> list[TokenIds]:
        assert texts
        self.given += texts
        return [[self._first + id_ for id_ in ids] for ids in tokenize(texts)]


def test_plain_names_are_not_given_to_a_host_of_the_same_vocabulary() -> None:
    """A name that a host may read in another way is always given to it."""
    host = Host()
    names = [*PLAIN, *OTHER]
    assert tokenize_names(names, host) == tokenize(names)
    assert set(OTHER) <= set(host.given)
    assert not set(PLAIN) & set(host.given)


def test_a_host_is_not_asked_for_no_names() -> None:
    """Where all names are plain the host has nothing to do."""
    assert tokenize_names(PLAIN, Host()) == tokenize(PLAIN)


def test_a_host_of_another_vocabulary_is_given_all_names() -> None:
    """Its ids are its own."""
    host = Host(first=1)
    assert tokenize_names(PLAIN, host) == Host(first=1)(PLAIN)
    assert set(PLAIN) <= set(host.given)


def test_names_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host is asked for everything."""
    monkeypatch.setattr(tokens, "own_tokenizer", lambda: None)
    host = Host()
    assert tokenize_names(PLAIN, host) == tokenize(PLAIN)
    assert host.given == PLAIN
