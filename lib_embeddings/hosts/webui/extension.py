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
    """Begin, or begin anew, and return what the WebUI is to run at each generation.

    Whatever is missing costs one line; the WebUI then goes on with its own loader.
    """
    stop()
    try:
        return _start()
    except HostError as error:
        print(f"Textual Inversion is off: {error}")
        return None


def stop() -> None:
    """End everything that `start` began; safe to call again."""
    _running.close()


def _start() -> type[Any]:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise HostError("this WebUI's Python", None, " and ".join(missing))
    # They need what may be missing, and the WebUI's own modules.
    try:
        from lib_embeddings.hosts.a1111.host import Webui  # noqa: PLC0415
        from lib_embeddings.hosts.living import living_library  # noqa: PLC0415
    except ImportError as error:
        raise HostError("this WebUI", None, error.name or str(error)) from error
    host = Webui(stop)
    living = _running.enter_context(living_library(host.folders()))
    _running.callback(host.detach)
    host.attach(living.library, living.set_roots)
    living.watcher.start()
    return host.script
