"""Write the embeddings of tests/data/torch the way the installed torch writes them.

Run once per torch version; the files are committed:

    python tests/data/write_torch_files.py OUTDIR

It needs Python 3.8 or later, torch and the numpy that torch asks for, and fills
OUTDIR/torch-VERSION. Only torch versions that know the call behind `device.bin` write that file.
A legacy file with a ParameterDict is not among them: torch writes its own source text into it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch

HIDDEN_SIZE = 768


def values(n_vectors: int) -> torch.Tensor:
    """Return float32 vectors that numpy computes alike: `((arange % 997) / 997 - 0.5) * 0.05`.

    Returns:
        A tensor of shape (n_vectors, 768).
    """
    counted = torch.arange(n_vectors * HIDDEN_SIZE, dtype=torch.float32)
    return ((counted % 997 / 997 - 0.5) * 0.05).reshape(n_vectors, HIDDEN_SIZE)


def a1111() -> dict[str, Any]:
    """Return what A1111 saves: two vectors, and the step and checkpoint they were trained with."""
    return {
        "string_to_token": {"*": 265},
        "string_to_param": {"*": values(2)},
        "name": "a1111",
        "step": 100,
        "sd_checkpoint": "abcdef12",
        "sd_checkpoint_name": "model",
    }


def original() -> dict[str, Any]:
    """Return what the first textual-inversion code saves: a token tensor and a ParameterDict."""
    parameter = torch.nn.Parameter(values(1))
    return {
        "string_to_token": {"*": torch.tensor(265)},
        "string_to_param": torch.nn.ParameterDict({"*": parameter}),
    }


class MpsTensor:
    """Pickle as a tensor on Apple's GPU did in torch 1.12 and 1.13, on a machine that has none.

    Later versions write it too, because numpy 2 spells the names inside differently.
    """

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor

    def __reduce__(self) -> tuple[Any, ...]:
        """Return the call that torch writes for a device whose storage it cannot save."""
        rebuild = torch._utils._rebuild_device_tensor_from_numpy
        return rebuild, (self.tensor.numpy(), self.tensor.dtype, "mps:0", False)


def contents() -> dict[str, Any]:
    """Return the content of each file torch saves as a zip, by file name."""
    token = values(1)[0]
    files = {
        "a1111.pt": a1111(),
        "original.pt": original(),
        "token.bin": {"<token>": token},
        "half.bin": {"<token>": token.to(torch.float16)},
        "bfloat16.bin": {"<token>": token.to(torch.bfloat16)},
        "slice.bin": {"<token>": values(3)[1]},
        "columns.bin": {"<token>": values(2).reshape(HIDDEN_SIZE, 2).t()},
    }
    if hasattr(torch._utils, "_rebuild_device_tensor_from_numpy"):
        files["device.bin"] = {"<token>": MpsTensor(token)}
    return files


def write(folder: Path) -> None:
    """Write every file into the folder, the legacy one in the form torch had before its zip."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents().items():
        torch.save(content, str(folder / name), _use_new_zipfile_serialization=True)
    torch.save(a1111(), str(folder / "legacy.pt"), _use_new_zipfile_serialization=False)


if __name__ == "__main__":
    write(Path(sys.argv[1]) / ("torch-" + torch.__version__.split("+")[0]))
