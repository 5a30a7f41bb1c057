"""The WebUI's making of pictures: prompts encoded and remembered, and infotexts written."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar

from PIL import Image


class StableDiffusionProcessing:
    """What is asked for, and the prompts that were encoded last."""

    cached_c: ClassVar[list[Any]] = [None, None]
    cached_uc: ClassVar[list[Any]] = [None, None]

    def __init__(
        self, prompt: str = "", negative_prompt: str = "", steps: int = 20, **asked: Any
    ) -> None:
        self.asked = asked
        self.scripts: Any = None
        self.all_prompts = [prompt]
        self.all_negative_prompts = [negative_prompt]
        self.steps = steps
        self.extra_generation_params: dict[str, Any] = {}

    def get_conds_with_caching(  # noqa: PLR0913, PLR0917 - theirs
        self,
        function: Callable[..., Any],
        required_prompts: list[str],
        steps: int,
        caches: list[list[Any]],
        extra_network_data: Any,  # noqa: ARG002 - theirs
        hires_steps: int | None = None,
    ) -> Any:
        wanted = (tuple(required_prompts), steps)
        hijack = sys.modules["modules.sd_hijack"].model_hijack
        for cache in caches:
            if cache[0] == wanted:
                hijack.extra_generation_params.update(*cache[2:])
                return cache[1]
        cache = caches[0]
        cache[:2] = wanted, function(None, required_prompts, steps, hires_steps)
        if len(cache) > 2:  # as in reForge and Forge
            cache[2] = hijack.extra_generation_params
        return cache[1]

    def setup_conds(self) -> None:
        """Encode as the WebUI does: the negative prompt first."""
        negative, positive = self.all_negative_prompts, self.all_prompts
        self.get_conds_with_caching(_encode, negative, self.steps, [self.cached_uc], None)
        self.get_conds_with_caching(_encode, positive, self.steps, [self.cached_c], None)


class StableDiffusionProcessingTxt2Img(StableDiffusionProcessing):
    """The same with a second pass."""

    cached_hr_c: ClassVar[list[Any]] = [None, None]
    cached_hr_uc: ClassVar[list[Any]] = [None, None]

    def __init__(self, *args: Any, hr_prompt: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.all_hr_prompts = [self.all_prompts[0] if hr_prompt is None else hr_prompt]

    def calculate_hr_conds(self) -> None:
        """Encode the second pass's prompt, while the first pass's pictures are there already."""
        caches = [self.cached_hr_c, self.cached_c]
        self.get_conds_with_caching(_encode, self.all_hr_prompts, self.steps, caches, None)


class Processed:
    """The pictures' infotext, and what is told under them."""

    def __init__(self, generation: StableDiffusionProcessing) -> None:
        self.infotext = dict(generation.extra_generation_params)
        self.extra_generation_params = generation.extra_generation_params
        self.comments = ""


def generate(
    generation: StableDiffusionProcessing,
    script: type[Any],
    batches: int = 1,
    before: Callable[[], object] = lambda: None,
    between: Callable[[], object] = lambda: None,
) -> Any:
    """Make pictures as the WebUI does, as far as prompts and scripts go.

    Args:
        before: what the WebUI does after a job has begun, as to load the chosen checkpoint again.
        between: what it does in the middle of a picture, as to switch to a refiner.
    """
    state = sys.modules["modules.shared"].state
    state.job_count = -1
    try:
        before()
        return _generate(generation, script, batches, between)
    finally:
        state.job_count = 0


def _generate(
    generation: StableDiffusionProcessing,
    script: type[Any],
    batches: int,
    between: Callable[[], object],
) -> Any:
    hijack = sys.modules["modules.sd_hijack"].model_hijack
    hijack.extra_generation_params = {}
    hijack.embedding_db.load_textual_inversion_embeddings()
    running = script()
    running.process(generation)
    for number in range(batches):
        running.process_batch(generation, batch_number=number, prompts=generation.all_prompts)
        generation.setup_conds()
        generation.extra_generation_params.update(hijack.extra_generation_params)
        if isinstance(generation, StableDiffusionProcessingTxt2Img):
            generation.calculate_hr_conds()
        between()
    processed = Processed(generation)
    running.postprocess(generation, processed)
    return processed


def _encode(_model: Any, prompts: list[str], _steps: int, _hires_steps: int | None) -> list[str]:
    """Note the hashes of what the prompts use before those that are noted already."""
    hijack = sys.modules["modules.sd_hijack"].model_hijack
    model = sys.modules["modules.sd_models"].model_data.sd_model
    found: dict[str, str] = {}
    for tokens in model.cond_stage_model.tokenize(prompts):
        position = 0
        while position < len(tokens):
            embedding, length = hijack.embedding_db.find_embedding_at_position(tokens, position)
            if embedding:
                found[embedding.name] = embedding.shorthash
            position += length or 1
    noted = hijack.extra_generation_params.get("TI hashes")
    hashes = [f"{name}: {hash_}" for name, hash_ in found.items()]
    if hashes and sys.modules["modules.shared"].opts.textual_inversion_add_hashes_to_infotext:
        hijack.extra_generation_params["TI hashes"] = ", ".join(hashes + ([noted] if noted else []))
    return ["encoded"]


class State:
    """What the WebUI is doing, and what people want of it."""

    def __init__(self) -> None:
        self.job = ""
        self.job_count = 0
        self.sampling_step = 0
        self.interrupted = self.skipped = self.stopping_generation = False
        self.current_latent = self.current_image = None
        self.jobs: list[str] = []

    def begin(self, job: str = "") -> None:
        self.job, self.job_count, self.sampling_step = job, -1, 0
        self.interrupted = self.skipped = False
        self.jobs.append(job)

    def end(self) -> None:
        self.job, self.job_count = "", 0

    def interrupt(self) -> None:
        self.interrupted = True

    def set_current_image(self) -> None:
        self.current_image = self.current_latent


class Painter:
    """The WebUI's making of one picture, step by step, as far as anybody can see it."""

    def __init__(self) -> None:
        self.saved: list[Any] = []  # among the person's pictures
        self.history = "of the person"  # the prompts that it brings back on a click
        self.made: list[Any] = []
        self.on_step: Callable[[int], object] = lambda _step: None

    def prepare(self) -> None:
        """Begin as the WebUI does."""
        sys.modules["modules.sd_hijack"].model_hijack.extra_generation_params = {}

    def process_images(self, generation: Any) -> Any:
        shared = sys.modules["modules.shared"]
        assert sys.modules["modules.call_queue"].queue_lock.acquire(blocking=False) is False
        assert generation.scripts.alwayson_scripts == []  # which reForge asks for, whoever paints
        self.prepare()
        generation.setup_conds()
        self.made.append(generation)
        if not getattr(shared.cmd_opts, "no_prompt_history", False):
            self.history = generation.all_prompts[0]
        picture = Image.new("RGB", (8, 8), f"#{abs(hash(generation.all_prompts[0])):06x}"[:7])
        for step in range(1, generation.steps + 1):
            if shared.state.interrupted:
                break
            shared.state.sampling_step, shared.state.current_latent = step, picture
            self.on_step(step)
        if not generation.asked.get("do_not_save_samples"):
            self.saved.append(picture)
        infotext = f"{generation.all_prompts[0]}\nSteps: {generation.steps}"
        return SimpleNamespace(images=[picture], infotexts=[infotext])
