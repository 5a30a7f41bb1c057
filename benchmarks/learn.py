"""Measure what is learned from four pictures, compared with the WebUI's own Train tab.

    python -m benchmarks.learn [--concepts 5] [--seeds 3]

It uses the small model, whose pictures a classifier can judge without knowing any model. Each
concept is a shape of one colour, in four places and two sizes. A learned word is painted with 48
prompts that were never shown: a hit has the colour and the shape of the concept; the rest is kept
if size and place are those in the prompt. No word can do much better than the model's own words for
a concept, which are in the table too.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, product
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import torch

from examples import make_pictures
from examples.world import PLACES, SIZES, recognise
from lib_embeddings.pictures.model import Model, load
from lib_embeddings.pictures.paint import paint
from lib_embeddings.prompts.wishes import PaintSettings, Wish
from lib_embeddings.training.learn import learn
from lib_embeddings.training.learning import word_length

NAME = "glim-mer"
STEPS = 500
SETTINGS = PaintSettings(steps=12, guidance=4.0)


class Concept(NamedTuple):
    """A concept to learn: a shape of one colour; and the other shape that its word begins as."""

    colour: str
    shape: str
    like: str


CONCEPTS = (
    Concept("orange", "cross", "circle"),
    Concept("teal", "star", "square"),
    Concept("pink", "ring", "triangle"),
    Concept("red", "triangle", "circle"),
    Concept("purple", "square", "star"),
)
TEMPLATES = (
    "a {size} {name} {place}",
    "a photo of a {size} {name} {place}",
    "a picture of a {size} {name} {place}",
    "a painting of a {size} {name}, {place}",
)
PROMPTS = list(product(TEMPLATES, SIZES, PLACES))

WAYS: Mapping[str, Mapping[str, Any]] = {
    "ours": {"method": "direction"},
    "ours, without early stop": {"method": "direction", "stops_early": False},
    "AdamW, as the WebUI's tab": {"method": "adam", "stops_early": False},
}


class Score(NamedTuple):
    """The score of a word: shares of the pictures, and its cost."""

    hits: float
    rest: float
    length: float  # compared with that of words
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
        of_concept = chain(
            known(model, concept), *(learned(model, concept, n) for n in range(options.seeds))
        )
        for way, found in of_concept:
            scores.setdefault(way, []).append(found)
            print(f"  {concept.colour} {concept.shape}, {way}: {shown(found)}", flush=True)
    print(
        f"{options.concepts} concepts, {options.seeds} seeds, {len(PROMPTS)} pictures of each word"
    )
    for way, of_way in scores.items():
        print(f"{way:<28} {shown(Score(*map(fmean, zip(*of_way, strict=True))))}")


def known(model: Model, concept: Concept) -> Iterator[tuple[str, Score]]:
    """Yield the scores of words that the model knows: the starting word, and the concept's own."""
    (encoder,) = model.encoders
    own = f"{concept.colour} {concept.shape}"
    for label, words in (("untrained: its start", concept.like), ("the model's own words", own)):
        vectors = encoder.table.weight[model.tokenize([words])[0]]
        yield label, score(model, vectors, concept)


def learned(model: Model, concept: Concept, seed: int) -> Iterator[tuple[str, Score]]:
    """Yield the score of a random vector, and of each way to learn one."""
    (encoder,) = model.encoders
    generator = torch.Generator().manual_seed(seed)
    chance = torch.randn((1, encoder.table.embedding_dim), generator=generator)
    chance *= word_length(encoder) / chance.norm()
    yield "untrained: random", score(model, chance, concept)
    spent: defaultdict[str, float] = defaultdict(float)
    with tempfile.TemporaryDirectory() as folder:
        make_pictures.main(folder, concept.colour, concept.shape, seed)
        for label, options in WAYS.items():
            method = options["method"]
            began = time.process_time()
            found = learn(
                [folder],
                NAME,
                like=concept.like,
                model=model,
                most_steps=STEPS,
                seed=seed,
                state=Path(folder, method),  # a way without a stop goes on from one with it
                **options,
            )
            spent[method] += time.process_time() - began
            how = score(model, found.vectors[encoder.key], concept)
            yield label, how._replace(steps=found.looks[-1].step, seconds=spent[method])


def score(model: Model, vectors: torch.Tensor, concept: Concept) -> Score:
    """Paint a word in all prompts, and return how often it is right."""
    (encoder,) = model.encoders
    wishes = [
        Wish(template.format(name=NAME, size=size, place=place), "", seed)
        for seed, (template, size, place) in enumerate(PROMPTS)
    ]
    pictures = paint(model, {NAME: {encoder.key: vectors}}, wishes, SETTINGS)
    found = [recognise(picture) for picture in pictures]
    pairs = zip(found, PROMPTS, strict=True)
    return Score(
        fmean((each.colour, each.shape) == concept[:2] for each in found),
        fmean((each.size, each.place) == asked[1:] for each, asked in pairs),
        float(vectors.norm(dim=1).mean()) / word_length(encoder),
    )


def shown(score: Score) -> str:
    """Return a score as a row of the table."""
    return (
        f"hits {score.hits:6.1%}  rest kept {score.rest:6.1%}  "
        f"length {score.length:5.2f} x  steps {score.steps:4.0f}  CPU {score.seconds:5.1f} s"
    )


if __name__ == "__main__":
    main()
