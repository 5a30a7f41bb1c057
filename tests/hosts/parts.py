"""Parts of the extension that fail on purpose, in any WebUI."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import pytest

from lib_embeddings.hosts.webui import extension
from tests.hosts.fake_webui import FakeWebui

_R = TypeVar("_R")

_PURPOSE = "on purpose"


class Place(NamedTuple):
    """Where a part begins: a function, or a method of a class, of a module of `hosts`."""

    module: str
    name: str


# Of every WebUI.
SHARED = {
    "settings": Place("webui.settings", "_add_option"),
    "API and page": Place("webui.host", "serve"),
    "news for the page": Place("webui.host", "unpack_events"),
}

# What the WebUI calls us at; without one of them one part does not begin.
EVENTS = ("script_unloaded", "ui_settings", "before_ui", "model_loaded", "app_started")


def break_part(
    webui: FakeWebui, start: Callable[[], object], place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let a part fail at the next start.

    Args:
        start: starts the extension.
    """
    start()  # so that all modules are there
    extension.stop()
    webui.callbacks.wanted.clear()

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(_PURPOSE)

    owner: Any = importlib.import_module(f"lib_embeddings.hosts.{place.module}")
    *path, name = place.name.split(".")
    for step in path:
        owner = getattr(owner, step)
    monkeypatch.setattr(owner, name, fail)


def check_loss(
    part: str, run: _R, works: Mapping[str, Callable[[_R], bool]], caplog: pytest.LogCaptureFixture
) -> set[str]:
    """See that one line named the part that fails; return what does not work."""
    (named,) = [record.message for record in caplog.records if _PURPOSE in record.message]
    assert named == (
        f"Textual Inversion: the {part} does not work in this WebUI; everything else does "
        f"(RuntimeError: {_PURPOSE})"
    )
    return {name for name, does in works.items() if not does(run)}
