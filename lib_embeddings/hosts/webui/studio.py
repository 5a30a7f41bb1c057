"""What paints in a WebUI: its own model, through its own processing, while nobody else generates.

None of this ends up among a person's pictures, and scripts of other extensions do not run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import modules

from lib_embeddings.entries.entry import Entry
from lib_embeddings.entries.imaging import as_png
from lib_embeddings.errors import PictureError, shown
from lib_embeddings.hosts.webui.extension import require
from lib_embeddings.hosts.webui.prompts import keep_apart
from lib_embeddings.library.library import Library
from lib_embeddings.prompts.wishes import PaintSettings, Wish
from lib_embeddings.web.job import Cancelled
from lib_embeddings.web.painting import OnPainted, Painting

# What we cannot do without, as the WebUI calls it.
_NEEDED = (
    "call_queue.queue_lock.acquire",
    "processing.StableDiffusionProcessingTxt2Img",
    "processing.process_images",
    "scripts.ScriptRunner",
    "shared.state.interrupt",
    "shared.state.set_current_image",
    "shared.total_tqdm.clear",
)

_SAMPLER, _GUIDANCE = "DPM++ 2M", 7.0
# The sides that model families were made for, in pixels; later families have another.
_SIDES, _LATER_SIDE = {None: 512, "sd1": 512, "sd2": 768}, 1024

# Between two checks of what the WebUI is doing.
_PAUSE_SECONDS = 0.1


class WebuiStudio:
    """Paints one picture after the other, and lets the WebUI's own pictures go first."""

    def __init__(self, library: Library, before_generation: Callable[[], object]) -> None:
        """Prepare.

        Args:
            before_generation: lets the next prompt find what there is now.

        Raises:
            HostError: the WebUI lacks what we call.
        """
        require(modules, *_NEEDED)
        self._library = library
        self._before_generation = before_generation

    def what_is_missing(self) -> str | None:
        return None

    def open(self, entries: Sequence[Entry] = ()) -> str:
        self._check(entries)
        return str(getattr(modules.shared.opts, "sd_model_checkpoint", None) or "the WebUI's model")

    def paint(
        self, entries: Sequence[Entry], wish: Wish, settings: PaintSettings, on_step: OnPainted
    ) -> Painting:
        self._check(entries)
        model = self._library.view.model
        side = settings.side or _SIDES.get(model.key if model else None, _LATER_SIDE)
        with _turn(settings.steps, on_step), _job(), _no_history():
            self._before_generation()
            with _watched(settings.steps, on_step):
                return _paint(wish, settings, side)

    def _check(self, entries: Sequence[Entry]) -> None:
        """Raise `PictureError` where the WebUI's model cannot use one of the embeddings."""
        for entry in entries:
            seen = self._library.find(entry.place.id)
            if seen is None or not seen.may_be_used:
                reason = seen.reason if seen else "it is gone"
                raise PictureError(f"{shown(entry.place.name, 255)} cannot be used: {reason}")


@contextmanager
def _turn(steps: int, on_step: OnPainted) -> Iterator[None]:
    """Hold the WebUI's lock; whoever clicks *Generate* there gets it first."""
    while not modules.call_queue.queue_lock.acquire(blocking=False):
        on_step(0, steps, lambda: None)
        time.sleep(_PAUSE_SECONDS)
    try:
        yield
    finally:
        modules.call_queue.queue_lock.release()


@contextmanager
def _job() -> Iterator[None]:
    """Let the WebUI's progress bar and its buttons know of the work."""
    state = modules.shared.state
    state.begin(job="Textual Inversion")
    try:
        yield
    finally:
        state.end()
        state.interrupted = state.skipped = state.stopping_generation = False
        state.current_image = state.current_latent = None
        modules.shared.total_tqdm.clear()


@contextmanager
def _no_history() -> Iterator[None]:
    """Preserve the prompts of the person's last picture, which the WebUI brings back on a click."""
    options = vars(modules.shared.cmd_opts)
    before = dict(options)
    options["no_prompt_history"] = True
    try:
        yield
    finally:
        del options["no_prompt_history"]
        options.update(before)


@contextmanager
def _watched(steps: int, on_step: OnPainted) -> Iterator[None]:
    """Report how far the WebUI is while it paints, and interrupt it where that raises."""
    state, is_over, raised = modules.shared.state, Event(), list[Exception]()
    seen = None  # the WebUI makes a new one only after some steps

    def look() -> bytes | None:
        nonlocal seen
        state.set_current_image()
        if state.current_image is None or state.current_image is seen:
            return None
        seen = state.current_image
        return as_png(seen)

    def watch() -> None:
        while not is_over.wait(_PAUSE_SECONDS):
            try:
                on_step(min(max(state.sampling_step, 1), steps), steps, look)
            except Exception as error:  # noqa: BLE001 - it is raised where the work is
                raised.append(error)
                state.interrupt()
                return

    watcher = Thread(target=watch, name="embeddings-watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        is_over.set()
        watcher.join()
        if raised:
            raise raised[0]


def _paint(wish: Wish, settings: PaintSettings, side: int) -> Painting:
    generation: Any = modules.processing.StableDiffusionProcessingTxt2Img(
        prompt=wish.prompt,
        negative_prompt=wish.negative,
        seed=wish.seed,
        steps=settings.steps,
        cfg_scale=_GUIDANCE if settings.guidance is None else settings.guidance,
        width=side,
        height=side,
        sampler_name=_SAMPLER,
        do_not_save_samples=True,
        do_not_save_grid=True,
    )
    generation.scripts = modules.scripts.ScriptRunner()  # one without scripts; reForge needs one
    keep_apart(generation)
    try:
        processed = modules.processing.process_images(generation)
    except Exception as error:
        reason = shown(str(error).partition("\n")[0] or type(error).__name__, 255)
        raise PictureError(f"the WebUI could not paint it: {reason}") from error
    if modules.shared.state.interrupted or modules.shared.state.skipped or not processed.images:
        raise Cancelled
    infotext = processed.infotexts[0]
    return Painting(as_png(processed.images[0], infotext), infotext)
