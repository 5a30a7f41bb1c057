"""To which prompt field a name belongs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lib_embeddings.prompt_fields import FIELDS, guess_field

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
