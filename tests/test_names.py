"""Names: what a file is called in the prompt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib_embeddings.names import (
    as_text,
    fold,
    is_generic,
    is_preview,
    is_text,
    natural_key,
    partner_of,
    split_name,
    warn_generic,
)


@pytest.mark.parametrize(
    ("filename", "name", "suffix"),
    [
        ("cat.pt", "cat", ".pt"),
        ("Cat.SafeTensors", "Cat", ".safetensors"),
        ("v1.5.pt", "v1.5", ".pt"),
        ("cat.pt.optim", "cat.pt", ".optim"),
        ("a cat (big).bin", "a cat (big)", ".bin"),
        ("猫.png", "猫", ".png"),
        (".pt", ".pt", ""),
        ("cat", "cat", ""),
    ],
)
def test_a_files_name_and_suffix(filename: str, name: str, suffix: str) -> None:
    """The name is the file's stem, as it stands; the suffix is in lower case."""
    assert split_name(filename) == (name, suffix)


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("cat", True),
        ("CAT", True),
        ("cat.preview", True),
        ("dog.preview", True),
        ("dog.PREVIEW", True),
        ("dog", False),
        ("cat2", False),
        ("preview", False),
    ],
)
def test_previews(stem: str, expected: bool) -> None:
    """A picture is a preview beside an embedding of its name, or by its own name."""
    assert is_preview(stem, frozenset({"cat"})) is expected


@pytest.mark.parametrize(
    ("one", "other"), [("EasyNegative", "easynegative"), ("STRASSE", "straße"), ("Ω", "ω")]
)
def test_letter_case_does_not_count(one: str, other: str) -> None:
    """Names that differ in letter case only are the same to CLIP."""
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("name", "expected", "text"),
    [
        ("cat", True, "cat"),
        ("猫", True, "猫"),
        ("caf\udce9", False, "caf\\udce9"),
    ],
)
def test_names_that_are_no_text(name: str, expected: bool, text: str) -> None:
    """Bytes that are no UTF-8 are found, and written out so that any program can show them."""
    assert is_text(name) is expected
    assert as_text(name) == text


def test_numbers_sort_as_numbers() -> None:
    """`a2` comes before `a10`, whatever the letters' case."""
    names = ["a10", "B1", "a2", "a", "a2b", "10", "9"]
    assert sorted(names, key=natural_key) == ["9", "10", "a", "a2", "a2b", "a10", "B1"]


@given(st.lists(st.text(alphabet="ab01٣²<_. ") | st.text()))
def test_any_names_can_be_sorted(names: list[str]) -> None:
    """No mixture of letters and digits compares text with a number."""
    assert sorted(sorted(names, key=natural_key)) == sorted(names)


@pytest.mark.parametrize(
    ("name", "folder", "stored_name", "warning"),
    [
        (
            "learned_embeds",
            "birb",
            None,
            "many files are called learned_embeds: rename it to birb",
        ),
        (
            "learned_embeds",
            "",
            "<birb-style>",
            "many files are called learned_embeds: rename it to birb-style",
        ),
        (
            "learned_embeds",
            "birb",
            "_birb_style_",
            "many files are called learned_embeds: rename it to birb or birb_style",
        ),
        (
            "learned_embeds",
            "birb",
            "<birb>",
            "many files are called learned_embeds: rename it to birb",
        ),
        (
            "Learned_Embeds-steps-500",
            "",
            None,
            "many files are called Learned_Embeds-steps-500: rename it to what you want to type",
        ),
    ],
)
def test_the_name_of_all_trainings(
    name: str, folder: str, stored_name: str | None, warning: str
) -> None:
    """`learned_embeds` is every training's name: the folder or the token inside is proposed."""
    assert is_generic(name)
    assert warn_generic(name, folder, stored_name) == warning


@pytest.mark.parametrize("name", ["cat", "my_learned_embeds", ""])
def test_other_names_are_not_generic(name: str) -> None:
    """Only a name that begins as all trainings' does is worth a warning."""
    assert not is_generic(name)


@pytest.mark.parametrize(
    ("filename", "partner"),
    [
        ("learned_embeds.safetensors", "learned_embeds_2.safetensors"),
        ("learned_embeds-steps-500.safetensors", "learned_embeds_2-steps-500.safetensors"),
        ("learned_embeds.bin", "learned_embeds_2.bin"),
        ("learned_embeds_2.safetensors", None),
        ("learned_embeds_2-steps-500.safetensors", None),
        ("cat.safetensors", None),
        ("my_learned_embeds.safetensors", None),
    ],
)
def test_the_other_half_of_a_pair(filename: str, partner: str | None) -> None:
    """The first file of an SDXL training by diffusers knows its second, also between steps."""
    assert partner_of(filename) == partner
