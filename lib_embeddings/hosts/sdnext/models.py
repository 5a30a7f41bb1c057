"""The model in memory: its text encoders, and tokens of our own in them.

SD.Next gives every embedding tokens of its name, and finds them inside words, in one letter case
only, for as long as the model stays in memory. Ours have names that nobody can type, so what a name
means is decided before it becomes tokens. They are added to a model with the first prompt that uses
them, and do nothing unless a prompt asks for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from modules import devices, modeldata, textual_inversion
from tokenizers import AddedToken, Tokenizer

from lib_embeddings.entries.entry import Entry
from lib_embeddings.formats.text_encoders import (
    ANOTHER_KIND,
    BY_HIDDEN_SIZE,
    MODEL_FAMILIES,
    ModelFamily,
)
from lib_embeddings.hosts.webui.database import FileEmbedding
from lib_embeddings.prompts.tokens import PLACEHOLDER, TokenIds

# A letter of Linear A, which nobody can read and nobody types. What is neither a letter nor a
# digit, SD.Next's parsers drop or take for grammar.
_MARK = "\U00010600"

_numbers = count()

# Text encoder -> the tokens of ours that have their rows in it.
_written: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()


class PipelineEncoder(NamedTuple):
    """A text encoder of a pipeline, with its tokenizer."""

    key: str
    tokenizer: Any
    model: Any


class ModelEmbedding(FileEmbedding):
    """An embedding as SD.Next has its own; `tag`, `basename` and `tokens` are its words."""

    def __init__(
        self, entry: Entry, encoders: Sequence[str], sha256: Callable[[Entry], str]
    ) -> None:
        super().__init__(entry, encoders, sha256)
        self.tag = self.name
        self.basename = entry.place.path
        number = next(_numbers)
        self.tokens = [f"{_MARK}{number}{_MARK}{row}{_MARK}" for row in range(self.vectors)]


def is_ours(token: str) -> bool:
    """Return whether a token is ours."""
    return token.startswith(_MARK)


# The model in memory


def loaded_pipe() -> Any:
    """Return what is in memory, None where nothing is; loads nothing."""
    return modeldata.model_data.sd_model


def loaded_database() -> Any:
    """Return the database of what is in memory; None where there is no complete model yet."""
    return getattr(loaded_pipe(), "embedding_db", None)


def text_encoders(pipe: Any) -> tuple[PipelineEncoder, ...]:
    """Return the text encoders of a pipeline that SD.Next puts embeddings into."""
    if modeldata.get_model_type(pipe) not in textual_inversion.supported_models:
        return ()
    found = []
    for number in ("", "_2"):
        tokenizer = getattr(pipe, f"tokenizer{number}", None)
        model = getattr(pipe, f"text_encoder{number}", None)
        if tokenizer is not None and model is not None:
            width = int(model.get_input_embeddings().weight.shape[-1])
            if width in BY_HIDDEN_SIZE:
                found.append(PipelineEncoder(BY_HIDDEN_SIZE[width].key, tokenizer, model))
    return tuple(found)


def family_of(encoders: Sequence[PipelineEncoder]) -> ModelFamily:
    """Return the family of a model with these text encoders."""
    keys = {encoder.key for encoder in encoders}
    suited = (f for f in MODEL_FAMILIES.values() if set(f.required) == keys)
    return next(suited, ANOTHER_KIND)


def tokenize(texts: list[str]) -> list[TokenIds]:
    """Return the token ids that texts have for what is in memory. Keeps nothing alive.

    Raises:
        LookupError: nothing is in memory that has them.
    """
    encoders = text_encoders(loaded_pipe())
    if not encoders:
        raise LookupError("no model is loaded that takes embeddings")
    whole = encoders[0].tokenizer.backend_tokenizer
    # The same, without the tokens that SD.Next, LoRAs and we have added.
    bare = Tokenizer(whole.model)
    bare.normalizer, bare.pre_tokenizer = whole.normalizer, whole.pre_tokenizer
    return [found.ids for found in bare.encode_batch(texts, add_special_tokens=False)]


# Tokens and rows


def is_usable(embedding: ModelEmbedding, encoders: Sequence[PipelineEncoder]) -> bool:
    """Return whether an embedding has vectors for all of a model's text encoders."""
    return {encoder.key for encoder in encoders} <= set(embedding.encoders)


def write(embedding: ModelEmbedding, encoders: Sequence[PipelineEncoder]) -> None:
    """Make sure that an embedding's tokens and rows are in a model.

    Called while SD.Next encodes a prompt, when nothing else works with the model.
    """
    for encoder in encoders:
        written = _written.setdefault(encoder.model, set())
        if not written.issuperset(embedding.tokens):
            _write_rows(embedding, encoder)
            written.update(embedding.tokens)


def _write_rows(embedding: ModelEmbedding, encoder: PipelineEncoder) -> None:
    _, tokenizer, model = encoder
    vec = embedding.vec
    rows = vec[encoder.key] if isinstance(vec, dict) else vec
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in embedding.tokens])
    with devices.inference_context():
        if model.get_input_embeddings().weight.shape[0] < len(tokenizer):
            model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
        table = model.get_input_embeddings().weight.data
        ids = tokenizer.convert_tokens_to_ids(embedding.tokens)
        table[ids] = table[PLACEHOLDER].clone()  # a pair may have fewer rows for this one
        table[ids[: len(rows)]] = rows[: len(ids)].to(table)
