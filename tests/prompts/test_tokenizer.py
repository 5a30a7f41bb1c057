"""Plain names are given to the quicker of two tokenizers that agree."""

from __future__ import annotations

import pytest

from lib_embeddings.prompts import clip_tokenizer
from lib_embeddings.prompts.tokenizer import TokenIds, tokenize_names

PLAIN = ["EasyNegative", "v1.5 (a)", "it's"]
OTHER = ["猫", "a&amp;b", "tom & jerry", "<|endoftext|>", "é", "a\tb", ""]


class Host:
    """A host's tokenizer, which remembers what it was given; it fails without texts, as A1111's."""

    def __init__(self, first: int = 0) -> None:
        self.given: list[str] = []
        self._first = first

    def __call__(self, texts: list[str]) -> list[TokenIds]:
        assert texts
        self.given += texts
        return [[self._first + id_ for id_ in ids] for ids in clip_tokenizer.tokenize(texts)]


def test_plain_names_are_not_given_to_a_host_of_the_same_vocabulary() -> None:
    """A name that a host may read in another way is always given to it."""
    host = Host()
    names = [*PLAIN, *OTHER]
    assert tokenize_names(names, host) == clip_tokenizer.tokenize(names)
    assert set(OTHER) <= set(host.given)
    assert not set(PLAIN) & set(host.given)


def test_a_host_is_not_asked_for_no_names() -> None:
    """Where all names are plain the host has nothing to do."""
    assert tokenize_names(PLAIN, Host()) == clip_tokenizer.tokenize(PLAIN)


def test_a_host_of_another_vocabulary_is_given_all_names() -> None:
    """Its ids are its own."""
    host = Host(first=1)
    assert tokenize_names(PLAIN, host) == Host(first=1)(PLAIN)
    assert set(PLAIN) <= set(host.given)


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host is asked for everything."""
    monkeypatch.setattr("lib_embeddings.prompts.tokenizer.own_tokenizer", lambda: None)
    host = Host()
    assert tokenize_names(PLAIN, host) == clip_tokenizer.tokenize(PLAIN)
    assert host.given == PLAIN
