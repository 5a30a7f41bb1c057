"""The command line: `lib-embeddings`, or `python -m lib_embeddings`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from lib_embeddings.cli import (
    INTERRUPTED,
    OK,
    Refused,
    add,
    files,
    identify,
    inspect,
    learn,
    prompt,
    refuse,
    scan,
    search,
    serve,
    sets,
    try_,
)
from lib_embeddings.version import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    options = _parser().parse_args(arguments)
    # A file name can be any bytes: a console that cannot show it must not end the command.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        code = run(options)
        sys.stdout.flush()
    except Refused as error:
        return refuse(str(error))
    except BrokenPipeError:  # the reader of the output has enough, like `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except KeyboardInterrupt:
        return refuse("interrupted", INTERRUPTED)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lib-embeddings",
        description="Find out what textual-inversion embeddings are and what they fit.",
    )
    parser.add_argument("--version", action="version", version=f"lib-embeddings {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in (scan, inspect, files, prompt, try_, learn, add, identify, search, sets, serve):
        command.add_parser(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
