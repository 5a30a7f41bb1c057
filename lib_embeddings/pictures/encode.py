"""What a painter is told: a prompt as AUTOMATIC1111's WebUI encodes it, with rows for its names.

prompt ─▶ parts ─▶ scheduled texts ─▶ chunks (`prompts/`) ─▶ token ids and rows ─▶ states

The rows of an embedding are put into the result of the frozen table's lookup, during the lookup; no
token is added and no weight of the model changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch

from lib_embeddings.errors import PictureError
from lib_embeddings.formats.embedding import Embedding, tokens_taken
from lib_embeddings.pictures.model import LoadedEncoder, Model
from lib_embeddings.prompts.grammar import parts_of, schedule
from lib_embeddings.prompts.reader import PromptReader
from lib_embeddings.prompts.report import KnownEmbedding
from lib_embeddings.prompts.tokens import CHUNK_TOKENS, Chunk

# Text encoder key -> the rows of an embedding for it, (n_vectors, hidden_size).
EncoderRows = Mapping[str, torch.Tensor]


class Encoded(NamedTuple):
    """What a painter is told.

    Attributes:
        states: (n_texts, 77 for each chunk, width).
        pooled: (n_texts, width) of the last text encoder; None for a model that takes none.
    """

    states: torch.Tensor
    pooled: torch.Tensor | None

    def select(self, numbers: Any) -> Encoded:
        """Return some of the texts, by any index that torch accepts."""
        pooled = None if self.pooled is None else self.pooled[numbers]
        return Encoded(self.states[numbers], pooled)


class Conditioning(NamedTuple):
    """A part of a prompt: its share in the picture, and what it is at each step.

    Attributes:
        last_steps: of each text in `encoded`, in the order of the steps.
    """

    weight: float
    last_steps: list[int]
    encoded: Encoded

    def at(self, step: int) -> Encoded:
        """Return what the painter is told at a step, counted from 1, with one text."""
        index = next(i for i, last in enumerate(self.last_steps) if step <= last)
        return self.encoded.select(slice(index, index + 1))


def rows_of(embedding: Embedding, model: Model) -> EncoderRows:
    """Return the rows of an embedding for a model.

    Raises:
        PictureError: it has none for one of the model's text encoders.
    """
    missing = [each.key for each in model.encoders if each.key not in embedding.vectors]
    if missing:
        raise PictureError(
            f"{embedding.name} has no vectors for {missing[0]}, which {model.title} "
            f"({model.family}) needs: choose a model that it was made for"
        )
    return {
        each.key: torch.tensor(embedding.vectors[each.key], device=model.device)
        for each in model.encoders
    }


def n_tokens(rows: EncoderRows) -> int:
    """Return how many tokens the name of these rows takes in a prompt."""
    return tokens_taken({key: len(each) for key, each in rows.items()})


class PromptEncoder:
    """Encodes prompts, which may contain some names, for a model."""

    def __init__(self, model: Model, n_vectors: Mapping[str, int]) -> None:
        """Prepare.

        Args:
            n_vectors: by name; the number of tokens that it takes.
        """
        self.model = model
        known = [KnownEmbedding(name, name, n) for name, n in n_vectors.items()]
        ids = dict(zip(n_vectors, model.tokenize(list(n_vectors)), strict=True))
        self._reader = PromptReader(known, ids, model.tokenize)

    def encode(
        self, prompt: str, rows: Mapping[str, EncoderRows], steps: int, *, is_negative: bool = False
    ) -> list[Conditioning]:
        """Return what the painter is told of a prompt: its parts between AND.

        Args:
            rows: by name, those of every name.
            steps: how many steps the picture takes, on which prompt editing depends.
        """
        conditioning = []
        for part in parts_of(prompt, is_negative=is_negative):
            last_steps, texts = zip(*schedule(part.text, steps), strict=True)
            encoded = self.encode_texts(texts, rows)
            if is_negative and self.model.has_empty_negative and not part.text.strip():
                states, pooled = encoded
                encoded = Encoded(states * 0, None if pooled is None else pooled * 0)
            conditioning.append(Conditioning(part.weight, list(last_steps), encoded))
        return conditioning

    def encode_texts(self, texts: Sequence[str], rows: Mapping[str, EncoderRows]) -> Encoded:
        """Encode some texts without prompt editing together.

        The mean of their states is preserved where weights change them, as for a WebUI's prompt
        whose texts are encoded together. Gradients flow to *rows*.
        """
        chunks = self._reader.chunks_of(texts)
        n_chunks = max(map(len, chunks.values()))
        columns = [
            [(chunks[text] + [Chunk()] * n_chunks)[number] for text in texts]
            for number in range(n_chunks)
        ]
        encoded = [self._encode_column(column, rows) for column in columns]
        return Encoded(torch.cat([states for states, _ in encoded], dim=1), encoded[0][1])

    def _encode_column(self, column: Sequence[Chunk], rows: Mapping[str, EncoderRows]) -> Encoded:
        """Encode one chunk of each text with every text encoder, side by side."""
        if any(len(chunk.tokens) > CHUNK_TOKENS for chunk in column):
            raise PictureError(
                f"an embedding has more than {CHUNK_TOKENS} vectors, the size of a chunk"
            )
        weights = torch.tensor([_with_ends(chunk.weights, 1.0, 1.0, 1.0) for chunk in column])
        states, pooled = [], None
        for encoder in self.model.encoders:
            of_encoder, pooled = _run(encoder, column, rows)
            states.append(_weigh(of_encoder, weights))
        return Encoded(torch.cat(states, dim=2), pooled)


def _run(
    encoder: LoadedEncoder, column: Sequence[Chunk], rows: Mapping[str, EncoderRows]
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return the states (n, 77, hidden_size) of chunks, and the encoder's pooled output."""
    tokenizer, module = encoder.tokenizer, encoder.module
    marks = tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id
    ids = torch.tensor([_with_ends(chunk.tokens, *marks) for chunk in column], device=module.device)
    with _put_in(encoder.table, column, {name: each[encoder.key] for name, each in rows.items()}):
        output = module(ids, output_hidden_states=encoder.is_penultimate)
    if encoder.is_penultimate:
        return output.hidden_states[-2], getattr(output, "text_embeds", None)
    return output.last_hidden_state, None


def _with_ends(numbers: Sequence[Any], start: Any, end: Any, padding: Any) -> list[Any]:
    rest = [padding] * (CHUNK_TOKENS - len(numbers))
    return [start, *numbers, end, *rest]


@contextmanager
def _put_in(
    table: Any, column: Sequence[Chunk], rows: Mapping[str, torch.Tensor]
) -> Iterator[None]:
    """Let a table look up the rows of the embeddings where chunks have them."""
    places = [(number, placed) for number, chunk in enumerate(column) for placed in chunk.placed]

    def look_up(_table: Any, _ids: Any, found: torch.Tensor) -> torch.Tensor:
        mixed = found.clone()
        for number, placed in places:
            start = placed.offset + 1  # behind the start of the text
            of_name = rows[placed.name][: CHUNK_TOKENS + 1 - placed.offset]
            mixed[number, start : start + len(of_name)] = of_name.to(found.dtype)
        return mixed

    hook = table.register_forward_hook(look_up)
    try:
        yield
    finally:
        hook.remove()


def _weigh(states: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Multiply states by the weights of their tokens, and preserve the mean of all of them."""
    if bool((weights == 1).all()):  # checked on the CPU, so that nobody waits for a GPU
        return states
    weighed = states * weights.to(states.device).unsqueeze(-1)
    return weighed * (states.mean() / weighed.mean())
