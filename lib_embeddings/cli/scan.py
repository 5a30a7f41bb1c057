"""`scan`: show what each file in some folders is."""

from __future__ import annotations

import argparse
from typing import Any

from lib_embeddings.cli import OK, STRICT_FAILURE, add_model, given_path, print_json, scanned
from lib_embeddings.stores.index import Index
from lib_embeddings.views.render import log_lines, name_lines, view_as_json


def add_parser(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("scan", help="show what every file in some folders is")
    parser.add_argument("folders", nargs="+", type=given_path, metavar="DIR", help="folder to scan")
    add_model(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--strict", action="store_true", help="exit with 1 if a file is broken or unsafe"
    )
    parser.add_argument(
        "--no-index", action="store_true", help="read every file again, and remember nothing"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Scan, and print what was found."""
    if options.no_index:
        return _run(options, Index.nowhere())
    with Index.open() as index:
        return _run(options, index)


def _run(options: argparse.Namespace, index: Index) -> int:
    with scanned(options.folders, options.model, index) as library:
        if options.json:
            library.hash_twins()
        found = library.catalogue
        if options.json:
            print_json(view_as_json(found))
        else:
            print("\n".join((*log_lines(found.view), *name_lines(found))))
    is_bad = found.view.counts["broken"] or found.view.counts["unsafe"]
    return STRICT_FAILURE if options.strict and is_bad else OK
