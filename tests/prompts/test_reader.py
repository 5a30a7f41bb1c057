"""What prompts use of a library, from the text to the report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lib_embeddings.prompts.grammar import escape
from lib_embeddings.prompts.near import NearNames
from lib_embeddings.prompts.reader import PromptReader
from lib_embeddings.prompts.report import KnownEmbedding, PromptReport
from lib_embeddings.prompts.tokens import tokenize

XL = "made for SDXL"
LOADED = (
    "marc_allante",
    "whatever-200",
    "bad",
    "cat",
    "bad dream",
    "par(en)",
    "Case",
    "case",
    "v1.5",
)
OTHERS = ("whatever-2000", "bad-hands-5", "catxl", "CASE", "my bad")
KNOWN = [KnownEmbedding(name, name, 8) for name in LOADED] + [
    KnownEmbedding(name, name, 2, XL) for name in OTHERS
]


def make_reader(embeddings: Sequence[KnownEmbedding]) -> PromptReader:
    """Return a reader that knows some embeddings."""
    names = [known.name for known in embeddings]
    return PromptReader(
        embeddings, dict(zip(names, tokenize(names), strict=True)), tokenize, NearNames
    )


READER = make_reader(KNOWN)


def reported(prompt: str, **options: Any) -> dict[str, Any]:
    """Return what a report says, but for the chunks, in short."""
    report = READER.read(prompt, 10, **options)
    return {key: value for key, value in _facts(report) if value}


def _facts(report: PromptReport) -> Iterable[tuple[str, Any]]:
    yield "used", {use.known.name: list(use.weights) for use in report.used}
    yield "unavailable", {known.name: other for known, other, _ in report.unavailable}
    yield "near misses", {text: known.name for text, known in report.near_misses}
    yield "foreign syntax", [found.text for found in report.foreign_syntax]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("", {}),
        ("a photo of a dog, masterpiece, 8k uhd", {}),
        # Used
        ("by marc_allante", {"used": {"marc_allante": [1]}}),
        ("MARC_Allante", {"used": {"marc_allante": [1]}}),
        ("(marc_allante:1.2), (marc_allante)", {"used": {"marc_allante": [1.2, 1.1]}}),
        ("x,marc_allante,y", {"used": {"marc_allante": [1]}}),
        ("marc_allante.\nmarc_allante!", {"used": {"marc_allante": [1, 1]}}),
        ("(bad) dream bad\ndream", {"used": {"bad": [1.1], "bad dream": [1]}}),
        ("a cat in a catalog", {"used": {"cat": [1]}}),
        (r"par\(en\)", {"used": {"par(en)": [1]}}),
        ("par(en)", {"unavailable": {"par(en)": None}}),
        ("cAsE", {"used": {"Case": [1]}}),
        ("v1.5 v1.5 beta", {"used": {"v1.5": [1, 1]}}),
        # Editing, parts, networks, comments
        ("[marc_allante:cat:0.5]", {"used": {"marc_allante": [1], "cat": [1]}}),
        ("[a|b] marc_allante", {"used": {"marc_allante": [1]}}),
        ("[(cat:2)|cat|cat]", {"used": {"cat": [2, 1]}}),
        ("marc_allante AND (marc_allante:2) :0.3", {"used": {"marc_allante": [1, 2]}}),
        ("a <lora:cat:1>", {}),
        ("a # cat\nb", {}),
        ("marc_allante BREAK cat", {"used": {"marc_allante": [1], "cat": [1]}}),
        # Not available
        ("catxl", {"unavailable": {"catxl": None}}),
        ("whatever-2000", {"used": {"whatever-200": [1]},
                           "unavailable": {"whatever-2000": "whatever-200"}}),
        ("bad-hands-5", {"used": {"bad": [1]}, "unavailable": {"bad-hands-5": "bad"}}),
        ("my bad dream", {"used": {"bad dream": [1]}, "unavailable": {"my bad": "bad dream"}}),
        ("bad-hand", {"used": {"bad": [1]}}),
        # Near misses
        ("marc_alante", {"near misses": {"marc_alante": "marc_allante"}}),
        ("whatever-20000", {"used": {"whatever-200": [1]},
                            "unavailable": {"whatever-2000": "whatever-200"},
                            "near misses": {"whatever-20000": "whatever-2000"}}),
        ("bad-hands", {"used": {"bad": [1]}, "near misses": {"bad-hands": "bad-hands-5"}}),
        ("(whatver-200:1.2)", {"near misses": {"whatver-200": "whatever-200"}}),
        ("bad hands 5", {"used": {"bad": [1]}, "near misses": {"bad hands 5": "bad-hands-5"}}),
        # Other programs' syntax
        ("embedding:cat", {"used": {"cat": [1]}, "foreign syntax": ["embedding:cat"]}),
        ("embedding:missing.pt", {"unavailable": {"missing": None}}),
        ("embedding:urn:air:sd1:embedding:civitai:7808@9208",
         {"unavailable": {"urn:air:sd1:embedding:civitai:7808@9208": None}}),
        ("embedding:marc_alante", {"unavailable": {"marc_alante": None}}),
        ("embedding:gone_cat", {"used": {"cat": [1]}, "unavailable": {"gone_cat": "cat"}}),
        ("<embed:gone_cat>", {"unavailable": {"gone_cat": None}}),
        ("__marc_alante__", {}),
        ("__marc_allante__", {"used": {"marc_allante": [1]},
                              "foreign syntax": ["__marc_allante__"]}),
        ("marc_allante++", {"used": {"marc_allante": [1]}, "foreign syntax": ["marc_allante++"]}),
        ("<embed:cat>", {"foreign syntax": ["<embed:cat>"]}),
        ("<marc_allante>", {"used": {"marc_allante": [1]}, "foreign syntax": ["<marc_allante>"]}),
    ],
)  # fmt: skip
def test_reports(prompt: str, expected: dict[str, Any]) -> None:
    """A prompt's report has these lines, and no others."""
    assert reported(prompt) == expected


def test_the_negative_prompt() -> None:
    """It has neither AND nor extra networks: they are words."""
    assert reported("a <lora:cat:1>", is_negative=True) == {"used": {"cat": [1]}}
    assert len(READER.read("a AND b", 10).chunks) == 2
    assert len(READER.read("a AND b", 10, is_negative=True).chunks) == 1


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("", [(0, 0)]),
        ("a cat", [(9, 8)]),
        ("dog, " * 40, [(75, 0), (5, 0)]),
        ("dog dog, " * 30, [(75, 0), (15, 0)]),
        ("dog " * 70 + "cat", [(70, 0), (8, 8)]),
        ("dog BREAK cat", [(1, 0), (8, 8)]),
        ("dog AND cat", [(1, 0), (8, 8)]),
        ("[dog:a cat dog:0.5]", [(10, 8)]),
    ],
)
def test_chunks(prompt: str, expected: list[tuple[int, int]]) -> None:
    """The chunks of the longest text are listed, part after part."""
    assert list(READER.read(prompt, 10).chunks) == expected


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a dog", True),
        ("a cat", True),
        ("catxl", False),
        ("whatever-2000", False),
        ("embedding:cat", True),
        ("embedding:missing", False),
        ("marc_alante", True),
    ],
)
def test_is_all_used(prompt: str, expected: bool) -> None:
    """It is true if every embedding that is named, in any syntax, is used."""
    assert READER.read(prompt, 10).is_all_used is expected


def test_an_ordinary_word_is_no_near_miss() -> None:
    """A word that is one token is no mistyped name, and neither is a name that is one."""
    reader = make_reader(
        [KnownEmbedding("1", "portraits2", 1), KnownEmbedding("2", "beautyfull", 1)]
    )
    assert not reader.read("portraits, beautiful", 10).near_misses
    assert reader.read("portraitz2", 10).near_misses


def test_the_word_before_a_foreign_name_is_no_near_miss() -> None:
    """The word that ComfyUI writes before a name is not compared with names."""
    reader = make_reader([KnownEmbedding("1", "embedding5", 1), KnownEmbedding("2", "catxl", 1)])
    assert not reader.read("embedding:catxl", 10).near_misses
    assert reader.read("embeddings, catxl", 10).near_misses


def test_a_file_that_is_no_embedding_is_no_near_miss() -> None:
    """Only embeddings are meant by words that are nearly names."""
    known = [KnownEmbedding("1", "catxl_style", 0, "this is a web page")]
    assert not make_reader(known).read("catxl_stile", 10).near_misses


def test_the_file_that_can_be_used_is_meant() -> None:
    """The file for this model counts among two of one name, in either order."""
    known = [KnownEmbedding("xl", "lazyneg", 2, XL), KnownEmbedding("sd", "lazyneg", 8)]
    for embeddings in (known, known[::-1]):
        (used,) = make_reader(embeddings).read("lazyneg", 10).used
        assert used.known.id == "sd"


@pytest.mark.parametrize("prompt", ["caf\u00e9_x", "CAFE\u0301_X"])
def test_accents_are_kept_in_two_ways(prompt: str) -> None:
    """A file's name with its accent as a character of its own is what people type."""
    report = make_reader([KnownEmbedding("1", "cafe\u0301_x", 1)]).read(prompt, 10)
    assert len(report.used) == 1
    assert not report.near_misses


def test_an_accent_of_its_own_is_no_mark_that_touches() -> None:
    """A name may end in one, and a comma behind it is no part of the name."""
    report = make_reader([KnownEmbedding("1", "cafe\u0301", 1)]).read("Cafe\u0301, cat", 10)
    assert (len(report.used), report.unavailable) == (1, ())


MARKED = ("bad_prompt (2)", "bad_prompt", "excl!", "x_", "<tok>", "gone_", "wow!", "wow!!")


@pytest.mark.parametrize(
    ("prompt", "used", "unavailable"),
    [
        (r"bad_prompt \(2\), cat", ["bad_prompt"], {"bad_prompt (2)": "bad_prompt"}),
        (r"bad_prompt \(2\) , cat", ["bad_prompt (2)"], {}),
        (r"(bad_prompt \(2\):1.2), cat", ["bad_prompt (2)"], {}),
        ("excl!, cat", [], {"excl!": None}),
        ("a excl!. cat", [], {"excl!": None}),
        ("excl! , x_ , x_", ["excl!", "x_"], {}),
        ("x_, x_ ,", ["x_"], {"x_": None}),
        ("a,<tok>,b", [], {"<tok>": None}),
        ("a,<tok> ,b", ["<tok>"], {}),
        ("gone_, cat", [], {"gone_": None}),
        ("excl, cat!,", [], {}),
        ("excl!!", [], {"excl!": None}),
        ("excl!?, (x_)", ["x_"], {"excl!": None}),
        ('"excl!", x__', [], {"excl!": None, "x_": None}),
        ("wow!!", ["wow!!"], {}),
        ("wow!!!", [], {"wow!!": None}),
    ],
)
def test_marks_that_touch_a_name(
    prompt: str, used: list[str], unavailable: dict[str, str | None]
) -> None:
    """CLIP reads marks that touch as one word: the name before is not used, or another is."""
    known = [KnownEmbedding(name, name, 1, XL if name == "gone_" else None) for name in MARKED]
    report = make_reader(known).read(prompt, 10)
    assert [use.known.name for use in report.used] == used
    assert {each.known.name: each.shadowed_by for each in report.unavailable} == unavailable
    for each in report.unavailable:
        expected = XL if each.known.name == "gone_" else "type a space between"
        assert expected in (each.known.reason or "")


@pytest.mark.parametrize(
    ("prompt", "used", "unavailable"),
    [
        ("bad_prompt (2), x", ["bad_prompt"], {"bad_prompt (2)": "bad_prompt"}),
        ("a wolf (3) in snow", [], {"wolf (3)": None}),
        ("a wolf (3)", [], {"wolf (3)": None}),
        ("a (3) wolf, ((wolf)) (4), wolf", [], {}),
        (r"a wolf \(3\) in snow", ["wolf (3)"], {}),
        (r"[wolf \(3\) :(a cat:1.2):0.5]", ["wolf (3)"], {}),
        (r"a wolf \(3\) , a wolf (3)", ["wolf (3)"], {"wolf (3)": None}),
        ("smile :)", ["smile :)"], {}),
        (r"(\(x\) ), [\(x\) ]", ["(x)"], {}),
        ("(x)", [], {"(x)": None}),
        ("a cat # wolf (3)\n", [], {}),
        ("old [v2], snow", [], {"old [v2]": None}),
        ("gone (1)", [], {"gone (1)": None}),
        ("a (cat:1.2)", [], {}),
    ],
)
def test_brackets_that_are_typed_as_in_a_name(
    prompt: str, used: list[str], unavailable: dict[str, str | None]
) -> None:
    """The host reads them as weights, so the name is not used; the report says how to type it."""
    names = ("bad_prompt (2)", "bad_prompt", "wolf (3)", "old [v2]", "gone (1)", "smile :)", "(x)")
    known = [KnownEmbedding(name, name, 1, XL if name == "gone (1)" else None) for name in names]
    report = make_reader(known).read(prompt, 10)
    assert [use.known.name for use in report.used] == used
    assert {each.known.name: each.shadowed_by for each in report.unavailable} == unavailable
    for each in report.unavailable:
        expected = XL if each.known.name == "gone (1)" else f"type {escape(each.known.name)}"
        assert expected in (each.known.reason or "")


def test_a_name_that_is_not_here_and_nearly_one_that_is() -> None:
    """One sentence says both."""
    (line,) = READER.read("embedding:marc_alante", 10).lines()
    assert line == (
        "marc_alante is not used: it is not here (did you mean marc_allante?); "
        "the model reads its name as words"
    )


@pytest.mark.parametrize(
    ("prompt", "is_negative", "instead"),
    [
        ("a <embed:gone> b", False, "the prompt is read without it"),
        ("a <embed:gone> b", True, "the model reads its name as words"),
        ("<embed:bad dream 7>", True, "bad dream is used instead"),
    ],
)
def test_what_stands_for_a_name_in_angle_brackets(
    prompt: str, is_negative: bool, instead: str
) -> None:
    """Hosts take it out of a positive prompt as an extra network, and read it in a negative one."""
    reader = make_reader([KnownEmbedding("1", "bad dream", 1)])
    lines = reader.read(prompt, 10, is_negative=is_negative).lines()
    assert any(line.endswith(f"it is not here; {instead}") for line in lines)


def test_names_that_are_not_here() -> None:
    """A name that is written outright is looked for, and its reason says what is wrong."""
    report = READER.read("embedding:gone_neg, embedding:urn:air:sd1:embedding:civitai:1@2", 10)
    assert [(each.known.id, each.known.name, each.known.reason) for each in report.unavailable] == [
        ("", "gone_neg", "it is not here"),
        (
            *("", "urn:air:sd1:embedding:civitai:1@2"),
            "Civitai names it by a number: type the name of its file instead",
        ),
    ]


def test_without_near_misses() -> None:
    """Without the package that finds them everything else is reported."""
    reader = PromptReader(KNOWN[:1], {"marc_allante": tokenize(["marc_allante"])[0]}, tokenize)
    report = reader.read("marc_alante marc_allante", 10)
    assert (len(report.used), report.near_misses) == (1, ())


def test_names_may_come_with_a_prompt() -> None:
    """They are used like others, after those that are there; no word is a near miss of them."""
    brought = [KnownEmbedding("", "sunset-town", 5), KnownEmbedding("", "marc_allante", 1)]
    reader = READER.with_more([*brought, KnownEmbedding("", "catxl", 4)])
    report = reader.read("sunset-town, marc_allante, catxl, sunset-towns", 10)
    assert [(use.known.name, use.known.n_vectors) for use in report.used] == [
        ("sunset-town", 5),
        ("marc_allante", 8),
        ("catxl", 4),
    ]
    assert not report.near_misses
    assert [near.known.name for near in reader.read("marc_alante", 10).near_misses] == [
        "marc_allante"
    ]
    assert not READER.read("sunset-town, catxl", 10).used


NAMES = st.text(
    st.sampled_from("()[]\\:|<> .-_aB1é猫")
    | st.characters(codec="utf-8", exclude_characters="#\0"),
    min_size=1,
    max_size=20,
)


@given(NAMES)
def test_an_escaped_name_is_used(name: str) -> None:
    """A prompt made with an escaped name uses exactly that name, with its weight."""
    tokens, of_one_line = tokenize([name, " ".join(name.split())])
    assume(tokens == of_one_line)  # text that looks wrongly decoded is mended line by line
    reader = make_reader([KnownEmbedding("1", name, 3)])
    report = reader.read(f"photo ({escape(name)}:1.5) photo", 10)
    used = [(use.known.name, use.weights) for use in report.used]
    assert used == ([(name, (1.5,))] if tokens else [])
