"""What a person wants to learn, and how. Imports no torch: it is checked before any work."""

from __future__ import annotations

from dataclasses import asdict, dataclass
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

# With the number of a step in the lower half it seeds the random numbers, in 64 bits.
_MOST_SEED = (1 << 31) - 1


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
        for what, number, least, most in (
            ("vectors", self.n_vectors, 1, LIMITS.learned_vectors),
            ("steps", self.most_steps, 1, LIMITS.learning_steps),
            ("pictures per step", self.batch, 1, LIMITS.learning_batch),
            ("for the seed", self.seed, 0, _MOST_SEED),
        ):
            if not least <= number <= most:
                raise PictureError(f"expected {least} to {most:,} {what}, found {number:,}")
