"""Embeddings that come in LoRA files: they work while a prompt uses their LoRA.

Forge never reads them. Its function that applies LoRAs is wrapped, with the same signature:

    extra_networks.activate   also registers what these LoRAs bring, and nothing else

Its setting that puts the name of the LoRA in place of a hash in infotexts is obeyed.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property, lru_cache, partial
from itertools import chain
from typing import Any

from modules import extra_networks, shared

from lib_embeddings.entries.place import Place
from lib_embeddings.entries.read import open_contents
from lib_embeddings.errors import EmbeddingError
from lib_embeddings.formats.assemble import make_embedding
from lib_embeddings.formats.embedding import Embedding, tokens_taken
from lib_embeddings.formats.foreign import bundled_contents
from lib_embeddings.hosts.forge.models import chosen_model, loaded_model, tokenize
from lib_embeddings.hosts.webui.database import Vec, make_vec, register
from lib_embeddings.hosts.webui.extension import Hooks, Undo, replace
from lib_embeddings.hosts.webui.settings import we_load
from lib_embeddings.prompts.report import KnownEmbedding

log = logging.getLogger(__name__)

BUNDLES_PART = "use of embeddings in LoRA files"

_SETTING = "lora_bundled_ti_to_infotext"  # Forge's own, which Neo lacks
_LORAS = ("lora", "lyco")  # what prompts call them


class _Bundled:
    """An embedding of a LoRA, as Forge's text engines expect one."""

    def __init__(self, embedding: Embedding, encoders: tuple[str, ...], lora: str) -> None:
        self._rows = embedding.vectors
        self._encoders = encoders
        self._lora = lora
        self.name = embedding.name
        self.vectors = tokens_taken({key: len(self._rows[key]) for key in encoders})

    @cached_property
    def vec(self) -> Vec:
        """The tensors, on Forge's device from the first use on."""
        return make_vec(self._rows, self._encoders, self.vectors)

    @property
    def shorthash(self) -> str:
        """What infotexts have in place of a hash."""
        return self._lora if getattr(shared.opts, _SETTING, True) else ""


class Bundles:
    """Registers the embeddings of the LoRAs that a prompt uses."""

    def __init__(self, hooks: Hooks, forget_prompts: Callable[[], object]) -> None:
        """Prepare; nothing is hooked before `hook`.

        Args:
            hooks: guards what is done at each prompt.
            forget_prompts: called when prompts have to be encoded again.
        """
        self._hooks = hooks
        self._forget_prompts = forget_prompts
        self._is_hooked = False

    def hook(self) -> Undo:
        """Wrap Forge's function, and return what undoes everything.

        Raises:
            AttributeError: Forge has no function of that name.
        """
        own = extra_networks.activate

        def activate(*args: Any, **kwargs: Any) -> Any:
            result = own(*args, **kwargs)
            if self._is_hooked:
                self._hooks.guard(BUNDLES_PART, self._follow)
            return result

        put_back = replace(extra_networks, "activate", activate)
        self._is_hooked = True

        def undo() -> None:
            self._is_hooked = False
            put_back()
            self._follow()

        return undo

    def brought_by(self, prompt: str) -> Sequence[KnownEmbedding]:
        """Return what the LoRAs in a prompt bring for the chosen checkpoint."""
        return self._hooks.guard(BUNDLES_PART, partial(self._brought_by, prompt)) or ()

    def _brought_by(self, prompt: str) -> Sequence[KnownEmbedding]:
        model = chosen_model()
        found = self._find(_named_in(prompt), model.encoders) if model and model.encoders else {}
        return [KnownEmbedding("", name, each.vectors) for name, each in found.items()]

    def _follow(self) -> None:
        """Register what is in use, and nothing else; an embedding with a file keeps its name."""
        model = loaded_model()
        if model is None or not model.engines:
            return
        wanted = self._find(_in_use(), model.encoders)
        token_ids = dict(zip(wanted, tokenize(list(wanted)), strict=True)) if wanted else {}
        usable = {name: each for name, each in wanted.items() if token_ids[name]}
        databases = [engine.embeddings for engine in model.engines]
        changes = [register(each, usable, token_ids, is_bundled) for each in databases]
        if any(changes):
            self._forget_prompts()

    def _find(self, loras: Iterable[Any], encoders: tuple[str, ...]) -> dict[str, _Bundled]:
        """Return what LoRAs bring for these text encoders, by name; nothing where Forge loads."""
        if not (self._is_hooked and we_load()):
            return {}
        found: dict[str, _Bundled] = {}
        for lora in loras:
            with suppress(EmbeddingError, OSError):  # Forge says what is wrong with a LoRA
                status = os.stat(lora.filename)
                found |= _read(lora.filename, encoders, status.st_size, status.st_mtime_ns)
        return found


def is_bundled(embedding: Any) -> bool:
    """Return whether an embedding comes with a LoRA."""
    return isinstance(embedding, _Bundled)


# `networks` belongs to an extension that comes with Forge; a LoRA is its record of a file.


def _in_use() -> Iterator[Any]:
    """Yield the LoRAs in use."""
    for lora in getattr(sys.modules.get("networks"), "loaded_networks", ()):
        yield lora.network_on_disk


def _named_in(prompt: str) -> Iterator[Any]:
    """Yield the LoRAs that a prompt would apply."""
    networks = sys.modules.get("networks")
    if networks is None:
        return
    _, given = extra_networks.parse_prompt(prompt)
    named = (each.positional[:1] for kind in _LORAS for each in given.get(kind, ()))
    for name in chain.from_iterable(named):
        is_doubtful = name.lower() in networks.forbidden_network_aliases
        known = networks.available_networks if is_doubtful else networks.available_network_aliases
        if name in known:
            yield known[name]


@lru_cache(maxsize=8)
def _read(
    path: str, encoders: tuple[str, ...], _size: int, _mtime_ns: int
) -> Mapping[str, _Bundled]:
    """Return the embeddings in a LoRA. Those that cannot be used are logged once and left out."""
    found: dict[str, _Bundled] = {}
    with open_contents(path) as contents:
        for name, its in bundled_contents(contents).items():
            try:
                embedding = make_embedding(name, its)
            except EmbeddingError as error:
                log.warning("the embedding %s in %s is left out: %s", name, path, error)
                continue
            if set(encoders) <= set(embedding.vectors):
                found[name] = _Bundled(embedding, encoders, Place.of_file(path).name)
    return found
