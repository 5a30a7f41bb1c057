"""Names as other programs write them."""

from __future__ import annotations

import pytest

from lib_embeddings.prompts.foreign_syntax import ForeignSyntax, find_foreign_syntax

NAMES = ("foo", "EasyNegative", "par(en)", "a.b", "<tok>", "x_", "c++", "snake_case")
URN = "urn:air:sd1:embedding:civitai:7808@9208"
KNOWN = {name.lower(): name for name in NAMES}


def find(prompt: str) -> list[ForeignSyntax]:
    """Return what is found in a prompt where these names are known."""
    return find_foreign_syntax(prompt, lambda text: KNOWN.get(text.lower()))


@pytest.mark.parametrize(
    ("prompt", "text", "name", "replacement"),
    [
        # ComfyUI
        ("embedding:foo", "embedding:foo", "foo", "foo"),
        ("a, embedding:foo, b", "embedding:foo", "foo", "foo"),
        ("embedding:foo.pt", "embedding:foo.pt", "foo", "foo"),
        ("embedding:sub/dir/foo.safetensors", "embedding:sub/dir/foo.safetensors", "foo", "foo"),
        (r"embedding:xl\foo.pt", r"embedding:xl\foo.pt", "foo", "foo"),
        ("embedding:embedding:foo", "embedding:embedding:foo", "foo", "foo"),
        ("embedding:easynegative", "embedding:easynegative", "EasyNegative", "EasyNegative"),
        ("embedding:foo:1.2, b", "embedding:foo:1.2", "foo", "(foo:1.2)"),
        ("(embedding:foo:1.25)", "embedding:foo", "foo", "foo"),
        ("(a, embedding:foo: 1.25)", "embedding:foo", "foo", "foo"),
        (r"embedding:par\(en\)", r"embedding:par\(en\)", "par(en)", r"par\(en\) "),
        ("(embedding:foo)", "embedding:foo", "foo", "foo"),
        ("embedding:foo.", "embedding:foo", "foo", "foo"),
        ("embedding:a.b", "embedding:a.b", "a.b", "a.b"),
        ("embedding:x_", "embedding:x_", "x_", "x_ "),
        ("embedding:foo:-1, b", "embedding:foo:-1", "foo", "(foo:-1)"),
        ("embedding:foo:1.2!", "embedding:foo:1.2", "foo", "(foo:1.2)"),
        # In prompt editing
        ("[embedding:a.b:5]", "embedding:a.b", "a.b", "a.b"),
        ("[embedding:a.b::5]", "embedding:a.b", "a.b", "a.b"),
        ("[cat:embedding:a.b:0.5]", "embedding:a.b", "a.b", "a.b"),
        ("[embedding:foo.pt:cat:0.5 ]", "embedding:foo.pt", "foo", "foo"),
        ("[cat:embedding:foo:1.2:0.5 ]", "embedding:foo:1.2", "foo", "(foo:1.2)"),
        # In an alternation
        ("[a|embedding:foo:1.2]", "embedding:foo:1.2", "foo", "(foo:1.2)"),
        ("[embedding:foo:1.2|a]", "embedding:foo:1.2", "foo", "(foo:1.2)"),
        ("[a|[b:5] embedding:foo:1.2 ]", "embedding:foo:1.2", "foo", "(foo:1.2)"),
        ("[a|(embedding:foo:1.2)]", "embedding:foo", "foo", "foo"),
        ("[a|[cat:embedding:foo:5]]", "embedding:foo", "foo", "foo"),
        ("[a|b], [embedding:foo:5]", "embedding:foo", "foo", "foo"),
        # SwarmUI
        ("a <embed:foo> b", "<embed:foo>", "foo", "foo"),
        ("<embedding:xl/foo.pt:1>", "<embedding:xl/foo.pt:1>", "foo", "(foo:1)"),
        ("<embedding:foo:-1>", "<embedding:foo:-1>", "foo", "(foo:-1)"),
        ("<embed:embedding:foo>", "<embed:embedding:foo>", "foo", "foo"),
        ("<embed:foo:strong>", "<embed:foo:strong>", "foo", "foo"),
        # InvokeAI
        ("a <foo> b", "<foo>", "foo", "foo"),
        ("<par(en)>", "<par(en)>", "par(en)", r"par\(en\) "),
        ("a foo++, b", "foo++", "foo", "(foo:1.21)"),
        ("foo-", "foo-", "foo", "(foo:0.9)"),
        ("(foo)1.3", "(foo)1.3", "foo", "(foo:1.3)"),
        ("(easynegative)--", "(easynegative)--", "EasyNegative", "(EasyNegative:0.81)"),
        # dynamic-prompts
        ("a __snake_case__ b", "__snake_case__", "snake_case", "snake_case"),
    ],
)
def test_what_is_converted(prompt: str, text: str, name: str, replacement: str) -> None:
    """Each is found whole, with its place and with what to write instead."""
    (found,) = find(prompt)
    assert (found.text, found.name, found.replacement) == (text, name, replacement)
    assert prompt[found.start : found.end] == text


@pytest.mark.parametrize(
    ("prompt", "text", "name"),
    [
        ("embedding:missing", "embedding:missing", "missing"),
        ("embedding:xl/missing.pt:0.8", "embedding:xl/missing.pt:0.8", "missing"),
        ("<embed:missing>", "<embed:missing>", "missing"),
        ("__animals__", "__animals__", "animals"),
        *(
            (written.format(f"embedding:{URN}"), f"embedding:{URN}", URN)
            for written in ("({})", "({}:1.2)", "[cat:{}:0.5]", "a {}.", "{}, b")
        ),
        (f"embedding:{URN}:1.2, b", f"embedding:{URN}:1.2", URN),
        (f"<embedding:{URN}:1>", f"<embedding:{URN}:1>", URN),
    ],
)
def test_what_is_not_known(prompt: str, text: str, name: str) -> None:
    """A name that is not here is found whole, and nothing is proposed for it."""
    (found,) = find(prompt)
    assert (found.text, found.name, found.replacement) == (text, name, None)


@pytest.mark.parametrize(
    "prompt",
    ["foo", "<lora:foo:1>", "<missing>", "<3", "<tok>", "a > b < c", "embedding: foo", "embedding:",
     "embedding:...", "embedding:embedding:!", "myembedding:foo", "embedding of foo", "c++",
     "missing++", "(missing)1.3", "(foo:1.3)", "(foo)", "(foo) 1.3", "++", "-", "well-", "__",
     "____", "x__y"],
)  # fmt: skip
def test_other_text(prompt: str) -> None:
    """Extra networks, unknown words in brackets and ordinary text are left alone."""
    assert find(prompt) == []


def test_programs_and_order() -> None:
    """They come in the order of the prompt, with the program that they belong to."""
    found = find("<foo> embedding:foo <embed:foo> __foo__ foo+ embedding:urn:air:x")
    assert [each.program for each in found] == [
        "InvokeAI", "ComfyUI", "SwarmUI", "dynamic-prompts", "InvokeAI", "Civitai",
    ]  # fmt: skip


def test_one_within_another() -> None:
    """Foreign syntax within another's text does not count."""
    assert [found.text for found in find("embedding:<foo>, (<foo>)")] == ["<foo>", "<foo>"]
    assert [found.text for found in find("embedding:__foo__")] == ["embedding:__foo__"]
