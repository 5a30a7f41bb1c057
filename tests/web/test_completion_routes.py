"""Names that what someone types may become, as a page asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from tests.web import SD2, SDXL, Site, open_site


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Return a site without embeddings."""
    with open_site(tmp_path, monkeypatch) as site:
        yield site


def completed(site: Site, text: str, **parameters: object) -> list[str]:
    """Return the names that a text may become."""
    told = site.get("/completions", text=text, **parameters)["completions"]
    return [completion["name"] for completion in told]


def test_a_completion_has_what_a_list_shows(site: Site) -> None:
    """It has the name, its families, and the text for the prompt."""
    id_ = site.add("bad(hands).pt", SD2)
    site.library.set_model(MODEL_FAMILIES["sd1"])
    assert site.get("/completions", text="HANDS") == {
        "completions": [
            {
                "id": id_,
                "name": "bad(hands)",
                "n_vectors": 4,
                "families": ["sd2"],
                "fit": "incompatible",
                "field": "negative",
                "insert": r"bad\(hands\) ",
                "preview": None,
            }
        ]
    }


def test_completions_follow_library_and_model(site: Site) -> None:
    """A new file is offered at once, and a model switch puts its embeddings first."""
    site.add("bad-sd.pt")
    site.library.set_model(MODEL_FAMILIES["sd1"])
    assert completed(site, "bad") == ["bad-sd"]
    site.add("bad-big.pt", SDXL)
    assert completed(site, "bad") == ["bad-sd", "bad-big"]
    site.library.set_model(MODEL_FAMILIES["sdxl"])
    assert completed(site, "bad") == ["bad-big", "bad-sd"]


def test_limit(site: Site) -> None:
    """There are ten, or as many as were asked for."""
    for number in range(12):
        site.write(f"bad{number}.pt")
    site.library.rescan()
    assert completed(site, "bad") == [f"bad{number}" for number in range(10)]
    assert completed(site, "bad", limit=2) == ["bad0", "bad1"]
    assert len(completed(site, "bad", limit=100)) == 12


def test_recent_names(site: Site) -> None:
    """A page says which names were used last, as often as it likes."""
    for number in range(4):
        site.write(f"bad{number}.pt")
    site.library.rescan()
    told = site.client.get("/completions?text=bad&recent=bad3&recent=bad2").json()["completions"]
    assert [each["name"] for each in told] == ["bad3", "bad2", "bad0", "bad1"]
    assert completed(site, "bad", recent="x" * 300) == ["bad0", "bad1", "bad2", "bad3"]


@pytest.mark.parametrize("limit", ["0", "101", "-1", "many", ""])
def test_wrong_limits(site: Site, limit: str) -> None:
    """A limit out of its bounds is refused with one sentence."""
    response = site.client.get(f"/completions?text=a&limit={limit}")
    assert response.status_code == 422
    assert response.json()["detail"].startswith("limit: expected a number from 1 to 100")


@pytest.mark.parametrize("text", ["", "%20", "%ED%A0%80", "%00", "a" * 5000])
def test_texts_that_no_name_has(site: Site, text: str) -> None:
    """Any text has an answer, if an empty one."""
    site.add("cat.pt")
    response = site.client.get(f"/completions?text={text}")
    assert (response.status_code, response.json()) == (200, {"completions": []})


def test_a_name_that_cannot_be_typed_is_not_offered(site: Site) -> None:
    """Bytes of a file name that are no UTF-8 break no answer."""
    site.write("cat\udcff.pt")
    site.write("catalogue.pt")
    site.library.rescan()
    assert completed(site, "cat") == ["catalogue"]
