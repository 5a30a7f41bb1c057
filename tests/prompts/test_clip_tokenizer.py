"""CLIP's tokenizer gives the ids that a WebUI's own gives."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

tokenize = pytest.importorskip("lib_embeddings.prompts.clip_tokenizer").tokenize

IDS = json.loads((Path(__file__).parents[1] / "data" / "clip_token_ids.json").read_text())


@pytest.mark.parametrize("text", IDS, ids=ascii)
def test_ids(text: str) -> None:
    """Each text has the ids that transformers gives it."""
    assert tokenize([text]) == [IDS[text]]


def test_texts_do_not_touch_each_other() -> None:
    """Many texts have the ids that each has alone."""
    assert tokenize(list(IDS)) == list(IDS.values())
