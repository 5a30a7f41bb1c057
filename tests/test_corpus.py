"""Real files from public repositories, each with what a person found it to be.

The files are not part of the project. They lie in the folder that LIB_EMBEDDINGS_CORPUS names, by
default `../shared/corpus` beside the project, with an INDEX.tsv that describes them.
"""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path

import pytest

from lib_embeddings import read_embedding, scan
from lib_embeddings.views.lens import ViewEntry

PROJECT = Path(__file__).parents[1]
CORPUS = Path(os.environ.get("LIB_EMBEDDINGS_CORPUS", PROJECT.parent / "shared" / "corpus"))
INDEX = CORPUS / "INDEX.tsv"

pytestmark = pytest.mark.skipif(
    not INDEX.exists(), reason=f"the corpus of real files is not in {CORPUS}"
)


def rows() -> list[dict[str, str]]:
    """Return a dict for each file; none where there is no corpus."""
    if not INDEX.exists():
        return []
    with INDEX.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


ROWS = {row["path"]: row for row in rows()}
PREVIEWS = [
    path for path in ROWS if path.endswith(".png") and f"{path.removesuffix('.png')}.pt" in ROWS
]

STATES = {
    "embedding": {"ok", "duplicate"},
    "embedding-other-model": {"ok", "duplicate"},
    "damaged": {"broken"},
    "lfs-pointer": {"broken"},
    "wrong-kind": {"foreign", "broken"},
}

LORA = r"this is a LoRA \({} tensors\); it belongs in models/Lora"
LFS_POINTER = (
    "this is a git-lfs pointer, not the file of {} bytes: run git lfs pull, "
    "or download the file itself"
)
REASONS = {
    "huggingface__diffusers/cat.pt": r"this is an encoded prompt \(1, 77, 768\), not an embedding",
    "huggingface__diffusers/sac_public_2022_06_29_vit_l_14_linear.pth": (
        r"this is a model's weights \(2 tensors: linear.weight …\), not an embedding"
    ),
    "huggingface__diffusers/pytorch_model.bin": (
        r"this is a text encoder \(85 tensors\); it belongs in models/text_encoder"
    ),
    "invoke-ai__InvokeAI/EasyNegative.safetensors": "this is JSON text, not an embedding",
    "invoke-ai__InvokeAI/gguf_qbias.pt": (
        "this is a special kind of tensor, as quantised models have, not an embedding"
    ),
    "cloneofsimo__lora/lora_disney.safetensors": LORA.format(386),
    "cloneofsimo__lora/lora_disney_inpainting.safetensors": LORA.format(386),
    "cloneofsimo__lora/lora_kiriko2.text_encoder.pt": LORA.format(96),
    "cocopo11__ink-and-wash-textual-inversion/random_states_0.pkl": (
        "this is a training run's random state"
    ),
    "huggingface__safetensors/overall.safetensors": (
        r"not an embedding: it holds tensors of another kind \(B uint8\[6\], H uint16\[6\] …\)"
    ),
    "mmaitre314__picklescan/pytorch_model.bin": (
        r"this is a model's weights \(38 tensors: distilbert\.\S+ …\), not an embedding"
    ),
    "mmaitre314__picklescan/new_pytorch_model.bin": (
        r"not an embedding: it holds tensors of another kind \(one float32\[3x4\]\)"
    ),
    "mmaitre314__picklescan/bad_pytorch.pt": (
        "this picture is cut short before its first pixel; download it again"
    ),
    "mmaitre314__picklescan/not_a_pickle.bin": (
        r"not recognised: it begins with 'cmod\\n\\xf8\\n'; if it should be an embedding, "
        "download it again"
    ),
    "invoke-ai__InvokeAI/125e8a78-7aac-4d3e-8931-029d6eda192d/EasyNegative.safetensors": (
        LFS_POINTER.format(r"[\d,]+")
    ),
    "cocopo11__ink-and-wash-textual-inversion/learned_embeds.safetensors": (
        LFS_POINTER.format(r"[\d,]+")
    ),
}


@pytest.fixture(scope="module")
def entries() -> dict[str, ViewEntry]:
    """Return the entries of the whole corpus by path."""
    return {seen.entry.place.path: seen for seen in scan([CORPUS])}


def of_kind(*kinds: str) -> list[str]:
    """Return the paths of the files of some kinds that a scan lists."""
    return [path for path in ROWS if ROWS[path]["kind"] in kinds and path not in PREVIEWS]


def shapes_of(path: str) -> set[tuple[int, int]]:
    """Return (n_vectors, hidden_size) of each tensor that the index lists for an embedding."""
    listed = re.findall(r"(?:(\d+)x)?(\d+):(?:f32|json)", ROWS[path]["tensor_shapes"])
    return {(int(count or 1), int(width)) for count, width in listed}


def test_all_and_nothing_else_is_listed(entries: dict[str, ViewEntry]) -> None:
    """Every file has an entry, but for the pictures beside an embedding of their name."""
    assert set(entries) == set(ROWS) - set(PREVIEWS)


@pytest.mark.parametrize("path", [path for path in ROWS if path not in PREVIEWS])
def test_every_file_has_its_state(entries: dict[str, ViewEntry], path: str) -> None:
    """A file is what the person who looked at it said it is."""
    assert entries[path].state in STATES[ROWS[path]["kind"]], entries[path].reason


@pytest.mark.parametrize("path", of_kind("wrong-kind", "damaged", "lfs-pointer"))
def test_what_is_no_embedding_is_told_why(entries: dict[str, ViewEntry], path: str) -> None:
    """A file that is no embedding has the sentence that helps with this one."""
    reason = entries[path].reason or ""
    assert re.fullmatch(REASONS[path], reason), reason


@pytest.mark.parametrize("path", of_kind("embedding", "embedding-other-model"))
def test_embeddings_have_their_vectors(entries: dict[str, ViewEntry], path: str) -> None:
    """The numbers of vectors and their widths are those that were found in the file."""
    vectors = entries[path].entry.reading.vectors.values()
    assert {(info.n_vectors, info.hidden_size) for info in vectors} == shapes_of(path)


@pytest.mark.parametrize("path", PREVIEWS)
def test_pictures_beside_an_embedding_hold_one_too(path: str) -> None:
    """A picture that a scan takes for a preview can still be read by itself."""
    embedding = read_embedding(CORPUS / path)
    assert {array.shape for array in embedding.vectors.values()} == shapes_of(path)
    assert embedding.container == "png-text"
    assert embedding.stored_name == "gasai yuno"


@pytest.mark.parametrize("path", of_kind("embedding-other-model"))
def test_embeddings_for_another_model_say_so(entries: dict[str, ViewEntry], path: str) -> None:
    """Vectors for the latent-diffusion model are not passed off as an SDXL refiner's."""
    assert any("latent-diffusion model" in warning for warning in entries[path].entry.warnings)


def test_duplicates_name_a_winner(entries: dict[str, ViewEntry]) -> None:
    """Every duplicate names an entry of its name that is ok."""
    for entry in entries.values():
        if entry.state == "duplicate":
            match = re.fullmatch(
                r"has the same name as (.+), which is used: .+", entry.reason or ""
            )
            assert match is not None
            winner = entries[match[1]]
            assert (winner.state, winner.name.casefold()) == ("ok", entry.name.casefold())
