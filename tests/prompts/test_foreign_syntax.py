"""Names as other programs write them."""

from __future__ import annotations

import pytest

from lib_embeddings.prompts.foreign_syntax import find_foreign_syntax

KNOWN = {"foo": "foo", "easynegative": "EasyNegative", "par(en)": "par(en)", "a.b": "a.b",
         "<tok>": "<tok>"}  # fmt: skip


@pytest.mark.parametrize(
    ("prompt", "text", "name", "replacement"),
    [
        ("embedding:foo", "embedding:foo", "foo", "foo"),
        ("a, embedding:foo, b", "embedding:foo", "foo", "foo"),
        ("embedding:foo.pt", "embedding:foo.pt", "foo", "foo"),
        ("embedding:sub/dir/foo.safetensors", "embedding:sub/dir/foo.safetensors", "foo", "foo"),
        ("embedding:easynegative", "embedding:easynegative", "EasyNegative", "EasyNegative"),
        ("embedding:foo:1.2, b", "embedding:foo:1.2", "foo", "(foo:1.2)"),
        ("(embedding:foo:1.25)", "embedding:foo", "foo", "foo"),
        ("(a, embedding:foo: 1.25)", "embedding:foo", "foo", "foo"),
        (r"embedding:par\(en\)", r"embedding:par\(en\)", "par(en)", r"par\(en\)"),
        ("(embedding:foo)", "embedding:foo", "foo", "foo"),
        ("embedding:foo.", "embedding:foo", "foo", "foo"),
        ("embedding:a.b", "embedding:a.b", "a.b", "a.b"),
        ("embedding:missing", "embedding:missing", "missing", "missing"),
        ("a <foo> b", "<foo>", "foo", "foo"),
        ("<par(en)>", "<par(en)>", "par(en)", r"par\(en\)"),
    ],
)
def test_foreign_syntax(prompt: str, text: str, name: str, replacement: str) -> None:
    """Each is found with its place, and with what to write instead."""
    (found,) = find_foreign_syntax(prompt, lambda text: KNOWN.get(text.lower()))
    assert (found.text, found.name, found.replacement) == (text, name, replacement)
    assert prompt[found.start : found.end] == text


@pytest.mark.parametrize(
    "prompt",
    ["foo", "<lora:foo:1>", "<missing>", "<3", "<tok>", "a > b < c", "embedding: foo", "embedding:",
     "myembedding:foo", "embedding of foo"],
)  # fmt: skip
def test_other_text(prompt: str) -> None:
    """Extra networks, unknown words in brackets and ordinary text are left alone."""
    assert find_foreign_syntax(prompt, lambda text: KNOWN.get(text.lower())) == []


def test_programs_and_order() -> None:
    """They come in the order of the prompt, with the program that they belong to."""
    found = find_foreign_syntax("<foo> embedding:foo <foo>", KNOWN.get)
    assert [each.program for each in found] == ["InvokeAI", "ComfyUI", "InvokeAI"]
