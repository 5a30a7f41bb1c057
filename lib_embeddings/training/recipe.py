"""What a person wants to learn, and how. Imports no torch: it is checked before any work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from lib_embeddings.errors import PictureError, shown
from lib_embeddings.limits import LIMITS
from lib_embeddings.names import why_no_filename
from lib_embeddings.prompts.grammar import escape
from lib_embeddings.prompts.wishes import Purpose

# What pictures can show.
_KINDS: tuple[Purpose, ...] = ("object", "style")

MethodKey = Literal["direction", "adam"]
METHOD_KEYS: tuple[MethodKey, ...] = get_args(MethodKey)

# What messages call each number of a recipe, the least that it may be, and the most. With the
# number of a step in the lower half a seed seeds the random numbers, in 64 bits.
_BOUNDS: Mapping[str, tuple[str, int, int]] = {
    "n_vectors": ("vectors", 1, LIMITS.learned_vectors),
    "most_steps": ("steps", 1, LIMITS.learning_steps),
    "batch": ("pictures per step", 1, LIMITS.learning_batch),
    "seed": ("for the seed", 0, (1 << 31) - 1),
}


@dataclass(frozen=True)
class Recipe:
    """How a word is learned; the same recipe, model and pictures give the same bytes on a CPU.

    Attributes:
        like: words for something similar; it begins at their mean.
        kind: `object` or `style`: what captions say.
        method: `direction`, which keeps the length of words, or `adam`, as the WebUI trains.
        most_steps: when it ends at the latest.
        stops_early: whether it ends when the loss on fixed inputs is flat.
        is_flipped: whether each picture is also shown mirrored; wrong for faces and writing.
    """

    name: str
    like: str
    kind: Purpose = "object"
    n_vectors: int = 1
    method: MethodKey = "direction"
    most_steps: int = 600
    batch: int = 4
    seed: int = 0
    stops_early: bool = True
    is_flipped: bool = False
    templates: tuple[str, ...] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values, with which it can be made again."""
        return asdict(self)

    def check(self) -> None:
        """Raise `PictureError` for what no model can learn."""
        name = self.name
        if why := why_no_filename(name):
            raise PictureError(why)
        if escape(name) != name:
            raise PictureError(f"{shown(name)}: a prompt reads some of its characters as syntax")
        if not self.like.strip():
            raise PictureError("no starting word: give a word that describes the pictures")
        if self.kind not in _KINDS:
            raise PictureError(f"expected an object or a style, found {shown(self.kind)}")
        for key, (what, least, most) in _BOUNDS.items():
            number = getattr(self, key)
            if not least <= number <= most:
                raise PictureError(f"expected {least} to {most:,} {what}, found {number:,}")


def usual_numbers() -> dict[str, dict[str, int]]:
    """Return what each number of a recipe is where nobody chooses, and its bounds, as JSON."""
    usual: dict[str, Any] = {field.name: field.default for field in fields(Recipe)}
    return {
        key: {"usual": usual[key], "least": least, "most": most}
        for key, (_, least, most) in _BOUNDS.items()
    }
