"""The prompts that the WebUI keeps encoded, and `TI hashes` in every infotext.

The WebUI writes the hashes while it encodes a prompt. It keeps what it encoded last, so that the
second picture of a prompt has none. Here its function is wrapped, with the same signature:

    get_conds_with_caching   remembers what was written for an encoded prompt, and writes it again
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from modules import processing, sd_hijack, shared

from lib_embeddings.hosts.webui.hooks import Hooks, Undo
from lib_embeddings.prompts.infotext import TI_HASHES, join_hashes

PART = "writing of TI hashes"

_CACHES = (
    ("StableDiffusionProcessing", "cached_c"),
    ("StableDiffusionProcessing", "cached_uc"),
    ("StableDiffusionProcessingTxt2Img", "cached_hr_c"),
    ("StableDiffusionProcessingTxt2Img", "cached_hr_uc"),
)
# As many as the WebUI keeps: first pass and hires, prompt and negative prompt.
_REMEMBERED = len(_CACHES)

_SETTING = "textual_inversion_add_hashes_to_infotext"  # the WebUI's own


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
        kind = processing.StableDiffusionProcessing
        own, writer = kind.get_conds_with_caching, self

        def get_conds_with_caching(
            self: Any, function: Any, required_prompts: Any, steps: Any, caches: Any,
            *args: Any, **kwargs: Any,
        ) -> Any:  # fmt: skip
            def encode() -> Any:
                return own(self, function, required_prompts, steps, caches, *args, **kwargs)

            return writer.encode_and_write(self, caches, encode)

        def undo() -> None:
            self._is_hooked = False
            self._written.clear()
            if kind.get_conds_with_caching is get_conds_with_caching:
                kind.get_conds_with_caching = own

        kind.get_conds_with_caching = get_conds_with_caching
        self._is_hooked = True
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
        self._hooks.guard(PART, lambda: self._drop_unknown(caches))
        noted = sd_hijack.model_hijack.extra_generation_params
        before = noted.pop(TI_HASHES, "")
        encoded = encode()
        self._hooks.guard(PART, lambda: self._write(generation, noted, encoded, before))
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
        if value := join_hashes(hashes, before):
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
