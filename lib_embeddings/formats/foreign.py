"""Sound files that are something else, such as a LoRA, a checkpoint or an optimizer's state.

Recognised by the names and shapes of their tensors, as the programs that write them choose them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import prod

from lib_embeddings.errors import shown
from lib_embeddings.formats.embedding import Contents, Placeholder, Tensor
from lib_embeddings.formats.text_encoders import BY_HIDDEN_SIZE
from lib_embeddings.formats.tree import named_tensors

# What a file is when a fragment stands in one of its tensors' names; the first that fits.
_BY_FRAGMENT: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "a LoRA ({count}); it belongs in models/Lora",
        (
            *("lora_unet", "lora_te", "lora_up.", "lora_down.", "lora_A.", "lora_B.", "_lora."),
            *(".lora.", ".lora_", "hada_w", "lokr_w", "oft_blocks", "dora_scale", ":up", ":down"),
        ),
    ),
    (
        "a ControlNet ({count}); it belongs in models/ControlNet",
        ("control_model.", "input_hint_block.", "controlnet_"),
    ),
    (
        "a checkpoint ({count}); it belongs in models/Stable-diffusion",
        (
            *("model.diffusion_model.", "cond_stage_model.", "conditioner.embedders."),
            *("double_blocks.", "joint_blocks."),
        ),
    ),
    (
        "a VAE ({count}); it belongs in models/VAE",
        ("first_stage_model.", "decoder.up", "encoder.down", "quant_conv."),
    ),
    (
        "a checkpoint ({count}); it belongs in models/Stable-diffusion",
        ("down_blocks.", "transformer_blocks."),
    ),
    (
        "a text encoder ({count}); it belongs in models/text_encoder",
        ("text_model.", "encoder.block.", "transformer.resblocks.", "shared.weight"),
    ),
)
_BUNDLED = re.compile(r"bundle_emb\.(.+)\.(?:string_to_param\.\*|emb_params|clip_[lgh]|t5|t5xxl)")
_PARAMETER_ENDINGS = (
    ".weight",
    ".bias",
    ".alpha",
    ".scale",
    ".running_mean",
    ".num_batches_tracked",
)


def recognise(contents: Contents) -> str | None:
    """Return what a file is if it is surely no embedding: a clause that follows `this is`."""
    root = contents.root
    if isinstance(root, Placeholder):
        return root.kind
    if isinstance(root, dict):
        special = _special_dict(root)
        if special:
            return special
    tensors = named_tensors(contents)
    paths = [name for name in tensors if _is_path(name)]
    for sentence, fragments in _BY_FRAGMENT:
        if any(fragment in name for name in paths for fragment in fragments):
            return sentence.format(count=_count(tensors)) + _say_bundled(tensors)
    if bundled_embeddings(tensors):
        return f"a part of a LoRA ({_count(tensors)}){_say_bundled(tensors)}"
    if _is_low_rank_list(root):
        return f"a LoRA ({_count(tensors)}); it belongs in models/Lora"
    return _by_shape(root) or _model_weights(tensors)


def _is_path(name: str) -> bool:
    """Return whether a tensor's name is a place in a model; tokens in brackets are not."""
    return not name.startswith("<") and ("." in name or ":" in name)


def _special_dict(root: Mapping[object, object]) -> str | None:
    """Recognise the kinds that are known by the keys of their outermost dict."""
    if "optimizer_state_dict" in root or {"state", "param_groups"} <= root.keys():
        return "an optimizer's state, left over from training"
    if "random_state" in root or "numpy_random_seed" in root:
        return "a training run's random state"
    if "layer_structure" in root or ("step" in root and any(type(key) is int for key in root)):
        return "a hypernetwork; it belongs in models/hypernetworks"
    if "pytorch-lightning_version" in root:
        return "a checkpoint; it belongs in models/Stable-diffusion"
    return None


def _is_low_rank_list(root: object) -> bool:
    """Return whether *root* is a list of matrices in pairs (n, r) and (r, m), as old LoRAs are."""
    if not isinstance(root, list) or len(root) < 2 or len(root) % 2:
        return False
    shapes = [node.shape if isinstance(node, Tensor) else () for node in root]
    pairs = zip(shapes[::2], shapes[1::2], strict=True)
    return all(len(up) == len(down) == 2 and up[1] == down[0] for up, down in pairs)


def _by_shape(root: object) -> str | None:
    """Recognise a bare tensor by its shape."""
    if not isinstance(root, Tensor):
        return None
    if root.shape in ((768,), (1, 768), (1024,), (1, 1024)):
        return "an aesthetic gradient; it belongs in that extension's aesthetic_embeddings folder"
    if len(root.shape) >= 2 and root.shape[-2] == 77:
        return f"an encoded prompt {root.shape}, not an embedding"
    return None


def _model_weights(tensors: Mapping[str, Tensor]) -> str | None:
    """Recognise a model's layers by what all frameworks call their parameters."""
    if any(_is_path(name) and name.endswith(_PARAMETER_ENDINGS) for name in tensors):
        first = next(iter(tensors))
        return f"a model's weights ({_count(tensors)}: {first} …), not an embedding"
    return None


def bundled_embeddings(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, int]]:
    """Return the embeddings that a LoRA brings with it: name -> n_vectors by text encoder."""
    bundled: dict[str, dict[str, int]] = {}
    for path, tensor in tensors.items():
        match = _BUNDLED.fullmatch(path)
        encoder = BY_HIDDEN_SIZE.get(tensor.shape[-1]) if tensor.shape else None
        if match and encoder:
            bundled.setdefault(match[1], {})[encoder.key] = prod(tensor.shape[:-1])
    return bundled


def _say_bundled(tensors: Mapping[str, Tensor]) -> str:
    names = shown(", ".join(bundled_embeddings(tensors)))
    return f". It brings the embeddings {names}, which work while it is used" if names else ""


def _count(tensors: Mapping[str, Tensor]) -> str:
    return f"{len(tensors):,} tensor{'s' * (len(tensors) != 1)}"
