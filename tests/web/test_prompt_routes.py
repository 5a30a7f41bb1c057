"""POST /prompt: what the prompts in a page's fields use."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from tests.web import SD1, SD2, Site, open_site

Tokenize = Callable[[list[str]], list[list[int]]]

DOC = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
NOTHING: dict[str, Any] = {
    "used": [],
    "unavailable": [],
    "near_misses": [],
    "foreign_syntax": [],
    "chunks": [{"tokens": 0, "vectors": 0}],
    "unread": None,
}


def tokenize(texts: list[str]) -> list[list[int]]:
    """Return a token for each character but spaces."""
    return [[ord(letter) for letter in text if letter != " "] for text in texts]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Return a site for SD 1.x with embeddings that it can use, and one that it cannot."""
    with open_site(tmp_path, monkeypatch) as site:
        site.library.set_model(MODEL_FAMILIES["sd1"], tokenize)
        site.write("whatever-200.safetensors")
        site.write("whatever-2000.pt", SD2)
        site.write("marc_allante.safetensors")
        site.write("catxl.pt", SD2)
        site.library.rescan()
        yield site


def ask(site: Site, **prompts: object) -> dict[str, Any]:
    """Return the answer to a question about prompts."""
    response = site.client.post("/prompt", json=prompts)
    assert response.status_code == 200
    answer: dict[str, Any] = response.json()
    return answer


def test_both_prompts(site: Site) -> None:
    """Each field has its report, and the answer names its generation and model."""
    answer = ask(site, positive="(marc_allante:1.2)", negative="😀 embedding:catxl", steps=30)
    assert answer["generation"] == site.library.generation
    assert answer["model"] == "sd1"
    (used,) = answer["positive"]["used"]
    assert (used["name"], used["weights"]) == ("marc_allante", [1.2])
    assert site.library.find(used["id"])
    (foreign,) = answer["negative"]["foreign_syntax"]
    assert (foreign["start"], foreign["end"], foreign["replacement"]) == (3, 18, "catxl")
    (unavailable,) = answer["negative"]["unavailable"]
    assert "SD 2.x" in unavailable["reason"]


def test_steps(site: Site) -> None:
    """Prompt editing is read for as many steps as the picture takes."""
    told = {
        steps: ask(site, positive="[|||marc_allante]", steps=steps)["positive"]["used"]
        for steps in (3, 4)
    }
    assert (len(told[3]), len(told[4])) == (0, 1)


@pytest.mark.parametrize("body", [{}, {"positive": ""}, {"infotext": "of another question"}])
def test_nothing_is_needed(site: Site, body: dict[str, str]) -> None:
    """Without prompts there is nothing to report."""
    answer = ask(site, **body)
    assert (answer["positive"], answer["negative"]) == (NOTHING, NOTHING)


def test_the_documented_answer_is_the_real_one(site: Site) -> None:
    """The example in docs/api.md has the keys of an answer, none more and none less."""
    section = DOC.partition("## `POST /prompt`")[2].partition("\n## ")[0]
    example, _ = re.findall(r"```json\n(.*?)```", section, re.DOTALL)
    answer = ask(site, positive="marc_allante catxl whatever-2000 marc_alante <marc_allante>")
    expected = json.loads(example)
    assert answer.keys() == expected.keys()
    assert answer["positive"].keys() == expected["positive"].keys()
    assert answer["positive"].pop("unread") is expected["positive"].pop("unread") is None
    for key, values in expected["positive"].items():
        assert {frozenset(value) for value in values} == {
            frozenset(value) for value in answer["positive"][key]
        }, key
    assert expected["negative"] == answer["negative"]


def test_a_pasted_infotext(site: Site) -> None:
    """Embeddings of an infotext that are missing or differ here are reported."""
    infotext = 'a cat\nSteps: 20, TI hashes: "gone: 0123456789ab, marc_allante: 0123456789ab"'
    told = ask(site, positive=infotext, infotext=infotext)["infotext"]
    assert told["missing"] == [{"name": "gone", "hash": "0123456789ab"}]
    ((different),) = told["different"]
    assert (different["name"], different["hash"]) == ("marc_allante", "0123456789ab")
    same = f'TI hashes: "marc_allante: {hashlib.sha256(SD1).hexdigest()[:12]}"'
    assert "infotext" not in ask(site, positive="a cat", infotext=same)


def test_an_infotext_that_the_host_took_apart(site: Site) -> None:
    """An infotext that the host pasted is reported with the prompt it put into the field only."""
    site.reports.note_pasted("a cat", {"gone": "0123456789ab"})
    told = ask(site, positive="a cat")["infotext"]
    assert told["missing"] == [{"name": "gone", "hash": "0123456789ab"}]
    assert "infotext" not in ask(site, positive="a dog")


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"[]", "expected a JSON object"),
        (b"{", "expected a JSON object"),
        (b'{"positive": 1}', "positive: expected text of at most 20,000 characters"),
        (b'{"negative": null}', "negative: expected text of at most 20,000 characters"),
        (
            b'{"positive": "%s"}' % (b"a" * 20_001),
            "positive: expected text of at most 20,000 characters",
        ),
        (b'{"infotext": 1}', "infotext: expected text"),
        (b'{"infotext": null}', "infotext: expected text"),
        (b'{"steps": 0}', "steps: expected a number from 1 to 1000"),
        (b'{"steps": 1001}', "steps: expected a number from 1 to 1000"),
        (b'{"steps": true}', "steps: expected a number from 1 to 1000"),
        (b'{"steps": "20"}', "steps: expected a number from 1 to 1000"),
    ],
)
def test_wrong_questions(site: Site, body: bytes, detail: str) -> None:
    """A body that is no question about prompts is refused in one sentence."""
    response = site.client.post("/prompt", content=body)
    assert (response.status_code, response.json()["detail"]) == (422, detail)


def test_a_huge_question(site: Site) -> None:
    """A body is read up to a limit only."""
    response = site.client.post("/prompt", content=b" " * ((1 << 20) + 1))
    detail = "the body is too long: expected at most 1,048,576 bytes"
    assert (response.status_code, response.json()["detail"]) == (413, detail)


def test_another_page_asks_nothing(site: Site) -> None:
    """A page of another site may not ask."""
    response = site.client.post("/prompt", json={}, headers={"Origin": "http://evil.example"})
    assert response.status_code == 403
    assert response.json()["detail"].startswith("a page from http://evil.example may not")


def refuse(_texts: list[str]) -> list[list[int]]:
    """Do as a host's tokenizer does while it has no model."""
    raise LookupError


@pytest.mark.parametrize("tokenizer", [None, refuse])
def test_without_a_tokenizer(site: Site, tokenizer: Tokenize | None) -> None:
    """Without a tokenizer the answer says what is needed."""
    site.library.set_model(MODEL_FAMILIES["sd1"], tokenizer)
    response = site.client.post("/prompt", json={})
    assert response.status_code == 503
    detail = "there is no tokenizer: load a model, or install lib-embeddings[prompt]"
    assert response.json() == {"detail": detail}


def test_a_model_that_is_put_away(site: Site) -> None:
    """A model may be gone once its names are prepared, and come back."""
    has_model = True

    def tokenize_with_model(texts: list[str]) -> list[list[int]]:
        return tokenize(texts) if has_model else refuse(texts)

    site.library.set_model(MODEL_FAMILIES["sd1"], tokenize_with_model)
    ask(site, positive="marc_allante")
    has_model = False
    assert site.client.post("/prompt", json={}).status_code == 503
    has_model = True
    assert ask(site, positive="marc_allante")["positive"]["used"]
