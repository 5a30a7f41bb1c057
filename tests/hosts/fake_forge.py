"""Forge as far as we touch it: what it has in another way than AUTOMATIC1111's WebUI.

As read in lllyasviel/stable-diffusion-webui-forge dfdcbab6, for Forge Neo 2.26 in
exo101/sd-webui-forge-neo-v3 5692d2d1, and for ersatzForge in DenOfEquity/ersatzForge fca12a28. Its
loaders open files as Forge does: what cannot be read is renamed.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar, NamedTuple

import torch

from tests.hosts.fake_webui import FakeWebui, Folder, Options, _module
from tests.hosts.fake_webui_pages import ExtraNetworksPage, textual_inversion_page
from tests.hosts.fake_webui_processing import Painter, Processed

KEYS = {768: "clip_l", 1024: "clip_h", 1280: "clip_g"}

_NETWORK = re.compile(r"<(\w+):([^>]+)>")


class Embedding:
    """The engines' record."""

    def __init__(self, vec: Any, name: str, step: int | None = None) -> None:
        self.vec = vec
        self.name = name
        self.step = step
        self.shape: int | None = None
        self.vectors = 0
        self.sd_checkpoint: str | None = None
        self.sd_checkpoint_name: str | None = None


class _Database:
    """What both classes of databases have."""

    opened: ClassVar[list[str]] = []  # files, by any of Forge's loaders

    def __init__(self, expected_shape: int = -1) -> None:
        self.ids_lookup: dict[int, list[tuple[list[int], Any]]] = {}
        self.word_embeddings: dict[str, Any] = {}
        self.skipped_embeddings: dict[str, Any] = {}
        self.embedding_dirs: dict[str, Folder] = {}
        self.expected_shape = expected_shape

    def add_embedding_dir(self, path: str) -> None:
        self.embedding_dirs[path] = Folder(path)

    def ids_of(self, name: str) -> list[int]:
        raise NotImplementedError

    def load_all(self) -> None:
        """Read every file as one vector; rename what begins as a web page does."""
        for names in (self.ids_lookup, self.word_embeddings, self.skipped_embeddings):
            names.clear()
        for folder in self.embedding_dirs.values():
            for file in sorted(Path(folder.path).rglob("*.*")):
                _Database.opened.append(file.name)
                if file.read_bytes().startswith(b"<html>"):
                    file.rename(f"{file}.corrupted")
                    continue
                embedding = Embedding(torch.zeros(1, 768), file.stem)
                embedding.filename = str(file)  # type: ignore[attr-defined] # as Forge does
                ids = self.ids_of(file.stem)
                self.ids_lookup.setdefault(ids[0], []).append((ids, embedding))
                self.word_embeddings[file.stem] = embedding

    def find_embedding_at_position(self, tokens: list[int], offset: int) -> tuple[Any, Any]:
        for ids, embedding in self.ids_lookup.get(tokens[offset], ()):
            if tokens[offset : offset + len(ids)] == ids:
                return embedding, len(ids)
        return None, None


def engine_database() -> type[_Database]:
    """Return the class of databases that prompts are read with; a new one, as ours changes it."""

    class EmbeddingDatabase(_Database):
        def __init__(self, tokenizer: Any, expected_shape: int = -1) -> None:
            super().__init__(expected_shape)
            self.tokenizer = tokenizer
            self.fixes: list[Any] = []

        def ids_of(self, name: str) -> list[int]:
            ids: list[int] = self.tokenizer([name], truncation=False, add_special_tokens=False)[
                "input_ids"
            ][0]
            return ids

        def register_embedding(self, embedding: Any) -> Any:
            ids = self.ids_of(embedding.name)
            self.ids_lookup.setdefault(ids[0], []).append((ids, embedding))
            self.word_embeddings[embedding.name] = embedding
            return embedding

        def load_textual_inversion_embeddings(self) -> None:
            self.load_all()

    return EmbeddingDatabase


def ersatz_database() -> type[_Database]:
    """Return ersatzForge's class, which is for both; without a tokenizer it only lists names."""
    kind: Any = engine_database()
    del kind.register_embedding

    class EmbeddingDatabase(kind):
        def ids_of(self, name: str) -> list[int]:
            return super().ids_of(name) if self.tokenizer else [0]

        def load_textual_inversion_embeddings(self, find_only: bool = False) -> None:
            assert find_only == (self.tokenizer is None)
            self.load_all()

    return EmbeddingDatabase


def list_database() -> type[_Database]:
    """Return the class of databases that only list names, for the page and the API."""

    class EmbeddingDatabase(_Database):
        def __init__(self) -> None:
            super().__init__()

        def ids_of(self, name: str) -> list[int]:  # noqa: ARG002 - all under the same
            return [0, 0, 0]

        def load_textual_inversion_embeddings(
            self, force_reload: bool = False, sync_with_sd_model: bool = True
        ) -> None:
            if sync_with_sd_model:
                raise AttributeError("no checkpoint here has cond_stage_model")
            if force_reload or any(folder.has_changed() for folder in self.embedding_dirs.values()):
                self.load_all()

    return EmbeddingDatabase


class CLIPTokenizer:
    """The tokenizer of `transformers`; every letter is a token."""

    @classmethod
    def from_pretrained(cls, path: str) -> CLIPTokenizer:
        if not Path(path, "vocab.json").exists():
            raise OSError(path)
        return cls()

    def __call__(
        self, texts: Sequence[str], *, truncation: bool, add_special_tokens: bool
    ) -> dict[str, list[list[int]]]:
        assert not truncation
        assert not add_special_tokens
        return {"input_ids": [[ord(letter) for letter in text.lower()] for text in texts]}


class Engine:
    """A text engine, which fills its database when it is made, and notes what it used."""

    def __init__(self, width: int, expected_shape: int, embedding_dir: str) -> None:
        kind = sys.modules["backend.text_processing.textual_inversion"].EmbeddingDatabase
        self.tokenizer = CLIPTokenizer()
        self.embeddings = kind(self.tokenizer, expected_shape)
        self.embeddings.add_embedding_dir(embedding_dir)
        self.embeddings.load_textual_inversion_embeddings()
        self.embedding_key = KEYS[width]

    def tokenize(self, texts: list[str]) -> list[list[int]]:
        return self.tokenizer(texts, truncation=False, add_special_tokens=False)["input_ids"]

    def __call__(self, texts: list[str]) -> list[torch.Tensor]:
        """Return the vectors that the prompts use, and note their names, as each engine does."""
        used: dict[str, Any] = {}
        for tokens in self.tokenize(texts):
            position = 0
            while position < len(tokens):
                embedding, length = self.embeddings.find_embedding_at_position(tokens, position)
                if embedding:
                    used[embedding.name] = embedding
                position += length or 1
        names = [name.replace(":", "").replace(",", "") for name in used]
        engines = sys.modules["backend.text_processing.classic_engine"]
        noted = getattr(engines, "last_extra_generation_params", {})  # ersatzForge notes nothing
        if names and "TI" in noted:
            noted["TI"] += ", " + ", ".join(names)
        elif names:
            noted["TI"] = ", ".join(names)
        vecs = [embedding.vec for embedding in used.values()]
        return [vec[self.embedding_key] if isinstance(vec, dict) else vec for vec in vecs]


class T5Engine:
    """One that puts no vectors in."""

    def tokenize(self, texts: list[str]) -> list[list[int]]:
        return [[1] for _ in texts]


class Checkpoint:
    """A checkpoint in memory: engines under names that differ, and words for some families."""

    def __init__(self, *widths: int, is_a: str = "", has_t5: bool = False) -> None:
        folder = sys.modules["modules.shared"].cmd_opts.embeddings_dir
        self.is_sd1 = self.is_sd2 = self.is_sdxl = self.is_sd3 = False
        if is_a:
            setattr(self, f"is_{is_a}", True)
        for width in widths:
            setattr(self, f"engine_{width}", Engine(width, sum(widths), folder))
        if has_t5:
            self.text_processing_engine_t5 = T5Engine()
        self.extra_generation_params: dict[str, Any] = {}
        self.sd_checkpoint_info: Any = None

    def engines(self) -> list[Engine]:
        return [engine for engine in vars(self).values() if isinstance(engine, Engine)]

    def get_learned_conditioning(self, prompts: list[str]) -> list[Any]:
        return [engine(prompts) for engine in self.engines()]


class FakeInitialModel:
    """What stands for a checkpoint until the first picture."""

    cond_stage_model = None


class SdModelData:
    """What is loaded, and what shall be."""

    def __init__(self) -> None:
        self.sd_model: Any = FakeInitialModel()
        self.forge_loading_parameters: dict[str, Any] = {}
        self.forge_hash = ""

    def set_sd_model(self, v: Any) -> None:
        self.sd_model = v


class LoraParams(NamedTuple):
    """What stands behind the kind of an extra network."""

    items: list[str]

    @property
    def positional(self) -> list[str]:
        return [item for item in self.items if "=" not in item]


LoraData = dict[str, list[LoraParams]]


def parse_prompt(prompt: str) -> tuple[str, LoraData]:
    """Take the extra networks out of a prompt."""
    data: LoraData = defaultdict(list)
    for kind, parameters in _NETWORK.findall(prompt):
        data[kind].append(LoraParams(parameters.split(":")))
    return _NETWORK.sub("", prompt), data


class StableDiffusionProcessing:
    """What is asked for, and the prompts that were encoded last, with what they noted."""

    cached_c: ClassVar[list[Any]] = [None, None, None]
    cached_uc: ClassVar[list[Any]] = [None, None, None]
    cached_hr_c: ClassVar[list[Any]] = [None, None, None]
    cached_hr_uc: ClassVar[list[Any]] = [None, None, None]

    def __init__(  # noqa: PLR0913 - theirs
        self,
        prompt: str = "",
        negative_prompt: str = "",
        hr_prompt: str | None = None,
        *,
        hr_negative_prompt: str | None = None,
        steps: int = 20,
        cfg_scale: float = 7,
        hr_cfg: float = 1,
        **asked: Any,
    ) -> None:
        self.asked = asked
        self.scripts: Any = None
        self.all_prompts = [prompt]
        self.all_negative_prompts = [negative_prompt]
        self.all_hr_prompts = [prompt if hr_prompt is None else hr_prompt]
        hr_negative = negative_prompt if hr_negative_prompt is None else hr_negative_prompt
        self.all_hr_negative_prompts = [hr_negative]
        self.steps = steps
        self.cfg_scale, self.hr_cfg = cfg_scale, hr_cfg
        self.extra_generation_params: dict[str, Any] = {}
        self.cached_c = StableDiffusionProcessing.cached_c  # as Forge does
        self.cached_uc = StableDiffusionProcessing.cached_uc
        self.c: Any = None
        self.uc: Any = None
        self.hr_c: Any = None
        self.hr_uc: Any = None

    def clear_prompt_cache(self) -> None:
        self.cached_c, self.cached_uc = [None, None, None], [None, None, None]
        StableDiffusionProcessing.cached_c = [None, None, None]
        StableDiffusionProcessing.cached_uc = [None, None, None]

    def get_conds_with_caching(  # noqa: PLR0913, PLR0917 - theirs
        self,
        function: Callable[..., Any],
        required_prompts: list[str],
        steps: int,
        caches: list[list[Any]],
        extra_network_data: LoraData,
        hires_steps: int | None = None,
    ) -> Any:
        model = sys.modules["modules.sd_models"].model_data.sd_model
        engines: Any = sys.modules["backend.text_processing.classic_engine"]
        checkpoint = model.sd_checkpoint_info.filename
        wanted = (tuple(required_prompts), steps, extra_network_data, hires_steps, checkpoint)
        for cache in caches:
            if cache[0] is not None and cache[0] == wanted:
                if len(cache) > 2:
                    model.extra_generation_params.update(cache[2])
                return cache[1]
        cache = caches[0]
        cache[1] = function(model, required_prompts, steps, hires_steps)
        noted = engines.last_extra_generation_params.copy()
        model.extra_generation_params.update(noted)
        if len(cache) > 2:
            cache[2] = noted
        engines.last_extra_generation_params = {}
        cache[0] = wanted
        return cache[1]

    def setup_conds(self) -> None:
        """Encode as Forge does: the negative prompt first, if the sampler asks for it."""
        positive, data = self._take_networks(self.all_prompts)
        encode = partial(self.get_conds_with_caching, _encode)
        self.uc = None
        if self.cfg_scale != 1:
            self.uc = encode(self.all_negative_prompts, self.steps, [self.cached_uc], data)
        self.c = encode(positive, self.steps, [self.cached_c], data)

    def calculate_hr_conds(self) -> None:
        prompts, data = self._take_networks(self.all_hr_prompts)
        encode = partial(self.get_conds_with_caching, _encode)
        self.hr_uc = None
        if self.hr_cfg != 1:
            caches = [self.cached_hr_uc, self.cached_uc]
            self.hr_uc = encode(self.all_hr_negative_prompts, self.steps, caches, data)
        self.hr_c = encode(prompts, self.steps, [self.cached_hr_c, self.cached_c], data)

    def _take_networks(self, prompts: list[str]) -> tuple[list[str], LoraData]:
        """Put the extra networks of the first prompt to use, and return all prompts without."""
        networks = sys.modules["modules.extra_networks"]
        parsed = [networks.parse_prompt(prompt) for prompt in prompts]
        data: LoraData = parsed[0][1]
        networks.activate(self, data)
        return [prompt for prompt, _ in parsed], data


class ErsatzProcessing(StableDiffusionProcessing):
    """The same in ersatzForge, where all generations share one list of caches."""

    cond_cache: ClassVar[list[list[Any]]] = []

    def clear_prompt_cache(self) -> None:
        self.cond_cache = []

    def get_conds_with_caching(  # noqa: PLR0913, PLR0917 - theirs
        self,
        function: Callable[..., Any],
        required_prompts: list[str],
        steps: int,
        extra_network_data: LoraData,
        hires_steps: int | None = None,
        is_negative: bool = False,
    ) -> Any:
        model = sys.modules["modules.sd_models"].model_data.sd_model
        wanted = (
            tuple(required_prompts), steps, extra_network_data, hires_steps, is_negative,
            model.sd_checkpoint_info.filename,
        )  # fmt: skip
        for cache in self.cond_cache:
            if cache[0] == wanted:
                return cache[1]
        self.cond_cache.append([wanted, function(model, required_prompts, steps, hires_steps)])
        if len(self.cond_cache) > 4:
            self.cond_cache.pop(0)
        return self.cond_cache[-1][1]

    def setup_conds(self) -> None:
        positive, data = self._take_networks(self.all_prompts)
        encode = partial(self.get_conds_with_caching, _encode)
        self.uc = None
        if self.cfg_scale != 1:
            self.uc = encode(self.all_negative_prompts, self.steps, data, is_negative=True)
        self.c = encode(positive, self.steps, data)

    def calculate_hr_conds(self) -> None:
        prompts, data = self._take_networks(self.all_hr_prompts)
        encode = partial(self.get_conds_with_caching, _encode)
        self.hr_uc = None
        if self.hr_cfg != 1:
            negative, steps = self.all_hr_negative_prompts, self.steps
            self.hr_uc = encode(negative, steps, data, steps, is_negative=True)
        self.hr_c = encode(prompts, self.steps, data, self.steps)


def _encode(model: Checkpoint, prompts: list[str], _steps: int, _hires_steps: int | None) -> Any:
    return model.get_learned_conditioning(prompts)


class NeoOptions(Options):
    """Settings, without the one for hashes."""

    @property
    def textual_inversion_add_hashes_to_infotext(self) -> bool:
        raise AttributeError


class ForgePainter(Painter):
    """The making of one picture, for which a checkpoint may have to be loaded."""

    def __init__(self, forge: FakeForge) -> None:
        super().__init__()
        self._forge = forge

    def prepare(self) -> None:
        self._forge.reload()


class FakeForge(FakeWebui):
    """Forge's modules, as a script finds them."""

    def __init__(self, folder: Path, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.processing = ErsatzProcessing if kind == "ersatz" else StableDiffusionProcessing
        self.painter = ForgePainter(self)
        self.folder = folder
        self.model_data = SdModelData()
        self.made: dict[str, Callable[[], Checkpoint]] = {}
        self.command_line.embeddings_dir = str(folder)  # type: ignore[attr-defined]
        self.options = Options() if kind == "forge" else NeoOptions()
        _Database.opened = []
        # What lies in Forge of CLIP's tokenizer.
        parts = "backend/huggingface/runwayml/stable-diffusion-v1-5/tokenizer"
        vocabulary = folder.parent / parts
        vocabulary.mkdir(parents=True)
        (vocabulary / "vocab.json").write_text("{}")

    def modules(self) -> Iterator[ModuleType]:
        """Yield all modules, packages first."""
        for module in super().modules():
            name = module.__name__
            if name == "modules.sd_hijack":
                if self.kind == "forge":
                    yield _module(name, model_hijack=SimpleNamespace())
            elif name == "modules.processing":
                kinds = ("StableDiffusionProcessing", "StableDiffusionProcessingTxt2Img")
                vars(module).update(dict.fromkeys(kinds, self.processing))
                yield module
            elif name.startswith("modules.textual_inversion"):
                if self.kind != "ersatz":
                    vars(module)["EmbeddingDatabase"] = list_database()
                    yield module
            else:
                yield module
        spec = PathFinder.find_spec("backend", [str(self.folder.parent)])
        assert spec is not None
        yield module_from_spec(spec)
        yield _module("backend.text_processing")
        is_ersatz = self.kind == "ersatz"
        database = ersatz_database() if is_ersatz else engine_database()
        yield _module("backend.text_processing.textual_inversion", EmbeddingDatabase=database)
        noted: dict[str, Any] = {} if is_ersatz else {"last_extra_generation_params": {}}
        yield _module("backend.text_processing.classic_engine", **noted)
        yield _module("modules.extra_networks", activate=self._activate, parse_prompt=parse_prompt)
        yield _module(
            "networks",
            available_networks={},
            available_network_aliases={},
            forbidden_network_aliases={},
            loaded_networks=[],
        )
        yield _module("modules_forge")
        yield _module("modules_forge.main_entry", refresh_model_loading_parameters=self._refresh)
        yield _module("transformers", CLIPTokenizer=CLIPTokenizer)

    def add_lora(self, file: Path, alias: str) -> None:
        """Know a LoRA by its file's name and by another, which is nobody's when two have it."""
        networks: Any = sys.modules["networks"]
        found = SimpleNamespace(filename=str(file))
        if networks.available_network_aliases.get(alias, found) != found:
            networks.forbidden_network_aliases[alias.lower()] = 1
        networks.available_networks[file.stem] = found
        networks.available_network_aliases |= {file.stem: found, alias: found}

    def _activate(self, _generation: Any, data: LoraData) -> None:
        """Put the LoRAs that a prompt names to use, and no others."""
        networks = sys.modules["networks"]
        named = [params.positional[0] for params in data.get("lora", ())]
        on_disk = [networks.available_network_aliases[name] for name in named]
        networks.loaded_networks[:] = [SimpleNamespace(network_on_disk=each) for each in on_disk]

    # The checkpoints

    def _refresh(self, *, refresh: bool = True) -> None:
        if refresh:
            info = SimpleNamespace(filename=self.options.data["sd_model_checkpoint"])
            self.model_data.forge_loading_parameters = {"checkpoint_info": info}

    def choose(self, file: Path) -> None:
        """Choose a checkpoint, as its menu does."""
        self.options.data["sd_model_checkpoint"] = str(file)
        sys.modules["modules_forge.main_entry"].refresh_model_loading_parameters()

    def reload(self) -> bool:
        """Load the chosen checkpoint if it is another, and call whoever wants to know."""
        parameters = self.model_data.forge_loading_parameters
        if str(parameters) == self.model_data.forge_hash:
            return False
        self.model_data.sd_model = None
        checkpoint = self.made[parameters["checkpoint_info"].filename]()
        checkpoint.sd_checkpoint_info = parameters["checkpoint_info"]
        if self.kind == "ersatz":
            del checkpoint.extra_generation_params
        self.model_data.set_sd_model(checkpoint)
        self.callbacks.fire("model_loaded", checkpoint)
        self.model_data.forge_hash = str(parameters)
        return True

    # The interface

    def build_ui(self) -> list[ExtraNetworksPage]:
        """Make the page's database, which loads at once, and the pages."""
        self.page_database = self._new_database()
        pages = sys.modules["modules.ui_extra_networks"]
        pages.extra_pages.clear()
        pages.register_page(textual_inversion_page(lambda: self.page_database))
        self.callbacks.fire("before_ui")
        return list(pages.extra_pages)

    def launch(self, app: Any) -> None:
        """Make the API's database, which loads at once, and call whoever wants to know."""
        self.api_database = self._new_database()
        self.callbacks.fire("app_started", None, app)

    def _new_database(self) -> Any:
        if self.kind == "ersatz":
            engines = sys.modules["backend.text_processing.textual_inversion"]
            database = engines.EmbeddingDatabase(None)
        else:
            lists = sys.modules["modules.textual_inversion.textual_inversion"]
            database = lists.EmbeddingDatabase()
        database.add_embedding_dir(str(self.folder))
        self._list(database)
        return database

    def _list(self, database: Any) -> None:
        if self.kind == "ersatz":
            database.load_textual_inversion_embeddings(find_only=True)
        else:
            database.load_textual_inversion_embeddings(force_reload=True, sync_with_sd_model=False)

    def refresh_page(self) -> None:
        """List all files again, as the page's *Refresh* does."""
        self._list(self.page_database)

    # Pictures

    def generate(
        self,
        generation: StableDiffusionProcessing,
        script: type[Any],
        batches: int = 1,
        between: Callable[[StableDiffusionProcessing], object] = lambda _: None,
    ) -> Processed:
        """Make pictures as Forge does, as far as prompts and scripts go.

        Args:
            between: what it does in the middle of a picture, as to switch to a refiner.
        """
        self.state.job_count = -1
        try:
            if self.reload():
                generation.clear_prompt_cache()
            if self.kind != "ersatz":
                self.model_data.sd_model.extra_generation_params = {}
            running = script()
            running.process(generation)
            for number in range(batches):
                self.reload()
                running.process_batch(generation, batch_number=number)
                generation.setup_conds()
                noted = getattr(self.model_data.sd_model, "extra_generation_params", {})
                generation.extra_generation_params.update(noted)
                generation.calculate_hr_conds()
                between(generation)
            processed = Processed(generation)
            running.postprocess(generation, processed)
            return processed
        finally:
            self.state.job_count = 0
