"""A fake Forge with the extension in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from lib_embeddings.hosts.webui import extension
from tests.builders import safetensors_file, vectors
from tests.hosts.fake_forge import (
    Checkpoint,
    FakeForge,
    StableDiffusionProcessing,
)
from tests.hosts.running import WebuiRun
from tests.web import TestClient

# A tensor's name in a file of each, and its shape.
CONTEXT = "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight"
SIGNS = {
    "sd1": (CONTEXT, 768),
    "sd2": (CONTEXT, 1024),
    "sdxl": (CONTEXT, 2048),
    "sdxl-refiner": (CONTEXT, 1280),
    "flux": ("double_blocks.0.img_attn.qkv.weight", 1),
    "sd3": ("model.diffusion_model.joint_blocks.0.context_block.attn.qkv.weight", 1),
    "chroma": ("distilled_guidance_layer.in_proj.weight", 1),
    "lumina": ("model.diffusion_model.noise_refiner.0.attention.qkv.weight", 1),
    "other": ("model.diffusion_model.unheard_of.weight", 1),
}
MAKERS: dict[str, Callable[[], Checkpoint]] = {
    "sd1": lambda: Checkpoint(768, is_a="sd1"),
    "sd2": lambda: Checkpoint(1024, is_a="sd2"),
    "sdxl": lambda: Checkpoint(768, 1280, is_a="sdxl"),
    "sdxl-refiner": lambda: Checkpoint(1280, is_a="sdxl"),
    "flux": lambda: Checkpoint(768, has_t5=True),
    "sd3": lambda: Checkpoint(768, 1280, is_a="sd3", has_t5=True),
    **dict.fromkeys(("chroma", "lumina", "other"), lambda: Checkpoint(has_t5=True)),
}


class ForgeRun(WebuiRun):
    """A Forge with a folder of embeddings, and the extension in it."""

    def __init__(self, forge: FakeForge, folder: Path) -> None:
        super().__init__(folder)
        self.forge = forge

    def choose(self, kind: str) -> None:
        """Choose a checkpoint of a model family."""
        file = self.folder.parent / f"{kind}.safetensors"
        if not file.exists():
            name, width = SIGNS[kind]
            file.write_bytes(safetensors_file({name: vectors(2, width)}))
            self.forge.made[str(file)] = MAKERS[kind]
        self.forge.choose(file)

    def start(self) -> TestClient:
        """Do all that Forge does from its start to the first picture; return who asks us."""
        script = extension.start()
        assert script is not None
        self.script = script
        self.forge.build_ui()
        self.forge.callbacks.fire("ui_settings")
        app = FastAPI()
        self.forge.launch(app)
        self.client = TestClient(app, "http://localhost", client=("127.0.0.1", 1))
        return self.client

    def picture(self, *prompts: str, **more: Any) -> StableDiffusionProcessing:
        """Make a picture of a prompt, a negative and a hires one."""
        generation = self.forge.processing(*prompts)
        self.forge.generate(generation, self.script, **more)
        return generation

    @property
    def words(self) -> list[list[str]]:
        """Return the words that prompts can use, for each text engine."""
        engines = self.forge.model_data.sd_model.engines()
        return [sorted(engine.embeddings.word_embeddings) for engine in engines]
