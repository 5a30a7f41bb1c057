"""A fake WebUI with the extension in it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lib_embeddings.hosts.webui import extension
from tests.hosts.fake_webui import FakeWebui
from tests.web import SD1


class Run:
    """A WebUI with a folder of embeddings, and the extension in it."""

    def __init__(self, webui: FakeWebui, folder: Path) -> None:
        self.webui = webui
        self.folder = folder
        self.database = webui.database
        self.database.add_embedding_dir(str(folder))

    def write(self, path: str, data: bytes = SD1) -> Path:
        """Write a file as the world does: at once, and complete."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = self.folder.parent / "draft"
        draft.write_bytes(data)
        os.replace(draft, file)
        return file

    @property
    def words(self) -> list[str]:
        """What prompts can use."""
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
