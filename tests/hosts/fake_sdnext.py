"""SD.Next as far as we touch it: pipelines with real tokenizers, and tables for text encoders.

As read in vladmandic/sdnext 058a7f0c. Its loader opens files as SD.Next does, and its parsers do to
prompts what they do there, as far as it matters to tokens.
"""

from __future__ import annotations

import re
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import torch
from transformers import AddedToken, CLIPTokenizer

from tests.hosts.fake_webui import FakeWebui, Options, _module

TOKENIZER = Path(__file__).parents[2] / "lib_embeddings/pictures/small_model/tokenizer"

Prompts = list[str] | None


# modules.textual_inversion


class Embedding:
    """SD.Next's own record."""

    def __init__(self, vec: Any, name: str, filename: str | None = None) -> None:
        self.vec = vec
        self.name = name
        self.tag = name
        self.filename = filename
        self.basename = Path(filename).name if filename else None


class EmbeddingDatabase:
    """Lists embeddings, and has put them into the model; its loader opens every file."""

    opened: ClassVar[list[str]]

    def __init__(self) -> None:
        self.ids_lookup: dict[int, Any] = {}
        self.word_embeddings: dict[str, Any] = {}
        self.skipped_embeddings: dict[str, Any] = {}
        self.embedding_dirs: dict[str, str] = {}
        self.embeddings_used: list[str] = []

    def add_embedding_dir(self, path: str) -> None:
        self.embedding_dirs[path] = path

    def load_textual_inversion_embeddings(self, force_reload: bool = False) -> None:
        if not force_reload or not sys.modules["modules.shared"].opts.diffusers_enable_embed:
            return
        self.word_embeddings.clear()
        self.skipped_embeddings.clear()
        for folder in self.embedding_dirs:
            for file in sorted(Path(folder).rglob("*")):
                if file.suffix in (".safetensors", ".pt"):
                    self._load(file)

    def _load(self, file: Path) -> None:
        self.opened.append(file.name)
        if file.suffix != ".safetensors":
            self.skipped_embeddings[file.stem] = []  # a list, as SD.Next has it
            return
        pipe = sys.modules["modules.modeldata"].model_data.sd_model
        for tokenizer, model in pipe.pairs():
            tokenizer.add_tokens([AddedToken(file.stem, normalized=False)])
            model.resize_token_embeddings(len(tokenizer))
        self.word_embeddings[file.stem] = Embedding([], file.stem, str(file))


# modules.modeldata


class TextEncoder(torch.nn.Module):
    """A text encoder, as far as its table goes."""

    def __init__(self, rows: int, width: int) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(rows, width)

    def get_input_embeddings(self) -> torch.nn.Embedding:
        return self.table

    def resize_token_embeddings(self, rows: int, mean_resizing: bool = True) -> None:  # noqa: ARG002 - theirs
        former, self.table = self.table, torch.nn.Embedding(rows, self.table.weight.shape[1])
        kept = min(rows, len(former.weight))
        self.table.weight.data[:kept] = former.weight.data[:kept]


@lru_cache(maxsize=1)
def _vocabulary() -> CLIPTokenizer:
    return CLIPTokenizer.from_pretrained(TOKENIZER)


class Pipeline:
    """A checkpoint in memory: text encoders under numbered names, with their tokenizers."""

    def __init__(self, kind: str, *widths: int, first: int = 1) -> None:
        self.kind = kind
        self.sd_checkpoint_info = SimpleNamespace(title=f"{kind} {id(self)}")
        for number, width in enumerate(widths, first):
            ending = "" if number == 1 else f"_{number}"
            tokenizer = CLIPTokenizer.from_pretrained(TOKENIZER)
            setattr(self, f"tokenizer{ending}", tokenizer)
            setattr(self, f"text_encoder{ending}", TextEncoder(len(tokenizer), width))

    def pairs(self) -> list[tuple[Any, Any]]:
        """Return the tokenizers, each with its text encoder."""
        own = vars(self)
        endings = [name.removeprefix("tokenizer") for name in own if name.startswith("tokenizer")]
        return [(own[f"tokenizer{each}"], own[f"text_encoder{each}"]) for each in endings]

    def rows(self, prompt: str) -> list[torch.Tensor]:
        """Return, for each text encoder, what it reads of a prompt's added tokens."""
        read = []
        for tokenizer, model in self.pairs():
            ids = [id_ for id_ in tokenizer(prompt)["input_ids"] if id_ >= len(_vocabulary())]
            read.append(model.get_input_embeddings().weight.detach()[ids].clone())
        return read


class ModelData:
    """What is in memory, by itself and as others ask for it: then it is loaded."""

    def __init__(self) -> None:
        self.sd_model: Pipeline | None = None
        self.sd_refiner: Pipeline | None = None


def get_model_type(pipe: Any) -> str:
    """Return SD.Next's word for a kind of model."""
    return "none" if pipe is None else str(pipe.kind)


class Shared(ModuleType):
    """`modules.shared`: who asks for the model without need makes SD.Next load one."""

    requests: int = 0

    @property
    def sd_model(self) -> Pipeline | None:
        data = sys.modules["modules.modeldata"].model_data
        if data.sd_model is None:
            self.requests += 1
        return data.sd_model

    @property
    def sd_loaded(self) -> bool:
        return sys.modules["modules.modeldata"].model_data.sd_model is not None


# modules.processing_args, modules.prompt_parser_diffusers


class Processing:
    """What is asked for."""

    def __init__(
        self,
        prompt: str = "",
        negative: str = "",
        *,
        hires: str | None = None,
        parser: str = "native",
        batches: int = 1,
    ) -> None:
        self.prompts = self.all_prompts = [prompt]
        self.negative_prompts = self.all_negative_prompts = [negative]
        self.hires = hires
        self.is_hr_pass = self.is_refiner_pass = False
        self.all_hr_prompts: list[str] = []
        self.all_hr_negative_prompts: list[str] = []
        self.parser = parser
        self.batches = batches
        self.steps = 20
        self.extra_generation_params: dict[str, Any] = {}
        self.read: list[Any] = []  # of each pass: the prompt's rows, and the negative prompt's
        self.infotexts: list[dict[str, Any]] = []


def set_pipeline_args(  # noqa: PLR0913, PLR0917 - theirs
    p: Processing,
    model: Pipeline,
    prompts: list[str] | str,
    negative_prompts: list[str] | str,
    prompts_2: Prompts = None,
    negative_prompts_2: Prompts = None,
    prompt_attention: str | None = None,
    desc: str | None = "",  # noqa: ARG001 - theirs
    **kwargs: Any,
) -> dict[str, Any]:
    """Encode prompts or take them from the cache, which knows them by their text."""
    cache = sys.modules["modules.prompt_parser_diffusers"].cache
    parser = prompt_attention or p.parser
    key = str([prompts, negative_prompts])
    if parser == "fixed" or key not in cache:
        texts = [each if isinstance(each, str) else each[0] for each in (prompts, negative_prompts)]
        cache[key] = [model.rows(_parse(text, parser)) for text in texts]
    return {"read": cache[key], "prompts_2": prompts_2, "negative_2": negative_prompts_2, **kwargs}


def _parse(prompt: str, parser: str) -> str:
    """Note the added tokens in a prompt, and drop the marks at its beginning, as a parser does."""
    if parser == "fixed":
        return prompt
    pipe = sys.modules["modules.modeldata"].model_data.sd_model
    tokenizer, _ = pipe.pairs()[0]
    added = set(tokenizer.added_tokens_encoder) - set(_vocabulary().added_tokens_encoder)
    used = [token for token in tokenizer.tokenize(prompt) if token in added]
    pipe.embedding_db.embeddings_used = used  # of this prompt only
    return re.sub(r"^\W+", "", prompt) if parser == "native" else prompt


class SdnextOptions(Options):
    """Settings, of which these are SD.Next's own."""

    diffusers_enable_embed = True

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.embeddings_dir = str(folder)


# The pages


class ExtraNetworksPage:
    """A page with cards."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.name = title.lower()
        self.html = ""
        self.items: list[Any] = []

    def refresh(self) -> None:
        pass

    def patch(self, text: str, tabname: str) -> str:
        return text.replace("~tabname", tabname).replace("txt2img", tabname)

    def list_items(self) -> list[Any]:
        return []

    def create_items(self, tabname: str) -> None:  # noqa: ARG002 - theirs
        self.items = self.list_items()

    def create_page(self, tabname: str, skip: bool = False) -> str:  # noqa: ARG002 - theirs
        self.create_items(tabname)
        self.html = f"<div id='~tabname_{self.name}_cards' class='extra-network-cards'></div>"
        return self.patch(self.html, tabname)


class ExtraNetworksPageTextualInversion(ExtraNetworksPage):
    """The page of embeddings; its refreshing is a load."""

    def __init__(self) -> None:
        super().__init__("Embedding")

    def refresh(self) -> None:
        shared = sys.modules["modules.shared"]
        if shared.sd_loaded:
            shared.sd_model.embedding_db.load_textual_inversion_embeddings(force_reload=True)

    def list_items(self) -> list[Any]:
        shared = sys.modules["modules.shared"]
        words = shared.sd_model.embedding_db.word_embeddings if shared.sd_loaded else {}
        return [{"name": Path(e.basename).stem, "tag": e.tag} for e in words.values()]


class FakeSdnext(FakeWebui):
    """SD.Next's modules, as a script finds them."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.model_data = ModelData()
        self.options: SdnextOptions = SdnextOptions(folder)
        self.lock = threading.Lock()
        self.control_extensions = ["NudeNet"]
        self.extra_networks: list[ExtraNetworksPage] = []
        self.shared: Any = Shared("modules.shared")
        own = {  # as ours changes it
            "opened": [],
            "load_textual_inversion_embeddings": (
                EmbeddingDatabase.load_textual_inversion_embeddings
            ),
        }
        self.databases: Any = type("EmbeddingDatabase", (EmbeddingDatabase,), own)

    def modules(self) -> Iterator[ModuleType]:
        """Yield all modules, packages first; that of the passes comes with the first picture."""
        lost = ("launch_utils", "sd_hijack", "textual_inversion", "ui_extra_networks", "sd_models")
        for module in super().modules():
            name = module.__name__.removeprefix("modules.")
            if name == "shared":
                vars(self.shared).update(vars(module), extra_networks=self.extra_networks)
                vars(self.shared)["opts"] = self.options
                yield self.shared
            elif name == "devices":
                vars(module)["inference_context"] = nullcontext
                yield module
            elif name == "call_queue":
                yield _module("modules.call_queue", queue_lock=self.lock)
            elif name.partition(".")[0] not in lost:
                yield module
        yield _module("modules.scripts_manager", control_extensions=self.control_extensions)
        yield _module("modules.sd_hijack", model_hijack=lambda _: None)
        yield _module("modules.sd_models")
        yield _module(
            "modules.textual_inversion",
            EmbeddingDatabase=self.databases,
            supported_models=["ldm", "sd", "sdxl"],
        )
        yield _module(
            "modules.modeldata", model_data=self.model_data, get_model_type=get_model_type
        )
        yield _module("modules.prompt_parser_diffusers", cache=OrderedDict())
        yield _module("modules.processing_args", set_pipeline_args=set_pipeline_args)
        yield _module("installer", version={"app": "sd.next", "updated": "2026-07-23"})

    def load(self, checkpoint: Any) -> None:
        """Load a checkpoint: make and fill its database, then tell whoever wants to know."""
        self.model_data.sd_model = checkpoint
        checkpoint.embedding_db = self.databases()
        checkpoint.embedding_db.add_embedding_dir(self.options.embeddings_dir)
        checkpoint.embedding_db.load_textual_inversion_embeddings(force_reload=True)
        sys.modules["modules.prompt_parser_diffusers"].cache.clear()
        self.callbacks.fire("model_loaded", checkpoint)

    def build_ui(self) -> list[Any]:
        """Make the pages, and what is on them, as SD.Next does."""
        pages = [ExtraNetworksPage("Lora"), ExtraNetworksPageTextualInversion()]
        self.extra_networks[:] = pages
        self.callbacks.fire("before_ui")
        for page in self.extra_networks:
            page.create_page("txt2img")
        return list(self.extra_networks)

    def generate(
        self, p: Processing, script: type[Any], between: Callable[[], object] = lambda: None
    ) -> Any:
        """Make pictures as SD.Next does, as far as prompts and scripts go.

        Args:
            between: what people do after each batch.
        """
        passes = self._passes()
        running = script()
        self.state.job_count = 1
        running.process(p)
        for number in range(p.batches):
            running.process_batch(p, batch_number=number)
            self._pass(passes, p, p.prompts, p.negative_prompts, prompts_2=p.prompts)
            if p.hires is not None:
                p.is_hr_pass = True
                self._pass(passes, p, [p.hires], p.negative_prompts)
                p.is_hr_pass = False
            refiner: Any = self.model_data.sd_refiner
            if refiner:
                p.is_refiner_pass = True
                made = passes.set_pipeline_args(
                    p=p,
                    model=refiner,
                    prompts=p.prompts[0],
                    negative_prompts=p.negative_prompts[0],
                    prompt_attention="fixed",
                )
                p.read.append(made["read"])
                p.is_refiner_pass = False
            database: Any = getattr(self.model_data.sd_model, "embedding_db", None)
            used = database.embeddings_used if database else []
            args = {"Embeddings": ", ".join(used)} if used else {}
            p.infotexts.append({**args, **p.extra_generation_params})
            between()
        self.state.job_count = 0
        processed = SimpleNamespace(comments="", extra_generation_params={})
        running.postprocess(p, processed)
        return processed

    def _passes(self) -> Any:
        """Return the module that makes pictures, which is imported with the first."""
        name = "modules.processing_diffusers"
        if name not in sys.modules:
            own = sys.modules["modules.processing_args"].set_pipeline_args
            sys.modules[name] = _module(name, set_pipeline_args=own)
        return sys.modules[name]

    def _pass(self, passes: Any, p: Processing, *prompts: list[str], **more: Any) -> None:
        own: Callable[..., dict[str, Any]] = passes.set_pipeline_args
        positive, negative = prompts
        made = own(
            p=p,
            model=self.model_data.sd_model,
            prompts=positive,
            negative_prompts=negative,
            num_inference_steps=p.steps,
            **more,
        )
        p.read.append(made["read"])
