"""A fake WebUI with the extension in it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lib_embeddings.hosts.webui import extension
from lib_embeddings.web.routes import PREFIX
from tests.hosts.fake_webui import FakeWebui
from tests.web import SD1, TestClient


class WebuiRun:
    """A WebUI of any kind with a folder of embeddings, and the extension in it."""

    def __init__(self, folder: Path) -> None:
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


class Run(WebuiRun):
    """One that is AUTOMATIC1111's."""

    def __init__(self, webui: FakeWebui, folder: Path) -> None:
        super().__init__(folder)
        self.webui = webui
        self.database = webui.database
        self.database.add_embedding_dir(str(folder))

    @property
    def words(self) -> list[str]:
        """Return the words that prompts can use."""
        return list(self.database.word_embeddings)

    def start(self) -> type[Any]:
        """Start as the doorway does."""
        script = extension.start()
        assert script is not None
        self.script = script
        return script


def eventually(is_so: Callable[[], bool]) -> bool:
    """Wait until something comes true by itself, while the watch and its threads work."""
    while not is_so():
        time.sleep(0.01)
    return True


def seen(client: TestClient) -> tuple[str | None, list[str]]:
    """Return what the page shows: the model, and what it can use."""
    answer = client.get(f"{PREFIX}/entries?fit=usable").json()
    return answer["model"], [entry["name"] for entry in answer["entries"]]
