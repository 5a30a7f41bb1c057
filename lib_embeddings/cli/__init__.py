"""One module per command, each with an `add_parser` and a `run`; here is what several share."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from lib_embeddings.entries.place import Place
from lib_embeddings.errors import EmbeddingError, PictureError, shown
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES
from lib_embeddings.library.library import Library
from lib_embeddings.pictures import what_is_missing
from lib_embeddings.prompts.tokens import own_tokenizer
from lib_embeddings.stores.choices import Choices
from lib_embeddings.stores.index import Index

if TYPE_CHECKING:  # commands that paint nothing load no torch
    from lib_embeddings.pictures.model import Model


class Refused(Exception):
    """A command was given something that it cannot use; `str()` is the sentence for the user."""


# Exit codes.
OK, WRONG_USE = 0, 2
STRICT_FAILURE = 1  # with --strict
INTERRUPTED = 128 + 2  # as shells say that Ctrl-C ended a command


def add_model(
    parser: argparse.ArgumentParser,
    default: str | None = "none",
    usual: str = "none",
    what: str = "model family to compare the files with",
) -> None:
    """Add the option that chooses a model family; *usual* tells people what the default is."""
    parser.add_argument(
        "--model",
        choices=("none", *MODEL_FAMILIES),
        default=default,
        help=f"{what} (default: {usual})",
    )


def add_painter(parser: argparse.ArgumentParser) -> None:
    """Add the option that chooses a model that paints."""
    parser.add_argument(
        "--model",
        type=given_path,
        metavar="PATH",
        help="checkpoint (.safetensors) or folder of diffusers (default: the small model that "
        "comes with this package, which knows coloured shapes only)",
    )


def painting(work: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """Return a command that needs a painter, and prints the reason where it fails."""

    def run(options: argparse.Namespace) -> int:
        if missing := what_is_missing():
            return refuse(missing)
        try:
            return work(options)
        except (EmbeddingError, PictureError) as error:
            return refuse(str(error))
        except OSError as error:
            return refuse(f"{shown(str(error.filename), 255)} cannot be used: {error.strerror}")

    return run


def painter(path: str | None) -> Model:
    """Load a model, and print which one it is. Raises `PictureError`."""
    from lib_embeddings.pictures.model import load  # noqa: PLC0415

    model = load(path)
    print(model)
    return model


def given_path(text: str) -> str:
    """Return a path as someone typed it.

    An empty one, as a variable has that is not set, would mean the current folder.
    """
    if not text:
        raise argparse.ArgumentTypeError("expected a path, found an empty text")
    return text


def number_up_to(most: int) -> Callable[[str], int]:
    """Return a function that reads a number from 1 to *most* as someone typed it."""

    def read(text: str) -> int:
        is_number = text.isascii() and text.isdigit() and len(text) <= len(str(most))
        if is_number and 1 <= int(text) <= most:
            return int(text)
        raise argparse.ArgumentTypeError(f"expected a number from 1 to {most}, found {text!r}")

    return read


def check_folders(folders: Sequence[str]) -> None:
    """Raise `Refused` for the first that is not a folder, or that nobody lets us read."""
    for folder in folders:
        if not os.path.isdir(folder):
            raise Refused(f"{shown(folder, 255)} is not a folder: give one that is there")
        if not os.access(folder, os.R_OK | os.X_OK):
            raise Refused(
                f"this program may not read {shown(folder, 255)}: allow that, or give another one"
            )


@contextmanager
def given_file(path: str) -> Iterator[Place]:
    """Yield the place of a file that was given, to be opened in the block.

    Raises:
        Refused: it is a folder, or cannot be opened.
    """
    if os.path.isdir(path):
        raise Refused(f"{shown(path, 255)} is a folder: give a file")
    try:
        yield Place.of_file(path)
    except OSError as error:
        raise Refused(f"{shown(path, 255)} cannot be opened: {error.strerror or error}") from error


class ProgressBar:
    """Shows progress on a terminal, and nothing elsewhere."""

    def __init__(self, title: str, unit: str, delay: float = 1.0) -> None:
        """Prepare; nothing is shown in the first *delay* seconds.

        Args:
            unit: what is counted; `B` for bytes, whose large numbers are rounded.
        """
        self._bar = tqdm(
            desc=title, unit=unit, unit_scale=unit == "B", delay=delay, disable=None, leave=False
        )

    def show(self, done: int, total: int | None) -> None:
        """Show how far it is, and hide the bar at the end; *total* is None where nobody knows."""
        self._bar.total = total
        self._bar.update(done - self._bar.n)
        if done == total:
            self.close()

    def close(self) -> None:
        """Remove the bar, even before the end."""
        self._bar.close()


def reading_bar(delay: float = 1.0) -> ProgressBar:
    """Return what shows the progress of a scan, after *delay* seconds."""
    return ProgressBar("Reading", " files", delay)


@contextmanager
def scanned(folders: Sequence[str], model: str, index: Index) -> Iterator[Library]:
    """Yield a library of some folders as they are now.

    Raises:
        Refused: one of them is not a folder, or cannot be read.
    """
    check_folders(folders)
    with closing(Choices()) as choices, closing(reading_bar()) as bar:
        library = Library(folders, index, choices, tokenize=own_tokenizer(), on_progress=bar.show)
        library.set_model(MODEL_FAMILIES.get(model))
        library.rescan()
        yield library


@contextmanager
def kept_choices() -> Iterator[Choices]:
    """Yield what people chose, to be changed.

    Raises:
        Refused: it cannot be read, or, at the end of the block, what was changed was not kept.
    """
    problems = [""]

    def check() -> None:
        if problems[-1]:
            raise Refused(f"{problems[-1]}: no choice and no set was changed")

    with closing(Choices(on_problem=problems.append)) as choices:
        check()
        yield choices
    check()


def print_json(document: Mapping[str, Any]) -> None:
    """Print plain values as JSON."""
    json.dump(document, sys.stdout, indent=2)
    print()


def refuse(sentence: str, code: int = WRONG_USE) -> int:
    """Print why the command ends here, and return the exit code."""
    print(f"lib-embeddings: {sentence}", file=sys.stderr)
    return code
