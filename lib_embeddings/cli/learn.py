"""`learn`: teach a frozen model a word from a few pictures."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from lib_embeddings.cli import INTERRUPTED, OK, add_painter, number_up_to, refuse
from lib_embeddings.errors import PictureError, shown
from lib_embeddings.limits import LIMITS
from lib_embeddings.pictures import what_is_missing


def add_parser(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("learn", help="learn a word from a few pictures")
    parser.add_argument("pictures", nargs="+", metavar="PICTURE", help="picture, or folder of some")
    parser.add_argument("--name", required=True, help="the new word")
    parser.add_argument("--like", required=True, metavar="WORD", help="a word that it is like")
    parser.add_argument(
        "--style", action="store_true", help="it is a style; otherwise it is an object"
    )
    add_painter(parser)
    parser.add_argument(
        "--vectors",
        type=number_up_to(LIMITS.learned_vectors),
        default=1,
        metavar="N",
        help=f"tokens that it takes, 1 to {LIMITS.learned_vectors} (default: %(default)s)",
    )
    parser.add_argument(
        "--steps",
        type=number_up_to(LIMITS.learning_steps),
        default=600,
        metavar="N",
        help="where it ends at the latest (default: %(default)s)",
    )
    parser.add_argument(
        "--batch",
        type=number_up_to(LIMITS.learning_batch),
        default=4,
        metavar="N",
        help="pictures a step (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="what chance begins with (default: 0)")
    parser.add_argument("--flip", action="store_true", help="show pictures as in a mirror too")
    parser.add_argument(
        "--method",
        choices=("direction", "adam"),
        default="direction",
        help="direction keeps the length that words have; adam is the way of the WebUI "
        "(default: direction)",
    )
    parser.add_argument(
        "--out", default=".", metavar="DIR", help="where the embedding goes (default: here)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Learn, and print where the embedding is."""
    if missing := what_is_missing():
        return refuse(missing)
    from lib_embeddings.pictures.model import load  # noqa: PLC0415
    from lib_embeddings.training.learn import learn, path_for  # noqa: PLC0415

    state = Path(f"{options.name}.learning").absolute()
    try:
        path_for(options.out, options.name)
        model = load(options.model)
        print(model)
        learned = learn(
            options.pictures,
            options.name,
            like=options.like,
            model=model,
            state=state,
            on_look=_show,
            kind="style" if options.style else "object",
            n_vectors=options.vectors,
            most_steps=options.steps,
            batch=options.batch,
            seed=options.seed,
            is_flipped=options.flip,
            method=options.method,
        )
        path = learned.save(options.out)
        state.unlink(missing_ok=True)
    except PictureError as error:
        return refuse(str(error))
    except OSError as error:
        return refuse(f"{shown(str(error.filename), 255)} cannot be written: {error.strerror}")
    except KeyboardInterrupt:
        return refuse(
            f"interrupted: the same command goes on from {shown(str(state), 255)}, and with fewer "
            "--steps it ends with the best so far",
            INTERRUPTED,
        )
    first, best = learned.looks[0].loss, min(learned.looks, key=lambda look: look.loss)
    print(f"loss {first:.4f} before, {best.loss:.4f} at step {best.step}, which is kept")
    print(path)
    return OK


def _show(learning: Any) -> None:
    """Print how far it is, on a terminal over and over in one line."""
    look = learning.looks[-1]
    if sys.stderr.isatty():
        print(f"\rstep {look.step}, loss {look.loss:.4f} ", end="", file=sys.stderr, flush=True)
