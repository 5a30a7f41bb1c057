"""What touches the WebUI may fail, and must not cost the user anything of the WebUI's own."""

from __future__ import annotations

import logging
from collections.abc import Callable

log = logging.getLogger(__name__)


def guarded(touch: Callable[[], object]) -> None:
    """Call what touches the WebUI; where that fails, the WebUI's own stays as it is."""
    try:
        touch()
    except Exception as error:  # the WebUI may be another than we know
        log.debug("touching the WebUI failed", exc_info=True)
        log.warning("a part of the Textual Inversion extension is off: %s", error)
