"""What the prompts of a generation used, said when its pictures are made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from lib_embeddings.hosts.webui.console import say
from lib_embeddings.library.reports import PromptReports

# A generation may have a prompt for each of hundreds of pictures, which differ in few words.
_MOST_PROMPTS = 20

# Where the WebUI keeps the prompts of all pictures, and what they are called for people.
_PROMPTS = (
    ("all_prompts", "prompt", False),
    ("all_negative_prompts", "negative prompt", True),
    ("all_hr_prompts", "hires prompt", False),
    ("all_hr_negative_prompts", "hires negative prompt", True),
)


# Where clients of the WebUI's API find the reports: in `info`, among what belongs to the pictures.
KEY = "Textual Inversion"


class _Prompt(NamedTuple):
    text: str
    title: str
    is_negative: bool


def tell(reports: PromptReports, generation: Any, processed: Any) -> None:
    """Print what the prompts used, and put what they name and cannot use under the pictures.

    The WebUI's API answers with all of it. The pictures' infotexts are written already.

    Args:
        generation: the WebUI's record of what was asked for, styles and the like applied.
        processed: its record of the pictures.
    """
    ready = reports.ready()
    if ready is None:
        return
    lines: dict[str, None] = {}
    warnings: dict[str, None] = {}
    told: list[dict[str, Any]] = []
    for text, title, is_negative in _prompts(generation):
        report = ready.reader.read(text, generation.steps, is_negative=is_negative)
        lines.update((f"{title}: {line}", None) for line in report.lines())
        warnings.update((f"{title}: {line}", None) for line in report.warnings())
        told.append({"title": title, **report.as_json()})
    say(lines)
    processed.extra_generation_params = {**processed.extra_generation_params, KEY: told}
    processed.comments += "".join(f"{line}\n" for line in warnings)


def _prompts(generation: Any) -> Iterator[_Prompt]:
    """Yield each text once: hires has the same prompts, unless others are given."""
    told: set[tuple[str, bool]] = set()
    for attribute, title, is_negative in _PROMPTS:
        for text in getattr(generation, attribute, None) or ():
            if (text, is_negative) not in told and len(told) < _MOST_PROMPTS:
                told.add((text, is_negative))
                yield _Prompt(text, title, is_negative)
