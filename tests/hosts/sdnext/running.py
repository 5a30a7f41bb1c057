"""A fake SD.Next with the extension in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from fastapi import FastAPI

from lib_embeddings.hosts.webui import extension
from tests.hosts.fake_sdnext import FakeSdnext, Pipeline, Processing
from tests.hosts.running import WebuiRun
from tests.web import TestClient

PIPELINES: dict[str, Callable[[], Pipeline]] = {
    "sd1": lambda: Pipeline("sd", 768),
    "sd2": lambda: Pipeline("sd", 1024),
    "sdxl": lambda: Pipeline("sdxl", 768, 1280),
    "sdxl-refiner": lambda: Pipeline("sdxl", 1280, first=2),
    "other": lambda: Pipeline("f1", 768, 4096),
}


class SdnextRun(WebuiRun):
    """An SD.Next with a folder of embeddings, and the extension in it."""

    def __init__(self, sdnext: FakeSdnext, folder: Path) -> None:
        super().__init__(folder)
        self.sdnext = sdnext

    def start(self) -> TestClient:
        """Do all that SD.Next does from its start to the first model; return who asks us."""
        script = extension.start()
        assert script is not None
        self.script = script
        self.sdnext.build_ui()
        self.sdnext.callbacks.fire("ui_settings")
        app = FastAPI()
        self.sdnext.callbacks.fire("app_started", None, app)
        return TestClient(app, "http://localhost")

    def load(self, kind: str) -> Pipeline:
        """Load a checkpoint of a model family."""
        pipe = PIPELINES[kind]()
        self.sdnext.load(pipe)
        return pipe

    def picture(self, *prompts: str, **more: Any) -> Processing:
        """Make a picture of a prompt and a negative one."""
        generation = Processing(*prompts, **more)
        self.sdnext.generate(generation, self.script)
        return generation

    def rows(self, *prompts: str, **more: Any) -> list[torch.Tensor]:
        """Return what each text encoder read of a prompt's embeddings in the first pass."""
        positive, _ = self.picture(*prompts, **more).read[0]
        rows: list[torch.Tensor] = positive
        return rows

    def reads(self, prompt: str) -> int:
        """Return of how many vectors a prompt is made, besides its words."""
        return len(self.rows(prompt)[0])

    @property
    def database(self) -> Any:
        """The one of the model in memory."""
        pipe: Any = self.sdnext.model_data.sd_model
        return pipe.embedding_db
