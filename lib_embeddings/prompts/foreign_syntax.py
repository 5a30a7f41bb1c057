"""How other programs write an embedding in a prompt, and how to write it here.

ComfyUI: `embedding:name`, `embedding:folder/name.pt` or with a backslash, `embedding:name:1.2`.
Civitai: `embedding:urn:air:sd1:embedding:civitai:7808@9208`.
SwarmUI: `<embed:name>`, `<embedding:name:1>`.
InvokeAI and diffusers: `<name>`, `name++`, `(name)1.3`.
dynamic-prompts: `__name__` is a file of lines, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from lib_embeddings.names import SUFFIXES, split_name
from lib_embeddings.prompts.grammar import typed

COMFYUI, CIVITAI, SWARMUI, INVOKEAI, WILDCARD = (
    "ComfyUI", "Civitai", "SwarmUI", "InvokeAI", "dynamic-prompts",
)  # fmt: skip

_NUMBER = r"[+-]?\d*\.?\d+"
_URN = r"urn:air (?: : [^\s,()\[\]<>|:]+ ){1,4}"  # the last is a number and its version
_COMFYUI = re.compile(
    rf"""
    (?P<named> (?<!\w) (?: embedding: )+
        (?: (?P<urn> {_URN} ) | (?P<file> (?: \\[()\[\]] | [^\s,()\[\]<>|:"'] )+ ) ) )
    (?: : (?P<weight> {_NUMBER} ) (?! \.?\d ) (?= \s* (?P<bracket> [)\]] )? ) )?
    """,
    re.IGNORECASE | re.VERBOSE,
)
_SWARMUI = re.compile(
    rf"""
    < (?: embed (?: ding )? : )+ (?: (?P<urn> {_URN} ) | (?P<file> [^<>:]+ ) )
    (?: : (?P<weight> {_NUMBER} ) | : [^<>]* )? >
    """,
    re.IGNORECASE | re.VERBOSE,
)
_ANGLES = re.compile(r"<(?P<name>[^<>:\n]+)>")
_SIGNED = re.compile(r"[^\s,()\[\]<>|:\"']+")
_WEIGHED = re.compile(r"\((?P<name>[^()\[\]\\<>:]+)\)(?P<weight>\d*\.?\d+(?![\w.])|\++|-+)")
_WILDCARD = re.compile(r"__(?P<name>[^\s,()\[\]<>|:_]+(?:_[^\s,()\[\]<>|:_]+)*)__")
_ESCAPE = re.compile(r"\\([()\[\]])")
_CLOSED = re.compile(r"\[[^\[\]]*\]")
_STOPS = ".;!?"
_MORE, _LESS = 1.1, 0.9  # a plus and a minus of InvokeAI

Spell = Callable[[str], str | None]


class ForeignSyntax(NamedTuple):
    """A name as another program writes it.

    Attributes:
        start: where it begins in the prompt, in characters.
        end: where it ends.
        name: as it is spelled here, if known.
        replacement: the text to write here; None where the name is not known.
        program: the other program.
    """

    text: str
    start: int
    end: int
    name: str
    replacement: str | None
    program: str


class _Written(NamedTuple):
    """Perhaps a name in another program's syntax, with its weight there."""

    text: str
    start: int
    name: str
    weight: str | None
    program: str


def find_foreign_syntax(prompt: str, spell: Spell) -> list[ForeignSyntax]:
    """Return the uses of other programs' syntax in a prompt, in order.

    Args:
        spell: returns the spelling of a known name, in any letter case; None for others.
    """
    written = (*_comfyui(prompt), *_swarmui(prompt), *_invokeai(prompt), *_wildcards(prompt))
    found = [_spelled(each, spell) for each in written if _is_meant(each, spell)]
    return list(_apart(sorted(found, key=lambda each: (each.start, -each.end))))


def _is_meant(written: _Written, spell: Spell) -> bool:
    """Return whether this is the program's syntax: much else has brackets or signs."""
    is_known = spell(written.name) is not None and spell(written.text) is None
    return is_known or written.program != INVOKEAI


def _spelled(written: _Written, spell: Spell) -> ForeignSyntax:
    text, start, name, weight, program = written
    known = spell(name)
    replacement = known and typed(known)
    if replacement and weight:
        replacement = f"({replacement}:{weight})"
    return ForeignSyntax(text, start, start + len(text), known or name, replacement, program)


def _apart(everything: Iterable[ForeignSyntax]) -> Iterator[ForeignSyntax]:
    """Yield those that do not begin inside another."""
    end = 0
    for found in everything:
        if found.start >= end:
            yield found
            end = found.end


def _comfyui(prompt: str) -> Iterator[_Written]:
    for match in _COMFYUI.finditer(prompt):
        weight = match["weight"] if _is_own_weight(match) else None
        text = match[0] if weight else match["named"].rstrip(_STOPS)
        # Full stops alone are not a name.
        if not text.endswith(":"):
            yield _referred(match, text, weight, COMFYUI)


def _is_own_weight(match: re.Match[str]) -> bool:
    """Return whether a number belongs to a name.

    A number before a bracket belongs to the bracket: it is the weight of all its text, or the step
    of an edit; between pipes, `[a|b]`, there is no step.
    """
    if match["bracket"] == "]":
        before = _CLOSED.sub("", match.string[: match.start()])
        return "|" in before.rpartition("[")[2]
    return match["bracket"] is None


def _swarmui(prompt: str) -> Iterator[_Written]:
    for match in _SWARMUI.finditer(prompt):
        yield _referred(match, match[0], match["weight"], SWARMUI)


def _referred(match: re.Match[str], text: str, weight: str | None, program: str) -> _Written:
    """Return an embedding that is named outright, by its file or by its number at Civitai."""
    if match["urn"]:
        return _Written(text, match.start(), match["urn"].rstrip(_STOPS), None, CIVITAI)
    file = match["file"] if text == match[0] else match["file"].rstrip(_STOPS)
    return _Written(text, match.start(), _name_of(file), weight, program)


def _invokeai(prompt: str) -> Iterator[_Written]:
    for match in _ANGLES.finditer(prompt):
        yield _Written(match[0], match.start(), match["name"], None, INVOKEAI)
    for match in _SIGNED.finditer(prompt):
        name = match[0].rstrip(match[0][-1])
        if match[0][-1] in "+-" and name:
            weight = _weight_of(match[0][len(name) :])
            yield _Written(match[0], match.start(), name, weight, INVOKEAI)
    for match in _WEIGHED.finditer(prompt):
        weight = _weight_of(match["weight"])
        yield _Written(match[0], match.start(), match["name"].strip(), weight, INVOKEAI)


def _wildcards(prompt: str) -> Iterator[_Written]:
    for match in _WILDCARD.finditer(prompt):
        yield _Written(match[0], match.start(), match["name"], None, WILDCARD)


def _name_of(file: str) -> str:
    """Return the name of the embedding in a file; folder and suffix may be missing."""
    filename = re.split(r"[/\\]", _ESCAPE.sub(r"\1", file))[-1]
    name, suffix = split_name(filename)
    return name if suffix in SUFFIXES else filename


def _weight_of(signs: str) -> str:
    """Return the weight that InvokeAI's signs mean: `++` is 1.21."""
    if signs[0] not in "+-":
        return signs
    return f"{(_MORE if signs[0] == '+' else _LESS) ** len(signs):.3g}"
