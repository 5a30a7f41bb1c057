"""Near misses of names."""

from __future__ import annotations

import pytest

from lib_embeddings.limits import LIMITS
from lib_embeddings.prompts.near import NearNames
from lib_embeddings.prompts.tokens import TokenIds, tokenize


def make_names(*names: str) -> NearNames:
    """Return names ready to be compared, ordinary words as CLIP knows them."""
    return NearNames(names, tokenize)


NAMES = make_names(
    *("marc_allante", "EasyNegative", "badhandv4", "kaleido", "v1.5", "tangles", "my style"),
    *(
        "cat-2",
        "HDA_Masterpiece_FULL",
        "bad-hands-5",
        "concept-art",
        "1girl",
        "b_w",
        "by bad artist",
        "negative_hand",
        "negative_hand-neg",
        "negative_space",
        "BadDream",
    ),
)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("marc_alante", "marc_allante"),
        ("Marc-Allente", "marc_allante"),
        ("marc_lalante", "marc_allante"),
        ("marc_all", None),
        ("arc_allant", "marc_allante"),
        ("xmarc_allantex", "marc_allante"),
        ("marcx_yallante", "marc_allante"),
        ("easynegatve", "EasyNegative"),
        ("aesynegative", "EasyNegative"),
        ("badhandv5", "badhandv4"),
        ("badhandsv5", "badhandv4"),
        ("mystyle", "my style"),
        ("arc_alante", "marc_allante"),
        ("xmarc_alllante", "marc_allante"),
        ("cat2", None),
        ("cat_2", "cat-2"),
    ],
)
def test_slips(word: str, expected: str | None) -> None:
    """A slip or two are forgiven, by the word's length, wherever they are."""
    assert NAMES.nearest(word) == expected


@pytest.mark.parametrize(
    "word", ["marc_allante", "EASYNEGATIVE", "triangles", "angle", "kaleidoscope2", "v1.4", ""]
)
def test_no_slips(word: str) -> None:
    """Names themselves, short words and words that are near by chance are no slips."""
    assert NAMES.nearest(word) is None


@pytest.mark.parametrize(
    ("name", "word", "is_near"),
    [
        *(("abcdef", "abcdeg", True), ("abcde", "abcdf", False)),
        *(("ab-12", "ab-13", True), ("a-12", "a-13", False)),
        *(("abc-12345", "abd-12346", True), ("abc-1234", "abd-1235", False)),
        ("abc-12345", "abd-22346", False),
    ],
)
def test_how_many_slips_are_believed(name: str, word: str, is_near: bool) -> None:
    """The longer a word, the more slips are; letters alone have to be more for one."""
    assert make_names(name).nearest(word) == (name if is_near else None)


def test_the_nearest_wins() -> None:
    """The nearer of two near names is meant."""
    assert make_names("style-5000", "style-500x").nearest("style-500") == "style-5000"
    assert make_names("style-50", "style-6000").nearest("style-5000") == "style-6000"


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("a HDA Masterpiece FULL b", ("HDA Masterpiece FULL", "HDA_Masterpiece_FULL")),
        ("hda masterpiece full", ("hda masterpiece full", "HDA_Masterpiece_FULL")),
        ("bad hands 5", ("bad hands 5", "bad-hands-5")),
        ("Easy Negative", ("Easy Negative", "EasyNegative")),
        ("by bad_artist", None),
        ("by bad-artist -", None),
        ("by bad artist", None),
        ("concept art", None),
        ("Concept Art", None),
        ("easy negative", ("easy negative", "EasyNegative")),
        ("a negative hand 2", ("negative hand", "negative_hand")),
        ("negative hand neg", ("negative hand neg", "negative_hand-neg")),
        ("negative space", None),
        ("bad dream", None),
        ("Bad Dream", ("Bad Dream", "BadDream")),
        ("1 girl", None),
        ("B W", None),
        ("my style", None),
        ("bad, hands 5", None),
    ],
)
def test_words_apart(phrase: str, expected: tuple[str, str] | None) -> None:
    """A name of several words is found in them, unless they are an ordinary phrase or the name."""
    found, _ = NAMES.misses([phrase], [])
    assert list(found.items()) == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("name", "phrase", "is_found"),
    [
        *(("abc-de5", "abc de5", True), ("ab-de5", "ab de5", False)),
        *(("badhands_v5", "badhands v5", True), ("2women", "2 women", False)),
        ("a-b-c-d-e-f-g-h", "a b c d e f g h", True),
        ("a-b-c-d-e-f-g-h-i", "a b c d e f g h i", False),
    ],
)
def test_which_words_apart_are_believed(name: str, phrase: str, is_found: bool) -> None:
    """A name of few letters or of very many words is not looked for; a number ends one."""
    found, _ = make_names(name).misses([phrase], [])
    assert found == ({phrase: name} if is_found else {})


def test_words_that_are_named_are_no_misses() -> None:
    """Names that are used and words of foreign syntax are no mistakes."""
    assert NAMES.misses(["marc_alante"], [])[0] == {"marc_alante": "marc_allante"}
    assert NAMES.misses(["marc_alante"], ["<marc_alante>"])[0] == {}


@pytest.mark.parametrize(
    ("name", "word", "is_miss"),
    [
        ("portraits2", "portraits", False),
        ("portraits2", "portraitz2", True),
        ("greyscale", "grayscale", False),
        ("bad-artist", "badartist", True),
        ("easynegative", "easynegatve", True),
    ],
)
def test_ordinary_words_are_no_misses(name: str, word: str, is_miss: bool) -> None:
    """A word of one token is no mistyped name, and one of two letter by letter is none."""
    assert make_names(name).misses([word], [])[0] == ({word: name} if is_miss else {})


def test_words_are_compared_up_to_a_limit() -> None:
    """A limited number of new words is compared at once; known ones cost nothing."""
    given: list[str] = []

    def count(texts: list[str]) -> list[TokenIds]:
        given.extend(texts)
        return [[1, 2]] * len(texts)

    names = NearNames(["EasyNegative"], count)
    text = " ".join(f"w{number}" for number in range(LIMITS.compared_words + 1))
    assert names.misses([text], []) == ({}, False)
    assert len(given) == LIMITS.compared_words
    assert names.misses([text], []) == ({}, True)
    assert names.misses([text], []) == ({}, True)
    assert len(given) == LIMITS.compared_words + 1
