"""How other programs write an embedding in a prompt, and what to write here instead.

ComfyUI: `embedding:name`, `embedding:folder/name.pt`, `embedding:name:1.2`.
InvokeAI and diffusers: `<name>`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from lib_embeddings.names import SUFFIXES, split_name
from lib_embeddings.prompts.grammar import escape

COMFYUI, INVOKEAI = "ComfyUI", "InvokeAI"

_COMFYUI = re.compile(
    r"""
    (?<!\w) embedding: (?P<file> (?: \\. | [^\s,()\[\]<>|:"'\\] )+ )
    (?: : (?P<weight> \d*\.?\d+ ) (?! \.?\d | \s*\) ) )?  # one before a bracket is the bracket's
    """,
    re.IGNORECASE | re.VERBOSE,
)
_INVOKEAI = re.compile(r"<(?P<name>[^<>:\n]+)>")
_ESCAPE = re.compile(r"\\(.)")
_STOPS = ".;!?"

Spell = Callable[[str], str | None]


class ForeignSyntax(NamedTuple):
    """A name as another program writes it.

    Attributes:
        start: where it begins in the prompt, in characters.
        end: where it ends.
        name: as it is spelled here, if it is known.
        replacement: what to write instead.
    """

    text: str
    start: int
    end: int
    name: str
    replacement: str
    program: str


def find_foreign_syntax(prompt: str, spell: Spell) -> list[ForeignSyntax]:
    """Return what a prompt holds of other programs' syntax, from its beginning on.

    Args:
        spell: returns how a known name is spelled, whatever its letter case; None for others.
    """
    return sorted([*_find_comfyui(prompt, spell), *_find_invokeai(prompt, spell)], key=_start)


def _start(found: ForeignSyntax) -> int:
    return found.start


def _find_comfyui(prompt: str, spell: Spell) -> Iterator[ForeignSyntax]:
    for match in _COMFYUI.finditer(prompt):
        text, weight = match[0], match["weight"]
        file = _ESCAPE.sub(r"\1", match["file"])
        if not weight:
            text = text.rstrip(_STOPS)
            file = file.rstrip(_STOPS)
        name = _name_of(file)
        if name:
            name = spell(name) or name
            written = f"({escape(name)}:{weight})" if weight else escape(name)
            start = match.start()
            yield ForeignSyntax(text, start, start + len(text), name, written, COMFYUI)


def _name_of(file: str) -> str:
    """Return the name that a file gives its embedding; folder and suffix may be left out."""
    filename = re.split(r"[/\\]", file)[-1]
    name, suffix = split_name(filename)
    return name if suffix in SUFFIXES else filename


def _find_invokeai(prompt: str, spell: Spell) -> Iterator[ForeignSyntax]:
    """Find only names that are known: much else stands in such brackets."""
    for match in _INVOKEAI.finditer(prompt):
        name = spell(match["name"])
        if name is not None and spell(match[0]) is None:
            yield ForeignSyntax(match[0], match.start(), match.end(), name, escape(name), INVOKEAI)
