"""The checkpoint that the next picture is made with, and the one that is in memory.

Forge loads a checkpoint when the first picture needs it. Until then its model family is read from
the file, and names are tokenized with a vocabulary that comes with Forge.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

from modules import sd_models

from lib_embeddings.entries.read import open_contents
from lib_embeddings.errors import EmbeddingError
from lib_embeddings.formats.embedding import Tensor, named_tensors
from lib_embeddings.formats.text_encoders import (
    ANOTHER_KIND,
    MODEL_FAMILIES,
    OTHER_FAMILIES,
    TEXT_ENCODERS,
    ModelFamily,
)
from lib_embeddings.prompts.tokens import TokenIds

_VOCABULARY = "huggingface/runwayml/stable-diffusion-v1-5/tokenizer"

# What an engine has that puts vectors into prompts.
_OF_AN_ENGINE = ("embeddings", "embedding_key", "tokenize")

# Text encoders whose engines do; the T5 of Flux and SD 3.x has none.
_REACHED = ("clip_l", "clip_h", "clip_g")


class HostModel(NamedTuple):
    """A checkpoint, as far as embeddings go.

    Attributes:
        path: its file.
        family: None where we do not know it.
        encoders: keys of the text encoders that embeddings reach.
        engines: Forge's own, one for each of these; empty for a checkpoint that is not in memory.
    """

    path: str
    family: ModelFamily | None
    encoders: tuple[str, ...]
    engines: tuple[Any, ...] = ()


def chosen_model() -> HostModel | None:
    """Return what the next picture is made with; None where nobody chose a checkpoint."""
    info = sd_models.model_data.forge_loading_parameters.get("checkpoint_info")
    if info is None:
        return None
    loaded = loaded_model()
    if loaded and loaded.path == info.filename:
        return loaded
    family = _family_in(info.filename)
    takes_some = family is not None and family.takes_embeddings
    return HostModel(info.filename, family, family.required if family and takes_some else ())


def loaded_model() -> HostModel | None:
    """Return what is in memory; None where nothing is."""
    checkpoint = sd_models.model_data.sd_model
    info = getattr(checkpoint, "sd_checkpoint_info", None)
    if info is None:
        return None
    engines = [e for e in vars(checkpoint).values() if all(hasattr(e, n) for n in _OF_AN_ENGINE)]
    encoders = tuple(engine.embedding_key for engine in engines)
    family = _family_of(checkpoint, encoders) if engines else _family_without(info.filename)
    return HostModel(info.filename, family, encoders, tuple(engines))


def noted_of_prompts() -> dict[str, Any]:
    """Return what the model in memory notes for the infotext; ersatzForge's notes nothing."""
    noted: dict[str, Any] = getattr(sd_models.model_data.sd_model, "extra_generation_params", {})
    return noted


def tokenize(texts: list[str]) -> list[TokenIds]:
    """Return the token ids of each text, as all of CLIP's text encoders have them.

    Raises:
        LookupError: nothing is in memory that has them, and Forge's vocabulary cannot be read.
    """
    model = loaded_model()
    ids: list[TokenIds]
    if model and model.engines:
        ids = model.engines[0].tokenize(texts)
    else:
        try:
            tokenizer = _tokenizer()
        except (ImportError, OSError) as error:
            raise LookupError("no model is loaded") from error
        ids = tokenizer(texts, truncation=False, add_special_tokens=False)["input_ids"]
    return ids


@lru_cache(maxsize=1)
def _tokenizer() -> Any:
    from transformers import CLIPTokenizer  # noqa: PLC0415 - slow, and seldom needed

    return CLIPTokenizer.from_pretrained(str(files("backend").joinpath(_VOCABULARY)))


# Families


def _here(family: ModelFamily) -> ModelFamily:
    """Return a family as Forge serves it: it needs only the text encoders that embeddings reach."""
    required = tuple(key for key in family.required if key in _REACHED)
    optional = tuple(key for key in family.encoders if key not in required)
    return replace(family, required=required, optional=optional)


_FAMILIES = {key: _here(family) for key, family in MODEL_FAMILIES.items()}


def _family_of(checkpoint: Any, encoders: tuple[str, ...]) -> ModelFamily | None:
    """Return the family of what is in memory; of two with the same encoders Forge marks one."""
    suited = [f for f in _FAMILIES.values() if set(f.required) == set(encoders)]
    said = (f for f in suited if getattr(checkpoint, f"is_{f.key}", False))
    return next(said, suited[-1] if suited else None)


def _takes_none(key: str, title: str) -> ModelFamily:
    return ModelFamily(key, title, (), takes_embeddings=False)


# Parts of tensors' names, and the family that they mean. One that includes another's parts comes
# before it.
_SIGNS = (
    (".distilled_guidance_layer.", OTHER_FAMILIES["chroma"]),
    (".individual_token_refiner.", OTHER_FAMILIES["hunyuan-video"]),
    (".double_stream_modulation_img.", _takes_none("flux2", "Flux.2")),
    (".double_blocks.", _FAMILIES["flux"]),
    (".joint_blocks.", _FAMILIES["sd3"]),
    (".txt_norm.", OTHER_FAMILIES["qwen-image"]),
    (".head.modulation", OTHER_FAMILIES["wan"]),
    (".noise_refiner.", _takes_none("lumina", "Lumina or Z-Image")),
)
# UNets by the width of their input from the text encoders, which is that of all encoders together.
_CONTEXT = ".attn2.to_k.weight"
_UNETS = {
    sum(TEXT_ENCODERS[key].hidden_size for key in _FAMILIES[name].required): _FAMILIES[name]
    for name in ("sd1", "sd2", "sdxl", "sdxl-refiner")
}


def _family_without(path: str) -> ModelFamily:
    """Return the family of what is in memory and has no engine that puts vectors into prompts."""
    family = _family_in(path)
    return ANOTHER_KIND if family is None or family.takes_embeddings else family


def _family_in(path: str) -> ModelFamily | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return _read_family(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=8)
def _read_family(path: str, _size: int, _mtime_ns: int) -> ModelFamily | None:
    """Return the family that the names and shapes of a file's tensors mean; no values are read."""
    try:
        with open_contents(path, is_likely=False) as contents:
            return _family_by(named_tensors(contents))
    except (EmbeddingError, OSError):
        return None


def _family_by(tensors: Mapping[str, Tensor]) -> ModelFamily | None:
    for sign, family in _SIGNS:
        if any(sign in f".{name}" for name in tensors):
            return family
    contexts = (tensor.shape for name, tensor in tensors.items() if name.endswith(_CONTEXT))
    shape = next(contexts, ())
    return _UNETS.get(shape[1]) if len(shape) == 2 else None
