"""AUTOMATIC1111's WebUI as far as we touch it.

Modules of the same names, classes with the same signatures and meaning, and checkpoints that have
nothing but token tables.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from tests.hosts.fake_webui_pages import (
    ExtraNetworksPage,
    pages_module,
    textual_inversion_page,
)
from tests.hosts.fake_webui_processing import (
    Painter,
    StableDiffusionProcessing,
    StableDiffusionProcessingTxt2Img,
    State,
)

# Those that import the WebUI's modules.
OURS = (
    "lib_embeddings.hosts.a1111.",
    "lib_embeddings.hosts.forge.",
    "lib_embeddings.hosts.sdnext.",
    *(
        f"lib_embeddings.hosts.webui.{name}"
        for name in (
            *("database", "host", "loading", "page", "page_only", "prompts", "settings", "studio"),
        )
    ),
)


# modules.textual_inversion.textual_inversion


class Embedding:
    """The WebUI's record; it does not know where its vectors come from."""

    def __init__(self, vec: Any, name: str, step: int | None = None) -> None:
        self.vec = vec
        self.name = name
        self.step = step
        self.shape: int | None = None
        self.vectors = 0
        self.cached_checksum: str | None = None
        self.sd_checkpoint: str | None = None
        self.sd_checkpoint_name: str | None = None
        self.optimizer_state_dict: Any = None
        self.filename: str | None = None
        self.hash: str | None = None
        self.shorthash: str | None = None


class Folder:
    """A folder, and when its own database looked at it last."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.mtime: float | None = None

    def has_changed(self) -> bool:
        return self.mtime is None or Path(self.path).stat().st_mtime > self.mtime

    def update(self) -> None:
        self.mtime = Path(self.path).stat().st_mtime


class EmbeddingDatabase:
    """The WebUI's database; its own loader reads every file as one vector, and counts its loads."""

    def __init__(self) -> None:
        self.ids_lookup: dict[int, list[tuple[list[int], Any]]] = {}
        self.word_embeddings: dict[str, Any] = {}
        self.skipped_embeddings: dict[str, Any] = {}
        self.expected_shape = -1
        self.embedding_dirs: dict[str, Folder] = {}
        self.own_loads = 0

    def add_embedding_dir(self, path: str) -> None:
        self.embedding_dirs[path] = Folder(path)

    def register_embedding(self, embedding: Any, model: Checkpoint) -> Any:
        ids = model.cond_stage_model.tokenize([embedding.name])[0]
        self.ids_lookup.setdefault(ids[0], []).append((ids, embedding))
        self.ids_lookup[ids[0]].sort(key=lambda row: len(row[0]), reverse=True)
        self.word_embeddings[embedding.name] = embedding
        return embedding

    def load_textual_inversion_embeddings(self, force_reload: bool = False) -> None:
        folders = list(self.embedding_dirs.values())
        if not (force_reload or any(folder.has_changed() for folder in folders)):
            return
        self.own_loads += 1
        for names in (self.ids_lookup, self.word_embeddings, self.skipped_embeddings):
            names.clear()
        for folder in folders:
            for file in Path(folder.path).rglob("*.safetensors"):
                embedding = Embedding(torch.zeros(1, 768), file.stem)
                embedding.filename = str(file)
                self.register_embedding(
                    embedding, sys.modules["modules.sd_models"].model_data.sd_model
                )
            folder.update()

    def find_embedding_at_position(self, tokens: list[int], offset: int) -> tuple[Any, Any]:
        for ids, embedding in self.ids_lookup.get(tokens[offset], ()):
            if tokens[offset : offset + len(ids)] == ids:
                return embedding, len(ids)
        return None, None


# modules.sd_hijack, modules.sd_models


class EmbeddingsWithFixes(torch.nn.Module):
    """A token table that vectors are put into."""

    def __init__(
        self, wrapped: Any, embeddings: Any, textual_inversion_key: str = "clip_l"
    ) -> None:
        super().__init__()
        self.wrapped = wrapped
        self.embeddings = embeddings
        self.textual_inversion_key = textual_inversion_key


class TextualInversionEmbeddings(torch.nn.Embedding):
    """The same for SD 3: it is the table."""

    def __init__(self, size: int, width: int, textual_inversion_key: str = "clip_l") -> None:
        super().__init__(size, width)
        self.textual_inversion_key = textual_inversion_key

    @property
    def wrapped(self) -> Callable[..., Any]:
        return super().forward


class Conditioner(torch.nn.Module):
    """Text encoders, told by the widths of their tables; every letter is a token."""

    def __init__(self, tables: Sequence[torch.nn.Module]) -> None:
        super().__init__()
        self.tables = torch.nn.ModuleList(tables)
        self.tokenized: list[str] = []

    def tokenize(self, texts: list[str]) -> list[list[int]]:
        self.tokenized += texts
        return [[ord(letter) for letter in text.lower()] for text in texts]


class Checkpoint(torch.nn.Module):
    """A loaded checkpoint."""

    def __init__(self, *widths: int, is_sd3: bool = False) -> None:
        super().__init__()
        self.sd_checkpoint_info = SimpleNamespace(title=f"checkpoint {id(self)}")
        make = _sd3_table if is_sd3 else _table
        self.cond_stage_model = Conditioner([make(width) for width in widths])
        self.is_sd3 = is_sd3


def _table(width: int) -> torch.nn.Module:
    return EmbeddingsWithFixes(torch.nn.Embedding(1, width), None)


def _sd3_table(width: int) -> torch.nn.Module:
    return TextualInversionEmbeddings(1, width)


class SdModelData:
    """What is loaded."""

    def __init__(self) -> None:
        self.sd_model: Checkpoint | None = None
        self.lock = threading.Lock()

    def set_sd_model(self, v: Checkpoint | None, already_loaded: bool = False) -> None:  # noqa: ARG002 - theirs
        self.sd_model = v


class Hijack:
    """The object through which everything finds the database."""

    def __init__(self) -> None:
        self.embedding_db = EmbeddingDatabase()
        self.extra_generation_params: dict[str, Any] = {}


# modules.script_callbacks, modules.scripts, modules.call_queue


_EVENTS = (
    "script_unloaded",
    "ui_settings",
    "before_ui",
    "model_loaded",
    "app_started",
    "infotext_pasted",
)


class Callbacks(ModuleType):
    """Remembers who wants to be called, and calls them."""

    def __init__(self) -> None:
        super().__init__("modules.script_callbacks")
        self.wanted: dict[str, list[Callable[..., object]]] = {}
        for event in _EVENTS:
            setattr(self, f"on_{event}", self._registrar(event))

    def _registrar(self, event: str) -> Callable[..., None]:
        def register(callback: Callable[..., object], *, name: str | None = None) -> None:  # noqa: ARG001 - theirs
            self.wanted.setdefault(event, []).append(callback)

        return register

    def remove_callbacks_for_function(self, callback_func: Callable[..., object]) -> None:
        for wanted in self.wanted.values():
            wanted[:] = [callback for callback in wanted if callback != callback_func]

    def fire(self, event: str, *arguments: object) -> None:
        """Call everybody who wants to know of an event."""
        for callback in tuple(self.wanted.get(event, ())):
            callback(*arguments)

    def reload_scripts(self) -> None:
        """Say that scripts are unloaded, and forget whom to call, as at "Reload UI"."""
        self.fire("script_unloaded")
        self.wanted.clear()


class Script:
    """The base of what runs at each generation."""


class FIFOLock:
    """What is held while a picture is made; it is not re-entrant."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def acquire(self, blocking: bool = True) -> bool:
        return self._lock.acquire(blocking)

    def release(self) -> None:
        self._lock.release()

    __enter__ = acquire

    def __exit__(self, kind: object, value: object, trace: object) -> None:
        self.release()


# modules.shared


class OptionInfo:
    """A setting."""

    def __init__(  # noqa: PLR0913, PLR0917 - theirs
        self,
        default: Any = None,
        label: str = "",
        component: Any = None,
        component_args: Any = None,
        onchange: Callable[[], object] | None = None,
        section: tuple[str, str] | None = None,
    ) -> None:
        self.default = default
        self.label = label
        self.component = component
        self.component_args = component_args
        self.onchange = onchange
        self.section = section
        self.comment_after = ""

    def needs_reload_ui(self) -> OptionInfo:
        self.comment_after += "(requires Reload UI)"
        return self


class Options:
    """All settings: what is known of them, and what the user chose."""

    samples_format = "png"
    textual_inversion_add_hashes_to_infotext = True

    def __init__(self) -> None:
        self.data: dict[str, Any] = {}
        self.data_labels: dict[str, OptionInfo] = {}

    def add_option(self, key: str, info: OptionInfo) -> None:
        self.data_labels[key] = info

    def reorder(self) -> None:
        self.data_labels = dict(sorted(self.data_labels.items()))

    def set(self, key: str, value: Any) -> None:
        self.data[key] = value
        onchange = self.data_labels[key].onchange
        if onchange is not None:
            onchange()


class StyleDatabase:
    """Texts that are put around prompts and negative prompts, by name."""

    def __init__(self, styles: dict[str, tuple[str, str]]) -> None:
        self._styles = styles

    def apply_styles_to_prompt(self, prompt: str, styles: list[str]) -> str:
        return self._apply(prompt, styles, 0)

    def apply_negative_styles_to_prompt(self, prompt: str, styles: list[str]) -> str:
        return self._apply(prompt, styles, 1)

    def _apply(self, prompt: str, styles: list[str], kind: int) -> str:
        for name in styles:
            text = self._styles.get(name, ("", ""))[kind]
            merged = ", ".join(part for part in (prompt, text) if part)
            prompt = text.replace("{prompt}", prompt) if "{prompt}" in text else merged
        return prompt


class CommandLine:
    """What the WebUI was started with."""

    api_auth: str | None = None
    no_hashing = False


class FakeWebui:
    """The WebUI's modules, as a script finds them."""

    def __init__(self) -> None:
        self.hijack = Hijack()
        self.model_data: Any = SdModelData()
        self.state = State()
        self.painter = Painter()
        self.styles: dict[str, tuple[str, str]] = {}
        self.callbacks = Callbacks()
        self.options = Options()
        self.command_line = CommandLine()
        self.queue_lock = FIFOLock()

    @property
    def database(self) -> EmbeddingDatabase:
        return self.hijack.embedding_db

    def modules(self) -> Iterator[ModuleType]:
        """Yield all modules, packages first."""
        yield _module("modules")
        yield self.callbacks
        yield _module("modules.call_queue", queue_lock=self.queue_lock)
        yield _module("modules.devices", device=torch.device("cpu"))
        yield _module("modules.launch_utils", git_tag=lambda: "v1.10.1")
        yield _module(
            "modules.processing",
            StableDiffusionProcessing=StableDiffusionProcessing,
            StableDiffusionProcessingTxt2Img=StableDiffusionProcessingTxt2Img,
            process_images=self.painter.process_images,
        )
        yield _module(
            "modules.scripts",
            Script=Script,
            ScriptRunner=lambda: SimpleNamespace(alwayson_scripts=[]),
            AlwaysVisible=object(),
        )
        yield _module("modules.sd_hijack", model_hijack=self.hijack)
        yield _module(
            "modules.sd_models",
            model_data=self.model_data,
            reload_model_weights=self._reload,
        )
        yield _module(
            "modules.shared",
            opts=self.options,
            cmd_opts=self.command_line,
            OptionInfo=OptionInfo,
            prompt_styles=StyleDatabase(self.styles),
            state=self.state,
            total_tqdm=SimpleNamespace(clear=lambda: None),
        )
        yield pages_module()
        yield _module("modules.textual_inversion")
        yield _module("modules.textual_inversion.textual_inversion", Embedding=Embedding)

    def _reload(self, sd_model: Any = None, info: Any = None, forced_reload: bool = False) -> Any:  # noqa: ARG002 - theirs
        """Make a checkpoint that is kept in memory the loaded one, unless it is."""
        if info is not self.model_data.sd_model:
            self.model_data.set_sd_model(info, already_loaded=True)
        return info

    def choose(self, checkpoint: Checkpoint) -> None:
        """Choose a checkpoint that is kept in memory, as its menu does; nobody is called."""
        sys.modules["modules.sd_models"].reload_model_weights(info=checkpoint)

    def load(self, checkpoint: Checkpoint) -> None:
        """Load a checkpoint as the WebUI does: the database first, whoever wants to know after."""
        self.model_data.set_sd_model(checkpoint)
        self.database.load_textual_inversion_embeddings(force_reload=True)
        self.callbacks.fire("model_loaded", checkpoint)

    def build_ui(self) -> list[ExtraNetworksPage]:
        """Build the interface as the WebUI does at its start, and return the pages it shows."""
        pages = sys.modules["modules.ui_extra_networks"]
        pages.extra_pages.clear()
        pages.register_page(ExtraNetworksPage("Checkpoints"))
        pages.register_page(textual_inversion_page(lambda: self.database))
        self.callbacks.fire("before_ui")
        return list(pages.extra_pages)

    def prompt(self, text: str) -> list[str]:
        """Return the names of the embeddings that a prompt uses, as the encoder looks them up."""
        assert self.model_data.sd_model is not None
        (tokens,) = self.model_data.sd_model.cond_stage_model.tokenize([text])
        found, position = [], 0
        while position < len(tokens):
            embedding, length = self.database.find_embedding_at_position(tokens, position)
            found += [embedding.name] if embedding else []
            position += length or 1
        return found


def _module(name: str, **contents: object) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(contents)
    return module


@contextmanager
def installed(
    monkeypatch: pytest.MonkeyPatch, webui: FakeWebui | None = None
) -> Iterator[FakeWebui]:
    """Yield a WebUI whose modules can be imported; what imported them is forgotten after."""
    webui = webui or FakeWebui()
    for kind in (StableDiffusionProcessing, StableDiffusionProcessingTxt2Img):
        for name in [name for name in vars(kind) if name.startswith("cached")]:
            monkeypatch.setattr(kind, name, [None, None])
    with monkeypatch.context() as patch:
        for name in [name for name in sys.modules if name.startswith(OURS)]:
            patch.delitem(sys.modules, name)
        for module in webui.modules():
            patch.setitem(sys.modules, module.__name__, module)
            package, _, child = module.__name__.rpartition(".")
            if package:
                setattr(sys.modules[package], child, module)
        yield webui
        for name in [name for name in sys.modules if name.startswith(OURS)]:
            del sys.modules[name]
