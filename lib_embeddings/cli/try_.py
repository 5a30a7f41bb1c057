"""`try`: paint the same seeds without and with an embedding."""

from __future__ import annotations

import argparse
from typing import Any

from lib_embeddings.cli import (
    OK,
    add_painter,
    given_file,
    given_path,
    number_up_to,
    painter,
    painting,
)
from lib_embeddings.entries.read import read_embedding
from lib_embeddings.limits import LIMITS
from lib_embeddings.prompts.wishes import KINDS, PaintSettings


def add_parser(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("try", help="paint the same seeds without and with an embedding")
    parser.add_argument(
        "files", nargs="+", type=given_path, metavar="FILE", help="the embedding's file"
    )
    add_painter(parser)
    parser.add_argument(
        "--prompt", help="the prompt, with {name} where the name goes; otherwise it goes to the end"
    )
    parser.add_argument("--negative", help="the negative prompt; may have {name} too")
    parser.add_argument("--kind", choices=KINDS, help="what the embedding is for")
    parser.add_argument(
        "--seeds",
        type=number_up_to(LIMITS.compared_seeds),
        default=4,
        metavar="N",
        help="number of seeds (default: %(default)s)",
    )
    parser.add_argument(
        "--weights",
        type=_weights,
        default=(0.0, 1.0),
        metavar="W,W,…",
        help="weights of the name, one column each; 0 leaves it out (default: 0,1)",
    )
    parser.add_argument(
        "--steps",
        type=number_up_to(LIMITS.prompt_steps),
        default=PaintSettings.steps,
        metavar="N",
        help="steps per picture (default: %(default)s)",
    )
    parser.add_argument(
        "--guidance",
        type=float,
        metavar="X",
        help="guidance scale, CFG (default: 7, or 4 for the small model)",
    )
    parser.add_argument(
        "--out",
        default=".",
        type=given_path,
        metavar="DIR",
        help="where pictures go (default: here)",
    )
    parser.set_defaults(run=run)


@painting
def run(options: argparse.Namespace) -> int:
    """Paint, and print where the pictures are."""
    for file in options.files:
        with given_file(file) as place:
            read_embedding(place.full_path)  # a wrong one is refused before torch is loaded

    from lib_embeddings.pictures.compare import compare  # noqa: PLC0415

    comparison = compare(
        options.files,
        model=painter(options.model),
        prompt=options.prompt,
        negative=options.negative,
        kind=options.kind,
        seeds=range(1, options.seeds + 1),
        weights=options.weights,
        settings=PaintSettings(options.steps, options.guidance),
    )
    paths = comparison.save(options.out)
    print(f"{paths[0]}: {len(paths) - 1} pictures, each also saved beside it")
    return OK


def _weights(text: str) -> tuple[float, ...]:
    """Return the weights between commas."""
    try:
        weights = tuple(float(part) for part in text.split(","))
    except ValueError:
        weights = ()
    most = LIMITS.compared_weight
    if weights and all(-most <= weight <= most for weight in weights):
        return weights
    raise argparse.ArgumentTypeError(
        f"expected weights from -{most:g} to {most:g} between commas, found {text!r}"
    )
