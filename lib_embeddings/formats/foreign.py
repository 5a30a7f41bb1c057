"""Sound files that are something else, such as a LoRA, a checkpoint or an optimizer's state.

Recognised by the names and shapes of their tensors, as the programs that write them choose them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from math import prod

from lib_embeddings.errors import shown
from lib_embeddings.formats.embedding import Contents, Placeholder, Tensor, named_tensors
from lib_embeddings.formats.foreign_models import MODELS
from lib_embeddings.formats.text_encoders import BY_HIDDEN_SIZE

_BUNDLED = re.compile(r"bundle_emb\.(.+)\.(?:string_to_param\.\*|emb_params|clip_[lgh]|t5|t5xxl)")
_PARAMETER_ENDINGS = (
    ".weight",
    ".bias",
    ".alpha",
    ".scale",
    ".gamma",
    ".beta",
    ".adaption_prompt",
    ".adaption_gate",
    ".running_mean",
    ".num_batches_tracked",
)

# What the keys of a file's outermost dict say; the first set that is there in full.
_BY_KEYS: tuple[tuple[frozenset[object], str], ...] = tuple(
    (frozenset(keys.split()), what)
    for keys, what in (
        ("optimizer_state_dict", "an optimizer's state, left over from training"),
        ("state param_groups", "an optimizer's state, left over from training"),
        ("random_state", "a training run's random state"),
        ("numpy_random_seed", "a training run's random state"),
        ("last_epoch base_lrs", "a learning-rate scheduler's state, left over from training"),
        ("growth_factor growth_interval", "a gradient scaler's state, left over from training"),
        ("shadow_params decay", "a moving average of weights, left over from training"),
        ("layer_structure", "a hypernetwork; it belongs in models/hypernetworks"),
        ("pytorch-lightning_version", "a checkpoint; it belongs in models/Stable-diffusion"),
        ("IN01 MID OUT03", "an XTI embedding, with vectors for each layer, which no WebUI can use"),
        ("latent_tensor", "a latent, a picture before it is decoded"),
        ("mean std", "a list of means and deviations, not an embedding"),
        ("mean var", "a list of means and deviations, not an embedding"),
        ("running_mean running_var", "a list of means and deviations, not an embedding"),
    )
)

_KNOWN_KEYS = frozenset().union(*(keys for keys, _ in _BY_KEYS))

# Single names that models, caches and trainers give to tensors, and nobody to a learned word.
_ENCODED_PROMPT = re.compile(
    r"(?:.*_)?(?:prompt|text|txt|caption|cond|uncond|t5|clip|clip_[lg]|lg|llama)_?"
    r"(?:embeds?|embeddings?|emb|features?|states?|pooled|pool|mask)(?:_\d|_list)?"
    r"|(?:.*_)?(?:last_)?hidden_states?|(?:.*_)?pooled(?:_output)?|pooler_output|crossattn"
    r"|encoder_hidden_states|conditioning|un?cond(?:itional|ition)?|(?:.*_)?(?:image|input)_embeds?"
    r"|embeds|(?:.*_)?features|txt|pool\d+|hidden_state\d+|input_ids\d*|\w+_b?float(?:8|16|32)\w*"
)
_PARAMETER = re.compile(
    r"weight|bias|gamma|beta|kernel|scale|shift|scale_shift_table|(?:in|out)_proj(?:_weight|_bias)?"
    r"|logit_(?:scale|bias)|(?:text|visual|image|input|output)_projection|proj(?:ection)?"
    r"|(?:class|position(?:al)?|pos|time|(?:token_)?type|null|patch|token|word|label|mask)_emb"
    r"(?:ed|eds|edding|eddings)?(?:_table)?|(?:cls|mask|register|pad|x_pad|cap_pad|query|dist)"
    r"_tokens?|(?:learned_|learnable_)?(?:queries|query)|latents|codebook|centroids?|prototypes?"
    r"|mean|std|mu|sigma|var|latents_(?:mean|std)|components"
    r"|(?:prompt_learner\.)?(?:ctx|token_(?:pre|suf)fix)|running_(?:mean|var)|num_batches_tracked|position_ids|inv_freq"
)


def recognise(contents: Contents) -> str | None:
    """Return what a file is if it is surely no embedding: a clause that follows `this is`."""
    root = contents.root
    if isinstance(root, Placeholder):
        return root.kind
    tensors = named_tensors(contents)
    return (
        _by_keys(root)
        or _by_names(tensors)
        or _by_bundle(tensors)
        or _by_low_rank(root, tensors)
        or _by_shape(root)
        or _by_parameters(tensors)
    )


def _by_keys(root: object) -> str | None:
    """Recognise the kinds that are known by the keys of their outermost dict."""
    if not isinstance(root, dict):
        return None
    if not _KNOWN_KEYS.isdisjoint(root):
        for keys, what in _BY_KEYS:
            if keys <= root.keys():
                return what
    if "step" in root and any(type(key) is int for key in root):
        return "a hypernetwork; it belongs in models/hypernetworks"
    names = [
        key
        for key, value in root.items()
        if type(key) is str and not key.startswith("<") and isinstance(value, Tensor)
    ]
    if any(map(_ENCODED_PROMPT.fullmatch, names)):
        return f"a stored encoding of prompts ({shown(', '.join(names))}), not an embedding"
    if names and len(names) == len(root) and all(map(_PARAMETER.fullmatch, names)):
        return f"a part of a model ({shown(', '.join(names))}), not an embedding"
    return None


def _by_names(tensors: Mapping[str, Tensor]) -> str | None:
    """Recognise models by the names of their tensors."""
    paths = [name for name in tensors if not name.startswith("<")]
    if not any(map(_is_path, paths)):
        return None
    names = "." + "$.".join(paths) + "$"
    for model in MODELS:
        if any(all(piece in names for piece in sign) for sign in model.signs):
            return f"{model.title} ({_count(tensors)}){model.advice}{_note_on_bundled(tensors)}"
    return None


def _by_bundle(tensors: Mapping[str, Tensor]) -> str | None:
    if bundled_embeddings(tensors):
        return f"a part of a LoRA ({_count(tensors)}){_note_on_bundled(tensors)}"
    return None


def _by_low_rank(root: object, tensors: Mapping[str, Tensor]) -> str | None:
    """Recognise a list of matrices in pairs (n, r) and (r, m), as old LoRAs are."""
    if not isinstance(root, list) or len(root) < 2 or len(root) % 2:
        return None
    shapes = [node.shape if isinstance(node, Tensor) else () for node in root]
    pairs = zip(shapes[::2], shapes[1::2], strict=True)
    if not all(len(up) == len(down) == 2 and up[1] == down[0] for up, down in pairs):
        return None
    return f"a LoRA ({_count(tensors)}); it belongs in models/Lora"


def _by_shape(root: object) -> str | None:
    """Recognise tensors whose names say nothing by their shape."""
    if isinstance(root, Tensor):
        if root.shape in ((768,), (1, 768), (1024,), (1, 1024)):
            return (
                "an aesthetic gradient; it belongs in that extension's aesthetic_embeddings folder"
            )
        if len(root.shape) >= 2 and root.shape[-2] == 77:
            return f"an encoded prompt {shown(str(root.shape))}, not an embedding"
    elif isinstance(root, dict):
        for node in root.values():
            if isinstance(node, Tensor) and len(node.shape) in (2, 3) and node.shape[-2] == 77:
                return f"an encoded prompt {shown(str(node.shape))}, not an embedding"
    return None


def _by_parameters(tensors: Mapping[str, Tensor]) -> str | None:
    """Recognise a model's layers by what all frameworks call their parameters."""
    if any(_is_path(name) and name.endswith(_PARAMETER_ENDINGS) for name in tensors):
        first = next(iter(tensors))
        return f"a model's weights ({_count(tensors)}: {shown(first)} …), not an embedding"
    return None


def _is_path(name: str) -> bool:
    """Return whether a tensor's name is a place in a model; tokens in brackets are not."""
    return not name.startswith("<") and ("." in name or ":" in name)


def bundled_embeddings(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, int]]:
    """Return the embeddings that a LoRA brings with it: name -> n_vectors by text encoder."""
    bundled: dict[str, dict[str, int]] = {}
    for path, tensor in tensors.items():
        match = _BUNDLED.fullmatch(path)
        encoder = BY_HIDDEN_SIZE.get(tensor.shape[-1]) if tensor.shape else None
        if match and encoder:
            bundled.setdefault(match[1], {})[encoder.key] = prod(tensor.shape[:-1])
    return bundled


def _note_on_bundled(tensors: Mapping[str, Tensor]) -> str:
    names = shown(", ".join(bundled_embeddings(tensors)))
    return f". It brings the embeddings {names}, which work while it is used" if names else ""


def _count(tensors: Iterable[str]) -> str:
    n_tensors = sum(1 for _ in tensors)
    return f"{n_tensors:,} tensor{'s' * (n_tensors != 1)}"
