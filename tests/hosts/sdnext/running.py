"""A fake SD.Next with the extension in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from fastapi import FastAPI

from lib_embeddings.hosts.webui import extension
from lib_embeddings.web.routes import PREFIX
from tests.hosts.fake_sdnext import FakeSdnext, Pipeline, Processing
from tests.web import SD1, TestClient

PIPELINES: dict[str, Callable[[], Pipeline]] = {
    "sd1": lambda: Pipeline("sd", 768),
    "sd2": lambda: Pipeline("sd", 1024),
    "sdxl": lambda: Pipeline("sdxl", 768, 1280),
    "sdxl-refiner": lambda: Pipeline("sdxl", 1280, first=2),
    "other": lambda: Pipeline("f1", 768, 4096),
}


class SdnextRun:
    """An SD.Next with a folder of embeddings, and the extension in it."""

    def __init__(self, sdnext: FakeSdnext, folder: Path) -> None:
        self.sdnext = sdnext
        self.folder = folder
        self.script: type[Any]

    def write(self, path: str, data: bytes = SD1) -> Path:
        """Write a file as the world does: at once, and complete."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = self.folder.parent / "draft"
        draft.write_bytes(data)
        os.replace(draft, file)
        return file

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


def seen(client: TestClient) -> tuple[str | None, list[str]]:
    """Return what the page shows: the model, and what it can use."""
    answer = client.get(f"{PREFIX}/entries?fit=usable").json()
    return answer["model"], [entry["name"] for entry in answer["entries"]]
