"""Wishes for pictures that show what embeddings do: prompts without and with names, by seed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from lib_embeddings.names import Field
from lib_embeddings.prompts.grammar import typed

Purpose = Literal["object", "style", "negative"]
KINDS: tuple[Purpose, ...] = get_args(Purpose)

# Where the name goes in a prompt.
NAME = "{name}"

# The prompt and the negative prompt for each kind.
USUAL_PROMPTS: Mapping[Purpose, tuple[str, str]] = {
    "object": (f"a photo of a {NAME}", ""),
    "style": (f"a painting in the style of {NAME}", ""),
    "negative": ("a photo of a toy", NAME),
}
# The remains of a name that is taken out of a prompt.
_GAP = re.compile(r"(?:[ \t]*,)*[ \t]*(?=,)|[ \t]+(?=[ \t])|[ \t,]+$")
# In the metadata of embeddings learned here.
KIND_KEY = "lib_embeddings.kind"


class Wish(NamedTuple):
    """One picture: equal wishes give equal pictures."""

    prompt: str
    negative: str
    seed: int


@dataclass(frozen=True)
class PaintSettings:
    """The settings for painting pictures.

    Attributes:
        guidance: how far away from the negative prompt; at 1 that prompt is not read at all. None
            for the model's best value.
        side: of the pictures, in pixels; None for the size that the model was made for.
    """

    steps: int = 20
    guidance: float | None = None
    side: int | None = None


class Column(NamedTuple):
    """One way to paint each seed; the name that it uses, None for none."""

    label: str
    prompt: str
    negative: str
    name: str | None

    def wish(self, seed: int) -> Wish:
        """Return the wish for its picture of a seed."""
        return Wish(self.prompt, self.negative, seed)


def kind_of(metadata: Mapping[str, object], field: Field) -> Purpose:
    """Return the purpose of an embedding: from its recipe, or from its name's prompt field."""
    recorded = metadata.get(KIND_KEY)
    guessed: Purpose = "negative" if field == "negative" else "object"
    return next((kind for kind in KINDS if kind == recorded), guessed)


def prompts_for(
    kind: Purpose, prompt: str | None = None, negative: str | None = None
) -> tuple[str, str]:
    """Return both prompts, with `{name}` in at least one; by default those of a kind."""
    usual = USUAL_PROMPTS[kind]
    texts = [usual[0] if prompt is None else prompt, usual[1] if negative is None else negative]
    if not any(NAME in text for text in texts):
        of_kind = int(kind == "negative")
        texts[of_kind] = f"{texts[of_kind]}, {NAME}" if texts[of_kind] else NAME
    return texts[0], texts[1]


def columns(
    kinds: Mapping[str, Purpose],
    prompt: str | None = None,
    negative: str | None = None,
    weights: Sequence[float] = (0, 1),
) -> list[Column]:
    """Return the ways to paint each seed; the one without any embedding comes once.

    Args:
        kinds: of the embeddings, by name.
        weights: of the name, one for each column; 0 is without it.
    """
    found = (
        column
        for name, kind in kinds.items()
        for column in _columns(name, prompts_for(kind, prompt, negative), weights)
    )
    return list(dict.fromkeys(found))


def _columns(name: str, texts: tuple[str, str], weights: Sequence[float]) -> Iterator[Column]:
    for weight in weights:
        word = _weighed(typed(name), weight) if weight else ""
        positive, negative = (_GAP.sub("", text.replace(NAME, word)) for text in texts)
        label = f"{name} {weight:g}" if weight not in (0, 1) else name
        if weight:
            yield Column(label, positive, negative, name)
        else:
            yield Column("without", positive, negative, None)


def _weighed(word: str, weight: float) -> str:
    return word if weight == 1 else f"({word}:{weight:g})"
