"""Prompts with embeddings become pictures, with a model that stays as it is.

Its modules import torch and diffusers, as those of `training` do; this one can be asked before.
"""

from importlib.util import find_spec

# The reason why a model cannot be loaded that is known without torch.
NOT_THERE = "there is no such file or folder"
_NEEDED = ("torch", "diffusers", "transformers", "safetensors")


def what_is_missing() -> str | None:
    """Return what has to be installed for models that paint and learn; None for nothing."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    return f"{missing[0]} is missing: install lib-embeddings[pictures]" if missing else None
