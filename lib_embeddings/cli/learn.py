"""`learn`: teach a frozen model a word from a few pictures."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lib_embeddings.cli import (
    INTERRUPTED,
    OK,
    add_painter,
    given_file,
    given_path,
    number_up_to,
    painter,
    painting,
    refuse,
)
from lib_embeddings.errors import PictureError, shown
from lib_embeddings.limits import LIMITS
from lib_embeddings.training.recipe import METHOD_KEYS, Recipe

_HEIGHTS, _BARS = "▁▂▃▄▅▆▇█", 32


def add_parser(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("learn", help="learn a word from a few pictures")
    parser.add_argument(
        "pictures", nargs="+", type=given_path, metavar="PICTURE", help="picture, or folder of some"
    )
    parser.add_argument("--name", required=True, help="the new word")
    parser.add_argument(
        "--like", required=True, metavar="WORD", help="an ordinary word for something similar"
    )
    parser.add_argument("--style", action="store_true", help="learn a style (default: an object)")
    add_painter(parser)
    _add_recipe(parser)
    parser.add_argument(
        "--out",
        default=".",
        type=given_path,
        metavar="DIR",
        help="where the embedding goes (default: here)",
    )
    parser.add_argument(
        "--samples-every",
        type=number_up_to(LIMITS.learning_steps),
        default=0,
        metavar="N",
        help="also paint the word every N steps, always from the same seed",
    )
    parser.add_argument(
        "--seen",
        type=given_path,
        metavar="FILE",
        help="save the pictures, cropped as the model sees them, and exit",
    )
    parser.set_defaults(run=run)


def _add_recipe(parser: argparse.ArgumentParser) -> None:
    """Add the options that change the word."""
    parser.add_argument(
        "--vectors",
        type=number_up_to(LIMITS.learned_vectors),
        default=Recipe.n_vectors,
        metavar="N",
        help=f"tokens that it takes, 1 to {LIMITS.learned_vectors} (default: %(default)s)",
    )
    parser.add_argument(
        "--steps",
        type=number_up_to(LIMITS.learning_steps),
        default=Recipe.most_steps,
        metavar="N",
        help="maximum number of steps (default: %(default)s)",
    )
    parser.add_argument(
        "--batch",
        type=number_up_to(LIMITS.learning_batch),
        default=Recipe.batch,
        metavar="N",
        help="pictures per step (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=Recipe.seed, help="random seed (default: %(default)s)"
    )
    parser.add_argument(
        "--flip", action="store_true", help="also use mirrored copies of the pictures"
    )
    parser.add_argument(
        "--templates",
        type=given_path,
        metavar="FILE",
        help="what captions say, one per line: [name] is the word, [filewords] the text beside a "
        "picture",
    )
    parser.add_argument(
        "--method",
        choices=METHOD_KEYS,
        default=Recipe.method,
        help="direction keeps the length that words have; adam is the WebUI's method "
        "(default: %(default)s)",
    )


@painting
def run(options: argparse.Namespace) -> int:
    """Learn the word, and print where the embedding is."""
    if options.seen:
        return _show_seen(options)
    state = Path(f"{options.name}.learning").absolute()
    try:
        return _learn(options, state)
    except KeyboardInterrupt:
        return refuse(
            f"interrupted: the same command continues from {shown(str(state), 255)}; with fewer "
            "--steps it ends with the best so far",
            INTERRUPTED,
        )


def _show_seen(options: argparse.Namespace) -> int:
    from lib_embeddings.training.examples import read_examples, sheet_of  # noqa: PLC0415

    sheet = sheet_of(read_examples(options.pictures))
    try:
        sheet.save(options.seen)
    except ValueError:  # Pillow knows no such ending
        return refuse(f"{shown(options.seen, 255)}: expected a name that ends with .png")
    print(options.seen)
    return OK


def _learn(options: argparse.Namespace, state: Path) -> int:
    from lib_embeddings.pictures.compare import write_new  # noqa: PLC0415
    from lib_embeddings.training.learn import learn, path_for  # noqa: PLC0415

    path_for(options.out, options.name)
    templates = _templates(options.templates) if options.templates else None
    learned = learn(
        options.pictures,
        options.name,
        like=options.like,
        model=painter(options.model),
        state=state,
        on_step=_show,
        samples_every=options.samples_every,
        on_sample=lambda sample: write_new(
            Path(options.name), sample.label, sample.picture, sample.infotext
        ),
        kind="style" if options.style else "object",
        n_vectors=options.vectors,
        most_steps=options.steps,
        batch=options.batch,
        seed=options.seed,
        is_flipped=options.flip,
        method=options.method,
        templates=templates,
    )
    path = learned.save(options.out)
    state.unlink(missing_ok=True)
    losses = [look.loss for look in learned.looks]
    best = min(learned.looks, key=lambda look: look.loss)
    print(
        f"loss {losses[0]:.4f} {_curve(losses)} {best.loss:.4f} at step {best.step}, which is kept"
    )
    print(path)
    return OK


def _templates(file: str) -> tuple[str, ...]:
    """Return the lines of a file that contain the name."""
    with given_file(file) as place:
        lines = Path(place.full_path).read_text("utf-8", "replace").splitlines()
    templates = tuple(line.strip() for line in lines if "[name]" in line)
    if not templates:
        raise PictureError(f"{shown(file, 255)}: expected lines with [name] in them, found none")
    return templates


def _show(learning: Any) -> None:
    """Print the progress; on a terminal always in the same line."""
    if sys.stderr.isatty():
        loss = learning.looks[-1].loss
        print(f"\rstep {learning.step}, loss {loss:.4f} ", end="", file=sys.stderr, flush=True)


def _curve(losses: Sequence[float]) -> str:
    """Return a line of bars whose heights show losses."""
    least, most = min(losses), max(losses)
    shown_ = losses[:: -(-len(losses) // _BARS)]
    return "".join(
        _HEIGHTS[round((loss - least) / ((most - least) or 1) * (len(_HEIGHTS) - 1))]
        for loss in shown_
    )
