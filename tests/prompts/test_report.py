"""A prompt's report, as lines and as JSON.

`reports.json` has reports as the API answers them, with what the console and the page say of each;
`tests/javascript/report/notices.test.mjs` reads the same table.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from lib_embeddings.prompts.foreign_syntax import ForeignSyntax, find_foreign_syntax
from lib_embeddings.prompts.infotext import Provenance
from lib_embeddings.prompts.report import (
    ChunkUsage,
    KnownEmbedding,
    NearMiss,
    PromptReport,
    Unavailable,
    Used,
)

ROWS = json.loads((Path(__file__).parent / "reports.json").read_bytes())
GONE = KnownEmbedding("", "gone", 0, "it is not here")
MARC = KnownEmbedding("1", "marc", 8)
XL = KnownEmbedding("2", "marc-xl", 2, "made for SDXL", is_partial=True)
PROMPT = "😀 embedding:marc.pt"
REPORT = PromptReport(
    PROMPT,
    (Used(MARC, (1.1 * 1.1, 1.0)), Used(KnownEmbedding("3", "one", 1), (1.0,))),
    (Unavailable(XL, "marc"), Unavailable(GONE, None)),
    (NearMiss("mark", MARC),),
    tuple(find_foreign_syntax(PROMPT, {"marc": "marc"}.get)),
    (ChunkUsage(75, 17), ChunkUsage(3, 0)),
    "this prompt is too long",
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["title"])
def test_lines(row: dict[str, Any]) -> None:
    """The console says what the page says, and how to mend it, which there are buttons for."""
    lines = list(said_of(row).lines())
    assert lines == row["console"]
    for notice in row["page"]:
        kind, _, sentence = notice.partition(": ")
        if kind == "warning" or "did you mean" in sentence:
            assert any(line.startswith(re.sub(r"[][]", "", sentence)) for line in lines), sentence


def said_of(row: dict[str, Any]) -> PromptReport | Provenance:
    """Return what a row is about."""
    if "provenance" in row:
        told = row["provenance"]
        return Provenance(
            {each["name"]: each["hash"] or "" for each in told["missing"]},
            {each["name"]: (each["hash"], each["found"]) for each in told["different"]},
            {each["name"]: each["now"] for each in told["renamed"]},
        )
    report = {**PromptReport(row["prompt"]).as_json(), **row["report"]}
    found = PromptReport(
        row["prompt"],
        tuple(
            Used(KnownEmbedding(id_, name, n_vectors, caveat=caveat), tuple(weights))
            for id_, name, n_vectors, weights, caveat in map(dict.values, report["used"])
        ),
        tuple(
            Unavailable(KnownEmbedding(id_ or "", name, 0, reason, is_partial=partial), shadow)
            for id_, name, reason, partial, shadow in map(dict.values, report["unavailable"])
        ),
        tuple(
            NearMiss(text, KnownEmbedding(id_, name, 1))
            for text, id_, name in map(dict.values, report["near_misses"])
        ),
        tuple(ForeignSyntax(**each) for each in report["foreign_syntax"]),
        tuple(ChunkUsage(**each) for each in report["chunks"]),
        report["unread"],
    )
    assert found.as_json() == report
    return found


def test_warnings() -> None:
    """Only a name that cannot be used, or not whole, is a warning."""
    assert list(REPORT.warnings()) == list(REPORT.lines())[2:4]
    long = PromptReport("a", (Used(KnownEmbedding("1", "a", 80), (1.0,)),))
    assert list(long.warnings()) == list(long.lines())[1:]


def test_json() -> None:
    """What the page gets, with offsets as browsers count them."""
    assert REPORT.as_json() == {
        "used": [
            {"id": "1", "name": "marc", "n_vectors": 8, "weights": [1.21, 1.0], "caveat": None},
            {"id": "3", "name": "one", "n_vectors": 1, "weights": [1.0], "caveat": None},
        ],
        "unavailable": [
            {
                "id": "2",
                "name": "marc-xl",
                "reason": "made for SDXL",
                "partial": True,
                "shadowed_by": "marc",
            },
            {
                "id": None,
                "name": "gone",
                "reason": "it is not here",
                "partial": False,
                "shadowed_by": None,
            },
        ],
        "near_misses": [{"text": "mark", "name": "marc", "id": "1"}],
        "foreign_syntax": [
            {
                "text": "embedding:marc.pt",
                "start": 3,
                "end": 20,
                "name": "marc",
                "replacement": "marc",
                "program": "ComfyUI",
            }
        ],
        "chunks": [{"tokens": 75, "vectors": 17}, {"tokens": 3, "vectors": 0}],
        "unread": "this prompt is too long",
    }
