"""How vectors follow a gradient.

`Direction` is Directional Textual Inversion (Kim et al., 2025, arXiv 2512.13672): a vector keeps
the length that words have, and only its direction is learned. `Adam` moves it freely, as the
WebUI's own training does; its vectors become many times as long as words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch.nn import functional

from lib_embeddings.training.recipe import MethodKey

MethodState = dict[str, torch.Tensor]


class Method(Protocol):
    """Moves the vectors of one text encoder; all that it remembers is its state."""

    state: MethodState

    def vectors(self) -> torch.Tensor:
        """Return the current vectors (n_vectors, hidden_size)."""

    def step(self, gradient: torch.Tensor) -> None:
        """Take one step against a gradient of the vectors."""


class Direction:
    """Riemannian gradient descent on a sphere, each step of the same angle.

    A weak pull leads back to the start (a von Mises-Fisher prior).
    """

    rate = 0.02
    _pull = 1e-4

    def __init__(self, start: torch.Tensor, length: float) -> None:
        """Begin in the directions of *start*; all vectors have one length."""
        directions = functional.normalize(start, dim=-1)
        self.state: MethodState = {"directions": directions}
        self._start = directions
        self._length = length

    def vectors(self) -> torch.Tensor:
        return self.state["directions"] * self._length

    def step(self, gradient: torch.Tensor) -> None:
        now = self.state["directions"]
        uphill = gradient * self._length - self._pull * self._start
        along = uphill - (uphill * now).sum(-1, keepdim=True) * now
        moved = now - self.rate * functional.normalize(along, dim=-1)
        self.state["directions"] = functional.normalize(moved, dim=-1)


class Adam:
    """AdamW without weight decay, at the learning rate that the WebUI proposes."""

    rate = 0.005
    _decays = 0.9, 0.999
    _least = 1e-8

    def __init__(self, start: torch.Tensor, length: float) -> None:
        """Begin at the directions of *start* with one length, which is not kept."""
        vectors = functional.normalize(start, dim=-1) * length
        nothing = torch.zeros_like(vectors)
        self.state: MethodState = {
            "vectors": vectors,
            "mean": nothing,
            "square": nothing,
            "steps": torch.zeros(()),
        }

    def vectors(self) -> torch.Tensor:
        return self.state["vectors"]

    def step(self, gradient: torch.Tensor) -> None:
        vectors, mean, square, steps = self.state.values()
        for_mean, for_square = self._decays
        steps = steps + 1
        mean = mean * for_mean + gradient * (1 - for_mean)
        square = square * for_square + gradient.square() * (1 - for_square)
        step = (mean / (1 - for_mean**steps)) / (
            (square / (1 - for_square**steps)).sqrt() + self._least
        )
        moved = vectors - self.rate * step
        self.state = {"vectors": moved, "mean": mean, "square": square, "steps": steps}


METHODS: Mapping[MethodKey, type[Direction | Adam]] = {"direction": Direction, "adam": Adam}
