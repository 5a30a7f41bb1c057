"""A prompt's report, as lines and as JSON."""

from __future__ import annotations

from lib_embeddings.prompts.foreign_syntax import find_foreign_syntax
from lib_embeddings.prompts.report import (
    ChunkUsage,
    KnownEmbedding,
    NearMiss,
    PromptReport,
    Unavailable,
    Used,
)

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


def test_lines() -> None:
    """Every line says what it is about and what to do."""
    assert list(REPORT.lines()) == [
        "used: marc (8 vectors, weights 1.21, 1)",
        "used: one (1 vector, weight 1)",
        "not used: marc-xl: made for SDXL; marc is used instead",
        "not used: gone: it is not here; the model reads its name as words",
        "not a name: mark: did you mean marc?",
        "ComfyUI syntax: embedding:marc.pt: type marc",
        "embeddings take 17 of 75 tokens in chunk 1",
        "this prompt is too long",
    ]


def test_warnings() -> None:
    """Only a name that cannot be used is a warning."""
    assert list(REPORT.warnings()) == list(REPORT.lines())[2:4]


def test_no_lines() -> None:
    """There is nothing to say of a prompt of ordinary words."""
    assert list(PromptReport("a dog", chunks=(ChunkUsage(2, 0),)).lines()) == []


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
