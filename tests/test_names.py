"""Names: what a file is called in the prompt, and in which."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib_embeddings.errors import shown
from lib_embeddings.names import (
    FIELDS,
    as_text,
    fold,
    guess_field,
    is_generic,
    is_text,
    may_be_embedding,
    natural_key,
    partner_of,
    split_name,
    why_no_filename,
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
    """The name is the file's stem, unchanged; the suffix is in lower case."""
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
    assert may_be_embedding(stem, ".png", frozenset({"cat"})) is not expected


@pytest.mark.parametrize(
    ("one", "other"),
    [("EasyNegative", "easynegative"), ("Ω", "ω"), ("caf\u00e9", "CAFE\u0301"), ("K", "\u212a")],
)
def test_names_that_are_equal_to_clip(one: str, other: str) -> None:
    """Names that differ in letter case only, or in how an accent is kept, are the same to CLIP."""
    assert fold(one) == fold(other)
    assert fold(fold(one)) == fold(one)


@pytest.mark.parametrize(("one", "other"), [("groß", "gross"), ("ﬁsh", "fish"), ("é", "e")])
def test_names_that_are_two_to_clip(one: str, other: str) -> None:
    """Letters that other rules take for equal are not."""
    assert fold(one) != fold(other)


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


@pytest.mark.parametrize("name", ["learned_embeds", "Learned_Embeds-steps-500"])
def test_the_name_of_all_trainings(name: str) -> None:
    """`learned_embeds` is what every training by diffusers calls its file."""
    assert is_generic(name)


@pytest.mark.parametrize("name", ["cat", "my_learned_embeds", ""])
def test_other_names_are_not_generic(name: str) -> None:
    """Only names that begin like diffusers' own are generic."""
    assert not is_generic(name)


@pytest.mark.parametrize(
    ("filename", "partner"),
    [
        ("learned_embeds.safetensors", "learned_embeds_2.safetensors"),
        ("learned_embeds-steps-500.safetensors", "learned_embeds_2-steps-500.safetensors"),
        ("learned_embeds.bin", "learned_embeds_2.bin"),
        ("learned_embeds_2.safetensors", None),
        ("learned_embeds_2-steps-500.safetensors", None),
        ("cat.safetensors", "cat_2.safetensors"),
        ("my_learned_embeds.v2.bin", "my_learned_embeds.v2_2.bin"),
        ("cat", None),
    ],
)
def test_the_other_half_of_a_pair(filename: str, partner: str | None) -> None:
    """The first file of a training for SDXL knows its second, also between steps and renamed."""
    assert partner_of(filename) == partner


@pytest.mark.parametrize(
    "name",
    [
        *(
            "cat",
            "a cat (big)",
            "v1.5",
            "c++",
            "猫",
            "ça va",
            "👩\u200d🚀",
            "❤\ufe0f",
            "क्\u200dष",
            "e\u0301",
            "[x]",
            "a,b;c",
        ),
        *("console", "com", "com10", "nulls", "my.nul", "preview", "x.previews", "png", "$&`'"),
    ],
)
def test_names_that_a_file_may_have(name: str) -> None:
    """Letters of any script, spaces, brackets and dots inside are fine everywhere."""
    assert why_no_filename(name) is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "the name is empty: type one"),
        (" \u3000", "the name is empty: type one"),
        *(
            (f"a{sign}b", f"a{sign}b: a file's name cannot have {sign} in it")
            for sign in '/\\:*?"<>|'
        ),
        *(
            (
                f"a{c}b",
                f"a{shown(c)}b: it contains an invisible character ({code}): remove it",
            )
            for c, code in (
                *(("\0", "U+0000"), ("\n", "U+000A"), ("\u2028", "U+2028"), ("\udce9", "U+DCE9")),
                *(("\u200b", "U+200B"), ("\u200d", "U+200D"), ("\ufeff", "U+FEFF")),
                *(("\u00ad", "U+00AD"), ("\u202e", "U+202E"), ("\u3164", "U+3164")),
                *(("\u00a0", "U+00A0"), ("\ufe0f", "U+FE0F"), ("\u3000", "U+3000")),
            )
        ),
        *(
            (name, f"{name}: a file's name should not begin or end with a dot or space")
            for name in (".", "..", ".cat", "cat.", " cat", "cat ")
        ),
        *(
            (name, f"{name}: Windows keeps this name for a device: choose another")
            for name in ("con", "NUL", "aux.v2", "Com1", "lpt9.x", "COM¹", "conin$", "prn .x")
        ),
        *(
            (
                f"cat{ending}",
                f"cat{ending}: type the name without {ending.lower()} at its end",
            )
            for ending in (
                ".pt",
                ".SafeTensors",
                ".png",
                ".preview",
                ".Description",
                ".json",
                ".txt",
            )
        ),
    ],
)
def test_names_that_no_file_should_have(name: str, reason: str) -> None:
    """A name that some system cannot have is refused in one sentence."""
    assert why_no_filename(name) == reason


@given(st.text())
def test_names_that_pass_stay_in_their_folder(name: str) -> None:
    """No name that passes leads elsewhere, is hidden, or ends the sentence about it."""
    reason = why_no_filename(name)
    if reason is None:
        assert os.path.basename(f"{name}.pt") == f"{name}.pt" != ".pt"
        assert not name.startswith(".")
    else:
        assert reason.isprintable()


# The prompt fields

# Names of files in public collections, and in public prompts that have them in the one field only.
NAMES = json.loads((Path(__file__).parent / "data" / "embedding_names.json").read_text("utf-8"))


def test_names_of_public_collections() -> None:
    """Nearly all names of negative embeddings are known, and no other is taken for one."""
    assert tuple(sorted(NAMES)) == tuple(sorted(FIELDS))
    right = {field: [guess_field(name) == field for name in NAMES[field]] for field in FIELDS}
    assert len(right["negative"]) >= 80
    assert sum(right["negative"]) / len(right["negative"]) >= 0.92
    assert len(right["positive"]) >= 200
    assert [name for name in NAMES["positive"] if guess_field(name) == "negative"] == []


@pytest.mark.parametrize(
    "name",
    [
        *("bad-hands-5", "bad_prompt_version2", "badhandv4", "BadDream", "bad-artist-anime", "bad"),
        *("badv4", "lazyneg", "unaestheticXLv31", "BeyondSDXLNeg", "negmutation", "nfixer", "NEG4"),
        *("UnrealisticDream", "deformityv6", "fcNeg", "neg", "Style-Neg", "worst_quality", "ugly"),
        *("BadNegAnatomyV1-neg", "badpic", "ng_deepnegative_v1_75t", "ERA09NEGV2", "nrealfixer"),
    ],
)
def test_names_for_the_negative_prompt(name: str) -> None:
    """Words that no other embedding has belong to the negative prompt."""
    assert guess_field(name) == "negative"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "badger",
            "Badge",
            "baddie",
            "badlands",
            "badminton",
            "negroni",
            "Negan",
            "young",
            "king",
        ),
        *(
            "Uglydoll",
            "Ugly Sonic",
            "ngo",
            "worsted",
            "worst witch",
            "sinbad",
            "cat",
            "",
            "anegada",
        ),
        *("negative space", "negative-space-art", "renegade", "unfixer", "Breaking Bad Heisenberg"),
        *("4ng3l", "chr1sch0ng"),
    ],
)
def test_names_for_the_prompt(name: str) -> None:
    """Words that only begin or end so are ordinary words."""
    assert guess_field(name) == "positive"
