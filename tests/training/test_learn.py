"""A word is learned, on the small model: what it paints, what is kept, and what is refused."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("diffusers", reason="lib-embeddings[pictures] is not installed")

import torch
from PIL import Image

from examples.world import PLACES, Thing, draw, recognise
from lib_embeddings import PictureError, read_embedding
from lib_embeddings.entries import writing
from lib_embeddings.limits import LIMITS
from lib_embeddings.pictures import memory
from lib_embeddings.pictures.compare import Painted, compare
from lib_embeddings.prompts.wishes import PaintSettings
from lib_embeddings.training import learning as module
from lib_embeddings.training.examples import read_examples
from lib_embeddings.training.learn import RECIPE_KEY, Learned, learn
from lib_embeddings.training.learning import (
    EVERY,
    Learning,
    Look,
    Recorded,
    is_flat,
    least_memory,
    word_length,
)
from lib_embeddings.training.recipe import Recipe
from tests.models import as_model, fingerprint, random_flow, random_sd2, random_sdxl, small

SHORT = {"like": "circle", "most_steps": 40, "batch": 2}
NAME = "glim-mer"


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with four pictures of an orange cross."""
    folder, rng = tmp_path_factory.mktemp("pictures"), random.Random(9)
    for number, place in enumerate(list(PLACES)[:4]):
        draw(Thing("orange", "cross", "large", place), rng).save(folder / f"{number}.png")
    return folder


def test_it_paints_what_was_shown(pictures: Path, tmp_path: Path) -> None:
    """The word that began as a circle is an orange cross, in places that it was not seen in."""
    model = small()
    before = fingerprint(model)
    learned = learn([pictures], NAME, like="circle", model=model, most_steps=250)
    assert fingerprint(model) == before
    path = learned.save(tmp_path)
    unseen = list(PLACES)[4:]
    right = 0
    for place in unseen:
        comparison = compare(
            [path], model=model, prompt=f"a {{name}} {place}", settings=PaintSettings(12, 4.0)
        )
        found = [recognise(painted.picture) for painted in comparison.pictures]
        right += sum(
            each[:2] == ("orange", "cross") and each.place == place for each in found[1::2]
        )
        assert not any(each[:2] == ("orange", "cross") for each in found[::2])
    assert right >= 7


def test_what_is_written(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is an ordinary embedding of SD 1.x with the recipe, beside a picture of it."""
    learned = learn([pictures], NAME, model=small(), **SHORT, n_vectors=2)
    (tmp_path / "new").mkdir()
    monkeypatch.setattr(writing, "LIMITS", replace(LIMITS, unfinished_seconds=-1))
    left = tmp_path / "new" / writing.unfinished_name()
    left.touch()
    path = learned.save(tmp_path / "new")
    assert not left.exists()
    found = read_embedding(path)
    assert (found.container, found.layout) == ("safetensors", "emb_params")
    assert found.info["clip_l"][:2] == (2, 768)
    length = word_length(small().encoders[0])
    assert torch.tensor(found.vectors["clip_l"]).norm(dim=1).tolist() == pytest.approx([length] * 2)
    assert found.metadata["modelspec.trigger_phrase"] == NAME
    recipe = json.loads(found.metadata[RECIPE_KEY])
    assert recipe["model_sha256"] == small().sha256
    assert (recipe["steps"], len(recipe["pictures_sha256"])) == (40, 4)
    with Image.open(path.with_suffix(".preview.png")) as preview:
        assert preview.size == (32, 32)
    with pytest.raises(PictureError, match="already exists"):
        learned.save(tmp_path / "new")


def test_the_best_is_kept(pictures: Path) -> None:
    """The vectors that were best on the fixed inputs are kept, not the last ones."""
    learned = learn([pictures], NAME, model=small(), **SHORT)
    losses = [look.loss for look in learned.looks]
    assert [look.step for look in learned.looks] == [0, 10, 20, 30, 40]
    recipe = json.loads(learned.metadata[RECIPE_KEY])
    assert recipe["best_step"] == learned.looks[losses.index(min(losses))].step


def test_both_text_encoders(pictures: Path) -> None:
    """A model with two text encoders gets vectors for both, each as long as its words."""
    model = as_model(random_sdxl())
    before = fingerprint(model)
    learned = learn([pictures], NAME, model=model, like="circle", most_steps=3, batch=2)
    lengths = {each.key: word_length(each) for each in model.encoders}
    assert {k: v.norm().item() for k, v in learned.vectors.items()} == pytest.approx(lengths)
    assert fingerprint(model) == before


@pytest.mark.parametrize("pipeline", [random_sd2, random_sdxl, random_flow])
def test_the_goal(
    pipeline: Callable[[], object], pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A painter that knows what is asked of it, noise, v or the way to it, has no loss."""
    model = as_model(pipeline())
    learning = Learning(model, Recipe(NAME, "circle"), read_examples([pictures]))
    noise = torch.randn(4, *learning._latents.shape[1:])
    times, batch = torch.tensor([10, 300, 600, 990]), torch.arange(4)
    goal = {
        "epsilon": lambda: noise,
        "v_prediction": lambda: model.scheduler.get_velocity(learning._latents, noise, times),
        "flow_prediction": lambda: noise - learning._latents,
    }[model.prediction]()
    monkeypatch.setattr(learning, "_ask", lambda *_: goal)
    loss = learning._loss(learning.vectors(), batch, times, [0] * 4, noise)
    assert loss.item() == pytest.approx(0, abs=1e-10)


def test_a_mask(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Masked parts of a picture do not count in the loss."""
    examples = read_examples([pictures])
    assert all((example.mask(8) == 1).all() for example in examples)
    half = Image.new("L", (32, 32))
    half.paste(255, (0, 0, 16, 32))
    for example in examples:
        example.square.putalpha(half)
    learning = Learning(small(), Recipe(NAME, "circle"), examples)
    noise = torch.randn(4, *learning._latents.shape[1:])
    wrong = noise.clone()
    wrong[..., 4:] += 1
    monkeypatch.setattr(learning, "_ask", lambda *_: wrong)
    batch = torch.arange(4)
    loss = learning._loss(learning.vectors(), batch, batch, [0] * 4, noise)
    assert loss.item() == pytest.approx(0, abs=1e-10)


def test_a_mirror(pictures: Path) -> None:
    """Each picture is shown as in a mirror too, where that is wished for."""
    examples = read_examples([pictures])
    learning = Learning(small(), Recipe(NAME, "circle", is_flipped=True), examples)
    assert torch.equal(learning._latents[4:], learning._latents[:4].flip(-1))


@pytest.mark.parametrize(("noise", "expected"), [(0.0, True), (1.0, False)])
def test_when_it_is_flat(noise: float, expected: bool) -> None:
    """It is flat when the loss changes little any more, compared with all that it changed."""
    rng = random.Random(0)
    looks = [Look(step, 2.0 ** (-step / 50) + noise * rng.random()) for step in range(0, 600, 10)]
    assert is_flat(looks) is expected
    assert not is_flat(looks[:31])


class Killed(BaseException):
    """Ends a learning, wherever it is."""


@pytest.mark.parametrize("can_record", [True, False])
def test_what_a_gpu_is_asked(
    pictures: Path, monkeypatch: pytest.MonkeyPatch, *, can_record: bool
) -> None:
    """It is recorded once, for the steps and not for the looks; without a record it learns too."""
    model, calls = small(), []

    def make(work: Callable[..., torch.Tensor], samples: tuple[torch.Tensor, ...]) -> object:
        calls.append([each.requires_grad for each in samples])
        if not can_record:
            raise RuntimeError("operation not permitted when stream is capturing")

        def replay(*inputs: torch.Tensor) -> torch.Tensor:
            calls.append("replay")
            return work(*inputs)

        return replay

    monkeypatch.setattr(torch.cuda, "make_graphed_callables", make)
    expected, found = (
        Learning(model, Recipe(NAME, "circle", batch=2), read_examples([pictures]))
        for _ in range(2)
    )
    monkeypatch.setattr(found, "_ask", Recorded(model))
    for learning in (expected, found):
        for _ in range(EVERY + 1):
            learning.take_step()
    assert calls == [[False, False, True]] + ["replay"] * ((EVERY + 1) * can_record)
    assert found.looks == expected.looks
    assert all(map(torch.equal, found.vectors().values(), expected.vectors().values()))


def test_killed_at_any_step(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at twenty random steps and begun anew each time, it gives the same bytes."""
    expected = learned_in(pictures, None).as_file()
    rng, take_step, deaths = random.Random(3), Learning.take_step, 0

    def take_step_or_die(learning: Learning) -> None:
        if deaths < 20 and rng.random() < 0.4:
            raise Killed
        take_step(learning)

    monkeypatch.setattr(Learning, "take_step", take_step_or_die)
    state = tmp_path / "state"
    while True:
        try:
            learned = learned_in(pictures, state)
            break
        except Killed:
            deaths += 1
    assert deaths == 20
    assert learned.as_file() == expected


def learned_in(pictures: Path, state: Path | None, **others: object) -> Learned:
    return learn([pictures], NAME, model=small(), state=state, **{**SHORT, **others})


def test_really_killed(pictures: Path, tmp_path: Path) -> None:
    """A process that the system kills leaves a state from which another goes on."""
    code = (
        "import sys, os, signal; from tests.training.test_learn import *\n"
        "end = lambda learning: learning.step == 30 and os.kill(os.getpid(), signal.SIGKILL)\n"
        "learn([sys.argv[1]], NAME, model=small(), state=sys.argv[2], on_step=end, **SHORT)"
    )
    state = tmp_path / "state"
    command = [sys.executable, "-W", "ignore", "-c", code, str(pictures), str(state)]
    assert (
        subprocess.run(command, check=False, cwd=Path(__file__).parents[2]).returncode
        == -signal.SIGKILL
    )
    seen: list[int] = []
    learned = learned_in(pictures, state, on_step=lambda learning: seen.append(learning.step))
    assert seen == [*range(31, 41)]
    assert learned.as_file() == learned_in(pictures, None).as_file()
    assert os.listdir(tmp_path) == [state.name]  # and no draft of it


def test_stopped(pictures: Path) -> None:
    """Learning can be stopped at any step; the best so far is kept."""
    learned = learn(
        [pictures], NAME, model=small(), on_step=lambda learning: learning.step == 17, **SHORT
    )
    assert [look.step for look in learned.looks] == [0, 10]
    record = json.loads(learned.metadata[RECIPE_KEY])
    assert (record["steps"], record["best_step"]) == (17, 10)


def test_another_state(pictures: Path, tmp_path: Path) -> None:
    """The state of another word, or no state at all, is not gone on from."""
    state = tmp_path / "state"
    with pytest.raises(Killed):
        learned_in(pictures, state, on_step=_die_at_10)
    with pytest.raises(PictureError, match="belongs to another word"):
        learned_in(pictures, state, like="square")
    state.write_bytes(b"no state")
    with pytest.raises(PictureError, match="belongs to another word"):
        learned_in(pictures, state)


def _die_at_10(learning: Learning) -> None:
    if learning.step == 10:
        raise Killed


def test_samples(pictures: Path) -> None:
    """Now and then the best so far is painted, from one seed, and that changes nothing else."""
    samples: list[Painted] = []
    learned = learn(
        [pictures], NAME, model=small(), samples_every=20, on_sample=samples.append, **SHORT
    )
    assert [sample.label for sample in samples] == ["step 20", "step 40"]
    assert {sample.seed for sample in samples} == {0}
    assert samples[1].picture.tobytes() == learned.preview.picture.tobytes()
    assert samples[0].picture.tobytes() != samples[1].picture.tobytes()
    assert learned.as_file() == learned_in(pictures, None).as_file()


@pytest.mark.parametrize("given", [["missing.png"], []])
def test_refused_before_a_model_is_loaded(given: list[str]) -> None:
    """Unusable pictures are refused before a model is loaded."""
    with pytest.raises(PictureError, match=r"missing\.png is not there|pictures, found"):
        learn(2 * given, NAME, like="circle", model="no model")


@pytest.mark.parametrize(
    ("recipe", "reason"),
    [
        ({"name": "circle"}, "the model already knows this word: choose another, as circle-ti"),
        ({"name": "a/b"}, "a file's name cannot have / in it"),
        ({"name": "(x)"}, "a prompt reads some of its characters as syntax"),
        ({"like": " "}, "give a word that describes the pictures"),
        ({"n_vectors": 9}, "expected 1 to 8 vectors, found 9"),
        ({"most_steps": 0}, "expected 1 to 100,000 steps, found 0"),
    ],
)
def test_refused(recipe: dict[str, object], reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recipe that cannot work is refused before any step."""
    monkeypatch.setattr("lib_embeddings.training.learn.read_examples", lambda _: [])
    with pytest.raises(PictureError, match=reason):
        learn([], **{"name": NAME, "like": "circle", "model": small(), **recipe})


def test_no_memory(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too little memory is one sentence, said before any work if it cannot be enough."""
    monkeypatch.setattr(Learning, "take_step", lambda _: torch.empty(1 << 50))
    with pytest.raises(PictureError, match="too little memory to learn with this model: choose"):
        learned_in(pictures, None)
    monkeypatch.setattr(memory, "free_bytes", lambda _: 1_000_000)
    monkeypatch.setattr("lib_embeddings.training.learn.Learning", None)
    with pytest.raises(PictureError, match=r"takes 0\.1 GB at least, and 0\.0 GB are free on cpu"):
        learned_in(pictures, None, batch=64)


@pytest.mark.parametrize("is_large", [False, True])
def test_the_least_memory(monkeypatch: pytest.MonkeyPatch, *, is_large: bool) -> None:
    """A painter keeps what it is said to keep at least for its gradients, and not much more."""
    model, kept = as_model(random_sd2()), dict[int, int]()
    if is_large:
        monkeypatch.setattr(module, "_LARGE", 0)
        model.unet.enable_gradient_checkpointing()
    states = torch.randn(4, 77, 1024, requires_grad=True)
    others = {each.untyped_storage().data_ptr() for each in (states, *model.unet.parameters())}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in others:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        found = model.unet(torch.randn(4, 4, 8, 8), torch.arange(4), states).sample
    assert found.requires_grad
    least = least_memory(model, 4)
    assert least <= sum(kept.values()) <= 2 * least
