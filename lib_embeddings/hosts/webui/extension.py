"""Begin and end inside a WebUI, which runs the doorway in `scripts/` again at "Reload UI"."""

from __future__ import annotations

import importlib.util
from contextlib import ExitStack
from typing import Any

from lib_embeddings.errors import HostError

# What `install.py` installs; the WebUI brings the rest.
NEEDED = ("watchdog", "platformdirs")

_running = ExitStack()


def start() -> type[Any] | None:
    """Begin, or begin again, and return what the WebUI is to run at each generation.

    Whatever is missing costs one line; the WebUI then goes on with its own loader.
    """
    stop()
    try:
        return _start()
    except HostError as error:
        print(f"Textual Inversion is off: {error}. The WebUI works as without this extension.")
        return None


def stop() -> None:
    """End everything that `start` began; safe to call again."""
    _running.close()


def _start() -> type[Any]:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise HostError(
            "this WebUI's Python",
            None,
            f"package {' and no package '.join(missing)}: restart it to install them",
        )
    # They need what may be missing, and the WebUI's own modules.
    from lib_embeddings.hosts.find import find  # noqa: PLC0415
    from lib_embeddings.hosts.living import living_library  # noqa: PLC0415
    from lib_embeddings.hosts.webui.hooks import Hooks  # noqa: PLC0415

    webui = find()
    with ExitStack() as undo:
        living = undo.enter_context(living_library(webui.folders()))
        hooks = undo.enter_context(Hooks())
        script: type[Any] = webui.attach(living, hooks, stop)
        living.watcher.start()
        _running.push(undo.pop_all())
    return script
