"""The models that an embedding is said to be for, and whether its vectors agree."""

from __future__ import annotations

from collections.abc import Collection

from lib_embeddings.formats.text_encoders import families_for, made_for

# Which model families Civitai's names of base models mean: civitai/civitai,
# `packages/civitai-shared/src/basemodel.constants.ts`. What is not here is shown as it is.
BASE_MODELS = {
    "sd1": ("SD 1.4", "SD 1.5", "SD 1.5 LCM", "SD 1.5 Hyper"),
    "sd2": ("SD 2.0", "SD 2.0 768", "SD 2.1", "SD 2.1 768", "SD 2.1 Unclip"),
    "sdxl": (
        *("SDXL 0.9", "SDXL 1.0", "SDXL 1.0 LCM", "SDXL Lightning", "SDXL Hyper", "SDXL Turbo"),
        *("SDXL Distilled", "Pony", "Illustrious", "NoobAI"),
    ),
    "sd3": ("SD 3", "SD 3.5", "SD 3.5 Large", "SD 3.5 Large Turbo", "SD 3.5 Medium"),
    "flux": ("Flux.1 S", "Flux.1 D", "Flux.1 Krea", "Flux.1 Kontext"),
}
# Those of ModelSpec's `architecture`, except where it is about the size of pictures. Embeddings
# learned here are written with the first.
ARCHITECTURES = {
    "sd1": ("stable-diffusion-v1",),
    "sd2": ("stable-diffusion-v2-512", "stable-diffusion-v2-768-v"),
    "sdxl": ("stable-diffusion-xl-v1-base",),
    "sd3": ("stable-diffusion-v3-medium", "stable-diffusion-v3.5-large"),
    "flux": ("flux-1-dev",),
}


def families_named(base_model: str | None) -> tuple[str, ...]:
    """Return the keys of the model families that the name of a base model means."""
    return tuple(
        key
        for key, names in BASE_MODELS.items()
        if base_model in names or base_model in ARCHITECTURES[key]
    )


def contradiction(who: str, base_model: str | None, encoders: Collection[str]) -> str | None:
    """Return a sentence for vectors that are for other models than somebody says.

    Args:
        encoders: text encoder keys of the vectors.
    """
    fitting = {family.key for family in families_for(encoders)}
    claimed = families_named(base_model)
    if not fitting or not claimed or fitting.intersection(claimed):
        return None
    return f"{who} says {base_model}, but the vectors are for {made_for(encoders)}"
