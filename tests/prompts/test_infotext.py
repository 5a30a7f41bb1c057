"""The embeddings an infotext names."""

from __future__ import annotations

import pytest

from lib_embeddings.limits import LIMITS
from lib_embeddings.prompts.infotext import (
    compare,
    find_fields,
    join_hashes,
    name_in_infotext,
    named_embeddings,
    split_hashes,
)

INFOTEXT = """a cat, TI hashes: none: 1234567890ab, Embeddings: none
Negative prompt: bad
Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 64x64, {field}Version: v1.10.1"""
HASH, SHORT = "3dd6c1a7e5b1", "3dd6c1a7e5"
EMBED = '{"type":"embed","weight":1,"modelVersionId":9208,"modelName":"Easy"}'
AIR = "urn:air:sd1:embedding:civitai:4629@5637"


def named(infotext: str) -> dict[str, str]:
    """Return what a whole infotext names."""
    return named_embeddings(find_fields(infotext))


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        # AUTOMATIC1111
        ('TI hashes: "a: 3dd6c1a7e5b1, b: 0f0f0f0f0f0f", ', {"a": HASH, "b": "0f" * 6}),
        ("TI hashes: marc: 3dd6c1a7e5b1, ", {"marc": HASH}),
        (r'TI hashes: "say \"hi\": 3dd6c1a7e5b1", ', {'say "hi"': HASH}),
        (r'TI hashes: "\x: 3dd6c1a7e5b1", ', {r"\x": HASH}),
        ("TI hashes: a: 111111111111, TI hashes: marc: 3dd6c1a7e5b1, ", {"marc": HASH}),
        ('Lora hashes: "x: 1234567890ab", ', {}),
        # Civitai's extension, and savers for ComfyUI
        ('Hashes: {"model": "d7aa", "embed:a: b": "3DD6C1A7E5"}, ', {"a: b": SHORT}),
        ('Hashes: {"embed:a": "", "embed:b": 5, "lora:c": "3dd6c1a7e5"}, ', {"a": ""}),
        ('Hashes: {"embed:a": , ', {}),
        ("Hashes: [1], ", {}),
        # Forge, SD.Next
        ("TI: marc_allante, ", {"marc_allante": ""}),
        ("TI: marc_allante, bad one, ", {"marc_allante": "", "bad one": ""}),
        ("Embeddings: a, b, App: SD.Next, ", {"a": "", "b": ""}),
        ('TI: "lazypos, lazyneg, lazypos", ', {"lazypos": "", "lazyneg": ""}),
        ('Embeddings: "marc, marc_1, marc_2, bad_2", ', {"marc": "", "bad_2": ""}),
        ("TI: gone_a, gone_b, ", {"gone_a": "", "gone_b": ""}),
        ("TI: gone_a,gone_b,Seed: 1, ", {"gone_a": "", "gone_b": ""}),
        ("Embeddings: gone_a, gone_b, ADetailer model: none, ", {"gone_a": "", "gone_b": ""}),
        # Civitai
        (f'Civitai resources: [{{"type":"checkpoint","modelName":"X"}},{EMBED}], ', {"Easy": ""}),
        (f'Civitai resources: [{{"modelName":"Deep","air":"{AIR}"}}], ', {"Deep": ""}),
        ('Civitai resources: [5, {"type":"embed"}], ', {}),
        (f'Civitai resources: [{EMBED}], Hashes: {{"embed:x": "3dd6c1a7e5"}}, ', {"x": SHORT}),
        # What LoRAs brought, with their names, are no files of their own
        ('TI hashes: "cat: lora, a: 3dd6c1a7e5b1", TI: "Cat, a, b", ', {"a": HASH, "b": ""}),
        ('TI hashes: "cat:", TI: cat, ', {"cat": ""}),
        # Of names equal but for letter case the one with a hash counts
        ("TI: a, TI hashes: A: 3dd6c1a7e5b1, ", {"A": HASH}),
    ],
)
def test_what_the_fields_name(field: str, expected: dict[str, str]) -> None:
    """Each program's field is read, and no words of the prompts."""
    assert named(INFOTEXT.format(field=field)) == expected


def test_the_line_of_2022() -> None:
    """The WebUIs of that year named embeddings below all fields, with checksums of another kind."""
    infotext = f"{INFOTEXT.format(field='')}\n\nUsed embeddings: Camilla-FE [e687], my style [2f88]"
    assert named(infotext) == {"Camilla-FE": "", "my style": ""}


def test_fields_in_the_line_of_the_prompts() -> None:
    """Some programs write all on one line, and some prompts are empty."""
    assert named("Steps: 23, TI: marc , Version: 1") == {"marc": ""}
    text = "a cat Negative prompt: Steps: 23, TI: marc, ADetailer Steps: 28, Version: 1"
    assert named(text) == {"marc": ""}


def test_fields_that_a_host_took_apart() -> None:
    """A host's own record of the fields is read as well, whatever else is in it."""
    fields = {"Prompt": "a cat", "TI hashes": f"marc: {HASH}", "Hashes": None, "TI": "bad"}
    assert named_embeddings(fields) == {"marc": HASH, "bad": ""}


def test_a_prompt_alone_names_nothing() -> None:
    """Text without fields names no embedding, and neither does none."""
    assert not named("a photo of a cat, 8k, Embeddings: none, TI hashes: x: 1234567890ab")
    assert not named("")


def test_an_infotext_is_read_up_to_limits() -> None:
    """Only the end of a huge text is looked at, and a prompt has no thousands of embeddings."""
    many = ", ".join(f"n{number}" for number in range(2 * LIMITS.infotext_embeddings))
    field = f'TI: "{many}"'
    assert len(named(f"x\nSteps: 1, {field}")) == LIMITS.infotext_embeddings
    assert not named(f"x\nSteps: 1, TI: marc, {' ' * LIMITS.infotext_bytes}")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a: 3dd6c1a7e5b1, b: 0F0F0F0F0F0F", {"a": "3dd6c1a7e5b1", "b": "0f0f0f0f0f0f"}),
        ("emb 1.5: 3dd6c1a7e5b1", {"emb 1.5": "3dd6c1a7e5b1"}),
        ("  a : 3dd6c1a7e5b1 ,b:0f0f0f0f0f0f", {"a": "3dd6c1a7e5b1", "b": "0f0f0f0f0f0f"}),
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


def test_infotexts_leave_out_what_divides_names() -> None:
    """Commas and colons of a name are dropped, as the WebUI drops them."""
    assert name_in_infotext("a: b, c :") == "a b c"


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
        "former was used for the picture, and is named moved in your library: type moved",
        (
            "gone was used for the picture (hash dddddddddddd), but your library does not have it: "
            "add it, or remove the name"
        ),
        (
            "other in your library (hash bbbbbbbbbbbb) is not the file that the picture used "
            "(hash 111111111111)"
        ),
    ]


def test_names_without_hashes_tell_what_is_missing() -> None:
    """A name alone says nothing of a file that is here, and is never another file's name."""
    provenance = compare({"same": "", "gone": ""}, HERE.get, _name_of)
    assert provenance.as_json() == {
        "missing": [{"name": "gone", "hash": None}],
        "different": [],
        "renamed": [],
    }
    assert provenance.lines() == [
        (
            "gone was used for the picture, but your library does not have it: add it, or remove "
            "the name"
        )
    ]


@pytest.mark.parametrize("name", ["gone", "other", "former"])
def test_any_difference_is_something_to_say(name: str) -> None:
    """One embedding that is missing, another or renamed makes a report that is not empty."""
    provenance = compare({name: THERE[name]}, HERE.get, _name_of)
    assert provenance
    assert len(provenance.lines()) == 1


def test_a_picture_of_embeddings_that_are_all_here_has_nothing_to_say() -> None:
    """Equal hashes make an empty report."""
    assert not compare({"same": "a" * 12}, HERE.get, _name_of)
