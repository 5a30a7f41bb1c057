"""Prompts that are as long as they may be, and made to cost as much as they can."""

from __future__ import annotations

import random

from lib_embeddings.limits import LIMITS

LENGTH, STEPS = LIMITS.prompt_characters, LIMITS.prompt_steps
# The names that the prompts have in them; the last is of an embedding that no prompt can use.
NAMES = ("foo", "x_", "bad-hands-5", "wolf (3)", "gone-5")


def long(text: str) -> str:
    """Return a text again and again, as long as a prompt may be."""
    return (text * (LENGTH // len(text) + 1))[:LENGTH]


def words(length: int, letters: str) -> str:
    """Return a prompt of words that nobody knows."""
    rng = random.Random(0)
    return " ".join("".join(rng.choices(letters, k=length)) for _ in range(LENGTH // (length + 1)))


HOSTILE = {
    **{f"many {text!r}": long(text) for text in (
        "[a:b:", "(a", "[ a:(b:]", "a AND ", "BREAK ", "<a:", "<foo> ", "foo++ ", "embedding:foo ",
        "x_,", "x_!", "wolf (3) ", "gone-5 ", "1",
    )},
    "alternations": f"[a|b|c] [d|e|f|g|h] [i|j|k|l|m|n|o] {'a fine word ' * 80}",
    "foreign names that are not here": long(
        " ".join(f"embedding:g{number}" for number in range(LENGTH // 12))
    ),
    "an edit at each step": long("".join(f"[a{n}:b:{n}] " for n in range(STEPS))),
    "alternations in each other": "[a|" * 4000 + "]" * 4000,
    "brackets across each other": "(a" * 3000 + "[a" * 3000 + ")" * 3000 + "]" * 3000,
    "words that nobody knows": words(5, "abcdefghijklmnopqrstuvwxyz"),
}  # fmt: skip

# Those that cost little but in what Python does not count: expressions, characters, tokens.
HOSTILE_BELOW = {
    **{f"many {text!r}": long(text) for text in (
        "[a|b]", "(a:1.2)", "(:1.1.1", "[a:b:3]", "|", ":", "\\(", "\n", "#\n", "embedding:", "__a",
        "bad hands 5 ", "&amp;", "&", "Ã©", "猫", "🐈", "\u0301",
    )},
    "a blank line": " " * (LENGTH - 1) + "x",
    "long words that nobody knows": words(14, "abcdefghij-_0123456789"),
    "one word": words(LENGTH - 1, "abcdefghijklmnopqrstuvwxyz"),
}  # fmt: skip
