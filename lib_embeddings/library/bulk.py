"""Making very many objects at once."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collecting() -> Iterator[None]:
    """Keep the garbage collector from going through all new objects again and again.

    None of an index, a walk or a snapshot is garbage while it is made, and inside a WebUI the
    collector would go through everything else as well. Where blocks overlap in threads, the first
    that ends lets it work again.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
