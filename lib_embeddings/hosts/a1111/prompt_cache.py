"""The WebUI's memory of the prompts it encoded last, which knows nothing of embeddings."""

from __future__ import annotations

from typing import Any

from modules import processing

_CACHES = (
    ("StableDiffusionProcessing", "cached_c"),
    ("StableDiffusionProcessing", "cached_uc"),
    ("StableDiffusionProcessingTxt2Img", "cached_hr_c"),
    ("StableDiffusionProcessingTxt2Img", "cached_hr_uc"),
)


def forget_prompts() -> None:
    """Let every prompt be encoded anew.

    The lists are shared with generations that wait; each begins with the parameters it is for.
    """
    for kind, name in _CACHES:
        cache: list[Any] | None = getattr(getattr(processing, kind, None), name, None)
        if cache:
            cache[0] = None
