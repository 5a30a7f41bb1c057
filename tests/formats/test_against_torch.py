"""Vectors compared bit for bit with what torch and safetensors read from the same files.

Only files that are known to be harmless are given to torch, which runs what pickles ask for.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lib_embeddings import read_embedding
from tests.test_corpus import CORPUS, ROWS

DATA = Path(__file__).parents[1] / "data" / "torch"
# On Apple's GPU, where torch would put it, and which is not everywhere.
ON_DEVICE = sorted(DATA.rglob("device.bin"))
CORPUS_EMBEDDINGS = [
    CORPUS / path for path, row in ROWS.items() if row["kind"].startswith("embedding")
]
PICKLES = [
    path
    for path in (*sorted(DATA.rglob("*.*")), *CORPUS_EMBEDDINGS)
    if path.suffix in (".pt", ".bin") and path not in ON_DEVICE
]
SAFETENSORS = [path for path in CORPUS_EMBEDDINGS if path.suffix == ".safetensors"]


def label(path: Path) -> str:
    """Return a file's name with its folder's, to tell it in a test's name."""
    return f"{path.parent.name}/{path.name}"


def tensors_in(node: Any, torch: Any) -> Iterator[Any]:
    """Yield the vectors in what torch loaded, in the order of their tokens."""
    if isinstance(node, torch.Tensor):
        yield node
    elif isinstance(node, torch.nn.Module):
        yield from tensors_in(node._parameters, torch)
    elif isinstance(node, Mapping):
        for key, child in node.items():
            if key != "string_to_token":
                yield from tensors_in(child, torch)


def bits(array: npt.NDArray[Any]) -> bytes:
    """Return the bytes of an array of one or more vectors, with its width."""
    rows = np.ascontiguousarray(array).reshape(-1, array.shape[-1])
    return f"{rows.dtype} {rows.shape} ".encode() + rows.tobytes()


@pytest.mark.parametrize("path", PICKLES, ids=label)
def test_vectors_equal_torchs(path: Path) -> None:
    """A file gives the vectors that torch gives, widened to float32, bit for bit."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch on the oldest files' storages
        loaded = torch.load(path, map_location="cpu", weights_only=False)
    (expected,) = tensors_in(loaded, torch)
    (found,) = read_embedding(path).vectors.values()
    assert bits(found) == bits(expected.detach().float().numpy())


@pytest.mark.parametrize("path", ON_DEVICE, ids=label)
def test_vectors_from_apples_gpu_equal_the_others(path: Path) -> None:
    """A tensor saved from Apple's GPU holds the values of the same tensor saved from memory."""
    (found,) = read_embedding(path).vectors.values()
    (expected,) = read_embedding(path.with_name("token.bin")).vectors.values()
    assert bits(found) == bits(expected)


@pytest.mark.parametrize("path", SAFETENSORS, ids=label)
def test_vectors_equal_the_safetensors_librarys(path: Path) -> None:
    """A safetensors file gives the vectors that the library's own reader for numpy gives."""
    reader = pytest.importorskip("safetensors.numpy")
    (expected,) = reader.load_file(path).values()
    (found,) = read_embedding(path).vectors.values()
    assert bits(found) == bits(expected.astype(np.float32))


FLOATS = ["float16", "bfloat16", "float32", "float64"]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("form", ["safetensors", "torch zip", "torch legacy"])
def test_every_number_of_every_type_is_widened_as_torch_does(
    tmp_path: Path, form: str, dtype: str
) -> None:
    """Random bits of every floating type, infinities and NaNs left out, widen as torch widens."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    kind = getattr(torch, dtype)
    size = torch.empty((), dtype=kind).element_size()
    raw = np.random.default_rng(7).integers(0, 256, 16 * 768 * size, np.uint8)
    tensor = torch.frombuffer(raw, dtype=kind).reshape(16, 768)
    tensor = torch.where(torch.isfinite(tensor.float()), tensor, torch.ones((), dtype=kind))
    path = tmp_path / "cat"
    if form == "safetensors":
        writer = pytest.importorskip("safetensors.torch")
        writer.save_file({"emb_params": tensor}, path)
    else:
        is_zip = form == "torch zip"
        torch.save({"emb_params": tensor}, path, _use_new_zipfile_serialization=is_zip)
    embedding = read_embedding(path)
    assert embedding.dtypes == {"clip_l": dtype}
    assert bits(embedding.vectors["clip_l"]) == bits(tensor.float().numpy())
