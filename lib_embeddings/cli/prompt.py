"""`prompt`: show which embeddings a prompt uses."""

from __future__ import annotations

import argparse
from typing import Any

from lib_embeddings.cli import (
    OK,
    STRICT_FAILURE,
    add_model,
    given_path,
    number_up_to,
    print_json,
    refuse,
    scanned,
)
from lib_embeddings.errors import shown
from lib_embeddings.library.reports import reader_of
from lib_embeddings.limits import LIMITS
from lib_embeddings.prompts.tokens import own_tokenizer
from lib_embeddings.prompts.wishes import PaintSettings
from lib_embeddings.stores.index import Index


def add_parser(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("prompt", help="show which embeddings a prompt uses")
    parser.add_argument("prompt", nargs="?", default="", metavar="PROMPT", help="the prompt")
    parser.add_argument("--negative", default="", metavar="PROMPT", help="the negative prompt")
    parser.add_argument(
        "--dir",
        action="append",
        dest="folders",
        type=given_path,
        metavar="DIR",
        help="folder with embeddings; give it once for each folder (default: the current folder)",
    )
    add_model(parser)
    parser.add_argument(
        "--steps",
        type=number_up_to(LIMITS.prompt_steps),
        default=PaintSettings.steps,
        help="number of steps that the picture takes (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--strict",
        action="store_true",
        help="exit with 1 if a prompt names an embedding and cannot use it",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read both prompts, and print what they use."""
    if not (options.prompt or options.negative):
        return refuse("no prompt given: give one, in quotes")
    tokenize = own_tokenizer()
    if tokenize is None:
        return refuse("CLIP's tokenizer is missing: install lib-embeddings[prompt]")
    with (
        Index.open() as index,
        scanned(options.folders or ["."], options.model, index) as library,
    ):
        reader = reader_of(library.view, tokenize, library.token_ids)
    reports = {
        "positive": reader.read(options.prompt, options.steps),
        "negative": reader.read(options.negative, options.steps, is_negative=True),
    }
    if options.json:
        print_json({field: report.as_json() for field, report in reports.items()})
    else:
        for field, report in reports.items():
            for line in report.lines():
                print(f"{field}: {shown(line, 500)}")
    is_all_used = all(report.is_all_used for report in reports.values())
    return OK if is_all_used or not options.strict else STRICT_FAILURE
