"""Measure how often ordinary prompts are taken for mistyped names.

    python -m benchmarks.false_alarms [--prompts 2000] [FILE...]

The names are those of public collections in tests/data. The prompts are composed from lists of
words, in the manner of five kinds of writers; a FILE has prompts of your own, one on each line.
None of them is meant to name an embedding, so every near miss is a false alarm.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.prompt_words import WRITERS
from lib_embeddings.prompts.near import NearNames
from lib_embeddings.prompts.reader import PromptReader
from lib_embeddings.prompts.report import KnownEmbedding
from lib_embeddings.prompts.tokens import tokenize

NAMES = Path(__file__).parents[1] / "tests" / "data" / "embedding_names.json"
STEPS = 20


class Alarms(NamedTuple):
    """A source's number of prompts with a false alarm, and the words taken for which name."""

    source: str
    n_prompts: int
    n_wrong: int
    words: Counter[tuple[str, str]]

    @property
    def share(self) -> float:
        """The share of the prompts, from 0 to 1."""
        return self.n_wrong / self.n_prompts


def made_prompts(n_prompts: int) -> Iterator[tuple[str, list[str]]]:
    """Yield each kind of writer with a number of prompts, always the same ones."""
    for source, write in WRITERS.items():
        rng = random.Random(source)
        yield source, [write(rng) for _ in range(n_prompts)]


def measure(sources: Iterable[tuple[str, list[str]]]) -> Iterator[Alarms]:
    """Read the prompts of each source with the names of public collections."""
    names = [name for names in json.loads(NAMES.read_text("utf-8")).values() for name in names]
    tokens = dict(zip(names, tokenize(names), strict=True))
    known = [KnownEmbedding(name, name, 1) for name in names]
    reader = PromptReader(known, tokens, tokenize, NearNames)
    for source, prompts in sources:
        missed = [reader.read(prompt, STEPS).near_misses for prompt in prompts]
        words = Counter((miss.text, miss.known.name) for misses in missed for miss in misses)
        yield Alarms(source, len(prompts), sum(map(bool, missed)), words)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=2000, help="of each kind of writer")
    parser.add_argument("files", nargs="*", metavar="FILE", type=Path)
    options = parser.parse_args()
    sources = [*made_prompts(options.prompts)]
    sources += [(file.name, file.read_text("utf-8").splitlines()) for file in options.files]
    measured = [*measure(sources)]
    for alarms in measured:
        print(f"{alarms.source:<20} {alarms.n_prompts:6,} prompts  {alarms.share:7.2%}")
        for (text, name), count in alarms.words.most_common(5):
            print(f"    {count:6,} {text} -> {name}")
    n_prompts, n_wrong = (sum(alarms[place] for alarms in measured) for place in (1, 2))
    print(f"{'all':<20} {n_prompts:6,} prompts  {n_wrong / n_prompts:7.2%}")


if __name__ == "__main__":
    main()
