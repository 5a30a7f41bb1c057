"""Memory: how much there is, and one sentence if it is too little, at best before any work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from lib_embeddings.errors import PictureError

_GB = 10**9
# What programs may take, as Linux says, without others being swapped out.
_MEMINFO = Path("/proc/meminfo")
_AVAILABLE = re.compile(r"^MemAvailable: +(\d+) kB$", re.MULTILINE)
# How torch words it for all but NVIDIA's GPUs, for which it has an error of its own.
_NO_MEMORY = re.compile("out of memory|not enough memory|can't allocate memory")


def free_bytes(device: torch.device) -> int | None:
    """Return how many bytes a device has left; None where nobody says."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return free + kept  # torch keeps what was freed
    if device.type != "cpu":
        return None
    try:
        found = _AVAILABLE.search(_MEMINFO.read_text(encoding="ascii"))
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


@contextmanager
def enough_memory(work: str, advice: str, device: torch.device, least: int = 0) -> Iterator[None]:
    """Refuse work for which there is too little memory, and say so if memory runs out in it.

    Args:
        work: what to do, and *advice*: what else a person can do.
        least: the bytes that it needs at least.

    Raises:
        PictureError: there is too little.
    """
    free = free_bytes(device)
    if free is not None and free < least:
        raise PictureError(
            f"too little memory to {work}: it takes {least / _GB:.1f} GB at least, and "
            f"{free / _GB:.1f} GB are free on {device}: {advice}"
        )
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError | torch.OutOfMemoryError) or _NO_MEMORY.search(str(error)):
            raise PictureError(f"too little memory to {work}: {advice}") from error
        raise
