"""Sound files that are something else, such as a LoRA, a checkpoint or an optimizer's state.

Recognised by the names and shapes that other programs give their tensors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import prod

from lib_embeddings.errors import counted, shown
from lib_embeddings.formats.embedding import Contents, Placeholder, Tensor, named_tensors
from lib_embeddings.formats.foreign_models import MODELS
from lib_embeddings.formats.text_encoders import BY_HIDDEN_SIZE, TEXT_ENCODERS

_BUNDLED = re.compile(r"bundle_emb\.(.+)\.(string_to_param|emb_params|clip_[lgh]|t5|t5xxl)(\.\*)?")
_PARAMETER_ENDINGS = (
    *(".weight", ".bias", ".alpha", ".scale", ".gamma", ".beta", ".kernel"),
    *(".running_mean", ".num_batches_tracked"),
)
XTI = "an XTI embedding, with vectors for each layer, which no WebUI can use"
# Its layers: the blocks of SD 1.x's UNet that take in the prompt.
XTI_LAYERS = 16
_ENCODED = "a stored encoding of prompts, not an embedding"
_STATISTICS = "a list of means and deviations, not an embedding"

# What keys of a file's outermost dict mean; the first set that is there in full counts.
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
        ("IN01 MID OUT03", XTI),
        ("latent_tensor", "a latent, a picture before it is decoded"),
        ("embeds mask", _ENCODED),
        ("y mask", _ENCODED),
        ("txt vec", _ENCODED),
        ("ctx token_prefix", "prompts that CoOp has learned for CLIP, not an embedding"),
        ("components mean", "the main directions of some data (PCA), not an embedding"),
        ("mean std", _STATISTICS),
        ("mean var", _STATISTICS),
        ("mu sigma", _STATISTICS),
        ("latents_mean latents_std", _STATISTICS),
        ("running_mean running_var", _STATISTICS),
    )
)

_KNOWN_KEYS = frozenset().union(*(keys for keys, _ in _BY_KEYS))

# Single names that models, caches and trainers give to tensors, but nobody gives a learned word.
_ENCODED_PROMPT = re.compile(
    r"(?:.*_)?(?:prompt|text|txt|caption|cond|uncond|t5|clip|clip_[lg]|lg|llama)_?"
    r"(?:embeds?|embeddings?|emb|features?|states?|pooled|pool|mask)(?:_\d|_list)?"
    r"|(?:.*_)?hidden_states?\d?|(?:.*_)?pooled(?:_output)?|pooler_output|pool\d|crossattn"
    r"|input_ids\d?|conditioning|un?cond(?:itional|ition)?|.+_b?float(?:16|32)"
)
_FEATURES = re.compile(r"features|(?:.*_)?(?:image|img|vision|visual)_(?:embeds?|features?)")
_PARAMETER = re.compile(
    r"weight|bias|gamma|beta|kernel|scale|shift|scale_shift_table|(?:in|out)_proj(?:_weight|_bias)?"
    r"|logit_(?:scale|bias)|(?:text|visual|image|input|output)_projection|proj(?:ection)?"
    r"|(?:class|position(?:al)?|pos|time|(?:token_)?type|null|pad|patch|token|word|label|mask)_emb"
    r"(?:ed|eds|edding|eddings)?(?:_table)?|(?:cls|mask|register|pad|x_pad|cap_pad|query|dist)"
    r"_tokens?|(?:learned_|learnable_)?(?:queries|query)|latents|codebook|centroids?|prototypes?"
    r"|mean|std|running_(?:mean|var)|num_batches_tracked|position_ids|inv_freq"
)
# The shapes of CLIP's output for a whole prompt, for SD 1.x and SD 2.x.
_AESTHETIC_SHAPES = tuple(
    (*batch, TEXT_ENCODERS[key].hidden_size) for key in ("clip_l", "clip_h") for batch in ((), (1,))
)
# How many vectors T5 makes of any prompt: 77 to 256 for SD 3.x, 256 or 512 for Flux, 512 for Wan,
# 120 or 300 for PixArt, 226 for CogVideoX.
_T5_LENGTHS = (77, 120, 154, 226, 256, 300, 512)


def recognise(contents: Contents) -> str | None:
    """Return what a file is if it is certainly no embedding: words that follow `this is`."""
    root = contents.tree
    if isinstance(root, Placeholder):
        return root.kind
    tensors = named_tensors(contents)
    return (
        _by_keys(root)
        or _by_names(tensors)
        or _by_bundle(tensors)
        or _by_low_rank(root, tensors)
        or _by_parameters(tensors)
        or _by_shape(root, tensors)
        or _by_stand_in(root)
    )


def _by_keys(root: object) -> str | None:
    """Recognise kinds by the keys of their outermost dict."""
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
    if any(map(_FEATURES.fullmatch, names)):
        return (
            f"a list of features that a model found ({shown(', '.join(names))}), not an embedding"
        )
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
            number = counted(len(tensors), "tensor")
            return f"{model.title} ({number}){model.advice}{_note_on_bundled(tensors)}"
    return None


def _by_bundle(tensors: Mapping[str, Tensor]) -> str | None:
    if bundled_embeddings(tensors):
        return f"a part of a LoRA ({counted(len(tensors), 'tensor')}){_note_on_bundled(tensors)}"
    return None


def _by_low_rank(root: object, tensors: Mapping[str, Tensor]) -> str | None:
    """Recognise a list of matrices in pairs (n, r) and (r, m), as old LoRAs are."""
    if not isinstance(root, list) or len(root) < 2 or len(root) % 2:
        return None
    shapes = [node.shape if isinstance(node, Tensor) else () for node in root]
    pairs = zip(shapes[::2], shapes[1::2], strict=True)
    if not all(len(up) == len(down) == 2 and up[1] == down[0] for up, down in pairs):
        return None
    return f"a LoRA ({counted(len(tensors), 'tensor')}); it belongs in models/Lora"


def _by_parameters(tensors: Mapping[str, Tensor]) -> str | None:
    """Recognise a model's layers by the names that all frameworks give their parameters."""
    if any(_is_path(name) and name.endswith(_PARAMETER_ENDINGS) for name in tensors):
        first = next(iter(tensors))
        number = counted(len(tensors), "tensor")
        return f"a model's weights ({number}: {shown(first)} …), not an embedding"
    return None


def _by_shape(root: object, tensors: Mapping[str, Tensor]) -> str | None:
    """Recognise by shape the tensors whose names say nothing."""
    if isinstance(root, Tensor) and root.shape in _AESTHETIC_SHAPES:
        return "an aesthetic gradient; it belongs in that extension's aesthetic_embeddings folder"
    for name, tensor in tensors.items():
        shape = tensor.shape
        if _is_encoded_prompt(shape) and (len(shape) > 2 or not name.startswith("<")):
            return f"an encoded prompt {shown(str(shape))}, not an embedding"
    return None


def _is_encoded_prompt(shape: tuple[int, ...]) -> bool:
    """Return whether a tensor has as many vectors as text encoders make of every prompt."""
    if len(shape) < 2:
        return False
    n_vectors, width = shape[-2:]
    is_t5 = width == TEXT_ENCODERS["t5xxl"].hidden_size
    return n_vectors == 77 or (is_t5 and n_vectors in _T5_LENGTHS)


def _by_stand_in(root: object) -> str | None:
    """Recognise a dict in which something stands where vectors would."""
    nodes = root.values() if isinstance(root, dict) else ()
    return next((node.kind for node in nodes if isinstance(node, Placeholder)), None)


def _is_path(name: str) -> bool:
    """Return whether a tensor's name is a path in a model; a token in brackets is none."""
    return not name.startswith("<") and ("." in name or ":" in name)


def bundled_embeddings(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, int]]:
    """Return the embeddings inside a LoRA: name -> n_vectors by text encoder."""
    bundled: dict[str, dict[str, int]] = {}
    for name, _key, tensor in _bundled(tensors):
        encoder = BY_HIDDEN_SIZE.get(tensor.shape[-1]) if tensor.shape else None
        if encoder:
            bundled.setdefault(name, {})[encoder.key] = prod(tensor.shape[:-1])
    return bundled


def bundled_contents(contents: Contents) -> dict[str, Contents]:
    """Return by name the contents that a LoRA's embeddings would have as files of their own."""
    roots: dict[str, dict[str, object]] = {}
    for name, key, tensor in _bundled(named_tensors(contents)):
        is_nested = key == "string_to_param"
        roots.setdefault(name, {})[key] = {"*": tensor} if is_nested else tensor
    return {name: Contents(contents.container, root) for name, root in roots.items()}


def _bundled(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, str, Tensor]]:
    """Yield name, key and tensor of each embedding inside a LoRA."""
    for path, tensor in tensors.items():
        match = _BUNDLED.fullmatch(path)
        if match and (match[2] == "string_to_param") == bool(match[3]):
            yield match[1], match[2], tensor


def _note_on_bundled(tensors: Mapping[str, Tensor]) -> str:
    names = shown(", ".join(bundled_embeddings(tensors)))
    return f". It brings the embeddings {names}, which work while it is used" if names else ""
