"""The text encoders that the WebUI has loaded, and the prompts that it keeps encoded.

Which ones they are is known by the token tables that it puts vectors into.

The WebUI writes `TI hashes` while it encodes a prompt. It keeps what it encoded last, so that the
second picture of a prompt has none. Here its function is wrapped, with the same signature:

    get_conds_with_caching   remembers what was written for an encoded prompt, and writes it again
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

from modules import processing, sd_hijack, sd_models, shared

from lib_embeddings.formats.text_encoders import BY_HIDDEN_SIZE, MODEL_FAMILIES, ModelFamily
from lib_embeddings.hosts.webui.extension import INFOTEXT_PART, Hooks, Undo
from lib_embeddings.hosts.webui.loading import wrap_encoding
from lib_embeddings.prompts.infotext import TI_HASHES, join_hashes
from lib_embeddings.prompts.tokenizer import TokenIds

_CACHES = (
    ("StableDiffusionProcessing", "cached_c"),
    ("StableDiffusionProcessing", "cached_uc"),
    ("StableDiffusionProcessingTxt2Img", "cached_hr_c"),
    ("StableDiffusionProcessingTxt2Img", "cached_hr_uc"),
)
# As many as the WebUI keeps: first pass and hires, prompt and negative prompt.
_REMEMBERED = len(_CACHES)

_SETTING = "textual_inversion_add_hashes_to_infotext"  # the WebUI's own


# The text encoders


class ActiveModel(NamedTuple):
    """A loaded checkpoint, as far as embeddings go.

    Attributes:
        checkpoint: the WebUI's own object.
        title: what people choose it by; empty where the WebUI has no word for it.
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
    """Return the token ids that texts have for what is loaded now; nothing is kept alive for it.

    Raises:
        LookupError: nothing is loaded.
    """
    text_model = _text_model(loaded_checkpoint())
    if text_model is None:
        raise LookupError("no model is loaded")
    ids: list[TokenIds] = text_model.tokenize(texts)
    return ids


def active_model() -> ActiveModel | None:
    """Look at the text encoders that are loaded now; None where there is no whole checkpoint."""
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
    """Return what holds a checkpoint's text encoders; None where there is no whole one."""
    text_model = getattr(checkpoint, "cond_stage_model", None)
    return text_model if hasattr(text_model, "tokenize") else None


def _hidden_size(module: Any) -> int | None:
    """Return the width of a token table that embeddings are put into; None of anything else."""
    if not hasattr(module, "textual_inversion_key"):
        return None
    table = module if hasattr(module, "weight") else module.wrapped
    return int(table.weight.shape[1])


def _family(encoders: tuple[str, ...], is_sd3: bool) -> ModelFamily | None:
    if is_sd3:
        return MODEL_FAMILIES["sd3"]
    suited = (f for f in MODEL_FAMILIES.values() if set(f.required) == set(encoders))
    return next(suited, None)


# The encoded prompts


def forget_prompts() -> None:
    """Let every prompt be encoded again.

    The lists are shared with generations that wait; each begins with the parameters it is for.
    """
    for kind, name in _CACHES:
        cache: list[Any] | None = getattr(getattr(processing, kind, None), name, None)
        if cache:
            cache[0] = None


class HashWriter:
    """Writes the hashes of all embeddings in a generation's prompts, however they were encoded."""

    def __init__(self, hooks: Hooks) -> None:
        """Prepare; nothing is hooked before `hook`.

        Args:
            hooks: guards what is done at each prompt.
        """
        self._hooks = hooks
        self._is_hooked = False
        # By identity, the one asked for last at the end: encoded prompt, hashes.
        self._written: OrderedDict[int, tuple[Any, str]] = OrderedDict()

    def hook(self) -> Undo:
        """Wrap the WebUI's function, and return what puts it back unless somebody wrapped ours.

        Raises:
            AttributeError: the WebUI has no function of that name.
        """
        put_back = wrap_encoding(self.encode_and_write)
        self._is_hooked = True

        def undo() -> None:
            self._is_hooked = False
            self._written.clear()
            put_back()

        return undo

    def begin(self, generation: Any) -> None:
        """Forget what an earlier batch of the same generation used."""
        sd_hijack.model_hijack.extra_generation_params.pop(TI_HASHES, None)
        generation.extra_generation_params.pop(TI_HASHES, None)

    def encode_and_write(
        self, generation: Any, caches: list[list[Any]], encode: Callable[[], Any]
    ) -> Any:
        """Encode a prompt, or take it from a cache, and note its hashes for the infotext."""
        if not self._is_hooked or not getattr(shared.opts, _SETTING, False):
            return encode()
        self._hooks.guard(INFOTEXT_PART, lambda: self._drop_unknown(caches))
        noted = sd_hijack.model_hijack.extra_generation_params
        before = noted.pop(TI_HASHES, "")
        encoded = encode()
        self._hooks.guard(INFOTEXT_PART, lambda: self._write(generation, noted, encoded, before))
        return encoded

    def _drop_unknown(self, caches: list[list[Any]]) -> None:
        """Let what was encoded before we came be encoded again: nobody knows with what."""
        for cache in caches:
            if cache[0] is not None and self._recall(cache[1]) is None:
                cache[0] = None

    def _write(self, generation: Any, noted: dict[str, Any], encoded: Any, before: str) -> None:
        hashes = self._recall(encoded)
        if hashes is None:
            hashes = noted.get(TI_HASHES, "")
            self._remember(encoded, hashes)
        value = join_hashes(hashes, before)
        # A cache with a third slot brings those of the picture that it was encoded for.
        noted.pop(TI_HASHES, None)
        if value:
            noted[TI_HASHES] = generation.extra_generation_params[TI_HASHES] = value

    def _recall(self, encoded: Any) -> str | None:
        known = self._written.get(id(encoded))
        if known is None:
            return None
        self._written.move_to_end(id(encoded))
        return known[1]

    def _remember(self, encoded: Any, hashes: str) -> None:
        self._written[id(encoded)] = encoded, hashes  # kept, so that its identity is not reused
        if len(self._written) > _REMEMBERED:
            self._written.popitem(last=False)
