"""The text encoders that the WebUI has loaded.

They are recognised by the token tables that it puts vectors into.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from modules import sd_models

from lib_embeddings.formats.text_encoders import BY_HIDDEN_SIZE, MODEL_FAMILIES, ModelFamily
from lib_embeddings.prompts.tokens import TokenIds


class ActiveModel(NamedTuple):
    """A loaded checkpoint, as far as embeddings go.

    Attributes:
        checkpoint: the WebUI's own object.
        title: the name under which people choose it; empty where the WebUI has none.
        family: None where no family has these encoders.
        encoders: keys of the text encoders that embeddings reach.
        shape: the sum of their hidden sizes, as the WebUI counts.
    """

    checkpoint: Any
    title: str
    family: ModelFamily | None
    encoders: tuple[str, ...]
    shape: int

    def tokenize(self, names: list[str]) -> list[TokenIds]:
        """Return the token ids of each name."""
        ids: list[TokenIds] = self.checkpoint.cond_stage_model.tokenize(names)
        return ids


def loaded_checkpoint() -> Any:
    """Return what is loaded now, None where nothing is; loads nothing."""
    return sd_models.model_data.sd_model


def tokenize(texts: list[str]) -> list[TokenIds]:
    """Return the token ids that texts have for what is loaded now. Keeps nothing alive.

    Raises:
        LookupError: nothing is loaded.
    """
    text_model = _text_model(loaded_checkpoint())
    if text_model is None:
        raise LookupError("no model is loaded")
    ids: list[TokenIds] = text_model.tokenize(texts)
    return ids


def active_model() -> ActiveModel | None:
    """Describe the text encoders that are loaded now; None where no checkpoint is complete."""
    checkpoint = loaded_checkpoint()
    text_model = _text_model(checkpoint)
    if text_model is None:
        return None
    sizes = [_hidden_size(module) for module in text_model.modules()]
    known = tuple(dict.fromkeys(size for size in sizes if size))
    encoders = tuple(BY_HIDDEN_SIZE[size].key for size in known if size in BY_HIDDEN_SIZE)
    is_sd3 = bool(getattr(checkpoint, "is_sd3", False))
    title = str(getattr(getattr(checkpoint, "sd_checkpoint_info", None), "title", ""))
    return ActiveModel(checkpoint, title, _family(encoders, is_sd3), encoders, sum(known))


def _text_model(checkpoint: Any) -> Any:
    """Return what holds a checkpoint's text encoders; None where the checkpoint is incomplete."""
    text_model = getattr(checkpoint, "cond_stage_model", None)
    return text_model if hasattr(text_model, "tokenize") else None


def _hidden_size(module: Any) -> int | None:
    """Return the width of a token table that embeddings are put into; None for anything else."""
    if not hasattr(module, "textual_inversion_key"):
        return None
    table = module if hasattr(module, "weight") else module.wrapped
    return int(table.weight.shape[1])


def _family(encoders: tuple[str, ...], is_sd3: bool) -> ModelFamily | None:
    if is_sd3:
        return MODEL_FAMILIES["sd3"]
    suited = (f for f in MODEL_FAMILIES.values() if set(f.required) == set(encoders))
    return next(suited, None)
