"""What is said about names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from lib_embeddings.names import fold, why_no_filename
from lib_embeddings.prompts.name_checks import NO_ADVICE, NameChecks
from lib_embeddings.prompts.report import KnownEmbedding
from lib_embeddings.prompts.tokens import TokenIds, Tokenize, tokenize

XL = "made for SDXL"
# Stands for a proposal where there is none.
ANYTHING = "what you want to type"


def known(name: str, **facts: Any) -> KnownEmbedding:
    """Return an embedding of one vector with a name."""
    return KnownEmbedding(name, name, 1)._replace(**facts)


def warnings(name: str, *others: str, tokens: bool = True) -> tuple[str, ...]:
    """Return what is said about a name beside others."""
    embeddings = [known(each) for each in (name, *others)]
    return NameChecks(embeddings, tokenize if tokens else None).of(embeddings[0]).warnings


@pytest.mark.parametrize(
    "name",
    ["marc_allante", "EasyNegative", "bad-hands-5", "x, y", "猫", "v1.5", "ng_deepnegative_v1_75t"],
)
def test_good_names(name: str) -> None:
    """Nothing is said about a name that no prompt holds by chance."""
    assert warnings(name, "easynegativev2", "bad-hands-4") == ()


@pytest.mark.parametrize(
    ("name", "proposal"), [("cat", "cat-ti"), ("CAT", "CAT-ti"), ("5", "5-ti"), ("2000", "2000-ti")]
)
def test_words_of_the_model(name: str, proposal: str) -> None:
    """A single word or a number is in many prompts that mean no embedding."""
    assert warnings(name) == (
        (
            "the model already knows this word: "
            f'every "{name}" in a prompt becomes this embedding: rename it to {proposal}'
        ),
    )


def test_names_of_the_same_tokens() -> None:
    """One of two names that the model reads alike is never used; both say so."""
    says = "and uses only one of them: rename it to"
    assert warnings("a  b", "a b") == (f"the model cannot tell a  b from a b, {says} a-b",)
    assert warnings("blue ﬁsh", "blue fish")[0].startswith("the model cannot tell blue ﬁsh from")


def test_the_beginning_of_another_name() -> None:
    """A name is used in place of a longer one that cannot be; that is no reason to rename it."""
    short, long, other = known("whatever-200"), known("whatever-2000", reason=XL), known("whatever")
    checks = NameChecks([short, long, other], tokenize)
    warning = (
        "the name whatever-2000 begins with this name and cannot be used now: "
        "a prompt with whatever-2000 uses whatever-200 instead"
    )
    assert checks.of(short) == ((warning,), None)
    assert checks.of(long) == NO_ADVICE
    assert NameChecks([short, long._replace(reason=None)], tokenize).of(short) == NO_ADVICE
    assert NameChecks([short._replace(reason=XL), long], tokenize).of(short) == NO_ADVICE
    styles = [known("catalog of style"), known("catalog of styles", reason=XL)]
    assert NameChecks(styles, tokenize).of(styles[0]) == NO_ADVICE


@pytest.mark.parametrize(
    ("name", "proposal"),
    [
        *(("bad_prompt (2)", "bad_prompt-2"), ("excl!", "excl"), ("100%", "100-ti")),
        *(("x_", "x-ti"), ("c++", "c-ti"), ("<cat-toy>", "cat-toy"), ("สวัสดี", "สวัสดี-ti")),
    ],
)
def test_names_that_end_in_a_mark(name: str, proposal: str) -> None:
    """CLIP reads a comma behind a mark as one word with it, so the name is not found."""
    says = "a comma right after it becomes part of it: type a space before the comma, or"
    assert f"{says} rename it to {proposal}" in warnings(name)
    assert says in warnings(name, tokens=False)[0]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        *(("par(en)", r"par\(en\)"), ("a:b", r"a\:b"), ("[x]", r"\[x\]"), ("a\\b", r"a\\b")),
        *(
            ("salt|pepper", r"salt\|pepper"),
            ("x BREAK y", "x break y"),
            ("you AND me", "you and me"),
        ),
    ],
)
def test_what_the_grammar_takes(name: str, written: str) -> None:
    """A name that prompts read as something else comes with the text to type."""
    said = f"prompts read some of its characters as syntax: type it as {written}"
    assert said in warnings(name)
    assert said in warnings(name, tokens=False)


def test_words_that_divide_prompts() -> None:
    """Written small, AND and BREAK are words as any others."""
    first, second = warnings("BREAK")
    assert first.startswith("the model already knows this word")
    assert second.endswith("type it as break")


def test_comments() -> None:
    """Text after a # is no part of a prompt."""
    assert warnings("c# style") == (
        "prompts ignore a # and all that follows it: rename it to c-style",
    )


def test_a_name_without_tokens() -> None:
    """A name in which the model reads nothing cannot be typed; there is no better one to offer."""
    assert warnings("\x01") == (
        (
            r"the model reads no character of \x01, so no prompt can use it: "
            "rename it to what you want to type"
        ),
    )


@pytest.mark.parametrize(
    ("folder", "stored_name", "proposal"),
    [
        ("birb", "<cat-toy>", "cat-toy"),
        ("birb", None, "birb-ti"),
        ("birb style", None, "birb-style"),
        ("", "<cat-toy>", "cat-toy"),
        ("a/b", "_birb_style_", "birb_style"),
        ("", "<../../etc/x>", "etc-x"),
        ("", "*", None),
    ],
)
def test_the_name_of_all_trainings(
    folder: str, stored_name: str | None, proposal: str | None
) -> None:
    """`learned_embeds` says nothing: the folder or the name inside may be better."""
    embedding = known("learned_embeds", folder=folder, stored_name=stored_name)
    advice = NameChecks([embedding, known("birb")], tokenize).of(embedding)
    assert advice.proposal == proposal
    assert advice.warnings == (
        f"many files have the name learned_embeds: rename it to {proposal or ANYTHING}",
    )


@pytest.mark.parametrize("stored_name", ["<cat-toy>", None])
@pytest.mark.parametrize(
    "folder",
    [
        "models--sd-concepts-library--birb/snapshots/dd3f5a9d4b0b0a3a0a4ad0c9e9b3c54a0b8a3f0c",
        "hub/models--birb/snapshots/dd3f5a9d4b0b0a3a0a4ad0c9e9b3c54a0b8a3f0c",
    ],
)
def test_a_cache_of_hugging_face(folder: str, stored_name: str | None) -> None:
    """The name inside is proposed, or the model's, and never that of a folder called by a hash."""
    embedding = known("learned_embeds", folder=folder, stored_name=stored_name)
    proposal = NameChecks([embedding], tokenize).of(embedding).proposal
    assert proposal == ("cat-toy" if stored_name else "birb")


@pytest.mark.parametrize("folder", ["snapshots", "dd3f5a9d4b0b0a3a0a4ad0c9e9b3c54a0b8a3f0c", ""])
def test_a_folder_without_a_name(folder: str) -> None:
    """A folder of a cache is no name, wherever the library begins."""
    embedding = known("learned_embeds", folder=folder)
    assert NameChecks([embedding], tokenize).of(embedding).proposal is None


def test_duplicates() -> None:
    """A file whose name another one has gets a free one, of its folder, and no warning besides."""
    first, second = known("lazyneg"), known("lazyneg", folder="sd/old", is_duplicate=True)
    third = known("lazyneg", is_duplicate=True)
    checks = NameChecks([first, second, third], tokenize)
    assert checks.of(first) == NO_ADVICE
    assert checks.of(second) == ((), "lazyneg-old")
    assert checks.of(third) == ((), "lazyneg-ti")


def test_names_of_files_that_are_no_embeddings() -> None:
    """Nothing is said about them, but they are taken all the same, and so are names read alike."""
    cat, page, fish = known("cat"), known("cat-ti", n_vectors=0), known("fish")
    ligature = known("ﬁsh-ti", n_vectors=0)
    checks = NameChecks([cat, page, fish, ligature], tokenize)
    assert checks.of(page) == NO_ADVICE
    assert checks.of(cat).proposal == "ti-cat"
    assert checks.of(fish).proposal == "ti-fish"


NAMES = (
    *("cat", "cat-ti", "ti-cat", "bad", "bad-hands-5", "bad-ti-2", "a(b", "a-b", "a  b", "a b"),
    *("AND", "x#y", "5", "[", "learned_embeds2", "con(", "CAT-TI:", "ﬁsh", "fish", "*?", "🐈"),
)


@pytest.mark.parametrize("tokens", [True, False])
def test_proposals_are_free(tokens: bool) -> None:
    """A proposal is a good file name, nobody has it, and nothing is said about it."""
    embeddings = [known(name) for name in NAMES]
    checks = NameChecks(embeddings, tokenize if tokens else None)
    proposals = {e.name: checks.of(e).proposal for e in embeddings if checks.of(e).proposal}
    assert proposals.keys() >= {"a(b", "AND", "x#y", "CAT-TI:"}
    for name, proposal in proposals.items():
        assert proposal
        assert fold(proposal) not in {fold(each) for each in NAMES}
        assert why_no_filename(proposal) is None
        renamed = [known(proposal), *(each for each in embeddings if each.name != name)]
        assert NameChecks(renamed, tokenize if tokens else None).of(renamed[0]) == NO_ADVICE


def test_each_name_is_looked_up_once() -> None:
    """Token ids are looked up for all names together, and for no proposal."""
    asked: list[list[str]] = []

    def look_up(names: Iterable[str], tokenize: Tokenize) -> Mapping[str, TokenIds]:
        asked.append(list(names))
        return dict(zip(asked[-1], tokenize(asked[-1]), strict=True))

    embeddings = [known("cat"), known("dog"), known("cat", folder="b", is_duplicate=True)]
    checks = NameChecks(embeddings, tokenize, look_up)
    assert checks.of(embeddings[0]).proposal == "cat-ti"
    assert asked == [["cat", "dog"]]


@pytest.mark.parametrize("calls", [0, 1])
def test_a_tokenizer_that_is_gone(calls: int) -> None:
    """A model that was unloaded costs what tokens tell, and nothing else."""
    left = [tokenize] * calls

    def tokenize_while_loaded(texts: list[str]) -> list[TokenIds]:
        return left.pop()(texts)  # then an IndexError, which is a LookupError

    embeddings = [known("cat"), known("a(b")]
    first, second = map(NameChecks(embeddings, tokenize_while_loaded).of, embeddings)
    assert (first.proposal, second.proposal) == (("cat-ti" if calls else None), "a-b")


def test_no_names_at_all() -> None:
    """An empty library has nothing to say."""
    assert NameChecks([], tokenize).of(known("xyzzy")) == NO_ADVICE
