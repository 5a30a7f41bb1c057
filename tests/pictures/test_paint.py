"""Pictures, judged by what they show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("diffusers", reason="lib-embeddings[pictures] is not installed")

import torch

from examples.world import COLOURS, SHAPES, everything, recognise
from lib_embeddings.errors import PictureError
from lib_embeddings.pictures import memory
from lib_embeddings.pictures import paint as module
from lib_embeddings.pictures.paint import Live, paint
from lib_embeddings.prompts.wishes import PaintSettings, Wish
from tests.models import as_model, fingerprint, random_flow, random_sd2, random_sdxl, small

SETTINGS = PaintSettings(steps=12, guidance=4.0)


def test_the_small_model_paints_what_it_is_told() -> None:
    """Every shape in every colour, at all sizes and places, becomes what the prompt names."""
    things = everything()[::11]
    assert len({thing[:2] for thing in things}) == len(COLOURS) * len(SHAPES)
    wishes = [Wish(thing.prompt, "", seed) for seed, thing in enumerate(things)]
    found = [recognise(picture) for picture in paint(small(), {}, wishes, SETTINGS)]
    wrong = [(thing, seen) for thing, seen in zip(things, found, strict=True) if thing != seen]
    assert len(wrong) <= 2, wrong


def colours(wishes: list[Wish], settings: PaintSettings = SETTINGS) -> list[str]:
    return [recognise(each).colour for each in paint(small(), {}, wishes, settings)]


def test_a_negative_prompt() -> None:
    """The picture avoids the negative prompt."""
    wishes = [Wish("a circle on sand", "", seed) for seed in range(8)]
    usual = max(COLOURS, key=colours(wishes).count)
    avoided = [wish._replace(negative=usual) for wish in wishes]
    assert colours(avoided).count(usual) < colours(wishes).count(usual)


def test_prompt_editing() -> None:
    """A prompt that changes early paints what it becomes, and one that never changes what it is."""
    texts = "[red:teal:1] circle on sand", "[red:teal:12] circle on sand", "red circle on sand"
    early, late, plain = paint(small(), {}, [Wish(text, "", 1) for text in texts], SETTINGS)
    assert recognise(early).colour == "teal"
    assert late.tobytes() == plain.tobytes()


def test_weights() -> None:
    """A weight changes how strong a word is, and leaves a picture a picture."""
    texts = [f"a (red:{weight}) circle on sand" for weight in (0.8, 1, 1.2)]
    pictures = paint(small(), {}, [Wish(text, "", 1) for text in texts], SETTINGS)
    assert [recognise(each)[0::3] for each in pictures] == [("red", "on sand")] * 3
    assert len({each.tobytes() for each in pictures}) == 3


def test_a_seed_is_a_picture() -> None:
    """The same wish becomes the same picture, and another seed another."""
    one, other = Wish("red", "", 1), Wish("red", "", 2)
    first, second = (paint(small(), {}, [one, other], SETTINGS) for _ in range(2))
    assert [each.tobytes() for each in first] == [each.tobytes() for each in second]
    assert first[0].tobytes() != first[1].tobytes()


def test_prompts_of_different_lengths() -> None:
    """A picture does not depend on how long the others' prompts are."""
    short, long = Wish("a red ring on sand", "", 1), Wish("red BREAK ring BREAK at sea", "", 1)
    (alone,) = paint(small(), {}, [short], SETTINGS)
    together, _ = paint(small(), {}, [short, long], SETTINGS)
    difference = torch.tensor(list(alone.tobytes())) - torch.tensor(list(together.tobytes()))
    assert difference.abs().max() <= 1


@pytest.mark.parametrize("pipeline", [random_sd2, random_sdxl])
def test_other_families(pipeline: Callable[[], object]) -> None:
    """Models of SD 2.x and SDXL paint, too, at any side, and stay as they are."""
    model = as_model(pipeline())
    before = fingerprint(model)
    wishes = [Wish("red AND ring:0.5", "sand", 1)]
    (picture,) = paint(model, {}, wishes, PaintSettings(steps=2, side=64))
    assert picture.size == (64, 64)
    assert fingerprint(model) == before


def test_progress_and_an_end() -> None:
    """Each step is said with what the picture is by then; what the listener raises ends it."""
    steps, looks = [], []

    def listen(step: int, of: int, live: Live) -> None:
        steps.append((step, of))
        looks.extend(live())
        if step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        paint(small(), {}, [Wish("red", "", 1)], SETTINGS, listen)
    assert steps == [(1, 12), (2, 12), (3, 12)]
    assert len({each.tobytes() for each in looks}) == 3
    assert {each.size for each in looks} == {(32, 32)}


def test_the_last_look_is_the_picture() -> None:
    """The last picture that is shown during the work is the result."""
    looks = []

    def look(_step: int, _of: int, live: Live) -> None:
        looks.extend(live())

    (picture,) = paint(small(), {}, [Wish("red ring on sand", "", 1)], SETTINGS, look)
    first, last = (np.asarray(each, int) for each in (looks[0], looks[-1]))
    done = np.asarray(picture, int)
    assert np.abs(last - done).mean() < np.abs(first - done).mean() / 4


def test_a_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A painter that knows the straight way to a picture arrives there."""
    model = as_model(random_flow())
    goal = torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(5))
    way = lambda _model, latents, time, _encoded: (latents - goal) / (time / 1000)  # noqa: E731
    monkeypatch.setattr(module, "ask", way)
    (picture,) = paint(model, {}, [Wish("red", "", 1)], PaintSettings(steps=4, guidance=1.0))
    (expected,) = module._pictures(model, goal)
    assert np.abs(np.asarray(picture, int) - np.asarray(expected, int)).max() <= 1


def test_too_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures for which memory cannot be enough are refused in one sentence, before any step."""
    monkeypatch.setattr(memory, "free_bytes", lambda _: 50_000_000)
    monkeypatch.setattr(module, "_paint", None)
    with pytest.raises(PictureError, match=r"takes 0\.2 GB at least, and 0\.1 GB are free on cpu"):
        paint(small(), {}, [Wish("red", "", 1)], PaintSettings(side=1024))


def test_memory_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where torch gets no memory, on whatever device, one sentence says so; no other error does."""
    monkeypatch.setattr(module, "ask", lambda *_: torch.empty(1 << 50))
    with pytest.raises(PictureError, match="too little memory to paint: choose smaller pictures"):
        paint(small(), {}, [Wish("red", "", 1)], SETTINGS)
    monkeypatch.setattr(module, "ask", lambda *_: torch.empty(3) @ torch.empty(2))
    with pytest.raises(RuntimeError, match="inconsistent tensor size"):
        paint(small(), {}, [Wish("red", "", 1)], SETTINGS)


def test_free_memory() -> None:
    """A system that says how much memory is available is believed."""
    free = memory.free_bytes(torch.device("cpu"))
    assert (free is None) == (not Path("/proc/meminfo").exists())
    assert free is None or 0 < free < 1 << 50
    assert memory.free_bytes(torch.device("meta")) is None
