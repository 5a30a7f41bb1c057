"""What infotexts name: `TI` and `TI hashes`, of all prompts of a picture.

Forge notes names in `TI` while it encodes a prompt, once for each text engine, and keeps them with
what it encoded; each prompt hides what the one before it used, and of hashes it knows nothing. Its
function is wrapped here, with the same signature:

    get_conds_with_caching   adds what a prompt used to what the others of the picture did
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from modules import sd_models, shared

from lib_embeddings.hosts.forge.models import loaded_model
from lib_embeddings.hosts.webui.extension import INFOTEXT_PART, Hooks, Undo
from lib_embeddings.hosts.webui.loading import wrap_encoding
from lib_embeddings.prompts.infotext import TI_HASHES, join_hashes, name_in_infotext

_TI = "TI"

# As many as Forge keeps: first pass and hires, prompt and negative prompt.
_REMEMBERED = 4

_SETTING = "textual_inversion_add_hashes_to_infotext"  # Forge's own, which Neo has not


class InfotextWriter:
    """Writes what a generation's prompts used, and lets none use what is not there any more."""

    def __init__(self, hooks: Hooks) -> None:
        """Prepare; nothing is hooked before `hook`.

        Args:
            hooks: guards what is done at each prompt.
        """
        self._hooks = hooks
        self._is_hooked = False
        self._fresh: deque[Any] = deque(maxlen=_REMEMBERED)  # encoded with what there is now

    def hook(self) -> Undo:
        """Wrap the WebUI's function, and return what puts it back unless somebody wrapped ours.

        Raises:
            AttributeError: the WebUI has no function of that name.
        """
        put_back = wrap_encoding(self.encode_and_write)
        self._is_hooked = True

        def undo() -> None:
            self._is_hooked = False
            self.forget_prompts()
            put_back()

        return undo

    def forget_prompts(self) -> None:
        """Let every prompt be encoded again, whoever keeps what it was encoded to."""
        self._fresh.clear()

    def begin(self, generation: Any) -> None:
        """Forget what an earlier batch of the same generation used."""
        for noted in (_noted(), generation.extra_generation_params):
            for key in (_TI, TI_HASHES):
                noted.pop(key, None)

    def encode_and_write(
        self, generation: Any, caches: list[list[Any]], encode: Callable[[], Any]
    ) -> Any:
        """Encode a prompt, or take it from a cache, and note its embeddings for the infotext."""
        if not self._is_hooked:
            return encode()
        self._hooks.guard(INFOTEXT_PART, lambda: self._begin_prompt(caches))
        encoded = encode()
        self._fresh.append(encoded)
        self._hooks.guard(INFOTEXT_PART, lambda: self._write(generation))
        return encoded

    def _begin_prompt(self, caches: list[list[Any]]) -> None:
        _noted().pop(_TI, None)
        for cache in caches:
            if not any(cache[1] is each for each in self._fresh):
                cache[0] = None

    def _write(self, generation: Any) -> None:
        given, noted = generation.extra_generation_params, _noted()
        used = join_hashes(noted.get(_TI, ""))
        if not used:
            return
        if getattr(shared.opts, _SETTING, True):
            hashes = ((name, _hash_of(name)) for name in used.split(", "))
            known = (f"{name}: {hash_}" for name, hash_ in hashes if hash_)
            written = join_hashes(*known, given.get(TI_HASHES, ""))
            given.update({TI_HASHES: written} if written else {})
        given[_TI] = join_hashes(used, given.get(_TI, ""))
        del noted[_TI]  # which would hide it


def _noted() -> dict[str, Any]:
    """Return what the model in memory has for the infotext; ersatzForge's notes nothing."""
    noted: dict[str, Any] = getattr(sd_models.model_data.sd_model, "extra_generation_params", {})
    return noted


def _hash_of(name: str) -> str:
    """Return the beginning of the SHA-256 of what infotexts have under a name, if it is known."""
    model = loaded_model()
    words = model.engines[0].embeddings.word_embeddings if model and model.engines else {}
    found = (each for each in words.values() if name_in_infotext(each.name) == name)
    return getattr(next(found, None), "shorthash", None) or ""
