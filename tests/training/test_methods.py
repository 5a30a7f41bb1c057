"""How vectors follow a gradient."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from lib_embeddings.training.methods import METHODS, Adam, Direction  # noqa: E402

LENGTH = 0.4


def minimised(kind: type, steps: int) -> tuple[Any, Any]:
    """Return vectors that were drawn to a far goal, and the goal."""
    torch.manual_seed(0)
    method, goal = kind(torch.randn(2, 8), LENGTH), 5 * torch.randn(2, 8)
    for _ in range(steps):
        method.step(method.vectors() - goal)
    return method.vectors(), goal


@pytest.mark.parametrize("kind", METHODS.values())
def test_downhill(kind: type) -> None:
    """Each method turns to where the loss is less."""
    first, goal = minimised(kind, 0)
    last, _ = minimised(kind, 300)
    cosine = torch.nn.functional.cosine_similarity
    assert (cosine(last, goal) > cosine(first, goal) + 0.1).all()


def test_directions_keep_their_length() -> None:
    """A vector stays as long as a word, however far the goal is."""
    vectors, goal = minimised(Direction, 300)
    assert torch.allclose(vectors.norm(dim=1), torch.full((2,), LENGTH))
    assert (torch.nn.functional.cosine_similarity(vectors, goal) > 0.99).all()


def test_adam_is_torchs() -> None:
    """The other method is AdamW with the settings of the WebUI, which grows longer."""
    vectors, goal = minimised(Adam, 40)
    torch.manual_seed(0)
    start = torch.nn.functional.normalize(torch.randn(2, 8), dim=1) * LENGTH
    leaf = start.requires_grad_()
    optimizer = torch.optim.AdamW([leaf], 0.005, weight_decay=0)
    for _ in range(40):
        optimizer.zero_grad()
        leaf.grad = (leaf - goal).detach()
        optimizer.step()
    assert torch.allclose(vectors, leaf.detach(), atol=1e-6)
    assert (minimised(Adam, 300)[0].norm(dim=1) > 2 * LENGTH).all()
