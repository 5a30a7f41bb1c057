"""A library's names are prepared for prompts once for each generation."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.library.library import Library
from lib_embeddings.library.reports import PromptReports
from lib_embeddings.names import Field
from lib_embeddings.prompts.report import KnownEmbedding
from lib_embeddings.prompts.tokens import own_tokenizer
from lib_embeddings.stores.index import Index
from lib_embeddings.views.catalogue import Catalogue
from lib_embeddings.views.search import Filters
from tests.builders import safetensors_file, vectors

SD1 = safetensors_file()
SD2 = safetensors_file({"emb_params": vectors(4, 1024)})
SDXL = safetensors_file({"clip_l": vectors(3), "clip_g": vectors(3, 1280)})


class Letters:
    """Every letter is a token."""

    def __call__(self, texts: list[str]) -> list[list[int]]:
        return [[ord(letter) for letter in text] for text in texts]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Return a library of three embeddings and a file that is none."""
    root = tmp_path / "embeddings"
    root.mkdir()
    for name, data in {"ab": SD1, "abc": SD2, "x": SD1, "page": b"<html></html>"}.items():
        (root / f"{name}.pt").write_bytes(data)
    library = Library([root], Index.nowhere())
    library.set_model(MODEL_FAMILIES["sd1"], Letters())
    library.rescan()
    return library


def test_all_embeddings_are_known(library: Library) -> None:
    """Files that the model cannot use are known with their reasons, foreign ones too."""
    ready = PromptReports(library).ready()
    assert ready
    report = ready.reader.read("abc page", 20)
    assert [use.known.name for use in report.used] == ["ab"]
    (known, shadowed_by, _), (page, *_) = report.unavailable
    assert page.name == "page"
    assert page.reason
    assert "web page" in page.reason
    assert (known.name, known.n_vectors, shadowed_by) == ("abc", 4, "ab")
    assert known.reason
    assert "SD 2.x" in known.reason
    assert known.id in {seen.entry.place.id for seen in library.view}


STYLES = {"sketch": "{prompt}, x", "huge": "x" * 20_000}


def styled(prompt: str, styles: Sequence[str], field: Field) -> str:
    """Return a prompt with styles as a host puts them in; the negative prompt gets none."""
    for style in styles if field == "positive" else ():
        prompt = STYLES[style].replace("{prompt}", prompt)
    return prompt


def test_styles_count_and_are_not_mended(library: Library) -> None:
    """Names in styles are used and take tokens; offers are only about typed text."""
    ready = PromptReports(library, styled).ready()
    assert ready
    report = ready.read("embedding:ab", "positive", 20, ["sketch"])
    assert [use.known.name for use in report.used] == ["ab", "x"]
    typed = ready.read("embedding:ab", "positive", 20)
    assert (report.prompt, report.foreign_syntax) == (typed.prompt, typed.foreign_syntax)
    assert sum(c.tokens for c in report.chunks) > sum(c.tokens for c in typed.chunks)
    negative = ready.read("embedding:ab", "negative", 20, ["sketch"])
    assert [use.known.name for use in negative.used] == ["ab"]


def test_loras_bring_names(library: Library) -> None:
    """Names from LoRAs in the positive prompt or its styles are known in both prompts."""

    def brings(prompt: str) -> Sequence[KnownEmbedding]:
        return [KnownEmbedding("", "z", 2)] if "x" in prompt else []

    ready = PromptReports(library, styled, brings).ready()
    assert ready
    for reader in (ready.beside("ab, x"), ready.beside("ab", ["sketch"])):
        negative = reader.read("z", "negative", 20)
        assert [(use.known.name, use.known.n_vectors) for use in negative.used] == [("z", 2)]
    assert not ready.beside("ab").read("z", "negative", 20).used
    assert ready.beside("ab") is ready


def test_a_style_that_makes_a_prompt_too_long_is_not_read(library: Library) -> None:
    """The prompt itself is reported on, and that not all was."""
    ready = PromptReports(library, styled).ready()
    assert ready
    report = ready.read("ab", "positive", 20, ["sketch", "huge", "sketch"])
    assert [use.known.name for use in report.used] == ["ab"]
    assert report.unread == "the styles are not checked: with them the prompt is too long"


def test_a_generation_is_prepared_once(library: Library) -> None:
    """Until the library changes, all threads share one reader."""
    reports = PromptReports(library)
    with ThreadPoolExecutor(4) as threads:
        readers = {id(ready) for ready in threads.map(lambda _: reports.ready(), range(20))}
    assert len(readers) == 1


def test_changes_are_followed(library: Library) -> None:
    """Another model, or another tokenizer, has its own reader."""
    reports = PromptReports(library)
    before = reports.ready()
    library.set_model(MODEL_FAMILIES["sd2"], Letters())
    after = reports.ready()
    assert before and after  # noqa: PT018 - both are there
    assert after.generation > before.generation
    assert [use.known.name for use in after.reader.read("abc", 20).used] == ["abc"]
    others = Letters()
    library.set_model(MODEL_FAMILIES["sd2"], others)
    other = reports.ready()
    assert other
    assert other.tokenize is others
    assert other.generation > after.generation


def test_names_have_the_tokenizer_of_their_model(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A switch while a prompt is read takes none of the two apart."""
    first, catalogue = library.catalogue.prepared.tokenize, library.catalogue

    def found_before_a_switch(library: Library) -> Catalogue:
        library.set_model(MODEL_FAMILIES["sd2"], Letters())
        return catalogue

    monkeypatch.setattr(Library, "catalogue", property(found_before_a_switch))
    ready = PromptReports(library).ready()
    assert ready
    assert (ready.generation, ready.tokenize) == (catalogue.generation, first)


def test_without_a_tokenizer(library: Library) -> None:
    """There is no reader where nothing can tell tokens."""
    library.set_model(MODEL_FAMILIES["sd1"])
    assert library.catalogue.prepared.tokenize is None
    assert PromptReports(library).ready() is None


def test_a_tokenizer_that_has_no_model(library: Library) -> None:
    """A host's tokenizer may be there before its model: there is no reader until then."""

    def tokenize(_texts: list[str]) -> list[list[int]]:
        raise LookupError("no model")

    reports = PromptReports(library)
    library.set_model(MODEL_FAMILIES["sd1"], tokenize)
    assert reports.ready() is None
    library.set_model(MODEL_FAMILIES["sd1"], Letters())
    assert reports.ready()


def test_the_tokenizer_without_a_model_is_the_librarys_own(library: Library) -> None:
    """It is given once, and used again when a model with another one is gone."""
    own, models = Letters(), Letters()
    library = Library(library.roots, Index.nowhere(), tokenize=own)
    used = [library.catalogue.prepared.tokenize]
    library.set_model(MODEL_FAMILIES["sd1"], models)
    used.append(library.catalogue.prepared.tokenize)
    library.set_model(None)
    used.append(library.catalogue.prepared.tokenize)
    assert used == [own, models, own]


# One name, two files


@pytest.fixture
def twins(tmp_path: Path) -> Library:
    """Return a library with a name of two files, each for another model."""
    root = tmp_path / "twins"
    for path, data in {"SD15/lazyneg.pt": SD1, "SDXL/lazyneg.safetensors": SDXL}.items():
        (root / path).parent.mkdir(parents=True)
        (root / path).write_bytes(data)
    library = Library([root], Index.nowhere(), tokenize=Letters())
    library.rescan()
    return library


@pytest.mark.parametrize(("model", "n_vectors"), [("sd1", 1), ("sdxl", 3)])
def test_a_prompt_means_the_file_that_the_model_can_use(
    twins: Library, model: str, n_vectors: int
) -> None:
    """The report follows the model, and has nothing to say of the other file."""
    twins.set_model(MODEL_FAMILIES[model])
    ready = PromptReports(twins).ready()
    assert ready
    report = ready.reader.read("a lazyneg", 20)
    assert [(use.known.name, use.known.n_vectors) for use in report.used] == [
        ("lazyneg", n_vectors)
    ]
    assert report.unavailable == ()


def test_a_prompt_that_asks_for_a_file_of_another_model(twins: Library) -> None:
    """If neither fits, the one that the name means is reported once, with its reason."""
    twins.set_model(MODEL_FAMILIES["sd2"])
    ready = PromptReports(twins).ready()
    assert ready
    report = ready.reader.read("lazyneg", 20)
    assert report.used == ()
    ((known, *_),) = report.unavailable
    assert known.id == twins.view.named["lazyneg"].entry.place.id


def test_the_hash_in_an_infotext_is_compared_with_the_file_that_the_name_means(
    twins: Library,
) -> None:
    """The same infotext agrees with one model and differs with the other."""
    hashes = {}
    for seen in twins.view:
        sha256 = twins.sha256(seen.entry)
        hashes[seen.entry.place.folder] = f'Steps: 20, TI hashes: "lazyneg: {sha256[:12]}"'
    reports, found = PromptReports(twins), {}
    for model in ("sd1", "sdxl"):
        twins.set_model(MODEL_FAMILIES[model])
        for folder, infotext in hashes.items():
            provenance = reports.provenance("lazyneg", infotext)
            assert provenance is not None
            found[model, folder] = [*provenance.different]
    assert found == {
        ("sd1", "SD15"): [],
        ("sd1", "SDXL"): ["lazyneg"],
        ("sdxl", "SD15"): ["lazyneg"],
        ("sdxl", "SDXL"): [],
    }


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("caf\u00e9_\u00c9toile", "cafe\u0301_E\u0301toile"),  # as macOS keeps it
        ("CAFE\u0301_\u00e9toile", "cafe\u0301_E\u0301toile"),
        ("gross_x", "gross_x"),
        ("gro\u00df_x", "gro\u00df_x"),
        ("GRO\u1e9e_x", "gro\u00df_x"),
    ],
)
def test_search_completion_and_prompt_compare_names_alike(
    tmp_path: Path, typed: str, name: str
) -> None:
    """All three find what the model finds: small letters, and accents however they are kept."""
    pytest.importorskip("ftfy")
    for each in ("cafe\u0301_E\u0301toile", "gross_x", "gro\u00df_x"):
        (tmp_path / f"{each}.pt").write_bytes(SD1)
    library = Library([tmp_path], Index.nowhere())
    library.set_model(MODEL_FAMILIES["sd1"], own_tokenizer())
    library.rescan()
    index, ready = library.catalogue, PromptReports(library).ready()
    assert ready
    used = [use.known.name for use in ready.reader.read(f"a {typed}, b", 20).used]
    found = [seen.name for seen in index.select(Filters(query=typed)).entries]
    completed = [seen.name for seen in index.complete(typed, 10)]
    assert used == found == completed == [name]
