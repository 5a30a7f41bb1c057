"""Folders of generated embeddings, in the mix of real collections.

55 % .pt as A1111 saves them, 10 % .pt from before torch 1.6, 15 % .bin of diffusers, 20 %
.safetensors, half of them for SDXL; 1 to 75 vectors, in 20 sub-folders
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.builders import (
    a1111,
    pickle_of,
    safetensors_file,
    storage_id,
    tensor,
    torch_legacy,
    torch_members,
    zip_file,
)

Vectors = npt.NDArray[np.float32]
Writer = Callable[[str, Vectors], bytes]

SUBFOLDERS = 20
_OTHER_ENDINGS = (
    *(".civitai.info", ".yaml", ".md", ".html", ".mp4"),
    *("", "", ".dat", ".x", ".v2"),
)
# Long ago, so that nothing counts as just written.
_FIRST_SECOND, _LAST_SECOND = 1_660_000_000, 1_700_000_000


def make_folder(path: str | os.PathLike[str], n_files: int, seed: int = 0) -> None:
    """Write *n_files* embeddings, the same for the same seed."""
    rng = np.random.default_rng(seed)
    kinds = list(_KINDS)
    shares = [share for share, *_ in _KINDS.values()]
    folders = [Path(path) / f"folder-{number:02}" for number in range(SUBFOLDERS)]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    for number, kind in enumerate(rng.choice(kinds, n_files, p=shares)):
        _, suffix, width, write = _KINDS[kind]
        stem = f"{kind}-{number}"
        n_vectors = 1 + int(75 * rng.random() ** 2)  # few have many
        vectors = rng.normal(0, 0.02, (n_vectors, width)).astype(np.float32)
        file = folders[rng.integers(SUBFOLDERS)] / f"{stem}{suffix}"
        file.write_bytes(write(stem, vectors))
        second = int(rng.integers(_FIRST_SECOND, _LAST_SECOND))
        os.utime(file, (second, second))


def add_others(path: str | os.PathLike[str], n_files: int) -> None:
    """Write *n_files* files that are no embeddings among those of `make_folder`.

    Half of them have endings that embeddings never have, a fifth have none, and none is looked into
    again once it is known.
    """
    for number in range(n_files):
        ending = _OTHER_ENDINGS[number % len(_OTHER_ENDINGS)]
        file = Path(path) / f"folder-{number % SUBFOLDERS:02}" / f"other-{number}{ending}"
        file.write_bytes(b"neither an embedding nor one that broke off\n" * 100)
        os.utime(file, (_FIRST_SECOND, _FIRST_SECOND))


def _tensor(vectors: Vectors, *rest: object) -> object:
    return tensor(storage_id(vectors.size, rest=rest), vectors.shape, (vectors.shape[1], 1))


def _a1111_dict(name: str, vectors: Vectors, *rest: object) -> bytes:
    trained = {"name": name, "step": 100 * len(vectors)}
    return pickle_of({**a1111(_tensor(vectors, *rest)), **trained})


def _torch_zip(pickle: bytes, vectors: Vectors) -> bytes:
    """Return the archive without what torch added after 2.6: A1111's own check refuses it."""
    members = torch_members(pickle, {"0": vectors.tobytes()})
    known = ("data.pkl", "byteorder", "data/0", "version")
    return zip_file([member for member in members if member.name.partition("/")[2] in known])


def _write_a1111(name: str, vectors: Vectors) -> bytes:
    return _torch_zip(_a1111_dict(name, vectors), vectors)


def _write_legacy(name: str, vectors: Vectors) -> bytes:
    return torch_legacy(_a1111_dict(name, vectors, None), {"0": vectors})


def _write_diffusers(name: str, vectors: Vectors) -> bytes:
    return _torch_zip(pickle_of({f"<{name}>": _tensor(vectors)}), vectors)


def _write_safetensors(_name: str, vectors: Vectors) -> bytes:
    return safetensors_file({"emb_params": vectors})


def _write_sdxl(_name: str, vectors: Vectors) -> bytes:
    clip_l, clip_g = vectors[:, :768], vectors[:, 768:]
    return safetensors_file({"clip_l": clip_l, "clip_g": clip_g})


# Share of all files, suffix, width, writer.
_KINDS: dict[str, tuple[float, str, int, Writer]] = {
    "a1111": (0.55, ".pt", 768, _write_a1111),
    "legacy": (0.10, ".pt", 768, _write_legacy),
    "diffusers": (0.15, ".bin", 768, _write_diffusers),
    "sd1": (0.10, ".safetensors", 768, _write_safetensors),
    "sdxl": (0.10, ".safetensors", 768 + 1280, _write_sdxl),
}
