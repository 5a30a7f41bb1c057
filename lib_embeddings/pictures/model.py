"""The models that paint: SD 1.x, SD 2.x and SDXL, from a folder of diffusers or from one file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import diffusers
import torch
import transformers
from safetensors import SafetensorError, safe_open
from torch.nn import functional

from lib_embeddings.entries.read import sha256
from lib_embeddings.errors import PictureError, shown
from lib_embeddings.formats.embedding import Embedding
from lib_embeddings.formats.text_encoders import BY_HIDDEN_SIZE, ModelFamily, families_for
from lib_embeddings.pictures import NOT_THERE
from lib_embeddings.pictures.memory import enough_memory
from lib_embeddings.prompts.tokens import TokenIds

# Made by `python -m examples.make_model`.
SMALL_MODEL = Path(__file__).with_name("small_model")

# What a checkpoint of SDXL has and one of SD 1.x or SD 2.x lacks.
_OF_SDXL = "conditioner.embedders.1."
# The painter tells the way from a picture to noise, which is a straight line.
FLOW = "flow_prediction"
# How CLIP's tokenizer marks a token that is a word, or the end of one.
_END_OF_WORD = "</w>"
_PREDICTIONS = ("epsilon", "v_prediction", FLOW)


class LoadedEncoder(NamedTuple):
    """A text encoder of a model.

    Attributes:
        key: the text encoder key of the vectors that it takes.
        is_penultimate: whether the painter reads the state before the last layer, as SDXL's does.
    """

    key: str
    module: Any
    tokenizer: Any
    is_penultimate: bool

    @property
    def table(self) -> Any:
        """The module that looks up a vector for each token."""
        return self.module.get_input_embeddings()

    def near_words(self, vectors: torch.Tensor, count: int = 3) -> list[list[str]]:
        """Return for each vector the words of the model with the nearest directions.

        Args:
            vectors: (n_vectors, hidden_size).
        """
        tokens = self.tokenizer.convert_ids_to_tokens(range(len(self.tokenizer)))
        words = [number for number, token in enumerate(tokens) if token.endswith(_END_OF_WORD)]
        table = functional.normalize(self.table.weight[words].float(), dim=-1)
        likeness = functional.normalize(vectors.to(table), dim=-1) @ table.T
        return [
            [tokens[words[number]].removesuffix(_END_OF_WORD) for number in nearest]
            for nearest in likeness.topk(count).indices.tolist()
        ]


@dataclass(frozen=True)
class Model:
    """A model that paints; nothing changes its weights or its tokenizers.

    Attributes:
        title: its name in infotexts.
        sha256: of the file that it was loaded from, or of the painter's file in a folder.
        dtype: of the painter; text encoders work in float32.
    """

    title: str
    sha256: str
    family: ModelFamily
    encoders: tuple[LoadedEncoder, ...]
    unet: Any
    vae: Any
    scheduler: Any
    device: torch.device
    dtype: torch.dtype
    has_empty_negative: bool = False  # an empty negative prompt means zeros to it

    def __str__(self) -> str:
        dtype = str(self.dtype).removeprefix("torch.")
        return f"{self.title} ({self.family.title}, {self.device}, {dtype})"

    @property
    def prediction(self) -> str:
        """What the painter predicts, in the words of diffusers."""
        return _prediction_of(self.scheduler)

    @property
    def side(self) -> int:
        """The side of the pictures that it was made for, in pixels."""
        return int(self.unet.config.sample_size) * self.shrink

    @property
    def shrink(self) -> int:
        """The side of the square that one of its latents stands for, in pixels."""
        return int(2 ** (len(self.vae.config.block_out_channels) - 1))

    @property
    def usual_guidance(self) -> float:
        """The guidance at which its pictures look best."""
        return 4.0 if self.title == SMALL_MODEL.name else 7.0

    def near_words(self, embedding: Embedding) -> dict[str, str]:
        """Return which of its words are nearest to each vector, by text encoder, for people."""
        return {
            each.key: "; ".join(
                ", ".join(words)
                for words in each.near_words(torch.tensor(embedding.vectors[each.key]))
            )
            for each in self.encoders
            if each.key in embedding.vectors
        }

    def tokenize(self, texts: list[str]) -> list[TokenIds]:
        """Return the token ids of each text, without those of its start and end."""
        if not texts:
            return []
        found = self.encoders[0].tokenizer(texts, add_special_tokens=False, verbose=False)
        ids: list[TokenIds] = found.input_ids
        return ids


def load(path: str | os.PathLike[str] | None = None, device: str | None = None) -> Model:
    """Load a model.

    Args:
        path: a folder as diffusers writes it, or a checkpoint in one `.safetensors` file; by
            default the small model that comes with this package.
        device: in torch's words; by default a GPU if there is one.

    Raises:
        PictureError: it cannot be used, with the reason.
    """
    source = Path(path or SMALL_MODEL).absolute()
    title = source.name if source.is_dir() else source.stem
    place = torch.device(device or _best_device())
    dtype = torch.float32 if place.type == "cpu" else torch.float16
    try:
        with (
            enough_memory(f"load {shown(title, 255)}", "choose a smaller model", place),
            _in_silence(),
        ):
            pipeline = _pipeline(source, dtype)
            return model_of(pipeline, title, _sha256_of(source), place, dtype)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = shown(str(error).strip().partition("\n")[0], 255)
        raise PictureError(f"{shown(title, 255)} cannot be loaded: {reason}") from error


def _pipeline(source: Path, dtype: torch.dtype) -> Any:
    """Read a model from this machine, without any pickle."""
    if source.is_dir():
        if not (source / "model_index.json").is_file():
            raise ValueError("this folder has no model_index.json, as diffusers writes it")
        return diffusers.DiffusionPipeline.from_pretrained(
            source,
            dtype=dtype,
            use_safetensors=True,
            local_files_only=True,
            low_cpu_mem_usage=False,  # needs another package, which is no faster with one device
            safety_checker=None,
            feature_extractor=None,
            image_encoder=None,
        )
    if not source.is_file():
        raise ValueError(NOT_THERE)
    if source.suffix != ".safetensors":
        raise ValueError("expected a folder of diffusers or a .safetensors file")
    with safe_open(source, "pt") as file:
        is_sdxl = any(name.startswith(_OF_SDXL) for name in file.keys())  # noqa: SIM118
    kind = "StableDiffusionXLPipeline" if is_sdxl else "StableDiffusionPipeline"
    try:
        return getattr(diffusers, kind).from_single_file(
            str(source), dtype=dtype, safety_checker=None
        )
    except OSError as error:
        raise ValueError(
            "diffusers could not fetch the settings of its family, as it does once: connect to the "
            "internet, or give a folder of diffusers"
        ) from error


def model_of(
    pipeline: Any, title: str, hash_: str, device: torch.device, dtype: torch.dtype
) -> Model:
    """Return what a pipeline of diffusers is made of, ready to paint.

    Raises:
        ValueError: it is not a model for embeddings.
    """
    encoders = tuple(_encoders(pipeline))
    families = families_for([encoder.key for encoder in encoders]) if encoders else ()
    unet, scheduler = getattr(pipeline, "unet", None), pipeline.scheduler
    if not families or unet is None or unet.config.in_channels != 4:
        raise ValueError("expected a model of SD 1.x, SD 2.x or SDXL that paints from text")
    prediction = _prediction_of(scheduler)
    if prediction not in _PREDICTIONS:
        raise ValueError(f"it predicts {prediction}, expected {' or '.join(_PREDICTIONS)}")
    vae = pipeline.vae
    vae_dtype = torch.float32 if vae.config.get("force_upcast") else dtype
    for module, kind in (
        (unet, dtype),
        (vae, vae_dtype),
        *((encoder.module, torch.float32) for encoder in encoders),
    ):
        module.to(device, kind).eval().requires_grad_(requires_grad=False)
    return Model(
        title,
        hash_,
        families[0],
        encoders,
        unet,
        vae,
        scheduler,
        device,
        dtype,
        bool(pipeline.config.get("force_zeros_for_empty_prompt")),
    )


def _prediction_of(scheduler: Any) -> str:
    is_flow = isinstance(scheduler, diffusers.FlowMatchEulerDiscreteScheduler)
    return str(scheduler.config.get("prediction_type", FLOW if is_flow else "epsilon"))


def _encoders(pipeline: Any) -> Iterator[LoadedEncoder]:
    """Yield the text encoders that embeddings are for."""
    is_pair = getattr(pipeline, "text_encoder_2", None) is not None
    for number in ("", "_2"):
        module = getattr(pipeline, f"text_encoder{number}", None)
        width = getattr(getattr(module, "config", None), "hidden_size", None)
        if width in BY_HIDDEN_SIZE:
            tokenizer = getattr(pipeline, f"tokenizer{number}")
            yield LoadedEncoder(BY_HIDDEN_SIZE[width].key, module, tokenizer, is_pair)


def _sha256_of(source: Path) -> str:
    if source.is_file():
        return sha256(str(source))
    (painter,) = sorted((source / "unet").glob("*.safetensors"))[:1]
    return sha256(str(painter))


def _best_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


@contextmanager
def _in_silence() -> Iterator[None]:
    """Keep the libraries from printing what a person can do nothing about."""
    logs = (diffusers.utils.logging, transformers.utils.logging)
    before = [log.get_verbosity() for log in logs]
    for log in logs:
        log.set_verbosity_error()
        log.disable_progress_bar()
    try:
        yield
    finally:
        for log, verbosity in zip(logs, before, strict=True):
            log.set_verbosity(verbosity)
            log.enable_progress_bar()
