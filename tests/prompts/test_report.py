"""A prompt's report, as lines and as JSON."""

from __future__ import annotations

from lib_embeddings.prompts.foreign_syntax import find_forms
from lib_embeddings.prompts.known import KnownEmbedding
from lib_embeddings.prompts.report import Filled, Lookalike, PromptReport, Unused, Used

MARC, XL = KnownEmbedding("1", "marc", 8), KnownEmbedding("2", "marc-xl", 2, "made for SDXL")
PROMPT = "😀 embedding:marc.pt"
REPORT = PromptReport(
    PROMPT,
    (Used(MARC, (1.1 * 1.1, 1.0)), Used(KnownEmbedding("3", "one", 1), (1.0,))),
    (Unused(XL, "marc"), Unused(XL, None)),
    (Lookalike("mark", MARC),),
    tuple(find_forms(PROMPT, {"marc": "marc"}.get)),
    (Filled(75, 17), Filled(3, 0)),
)


def test_lines() -> None:
    """Every line says what it is about and what to do."""
    assert list(REPORT.lines()) == [
        "used: marc (8 vectors, weight 1.21, 1)",
        "used: one (1 vector, weight 1)",
        "not used: marc-xl: made for SDXL; marc is used instead",
        "not used: marc-xl: made for SDXL; its name is read as words",
        "looks like: mark: did you mean marc?",
        "written for ComfyUI: embedding:marc.pt: type marc",
        "tokens that embeddings take: 17 of 75, 0 of 75",
    ]


def test_warnings() -> None:
    """Only what is asked for in vain is a warning."""
    assert list(REPORT.warnings()) == list(REPORT.lines())[2:4]


def test_no_lines() -> None:
    """There is nothing to say of a prompt of ordinary words."""
    assert list(PromptReport("a dog", chunks=(Filled(2, 0),)).lines()) == []


def test_json() -> None:
    """What the page is told, with offsets as browsers count them."""
    assert REPORT.as_json() == {
        "used": [
            {"id": "1", "name": "marc", "n_vectors": 8, "weights": [1.21, 1.0]},
            {"id": "3", "name": "one", "n_vectors": 1, "weights": [1.0]},
        ],
        "unusable": [{"id": "2", "name": "marc-xl", "reason": "made for SDXL"}],
        "shadowed": [{"id": "2", "name": "marc-xl", "reason": "made for SDXL", "instead": "marc"}],
        "lookalikes": [{"text": "mark", "name": "marc", "id": "1"}],
        "forms": [
            {
                "text": "embedding:marc.pt",
                "start": 3,
                "end": 20,
                "name": "marc",
                "replacement": "marc",
                "system": "ComfyUI",
            }
        ],
        "chunks": [{"tokens": 75, "vectors": 17}, {"tokens": 3, "vectors": 0}],
    }
