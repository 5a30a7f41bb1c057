"""One word while it is learned: the frozen model, what is computed once, and a step.

Everything random in a step follows from the seed and the number of the step, so the state is no
    more than a few vectors: whoever goes on from it gets the same result.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from diffusers import DDPMScheduler
from torch.nn import functional

from lib_embeddings.errors import PictureError, shown
from lib_embeddings.pictures.encode import Encoded, EncoderRows, PromptEncoder
from lib_embeddings.pictures.model import FLOW, LoadedEncoder, Model
from lib_embeddings.pictures.paint import ask
from lib_embeddings.prompts.grammar import typed
from lib_embeddings.training.examples import Example, captions_of
from lib_embeddings.training.methods import METHODS, Method, MethodState
from lib_embeddings.training.recipe import Recipe

# Steps from one look at the fixed inputs to the next.
EVERY = 10
# How often each picture is among the fixed inputs, at time steps spread over all.
_FIXED = 16
# Voronov et al., "Is This Loss Informative?" (NeurIPS 2023, arXiv 2302.04841), called DVAR: it has
# flat when the variance of the loss over the last steps is a small share of that over all.
_WINDOW, _FLAT = 310, 0.15
# Larger painters, such as SDXL's, need so much memory for gradients that they compute twice; those
# of SD 1.x and SD 2.x fit in 8 GB without that.
_LARGE = 1_000_000_000
# How often the states of all its layers are kept for gradients, counted with a UNet built like that
# of SD 1.x: one that computes once, and one that computes twice.
_KEPT, _KEPT_OF_LARGE = 25, 6
# Half precision has no numbers as small as gradients are.
_SCALE_OF_HALF = 1024.0
# Independent of what steps draw.
_SEED_OF_FIXED = -1


class Look(NamedTuple):
    """The loss on the fixed inputs after a step."""

    step: int
    loss: float


class Learning:
    """A word while it is learned.

    Attributes:
        step: the number of steps that were taken.
        looks: at the loss on the fixed inputs, the first before any step.
    """

    def __init__(self, model: Model, recipe: Recipe, examples: Sequence[Example]) -> None:
        """Prepare all that stays the same.

        Raises:
            PictureError: the recipe does not work with this model.
        """
        check_words(recipe, model)
        self.model, self.recipe = model, recipe
        self.step = 0
        self.looks: list[Look] = []
        name, n_vectors = recipe.name, recipe.n_vectors
        self._methods: dict[str, Method] = {
            each.key: METHODS[recipe.method](
                _start(each, model.tokenize([recipe.like])[0], n_vectors), word_length(each)
            )
            for each in model.encoders
        }
        self.best: dict[str, torch.Tensor] = self.vectors()
        self._encoder = PromptEncoder(model, {name: n_vectors})
        written = typed(name)
        self._captions = [
            captions_of(each, written, recipe.kind, recipe.templates) for each in examples
        ]
        self._latents, masks = _latents(model, examples)
        model.vae.to("cpu")  # leaves its memory for what is needed from here on
        if recipe.is_flipped:
            self._captions *= 2
            self._latents = torch.cat([self._latents, self._latents.flip(-1)])
            masks = torch.cat([masks, masks.flip(-1)])
        self._masks = masks.to(model.device)
        self._noise = None
        if model.prediction != FLOW:
            self._noise = DDPMScheduler.from_config(model.scheduler.config)
        self._scale = _SCALE_OF_HALF if model.dtype == torch.float16 else 1.0
        if _is_large(model):
            model.unet.enable_gradient_checkpointing()
        can_record = model.device.type == "cuda" and not _is_large(model)
        self._ask = Recorded(model) if can_record else partial(ask, model)

    def vectors(self) -> dict[str, torch.Tensor]:
        """Return the current vectors, by text encoder key."""
        return {key: method.vectors() for key, method in self._methods.items()}

    def take_step(self) -> None:
        """Learn from a few random pictures, and look at the fixed inputs from time to time."""
        if not self.looks:
            self._look()
        chance = self._chance(self.step)
        batch = torch.randint(len(self._latents), (self.recipe.batch,), generator=chance)
        times = torch.randint(self._n_times, (len(batch),), generator=chance)
        way = int(torch.randint(1 << 30, (), generator=chance))
        noise = torch.randn((len(batch), *self._latents.shape[1:]), generator=chance)
        leaves = {key: each.clone().requires_grad_() for key, each in self.vectors().items()}
        with torch.enable_grad():
            loss = self._loss(leaves, batch, times, [way] * len(batch), noise)
            gradients = torch.autograd.grad(loss * self._scale, list(leaves.values()))
        for method, gradient in zip(self._methods.values(), gradients, strict=True):
            method.step(gradient / self._scale)
        self.step += 1
        if self.step % EVERY == 0 or self.step == self.recipe.most_steps:
            self._look()

    @property
    def is_done(self) -> bool:
        """Whether it has taken all steps, or its loss is flat."""
        recipe = self.recipe
        return self.step >= recipe.most_steps or (recipe.stops_early and is_flat(self.looks))

    def _chance(self, step: int) -> torch.Generator:
        return torch.Generator().manual_seed((self.recipe.seed << 32) + step + 1)

    @property
    def _n_times(self) -> int:
        return int(self.model.scheduler.config.num_train_timesteps)

    def _look(self) -> None:
        """Take the loss on the fixed inputs, and keep the vectors if they are the best."""
        chance = self._chance(_SEED_OF_FIXED)
        numbers = torch.arange(max(_FIXED, len(self._latents)))
        noise = torch.randn((len(numbers), *self._latents.shape[1:]), generator=chance)
        times = ((numbers + 0.5) / len(numbers) * self._n_times).long()
        with torch.no_grad():
            loss = self._loss(
                self.vectors(), numbers % len(self._latents), times, numbers.tolist(), noise
            )
        if not self.looks or loss.item() < min(each.loss for each in self.looks):
            self.best = self.vectors()
        self.looks.append(Look(self.step, loss.item()))

    def _loss(
        self,
        vectors: EncoderRows,
        batch: torch.Tensor,
        times: torch.Tensor,
        ways: Sequence[int],
        noise: torch.Tensor,
    ) -> torch.Tensor:
        """Return how wrong the painter is about noise in pictures, given their descriptions.

        Args:
            batch: numbers of pictures.
            ways: numbers of the ways to describe each.
            noise: in the pictures, as strong as their *times* say.
        """
        device = self.model.device
        clean, mask = self._latents[batch], self._masks[batch.to(device)]
        texts = [
            self._captions[number][way % len(self._captions[number])]
            for number, way in zip(batch.tolist(), ways, strict=True)
        ]
        different = list(dict.fromkeys(texts))
        encoded = self._encoder.encode_texts(different, {self.recipe.name: vectors})
        each = torch.tensor([different.index(text) for text in texts], device=device)
        encoded = encoded.select(each)
        noisy, wanted = self._mixed(clean, noise, times)
        found = self._ask(noisy.to(device), times.to(device), encoded).float()
        errors = (found - wanted.to(device)).square() * mask
        return errors.sum() / mask.expand_as(errors).sum()

    def _mixed(
        self, clean: torch.Tensor, noise: torch.Tensor, times: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return pictures with noise in them, and what the painter should predict for each."""
        if self._noise is None:
            way = noise - clean
            return clean + (times / self._n_times).view(-1, 1, 1, 1) * way, way
        noisy = self._noise.add_noise(clean, noise, times)
        is_velocity = self.model.prediction == "v_prediction"
        return noisy, self._noise.get_velocity(clean, noise, times) if is_velocity else noise

    # What is kept while it is learned

    def state(self) -> MethodState:
        """Return all that is needed to go on from here."""
        kept = {
            f"{key}.{part}": each
            for key, method in self._methods.items()
            for part, each in method.state.items()
        }
        looks = torch.tensor(self.looks, dtype=torch.float64).reshape(-1, 2)
        best = {f"best.{key}": each for key, each in self.best.items()}
        return {**kept, **best, "looks": looks, "step": torch.tensor(self.step)}

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on from what `state` returned."""
        device = self.model.device
        for key, method in self._methods.items():
            method.state = {part: state[f"{key}.{part}"].to(device) for part in method.state}
        self.best = {key: state[f"best.{key}"].to(device) for key in self._methods}
        self.looks = [Look(int(step), loss) for step, loss in state["looks"].tolist()]
        self.step = int(state["step"])


class Recorded:
    """Asks a painter on a GPU for gradients in one call instead of thousands.

    A fast GPU does the work of a step faster than Python can ask for its parts. So what the first
    step asks for is recorded as a CUDA graph, and the next steps ask for all of it at once.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._work: Callable[..., torch.Tensor] | None = None
        self._sizes: list[torch.Size] = []

    def __call__(
        self, latents: torch.Tensor, times: torch.Tensor, encoded: Encoded
    ) -> torch.Tensor:
        """Do as `ask` does; from the record if it has these sizes."""
        inputs = latents, times, encoded.states
        sizes = [each.shape for each in inputs]
        is_other = bool(self._work) and sizes != self._sizes
        if is_other or encoded.pooled is not None or not torch.is_grad_enabled():
            return ask(self._model, latents, times, encoded)
        if self._work is None:
            self._work, self._sizes = self._record(*inputs), sizes
        return self._work(*inputs)

    def _record(self, *inputs: torch.Tensor) -> Callable[..., torch.Tensor]:
        def work(latents: torch.Tensor, times: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
            return ask(self._model, latents, times, Encoded(states, None))

        samples = tuple(each.detach().clone().requires_grad_(each.requires_grad) for each in inputs)
        make: Any = torch.cuda.make_graphed_callables
        with warnings.catch_warnings():
            # It is tried on one stream and recorded on another, as CUDA intends.
            warnings.filterwarnings("ignore", "The AccumulateGrad node's stream", UserWarning)
            try:
                recorded: Callable[..., torch.Tensor] = make(work, samples)
            except RuntimeError:
                return work  # this GPU or its driver cannot do it, or has too little memory
        return recorded


def is_flat(looks: Sequence[Look]) -> bool:
    """Return whether the loss on fixed inputs no longer changes."""
    losses = torch.tensor([look.loss for look in looks], dtype=torch.float64)
    last = _WINDOW // EVERY
    return len(losses) > last and bool(losses[-last:].var() < _FLAT * losses.var())


def least_memory(model: Model, batch: int) -> int:
    """Return the bytes that a step with so many pictures needs at least, without the model's."""
    config = model.unet.config
    states: int = sum(
        channels * (config.sample_size >> depth) ** 2
        for depth, channels in enumerate(config.block_out_channels)
    )
    per_block = config.layers_per_block
    # On the way down each depth has so many, on the way up one more.
    layers = 2 * (per_block if isinstance(per_block, int) else min(per_block)) + 1
    kept = _KEPT_OF_LARGE if _is_large(model) else _KEPT
    return batch * states * layers * kept * model.dtype.itemsize


def _is_large(model: Model) -> bool:
    n_numbers: int = sum(each.numel() for each in model.unet.parameters())
    return n_numbers > _LARGE


def word_length(encoder: LoadedEncoder) -> float:
    """Return how long the vectors of a text encoder's own words are, on average."""
    return float(encoder.table.weight.float().norm(dim=-1).mean())


def check_words(recipe: Recipe, model: Model) -> None:
    """Raise `PictureError` if this model cannot learn a word of this name."""
    (tokens,) = model.tokenize([recipe.name])
    if len(tokens) < 2:
        name = shown(recipe.name)
        raise PictureError(
            f"{name}: the model already knows this word: choose another, as {name}-ti"
        )


def _start(encoder: LoadedEncoder, tokens: Sequence[int], n_vectors: int) -> torch.Tensor:
    """Return where to begin, (n_vectors, hidden_size): the mean of some words, or each in turn."""
    words = functional.normalize(encoder.table.weight[list(tokens)].float(), dim=-1)
    if n_vectors == 1:
        return words.mean(dim=0, keepdim=True)
    return words[[number % len(words) for number in range(n_vectors)]]


@torch.no_grad()
def _latents(model: Model, examples: Sequence[Example]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the pictures as latents, and which of them count."""
    vae, side = model.vae.to(model.device), model.side
    latents = []
    for example in examples:
        pixels = torch.from_numpy(example.pixels(side)).permute(2, 0, 1).unsqueeze(0)
        encoded = vae.encode(pixels.to(model.device, vae.dtype))
        found = encoded.latents if hasattr(encoded, "latents") else encoded.latent_dist.mode()
        latents.append(found.float().cpu() * vae.config.scaling_factor)
    masks = torch.stack([torch.from_numpy(example.mask(side))[None] for example in examples])
    return torch.cat(latents), functional.adaptive_avg_pool2d(masks, latents[0].shape[-1])
