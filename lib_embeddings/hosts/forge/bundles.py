"""Embeddings that come in LoRA files: they work while a prompt uses their LoRA.

Forge never reads them. Its function that puts LoRAs to use is wrapped, with the same signature:

    extra_networks.activate   then registers what the LoRAs bring, and nothing of others
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from modules import extra_networks

from lib_embeddings.entries.read import open_contents
from lib_embeddings.errors import EmbeddingError
from lib_embeddings.formats.assemble import make_embedding
from lib_embeddings.formats.embedding import Embedding, tokens_taken
from lib_embeddings.formats.foreign import bundled_contents
from lib_embeddings.hosts.forge.models import loaded_model, tokenize
from lib_embeddings.hosts.webui.database import make_vec, register
from lib_embeddings.hosts.webui.extension import Hooks, Undo, replace
from lib_embeddings.hosts.webui.parts import we_load

log = logging.getLogger(__name__)

BUNDLES_PART = "use of embeddings in LoRA files"


class _Bundled:
    """An embedding of a LoRA, as Forge's text engines ask for one."""

    def __init__(self, embedding: Embedding, encoders: tuple[str, ...]) -> None:
        rows = embedding.vectors
        self.name = embedding.name
        self.vectors = tokens_taken({key: len(rows[key]) for key in encoders})
        self.vec = make_vec(rows, encoders, self.vectors)


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
        """Wrap Forge's function, and return what ends all that we do.

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

    def _follow(self) -> None:
        """Register what is in use, and nothing else; an embedding with a file keeps its name."""
        model = loaded_model()
        if model is None or not model.engines:
            return
        is_ours = self._is_hooked and we_load()
        wanted = dict(_in_use(model.encoders)) if is_ours else {}
        token_ids = dict(zip(wanted, tokenize(list(wanted)), strict=True)) if wanted else {}
        usable = {name: each for name, each in wanted.items() if token_ids[name]}
        databases = [engine.embeddings for engine in model.engines]
        changes = [register(each, usable, token_ids, is_bundled) for each in databases]
        if any(changes):
            self._forget_prompts()


def is_bundled(embedding: Any) -> bool:
    """Tell what a LoRA brings from others' embeddings."""
    return isinstance(embedding, _Bundled)


def _in_use(encoders: tuple[str, ...]) -> Iterator[tuple[str, _Bundled]]:
    """Yield what the LoRAs in use bring for these text encoders, by name."""
    # Of an extension that comes with Forge, and may be switched off.
    for lora in getattr(sys.modules.get("networks"), "loaded_networks", ()):
        path = lora.network_on_disk.filename
        status = os.stat(path)
        yield from _read(path, encoders, status.st_size, status.st_mtime_ns).items()


@lru_cache(maxsize=8)
def _read(
    path: str, encoders: tuple[str, ...], _size: int, _mtime_ns: int
) -> Mapping[str, _Bundled]:
    """Return the embeddings in a LoRA; those that cannot be used are named once, and left out."""
    found: dict[str, _Bundled] = {}
    with open_contents(path) as contents:
        for name, its in bundled_contents(contents).items():
            try:
                embedding = make_embedding(name, its)
            except EmbeddingError as error:
                log.warning("the embedding %s in %s is left out: %s", name, path, error)
                continue
            if set(encoders) <= set(embedding.vectors):
                found[name] = _Bundled(embedding, encoders)
    return found
