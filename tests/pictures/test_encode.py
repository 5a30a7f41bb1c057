"""Prompts as a painter is told them, against models that were really changed."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import numpy as np
import pytest

pytest.importorskip("diffusers", reason="lib-embeddings[pictures] is not installed")

import torch

from lib_embeddings import PictureError
from lib_embeddings.formats.embedding import Embedding
from lib_embeddings.pictures.encode import PromptEncoder, n_tokens, rows_of
from lib_embeddings.pictures.model import Model
from tests.models import as_model, fingerprint, random_sd2, random_sdxl, small

TEXT = "a red circle on grass"
NAMES = ("BadHands", "ulz-zang")
N_VECTORS = 3


def embedding(name: str, n_vectors: int = N_VECTORS, **sizes: int) -> Embedding:
    """Return an embedding of random vectors, by default for SD 1.x."""
    rng = np.random.default_rng(len(name))
    vectors = {
        key: rng.standard_normal((n_vectors, size)).astype(np.float32)
        for key, size in (sizes or {"clip_l": 768}).items()
    }
    return Embedding(name, "safetensors", "encoder_keys", vectors, {})


def encoder_of(model: Model, *embeddings: Embedding) -> PromptEncoder:
    return PromptEncoder(model, {each.name: N_VECTORS for each in embeddings})


def states_with_rows(model: Model, ids: Sequence[int], rows: torch.Tensor) -> torch.Tensor:
    """Return the states of token ids by a copy of the text encoder whose table has more rows."""
    (encoder,) = model.encoders
    changed = deepcopy(encoder.module)
    table = changed.get_input_embeddings()
    table.weight = torch.nn.Parameter(torch.cat([table.weight, rows]))
    end = encoder.tokenizer.eos_token_id
    whole = [encoder.tokenizer.bos_token_id, *ids, end, *[end] * (75 - len(ids))]
    return changed(torch.tensor([whole])).last_hidden_state.detach()


def test_words_alone() -> None:
    """A prompt without names and weights is what diffusers makes of it."""
    pipeline = random_sd2()
    expected, _ = pipeline.encode_prompt(
        TEXT, torch.device("cpu"), 1, do_classifier_free_guidance=False
    )
    found = PromptEncoder(as_model(pipeline), {}).encode_texts([TEXT], {})
    assert torch.equal(found.states, expected)
    assert found.pooled is None


def test_both_text_encoders() -> None:
    """SDXL's painter gets the states before the last layer, and the pooled one."""
    pipeline = random_sdxl()
    expected, _, pooled, _ = pipeline.encode_prompt(TEXT, device=torch.device("cpu"))
    found = PromptEncoder(as_model(pipeline), {}).encode_texts([TEXT], {})
    assert torch.equal(found.states, expected)
    assert torch.equal(found.pooled, pooled)


@pytest.mark.parametrize("name", NAMES)
def test_every_vector_is_in_its_place(name: str) -> None:
    """A name of any letters becomes all its vectors, wherever it is in the text."""
    model, one = small(), embedding(name)
    rows = rows_of(one, model)
    found = encoder_of(model, one).encode_texts([f"a {name.lower()} on grass"], {name: rows})
    before, behind = model.tokenize(["a", "on grass"])
    first = model.encoders[0].table.num_embeddings
    ids = [*before, *range(first, first + N_VECTORS), *behind]
    expected = states_with_rows(model, ids, rows["clip_l"])
    assert torch.allclose(found.states, expected, atol=1e-6)


def test_inside_of_a_word_there_is_no_name() -> None:
    """A name that is a part of a word is not found."""
    model, one = small(), embedding(NAMES[0])
    encoder, rows = encoder_of(model, one), {one.name: rows_of(one, model)}
    word = f"{one.name}s"
    plain = PromptEncoder(model, {}).encode_texts([word], {})
    assert torch.equal(encoder.encode_texts([word], rows).states, plain.states)


def test_a_pair() -> None:
    """Each text encoder of SDXL gets the vectors that are for it."""
    model, one = as_model(random_sdxl()), embedding("pair", clip_l=768, clip_g=1280)
    rows = rows_of(one, model)
    encoder = encoder_of(model, one)
    whole = encoder.encode_texts(["pair"], {"pair": rows})
    others = {key: rows[key] * 2 for key in rows}
    first = encoder.encode_texts(["pair"], {"pair": {**rows, "clip_l": others["clip_l"]}})
    second = encoder.encode_texts(["pair"], {"pair": {**rows, "clip_g": others["clip_g"]}})
    assert torch.equal(first.states[..., 768:], whole.states[..., 768:])
    assert not torch.equal(first.states[..., :768], whole.states[..., :768])
    assert torch.equal(second.states[..., :768], whole.states[..., :768])
    assert not torch.equal(second.states[..., 768:], whole.states[..., 768:])
    assert not torch.equal(second.pooled, whole.pooled)


def test_an_unequal_pair() -> None:
    """As in the WebUIs, clip_g's rows are counted, and others find token 0 where they end."""
    model, one = as_model(random_sdxl()), embedding("pair", 3, clip_l=768, clip_g=1280)
    whole = rows_of(one, model)
    rows = {**whole, "clip_l": whole["clip_l"][:1]}
    assert n_tokens(rows) == 3
    assert n_tokens({**whole, "clip_g": whole["clip_g"][:2]}) == 2
    token = model.encoders[0].table.weight[:1].detach()
    filled = {**whole, "clip_l": torch.cat([rows["clip_l"], token, token])}
    encoder = PromptEncoder(model, {"pair": 3})
    found, expected = (encoder.encode_texts(["pair"], {"pair": each}) for each in (rows, filled))
    assert torch.equal(found.states, expected.states)


def test_weights() -> None:
    """A weight multiplies the states of its tokens, and the mean of all stays what it was."""
    model, one = small(), embedding(NAMES[0])
    encoder, rows = encoder_of(model, one), {one.name: rows_of(one, model)}
    plain = encoder.encode_texts([f"a {one.name} on grass"], rows).states
    found = encoder.encode_texts([f"a ({one.name}:1.5) on grass"], rows).states
    start = 1 + len(model.tokenize(["a"])[0])
    expected = plain.clone()
    expected[:, start : start + N_VECTORS] *= 1.5
    assert torch.allclose(found, expected * (plain.mean() / expected.mean()), atol=1e-6)


def test_chunks() -> None:
    """BREAK begins a chunk, and an embedding that does not fit into one begins one too."""
    model, one = small(), embedding(NAMES[0])
    encoder, rows = encoder_of(model, one), {one.name: rows_of(one, model)}
    first, second = (encoder.encode_texts([each], rows).states for each in ("red", one.name))
    both = encoder.encode_texts([f"red BREAK {one.name}"], rows).states
    assert torch.equal(both, torch.cat([first, second], dim=1))
    full = encoder.encode_texts([" ".join(["red"] * 74 + [one.name])], rows).states
    assert torch.allclose(full[:, 77:], second, atol=1e-6)


def test_prompt_editing_and_parts() -> None:
    """Each part has its share, and at each step the text that the prompt has then."""
    encoder = PromptEncoder(small(), {})
    one, other = encoder.encode("[red:pink:3] ring AND circle:0.5", {}, 6)
    assert (one.weight, other.weight) == (1.0, 0.5)
    expected = {text: encoder.encode_texts([text], {}).states for text in ("red ring", "pink ring")}
    for step in range(1, 7):
        text = "red ring" if step <= 3 else "pink ring"
        assert torch.allclose(one.at(step).states, expected[text], atol=1e-6)


def test_an_empty_negative_prompt() -> None:
    """SDXL's painter gets zeros for an empty negative prompt, else words."""
    encoder = PromptEncoder(as_model(random_sdxl()), {})
    (empty,) = encoder.encode("", {}, 1, is_negative=True)
    assert not empty.encoded.states.any()
    assert not empty.encoded.pooled.any()
    (word,) = encoder.encode("red", {}, 1, is_negative=True)
    assert word.encoded.states.any()


def test_nothing_of_a_model_changes() -> None:
    """After any number of embeddings in any order every number and every token is as before."""
    model = small()
    before = fingerprint(model)
    embeddings = [embedding(f"word-{number}") for number in range(5)]
    rows = {each.name: rows_of(each, model) for each in embeddings}
    for some in (embeddings, embeddings[::-1], embeddings[2:3]):
        of_some = {each.name: rows[each.name] for each in some}
        encoder_of(model, *some).encode_texts(["a (word-1:1.2) word-2", "word-4"], of_some)
        with pytest.raises(KeyError):  # in the middle of a text encoder's work
            encoder_of(model, *some).encode_texts([some[0].name], {some[0].name: {}})
    assert fingerprint(model) == before


def test_gradients_reach_the_vectors_only() -> None:
    """Only the vectors are learned."""
    model, one = small(), embedding(NAMES[0])
    leaf = rows_of(one, model)["clip_l"].requires_grad_()
    encoder = encoder_of(model, one)
    encoder.encode_texts([one.name], {one.name: {"clip_l": leaf}}).states.square().sum().backward()
    assert leaf.grad.abs().sum(dim=1).all()
    assert not any(parameter.requires_grad for parameter in model.encoders[0].module.parameters())


def test_another_model() -> None:
    """An embedding without vectors for a text encoder of the model is refused in one sentence."""
    with pytest.raises(PictureError, match="cat has no vectors for clip_l, which small_model"):
        rows_of(embedding("cat", clip_g=1280), small())


def test_too_many_vectors() -> None:
    """An embedding that no chunk has room for is refused."""
    model, one = small(), embedding("long-word", 76)
    encoder = PromptEncoder(model, {one.name: 76})
    with pytest.raises(PictureError, match="more than 75 vectors"):
        encoder.encode_texts([one.name], {one.name: rows_of(one, model)})
