"""What the prompts of a generation use, as the WebUI has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

from modules import shared

from lib_embeddings.hosts.webui.extension import print_lines
from lib_embeddings.library.reports import PromptReports
from lib_embeddings.limits import LIMITS
from lib_embeddings.names import Field

# Where clients of the WebUI's API find the reports: in `info`, among what belongs to the pictures.
KEY = "Textual Inversion"


class _Pass(NamedTuple):
    """Where the WebUI keeps what one pass of a generation is asked for, and what that became."""

    title: str
    prompts: str
    negative_prompts: str
    encoded: str
    encoded_negative: str


class _Prompt(NamedTuple):
    """One text of a pass, and the positive prompt whose LoRAs apply to it."""

    text: str
    title: str
    field: Field
    positive: str


_PASSES = (
    _Pass("", "all_prompts", "all_negative_prompts", "c", "uc"),
    _Pass("hires ", "all_hr_prompts", "all_hr_negative_prompts", "hr_c", "hr_uc"),
)


def apply_styles(prompt: str, styles: Sequence[str], field: Field) -> str:
    """Return a prompt with some of the WebUI's styles in it, as it will be used for the picture."""
    database = getattr(shared, "prompt_styles", None)
    if database is None:
        return prompt
    kind = "" if field == "positive" else "negative_"
    apply = getattr(database, f"apply_{kind}styles_to_prompt")
    for style in styles:
        if len(prompt) <= LIMITS.prompt_characters:  # a style may repeat the prompt
            prompt = apply(prompt, [style])
    return prompt


def report_on(reports: PromptReports, generation: Any, processed: Any) -> None:
    """Print what the prompts used, and show under the pictures what they name but cannot use.

    The WebUI's API returns all of it. The infotexts of the pictures are already written.

    Args:
        generation: the WebUI's record of what was asked for, styles and the like applied.
        processed: its record of the pictures.
    """
    ready = reports.ready()
    if ready is None:
        return
    lines: dict[str, None] = {}
    warnings: dict[str, None] = {}
    given: list[dict[str, Any]] = []
    for text, title, field, positive in _prompts(generation):
        report = ready.beside(positive).read(text, field, generation.steps)
        lines.update((f"{title}: {line}", None) for line in report.lines())
        warnings.update((f"{title}: {line}", None) for line in report.warnings())
        given.append({"title": title, **report.as_json()})
    print_lines(lines)
    processed.extra_generation_params = {**processed.extra_generation_params, KEY: given}
    processed.comments += "".join(f"{line}\n" for line in warnings)


def _prompts(generation: Any) -> Iterator[_Prompt]:
    """Yield each text once: hires has the same prompts, unless others are given."""
    given: set[tuple[str, Field]] = set()
    for prompt in _all_prompts(generation):
        key = (prompt.text, prompt.field)
        if key not in given and len(given) < LIMITS.reported_prompts:
            given.add(key)
            yield prompt


def _all_prompts(generation: Any) -> Iterator[_Prompt]:
    """Yield the texts of all pictures, pass by pass."""
    for each in _PASSES:
        positives = getattr(generation, each.prompts, None) or ()
        for text in positives:
            yield _Prompt(text, f"{each.title}prompt", "positive", text)
        if _has_no_negative(generation, each):
            continue
        negatives = getattr(generation, each.negative_prompts, None) or ()
        for text, positive in zip_longest(negatives, positives[: len(negatives)], fillvalue=""):
            yield _Prompt(text, f"{each.title}negative prompt", "negative", positive)


def _has_no_negative(generation: Any, each: _Pass) -> bool:
    """Return whether only the prompt was encoded, as Forge does with a CFG scale of 1."""
    negative = getattr(generation, each.encoded_negative, ...)
    return negative is None and getattr(generation, each.encoded, None) is not None
