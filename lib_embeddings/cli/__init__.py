"""The command line: `scan`, `inspect`, `rename`, `prompt`, and `serve`, the tab as a web page."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tqdm import tqdm

from lib_embeddings.entries.read import read_file
from lib_embeddings.entries.rename import plan, rename
from lib_embeddings.entries.scan import entry_at, take_snapshot
from lib_embeddings.entries.snapshot import View
from lib_embeddings.entries.walk import Found
from lib_embeddings.errors import EmbeddingError, RenameError, shown
from lib_embeddings.formats.text_encoders import MODEL_FAMILIES, families_for
from lib_embeddings.library.choices import Preferences
from lib_embeddings.library.index import Index
from lib_embeddings.library.inspect import Inspection, inspect
from lib_embeddings.library.known import check_names
from lib_embeddings.library.render import log_lines, name_lines, view_as_json
from lib_embeddings.library.reports import reader_of
from lib_embeddings.limits import LIMITS
from lib_embeddings.prompts.tokenizer import own_tokenizer

OK, WRONG_USE = 0, 2
BAD_FILES = NOT_USED = 1  # with --strict


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    options = _parser().parse_args(arguments)
    # Names are bytes from anywhere: a console that cannot show one must not end the command.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        code = run(options)
        sys.stdout.flush()
    except NotADirectoryError as error:
        return _refuse(f"{shown(str(error), 255)} is not a folder: give the folder to look through")
    except BrokenPipeError:  # whoever reads us has enough, as `| head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lib-embeddings", description="Say what textual-inversion embedding files are."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    scan = commands.add_parser("scan", help="say for every file in some folders what it is")
    scan.add_argument("folders", nargs="+", metavar="DIR", help="folder to look through")
    _add_model(scan)
    scan.add_argument("--json", action="store_true", help="print JSON")
    scan.add_argument("--strict", action="store_true", help="exit 1 if a file is broken or unsafe")
    scan.add_argument("--no-index", action="store_true", help="read every file anew")
    scan.set_defaults(run=_scan)

    inspect_ = commands.add_parser("inspect", help="tell all about one file")
    inspect_.add_argument("file", metavar="FILE", help="file to look into")
    inspect_.add_argument("--json", action="store_true", help="print JSON")
    inspect_.set_defaults(run=_inspect)

    rename_ = commands.add_parser("rename", help="rename a file and all that is named after it")
    rename_.add_argument("file", metavar="FILE", help="file of an embedding")
    rename_.add_argument("name", metavar="NEW_NAME", help="what to type from now on")
    rename_.add_argument("--dry-run", action="store_true", help="move nothing, only say what would")
    rename_.set_defaults(run=_rename)

    prompt = commands.add_parser("prompt", help="say which embeddings a prompt uses")
    prompt.add_argument("prompt", nargs="?", default="", metavar="PROMPT", help="what to draw")
    prompt.add_argument("--negative", default="", metavar="PROMPT", help="what not to draw")
    prompt.add_argument(
        "--dir", action="append", dest="folders", metavar="DIR", help="folder of the embeddings"
    )
    _add_model(prompt)
    prompt.add_argument(
        "--steps", type=_steps, default=20, help="steps of the picture (%(default)s)"
    )
    prompt.add_argument("--json", action="store_true", help="print JSON")
    prompt.add_argument(
        "--strict", action="store_true", help="exit 1 if something asked for is not used"
    )
    prompt.set_defaults(run=_prompt)

    serve = commands.add_parser("serve", help="open the tab as a web page, without any WebUI")
    serve.add_argument("folders", nargs="*", metavar="DIR", help="folder to show (default: here)")
    _add_model(serve)
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    serve.add_argument("--port", type=int, default=7868, help="port to listen on (%(default)s)")
    serve.add_argument("--open", action="store_true", help="open the page in a browser")
    serve.set_defaults(run=_serve)
    return parser


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        choices=("none", *MODEL_FAMILIES),
        default="none",
        help="model family to compare the files with (%(default)s)",
    )


def _steps(text: str) -> int:
    """Return a number of steps that a picture can take."""
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(LIMITS.prompt_steps))
    if is_number and 1 <= int(text) <= LIMITS.prompt_steps:
        return int(text)
    raise argparse.ArgumentTypeError(
        f"expected a number from 1 to {LIMITS.prompt_steps}, found {text!r}"
    )


def _scan(options: argparse.Namespace) -> int:
    with Index.nowhere() if options.no_index else Index.open() as index:
        view = _look(options.folders, options.model, index)
        checks = check_names(view, own_tokenizer(), index.token_ids)
    if options.json:
        _print_json(view_as_json(view, checks))
    else:
        print("\n".join((*log_lines(view), *name_lines(view, checks))))
    is_bad = view.counts["broken"] or view.counts["unsafe"]
    return BAD_FILES if options.strict and is_bad else OK


def _look(folders: Sequence[str], model: str, index: Index) -> View:
    """Return what is in some folders. Raises `NotADirectoryError` where one is none."""
    snapshot = take_snapshot(folders, index.reader(read_file), _progress)
    return snapshot.seen_with(MODEL_FAMILIES.get(model))


def _progress(files: Sequence[Found]) -> Iterable[Found]:
    """Show how far the reading is, on a terminal, once it has taken a second."""
    bar: Iterable[Found] = tqdm(
        files, desc="Reading", unit="file", delay=1, disable=None, leave=False
    )
    return bar


def _inspect(options: argparse.Namespace) -> int:
    try:
        inspection = inspect(options.file)
    except OSError as error:
        return _refuse(f"{shown(options.file, 255)} cannot be opened: {error.strerror}")
    except EmbeddingError as error:
        return _refuse(f"{shown(options.file, 255)}: {error}")
    if options.json:
        _print_json(inspection.as_json())
    else:
        print("\n".join(_describe(inspection)))
    return OK


def _rename(options: argparse.Namespace) -> int:
    try:
        entry = entry_at(os.path.abspath(options.file))
        renaming = (plan if options.dry_run else rename)(entry, options.name)
    except OSError as error:
        return _refuse(f"{shown(options.file, 255)} cannot be opened: {error.strerror}")
    except RenameError as error:
        return _refuse(str(error))
    for old, new in renaming.moves:
        print(f"{shown(os.path.basename(old), 255)} -> {shown(os.path.basename(new), 255)}")
    if not options.dry_run:
        Preferences().move_file(*renaming.moves[-1])
    return OK


def _prompt(options: argparse.Namespace) -> int:
    tokenize = own_tokenizer()
    if tokenize is None:
        return _refuse("CLIP's tokenizer is missing: install lib-embeddings[prompt]")
    with Index.open() as index:
        view = _look(options.folders or ["."], options.model, index)
        reader = reader_of(view, tokenize, index.token_ids)
    reports = {
        "positive": reader.read(options.prompt, options.steps),
        "negative": reader.read(options.negative, options.steps, is_negative=True),
    }
    if options.json:
        _print_json({box: report.as_json() for box, report in reports.items()})
    else:
        for box, report in reports.items():
            for line in report.lines():
                print(f"{box}: {shown(line, 500)}")
    is_all_used = all(report.is_all_used for report in reports.values())
    return OK if is_all_used or not options.strict else NOT_USED


def _serve(options: argparse.Namespace) -> int:
    try:
        from lib_embeddings.hosts.standalone.app import listen, serve  # noqa: PLC0415 - needs what the others do without
    except ImportError as error:
        return _refuse(f"{error.name} is missing: install lib-embeddings[app]")
    folders = options.folders or ["."]
    for folder in folders:
        if os.path.exists(folder) and not os.path.isdir(folder):
            raise NotADirectoryError(folder)
    try:
        listener = listen(options.host, options.port)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        return _refuse(f"{options.host}:{options.port} cannot be used: {why}")
    serve(folders, MODEL_FAMILIES.get(options.model), listener, opens_browser=options.open)
    return OK


def _describe(inspection: Inspection) -> Iterable[str]:
    """Yield the lines that show an inspection to people: a label, then what there is."""
    entry, reading = inspection.entry, inspection.entry.reading
    families = ", ".join(family.title for family in families_for(reading.vectors))
    rows = [
        ("file", f"{entry.path} ({entry.bytes:,} bytes)"),
        ("state", entry.state + (f": {entry.reason}" if entry.reason else "")),
        ("name", entry.name),
        ("stored name", entry.stored_name),
        ("container", reading.container),
        ("layout", reading.layout),
        ("made for", families),
        *(("vectors", f"{key} {info.n_vectors} x {info.hidden_size} {info.dtype}")
          for key, info in reading.vectors.items()),
        *(("values", f"{key} {_numbers(values)}") for key, values in inspection.values.items()),
        *(("bundled", f"{name} {_numbers(counts)}") for name, counts in inspection.bundled.items()),
        *(("metadata", f"{key} {value}") for key, value in inspection.metadata.items()),
        *(("tensor", f"{name} {tensor}") for name, tensor in inspection.tensors.items()),
        ("sha256", inspection.sha256),
        *(("warning", warning) for warning in (*entry.warnings, *inspection.advice.warnings)),
    ]  # fmt: skip
    for label, text in rows:
        if text:
            yield f"{label:<12} {shown(text, 500)}"


def _numbers(values: dict[str, Any]) -> str:
    return "  ".join(f"{key} {value:.4g}" for key, value in values.items())


def _print_json(document: dict[str, Any]) -> None:
    json.dump(document, sys.stdout, indent=2)
    print()


def _refuse(sentence: str) -> int:
    print(f"lib-embeddings: {sentence}", file=sys.stderr)
    return WRONG_USE
