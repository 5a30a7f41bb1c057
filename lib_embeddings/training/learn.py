"""Learn a word from a few pictures, and write it as an embedding.

from lib_embeddings.training.learn import learn

learn(["cat1.jpg", "cat2.jpg", "cat3.jpg"], "my-cat", like="cat", model="sd15.safetensors").save()
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from lib_embeddings.entries.imaging import as_png
from lib_embeddings.entries.writing import sweep, write_at_once
from lib_embeddings.errors import PictureError, shown
from lib_embeddings.formats.text_encoders import ARCHITECTURES
from lib_embeddings.pictures.compare import Painted, infotext_of
from lib_embeddings.pictures.memory import enough_memory
from lib_embeddings.pictures.model import Model, load
from lib_embeddings.pictures.paint import paint
from lib_embeddings.prompts.grammar import typed
from lib_embeddings.prompts.wishes import KIND_KEY, NAME, PaintSettings, Wish, prompts_for
from lib_embeddings.training.examples import Example, read_examples
from lib_embeddings.training.learning import EVERY, Learning, Look, least_memory
from lib_embeddings.training.recipe import Recipe
from lib_embeddings.version import __version__

_SMALL = 10_000_000
RECIPE_KEY = "lib_embeddings.recipe"


@dataclass(frozen=True)
class Learned:
    """A word that was learned.

    Attributes:
        vectors: the best ones, by text encoder key; (n_vectors, hidden_size).
        metadata: what is written beside them.
        preview: a picture of it, with an infotext like a WebUI's.
    """

    name: str
    vectors: dict[str, torch.Tensor]
    metadata: dict[str, str]
    looks: tuple[Look, ...]
    preview: Painted

    def as_file(self) -> bytes:
        """Return the embedding's file: `emb_params` for one text encoder, else their keys."""
        tensors = dict(self.vectors)
        if len(tensors) == 1:
            tensors = {"emb_params": tensors.popitem()[1]}
        return _safetensors(tensors, self.metadata)

    def save(self, folder: str | os.PathLike[str] = ".") -> Path:
        """Write the embedding and its preview, and return where the embedding is.

        Raises:
            PictureError: there is an embedding of that name; nothing was written.
        """
        path = path_for(folder, self.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent)
        write_at_once(path, self.as_file())
        preview = path.with_suffix(".preview.png")
        if not preview.exists():
            write_at_once(preview, as_png(self.preview.picture, self.preview.infotext))
        return path


def path_for(folder: str | os.PathLike[str], name: str) -> Path:
    """Return where an embedding goes. Raises `PictureError` if there is one already."""
    path = Path(folder) / f"{name}.safetensors"
    if path.exists():
        raise PictureError(f"{shown(str(path), 255)} already exists: choose another name")
    return path


def learn(  # noqa: PLR0913 - what a person may choose
    pictures: Iterable[str | os.PathLike[str]],
    name: str,
    *,
    like: str,
    model: Model | str | os.PathLike[str] | None = None,
    state: str | os.PathLike[str] | None = None,
    on_step: Callable[[Learning], object] = lambda _learning: None,
    samples_every: int = 0,
    on_sample: Callable[[Painted], object] = lambda _sample: None,
    **recipe: Any,
) -> Learned:
    """Learn a word from pictures with a model that is not changed.

    Args:
        pictures: files, and folders of them; three to five are best.
        name: what will be typed.
        like: words that describe something similar.
        model: a loaded one, or the path of one; by default the small one of this package.
        state: a small file that is written every few steps. If it exists, learning goes on from it,
            to the same bytes on a CPU; delete it when the result is written.
        on_step: called after each step. If it returns True, learning stops and the best so far is
            kept; what it raises ends the work, and the state stays.
        samples_every: every so many steps the best so far is painted, always from the same seed.
        on_sample: called with each of those pictures.
        recipe: the other fields of `Recipe`.

    Raises:
        PictureError: it cannot be learned like this, which is said before any work; or memory runs
            out.
    """
    chosen = Recipe(name, like, **recipe)
    chosen.check()
    examples = read_examples(pictures)
    loaded = model if isinstance(model, Model) else load(model)
    with _memory_for(loaded, chosen.batch), _threads_for(loaded):
        learning = Learning(loaded, chosen, examples)
        kept = _Kept(Path(state), _identity(loaded, chosen, examples)) if state else None
        if kept:
            kept.restore(learning)
        while not learning.is_done:
            learning.take_step()
            if kept and learning.step % EVERY == 0:
                kept.write(learning)
            if samples_every and learning.step % samples_every == 0:
                on_sample(sample(learning))
            if on_step(learning) is True:
                break
        return _result(learning, examples)


def _memory_for(model: Model, batch: int) -> AbstractContextManager[None]:
    return enough_memory(
        "learn with this model",
        "choose a smaller batch, or a smaller model",
        model.device,
        least_memory(model, batch),
    )


@contextmanager
def _threads_for(model: Model) -> Iterator[None]:
    """Let a small painter work in one thread: several would keep waiting for each other."""
    before = torch.get_num_threads()
    if sum(each.numel() for each in model.unet.parameters()) < _SMALL:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _result(learning: Learning, examples: Sequence[Example]) -> Learned:
    recipe, model = learning.recipe, learning.model
    best = min(learning.looks, key=lambda look: look.loss)
    record = {
        **recipe.as_json(),
        "model": model.title,
        "model_sha256": model.sha256,
        "pictures_sha256": [example.sha256 for example in examples],
        "steps": learning.step,
        "best_step": best.step,
        "program": f"lib-embeddings {__version__}",
    }
    architecture = ARCHITECTURES[model.family.key][0]
    metadata = {
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.architecture": f"{architecture}/textual-inversion",
        "modelspec.implementation": "diffusers",
        "modelspec.title": recipe.name,
        "modelspec.trigger_phrase": recipe.name,
        "name": recipe.name,
        "step": str(best.step),
        KIND_KEY: recipe.kind,
        RECIPE_KEY: json.dumps(record, sort_keys=True),
    }
    vectors = learning.best
    return Learned(recipe.name, vectors, metadata, tuple(learning.looks), sample(learning))


def sample(learning: Learning) -> Painted:
    """Paint what the best vectors so far mean, always with the same seed."""
    recipe, model = learning.recipe, learning.model
    prompt, negative = prompts_for(recipe.kind)
    wish = Wish(prompt.replace(NAME, typed(recipe.name)), negative, recipe.seed)
    settings = PaintSettings()
    (picture,) = paint(model, {recipe.name: learning.best}, [wish], settings)
    model.vae.to("cpu")  # as before, while there are steps left
    infotext = infotext_of(wish, settings, model, picture.size, {})
    return Painted(f"step {learning.step}", wish.seed, picture, infotext)


def _identity(model: Model, recipe: Recipe, examples: Sequence[Example]) -> str:
    """Return what has to be the same for learning to go on: all but when it ends."""
    same = {**recipe.as_json(), "most_steps": None, "stops_early": None}
    hashes = [example.sha256 for example in examples]
    return hashlib.sha256(json.dumps([same, model.sha256, hashes]).encode()).hexdigest()


class _Kept:
    """The state of what is learned, in a file."""

    def __init__(self, path: Path, identity: str) -> None:
        self._path = path
        self._identity = identity

    def write(self, learning: Learning) -> None:
        data = _safetensors(learning.state(), {"identity": self._identity})
        write_at_once(self._path, data)

    def restore(self, learning: Learning) -> None:
        """Go on from the file if it exists. Raises `PictureError` if it is of another word."""
        if not self._path.exists():
            return
        try:
            with safe_open(self._path, "pt") as file:
                identity = (file.metadata() or {}).get("identity")
                state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except SafetensorError:
            identity, state = None, {}
        if identity != self._identity:
            raise PictureError(
                f"{shown(str(self._path), 255)} belongs to another word, model or set of pictures: "
                "delete it to start over"
            )
        learning.restore(state)


_DTYPES = {torch.float32: "F32", torch.float64: "F64", torch.int64: "I64"}


def _safetensors(tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> bytes:
    """Return a safetensors file, with the same bytes for the same content.

    The library's own function writes metadata in another order in each process.
    """
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    body = b""
    for name, tensor in tensors.items():
        data = tensor.contiguous().cpu().numpy().tobytes()
        offsets = [len(body), len(body) + len(data)]
        dtype, shape = _DTYPES[tensor.dtype], list(tensor.shape)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body
