"""Text encoders and model families: what a family needs, and what others call its models.

A vector's width says which text encoder it is for (`BY_HIDDEN_SIZE`). Other encoders share these
widths, and are recognised by the name that a file gives their vectors.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class TextEncoder:
    """A model that turns tokens into conditioning.

    Attributes:
        key: the name files and hosts use for it.
        hidden_size: width of its token embedding table.
        chunk: tokens in one prompt chunk, begin and end not counted; None where it has no chunks.
        norms: smallest and largest L2 norm a vector may have before it is reported as odd.
        word_norm: mean L2 norm of the vectors of its own words; None where we do not know it.
    """

    key: str
    hidden_size: int
    chunk: int | None
    norms: tuple[float, float]
    word_norm: float | None = None

    def __str__(self) -> str:
        return f"{self.key} {self.hidden_size}"


# CLIP's own tokens have norms near 0.4; trained embeddings in the wild go from 0.3 to 50.
_CLIP_NORMS = (0.02, 200.0)
# T5's token table is not normalised: rows reach several hundred.
_T5_NORMS = (0.02, 20_000.0)
# Nobody has measured what people train for language models.
_LLM_NORMS = (0.0, 20_000.0)

TEXT_ENCODERS: dict[str, TextEncoder] = {
    encoder.key: encoder
    for encoder in (
        TextEncoder("clip_l", 768, 75, _CLIP_NORMS, 0.39),
        TextEncoder("clip_h", 1024, 75, _CLIP_NORMS),
        TextEncoder("clip_g", 1280, 75, _CLIP_NORMS),
        TextEncoder("t5xxl", 4096, None, _T5_NORMS),
        TextEncoder("llama", 4096, None, _LLM_NORMS),
        TextEncoder("gemma2_2b", 2304, None, _LLM_NORMS),
        TextEncoder("qwen25_7b", 3584, None, _LLM_NORMS),
        TextEncoder("qwen3_4b", 2560, None, _LLM_NORMS),
        TextEncoder("umt5xxl", 4096, None, _T5_NORMS),
        TextEncoder("mt5xl", 2048, None, _T5_NORMS),
        TextEncoder("chatglm", 4096, None, _LLM_NORMS),
        TextEncoder("qwen3_06b", 1024, None, _LLM_NORMS),
        TextEncoder("qwen3_8b", 4096, None, _LLM_NORMS),
        TextEncoder("qwen25_3b", 2048, None, _LLM_NORMS),
        TextEncoder("gemma3_4b", 2560, None, _LLM_NORMS),
        TextEncoder("ministral", 4096, None, _LLM_NORMS),
        TextEncoder("mistral3_24b", 5120, None, _LLM_NORMS),
        TextEncoder("hydit_clip", 1024, None, _LLM_NORMS),
        TextEncoder("jina_clip_2", 1024, None, _LLM_NORMS),
        TextEncoder("t5base", 768, None, _T5_NORMS),
        TextEncoder("umt5base", 768, None, _T5_NORMS),
        TextEncoder("byt5_small", 1472, None, _T5_NORMS),
        TextEncoder("pile_t5xl", 2048, None, _T5_NORMS),
    )
}

BY_HIDDEN_SIZE: dict[int, TextEncoder] = {
    TEXT_ENCODERS[key].hidden_size: TEXT_ENCODERS[key]
    for key in ("clip_l", "clip_h", "clip_g", "t5xxl")
}


@dataclass(frozen=True, slots=True)
class ModelFamily:
    """Checkpoints that share their text encoders; also the active model, once one is loaded.

    Attributes:
        key: the word on the command line and in JSON.
        title: the word for people.
        required: encoder keys an embedding must have vectors for.
        optional: encoder keys the model may do without.
        takes_embeddings: whether any WebUI loads embeddings for it.
    """

    key: str
    title: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    takes_embeddings: bool = True

    @property
    def encoders(self) -> tuple[str, ...]:
        """All encoder keys of the model."""
        return self.required + self.optional

    def suits(self, encoders: Collection[str]) -> bool:
        """Return whether vectors for *encoders* serve every required encoder and nothing else."""
        return self.takes_embeddings and self.is_made_of(encoders)

    def takes(self, encoders: Collection[str]) -> bool:
        """Return whether the WebUIs load vectors for *encoders*: a pair's file may hold more."""
        is_pair = {"clip_l", "clip_g"} <= set(self.required) <= set(encoders)
        return self.suits(encoders) or (is_pair and self.takes_embeddings)

    def is_made_of(self, encoders: Collection[str]) -> bool:
        """Return whether *encoders* are the model's own, the optional ones or not."""
        return set(self.required) <= set(encoders) <= set(self.encoders)

    def __str__(self) -> str:
        if not self.takes_embeddings:
            return f"{self.title}, for which no WebUI loads embeddings"
        return f"{self.title} ({describe(self.encoders)})"


MODEL_FAMILIES: dict[str, ModelFamily] = {
    family.key: family
    for family in (
        ModelFamily("sd1", "SD 1.x", ("clip_l",)),
        ModelFamily("sd2", "SD 2.x", ("clip_h",)),
        ModelFamily("sdxl", "SDXL", ("clip_l", "clip_g")),
        ModelFamily("sdxl-refiner", "SDXL refiner", ("clip_g",)),
        ModelFamily("sd3", "SD 3.x", ("clip_l", "clip_g"), ("t5xxl",)),
        ModelFamily("flux", "Flux", ("clip_l", "t5xxl")),
    )
}


# Only to be named, where one of them is active or an embedding is for one.
OTHER_FAMILIES: dict[str, ModelFamily] = {
    key: ModelFamily(key, title, encoders, takes_embeddings=False)
    for key, title, encoders in (
        ("chroma", "Chroma", ("t5xxl",)),
        ("hidream", "HiDream", ("clip_l", "clip_g", "t5xxl", "llama")),
        ("hunyuan-dit", "HunyuanDiT", ("hydit_clip", "mt5xl")),
        ("hunyuan-video", "HunyuanVideo", ("clip_l", "llama")),
        ("kolors", "Kolors", ("chatglm",)),
        ("pixart", "PixArt", ("t5xxl",)),
        ("qwen-image", "Qwen-Image", ("qwen25_7b",)),
        ("sana", "Sana", ("gemma2_2b",)),
        ("wan", "Wan", ("umt5xxl",)),
        ("z-image", "Z-Image", ("qwen3_4b",)),
    )
}

# The active model where nobody has a name for it.
ANOTHER_KIND = ModelFamily("other", "of another kind", (), takes_embeddings=False)


def describe(encoders: Collection[str]) -> str:
    """Name encoders with their hidden sizes: `clip_l 768 + clip_g 1280`."""
    return " + ".join(str(TEXT_ENCODERS[key]) for key in TEXT_ENCODERS if key in encoders)


def families_for(encoders: Collection[str]) -> tuple[ModelFamily, ...]:
    """Return the families whose models can use vectors for exactly *encoders*."""
    return _families_for(frozenset(encoders))


@lru_cache(maxsize=256)  # asked for each of thousands of files, of a few kinds
def _families_for(encoders: frozenset[str]) -> tuple[ModelFamily, ...]:
    return tuple(family for family in MODEL_FAMILIES.values() if family.suits(encoders))


def made_for(encoders: Collection[str]) -> str:
    """Return which models vectors for exactly *encoders* are for, or which could use them."""
    everyone = (*MODEL_FAMILIES.values(), *OTHER_FAMILIES.values())
    exact = families_for(encoders) or [f for f in everyone if f.is_made_of(encoders)]
    if exact and (exact[0].takes_embeddings or len(exact) == 1):
        return f"{exact[0].title} ({describe(encoders)})"
    users = [family.title for family in everyone if set(encoders) <= set(family.encoders)]
    if not users:
        return describe(encoders)
    *others, last = users
    listed = f"{', '.join(others)} and {last}" if others else last
    return f"{describe(encoders)} ({listed})"


# The models that an embedding is said to be for

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
