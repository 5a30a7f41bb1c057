"""Measure a prompt's report against making its tokens alone, and reports of hostile prompts.

    python -m benchmarks.prompts [--names 10000] [--words 200]

The first report meets every word for the first time; later ones, as for a page while someone types,
remember which words are nearly names. A hostile prompt has 20,000 characters and 1,000 steps, and
is new; the slowest are shown.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable

from benchmarks.clock import best, clock
from lib_embeddings.limits import LIMITS
from lib_embeddings.prompts import tokens
from lib_embeddings.prompts.near import NearNames
from lib_embeddings.prompts.reader import PromptReader
from lib_embeddings.prompts.report import KnownEmbedding
from lib_embeddings.prompts.tokens import tokenize
from tests.prompts.hostile import HOSTILE, HOSTILE_BELOW, NAMES

RUNS = 20
STEPS = 20
HOSTILE_RUNS = 5
SHOWN = 8

_SYLLABLES = ("mar", "lo", "ska", "ten", "vi", "qu", "ash", "bel", "or", "dri", "ne", "pho", "gri")
_TEXT = (
    "a photo of an old lighthouse on cliffs above the stormy sea, (dramatic lighting:1.2), "
    "volumetric fog, (highly detailed), intricate, by rutkowski and mucha, trending on artstation, "
    "[sunrise:moonlit night:0.4], golden-hour backlighting, 8k uhd, octane render, masterpiece, "
)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--names", type=int, default=10_000)
    parser.add_argument("--words", type=int, default=200)
    options = parser.parse_args()
    random.seed(0)
    names = [*(_name(number) for number in range(options.names)), *NAMES]
    prompt = _prompt(names, options.words)
    tokens = dict(zip(names, tokenize(names), strict=True))
    known = [
        KnownEmbedding(name, name, 8, None if number % 3 else "made for SDXL")
        for number, name in enumerate(names)
    ]

    def prepare() -> PromptReader:
        return PromptReader(known, tokens, tokenize, NearNames)

    floor = best(lambda: tokenize([prompt]), RUNS)
    first = min(clock(_reading(prepare(), prompt)) for _ in range(RUNS))
    later = best(_reading(prepare(), prompt), RUNS)
    print(f"{options.names:,} names, a prompt of {len(prompt.split())} words")
    for label, seconds in (
        ("tokens alone", floor),
        ("first report", first),
        ("later reports", later),
        ("preparing the names", best(prepare, RUNS)),
    ):
        print(f"{label:<20} {seconds * 1e3:8.2f} ms {seconds / floor:8.1f}x")
    hostile = {**HOSTILE, **HOSTILE_BELOW}
    slowest = sorted(((_first(prepare, hostile[label]), label) for label in hostile), reverse=True)
    print(f"{len(hostile)} hostile prompts")
    for seconds, label in slowest[:SHOWN]:
        print(f"{label:<30} {seconds * 1e3:8.2f} ms")


def _first(prepare: Callable[[], PromptReader], prompt: str) -> float:
    """Return the seconds for a prompt of new words only."""

    def read() -> float:
        tokens._ids_of.cache_clear()  # noqa: SLF001 - words that were met cost nothing
        reader = prepare()
        text = prompt[: LIMITS.prompt_characters]
        return clock(lambda: reader.read(text, LIMITS.prompt_steps).as_json())

    return min(read() for _ in range(HOSTILE_RUNS))


def _name(number: int) -> str:
    return "".join(random.choices(_SYLLABLES, k=3)) + random.choice("-_") + str(number)


def _prompt(names: list[str], n_words: int) -> str:
    """Return a prompt with a name, a name that is not loaded and a mistyped one in it."""
    asked = [names[1], names[3], names[4] + "9"]
    ordinary = (_TEXT * n_words).split()
    return " ".join([*ordinary[: n_words - len(asked)], *asked])


def _reading(reader: PromptReader, prompt: str) -> Callable[[], object]:
    return lambda: reader.read(prompt, STEPS)


if __name__ == "__main__":
    main()
