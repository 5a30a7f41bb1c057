"""One table of prompts for both parsers: ours, and the one in the page's script.

`corpus.json` has names, and prompts with

- *pieces*: the text that the host reads at some step, each with its start, end and weight;
- *names*: the names that are whole words, each with its start and end;
- *inside*: names that the host also finds inside of longer words, which the page leaves alone.

Offsets count UTF-16 code units, as browsers do. White space around a piece is left out, and a
prompt is read in 20 steps. `tests/javascript/prompt/corpus.test.mjs` reads the same table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lib_embeddings.prompts.grammar import (
    Run,
    schedule,
    split_parts,
    weigh,
    without_comments,
    without_networks,
)
from lib_embeddings.prompts.reader import PromptReader
from lib_embeddings.prompts.report import KnownEmbedding
from lib_embeddings.prompts.tokens import tokenize

STEPS = 20
CORPUS = json.loads((Path(__file__).parent / "corpus.json").read_bytes())
ROWS = [row for rows in CORPUS["prompts"].values() for row in rows]
NAMES = CORPUS["names"]
READER = PromptReader(
    [KnownEmbedding(name, name, 1) for name in NAMES],
    dict(zip(NAMES, tokenize(NAMES), strict=True)),
    tokenize,
)


def cut(prompt: str, start: int, end: int) -> str:
    """Return a part of a prompt by offsets in UTF-16 code units."""
    return prompt.encode("utf-16-le")[2 * start : 2 * end].decode("utf-16-le")


def readings(row: dict[str, Any]) -> Iterator[list[Run]]:
    """Yield what the host reads of a prompt at each step, part after part."""
    prompt, is_negative = without_comments(row["prompt"]), row.get("is_negative", False)
    parts = [prompt] if is_negative else [p.text for p in split_parts(without_networks(prompt))]
    schedules = [list(schedule(part, STEPS)) for part in parts]
    for step in range(1, STEPS + 1):
        texts = [
            next(each.text for each in texts_ if each.last_step >= step) for texts_ in schedules
        ]
        yield [run for text in texts for run in weigh(text) if not run.is_break]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["prompt"])
def test_pieces(row: dict[str, Any]) -> None:
    """At every step the host reads some of the pieces and no other text; it reads all of them."""
    pattern = r"\s*" + "".join(rf"({re.escape(text)})?\s*" for text, *_ in row["pieces"])
    found = set()
    for runs in readings(row):
        match = re.fullmatch(pattern, "".join(run.text for run in runs))
        assert match
        weights = [run.weight for run in runs for _ in run.text]
        for group, (text, _, _, weight) in enumerate(row["pieces"], 1):
            if match[group] is not None:
                read = weights[match.start(group) : match.end(group)]
                assert read == pytest.approx([weight] * len(text), abs=1e-4)
                found.add(group)
    assert len(found) == len(row["pieces"])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["prompt"])
def test_offsets(row: dict[str, Any]) -> None:
    """At its offsets the prompt has each piece and each name, but for backslashes."""
    for text, start, end, _ in row["pieces"]:
        assert re.sub(r"\\([()\[\]\\]?)", r"\1", cut(row["prompt"], start, end)) == text
    for name, start, end in row["names"]:
        assert tokenize([cut(row["prompt"], start, end).replace("\\", "")]) == tokenize(
            [name.replace("\\", "")]
        )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["prompt"])
def test_names(row: dict[str, Any]) -> None:
    """The host uses the names, with the weights of their pieces, and those inside of words."""
    report = READER.read(row["prompt"], STEPS, is_negative=row.get("is_negative", False))
    used = {(use.known.name, round(weight, 4)) for use in report.used for weight in use.weights}
    expected = {
        (name, weight)
        for name, start, _ in row["names"]
        for _, first, end, weight in row["pieces"]
        if first <= start < end
    }
    assert expected <= used
    assert {name for name, _ in used - expected} == set(row.get("inside", ()))
