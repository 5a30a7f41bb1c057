"""From named tensors to an embedding: one function for each way tensors are named.

`CERTAIN` and then `LIKELY` list them in reading order. A layout looks at names and shapes only, and
returns a `Draft`, or None when the names are not its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from lib_embeddings.errors import BrokenFile, NotAnEmbedding, shown
from lib_embeddings.formats.embedding import NOTHING, Placeholder, Tensor
from lib_embeddings.formats.text_encoders import TEXT_ENCODERS
from lib_embeddings.limits import LIMITS
from lib_embeddings.names import natural_key


class Term(NamedTuple):
    """A tensor of one or more vectors.

    Attributes:
        label: its token, or its key in the file.
        tensor: (hidden_size,), (n_vectors, hidden_size) or (1, n_vectors, hidden_size).
        named_for: keys of the text encoders that its name allows; none where its name does not say.
    """

    label: str
    tensor: Tensor
    named_for: tuple[str, ...] = ()

    @property
    def n_vectors(self) -> int:
        """How many vectors the tensor has."""
        return self.tensor.shape[-2] if len(self.tensor.shape) > 1 else 1


class Draft(NamedTuple):
    """What a layout makes of a file's tensors. Rows of one encoder are in the terms' order."""

    layout: str
    terms: list[Term]
    stored_name: str | None = None
    metadata: Mapping[str, str | int] = NOTHING
    warnings: tuple[str, ...] = ()


# The layouts


def string_to_param(root: object) -> Draft | None:
    """A1111's and the original trainer's: `{"string_to_param": {"*": tensor}, "name": …}`."""
    if not isinstance(root, dict) or not isinstance(root.get("string_to_param"), dict):
        return None
    tokens = root.get("string_to_token")
    terms = _in_order(root["string_to_param"])
    if isinstance(tokens, dict) and all(type(tokens.get(term.label)) is int for term in terms):
        terms.sort(key=lambda term: tokens[term.label])
    keys = ("step", "sd_checkpoint", "sd_checkpoint_name")
    metadata = {key: _plain(root[key]) for key in keys if type(root.get(key)) in (str, int)}
    name = root.get("name")
    return Draft(
        "string_to_param",
        terms,
        shown(name) if type(name) is str else None,
        metadata,
        _warn_latent_diffusion(tokens, terms),
    )


# The names that programs give each text encoder's vectors; `_out` ones are applied after it.
_ENCODER_KEYS: dict[str, tuple[str, ...]] = {
    **{key: (key,) for key in TEXT_ENCODERS},
    "t5": ("t5xxl",),
    "gemma": ("gemma2_2b", "gemma3_4b"),
    "gemma2": ("gemma2_2b",),
    "gemma3": ("gemma3_4b",),
    "qwen": ("qwen25_7b", "qwen3_4b", "qwen3_8b", "qwen25_3b", "qwen3_06b"),
    "qwen3": ("qwen3_4b", "qwen3_8b", "qwen3_06b"),
    "llama_3": ("llama",),
    "llama3_8b": ("llama",),
    "text_encoders_0": ("clip_l",),
    "text_encoders_1": ("clip_g",),
    "text_encoders_2": ("t5xxl",),
    "emb": ("clip_l",),
    "emb2": ("clip_g",),
}


def encoder_keys(root: object) -> Draft | None:
    """One key for each text encoder: `{"clip_l": tensor, "clip_g": tensor}`, also in a list."""
    rows = _dicts(root)
    if not all(set(_main_keys(row)) <= set(_ENCODER_KEYS) for row in rows):
        return None
    terms = [
        _term(key, tensor, _ENCODER_KEYS[key])
        for row in rows
        for key, tensor in row.items()
        if key in _ENCODER_KEYS
    ]
    return Draft("encoder_keys", terms, warnings=_warn_outputs(rows[0])) if terms else None


def _dicts(root: object) -> list[dict[Any, object]]:
    """Return the dicts of a file: usually one, several where a program saved a list of them."""
    rows = root if isinstance(root, list) else [root]
    dicts = [row for row in rows if isinstance(row, dict)]
    return dicts if len(dicts) == len(rows) else []


def emb_params(root: object) -> Draft | None:
    """One key for the only text encoder: kohya's `emb_params`, OneTrainer's `emp_params`."""
    if not isinstance(root, dict) or not set(_main_keys(root)) <= {"emb_params", "emp_params"}:
        return None
    terms = [_term(key, root[key]) for key in _main_keys(root)]
    return Draft("emb_params", terms, warnings=_warn_outputs(root)) if terms else None


_OUTPUTS_ONLY = {f"{key}_out" for key in (*_ENCODER_KEYS, "emb_params", "emp_params")}


def tokens(root: object) -> Draft | None:
    """Diffusers' tokens: `{"<token>": tensor}`, also in a list.

    Programs load a single tensor whatever its name, but several only with names in brackets.
    """
    rows = _dicts(root)
    if not rows or not all(row and all(map(_is_rows, row.values())) for row in rows):
        return None
    if any(len(row) > 1 and not all(map(_is_token, row)) for row in rows):
        return None
    if _OUTPUTS_ONLY.issuperset(rows[0]):
        raise NotAnEmbedding(
            "not an embedding: it holds only output vectors, applied after the text encoder "
            f"({', '.join(rows[0])}), which no WebUI uses"
        )
    terms = [term for row in rows for term in _in_order(row)]
    return Draft("tokens", terms, terms[0].label if len(terms) == 1 else None)


def bare_tensor(root: object) -> Draft | None:
    """T5's tensor alone; those as wide as CLIP are aesthetic gradients."""
    t5xxl = TEXT_ENCODERS["t5xxl"]
    if isinstance(root, Tensor) and _is_rows(root) and root.shape[-1] == t5xxl.hidden_size:
        return Draft("bare_tensor", [Term("", root)])
    return None


Layout = Callable[[object], Draft | None]

# Names that only embeddings use come first, then names with other meanings, then plain guesses.
CERTAIN: tuple[Layout, ...] = (string_to_param, encoder_keys, emb_params)
LIKELY: tuple[Layout, ...] = (tokens, bare_tensor)


# Small parts


def _term(label: object, tensor: object, named_for: tuple[str, ...] = ()) -> Term:
    if isinstance(tensor, Placeholder):
        raise NotAnEmbedding(f"its {shown(str(label))} is {tensor.kind}")
    if not isinstance(tensor, Tensor):
        raise BrokenFile(f"its {shown(str(label))} is not a tensor: expected vectors")
    return Term(shown(str(label)), tensor, named_for)


def _in_order(root: Mapping[Any, object]) -> list[Term]:
    """Return a term for each token, `<s2>` before `<s10>`."""
    terms = [_term(token, tensor) for token, tensor in root.items()]
    return sorted(terms, key=lambda term: natural_key(term.label))


def _is_token(key: object) -> bool:
    return isinstance(key, str) and key.startswith("<")


def _main_keys(root: Mapping[Any, object]) -> list[Any]:
    return [key for key in root if not (type(key) is str and key.endswith("_out"))]


def _is_rows(node: object) -> bool:
    """Return whether a tensor may be vectors; with more rows it is a token table or a layer."""
    return (
        isinstance(node, Tensor)
        and is_vectors(node.shape)
        and (len(node.shape) == 1 or node.shape[-2] <= LIMITS.vectors)
    )


def is_vectors(shape: tuple[int, ...]) -> bool:
    """Return whether a shape is one vector, several, or several in a batch of one."""
    return len(shape) in (1, 2) or (len(shape) == 3 and shape[0] == 1)


def _plain(value: str | int) -> str | int:
    return shown(value) if isinstance(value, str) else value


def _warn_latent_diffusion(tokens: object, terms: list[Term]) -> tuple[str, ...]:
    """Warn about the original trainer's other model, whose text encoder is as wide as clip_g.

    Only that trainer writes token ids as tensors.
    """
    is_original = isinstance(tokens, dict) and any(isinstance(i, Tensor) for i in tokens.values())
    if not is_original or all(term.tensor.shape[-1:] != (1280,) for term in terms):
        return ()
    return ("probably made for the latent-diffusion model (BERT 1280), which no WebUI can run",)


def _warn_outputs(root: Mapping[str, object]) -> tuple[str, ...]:
    outputs = [key for key in root if str(key).endswith("_out")]
    if not outputs:
        return ()
    return (
        f"its output vectors, applied after the text encoder, are not used: {', '.join(outputs)}",
    )
