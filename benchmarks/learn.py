"""Measure what is learned from four pictures, against the way of the WebUI's own Train tab.

    python -m benchmarks.learn [--concepts 5] [--seeds 3]

On the small model, whose pictures a classifier can judge that knows no model. Each concept is a
shape of one colour, in four places and two sizes. A word that is learned is painted with prompts
that were never shown: a hit has the colour and the shape of the concept, and the place and the size
that the rest of the prompt asks for should still be there. No word can do better than the model's
own words for a concept, which are in the table too.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

import torch

from examples import make_pictures
from examples.world import PLACES, SIZES, recognise
from lib_embeddings.pictures.encode import Rows
from lib_embeddings.pictures.model import Model, load
from lib_embeddings.pictures.paint import paint
from lib_embeddings.prompts.wishes import Settings, Wish
from lib_embeddings.training.learn import learn
from lib_embeddings.training.learning import word_length

NAME = "glim-mer"
STEPS = 500
SETTINGS = Settings(steps=12, guidance=4.0)
# A colour and a shape, and the other shape that each word begins as.
CONCEPTS = (
    ("orange", "cross", "circle"),
    ("teal", "star", "square"),
    ("pink", "ring", "triangle"),
    ("red", "triangle", "circle"),
    ("purple", "square", "star"),
)
PROMPTS = [
    prompt.format(name=NAME, size=size, place=place)
    for prompt in ("a {size} {name} {place}", "a photo of a {size} {name} {place}")
    for size in SIZES
    for place in PLACES
]
SEEDS_OF_PROMPTS = (1, 2)

WAYS: Mapping[str, Mapping[str, Any]] = {
    "ours": {},
    "ours, without early stop": {"stops_early": False},
    "AdamW, as the WebUI's tab": {"method": "adam", "stops_early": False},
}


class Score(NamedTuple):
    """How well a word does: shares of the pictures, and what it cost."""

    hits: float
    place: float
    size: float
    length: float  # against that of words
    steps: int = 0
    seconds: float = 0.0


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--concepts", type=int, default=len(CONCEPTS))
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    model = load()
    scores: dict[str, list[Score]] = {}
    for concept in CONCEPTS[: options.concepts]:
        for seed in range(options.seeds):
            for way, score in measured(model, concept, seed):
                scores.setdefault(way, []).append(score)
                print(
                    f"  {way}: {concept[0]} {concept[1]}, seed {seed}: {shown(score)}", flush=True
                )
    n_pictures = len(PROMPTS) * len(SEEDS_OF_PROMPTS)
    print(f"{options.concepts} concepts, {options.seeds} seeds, {n_pictures} pictures of each word")
    for way, of_way in scores.items():
        print(f"{way:<28} {shown(Score(*map(fmean, zip(*of_way, strict=True))))}")


def measured(model: Model, concept: tuple[str, str, str], seed: int) -> Iterable[tuple[str, Score]]:
    """Yield the score of each way to have a word for a concept."""
    colour, shape, like = concept
    (encoder,) = model.encoders
    words = encoder.table.weight
    length = word_length(encoder)
    (start,) = words[model.tokenize([like])[0]].split(1)
    chance = torch.randn(words[:1].shape, generator=torch.Generator().manual_seed(seed))
    for label, vectors in (("untrained: its start", start), ("untrained: random", chance)):
        rows = vectors * length / vectors.norm()
        yield label, score(model, {encoder.key: rows}, colour, shape, length)
    both = words[model.tokenize([f"{colour} {shape}"])[0]]
    yield "the model's own words", score(model, {encoder.key: both}, colour, shape, length)
    with tempfile.TemporaryDirectory() as folder:
        make_pictures.main(folder, colour, shape, seed)
        for label, options in WAYS.items():
            began = time.process_time()
            learned = learn(
                [folder], NAME, like=like, model=model, most_steps=STEPS, seed=seed, **options
            )
            seconds = time.process_time() - began
            found = score(model, learned.vectors, colour, shape, length)
            yield label, found._replace(steps=learned.looks[-1].step, seconds=seconds)


def score(model: Model, rows: Rows, colour: str, shape: str, length: float) -> Score:
    """Paint a word in all prompts, and say how often it is what it should be."""
    asked = [(prompt, seed) for seed in SEEDS_OF_PROMPTS for prompt in PROMPTS]
    pictures = paint(model, {NAME: rows}, [Wish(p, "", seed) for p, seed in asked], SETTINGS)
    found = [recognise(picture) for picture in pictures]
    pairs = list(zip(found, (prompt for prompt, _ in asked), strict=True))
    (vectors,) = rows.values()
    return Score(
        fmean((each.colour, each.shape) == (colour, shape) for each in found),
        fmean(each.place in prompt for each, prompt in pairs),
        fmean(f" {each.size} " in prompt for each, prompt in pairs),
        float(vectors.norm(dim=1).mean()) / length,
    )


def shown(score: Score) -> str:
    """Return a score as a row of the table."""
    return (
        f"hits {score.hits:6.1%}  place {score.place:6.1%}  size {score.size:6.1%}  "
        f"length {score.length:5.2f} x  steps {score.steps:4.0f}  CPU {score.seconds:5.1f} s"
    )


if __name__ == "__main__":
    main()
