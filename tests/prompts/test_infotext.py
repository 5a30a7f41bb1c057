"""The embeddings an infotext names."""

from __future__ import annotations

import pytest

from lib_embeddings.prompts.infotext import (
    compare,
    find_hashes,
    join_hashes,
    name_in_infotext,
    split_hashes,
)

INFOTEXT = """a cat, TI hashes: none of them
Negative prompt: bad
Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 64x64, {field}Version: v1.10.1"""


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ('TI hashes: "a: 3dd6c1a7e5b1, bad: 0f0f0f0f0f0f", ', "a: 3dd6c1a7e5b1, bad: 0f0f0f0f0f0f"),
        ('TI hashes: "marc: 3dd6c1a7e5b1", ', "marc: 3dd6c1a7e5b1"),
        ("TI hashes: marc, ", "marc"),
        (r'TI hashes: "say \"hi\": 3dd6c1a7e5b1", ', 'say "hi": 3dd6c1a7e5b1'),
        (r'TI hashes: "\x: 3dd6c1a7e5b1", ', r"\x: 3dd6c1a7e5b1"),
        ('Lora hashes: "x: 1234567890ab", ', "none of them"),
    ],
)  # fmt: skip
def test_the_field_is_found_behind_the_prompt(field: str, expected: str) -> None:
    """The last field of the name counts, quoted or not, as a prompt may hold the words too."""
    assert find_hashes(INFOTEXT.format(field=field)) == expected


def test_a_prompt_alone_has_no_hashes() -> None:
    """Text without the field names no embedding."""
    assert not find_hashes("a photo of a cat, 8k")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a: 3dd6c1a7e5b1, b: 0F0F0F0F0F0F", {"a": "3dd6c1a7e5b1", "b": "0f0f0f0f0f0f"}),
        ("emb 1.5: 3dd6c1a7e5b1", {"emb 1.5": "3dd6c1a7e5b1"}),
        ("a, : 3dd6c1a7e5b1, b:, c: none, d: 12", {}),
        ("", {}),
    ],
)
def test_pairs_are_split_and_others_left_out(value: str, expected: dict[str, str]) -> None:
    """A pair is a name and a hash of eight digits or more."""
    assert split_hashes(value) == expected


def test_joining_says_each_embedding_once() -> None:
    """Text encoders and passes repeat names; the first place of each stays."""
    assert join_hashes("b: 2, a: 1", "", "a: 1, c: 3") == "b: 2, a: 1, c: 3"


def test_names_stand_in_infotexts_without_what_divides_them() -> None:
    """Commas and colons of a name are dropped, as the WebUI drops them."""
    assert name_in_infotext("a: b, c") == "a b c"


HERE = {"same": "a" * 64, "other": "b" * 64, "moved": "c" * 64, "locked": ""}
THERE = {
    "same": "a" * 12,
    "other": "1" * 12,
    "gone": "d" * 12,
    "former": "c" * 12,
    "locked": "e" * 12,
}


def _name_of(beginning: str) -> str | None:
    return next((name for name, sha256 in HERE.items() if sha256.startswith(beginning)), None)


def test_missing_different_and_renamed_embeddings_are_told_apart() -> None:
    """Only what differs is named, and the same file under another name is no missing one."""
    provenance = compare(THERE, HERE.get, _name_of)
    assert provenance.as_json() == {
        "missing": [{"name": "gone", "hash": "d" * 12}],
        "different": [{"name": "other", "hash": "1" * 12, "found": "b" * 12}],
        "renamed": [{"name": "former", "now": "moved"}],
    }
    assert provenance.lines() == [
        "the picture used former, which has the name moved here: type moved",
        "the picture used gone (dddddddddddd), which is not here: add it, or remove the name",
        "the picture used another other: its hash is 111111111111, the one here has bbbbbbbbbbbb",
    ]


def test_a_picture_of_embeddings_that_are_all_here_has_nothing_to_say() -> None:
    """Equal hashes make an empty report."""
    assert not compare({"same": "a" * 12}, HERE.get, _name_of)
